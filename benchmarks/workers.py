"""Time `footfall load` with one process and with several, in turn: wall clock, CPU of all clients, CPU of the server.

    python benchmarks/workers.py --rows 4000000 --load-rows 4000000 --workers 2 --runs 3

Each load goes into a copy of the same tables; these are compared afterwards.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from large_merge import Figures, content, measure, serving_days
from measure import timed
from server import FOOTFALL


def main() -> None:
    """Load the same file with one process and with several, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4_000_000, help="that are there; 0: the tables are empty")
    parser.add_argument("--load-rows", type=int, default=4_000_000, help="that come")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--range-mb", type=int, help="as `footfall load` chooses, unless named")
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    several = ["--workers", str(options.workers)]
    several += ["--range-mb", str(options.range_mb)] if options.range_mb else []
    ways: dict[str, list[str]] = {"1": [], str(options.workers): several}
    with (
        serving_days(max(options.rows, 1), options.load_rows) as (server, postmaster, days),
        server.databases("base", "copy") as (there, copy),
    ):
        server.create(there)
        timed(server.footfall(there, "schema", "apply"))
        if options.rows:
            measure(server, postmaster, there, FOOTFALL, days.base(options.rows))
        file = days.rising(0)
        server.tidy(there)
        found: dict[str, list[Figures]] = {name: [] for name in ways}
        expected = None
        for number in range(options.runs):
            for name in list(ways) if number % 2 == 0 else reversed(ways):
                server.create(copy, template=there)
                found[name].append(measure(server, postmaster, copy, FOOTFALL, file, *ways[name]))
                print(f"--workers {name}", found[name][-1], flush=True)
                expected = expected or content(server, copy)
                assert content(server, copy) == expected
    for name, runs in found.items():
        tell(name, runs, options.load_rows)


def tell(name: str, runs: list[Figures], rows: int) -> None:
    """Print the medians of one way, for each row."""

    def median(field: str) -> float:
        return statistics.median(getattr(each, field) for each in runs) / rows * 1e6

    print(
        f"--workers {name}: {median('seconds'):.2f} us of the clock a row, {median('client_cpu_s'):.2f} us of CPU of "
        f"clients, {median('server_cpu_s'):.2f} of the server"
    )


if __name__ == "__main__":
    sys.exit(main())
