"""What the outer contract promises and no other test here tries: each in a sentence, through the front door.

Behind the recount: these facts are in no ledger. contract.md lists each promise with its test.
"""
import base64
import datetime
import gzip
import http.client
import json
import re
import urllib.parse

from access import Items, fresh
from installed import JSON, MSGPACK, NDJSON, say, wait_for

# Batch, the maker of its item, where it is kept.
KEPT_IN = [("organisations", "organisation_item", "registry.organisation"), ("people", "person_item", "registry.person"),
           ("classes", "class_item", "registry.class"), ("enrolments", "enrolment_item", "registry.enrolment"),
           ("assignments", "assignment_item", "registry.assignment"), ("guardians", "guardian_item", "registry.guardian"),
           ("marks", "mark_item", "grades.mark"), ("registers", "register_item", "attendance.register")]


class Promises:
    """Tests of an installation that others share: `house`, and the makers of marks and registers."""

    # ---- Helpers ----

    def result(self, path, item, **headers):
        """(outcome, code, pointer, existing) of one item, the first of its errors or warnings."""
        answer = self.house.post(path, [item], self.token, **headers)
        self.assertEqual(answer.status, 200, answer)
        found = answer.json()["results"][0]
        problem = (found.get("errors") or found.get("warnings") or [{}])[0]
        return found["outcome"], problem.get("code"), problem.get("pointer"), problem.get("existing")

    def eventually(self, path, item, *wanted):
        """As a sender does, while time may heal it."""
        wait_for(f"{path}: {wanted}", 20, lambda: self.result(path, item)[:len(wanted)] == wanted)

    def own_roster(self):
        """A homeroom with two learners, a group of one of them, known to grades and attendance."""
        room, one, other = self.homeroom(self.organisation), self.learner("promises-1"), self.learner("promises-2")
        group = {"id": fresh(), "organisation": self.organisation, "name": "1-топ", "type": "group", "of": [room], "subject": "math",
                 "grade": 5, "language": "kk", "shift": 1, "academic_year": self.school_year()}
        self.assertEqual(self.registry("classes", group), [("created", [])])
        for learner, where in ((one, room), (other, room), (one, group["id"])):
            self.enrol(learner["id"], where)
        for path, item in (("/v1/marks?dry_run=1", self.mark_of(room, other)), ("/v1/marks?dry_run=1", self.mark_of(group["id"], one)),
                           ("/v1/registers?dry_run=1", self.register_of(group["id"], 11, roster_count=1)),
                           ("/v1/registers?dry_run=1", self.register_of(room, 11, roster_count=2))):
            self.eventually(path, item, "created", None)
        return room, group["id"], one["id"], other["id"]

    def mark_of(self, room, learner, **more):
        return self.mark(learner=learner["id"] if isinstance(learner, dict) else learner, **{"class": room}, **more)

    def register_of(self, room, lesson, **more):
        return {**self.register(lesson), "class": room, **more}

    def raw(self, method, path, body=None, **headers):
        """With all headers of the answer, as they came."""
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.house.settings["EISO_URL"]).netloc, timeout=30)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return connection.getresponse()

    # ---- Who is calling ----

    def test_15e_tokens_and_cookies(self):
        pair = f"{self.house.settings['EISO_CLIENT_ID']}:{self.house.settings['EISO_CLIENT_SECRET']}"
        basic = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        said = self.house.call("POST", "/oauth/token", b"grant_type=client_credentials&scope=marks.read", **basic).json()
        self.assertEqual((said["token_type"], said["scope"]), ("Bearer", "marks.read"))
        self.assertLessEqual(said["expires_in"], 3600)
        head = json.loads(base64.urlsafe_b64decode(said["access_token"].split(".")[0] + "=="))
        keys = self.house.call("GET", "/.well-known/jwks.json").json()["keys"]
        self.assertEqual((head["alg"], head["typ"]), ("ES256", "at+jwt"))
        self.assertIn(head["kid"], [key["kid"] for key in keys])
        login = {"login": self.house.settings["EISO_PARENT_LOGIN"], "password": self.house.settings["EISO_PARENT_PASSWORD"]}
        answer = self.raw("POST", "/v1/session", json.dumps(login), Content_Type=JSON)
        cookies = {cookie.split("=")[0]: cookie for cookie in answer.headers.get_all("Set-Cookie")}
        port = urllib.parse.urlsplit(self.house.settings["EISO_URL"]).port
        self.assertEqual((answer.status, set(cookies)), (204, {f"eiso_{port}", f"eiso_renew_{port}"}))
        for name, path in ((f"eiso_{port}", "Path=/;"), (f"eiso_renew_{port}", "Path=/v1/session;")):
            for words in (path, "HttpOnly", "SameSite="):
                self.assertIn(words, cookies[name] + ";")
        self.assertNotIn(".", cookies[f"eiso_renew_{port}"].split(";")[0], "opaque")

    # ---- Batches ----

    def test_15f_counters_and_what_is_left_out(self):
        good, again, bad = self.mark(points=3), self.mark(points=4), self.mark(points=12)
        self.assertEqual(self.result("/v1/marks", again)[0], "created")
        stranger = self.mark(learner=fresh())
        items = [good, again, bad, stranger]
        answer = self.house.post("/v1/marks?results=problems", items, self.token).json()
        self.assertEqual({name: answer[name] for name in ("created", "duplicate", "rejected")},
                         {"created": 1, "duplicate": 1, "rejected": 2})
        self.assertEqual([(result["index"], result["id"]) for result in answer["results"]], [(2, bad["id"]), (3, stranger["id"])])
        self.assertEqual([result["errors"][0].get("retriable") for result in answer["results"]], [None, True])

    def test_15g_where_a_broken_body_is_broken(self):
        for body, media, place in ((b"[\n{},\n{]", JSON, r"line 3, byte \d+"), (b"{}\n{\n", NDJSON, r"line 2, byte \d+"),
                                   (b"\x91\xc1", MSGPACK, r"byte 2\b")):
            answer = self.house.post("/v1/marks", body, self.token, Content_Type=media)
            self.assertRegex(answer.json()["detail"], place)

    def test_15h_a_dry_run_keeps_nothing(self):
        own = self.people().own
        for path, make, table in KEPT_IN:
            item = {**getattr(Items, make)(own), **({"lesson": 10} if path == "registers" else {})}
            for _ in range(2):
                self.assertEqual(self.result(f"/v1/{path}?dry_run=1", item)[0], "created", path)
            self.assertEqual(self.house.sql(table.split(".")[0], f"select count(*) from {table} where id = '{item['id']}'"), "0")

    def test_15i_state_is_written_in_the_order_of_its_source(self):
        one, later = self.learner("promises-3", modified_at="2026-09-10T00:00:00Z"), {"modified_at": "2026-09-12T00:00:00Z"}
        renamed = {**one, "names": {"given": "Жанар"}}
        self.assertEqual(self.registry("people", {**renamed, "modified_at": "2026-09-09T00:00:00Z"}), [("rejected", ["stale"])])
        self.assertEqual(self.registry("people", {**renamed, **later}), [("updated", [])])
        self.assertEqual(self.registry("people", {**renamed, **later}), [("unchanged", [])])
        self.assertEqual(self.result("/v1/people", {**one, "id": fresh(), "sourced_id": "150901500010"})[:3],
                         ("rejected", "sourced_id_is_iin", "/sourced_id"))

    def test_15j_identities(self):
        def person(number, status="declared", **more):
            return {"id": fresh(), "names": {"given": "Ілияс"}, "roles": ["learner"],
                    "identifiers": [{"type": "iin", "value": number, "status": status, **more}]}
        known, again = person("140316299980"), person("140316299980")
        self.assertEqual(self.registry("people", known), [("created", [])])
        answer = self.house.post("/v1/people", [again], self.token).json()
        self.assertEqual((answer["matched"], answer["results"][0]["outcome"], answer["results"][0]["canonical"]),
                         (1, "matched", known["id"]))
        self.enrol(known["id"], self.homeroom(self.organisation))  # whose record it is
        self.assertEqual(self.read(f"/v1/people/{again['id']}").json()["id"], known["id"])
        wrong = person("140317299980")
        self.assertEqual(self.result("/v1/people", wrong)[:3], ("rejected", "iin_control_digit", "/identifiers/0/value"))
        overridden = person("140317299980", override_reason="құжатта осылай жазылған")
        self.assertEqual(self.result("/v1/people", overridden)[0], "created")

    def test_15k_a_restricted_link_is_not_lifted_by_a_batch(self):
        link = {"id": fresh(), "learner": self.child, "guardian": self.learner("promises-4")["id"],
                "relation": "father", "legal_basis": "court", "rights": ["marks"], "from": today_of(self), "status": "restricted"}
        self.assertEqual(self.registry("guardians", link), [("created", [])])
        self.assertEqual(self.registry("guardians", {**link, "status": "confirmed"}), [("rejected", ["restricted"])])

    # ---- Facts ----

    def test_15l_a_correction_stays_in_its_month(self):
        other_month = (self.house.today().replace(day=1) - datetime.timedelta(days=1)).isoformat()
        mark = self.mark(points=2)
        self.assertEqual(self.result("/v1/marks", mark)[0], "created")
        for change in ({**mark, "id": fresh(), "replaces": mark["id"], "reason_code": "error", "date": other_month},
                       {"id": fresh(), "withdraws": mark["id"], "date": other_month, "reason_code": "error"}):
            outcome, code, _, _ = self.result("/v1/marks", change)
            self.assertEqual((outcome, code), ("rejected", "date_month"))

    def test_15m_one_register_a_lesson_over_a_roster_that_stays(self):
        room, group, one, other = self.own_roster()
        taken = self.register_of(room, 3, roster_count=5, exceptions=[{"learner": one, "code": "late", "minutes": 4}])
        self.assertEqual(self.result("/v1/registers", taken)[:3], ("created", "roster_count_differs", "/roster_count"))
        self.assertEqual(self.result("/v1/registers", self.register_of(room, 3)),
                         ("rejected", "register_exists", "/lesson", taken["id"]))
        outcome, code, _, existing = self.result("/v1/registers", self.register_of(group, 3))
        self.assertEqual((outcome, code, existing), ("rejected", "register_overlaps", taken["id"]))
        stranger = {"id": fresh(), "register": taken["id"], "learner": self.child, "code": "late", "reason_code": "error"}
        self.assertEqual(self.result("/v1/absence-changes", stranger)[:3], ("rejected", "not_on_roster", "/learner"))
        present = {**stranger, "id": fresh(), "learner": other, "code": "absent_ill", "reason_code": "certificate"}
        self.assertEqual(self.result("/v1/absence-changes", present)[0], "created", "anyone on the roster")
        self.enrol(self.learner("promises-5")["id"], room)
        self.eventually("/v1/registers?dry_run=1", self.register_of(room, 4, roster_count=3), "created", None)
        shown = self.read(f"/v1/classes/{room}/registers").json()["items"]
        self.assertEqual([item["learners"] for item in shown], [2], "the roster was frozen")

    def test_15n_words_of_teachers_are_on_no_topic(self):
        words = f"сөз-{fresh()}"
        mark = self.mark(points=8, comment=words)
        self.assertEqual(self.result("/v1/marks", mark)[0], "created")
        own = self.read(f"/v1/learners/{self.child}/marks?from={today_of(self)}&limit=500").json()["items"]
        self.assertEqual([item["comment"] for item in own if item["id"] == mark["id"]], [words])

        def topic():
            return self.house.kcat("-C", "-t", "eiso.grades.marks.v1", "-o", "beginning", "-e", "-q", "-f", "%s\n").stdout
        wait_for("the mark is on its topic", 20, lambda: mark["id"].encode() in topic())
        self.assertNotIn(words.encode(), topic())

    # ---- Reading ----

    def lists(self):
        """A target of each list, and by whom."""
        day = today_of(self)
        bearer, cookie = {"Authorization": f"Bearer {self.token}"}, {"Cookie": self.parent}
        district = self.read(f"/v1/organisations/{self.organisation}").json()["subordinate_to"]
        return [(f"/v1/organisations?parent={district}", bearer), (f"/v1/classes?organisation={self.organisation}", bearer),
                (f"/v1/classes/{self.own_class}/learners?date={day}", bearer), (f"/v1/learners/{self.child}/marks?from={day}", bearer),
                (f"/v1/classes/{self.own_class}/journal?from={day}", bearer), ("/v1/imports?", bearer),
                (f"/v1/learners/{self.child}/attendance?from={day}", bearer),
                (f"/v1/classes/{self.own_class}/registers?from={day}", bearer), ("/v1/inbox?", cookie)]

    def test_15o_lists_have_pages_without_gap(self):
        for _ in range(2):
            self.imported(b"PK")
        for target, headers in self.lists():
            whole = self.house.call("GET", target + "&limit=500", **headers).json()["items"]
            self.assertGreater(len(whole), 1, target)
            found, path = [], target + "&limit=2"
            while path and len(found) < 9:
                page = self.house.call("GET", path, **headers)
                self.assertLessEqual(len(page.json()["items"]), 2, target)
                found += page.json()["items"]
                link = re.fullmatch(r'<([^>]+)>; rel="next"', page.headers.get("Link", ""))
                self.assertEqual(bool(link), "next" in page.json(), target)
                self.assertTrue(not link or page.json()["next"] in urllib.parse.unquote(link[1]), target)
                path = link and urllib.parse.urlsplit(link[1])._replace(scheme="", netloc="").geturl()
            self.assertEqual(found, whole[:len(found)], target)
        say("lists whose pages are the whole", f"{len(self.lists())}")

    def test_15p_the_inbox_is_read_up_to_a_position(self):
        items = self.get(f"/v1/inbox?limit=3&child={self.child}", self.parent)["items"]
        self.assertEqual({item["child"]["id"] for item in items}, {self.child})
        body = json.dumps({"child": self.child, "position": items[1]["position"]}).encode()
        answer = self.house.call("POST", "/v1/inbox/read", body, Cookie=self.parent, Content_Type=JSON, Sec_Fetch_Site="same-origin")
        self.assertEqual(answer.status, 204)
        other_device = self.house.session("PARENT")
        items = self.get(f"/v1/inbox?limit=3&child={self.child}", other_device)["items"]
        self.assertEqual([item["read"] for item in items], [False, True, True])
        unread = {child["id"]: child["unread"] for child in self.get("/v1/inbox/children", other_device)["items"]}
        self.assertEqual(unread[self.child], 1)

    def frames(self, target, count, **headers):
        """The first events of a stream, with their lines."""
        answer = self.raw("GET", target, **headers)
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/event-stream"))
        text = b""
        while text.count(b"\ndata:") < count:
            text += answer.readline()
        answer.close()
        return text.decode()

    def test_15q_a_stream_goes_on_where_it_was_left(self):
        newest = self.get("/v1/inbox?limit=2", self.parent)["items"][0]["position"]
        sent = [self.mark(points=points) for points in (1, 2)]
        for mark in sent:
            self.assertEqual(self.result("/v1/marks", mark)[0], "created")
        for target, headers in (("/v1/inbox/stream", {"Last_Event_ID": newest}), (f"/v1/inbox/stream?after={newest}", {})):
            text = self.frames(target, 2, Cookie=self.parent, **headers)
            self.assertIn("retry: 3000\n", text)
            self.assertEqual([json.loads(data)["id"] for data in re.findall(r"^data: (.*)$", text, re.MULTILINE)],
                             [mark["id"] for mark in sent])
            self.assertEqual(re.findall(r"^id: (.*)$", text, re.MULTILINE),
                             [json.loads(data)["position"] for data in re.findall(r"^data: (.*)$", text, re.MULTILINE)])

    def test_15r_figures_of_both_trees_and_of_children(self):
        cookie = self.house.session("OFFICIAL")
        day = today_of(self)
        for node in ("KZ", "114000000", self.organisation):
            shown = self.get(f"/v1/indicators?node={node}&from={day}&to={day}&grain=day", cookie)
            self.assertEqual(shown["tree"], "territory" if len(node) < 36 else "subordination")
            self.assertEqual([one["date"] for one in shown["days"]], [day])
            self.assertIn("as_of", shown)
            self.assertNotIn("children", shown)
        country = self.get(f"/v1/indicators?node=KZ&from={day}&to={day}&children=1", cookie)
        self.assertEqual(sum(child["days"][0]["contingent"]["learners"] for child in country["children"]),
                         country["days"][0]["contingent"]["learners"])
        for _ in range(2):  # who comes again gets the whole state again
            text = self.frames("/v1/indicators/stream?node=KZ", 1, Cookie=cookie)
            self.assertIn("event: state\n", text)
            self.assertIn("children", json.loads(re.search(r"^data: (.*)$", text, re.MULTILINE)[1]))

    # ---- The front door ----

    def test_15s_the_front_door(self):
        self.assertEqual(self.house.call("GET", "/livez").status, 200)
        for page in ("readyz", "metrics", "version"):
            self.refused(self.house.call("GET", "/" + page), 404, "no_such_path")
            for name in self.house.services():
                if (self.house.dir / "sock" / f"{name}.observer").exists():
                    self.assertTrue(self.house.observe(name, page), f"{name} {page}")
        for method in ("TRACE", "PUT"):  # nginx refuses the one, the service the other
            answer = self.raw(method, "/v1/marks?dry_run=1")
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"), method)
        answer = self.raw("GET", f"/v1/classes/{self.own_class}/learners?limit=500", Authorization=f"Bearer {self.token}",
                          Accept_Encoding="gzip")
        self.assertEqual(answer.headers["Content-Encoding"], "gzip")
        self.assertTrue(json.loads(gzip.decompress(answer.read()))["items"])


def today_of(test):
    return test.house.today().isoformat()
