"""Show where the time of a day's file goes in the server: its merge into a thousand rows and into many.

    python benchmarks/day_merge.py --rows 10000000 --page docs/explanation/where-a-days-time-goes.md

Runs Footfall's own merge under `explain (analyze, buffers, wal)`, each after a checkpoint; both get the same rows.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from daily import SMALL_ROWS, Days
from psycopg import sql
from server import Server, machine, machine_text, serving

from footfall.contract.ids import BIGINTS
from footfall.postgres.statements import compose
from footfall.tables import merge as merging
from footfall.tables import staging
from footfall.tables.ids import name_column_types

LOAD_ID = 1_000_000  # of no load that the ledger knows: nobody verifies these tables afterwards
# What each part of the statement of the merge is called, and what it does.
PARTS = {
    "added": "insert the rows",
    "pairs": "add to `interactions`, by user and product",
    "users": "add to `interactions_per_user`",
    "products": "add to `interactions_per_product`",
    "quarter_hours": "add to `interactions_per_quarter_hour`",
}
FIGURES = {
    "milliseconds": lambda plan: plan["Actual Total Time"],
    "pages asked for": lambda plan: plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
    "pages read": lambda plan: plan["Shared Read Blocks"],
    "pages written": lambda plan: plan["Shared Written Blocks"],
    "pages whole in the log": lambda plan: plan["WAL FPI"],
    "log, MB": lambda plan: plan["WAL Bytes"] / 1e6,
}


@dataclass(frozen=True, slots=True)
class Merge:
    """One part of the merge. Shape: `small` and `large` have the median of each of FIGURES."""

    name: str
    small: tuple[float, ...]
    large: tuple[float, ...]


def explained(server: Server, database: str, path: Path) -> dict[str, tuple[float, ...]]:
    """Merge one day's file; give the figures of each part."""
    names = {part: sql.Identifier(f"day_{part}") for part in ("rows", "text")}
    with psycopg.connect(server.of(database)) as connection:
        connection.execute(
            sql.SQL(
                "create temporary table {} (interaction_id bigint, user_id bigint, product_id bigint, action text, "
                "timestamp timestamptz)"
            ).format(names["text"])
        )
        copy_in = sql.SQL("copy {} from stdin (format csv, header)").format(names["text"])
        with connection.cursor().copy(copy_in) as copy:
            copy.write(path.read_bytes())
        fillings = {
            "name": names["rows"],
            "kind": sql.SQL("temporary"),
            "on_commit": sql.SQL("on commit drop"),
            **name_column_types(BIGINTS),
        }
        connection.execute(compose(staging.SQL["create_rows"], **fillings))
        connection.execute(
            sql.SQL("insert into {rows} select {load_id}, row_number() over (), * from {text}").format(
                load_id=LOAD_ID, **names
            )
        )
        connection.execute(compose(merging.SQL["analyze"], name=names["rows"]))
        connection.execute(staging.SQL["settings"])
        server.checkpoint()
        explain = sql.SQL("explain (analyze, buffers, wal, format json) ")
        explain += merging.compose_insert(names["rows"], "rows")
        row = connection.execute(explain).fetchone()
        assert row is not None
        plan = row[0][0]["Plan"]
    parts = {part["Subplan Name"].removeprefix("CTE "): part for part in _initial_plans(plan)}
    return {name: tuple(figure(parts[name]) for figure in FIGURES.values()) for name in PARTS}


def _initial_plans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in plan["Plans"]:
        if part.get("Subplan Name", "").startswith("CTE "):
            yield part
        elif "Plans" in part:
            yield from _initial_plans(part)


def measure(server: Server, rows: int, day_rows: int, runs: int) -> list[Merge]:
    """Merge the same days into both tables, in turns."""
    days = Days(server.scratch / "days", rows, day_rows)
    days.folder.mkdir()
    found: dict[str, list[dict[str, tuple[float, ...]]]] = {"small": [], "large": []}
    with server.databases("small", "fresh", "large") as (small, fresh, large):
        for database, there in ((small, SMALL_ROWS), (large, rows)):
            server.create(database)
            server.load(database, str(days.base(there)))
            server.tidy(database)
        for number in range(runs):
            server.create(fresh, template=small)
            for which, database in (("small", fresh), ("large", large)):
                found[which].append(explained(server, database, days.rising(number)))
    return [Merge(name, _medians(found["small"], name), _medians(found["large"], name)) for name in PARTS]


def _medians(found: list[dict[str, tuple[float, ...]]], name: str) -> tuple[float, ...]:
    return tuple(statistics.median(values) for values in zip(*(one[name] for one in found), strict=True))


def _sums(figures: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(sum(values) for values in zip(*figures, strict=True))


def page(merges: list[Merge], rows: int, day_rows: int, runs: int, where: str) -> str:
    """Write the page."""
    lines = ["| | rows there | " + " | ".join(FIGURES) + " |", "| --- |" + " ---: |" * (len(FIGURES) + 1)]
    sums = Merge("all", _sums(merge.small for merge in merges), _sums(merge.large for merge in merges))
    for merge in (*merges, sums):
        for there, values in ((SMALL_ROWS, merge.small), (rows, merge.large)):
            cells = [PARTS.get(merge.name, "all"), f"{there:,}", *(f"{value:,.0f}" for value in values)]
            lines.append(f"| {' | '.join(cells)} |")
    return TEXT.format(rows=rows, runs=runs, where=where, day_rows=day_rows, table="\n".join(lines))


TEXT = """# Where a day's time goes

Written by `benchmarks/day_merge.py`; do not edit. Medians of {runs} files of {day_rows:,} new rows with rising ids.

    python benchmarks/day_merge.py --rows {rows} --runs {runs} --page docs/explanation/where-a-days-time-goes.md

{where}

How long a day's file takes in all, and how that grows with what is there, is in [the benchmarks](../benchmarks.md).
This is its merge alone, the one statement that differs between a small and a large table, under
`explain (analyze, buffers, wal)`, which itself takes some of the time. Each began right after a checkpoint, as a day's
file does that comes in a quiet hour.

{table}

A page is 8 kB. A page that changes for the first time after a checkpoint goes into the log as a whole.

## What it says

- Ids that rise cost the same in any table: they come at the end of the key. Those above all that are
  there go by COPY straight into the table now, for less, and only their counts are added like this
  ([decision 0042](../decisions/0042-cheap-merge.md)).
- Pairs of user and product do not rise. Each new one has its place somewhere in the key, each known one its place
  somewhere in the table, too. The larger the table, the fewer of them share a page: a day asks for ever more pages of
  `interactions`, up to one of the key for each pair, and one of the table for each that is known. The same goes for the
  users, who have two indexes.
- That is the price of a table of counts that is exact at each commit and has a key.

## What was tried

By hand, on the machine above, with 10 million rows; the first two are medians of three or four files:

- `shared_buffers` of 1 GB in place of 256 MB: a day's file took 0.9 of the time. A server that has the memory should
  have it; the embedded one stays small.
- Without whole pages in the log (`full_page_writes` off, which is not safe): 0.95 of the time. The log is not what
  costs most; finding, reading and changing the pages is.
- `update ... from` and an insert of the rest in place of `on conflict`, with hash joins and with index joins; an
  anti-join before the insert of the rows: slower.
- No index on the count of the users: a quarter less for that table, and `top-users` would read every user, not the
  first five.
"""


def main() -> None:
    """Measure, print; write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--day-rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--database", metavar="CONNINFO", help="of a role that may create databases and checkpoint")
    parser.add_argument("--page", type=Path, help="write the page of the docs here, too")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footfall-bench-")))
        server = stack.enter_context(serving(arguments.database, folder))
        sizes = (arguments.rows, arguments.day_rows, arguments.runs)
        text = page(measure(server, *sizes), *sizes, machine_text(machine(server, "")))
    print(text)
    if arguments.page:
        arguments.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
