"""Time the questions of `footfall query` beside the same questions asked of the raw table, and what the roll-ups cost.

    python benchmarks/questions.py --rows 10000000

Without --database it starts a PostgreSQL of its own. Before a figure is printed, both answers must be equal.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
from make_data import PRODUCTS, USERS, Wanted, make
from psycopg import sql
from psycopg.rows import tuple_row
from server import Server, machine, machine_text, serving

from footfall.answers import catalogue, parameters
from footfall.answers.asked import Asked
from footfall.contract.ids import IdTypes
from footfall.postgres import target as targets
from footfall.postgres import transactions
from footfall.postgres.connection import connect
from footfall.settings import load_settings
from footfall.tables import counts, first_load
from footfall.tables import merge as merging
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb

ZONE = "Europe/Vienna"
RAW = "from user_interactions_raw"
MONTH = ("2024-02-01T00:00:00+01:00", "2024-03-01T00:00:00+01:00")
IN_MONTH = f"where timestamp >= '{MONTH[0]}' and timestamp < '{MONTH[1]}'"
LOCAL = f"(timestamp at time zone '{ZONE}')"
TOP = "group by 1 order by 2 desc, 1 limit 5"
# (name, what it is asked with, the same question of the raw table)
QUESTIONS = (
    ("per-day", {}, f"select {LOCAL}::date, count(*) {RAW} group by 1 order by 1"),
    ("top-users", {}, f"select user_id, count(*) {RAW} {TOP}"),
    ("top-products", {}, f"select product_id, count(*) {RAW} {TOP}"),
    ("top-users", {"since": MONTH[0], "until": MONTH[1]}, f"select user_id, count(*) {RAW} {IN_MONTH} {TOP}"),
    ("top-products", {"since": MONTH[0], "until": MONTH[1]}, f"select product_id, count(*) {RAW} {IN_MONTH} {TOP}"),
    ("top-products", {"user_id": 42}, f"select product_id, count(*) {RAW} where user_id = 42 {TOP}"),
    ("top-users", {"product_id": 42}, f"select user_id, count(*) {RAW} where product_id = 42 {TOP}"),
    ("top-users", {"action": "purchase"}, f"select user_id, count(*) {RAW} where action = 'purchase' {TOP}"),
    (
        "per-day",
        {"action": "click"},
        f"select {LOCAL}::date, count(*) {RAW} where action = 'click' group by 1 order by 1",
    ),
    ("per-day", {"user_id": 42}, f"select {LOCAL}::date, count(*) {RAW} where user_id = 42 group by 1 order by 1"),
    ("per-hour", {}, f"select date_trunc('hour', timestamp, '{ZONE}'), count(*) {RAW} group by 1 order by 1"),
    ("per-week", {}, f"select date_trunc('week', {LOCAL})::date, count(*) {RAW} group by 1 order by 1"),
    ("per-month", {}, f"select date_trunc('month', {LOCAL})::date, count(*) {RAW} group by 1 order by 1"),
    ("actions", {}, f'select action, count(*) {RAW} group by 1 order by 2 desc, action collate "C"'),
    (
        "active-users",
        {"since": MONTH[0], "until": MONTH[1]},
        f"select {LOCAL}::date, count(distinct user_id) {RAW} {IN_MONTH} group by 1 order by 1",
    ),
    ("active-users", {}, f"select {LOCAL}::date, count(distinct user_id) {RAW} group by 1 order by 1"),
    (
        "new-users",
        {},
        f"select (first at time zone '{ZONE}')::date, count(*) "
        f"from (select min(timestamp) as first {RAW} group by user_id) as f group by 1 order by 1",
    ),
    ("user", {"user_id": 42}, None),
    ("product", {"product_id": 42}, None),
)
INDEXES = {
    "BRIN on timestamp (ours)": "create index probe on user_interactions_raw using brin (timestamp) "
    "with (pages_per_range = 32)",
    "B-tree on timestamp": "create index probe on user_interactions_raw (timestamp)",
    "B-tree on user_id, timestamp": "create index probe on user_interactions_raw (user_id, timestamp)",
}

# Of the rows of a daily file, whose merge is timed.
DAY = f"""
create temporary table day on commit drop as
select
    2000000000 as load_id,
    n as line_number,
    1000000000 + n as interaction_id,
    1 + (hashint8(n) & 2147483647) %% {USERS} as user_id,
    1 + (hashint8(n + 1000000000) & 2147483647) %% {PRODUCTS} as product_id,
    'click' as action,
    timestamptz '2024-06-30' + n * interval '0.8 s' as timestamp
from generate_series(1, %s) as n
"""
INDEX_HEADER = (
    "index",
    "MB",
    "build, s",
    "merge of a day, s",
    "top users of a month, ms",
    "actions of one user, ms",
)


@dataclass(frozen=True, slots=True)
class Answered:
    """One question. Units: seconds, medians of warm runs; `raw_s` is None where no plain question was put."""

    words: str
    ours_s: float
    raw_s: float | None


def median_s(connection: psycopg.Connection[Any], statement: Any, given: Any, runs: int) -> tuple[float, list[Any]]:
    """Run a statement until it is warm, then time it."""
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(statement, given).fetchall()
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        cursor.execute(statement, given).fetchall()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), rows


def answered(conninfo: str, runs: int) -> list[Answered]:
    """Put every question in both ways, in the same session settings; both answers must be equal."""
    target = targets.Target(conninfo, "public", 600)
    found = catalogue.read_catalogue(None)
    results = []
    with connect(target) as connection:
        for name, given, plain in QUESTIONS:
            transactions.begin_reading(connection, target, ZONE, 0)
            asked = Asked(time_zone=ZONE, **{key: str(value) for key, value in given.items()})
            query = found[name]
            text = query.write_sql(lambda name: f"%({name})s", lambda piece: piece.replace("%", "%%"))
            ours_s, rows = median_s(connection, text.encode(), parameters.list_values(query, asked), runs)
            if name == "active-users":  # it lists days without users, and says more of each
                rows = [row[:2] for row in rows if row[1]]
            raw_s = None
            if plain is not None:
                raw_s, raw_rows = median_s(connection, plain.encode(), None, min(runs, 3))
                if rows != _shown(raw_rows):
                    raise SystemExit(f"{name} {given}: the answers differ: {rows[:3]} ... {raw_rows[:3]} ...")
            connection.rollback()
            words = " ".join([name, *(f"{each}={value}" for each, value in given.items())])
            print(f"{words}: {ours_s * 1000:.1f} ms", file=sys.stderr)
            results.append(Answered(words.replace(f"since={MONTH[0]} until={MONTH[1]}", "of one month"), ours_s, raw_s))
    return results


def _shown(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Write instants out, as `per-hour` does: as the clock of the zone shows them, with their offset."""
    return [tuple(each.isoformat() if isinstance(each, datetime) else each for each in row) for row in rows]


def indexes(conninfo: str, runs: int, day_rows: int) -> list[tuple[str, ...]]:
    """Build each index anew; give its size, what it takes to build and to keep, and what questions gain."""
    rows = []
    month = f"select user_id, count(*) from (select user_id {RAW} {IN_MONTH} order by 1) as s {TOP}".encode()
    user = f"select action, count(*) {RAW} where user_id = 42 group by 1 order by 1".encode()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("set maintenance_work_mem = '256MB'; set work_mem = '64MB'; set jit = off")
        connection.execute("set parallel_tuple_cost = 0.01")
        connection.execute("drop index user_interactions_raw_timestamp_idx")
        for name, statement in {"none": None, **INDEXES}.items():
            build_s, size = 0.0, 0
            if statement:
                began = time.perf_counter()
                connection.execute(statement)
                build_s = time.perf_counter() - began
                size = connection.execute("select pg_relation_size('probe')").fetchone()[0]
            connection.execute("vacuum analyze user_interactions_raw")
            gain = [median_s(connection, each, None, runs)[0] for each in (month, user)]
            merge_s = statistics.median(merge(conninfo, "all", day_rows) for _ in range(3))
            rows.append(
                (name, f"{size / 1e6:.1f}", f"{build_s:.1f}", f"{merge_s:.2f}", *(f"{s * 1000:.0f}" for s in gain))
            )
            connection.execute("drop index if exists probe")
        connection.execute(first_load.SQL["build_raw_index"])
    return rows


def merge(conninfo: str, which: str, day_rows: int) -> float:
    """Time the merge of a day's file with some of the deltas, and roll it back; which: all, none or the name of one."""
    kept = tuple(each for each in counts.KEPT if each is counts.PAIRS or which in ("all", each.grain))
    with mock.patch.object(counts, "KEPT", kept):
        statement = merging.compose_insert(sql.Identifier("day"), "rows")
    with psycopg.connect(conninfo) as connection:
        connection.execute("set local work_mem = '64MB'; set local random_page_cost = 1.1")
        connection.execute(DAY, (day_rows,))
        connection.execute("analyze day")
        began = time.perf_counter()
        connection.execute(statement).fetchall()
        seconds = time.perf_counter() - began
        connection.rollback()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for table in ("interactions", "interactions_per_user", "interactions_per_product"):
            connection.execute(sql.SQL("vacuum {}").format(sql.Identifier(table)))
    return seconds


def first_loads(bench: Server, path: Path, runs: int) -> dict[str, float]:
    """Load the file into fresh databases with the roll-ups and the index on time, and without them; median seconds."""
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    assert "build_raw_index" in first_load.SQL
    for number in range(2 * runs):
        way = ("with", "without")[number % 2]
        database = "bench_first"
        bench.create(database)
        settings = load_settings(database_url=bench.of(database))
        target = targets.Target(bench.of(database), "public", 600)
        with connect(target) as connection:
            schema_verb.create_or_upgrade(connection, target, IdTypes())
        with ExitStack() as changed:
            if way == "without":
                changed.enter_context(mock.patch.object(counts, "KEPT", (counts.PAIRS,)))
                statements = {**first_load.SQL, "build_raw_index": "select 1"}
                changed.enter_context(mock.patch.object(first_load, "SQL", statements))
            result = load_verb.load([str(path)], settings)
        seconds[way].append(result.seconds)
        bench.drop(database)
        print(f"first load {way} roll-ups: {result.seconds:.1f} s", file=sys.stderr)
    return {way: statistics.median(each) for way, each in seconds.items()}


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Write a table whose first column is words."""
    lines = [header, ("---", *("---:" for _ in header[1:])), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def page(results: dict[str, Any], sizes: tuple[int, int], bench: Server, note: str) -> str:
    """Write the page; the sizes are the rows of the data and those of a day's file."""
    rows, day_rows = sizes
    asked = [
        (
            each.words,
            f"{each.ours_s * 1000:.1f}",
            f"{each.raw_s * 1000:,.0f}" if each.raw_s else "",
            f"{each.raw_s / each.ours_s:,.1f}" if each.raw_s else "",
        )
        for each in results["answered"]
    ]
    base = results["merges"]["none"]
    merges = [(name, f"{s:.2f}", f"{s / base:.2f}") for name, s in results["merges"].items()]
    first = results["first"]
    sizes = [(name, f"{count:,}", f"{size / 1e6:.1f}") for name, count, size in results["sizes"]]
    return f"""# Benchmarks: questions

Written by `benchmarks/questions.py`; do not edit. {rows:,} rows of `benchmarks/make_data.py` (500,000 users, 50,000
products, 180 days, four actions), of which 1 % are bad and 0.5 % repeated, loaded by `footfall load`. Each question
beside the same question asked of the raw table in plain SQL, in the same session; both answers are compared before a
figure is printed.

    python benchmarks/questions.py --rows {rows}

{machine_text(machine(bench, note))}

## Answers

Medians of warm runs, in the database, the rows fetched. Reporting time zone {ZONE}.

{table(("question", "Footfall, ms", "raw table, ms", "times as fast"), asked)}

Where a question is not much faster than the raw table, it is asked of the raw table: distinct users and first days are
not additive, and a roll-up per user and day would be nearly as large as the raw table.

## What the roll-ups cost a load

{table(("table", "rows", "MB, with indexes"), sizes)}

The first load of the whole file, median: {first["with"]:.1f} s with roll-ups and index on time,
{first["without"]:.1f} s without them: {first["with"] / first["without"]:.2f} times. A day's file of
{day_rows:,} new rows into the full table, the merge alone, rolled back; its users are drawn evenly, which is the worst
case for the roll-up per user:

{table(("kept beside the counts per user and product", "merge, s", "times"), merges)}

`interactions_per_user` is what costs: each of its rows that a load touches is written anew, with two index entries. It
is kept because `top-users` is asked of every day, and without it takes the time of the raw table above.

## Which index on time

{table(INDEX_HEADER, results["indexes"])}

The B-tree is no faster for a range of days, since files come in the order of time. An index on users makes questions
about one user quick at the price in the table; add it where they are asked often.
"""


def main() -> None:
    """Make the data, load, ask, compare, print; write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--runs", type=int, default=7, metavar="N")
    parser.add_argument("--day-rows", type=int, default=100_000, metavar="N", help="of a day's file")
    parser.add_argument("--loads", type=int, default=2, metavar="N", help="first loads each way")
    parser.add_argument("--database", metavar="CONNINFO", help="of a role that may create databases and checkpoint")
    parser.add_argument("--folder", type=Path, help="for the data; default: a temporary one")
    parser.add_argument("--page", type=Path, help="write the page of the docs here, too")
    parser.add_argument("--note", default="", help="what else a reader should know of the machine")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footfall-bench-")))
        bench = stack.enter_context(serving(arguments.database, scratch))
        made = make(Wanted(arguments.rows), arguments.folder or scratch)
        results: dict[str, Any] = {"first": first_loads(bench, made.full, arguments.loads)}
        database = bench.of("bench_questions")
        bench.create("bench_questions")
        try:
            load_verb.load([str(made.full)], load_settings(database_url=database))
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("vacuum analyze")
                results["sizes"] = connection.execute(
                    "select c.relname, c.reltuples::bigint, pg_total_relation_size(c.oid) from pg_class as c "
                    "where c.relkind = 'r' and c.relname like '%interactions%' and c.relname not like 'rej%' order by 1"
                ).fetchall()
            results["answered"] = answered(database, arguments.runs)
            ways = ("none", "quarter_hours", "users", "products", "all")
            results["merges"] = {
                way: statistics.median(merge(database, way, arguments.day_rows) for _ in range(5)) for way in ways
            }
            results["indexes"] = indexes(database, arguments.runs, arguments.day_rows)
        finally:
            bench.drop("bench_questions")
        text = page(results, (arguments.rows, arguments.day_rows), bench, arguments.note)
    print(text)
    if arguments.page:
        arguments.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
