"""The shapes themselves: what is expected of each is what a second, plain reader finds in the file."""

from __future__ import annotations

from collections import Counter

import pytest

from wild_files import SHAPES
from wild_reader import read_shape
from wild_shape import DEFINITION_LINES_MAX, MADE, Shape


@pytest.fixture(params=SHAPES, ids=lambda shape: shape.name)
def shape(request: pytest.FixtureRequest) -> Shape:
    found: Shape = request.param
    return found


def test_a_plain_reader_finds_what_is_expected(shape: Shape) -> None:
    reading = read_shape(shape)
    assert Counter(reading.rows) == Counter(shape.rows)
    assert (reading.read, reading.duplicate, reading.skipped) == (shape.read, shape.duplicate, shape.skipped)
    assert reading.rejected == shape.rejected


def test_the_numbers_add_up(shape: Shape) -> None:
    numbers = shape.numbers
    assert numbers["rows_read"] == sum(count for name, count in numbers.items() if name != "rows_read")


def test_a_file_is_small_and_a_definition_is_short(shape: Shape) -> None:
    assert 20 <= shape.read <= 60
    assert len(shape.section.splitlines()) <= DEFINITION_LINES_MAX


def test_ids_are_made_where_the_tables_say_so(shape: Shape) -> None:
    is_made = 'interaction_id = { from = "record" }' in shape.definition
    assert shape.types[0] == "uuid" or not is_made
    assert {row.interaction_id == MADE for row in shape.rows} <= {is_made}


def test_values_are_of_the_types_of_the_tables(shape: Shape) -> None:
    classes = {"bigint": "int", "text": "str", "uuid": "UUID"}
    for row in shape.rows:
        found = [type(value).__name__ for value in row[:3] if value != MADE]
        assert found == [classes[kind] for kind, value in zip(shape.types, row, strict=False) if value != MADE]


def test_no_two_shapes_have_one_name_and_each_is_the_same_whenever_it_is_made() -> None:
    import wild_files

    assert len({shape.name for shape in SHAPES}) == len(SHAPES) == 66
    assert wild_files.make_shapes() == SHAPES


def test_at_most_three_shapes_are_refused() -> None:
    assert [shape.name for shape in SHAPES if shape.refused] == ["gowalla_lightgcn"]
