#!/usr/bin/python3
"""eiso-live against a system that refuses, stalls, breaks off and forgets to answer.

    sender_test.py EISO-LIVE

Whatever the system does, the ledger must say in the end what the system has: accepted items are there
once, rejected ones are not, and nothing is sent under another id.
"""
import base64
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgpack

PROGRAM = None
ORGANISATION, CLASSES = str(uuid.uuid4()), [str(uuid.uuid4()) for _ in range(3)]
LEARNERS = {name: [str(uuid.uuid4()) for _ in range(20)] for name in CLASSES}


class System:
    """What the system knows, and how badly it behaves: a share of calls for each misdeed."""

    def __init__(self, misdeeds=()):
        self.lock = threading.Lock()
        self.chance = random.Random(7)
        self.misdeeds, self.deck = list(misdeeds), []
        self.items, self.lessons, self.unwanted, self.done = {}, {}, set(), set()
        self.changed = set()
        self.tokens = 0

    def misdeed(self):
        with self.lock:
            if not self.deck:
                self.deck = self.chance.sample(self.misdeeds, len(self.misdeeds))
            chosen = self.deck.pop() if self.deck else None
            self.done.add(chosen)
            return chosen

    def take(self, kind, item):
        with self.lock:
            known = self.items.get(item["id"])
            if known:
                return ("duplicate", None) if known == (kind, item) else ("rejected", "id_reused")
            original = item.get("replaces") or item.get("withdraws")
            code = self.judge_lesson(item, original) if kind == "registers" else None
            code = code or (self.judge_recoding(item) if kind == "absence-changes" else self.judge_change(original))
            if code:
                return "rejected", code
            self.items[item["id"]] = (kind, item)
            if kind == "registers":
                self.move_lesson(item, original)
            return "created", None

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
        return "already_corrected" if item["register"] in self.changed else None

    def judge_change(self, original):
        if not original:
            return None
        if original not in self.items:
            return "original_unknown"
        return "already_corrected" if original in self.changed else self.changed.add(original)


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
        results = [self.result(i, item, misdeed) for i, item in enumerate(items)]
        if misdeed == "break_after":
            return self.break_off()
        if misdeed == "unknown":
            return self.answer(503, {"code": "outcome_unknown"})
        return self.answer(200, {"created": 0, "results": results})

    def break_off(self):
        self.close_connection = True

    def result(self, index, item, misdeed):
        if misdeed == "some" and index % 3 == 0:
            return rejected(index, item, "unavailable", True)
        if item["id"] in self.system.unwanted or (misdeed == "refuse" and item["id"] not in self.system.items):
            self.system.unwanted.add(item["id"])
            return rejected(index, item, "not_enrolled", False)
        outcome, code = self.system.take(self.path.split("/")[2], item)
        if code:
            return rejected(index, item, code, code.endswith("_unknown"))
        return {"index": index, "id": item["id"], "outcome": outcome}


def rejected(index, item, code, retriable):
    error = {"pointer": "", "code": code, "title": "-"}
    if retriable:
        error["retriable"] = True
    return {"index": index, "id": item["id"], "outcome": "rejected", "errors": [error]}


class Run:
    """One run of the sender against a system; `stop_after` seconds it gets SIGTERM."""

    def __init__(self, system, ledger, *arguments, stop_after=None):
        handler = type("Handler", (Door,), {"system": system})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
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
            assert words[1] not in outcomes, f"two outcomes of {words[1]}"
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
        run = Run(system, self.ledger, "--rate", "200", "--seconds", "3")
        self.assertEqual(run.status, 0, run.errors)
        sent, accepted = self.agree(system)
        self.assertRegex(run.said, rf"^accepted {len(accepted)} rejected 0 unknown 0 rate [0-9.]+/s lag [0-9]+ ms\n$")
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
        self.assertIn(f" rejected {len(system.unwanted)} unknown 0 ", run.said)
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
        self.assertEqual(set(sent), accepted, "a lesson that has its register would be refused")

    def test_a_system_that_forgets_is_told_so(self):
        system = System()
        system.items = type("Forgets", (dict,), {"get": lambda *_: None})()
        run = Run(system, self.ledger, "--rate", "200", "--seconds", "3")
        self.assertEqual(run.status, 1, run.said)
        self.assertIn("not duplicates", run.errors)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop()
    unittest.main()
