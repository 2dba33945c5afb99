-- What became of an item (service/gather.h).
create type call_outcome as (item integer, outcome text, code text, pointer text, other uuid);

-- make_calls('take_marks') makes, of a function that takes the items of a call, the two that service/gather.h calls: take_marks_call
-- and take_marks_dry, which undoes all of it. Both get p_rounds, the last item of each round, and p_places, where each item stood
-- in its call: items come round by round, so that those of a round find what those before them did, in one transaction. Where the
-- function returns (..., id, key, type, payload), a row for each item, these are its event, logged at the end in the order of the places;
-- else it logs its events itself. Called again, it follows a function whose body or rows have changed.
create function make_calls(p_function text) returns void language plpgsql as $make$
declare
    v_in text;    -- parameters with their types
    v_names text; -- what is handed on of them
    v_round text; -- the same, of columns the part of the round; there is one round as a rule, and then nothing is copied
    v_says boolean;
begin
    select pg_get_function_identity_arguments(p.oid), string_agg(a.name, ', ' order by a.place),
           string_agg(case when a.place between 2 and 4 or a.name = 'p_officers' then a.name
                           else format('case when cardinality(p_rounds) = 1 then %1$s else %1$s[r.first:r.last] end', a.name) end,
                      ', ' order by a.place),
           pg_get_function_result(p.oid) like '%payload bytea)'
    into strict v_in, v_names, v_round, v_says
    from pg_proc p, unnest(p.proargnames[1:p.pronargs]) with ordinality a (name, place)
    where p.oid = p_function::regproc
    group by p.oid;

    execute format($function$
        create or replace function %1$I(%2$s, p_rounds integer[], p_places integer[]) returns setof call_outcome language plpgsql as $body$
        declare
            v_outcomes call_outcome[];
            v_ids uuid[];
            v_keys text[];
            v_types smallint[];
            v_payloads bytea[];
        begin
            select array_agg(row(t.item, t.outcome, t.code, t.pointer, t.other)::call_outcome) filter (where t.outcome is not null) %3$s
            into v_outcomes %4$s
            from (select t.item + r.first - 1 as item, t.outcome, t.code, t.pointer, t.other %5$s
                  from (select coalesce(p_rounds[r.number - 1], 0) + 1 as first, r.last
                        from unnest(p_rounds) with ordinality r (last, number)) r
                       cross join lateral %6$I(%7$s) t %8$s) t;
            %9$s
            return query select * from unnest(v_outcomes);
        end $body$ $function$,
        p_function || '_call', v_in,
        case when v_says then
            ', array_agg(t.id) filter (where t.payload is not null), array_agg(t.key) filter (where t.payload is not null),
             array_agg(t.type) filter (where t.payload is not null), array_agg(t.payload) filter (where t.payload is not null)' else '' end,
        case when v_says then ', v_ids, v_keys, v_types, v_payloads' else '' end,
        case when v_says then ', t.id, t.key, t.type, t.payload' else '' end,
        p_function, v_round,
        case when v_says then 'order by p_places[t.item + r.first - 1]' else '' end,
        case when v_says then 'if v_ids is not null then
                perform outbox_append(v_ids, v_keys, v_types, v_payloads);
            end if;' else '' end);

    execute format($function$
        create or replace function %I(%s, p_rounds integer[], p_places integer[]) returns setof call_outcome language plpgsql as $body$
        declare
            v_outcomes call_outcome[];
        begin
            begin
                select array_agg(t) into v_outcomes from %I(%s, p_rounds, p_places) t;
                raise exception using errcode = 'EI099'; -- undoes what the block did; the variable stays
            exception when sqlstate 'EI099' then null;
            end;
            return query select * from unnest(v_outcomes);
        end $body$ $function$, p_function || '_dry', v_in, p_function || '_call', v_names);
end $make$;
