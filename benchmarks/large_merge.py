"""Time a load that is as large as what is there: the CPU and the log of the server, and the client's CPU.

    python benchmarks/large_merge.py --rows 4000000 --before ../before/.venv/bin/footfall

`--before` names another Footfall, which loads the same files in turn; the tables of both are compared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from daily import Days
from measure import timed
from psycopg import sql
from server import FOOTFALL, Server, machine, machine_text, serving

TABLES = {
    "user_interactions_raw": "interaction_id, user_id, product_id, action, timestamp",
    "interactions": "*",
    "interactions_per_user": "*",
    "interactions_per_product": "*",
    "interactions_per_quarter_hour": "*",
    "user_days": "*",
}
CONTENT = "select count(*), sum(hashtextextended(row(k.*)::text, 0)) from (select {} from {}) as k"
TICKS = 100  # of the kernel's clock in a second


@dataclass(frozen=True, slots=True)
class Figures:
    """What one load took. Units: seconds of CPU and of the clock, MB of log."""

    server_cpu_s: float
    wal_mb: float
    client_cpu_s: float
    seconds: float
    client_mb: float


def read_cpu(postmaster: int) -> float:
    """Read the CPU seconds of the server's sessions that are gone."""
    fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICKS


def ask(server: Server, database: str, question: str | sql.Composed) -> Any:
    with psycopg.connect(server.of(database), autocommit=True) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row


def measure(server: Server, postmaster: int, database: str, footfall: Path, file: Path, *options: str) -> Figures:
    """Load a file, right after a checkpoint. Units: the CPU of a client is that of all its processes."""
    server.checkpoint()
    (lsn,) = ask(server, database, "select pg_current_wal_insert_lsn()")
    began = read_cpu(postmaster)
    run, _ = timed(server.footfall(database, "load", "-q", *options, str(file), by=footfall))
    cpu = read_cpu(postmaster) - began
    (wal,) = ask(server, database, sql.SQL("select pg_current_wal_insert_lsn() - {}::pg_lsn").format(lsn))
    return Figures(cpu, float(wal) / 1e6, run.cpu_seconds, run.seconds, run.peak_mb)


def content(server: Server, database: str) -> dict[str, Any]:
    """Give a digest of each table, whatever the order of its rows."""
    statement = sql.SQL(CONTENT)
    return {
        table: ask(server, database, statement.format(sql.SQL(columns), sql.Identifier(table)))
        for table, columns in TABLES.items()
    }


@contextmanager
def serving_days(rows: int, load_rows: int) -> Iterator[tuple[Server, int, Days]]:
    """Give a server without autovacuum, the number of its first process, and who makes files of so many rows.

    Effects: prints what machine this is. All is gone after the block.
    """
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as folder, serving(None, Path(folder)) as server:
        postmaster = int((server.scratch / "home/data/postmaster.pid").read_text().splitlines()[0])
        server.admin("alter system set autovacuum = off", "select pg_reload_conf()")
        days = Days(server.scratch / "days", rows, load_rows)
        days.folder.mkdir()
        print(machine_text(machine(server, "")))
        yield server, postmaster, days


def main() -> None:
    """Load the same file into copies of the same tables, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4_000_000, help="that are there")
    parser.add_argument("--load-rows", type=int, help="that come; as many as are there, unless named")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--before", type=Path, help="another footfall")
    parser.add_argument("--after", type=Path, default=FOOTFALL, help="the footfall to measure")
    parser.add_argument("--with-user-days", action="store_true")
    options = parser.parse_args()
    ways = {"after": options.after} | ({"before": options.before} if options.before else {})
    with serving_days(options.rows, options.load_rows or options.rows) as (server, postmaster, days):
        base, file = days.base(options.rows), days.rising(0)
        with server.databases(*ways, "copy") as (*bases, copy):
            # Each Footfall makes its own tables, since one does not write into those of a later version.
            for name, there in zip(ways, bases, strict=True):
                server.create(there)
                if options.with_user_days:
                    timed(server.footfall(there, "schema", "apply", "--with", "user-days", by=ways[name]))
                print("first load", name, measure(server, postmaster, there, ways[name], base), flush=True)
                server.tidy(there)
            found: dict[str, list[Figures]] = {name: [] for name in ways}
            contents = []
            for _ in range(options.runs):
                for name, there in zip(ways, bases, strict=True):
                    server.create(copy, template=there)
                    found[name].append(measure(server, postmaster, copy, ways[name], file))
                    contents.append(content(server, copy))
                    print(name, found[name][-1], flush=True)
                    timed(server.footfall(copy, "verify", "-q", by=ways[name]))
    assert all(each == contents[0] for each in contents), contents
    for name, figures in found.items():
        middle = {field: statistics.median(getattr(each, field) for each in figures) for field in Figures.__slots__}
        print(name, {field: round(value, 2) for field, value in middle.items()})


if __name__ == "__main__":
    main()
