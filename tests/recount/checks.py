"""What each place should have, from the ledger, and what it has."""
import itertools

import msgpack

import indicators
import lessons
from books import CODES, KINDS, VALUES, exceptions_text, facts

MARK_TYPE = "kz.eiso.grades.mark.recorded.v1"
MARK_CORRECTED_TYPE = "kz.eiso.grades.mark.corrected.v1"
MARK_WITHDRAWN_TYPE = "kz.eiso.grades.mark.withdrawn.v1"
SERVICES = ("registry", "grades", "attendance", "notify", "reports")


def run_all(books, installation):
    for check in (check_services, check_topics, check_feed, read_registry, check_rosters, indicators.check,
                  check_quarantine):
        check(books, installation)


# ---- The services' own rows ----

def service_marks(installation):
    for item, *rest in installation.rows("grades", """
            select id, organisation, class, learner, date, coalesce(lesson, 0), subject, kind, points, max_points, value,
                   replaces, withdraws
            from mark"""):
        yield item, facts(*rest)


def service_registers(installation):
    for item, *rest in installation.rows("attendance", """
            select r.id, r.organisation, r.class, r.date, r.slot, coalesce(r.subject, '-'), r.replaces, r.withdraws, coalesce(
                (select string_agg(a.learner || ':' || a.code || ':' || coalesce(a.minutes::text, '-'), ','
                                   order by a.learner)
                 from absence a where a.register = r.id and a.month = r.month), '-')
            from register r"""):
        yield item, facts(*rest)


def service_changes(installation):
    for item, *rest in installation.rows("attendance", """
            select id, register, learner, code, minutes, before_code, before_minutes from absence_change"""):
        yield item, facts(*rest)


def wanted_registers(books):
    """With their exceptions as they stand, re-coded ones included."""
    rows = books.db.execute("""
        select r.id, r.organisation, r.class, r.date, r.slot, r.subject, r.replaces, r.withdraws, a.learner, a.code, a.minutes
        from true_register r left join standing_absence a on a.register = r.id order by r.id""")
    for item, absences in itertools.groupby(rows, key=lambda row: row[0]):
        absences = list(absences)
        yield item, facts(*absences[0][1:8], exceptions_text([row[8:] for row in absences if row[8]]))


def check_services(books, installation):
    books.keep("has_mark", service_marks(installation))
    books.keep("has_register", service_registers(installation))
    books.keep("has_absence_change", service_changes(installation))
    books.settle()
    lessons.Replay(books).run()
    books.keep("want_mark", ((row[0], facts(*row[1:])) for row in books.db.execute("select * from true_mark")))
    books.keep("want_register", wanted_registers(books))
    books.compare("grades", "want_mark", "has_mark")
    books.compare("attendance", "want_register", "has_register")
    books.compare("attendance's changes", "want_absence_change", "has_absence_change")


# ---- Topics ----

def results_of(mark):
    return KINDS[mark["kind"]], mark.get("points"), mark.get("max_points"), VALUES.get(mark.get("value"))


def event_of_mark(value):
    """With its type; a change with the day, lesson and result before it; a withdrawal has none of its own."""
    mark = msgpack.unpackb(value)
    before = mark.get("before")
    was = (before["date"], before.get("lesson", 0), *results_of(before)) if before else (None,) * 6
    now = results_of(mark) if "kind" in mark else (KINDS[before["kind"]], None, None, None)
    return mark["id"], mark["organisation"], facts(
        mark["organisation"], mark["class"], mark["learner"], mark["date"], mark.get("lesson", 0), mark["subject"],
        *now, mark.get("replaces"), mark.get("withdraws"), *was)


def wanted_mark_events(books):
    for row in books.db.execute("""
            select m.*, b.date, b.slot, b.kind, b.points, b.max_points, b.value
            from true_mark m left join true_mark b on b.id = coalesce(m.replaces, m.withdraws)"""):
        replaces, withdraws = row[11:13]
        yield row[0], facts(MARK_CORRECTED_TYPE if replaces else MARK_WITHDRAWN_TYPE if withdraws else MARK_TYPE, *row[1:])


def lesson_of(record):
    return record["date"], record.get("lesson"), record.get("subject")


def exceptions_of(record):
    return exceptions_text([(e["learner"], CODES[e["code"]], e.get("minutes")) for e in record.get("exceptions", ())])


def event_of_register(value):
    """Of a register, its changes with what was before; or of a re-coded absence."""
    taken = msgpack.unpackb(value)
    head = taken["id"], taken["organisation"]
    before = taken.get("before")
    if "register" in taken:
        return *head, facts(taken["organisation"], taken["class"], *lesson_of(taken), taken["register"], taken["learner"],
                            CODES[taken["code"]], taken.get("minutes"), CODES[before["code"]], before.get("minutes"))
    was = (*lesson_of(before), exceptions_of(before)) if before else (None,) * 4
    return *head, facts(taken["organisation"], taken["class"], *lesson_of(taken), exceptions_of(taken), taken.get("replaces"),
                        taken.get("withdraws"), *was)


class Lane:
    """One partition: positions only rise, each event names the one before it, what is sent again was sent before."""

    def __init__(self):
        self.last, self.again = (0, 0, 0, 0), 0


def effective(books, installation, topic):
    """The events that count: without those that were sent again."""
    lanes = {}
    books.db.execute("create temp table if not exists sent (lane text, position text, primary key (lane, position))")
    for message in installation.messages(topic):
        lane = lanes.setdefault(message.partition, Lane())
        known = (f"{topic}/{message.partition}", repr(message.position))
        place = f"{topic}[{message.partition}]@{message.offset}"
        if message.position <= lane.last:
            lane.again += 1
            if not books.db.execute("select 1 from sent where lane = ? and position = ?", known).fetchone():
                books.differ(place, f"{message.position} comes behind {lane.last}")
            continue
        if message.previous != lane.last:
            books.differ(place, f"names {message.previous} as the one before, which is {lane.last}")
        lane.last = message.position
        books.db.execute("insert into sent values (?, ?)", known)
        yield place, message
    again = sum(lane.again for lane in lanes.values())
    if again:
        print(f"  {topic}: {again} events were sent again, as after a restart")


def topic_effects(books, installation, topic, wanted_types, read):
    for place, message in effective(books, installation, topic):
        if message.key.startswith("~history|"):
            continue
        if message.type not in wanted_types:
            books.differ(place, f"an event of type {message.type}")
            continue
        item, key, text = read(message.value)
        if (item, key) != (message.id, message.key):
            books.differ(place, f"key {message.key} and id {message.id} of an event of {key}, {item}")
        yield item, f"{message.type} {text}"


def check_topics(books, installation):
    for kind, topic, types, wanted, read in (
            ("mark", "eiso.grades.marks.v1", (MARK_TYPE, MARK_CORRECTED_TYPE, MARK_WITHDRAWN_TYPE),
             wanted_mark_events, event_of_mark),
            ("register", "eiso.attendance.registers.v1", lessons.TYPES, None, event_of_register)):
        if wanted:
            books.keep(f"want_{kind}_event", wanted(books))
        books.keep(f"event_{kind}", topic_effects(books, installation, topic, types, read))
        books.compare(topic, f"want_{kind}_event", f"event_{kind}")


# ---- The feed: a row a mark or its change, and one for each learner whose absence or its change parents hear of ----

MARK_RECORDED, MARK_CORRECTED, MARK_WITHDRAWN = 1, 2, 3


def wanted_feed(books):
    for row in books.db.execute("""select id, learner, class, subject, date, slot, kind, points, max_points, value
                                   from true_mark where replaces is null and withdraws is null"""):
        yield f"{row[0]}/{row[1]}", facts(MARK_RECORDED, *row[2:], *(None,) * 6)
    # A withdrawal speaks of the day, lesson and kind of what is gone.
    for item, learner, replaces, withdraws, *rest in books.db.execute("""
            select m.id, m.learner, m.replaces, m.withdraws, m.class, m.subject, iif(m.replaces is null, b.date, m.date),
                   iif(m.replaces is null, b.slot, m.slot), m.kind, m.points, m.max_points, m.value,
                   b.points, b.max_points, b.value
            from true_mark m join true_mark b on b.id = coalesce(m.replaces, m.withdraws)"""):
        yield f"{item}/{learner}", facts(MARK_CORRECTED if replaces else MARK_WITHDRAWN, *rest[:8], None, None,
                                         replaces or withdraws, *rest[8:])
    yield from books.db.execute("select id, facts from want_absence_feed")


def feed_rows(installation):
    for event, learner, kind, *rest in installation.rows("notify", """
            select event, learner, kind, class, subject, date, coalesce(lesson, 0), work, points, max_points, value,
                   code, minutes, corrects, before_points, before_max_points, before_value, before_code, before_minutes
            from feed"""):
        of_mark = int(kind) < lessons.RECORDED
        yield f"{event}/{learner}", facts(kind, *(rest[:-2] if of_mark else rest[:11] + rest[-2:]))


def check_feed(books, installation):
    books.keep("want_feed", wanted_feed(books))
    books.keep("has_feed", feed_rows(installation))
    books.compare("notify's feed", "want_feed", "has_feed")


# ---- Rosters: those enrolled in the class that day ----

def read_registry(books, installation):
    books.fill("class", 2, installation.rows("registry", "select id, shift from class"))
    books.fill("enrolment", 6, installation.rows("registry", """
        select id, class, learner, valid_from, coalesce(valid_to, '9999-12-31'), mode from enrolment"""))
    books.db.execute("create index enrolment_class on enrolment (class)")
    books.fill("organisation", 6, installation.rows("registry", """
        select id, subordinate_to, kato, shifts, valid_from, coalesce(valid_to, '9999-12-31') from organisation"""))
    books.fill("territory", 2, installation.rows("registry",
               "select code, parent from reference where list = 'territory'"))
    books.db.execute("""create table roster as
        select r.id, count(distinct e.learner) as learners from true_register r
        join enrolment e on e.class = r.class and e.mode = 1 and r.date between e.first and e.last group by r.id""")
    books.db.execute("create unique index roster_id on roster (id)")


def check_rosters(books, installation):
    books.keep("want_roster", ((item, str(count)) for item, count in books.db.execute("select * from roster")))
    books.keep("has_roster", ((item, f"{frozen}") for item, frozen, counted in installation.rows("attendance", """
        select g.id, cardinality(r.learners), g.learners from register g join roster r on r.id = g.roster""")
        if frozen == counted or books.differ("attendance", f"{item} counts {counted} of {frozen} on its roster") is None))
    books.compare("attendance's rosters", "want_roster", "has_roster")


def check_quarantine(books, installation):
    for service in SERVICES[1:]:
        held = installation.value(service, "select count(*) from quarantine")
        if held != "0":
            books.differ(service, f"{held} events are held in quarantine")
