"""What each place should have, from the ledger, and what it has."""
import msgpack

import indicators
from books import CODES, KINDS, NEWS, VALUES, exceptions_text, facts

MARK_TYPE = "kz.eiso.grades.mark.recorded.v1"
MARK_CORRECTED_TYPE = "kz.eiso.grades.mark.corrected.v1"
MARK_WITHDRAWN_TYPE = "kz.eiso.grades.mark.withdrawn.v1"
REGISTER_TYPE = "kz.eiso.attendance.register.taken.v1"
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
            select r.id, r.organisation, r.class, r.date, r.slot, coalesce(r.subject, '-'), coalesce(
                (select string_agg(a.learner || ':' || a.code || ':' || coalesce(a.minutes::text, '-'), ','
                                   order by a.learner)
                 from absence a where a.register = r.id and a.month = r.month), '-')
            from register r"""):
        yield item, facts(*rest)


def check_services(books, installation):
    books.keep("has_mark", service_marks(installation))
    books.keep("has_register", service_registers(installation))
    books.settle()
    books.keep("want_mark", ((row[0], facts(*row[1:])) for row in books.db.execute("select * from true_mark")))
    books.keep("want_register", ((row[0], facts(*row[1:])) for row in books.db.execute("select * from true_register")))
    books.compare("grades", "want_mark", "has_mark")
    books.compare("attendance", "want_register", "has_register")


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


def event_of_register(value):
    taken = msgpack.unpackb(value)
    exceptions = [(e["learner"], CODES[e["code"]], e.get("minutes")) for e in taken.get("exceptions", ())]
    return taken["id"], taken["organisation"], facts(
        taken["organisation"], taken["class"], taken["date"], taken["lesson"], taken.get("subject"),
        exceptions_text(exceptions))


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


def wanted_register_events(books):
    for item, text in books.db.execute("select id, facts from want_register"):
        yield item, f"{REGISTER_TYPE} {text}"


def check_topics(books, installation):
    for kind, topic, types, wanted, read in (
            ("mark", "eiso.grades.marks.v1", (MARK_TYPE, MARK_CORRECTED_TYPE, MARK_WITHDRAWN_TYPE),
             wanted_mark_events, event_of_mark),
            ("register", "eiso.attendance.registers.v1", (REGISTER_TYPE,), wanted_register_events, event_of_register)):
        books.keep(f"want_{kind}_event", wanted(books))
        books.keep(f"event_{kind}", topic_effects(books, installation, topic, types, read))
        books.compare(topic, f"want_{kind}_event", f"event_{kind}")


# ---- The feed: a row a mark or its change, and one for each learner whose absence or lateness parents hear of ----

MARK_RECORDED, MARK_CORRECTED, MARK_WITHDRAWN, ABSENCE_RECORDED = 1, 2, 3, 5


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
    for row in books.db.execute(f"""select a.register, a.learner, r.class, r.subject, r.date, r.slot, a.code, a.minutes
                                    from true_absence a join true_register r on r.id = a.register
                                    where a.code in {NEWS}"""):
        yield f"{row[0]}/{row[1]}", facts(ABSENCE_RECORDED, *row[2:6], None, None, None, None, *row[6:])


def feed_rows(installation):
    for event, learner, kind, *rest in installation.rows("notify", """
            select event, learner, kind, class, subject, date, coalesce(lesson, 0), work, points, max_points, value,
                   code, minutes, corrects, before_points, before_max_points, before_value from feed"""):
        yield f"{event}/{learner}", facts(kind, *(rest if int(kind) < ABSENCE_RECORDED else rest[:10]))


def check_feed(books, installation):
    books.keep("want_feed", wanted_feed(books))
    books.keep("has_feed", feed_rows(installation))
    books.compare("notify's feed", "want_feed", "has_feed")


# ---- Rosters: those enrolled in the class that day ----

def read_registry(books, installation):
    books.fill("class", 2, installation.rows("registry", "select id, shift from class"))
    books.fill("enrolment", 5, installation.rows("registry", """
        select class, learner, valid_from, coalesce(valid_to, '9999-12-31'), mode from enrolment"""))
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
