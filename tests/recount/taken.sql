-- What was taken: items that were acknowledged (at last: what was refused may be taken when it is sent again), and of those without an
-- outcome (their sender was killed) what their service has: they may be there or not, but then everywhere. An id that was written twice
-- is its first line.
analyze ledger.mark, ledger.mark_correction, ledger.mark_withdrawal, ledger.register, ledger.register_replacement,
        ledger.register_withdrawal, ledger.absence_change, ledger.accepted, ledger.rejected;

create temp view written as
select 'grades' as service, id, place from ledger.mark union all select 'grades', id, place from ledger.mark_correction
union all select 'grades', id, place from ledger.mark_withdrawal union all select 'attendance', id, place from ledger.register
union all select 'attendance', id, place from ledger.register_replacement
union all select 'attendance', id, place from ledger.register_withdrawal
union all select 'attendance', id, place from ledger.absence_change;

create temp view had as
select id from grades.mark union all select id from attendance.register union all select id from attendance.absence_change;

create unlogged table want.taken as select distinct id from ledger.accepted;
analyze want.taken;
create temp table open as
select distinct w.id from written w left join want.taken t on t.id = w.id left join ledger.rejected r on r.id = w.id
where t.id is null and r.id is null;
analyze open;
insert into want.taken select distinct o.id from open o join had h on h.id = o.id;

-- A service that was set back to an older copy (:restored): what it lost nobody may have.
create unlogged table want.lost as
select w.id, w.service from written w join want.taken t on t.id = w.id
where w.service = any (string_to_array(:'restored', ',')) and not exists (select from had h where h.id = w.id);
delete from want.taken t using want.lost l where l.id = t.id;
analyze want.taken;

create temp table twice as select id, min(place) as place from written group by id having count(*) > 1;
delete from ledger.mark m using twice t where t.id = m.id and t.place < m.place;
delete from ledger.mark_correction m using twice t where t.id = m.id and t.place < m.place;
delete from ledger.mark_withdrawal m using twice t where t.id = m.id and t.place < m.place;
delete from ledger.register r using twice t where t.id = r.id and t.place < r.place;
delete from ledger.register_replacement r using twice t where t.id = r.id and t.place < r.place;
delete from ledger.register_withdrawal r using twice t where t.id = r.id and t.place < r.place;
delete from ledger.absence_change c using twice t where t.id = c.id and t.place < c.place;
