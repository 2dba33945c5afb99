"""What should have become of everything that was sent, by plain bookkeeping, one item after the other.

Nothing of it comes from the services' code: it says what api.md promises. `take` answers an item's outcome as (outcome,
code, the facts that stand in its way); `feed` is what each child's guardians hear, marks and attendance of a school each in order; `day` adds up what stands.
"""
import collections
import typing

PRESENT = ("present", None)
NEWS = ("absent_unexcused", "absent_ill", "absent_excused", "late")


class Class(typing.NamedTuple):
    organisation: str
    shift: int
    homeroom: bool


class Enrolment(typing.NamedTuple):
    learner: str  # canonical
    where: str    # class
    first: str
    last: str     # or None
    id: str

    def on(self, date):
        return self.first <= date and (self.last is None or date <= self.last)


class Fact:
    """A mark or register that was taken: what it says, where it belongs, and what took its place."""

    def __init__(self, item, organisation, shift, roster=None):
        self.item, self.organisation, self.shift, self.roster, self.next = item, organisation, shift, roster, None
        self.codes = {}  # of a register: canonical learner -> (code, minutes) as they stand

    @property
    def stands(self):
        return self.next is None and "withdraws" not in self.item


class Model:
    def __init__(self, classes):
        self.classes = classes                     # id -> Class
        self.enrolments = []
        self.canonical = {}                        # alias -> canonical
        self.facts, self.changes = {}, {}          # id -> Fact; id of a re-coding -> its item
        self.lessons = collections.defaultdict(list)  # (date, lesson) -> registers
        self.feed = collections.defaultdict(list)  # (canonical learner, "mark" or "absence", organisation) -> entries

    def who(self, learner):
        return self.canonical.get(learner, learner)

    def enrolled(self, name, date):
        return {e.learner for e in self.enrolments if e.where == name and e.on(date)}

    def learners(self, organisation, date):
        """A learner of several homerooms counts where the one is that began last."""
        homerooms = sorted((e.first, e.id, e) for e in self.enrolments if self.classes[e.where].homeroom and e.on(date))
        of_record = {e.learner: self.classes[e.where].organisation for *_, e in homerooms}
        return list(of_record.values()).count(organisation)

    def take(self, kind, item):
        known = self.changes.get(item["id"]) if kind == "absence-changes" else self.facts.get(item["id"])
        if known:
            same = (known if kind == "absence-changes" else known.item) == item
            return ("duplicate", None, None) if same else ("rejected", "id_reused", None)
        verdict = {"marks": self.mark, "registers": self.register, "absence-changes": self.recode}[kind](item)
        return ("rejected", *verdict) if verdict else ("created", None, None)

    def original(self, name, date):
        """The fact that an item changes, and what speaks against changing it."""
        fact = self.facts.get(name)
        if not fact:
            return None, ("original_unknown", None)
        if date and date[:7] != fact.item["date"][:7]:
            return fact, ("date_month", None)
        if fact.next or "withdraws" in fact.item:
            return fact, ("already_changed", self.chain(fact))
        return fact, None

    @staticmethod
    def chain(fact):
        """All that took its place; which of them is named is not said where the same batch goes on with the chain."""
        ids = {fact.item["id"]}
        while fact.next:
            fact = fact.next
            ids.add(fact.item["id"])
        return ids

    def keep(self, item, fact, former=None):
        self.facts[item["id"]] = fact
        if fact.roster:
            self.lessons[item["date"], item["lesson"]].append(fact)
        if former:
            former.next = fact

    # ---- Marks ----

    def mark(self, item):
        changes = item.get("replaces") or item.get("withdraws")
        if changes:
            former, wrong = self.original(changes, item["date"])
            if wrong:
                return wrong
        if not changes or ("replaces" in item and item["date"] != former.item["date"]):
            learner = self.who(item["learner"])
            if learner not in self.enrolled(item["class"], item["date"]):
                return ("not_enrolled" if any(e.learner == learner for e in self.enrolments) else "learner_unknown"), None
        if not changes:
            fact = Fact(item, *self.classes[item["class"]][:2])
            self.say_mark("mark_recorded", item, item, None)
            return self.keep(item, fact)
        self.say_mark("mark_corrected" if "replaces" in item else "mark_withdrawn", item, former.item, changes)
        return self.keep(item, Fact(item, former.organisation, former.shift), former)

    def say_mark(self, kind, item, former, corrects):
        """A withdrawal has no result."""
        now = item if kind != "mark_withdrawn" else {}
        self.feed[self.who(former["learner"]), "mark", self.classes[former["class"]].organisation].append(
            (kind, item["id"], corrects, now.get("points"), now.get("value"),
             *((former.get("points"), former.get("value")) if corrects else (None, None))))

    # ---- Registers ----

    def register(self, item):
        changes = item.get("replaces") or item.get("withdraws")
        former = None
        if changes:
            former, wrong = self.original(changes, item["date"])
            if wrong:
                return wrong
        if "withdraws" in item:
            self.say_absences(item, former.organisation, former.codes, {}, withdrawn=True)
            return self.keep(item, Fact(item, former.organisation, former.shift), former)
        keeps = former and former.item["date"] == item["date"]
        roster = former.roster if keeps else self.enrolled(item["class"], item["date"])
        codes = {self.who(e["learner"]): (e["code"], e.get("minutes")) for e in item["exceptions"]}
        if not roster:
            return "learner_unknown", None
        if not codes.keys() <= roster:
            return "not_on_roster", None
        fact = Fact(item, *((former.organisation, former.shift) if former else self.classes[item["class"]][:2]), roster)
        rival = self.rival(fact, former)
        if rival:
            return rival
        fact.codes = codes
        place = lambda of: (of["date"], of["lesson"])
        self.say_absences(item, fact.organisation, former.codes if former else {}, codes,
                          moved=bool(former) and place(former.item) != place(item))
        return self.keep(item, fact, former)

    def rival(self, new, former):
        """Who has the lesson already, or one of its learners in this school: that of another school is another lesson."""
        held = [fact for fact in self.lessons[new.item["date"], new.item["lesson"]] if fact.stands and fact is not former]
        same = {fact.item["id"] for fact in held if fact.item["class"] == new.item["class"]}
        others = {fact.item["id"] for fact in held if fact.organisation == new.organisation and fact.roster & new.roster} - same
        return ("register_exists", same) if same else ("register_overlaps", others) if others else None

    def say_absences(self, item, organisation, before, after, **how):
        for learner in before.keys() | after.keys():
            self.say_absence((learner, "absence", organisation), item["id"], before.get(learner, PRESENT),
                             after.get(learner, PRESENT), **how)

    def say_absence(self, whose, event, before, after, moved=False, withdrawn=False):
        """Absent and late is news, there by whatever name is not; in another lesson the one is void, and the other recorded."""
        was, is_now = before[0] in NEWS, after[0] in NEWS
        if not (was or is_now) or (before == after and not moved and not withdrawn):
            return
        if is_now:
            kind = "absence_recoded" if was and not moved else "absence_recorded"
        else:
            kind = "absence_withdrawn" if moved or withdrawn else "absence_recoded"
        self.feed[whose].append((kind, event, None if kind == "absence_withdrawn" else after))

    def recode(self, item):
        fact, wrong = self.original(item["register"], None)
        if wrong:
            return wrong
        learner = self.who(item["learner"])
        if learner not in fact.roster:
            return "not_on_roster", None
        before = fact.codes.get(learner, PRESENT)
        after = (item["code"], before[1] if item["code"] == before[0] else None)
        fact.codes[learner] = after
        self.changes[item["id"]] = item
        self.say_absence((learner, "absence", fact.organisation), item["id"], before, after)
        return None

    # ---- What adds up ----

    def day(self, organisation, date):
        counts = collections.Counter()
        for fact in self.facts.values():
            if fact.stands and fact.organisation == organisation and fact.item["date"] == date:
                counts.update(self.of_mark(fact.item) if fact.roster is None else self.of_register(fact))
        return counts

    @staticmethod
    def of_mark(item):
        counts = collections.Counter({item["kind"]: 1})
        if "points" in item:
            points, most = item["points"], item["max_points"]
            counts.update(marks_with_points=1, percent_sum_hundredths=(20000 * points + most) // (2 * most),
                          at_least_65=points * 100 >= most * 65, at_least_40=points * 100 >= most * 40)
        return counts

    @staticmethod
    def of_register(fact):
        counts = collections.Counter(registers=1, learner_lessons=len(fact.roster))
        for code, minutes in fact.codes.values():
            counts.update({code: 1, "late_minutes": minutes or 0})
        return counts
