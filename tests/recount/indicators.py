"""Indicators by brute force: every cell, every day of every node, in both trees."""
from books import facts

COUNTERS = ("registers", "learner_lessons", "absent_unexcused", "absent_ill", "absent_excused", "late", "late_minutes",
            "remote", "exempt", "formative", "summative_unit", "summative_term", "marks_with_points",
            "percent_sum_hundredths", "at_least_65", "at_least_40")
NOTHING = facts(*[0] * len(COUNTERS))

# One row a fact, with its counters; integer arithmetic: a percent is rounded half up to hundredths.
FACT_ROWS = """
create table fact as
select m.organisation, m.date, c.shift, m.slot, 0 as registers, 0 as learner_lessons, 0 as absent_unexcused,
       0 as absent_ill, 0 as absent_excused, 0 as late, 0 as late_minutes, 0 as remote, 0 as exempt,
       m.kind = 1 as formative, m.kind = 2 as summative_unit, m.kind = 3 as summative_term,
       m.points is not null as marks_with_points,
       coalesce((20000 * m.points + m.max_points) / (2 * m.max_points), 0) as percent_sum_hundredths,
       coalesce(100 * m.points >= 65 * m.max_points, 0) as at_least_65,
       coalesce(100 * m.points >= 40 * m.max_points, 0) as at_least_40
from standing_mark m join class c on c.id = m.class
union all
select r.organisation, r.date, c.shift, r.slot, 1, coalesce(o.learners, 0), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
from standing_register r join class c on c.id = r.class left join roster o on o.id = r.id
union all
select r.organisation, r.date, c.shift, r.slot, 0, 0, a.code = 1, a.code = 2, a.code = 3, a.code = 4,
       coalesce(a.minutes, 0), a.code = 5, a.code = 6, 0, 0, 0, 0, 0, 0, 0
from standing_absence a join standing_register r on r.id = a.register join class c on c.id = r.class
"""

# Where an organisation counts: in the territory at its place and all above; in subordination at itself, if others
# are below it, and at all of its superiors. Its own day stands in the territory under its id.
REACH = """
create table reach as
with recursive place (organisation, tree, node) as (
    select id, 1, kato from organisation where kato in (select code from territory)
    union all
    select p.organisation, 1, t.above from place p join territory t on t.code = p.node
    where p.tree = 1 and t.above is not null
), superior (organisation, node) as (
    select o.id, o.id from organisation o
    union all
    select s.organisation, o.above from superior s join organisation o on o.id = s.node where o.above is not null
)
select organisation, tree, node from place
union
select s.organisation, 2, s.node from superior s where s.node in (select above from organisation)
"""

SUMS = ", ".join(f"sum({name}) as {name}" for name in COUNTERS)


def text_of(row, key_columns):
    return "/".join(str(value) for value in row[:key_columns]), facts(*row[key_columns:])


def make_tables(books):
    books.db.execute(FACT_ROWS)
    books.db.execute(f"""create table cell as select organisation, date, shift, slot, {SUMS} from fact
                         group by organisation, date, shift, slot""")
    books.db.execute(REACH)
    books.db.execute("create index reach_organisation on reach (organisation)")
    books.db.execute(f"""create table node_cell as select r.tree, r.node, c.date, c.shift, c.slot, {SUMS}
        from cell c join reach r on r.organisation = c.organisation group by r.tree, r.node, c.date, c.shift, c.slot""")


def check_cells(books, installation, table, keys):
    names = ", ".join(keys)
    counters = ", ".join(COUNTERS)
    books.keep(f"want_{table}", (text_of(row, len(keys)) for row in books.db.execute(
        f"select {names}, {counters} from {table}")))
    books.keep(f"has_{table}", (effect for effect in (text_of(row, len(keys)) for row in installation.rows(
        "reports", f"select {names}, {counters} from {table}")) if effect[1] != NOTHING))
    books.compare(f"reports' {table}", f"want_{table}", f"has_{table}")


def make_days(books, dates):
    """What each organisation and node has on each of these dates, learners and organisations included."""
    books.db.execute("create table date (date text)")
    books.fill("date", 1, dates)
    # A learner counts where the homeroom is that began last of those in force that day.
    books.db.execute("""create table learners as
        select organisation, date, count(*) as learners
        from (select h.organisation, d.date, row_number() over (partition by d.date, e.learner order by e.first desc, e.id desc) as place
              from date d join enrolment e on d.date between e.first and e.last join homeroom h on h.id = e.class)
        where place = 1 group by organisation, date""")
    books.db.execute("create unique index learners_day on learners (organisation, date)")
    books.db.execute("""create table contingent as
        select o.id as organisation, d.date,
               coalesce((select l.learners from learners l where l.organisation = o.id and l.date = d.date), 0) as learners,
               o.shifts > 0 and d.date between o.first and o.last as organisations,
               exists (select 1 from cell c where c.organisation = o.id and c.date = d.date) as heard
        from organisation o cross join date d""")
    books.db.execute(f"""create table day as
        select c.organisation, c.date, c.learners, c.organisations, c.organisations * c.heard as organisations_heard,
               {", ".join(f"coalesce(s.{name}, 0) as {name}" for name in COUNTERS)}
        from contingent c left join (select organisation, date, {SUMS} from cell group by organisation, date) s
             on s.organisation = c.organisation and s.date = c.date""")
    head = "sum(learners) as learners, sum(organisations) as organisations, sum(organisations_heard) as organisations_heard"
    books.db.execute(f"""create table node_day as
        select 1 as tree, organisation as node, date, learners, organisations, organisations_heard, {", ".join(COUNTERS)}
        from day
        union all
        select r.tree, r.node, d.date, {head}, {SUMS} from day d join reach r on r.organisation = d.organisation
        group by r.tree, r.node, d.date""")


def check_days(books, installation):
    books.db.execute("create table homeroom (id text, organisation text)")
    books.fill("homeroom", 2, installation.rows("registry", "select id, organisation from class where type = 1"))
    books.db.execute("create index homeroom_organisation on homeroom (organisation)")
    books.db.execute("create index cell_organisation on cell (organisation, date)")
    make_days(books, installation.rows("reports", "select date from day"))
    columns = f"tree, node, date, learners, organisations, organisations_heard, {', '.join(COUNTERS)}"
    nothing = facts(*[0] * (3 + len(COUNTERS)))
    for table, rows in (("want_day", books.db.execute(f"select {columns} from node_day")),
                        ("has_day", installation.rows("reports", f"select {columns} from node_day"))):
        books.keep(table, (effect for effect in (text_of(row, 3) for row in rows) if effect[1] != nothing))
    books.compare("reports' days", "want_day", "has_day")


def check(books, installation):
    make_tables(books)
    check_cells(books, installation, "cell", ("organisation", "date", "shift", "slot"))
    check_cells(books, installation, "node_cell", ("tree", "node", "date", "shift", "slot"))
    check_days(books, installation)
