"""Problems are counted by the shape of their values: exactly where few shapes exist, whatever the batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from factories import make_layout
from footfall.contract import value_shapes as shapes
from footfall.contract.shapes import COLUMNS
from footfall.contract.sums import make_problem_groups
from footfall.contract.value_shapes import SHAPES_MAX, Kinds
from footfall.engines import kernel
from footfall.formats.delimited import read_records

HEADER = ",".join(COLUMNS)
Count = Callable[..., Kinds]


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    made = kernel.open_kernel_session(make_layout(), None)
    yield made
    made.close()


@pytest.fixture
def count(session: Any, monkeypatch: pytest.MonkeyPatch) -> Count:
    """Judge lines in batches of some size, and count their problems as a load does."""

    def counted(lines: list[str], rows_per_batch: int = 1_000_000, grouped: int = 10_000) -> Kinds:
        monkeypatch.setattr(kernel, "GROUPED_ROWS", grouped)
        content = "\n".join([HEADER, *lines]).encode()
        _, batches = read_records(lambda: iter([content]), "a.csv", ",")
        table = pa.Table.from_batches(batches)
        kinds: Kinds = {}
        for batch in table.combine_chunks().to_batches(rows_per_batch):
            for found in kernel.judge_batch(session, batch).kinds.values():
                shapes.add_all(kinds, found)
        return kinds

    return counted


def row(column: str, value: str) -> str:
    good = {"interaction_id": "1", "user_id": "2", "product_id": "3", "action": "click", "timestamp": "2024-01-01"}
    return ",".join((good | {column: value}).values())


def shape_of(count: Count, column: str, value: str) -> str:
    ((_, kind),) = count([row(column, value)]).items()
    ((_, shape),) = kind.shapes
    return shape


@pytest.mark.parametrize(
    ("column", "value", "shape"),
    [
        ("timestamp", "2024-02-30", "9999-99-99"),
        ("timestamp", "31/12/2024", "99/99/9999"),
        ("timestamp", "Fri 1 March 2024", "a 9 a 9999"),
        ("timestamp", "2024-02-30T10:00:00Z", "9999-99-99a99:99:99a"),
        ("user_id", "\u0661\u0662 \u00e9t\u00e9", "99 a"),
        ("user_id", "u123", "a999"),
        ("user_id", "a1b2c3d4", "x"),
        ("user_id", "N73-a1b2c3", "a99-x"),
        ("user_id", "123e4567-e89b-12d3-a456-426614174000", "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"),
        ("user_id", "d41d8cd98f00b204e9800998ecf8427e", "x"),
        ("user_id", "9 " * 30 + "9", "9 " * 20 + "\u2026"),
        ("user_id", "", ""),
    ],
)
def test_a_shape_has_each_digit_as_9_and_each_run_of_letters_as_a(
    count: Count, column: str, value: str, shape: str
) -> None:
    assert shape_of(count, column, value) == shape


def test_rows_are_counted_by_shape_with_the_first_of_each(count: Count) -> None:
    lines = [row("timestamp", "9999-99-99")] * 18 + [row("timestamp", "99/99/9999")] * 8 + [row("timestamp", "x")]
    (group,) = make_problem_groups("a.csv", count(lines))
    assert [(each.shape, each.rows, each.sample_line_number, each.sample_value) for each in group.shapes] == [
        ("9999-99-99", 18, 2, "9999-99-99"),
        ("99/99/9999", 8, 20, "99/99/9999"),
        ("a", 1, 28, "x"),
    ]
    assert (group.rows, group.rows_of_other_shapes) == (27, 0)


def test_rows_of_one_shape_and_another_cause_are_counted_apart(count: Count) -> None:
    (group,) = make_problem_groups("a.csv", count([row("timestamp", f"2024-03-01 {hour}:00") for hour in (24, 25, 26)]))
    assert [(each.look, each.rows) for each in group.shapes] == [("no-such-time", 2), ("midnight-24", 1)]


def test_a_hint_of_a_cause_stands_for_a_kind_only_where_all_rows_have_it(count: Count) -> None:
    (alike,) = make_problem_groups("a.csv", count([row("user_id", "1.0"), row("user_id", "22.0")]))
    (mixed,) = make_problem_groups("a.csv", count([row("user_id", "1.0"), row("user_id", "x")]))
    assert "decimal" in alike.hint
    assert mixed.hint == mixed.general_hint


def test_the_rest_of_a_value_that_is_longer_than_what_is_quoted_is_not_guessed(count: Count) -> None:
    (group,) = make_problem_groups("a.csv", count([row("user_id", "1." + "0" * 300)]))
    assert [each.look for each in group.shapes] == [""]


def hostile_lines(seed: int, number: int) -> list[str]:
    """Rows whose problems have hundreds of shapes, some of them often."""
    random = Random(seed)
    marks = ["a", "9", "-", "/", "#", "é", "..", "1.0", "NULL", "2024-02-30"]
    return [
        row(random.choice(COLUMNS), "".join(random.choices(marks, k=random.choice([1, 1, 1, 2, 5]))))
        for _ in range(number)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "rows_per_batch", "grouped"), [(3000, 700, 10_000), (3000, 3000, 450), (60, 7, 3)])
def test_the_counts_do_not_depend_on_the_batches(count: Count, number: int, rows_per_batch: int, grouped: int) -> None:
    lines = hostile_lines(number, number)
    whole = count(lines)
    assert any(len(kind.shapes) == SHAPES_MAX for kind in whole.values()) or number < SHAPES_MAX * len(COLUMNS)
    assert make_problem_groups("a.csv", count(lines, rows_per_batch, grouped)) == make_problem_groups("a.csv", whole)


@pytest.mark.slow
def test_the_counts_are_those_of_counting_all_shapes(count: Count, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = hostile_lines(7, 3000)
    cut = count(lines, 700)
    monkeypatch.setattr(shapes, "SHAPES_MAX", 1_000_000)
    everything = count(lines)
    assert any(len(kind.shapes) > SHAPES_MAX for kind in everything.values())
    for name, kind in cut.items():
        whole = everything[name]
        assert (kind.rows, kind.line_number, kind.value) == (whole.rows, whole.line_number, whole.value)
        assert kind.shapes == {
            shape: whole.shapes[shape] for shape in sorted(whole.shapes, key=shapes.make_sort_key)[:SHAPES_MAX]
        }


def test_a_cut_is_told_by_the_rows_that_are_left(count: Count) -> None:
    lines = [row("user_id", "#" * length) for length in range(1, SHAPES_MAX + 11)]
    shapes_of_user = [each for each in make_problem_groups("a.csv", count(lines)) if each.field == "user_id"]
    (group,) = shapes_of_user
    # Longer than 40 characters they are all alike.
    assert (group.rows, len(group.shapes), group.rows_of_other_shapes) == (SHAPES_MAX + 10, 41, 0)
    mixed = [row("user_id", "#" * (at % 30 + 1) + "$" * (at // 30)) for at in range(300)]
    (group,) = make_problem_groups("a.csv", count(mixed))
    assert (group.rows, len(group.shapes), group.rows_of_other_shapes) == (300, SHAPES_MAX, 300 - SHAPES_MAX)


@pytest.mark.parametrize("header", [HEADER, HEADER.upper(), " interaction_id , user_id,product_id,action,timestamp"])
def test_the_header_again_is_one_problem_of_its_own(count: Count, header: str) -> None:
    kinds = count([row("user_id", "7"), header, row("user_id", "x"), header])
    told = Counter({name: kind.rows for name, kind in kinds.items()})
    assert told == {("header-again", None): 2, ("not-an-integer", "user_id"): 1}
    (again, _) = make_problem_groups("a.csv", kinds)
    assert (again.sample_line_number, again.sample_value) == (3, None)
    assert "files were joined" in again.hint


def test_a_row_that_only_resembles_the_header_keeps_its_problems(count: Count) -> None:
    assert len(count(["interaction_id,user_id,7,action,timestamp"])) == 3
    assert len(count(["user_id,interaction_id,product_id,action,timestamp"])) == 4
