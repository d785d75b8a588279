"""Time Footfall with other shapes of the same work: bad rows, many small files, next to nothing at all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from comparing import compare
from make_data import Wanted, make
from measure import Client, Run, figures, timed
from server import FOOTFALL, Server

SAMPLE = Path(__file__).parents[1] / "data" / "sample.csv"
SHARES = {"clean": 0.0, "10 % bad": 0.1, "100 % bad": 1.0}
FILE_ROWS = 1_000
STARTS = 5  # runs of what takes a fraction of a second, where more than one run is asked for


def split(path: Path, folder: Path) -> int:
    """Write a file anew as files of a thousand rows each; give how many there are."""
    folder.mkdir(exist_ok=True)
    header, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    starts = range(0, len(lines), FILE_ROWS)
    for number, start in enumerate(starts):
        text = "".join([header, *lines[start : start + FILE_ROWS]])
        (folder / f"{number:06}.csv").write_text(text, encoding="utf-8")
    return len(starts)


def bad_rows(server: Server, rows: int, runs: int) -> dict[str, list[Run]]:
    """Load files with more and more bad rows, in rotation; Footfall proves the tables and says how many were bad."""
    folder = server.scratch / "shapes"
    made = {name: make(Wanted(rows, bad_share=share, duplicate_share=0.0), folder) for name, share in SHARES.items()}
    kept: dict[str, list[Run]] = {name: [] for name in made}
    names = list(made)
    with server.databases("shapes") as (database,):
        for number in range(runs):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                server.create(database)
                run, said = server.load(database, str(made[name].full), "--max-rejected", "100%")
                if (said["rows_loaded"], said["rows_rejected"]) != (made[name].rows_clean, made[name].rows_bad):
                    raise SystemExit(f"{name}: Footfall said {said}")
                server.verify(database)
                kept[name].append(run)
                print(f"shapes, {rows:,} rows: {name} {run.seconds:.2f} s", file=sys.stderr)
    return kept


def small_files(server: Server, rows: int, runs: int) -> tuple[int, dict[str, list[Run]]]:
    """Load the same rows from one file and from many; both must give the same tables."""
    folder = server.scratch / "shapes"
    one = make(Wanted(rows, bad_share=0.0, duplicate_share=0.0), folder).full
    files = split(one, folder / "many")
    kept: dict[str, list[Run]] = {"one file": [], "many files": []}
    sources = {"one file": one, "many files": folder / "many"}
    with server.databases("one", "many") as names:
        databases = dict(zip(sources, names, strict=True))
        for number in range(runs):
            for name in sorted(sources, reverse=number % 2 == 0):
                server.create(databases[name])
                run, said = server.load(databases[name], str(sources[name]))
                if said["rows_loaded"] != rows:
                    raise SystemExit(f"{name}: Footfall said {said['rows_loaded']:,} rows, there are {rows:,}")
                kept[name].append(run)
                print(f"shapes, {rows:,} rows: {name} {run.seconds:.2f} s", file=sys.stderr)
            compare(server.of(databases["one file"]), server.of(databases["many files"]))
    return files, kept


def starts(server: Server, runs: int) -> dict[str, list[Run]]:
    """Time the help, and the sample: into a fresh database, then once more into one that has it already."""
    kept: dict[str, list[Run]] = {"help": [], "sample": [], "sample again": []}
    with server.databases("starts") as (database,):
        for _ in range(runs):
            kept["help"].append(timed(Client((str(FOOTFALL), "--help")))[0])
            server.create(database)
            kept["sample"].append(server.load(database, str(SAMPLE))[0])
            server.checkpoint()
            kept["sample again"].append(server.load(database, str(SAMPLE))[0])
    return kept


def part(server: Server, rows: int, runs: int) -> dict[str, Any]:
    """Measure from beginning to end."""
    shares = bad_rows(server, rows, runs)
    files, many = small_files(server, min(rows, 1_000_000), runs)
    return {
        "rows": rows,
        "bad": {name: figures(each) for name, each in shares.items()},
        "files": files,
        "files_rows": min(rows, 1_000_000),
        "small_files": {name: figures(each) for name, each in many.items()},
        "starts": {name: figures(each) for name, each in starts(server, STARTS if runs > 1 else 1).items()},
    }
