"""Whether everything that was taken has arrived everywhere."""
import subprocess
import time

FACTS = {"grades": "eiso.grades.marks.v1", "attendance": "eiso.attendance.registers.v1"}
READERS = ("notify", "reports")
DIRTY = ("dirty", "dirty_node", "dirty_contingent", "dirty_tree")


def relay_pending(installation, service):
    return installation.value(service, """select exists (select from event_log l, relay r
        where (l.epoch, l.xid, l.seq) > (r.epoch, r.xid, r.seq))""") == "t"


def reader_behind(installation, reader, topic, ends):
    taken = {int(partition): int(offset) for partition, offset in installation.rows(
        reader, f"select partition, next_offset from consumer_offset where topic = '{topic}'")}
    return any(end > max(taken.get(partition, 0), 0) for partition, end in ends.items())


def find_late(installation):
    """What is still on its way, in words; None: nothing."""
    for service, topic in FACTS.items():
        if relay_pending(installation, service):
            return f"the relay of {service} has more to send"
        ends = installation.ends(topic, installation.partitions(service))
        for reader in READERS:
            if reader_behind(installation, reader, topic, ends):
                return f"{reader} has not taken all of {topic}"
    for table in DIRTY:
        if installation.value("reports", f"select exists (select from {table})") == "t":
            return f"reports has yet to roll up ({table})"
    return None


def await_all(installation, seconds):
    """Waits until nothing is on its way, at most so long; returns what still is."""
    end = time.monotonic() + seconds
    while True:
        try:
            late = find_late(installation)
        except (SystemExit, StopIteration, subprocess.SubprocessError) as problem:
            late = f"a place that cannot be read ({problem})"
        if late is None or time.monotonic() > end:
            return late
        time.sleep(0.5)
