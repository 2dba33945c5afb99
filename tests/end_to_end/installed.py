"""An installation of one's own, made by deploy/up in a temporary folder on a free port, and how it is talked to."""
import base64
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import typing
import urllib.error
import urllib.request
import zoneinfo

ROOT = pathlib.Path(__file__).resolve().parents[2]
PSQL = "/usr/lib/postgresql/15/bin/psql"  # not the wrapper in PATH, as in tests/recount/installation.py
UP_SECONDS = 300
CRASHES = {b"AddressSanitizer", b"LeakSanitizer", b"runtime error:", b'"level":"bug"'}
JSON, NDJSON, MSGPACK = "application/json", "application/x-ndjson", "application/vnd.msgpack"


class Answer(typing.NamedTuple):
    status: int  # 0: the connection broke
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json().get("code") if self.status >= 400 else None


class Failure(Exception):
    pass


def say(words, value=""):
    print(f"  {words:<58} {value}", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, seconds, check):
    """Until `check` returns something true; returns it."""
    end = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > end:
            raise Failure(f"{what}: not after {seconds} s")
        time.sleep(0.05)


class Installed:
    def __init__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="eiso-test."))
        self.work.chmod(0o755)  # the processes' user goes through it
        self.dir = self.work / "run"
        self.settings = {}
        self.reference = None  # a conformance.reference.Reference: then every answer is compared with it

    @classmethod
    def found(cls, folder):
        """One that runs already; nobody takes it down."""
        house = cls()
        shutil.rmtree(house.work)
        house.dir = folder
        house.read_settings()
        return house

    def read_settings(self):
        text = (self.dir / "eiso.env").read_text()
        self.settings = dict(re.findall(r"^([A-Z_]+)='(.*)'$", text, re.MULTILINE))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if (self.dir / ".eiso").exists():
            self.deploy("down", "--wipe")
        shutil.rmtree(self.work, ignore_errors=True)

    # ---- deploy ----

    def deploy(self, command, *arguments, seconds=UP_SECONDS):
        return subprocess.run([ROOT / "deploy" / command, "--dir", self.dir, *arguments], capture_output=True, text=True,
                              timeout=seconds, check=False)

    def up(self, *arguments):
        """Returns how long it took."""
        before = time.monotonic()
        if not self.settings:
            arguments = ("--port", str(free_port()), *arguments)
        said = self.deploy("up", *arguments)
        if said.returncode:
            raise Failure(f"deploy/up: {said.stdout}{said.stderr}")
        self.read_settings()
        return time.monotonic() - before

    def service(self, action, name):
        """s6-svc with -d (down), -u (up), or a signal's letter."""
        subprocess.run(["s6-svc", action, self.dir / "s6" / name], check=True, timeout=10)

    def is_up(self, name):
        said = subprocess.run(["s6-svstat", "-o", "up", self.dir / "s6" / name], capture_output=True, text=True,
                              timeout=10, check=True)
        return said.stdout.strip() == "true"

    def pid(self, name):
        said = subprocess.run(["s6-svstat", "-o", "pid", self.dir / "s6" / name], capture_output=True, text=True,
                              timeout=10, check=True)
        return int(said.stdout)

    def services(self):
        return sorted(path.name for path in (self.dir / "s6").iterdir() if (path / "run").exists())

    def kill(self, name, number=signal.SIGKILL):
        pid = self.pid(name)
        if pid > 0:
            os.kill(pid, number)
        return pid

    def is_ready(self, name):
        """As s6 sees it: the process runs and its own check goes well."""
        check = self.dir / "s6" / name / "data" / "check"
        return self.is_up(name) and (not check.exists() or subprocess.run(
            ["./data/check"], cwd=check.parents[1], capture_output=True, timeout=10, check=False).returncode == 0)

    def observe(self, name, page):
        """What a process says on its own socket."""
        said = subprocess.run(["curl", "-s", "-m", "5", "--unix-socket", self.dir / "sock" / f"{name}.observer",
                               f"http://localhost/{page}"], capture_output=True, text=True, timeout=10, check=True)
        return said.stdout

    def memory_kb(self, name):
        status = pathlib.Path(f"/proc/{self.pid(name)}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def logs(self):
        return [path for path in (self.dir / "log").rglob("*") if path.is_file()]

    def found_in_logs(self, words):
        """(file, word) of what should not be there."""
        return [(path.parent.name, word) for path in self.logs() for word in words if word in path.read_bytes()]

    @staticmethod
    def today():
        """In Kazakhstan."""
        return datetime.datetime.now(zoneinfo.ZoneInfo("Asia/Almaty")).date()

    # ---- HTTP ----

    def call(self, method, path, body=None, **headers):
        """Header names are given with underscores."""
        answer = self.call_unchecked(method, path, body, **headers)
        if self.reference:
            self.reference.check(method, path, answer)
        return answer

    def call_unchecked(self, method, path, body=None, **headers):
        request = urllib.request.Request(self.settings["EISO_URL"] + path, data=body, method=method)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as answer:
            return Answer(answer.code, dict(answer.headers), answer.read())
        except OSError:
            return Answer(0, {}, b"")

    def token(self):
        pair = f"{self.settings['EISO_CLIENT_ID']}:{self.settings['EISO_CLIENT_SECRET']}"
        answer = self.call("POST", "/oauth/token", b"grant_type=client_credentials",
                           Authorization="Basic " + base64.b64encode(pair.encode()).decode())
        if answer.status != 200:
            raise Failure(f"no token: {answer}")
        return answer.json()["access_token"]

    def post(self, path, items, token, **headers):
        body = items if isinstance(items, bytes) else json.dumps(items).encode()
        headers.setdefault("Content_Type", JSON)
        return self.call("POST", path, body, Authorization=f"Bearer {token}", **headers)

    def session(self, who):
        """The cookie of a person of eiso.env who signed in."""
        return self.sign_in(self.settings[f"EISO_{who}_LOGIN"], self.settings[f"EISO_{who}_PASSWORD"])

    def sign_in(self, login, password):
        body = json.dumps({"login": login, "password": password}).encode()
        request = urllib.request.Request(self.settings["EISO_URL"] + "/v1/session", body, {"Content-Type": JSON})
        with urllib.request.urlopen(request, timeout=30) as answer:
            cookies = answer.headers.get_all("Set-Cookie")
        return "; ".join(cookie.split(";")[0] for cookie in cookies if "Path=/;" in cookie)

    def stream(self, path, cookie, token=None):
        return Stream(self.settings["EISO_URL"] + path,
                      {"Authorization": f"Bearer {token}"} if token else {"Cookie": cookie},
                      self.reference and (lambda name, data: self.reference.check_event(path, name, data)))

    # ---- Kafka and PostgreSQL ----

    def kcat(self, *arguments, user=None, password=None, text=None):
        settings = self.settings
        command = ["kcat", "-b", settings["EISO_KAFKA"], "-X", "security.protocol=SASL_PLAINTEXT", "-X", "log_level=0",
                   "-X", "sasl.mechanism=PLAIN", "-X", f"sasl.username={user or settings['EISO_KAFKA_USER']}",
                   "-X", f"sasl.password={password or settings['EISO_KAFKA_PASSWORD']}", *arguments]
        return subprocess.run(command, input=text, capture_output=True, timeout=60, check=False)

    def sql(self, service, select):
        """By the reading role."""
        said = subprocess.run([PSQL, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", select,
                               self.settings[f"EISO_PG_{service.upper()}"]], capture_output=True, text=True, timeout=60,
                              check=False)
        if said.returncode:
            raise Failure(f"{service}: {said.stderr}")
        return said.stdout.strip()

    def admin_sql(self, database, statement):
        """As the superuser of the private cluster: to break things, and to mend them."""
        said = subprocess.run([PSQL, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement,
                               self.settings["EISO_PG_GRADES"].split(" dbname")[0] + f" dbname={database} user=eiso_admin"],
                              capture_output=True, text=True, timeout=60, check=False)
        if said.returncode:
            raise Failure(f"{database}: {said.stderr}")
        return said.stdout.strip()

    # ---- Sending and counting ----

    def live(self, ledger, rate, seconds=None):
        """A sender of its own; ends with SIGTERM or after `seconds`. Its log is beside the installation."""
        arguments = ["--rate", str(rate), "--ledger", str(ledger)] + (["--seconds", str(seconds)] if seconds else [])
        with open(self.work / "sender.log", "a", encoding="utf-8") as log:
            return subprocess.Popen([self.dir / "program" / "bin" / "eiso-live", *arguments], text=True,
                                    env={**os.environ, **self.settings}, stdout=subprocess.PIPE, stderr=log)

    def recount(self, *ledgers, wait=60):
        command = [ROOT / "tests" / "recount" / "run", "--dir", self.dir, "--wait", str(wait), *ledgers]
        return subprocess.run(command, capture_output=True, text=True, timeout=wait + 600, check=False)


class Stream:
    """Server-sent events, read beside; `wait` gives the first one that fits, with the moment of its arrival."""

    def __init__(self, url, caller, check=None):
        self.check = check
        host, path = url.removeprefix("http://").split("/", 1)
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.request("GET", "/" + path, headers={**caller, "Accept": "text/event-stream"})
        self.socket = connection.sock
        self.answer = connection.getresponse()
        if self.answer.status != 200:
            raise Failure(f"GET /{path}: {self.answer.status} {self.answer.read()}")
        self.events = queue.Queue()
        self.ended = threading.Event()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        name = None
        try:
            for line in self.answer:
                if line.startswith(b"event:"):
                    name = line[6:].strip().decode()
                elif line.startswith(b"data:"):
                    self.events.put((time.monotonic(), name, json.loads(line[5:])))
                elif not line.strip():
                    name = None
        except (OSError, ValueError, AttributeError):  # it was closed
            pass
        self.ended.set()

    def wait(self, fits, seconds=5):
        end = time.monotonic() + seconds
        while True:
            try:
                moment, name, event = self.events.get(timeout=max(end - time.monotonic(), 0.01))
            except queue.Empty:
                raise Failure(f"nothing that fits on the stream in {seconds} s") from None
            if self.check:
                self.check(name, event)
            if fits(event):
                return moment, event

    def close(self):
        """At once: without the shutdown it waits until the reader has the next heartbeat."""
        with contextlib.suppress(OSError):  # the other end was first
            self.socket.shutdown(socket.SHUT_RDWR)
        self.ended.wait()
        self.answer.close()
        self.socket.close()
