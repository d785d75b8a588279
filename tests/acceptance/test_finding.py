"""Which files a command line finds, and which names it says that it leaves out, on stderr and in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from command_line import run

Write = Callable[..., str]
ROW = "{},1,1,click,2024-01-01"


def report(*words: str, **variables: str) -> dict[str, Any]:
    done = run(*words, "--format", "json", "-q", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def sources(answer: dict[str, Any]) -> list[str]:
    return [each["source"] for each in answer["loads"]]


def test_a_link_to_a_folder_is_followed_where_it_is_written_out_and_named_elsewhere(
    database: str, write_csv: Write, tmp_path: Path
) -> None:
    write_csv("elsewhere/b.csv", ROW.format(1))
    write_csv("in/a.csv", ROW.format(2))
    (tmp_path / "in/link").symlink_to(tmp_path / "elsewhere")
    for source in ("in", "in/**/*.csv"):
        answer = report("load", source, FOOTFALL_DATABASE_URL=database)
        assert (sources(answer), answer["ignored"]) == (["in/a.csv"], ["in/link"])
    answer = report("load", "in/link", FOOTFALL_DATABASE_URL=database)
    assert (sources(answer), answer["ignored"], answer["rows_loaded"]) == (["in/link/b.csv"], [], 1)
    said = run("check", "in").stderr
    assert "ignored 1 name: in/link (a link to a folder" in said


def test_the_case_of_an_ending_leaves_nothing_out(write_csv: Write) -> None:
    write_csv("in/a.csv", ROW.format(1))
    write_csv("in/B.CSV", ROW.format(2))
    write_csv("in/d.Csv", ROW.format(3))
    write_csv("in/notes.TXT", "x")
    answer = report("check", "in")
    assert (sources(answer), answer["ignored"]) == (["in/B.CSV", "in/a.csv", "in/d.Csv"], ["in/notes.TXT"])


def test_a_folder_with_brackets_is_that_folder_and_else_they_are_said_to_be_a_pattern(write_csv: Write) -> None:
    write_csv("week[1]/a.csv", ROW.format(1))
    assert sources(report("check", "week[1]/*.csv")) == sources(report("check", "week[1]")) == ["week[1]/a.csv"]
    done = run("check", "b[1].csv")
    assert done.returncode == 3
    assert "[ ] is a pattern" in done.stderr
    assert "b[[]1].csv" in done.stderr


def test_what_is_left_out_is_all_in_json_and_bounded_on_stderr(write_csv: Write) -> None:
    write_csv("in/a.csv", ROW.format(1))
    names = [f"in/{number:03}.txt" for number in range(200)]
    for name in names:
        write_csv(name, "x")
    assert report("check", "in")["ignored"] == names
    said = [line for line in run("check", "in").stderr.splitlines() if "ignored" in line]
    assert said == [
        "footfall: warning: ignored 200 names: in/000.txt, in/001.txt, in/002.txt and 197 more "
        "(not named *.csv, *.tsv, *.jsonl, *.ndjson, *.json or *.parquet, plain or compressed)"
    ]


def test_what_a_tool_left_behind_fails_nothing(write_csv: Write) -> None:
    write_csv("in/a.csv", ROW.format(1))
    for name in ("._a.csv", "_SUCCESS", ".ipynb_checkpoints/a-checkpoint.csv", "b.csv.tmp"):
        write_csv(f"in/{name}", content=b"\0\5\26\7")
    assert report("check", "in")["ignored"] == ["in/._a.csv", "in/.ipynb_checkpoints", "in/_SUCCESS", "in/b.csv.tmp"]
    assert report("check", "in/*")["ignored"] == ["in/._a.csv", "in/.ipynb_checkpoints", "in/_SUCCESS", "in/b.csv.tmp"]
    assert run("check", "in/._a.csv").returncode == 3


@pytest.mark.parametrize("other", ["a.csv", "./a.csv", "link.csv", "hard.csv", "*.csv"])
def test_check_and_load_take_a_file_once_whatever_its_names(
    database: str, write_csv: Write, tmp_path: Path, other: str
) -> None:
    write_csv("a.csv", ROW.format(1), ROW.format(1), "x")
    (tmp_path / "link.csv").symlink_to("a.csv")
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "a.csv")
    answers = [report(verb, "a.csv", other, FOOTFALL_DATABASE_URL=database) for verb in ("check", "load")]
    for answer in answers:
        assert sources(answer) == ["a.csv"]
        assert other in answer["ignored"] or other == "*.csv"
        assert [answer[name] for name in ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected")] == [
            3,
            1,
            1,
            1,
        ]
    assert answers[0]["ignored"] == answers[1]["ignored"]


def test_a_folder_without_a_file_is_exit_3_and_names_what_is_there(write_csv: Write) -> None:
    write_csv("in/a.xlsx", "x")
    done = run("check", "in", "-q")
    assert done.returncode == 3
    assert "holds no file named *.csv, *.tsv, *.jsonl, *.ndjson, *.json or *.parquet" in done.stderr
    assert "; ignored 1 name: in/a.xlsx" in done.stderr
