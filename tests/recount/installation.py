"""Where the installation is, and its doors for reading: databases and topics, and nothing else."""
import pathlib
import re
import subprocess

PSQL = "/usr/lib/postgresql/15/bin/psql"  # the one in PATH is Debian's wrapper, which takes four times as long to start


class Installation:
    def __init__(self, folder):
        text = (pathlib.Path(folder) / "eiso.env").read_text()
        self.settings = dict(re.findall(r"^([A-Z_]+)='(.*)'$", text, re.MULTILINE))

    # ---- Databases ----

    def psql(self, service, statement):
        return [PSQL, "-X", "-q", "-v", "ON_ERROR_STOP=1", self.settings[f"EISO_PG_{service.upper()}"], "-c", statement]

    def rows(self, service, select):
        """Rows of a query as lists of texts; None is NULL."""
        said = subprocess.run(self.psql(service, f"copy ({select}) to stdout"), stdout=subprocess.PIPE, text=True, check=False)
        if said.returncode:
            raise SystemExit(f"recount: {service} cannot be read")
        return [[None if word == "\\N" else word for word in line.split("\t")] for line in said.stdout.splitlines()]

    def value(self, service, select):
        return self.rows(service, select)[0][0]

    # ---- Topics ----

    def kcat(self, *arguments):
        settings = self.settings
        return ["kcat", "-b", settings["EISO_KAFKA"], "-X", "security.protocol=SASL_PLAINTEXT",
                "-X", "sasl.mechanism=PLAIN", "-X", f"sasl.username={settings['EISO_KAFKA_USER']}",
                "-X", f"sasl.password={settings['EISO_KAFKA_PASSWORD']}", "-X", "log_level=0",
                "-X", "fetch.wait.max.ms=10", *arguments]  # how long the end of a partition is waited for

    def partitions(self, service):
        return int(self.value(service, "select coalesce(partitions, 0) from relay"))

    def ends(self, topic, partitions):
        """The next offset of each partition."""
        asked = [word for partition in range(partitions) for word in ("-t", f"{topic}:{partition}:-1")]
        said = subprocess.run(self.kcat("-Q", *asked), capture_output=True, text=True, timeout=30, check=True).stdout
        return {int(p): int(offset) for p, offset in re.findall(r"\[(\d+)\] offset (\d+)", said)}
