"""The recount's own test: faults are planted in an installation, and it must see each at its place.

Used by tests/end_to_end/run, on an installation that counts exactly and that nobody writes to. All are planted together, no two
in one row, and each must be named at its place, by its own name. (No more of one place than the recount shows.)
"""
import contextlib

# A link by which somebody sees a child today, and by no other one.
SEEN_LINK = """create table planted as select l.* from notify.copy_link l
            where l.status = 2 and l.counts and l.valid_from <= current_date and l.valid_to is null and l.rights {} 30
              and not exists (select from notify.copy_link o where o.learner = l.learner and o.guardian = l.guardian and o.id <> l.id)
            limit 1;"""

# The name of what is broken, as the recount says it, or its beginning.
OF_FEED = "event || '/'"
OF_ITEM = "id::text"
OF_LINK = "guardian || '/'"
OF_CELL = "concat_ws('/', organisation, date, shift, slot)"
OF_DAY = "concat_ws('/', tree, node, date)"

# What is broken, where, how, how it is mended, the place that must be named, and the name there.
FAULTS = (
    ("a feed row is gone", "notify", """create table planted as select * from notify.feed order by seq desc limit 1;
        delete from notify.feed f using planted p where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq)""",
     "insert into notify.feed overriding system value select * from planted", "notify's feed", OF_FEED),
    ("a feed row is there twice", "notify", """create table planted as select * from notify.feed where kind > 4 and corrects is null limit 1;
        insert into notify.feed overriding system value
        select (jsonb_populate_record(p, '{"xid": 1, "epoch": 1}')).* from planted p""",
     "delete from notify.feed where epoch = 1", "notify's feed", OF_FEED),
    ("a mark is gone", "grades", """create table planted as select * from grades.mark limit 1;
        delete from grades.mark m using planted p where m.id = p.id and m.month = p.month""",
     "insert into grades.mark select * from planted", "grades", OF_ITEM),
    ("a mark has other points", "grades", """create table planted as select * from grades.mark where points > 1 and replaces is null limit 1;
        update grades.mark m set points = m.points - 1 from planted p where m.id = p.id and m.month = p.month""",
     "update grades.mark m set points = p.points from planted p where m.id = p.id and m.month = p.month", "grades", OF_ITEM),
    ("a correction does not know its original", "grades",
     """create table planted as select * from grades.mark where replaces is not null limit 1;
        update grades.mark m set replaces = null from planted p where m.id = p.id and m.month = p.month""",
     "update grades.mark m set replaces = p.replaces from planted p where m.id = p.id and m.month = p.month", "grades", OF_ITEM),
    ("a feed row says another result before", "notify",
     """create table planted as select * from notify.feed where before_points is not null limit 1;
        update notify.feed f set before_points = f.before_points + 1 from planted p
        where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq)""",
     """update notify.feed f set before_points = p.before_points from planted p
        where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq)""", "notify's feed", OF_FEED),
    ("an absence is gone", "attendance", """create table planted as select * from attendance.absence limit 1;
        delete from attendance.absence a using planted p where a.register = p.register and a.learner = p.learner""",
     "insert into attendance.absence select * from planted", "attendance", "register::text"),
    ("a re-coding says another code before", "attendance",
     """create table planted as select * from attendance.absence_change limit 1;
        update attendance.absence_change c set before_code = c.before_code % 7 + 1 from planted p where c.id = p.id""",
     "update attendance.absence_change c set before_code = p.before_code from planted p where c.id = p.id", "attendance's changes", OF_ITEM),
    ("a replaced register counts again", "reports",
     """create table planted as select * from reports.cell where registers > 0
            order by organisation, date, shift, slot limit 1;
        update reports.cell c set registers = c.registers + 1 from planted p
        where (c.organisation, c.date, c.shift, c.slot) = (p.organisation, p.date, p.shift, p.slot)""",
     """update reports.cell c set registers = p.registers from planted p
        where (c.organisation, c.date, c.shift, c.slot) = (p.organisation, p.date, p.shift, p.slot)""", "reports' cell", OF_CELL),
    ("a change of an absence corrects nothing", "notify",
     """create table planted as select * from notify.feed where kind > 4 and corrects is not null limit 1;
        update notify.feed f set corrects = null from planted p where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq)""",
     "update notify.feed f set corrects = p.corrects from planted p where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq)",
     "notify's feed", OF_FEED),
    ("a roster has lost a learner", "attendance", """create table planted as select * from attendance.roster r
            where exists (select from attendance.register g where g.roster = r.id) limit 1;
        update attendance.roster r set learners = r.learners[2:] from planted p where r.id = p.id""",
     "update attendance.roster r set learners = p.learners from planted p where r.id = p.id", "attendance's rosters", "class || '/'"),
    ("a cell counts twice", "reports", """create table planted as select * from reports.cell where formative > 0
            order by organisation desc, date desc, shift desc, slot desc limit 1;
        update reports.cell c set formative = 2 * c.formative from planted p
        where (c.organisation, c.date, c.shift, c.slot) = (p.organisation, p.date, p.shift, p.slot)""",
     """update reports.cell c set formative = p.formative from planted p
        where (c.organisation, c.date, c.shift, c.slot) = (p.organisation, p.date, p.shift, p.slot)""", "reports' cell", OF_CELL),
    ("a day of the country is one short", "reports", """create table planted as
            select * from reports.node_day where node = 'KZ' and formative > 0 limit 1;
        update reports.node_day d set at_least_40 = d.at_least_40 - 1 from planted p
        where (d.tree, d.node, d.date) = (p.tree, p.node, p.date)""",
     """update reports.node_day d set at_least_40 = p.at_least_40 from planted p
        where (d.tree, d.node, d.date) = (p.tree, p.node, p.date)""", "reports' days", OF_DAY),
    ("a guardian's link is lost on the way", "notify", SEEN_LINK.format("=") + """
        delete from notify.copy_link l using planted p where l.id = p.id""",
     """insert into notify.copy_link (id, learner, guardian, rights, valid_from, valid_to, status, epoch, revision)
        select id, learner, guardian, rights, valid_from, valid_to, status, epoch, revision from planted""",
     "notify's guardians", OF_LINK),
    ("a guardian has rights that nobody gave", "notify", SEEN_LINK.format("<>") + """
        update notify.copy_link l set rights = 30 from planted p where l.id = p.id""",
     "update notify.copy_link l set rights = p.rights from planted p where l.id = p.id", "notify's guardians", OF_LINK),
    ("somebody else sees a child's marks", "notify",
     """create table planted as select id, id as guardian, learner
            from (select gen_random_uuid() as id, learner from notify.copy_link where status = 2 limit 1) l;
        insert into notify.copy_link (id, learner, guardian, rights, valid_from, status, epoch, revision)
        select id, learner, guardian, 6, '2020-09-01', 2, 1, 1 from planted""",
     "delete from notify.copy_link l using planted p where l.id = p.id", "notify's guardians", OF_LINK),
    ("two rows of a learner have changed places", "notify", """create table planted as
            select f.* from notify.feed f join (
                select learner, class, min((epoch, xid, seq)::text) from notify.feed where kind = 1 group by learner, class
                having count(*) > 2 limit 1) l on l.learner = f.learner and l.class = f.class
            where f.kind = 1 order by f.epoch, f.xid, f.seq limit 2;
        delete from notify.feed f using planted p where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq);
        insert into notify.feed overriding system value
        select (jsonb_populate_record(p, jsonb_build_object('epoch', o.epoch, 'xid', o.xid, 'seq', o.seq))).*
        from planted p join planted o on o.event <> p.event""",
     """delete from notify.feed f using planted p where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid, p.seq);
        insert into notify.feed overriding system value select * from planted""", "notify's order", "event || '/'"),
    ("a mark that stands was taken back", "notify",
     """create table planted as select * from notify.feed where kind = 1
            order by epoch desc, xid desc, seq desc limit 1;
        insert into notify.feed overriding system value
        select (jsonb_populate_record(p, jsonb_build_object('xid', p.xid + 1, 'kind', 4))).* from planted p""",
     """delete from notify.feed f using planted p where (f.epoch, f.xid, f.seq) = (p.epoch, p.xid + 1, p.seq)""", "notify's feed", OF_FEED),
    ("a mark that nobody sent", "grades", """create table planted as select gen_random_uuid() as id, m.month from grades.mark m limit 1;
        insert into grades.mark
        select (jsonb_populate_record(m, jsonb_build_object('id', p.id))).* from planted p, lateral (
            select m from grades.mark m where m.month = p.month limit 1) o (m)""",
     "delete from grades.mark m using planted p where m.id = p.id and m.month = p.month", "grades", OF_ITEM),
    ("a school has a learner too many", "reports", """create table planted as
            select * from reports.node_day where learners > 0 and length(node) = 36 limit 1;
        update reports.node_day d set learners = d.learners + 1 from planted p
        where (d.tree, d.node, d.date) = (p.tree, p.node, p.date)""",
     """update reports.node_day d set learners = p.learners from planted p
        where (d.tree, d.node, d.date) = (p.tree, p.node, p.date)""", "reports' days", OF_DAY),
)


class Unseen(AssertionError):
    pass


def statement(text, number):
    """What a fault keeps of before stands in a table of its own."""
    return text.replace("planted", f"planted_{number}")


def plant(house, number, fault, mend):
    """Returns how the recount must begin to name it."""
    _, database, damage, repair, place, name = fault
    house.admin_sql(database, f"begin; set search_path = public; {statement(damage, number)}; commit")
    mend.callback(house.admin_sql, database, f"begin; {statement(repair, number)}; drop table planted_{number}; commit")
    named = house.admin_sql(database, f"select {name} from planted_{number} limit 1")
    if not named:
        raise Unseen(f"{fault[0]}: nothing is there to be broken")
    return f"  {place}: {named}"


def must_see(said, lines):
    """`lines`: of each fault, how it must be named."""
    unseen = [words for words, line in lines.items() if line not in said.stdout]
    if said.returncode != 1 or unseen or "  the life of " not in said.stdout:
        raise Unseen(f"{unseen or list(lines)}: the recount says {said.stdout}{said.stderr}")


def plant_all(house, ledgers):
    """Returns what the recount said of all faults, and what when they were mended; raises Unseen where it has not seen one."""
    with contextlib.ExitStack() as mend:
        lines = {fault[0]: plant(house, number, fault, mend) for number, fault in enumerate(FAULTS)}
        if len(set(lines.values())) < len(lines):
            raise Unseen(f"two faults in one row: {sorted(lines.values())}")
        said = house.recount(*ledgers)
        must_see(said, lines)
    clean = house.recount(*ledgers)
    if clean.returncode:
        raise Unseen(f"everything was mended, but: {clean.stdout}{clean.stderr}")
    return said.stdout.splitlines()[-1], clean.stdout.splitlines()[-1]
