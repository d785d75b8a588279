"""Time a first load of the same interactions in each form of a file: CSV, mapped, JSON, Parquet, text ids, made ids.

    python benchmarks/formats.py --rows 10000000 --runs 3 --before ../before --page docs/benchmarks-formats.md
    python benchmarks/formats.py --only "JSON Lines" Parquet --rows 1000000
    python benchmarks/formats.py --runs 0 --page docs/benchmarks-formats.md       writes the page from the results alone

Each load is a process of its own, into a fresh database. The forms take turns, and every ratio is to the plain form of
the same round. Before a figure is kept, the tables are read beside those of the plain form and must be equal, row by
row. `--before` names a checkout of an earlier commit with its environment (`.venv`): its `footfall` loads the plain
file in turn, too. What is measured anew replaces what the results hold of the same form; the rest stays.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import formats_page
from comparing import COUNTS, RAW, compare_read
from forms import DEFINITION, FORMS, PLAIN, write
from make_data import Wanted, make
from measure import Client, Run, figures, timed
from server import FOOTFALL, Server, machine, serving

RESULTS = Path(__file__).parent / "results"
BEFORE = "plain CSV, before"
EACH_ROUND_COMPARED = 1_000_000  # rows; larger files are compared after the last round alone, to save time
PAIRS = "select user_id, product_id, interaction_count from interactions order by 1, 2"


def load(server: Server, database: str, path: Path, name: str, footfall: Path) -> Run:
    """Load a file into a fresh database, in the folder of its form; what the load says must be what was made."""
    form = FORMS[PLAIN if name == BEFORE else name]
    chosen = ("--source", DEFINITION) if f"[sources.{DEFINITION}]" in form.toml else ()
    words = (str(footfall), "load", str(path), "-q", "--format", "json", *chosen)
    folder = server.scratch / "formats" / name.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    run, text = timed(Client(words, environment={"FOOTFALL_DATABASE_URL": server.of(database)}, folder=folder))
    said = json.loads(text)
    if said["rows_loaded"] != said["rows_read"]:
        raise SystemExit(f"{name}: of {said['rows_read']:,} rows {said['rows_loaded']:,} were loaded")
    return run


def compare(server: Server, name: str, database: str, plain: str) -> None:
    """Read the tables of one form beside those of the plain form."""
    form = FORMS[PLAIN if name == BEFORE else name]
    ordered = f"order by {', '.join(str(at) for at in range(1, form.ours.count(',') + 2))}"
    # The server has no cast of its own from varchar; what DuckDB calls so, it calls text.
    reads = tuple(
        f"select {columns.replace('::varchar', '::text')} from {RAW} {ordered}" for columns in (form.ours, form.plain)
    )
    compare_read(server.of(database), server.of(plain), RAW, (reads[0], reads[1]))
    if name != "text ids":  # users have other names there, and the rows hold them
        compare_read(server.of(database), server.of(plain), COUNTS, (PAIRS, PAIRS))


def measure(
    server: Server, files: dict[str, Path], footfalls: dict[str, Path], rows: int, runs: int
) -> dict[str, list[Run]]:
    """Load the forms in turn, each round beginning with another; compare each with the plain form."""
    kept: dict[str, list[Run]] = {name: [] for name in files}
    with server.databases("plain", "form") as (plain, other):
        for number in range(runs):
            is_compared = rows <= EACH_ROUND_COMPARED or number == runs - 1
            # The plain form stays for the comparisons of its round, and is first or last of the loads by turns.
            others = [name for name in files if name != PLAIN]
            turn = number % max(len(others), 1)
            others = others[turn:] + others[:turn]
            is_first = is_compared or number % 2 == 0
            for name in [PLAIN, *others] if is_first else [*others, PLAIN]:
                database = plain if name == PLAIN else other
                server.create(database)
                run = load(server, database, files[name], name, footfalls.get(name, FOOTFALL))
                kept[name].append(run)
                print(f"{rows:,} rows, run {number + 1} of {runs}: {name} {run.seconds:.2f} s", file=sys.stderr)
                if name != PLAIN and is_compared:
                    compare(server, name, database, plain)
                server.drop(other)
    return kept


def find_commit(checkout: Path) -> str:
    """Say which commit a checkout holds."""
    words = ["git", "-C", str(checkout), "rev-parse", "--short=7", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


def keep(
    path: Path, rows: int, made: dict[str, Path], kept: dict[str, list[Run]], about: dict[str, Any]
) -> dict[str, Any]:
    """Add what was measured to the result of this size."""
    result: dict[str, Any] = {"part": "formats", "rows": rows, "forms": {}}
    if path.exists():
        result = json.loads(path.read_text(encoding="utf-8"))
    plain = figures(kept[PLAIN])
    for name, runs in kept.items():
        form = FORMS.get(name)
        result["forms"][name] = {
            "meaning": form.meaning if form else f"the plain file, loaded by commit {about['before']}",
            "file_mb": round(made[name].stat().st_size / 1e6, 1),
            "plain_file_mb": round(made[PLAIN].stat().st_size / 1e6, 1),
            "most": form.most if form else None,
            "by_bytes": bool(form and form.by_bytes),
            "plain_seconds": plain["seconds"],
            "plain_cpu_seconds": plain["cpu_seconds"],
            **figures(runs),
            "command": about["command"],
            "machine": about["machine"],
        }
    order = {name: at for at, name in enumerate((PLAIN, BEFORE, *FORMS))}
    result["forms"] = dict(sorted(result["forms"].items(), key=lambda each: order[each[0]]))
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def main() -> None:
    """Make the files, measure, keep, print; write the page if asked."""
    arguments = parsed()
    names = list(arguments.only or (name for name, form in FORMS.items() if form.is_usual))
    names = [PLAIN, *(name for name in names if name != PLAIN)]
    footfalls: dict[str, Path] = {}
    about: dict[str, Any] = {}
    if arguments.before:
        names.insert(1, BEFORE)
        checkout = arguments.before.resolve()
        footfalls[BEFORE] = checkout / ".venv" / "bin" / "footfall"
        about["before"] = find_commit(checkout)
    words = f"python benchmarks/formats.py --rows {arguments.rows} --runs {arguments.runs}"
    words += "".join([" --only ", " ".join(f'"{name}"' for name in arguments.only)]) if arguments.only else ""
    about["command"] = words + (" --before CHECKOUT" if arguments.before else "")
    arguments.results.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        if arguments.runs:
            given = tempfile.TemporaryDirectory(prefix="footfall-bench-", dir=arguments.folder)
            scratch = Path(stack.enter_context(given)).resolve()
            server = stack.enter_context(serving(arguments.database, scratch))
            about["machine"] = machine(server, arguments.note)
            folder = scratch / "formats"
            plain = make(Wanted(arguments.rows, bad_share=0.0, duplicate_share=0.0), folder).full
            files = {
                name: plain if name == BEFORE else write(name, plain, folder / name.replace(" ", "-")) for name in names
            }
            kept = measure(server, files, footfalls, arguments.rows, arguments.runs)
            keep(arguments.results / f"formats-{arguments.rows}.json", arguments.rows, files, kept, about)
    text = formats_page.page(formats_page.read(arguments.results))
    print(text, end="")
    if arguments.page:
        arguments.page.write_text(text, encoding="utf-8")


def parsed() -> argparse.Namespace:
    """Read the words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="0 only writes the page")
    parser.add_argument("--only", nargs="+", choices=tuple(FORMS), metavar="FORM", help=f"of {', '.join(FORMS)}")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="of an earlier commit, with its .venv")
    parser.add_argument("--database", metavar="CONNINFO", help="of a role that may create databases and checkpoint")
    parser.add_argument("--folder", type=Path, help="where the scratch folder is made, server and data included")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results are kept")
    parser.add_argument("--page", type=Path, help="write the page of the docs here, too")
    parser.add_argument("--note", default="", help="what else a reader should know of the machine")
    return parser.parse_args()


if __name__ == "__main__":
    main()
