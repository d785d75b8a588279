"""Write the page of the docs from the results that are kept: the same results give the same page and picture."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from first_load import EACH_ROUND_COMPARED, FOOTFALL, PEERS_END
from picture import picture
from server import machine_text
from ways import COPY_WAY, EXPERT

PICTURE = "pictures/benchmarks.svg"
HASHED_MIN_MB = 20  # below, the rate of hashing drowns in the start of the process
Result = dict[str, Any]
Results = dict[str, list[Result]]  # part -> its results, the smallest size first

HEAD = """# Benchmarks: loads

Written by `benchmarks/run.py` from the results in `benchmarks/results`; do not edit. All of it:

    make bench          # all parts below, and this page; needs `make setup-bench` for dlt and pandas, and pgloader
    make bench-quick    # a smoke test of about a minute; keeps no result

A part that was measured says with which command and where. The questions have
[a page of their own](benchmarks-queries.md).
"""
READING = """## How to read it

- Each timed load is a process of its own: the clock runs from its start to its end. A checkpoint comes before each, so
  that none pays for the one before. Memory is the client's alone: the server's, and the disk's cache, are not in it.
- The data is made by `benchmarks/make_data.py`: the same seed gives the same bytes.
- A few runs on one machine: differences of a few per cent say nothing.
"""


def read(folder: Path) -> Results:
    """Read all results of a folder."""
    results: Results = {}
    for path in folder.glob("*.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        results.setdefault(result["part"], []).append(result)
    return {part: sorted(found, key=lambda result: result["rows"]) for part, found in results.items()}


def write(folder: Path, path: Path) -> None:
    """Write the page and its picture."""
    results = read(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(results), encoding="utf-8")
    if sizes := drawn(results):
        target = path.parent / PICTURE
        target.parent.mkdir(exist_ok=True)
        target.write_text(picture(sizes), encoding="utf-8")


def drawn(results: Results) -> list[Result]:
    """Give the sizes that the picture shows: those that peers took part in."""
    return [result for result in results.get("first-load", []) if EXPERT in result["ways"]]


def page(results: Results) -> str:
    """Write the page."""
    parts = (
        HEAD,
        "## A first load\n\n"
        + _first_load(results.get("first-load", []), results.get("daily", []), bool(drawn(results))),
        "## A day's file\n\n" + _daily(results.get("daily", [])),
        "## Bad rows, small files, small loads\n\n" + _shapes(results.get("shapes", [])),
        READING,
    )
    return "\n".join(parts)


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table; the first column is words, the others are figures."""
    header = list(header)
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def _median(way: Result, unit: str = "seconds") -> float:
    return statistics.median(way[unit])


def _each(way: Result) -> str:
    return ", ".join(f"{seconds:.2f}" for seconds in way["seconds"])


def _peak(way: Result) -> str:
    return f"{max(way['peak_mb']):.0f}"


def _where(result: Result) -> str:
    return f"    {result['command']}\n\n{machine_text(result['machine'])}\n"


def _not_measured(part: str) -> str:
    return f"Not measured yet: `python benchmarks/run.py --only {part} --page docs/benchmarks.md`.\n"


def _first_load(sizes: list[Result], days: list[Result], has_picture: bool) -> str:
    if not sizes:
        return _not_measured("first-load")
    meanings = {name: way["meaning"] for size in sizes for name, way in size["ways"].items()}
    lines = "\n".join(f"- **{name}**: {meaning}." for name, meaning in meanings.items())
    shown = f"![Seconds and peak memory of each way]({PICTURE})\n\n" if has_picture else ""
    return f"""Into an empty database, next to what others do with a file that somebody else has cleaned already.

{shown}{lines}

The ways take turns, each run in a fresh database; tables of the peers are there before the clock starts, Footfall
makes its own while it runs. Footfall alone gets the full file, and takes it in with checks, quarantine, counts and
ledger: `copy` would stop at the first bad row. It keeps roll-ups and a small index on `timestamp` besides; the expert's
index there is a B-tree.

No figure is kept before the tables are equal, row by row: those of Footfall and of all that make counts to the
expert's raw rows and counts, those of plain `copy` to his raw rows. Up to {EACH_ROUND_COMPARED:,} rows that is done
after each round, above after the last. Files above {PEERS_END:,} rows are for Footfall alone, and `footfall verify`
proves them.

""" + "\n".join([*(_size(size) for size in sizes), _flat(sizes, days)])


def _flat(sizes: list[Result], days: list[Result]) -> str:
    """Show how Footfall's own figures grow with the file; sizes that only the daily part loaded are from there."""
    loads = {size["rows"]: size["base_load"] for size in days} | {
        size["rows"]: size["ways"][FOOTFALL] for size in sizes
    }
    rows = []
    for size, way in sorted(loads.items()):
        seconds = _median(way)
        rows.append((f"{size:,}", f"{seconds:.2f}", f"{size / seconds:,.0f}", _peak(way)))
    header = ("rows", "seconds, median", "rows a second", "peak memory of the client, MB")
    return f"""### Footfall by size

{table(header, rows)}

A size that is not above was loaded once, for the part below, and proven by `footfall verify`.
"""


def _size(size: Result) -> str:
    """Write one size of the first load."""
    ways = size["ways"]
    bases = [name for name in (COPY_WAY, EXPERT) if name in ways]
    rows = []
    for name, way in ways.items():
        ratios = [f"{_median(way) / _median(ways[base]):.2f}" for base in bases]
        rows.append((name, f"{_median(way):.2f}", _each(way), *ratios, _peak(way)))
    header = ("", "seconds, median", "each run", *(f"to {base}" for base in bases), "peak memory of the client, MB")
    pairs = f" in {size['pairs']:,} pairs" if size["pairs"] else ""
    versions = f" {', '.join(size['versions'].values())}." if size["versions"] else ""
    skipped = "; ".join(f"{name}: {reason}" for name, reason in size["skipped"].items())
    left_out = f"\nLeft out: {skipped}.\n" if skipped else ""
    return f"""### {size["rows"]:,} rows

{_where(size).rstrip()}{versions}

The full file: {size["file_mb"]:.1f} MB, {size["rows_bad"]:,} rows bad, {size["rows_duplicate"]:,} repeated.
The cleaned twin: {size["rows_clean"]:,} rows{pairs}.

{table(header, rows)}

Footfall's process used {_median(ways[FOOTFALL], "cpu_seconds"):.2f} s of CPU (median).
{left_out}"""


DAILY_WORDS = {
    "rising": "new rows, ids above those that are there",
    "random": "new rows, ids anywhere between those that are there",
}
THERE_WORDS = (
    ("the day's file, known: its path has not changed", "there, known", "day_mb"),
    ("the day's file, read again (`--rehash`)", "there, read again", "day_mb"),
    ("the first file, known: its path has not changed", "base there, known", "base_mb"),
    ("the first file, read again (`--rehash`)", "base there, read again", "base_mb"),
)


def _daily(sizes: list[Result]) -> str:
    return "\n".join(_day(size) for size in sizes) if sizes else _not_measured("daily")


def _day(size: Result) -> str:
    kinds = size["kinds"]
    rows = []
    for kind, words in DAILY_WORDS.items():
        small, large = kinds[f"{kind}, small"], kinds[f"{kind}, large"]
        both = (f"{_median(small):.2f}", _each(small), f"{_median(large):.2f}", _each(large))
        rows.append((words, *both, f"{_median(large) / _median(small):.2f}", _peak(large)))
    half, whole = kinds["half there"], kinds["rising, large"]
    started = _median(kinds["there, known"])
    there = []
    for words, kind, megabytes in THERE_WORDS:
        # what reading costs beyond a load that need not read; too little to tell for a small file
        reading_s = _median(kinds[kind]) - started
        is_telling = "again" in kind and size[megabytes] >= HASHED_MIN_MB and reading_s > 0
        rate = f"{size[megabytes] / reading_s:,.0f}" if is_telling else ""
        there.append((words, f"{size[megabytes]:.1f}", f"{_median(kinds[kind]):.2f}", _each(kinds[kind]), rate))
    small_words, large_words = f"into {size['small_rows']:,} rows, s", f"into {size['rows']:,} rows, s"
    header = ("", small_words, "each", large_words, "each", "ratio", "peak memory, MB")
    return f"""### {size["day_rows"]:,} rows into {size["rows"]:,}

{_where(size)}
Each file comes into both tables, which take turns to go first: a fresh copy of the small one, and the large one, which
keeps what it got. Its users and products are drawn like those of the rows that are there. Both were vacuumed before the
first file; `footfall verify` proves both after the last. Why it takes longer in a large table is said in
[where a day's time goes](explanation/where-a-days-time-goes.md).

{table(header, rows)}

A file of which half is there: {_median(half):.2f} s ({_each(half)}), {_median(half) / _median(whole):.2f} times a new
one.

A file that is there already, whole, the start of the process included:

{table(("", "MB", "seconds, median", "each", "hashed, MB/s"), there)}

The first load of the {size["rows"]:,} rows took {_median(size["base_load"]):.2f} s.
"""


def _shapes(sizes: list[Result]) -> str:
    return "\n".join(_shape(size) for size in sizes) if sizes else _not_measured("shapes")


def _shape(size: Result) -> str:
    bad, files, begun = size["bad"], size["small_files"], size["starts"]

    def rows(ways: Result, base: str, words: dict[str, str]) -> list[tuple[str, ...]]:
        seconds = _median(ways[base])
        return [
            (words[name], f"{_median(way):.2f}", _each(way), f"{_median(way) / seconds:.2f}", _peak(way))
            for name, way in ways.items()
        ]

    header = ("", "seconds, median", "each", "ratio", "peak memory of the client, MB")
    file_words = {
        "one file": f"one file of {size['files_rows']:,} rows",
        "many files": f"{size['files']:,} files of {size['files_rows'] // size['files']:,} rows",
    }
    start_words = {
        "help": "`footfall --help`",
        "sample": "`footfall load data/sample.csv`, the first in its database: makes the tables",
        "sample again": "the same again: it is there",
    }
    starts = [(start_words[n], f"{_median(way):.2f}", _each(way), _peak(way)) for n, way in begun.items()]
    return f"""### {size["rows"]:,} rows

{_where(size)}
{table(header, rows(bad, "clean", {name: name for name in bad}))}

The rows are clean or bad at random places, none is repeated; each load with `--max-rejected 100%` into a fresh
database, then proven by `footfall verify`.

{table(header, rows(files, "one file", file_words))}

The same rows, and row by row the same tables.

{table(("", "seconds, median", "each", "peak memory of the client, MB"), starts)}

The server is running; the start of the process is in it.
"""
