"""`footfall guess` alone: what it writes for each shape, unedited, loads what an expert's definition would."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from wild_comparing import find_differences, find_made_up
from wild_figures import keep_or_compare, read_figures
from wild_files import SHAPES
from wild_running import EmptyTables, load, read_tables, run, write_file
from wild_shape import FIELDS, NAME, Shape

RIGHT_MIN = 56  # of 66; a refusal that says truly why no definition is right is among them
RIGHT, REFUSED = "right", "rightly refused"
DOUBT = re.compile(r"\bno\b|\bnot\b|cannot|unknown|guess|perhaps|\bmay\b|check|\?|made up|choose", re.IGNORECASE)


def read_comments(toml: str) -> list[str]:
    """Give each comment as one text, with the lines that go on with it, which are indented."""
    found: list[str] = []
    for line in toml.splitlines():
        if line.startswith("#   ") and found:
            found[-1] += f" {line[1:].strip()}"
        elif line.startswith("#"):
            found.append(line[1:].strip())
    return found


def is_said(pattern: str, comments: list[str]) -> bool:
    """Say whether a comment that has a doubt speaks of something."""
    return any(DOUBT.search(each) and re.search(pattern, each, re.IGNORECASE) for each in comments)


def read_types(toml: str) -> tuple[str, ...]:
    """Give the types of ids that are written beside a definition."""
    written = tomllib.loads(toml)
    return tuple(written.get(f"{name}_type", "bigint") for name in FIELDS[:3])


def judge(shape: Shape, empty_tables: EmptyTables) -> str:
    """Let Footfall guess, take what it writes as it is, and say how right it is."""
    file = write_file(shape)
    done = run("guess", file, "--name", NAME, "--write")
    if done.returncode == 3:
        assert not Path("footfall.toml").exists()
        is_right = shape.guess.refusal and re.search(shape.guess.refusal, done.stderr, re.IGNORECASE)
        return REFUSED if is_right else "refused"
    assert done.returncode == 0, done.stderr
    toml = Path("footfall.toml").read_text(encoding="utf-8")
    comments, database = read_comments(toml), empty_tables(read_types(toml))
    result = load(file, database)
    if result.status != "loaded":
        return f"cannot be loaded: {result.error}"
    rows = read_tables(database)["rows"]
    differing = find_differences(shape, rows)
    if result.rows_rejected != len(shape.rejected) or result.rows_skipped != shape.skipped:
        differing = differing or ["number of rows"]
    says = (*shape.guess.says, *(field.removesuffix("_id") for field in find_made_up(shape, rows)))
    unsaid = [pattern for pattern in says if not is_said(pattern, comments)]
    if not differing and not unsaid:
        return RIGHT
    silent = [field for field in differing if field not in FIELDS or not is_said(field.removesuffix("_id"), comments)]
    if silent or not differing:
        return f"wrong: {', '.join(silent or unsaid)} without a word"
    return f"differs, and says so: {', '.join(differing)}"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_guess_is_never_wrong_without_saying_so(shape: Shape, empty_tables: EmptyTables) -> None:
    outcome = judge(shape, empty_tables)
    assert not outcome.startswith(("wrong", "cannot")), outcome
    keep_or_compare(shape.name, guess=outcome)


def test_most_guesses_are_right() -> None:
    outcomes = [results.get("guess") for results in read_figures().values()]
    assert sum(outcome in {RIGHT, REFUSED} for outcome in outcomes) >= RIGHT_MIN


@pytest.mark.parametrize("name", ["ints_header", "otto", "taobao_zh"])
def test_a_guess_as_json_is_the_guess_as_toml(name: str) -> None:
    (shape,) = [each for each in SHAPES if each.name == name]
    file = write_file(shape)
    toml = tomllib.loads(run("guess", file, "--name", NAME, "--format", "toml").stdout)
    told = json.loads(run("guess", file, "--name", NAME, "--format", "json").stdout)
    found = told.get("sources", told.get("definition", told))
    assert found.get(NAME, found) == toml["sources"][NAME]


def test_a_guess_shows_rows_on_stderr_and_nothing_but_toml_on_stdout() -> None:
    (shape,) = [each for each in SHAPES if each.name == "ints_header"]
    done = run("guess", write_file(shape))
    assert done.returncode == 0
    assert tomllib.loads(done.stdout)["sources"]
    for row in shape.rows[:5]:
        assert re.search(rf"\b{row.interaction_id}\b.*\b{row.action}\b", done.stderr)


def test_a_guess_that_is_written_is_not_written_over() -> None:
    (shape,) = [each for each in SHAPES if each.name == "ints_header"]
    file = write_file(shape)
    assert run("guess", file, "--name", NAME, "--write").returncode == 0
    before = Path("footfall.toml").read_bytes()
    done = run("guess", file, "--name", NAME, "--write")
    assert done.returncode == 2
    assert Path("footfall.toml").read_bytes() == before
