#!/usr/bin/python3
"""What the recount makes of ledgers, rows and topics that are made here: right ones, and each wrong."""
import contextlib
import pathlib
import sys
import tempfile
import unittest
import uuid

import msgpack

sys.dont_write_bytecode = True
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]
import books  # noqa: E402
import checks  # noqa: E402
import ledgers  # noqa: E402
import replay  # noqa: E402
import topics  # noqa: E402

SCHOOL, CLASS, LEARNER, GUARDIAN = (str(uuid.uuid4()) for _ in range(4))
MARKS = [str(uuid.uuid4()) for _ in range(4)]
DAY, TODAY = "2026-11-24", "2026-11-25"
EPOCH, NEXT_EPOCH = 7, 8
RECORDED, CORRECTED, WITHDRAWN = (f"kz.eiso.grades.mark.{word}.v1" for word in ("recorded", "corrected", "withdrawn"))
REWOUND = "kz.eiso.grades.history.rewound.v1"


def ledger_lines(item, outcome="accepted", learner=LEARNER):
    lines = [f"mark {item} {SCHOOL} {CLASS} {learner} {DAY} 3 math formative 9 10 -"]
    return lines + [f"{outcome} {item}" + (" id_reused" if outcome == "rejected" else "")] * (outcome is not None)


def row(item, points=9, learner=LEARNER):
    return (item, SCHOOL, CLASS, learner, DAY, 3, "math", 1, points, 10, None, None, None)


def feed_row(place, event, learner=LEARNER, kind=1, points=9, corrects=None, was=None, date=DAY, lesson=3):
    return (EPOCH, place, place, event, learner, kind, CLASS, "math", date, lesson, 1, points, points and 10, None, None, None, corrects,
            was, was and 10, None, None, None)


def value(item, **more):
    return msgpack.packb({"id": item, "class": CLASS, "learner": LEARNER, "subject": "math", "kind": "formative",
                          "points": 9, "max_points": 10, "date": DAY, "lesson": 3, "organisation": SCHOOL, "shift": 1, **more})


def position(number, epoch=EPOCH):
    return (epoch, number, number, 0)


def epoch_event(offset, epoch, previous, cut="0.0.0", survivors=()):
    story = msgpack.packb({"epoch": epoch, "cut": cut, "survivors": [
        {"epoch": EPOCH, "from_xid": first, "to_xid": last} for first, last in survivors]})
    return topics.Message(offset, f"~history|{epoch}|1", REWOUND, "x", (epoch, 0, 0, 0), previous, story)


def chain(count):
    """Events of the first marks, as they should be, after the beginning of an epoch."""
    events = [epoch_event(0, EPOCH, topics.NOWHERE)]
    for number, item in enumerate(MARKS[:count], 1):
        events.append(topics.Message(number, SCHOOL, RECORDED, item, position(number), events[-1].position, value(item)))
    return events


class House:
    """What an installation has: rows by table of the books, events of one partition."""

    def __init__(self, count=0):
        lines = [line for item in MARKS[:count] for line in ledger_lines(item)]
        self.lines, self.events = lines, chain(count)
        self.tables = {"grades.mark": [row(item) for item in MARKS[:count]],
                       "notify.feed": [feed_row(place, item) for place, item in enumerate(MARKS[:count], 1)]}

    def without(self, item):
        """Nothing of it but what the ledger says."""
        self.tables["grades.mark"] = [row for row in self.tables["grades.mark"] if row[0] != item]
        self.tables["notify.feed"] = [row for row in self.tables["notify.feed"] if row[3] != item]
        return self


def changed(points=7):
    """The first mark is corrected by the second, and that one withdrawn by the third."""
    house = House(3)
    house.lines = ledger_lines(MARKS[0]) + [
        f"mark_correction {MARKS[1]} {MARKS[0]} {SCHOOL} {CLASS} {LEARNER} 2026-11-25 4 math formative {points} 10 -",
        f"accepted {MARKS[1]}", f"mark_withdrawal {MARKS[2]} {MARKS[1]} 2026-11-26", f"accepted {MARKS[2]}"]
    house.tables["grades.mark"][1:] = [
        (MARKS[1], SCHOOL, CLASS, LEARNER, "2026-11-25", 4, "math", 1, 7, 10, None, MARKS[0], None),
        (MARKS[2], SCHOOL, CLASS, LEARNER, "2026-11-26", None, "math", 1, None, None, None, None, MARKS[1])]
    house.tables["notify.feed"][1:] = [
        feed_row(2, MARKS[1], kind=2, points=7, corrects=MARKS[0], was=9, date="2026-11-25", lesson=4),
        feed_row(3, MARKS[2], kind=3, points=None, corrects=MARKS[1], was=7, date="2026-11-25", lesson=4)]
    was = {"kind": "formative", "points": 9, "max_points": 10, "date": DAY, "lesson": 3}
    house.events[2] = house.events[2]._replace(type=CORRECTED, value=value(
        MARKS[1], points=7, date="2026-11-25", lesson=4, replaces=MARKS[0], reason_code="error", before=was))
    house.events[3] = house.events[3]._replace(type=WITHDRAWN, value=msgpack.packb({
        "id": MARKS[2], "class": CLASS, "learner": LEARNER, "subject": "math", "organisation": SCHOOL, "shift": 1,
        "date": "2026-11-26", "withdraws": MARKS[1], "reason_code": "error",
        "before": {**was, "points": 7, "date": "2026-11-25", "lesson": 4}}))
    return house


def set_back(survived=1):
    """Of three marks the source has lost all behind the first, says so in a new epoch, and they were taken back."""
    house = House(3)
    house.events.append(epoch_event(4, NEXT_EPOCH, position(survived), f"{EPOCH}.{survived}.{survived}"))
    for number, item in enumerate(MARKS[survived:3], 1):
        house.without(item)
    house.tables["notify.feed"] += [feed_row(place, item, kind=kind) for kind, start in ((1, 1), (4, 10))
                                    for place, item in enumerate(MARKS[survived:3], start + survived)]
    return house


class Recount(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.kept = cls.stack.enter_context(books.opened())

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def fill(self, table, rows):
        with self.kept.copy_in(table) as file:
            for columns in rows:
                file.write("\t".join("\\N" if column is None else str(column) for column in columns) + "\n")

    def read(self, lines, text=None):
        self.kept.run("books.sql")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "ledger"
            path.write_text(text or "".join(f"{line}\n" for line in lines))
            ledgers.load(self.kept, [path])

    def differences(self, house, restored=()):
        self.read(house.lines)
        for table, rows in house.tables.items():
            self.fill(table, rows)
        topics.Lane(self.kept, topics.TOPICS[topics.MARKS], 0).load(house.events)
        checks.count(self.kept, TODAY, restored)
        return [f"{place}: {name} {words}" for place, _ in self.kept.difference_counts()
                for name, words, _ in self.kept.differences(place, 20)]

    def says(self, said, words):
        self.assertTrue(any(words in line for line in said), f"{words}: {said}")

    # ---- Services and topics ----

    def test_all_is_right(self):
        self.assertEqual(self.differences(House(3)), [])
        self.assertEqual(self.kept.value("select count(*) from want.taken"), "3")

    def test_sent_again_after_a_restart(self):
        house = House(3)
        house.events += [house.events[2]._replace(offset=4), house.events[3]._replace(offset=5)]
        self.assertEqual(self.differences(house), [])
        self.says(checks.remarks(self.kept), "2 events of marks were sent again")
        house.events.append(house.events[3]._replace(offset=6, position=(EPOCH, 2, 9, 0)))
        self.says(self.differences(house), "comes behind others, and was not sent before")

    def test_lost(self):
        house = House(3)
        del house.events[2]
        said = self.differences(house)
        self.says(said, f"{topics.MARKS}: {MARKS[1]} is missing")
        self.says(said, "as the one before")

    def test_out_of_order(self):
        house = House(3)
        house.events[2], house.events[3] = house.events[3], house.events[2]
        self.says(self.differences(house), "comes behind")

    def test_twice(self):
        house = House(3)
        house.events.append(house.events[3]._replace(position=position(9), previous=position(3), offset=9))
        self.says(self.differences(house), "is there 2 times")

    def test_other_content_key_or_type(self):
        for change, words in (({"value": value(MARKS[0], points=8)}, "points 8, not 9"), ({"key": LEARNER}, "has key "),
                              ({"type": "kz.eiso.grades.mark.burnt.v1"}, "of type"), ({"id": LEARNER}, f"and in it {MARKS[0]}")):
            house = House(3)
            house.events[1] = house.events[1]._replace(**change)
            self.says(self.differences(house), words)

    def test_nobody_sent_it(self):
        house = House(4)
        house.lines = house.lines[:-2]
        said = self.differences(house)
        for place in ("grades", topics.MARKS, "notify's feed"):
            self.says(said, f"{place}: {MARKS[3]}")

    def test_rejected_and_taken_all_the_same(self):
        house = House(1)
        house.lines = ledger_lines(MARKS[0], "rejected")
        self.says(self.differences(house), f"grades: {MARKS[0]} should not be there")

    def test_an_id_that_was_used_again(self):
        house = House(1)
        house.lines += [house.lines[0].replace("formative 9", "formative 3"), f"rejected {MARKS[0]} id_reused"]
        self.assertEqual(self.differences(house), [])

    def test_what_was_refused_may_say_anything(self):
        house = House(1)
        house.lines += [f"mark {MARKS[1]} - {CLASS} nobody 2026-02-31 300 alchemy ordinal -7 0 -", f"rejected {MARKS[1]} not_a_date"]
        self.assertEqual(self.differences(house), [])

    def test_corrected_and_withdrawn(self):
        self.assertEqual(self.differences(changed()), [])
        self.assertEqual(list(self.kept.rows("select id from want.standing_mark")), [])
        self.says(self.differences(changed(points=6)), f"grades: {MARKS[1]} has points 7, not 6")
        house = changed()
        house.events[3] = house.events[3]._replace(type=CORRECTED)
        self.says(self.differences(house), f"{MARKS[2]} has type corrected, not withdrawn")
        house = changed()
        house.lines = house.lines[:-1] + [f"rejected {MARKS[2]} already_corrected"]
        self.says(self.differences(house), f"{MARKS[2]} should not be there")

    def test_unknown_is_there_or_not_but_everywhere(self):
        house = House(1)
        house.lines = ledger_lines(MARKS[0], None)
        self.assertEqual(self.differences(house), [])
        house.events = chain(0)
        self.says(self.differences(house), "is missing")
        self.assertEqual(self.differences(house.without(MARKS[0])), [])
        house.events = chain(1)
        self.says(self.differences(house), "should not be there")

    def test_a_sender_that_died_in_a_line(self):
        lines = ledger_lines(MARKS[1], None)
        self.read((), "\n".join(ledger_lines(MARKS[0]) + [lines[0][:-30] + " torn"] + lines)[:-30])
        self.assertEqual(list(self.kept.rows("select id from ledger.mark")), [[MARKS[0]]])

    # ---- The feed ----

    def test_a_row_of_the_feed(self):
        for change, words in ((lambda rows: rows[:2], f"{MARKS[2]}/{LEARNER} is missing"),
                              (lambda rows: rows + [feed_row(9, MARKS[2])], "is there 2 times"),
                              (lambda rows: rows[:2] + [feed_row(3, MARKS[2], points=1)], "points 1, not 9")):
            house = House(3)
            house.tables["notify.feed"] = change(house.tables["notify.feed"])
            self.says(self.differences(house), words)

    def test_the_order_of_a_learner(self):
        house = House(3)
        house.tables["notify.feed"] = [feed_row(place, item) for place, item in zip((1, 3, 2), MARKS)]
        self.says(self.differences(house), f"notify's order: {MARKS[1]}/{LEARNER} mark[0]@2 stands behind @3")

    def test_the_order_of_one_under_two_ids(self):
        house, other = House(3), str(uuid.uuid4())
        house.lines[2:4] = ledger_lines(MARKS[1], learner=other)
        house.tables["grades.mark"][1] = row(MARKS[1], learner=other)
        house.events[2] = house.events[2]._replace(value=value(MARKS[1], learner=other))
        house.tables["notify.feed"][1:] = [feed_row(3, MARKS[1], learner=other), feed_row(2, MARKS[2])]
        self.assertEqual(self.differences(house), [])
        house.tables["registry.alias"] = [(other, LEARNER)]
        self.says(self.differences(house), "notify's order: ")

    # ---- Guardians ----

    def seen(self, links, aliases=()):
        """(learner, rights) of the guardian."""
        self.read(())
        self.fill("registry.guardian", links)
        self.fill("registry.alias", aliases)
        self.kept.run("guardians.sql", {"links": "registry", "sees": "want", "today": TODAY})
        return {(learner, int(rights)) for guardian, learner, rights in self.kept.rows(
            "select guardian, learner, rights from want.sees") if guardian == GUARDIAN}

    def test_who_sees_what(self):
        link, other = (LEARNER, GUARDIAN, 2, "2026-09-01", None, 2), str(uuid.uuid4())
        self.assertEqual(self.seen([link]), {(LEARNER, 2)})
        self.assertEqual(self.seen([link, (LEARNER, GUARDIAN, 4, "2026-09-01", None, 2)]), {(LEARNER, 6)})
        self.assertEqual(self.seen([link, (LEARNER, GUARDIAN, 4, "2026-09-01", None, 3)]), set())
        self.assertEqual(self.seen([(LEARNER, GUARDIAN, 2, "2026-09-01", None, 1)]), set())
        self.assertEqual(self.seen([(LEARNER, GUARDIAN, 2, "2026-09-01", "2026-11-24", 2)]), set())
        self.assertEqual(self.seen([(LEARNER, GUARDIAN, 2, "2026-11-26", None, 2)]), set())
        self.assertEqual(self.seen([link], [(other, LEARNER)]), {(LEARNER, 2), (other, 2)})
        self.assertEqual(self.seen([(other, GUARDIAN, 2, "2026-09-01", None, 2)], [(other, LEARNER)]), {(LEARNER, 2), (other, 2)})

    def test_somebody_sees_what_is_not_theirs(self):
        house, link = House(1), (LEARNER, GUARDIAN, 2, "2026-09-01", None, 2)
        house.tables |= {"registry.guardian": [link], "notify.guardian": [link]}
        self.assertEqual(self.differences(house), [])
        self.says(checks.remarks(self.kept), "1 rows of the feed are seen 1 times by 1 guardians")
        for links, words in (([link, (LEARNER, SCHOOL, 2, "2026-09-01", None, 2)], f"{SCHOOL}/{LEARNER} should not be there"),
                             ([(LEARNER, GUARDIAN, 6, "2026-09-01", None, 2)], f"{GUARDIAN}/{LEARNER} has rights 6, not 2"),
                             ([], f"{GUARDIAN}/{LEARNER} is missing")):
            house.tables["notify.guardian"] = links
            self.says(self.differences(house), f"notify's guardians: {words}")

    # ---- A source that was set back to an older copy ----

    def test_ghosts_are_taken_back(self):
        said = self.differences(set_back())
        self.says(said, f"grades: {MARKS[1]} is missing")
        self.assertEqual(self.differences(set_back(), ["grades"]), [])
        said = list(checks.remarks(self.kept))
        self.says(said, "2 events of topic mark were lost by their source and taken back")
        self.says(said, "2 acknowledged items are not in the older copy of grades")

    def test_a_ghost_that_stays(self):
        house = set_back()
        house.tables["notify.feed"].pop()
        self.says(self.differences(house, ["grades"]), f"notify's feed: {MARKS[2]}/{LEARNER} should not be there")

    def test_what_was_taken_back_was_none(self):
        house = House(3)
        house.tables["notify.feed"].append(feed_row(9, MARKS[1], kind=4))
        self.says(self.differences(house), f"{MARKS[1]}/{LEARNER} was taken back, but its source has it")

    def test_a_survivor_is_no_ghost(self):
        house = House(3)
        house.events.append(epoch_event(4, NEXT_EPOCH, position(3), f"{EPOCH}.1.1", [(2, 3)]))
        self.assertEqual(self.differences(house), [])

    def test_an_epoch_that_forgets_an_event(self):
        house = House(3)
        house.events.append(epoch_event(4, NEXT_EPOCH, position(2), f"{EPOCH}.3.3"))
        self.says(self.differences(house), f"mark[0]@3: {MARKS[2]} is passed over by the epoch at offset 4")

    def test_a_ghost_that_was_sent_again(self):
        house = set_back(2)
        again = topics.Message(5, SCHOOL, RECORDED, MARKS[2], position(5, NEXT_EPOCH), (NEXT_EPOCH, 0, 0, 0), value(MARKS[2]))
        house.events.append(again)
        house.tables["grades.mark"].append(row(MARKS[2]))
        house.tables["notify.feed"].append(feed_row(20, MARKS[2]))
        self.assertEqual(self.differences(house), [])

    # ---- Registers ----

    def replayed(self, *lines, aliases=()):
        """(kind, lesson, code, what it corrects, code before) of each row of the feed, and the events of the topic."""
        self.read([said for line in lines for said in (line, f"accepted {line.split()[1]}")])
        self.fill("registry.alias", aliases)
        self.kept.run("taken.sql", {"restored": ""})
        self.kept.run("registers.sql")
        replay.run(self.kept)
        feed = {event: tuple(says) for event, *says in self.kept.rows(
            "select event, kind, lesson, code, corrects, was_code from want.absence_feed")}
        events = {item: tuple(says) for item, *says in self.kept.rows(
            """select id, type, date, slot, exceptions, code, minutes, was_date, was_slot, was_exceptions, was_code, was_minutes
               from want.register_event""")}
        return feed, events

    def test_registers_that_change(self):
        taken, recoded, there, moved, gone = (str(uuid.uuid4()) for _ in range(5))
        of = f"{SCHOOL} {CLASS} {DAY}"
        feed, events = self.replayed(
            f"register {taken} {of} 3 math {LEARNER}:late:5", f"absence_change {recoded} {taken} {LEARNER} absent_ill",
            f"absence_change {there} {taken} {LEARNER} present",
            f"register_replacement {moved} {taken} {of} 4 math {LEARNER}:absent_excused:-",
            f"register_withdrawal {gone} {moved} 2026-11-23")
        self.assertEqual(feed, {taken: ("5", "3", "4", None, None), recoded: ("6", "3", "2", taken, "4"),
                                there: ("6", "3", None, recoded, "2"), moved: ("5", "4", "3", there, None),
                                gone: ("7", "4", None, moved, "3")})
        self.assertEqual(events[recoded], ("recoded", DAY, "3", None, "2", None, None, None, None, "4", "5"))
        self.assertEqual(events[moved], ("replaced", DAY, "4", f"{LEARNER}:3:-", None, None, DAY, "3", None, None, None))
        self.assertEqual(events[gone], ("withdrawn", "2026-11-23", None, None, None, None, DAY, "4", f"{LEARNER}:3:-", None, None))
        self.assertEqual(list(self.kept.rows("select id from want.standing_register")), [])

    def test_registers_of_one_under_two_ids(self):
        taken, replaced, other = (str(uuid.uuid4()) for _ in range(3))
        of = f"{SCHOOL} {CLASS} {DAY} 3 math"
        feed, events = self.replayed(
            f"register {taken} {of} {LEARNER}:late:5", f"register_replacement {replaced} {taken} {of} {other}:absent_ill:-",
            aliases=[(other, LEARNER)])
        self.assertEqual(feed[replaced], ("6", "3", "2", taken, "4"))
        self.assertEqual(events[replaced][8], f"{other}:4:5")

    # ---- Indicators ----

    def test_cells_at_every_level(self):
        house, room = House(2), [(CLASS, SCHOOL, 1, 1)]
        cell = [0] * 9 + [2, 0, 0, 2, 18000, 2, 2]
        day = (1, 1, 1, DAY, *cell)
        house.tables |= {
            "registry.class": room, "registry.organisation": [(SCHOOL, None, "751110000", 1, "2020-09-01", None)],
            "registry.territory": [("751110000", "KZ"), ("KZ", None)],
            "registry.enrolment": [(MARKS[0], LEARNER, CLASS, "2026-09-01", None, 1)],
            "reports.day": [(DAY,)], "reports.cell": [(SCHOOL, DAY, 1, 3, *cell)],
            "reports.node_day": [(1, node, *day) for node in ("KZ", "751110000", SCHOOL)]}
        self.assertEqual(self.differences(house), [])
        house.tables["reports.node_day"][0] = (1, "KZ", 2, *day[1:])
        house.tables["reports.cell"][0] = (SCHOOL, DAY, 1, 3, *cell[:-1], 1)
        said = self.differences(house)
        self.says(said, f"reports' days: 1/KZ/{DAY} has learners 2, not 1")
        self.says(said, f"reports' cell: {SCHOOL}/{DAY}/1/3 has at_least_40 1, not 2")

    def test_a_learner_of_two_schools_counts_once(self):
        other, room = str(uuid.uuid4()), str(uuid.uuid4())
        self.read(())
        self.fill("registry.class", [(CLASS, SCHOOL, 1, 1), (room, other, 1, 1)])
        self.fill("registry.organisation", [(school, None, "KZ", 1, "2020-09-01", None) for school in (SCHOOL, other)])
        self.fill("registry.enrolment", [(MARKS[0], LEARNER, CLASS, "2026-09-01", None, 1),
                                         (MARKS[1], LEARNER, room, "2026-11-24", None, 1)])
        self.fill("reports.day", [("2026-11-23",), (DAY,)])
        for script, names in (("taken.sql", {"restored": ""}), ("marks.sql", None), ("registers.sql", None), ("rosters.sql", None),
                              ("indicators.sql", checks.INDICATOR_NAMES)):
            self.kept.run(script, names)
        self.assertEqual(sorted(self.kept.rows("select organisation, date, learners from want.contingent")),
                         sorted([[SCHOOL, "2026-11-23", "1"], [other, DAY, "1"]]))


if __name__ == "__main__":
    unittest.main()
