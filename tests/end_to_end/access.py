"""Who may do what: each route that the programs describe, for each caller, with what is its own and what is another's.

ROUTES is the table; a route that is not in it fails the test. Two subtrees: the demo's district, and one beside it.
"""
import base64
import datetime
import http.client
import json
import re
import subprocess
import time
import urllib.parse
import uuid
import zoneinfo

import bundle
from installed import JSON, ROOT, Failure, say, wait_for

SCOPES = ("registry.read registry.write marks.read marks.write attendance.read attendance.write "
          "indicators.read").split()
ENDS_SECONDS = 2  # asserted; one second is promised, and printed
IMPORTED = 33_000  # learners, over 100,000 rows: an import that goes on longer than access takes to end

# The callers who are known, in the order of the table's columns.
#   system      a client of the district, with all scopes        learner   the child itself
#   unscoped    the same, with another scope than is needed      teacher   of the class, by assignment
#   parent      with all rights of the link                      head      of the school
#   narrow      a guardian whose link has no right to facts      official  of the district: figures, no records
#   barred      a guardian whose link is restricted              records   a records official of the district
#                                                                operator  of the district
CALLERS = "system unscoped parent narrow barred learner teacher head official records operator".split()

# What they get: for their own, and behind a slash for another's subtree where that differs. A status; `ok`, `out` and
# `unknown` are of a batch: its item was taken, or rejected as out_of_scope or x_unknown.
RECORDS = "200/404 403 200/404 403/404 403 200/404 200/404 200/404 403 200/404 403"
JOURNAL = "200/404 403 404 404 403 404 200/404 200/404 403 200/404 403"
ROSTER = "200/404 403 403 403 403 403 200/404 200/404 403/404 200/404 200/404"
TREE = "200/404 403 403 403 403 403 200/404 200/404 200/404 200/404 200/404"
FIGURES = "200/404 403 403 403 403 403 403 200/404 200/404 200/404 200/404"
REGISTRY = "ok/out 403 403 403 403 403 403 403 403 ok/out ok/out"
FACTS = "ok/out 403 403 403 403 403 403 403 403 403 403"
OWN_ONLY = "404 403 403 403 403 403 403 403 403 404 404"  # of something that nobody has
ANYBODY = "200 200 200 200 200 200 200 200 200 200 200"
INBOX = "403 403 200 200 200 200 200 200 200 200 200"
CHILD = "403 403 200/404 200/404 404 404 404 404 404 404 404"

ROUTES = {
    # method and path of a description: (scope, what callers get, the query or the item's maker)
    "GET /v1/learners/{id}/marks": ("marks.read", RECORDS, "learner"),
    "GET /v1/learners/{id}/attendance": ("attendance.read", RECORDS, "learner"),
    "GET /v1/classes/{id}/learners": ("registry.read", ROSTER, "class"),
    "GET /v1/classes/{id}/journal": ("marks.read", JOURNAL, "class"),
    "GET /v1/people/{id}": ("registry.read", "200/404 403 200/404 403/404 404 200/404 200/404 200/404 403/404 200/404 200/404",
                            "learner"),
    "GET /v1/people": ("registry.read", ANYBODY.replace("200 200", "200 403", 1), "?source=none&sourced_id=none"),
    "GET /v1/organisations": ("registry.read", TREE, "?parent={school}"),
    "GET /v1/organisations/{id}": ("registry.read", TREE, "school"),
    "GET /v1/classes": ("registry.read", TREE, "?organisation={school}"),
    "POST /v1/organisations": ("registry.write", REGISTRY, "organisation_item"),
    "POST /v1/people": ("registry.write", REGISTRY.replace("ok/out", "ok"), "person_item"),
    "POST /v1/classes": ("registry.write", REGISTRY, "class_item"),
    "POST /v1/enrolments": ("registry.write", REGISTRY, "enrolment_item"),
    "POST /v1/assignments": ("registry.write", REGISTRY, "assignment_item"),
    "POST /v1/guardians": ("registry.write", REGISTRY, "guardian_item"),
    "POST /v1/merges": ("registry.write", REGISTRY.replace("ok/out", "403", 1).replace("ok/out", "unknown"), "merge_item"),
    "POST /v1/marks": ("marks.write", FACTS, "mark_item"),
    "POST /v1/registers": ("attendance.write", FACTS, "register_item"),
    "POST /v1/absence-changes": ("attendance.write", FACTS.replace("ok/out", "unknown"), "absence_change_item"),
    "GET /v1/classes/{id}/registers": ("attendance.read", JOURNAL, "class"),
    "POST /v1/imports": ("registry.write", OWN_ONLY.replace("404", "415"), ""),
    "GET /v1/imports": ("registry.write", OWN_ONLY.replace("404", "200"), ""),
    "GET /v1/imports/{id}": ("registry.write", OWN_ONLY, "learner"),
    "GET /v1/imports/{id}/stream": ("registry.write", OWN_ONLY, "learner"),
    "GET /v1/imports/{id}/rejected": ("registry.write", OWN_ONLY, "learner"),
    "GET /v1/me": (None, ANYBODY, ""),
    "GET /v1/inbox": (None, CHILD, "?child={learner}"),
    "GET /v1/inbox/children": (None, INBOX, ""),
    "GET /v1/inbox/stream": (None, INBOX, ""),
    "POST /v1/inbox/read": (None, CHILD.replace("200", "204"), "read_item"),
    "GET /v1/indicators": ("indicators.read", FIGURES, "?node={school}&tree=subordination"),
    "GET /v1/indicators/stream": ("indicators.read", FIGURES, "?node={school}&tree=subordination"),
}

# Nobody needs to be known: what they answer to nobody who brings nothing.
OPEN = {
    "POST /oauth/token": 400,
    "GET /.well-known/jwks.json": 200,
    "POST /v1/session": 415,
    "POST /v1/session/renew": 401,
    "DELETE /v1/session": 401,
}


def today():
    return datetime.datetime.now(zoneinfo.ZoneInfo("Asia/Almaty")).date()


def fresh():
    return str(uuid.uuid4())


class Items:
    """An item of each batch, of the subtree of `own` (a dict of ids)."""

    @staticmethod
    def organisation_item(own):
        return {"id": fresh(), "name": {"kk": "Мектеп", "ru": "Школа"}, "kind": "school", "kato": "114000000",
                "subordinate_to": own["district"], "ownership": "state", "languages": ["kk"], "shifts": 2,
                "valid_from": "2020-09-01"}

    @staticmethod
    def person_item(_):
        return {"id": fresh(), "names": {"family": "Сынақ", "given": "Адам"}, "roles": ["guardian"]}

    @staticmethod
    def class_item(own):
        return {"id": fresh(), "organisation": own["school"], "name": "7 «Ж»", "type": "homeroom", "grade": 7, "language": "kk",
                "shift": 1, "academic_year": today().year if today().month > 7 else today().year - 1}

    @staticmethod
    def enrolment_item(own):
        return {"id": fresh(), "learner": own["newcomer"], "class": own["class"], "from": today().isoformat(), "mode": "class"}

    @staticmethod
    def assignment_item(own):
        return {"id": fresh(), "teacher": own["teacher"], "class": own["class"], "subject": "math", "kind": "substitute",
                "from": today().isoformat()}

    @staticmethod
    def guardian_item(own, **more):
        return {"id": fresh(), "learner": own["learner"], "guardian": own["adult"], "relation": "other",
                "legal_basis": "guardianship", "rights": ["marks", "attendance"], "from": "2026-09-01", "status": "confirmed",
                **more}

    @staticmethod
    def merge_item(own):
        """Of nobody that is known."""
        return {"id": fresh(), "person": fresh(), "canonical": own["learner"], "reason": "test"}

    @staticmethod
    def mark_item(own):
        return {"id": fresh(), "class": own["class"], "learner": own["learner"], "subject": "math", "kind": "formative",
                "points": 5, "max_points": 10, "date": today().isoformat()}

    @staticmethod
    def register_item(own):
        return {"id": fresh(), "class": own["class"], "subject": "math", "date": today().isoformat(), "lesson": 8,
                "taken_at": f"{today().isoformat()}T00:00:00Z", "exceptions": []}

    @staticmethod
    def absence_change_item(own):
        """Of a register that nobody took."""
        return {"id": fresh(), "register": fresh(), "learner": own["learner"], "code": "present", "reason_code": "error"}

    @staticmethod
    def read_item(own):
        return {"child": own["learner"], "position": "1.0.0"}


class People:
    """The callers and both subtrees, made once in an installation."""

    def __init__(self, house):
        self.house = house
        self.headers = {}  # of each caller
        self.accounts = {}  # login: password
        self.own = self.demo_subtree()
        self.root = self.client(self.own["ministry"], " ".join(SCOPES))
        self.other = self.make_other()
        self.make_family()
        self.make_officers()
        self.make_clients()
        self.make_unknown()
        self.wait_for_copies()

    # ---- Operators' commands ----

    def run(self, service, *command):
        said = subprocess.run([ROOT / "deploy" / "run", "--dir", self.house.dir, service, *command], capture_output=True,
                              text=True, timeout=60, check=False)
        if said.returncode:
            raise Failure(f"{service} {command}: {said.stderr}")
        return said.stdout

    def new_client(self, node, scopes):
        said = self.run("registry", "client", "add", node, "test", scopes)
        return dict(line.split() for line in said.splitlines())

    def client(self, node, scopes):
        return self.bearer(self.new_client(node, scopes))

    def token(self, client):
        pair = base64.b64encode(f"{client['id']}:{client['secret']}".encode()).decode()
        return self.house.call("POST", "/oauth/token", b"grant_type=client_credentials", Authorization="Basic " + pair)

    def bearer(self, client):
        answer = self.token(client)
        if answer.status != 200:
            raise Failure(f"no token: {answer}")
        return {"Authorization": "Bearer " + answer.json()["access_token"]}

    def account(self, login, person, role=None):
        """The headers of who has signed in."""
        said = self.run("registry", "account", "add", person, login, *(["--role", role] if role else []))
        self.accounts[login] = said.split()[1]
        return self.sign_in(login)

    def sign_in(self, login, password=None):
        body = json.dumps({"login": login, "password": password or self.accounts[login]}).encode()
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.house.settings["EISO_URL"]).netloc, timeout=30)
        connection.request("POST", "/v1/session", body, {"Content-Type": JSON})
        answer = connection.getresponse()
        if answer.status != 204:
            raise Failure(f"{login} cannot sign in: {answer.status} {answer.read()}")
        cookies = [cookie.split(";")[0] for cookie in answer.headers.get_all("Set-Cookie")]
        connection.close()
        return {"Cookie": "; ".join(cookies), "Origin": self.house.settings["EISO_URL"]}

    # ---- The world ----

    def put(self, what, *items):
        answer = self.house.call("POST", f"/v1/{what}", json.dumps(items).encode(), Content_Type=JSON, **self.root)
        if answer.status != 200 or answer.json()["rejected"]:
            raise Failure(f"{what}: {answer}")
        return items[0]["id"]

    def sql(self, statement):
        return self.house.admin_sql("registry", "set search_path = registry; " + statement)

    def demo_subtree(self):
        settings = self.house.settings
        own = {"class": settings["EISO_DEMO_CLASS"], "learner": settings["EISO_DEMO_LEARNER"]}
        own["school"], own["district"], own["ministry"] = self.sql(
            "select o.id, o.subordinate_to, o.path[1] from class c join organisation o on o.id = c.organisation"
            f" where c.id = '{own['class']}'").split("|")
        own["teacher"], own["colleague"], own["officer"] = self.sql(
            "select string_agg(id::text, '|') from (select id from person where roles = 4 order by id limit 3) p").split("|")
        return own

    def person(self, role):
        return self.put("people", {**Items.person_item(None), "id": fresh(), "roles": [role]})

    def make_other(self):
        other = {"district": self.put("organisations", {**Items.organisation_item({"district": self.own["ministry"]}),
                                                        "kind": "district_department"})}
        other["school"] = self.put("organisations", Items.organisation_item(other))
        other["class"] = self.put("classes", Items.class_item(other))
        other["teacher"] = self.person("staff")
        for who in ("learner", "newcomer"):
            other[who] = self.person("learner")
        other["adult"] = self.person("guardian")
        self.put("enrolments", {**Items.enrolment_item(other), "learner": other["learner"], "from": f"{today().year}-09-01"
                                if today().month > 8 else f"{today().year - 1}-09-01"})
        return other

    def make_family(self):
        settings = self.house.settings
        self.own["newcomer"], self.own["adult"] = self.person("learner"), self.person("guardian")
        self.headers["parent"] = self.sign_in(settings["EISO_PARENT_LOGIN"], settings["EISO_PARENT_PASSWORD"])
        self.headers["teacher"] = self.sign_in(settings["EISO_TEACHER_LOGIN"], settings["EISO_TEACHER_PASSWORD"])
        for who, more in (("narrow", {"rights": ["messages"]}), ("barred", {"status": "restricted"})):
            guardian = self.person("guardian")
            self.put("guardians", Items.guardian_item({**self.own, "adult": guardian}, **more))
            self.headers[who] = self.account(f"test.{who}", guardian)
        self.headers["learner"] = self.account("test.learner", self.own["learner"])

    def make_officers(self):
        for who, role, node in (("head", "head", "school"), ("official", "official", "district"),
                                ("records", "records_official", "district"), ("operator", "operator", "district")):
            self.headers[who] = self.account(f"test.{who}", self.person("staff"), f"{role}@{self.own[node]}")

    def make_clients(self):
        self.headers["system"] = self.client(self.own["district"], " ".join(SCOPES))
        self.lacking = {scope: self.client(self.own["district"], scope) for scope in ("registry.read", "indicators.read")}

    def make_unknown(self):
        """Those who are known no more, or never were: 401, whatever they ask for."""
        revoked = self.new_client(self.own["district"], " ".join(SCOPES))
        self.unknown = {"nobody": {}, "revoked": self.bearer(revoked), "forged": self.forged(),
                        "expired": self.expired(), "locked": self.account("test.locked", self.person("staff"),
                                                                          f"records_official@{self.own['district']}")}
        self.run("registry", "client", "revoke", revoked["id"])
        self.run("registry", "account", "lock", "test.locked")
        ended = self.account("test.ended", self.person("staff"), f"records_official@{self.own['district']}")
        self.house.call("DELETE", "/v1/session", **ended)
        self.unknown["ended"] = ended

    def forged(self):
        head, payload, signature = self.house.token().split(".")
        return {"Authorization": f"Bearer {head}.{payload}.{signature[:-8]}AAAAAAAA"}

    def expired(self):
        """Signed with the key of the installation, and two hours old."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        def part(data):
            return base64.urlsafe_b64encode(data).decode().rstrip("=")

        def whole(name):
            return int.from_bytes(base64.urlsafe_b64decode(key[name] + "="), "big")

        key = json.loads((self.house.dir / "state" / "registry" / "signing.jwk").read_text())
        head, payload, _ = self.house.token().split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        claims["iat"], claims["exp"] = int(time.time()) - 7200, int(time.time()) - 3700
        claims = {name: value - 7200 if name == "nbf" else value for name, value in claims.items()}
        signed = f"{head}.{part(json.dumps(claims).encode())}"
        numbers = utils.decode_dss_signature(ec.derive_private_key(whole("d"), ec.SECP256R1()).sign(
            signed.encode(), ec.ECDSA(hashes.SHA256())))
        return {"Authorization": f"Bearer {signed}.{part(b''.join(n.to_bytes(32, 'big') for n in numbers))}"}

    def wait_for_copies(self):
        """Until each service has all that was made here."""
        def there():
            return all(self.house.call("GET", path, **self.headers[who]).status == 200 for who, path in (
                ("learner", f"/v1/learners/{self.own['learner']}/marks"),
                ("learner", f"/v1/learners/{self.own['learner']}/attendance"),
                ("head", f"/v1/learners/{self.own['learner']}/marks"), ("head", "/v1/inbox"),
                ("head", f"/v1/learners/{self.own['learner']}/attendance"),
                ("head", f"/v1/indicators?node={self.own['school']}&tree=subordination"),
                ("narrow", f"/v1/inbox?child={self.own['learner']}")))
        wait_for("the copies have the callers", 30, there)

    # ---- A call ----

    def headers_of(self, caller, scope):
        if caller != "unscoped":
            return self.headers[caller]
        return self.lacking["registry.read" if scope != "registry.read" else "indicators.read"]

    def status(self, method, path, headers, body=None):
        """Of a stream, too: its head is all that is read."""
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.house.settings["EISO_URL"]).netloc, timeout=30)
        try:
            connection.request(method, path, body, {**headers, **({"Content-Type": JSON} if body else {})})
            answer = connection.getresponse()
            text = b"" if answer.headers["Content-Type"] == "text/event-stream" else answer.read()
            return answer.status, text
        finally:
            connection.close()


def request_of(route, what, subtree):
    """Method, path and body of a route for a subtree."""
    method, path = route.split(" ")
    if what.endswith("_item"):
        item = getattr(Items, what)(subtree)
        single = what == "read_item"
        return method, path + ("" if single else "?dry_run=1"), json.dumps(item if single else [item]).encode()
    if what.startswith("?"):
        return method, path + what.format(**subtree), None
    return method, re.sub(r"\{[a-z_]+\}", subtree.get(what, ""), path), None


def outcome_of(status, text):
    if status != 200 or b'"results"' not in text:
        return str(status)
    codes = [error["code"] for result in json.loads(text)["results"] for error in result.get("errors", [])]
    return "out" if "out_of_scope" in codes else "ok" if not codes else "".join(code.split("_")[-1] for code in codes)


def described_routes(house):
    described = json.loads((house.dir / "conf" / "describe.json").read_text())
    return {f"{route['method']} {route['path']}" for service in described if service["service"] != "small"
            for route in service["routes"]}


def check_every_route(people):
    """What differs from the table, a line each; and how many calls were made."""
    wrong, calls = [], 0

    def compare(route, caller, whose, expected, headers, request):
        nonlocal calls
        calls += 1
        call = request[0], request[1], headers, request[2]
        got = outcome_of(*people.status(*call))
        if got == "429":  # one body at a time is put into a file for each caller, and the last one's was answered only just now
            time.sleep(1)
            got = outcome_of(*people.status(*call))
        if got != expected:
            wrong.append(f"{route} by {caller}, {whose}: {got}, not {expected}")

    for route, (scope, row, what) in ROUTES.items():
        for caller, cell in zip(CALLERS, row.split(), strict=True):
            for whose, subtree, expected in zip(("own", "another's"), (people.own, people.other), (cell.split("/") * 2)):
                compare(route, caller, whose, expected, people.headers_of(caller, scope), request_of(route, what, subtree))
        for caller, headers in people.unknown.items():
            compare(route, caller, "own", "401", headers, request_of(route, what, people.own))
    for route, expected in OPEN.items():
        compare(route, "nobody", "-", str(expected), {}, (*route.split(" "), None))
    return wrong, calls


class Access:
    """Tests of an installation that others share: `house`."""

    @classmethod
    def people(cls):
        if not hasattr(cls, "made_people"):
            cls.made_people = People(cls.house)
        return cls.made_people

    def test_10r_b_every_route_for_every_role(self):
        people = self.people()
        self.assertEqual(described_routes(self.house), set(ROUTES) | set(OPEN), "a route without a row, or a row without one")
        wrong, calls = check_every_route(people)
        self.assertEqual(wrong, [])
        say(f"{len(ROUTES)} routes by {len(CALLERS)} known and {len(people.unknown)} unknown callers", f"{calls} calls")

    # ---- Access ends ----

    def ends(self, words, method, path, headers, status):
        """From now until that status."""
        began = time.monotonic()
        wait_for(words, ENDS_SECONDS, lambda: self.people().status(method, path, headers)[0] == status)
        say(words, f"{time.monotonic() - began:.3f} s")

    def is_steady(self, path, headers):
        """By each process that may be asked: one that found nothing just now says so for some seconds more."""
        return all(self.people().status("GET", path, headers)[0] == 200 for _ in range(8))

    def stream_ends(self, words, stream):
        began = time.monotonic()
        self.assertTrue(stream.ended.wait(ENDS_SECONDS), f"{words}: the stream goes on")
        say(f"{words}, the open stream", f"{time.monotonic() - began:.3f} s")

    def new_guardian(self):
        """Signed in, with a link to the demo's child."""
        people = self.people()
        person = people.person("guardian")
        link = Items.guardian_item({**people.own, "adult": person})
        people.put("guardians", link)
        headers = people.account("g." + person[-12:], person)
        for path in self.records():
            wait_for("the link is in the copies", 30, lambda path=path: people.status("GET", path, headers)[0] == 200)
        return link, headers

    def records(self):
        own = self.people().own
        return (f"/v1/learners/{own['learner']}/marks", f"/v1/learners/{own['learner']}/attendance",
                f"/v1/inbox?child={own['learner']}")

    def applies(self, action):
        for name in self.house.services():
            if "-apply-" in name:
                self.house.service(action, name)

    def test_10r_c_a_link_ends_whatever_stands_in_front_of_it(self):
        """apply stands still: as if an import without an end stood before the change of the link."""
        people = self.people()
        for words, change in (("a link that ended", {"to": (today() - datetime.timedelta(days=1)).isoformat()}),
                              ("a link that was restricted", {"status": "restricted"})):
            link, headers = self.new_guardian()
            stream = self.house.stream("/v1/inbox/stream", headers["Cookie"])
            self.applies("-d")
            try:
                people.put("guardians", {**link, **change})
                self.stream_ends(words, stream)
                for path in self.records():
                    self.ends(f"{words}, {path.split('/')[-1].split('?')[0]}", "GET", path, headers,
                              404 if "inbox" in path else 403)
            finally:
                self.applies("-u")

    def test_10r_d_roles_sessions_accounts_and_clients_end(self):
        people, (marks, attendance, _) = self.people(), self.records()
        role = f"head@{people.own['school']}"
        headers = people.account("test.short", people.person("staff"), role)
        for path in (marks, attendance):
            wait_for("the role is in the copies", 30, lambda path=path: people.status("GET", path, headers)[0] == 200)
        self.applies("-d")
        try:
            people.run("registry", "account", "withdraw", "test.short", role)
            self.ends("a role that was taken away", "GET", marks, headers, 403)
        finally:
            self.applies("-u")
        people.run("registry", "account", "grant", "test.short", role)
        wait_for("the role is back", 30, lambda: people.status("GET", marks, headers)[0] == 200)
        wait_for("notify knows the account", 30, lambda: self.is_steady("/v1/inbox", headers))
        stream = self.house.stream("/v1/inbox/stream", headers["Cookie"])
        self.assertEqual(people.status("DELETE", "/v1/session", headers)[0], 204)
        self.ends("a session that ended", "GET", attendance, headers, 401)
        self.stream_ends("a session that ended", stream)
        headers = people.sign_in("test.short")
        wait_for("every process knows the role", 30, lambda: self.is_steady(marks, headers))
        people.run("registry", "account", "lock", "test.short")
        self.ends("an account that was locked", "GET", marks, headers, 401)
        client = people.new_client(people.own["district"], "marks.read")
        headers = people.bearer(client)
        wait_for("the client is in the copies", 30, lambda: people.status("GET", marks, headers)[0] == 200)
        people.run("registry", "client", "revoke", client["id"])
        self.ends("a client that was revoked", "GET", marks, headers, 401)

    def who_will_go(self, name):
        """A guardian with a link, a head with a role, somebody with a session, a client; all of them are known everywhere."""
        people, (marks, *_) = self.people(), self.records()
        link, guardian = self.new_guardian()
        role = f"head@{people.own['school']}"
        head, leaver = (people.account(f"test.{name}.{who}", people.person("staff"), role) for who in ("head", "leaver"))
        client = people.new_client(people.own["district"], "marks.read")
        who = {"link": guardian, "role": head, "session": leaver, "client": people.bearer(client)}
        for words, headers in who.items():
            wait_for(f"every process knows the {words}", 30, lambda headers=headers: self.is_steady(marks, headers))
        wait_for("notify knows the session", 30, lambda: self.is_steady("/v1/inbox", leaver))
        return who, {
            "link": lambda: people.put("guardians", {**link, "to": (today() - datetime.timedelta(days=1)).isoformat()}),
            "role": lambda: people.run("registry", "account", "withdraw", f"test.{name}.head", role),
            "session": lambda: self.assertEqual(people.status("DELETE", "/v1/session", leaver)[0], 204),
            "client": lambda: people.run("registry", "client", "revoke", client["id"]),
        }, client

    GONE = {"link": 403, "role": 403, "session": 401, "client": 401}

    def test_10r_d1_access_ends_while_an_import_is_under_way(self):
        (marks, *_), operator = self.records(), {"Authorization": f"Bearer {self.house.token()}"}
        who, goes, _ = self.who_will_go("busy")
        streams = {words: self.house.stream("/v1/inbox/stream", who[words]["Cookie"]) for words in ("link", "session")}
        answer = self.house.post("/v1/imports", bundle.many(IMPORTED), self.house.token(), Content_Type="application/zip")
        self.assertEqual(answer.status, 202, answer)
        job = lambda: self.house.call("GET", answer.headers["Location"], **operator).json()
        wait_for("the import writes", 120, lambda: job()["created"] > IMPORTED / 10)
        for words, status in self.GONE.items():
            goes[words]()
            self.ends(f"during an import, a {words} that ended", "GET", marks, who[words], status)
            if words in streams:
                self.stream_ends(f"during an import, a {words} that ended", streams[words])
        self.assertEqual(job()["state"], "writing", "the import was over before access had ended")
        wait_for("the import's end", 300, lambda: job()["state"] in ("done", "failed"))
        end = job()
        self.assertEqual((end["state"], end["rejected"]), ("done", 0), end)
        count = lambda service, table: self.house.sql(service, f"select count(*) from {table}")
        for service in ("grades", "attendance", "reports"):
            wait_for(f"{service} has the import", 120, lambda service=service:
                     count(service, "copy_enrolment") == count("registry", "enrolment"))
        say("an import that went on meanwhile", f"{end['done']} rows")

    def test_10r_d2_with_kafka_away_access_ends_with_the_token_or_when_it_is_back(self):
        people, (marks, *_) = self.people(), self.records()
        who, goes, client = self.who_will_go("alone")
        self.house.service("-d", "kafka")
        try:
            wait_for("Kafka is down", 60, lambda: not self.house.is_up("kafka"))
            for words in self.GONE:
                goes[words]()
            self.assertEqual(people.status("POST", "/v1/session/renew", who["session"])[0], 401)
            self.assertEqual(people.token(client).status, 401)
            for words, most in (("session", 15 * 60), ("client", 60 * 60)):
                token = re.search(r"[\w-]+\.([\w-]+)\.[\w-]+", " ".join(who[words].values()))[1]
                says = json.loads(base64.urlsafe_b64decode(token + "=="))
                self.assertLessEqual(says["exp"] - time.time(), most, words)
        finally:
            self.house.service("-u", "kafka")
        wait_for("Kafka is back", 120, lambda: self.house.is_ready("kafka"))
        began = time.monotonic()
        for words, status in self.GONE.items():
            wait_for(f"with Kafka back, the {words} ends", 60, lambda words=words, status=status:
                     people.status("GET", marks, who[words])[0] == status)
        say("with Kafka back, link, role, session and client end", f"{time.monotonic() - began:.3f} s")

    # ---- Who has read ----

    def test_10r_e_an_office_leaves_a_row_and_a_parent_none(self):
        people, (marks, _, _) = self.people(), self.records()
        me = {who: json.loads(people.status("GET", "/v1/me", people.headers[who])[1])["id"] for who in ("teacher", "parent")}
        for who in me:
            self.assertEqual(people.status("GET", marks, {**people.headers[who], "Eiso-Purpose": "order 12"})[0], 200)
        roster = f"/v1/classes/{people.own['class']}/learners"
        self.assertEqual(people.status("GET", roster, people.headers["teacher"])[0], 200)
        for service, path in (("grades", "/v1/learners/{id}/marks\torder 12"), ("registry", "/v1/classes/{id}/learners\t")):
            said = people.run(service, "audit", "of", people.own["learner"], "by", me["teacher"], "most", "1")
            self.assertIn(path, said)
            self.assertEqual(people.run(service, "audit", "of", people.own["learner"], "by", me["parent"]), "")
        for user in ("grades_rw", "grades_ro"):
            self.assertEqual(self.house.admin_sql("grades", "select has_table_privilege('%s', 'grades.read_audit', 'select,"
                                                  "update,delete,truncate')" % user), "f")

    # ---- Keys ----

    def test_10r_f_another_key_takes_over_without_a_refused_request(self):
        people, (marks, attendance, _) = self.people(), self.records()
        client = people.new_client(people.own["district"], "marks.read attendance.read")
        old = people.bearer(client)
        for path in (marks, attendance):
            wait_for("every process knows the client", 30, lambda path=path: self.is_steady(path, old))
        kid = people.run("registry", "key", "rotate", "after", "3").split()[1]
        published = json.loads(self.house.call("GET", "/.well-known/jwks.json").body)["keys"]
        self.assertIn(kid, [key["kid"] for key in published])
        refused, asked, end = [], 0, time.monotonic() + 30
        after = None  # requests since the other key signs
        while after is None or after < 20:
            new = people.bearer(client)
            signs = json.loads(base64.urlsafe_b64decode(new["Authorization"].split()[1].split(".")[0] + "=="))["kid"]
            after = (after or 0) + 1 if signs == kid else after
            for path in (marks, attendance):
                for age, headers in (("old", old), ("new", new)):
                    status, text = people.status("GET", path, headers)
                    refused += [(age, path, after, text)] if status != 200 else []
                    asked += 1
            self.assertLess(time.monotonic(), end, "the other key does not sign")
        self.assertEqual(refused, [])
        self.assertEqual(people.sql("select count(*) from journal where what = 'key rotate after 3' and status = 0"), "1")
        say("another key took over; requests with old and new tokens", f"{asked}, none refused")

    # ---- Signing in ----

    def test_10r_g_wrong_passwords_have_a_bound(self):
        def attempt(login, password="wrong", **more):
            return self.house.call("POST", "/v1/session", json.dumps({"login": login, "password": password}).encode(),
                                   Content_Type=JSON, **more)
        people = self.people()
        people.account("test.guessed", people.person("guardian"))
        for login in ("test.guessed", "nobody.at.all"):  # answered alike
            answers = [attempt(login) for _ in range(11)]
            self.assertEqual([answer.status for answer in answers], [401] * 10 + [429])
            self.assertEqual({answer.code for answer in answers[:10]}, {"login_failed"})
            self.assertIn(int(answers[10].headers["Retry-After"]), range(1, 11))
        for name in ("X-Real-IP", "X-Forwarded-For", "Forwarded"):
            self.assertEqual(attempt("test.guessed", people.accounts["test.guessed"], **{name: "192.0.2.7"}).status, 429)

    def test_10r_h_writes_by_cookie_come_from_our_pages(self):
        people = self.people()
        url = self.house.settings["EISO_URL"]
        cookie = {"Cookie": people.account("test.pages", people.person("guardian"))["Cookie"]}
        login = json.dumps({"login": "test.pages", "password": people.accounts["test.pages"]}).encode()
        item = json.dumps(Items.read_item(people.own)).encode()
        foreign = ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                   {"Origin": url + ".evil.example"}, {"Origin": "null"})
        ours = ({"Origin": url}, {"Sec-Fetch-Site": "same-origin"})
        for headers, refused in [({}, True), *((h, True) for h in foreign), *((h, False) for h in ours)]:
            for method, path, body in (("POST", "/v1/inbox/read", item), ("POST", "/v1/marks", b"[]"),
                                       ("POST", "/v1/organisations", b"[]"), ("POST", "/v1/session/renew", None),
                                       ("DELETE", "/v1/session", None)):
                if path.startswith("/v1/session") and not refused:
                    continue  # once for each, below
                status, text = people.status(method, path, {**cookie, **headers}, body)
                self.assertEqual(b'"cross_site"' in text, refused, f"{method} {path} with {headers}: {status} {text}")
        for headers in foreign:
            self.assertEqual(people.status("POST", "/v1/session", headers, login)[0], 403, headers)
        renewed = people.status("POST", "/v1/session/renew", {**cookie, **ours[0]})
        self.assertEqual(renewed[0], 204)
        self.assertEqual(people.status("DELETE", "/v1/session", {**cookie, **ours[1]})[0], 204)

    def test_10r_i_answers_let_nothing_run_and_are_kept_by_nobody(self):
        people, (marks, _, _) = self.people(), self.records()
        wanted = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
                  "Cross-Origin-Resource-Policy": "same-origin"}
        for path, status in ((marks, 200), ("/v1/learners/x/marks", 404), ("/nowhere", 404), ("/v1/me", 200)):
            answer = self.house.call("GET", path, Cookie=people.headers["parent"]["Cookie"])
            self.assertEqual(answer.status, status)
            self.assertEqual({name: answer.headers.get(name) for name in wanted}, wanted, path)
            self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
