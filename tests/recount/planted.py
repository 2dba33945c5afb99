"""The recount's own test: faults are planted in an installation, one after the other, and it must see each.

Used by tests/end_to_end/run, on an installation that counts exactly and that nobody writes to.
"""

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
     "update attendance.roster r set learners = p.learners from planted p where r.id = p.id", "attendance"),
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
    ("a cell of a node is missing", "reports", """create table planted as select * from reports.node_cell limit 1;
        delete from reports.node_cell c using planted p
        where (c.tree, c.node, c.date, c.shift, c.slot) = (p.tree, p.node, p.date, p.shift, p.slot)""",
     "insert into reports.node_cell select * from planted", "reports' node_cell"),
)


class Unseen(AssertionError):
    pass


def must_see(house, ledgers, words, place):
    said = house.recount(*ledgers)
    if said.returncode != 1 or f"  {place}" not in said.stdout:
        raise Unseen(f"{words}: the recount says {said.stdout}{said.stderr}")
    return said.stdout.splitlines()[-1]


def plant_one(house, ledgers, fault):
    words, database, damage, repair, place = fault
    house.admin_sql(database, f"begin; set search_path = public; {damage}; commit")
    try:
        return words, must_see(house, ledgers, words, place)
    finally:
        house.admin_sql(database, f"begin; {repair}; drop table planted; commit")


def plant_all(house, ledgers):
    """Yields what was planted and what the recount said of it; raises Unseen where it saw nothing."""
    for fault in FAULTS:
        yield plant_one(house, ledgers, fault)
    clean = house.recount(*ledgers)
    if clean.returncode:
        raise Unseen(f"everything was mended, but: {clean.stdout}{clean.stderr}")
    yield "nothing, everything is mended", clean.stdout.splitlines()[-1]
