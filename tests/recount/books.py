"""The recount's own books: a private PostgreSQL in a temporary folder, of bounded memory; what it keeps grows on disk alone.

What a place should have and what it has are two tables of the same columns; equal tables are equal places.
"""
import contextlib
import os
import pathlib
import subprocess
import tempfile

from installation import PSQL

HERE = pathlib.Path(__file__).resolve().parent
CLUSTER = HERE.parents[1] / "libs" / "testkit" / "cluster"
# Of each of two workers: sorts and joins go to disk beyond this. What is lost with the machine is counted anew.
SETTINGS = "-c work_mem=64MB -c max_parallel_workers_per_gather=1 -c synchronous_commit=off -c client_min_messages=warning"

DIFFERENCE = "want.difference (place, id, words, item)"


class Books:
    """A handle that processes may hand to each other."""

    def __init__(self, folder):
        self.conninfo = f"host={folder}/postgres/sock dbname=postgres user=eiso_admin options='{SETTINGS}'"

    def psql(self, *arguments):
        return [PSQL, "-X", "-q", "-v", "ON_ERROR_STOP=1", self.conninfo, *arguments]

    def run(self, script, variables=None):
        """A file of statements; its :names are the variables."""
        given = [word for name, value in (variables or {}).items() for word in ("-v", f"{name}={value}")]
        subprocess.run(self.psql(*given, "-f", HERE / script), check=True)

    def execute(self, *statements):
        subprocess.run(self.psql(*(word for statement in statements for word in ("-c", statement))), check=True, stdout=subprocess.DEVNULL)

    def rows(self, select):
        """Rows of a query as lists of texts; None is NULL. Streamed."""
        with subprocess.Popen(self.psql("-c", f"copy ({select}) to stdout"), stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                yield [None if word == "\\N" else word for word in line.rstrip("\n").split("\t")]
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, "psql")

    def value(self, select):
        return next(self.rows(select))[0]

    @contextlib.contextmanager
    def copy_in(self, table, options=""):
        """A file to write rows to, as text of COPY."""
        with subprocess.Popen(self.psql("-c", f"copy {table} from stdin {options}"), stdin=subprocess.PIPE, text=True,
                              encoding="utf-8") as process:
            yield process.stdin
            process.stdin.close()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, f"copy {table}")

    def load(self, table, installation, service, select):
        """What a service's query gives, past us."""
        source = subprocess.Popen(installation.psql(service, f"copy ({select}) to stdout (format binary)"), stdout=subprocess.PIPE)
        with source:
            subprocess.run(self.psql("-c", f"copy {table} from stdin (format binary)", "-c", f"analyze {table}"), stdin=source.stdout,
                           check=True)
        if source.returncode:
            raise SystemExit(f"recount: {service} cannot be read")

    # ---- Differences ----

    def differ(self, place, name, words):
        with self.copy_in(DIFFERENCE) as file:
            file.write(f"{place}\t{name}\t{words}\t\\N\n")

    def compare(self, place, want, has, key, columns, item="null"):
        """Each row of `want` once in `has`, with the same columns, and nothing else. `item`: whose life a difference is of."""
        every = ", ".join((*key, *columns))
        name = " || '/' || ".join(f"{column}::text" for column in key)
        self.execute(f"""insert into want.difference (place, id, words, item)
            select $place${place}$place$, {name}, want.difference_words(
                       (array_agg(to_jsonb(side) - 'odd' - 'times') filter (where odd > 0))[1],
                       (array_agg(to_jsonb(side) - 'odd' - 'times') filter (where odd < 0))[1], max(times)), {item}
            from (select {every}, sum(side) as odd, count(*) filter (where side < 0) as times
                  from (select 1 as side, {every} from {want} union all select -1, {every} from {has}) sides
                  group by {every} having sum(side) <> 0) side
            group by {", ".join(key)} order by 2""")

    def difference_counts(self):
        """(place, how many), in the order in which they were found."""
        return [(place, int(number)) for place, number in self.rows(
            "select place, count(*) from want.difference group by place order by min(number)")]

    def differences(self, place, shown):
        """The first ones of a place: (id, words, item)."""
        return list(self.rows(f"""select id, words, item from want.difference where place = $place${place}$place$
                                  order by number limit {shown}"""))


@contextlib.contextmanager
def opened():
    """Books of one's own, and nothing is left of them."""
    with tempfile.TemporaryDirectory(prefix="eiso-recount.", ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, "EISO_TEST_OWNER": str(os.getpid())}
        try:
            subprocess.run([CLUSTER, "start", folder, "postgres"], check=True, env=environment)
            books = Books(folder)
            books.execute("alter system set fsync = off", "alter system set autovacuum = off", "alter system set max_wal_size = '2GB'",
                          "select pg_reload_conf()")
            books.run("books.sql")
            yield books
        finally:
            subprocess.run([CLUSTER, "remove", folder], check=True, env=environment)
