-- make_calls('take_marks') makes, of a function that takes the items of a call, the two that service/gather.h calls: take_marks_call
-- and take_marks_dry, which undoes all of it. Both get p_rounds, the last item of each round, and p_places, where each item stood
-- in its call: items come round by round, so that those of a round find what those before them did, in one transaction. Where the
-- function returns (..., id, key, type, payload), those of an item are its event, logged at the end in the order of the places; else it logs
-- its events itself. Called again, it follows a function whose body or rows have changed.
create function make_calls(p_function text) returns void language plpgsql as $make$
declare
    c_rows text := '(item integer, outcome text, code text, pointer text, other uuid)';
    v_in text;    -- parameters with their types
    v_names text; -- what is handed on of them
    v_round text; -- the same, of columns the part of the round
    v_says boolean;
begin
    select pg_get_function_identity_arguments(p.oid), string_agg(a.name, ', ' order by a.place),
           string_agg(case when a.place between 2 and 4 or a.name = 'p_officers' then a.name else a.name || '[v_from:v_to]' end,
                      ', ' order by a.place),
           pg_get_function_result(p.oid) like '%payload bytea)'
    into strict v_in, v_names, v_round, v_says
    from pg_proc p, unnest(p.proargnames[1:p.pronargs]) with ordinality a (name, place)
    where p.oid = p_function::regproc
    group by p.oid;

    execute format($function$
        create or replace function %1$I(%2$s, p_rounds integer[], p_places integer[]) returns table %3$s language plpgsql as $body$
        #variable_conflict use_column
        declare
            v_items integer[];
            v_outcomes text[];
            v_codes text[];
            v_pointers text[];
            v_others uuid[];
            v_ids uuid[];
            v_keys text[];
            v_types smallint[];
            v_payloads bytea[];
            v_from integer := 1;
            v_to integer;
        begin
            foreach v_to in array p_rounds loop
                select v_items || array_agg(t.item + v_from - 1), v_outcomes || array_agg(t.outcome), v_codes || array_agg(t.code),
                       v_pointers || array_agg(t.pointer), v_others || array_agg(t.other) %4$s
                into v_items, v_outcomes, v_codes, v_pointers, v_others %5$s
                from %6$I(%7$s) t;
                v_from := v_to + 1;
            end loop;
            %8$s
            return query
            select * from unnest(v_items, v_outcomes, v_codes, v_pointers, v_others) as t %9$s where t.outcome is not null;
        end $body$ $function$,
        p_function || '_call', v_in, c_rows,
        case when v_says then ', v_ids || array_agg(t.id), v_keys || array_agg(t.key), v_types || array_agg(t.type),
                       v_payloads || array_agg(t.payload)' else '' end,
        case when v_says then ', v_ids, v_keys, v_types, v_payloads' else '' end,
        p_function, v_round,
        case when v_says then 'perform outbox_append(array_agg(e.id), array_agg(e.key), array_agg(e.type), array_agg(e.payload))
            from (select e.id, e.key, e.type, e.payload
                  from unnest(v_items, v_ids, v_keys, v_types, v_payloads) e (item, id, key, type, payload)
                  where e.payload is not null order by p_places[e.item]) e
            having count(*) > 0;' else '' end,
        '(item, outcome, code, pointer, other)');

    execute format($function$
        create or replace function %I(%s, p_rounds integer[], p_places integer[]) returns table %s language plpgsql as $body$
        #variable_conflict use_column
        declare
            v_rows jsonb;
        begin
            begin
                select jsonb_agg(to_jsonb(t)) into v_rows from %I(%s, p_rounds, p_places) t;
                raise exception using errcode = 'EI099'; -- undoes what the block did; the variable stays
            exception when sqlstate 'EI099' then null;
            end;
            return query select * from jsonb_to_recordset(v_rows) as t %s;
        end $body$ $function$, p_function || '_dry', v_in, c_rows, p_function || '_call', v_names, c_rows);
end $make$;
