#!/usr/bin/python3
"""eiso-watch before a front door that refuses sign-ins for a while, ends streams, and sends what it counts itself.

    watch_test.py EISO-WATCH
"""
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROGRAM = None
PARENTS, DASHBOARDS, ENDS_AFTER = 40, 22, 10
LATE_MS = 300  # marks are that old when they are sent


def v7(age_ms):
    moment = int(time.time() * 1000) - age_ms
    return str(uuid.UUID(int=moment << 80 | 7 << 76 | 2 << 62 | int.from_bytes(os.urandom(7), "big")))


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        login = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.tries += 1
        if self.server.tries == 1:
            return self.empty(429, ("Retry-After", "1"))
        if login["password"] != "secret":
            return self.empty(401)
        return self.empty(204, ("Set-Cookie", "eiso_renew_1=no; Path=/v1/session"), ("Set-Cookie", f"eiso_1={login['login']}; Path=/"))

    def empty(self, status, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.close_connection = True
        ends = next(self.server.numbers) == 0
        self.server.cookies.add(self.headers["Cookie"])
        self.server.paths.append(self.path)
        if "Last-Event-ID" in self.headers:
            self.server.resumed.append(self.headers["Last-Event-ID"])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"retry: 3000\n\n: ping\n\n")
        for number in range(ENDS_AFTER if ends else 1000):
            self.send_item(number)
            time.sleep(0.1)

    def send_item(self, number):
        kind = "mark_recorded" if number % 2 == 0 else "absence_recorded"
        data = json.dumps({"id": v7(LATE_MS), "kind": kind, "text": "x" * 500}, separators=(",", ":")).encode()
        line = b"id: 1.2.%d\ndata: %s\n\n" % (number, data)
        self.wfile.write(line[:100])  # whole lines do not come at once
        self.wfile.flush()
        self.wfile.write(line[100:])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 200

    def handle_error(self, *_):
        """Who goes away in the middle needs no answer."""


class Watch(unittest.TestCase):
    def setUp(self):
        self.server = Server(("127.0.0.1", 0), Door)
        self.server.tries, self.server.cookies, self.server.paths, self.server.resumed = 0, set(), [], []
        self.server.numbers = itertools.count()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def watch(self, accounts, *options):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "accounts"
            path.write_text(accounts)
            environment = {"EISO_URL": f"http://127.0.0.1:{self.server.server_port}", "EISO_OFFICIAL_LOGIN": "official",
                           "EISO_OFFICIAL_PASSWORD": "secret", "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
            return subprocess.run([PROGRAM, "--accounts", path, *options], capture_output=True, text=True, env=environment,
                                  timeout=60, check=False)

    def test_all_are_open_and_counted(self):
        said = self.watch("one secret\ntwo secret\n", "--streams", str(PARENTS), "--dashboards", str(DASHBOARDS), "--seconds", "4")
        self.assertEqual(said.returncode, 0, said.stderr)
        whole = re.search(r"^streams (\d+) of (\d+) open, (\d+) opened again; parents got (\d+) items, dashboards (\d+) messages$",
                          said.stdout, re.MULTILINE)
        self.assertEqual(whole.groups()[:3], (str(PARENTS + DASHBOARDS),) * 2 + ("1",), said.stdout)
        self.assertGreater(int(whole[4]), PARENTS * 10)
        self.assertGreater(int(whole[5]), DASHBOARDS * 10)
        marks, p50, longest = map(int, re.search(r", (\d+) marks: p50 (\d+) .* max (\d+) ms", said.stdout).groups())
        self.assertTrue(int(whole[4]) / 3 < marks < int(whole[4]), said.stdout)
        self.assertTrue(LATE_MS <= p50 <= longest, said.stdout)
        self.assertIn("100.0 %", said.stdout)
        self.assertEqual(self.server.cookies, {"eiso_1=one", "eiso_1=two", "eiso_1=official"})
        self.assertEqual(self.server.resumed, [f"1.2.{ENDS_AFTER - 1}"])
        nodes = [path for path in self.server.paths if path.startswith("/v1/indicators/stream?node=")]
        self.assertEqual((len(nodes), nodes.count("/v1/indicators/stream?node=KZ")), (DASHBOARDS, 2))

    def test_a_wrong_password_is_told(self):
        said = self.watch("one wrong\n")
        self.assertEqual(said.returncode, 1)
        self.assertIn("one cannot sign in", said.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop()
    unittest.main()
