#!/usr/bin/python3
"""What the recount makes of topics and ledgers, on messages and rows that are made here: right ones, and each wrong."""
import contextlib
import io
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
import lessons  # noqa: E402
from installation import Message  # noqa: E402

SCHOOL, CLASS, LEARNER = (str(uuid.uuid4()) for _ in range(3))
MARKS = [str(uuid.uuid4()) for _ in range(4)]
NOWHERE = (0, 0, 0, 0)


def ledger_lines(item, outcome="accepted"):
    lines = [f"mark {item} {SCHOOL} {CLASS} {LEARNER} 2026-11-24 3 math formative 9 10 -"]
    return lines + [f"{outcome} {item}" + (" id_reused" if outcome == "rejected" else "")] * (outcome is not None)


def row(item, points="9"):
    return [item, SCHOOL, CLASS, LEARNER, "2026-11-24", "3", "math", "1", points, "10", None, None, None]


def value(item, **more):
    return msgpack.packb({"id": item, "class": CLASS, "learner": LEARNER, "subject": "math", "kind": "formative",
                          "points": 9, "max_points": 10, "date": "2026-11-24", "lesson": 3, "organisation": SCHOOL,
                          "shift": 1, **more})


def changed(points="7"):
    """The first mark is corrected by the second, and that one withdrawn by the third: ledger, rows, events."""
    lines = ledger_lines(MARKS[0]) + [
        f"mark_correction {MARKS[1]} {MARKS[0]} {SCHOOL} {CLASS} {LEARNER} 2026-11-25 4 math formative {points} 10 -",
        f"accepted {MARKS[1]}", f"mark_withdrawal {MARKS[2]} {MARKS[1]} 2026-11-26", f"accepted {MARKS[2]}"]
    rows = [row(MARKS[0]),
            [MARKS[1], SCHOOL, CLASS, LEARNER, "2026-11-25", "4", "math", "1", "7", "10", None, MARKS[0], None],
            [MARKS[2], SCHOOL, CLASS, LEARNER, "2026-11-26", "0", "math", "1", None, None, None, None, MARKS[1]]]
    events = chain(3)
    was = {"kind": "formative", "points": 9, "max_points": 10, "date": "2026-11-24", "lesson": 3}
    events[2] = events[2]._replace(type=checks.MARK_CORRECTED_TYPE, value=value(
        MARKS[1], points=7, date="2026-11-25", lesson=4, replaces=MARKS[0], reason_code="error", before=was))
    events[3] = events[3]._replace(type=checks.MARK_WITHDRAWN_TYPE, value=msgpack.packb({
        "id": MARKS[2], "class": CLASS, "learner": LEARNER, "subject": "math", "organisation": SCHOOL, "shift": 1,
        "date": "2026-11-26", "withdraws": MARKS[1], "reason_code": "error",
        "before": {**was, "points": 7, "date": "2026-11-25", "lesson": 4}}))
    return lines, rows, events


def position(number):
    return (7, number, number, 0)


def chain(count):
    """Events of the first marks, as they should be, after the beginning of an epoch."""
    start = Message(0, 0, "~history|7|1", "kz.eiso.grades.history.rewound.v1", "x", (7, 0, 0, 0), NOWHERE, b"")
    events = [start]
    for number, item in enumerate(MARKS[:count], 1):
        events.append(Message(0, number, SCHOOL, checks.MARK_TYPE, item, position(number), events[-1].position, value(item)))
    return events


class House:
    """Only what the checks ask for: rows and messages."""

    def __init__(self, marks, messages):
        self.marks, self.marks_topic = marks, messages

    def rows(self, service, _):
        return iter(self.marks if service == "grades" else [])

    def messages(self, topic):
        return iter(self.marks_topic if topic == "eiso.grades.marks.v1" else [])


class Recount(unittest.TestCase):
    def differences(self, lines, marks, messages):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "ledger").write_text("".join(line + "\n" for line in lines))
            with books.Books(path / "books.db", 20) as kept, contextlib.redirect_stdout(io.StringIO()):
                kept.read_ledgers([path / "ledger"])
                house = House(marks, messages)
                checks.check_services(kept, house)
                checks.check_topics(kept, house)
                return kept.differences

    def of_topic(self, messages, count=3):
        lines = [line for item in MARKS[:count] for line in ledger_lines(item)]
        return self.differences(lines, [row(item) for item in MARKS[:count]], messages)

    def assert_says(self, said, words):
        self.assertTrue(any(words in line for line in said), said)

    def test_all_is_right(self):
        self.assertEqual(self.of_topic(chain(3)), [])

    def test_sent_again_after_a_restart(self):
        events = chain(3)
        again = [events[2]._replace(offset=4), events[3]._replace(offset=5)]
        self.assertEqual(self.of_topic(events + again), [])

    def test_lost(self):
        events = chain(3)
        del events[2]
        said = self.of_topic(events)
        self.assert_says(said, f"{MARKS[1]} is missing")
        self.assert_says(said, "as the one before")

    def test_out_of_order(self):
        events = chain(3)
        events[2], events[3] = events[3], events[2]
        self.assert_says(self.of_topic(events), "comes behind")

    def test_twice_under_another_position(self):
        events = chain(3)
        events.append(events[3]._replace(position=position(9), previous=position(3), offset=9))
        self.assert_says(self.of_topic(events), "is there 2 times")

    def test_other_content_key_or_type(self):
        for change, words in (({"value": value(MARKS[0], points=8)}, "not ("), ({"key": LEARNER}, "key "),
                              ({"type": "kz.eiso.grades.mark.burnt.v1"}, "of type"), ({"id": LEARNER}, "id ")):
            events = chain(3)
            events[1] = events[1]._replace(**change)
            self.assert_says(self.of_topic(events), words)

    def test_nobody_sent_it(self):
        self.assert_says(self.of_topic(chain(4)), f"{MARKS[3]} should not be there")

    def test_rejected_and_taken_all_the_same(self):
        said = self.differences(ledger_lines(MARKS[0], "rejected"), [row(MARKS[0])], chain(1))
        self.assert_says(said, f"grades: {MARKS[0]} should not be there")

    def test_corrected_and_withdrawn(self):
        self.assertEqual(self.differences(*changed()), [])
        self.assert_says(self.differences(*changed(points="6")), f"grades: {MARKS[1]} is (")
        lines, rows, events = changed()
        self.assert_says(self.differences(lines[:-2], rows, events), f"{MARKS[2]} should not be there")
        rejected = lines[:-1] + [f"rejected {MARKS[2]} already_corrected"]
        self.assertEqual(self.differences(rejected, rows[:2], events[:3]), [])
        events[3] = events[3]._replace(type=checks.MARK_CORRECTED_TYPE)
        self.assert_says(self.differences(lines, rows, events), f"{MARKS[2]} is ({checks.MARK_CORRECTED_TYPE}")

    def test_only_what_stands_counts(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            lines = changed()[0]
            (path / "ledger").write_text("".join(line + "\n" for line in lines + ledger_lines(MARKS[3])))
            with books.Books(path / "books.db", 20) as kept:
                kept.read_ledgers([path / "ledger"])
                kept.keep("has_mark", ())
                kept.keep("has_register", ())
                kept.keep("has_absence_change", ())
                kept.settle()
                self.assertEqual(kept.db.execute("select id from standing_mark").fetchall(), [(MARKS[3],)])

    def replayed(self, *lines):
        """(kind, lesson, code, what it corrects, code before) of each row of the feed, and the events' texts."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "ledger").write_text("".join(f"{line}\naccepted {line.split()[1]}\n" for line in lines))
            with books.Books(path / "books.db", 20) as kept:
                kept.read_ledgers([path / "ledger"])
                for table in ("has_mark", "has_register", "has_absence_change"):
                    kept.keep(table, ())
                kept.settle()
                lessons.Replay(kept).run()
                feed = {row[0].split("/")[0]: row[1].split(" ") for row in kept.db.execute("select * from want_absence_feed")}
                events = dict(kept.db.execute("select * from want_register_event"))
                return {item: (says[0], says[4], says[9], says[11], says[12]) for item, says in feed.items()}, events

    def test_registers_that_change(self):
        taken, recoded, there, moved, gone = (str(uuid.uuid4()) for _ in range(5))
        of = f"{SCHOOL} {CLASS} 2026-11-24"
        feed, events = self.replayed(
            f"register {taken} {of} 3 math {LEARNER}:late:5", f"absence_change {recoded} {taken} {LEARNER} absent_ill",
            f"absence_change {there} {taken} {LEARNER} present",
            f"register_replacement {moved} {taken} {of} 4 math {LEARNER}:absent_excused:-", f"register_withdrawal {gone} {moved} 2026-11-23")
        self.assertEqual(feed, {taken: ("5", "3", "4", "-", "-"), recoded: ("6", "3", "2", taken, "4"),
                                there: ("6", "3", "-", recoded, "2"), moved: ("5", "4", "3", there, "-"),
                                gone: ("7", "4", "-", moved, "3")})
        self.assertTrue(events[recoded].endswith(f"{taken} {LEARNER} 2 - 4 5"), events[recoded])
        self.assertTrue(events[moved].endswith(f"{LEARNER}:3:- {taken} - 2026-11-24 3 math -"), events[moved])
        self.assertTrue(events[gone].endswith(f"2026-11-23 - - - - {moved} 2026-11-24 4 math {LEARNER}:3:-"), events[gone])

    def test_unknown_is_there_or_not_but_everywhere(self):
        lines = ledger_lines(MARKS[0], None)
        self.assertEqual(self.differences(lines, [], []), [])
        self.assertEqual(self.differences(lines, [row(MARKS[0])], chain(1)), [])
        self.assert_says(self.differences(lines, [row(MARKS[0])], []), "is missing")
        self.assert_says(self.differences(lines, [], chain(1)), "should not be there")

    def test_a_sender_that_died_in_a_line(self):
        lines = ledger_lines(MARKS[1], None)
        lines = ledger_lines(MARKS[0]) + [lines[0][:-30] + " torn"] + lines
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "ledger").write_text("\n".join(lines)[:-30])
            with books.Books(path / "books.db", 20) as kept:
                kept.read_ledgers([path / "ledger"])
                self.assertEqual(kept.db.execute("select count(*) from mark").fetchone(), (1,))


if __name__ == "__main__":
    unittest.main()
