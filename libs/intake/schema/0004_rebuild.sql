-- A read model made anew in a second schema and swapped in (rebuild.c). The live schema is the caller's own, the one that is
-- filled <live>_rebuild, what was swapped out <live>_replaced. Tables move; views, functions and types stay and find them by name.

-- What is made anew: the copies, how far they came, what is held, and the service's own tables, with their partitions.
create function rebuild_relations(p_schema text, p_tables text[]) returns setof text language sql stable as $$
    with recursive wanted (oid, name) as (
        select c.oid, c.relname::text from pg_class c
        where c.relnamespace = p_schema::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
          and (c.relname like 'copy\_%' or c.relname in ('consumer_offset', 'consumer_watermark', 'quarantine')
               or c.relname = any (p_tables))
        union all
        select c.oid, c.relname::text from wanted w join pg_inherits i on i.inhparent = w.oid join pg_class c on c.oid = i.inhrelid
    )
    select w.name from wanted w
$$;

-- A row of p_table that is made anew takes the place (epoch, xid, seq) of the live row of the same columns p_place, the first of
-- them that of the first: no reader's place is lost, nothing is handed out twice.
create function rebuild_keep_places(p_new text, p_table text, p_place text) returns void language plpgsql as $make$
declare
    v_live text := current_schema();
    v_match text := (select string_agg(format('o.%1$I = new.%1$I', trim(k)), ' and ') from unnest(string_to_array(p_place, ',')) k);
begin
    execute format($function$
        create function %1$I.%2$I() returns trigger language plpgsql as $body$
        declare
            v_old record;
        begin
            select o.epoch, o.xid, o.seq into v_old from %3$I.%4$I o where %5$s order by o.epoch, o.xid, o.seq
            offset (select count(*) from %1$I.%4$I o where %5$s) limit 1;
            if found then
                new.epoch := v_old.epoch;
                new.xid := v_old.xid;
                new.seq := v_old.seq;
            end if;
            return new;
        end $body$ $function$, p_new, 'rebuild_place_' || p_table, v_live, p_table, v_match);
    execute format('create trigger rebuild_place before insert on %I.%I for each row execute function %I.%I()',
                   p_new, p_table, p_new, 'rebuild_place_' || p_table);
end $make$;

-- What the topics no longer have, from the live table: rows of dates before the boundary, or (without a date) those that are missing.
create function rebuild_take_over(p_new text, p_table text, p_date text, p_boundary date) returns void language plpgsql as $$
begin
    if p_date is null then
        execute format('insert into %I.%I overriding system value select * from %I on conflict do nothing', p_new, p_table, p_table);
    else
        execute format('delete from %I.%I where %I < %L', p_new, p_table, p_date, p_boundary);
        execute format('insert into %I.%I overriding system value select * from %I where %I < %L', p_new, p_table, p_table, p_date,
                       p_boundary);
    end if;
end $$;

-- The new schema after its migrations, before the first event: it stamps its rows with the live history, and what its handlers
-- append to their log stays in it and goes with it. What an operator dropped stays dropped.
create function rebuild_prepare(p_tables text[], p_dates text[], p_places text[], p_boundary date)
    returns void language plpgsql as $$
declare
    v_new text := current_schema() || '_rebuild';
    v_of text;
begin
    foreach v_of in array array['history', 'history_partition', 'relay', 'relay_partition'] loop
        execute format('drop table if exists %I.%I', v_new, v_of);
    end loop;
    execute format('insert into %I.quarantine (topic, partition, "offset", key, subject, source, position, type, event, event_time, '
                   'reason, held_at, dropped_at, dropped_by) select topic, partition, "offset", key, subject, source, position, type, '
                   'event, event_time, reason, held_at, dropped_at, dropped_by from quarantine where dropped_at is not null', v_new);
    for i in 1 .. coalesce(cardinality(p_tables), 0) loop
        if p_boundary is not null then
            perform rebuild_take_over(v_new, p_tables[i], p_dates[i], p_boundary);
        end if;
        if p_places[i] is not null then
            perform rebuild_keep_places(v_new, p_tables[i], p_places[i]);
        end if;
    end loop;
    -- An operator's id names one event for ever.
    execute format('alter table %I.quarantine alter id restart with %s', v_new,
                   (select coalesce(max(q.id), 0) + 1000000 from quarantine q));
    execute format('create table %I.rebuild_plan as select %L::date as boundary', v_new, p_boundary);
end $$;

-- What is swapped in is planned well from its first moment on.
create function rebuild_analyze(p_tables text[]) returns void language plpgsql as $$
declare
    v_name text;
begin
    for v_name in select rebuild_relations(current_schema() || '_rebuild', p_tables) loop
        execute format('analyze %I.%I', current_schema() || '_rebuild', v_name);
    end loop;
end $$;

-- Nothing outside of a schema that is to go may stand on what is in it.
create function rebuild_check_free(p_schema text) returns void language plpgsql as $$
declare
    v_name text;
begin
    select min(n.name) into v_name from (
        select v.relname as name
        from pg_depend d join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid join pg_class v on v.oid = r.ev_class
             join pg_class c on d.refclassid = 'pg_class'::regclass and c.oid = d.refobjid
        where c.relnamespace = p_schema::regnamespace and v.relnamespace <> p_schema::regnamespace
        union all
        select p.proname
        from pg_depend d join pg_proc p on d.classid = 'pg_proc'::regclass and p.oid = d.objid
             join pg_type t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid
        where t.typnamespace = p_schema::regnamespace and p.pronamespace <> p_schema::regnamespace) n;
    if v_name is not null then
        raise exception '% stands on a table that is made anew', v_name;
    end if;
end $$;

-- In the transaction that holds consumer_offset: the new schema has taken in exactly what the live one has.
create function rebuild_swap(p_tables text[], p_dates text[]) returns void language plpgsql as $$
declare
    v_live text := current_schema();
    v_new text := current_schema() || '_rebuild';
    v_old text := current_schema() || '_replaced';
    v_boundary date;
    v_views text[] := array(
        select format('create or replace view %I as %s', v.relname, pg_get_viewdef(v.oid))
        from pg_class v
        where v.relnamespace = v_live::regnamespace and v.relkind = 'v'
          and exists (select from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
                      join pg_class c on d.refclassid = 'pg_class'::regclass and c.oid = d.refobjid
                      where r.ev_class = v.oid and c.relnamespace = v_live::regnamespace
                        and c.relname in (select rebuild_relations(v_live, p_tables))));
    v_name text;
begin
    execute format('update %I.quarantine n set dropped_at = o.dropped_at, dropped_by = o.dropped_by, value = null from quarantine o '
                   'where n.topic = o.topic and n.partition = o.partition and n."offset" = o."offset" '
                   'and n.dropped_at is null and o.dropped_at is not null', v_new);
    -- Behind the last event of a partition compaction may have left a hole.
    execute format('update %I.consumer_offset n set next_offset = o.next_offset from consumer_offset o '
                   'where n.topic = o.topic and n.partition = o.partition and n.next_offset < o.next_offset', v_new);
    execute format('select boundary from %I.rebuild_plan', v_new) into v_boundary;
    for i in 1 .. coalesce(cardinality(p_tables), 0) loop
        execute format('drop trigger if exists rebuild_place on %I.%I', v_new, p_tables[i]);
        if v_boundary is not null then
            perform rebuild_take_over(v_new, p_tables[i], p_dates[i], v_boundary);
        end if;
    end loop;
    execute format('create schema %I', v_old);
    for v_name in select rebuild_relations(v_live, p_tables) loop
        execute format('alter table %I.%I set schema %I', v_live, v_name, v_old);
    end loop;
    for v_name in select rebuild_relations(v_new, p_tables) loop
        execute format('alter table %I.%I set schema %I', v_new, v_name, v_live);
    end loop;
    foreach v_name in array v_views loop
        execute v_name;
    end loop;
    perform rebuild_check_free(v_old);
    perform rebuild_check_free(v_new);
end $$;
