"""The rules on the five texts of a record, from whatever format they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from footfall.contract.limits import VALUE_CHARACTERS_MAX
from footfall.contract.patterns import compose_macros, list_rule_variables
from footfall.contract.shapes import COLUMNS
from footfall.contract.terms import Contract
from footfall.engines.kernel import RULES

PROBLEM = pa.struct([("code", pa.string()), ("field", pa.string()), ("value", pa.string())])
SCHEMA = pa.schema(
    [
        ("position", pa.int64()),
        ("line", pa.string()),
        ("raw_bytes", pa.binary()),
        ("size_bytes", pa.int64()),
        *((column, pa.string()) for column in COLUMNS),
        ("has_texts", pa.bool_()),
        ("is_skipped", pa.bool_()),
        ("not_values", pa.list_(pa.string())),
        ("record_problems", pa.list_(PROBLEM)),
    ]
)
GOOD = {"interaction_id": "1", "user_id": "2", "product_id": "3", "action": "click", "timestamp": "2024-01-02"}
RECORD = {
    "position": 7,
    "line": "any text",
    "raw_bytes": None,
    "size_bytes": 8,
    "has_texts": True,
    "is_skipped": False,
}
UNREADABLE = {"code": "bad-encoding", "field": None, "value": "any text"}


@pytest.fixture
def rule() -> Iterator[Callable[..., Any]]:
    """Judge one record by the rules alone, in a session that has no variable of a format."""
    session = duckdb.connect(":memory:")
    session.execute("set TimeZone = 'UTC'")
    for name, value in list_rule_variables(Contract(), None).items():
        session.execute(f"set variable {name} = $1", [value])
    session.execute(compose_macros(Contract()))

    def judge(**record: Any) -> Any:
        texts = pa.Table.from_pylist([RECORD | GOOD | {"record_problems": None} | record], schema=SCHEMA)
        session.register("texts", texts)
        (row,) = session.sql(RULES["slow"]).to_arrow_table().to_pylist()
        session.unregister("texts")
        return row

    yield judge
    session.close()


def test_five_good_texts_are_an_interaction(rule: Callable[..., Any]) -> None:
    row = rule(action=" click\t", product_id="03")
    assert [row[column] for column in COLUMNS] == [1, 2, 3, "click", datetime(2024, 1, 2)]  # noqa: DTZ001
    assert (row["problems"], row["line"], row["padded_ids"]) == (None, None, ["product_id"])


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("text", [None, "", " \t"])
def test_a_text_that_is_not_there_is_a_missing_value(rule: Callable[..., Any], column: str, text: str | None) -> None:
    value = None if text is None else ""
    row = rule(**{column: text})
    assert row["problems"] == [{"code": "missing-value", "field": column, "value": value}]
    assert (row["line"], row["size_bytes"]) == ("any text", 8)


def test_problems_of_values_stand_in_order_of_the_columns_before_those_of_the_record(rule: Callable[..., Any]) -> None:
    row = rule(timestamp="now", user_id="x", record_problems=[UNREADABLE], raw_bytes=b"any\xfftext")
    assert [(one["code"], one["field"]) for one in row["problems"]] == [
        ("not-an-integer", "user_id"),
        ("not-a-timestamp", "timestamp"),
        ("bad-encoding", None),
    ]
    assert row["raw_bytes"] == b"any\xfftext"


def test_texts_that_the_format_could_not_tell_apart_are_not_judged(rule: Callable[..., Any]) -> None:
    problems = [{"code": "bad-quoting", "field": None, "value": "any text"}, UNREADABLE]
    row = rule(**dict.fromkeys(COLUMNS), has_texts=False, record_problems=problems)
    assert row["problems"] == problems


def test_a_problem_quotes_the_start_of_a_long_text(rule: Callable[..., Any]) -> None:
    row = rule(user_id="é" * (VALUE_CHARACTERS_MAX + 1))
    assert row["problems"] == [
        {"code": "not-an-integer", "field": "user_id", "value": "é" * VALUE_CHARACTERS_MAX},
    ]
