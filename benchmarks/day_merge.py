"""Show where the cost of a day's file lies in the server: in a table of a thousand rows and in a large one.

    python benchmarks/day_merge.py --rows 10000000 --page docs/explanation/where-a-days-time-goes.md

Does what a load does there with rows whose ids rise, part by part, and then loads a further day as a whole; each after
a checkpoint, and both tables get the same rows. CPU seconds are read from /proc, so the server must be on this machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
from daily import SMALL_ROWS, Days
from large_merge import TICKS, read_cpu
from measure import timed
from psycopg import sql
from server import Server, machine, machine_text, serving

from footfall.postgres.statements import compose
from footfall.tables import counts, direct, staging

LOAD_ID = 1_000_000  # of no load that the ledger knows: nobody verifies these tables afterwards
COPY = "rows"
KEPT = {kept.grain: kept for kept in counts.KEPT if kept.option is None}  # nothing that is kept by choice
# What each part is called.
PARTS = {COPY: "COPY the rows", **{grain: f"add to `{kept.table}`" for grain, kept in KEPT.items()}}
FIGURES: dict[str, Callable[[dict[str, Any]], float]] = {
    "pages asked for": lambda plan: plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
    "pages read": lambda plan: plan["Shared Read Blocks"],
    "pages written": lambda plan: plan["Shared Written Blocks"],
    "pages whole in the log": lambda plan: plan["WAL FPI"],
    "log, MB": lambda plan: plan["WAL Bytes"] / 1e6,
}
HEADS = ("CPU of the server, s", *FIGURES)
WHOLE = ("CPU of the server, s", "CPU of the client, s", "both, s", "log, MB")
ROWS = """
select interaction_id, user_id, product_id, action, timestamp::timestamp as timestamp, $load_id::integer as load_id
from read_csv($path) order by interaction_id
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a load. Shape: `small` and `large` have the median of each figure."""

    name: str
    small: tuple[float, ...]
    large: tuple[float, ...]


def read_rows(path: Path) -> pa.Table:
    """Read a day's file as Footfall sends it."""
    rows = duckdb.connect().sql(ROWS, params={"load_id": LOAD_ID, "path": str(path)}).to_arrow_table()
    at = rows.schema.get_field_index("timestamp")
    return rows.set_column(at, "timestamp", rows["timestamp"].cast(pa.timestamp("us", "UTC")))


def add_day(server: Server, database: str, path: Path) -> dict[str, tuple[float, ...]]:
    """Add one day's file; give the figures of each part. COPY has no plan, so that its pages are not known."""
    rows = read_rows(path)
    found: dict[str, tuple[float, ...]] = {}
    with psycopg.connect(server.of(database)) as connection:
        session = Path(f"/proc/{connection.info.backend_pid}/stat")

        def read_session() -> float:
            fields = session.read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / TICKS

        connection.execute(staging.SQL["settings"])
        floor = {"floor_id": (connection.execute(direct.SQL["floor_id"]).fetchone() or (0,))[0]}
        server.checkpoint()
        lsn = read_log(connection)
        began = read_session()
        staging.copy_table(connection, staging.compose_copy(staging.SQL["copy_raw"], rows), rows)
        found[COPY] = (read_session() - began, 0, 0, 0, 0, read_log(connection) - lsn)
        for grain, kept in KEPT.items():
            statement = compose(direct.SQL["add_deltas"], deltas=kept.compose(counts.SQL["delta"]))
            began = read_session()
            explain = sql.SQL("explain (analyze, timing off, buffers, wal, format json) ") + statement
            row = connection.execute(explain, floor).fetchone() or ([],)
            spent = read_session() - began
            # What changes the table hangs beside the plan of what the statement gives.
            [plan] = [part for part in _parts_of(row[0][0]["Plan"]) if part["Subplan Name"] == f"CTE {grain}"]
            found[grain] = (spent, *(figure(plan) for figure in FIGURES.values()))
    return found


def _parts_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in plan["Plans"]:
        if "Subplan Name" in part:
            yield part
        elif "Plans" in part:
            yield from _parts_of(part)


def read_log(connection: psycopg.Connection) -> float:
    """Read how much log the server has written. Units: MB."""
    row = connection.execute("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    return float((row or (0,))[0]) / 1e6


def load_day(server: Server, database: str, path: Path) -> tuple[float, ...]:
    """Load one day's file by `footfall load`; give the figures of WHOLE."""
    with psycopg.connect(server.conninfo) as connection:
        row = connection.execute("select split_part(pg_read_file('postmaster.pid'), e'\\n', 1)::integer").fetchone()
        postmaster = int((row or (0,))[0])
        server.checkpoint()
        lsn, began = read_log(connection), read_cpu(postmaster)
        client, _ = timed(server.footfall(database, "load", "-q", str(path)))
        # The session is counted when the server has seen its end.
        while connection.execute("select from pg_stat_activity where datname = %s", (database,)).fetchone():
            connection.rollback()
        spent = read_cpu(postmaster) - began
        return spent, client.cpu_seconds, spent + client.cpu_seconds, read_log(connection) - lsn


def measure(server: Server, rows: int, day_rows: int, runs: int) -> tuple[list[Part], Part]:
    """Add the same days to both tables, in turns; give the parts and the loads as a whole."""
    days = Days(server.scratch / "days", rows, day_rows)
    days.folder.mkdir()
    found: dict[str, list[dict[str, tuple[float, ...]]]] = {"small": [], "large": []}
    with server.databases("small", "fresh", "large") as (small, fresh, large):
        for database, there in ((small, SMALL_ROWS), (large, rows)):
            server.create(database)
            server.load(database, str(days.base(there)))
            server.tidy(database)
        for number in range(runs):
            for which, database in (("small", fresh), ("large", large)):
                for name, add in (("parts", add_day), ("whole", load_day)):
                    if which == "small":
                        server.create(fresh, template=small)
                    day = days.rising(2 * number + (name == "whole"))
                    figures = add(server, database, day)
                    found[which].append(figures if isinstance(figures, dict) else {name: figures})
    parts = [Part(PARTS[name], _medians(found["small"], name), _medians(found["large"], name)) for name in PARTS]
    return parts, Part("whole", _medians(found["small"], "whole"), _medians(found["large"], "whole"))


def _medians(found: list[dict[str, tuple[float, ...]]], name: str) -> tuple[float, ...]:
    return tuple(statistics.median(values) for values in zip(*(one[name] for one in found if name in one), strict=True))


def _sums(figures: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(sum(values) for values in zip(*figures, strict=True))


def page(measured: tuple[list[Part], Part], sizes: tuple[int, int, int], where: str) -> str:
    """Write the page."""
    (parts, whole), (rows, day_rows, runs) = measured, sizes
    lines = ["| | rows there | " + " | ".join(HEADS) + " |", "| --- |" + " ---: |" * (len(HEADS) + 1)]
    sums = Part("all", _sums(part.small for part in parts), _sums(part.large for part in parts))
    for part in (*parts, sums):
        for there, values in ((SMALL_ROWS, part.small), (rows, part.large)):
            pages = ["" if part.name == PARTS[COPY] else f"{value:,.0f}" for value in values[1:-1]]
            lines.append(f"| {part.name} | {there:,} | {values[0]:.2f} | {' | '.join(pages)} | {values[-1]:,.0f} |")
    wholes = ["| rows there | " + " | ".join(WHOLE) + " |", "| ---: |" + " ---: |" * len(WHOLE)]
    for there, values in ((SMALL_ROWS, whole.small), (rows, whole.large)):
        wholes.append(
            f"| {there:,} | " + " | ".join(f"{value:,.2f}" for value in values[:-1]) + f" | {values[-1]:,.0f} |"
        )
    return TEXT.format(
        rows=rows,
        runs=runs,
        where=where,
        day_rows=day_rows,
        table="\n".join(lines),
        whole="\n".join(wholes),
        ratio=whole.large[2] / max(whole.small[2], 0.01),
    )


TEXT = """# Where a day's time goes

Written by `benchmarks/day_merge.py`; do not edit. Medians of {runs} files of {day_rows:,} new rows with rising ids.

    python benchmarks/day_merge.py --rows {rows} --runs {runs} --page docs/explanation/where-a-days-time-goes.md

{where}

How many seconds a day's file takes, and how that grows with what is there, is in [the benchmarks](../benchmarks.md).
Here are CPU seconds, which a busy machine makes larger, by half or twice, but whose ratios it leaves nearly as they
are. Each load began right after a checkpoint, as a day's file does that comes in a quiet hour.

## The whole load

{whole}

In the large table it takes {ratio:.2f} times as much as in the small one.

## Its parts in the server

{table}

A page is 8 kB. A page that changes for the first time after a checkpoint goes into the log as a whole.

## What it says

- Ids that rise cost the same in any table: they come at the end of the key, by COPY, and nothing is looked up
  ([decision 0042](../decisions/0042-cheap-merge.md)).
- Pairs of user and product do not rise. Each new one has its place somewhere in the key, each known one its place
  somewhere in the table, too. The larger the table, the fewer of them share a page: a day asks for ever more pages of
  `interactions`, up to one of the key for each pair, and one of the table for each that is known. Updates stay on
  their page, since `interactions` keeps a tenth of each free.
- Users and products are known nearly all, so that the large table changes a row where the small one gets one; and the
  index that finds the highest counts gets an entry for each of them, since every count has changed.
- That is the price of tables of counts that are exact at each commit and have a key.

## What is left, and what would be cheaper

By hand, as above but on a busier machine: CPU seconds of the server's session for 100,000 rows, after a checkpoint
unless it says otherwise, one to three files each. The table of 57 million pairs was made by SQL (500,000 users with the
114 most popular products); it stands for that of a hundred million rows.

| | all | pairs | users | products | log, MB |
| --- | ---: | ---: | ---: | ---: | ---: |
| into 1,000 rows | 1.6 | 0.6 | 0.5 | 0.2 | 57 |
| into 10 million rows, 7.5 million pairs | 4.2 to 4.6 | 2.0 to 2.5 | 1.3 to 1.4 | 0.4 | 460 to 470 |
| into 57 million pairs | 4.3 to 4.9 | 2.5 to 2.7 | 1.2 to 1.6 | 0.2 to 0.3 | 628 to 643 |
| 10 million, no checkpoint since the file before | 3.1 | 1.5 | 1.0 | 0.3 | 122 |
| 10 million, `shared_buffers` of 2 GB, warm | 3.7 | 1.9 | 1.2 | 0.3 | 491 |
| the same, no checkpoint since the file before | 3.3 | 1.4 | 1.2 | 0.3 | 153 |
| the same, without whole pages in the log, which is not safe | 2.9 | 1.4 | 0.9 | 0.3 | 60 |
| 10 million, `wal_compression` `pglz`: all that the embedded server has | 14.7 | 12.3 | 1.9 | 0.3 | 288 |
| 10 million, no index on counts, and room on their pages | 2.9 to 3.1 | 1.7 to 1.9 | 0.6 | 0.2 | 406 to 417 |
| 10 million, that index on the power of two of the count | 3.4 to 3.6 | 2.0 to 2.1 | 0.8 to 0.9 | 0.2 | 433 to 440 |

- Two fifths of the CPU of the pairs are reads of pages from the system's cache and writes of changed ones (`perf`):
  `shared_buffers` of 256 MB cannot hold the 350 MB of pages that the pairs of a day lie in. The rest is spread thin:
  looking up buffers 7 %, comparing keys 3 %, checksums of pages and log 5 %; no function has more.
- Seven times as many pairs cost a fifth more: nearly each pair has a page of its own already.
- `shared_buffers` that hold the pages save an eighth, checkpoints that are further apart a quarter. A server that has
  the memory should have it; the embedded one stays small.
- `lz4` compresses the log well where the server has it ([what a load asks of the server](server-side.md)); `pglz` makes
  the load three times as dear.
- The index on counts is what could go. [Decision 0051](../decisions/0051-index-on-counts-stays.md) says why it stays.
- `update ... from` and an insert of the rest in place of `on conflict`, with hash joins and with index joins, after an
  anti-join or not: no better, tried twice.
"""


def main() -> None:
    """Measure, print; write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--day-rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--database", metavar="CONNINFO", help="of a superuser, on a server on this machine")
    parser.add_argument("--page", type=Path, help="write the page of the docs here, too")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footfall-bench-")))
        server = stack.enter_context(serving(arguments.database, folder))
        sizes = (arguments.rows, arguments.day_rows, arguments.runs)
        text = page(measure(server, *sizes), sizes, machine_text(machine(server, "")))
    print(text)
    if arguments.page:
        arguments.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
