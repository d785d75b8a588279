"""Time what a command takes before and beside its work: processes that have next to nothing to do.

Each command is run again and again, in turn with the same one of another Footfall where one is named, and what counts
is the CPU of its process: on a machine that is shared the clock says how busy the others are. The server is running.
A load of a known file is one whose path did not change; a first load makes its tables, in a schema of its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from measure import Client, Run, timed
from server import machine, machine_text, serving

SAMPLE = Path(__file__).resolve().parents[1] / "data/sample.csv"
SETTLED_S = 2.5  # above the two seconds in which a file may change within one tick of its clock
FIRST, KNOWN = "the sample's first load, into a new schema", "a load of a file that is known"
COMMANDS = {
    "--version": ("--version",),
    "--help": ("--help",),
    KNOWN: ("load", "-q", SAMPLE.name),
    FIRST: ("load", "-q", SAMPLE.name),
    "check of the sample": ("check", "-q", SAMPLE.name),
    "loads": ("loads", "-q"),
    "rejects": ("rejects", "-q"),
    "query actions": ("query", "actions", "-q"),
    "verify": ("verify", "-q"),
}
# As the program does: no collection of garbage meanwhile, none at the end, and no pandas.
BEGIN = """import gc, sys
from footfall.cli.__main__ import put_off_collections
from footfall.without_pandas import keep_pandas_out
put_off_collections()
keep_pandas_out()
"""
END = "gc.freeze()\n"
# What a process imports, in the order in which the first load of a file meets it; each is timed with those before it.
IMPORTS = {
    "the parser of the command line (typer)": "from footfall.cli.commands import gather_commands; "
    "gather_commands(['load'])",
    "the settings (pydantic)": "import footfall.settings",
    "the driver (psycopg)": "import psycopg",
    "the rest of Footfall, for a known file": "import footfall.verbs.load",
    "numpy and pyarrow": "import numpy, pyarrow.compute",
    "DuckDB": "import duckdb",
    "the rest of Footfall, for a new file": "import footfall.verbs.transaction, footfall.engines.kernel, "
    "footfall.formats.delimited",
}


@dataclass(frozen=True, slots=True)
class Took:
    """The runs of one command: of this Footfall, and of the other one in turn with them."""

    name: str
    ours: list[Run]
    others: list[Run]


def run_command(python: str, name: str, schema: str, conninfo: str, folder: Path) -> Run:
    """Run a command of the Footfall of a Python."""
    given = {"FOOTFALL_DATABASE_URL": conninfo, "FOOTFALL_SCHEMA": schema}
    words = (python, "-m", "footfall.cli", *COMMANDS[name])
    return timed(Client(words, environment=given, folder=folder))[0]


def measure(pythons: list[str], names: list[str], runs: int, conninfo: str, folder: Path) -> list[Took]:
    """Run all commands of one or two Footfalls in turn, after one run that is not counted."""
    fresh = count()
    for at, python in enumerate(pythons):
        for _ in range(2):  # the second makes the file a known one
            run_command(python, KNOWN, f"known_{at}", conninfo, folder)
    took = []
    for name in names:
        found: list[list[Run]] = [[], []]
        for number in range(runs + 1):
            for at, python in enumerate(pythons):
                schema = f"first_{next(fresh)}" if name == FIRST else f"known_{at}"
                run = run_command(python, name, schema, conninfo, folder)
                if number:
                    found[at].append(run)
        took.append(Took(name, *found))
        print(f"{name}: {_median(found[0]):.3f} s of CPU", file=sys.stderr)
    return took


def list_shares(python: str, imports: dict[str, str], runs: int) -> list[tuple[str, float]]:
    """Time what each import adds to those before it. Units: CPU seconds."""
    shares = []
    program = BEGIN
    last = _median([timed(Client((python, "-c", "pass")))[0] for _ in range(runs)])
    shares.append(("Python itself", last))
    for name, statement in imports.items():
        program += f"{statement}\n"
        whole = _median([timed(Client((python, "-c", program + END)))[0] for _ in range(runs)])
        shares.append((name, max(whole - last, 0.0)))
        last = whole
    return shares


def _median(runs: list[Run]) -> float:
    return statistics.median(run.cpu_seconds for run in runs)


def lay_out(took: list[Took]) -> str:
    """Write the commands as a table, with the ratio pair by pair where there are two Footfalls."""
    has_other = any(each.others for each in took)
    head = ["command", "CPU s, least", "median", "wall s, least"]
    lines = [head + (["CPU s of the other, median", "ratio, pair by pair"] if has_other else [])]
    for each in took:
        cpu = [run.cpu_seconds for run in each.ours]
        line = [each.name, f"{min(cpu):.3f}", f"{statistics.median(cpu):.3f}"]
        line.append(f"{min(run.seconds for run in each.ours):.2f}")
        if each.others:
            pairs = [a.cpu_seconds / b.cpu_seconds for a, b in zip(each.ours, each.others, strict=True)]
            line += [f"{_median(each.others):.3f}", f"{statistics.median(pairs):.2f}"]
        lines.append(line)
    rows = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([rows[0], "| --- |" + " ---: |" * (len(lines[0]) - 1), *rows[1:]])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="commands whose names have one of these words")
    parser.add_argument("--other", metavar="PYTHON", help="the Python of another Footfall, to compare with")
    parser.add_argument("--database", metavar="CONNINFO", help="of a role that may create databases")
    arguments = parser.parse_args()
    pythons = [sys.executable, *([arguments.other] if arguments.other else [])]
    names = [name for name in COMMANDS if any(word in name for word in arguments.only or [""])]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="footfall-bench-")))
        shutil.copy(SAMPLE, folder)
        time.sleep(SETTLED_S)
        server = stack.enter_context(serving(arguments.database, folder))
        name = f"bench_{os.getpid()}"
        server.create(name)
        try:
            print(lay_out(measure(pythons, names, arguments.runs, server.of(name), folder)))
        finally:
            server.drop(name)
        shares = list_shares(sys.executable, IMPORTS, arguments.runs)
        print("\n| imported | CPU milliseconds |\n| --- | ---: |")
        print("\n".join(f"| {name} | {seconds * 1000:.0f} |" for name, seconds in shares))
        print(f"\n{machine_text(machine(server, ''))}")


if __name__ == "__main__":
    main()
