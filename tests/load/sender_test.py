#!/usr/bin/python3
"""eiso-live against a system that refuses, stalls, breaks off, forgets to answer, and learns late who went where.

    sender_test.py EISO-LIVE

Whatever the system does, the ledger must say in the end what the system has: accepted items are there
once, rejected ones are not, and nothing is sent under another id.
"""
import base64
import collections
import datetime
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgpack

PROGRAM = None
ORGANISATION, CLASSES = str(uuid.uuid4()), [str(uuid.uuid4()) for _ in range(3)]
LEARNERS = {name: [str(uuid.uuid4()) for _ in range(20)] for name in CLASSES}
LEARNS_AFTER = 0.7  # seconds: until the services know what the registry has taken


class System:
    """What the system knows, and how badly it behaves: a share of calls for each misdeed."""

    def __init__(self, misdeeds=()):
        self.lock = threading.Lock()
        self.chance = random.Random(7)
        self.misdeeds, self.deck = list(misdeeds), []
        self.items, self.lessons, self.unwanted, self.done = {}, {}, set(), set()
        self.changed = set()
        self.tokens = 0
        self.records = collections.defaultdict(dict)  # of the registry: by kind and id
        self.enrolments = collections.defaultdict(dict)  # by class and id: (known from, record)...
        self.rosters = []  # of registers: what they froze
        self.bad = set()  # items that were refused for what they are
        for of, learners in LEARNERS.items():
            for learner in learners:
                self.enrolments[of][learner] = [(0, {"learner": learner, "from": "2020-09-01"})]

    def misdeed(self):
        with self.lock:
            if not self.deck:
                self.deck = self.chance.sample(self.misdeeds, len(self.misdeeds))
            chosen = self.deck.pop() if self.deck else None
            self.done.add(chosen)
            return chosen

    def put(self, kind, item):
        """A record of the registry: its services learn of it later."""
        with self.lock:
            known = self.records[kind].get(item["id"])
            if known == item:
                return "unchanged", None
            self.records[kind][item["id"]] = item
            if kind == "enrolments":
                self.enrolments[item["class"]].setdefault(item["id"], []).append((time.monotonic() + LEARNS_AFTER, item))
            return "updated" if known else "created", None

    def roster(self, of, date, now):
        """Who is in the class that day, as the services know it at a time."""
        known = [[record for since, record in records if since <= now][-1:] for records in self.enrolments[of].values()]
        return frozenset(record["learner"] for records in known for record in records
                         if record["from"] <= date <= record.get("to", date))

    def take(self, kind, item, dry=False):
        with self.lock:
            known = self.items.get(item["id"])
            if known:
                return ("duplicate", None) if known == (kind, item) else ("rejected", "id_reused")
            code = self.judge(kind, item)
            if code:
                self.bad.update([] if dry or code.endswith("_unknown") else [item["id"]])
                return "rejected", code
            if not dry:
                self.keep(kind, item)
            return "created", None

    def keep(self, kind, item):
        original = item.get("replaces") or item.get("withdraws")
        self.items[item["id"]] = (kind, item)
        self.bad.discard(item["id"])  # refused before, by who had not learned yet
        if original:
            self.changed.add(original)
        if kind == "registers":
            self.move_lesson(item, original)
            if "class" in item:
                self.rosters.append((item["class"], item["date"], self.roster(item["class"], item["date"], time.monotonic())))

    def judge(self, kind, item):
        original = item.get("replaces") or item.get("withdraws")
        code = self.judge_content(item) or (self.judge_learners(item) if "class" in item else None)
        if kind == "registers":
            code = code or self.judge_lesson(item, original)
        return code or (self.judge_recoding(item) if kind == "absence-changes" else self.judge_change(original))

    @staticmethod
    def judge_content(item):
        learners = [exception["learner"] for exception in item.get("exceptions", ())]
        if item.get("points", 0) > item.get("max_points", 100):
            return "above_maximum"
        if item.get("date", "") > (datetime.date.today() + datetime.timedelta(1)).isoformat():
            return "date_in_future"
        return "duplicate_in_batch" if len(learners) != len(set(learners)) else None

    def judge_learners(self, item):
        roster = self.roster(item["class"], item["date"], time.monotonic())
        if not roster:
            return "learner_unknown"
        if "learner" in item and item["learner"] not in roster:
            return "not_enrolled"
        return "not_on_roster" if any(e["learner"] not in roster for e in item.get("exceptions", ())) else None

    @staticmethod
    def lesson_of(item):
        return item["class"], item["date"], item["lesson"]

    def judge_lesson(self, item, original):
        taken = "class" in item and self.lessons.get(self.lesson_of(item), original) != original
        return "register_exists" if taken else None

    def move_lesson(self, item, original):
        if original:
            del self.lessons[self.lesson_of(self.items[original][1])]
        if "class" in item:
            self.lessons[self.lesson_of(item)] = item["id"]

    def judge_recoding(self, item):
        if item["register"] not in self.items:
            return "original_unknown"
        taken = self.items[item["register"]][1]
        if item["learner"] not in self.roster(taken["class"], taken["date"], time.monotonic()):
            return "not_on_roster"
        return "already_corrected" if item["register"] in self.changed else None

    def judge_change(self, original):
        if not original:
            return None
        if original not in self.items:
            return "original_unknown"
        return "already_corrected" if original in self.changed else None

    def rosters_are_right(self):
        """Nobody was counted where the registry says in the end that he was not."""
        return all(self.roster(of, date, time.monotonic() + LEARNS_AFTER) == frozen for of, date, frozen in self.rosters)


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    system = None

    def log_message(self, *_):
        pass

    def answer(self, status, value, **headers):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.headers["Authorization"] != f"Bearer token-{self.system.tokens}":
            return self.answer(401, {})
        path = self.path.split("?")[0].split("/")
        if path[2] == "organisations":
            if "parent=" in self.path:
                return self.answer(200, {"items": []})
            return self.answer(200, {"items": [{"id": ORGANISATION, "name": {"kk": "a"}}]})
        if len(path) == 5:
            return self.answer(200, {"items": [{"id": i, "given": "A"} for i in LEARNERS[path[3]]]})
        # Two pages, and a group, which has no registers of its own here.
        if "cursor=" not in self.path:
            group = {"id": str(uuid.uuid4()), "type": "group", "organisation": ORGANISATION}
            return self.answer(200, {"items": [group], "next": "p2"})
        return self.answer(200, {"items": [
            {"id": i, "organisation": ORGANISATION, "type": "homeroom", "shift": 1, "grade": 5,
             "languages": ["kk"]} for i in CLASSES]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/oauth/token":
            return self.give_token()
        if self.headers["Authorization"] != f"Bearer token-{self.system.tokens}":
            return self.answer(401, {"code": "bad_token"})
        packed = self.headers["Content-Type"] == "application/vnd.msgpack"
        return self.batch(msgpack.unpackb(body) if packed else json.loads(body))

    def give_token(self):
        login = base64.b64decode(self.headers["Authorization"].split()[1]).decode()
        if login != "client:secret":
            return self.answer(401, {})
        self.system.tokens += 1
        return self.answer(200, {"access_token": f"token-{self.system.tokens}", "expires_in": 2,
                                 "token_type": "Bearer", "scope": "marks.write"})

    def batch(self, items):
        misdeed = self.system.misdeed()
        if misdeed == "busy":
            return self.answer(429, {"code": "busy"}, Retry_After="1")
        if misdeed == "unavailable":
            return self.answer(503, {"code": "unavailable"}, Retry_After="1")
        if misdeed == "break_before":
            return self.break_off()
        kind = self.path.split("?")[0].split("/")[2]
        results = [self.result(kind, i, item, misdeed) for i, item in enumerate(items)]
        if misdeed == "break_after":
            return self.break_off()
        if misdeed == "unknown":
            return self.answer(503, {"code": "outcome_unknown"})
        counts = collections.Counter(result["outcome"] for result in results)
        if "results=problems" in self.path:
            results = [result for result in results if result["outcome"] == "rejected"]
        return self.answer(200, {**counts, "results": results})

    def break_off(self):
        self.close_connection = True

    def result(self, kind, index, item, misdeed):
        if misdeed == "some" and index % 3 == 0:
            return rejected(index, item, "unavailable", True)
        if kind not in ("marks", "registers", "absence-changes"):
            return {"index": index, "id": item["id"], "outcome": self.system.put(kind, item)[0]}
        if item["id"] in self.system.unwanted or (misdeed == "refuse" and item["id"] not in self.system.items):
            self.system.unwanted.add(item["id"])
            return rejected(index, item, "not_enrolled", False)
        outcome, code = self.system.take(kind, item, "dry_run=1" in self.path)
        if code:
            return rejected(index, item, code, code.endswith("_unknown"))
        return {"index": index, "id": item["id"], "outcome": outcome}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Who drops the connection gets no answer."""


def rejected(index, item, code, retriable):
    error = {"pointer": "", "code": code, "title": "-"}
    if retriable:
        error["retriable"] = True
    return {"index": index, "id": item["id"], "outcome": "rejected", "errors": [error]}


class Run:
    """One run of the sender against a system; `stop_after` seconds it gets SIGTERM."""

    def __init__(self, system, ledger, *arguments, stop_after=None):
        handler = type("Handler", (Door,), {"system": system})
        server = Server(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {"EISO_URL": f"http://127.0.0.1:{server.server_port}", "EISO_CLIENT_ID": "client",
                       "EISO_CLIENT_SECRET": "secret", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
        process = subprocess.Popen([PROGRAM, "--ledger", str(ledger), *arguments], text=True, env=environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if stop_after:
            threading.Timer(stop_after, process.send_signal, [signal.SIGTERM]).start()
        self.said, self.errors = process.communicate(timeout=45)
        self.status = process.returncode
        server.shutdown()
        server.server_close()


def read_ledger(path):
    outcomes, sent = {}, {}
    for line in path.read_text().splitlines():
        words = line.split(" ")
        if words[-1] in ("torn", "0123"):
            continue
        if words[0] in ("accepted", "rejected"):
            # The last one counts, as ledger.h has it: what was refused may be taken when it is sent again, and then that is all.
            before = outcomes.get(words[1])
            assert before is None or (before, words[0]) == ("rejected", "accepted"), f"{before}, then {words[0]}: {words[1]}"
            outcomes[words[1]] = words[0]
        else:
            assert words[1] not in sent, f"{words[1]} is sent anew"
            sent[words[1]] = words
    return sent, outcomes


class Sender(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.ledger = pathlib.Path(folder.name) / "a" / "ledger"

    def agree(self, system):
        sent, outcomes = read_ledger(self.ledger)
        accepted = {i for i, outcome in outcomes.items() if outcome == "accepted"}
        self.assertEqual(accepted, set(system.items))
        self.assertEqual(set(sent), set(outcomes))
        return sent, accepted

    def test_a_quiet_day(self):
        system = System()
        # In 6 s some ten registers are withdrawn, the rarest kind: none once in 50,000 days (in 3 s once in 400).
        run = Run(system, self.ledger, "--rate", "400", "--seconds", "6")
        self.assertEqual(run.status, 0, run.errors)
        sent, accepted = self.agree(system)
        self.assertRegex(run.said, rf"^accepted {len(accepted)} rejected {len(system.bad)} unknown 0 rate [0-9.]+/s lag [0-9]+ ms\n$")
        self.assertGreater(len(accepted), 400)
        self.assertEqual({words[0] for words in sent.values()}, {"mark", "mark_correction", "mark_withdrawal", "register",
                                                              "register_replacement", "register_withdrawal", "absence_change"})
        chains = {words[2] for words in sent.values() if words[0].startswith("mark_")}
        self.assertTrue(any(words[0] == "mark_correction" and item in chains for item, words in sent.items()), "no chain")
        self.assertGreater(system.tokens, 1, "the token is renewed")

    def test_every_misdeed(self):
        system = System(["busy", "unavailable", "break_before", "break_after", "unknown", "some", "refuse", None, None, None])
        run = Run(system, self.ledger, "--rate", "100", "--seconds", "5")
        self.assertEqual(run.status, 0, run.errors)
        self.agree(system)
        self.assertIn(f" rejected {len(system.unwanted | system.bad)} unknown 0 ", run.said)
        self.assertGreater(len(system.unwanted), 0)
        self.assertEqual(system.done, set(system.misdeeds))

    def test_a_lesson_is_registered_once_over_several_runs(self):
        system = System()
        for _ in range(2):
            run = Run(system, self.ledger, "--rate", "60", stop_after=2)
            self.assertEqual(run.status, 0, run.errors)
            with self.ledger.open("a") as file:
                file.write("mark 0123")  # as if it had died here
        sent, accepted = self.agree(system)
        self.assertGreater(len(system.lessons), 20)
        self.assertEqual(set(sent) - system.bad, accepted)
        outcomes = self.ledger.read_text()
        self.assertNotIn("register_exists", outcomes, "a lesson that has its register would be refused")

    def test_two_senders_do_not_share_their_books(self):
        first = threading.Thread(target=Run, args=(System(), self.ledger, "--rate", "10", "--seconds", "2"))
        first.start()
        while not self.ledger.exists():
            time.sleep(0.05)
        second = Run(System(), self.ledger, "--rate", "10", "--seconds", "1")
        first.join()
        self.assertEqual((second.status, second.said), (1, ""))
        self.assertIn("another sender keeps these books", second.errors)

    def test_a_system_that_forgets_is_told_so(self):
        system = System()
        system.items = type("Forgets", (dict,), {"get": lambda *_: None})()
        run = Run(system, self.ledger, "--rate", "200", "--seconds", "1")
        self.assertEqual(run.status, 1, run.said)
        self.assertIn("an accepted item was refused when sent again", run.errors)

    def test_a_bad_item_that_is_accepted_is_told(self):
        system = System()
        system.judge_content = system.judge_learners = lambda item: None
        run = Run(system, self.ledger, "--rate", "2000", "--seconds", "1")
        self.assertEqual(run.status, 1, run.said)
        self.assertIn("a bad item was accepted", run.errors)

    # ---- A country of its own ----

    def live(self, system, *options, status=0):
        run = Run(system, self.ledger, "--scale", "0.0004", *options)
        self.assertEqual(run.status, status, f"{run.said}{run.errors[-3000:]}")
        return run

    def test_a_country_that_moves(self):
        """Groups, substitutes, transfers while facts are sent, every way to make ids; and nothing counts where it should not."""
        system = System()
        self.assertRegex(self.live(system, "--load").said, r"^written [1-9][0-9]* kept 0 rejected 0 ")
        self.assertRegex(self.live(system, "--load").said, r"^written 0 kept [1-9][0-9]* rejected 0 ")
        run = self.live(system, "--fast", "--seconds", "4")
        sent, accepted = self.agree(system)
        self.assertEqual(set(sent) - accepted, system.bad)
        self.assertTrue(0 < len(system.bad) < len(sent) / 100)
        self.assertTrue(system.rosters_are_right())
        moves = [e for e in system.records["enrolments"].values() if "to" in e]
        self.assertIn(f'"moves":{len({e["learner"] for e in moves})}', run.errors)
        self.assertGreater(len(moves), 0)
        self.look_at_classes(system)
        self.assertEqual({uuid.UUID(i).version for i in sent}, {5, 7})  # these three schools
        self.assertGreater(len([a for a in system.records["assignments"].values() if a["kind"] == "substitute"]), 0)
        again = self.live(system, "--rate", "200", "--quarter-end", "--seconds", "2")
        self.agree(system)
        self.assertTrue(system.rosters_are_right(), again.errors)

    def look_at_classes(self, system):
        """Lessons in groups are registered by group, and only those."""
        classes, lessons = system.records["classes"], collections.defaultdict(set)
        for of, date, lesson in system.lessons:
            group = classes[of]["type"] == "group"
            lessons[classes[of]["of"][0] if group else of, date, lesson].add(group)
        self.assertEqual({len(kinds) for kinds in lessons.values()}, {1}, "a class and its group have the same lesson")
        self.assertEqual({kind for kinds in lessons.values() for kind in kinds}, {False, True})

    def test_a_good_item_that_is_refused_is_told(self):
        system = System()
        self.live(system, "--load")
        system.unwanted = type("Some", (set,), {"__contains__": lambda _, item: item.endswith("0")})()
        self.assertIn("a good item was refused", self.live(system, "--rate", "100", "--seconds", "1", status=1).errors)

    def test_a_day_in_its_rhythm(self):
        """A lesson's registers do not come before it."""
        system = System()
        self.live(system, "--load")
        self.live(system, "--rhythm", "900", "--seconds", "3")  # 45 minutes: the first lesson and no other
        newest = max(date for _, date, _ in system.lessons)  # a register may be moved to a day that is over
        self.assertEqual({lesson for _, date, lesson in system.lessons if date == newest}, {1})
        self.assertGreater(len(system.lessons), 10)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop()
    unittest.main()
