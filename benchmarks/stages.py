"""Show where the time of a first load goes: each stage alone, and the same work inside one load.

    python benchmarks/stages.py --rows 10000000 --page docs/explanation/where-time-goes.md

Alone: the file read, hashed, cut into records, judged, encoded; rows and counts sent by psql from files that hold them
in COPY's binary form, keys built, nothing else running. Inside: what the load waited for, measured around its own
functions.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
from make_data import Made, Wanted, make
from pgpq import ArrowToPostgresBinaryEncoder
from server import Server, machine, machine_text, serving

from footfall.contract.ids import BIGINTS
from footfall.contract.terms import Contract
from footfall.engines import counting, in_process, kernel
from footfall.formats.delimited import open_delimited
from footfall.settings import load_settings
from footfall.sources import opening
from footfall.tables import counts as kept_counts
from footfall.tables import first_load
from footfall.tables import merge as merging
from footfall.tables import quarantine as quarantining
from footfall.tables import staging as staged
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb

MEMORY_MB = 512
KEPT = [kept for kept in kept_counts.KEPT if kept.option is None]  # nothing that is kept by choice
# What a load of a small file imports, in the order in which a process meets it; each is timed with those before it.
IMPORTS = {
    "Python itself": "pass",
    "the command line (typer)": "from footfall.cli.commands import gather_commands; gather_commands(['load'])",
    "the settings (pydantic)": "import footfall.settings",
    "the driver (psycopg)": "import psycopg",
    "numpy": "import numpy",
    "pyarrow": "import pyarrow.compute",
    "DuckDB": "import duckdb",
    "the rest of Footfall": "import footfall.verbs.transaction, footfall.engines.in_process",
}
STARTS = 9


@dataclass(frozen=True, slots=True)
class Took:
    """What one stage took. Units: seconds of the clock, and of this process's CPU (0 where the server works)."""

    name: str
    seconds: float
    cpu_seconds: float


@contextmanager
def timed(name: str, took: list[Took]) -> Iterator[None]:
    """Time a block."""
    began, cpu = time.perf_counter(), _cpu_seconds()
    yield
    took.append(Took(name, time.perf_counter() - began, _cpu_seconds() - cpu))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def starts(count: int) -> list[Took]:
    """Time what a process imports before it can load: what each library adds, by medians of whole processes."""
    took: list[Took] = []
    so_far, before = "", 0.0
    for name, statement in IMPORTS.items():
        so_far += f"{statement}\n"
        whole = statistics.median(_start(so_far) for _ in range(count))
        took.append(Took(name, max(whole - before, 0.0), 0.0))
        before = whole
    return took


def _start(statements: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statements], check=True)
    return time.perf_counter() - began


def client_alone(path: Path, folder: Path) -> list[Took]:
    """Run the client's stages one by one, each over the whole file; write COPY's binary forms to the folder."""
    took: list[Took] = []
    with timed("read the file", took), path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
    with timed("read and hash it (SHA-256)", took), path.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    with opening.open_source(str(path)) as source:
        with timed("read and cut into records", took):
            for _ in _batches(source)[1]:
                pass
        with timed("read, cut and judge", took):
            layout, batches = _batches(source)
            kernel = in_process.Kernel(layout, None, MEMORY_MB)
            accepted = [verdict.accepted for verdict in kernel.judge(batches)]
            kernel.close()
    with timed("encode for COPY", took):
        _encode((_as_raw(table) for table in accepted), folder / "raw.bin")
    with counting.open_counts(MEMORY_MB // 4, KEPT) as counts:
        with timed("count pairs and roll-ups", took):
            for table in accepted:
                counts.add(table)
            with counts.count_large():
                pass
        for name, tables in counts.read_tables():
            _encode((pa.Table.from_batches([batch]) for batch in tables), folder / f"{name}.bin")
    return took


def _batches(source: opening.SourceFile) -> tuple[Any, Iterator[pa.RecordBatch]]:
    return open_delimited(source, Contract(), MEMORY_MB)


def _as_raw(accepted: pa.Table) -> pa.Table:
    """Keep what COPY sends, with a load_id; a repeat of an id is left out as the load does."""
    staging = staged.Staging((1,), *([None] * 5), is_temporary=True, id_types=BIGINTS)  # type: ignore[arg-type]
    rows = staged._replace_positions(staging, accepted)
    return rows.drop(["line_number"])


def _encode(tables: Iterator[pa.Table], path: Path) -> None:
    encoder = None
    with path.open("wb") as file:
        for table in tables:
            if encoder is None:
                encoder = ArrowToPostgresBinaryEncoder(table.schema)
                file.write(encoder.write_header())
            for batch in table.to_batches():
                file.write(encoder.write_batch(batch))
        if encoder is not None:
            file.write(encoder.finish())


def server_alone(bench: Server, database: str, folder: Path) -> list[Took]:
    """Send what was encoded into bare tables, and build keys and indexes, nothing else running."""
    took: list[Took] = []
    bench.create(database)
    settings = load_settings(database_url=bench.of(database))
    schema_verb.upgrade_schema(settings)
    with psycopg.connect(bench.of(database), autocommit=True) as connection:
        connection.execute("alter table user_interactions_raw drop constraint user_interactions_raw_pkey")
        connection.execute("drop index user_interactions_raw_timestamp_idx")
        connection.execute("alter table interactions drop constraint interactions_pkey")
        connection.execute("alter table user_days drop constraint user_days_pkey")
        connection.execute("drop index interactions_per_user_count_idx, interactions_per_product_count_idx")
        with timed("COPY the rows", took):
            _copy(bench, database, "user_interactions_raw", folder)
        # Repeats of an id went in, too; a load finds them before it sends them.
        connection.execute(
            "delete from user_interactions_raw as r using user_interactions_raw as f "
            "where f.interaction_id = r.interaction_id and f.ctid < r.ctid"
        )
        connection.execute("set maintenance_work_mem = '256MB'")
        with timed("build the key of the rows", took):
            connection.execute(first_load.SQL["build_raw_key"])
        with timed("build the index on time", took):
            connection.execute(first_load.SQL["build_raw_index"])
        for name in (kept.table for kept in KEPT):
            with timed(f"COPY {name}", took):
                _copy(bench, database, name, folder)
        with timed("build the key of the pairs", took):
            connection.execute(first_load.compose_keys())
        with timed("build the indexes on counts", took):
            connection.execute(first_load.compose_count_indexes())
    bench.drop(database)
    return took


def _copy(bench: Server, database: str, table: str, folder: Path) -> None:
    is_raw = table == "user_interactions_raw"
    columns = ", ".join((*kernel.ACCEPTED[1:], "load_id"))
    (copy_in,) = [kept.fill(first_load.SQL["copy"]) for kept in KEPT if kept.table == table] or [
        staged.SQL["copy_raw"].replace("{columns}", columns)
    ]
    command = [bench.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", bench.of(database), "-c", copy_in]
    name = "raw" if is_raw else table
    with (folder / f"{name}.bin").open("rb") as file:
        subprocess.run(command, stdin=file, check=True)


def inside(bench: Server, database: str, made: Made) -> tuple[list[Took], float]:
    """Load the file once, with a clock around the stages; give what each took and the whole."""
    took: list[Took] = []
    waits = {"waiting for verdicts": 0.0, "counting beside": 0.0, "COPY of rows and rejects": 0.0}

    def around(owner: Any, name: str, label: str) -> Callable[[], None]:
        real = getattr(owner, name)

        def call(*given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return real(*given, **named)
            finally:
                waits[label] = waits.get(label, 0.0) + time.perf_counter() - began

        setattr(owner, name, call)
        return lambda: setattr(owner, name, real)

    real_judge = in_process.Kernel.judge

    def judge(
        self: in_process.Kernel, batches: Iterator[pa.RecordBatch], forgotten: Any = None
    ) -> Iterator[kernel.Verdicts]:
        verdicts = real_judge(self, batches, forgotten)
        while True:
            began = time.perf_counter()
            verdict = next(verdicts, None)
            waits["waiting for verdicts"] += time.perf_counter() - began
            if verdict is None:
                return
            yield verdict

    in_process.Kernel.judge = judge  # type: ignore[method-assign]
    undo = [
        around(staged, "stage_accepted", "COPY of rows and rejects"),
        around(staged, "stage_rejected", "COPY of rows and rejects"),
        around(counting.Counts, "add", "counting beside"),
        around(first_load, "build_raw_indexes", "key and index of the rows, pairs counted meanwhile"),
        around(first_load, "copy_counts", "COPY of the counts and their keys"),
        around(merging, "merge", "repeats: found, compared, counted"),
        around(quarantining, "quarantine", "quarantine"),
    ]
    bench.create(database)
    try:
        began = time.perf_counter()
        result = load_verb.load([str(made.full)], load_settings(database_url=bench.of(database))).loads[0]
        whole = time.perf_counter() - began
    finally:
        in_process.Kernel.judge = real_judge  # type: ignore[method-assign]
        for each in undo:
            each()
        bench.drop(database)
    if result.rows_loaded != made.rows_clean:
        raise SystemExit(f"{result.rows_loaded} rows were loaded, the file holds {made.rows_clean}")
    took = [Took(name, seconds, 0.0) for name, seconds in waits.items()]
    took.append(Took("all else: start, digest, ledger, commit", whole - sum(each.seconds for each in took), 0.0))
    return took, whole


def table(took: list[Took], rows: int, *, has_cpu: bool) -> str:
    """Write stages as a table."""
    head = "| stage | seconds | million rows of the file a second |" + (" CPU seconds |" if has_cpu else "")
    lines = [head, "| --- | ---: | ---: |" + (" ---: |" if has_cpu else "")]
    for each in took:
        rate = f"{rows / each.seconds / 1e6:.1f}" if each.seconds >= 0.005 else ""
        cpu = f" {each.cpu_seconds:.2f} |" if has_cpu else ""
        lines.append(f"| {each.name} | {each.seconds:.2f} | {rate} |{cpu}")
    return "\n".join(lines)


def main() -> None:
    """Make the data, measure, print; write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--starts", type=int, default=STARTS, metavar="N", help="of a process, for each library")
    parser.add_argument("--database", metavar="CONNINFO", help="of a role that may create databases and checkpoint")
    parser.add_argument("--page", type=Path, help="write the page of the docs here, too")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footfall-bench-")))
        bench = stack.enter_context(serving(arguments.database, folder))
        made = make(Wanted(arguments.rows), folder)
        client = client_alone(made.full, folder)
        server = server_alone(bench, f"bench_{os.getpid()}", folder)
        load, whole = inside(bench, f"bench_{os.getpid()}", made)
        text = page(made, (client, server, load), whole, machine_text(machine(bench, ""))) + small(
            starts(arguments.starts)
        )
    print(text)
    if arguments.page:
        arguments.page.write_text(text, encoding="utf-8")


def page(made: Made, parts: tuple[list[Took], list[Took], list[Took]], whole: float, where: str) -> str:
    """Write the page: each stage alone, the load, and what is left on the table."""
    client, server, load = parts
    size_mb = made.full.stat().st_size / 1e6
    return f"""# Where the time goes

Written by `benchmarks/stages.py`; do not edit. A first load of {made.rows:,} rows ({size_mb:,.0f} MB), one run.

    python benchmarks/stages.py --rows {made.rows} --page docs/explanation/where-time-goes.md

{where}

## The client's stages, each alone

{table(client, made.rows, has_cpu=True)}

Judging uses every core, counting some of a second one, the others one.

## The server's stages, each alone

`psql` sends files that hold the rows in COPY's binary form already, so that this is what the server takes.

{table(server, made.rows, has_cpu=False)}

## The same work in one load: {whole:.1f} seconds

{table(load, made.rows, has_cpu=False)}

{LEFT}"""


def small(took: list[Took]) -> str:
    """Write what a load takes before its first row."""
    rows = [f"| {each.name} | {each.seconds * 1000:.0f} |" for each in took]
    total = sum(each.seconds for each in took)
    return SMALL.format(table="\n".join(["| imported | milliseconds |", "| --- | ---: |", *rows]), total=total)


SMALL = """
## A load of next to nothing

The start of a process, {total:.2f} seconds, by what each library adds to those above it. What a small load takes
beyond that (see [the benchmarks](../benchmarks.md)) is one session of DuckDB and one of the server, and making
the tables the first time. A file that is known needs neither numpy nor pyarrow nor DuckDB.

{table}
"""

LEFT = """## What is left on the table

- **COPY is the floor.** One transaction has one connection, and one connection is one process of the server: it parses,
  checks and writes one row after the other. More streams would need transactions of their own, and a second copy of the
  rows from there into the table; that was not tried.
- **Judging runs beside COPY**, on the cores that the server leaves. Most of it is one regular expression a line, the
  split, and four casts. A compiled parser of our own would be faster, and would be a second definition of the contract.
- **Keys are built after the rows**, by the server; meanwhile DuckDB counts the pairs. The counts go in sorted, without
  their key: in trials COPY into a table with its key took longer than COPY and key one after the other.
- **Not done:** a server that writes no log for new tables (`wal_level = minimal`) writes less; that is a setting of
  the whole server, and rules out replicas and point-in-time recovery. COPY FREEZE would show rows to snapshots that are
  older than the commit.
"""


if __name__ == "__main__":
    main()
