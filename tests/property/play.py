"""Facts that nobody chose, sent to a running installation, and what the system says of them beside what model.py does."""
import collections
import datetime
import itertools
import json
import random
import uuid

from installed import Failure, wait_for
from model import Class, Enrolment, Model

LEARNERS, LESSONS, BATCH, EVENTS, SECONDS = 10, 6, 60, 12, 60
CODES = ("absent_unexcused", "absent_ill", "absent_excused", "late", "remote", "exempt")
CHANGED = {"already_corrected": "already_changed", "already_withdrawn": "already_changed"}
RIGHTS = ["marks", "attendance", "messages", "applications"]


def iin(number):
    """Of nobody: the century digit says 1800s. None where the serial has no control digit."""
    serial, day = number % 10000, number // 10000
    digits = [int(d) for d in f"150{1 + day % 9}{10 + day // 9 % 18}1{serial:04}"]
    for weights in (range(1, 12), [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]):
        control = sum(d * w for d, w in zip(digits, weights)) % 11
        if control < 10:
            return "".join(map(str, digits)) + str(control)
    return None


class World:
    """Two schools, three homerooms and a group over two of them; learners of whom some have two ids; one guardian of all."""

    def __init__(self, house, chance):
        self.house, self.chance, self.token = house, chance, house.token()
        today = datetime.date.today()
        self.dates = [(today - datetime.timedelta(days=3 * n)).isoformat() for n in range(14)]
        self.start = (today - datetime.timedelta(days=80)).isoformat()
        self.schools = [self.id() for _ in range(2)]
        self.homerooms, self.group = [self.id() for _ in range(3)], self.id()
        self.model = Model({self.homerooms[0]: Class(self.schools[0], 1, True), self.homerooms[1]: Class(self.schools[0], 2, True),
                            self.homerooms[2]: Class(self.schools[1], 1, True), self.group: Class(self.schools[0], 1, False)})
        self.learners = [self.id() for _ in range(3 * LEARNERS)]
        self.names = {learner: [learner] for learner in self.learners}  # all ids of a person
        self.numbers = itertools.count(chance.randrange(1600000))
        self.guardian, self.login = self.id(), f"property.{self.id()[:8]}"
        self.people, self.enrolments = {}, {}  # id -> item
        self.build()

    def id(self):
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def post(self, path, items, wanted=("created", "updated")):
        answer = self.house.post(path, items, self.token)
        outcomes = [result["outcome"] for result in answer.json()["results"]] if answer.status == 200 else []
        if answer.status != 200 or not set(outcomes) <= set(wanted):
            raise Failure(f"{path}: {answer.status} {answer.body[:600]}")
        return answer.json()["results"]

    def build(self):
        district = self.house.call("GET", "/v1/organisations", Authorization=f"Bearer {self.token}").json()["items"][0]
        self.post("/v1/organisations", [
            {"id": school, "name": {"kk": f"{n}-мектеп", "ru": f"Школа {n}"}, "kind": "school", "kato": district["kato"],
             "subordinate_to": district["id"], "ownership": "state", "languages": ["kk"], "shifts": 2, "valid_from": "2020-01-01"}
            for n, school in enumerate(self.schools)])
        common = {"grade": 5, "language": "kk", "academic_year": self.year()}
        self.post("/v1/classes", [
            {"id": name, "organisation": self.model.classes[name].organisation, "name": f"5 «{n}»", "type": "homeroom",
             "shift": self.model.classes[name].shift, **common} for n, name in enumerate(self.homerooms)])
        self.post("/v1/classes", [{"id": self.group, "organisation": self.schools[0], "name": "5, 1", "type": "group",
                                   "of": self.homerooms[:2], "subject": "english", "shift": 1, **common}])
        self.post("/v1/people", [self.person(learner, "learner") for learner in self.learners] +
                  [self.person(self.guardian, "guardian")])
        self.enrol([(learner, self.homerooms[n // LEARNERS], self.start) for n, learner in enumerate(self.learners)])
        self.enrol([(learner, self.group, self.start) for learner in self.learners[5:15]])
        self.post("/v1/guardians", [
            {"id": self.id(), "learner": learner, "guardian": self.guardian, "relation": "guardian", "legal_basis": "court",
             "rights": RIGHTS, "from": self.start, "status": "confirmed"} for learner in self.learners])
        said = self.house.deploy("run", "registry", "account", "add", self.guardian, self.login).stdout
        self.house.settings.update(EISO_GUARDIAN_LOGIN=self.login, EISO_GUARDIAN_PASSWORD=said.split()[-1])

    @staticmethod
    def year():
        today = datetime.date.today()
        return today.year if today.month >= 9 else today.year - 1

    def person(self, name, role):
        number = next(n for n in map(iin, self.numbers) if n)
        self.people[name] = {"id": name, "names": {"family": "Үлгі", "given": "Бала"}, "roles": [role],
                             "identifiers": [{"type": "iin", "value": number, "status": "declared"}]}
        return self.people[name]

    # ---- What changes in the registry: it has to arrive before facts are judged by it ----

    def enrol(self, rows):
        items = [{"id": self.id(), "learner": learner, "class": name, "from": first, "mode": "class"} for learner, name, first in rows]
        self.post("/v1/enrolments", items)
        self.keep(items)

    def keep(self, items):
        self.enrolments.update((item["id"], item) for item in items)
        self.model.enrolments = [Enrolment(self.model.who(e["learner"]), e["class"], e["from"], e.get("to"), e["id"])
                                 for e in self.enrolments.values()]
        for item in items:
            self.arrives("copy_enrolment", f"id = '{item['id']}' and valid_to is not distinct from "
                         + (f"'{item['to']}'" if "to" in item else "null"))

    def arrives(self, table, condition, *more):
        for service in ("grades", "attendance", "reports", *more):
            wait_for(f"{table} of {service}", SECONDS,
                     lambda service=service: self.house.sql(service, f"select exists (select from {table} where {condition})") == "t")

    def transfer(self):
        """To another homeroom from one of the dates on; out of the group, too. Or the former ones go on saying that it is theirs."""
        learner, date = self.chance.choice(self.learners), self.chance.choice(self.dates[1:-1])
        open_ones = [e for e in self.enrolments.values() if e["learner"] == learner and "to" not in e and e["from"] < date]
        home = [e for e in open_ones if e["class"] in self.homerooms]
        if not home:
            return
        last = (datetime.date.fromisoformat(date) - datetime.timedelta(days=1)).isoformat()
        if self.chance.random() < 0.7:
            ended = [{**e, "to": last} for e in open_ones]
            self.post("/v1/enrolments", ended)
            self.keep(ended)
        self.enrol([(learner, self.chance.choice([h for h in self.homerooms if h != home[0]["class"]]), date)])

    def second_id(self):
        """Another source sends the same child under an id of its own."""
        learner, alias = self.chance.choice(self.learners), self.id()
        result = self.post("/v1/people", [{**self.people[learner], "id": alias}], ("matched",))[0]
        if result["canonical"] != learner:
            raise Failure(f"{learner} is matched with {result['canonical']}")
        self.arrives("copy_alias", f"id = '{alias}'", "notify")
        self.names[learner].append(alias)
        self.model.canonical[alias] = learner


class Sender:
    """Items that nobody chose, and what the model says of each."""

    def __init__(self, world):
        self.world, self.model, self.chance = world, world.model, world.chance
        self.sent = {"marks": [], "registers": [], "absence-changes": []}
        self.differences = []

    def any_name(self, learner):
        return self.chance.choice(self.world.names[learner])

    def any_sent(self, kind):
        """Rather a late one than an early one."""
        items = self.sent[kind]
        return items[max(self.chance.randrange(len(items)), self.chance.randrange(len(items)))] if items else None

    # ---- Items ----

    def result(self):
        kind = self.chance.choice(("formative", "summative_unit", "summative_term"))
        most = {"formative": 10, "summative_unit": 20, "summative_term": 30}[kind]
        if self.chance.random() < 0.1:
            return {"kind": kind, "value": self.chance.choice(("pass", "fail", "exempt", "not_attested"))}
        return {"kind": kind, "points": self.chance.randint(1, most), "max_points": most}

    def new_mark(self):
        date, name = self.chance.choice(self.world.dates), self.chance.choice(list(self.model.classes))
        inside = sorted(self.model.enrolled(name, date))
        learner = self.chance.choice(inside if inside and self.chance.random() < 0.97 else self.world.learners)
        return {"id": self.world.id(), "class": name, "learner": self.any_name(learner), "subject": "english", "date": date,
                "lesson": self.chance.randint(1, LESSONS), **self.result()}

    def near(self, date):
        """A date of the same month, mostly."""
        month = [d for d in self.world.dates if d[:7] == date[:7]]
        return self.chance.choice(self.world.dates if self.chance.random() < 0.03 else month)

    def changed_mark(self):
        former = self.any_sent("marks")
        if not former:
            return self.new_mark()
        item = {"id": self.world.id(), "reason_code": self.chance.choice(("error", "recheck", "appeal", "late_work"))}
        if self.chance.random() < 0.3:
            return {**item, "withdraws": former["id"], "date": self.near(former["date"])}
        says = self.model.facts[former.get("withdraws", former["id"])].item
        return {**item, "replaces": former["id"], "class": says["class"], "subject": says["subject"],
                "learner": self.any_name(self.model.who(says["learner"])), "lesson": self.chance.randint(1, LESSONS),
                "date": says["date"] if self.chance.random() < 0.8 else self.near(says["date"]), **self.result()}

    def exceptions(self, learners):
        out = self.chance.sample(learners, min(len(learners), self.chance.choice((0, 1, 1, 2, 3))))
        return [{"learner": self.any_name(learner), **self.absence()} for learner in out]

    def absence(self):
        code = self.chance.choice(CODES)
        return {"code": code, "minutes": self.chance.randint(1, 30)} if code == "late" else {"code": code}

    def new_register(self):
        date, name = self.chance.choice(self.world.dates), self.chance.choice(list(self.model.classes))
        return {"id": self.world.id(), "class": name, "date": date, "lesson": self.chance.randint(1, LESSONS),
                "taken_at": f"{date}T05:00:00Z", "exceptions": self.exceptions(sorted(self.model.enrolled(name, date)))}

    def changed_register(self):
        former = self.any_sent("registers")
        if not former:
            return self.new_register()
        item = {"id": self.world.id(), "reason_code": self.chance.choice(("certificate", "parent_note", "order", "error"))}
        if self.chance.random() < 0.4 or "withdraws" in former:
            return {**item, "withdraws": former["id"], "date": self.near(former["date"])}
        date = former["date"] if self.chance.random() < 0.8 else self.near(former["date"])
        same_day = date == former["date"]
        learners = self.model.facts[former["id"]].roster if same_day else self.model.enrolled(former["class"], date)
        return {**item, "replaces": former["id"], "class": former["class"], "date": date, "taken_at": f"{date}T06:00:00Z",
                "lesson": former["lesson"] if self.chance.random() < 0.8 else self.chance.randint(1, LESSONS),
                "exceptions": self.exceptions(sorted(learners))}

    def recoding(self):
        former = self.any_sent("registers")
        if not former:
            return None
        roster = sorted(self.model.facts[former["id"]].roster or self.world.learners)
        learner = self.chance.choice(roster if self.chance.random() < 0.97 else self.world.learners)
        return {"id": self.world.id(), "register": former["id"], "learner": self.any_name(learner),
                "code": self.chance.choice(CODES + ("present",) * 3), "reason_code": "certificate"}

    def repeated(self, kind):
        """The same once more, or the same id with other content."""
        former = self.any_sent(kind)
        if self.chance.random() < 0.8:
            return former
        more = {"reason": "-"} if "reason_code" in former else {"comment": "-"} if kind == "marks" else {"subject": "english"}
        return {**former, **more}

    def item(self, kind):
        throw = self.chance.random()
        if throw < 0.03 and self.sent[kind]:
            return self.repeated(kind)
        if kind == "absence-changes":
            return self.recoding()
        change = {"marks": self.changed_mark, "registers": self.changed_register}[kind]
        new = {"marks": self.new_mark, "registers": self.new_register}[kind]
        return change() if throw < 0.35 else new()

    # ---- Batches ----

    def batch(self, most):
        """Returns how many items were sent. The model goes ahead: later items of the batch know of the earlier ones."""
        kind = self.chance.choices(("marks", "registers", "absence-changes"), (5, 3, 2))[0]
        items, wanted = [], []
        for _ in range(min(most, self.chance.randint(1, BATCH))):
            item = self.item(kind)
            if item is None:
                continue
            items.append(item)
            wanted.append(self.model.take(kind, item))
            if wanted[-1][0] == "created":
                self.sent[kind].append(item)
        if items:
            self.compare(kind, items, wanted, self.world.house.post(f"/v1/{kind}", items, self.world.token))
        return len(items)

    def compare(self, kind, items, wanted, answer):
        if answer.status != 200:
            raise Failure(f"/v1/{kind}: {answer.status} {answer.body[:600]}")
        for item, (outcome, code, existing), result in zip(items, wanted, answer.json()["results"]):
            error = result.get("errors", [{}])[0]
            said = (result["outcome"], CHANGED.get(error.get("code"), error.get("code")))
            if said != (outcome, code) or (existing and error.get("existing") not in existing):
                self.differences.append(f"{kind} {json.dumps(item)}\n    model {outcome} {code} {existing}\n    said  {result}")


class Comparison:
    """What the system says in the end, beside what the model does."""

    def __init__(self, world):
        self.world, self.model, self.differences = world, world.model, []
        self.period = f"from={min(world.dates)}&to={max(world.dates)}"

    def all_pages(self, path, **headers):
        items, cursor = [], ""
        while cursor is not None:
            answer = self.world.house.call("GET", f"{path}{'&' if '?' in path else '?'}limit=500{cursor}", **headers)
            if answer.status != 200:
                raise Failure(f"{path}: {answer.status} {answer.body[:300]}")
            page = answer.json()
            items += page["items"]
            cursor = f"&cursor={page['next']}" if page.get("next") else None
        return items

    def read(self, path):
        return self.all_pages(path, Authorization=f"Bearer {self.world.token}")

    def same(self, what, wanted, said):
        if wanted != said:
            self.differences.append(f"{what}\n    model {wanted}\n    said  {said}")

    def indicators(self):
        for school in self.world.schools:
            answer = self.world.house.call("GET", f"/v1/indicators?node={school}&{self.period}",
                                           Authorization=f"Bearer {self.world.token}").json()
            for day in answer["days"]:
                wanted = self.model.day(school, day["date"])
                said = {name: count for name, count in {**day["marks"], **day["attendance"]}.items()
                        if not name.startswith(("mean", "share")) and not name.endswith("rate")}
                self.same(f"{school} {day['date']}", {name: wanted[name] for name in said}, said)
                self.same(f"learners of {school} {day['date']}", self.model.learners(school, day["date"]), day["contingent"]["learners"])

    def feed(self):
        cookie = self.world.house.session("GUARDIAN")
        said = collections.defaultdict(list)
        for item in reversed(self.all_pages("/v1/inbox", Cookie=cookie)):
            kind, facts, before = item["kind"], item["facts"], item.get("before", {})
            if kind.startswith("mark"):
                entry = (kind, item["id"], item.get("corrects"), facts.get("points"), facts.get("value"),
                         before.get("points"), before.get("value"))
            else:
                code = facts.get("code", "present")
                entry = (kind, item["id"], None if kind == "absence_withdrawn" else (code, facts.get("minutes")))
            school = self.model.classes[facts["class"]].organisation
            said[item["child"]["id"], kind.split("_")[0], school].append(entry)
        for of in self.model.feed.keys() | said.keys():
            self.same(f"feed of {of}", self.model.feed[of], said[of])

    def journals(self):
        wanted, said = {}, {}
        for fact in self.model.facts.values():
            if fact.roster is None and "withdraws" not in fact.item and (not fact.next or "withdraws" in fact.next.item):
                wanted[fact.item["id"]] = self.of_mark(fact.item, self.model.who(fact.item["learner"]), fact.next is not None)
        for name in self.model.classes:
            for item in self.read(f"/v1/classes/{name}/journal?{self.period}"):
                said[item["id"]] = self.of_mark(item, self.model.who(item["learner"]), "withdrawn" in item)
        self.same_all("journal", wanted, said)

    @staticmethod
    def of_mark(item, learner, withdrawn):
        return (learner, item["date"], item["lesson"], item["kind"], item.get("points"), item.get("value"), withdrawn)

    def registers(self):
        wanted = {name: self.of_codes(fact.codes.items()) for name, fact in self.model.facts.items() if fact.roster and fact.stands}
        said = {}
        for name in self.model.classes:
            for item in self.read(f"/v1/classes/{name}/registers?{self.period}"):
                if "replaced_by" not in item and "withdrawn" not in item:
                    said[item["id"]] = self.of_codes((self.model.who(e["learner"]), (e["code"], e.get("minutes")))
                                                     for e in item["exceptions"])
        self.same_all("register", wanted, said)

    @staticmethod
    def of_codes(pairs):
        return sorted((learner, *code) for learner, code in pairs if code[0] != "present")

    def attendance(self):
        wanted = collections.defaultdict(set)
        for name, fact in self.model.facts.items():
            for learner, code in fact.codes.items():
                if fact.stands and code[0] != "present":
                    wanted[learner].add((name, *code))
        for learner in self.world.learners:
            said = {(item["register"], item["code"], item.get("minutes"))
                    for item in self.read(f"/v1/learners/{learner}/attendance?{self.period}") if item["code"] != "present"}
            self.same(f"attendance of {learner}", wanted[learner], said)

    def same_all(self, what, wanted, said):
        for name in wanted.keys() | said.keys():
            self.same(f"{what} {name}", wanted.get(name), said.get(name))

    def all(self):
        self.differences = []
        for check in (self.indicators, self.feed, self.journals, self.registers, self.attendance):
            check()
        return not self.differences


def play(house, seed, items):
    """Returns what differs, in words."""
    world = World(house, random.Random(seed))
    sender, comparison, sent, events = Sender(world), Comparison(world), 0, 0
    while sent < items and not sender.differences:
        sent += sender.batch(items - sent)
        if sent * EVENTS > events * items:
            events += 1
            (world.second_id if events % 3 == 0 else world.transfer)()
    try:
        wait_for("the end", SECONDS, comparison.all)
    except Failure as failure:
        comparison.differences.append(str(failure))
    return sender.differences + comparison.differences
