-- make_dry_run('take_marks') makes dry_take_marks: called alike, answers alike, and keeps nothing (?dry_run=1). Called again, it
-- follows a function whose body or rows have changed.
create function make_dry_run(p_function text) returns void language plpgsql as $make$
declare
    v_in text;     -- parameters with their types
    v_names text;  -- their names, to hand them on
    v_out text;    -- (item integer, ...)
begin
    select pg_get_function_identity_arguments(p.oid), array_to_string(p.proargnames[1:p.pronargs], ', '),
           substr(pg_get_function_result(p.oid), length('TABLE') + 1)
    into strict v_in, v_names, v_out
    from pg_proc p where p.oid = p_function::regproc;
    execute format($function$
        create or replace function %I(%s) returns table %s language plpgsql as $body$
        #variable_conflict use_column
        declare
            v_rows jsonb;
        begin
            begin
                select coalesce(jsonb_agg(to_jsonb(t)), '[]') into v_rows from %I(%s) t;
                raise exception using errcode = 'EI099'; -- undoes what the block did; the variable stays
            exception when sqlstate 'EI099' then null;
            end;
            return query select * from jsonb_to_recordset(v_rows) as t %s;
        end $body$ $function$, 'dry_' || p_function, v_in, v_out, p_function, v_names, v_out);
end $make$;
