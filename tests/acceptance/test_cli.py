"""The command line as its users meet it: a process, its exit code, its stdout and its stderr."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
import pytest

from command_line import run

Write = Callable[..., str]
GOOD = "1,1,1,click,2024-01-01"
BAD = "2,x,1,click,never"
SECRET = "postgresql://me:hunter2@127.0.0.1:1/x"


@pytest.fixture
def footfall(database: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command line against the test's database, in the folder of the test's files."""
    return lambda *words, **more: run(*words, FOOTFALL_DATABASE_URL=database, **more)


Footfall = Callable[..., subprocess.CompletedProcess[str]]


# exit codes


def test_a_load_that_ends_well_is_exit_0_and_shows_its_numbers_on_stdout(footfall: Footfall, write_csv: Write) -> None:
    done = footfall("load", write_csv("a.csv", GOOD, BAD))
    assert done.returncode == 0
    assert "a.csv: 2 read, 1 loaded, 0 duplicate, 1 rejected (load 1, " in done.stdout


def test_with_q_a_run_that_ends_well_says_nothing_on_stderr(footfall: Footfall, write_csv: Write) -> None:
    done = footfall("load", write_csv("a.csv", GOOD, BAD), "-q")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "words",
    [
        ["load"],
        ["load", "a.csv", "--nothing"],
        ["load", "a.csv", "--delimiter", "ab"],
        ["load", "a.csv", "--max-rejected", "-1"],
        ["loadd", "a.csv"],
        ["rejects", "--code", "nothing"],
        ["verify", "--database", "hos=x"],
    ],
)
def test_a_command_that_makes_no_sense_is_exit_2_with_nothing_on_stdout(footfall: Footfall, words: list[str]) -> None:
    done = footfall(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_a_source_that_cannot_be_read_is_exit_3(footfall: Footfall) -> None:
    done = footfall("load", "nowhere.csv")
    assert done.returncode == 3
    assert "nowhere.csv" in done.stderr


@pytest.mark.parametrize("name", ["*.nothing", "folder"])
def test_a_glob_or_a_folder_without_a_file_is_exit_3(footfall: Footfall, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    assert footfall("load", name).returncode == 3


def test_too_many_rejected_rows_are_exit_4_and_nothing_is_loaded(
    footfall: Footfall, write_csv: Write, database: str
) -> None:
    assert footfall("load", write_csv("a.csv", GOOD, BAD), "--max-rejected", "0").returncode == 4
    with psycopg.connect(database) as connection:
        assert connection.execute("select * from user_interactions_raw").fetchall() == []


@pytest.mark.slow
def test_several_failures_give_the_code_of_the_first(footfall: Footfall, write_csv: Write) -> None:
    assert footfall("load", write_csv("a.csv", BAD), "nowhere.csv", write_csv("b.csv", GOOD)).returncode == 4
    assert footfall("load", "nowhere.csv", write_csv("c.csv", BAD)).returncode == 3


def test_a_database_that_is_not_there_is_exit_5(write_csv: Write) -> None:
    done = run("load", write_csv("a.csv", GOOD), "--database", "host=/nowhere dbname=x")
    assert (done.returncode, done.stdout) == (5, "")
    assert "run the same command again" in done.stderr


@pytest.mark.parametrize("verb", ["verify", "rejects", "loads"])
def test_tables_that_are_missing_are_exit_6(footfall: Footfall, verb: str) -> None:
    done = footfall(verb)
    assert (done.returncode, done.stdout) == (6, "")
    assert "footfall schema apply" in done.stderr


def test_drift_is_exit_7(footfall: Footfall, write_csv: Write, database: str) -> None:
    footfall("load", write_csv("a.csv", GOOD))
    with psycopg.connect(database) as connection:
        connection.execute("update interactions set interaction_count = 5")
    assert footfall("verify").returncode == 7


@pytest.mark.parametrize("word", ["-v", "-q"])
@pytest.mark.parametrize("verb", [["load", "a.csv"], ["verify"], ["schema", "show"]])
def test_a_password_is_never_shown(write_csv: Write, verb: list[str], word: str) -> None:
    write_csv("a.csv", GOOD)
    done = run(*verb, "--database", SECRET, word)
    assert done.returncode == 5
    assert "hunter2" not in done.stdout + done.stderr


def test_a_password_in_a_url_that_cannot_be_read_is_never_shown(write_csv: Write) -> None:
    done = run("load", write_csv("a.csv", GOOD), "-v", FOOTFALL_DATABASE_URL="postgresql://me:hunter2@[::1/x")
    assert done.returncode == 2
    assert "hunter2" not in done.stdout + done.stderr


# load


def test_json_of_a_load_has_exactly_the_promised_shape(footfall: Footfall, write_csv: Write) -> None:
    name = write_csv("a.csv", GOOD, GOOD, BAD)
    report = json.loads(footfall("load", name, "--format", "json").stdout)
    (load,) = report["loads"]
    assert list(report) == [
        "loads",
        "rows_read",
        "rows_loaded",
        "rows_duplicate",
        "rows_rejected",
        "rows_skipped",
        "seconds",
        "ignored",
    ]
    assert report.pop("ignored") == []
    seconds = load.pop("seconds"), report.pop("seconds")
    assert all(isinstance(each, float) for each in seconds)
    (notice,) = load.pop("notices")
    assert notice.startswith("1 of 3 rows have an interaction_id that came before in this file")
    numbers = {"rows_read": 3, "rows_loaded": 1, "rows_duplicate": 1, "rows_rejected": 1, "rows_skipped": 0}
    digest = sha256(Path(name).read_bytes()).hexdigest()
    problems = load.pop("problems")
    assert [(each["code"], each["field"], each["rows"], each["line_number"]) for each in problems] == [
        ("not-a-timestamp", "timestamp", 1, 4),
        ("not-an-integer", "user_id", 1, 4),
    ]
    assert load == {"load_id": 1, "source": name, "digest": digest, "status": "loaded", **numbers, "error": None}
    assert report == {"loads": [load], **numbers}


def test_json_keeps_the_order_of_its_names(footfall: Footfall, write_csv: Write) -> None:
    report = json.loads(footfall("load", write_csv("a.csv", GOOD), "--format", "json").stdout)
    assert list(report["loads"][0]) == [
        "load_id", "source", "digest", "status", "rows_read", "rows_loaded", "rows_duplicate", "rows_rejected",
        "rows_skipped", "seconds", "error", "notices", "problems",
    ]  # fmt: skip


def test_json_of_a_second_delivery_names_the_first_load_and_its_time(footfall: Footfall, write_csv: Write) -> None:
    name = write_csv("a.csv", GOOD)
    footfall("load", name)
    report = json.loads(footfall("load", name, "--format", "json").stdout)
    (load,) = report["loads"]
    assert (load["load_id"], load["status"], load["rows_read"], load["error"]) == (1, "already-loaded", 0, None)
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", load["loaded_at"])
    assert report["rows_read"] == 0


def test_json_of_a_failed_load_has_no_id_and_says_why(footfall: Footfall, write_csv: Write) -> None:
    done = footfall("load", write_csv("a.csv", content=b"who\n1\n"), "--format", "json")
    (load,) = json.loads(done.stdout)["loads"]
    assert (load["load_id"], load["status"], load["rows_read"]) == (None, "failed", 0)
    assert "header" in load["error"]


@pytest.mark.parametrize("verb", ["load", "check"])
@pytest.mark.parametrize("words", [[], ["--format", "json"], ["-q"]])
def test_a_failure_is_said_once_on_stderr_and_its_reason_is_not_on_stdout_for_people(
    footfall: Footfall, write_csv: Write, verb: str, words: list[str]
) -> None:
    names = [write_csv("a.csv", GOOD), write_csv("b.csv", content=b"7,Ann Miller,3,click,2024-01-01\n"), "nowhere.csv"]
    done = footfall(verb, *names, *words)
    assert done.returncode == 3
    for name in names[1:]:
        assert done.stderr.count(f"error: {name}: ") == 1
        assert "json" in words or name not in done.stdout
    assert "Miller" not in done.stdout + done.stderr


def test_no_value_of_a_row_reaches_the_ledger_where_a_header_was_expected(
    footfall: Footfall, write_csv: Write, database: str
) -> None:
    footfall("load", write_csv("a.csv", content=b"7,Ann Miller,3,click,2024-01-01\n"))
    with psycopg.connect(database) as connection:
        ((error,),) = connection.execute("select error from loads").fetchall()
    assert "looks like a row of data" in error
    assert "Miller" not in error


def test_json_of_a_file_that_is_not_there_has_no_digest(footfall: Footfall) -> None:
    (load,) = json.loads(footfall("load", "nowhere.csv", "--format", "json").stdout)["loads"]
    assert (load["digest"], load["status"]) == (None, "failed")


def test_standard_input_is_loaded_once_by_its_bytes(footfall: Footfall, write_csv: Write) -> None:
    name = write_csv("a.csv", GOOD)
    first = json.loads(footfall("load", "-", "--format", "json", stdin=Path(name).read_bytes()).stdout)["loads"][0]
    second = json.loads(footfall("load", name, "--format", "json").stdout)["loads"][0]
    assert (first["source"], first["status"], second["status"]) == ("-", "loaded", "already-loaded")
    assert first["load_id"] == second["load_id"]


def test_a_folder_is_loaded_in_bytewise_order_and_other_names_are_said(footfall: Footfall, write_csv: Write) -> None:
    for name in ("in/b.csv", "in/B.csv", "in/a/z.csv"):
        write_csv(name, f"{len(name)}{ord(name[3])},1,1,click,2024-01-01")
    write_csv("in/notes.txt")
    done = footfall("load", "in", "--format", "json")
    assert [load["source"] for load in json.loads(done.stdout)["loads"]] == ["in/B.csv", "in/a/z.csv", "in/b.csv"]
    assert "in/notes.txt" in done.stderr


def test_a_delimiter_may_be_named(footfall: Footfall, write_csv: Write) -> None:
    content = b"interaction_id;user_id;product_id;action;timestamp\n1;1;1;click;2024-01-01\n"
    done = footfall("load", write_csv("a.csv", content=content), "--delimiter", ";", "--format", "json")
    assert (done.returncode, json.loads(done.stdout)["rows_loaded"]) == (0, 1)


# check, rejects, loads, version


def test_check_as_json_has_the_shape_of_a_load_without_its_id(write_csv: Write) -> None:
    (checked,) = json.loads(run("check", write_csv("a.csv", GOOD, BAD), "--format", "json").stdout)["loads"]
    assert list(checked) == [
        "source", "digest", "status", "rows_read", "rows_loaded", "rows_duplicate", "rows_rejected", "rows_skipped",
        "seconds", "error",
        "notices",
        "problems",
    ]  # fmt: skip
    assert (checked["status"], checked["rows_read"], checked["rows_rejected"]) == ("checked", 2, 1)


def test_check_as_csv_has_a_header_and_one_line_a_file(write_csv: Write) -> None:
    done = run("check", write_csv("a.csv", GOOD, BAD), "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert done.returncode == 0
    assert [(Path(row["source"]).name, row["rows_read"], row["rows_loaded"], row["rows_rejected"]) for row in rows] == [
        ("a.csv", "2", "1", "1")
    ]
    assert all(None not in row for row in rows)


def test_check_as_a_table_names_the_problems_on_stdout(write_csv: Write) -> None:
    done = run("check", write_csv("a.csv", GOOD, BAD))
    assert done.returncode == 0
    assert "not-an-integer" in done.stdout
    assert "not-a-timestamp" in done.stdout


def test_check_of_a_file_that_is_not_there_is_exit_3() -> None:
    assert run("check", "nowhere.csv").returncode == 3


def test_check_needs_no_database(write_csv: Write) -> None:
    assert run("check", write_csv("a.csv", GOOD), FOOTFALL_DATABASE_URL="host=/nowhere").returncode == 0


def test_rejects_as_json_has_file_line_text_and_every_problem(footfall: Footfall, write_csv: Write) -> None:
    name = write_csv("a.csv", GOOD, BAD)
    footfall("load", name)
    (row,) = json.loads(footfall("rejects", "--format", "json").stdout)
    assert (row["load_id"], row["source"], row["line_number"], row["raw_line"]) == (1, name, 3, BAD)
    assert row["problems"] == [
        {"code": "not-an-integer", "field": "user_id", "value": "x"},
        {"code": "not-a-timestamp", "field": "timestamp", "value": "never"},
    ]


def test_rejects_as_csv_gives_the_text_back_exactly(footfall: Footfall, write_csv: Write) -> None:
    footfall("load", write_csv("a.csv", GOOD, BAD, '3,1,1,"a ""b""",no'))
    rows = list(csv.DictReader(io.StringIO(footfall("rejects", "--format", "csv").stdout)))
    assert [(row["line_number"], row["raw_line"]) for row in rows] == [("3", BAD), ("4", '3,1,1,"a ""b""",no')]


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["--load", "1"], [3]),
        (["--load", "2"], [2, 4]),
        (["--source", "b.csv"], [2, 4]),
        (["--code", "missing-value"], [2]),
        (["--code", "not-an-integer"], [3, 4]),
        (["--limit", "1"], [3]),
        (["--load", "9"], []),
    ],
)
def test_rejects_are_chosen_by_load_source_code_and_number(
    footfall: Footfall, write_csv: Write, words: list[str], lines: list[int]
) -> None:
    write_csv("a.csv", GOOD, BAD)
    write_csv("b.csv", "5,1,1,,2024-01-01", GOOD, BAD)
    footfall("load", "a.csv", "b.csv")
    rows = json.loads(footfall("rejects", *words, "--format", "json").stdout)
    assert [row["line_number"] for row in rows] == lines


def _ledger(footfall: Footfall, fmt: str) -> list[dict[str, Any]]:
    out = footfall("loads", "--format", fmt).stdout
    return json.loads(out) if fmt == "json" else list(csv.DictReader(io.StringIO(out)))


@pytest.mark.parametrize("fmt", ["json", "csv"])
def test_the_ledger_lists_every_load_the_newest_first(footfall: Footfall, write_csv: Write, fmt: str) -> None:
    footfall("load", write_csv("a.csv", GOOD, BAD), "nowhere.csv")
    rows = _ledger(footfall, fmt)
    assert [row["status"] for row in rows] == ["failed", "loaded"]
    assert [str(rows[1][name]) for name in ("rows_read", "rows_loaded", "rows_rejected")] == ["2", "1", "1"]
    assert rows[0]["rows_read"] in (None, "")


def test_the_version_is_one_line_on_stdout() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"footfall {version('footfall')}\n", "")


def test_a_reader_that_stops_early_does_not_make_a_load_fail(database: str, write_csv: Write) -> None:
    command = [sys.executable, "-m", "footfall.cli", "load", write_csv("a.csv", GOOD), "--database", database, "-q"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    talk = process.stderr.read()
    process.stderr.close()
    assert (process.wait(600), talk) == (0, b"")
