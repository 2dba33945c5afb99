-- Registers and re-coded absences that were taken, chain by chain: a register, and all that changed it, in the order of the ledger.
create unlogged table want.register_item as
select r.place, r.id, 'taken' as type, null::uuid as original, r.organisation, r.class, r.date, r.lesson, r.subject, r.exceptions,
       null as learner, null as code
from ledger.register r
union all
select place, id, 'replaced', replaces::uuid, organisation, class, date, lesson, subject, exceptions, null, null
from ledger.register_replacement
union all
select place, id, 'withdrawn', withdraws::uuid, null, null, date, null, null, null, null, null from ledger.register_withdrawal
union all
select place, id, 'recoded', register::uuid, null, null, null, null, null, null, learner, code from ledger.absence_change;
delete from want.register_item i where not exists (select from want.taken t where t.id = i.id);
analyze want.register_item;

create unlogged table want.chain as
with recursive chain (id, first) as (
    select id, id from want.register_item where original is null
    union all
    select i.id, c.first from chain c join want.register_item i on i.original = c.id
)
select * from chain;
analyze want.chain;

-- What replay.py makes of them.
create unlogged table want.register (
    id uuid, organisation uuid, class uuid, date date, slot smallint, subject text, replaces uuid, withdraws uuid, absences text);
create unlogged table want.absence_change (like attendance.absence_change);
create unlogged table want.register_event (like topic.register);
alter table want.register_event drop partition, drop "offset", drop epoch, drop xid, drop seq, drop index, drop again;
create unlogged table want.absence_feed (
    event uuid, learner uuid, kind smallint, class uuid, subject text, date date, lesson smallint, code smallint, minutes smallint,
    corrects uuid, was_code smallint, was_minutes smallint);
create unlogged table want.standing_register (
    id uuid, organisation uuid, class uuid, date date, slot smallint, absent_unexcused integer, absent_ill integer,
    absent_excused integer, late integer, late_minutes integer, remote integer, exempt integer);
