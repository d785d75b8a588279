"""Time a run step by step, beside an ordinary load of the same file: CPU and log of the server, CPU of the clients.

    python benchmarks/taking.py --rows 4000000 --load-rows 4000000 --stagers 2

Both go into copies of the same tables; these are compared afterwards.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from large_merge import Figures, ask, content, measure, read_cpu, serving_days
from measure import Client, timed
from psycopg import sql
from server import FOOTFALL, Server

PLAN = "import sys, json; from footfall import runs; r = runs.plan(sys.argv[1], range_bytes=int(sys.argv[2]));"
PLAN += "print(json.dumps([r.token, r.ranges]))"
STAGE = "import sys; from footfall import runs; [runs.stage(sys.argv[1], int(n)) for n in sys.argv[2:]]"
TAKE = "import sys; from footfall import runs; print(runs.take(sys.argv[1]).rows_loaded)"


class Steps:
    """The steps of one run into one database, and what each of them took."""

    def __init__(self, server: Server, postmaster: int, database: str) -> None:
        self.server, self.postmaster, self.database = server, postmaster, database

    def run(self, *commands: tuple[str, ...]) -> tuple[Figures, str]:
        """Run programs beside one another; give what they took together, and what the last one said."""
        self.server.checkpoint()
        (lsn,) = ask(self.server, self.database, "select pg_current_wal_insert_lsn()")
        began = read_cpu(self.postmaster)
        python = str(FOOTFALL.with_name("python"))
        environment = {"FOOTFALL_DATABASE_URL": self.server.of(self.database)}
        clients = [Client((python, "-c", *words), environment=environment) for words in commands]
        with ThreadPoolExecutor(len(clients)) as pool:
            timings = list(pool.map(timed, clients))
        cpu = read_cpu(self.postmaster) - began
        (wal,) = ask(self.server, self.database, sql.SQL("select pg_current_wal_insert_lsn() - {}::pg_lsn").format(lsn))
        runs = [run for run, _ in timings]
        together = Figures(
            cpu,
            float(wal) / 1e6,
            sum(run.cpu_seconds for run in runs),
            max(run.seconds for run in runs),
            max(run.peak_mb for run in runs),
        )
        return together, timings[-1][1]

    def load(self, file: Path, range_bytes: int, stagers: int) -> dict[str, Figures]:
        """Plan, stage and take a file."""
        planned, said = self.run((PLAN, str(file), str(range_bytes)))
        token, ranges = json.loads(said)
        shares = [tuple(str(number) for number in range(first, ranges, stagers)) for first in range(stagers)]
        staged, _ = self.run(*((STAGE, token, *share) for share in shares if share))
        taken, _ = self.run((TAKE, token))
        return {"plan": planned, "stage": staged, "take": taken}


def main() -> None:
    """Load the same file by both ways into copies of the same tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4_000_000, help="that are there; 0: the tables are empty")
    parser.add_argument("--load-rows", type=int, default=4_000_000, help="that come")
    parser.add_argument("--stagers", type=int, default=2)
    parser.add_argument("--range-mb", type=int, default=16)
    parser.add_argument("--overlapping", action="store_true", help="half of the rows are there already")
    options = parser.parse_args()
    with (
        serving_days(max(options.rows, 1), options.load_rows) as (server, postmaster, days),
        server.databases("base", "copy") as (there, copy),
    ):
        server.create(there)
        timed(server.footfall(there, "schema", "apply"))
        if options.rows:
            measure(server, postmaster, there, FOOTFALL, days.base(options.rows))
        if options.overlapping:
            measure(server, postmaster, there, FOOTFALL, days.rising(0))
        file = days.overlapping(1) if options.overlapping else days.rising(0)
        server.tidy(there)
        server.create(copy, template=there)
        found: dict[str, Any] = {"load": measure(server, postmaster, copy, FOOTFALL, file)}
        expected = content(server, copy)
        server.create(copy, template=there)
        found |= Steps(server, postmaster, copy).load(file, options.range_mb << 20, options.stagers)
        server.verify(copy)
        assert content(server, copy) == expected, (content(server, copy), expected)
    for name, figures in found.items():
        words = {field: round(getattr(figures, field), 2) for field in Figures.__slots__}
        print(name, words, f"{figures.server_cpu_s / options.load_rows * 1e6:.2f} us of the server a row")


if __name__ == "__main__":
    sys.exit(main())
