"""Registers and re-coded absences, replayed: what each event says, what was before it, what parents hear, what stands in the end.

A sender changes one register by one item at a time, so the order of its ledger is that of the system. One chain, a register
and all that changed it, is in memory at a time.
"""
import contextlib
import itertools

CODES = {"absent_unexcused": 1, "absent_ill": 2, "absent_excused": 3, "late": 4, "remote": 5, "exempt": 6, "present": 7}
NEWS = (1, 2, 3, 4)  # what parents hear of; remote and exempt count as there
PRESENT, THERE = 7, (None, None)
RECORDED, RECODED, VOID = 5, 6, 7  # kinds of the feed

ITEMS = """select c.first, i.id, i.type, i.original, i.organisation, i.class, i.date, i.lesson, i.subject, i.exceptions, i.learner, i.code
           from want.register_item i join want.chain c on c.id = i.id order by c.first, i.place"""
OUTPUTS = ("register", "absence_change", "register_event", "absence_feed", "standing_register")


def text(absences):
    """(learner, code, minutes)... in one order, as in books.sql and topics.py."""
    return ",".join(f"{learner}:{code}:{'-' if minutes is None else minutes}" for learner, code, minutes in sorted(absences)) or None


def is_news(absence):
    return absence[0] in NEWS


class Register:
    """Its lesson, and each absence as it stands: by person, under the id that it was sent with."""

    def __init__(self, item, organisation, of, date, lesson, subject):
        self.id, self.organisation, self.of, self.date, self.lesson, self.subject = item, organisation, of, date, lesson, subject
        self.replaces = self.withdraws = None
        self.active = True
        self.absences = {}  # canonical learner -> (learner, code, minutes)

    def exceptions(self, names):
        """(learner, code, minutes) of those who are not present, each under the id that `names` has for the same person."""
        return [(names[person][0] if person in names else learner, code, minutes)
                for person, (learner, code, minutes) in self.absences.items() if code != PRESENT]

    def absence(self, person):
        _, code, minutes = self.absences.get(person, (None, PRESENT, None))
        return THERE if code == PRESENT else (code, minutes)


class Chain:
    def __init__(self, write, canonical):
        self.write, self.canonical = write, canonical
        self.registers, self.said = {}, {}  # said: canonical learner -> the last event that parents heard of

    def person(self, learner):
        return self.canonical.get(learner, learner)

    def take(self, item, kind, original, organisation, of, date, lesson, subject, listed, learner, code):
        former = self.registers.get(original)
        if kind == "recoded":
            self.recode(item, former, learner, CODES[code])
        elif kind == "withdrawn":
            self.withdraw(item, former, date)
        else:
            self.register(Register(item, organisation, of, date, lesson, subject), former, listed)

    def register(self, taken, former, listed):
        for exception in listed.split(",") if listed else ():
            learner, code, minutes = exception.split(":")
            taken.absences[self.person(learner)] = (learner, CODES[code], None if minutes == "-" else int(minutes))
        self.registers[taken.id] = taken
        was = ()
        if former:
            taken.replaces, former.active = former.id, False
            was = (former.date, former.lesson, former.subject, text(former.exceptions(taken.absences)))
        self.event(taken, "replaced" if former else "taken", (taken.date, taken.lesson, taken.subject, text(taken.exceptions({}))), was)
        self.tell(taken, former, moved=former is not None and (former.date, former.lesson) != (taken.date, taken.lesson))

    def withdraw(self, item, former, date):
        gone = Register(item, former.organisation, former.of, former.date, former.lesson, former.subject)
        gone.withdraws, gone.active, former.active = former.id, False, False
        self.registers[item] = gone
        self.event(gone, "withdrawn", (date, None, None, None), (former.date, former.lesson, former.subject, text(former.exceptions({}))))
        self.tell(gone, former, moved=True)

    def recode(self, item, register, learner, code):
        person = self.person(learner)
        standing, was_code, was_minutes = register.absences.get(person, (learner, PRESENT, None))
        minutes = was_minutes if code == was_code else None
        was = register.absence(person)
        register.absences[person] = (standing, code, minutes)
        change = (register.id, standing, code, minutes)
        self.write("absence_change", item, *change, was_code, was_minutes)
        self.write("register_event", "recoded", item, register.organisation, register.of, register.date, register.lesson,
                   register.subject, None, None, None, *change, None, None, None, None, was_code, was_minutes)
        if was != register.absence(person):
            self.tell_one(item, standing, register, None, was, register.absence(person))

    # ---- What follows from it ----

    def event(self, register, kind, says, was):
        self.write("register_event", kind, register.id, register.organisation, register.of, *says, register.replaces,
                   register.withdraws, None, None, None, None, *(was or (None,) * 4), None, None)

    def tell(self, register, former, moved):
        persons = dict.fromkeys(itertools.chain(former.absences if former else (), register.absences))
        for person in persons:
            was, now = former.absence(person) if former else THERE, register.absence(person)
            learner = (register if person in register.absences else former).absences[person][0]
            if moved or was != now:
                self.tell_one(register.id, learner, register, former if moved else None, was, now)

    def tell_one(self, event, learner, register, moved_from, was, now):
        """One row of the feed, where one of both is news. A lesson that moved or is gone leaves its absence void."""
        if not is_news(was) and not is_news(now):
            return
        void = moved_from is not None and not is_news(now)
        kind = VOID if void else RECORDED if moved_from or not is_news(was) else RECODED
        lesson, now = (moved_from, THERE) if void else (register, now)
        person = self.person(learner)
        self.write("absence_feed", event, learner, kind, lesson.of, lesson.subject, lesson.date, lesson.lesson, *now,
                   self.said.get(person), *was)
        self.said[person] = event

    # ---- What stands in the end ----

    def end(self):
        for register in self.registers.values():
            self.write("register", register.id, register.organisation, register.of, register.date, register.lesson, register.subject,
                       register.replaces, register.withdraws, text(register.absences.values()))
            if register.active:
                codes = [code for _, code, _ in register.absences.values()]
                late = sum(minutes or 0 for _, _, minutes in register.absences.values())
                self.write("standing_register", register.id, register.organisation, register.of, register.date, register.lesson,
                           *(codes.count(code) for code in NEWS), late, codes.count(5), codes.count(6))


def run(books):
    canonical = dict(books.rows("select id, canonical from registry.alias"))
    with contextlib.ExitStack() as stack:
        writers = {name: stack.enter_context(books.copy_in(f"want.{name}")) for name in OUTPUTS}

        def write(name, *columns):
            writers[name].write("\t".join("\\N" if column is None else str(column) for column in columns) + "\n")

        for _, items in itertools.groupby(books.rows(ITEMS), key=lambda item: item[0]):
            chain = Chain(write, canonical)
            for _, *item in items:
                chain.take(*item)
            chain.end()
