"""What first_at and last_at, and the days of users (`--with user-days`), cost a load, and what the days give.

Two kinds of data, each as a first load and as the file of a later day, of which 3 % are late by up to 5 days: `bursts`
(a user does about five things within an hour, so a user day has several rows) and `scattered` (every row is of a user
and a time of its own: a user day has about one). Everything is loaded in turn, round by round, so that what else the
machine does meets all of it. CPU seconds are those of the client and of the server's processes for it, which a busy
machine changes least; the ratios are medians of the rounds. The server must run on this machine.

    python benchmarks/user_days.py --rows 2000000 --rounds 3
    python benchmarks/user_days.py --before OLD/src     # beside an earlier Footfall, whose src/ this is
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg
from measure import Client, Run, timed
from server import Server

DAY_ROWS = 100_000
KINDS = ("bursts", "scattered")
MADE_SQL = """
copy (
    with made as (
        select
            row + {first} as interaction_id,
            case when {is_bursts} then row // 5 else row end as burst,
            hash(burst) as dice,
            hash(row) as own_dice
        from range({rows}) as rows (row)
    )
    select
        interaction_id,
        -- Some users come far more often than others.
        1 + floor(200000 * pow((dice % 1000003) / 1000003, 2.5))::bigint as user_id,
        1 + (own_dice % 20000)::bigint as product_id,
        ['view', 'view', 'click', 'add_to_cart', 'purchase'][1 + (own_dice % 5)::integer] as action,
        strftime(
            timestamp '2024-01-01' + to_seconds(
                {begin} + floor({seconds} * (row_number() over (order by interaction_id)) / {rows})::bigint
                + case when {is_bursts} then (own_dice % 3600)::bigint else 0 end
                - case when {late} and burst % 33 = 0 then 86400 * (1 + burst % 5) else 0 end
            ),
            '%Y-%m-%d %H:%M:%S'
        ) as timestamp
    from made
    order by interaction_id
) to '{path}' (format csv, header true)
"""
DAYS = 180
DAY_S = 86_400
ASKED = "select period, count(*) from user_periods('{per}', 'Europe/Vienna') group by period"


def make(folder: Path, kind: str, rows: int) -> tuple[Path, Path]:
    """Write the first file and that of the day after."""
    paths = folder / f"{kind}-first.csv", folder / f"{kind}-day.csv"
    parts = ((rows, 1, 0, DAYS * DAY_S, "false"), (DAY_ROWS, rows + 1, DAYS * DAY_S, DAY_S, "true"))
    for path, (number, first, begin, seconds, late) in zip(paths, parts, strict=True):
        words = {"rows": number, "first": first, "begin": begin, "seconds": seconds, "late": late, "path": path}
        with duckdb.connect() as session:
            session.execute(MADE_SQL.format(**words, is_bursts=str(kind == "bursts").lower()))
    return paths


@dataclass(frozen=True, slots=True)
class Cost:
    """What a load cost. Units: seconds of the wall clock, CPU seconds of client and server, MB of the client's peak."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def read_cpu_seconds(server: Server) -> float:
    """Give the CPU seconds of all server processes that have ended."""
    with psycopg.connect(server.conninfo) as connection:
        row = connection.execute("show data_directory").fetchone()
    pid = Path(str(row[0] if row else ""), "postmaster.pid").read_text().split()[0]
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")


def load(server: Server, database: str, variant: str, before: str | None, *words: str) -> Run:
    """Run one command of a variant to its end."""
    environment = {"FOOTFALL_DATABASE_URL": server.of(database)}
    if variant == "before":
        environment["PYTHONPATH"] = str(before)
    return timed(Client((sys.executable, "-m", "footfall.cli", *words), environment=environment))[0]


def run_once(server: Server, variant: str, before: str | None, paths: tuple[Path, Path]) -> list[Cost]:
    """Make the tables, load both files; give the figures of each."""
    database = f"bench_user_days_{variant}"
    server.create(database)
    apply = ("schema", "apply", *(("--with", "user-days") if variant == "with user-days" else ()))
    load(server, database, variant, before, *apply)
    runs = []
    for path in paths:
        server.checkpoint()
        cpu_before = read_cpu_seconds(server)
        run = load(server, database, variant, before, "load", "-q", str(path))
        server.checkpoint()
        runs.append(Cost(run.seconds, run.cpu_seconds + read_cpu_seconds(server) - cpu_before, run.peak_mb))
    return runs


def describe_answers(server: Server) -> list[str]:
    """Say how long questions take with and without the days, and how large the tables are."""
    said = []
    for variant in ("without", "with user-days"):
        with psycopg.connect(server.of(f"bench_user_days_{variant}")) as connection:
            connection.execute("set jit to off")
            connection.execute("set work_mem to '64MB'")
            for per in ("day", "week", "month"):
                took = []
                for _ in range(3):
                    began = time.perf_counter()
                    connection.execute(ASKED.format(per=per).encode()).fetchall()
                    took.append(time.perf_counter() - began)
                said.append(f"users per {per}, {variant}: {min(took):.2f} s")
    with psycopg.connect(server.of("bench_user_days_with user-days")) as connection:
        for table in ("user_interactions_raw", "interactions_per_user", "user_days"):
            size = "select pg_total_relation_size(%s), (select count(*) from {})".replace("{}", table)
            row = connection.execute(size.encode(), [table]).fetchone()
            if row:
                said.append(f"{table}: {row[1]:,} rows, {row[0] / 1e6:.1f} MB with indexes")
    return said


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the first file")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is loaded")
    parser.add_argument("--before", help="src/ of an earlier Footfall, to measure beside")
    parser.add_argument("--server", required=True, help="conninfo of a server on which databases may be made")
    asked = parser.parse_args()
    variants = [*(["before"] if asked.before else []), "without", "with user-days"]
    with tempfile.TemporaryDirectory() as scratch:
        server = Server(asked.server, "psql", Path(scratch))
        for kind in KINDS:
            paths = make(Path(scratch), kind, asked.rows)
            runs: dict[str, list[list[Cost]]] = {variant: [] for variant in variants}
            for turn in range(asked.rounds):
                for variant in variants[turn % len(variants) :] + variants[: turn % len(variants)]:
                    runs[variant].append(run_once(server, variant, asked.before, paths))
            for at, what in enumerate((f"{kind}: first load of {asked.rows:,} rows", f"{kind}: a day of {DAY_ROWS:,}")):
                for variant in variants:
                    ratios = [
                        mine[at].cpu_seconds / base[at].cpu_seconds
                        for mine, base in zip(runs[variant], runs[variants[0]], strict=True)
                    ]
                    seconds = statistics.median(each[at].seconds for each in runs[variant])
                    peak = max(each[at].peak_mb for each in runs[variant])
                    cpu = statistics.median(each[at].cpu_seconds for each in runs[variant])
                    print(
                        f"{what}, {variant}: {seconds:.1f} s, CPU {cpu:.1f} s, {statistics.median(ratios):.2f} times, "
                        f"{peak:.0f} MB"
                    )
            for sentence in describe_answers(server):
                print(f"{kind}: {sentence}", flush=True)
        for variant in variants:
            server.drop(f"bench_user_days_{variant}")


if __name__ == "__main__":
    main()
