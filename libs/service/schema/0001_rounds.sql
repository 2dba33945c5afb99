-- make_rounds('take_marks') makes take_marks_rounds: called alike, answers alike, in one transaction, but item by item in rounds, so that
-- items of one call find what those of the rounds before them did (service/gather.h). p_rounds: the last item of each. p_dry: all of it is
-- undone at the end. Called again, it follows a function whose body or rows have changed.
create function make_rounds(p_function text) returns void language plpgsql as $make$
declare
    v_in text;    -- parameters with their types
    v_round text; -- what is handed on of them: of columns the part of the round
    v_out text;   -- (item integer, ...)
begin
    select pg_get_function_identity_arguments(p.oid),
           (select string_agg(case when a.place between 2 and 4 or a.name = 'p_officers' then a.name else a.name || '[v_from:v_to]' end,
                              ', ' order by a.place)
            from unnest(p.proargnames[1:p.pronargs]) with ordinality a (name, place)),
           substr(pg_get_function_result(p.oid), length('TABLE') + 1)
    into strict v_in, v_round, v_out
    from pg_proc p where p.oid = p_function::regproc;
    execute format($function$
        create or replace function %I(%s, p_rounds integer[], p_dry boolean) returns table %s language plpgsql as $body$
        #variable_conflict use_column
        declare
            v_rows jsonb := '[]';
            v_from integer := 1;
            v_to integer;
        begin
            begin
                foreach v_to in array p_rounds loop
                    v_rows := v_rows || (select coalesce(jsonb_agg(to_jsonb(t) || jsonb_build_object('item', t.item + v_from - 1)), '[]')
                                         from %I(%s) t);
                    v_from := v_to + 1;
                end loop;
                if p_dry then
                    raise exception using errcode = 'EI099'; -- undoes what the block did; the variable stays
                end if;
            exception when sqlstate 'EI099' then null;
            end;
            return query select * from jsonb_to_recordset(v_rows) as t %s;
        end $body$ $function$, p_function || '_rounds', v_in, v_out, p_function, v_round, v_out);
end $make$;
