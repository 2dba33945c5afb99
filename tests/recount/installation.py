"""Where the installation is, and its three doors for reading: databases, topics, and nothing else."""
import re
import subprocess
import typing


class Message(typing.NamedTuple):
    partition: int
    offset: int
    key: str
    type: str
    id: str
    position: tuple
    previous: tuple
    value: bytes


def parse_position(text):
    parts = [int(part) for part in text.split(".")]
    return tuple(parts + [0] * (4 - len(parts)))


class Installation:
    def __init__(self, folder):
        self.settings = {}
        for line in (folder / "eiso.env").read_text().splitlines():
            match = re.fullmatch(r"([A-Z_]+)='(.*)'", line)
            if match:
                self.settings[match[1]] = match[2]

    # ---- Databases ----

    def rows(self, service, select):
        """Rows of a query as lists of texts; None is NULL. Streamed."""
        conninfo = self.settings[f"EISO_PG_{service.upper()}"]
        command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", conninfo, "-c", f"copy ({select}) to stdout"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                yield [None if word == "\\N" else word for word in line.rstrip("\n").split("\t")]
        if process.returncode:
            raise SystemExit(f"recount: {service} cannot be read")

    def value(self, service, select):
        return next(self.rows(service, select))[0]

    # ---- Topics ----

    def kcat(self, *arguments):
        settings = self.settings
        return ["kcat", "-b", settings["EISO_KAFKA"], "-X", "security.protocol=SASL_PLAINTEXT",
                "-X", "sasl.mechanism=PLAIN", "-X", f"sasl.username={settings['EISO_KAFKA_USER']}",
                "-X", f"sasl.password={settings['EISO_KAFKA_PASSWORD']}", "-X", "log_level=0", *arguments]

    def messages(self, topic):
        """All messages of a topic, each partition in its order. Streamed."""
        command = self.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%p\t%o\t%k\t%S\t%h\n%s\n")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            for head in iter(process.stdout.readline, b""):
                partition, offset, key, size, headers = head.decode().rstrip("\n").split("\t", 4)
                value = process.stdout.read(max(int(size), 0))
                process.stdout.read(1)
                yield self.message(int(partition), int(offset), key, headers, value)
        if process.returncode:
            raise SystemExit(f"recount: {topic} cannot be read")

    @staticmethod
    def message(partition, offset, key, headers, value):
        found = dict(re.findall(r"(ce_type|ce_id|eiso_position)=([^,]*)", headers))
        own, previous = found["eiso_position"].split(" ")
        return Message(partition, offset, key, found["ce_type"], found["ce_id"], parse_position(own),
                       parse_position(previous), value)

    def ends(self, topic, partitions):
        """The next offset of each partition."""
        asked = [word for partition in range(partitions) for word in ("-t", f"{topic}:{partition}:-1")]
        said = subprocess.run(self.kcat("-Q", *asked), capture_output=True, text=True, timeout=30, check=True).stdout
        return {int(p): int(offset) for p, offset in re.findall(r"\[(\d+)\] offset (\d+)", said)}
