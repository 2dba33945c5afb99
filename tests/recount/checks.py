"""Everything is read into the books, by two processes; then what each place should have is compared with what it has."""
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import ledgers
import replay
import topics

COUNTERS = ("registers", "learner_lessons", "absent_unexcused", "absent_ill", "absent_excused", "late", "late_minutes",
            "remote", "exempt", "formative", "summative_unit", "summative_term", "marks_with_points",
            "percent_sum_hundredths", "at_least_65", "at_least_40")
SERVICES = ("registry", "grades", "attendance", "notify", "reports")
COUNTED = ", ".join(COUNTERS)
INDICATOR_NAMES = {"counters": COUNTED, "counters_or_0": ", ".join(f"coalesce({name}, 0) as {name}" for name in COUNTERS),
                   "sums": ", ".join(f"sum({name})::bigint as {name}" for name in COUNTERS)}

# What the services have, by table of the books; large ones first, so that none is left for the end.
QUERIES = (
    ("notify.feed", """select epoch, xid, seq, event, learner, kind, class, subject, date, lesson, work, points, max_points, value, code,
        minutes, corrects, before_points, before_max_points, before_value, before_code, before_minutes from feed"""),
    ("grades.mark", """select id, organisation, class, learner, date, lesson, subject, kind, points, max_points, value, replaces, withdraws
        from mark"""),
    ("notify.guardian", """select learner, guardian, rights, valid_from, valid_to, case when counts then status else 3 end::smallint
        from copy_link"""),
    ("registry.guardian", "select learner, guardian, rights, valid_from, valid_to, status from guardian"),
    ("registry.enrolment", "select id, learner, class, valid_from, valid_to, mode from enrolment"),
    ("attendance.register", """select id, organisation, class, date, slot, subject, replaces, withdraws, roster,
        learners from register"""),
    ("attendance.absence", "select register, learner, code, minutes from absence"),
    ("attendance.roster", "select id, learners from roster"),
    ("attendance.absence_change", "select id, register, learner, code, minutes, before_code, before_minutes from absence_change"),
    ("reports.cell", f"select organisation, date, shift, slot, {COUNTED} from cell"),
    ("reports.node_day", f"select tree, node, learners, organisations, organisations_heard, date, {COUNTED} from node_day"),
    ("reports.day", "select date from day"),
    ("registry.class", "select id, organisation, type, shift from class"),
    ("registry.organisation", "select id, subordinate_to, kato, shifts, valid_from, valid_to from organisation"),
    ("registry.territory", "select code, parent from reference where list = 'territory'"),
    ("registry.alias", "select id, canonical from alias"),
    ("notify.alias", "select id, canonical from copy_alias"),
)

MARK = ("organisation", "class", "learner", "date", "lesson", "subject", "kind", "points", "max_points", "value", "replaces", "withdraws")
MARK_EVENT = ("type", *MARK, "was_date", "was_lesson", "was_kind", "was_points", "was_max_points", "was_value")
REGISTER = ("organisation", "class", "date", "slot", "subject", "replaces", "withdraws", "absences")
REGISTER_EVENT = ("type", "organisation", "class", "date", "slot", "subject", "exceptions", "replaces", "withdraws", "register", "learner",
                  "code", "minutes", "was_date", "was_slot", "was_subject", "was_exceptions", "was_code", "was_minutes")
CHANGE = ("register", "learner", "code", "minutes", "was_code", "was_minutes")
FEED = ("kind", "class", "subject", "date", "lesson", "work", "points", "max_points", "value", "code", "minutes", "corrects",
        "was_points", "was_max_points", "was_value", "was_code", "was_minutes")

# Place, what it should have, what it has, key, columns, whose life shows what happened.
COMPARISONS = (
    ("notify's feed", "want.feed", "notify.standing_feed", ("event", "learner"), FEED, "event"),
    (topics.MARKS, "want.mark_event", "topic.effective_mark", ("id",), MARK_EVENT, "id"),
    ("grades", "want.mark", "grades.mark", ("id",), MARK, "id"),
    ("attendance", "want.register", "attendance.with_absences", ("id",), REGISTER, "id"),
    ("attendance's changes", "want.absence_change", "attendance.absence_change", ("id",), CHANGE, "id"),
    (topics.REGISTERS, "want.register_event", "topic.effective_register", ("id",), REGISTER_EVENT, "id"),
    ("attendance's rosters", "want.roster", "attendance.frozen", ("class", "date"), ("learners",), "null"),
    ("notify's guardians", "want.sees", "notify.sees", ("guardian", "learner"), ("child", "rights"), "null"),
)
INDICATORS = (
    ("reports' cell", "want.cell", "reports.counted_cell", ("organisation", "date", "shift", "slot"), COUNTERS),
    ("reports' days", "want.counted_node_day", "reports.counted_node_day", ("tree", "node", "date"),
     ("learners", "organisations", "organisations_heard", *COUNTERS)),
)


def load_query(books, installation, table, query):
    books.load(table, installation, table.split(".", maxsplit=1)[0], query)


def together(pool, tasks):
    """(function, arguments...) each, two at a time."""
    with pool(2) as pool:
        for done in [pool.submit(*task) for task in tasks]:
            done.result()


def read_everything(books, installation, paths, today):
    lanes = [(name, partition) for name, topic in topics.TOPICS.items() for partition in range(installation.partitions(topic.service))]
    together(ProcessPoolExecutor, [
        (ledgers.load, books, paths),
        *((topics.load, books, installation, *lane) for lane in lanes),
        *((load_query, books, installation, table, query.replace("{today}", today)) for table, query in QUERIES)])


def settle_registers(books):
    books.run("registers.sql")
    replay.run(books)


def check_indicators(books):
    books.run("indicators.sql", INDICATOR_NAMES)
    for comparison in INDICATORS:
        books.compare(*comparison)


def check_quarantine(books, installation):
    for service in SERVICES[1:]:
        held = installation.value(service, "select count(*) from quarantine")
        if held != "0":
            books.differ(service, "quarantine", f"{held} events are held")


def count(books, today, restored=()):
    """Looks at nothing but what is in the books."""
    books.run("taken.sql", {"restored": ",".join(restored)})
    together(ThreadPoolExecutor, [(books.run, "marks.sql"), (settle_registers, books), (books.run, "topics.sql"),
                                  (books.run, "guardians.sql", {"links": "registry", "sees": "want", "today": today}),
                                  (books.run, "guardians.sql", {"links": "notify", "sees": "notify", "today": today})])
    together(ThreadPoolExecutor, [(books.run, "places.sql"), (books.run, "rosters.sql")])
    together(ThreadPoolExecutor, [(books.run, "order.sql"), *((books.compare, *comparison) for comparison in COMPARISONS),
                                  (check_indicators, books)])


def run_all(books, installation, paths, today, restored):
    check_quarantine(books, installation)
    read_everything(books, installation, paths, today)
    count(books, today, restored)


def remarks(books):
    """What is no difference, but worth a line."""
    for topic, number in books.rows("""select topic, count(*) from (select 'marks' as topic from topic.mark where again
            union all select 'registers' from topic.register where again) a group by topic order by topic"""):
        yield f"{number} events of {topic} were sent again, as after a restart"
    for topic, number in books.rows("select topic, count(*) from topic.ghost group by topic order by topic"):
        yield f"{number} events of topic {topic} were lost by their source and taken back"
    for service, number in books.rows("select service, count(*) from want.lost group by service order by service"):
        yield f"{number} acknowledged items are not in the older copy of {service}"
    rows, guardians, seen = next(books.rows("""
        with feed as (select learner, case when kind <= 4 then 2 else 4 end as needs, count(*) as rows from notify.feed group by 1, 2)
        select (select sum(rows) from feed), count(distinct s.guardian), coalesce(sum(f.rows), 0)
        from feed f join want.sees s on s.learner = f.learner and s.rights & f.needs <> 0"""))
    yield f"{rows} rows of the feed are seen {seen} times by {guardians} guardians"
