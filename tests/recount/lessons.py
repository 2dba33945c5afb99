"""Registers and re-coded absences, replayed in the order of the ledger: what each event says, what was before it, what parents hear.

A sender changes one register by one item at a time, so the order of its ledger is that of the system.
"""
from books import NEWS, exceptions_text, facts

TYPES = ("kz.eiso.attendance.register.taken.v1", "kz.eiso.attendance.register.replaced.v1",
         "kz.eiso.attendance.register.withdrawn.v1", "kz.eiso.attendance.absence.changed.v1")
TAKEN, REPLACED, WITHDRAWN, CHANGED = TYPES
RECORDED, RECODED, VOID = 5, 6, 7  # kinds of the feed
PRESENT, THERE = 7, (None, None)

TABLES = """
create table standing_absence (register text, learner text, code int, minutes int, primary key (register, learner)) without rowid;
create table chain (id text primary key, first text) without rowid;
create table said (first text, learner text, event text, primary key (first, learner)) without rowid;
create table want_register_event (id text, facts text);
create table want_absence_feed (id text, facts text);
create table want_absence_change (id text, facts text);
"""


def is_news(absence):
    return absence[0] in NEWS


class Replay:
    def __init__(self, books):
        self.db = books.db

    def run(self):
        self.db.executescript(TABLES)
        for kind, item in self.db.execute("""select kind, id from (
                select place, 'register' as kind, id from true_register
                union all select place, 'change', id from true_absence_change) order by place""").fetchall():
            if kind == "change":
                self.recode(item)
            else:
                self.register(item)
        self.db.commit()

    # ---- What is known ----

    def row(self, item):
        return self.db.execute("""select id, organisation, class, date, slot, subject, replaces, withdraws, said
                                  from true_register where id = ?""", (item,)).fetchone()

    def absences(self, table, register):
        return {learner: (code, minutes) for learner, code, minutes in self.db.execute(
            f"select learner, code, minutes from {table} where register = ? and code <> {PRESENT}", (register,))}

    def first_of(self, item):
        found = self.db.execute("select first from chain where id = ?", (item,)).fetchone()
        return found[0] if found else item

    # ---- What happens ----

    def register(self, item):
        _, organisation, of, date, slot, subject, replaces, withdraws, said = row = self.row(item)
        original = replaces or withdraws
        now = {} if withdraws else self.absences("true_absence", item)
        self.db.executemany("insert into standing_absence values (?, ?, ?, ?)", [(item, key, *n) for key, n in now.items()])
        former = self.row(original) if original else None
        before = self.absences("standing_absence", original) if original else {}
        was = (*former[3:6], self.text(before)) if original else (None,) * 4
        own = (said, None, None) if withdraws else (date, slot, subject)
        self.event(item, WITHDRAWN if withdraws else REPLACED if replaces else TAKEN, organisation, of, *own, self.text(now),
                   replaces, withdraws, *was)
        self.db.execute("insert into chain values (?, ?)", (item, self.first_of(original) if original else item))
        self.tell(row, former, before, now)

    def recode(self, item):
        register, learner, code = self.db.execute(
            "select register, learner, code from true_absence_change where id = ?", (item,)).fetchone()
        row = self.row(register)
        standing = self.db.execute("select code, minutes from standing_absence where register = ? and learner = ?",
                                   (register, learner)).fetchone()
        before = standing or (PRESENT, None)
        now = (code, before[1] if code == before[0] else None)
        self.db.execute("insert or replace into standing_absence values (?, ?, ?, ?)", (register, learner, *now))
        self.event(item, CHANGED, *row[1:6], register, learner, *now, *before)
        self.db.execute("insert into want_absence_change values (?, ?)", (item, facts(register, learner, *now, *before)))
        self.db.execute("insert into chain values (?, ?)", (item, self.first_of(register)))
        was, now = (THERE if absence[0] == PRESENT else absence for absence in (before, now))
        if was != now:
            self.tell_one(item, learner, row, row, was, now, False)

    # ---- What follows from it ----

    @staticmethod
    def text(absences):
        return exceptions_text([(learner, *absence) for learner, absence in absences.items()])

    def event(self, item, *says):
        self.db.execute("insert into want_register_event values (?, ?)", (item, facts(*says)))

    def tell(self, row, former, before, now):
        moved = former is not None and (row[7] is not None or former[3:5] != row[3:5])
        for learner in sorted(set(before) | set(now)):
            was, absence = before.get(learner, THERE), now.get(learner, THERE)
            if moved or was != absence:
                self.tell_one(row[0], learner, row, former, was, absence, moved)

    def tell_one(self, event, learner, row, former, was, now, moved):
        """One row of the feed, where one of both is news. A lesson that moved or is gone leaves its absence void."""
        if not is_news(was) and not is_news(now):
            return
        void = moved and not is_news(now)
        kind = VOID if void else RECORDED if moved or not is_news(was) and is_news(now) else RECODED
        lesson, now = (former, THERE) if void else (row, now)
        first = self.first_of(event)
        corrects = self.db.execute("select event from said where first = ? and learner = ?", (first, learner)).fetchone()
        self.db.execute("insert into want_absence_feed values (?, ?)", (f"{event}/{learner}", facts(
            kind, lesson[2], lesson[5], lesson[3], lesson[4], *(None,) * 4, *now, corrects and corrects[0], *was)))
        self.db.execute("insert or replace into said values (?, ?, ?)", (first, learner, event))
