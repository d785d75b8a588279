"""Files as they are found in public, each loaded by a definition of at most twelve lines: the tables, row by row."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import footfall
from wild_figures import keep_or_compare
from wild_files import SHAPES
from wild_running import (
    EmptyTables,
    check,
    load,
    read_tables,
    run,
    say_numbers,
    take_numbers,
    write_file,
    write_settings,
)
from wild_shape import MADE, NAME, Shape

LOADED = [shape for shape in SHAPES if not shape.refused]
# A check is the first half of a load: of some shapes it shows that both tell the same.
CHECKED = [
    pytest.param(shape, id=shape.name, marks=() if at % 4 == 0 else pytest.mark.long) for at, shape in enumerate(LOADED)
]


def named(shape: Shape) -> str:
    return shape.name


@pytest.mark.parametrize("shape", CHECKED)
def test_check_tells_the_right_numbers(shape: Shape) -> None:
    write_settings(shape)
    result = check(write_file(shape))
    assert (result.status, result.error) == ("checked", None)
    assert take_numbers(result) == shape.numbers


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ints_header", "otto", "singer_mixpanel"])
def test_the_command_line_tells_these_numbers_too(name: str, database: str) -> None:
    (shape,) = [each for each in SHAPES if each.name == name]
    write_settings(shape)
    file = write_file(shape)
    for verb in ("check", "load"):
        done = run(verb, file, "--source", NAME, "--format", "json", FOOTFALL_DATABASE_URL=database)
        assert done.returncode == 0, done.stderr
        (result,) = json.loads(done.stdout)["loads"]
        assert {name: result[name] for name in shape.numbers} == shape.numbers


@pytest.mark.parametrize("shape", LOADED, ids=named)
def test_the_tables_hold_the_right_rows(shape: Shape, empty_tables: EmptyTables) -> None:
    write_settings(shape)
    database = empty_tables(shape.types)
    result = load(write_file(shape), database)
    assert (result.status, result.error) == ("loaded", None)
    assert take_numbers(result) == shape.numbers
    tables = read_tables(database)
    found = [(MADE, *row[1:]) if shape.is_made and isinstance(row[0], UUID) else row for row in tables["rows"]]
    assert Counter(found) == Counter(tuple(row) for row in shape.rows)
    assert len({row[0] for row in tables["rows"]}) == len(shape.rows)
    assert {row[:2]: row[2] for row in tables["counts"]} == Counter((row[1], row[2]) for row in shape.rows)
    rejected = {line: tuple(problem["code"] for problem in problems) for line, problems in tables["rejected"]}
    assert rejected == dict(shape.rejected)
    assert footfall.verify(database_url=database).drift == ()
    keep_or_compare(shape.name, definition=say_numbers(take_numbers(result)))
    if shape.is_made:
        see_that_a_compressed_file_brings_nothing_new(shape, database, tables)


def see_that_a_compressed_file_brings_nothing_new(shape: Shape, database: str, before: dict[str, Any]) -> None:
    """See that made ids are those of the rows, whatever the file's name and bytes."""
    again = Path(f"{shape.file}.gz")
    again.write_bytes(gzip.compress(shape.content, mtime=0))
    result = load(str(again), database)
    assert (result.rows_loaded, result.rows_duplicate, result.error) == (0, len(shape.rows), None)
    after = read_tables(database)
    assert [Counter(after[name]) for name in ("rows", "counts")] == [
        Counter(before[name]) for name in ("rows", "counts")
    ]


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.refused], ids=named)
def test_a_file_that_no_definition_reads_is_refused_with_what_is_wrong(shape: Shape, database: str) -> None:
    write_settings(shape)
    done = run("load", write_file(shape), "--source", NAME, "--format", "json", FOOTFALL_DATABASE_URL=database)
    assert done.returncode == 4, done.stderr
    (result,) = json.loads(done.stdout)["loads"]
    assert (result["status"], result["rows_loaded"]) == ("failed", 0)
    checked = run("check", shape.file, "--source", NAME, "--format", "json")
    assert checked.returncode == 4
    assert shape.refused is not None
    assert shape.refused in checked.stdout + checked.stderr
    keep_or_compare(shape.name, definition=f"refused: {shape.refused}")


@pytest.mark.parametrize("name", ["netflix_viewing", "otto", "cdnow_master"])
def test_made_ids_that_do_not_fit_the_tables_are_refused_before_the_first_row(name: str, database: str) -> None:
    (shape,) = [each for each in SHAPES if each.name == name]
    Path("footfall.toml").write_text(f"{shape.section}\n", encoding="utf-8")  # without the types, so of whole numbers
    done = run("load", write_file(shape), "--source", NAME, FOOTFALL_DATABASE_URL=database)
    assert done.returncode in {2, 6}, done.stderr
    assert "_type" in done.stderr
    assert NAME in done.stderr or shape.file in done.stderr
