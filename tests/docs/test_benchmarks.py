"""The benchmarks' page agrees with the results that are kept, and the benchmarks run."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
PICTURE = Path("pictures") / "benchmarks.svg"
MAKE_TABLES = """
create table user_interactions_raw as
    select n as interaction_id, n as user_id, n as product_id, 'click'::text as action, to_timestamp(n) as timestamp
    from generate_series(1::bigint, 3) as n;
create table interactions as
    select user_id, product_id, 1::bigint as interaction_count from user_interactions_raw;
"""


def run(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / script), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def compare(ours: str, theirs: str) -> subprocess.CompletedProcess[str]:
    words = "import sys; from comparing import compare; print(compare(*sys.argv[1:]))"
    command = [sys.executable, "-c", words, ours, theirs]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=BENCHMARKS)


def two_databases(new_database: Callable[[], str]) -> tuple[str, str]:
    ours, theirs = new_database(), new_database()
    for database in (ours, theirs):
        with psycopg.connect(database) as connection:
            connection.execute(MAKE_TABLES)
    return ours, theirs


def test_page_and_picture_are_what_the_results_give(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    done = run("run.py", "--only", "none", "--page", str(page))
    assert done.returncode == 0, done.stderr
    assert page.read_text(encoding="utf-8") == (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    drawn = (tmp_path / PICTURE).read_text(encoding="utf-8")
    assert drawn == (ROOT / "docs" / PICTURE).read_text(encoding="utf-8")


def test_the_page_of_forms_is_what_the_results_give(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks-formats.md"
    done = run("formats.py", "--runs", "0", "--page", str(page))
    assert done.returncode == 0, done.stderr
    assert page.read_text(encoding="utf-8") == (ROOT / "docs" / "benchmarks-formats.md").read_text(encoding="utf-8")


def test_the_page_about_scale_and_its_picture_are_what_the_model_gives(tmp_path: Path) -> None:
    page = tmp_path / "explanation" / "scale.md"
    page.parent.mkdir()
    done = run("scale_model.py", "--page", str(page))
    assert done.returncode == 0, done.stderr
    assert page.read_text(encoding="utf-8") == (ROOT / "docs/explanation/scale.md").read_text(encoding="utf-8")
    drawn = (tmp_path / "pictures" / "scale.svg").read_text(encoding="utf-8")
    assert drawn == (ROOT / "docs/pictures/scale.svg").read_text(encoding="utf-8")


def test_the_model_of_scale_gives_what_was_measured_where_something_was() -> None:
    daily = json.loads((BENCHMARKS / "results/daily-100000000.json").read_text())
    words = "from scale_model import load_first; print(load_first(1e8, 0))"
    command = [sys.executable, "-c", words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=BENCHMARKS)
    assert float(done.stdout) == pytest.approx(daily["base_load"]["seconds"][0], rel=0.01)


def test_the_figures_of_the_readme_are_those_that_were_measured() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    proof = json.loads((ROOT / "docs/reliability.json").read_text())
    ways = json.loads((BENCHMARKS / "results/first-load-10000000.json").read_text())["ways"]
    ours, bare, expert = (
        statistics.median(ways[name]["seconds"]) for name in ("footfall load", "copy", "expert's script")
    )
    assert f"broke loads {proof['kills']:,} times" in text
    assert f"{proof['rows_lost']} rows lost, {proof['rows_doubled']} doubled" in text
    assert f"takes {ours / expert:.2f} times as long as an expert's" in text
    assert f"{ours / bare:.1f} times as long as a bare" in text
    largest = [json.loads(path.read_text()) for path in (BENCHMARKS / "results").glob("daily-*.json")]
    assert max(size["rows"] for size in largest) == 100_000_000
    peaks = [*ways["footfall load"]["peak_mb"], *(peak for size in largest for peak in size["base_load"]["peak_mb"])]
    assert max(peaks) < 512


# What is marked `long` here runs in `.ci/run` all the same: `make bench-quick` measures every part.
@pytest.mark.slow
@pytest.mark.parametrize(
    "parts",
    [("first-load",), pytest.param(("first-load", "daily", "shapes"), marks=pytest.mark.long)],
    ids=lambda parts: f"{len(parts)} of the parts",
)
def test_parts_run_at_two_thousand_rows_and_keep_their_results(
    cluster: Any, tmp_path: Path, parts: tuple[str, ...]
) -> None:
    results, page = tmp_path / "results", tmp_path / "benchmarks.md"
    sizes = ["--rows", "2000", "--runs", "1", "--day-rows", "200", "--slow-peers-rows-max", "0"]
    kept_in = ["--results", str(results), "--page", str(page)]
    chosen = ["--only", *parts] if len(parts) == 1 else []
    done = run("run.py", "--quick", *sizes, *chosen, "--database", cluster.admin, *kept_in)
    assert done.returncode == 0, done.stderr
    kept = {path.stem: json.loads(path.read_text()) for path in results.iterdir()}
    assert set(kept) == {f"{part}-2000" for part in parts}
    first = kept["first-load-2000"]
    assert set(first["ways"]) == {"footfall load", "copy", "copy, three-column key", "expert's script"}
    assert set(first["skipped"]) == {"pgloader", "dlt", "pandas"}
    assert ("Not measured yet" in page.read_text(encoding="utf-8")) == (len(parts) == 1)
    assert (tmp_path / PICTURE).exists()


SOME_FORMS = ("JSON Lines", "made ids", "gzip")
COMPRESSED = ("gzip", "bzip2", "xz", "Zstandard")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rounds", "forms"),
    [([SOME_FORMS], len(SOME_FORMS) + 1), pytest.param([(), COMPRESSED], 13, marks=pytest.mark.long)],
    ids=["some", "all"],
)
def test_forms_load_two_thousand_rows_and_give_the_same_tables(
    cluster: Any, tmp_path: Path, rounds: list[tuple[str, ...]], forms: int
) -> None:
    kept_in = ["--results", str(tmp_path), "--page", str(tmp_path / "page.md")]
    for chosen in rounds:
        words = ["--rows", "2000", "--runs", "1", *(["--only", *chosen] if chosen else [])]
        done = run("formats.py", *words, "--database", cluster.admin, *kept_in)
        assert done.returncode == 0, done.stderr
    kept = json.loads((tmp_path / "formats-2000.json").read_text())["forms"]
    assert len(kept) == forms
    assert all(form["seconds"] and form["plain_seconds"] for form in kept.values())
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == done.stdout


@pytest.mark.slow
def test_rows_that_differ_in_another_form_end_the_run(new_database: Callable[[], str]) -> None:
    ours, theirs = two_databases(new_database)
    with psycopg.connect(theirs) as connection:
        connection.execute("update user_interactions_raw set action = 'hover' where interaction_id = 2")
    words = (
        "import sys; from pathlib import Path; from formats import compare; from server import Server; "
        "compare(Server(sys.argv[1], '', Path()), 'made ids', *sys.argv[2:])"
    )
    names = [conninfo_to_dict(database)["dbname"] for database in (ours, theirs)]
    command = [sys.executable, "-c", words, ours, *map(str, names)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=BENCHMARKS)
    assert done.returncode == 1
    assert "user_interactions_raw: row 2" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "more"),
    [
        ("stages.py", ("--starts", "1")),
        ("day_merge.py", ("--day-rows", "200", "--runs", "1")),
        ("questions.py", ("--day-rows", "200", "--runs", "1", "--loads", "1")),
    ],
)
def test_a_profile_runs_at_two_thousand_rows_and_writes_its_page(
    cluster: Any, tmp_path: Path, script: str, more: tuple[str, ...]
) -> None:
    page = tmp_path / "page.md"
    done = run(script, "--rows", "2000", *more, "--database", cluster.admin, "--page", str(page))
    assert done.returncode == 0, done.stderr
    assert page.read_text(encoding="utf-8").strip() == done.stdout.strip()


def test_what_a_start_imports_is_where_the_benchmark_of_starts_looks_for_it() -> None:
    words = "import start_up as s; print(s.list_shares(s.sys.executable, {'all': '\\n'.join(s.IMPORTS.values())}, 1))"
    command = [sys.executable, "-c", words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=BENCHMARKS)
    assert done.returncode == 0, done.stderr
    assert "('all', " in done.stdout


@pytest.mark.long
def test_the_benchmark_of_starts_times_every_command(cluster: Any) -> None:
    done = run("start_up.py", "--runs", "1", "--database", cluster.admin)
    assert done.returncode == 0, done.stderr
    for name in ("check of the sample", "verify", "the sample's first load, into a new schema", "numpy and pyarrow"):
        assert f"\n| {name} | " in done.stdout


@pytest.mark.slow
def test_equal_tables_are_counted(new_database: Callable[[], str]) -> None:
    done = compare(*two_databases(new_database))
    assert done.stdout.strip() == "{'user_interactions_raw': 3, 'interactions': 3}", done.stderr


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("update user_interactions_raw set action = 'hover' where interaction_id = 2", "user_interactions_raw: row 2"),
        ("delete from user_interactions_raw where interaction_id = 3", "user_interactions_raw: row 3"),
        ("insert into interactions values (4, 4, 1)", "interactions: row 4"),
        ("update interactions set interaction_count = 2 where user_id = 1", "interactions: row 1"),
    ],
)
def test_tables_that_differ_end_the_run(new_database: Callable[[], str], change: str, place: str) -> None:
    ours, theirs = two_databases(new_database)
    with psycopg.connect(theirs) as connection:
        connection.execute(change.encode())
    done = compare(ours, theirs)
    assert done.returncode == 1
    assert place in done.stderr


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        done = run("make_data.py", "--rows", "500", "--seed", "7", "--folder", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two


@pytest.mark.slow
def test_a_days_file_draws_from_the_same_popular_users(tmp_path: Path) -> None:
    run("make_data.py", "--rows", "5000", "--folder", str(tmp_path / "base"))
    run("make_data.py", "--rows", "5000", "--first-id", "5001", "--day", "180", "--folder", str(tmp_path / "day"))

    def popular(folder: str) -> str:
        [path] = (tmp_path / folder).glob("*-clean.csv")
        products = [line.split(",")[2] for line in path.read_text(encoding="utf-8").splitlines()[1:]]
        return max(set(products), key=products.count)

    assert popular("base") == popular("day")
