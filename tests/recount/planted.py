"""The recount's own test: faults are planted in an installation, and it must see each at its place.

Used by tests/end_to_end/run, on an installation that counts exactly and that nobody writes to. Those of different places are planted
together: what is named at a place is the fault that was planted there.
"""
import contextlib

# A link by which somebody sees a child today, and by no other one.
SEEN_LINK = """create table planted as select l.* from notify.copy_link l
            where l.status = 2 and l.counts and l.valid_from <= current_date and l.valid_to is null and l.rights <> 30
              and not exists (select from notify.copy_link o where o.learner = l.learner and o.guardian = l.guardian and o.id <> l.id)
            limit 1;"""

# What is broken, where, how, how it is mended, and the place that must be named.
FAULTS = (
    ("a feed row is gone", "notify", """create table planted as select * from notify.feed order by seq desc limit 1;
        delete from notify.feed f using planted p where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq)""",
     "insert into notify.feed overriding system value select * from planted", "notify's feed"),
    ("a feed row is there twice", "notify", """create table planted as select * from notify.feed limit 1;
        insert into notify.feed overriding system value
        select (jsonb_populate_record(p, '{"xid": 1, "epoch": 1}')).* from planted p""",
     "delete from notify.feed where epoch = 1", "notify's feed"),
    ("a mark is gone", "grades", """create table planted as select * from grades.mark limit 1;
        delete from grades.mark m using planted p where m.id = p.id and m.month = p.month""",
     "insert into grades.mark select * from planted", "grades"),
    ("a mark has other points", "grades", """create table planted as select * from grades.mark where points > 1 limit 1;
        update grades.mark m set points = m.points - 1 from planted p where m.id = p.id and m.month = p.month""",
     "update grades.mark m set points = p.points from planted p where m.id = p.id and m.month = p.month", "grades"),
    ("a correction does not know its original", "grades",
     """create table planted as select * from grades.mark where replaces is not null limit 1;
        update grades.mark m set replaces = null from planted p where m.id = p.id and m.month = p.month""",
     "update grades.mark m set replaces = p.replaces from planted p where m.id = p.id and m.month = p.month", "grades"),
    ("a feed row says another result before", "notify",
     """create table planted as select * from notify.feed where before_points is not null limit 1;
        update notify.feed f set before_points = f.before_points + 1 from planted p
        where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq)""",
     """update notify.feed f set before_points = p.before_points from planted p
        where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq)""", "notify's feed"),
    ("an absence is gone", "attendance", """create table planted as select * from attendance.absence limit 1;
        delete from attendance.absence a using planted p where a.register = p.register and a.learner = p.learner""",
     "insert into attendance.absence select * from planted", "attendance"),
    ("a re-coding says another code before", "attendance",
     """create table planted as select * from attendance.absence_change limit 1;
        update attendance.absence_change c set before_code = c.before_code % 7 + 1 from planted p where c.id = p.id""",
     "update attendance.absence_change c set before_code = p.before_code from planted p where c.id = p.id", "attendance's changes"),
    ("a replaced register counts again", "reports",
     """create table planted as select * from reports.cell where registers > 0 limit 1;
        update reports.cell c set registers = c.registers + 1 from planted p
        where (c.organisation, c.date, c.shift, c.slot) = (p.organisation, p.date, p.shift, p.slot)""",
     """update reports.cell c set registers = p.registers from planted p
        where (c.organisation, c.date, c.shift, c.slot) = (p.organisation, p.date, p.shift, p.slot)""", "reports' cell"),
    ("a change of an absence corrects nothing", "notify",
     """create table planted as select * from notify.feed where kind > 4 and corrects is not null limit 1;
        update notify.feed f set corrects = null from planted p where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq)""",
     "update notify.feed f set corrects = p.corrects from planted p where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq)",
     "notify's feed"),
    ("a roster has lost a learner", "attendance", """create table planted as select * from attendance.roster r
            where exists (select from attendance.register g where g.roster = r.id) limit 1;
        update attendance.roster r set learners = r.learners[2:] from planted p where r.id = p.id""",
     "update attendance.roster r set learners = p.learners from planted p where r.id = p.id", "attendance's rosters"),
    ("a cell counts twice", "reports", """create table planted as select * from reports.cell where formative > 0 limit 1;
        update reports.cell c set formative = 2 * c.formative from planted p
        where (c.organisation, c.date, c.shift, c.slot) = (p.organisation, p.date, p.shift, p.slot)""",
     """update reports.cell c set formative = p.formative from planted p
        where (c.organisation, c.date, c.shift, c.slot) = (p.organisation, p.date, p.shift, p.slot)""", "reports' cell"),
    ("a day of the country is one short", "reports", """create table planted as
            select * from reports.node_day where node = 'KZ' and formative > 0 limit 1;
        update reports.node_day d set at_least_40 = d.at_least_40 - 1 from planted p
        where (d.tree, d.node, d.date) = (p.tree, p.node, p.date)""",
     """update reports.node_day d set at_least_40 = p.at_least_40 from planted p
        where (d.tree, d.node, d.date) = (p.tree, p.node, p.date)""", "reports' days"),
    ("a guardian's link is lost on the way", "notify", SEEN_LINK + """
        delete from notify.copy_link l using planted p where l.id = p.id""",
     """insert into notify.copy_link (id, learner, guardian, rights, valid_from, valid_to, status, epoch, revision)
        select id, learner, guardian, rights, valid_from, valid_to, status, epoch, revision from planted""",
     "notify's guardians"),
    ("somebody else sees a child's marks", "notify",
     """create table planted as select gen_random_uuid() as id, learner from notify.copy_link where status = 2 limit 1;
        insert into notify.copy_link (id, learner, guardian, rights, valid_from, status, epoch, revision)
        select id, learner, id, 6, '2020-09-01', 2, 1, 1 from planted""",
     "delete from notify.copy_link l using planted p where l.id = p.id", "notify's guardians"),
    ("a guardian has rights that nobody gave", "notify", SEEN_LINK + """
        update notify.copy_link l set rights = 30 from planted p where l.id = p.id""",
     "update notify.copy_link l set rights = p.rights from planted p where l.id = p.id", "notify's guardians"),
    ("two rows of a learner have changed places", "notify", """create table planted as
            select f.* from notify.feed f join (
                select learner, class, min((epoch, xid, seq)::text) from notify.feed where kind = 1 group by learner, class
                having count(*) > 1 limit 1) l on l.learner = f.learner and l.class = f.class
            where f.kind = 1 order by f.epoch, f.xid, f.seq limit 2;
        delete from notify.feed f using planted p where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq);
        insert into notify.feed overriding system value
        select (jsonb_populate_record(p, jsonb_build_object('epoch', o.epoch, 'xid', o.xid, 'seq', o.seq))).*
        from planted p join planted o on o.event <> p.event""",
     """delete from notify.feed f using planted p where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq);
        insert into notify.feed overriding system value select * from planted""", "notify's order"),
    ("a mark that stands was taken back", "notify",
     """create table planted as select * from notify.feed where kind = 1 limit 1;
        insert into notify.feed overriding system value
        select (jsonb_populate_record(p, jsonb_build_object('xid', p.xid + 1, 'kind', 4))).* from planted p""",
     """delete from notify.feed f using planted p where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid + 1, p.seq)""", "notify's feed"),
    ("a mark that nobody sent", "grades", """create table planted as select gen_random_uuid() as id, m.month from grades.mark m limit 1;
        insert into grades.mark
        select (jsonb_populate_record(m, jsonb_build_object('id', p.id))).* from planted p, lateral (
            select m from grades.mark m where m.month = p.month limit 1) o (m)""",
     "delete from grades.mark m using planted p where m.id = p.id and m.month = p.month", "grades"),
    ("a school has a learner too many", "reports", """create table planted as
            select * from reports.node_day where learners > 0 and length(node) = 36 limit 1;
        update reports.node_day d set learners = d.learners + 1 from planted p
        where (d.tree, d.node, d.date) = (p.tree, p.node, p.date)""",
     """update reports.node_day d set learners = p.learners from planted p
        where (d.tree, d.node, d.date) = (p.tree, p.node, p.date)""", "reports' days"),
)


class Unseen(AssertionError):
    pass


def rounds():
    """Faults that are planted together: no two of one place."""
    planned = []
    for fault in FAULTS:
        free = next((faults for faults in planned if all(place != fault[-1] for *_, place in faults)), None)
        if free is None:
            planned.append(free := [])
        free.append(fault)
    return planned


def statement(text, number):
    """What a fault keeps of before stands in a table of its own."""
    return text.replace("planted", f"planted_{number}")


def must_see(house, ledgers, faults):
    said = house.recount(*ledgers)
    unseen = [words for words, *_, place in faults if f"  {place}: " not in said.stdout]
    if said.returncode != 1 or unseen or "  the life of " not in said.stdout:
        raise Unseen(f"{unseen or [fault[0] for fault in faults]}: the recount says {said.stdout}{said.stderr}")
    return said.stdout.splitlines()[-1]


def plant_round(house, ledgers, faults):
    with contextlib.ExitStack() as mend:
        for number, (_, database, damage, repair, _) in enumerate(faults):
            house.admin_sql(database, f"begin; set search_path = public; {statement(damage, number)}; commit")
            mend.callback(house.admin_sql, database, f"begin; {statement(repair, number)}; drop table planted_{number}; commit")
        return "; ".join(words for words, *_ in faults), must_see(house, ledgers, faults)


def plant_all(house, ledgers):
    """Yields what was planted and what the recount said of it; raises Unseen where it saw nothing."""
    for faults in rounds():
        yield plant_round(house, ledgers, faults)
    clean = house.recount(*ledgers)
    if clean.returncode:
        raise Unseen(f"everything was mended, but: {clean.stdout}{clean.stderr}")
    yield "nothing, everything is mended", clean.stdout.splitlines()[-1]
