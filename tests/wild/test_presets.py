"""The built-in source definitions: each reads a small file of its shape as its maker meant it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

import footfall
from footfall.contract.parsing import parse_definition
from preset_shape import MADE, Shape
from shapes_of_presets import MAKERS, SHAPES
from wild_running import EmptyTables, take_numbers

PRESETS = Path(footfall.__file__).parent / "contract/presets"
FIRST_LINES = re.compile(r"# about: [A-Z].+\.\n# origin: https?://\S+\n# id types: (.+)\n(?:# .+[.]\n)*\n(?!#)")
ROWS = "select interaction_id, user_id, product_id, action, timestamp from user_interactions_raw"
ID_TYPES = ("interaction_id_type", "user_id_type", "product_id_type")
REJECTED = """
    select line_number, array(select problem ->> 'code' from jsonb_array_elements(problems) as problem)
    from rejected_interactions order by 1"""

each_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.source)


def read_preset(name: str) -> str:
    return (PRESETS / f"{name}.toml").read_text(encoding="utf-8")


def find_id_types(name: str) -> dict[str, Any]:
    """Give the settings that a definition says it needs."""
    found = FIRST_LINES.match(read_preset(name))
    assert found is not None
    return dict(re.fullmatch(r'(\w+) = "(\w+)"', each).groups() for each in found[1].split(", "))  # type: ignore[union-attr]


def sort_rows(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=lambda row: tuple(map(str, row)))


def test_each_definition_has_one_small_file_of_its_shape() -> None:
    assert sorted(path.stem for path in PRESETS.glob("*.toml")) == sorted(shape.source for shape in SHAPES)


@each_shape
def test_a_definition_is_without_faults_and_says_what_it_is_for(shape: Shape) -> None:
    text = read_preset(shape.source)
    definition = parse_definition(shape.source, tomllib.loads(text), "preset", is_time_zone=lambda _: True)
    assert definition.format is not None, "the endings of such files vary"
    assert definition.match == (), "a built-in definition takes no file by its name alone"
    types = find_id_types(shape.source)
    assert set(types) <= set(ID_TYPES)
    if definition.made_from:
        assert types["interaction_id_type"] == "uuid"


def test_the_small_files_are_small_and_the_same_each_time_they_are_made() -> None:
    assert all(5 <= shape.numbers["rows_read"] <= 20 for shape in SHAPES)
    assert tuple(make() for make in MAKERS) == SHAPES


@each_shape
def test_a_file_gives_the_interactions_that_it_means_however_often_it_comes(
    shape: Shape, empty_tables: EmptyTables, write_csv: Callable[..., str]
) -> None:
    types = find_id_types(shape.source)
    database = empty_tables(tuple(types.get(name, "bigint") for name in ID_TYPES))
    path = write_csv(shape.file, content=shape.content)
    options: dict[str, Any] = {"source": shape.source, "max_rejected": "50%", **types}
    checked = footfall.check(path, **options).loads[0]
    loaded = footfall.load(path, database_url=database, **options).loads[0]
    assert (checked.error, loaded.error, loaded.status) == (None, None, "loaded")
    assert take_numbers(loaded) == take_numbers(checked) == shape.numbers
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'UTC'")
        rows = connection.execute(ROWS).fetchall()
        rejected = connection.execute(REJECTED).fetchall()
    assert len({row[0] for row in rows}) == len(rows)
    if any(row.interaction_id is MADE for row in shape.rows):
        rows = [(MADE, *row[1:]) for row in rows]
    assert sort_rows(rows) == sort_rows([tuple(row) for row in shape.rows])
    assert {line: sorted(codes) for line, codes in rejected} == {
        line: sorted(codes) for line, codes in shape.rejected.items()
    }
    longer = write_csv(f"again-{shape.file}", content=shape.content + b"\n")
    again = footfall.load(longer, database_url=database, **options).loads[0]
    assert (again.rows_loaded, again.rows_rejected) == (0, shape.numbers["rows_rejected"])
    assert again.rows_duplicate == shape.numbers["rows_loaded"] + shape.duplicate
