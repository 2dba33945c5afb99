-- Indicators: cells of organisations, moved by facts as they come, and the days that are rolled up from them. Counts only; who
-- reads divides, so that sums stay exact (contracts/indicators.h).

-- Leaf: one organisation, day, shift and lesson. Keyed by ids alone: the organisation need not be known yet.
create table cell (
    organisation           uuid not null,
    date                   date not null,
    shift                  smallint not null, -- of the class; 0: not known
    slot                   smallint not null, -- lesson 1 to 11; 100 + session; 0: not known
    registers              bigint not null,
    learner_lessons        bigint not null,
    absent_unexcused       bigint not null,
    absent_ill             bigint not null,
    absent_excused         bigint not null,
    late                   bigint not null,
    late_minutes           bigint not null,
    remote                 bigint not null,
    exempt                 bigint not null,
    formative              bigint not null,
    summative_unit         bigint not null,
    summative_term         bigint not null,
    marks_with_points      bigint not null,
    percent_sum_hundredths bigint not null,
    at_least_65            bigint not null,
    at_least_40            bigint not null,
    heard_at               timestamptz, -- when the latest of these facts was taken by its service
    primary key (organisation, date, shift, slot)
) partition by range (date);

-- Months are made ahead by role jobs, from the first that is still taken.
create function cell_make_months(p_from date, p_to date) returns void language plpgsql as $$
declare
    v_month date;
    v_name text;
begin
    for v_month in select m::date from generate_series(date_trunc('month', p_from), p_to, interval '1 month') m loop
        v_name := 'cell_' || to_char(v_month, 'YYYYMM');
        if to_regclass(v_name) is null then
            execute format('create table %I (like cell including defaults including storage)', v_name);
            execute format('alter table cell attach partition %I for values from (%L) to (%L)',
                           v_name, v_month, (v_month + interval '1 month')::date);
        end if;
    end loop;
end $$;
select cell_make_months((current_date - interval '26 months')::date, (current_date + interval '3 months')::date);

-- Learners of an organisation's homerooms from a date on, until the next row.
create table contingent (
    organisation uuid not null,
    date         date not null,
    learners     integer not null,
    primary key (organisation, date)
);

-- Nodes are compared byte by byte (the database's collation takes longer than all the rest of a look-up).

-- The trees, made from the copies by roll_up: 1 territory (KATO codes below KZ), 2 subordination (organisations that have
-- others below them).
create table node (
    tree   smallint not null,
    node   text collate "C" not null,
    parent text collate "C",
    depth  integer not null, -- greater than the parent's
    primary key (tree, node)
);
create index node_parent on node (tree, parent);

-- Where an organisation's own figures enter a tree: at its territory; at itself where it has others below it, else at its superior.
create table place (
    tree         smallint not null,
    organisation uuid not null,
    node         text collate "C" not null,
    primary key (tree, organisation)
);
create index place_node on place (tree, node);

-- The day of a node, one wide row (a row an indicator was tried: three times slower), stamped, so that push follows it. An
-- organisation's own day is the same in both trees and stands in the territory's, with its id as node. Today's are written twice a
-- second: an index on anything that changes would keep each of these versions, and every look-up would pass by them.
create sequence node_day_seq;
create table node_day (
    tree                   smallint not null,
    node                   text collate "C" not null,
    date                   date not null,
    learners               bigint not null,
    organisations          bigint not null,
    organisations_heard    bigint not null,
    last_heard             timestamptz,
    registers              bigint not null,
    learner_lessons        bigint not null,
    absent_unexcused       bigint not null,
    absent_ill             bigint not null,
    absent_excused         bigint not null,
    late                   bigint not null,
    late_minutes           bigint not null,
    remote                 bigint not null,
    exempt                 bigint not null,
    formative              bigint not null,
    summative_unit         bigint not null,
    summative_term         bigint not null,
    marks_with_points      bigint not null,
    percent_sum_hundredths bigint not null,
    at_least_65            bigint not null,
    at_least_40            bigint not null,
    changed_at             timestamptz not null,
    untold                 integer not null, -- bit n: set n (contracts/indicators.h) has changed and is not on the topic yet
    told_at                timestamptz,
    epoch                  bigint not null,
    xid                    bigint not null,
    seq                    bigint not null default nextval('node_day_seq'),
    primary key (tree, node, date)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- Days with sets that are not on the topic yet, and from when on each may be told.
create table untold (
    tree   smallint not null,
    node   text collate "C" not null,
    date   date not null,
    due_at timestamptz not null,
    primary key (tree, node, date)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- Days that have begun: each organisation has a row of each of them.
create table day (
    date date primary key
);

-- What has changed since the last roll-up: queues without a key, so that apply never waits for the roll-up that empties them.
create table dirty (
    organisation uuid not null,
    date         date not null,
    noted_at     timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
create table dirty_node (
    tree smallint not null,
    node text collate "C" not null,
    date date not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
-- Organisations whose learners may be others now.
create table dirty_contingent (
    organisation uuid not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
-- The trees may be others now: through this organisation, or (absent) through the territory.
create table dirty_tree (
    organisation uuid
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
