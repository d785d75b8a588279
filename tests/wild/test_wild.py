"""Files as they are found in public, each loaded by a definition of at most twelve lines: the tables, row by row."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

import footfall
from wild_figures import keep_or_compare
from wild_files import SHAPES
from wild_running import check, load, read_tables, run, say_numbers, write_file, write_settings
from wild_shape import MADE, NAME, Shape

LOADED = [shape for shape in SHAPES if not shape.refused]
MADE_IDS = [shape for shape in LOADED if shape.is_made]


def named(shape: Shape) -> str:
    return shape.name


@pytest.mark.parametrize("shape", LOADED, ids=named)
def test_check_tells_the_right_numbers(shape: Shape) -> None:
    write_settings(shape)
    done = check(write_file(shape))
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)["loads"]
    assert {name: result[name] for name in shape.numbers} == shape.numbers
    keep_or_compare(shape.name, definition=say_numbers(result))


@pytest.mark.parametrize("name", ["ints_header", "otto", "singer_mixpanel"])
def test_python_gives_the_numbers_of_the_command_line(name: str, database: str) -> None:
    (shape,) = [each for each in SHAPES if each.name == name]
    write_settings(shape)
    file = write_file(shape)
    for summary in (
        footfall.check(file, source=NAME),
        footfall.load(file, source=NAME, database_url=database),
    ):
        (result,) = summary.loads
        assert {name: getattr(result, name) for name in shape.numbers} == shape.numbers


@pytest.mark.parametrize("shape", LOADED, ids=named)
def test_the_tables_hold_the_right_rows(shape: Shape, database: str) -> None:
    write_settings(shape)
    done = load(write_file(shape), database)
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)["loads"]
    assert {name: result[name] for name in shape.numbers} == shape.numbers
    tables = read_tables(database)
    found = [(MADE, *row[1:]) if shape.is_made and isinstance(row[0], UUID) else row for row in tables["rows"]]
    assert Counter(found) == Counter(tuple(row) for row in shape.rows)
    assert len({row[0] for row in tables["rows"]}) == len(shape.rows)
    assert {row[:2]: row[2] for row in tables["counts"]} == Counter((row[1], row[2]) for row in shape.rows)
    rejected = {line: tuple(problem["code"] for problem in problems) for line, problems in tables["rejected"]}
    assert rejected == dict(shape.rejected)
    assert run("verify", FOOTFALL_DATABASE_URL=database).returncode == 0


@pytest.mark.parametrize("shape", MADE_IDS, ids=named)
def test_the_same_rows_in_a_compressed_file_are_the_same_interactions(shape: Shape, database: str) -> None:
    write_settings(shape)
    load(write_file(shape), database)
    before = read_tables(database)
    again = Path(f"{shape.file}.gz")
    again.write_bytes(gzip.compress(shape.content, mtime=0))
    done = load(str(again), database)
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)["loads"]
    assert (result["rows_loaded"], result["rows_duplicate"]) == (0, len(shape.rows))
    after = read_tables(database)
    assert [Counter(after[name]) for name in ("rows", "counts")] == [
        Counter(before[name]) for name in ("rows", "counts")
    ]


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.refused], ids=named)
def test_a_file_that_no_definition_reads_is_refused_with_what_is_wrong(shape: Shape, database: str) -> None:
    write_settings(shape)
    done = load(write_file(shape), database)
    assert done.returncode == 4, done.stderr
    (result,) = json.loads(done.stdout)["loads"]
    assert (result["status"], result["rows_loaded"]) == ("failed", 0)
    checked = check(shape.file)
    assert checked.returncode == 4
    assert shape.refused is not None
    assert shape.refused in checked.stdout + checked.stderr
    keep_or_compare(shape.name, definition=f"refused: {shape.refused}")


@pytest.mark.parametrize("name", ["netflix_viewing", "otto", "cdnow_master"])
def test_made_ids_that_do_not_fit_the_tables_are_refused_before_the_first_row(name: str, database: str) -> None:
    (shape,) = [each for each in SHAPES if each.name == name]
    Path("footfall.toml").write_text(f"{shape.section}\n", encoding="utf-8")  # without the types, so of whole numbers
    done = load(write_file(shape), database)
    assert done.returncode in {2, 6}, done.stderr
    assert "_type" in done.stderr
    assert NAME in done.stderr or shape.file in done.stderr
