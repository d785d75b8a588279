"""An answer as a frame: the exact types and values, whoever takes it, and an error that says what to install."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from footfall.errors import QueryError, SettingsError
from footfall.results import Table

ID = UUID("0b7e8a52-7b3e-4c1e-9f5a-3f1c5d1f0a11")
LARGEST = 2**63 - 1  # not a double
AT = datetime(2024, 3, 31, 2, 59, 59, 999_999, timezone(timedelta(hours=2)))
# By type of the server: a value of each, and what Arrow holds.
CELLS: dict[str, tuple[int, Any, pa.DataType]] = {
    "is_complete": (16, False, pa.bool_()),
    "user_count": (20, LARGEST, pa.int64()),
    "weekday": (23, 7, pa.int32()),
    "action": (25, "Ärger, groß", pa.string()),
    "share": (701, 1 / 3, pa.float64()),
    "day": (1082, date(2024, 2, 29), pa.date32()),
    "first_at": (1184, AT, pa.timestamp("us", tz="UTC")),
    "sum": (1700, Decimal("12.5"), pa.float64()),
    "user_id": (2950, ID, pa.uuid()),
    "problems": (3802, [{"code": "out-of-range"}], pa.string()),
}
COLUMNS = tuple(CELLS)
TYPES = tuple(oid for oid, _, _ in CELLS.values())
ROW = tuple(value for _, value, _ in CELLS.values())
NULLS = (None,) * len(CELLS)
TABLE = Table(COLUMNS, (ROW, NULLS), TYPES)
HELD = [*ROW[:7], 12.5, ID, '[{"code": "out-of-range"}]']


@pytest.mark.parametrize("rows", [(), (NULLS,), (ROW,), (ROW, NULLS)], ids=["none", "nulls", "values", "both"])
def test_the_types_of_arrow_are_those_of_the_columns_whatever_the_rows_hold(rows: tuple[Any, ...]) -> None:
    given = Table(COLUMNS, rows, TYPES).to_arrow()
    assert dict(zip(given.column_names, given.schema.types, strict=True)) == {
        name: kind for name, (_, _, kind) in CELLS.items()
    }
    assert given.num_rows == len(rows)


def test_no_value_changes_in_arrow() -> None:
    first, second = TABLE.to_arrow().to_pylist()
    assert list(first.values()) == HELD
    assert set(second.values()) == {None}


@pytest.mark.slow
def test_an_answer_is_taken_by_whatever_reads_arrow() -> None:
    answer = TABLE  # DuckDB finds it by its name
    with duckdb.connect() as duck:
        duck.execute("load icu; set timezone = 'UTC'")
        relation = duck.sql("select user_count, share, day, first_at, user_id from answer")
        assert [str(kind) for kind in relation.types] == [
            "BIGINT",
            "DOUBLE",
            "DATE",
            "TIMESTAMP WITH TIME ZONE",
            "UUID",
        ]
        row = relation.fetchall()[0]
    assert answer is TABLE
    assert row == (LARGEST, 1 / 3, date(2024, 2, 29), AT, ID)
    assert pa.table(TABLE) == TABLE.to_arrow()  # type: ignore[arg-type, unused-ignore]
    assert pl.DataFrame(TABLE)["user_count"].to_list() == [LARGEST, None]


def test_pandas_keeps_the_types_also_where_a_value_is_missing() -> None:
    frame = TABLE.to_pandas()
    assert frame["user_count"][0] == LARGEST
    assert str(frame.dtypes["user_count"]) == "int64[pyarrow]"
    assert str(frame.dtypes["day"]) == "date32[day][pyarrow]"
    assert str(frame.dtypes["first_at"]) == "timestamp[us, tz=UTC][pyarrow]"
    assert frame["first_at"][0].to_pydatetime() == AT
    assert frame["user_id"][0] == ID
    assert frame.iloc[1].isna().all()
    assert (frame["day"].dt.year[0], frame["share"].sum()) == (2024, 1 / 3)


def test_polars_keeps_the_types_and_has_uuids_as_text() -> None:
    frame = TABLE.to_polars()
    assert frame.schema["user_count"] == pl.Int64
    assert frame.schema["day"] == pl.Date
    assert frame.schema["first_at"] == pl.Datetime("us", "UTC")
    assert frame.rows()[0] == tuple(str(cell) if cell == ID else cell for cell in HELD)
    assert frame.rows()[1] == NULLS


def test_an_empty_answer_is_an_empty_frame_with_its_columns() -> None:
    empty = Table(COLUMNS, (), TYPES)
    assert list(empty.to_pandas().columns) == list(COLUMNS)
    assert empty.to_polars().columns == list(COLUMNS)
    assert (len(empty.to_pandas()), empty.to_polars().height) == (0, 0)


def test_rows_that_no_server_gave_get_the_types_of_their_values() -> None:
    given = Table(("name", "rows", "at"), (("a", 1, datetime(2024, 1, 1, tzinfo=UTC)), (None, 2, None))).to_arrow()
    assert given.to_pylist()[0] == {"name": "a", "rows": 1, "at": datetime(2024, 1, 1, tzinfo=UTC)}
    assert [str(kind) for kind in given.schema.types][:2] == ["string", "int64"]


def test_a_day_that_only_the_server_knows_is_refused_by_name() -> None:
    with pytest.raises(QueryError, match=r"a value of the column day .*; narrow the question, or read `rows`"):
        Table(("day",), (("0001-12-31 BC",),), (1082,)).to_arrow()


@pytest.mark.parametrize(("name", "make"), [("pandas", Table.to_pandas), ("polars", Table.to_polars)])
def test_a_package_that_is_missing_is_named_with_what_installs_it(
    name: str, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SettingsError, match=f"pip install {name}"):
        make(TABLE)
    assert TABLE.to_arrow().num_rows == 2


def test_types_do_not_make_two_tables_unequal() -> None:
    assert Table(COLUMNS, (ROW,), TYPES) == Table(COLUMNS, (ROW,))
