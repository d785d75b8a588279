"""Guesses are compared by a rule of their own, which must see what is wrong and pass what is as good."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from wild_comparing import find_differences
from wild_files import SHAPES
from wild_shape import FIELDS, MADE, START, Row, Shape

BY_NAME = {shape.name: shape for shape in SHAPES}


def load_rightly(shape: Shape) -> list[Row]:
    """Give the rows that the expert's definition loads, with ids where they are made."""
    return [
        row._replace(interaction_id=UUID(int=n)) if row.interaction_id == MADE else row
        for n, row in enumerate(shape.rows)
    ]


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.rows], ids=lambda shape: shape.name)
def test_the_right_rows_are_right_in_any_order(shape: Shape) -> None:
    assert find_differences(shape, load_rightly(shape)[::-1]) == []


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.rows], ids=lambda shape: shape.name)
@pytest.mark.parametrize("field", FIELDS)
def test_one_wrong_value_is_seen_in_its_field(shape: Shape, field: str) -> None:
    rows = load_rightly(shape)
    wrong: object = START if field == "timestamp" else "something else"
    rows[3] = rows[3]._replace(**{field: wrong})
    assert find_differences(shape, rows) in ([field], list(FIELDS))


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.rows], ids=lambda shape: shape.name)
def test_a_row_too_few_is_seen(shape: Shape) -> None:
    assert find_differences(shape, load_rightly(shape)[1:]) == ["number of rows"]


def test_values_that_moved_to_other_rows_are_seen() -> None:
    shape = BY_NAME["ints_header"]
    rows = load_rightly(shape)
    users = [row.user_id for row in rows]
    moved = [row._replace(user_id=user) for row, user in zip(rows, users[1:] + users[:1], strict=True)]
    assert find_differences(shape, moved) == list(FIELDS)


def test_a_constant_is_right_where_the_file_does_not_decide_and_wrong_where_it_does() -> None:
    rating, events = BY_NAME["clothes_purchase"], BY_NAME["ints_header"]
    assert find_differences(rating, [row._replace(action="rate") for row in load_rightly(rating)]) == []
    assert find_differences(events, [row._replace(action="rate") for row in load_rightly(events)]) == ["action"]


def test_another_word_for_what_is_missing_is_right_and_two_words_are_not() -> None:
    shape = BY_NAME["de_ndjson"]
    rows = [row._replace(product_id="?") if row.product_id == "none" else row for row in load_rightly(shape)]
    assert find_differences(shape, rows) == []
    last = max(at for at, row in enumerate(rows) if row.product_id == "?")
    rows[last] = rows[last]._replace(product_id="!")
    assert find_differences(shape, rows) == ["product_id"]


def test_padded_ids_may_be_numbers_where_the_shape_says_so() -> None:
    shape = BY_NAME["cdnow_master"]
    rows = [row._replace(user_id=int(str(row.user_id))) for row in load_rightly(shape)]
    assert find_differences(shape, rows) == []
    assert find_differences(replace(shape, guess=replace(shape.guess, padded=False)), rows) == ["user_id"]


def test_made_ids_that_repeat_are_seen() -> None:
    shape = BY_NAME["retent_shop"]
    rows = [row._replace(interaction_id=UUID(int=1)) for row in load_rightly(shape)]
    assert find_differences(shape, rows) == ["interaction_id"]
