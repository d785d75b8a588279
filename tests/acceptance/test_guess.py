"""`footfall guess` and `footfall sources` as their users meet them: stdout, stderr, exit codes, footfall.toml."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from command_line import run

ROWS = "".join(f"{n},u{n % 4},i{n % 5},{('view', 'buy')[n % 2]},{1704067200 + n}\n" for n in range(30))
EVENTS = "event_id,visitorId,itemId,event,ts\n" + ROWS
SETTINGS = '# ours\nschema = "web"  # of the web\n\n[sources.old]\nformat = "csv"  # kept\n'


@pytest.fixture
def events() -> str:
    Path("events.csv").write_text(EVENTS)
    return "events.csv"


def test_guess_prints_toml_on_stdout_and_the_first_five_rows_on_stderr(events: str) -> None:
    done = run("guess", events)
    assert done.returncode == 0
    found = tomllib.loads(done.stdout)
    assert found["sources"]["events"]["user_id"] == "visitorId"
    assert (found["user_id_type"], found["product_id_type"]) == ("text", "text")
    shown = [line.split() for line in done.stderr.splitlines() if "2024-01-01" in line]
    assert [row[1:5] for row in shown] == [[str(n), f"u{n % 4}", f"i{n % 5}", ("view", "buy")[n % 2]] for n in range(5)]


def test_with_q_guess_says_nothing_on_stderr(events: str) -> None:
    done = run("guess", events, "-q")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_guess_as_json_has_the_definition_the_confidences_and_the_doubts(events: str) -> None:
    told = json.loads(run("guess", events, "--format", "json", "-q").stdout)
    assert told["definition"] == tomllib.loads(run("guess", events, "-q").stdout)["sources"]["events"]
    assert {part["confidence"] for part in told["parts"]} <= {"sure", "likely", "not sure"}
    assert told["doubts"] == [part for part in told["parts"] if part["confidence"] == "not sure"]
    assert told["rows"][0]["user_id"] == "u0"


def test_guess_reads_stdin() -> None:
    done = run("guess", "-", stdin=EVENTS.encode())
    assert done.returncode == 0
    assert tomllib.loads(done.stdout)["sources"]["events"]["action"] == "event"


def test_what_is_written_is_found_by_load_and_what_was_there_stays(events: str) -> None:
    Path("footfall.toml").write_text(SETTINGS)
    done = run("guess", events, "--name", "shop", "--write")
    assert done.returncode == 0, done.stderr
    text = Path("footfall.toml").read_text()
    for line in SETTINGS.splitlines():
        assert line in text.splitlines()
    found = tomllib.loads(text)
    assert (found["schema"], found["user_id_type"]) == ("web", "text")
    assert set(found["sources"]) == {"old", "shop"}
    checked = run("check", events, "--source", "shop", "--format", "json")
    assert json.loads(checked.stdout)["rows_loaded"] == 30


def test_a_definition_of_the_same_name_is_not_written_over(events: str) -> None:
    assert run("guess", events, "--name", "shop", "--write").returncode == 0
    before = Path("footfall.toml").read_bytes()
    done = run("guess", events, "--name", "shop", "--write")
    assert (done.returncode, Path("footfall.toml").read_bytes()) == (2, before)
    assert "already has a definition 'shop'" in done.stderr


def test_a_setting_that_the_guess_contradicts_stays_and_nothing_is_written(events: str) -> None:
    Path("footfall.toml").write_text('user_id_type = "bigint"\n')
    done = run("guess", events, "--write")
    assert (done.returncode, Path("footfall.toml").read_text()) == (2, 'user_id_type = "bigint"\n')
    assert 'user_id_type = "bigint"' in done.stderr


def test_types_that_are_set_already_are_not_written_again(events: str) -> None:
    Path("footfall.toml").write_text('user_id_type = "text"\nproduct_id_type = "text"\n')
    assert run("guess", events, "--write", "-q").returncode == 0
    assert Path("footfall.toml").read_text().count("user_id_type") == 1


def test_a_file_that_cannot_be_told_is_exit_3_with_what_it_is() -> None:
    Path("a.csv").write_text("<!DOCTYPE html><html><body>Please log in</body></html>")
    done = run("guess", "a.csv")
    assert (done.returncode, done.stdout) == (3, "")
    assert "an HTML page" in done.stderr
    assert "log in" not in done.stderr


def test_a_file_whose_columns_are_missing_names_guess_and_no_row() -> None:
    Path("a.csv").write_text(EVENTS)
    Path("b.csv").write_text("Ann Miller,7,click,2024-01-01\n")
    for name in ("a.csv", "b.csv"):
        done = run("check", name)
        assert done.returncode == 3
        assert "footfall guess FILE" in done.stderr
        assert "Miller" not in done.stderr


def test_sources_lists_definitions_and_prints_one_as_toml(events: str) -> None:
    assert run("guess", events, "--name", "shop", "--write", "-q").returncode == 0
    listed = json.loads(run("sources", "--format", "json").stdout)
    names = [each["name"] for each in listed]
    assert names[:2] == ["shop", "footfall"]
    for name in names:
        assert set(tomllib.loads(run("sources", name).stdout)["sources"]) == {name} if name in names[:3] else True
    one = tomllib.loads(run("sources", "shop").stdout)["sources"]["shop"]
    assert one == tomllib.loads(Path("footfall.toml").read_text())["sources"]["shop"]


def test_a_definition_that_is_not_there_is_exit_2_with_one_that_is_close() -> None:
    done = run("sources", "footfal")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean footfall?" in done.stderr
