#!/usr/bin/env python3
"""The examples of the reference: exchanges that took place, kept in services/NAME/examples.http (libs/service/examples.c says how
an entry looks), sent again to an installation and compared.

    tests/conformance/examples.py DIR      writes the answers anew that differ, from an installation that has not seen them yet

Their people are made up. A day is 2026-11-23 in the file and today when it is sent; an id or a position that the system made is
whatever it is at its first sight, and then the same everywhere. Instants, revisions, tokens and keys are compared by their kind.
"""
import base64
import datetime
import json
import pathlib
import re
import sys
import time
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "end_to_end"))
import bundle  # noqa: E402
from installed import JSON, ROOT, Failure, Installed, wait_for  # noqa: E402
from reference import Reference  # noqa: E402

SERVICES = "registry grades attendance notify reports".split()  # in the order of sending
DAY, SINCE, YEAR = "2026-11-23", "2026-09-01", 2026
DISTRICT = "46ff1cd5-e81c-86c9-a5b7-d405271941ad"  # of the demo
GUARDIAN, OFFICER = "01930000-0000-7000-8000-000000000013", "01930000-0000-7000-8000-000000000015"
PASSWORD = "example-password"
SCOPES = "registry.read registry.write marks.read marks.write attendance.read attendance.write indicators.read"
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
MADE = re.compile(UUID + r"|\d+\.\d+\.\d+")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
OF_A_KIND = {"revision", "access_token", "keys", "request_id", "bytes"}
SHORT = {"access_token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9..."}
MONTHS = "қаңтар ақпан наурыз сәуір мамыр маусым шілде тамыз қыркүйек қазан қараша желтоқсан".split()
AWAY_SECONDS = 20
SETTLED_SECONDS = 2  # after which what was sent has arrived everywhere
WIDE = 130


class Exchange:
    def __init__(self, service, text):
        self.service = service
        self.title, head, rest = re.match(r"(.*)\n(.*)(?:\n\n|$)((?s:.*))", text).groups()
        self.caller, self.method, self.target = head.split(" ")
        first, _, behind = rest.partition("\n\n")
        self.request = "" if first.isdigit() else first
        self.status, _, self.answer = rest.partition("\n\n") if first.isdigit() else behind.partition("\n\n")
        self.answer = self.answer.rstrip("\n")

    def __str__(self):
        parts = [f"### {self.title}\n{self.caller} {self.method} {self.target}", self.request, self.status, self.answer]
        return "\n\n".join(part for part in parts if part) + "\n"


def file_of(service):
    return ROOT / "services" / service / "examples.http"


def exchanges():
    for service in SERVICES:
        text = "\n" + file_of(service).read_text()
        for entry in text.split("\n### ")[1:]:
            yield Exchange(service, entry.rstrip("\n"))


def laid_out(value, indent=0):
    """JSON in lines that can be read."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent <= WIDE or not isinstance(value, (dict, list)):
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        rows = [f"{json.dumps(name)}: {laid_out(part, indent + 2)}" for name, part in value.items()]
    else:
        rows = [laid_out(part, indent + 2) for part in value]
    return "{["[isinstance(value, list)] + "\n" + ",\n".join(pad + row for row in rows) + "\n" + " " * indent + \
        "}]"[isinstance(value, list)]


def frame(text):
    """An event of a stream as an object."""
    lines = dict(line.split(": ", 1) for line in text.splitlines())
    return {**lines, "data": json.loads(lines["data"])}


def value_of(media, text):
    if media.endswith("json"):
        return json.loads(text)
    return frame(text) if media == "text/event-stream" else text.replace("\r\n", "\n").rstrip("\n")


def in_words(day):
    """In Kazakh, as texts of the feed have it."""
    return f"{day.year} ж. {day.day} {MONTHS[day.month - 1]}"


class Difference(Exception):
    pass


class Examples:
    def __init__(self, house):
        self.house = house
        self.callers = {}
        now = house.today()
        year = now.year if now.month >= 9 else now.year - 1
        self.names = {DAY: now.isoformat(), SINCE: f"{year}-09-01", f'"academic_year": {YEAR}': f'"academic_year": {year}',
                      in_words(datetime.date.fromisoformat(DAY)): in_words(now)}
        self.all = list(exchanges())
        given = {made for one in self.all if one.method == "POST" for made in re.findall(UUID, one.request)}
        self.names.update({made: made for made in given | {DISTRICT, OFFICER, GUARDIAN}})

    # ---- Between the file and the installation ----

    def swapped(self, text, names):
        pattern = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        return re.sub(pattern, lambda match: names[match[0]], text)

    def sent(self, text):
        return self.swapped(text, self.names)

    def kept(self, text):
        return self.swapped(text, {there: here for here, there in self.names.items()})

    def compare(self, wanted, got, place, names):
        """Raises Difference; `names` learns."""
        if isinstance(wanted, dict) and isinstance(got, dict):
            if set(wanted) != set(got):
                raise Difference(f"{place}: {sorted(set(wanted) ^ set(got))} only on one side")
            for name in wanted:
                if name not in OF_A_KIND or type(wanted[name]) is not type(got[name]):
                    self.compare(wanted[name], got[name], f"{place}/{name}", names)
        elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
            for index, pair in enumerate(zip(wanted, got)):
                self.compare(*pair, f"{place}/{index}", names)
        elif isinstance(wanted, str) and isinstance(got, str):
            self.compare_text(wanted, got, place, names)
        elif wanted != got or type(wanted) is not type(got):
            raise Difference(f"{place}: {got!r}, not {wanted!r}")

    def compare_text(self, wanted, got, place, names):
        if MADE.fullmatch(wanted) and MADE.fullmatch(got):
            names.setdefault(wanted, got)
        if INSTANT.fullmatch(wanted) and INSTANT.fullmatch(got):
            return
        if self.swapped(wanted, names) != got:
            raise Difference(f"{place}: {got!r}, not {self.swapped(wanted, names)!r}")

    # ---- Who calls ----

    def run(self, *command):
        said = self.house.deploy("run", "registry", *command)
        if said.returncode:
            raise Failure(f"{command}: {said.stderr}")
        return said.stdout.split()

    def headers_of(self, exchange):
        if exchange.target == "/oauth/token":
            return {"Authorization": "Basic " + base64.b64encode(self.client().encode()).decode()}
        if exchange.caller not in self.callers:
            self.callers[exchange.caller] = getattr(self, f"make_{exchange.caller}")()
        return self.callers[exchange.caller]

    def client(self):
        if "client" not in self.callers:
            self.callers["client"] = "{1}:{3}".format(*self.run("client", "add", DISTRICT, "example", SCOPES))
        return self.callers["client"]

    @staticmethod
    def make_nobody():
        return {}

    def make_system(self):
        answer = self.house.call("POST", "/oauth/token", b"grant_type=client_credentials", Authorization="Basic "
                                 + base64.b64encode(self.client().encode()).decode())
        return {"Authorization": "Bearer " + answer.json()["access_token"]}

    def account(self, person, login, *role):
        password = self.run("account", "add", person, login, *role)[1]
        return {"Cookie": self.house.sign_in(login, password), "Sec_Fetch_Site": "same-origin"}, password

    def make_parent(self):
        headers, self.names[PASSWORD] = self.account(GUARDIAN, "example.parent")
        return headers

    def make_officer(self):
        return self.account(OFFICER, "example.officer", "--role", f"records_official@{DISTRICT}")[0]

    # ---- One after the other ----

    def body(self, exchange):
        operation = self.house.reference.find(exchange.method, exchange.target)
        media = next(iter(operation.row.get("requestBody", {}).get("content", {})), None)
        if media == "application/zip":
            return media, bundle.whole("example")
        text = self.sent(exchange.request)
        if media == "application/x-www-form-urlencoded":
            return media, urllib.parse.urlencode(json.loads(text)).encode()
        return media or JSON, text.encode() or None

    def call(self, exchange, query=""):
        headers = self.headers_of(exchange)
        media, body = self.body(exchange)
        target = self.sent(exchange.target) + query
        if "/stream" in target:
            return self.first_frame(target, headers)
        if body:
            headers = {**headers, "Content_Type": media}
        answer = self.house.call(exchange.method, target, body, **headers)
        return answer.status, answer.headers.get("Content-Type", "").split(";")[0], answer.body.decode()

    def first_frame(self, target, headers):
        request = urllib.request.Request(self.house.settings["EISO_URL"] + target,
                                         headers={name.replace("_", "-"): value for name, value in headers.items()})
        with urllib.request.urlopen(request, timeout=AWAY_SECONDS) as answer:
            lines = []
            for line in answer:
                lines.append(line.decode().rstrip("\n"))
                if lines[-1].startswith("data:"):
                    break
            return answer.status, "text/event-stream", "\n".join(line for line in lines if re.match("id|event|data", line))

    def against(self, exchange, said):
        """What differs from the file, in words; nothing: it is as the file says, and ids that the system made are known."""
        status, media, text = said
        names = dict(self.names)
        try:
            if str(status) != exchange.status:
                raise Difference(f"{status}, not {exchange.status}: {text[:300]}")
            if bool(exchange.answer) != bool(text):
                raise Difference(f"{text[:300] or 'nothing'}, not {exchange.answer[:300] or 'nothing'}")
            if text:
                self.compare(value_of(media, exchange.answer), value_of(media, text), "", names)
        except Difference as error:
            return f"{exchange.service}: {exchange.method} {exchange.target}: {error}"
        self.names = names
        return ""

    def send(self, exchange):
        """What is read is read until it is there; a batch is tried without effect until it would be taken so."""
        if exchange.method == "GET":
            self.await_same(exchange)
            return
        if self.house.reference.find(exchange.method, exchange.target).item_schema() and "?" not in exchange.target:
            self.await_same(exchange, "?dry_run=1", times=4)  # by each process: one may say for some seconds what was before
        if differs := self.against(exchange, self.call(exchange)):
            raise Failure(differs)

    def await_same(self, exchange, query="", times=1):
        differs = [""]

        def is_there():
            for _ in range(times):
                differs[0] = self.against(exchange, self.call(exchange, query))
                if differs[0]:
                    return False
            return True
        try:
            wait_for("the example", AWAY_SECONDS, is_there)
        except Failure:
            raise Failure(differs[0]) from None

    def play(self):
        for exchange in self.all:
            self.send(exchange)
        return len(self.all)

    # ---- The file made anew ----

    def record(self):
        for exchange in self.all:
            time.sleep(SETTLED_SECONDS)
            said = status, media, text = self.call(exchange)
            if not exchange.status or self.against(exchange, said):
                exchange.status = str(status)
                exchange.answer = self.kept(self.written(media, value_of(media, text))) if text else ""
        for service in SERVICES:
            file_of(service).write_text("\n".join(str(one) for one in self.all if one.service == service))

    def written(self, media, value):
        if media == "text/event-stream":
            return "\n".join(f"{name}: {part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)}"
                             for name, part in value.items())
        if not media.endswith("json"):
            return value
        return laid_out(json.loads(json.dumps(value), object_hook=lambda part: {
            name: SHORT.get(name, inner) for name, inner in part.items()}))


def lacking(reference):
    """Operations with something to show and no example."""
    shown = {str(reference.find(one.method, one.target)) for one in exchanges()}
    return [str(operation) for operation in reference.operations if str(operation) not in shown
            and ("requestBody" in operation.row or any(operation.row["responses"][status].get("content")
                                                       for status in ("200", "202") if status in operation.row["responses"]))]


if __name__ == "__main__":
    found = Installed.found(pathlib.Path(sys.argv[1]))
    found.reference = Reference.of(found)
    Examples(found).record()
