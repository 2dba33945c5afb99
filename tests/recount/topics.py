"""Events of a partition, in its order, with what is in them: written to the books as rows of COPY."""
import re
import subprocess
import typing

import msgpack

from books import DIFFERENCE
from replay import CODES, text

KINDS = {"formative": 1, "summative_unit": 2, "summative_term": 3}
VALUES = {"pass": 1, "fail": 2, "exempt": 3, "not_attested": 4, None: None}
SESSIONS = {"day": 101, "am": 102, "pm": 103, None: None}
NOWHERE = (0, 0, 0, 0)
HEADERS = re.compile(rb"ce_id=([^,]*).*?ce_type=([^,]*).*?eiso_position=([0-9.]+) ([0-9.]+)")


class Message(typing.NamedTuple):
    offset: int
    key: str
    type: str
    id: str
    position: tuple
    previous: tuple
    value: bytes


def parse_position(words):
    parts = tuple(map(int, words.split(b".")))
    return parts + NOWHERE[len(parts):]


def read_messages(file):
    """What `kcat -f FORMAT` writes."""
    last, position = b"", NOWHERE
    for head in file:
        offset, key, size, headers = head.rstrip(b"\n").split(b"\t", 3)
        value = file.read(max(int(size), 0))
        file.read(1)
        item, kind, own, previous = HEADERS.search(headers).groups()
        before = position if previous == last else parse_position(previous)
        last, position = own, parse_position(own)
        yield Message(int(offset), key.decode(), kind.decode(), item.decode(), position, before, value)


FORMAT = "%o\t%k\t%S\t%h\n%s\n"


def messages(installation, topic, partition):
    command = installation.kcat("-C", "-t", topic, "-p", str(partition), "-o", "beginning", "-e", "-q", "-f", FORMAT)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=1 << 20) as process:
        yield from read_messages(process.stdout)
    if process.returncode:
        raise SystemExit(f"recount: {topic} cannot be read")


# ---- What is in them: columns of books.sql from `id` on ----

def mark_columns(mark):
    was = mark.get("before")
    of = mark if "kind" in mark else was  # a withdrawal has no kind of its own
    columns = (mark["id"], mark["organisation"], mark["class"], mark["learner"], mark["date"], mark.get("lesson"), mark["subject"],
               KINDS[of["kind"]], mark.get("points"), mark.get("max_points"), VALUES[mark.get("value")], mark.get("replaces"),
               mark.get("withdraws"))
    return columns + ((was["date"], was.get("lesson"), KINDS[was["kind"]], was.get("points"), was.get("max_points"),
                       VALUES[was.get("value")]) if was else (None,) * 6)


def lesson_of(record):
    return record.get("date"), record.get("lesson") or SESSIONS[record.get("session")], record.get("subject")


def exceptions_of(record):
    return text((e["learner"], CODES[e["code"]], e.get("minutes")) for e in record.get("exceptions") or ())


def register_columns(taken):
    was = taken.get("before") or {}
    recoded = "register" in taken
    return (taken["id"], taken["organisation"], taken["class"], *lesson_of(taken), exceptions_of(taken), taken.get("replaces"),
            taken.get("withdraws"), taken.get("register"), taken.get("learner"), CODES[taken["code"]] if recoded else None,
            taken.get("minutes"), *lesson_of(was), exceptions_of(was), CODES[was["code"]] if recoded else None, was.get("minutes"))


class Topic(typing.NamedTuple):
    service: str
    table: str  # in schema `topic`
    types: dict
    columns: typing.Callable


MARKS, REGISTERS = "eiso.grades.marks.v1", "eiso.attendance.registers.v1"
TOPICS = {
    MARKS: Topic("grades", "mark", {f"kz.eiso.grades.mark.{word}.v1": word for word in ("recorded", "corrected", "withdrawn")},
                 mark_columns),
    REGISTERS: Topic("attendance", "register",
                     {**{f"kz.eiso.attendance.register.{word}.v1": word for word in ("taken", "replaced", "withdrawn", "recounted")},
                      "kz.eiso.attendance.absence.changed.v1": "recoded"}, register_columns),
}


def is_epoch(message):
    return message.key.startswith("~history|")


# ---- A partition: positions only rise, each event names the one before it ----

class Lane:
    def __init__(self, books, topic, partition):
        self.books, self.topic, self.partition = books, topic, partition
        self.last, self.wrong = NOWHERE, None  # wrong: where differences are written

    def differ(self, message, words):
        self.wrong.write(f"{self.topic.table}[{self.partition}]@{message.offset}\t{message.id}\t{words}\t{message.id}\n")

    def load(self, found):
        with self.books.copy_in(DIFFERENCE) as self.wrong, self.books.copy_in(f"topic.{self.topic.table}") as file:
            for message in found:
                again = message.position <= self.last
                if not again:
                    self.follow(message)
                kind = self.topic.types.get(message.type)
                if kind:
                    columns = (self.partition, message.offset, *message.position, again, kind, *self.columns(message))
                    file.write("\t".join(["\\N" if column is None else str(column) for column in columns]) + "\n")
                elif not is_epoch(message):
                    self.differ(message, f"is an event of type {message.type}")

    def columns(self, message):
        columns = self.topic.columns(msgpack.unpackb(message.value))
        if (message.id, message.key) != columns[:2]:
            self.differ(message, f"has key {message.key}, and in it {columns[0]} of {columns[1]}")
        return columns

    def follow(self, message):
        if is_epoch(message):
            self.rewind(message)
        if message.previous != self.last and not (is_epoch(message) and message.previous < self.last):
            self.differ(message, f"names {message.previous} as the one before, which is {self.last}")
        self.last = message.position

    def rewind(self, message):
        """A new epoch of the source: which older events it has lost (topics.sql)."""
        story = msgpack.unpackb(message.value)
        where = (self.topic.table, self.partition, message.offset)
        bounds = [parse_position((story.get(name) or default).encode())[:3] for name, default in (
            ("cut", "0.0.0"), ("from", "0.0.0"), ("to", f"{2 ** 63 - 1}.0.0"))]
        arrays = ["{" + ",".join(map(str, of)) + "}" for of in (message.previous, *bounds)]
        with self.books.copy_in("topic.rewound") as file:
            file.write("\t".join(map(str, (*where, story["epoch"], *arrays))) + "\n")
        with self.books.copy_in("topic.survivors") as file:
            for run in story.get("survivors") or ():
                file.write("\t".join(map(str, (*where, run["epoch"], run["from_xid"], run["to_xid"]))) + "\n")


def load(books, installation, name, partition):
    """All of a partition."""
    Lane(books, TOPICS[name], partition).load(messages(installation, name, partition))
