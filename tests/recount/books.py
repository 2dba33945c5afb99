"""The recount's own books, in a file: nothing here grows with the number of items but the file.

An effect is a row (id, facts): what it is of, and everything that counts in it as one text. What a place should
have and what it has are two tables of effects; equal tables are equal places.
"""
import itertools
import sqlite3

KINDS = {"formative": 1, "summative_unit": 2, "summative_term": 3}
VALUES = {"pass": 1, "fail": 2, "exempt": 3, "not_attested": 4}
CODES = {"absent_unexcused": 1, "absent_ill": 2, "absent_excused": 3, "late": 4, "remote": 5, "exempt": 6,
         "present": 7}
NEWS = (1, 2, 3, 4)  # what parents hear of; remote and exempt count as there

KINDS_OF_ITEMS = ("mark", "register", "absence_change")

SCHEMA = """
pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -65536;
create table mark (id text primary key, organisation text, class text, learner text, date text, slot int,
                   subject text, kind int, points int, max_points int, value int, replaces text, withdraws text) without rowid;
create table register (id text primary key, organisation text, class text, date text, slot int, subject text,
                       exceptions text, replaces text, withdraws text, said text, place int) without rowid;
create table absence (register text, learner text, code int, minutes int, primary key (register, learner)) without rowid;
create table absence_change (id text primary key, register text, learner text, code int, place int) without rowid;
create table outcome (id text primary key, outcome text) without rowid;
create table class (id text primary key, shift int) without rowid;
create table enrolment (id text, class text, learner text, first text, last text, mode int);
create table organisation (id text primary key, above text, kato text, shifts int, first text, last text) without rowid;
create table territory (code text primary key, above text) without rowid;
"""


def number(word):
    return None if word in ("-", None) else int(word)


def text(value):
    return "-" if value is None else str(value)


def facts(*values):
    return " ".join(text(value) for value in values)


def exceptions_text(exceptions):
    """(learner, code, minutes)... in one order."""
    return ",".join(f"{learner}:{code}:{text(minutes)}" for learner, code, minutes in sorted(exceptions)) or "-"


class Books:
    def __init__(self, path, shown):
        self.db = sqlite3.connect(path)
        self.db.executescript(SCHEMA)
        self.differences, self.difference_count, self.shown = [], 0, shown
        self.place = 0  # in the ledgers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.db.close()

    # ---- The ledger ----

    def read_ledgers(self, paths):
        readers = {"mark": self.read_mark, "mark_correction": self.read_mark_correction,
                   "mark_withdrawal": self.read_mark_withdrawal, "register": self.read_register,
                   "register_replacement": self.read_replacement, "register_withdrawal": self.read_withdrawal,
                   "absence_change": self.read_absence_change, "accepted": self.read_outcome, "rejected": self.read_outcome}
        for path in paths:
            with open(path, encoding="ascii") as lines:
                for line in lines:
                    words = line.rstrip("\n").split(" ")
                    self.place += 1
                    if line.endswith("\n") and words[-1] != "torn":  # else the sender died in the middle of it
                        readers[words[0]](words)
        self.db.commit()

    def read_mark(self, words, replaces=None):
        _, item, organisation, of, learner, date, slot, subject, kind, points, most, value = words
        self.db.execute("insert or ignore into mark values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null)",
                        (item, organisation, of, learner, date, number(slot) or 0, subject, KINDS[kind],
                         number(points), number(most), VALUES.get(value), replaces))

    def read_mark_correction(self, words):
        self.read_mark(words[:2] + words[3:], words[2])

    def read_mark_withdrawal(self, words):
        """Whose mark it was is known when all is read."""
        _, item, withdraws, date = words
        self.db.execute("insert or ignore into mark (id, date, slot, withdraws) values (?, ?, 0, ?)", (item, date, withdraws))

    def read_register(self, words, replaces=None):
        _, item, organisation, of, date, slot, subject, listed = words
        exceptions = []
        for exception in listed.split(",") if listed != "-" else ():
            learner, code, minutes = exception.split(":")
            exceptions.append((learner, CODES[code], number(minutes)))
        self.db.execute("insert or ignore into register values (?, ?, ?, ?, ?, ?, ?, ?, null, null, ?)",
                        (item, organisation, of, date, int(slot), subject, exceptions_text(exceptions), replaces, self.place))
        self.db.executemany("insert or ignore into absence values (?, ?, ?, ?)", [(item, *e) for e in exceptions])

    def read_replacement(self, words):
        self.read_register(words[:2] + words[3:], words[2])

    def read_withdrawal(self, words):
        """Of which lesson is known when all is read."""
        _, item, withdraws, date = words
        self.db.execute("insert or ignore into register (id, exceptions, withdraws, said, place) values (?, '-', ?, ?, ?)",
                        (item, withdraws, date, self.place))

    def read_absence_change(self, words):
        _, item, register, learner, code = words
        self.db.execute("insert or ignore into absence_change values (?, ?, ?, ?, ?)",
                        (item, register, learner, CODES[code], self.place))

    def read_outcome(self, words):
        self.db.execute("insert or replace into outcome values (?, ?)", (words[1], words[0]))

    def settle(self):
        """Items without an outcome count where their service has them: they were taken, or not; both are right."""
        self.db.execute("""update mark set (organisation, class, learner, subject, kind) =
            (select o.organisation, o.class, o.learner, o.subject, o.kind from mark o where o.id = mark.withdraws)
            where withdraws is not null""")
        self.db.execute("""update register set (organisation, class, date, slot, subject) =
            (select o.organisation, o.class, o.date, o.slot, o.subject from register o where o.id = register.withdraws)
            where withdraws is not null""")
        for kind in KINDS_OF_ITEMS:
            self.db.execute(f"""create table true_{kind} as select i.* from {kind} i left join outcome o on o.id = i.id
                where o.outcome = 'accepted' or (o.id is null and i.id in (select id from has_{kind}))""")
            self.db.execute(f"create unique index true_{kind}_id on true_{kind} (id)")
        for kind in ("mark", "register"):
            self.db.execute(f"""create table standing_{kind} as select * from true_{kind} where withdraws is null and id not in (
                select coalesce(replaces, withdraws) from true_{kind} where coalesce(replaces, withdraws) is not null)""")
        self.db.execute("""create table true_absence as
            select a.* from absence a where a.register in (select id from true_register)""")
        self.db.execute("create index true_absence_register on true_absence (register)")

    def item_count(self):
        return sum(self.db.execute(f"select count(*) from true_{kind}").fetchone()[0] for kind in KINDS_OF_ITEMS)

    # ---- Effects ----

    def keep(self, table, effects):
        """A table of effects (id, facts), doubles included."""
        self.db.execute(f"create table {table} (id text, facts text)")
        effects = iter(effects)
        while chunk := list(itertools.islice(effects, 10000)):
            self.db.executemany(f"insert into {table} values (?, ?)", chunk)
        self.db.execute(f"create index {table}_id on {table} (id)")
        self.db.commit()

    def fill(self, table, columns, rows):
        places = ", ".join("?" * columns)
        self.db.executemany(f"insert into {table} values ({places})", rows)
        self.db.commit()

    def differ(self, place, line):
        self.difference_count += 1
        if len(self.differences) < self.shown:
            self.differences.append(f"{place}: {line}")

    def compare(self, place, wanted, has):
        """Each row of `wanted` once in `has`, with the same facts, and nothing else."""
        for row in self.db.execute(f"select id from {wanted} where id not in (select id from {has})"):
            self.differ(place, f"{row[0]} is missing")
        for row in self.db.execute(f"select id, facts from {has} where id not in (select id from {wanted})"):
            self.differ(place, f"{row[0]} should not be there ({row[1]})")
        for row in self.db.execute(f"select id, count(*) from {has} group by id having count(*) > 1"):
            self.differ(place, f"{row[0]} is there {row[1]} times")
        for row in self.db.execute(f"""select h.id, h.facts, w.facts from {has} h join {wanted} w on w.id = h.id
                                       where h.facts <> w.facts"""):
            self.differ(place, f"{row[0]} is ({row[1]}), not ({row[2]})")
