"""Hostile Parquet: odd types where a value is wanted,
and files that are cut or patched. What is right stands by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import asked
from asked import Answer, File
from footfall.contract.definition import Condition, Field, SourceDefinition
from independent_reader import COLUMNS
from mapped_values import SourceRules

DEFINITION = SourceDefinition(name="shop", format="parquet")
RULES = SourceRules()
TEXTS = SourceRules(("text", "text", "text"))
ROWS = 3
GOOD: dict[str, Any] = {
    "interaction_id": pa.array([1, 2, 3], pa.int64()),
    "user_id": pa.array([7, 7, 8], pa.int32()),
    "product_id": pa.array([0, 1, 2], pa.int16()),
    "action": pa.array(["view", "buy", "view"]),
    "timestamp": pa.array([datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)] * 3, pa.timestamp("us", "UTC")),
}


def written(columns: dict[str, Any], **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, **options)
    return bytes(sink.getvalue())


def say(columns: dict[str, Any], definition: SourceDefinition = DEFINITION, rules: SourceRules = RULES) -> Answer:
    """Give what `footfall.check` says of a file of these columns."""
    (answer,) = asked.check(definition, rules, [File("odd.parquet", written(columns))])
    return answer


def codes(answer: Answer) -> dict[tuple[str, str | None], int]:
    assert answer.counts["rows_read"] == ROWS
    return {key: rows for key, (rows, _) in answer.problems.items()}


def bad_text() -> pa.Array:
    """Give texts of which the second is not UTF-8, though its column says so."""
    return pa.StringArray.from_buffers(
        3, pa.py_buffer(b"\0\0\0\0\2\0\0\0\4\0\0\0\6\0\0\0"), pa.py_buffer(b"ok\xff\xfeok")
    )


INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]


@pytest.mark.slow
@pytest.mark.parametrize("column", COLUMNS[:3])
def test_whole_numbers_of_any_width_are_ids(column: str) -> None:
    for width in INTEGERS:
        assert codes(say({**GOOD, column: pa.array([1, 2, 3], width)})) == {}


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (pa.array([1, None, 3], pa.int64()), {"missing-value": 1}),
        (pa.nulls(3), {"missing-value": 3}),
        (pa.array([1, -2, 3], pa.int64()), {"out-of-range": 1}),
        (pa.array([1, 2**64 - 1, 2**63], pa.uint64()), {"out-of-range": 2}),
        (pa.array([1.0, 2.5, 3.0], pa.float64()), {"not-an-integer": 3}),
        (pa.array([Decimal("1"), Decimal("2"), None], pa.decimal128(20, 0)), {"missing-value": 1}),
        (pa.array([True, False, True]), {"not-an-integer": 3}),
        (pa.array(["1", " 2 ", "x"]), {"not-an-integer": 1}),
        (pa.array(["1", "", None], pa.large_string()), {"missing-value": 2}),
        (pa.array(["1", "2", "y"]).dictionary_encode(), {"not-an-integer": 1}),
        (pa.array([b"1", b"2", b"\xff"], pa.binary()), {"bad-encoding": 1}),
        (pa.array(["1", "2\0", "3"]), {"bad-encoding": 1}),
        (pa.array([[1], [], None], pa.list_(pa.int64())), {"not-a-value": 2, "missing-value": 1}),
        (
            pa.array([{"a": 1}, {"a": None}, None], pa.struct([("a", pa.int64())])),
            {"not-a-value": 2, "missing-value": 1},
        ),
        (pa.array([[("a", 1)], [], []], pa.map_(pa.string(), pa.int64())), {"not-a-value": 3}),
        (bad_text(), {"bad-encoding": 1, "not-an-integer": 2}),
    ],
    ids=str,
)
def test_odd_columns_of_ids(array: pa.Array, wanted: dict[str, int]) -> None:
    assert codes(say({**GOOD, "user_id": array})) == {(code, "user_id"): rows for code, rows in wanted.items()}


def test_numbers_that_pandas_made_of_a_column_with_gaps_are_ids_where_that_is_allowed() -> None:
    definition = replace(DEFINITION, user_id=Field(columns=("user_id",), is_float=True))
    found = say({**GOOD, "user_id": pa.array([1.0, 2.5, None], pa.float64())}, definition)
    assert codes(found) == {("not-an-integer", "user_id"): 1, ("missing-value", "user_id"): 1}


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (pa.array([True, False, True]), {}),
        (pa.array([1, 2, 3], pa.int8()), {}),
        (pa.array(["a" * 500, "a" * 501, "\U0001f600" * 500]), {"too-long": 1}),
        (pa.array(["view", " \t", None]), {"missing-value": 2}),
        (pa.array(["x", "\ufffd", "a\nb"]), {}),
        (bad_text(), {"bad-encoding": 1}),
        (pa.array([["view"], ["view"], ["view"]]), {"not-a-value": 3}),
    ],
    ids=lambda each: str(each)[:40],
)
def test_odd_columns_of_actions(array: pa.Array, wanted: dict[str, int]) -> None:
    assert codes(say({**GOOD, "action": array})) == {(code, "action"): rows for code, rows in wanted.items()}


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("more.a", pa.array([{"a": "x"}, {"a": "x\0y"}, {"a": "z"}])),
        ("more -> a", pa.array(['{"a": "x"}', r'{"a": "x\u0000y"}', '{"a": "z"}'])),
    ],
    ids=["struct", "JSON text"],
)
@pytest.mark.parametrize("field", ["action", "user_id"])
def test_a_nul_within_a_struct_or_a_json_text_is_bad_encoding_and_ends_no_load(
    database: str, field: str, column: str, values: pa.Array
) -> None:
    definition = replace(DEFINITION, **{field: Field(columns=(column,))})
    (answer,) = asked.load(database, definition, TEXTS, [File("nul.parquet", written({**GOOD, "more": values}))])
    assert codes(answer) == {("bad-encoding", field): 1}
    with psycopg.connect(database) as connection:
        (problems,) = connection.execute("select problems from rejected_interactions").fetchone() or ([],)
    assert problems == [{"code": "bad-encoding", "field": field, "value": "x\ufffdy"}]


def test_bytes_that_are_no_text_end_no_load_and_quarantine_shows_a_mark_for_them(database: str) -> None:
    (answer,) = asked.load(database, DEFINITION, RULES, [File("bad.parquet", written({**GOOD, "action": bad_text()}))])
    assert codes(answer) == {("bad-encoding", "action"): 1}
    with psycopg.connect(database) as connection:
        row = connection.execute("select raw_line, raw_bytes from rejected_interactions").fetchone()
    assert row is not None
    assert '"action":"\ufffd\ufffd"' in row[0]
    assert row[1] is None


NOON = datetime(2024, 5, 6, 12, 0, 0, 123000)  # noqa: DTZ001
VIENNA = datetime(2024, 5, 6, 10, 0, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("array", "instant"),
    [
        (pa.array([NOON] * 3, pa.timestamp("ms")), VIENNA),
        (pa.array([NOON] * 3, pa.timestamp("us")), VIENNA),
        (pa.array([NOON] * 3, pa.timestamp("ns")), VIENNA),
        (pa.array([NOON.replace(microsecond=0)] * 3, pa.timestamp("s")), VIENNA.replace(microsecond=0)),
        (pa.array([NOON] * 3, pa.timestamp("us", "UTC")), NOON.replace(tzinfo=UTC)),
        (pa.array([NOON] * 3, pa.timestamp("ns", "America/New_York")), NOON.replace(tzinfo=UTC)),
        (pa.array([1714996800_123000999] * 3, pa.timestamp("ns", "UTC")), NOON.replace(tzinfo=UTC)),
        (pa.array([date(2024, 5, 6)] * 3, pa.date32()), datetime(2024, 5, 5, 22, tzinfo=UTC)),
        (pa.array(["2024-05-06 12:00:00.123"] * 3), VIENNA),
    ],
    ids=lambda each: str(getattr(each, "type", each)),
)
def test_times_of_any_type_are_instants_and_naive_ones_are_in_the_zone_of_the_source(
    database: str, array: pa.Array, instant: datetime
) -> None:
    definition = replace(DEFINITION, timestamp=Field(columns=("timestamp",), time_zone="Europe/Vienna"))
    (answer,) = asked.load(database, definition, RULES, [File("times.parquet", written({**GOOD, "timestamp": array}))])
    assert answer.counts["rows_loaded"] == ROWS
    assert {row[4] for row in asked.read_kept(database, is_id_known=True).interactions} == {instant}


def test_epochs_are_read_from_whole_numbers(database: str) -> None:
    definition = replace(DEFINITION, timestamp=Field(columns=("timestamp",), formats=("epoch-ms",)))
    columns = {**GOOD, "timestamp": pa.array([1714996800123] * 3, pa.int64())}
    asked.load(database, definition, RULES, [File("times.parquet", written(columns))])
    kept = asked.read_kept(database, is_id_known=True)
    assert {row[4] for row in kept.interactions} == {NOON.replace(tzinfo=UTC)}


@pytest.mark.parametrize(
    "array",
    [
        pa.array([datetime(1, 1, 1, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
        pa.array([[1], [2], [3]]),
        pa.array([True, True, True]),
        pa.array([1, 2, 3], pa.int64()),
        pa.array([2**62, 2**62, -(2**62)], pa.timestamp("us", "UTC")),
        pa.array([1, 2, 3], pa.time64("us")),
        pa.array([1, 2, 3], pa.duration("us")),
    ],
    ids=lambda each: str(each.type),
)
def test_times_that_are_none_are_rejected_and_harm_nothing_else(array: pa.Array) -> None:
    found = say({**GOOD, "timestamp": array})
    if found.status == "failed":  # a type that is not read at all
        return
    assert found.counts["rows_read"] == ROWS
    assert found.counts["rows_rejected"] >= ROWS - 1
    assert {field for _, field in found.problems} == {"timestamp"}


def test_texts_and_uuids_in_columns(database: str) -> None:
    columns = {
        **GOOD,
        "interaction_id": pa.array(["a", "b", "a"]).dictionary_encode(),
        "user_id": pa.array([1, 2, 1], pa.int64()),
        "product_id": pa.array(["x" * 200, "x" * 201, "x" * 200], pa.large_string()),
        "action": pa.array(["v", "v", "v"]),
    }
    (answer,) = asked.load(database, DEFINITION, TEXTS, [File("texts.parquet", written(columns))])
    assert answer.counts == {
        "rows_read": 3, "rows_loaded": 1, "rows_duplicate": 1, "rows_rejected": 1, "rows_skipped": 0
    }  # fmt: skip
    with psycopg.connect(database) as connection:
        row = connection.execute("select interaction_id, user_id from user_interactions_raw").fetchone()
    assert row == ("a", "1")


ODD_IGNORED = {
    "list": pa.array([[[1]], [], None]),
    "struct": pa.array([{"a": [1], "b": None}] * 3),
    "map": pa.array([[("k", None)], [], None], pa.map_(pa.string(), pa.int64())),
    "decimal256": pa.array([Decimal(1)] * 3, pa.decimal256(76, 0)),
    "fixed": pa.array([b"abcd"] * 3, pa.binary(4)),
    "float16": pa.array([1.5, 2.5, float("nan")], pa.float32()),
    "bad": bad_text(),
    "huge": pa.array(["x" * 2_000_000] * 3),
    "nothing": pa.nulls(3),
    "time": pa.array([1, 2, 3], pa.time32("ms")),
    "bytes": pa.array([b"\xff\0"] * 3),
}


def test_what_stands_in_ignored_columns_does_not_matter() -> None:
    assert codes(say({**ODD_IGNORED, **GOOD})) == {}


def test_the_names_of_columns_are_matched_as_those_of_a_header() -> None:
    assert codes(say({f" {name.upper()}\t": values for name, values in GOOD.items()})) == {}
    assert say({name: values for name, values in GOOD.items() if name != "action"}).status == "failed"
    doubled = pa.table([*GOOD.values(), GOOD["action"]], [*GOOD, "Action"])
    sink = pa.BufferOutputStream()
    pq.write_table(doubled, sink)
    (answer,) = asked.check(DEFINITION, RULES, [File("doubled.parquet", bytes(sink.getvalue()))])
    assert answer.status == "failed"


def test_records_that_are_no_interactions_are_skipped() -> None:
    definition = replace(DEFINITION, where=(Condition("action", is_in=("view",)),))
    found = say(GOOD, definition)
    assert (found.counts["rows_loaded"], found.counts["rows_skipped"]) == (2, 1)


@pytest.mark.parametrize(
    "options",
    [
        {"row_group_size": 1}, {"use_dictionary": False}, {"compression": "none"}, {"compression": "zstd"},
        {"compression": "gzip"}, {"compression": "brotli"}, {"compression": "lz4"}, {"data_page_version": "2.0"},
        {"version": "1.0"}, {"write_page_checksum": True}, {"store_schema": False}, {"data_page_size": 1},
    ],
    ids=str,
)  # fmt: skip
def test_however_a_file_is_written_it_says_the_same(options: dict[str, Any]) -> None:
    (answer,) = asked.check(DEFINITION, RULES, [File("a.parquet", written(GOOD, **options))])
    assert (answer.status, answer.counts["rows_loaded"]) == ("taken", ROWS)


def test_a_file_without_rows_is_a_load_of_none() -> None:
    empty = {name: values[:0] for name, values in GOOD.items()}
    (answer,) = asked.check(DEFINITION, RULES, [File("none.parquet", written(empty))])
    assert (answer.status, answer.counts["rows_read"]) == ("taken", 0)


def broken_files() -> dict[str, bytes]:
    """Give files that are none, or are no more."""
    whole = written(GOOD)
    found = {f"cut at {at}": whole[:at] for at in range(0, len(whole), max(1, len(whole) // 12))}
    found |= {f"begins at {at}": whole[at:] for at in (1, 4, 100, len(whole) // 2)}
    found |= {
        "magic alone": b"PAR1",
        "magic twice": b"PAR1PAR1",
        "an empty footer": b"PAR1\0\0\0\0PAR1",
        "a footer that is longer than the file": whole[:-8] + b"\xff\xff\xff\x7fPAR1",
        "a footer of negative size": whole[:-8] + b"\xff\xff\xff\xffPAR1",
        "an encrypted footer": whole[:-4] + b"PARE",
        "text": b"interaction_id,user_id,product_id,action,timestamp\n1,1,1,a,2024-01-01\n",
        "one byte behind the footer": whole + b"\0",
        "pages of zeros": whole[:4] + bytes(len(whole) // 3) + whole[4 + len(whole) // 3 :],
    }
    return found


@pytest.mark.parametrize("name", broken_files())
def test_a_file_that_is_broken_is_refused_as_a_whole(name: str) -> None:
    (answer,) = asked.check(DEFINITION, RULES, [File("broken.parquet", broken_files()[name])])
    assert answer.status == "failed"


def test_a_broken_file_is_recorded_and_the_others_are_loaded(database: str) -> None:
    whole = written(GOOD)
    files = [File("cut.parquet", whole[: len(whole) // 2]), File("whole.parquet", whole)]
    answers = asked.load(database, DEFINITION, RULES, files)
    assert [each.status for each in answers] == ["failed", "taken"]
    assert len(asked.read_kept(database, is_id_known=True).interactions) == ROWS
