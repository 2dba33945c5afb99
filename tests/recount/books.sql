-- The recount's own books. A schema for each place: what the senders wrote down (ledger), what follows from it (want), and what each
-- service and topic has, as it was read. Numbers of enums are the services'.
drop schema if exists ledger, want, registry, grades, attendance, topic, notify, reports cascade;
create schema ledger;
create schema want;
create schema registry;
create schema grades;
create schema attendance;
create schema topic;
create schema notify;
create schema reports;

create unlogged table want.difference (
    number bigint generated always as identity,
    place  text not null,
    id     text not null,
    words  text not null,
    item   uuid -- the first offending item's life is shown
);

-- ---- The ledger: its lines by kind, in their words; `place` is the line's, over all ledgers ----

create unlogged table ledger.mark (
    place bigint, id uuid, organisation text, class text, learner text, date text, lesson text, subject text, kind text,
    points text, max_points text, value text);
create unlogged table ledger.mark_correction (
    place bigint, id uuid, replaces text, organisation text, class text, learner text, date text, lesson text, subject text, kind text,
    points text, max_points text, value text);
create unlogged table ledger.mark_withdrawal (place bigint, id uuid, withdraws text, date text);
create unlogged table ledger.register (
    place bigint, id uuid, organisation text, class text, date text, lesson text, subject text, exceptions text);
create unlogged table ledger.register_replacement (
    place bigint, id uuid, replaces text, organisation text, class text, date text, lesson text, subject text, exceptions text);
create unlogged table ledger.register_withdrawal (place bigint, id uuid, withdraws text, date text);
create unlogged table ledger.absence_change (place bigint, id uuid, register text, learner text, code text);
create unlogged table ledger.accepted (place bigint, id uuid);
create unlogged table ledger.rejected (place bigint, id uuid, code text);

-- ---- The services' rows ----

create unlogged table registry.organisation (
    id uuid, subordinate_to uuid, kato text, shifts integer, valid_from date, valid_to date);
create unlogged table registry.territory (code text, parent text);
create unlogged table registry.class (id uuid, organisation uuid, type smallint, shift integer);
create unlogged table registry.enrolment (id uuid, learner uuid, class uuid, valid_from date, valid_to date, mode smallint);
create unlogged table registry.guardian (
    learner uuid, guardian uuid, rights integer, valid_from date, valid_to date, status smallint);
create unlogged table registry.alias (id uuid, canonical uuid);

create unlogged table grades.mark (
    id uuid, organisation uuid, class uuid, learner uuid, date date, lesson smallint, subject text, kind smallint,
    points smallint, max_points smallint, value smallint, replaces uuid, withdraws uuid);

create unlogged table attendance.register (
    id uuid, organisation uuid, class uuid, date date, slot smallint, subject text, replaces uuid, withdraws uuid, roster uuid,
    learners integer);
create unlogged table attendance.roster (id uuid, learners uuid[]);
create unlogged table attendance.absence (register uuid, learner uuid, code smallint, minutes smallint);
create unlogged table attendance.absence_change (
    id uuid, register uuid, learner uuid, code smallint, minutes smallint, was_code smallint, was_minutes smallint);

create unlogged table notify.feed (
    epoch bigint, xid bigint, seq bigint, event uuid, learner uuid, kind smallint, class uuid, subject text, date date, lesson smallint,
    work smallint, points smallint, max_points smallint, value smallint, code smallint, minutes smallint, corrects uuid,
    was_points smallint, was_max_points smallint, was_value smallint, was_code smallint, was_minutes smallint);
create unlogged table notify.guardian (like registry.guardian);
create unlogged table notify.alias (like registry.alias);

create unlogged table reports.day (date date);
create unlogged table reports.cell (
    organisation uuid, date date, shift smallint, slot smallint,
    registers bigint, learner_lessons bigint, absent_unexcused bigint, absent_ill bigint, absent_excused bigint, late bigint,
    late_minutes bigint, remote bigint, exempt bigint, formative bigint, summative_unit bigint, summative_term bigint,
    marks_with_points bigint, percent_sum_hundredths bigint, at_least_65 bigint, at_least_40 bigint);
create unlogged table reports.node_day (
    tree smallint, node text, learners bigint, organisations bigint, organisations_heard bigint, like reports.cell);
alter table reports.node_day drop organisation, drop shift, drop slot;

-- ---- The topics: each event with its place; `again`: its position was passed before ----

create unlogged table topic.mark (
    partition integer, "offset" bigint, epoch bigint, xid bigint, seq bigint, index integer, again boolean, type text, id uuid,
    organisation uuid, class uuid, learner uuid, date date, lesson smallint, subject text, kind smallint, points smallint,
    max_points smallint, value smallint, replaces uuid, withdraws uuid, was_date date, was_lesson smallint, was_kind smallint,
    was_points smallint, was_max_points smallint, was_value smallint);
create unlogged table topic.register (
    partition integer, "offset" bigint, epoch bigint, xid bigint, seq bigint, index integer, again boolean, type text, id uuid,
    organisation uuid, class uuid, date date, slot smallint, subject text, exceptions text, replaces uuid, withdraws uuid,
    register uuid, learner uuid, code smallint, minutes smallint, was_date date, was_slot smallint, was_subject text,
    was_exceptions text, was_code smallint, was_minutes smallint);
-- history.rewound: which older events its source has lost (contracts/history.h); positions as (epoch, xid, seq).
create unlogged table topic.rewound (
    topic text, partition integer, "offset" bigint, epoch bigint, previous bigint[], cut bigint[], above bigint[], up_to bigint[]);
create unlogged table topic.survivors (topic text, partition integer, "offset" bigint, epoch bigint, from_xid bigint, to_xid bigint);

-- ---- Comparing ----

create function want.column_differences(p_want jsonb, p_has jsonb) returns text language sql immutable as $$
    select string_agg(format('%s %s, not %s', key, coalesce(p_has->>key, '-'), coalesce(p_want->>key, '-')), '; ')
    from jsonb_object_keys(p_want) key where p_want->key is distinct from p_has->key
$$;

-- In words: what a place should have once, and what it has, of one key.
create function want.difference_words(p_want jsonb, p_has jsonb, p_times bigint) returns text language sql immutable as $$
    select case when p_has is null then 'is missing'
                when p_want is not null then 'has ' || want.column_differences(p_want, p_has)
                when p_times > 1 then format('is there %s times', p_times)
                else 'should not be there (' || (select string_agg(key || ' ' || value, ', ')
                                                     from jsonb_each_text(jsonb_strip_nulls(p_has)))
                     || ')' end
$$;
