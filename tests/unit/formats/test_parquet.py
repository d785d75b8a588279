"""Parquet files: every type of a column, what cannot be read, and the same verdicts with types as with text."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.contract.definition import Condition, Field, SourceDefinition
from footfall.contract.ids import IdTypes
from footfall.contract.limits import RECORD_BYTES_MAX
from footfall.contract.terms import Contract
from footfall.engines.in_process import open_engine
from footfall.engines.kernel import make_conflicts
from footfall.errors import CorruptSourceError, SourceError
from footfall.formats.choosing import Contracts
from footfall.formats.reading import Reader
from footfall.sources.opening import open_source
from judging import Judged, judge_file, judge_slowly
from sampling import IS_LONG, examples

UTC = dt.UTC
NOON = dt.datetime(2024, 1, 2, 12, tzinfo=UTC)
COLUMNS = ("interaction_id", "user_id", "product_id", "action", "timestamp")
ROW: dict[str, Any] = {
    "interaction_id": [1],
    "user_id": [2],
    "product_id": [3],
    "action": ["click"],
    "timestamp": pa.array([NOON], pa.timestamp("us", "UTC")),
}
TEXTS = IdTypes("text", "text", "text")


def made(tmp_path: Path, columns: dict[str, Any] | pa.Table, **options: Any) -> Path:
    path = tmp_path / "a.parquet"
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, **options)
    return path


def judged_alike(path: Path, definition: SourceDefinition | None = None, **terms: Any) -> Judged:
    """The verdicts, which must be the same without the shorter way."""
    judged = judge_file(path, definition, **terms)
    assert judged == judge_slowly(path, definition, **terms)
    return judged


def action_of(tmp_path: Path, values: pa.Array) -> Any:
    """What a value becomes as an action: its text, or the code of its problem."""
    judged = judged_alike(made(tmp_path, ROW | {"action": values}))
    return judged.accepted[0]["action"] if judged.accepted else judged.problems[0][1:]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (pa.array([-5], pa.int8()), "-5"),
        (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
        (pa.array([65535], pa.uint16()), "65535"),
        (pa.array([0.1], pa.float32()), "0.1"),
        (pa.array([0.1], pa.float64()), "0.1"),
        (pa.array([1.5], pa.float16()), "1.5"),
        (pa.array([123.0]), "123.0"),
        (pa.array([decimal.Decimal("12.30")]), "12.30"),
        (pa.array([decimal.Decimal("1" * 60 + ".25")], pa.decimal256(70, 2)), "1" * 60 + ".25"),
        (pa.array([True]), "true"),
        (pa.array([dt.date(2024, 1, 2)]), "2024-01-02"),
        (pa.array([dt.time(1, 2, 3)], pa.time32("ms")), "01:02:03"),
        (pa.array([3_723_000_000_789], pa.time64("ns")), "01:02:03"),
        (pa.array([1_700_000_000_123_456_789], pa.timestamp("ns")), "2023-11-14 22:13:20.123456"),
        (pa.array([-1], pa.timestamp("ns")), "1969-12-31 23:59:59.999999"),
        (pa.array([1_700_000_000_123], pa.timestamp("ms", "Europe/Vienna")), "2023-11-14 22:13:20.123Z"),
        (pa.array(["x"]).dictionary_encode(), "x"),
        (pa.array(["x"], pa.large_string()), "x"),
        (pa.array(["x"], pa.string_view()), "x"),
        (pa.array([b"caf\xc3\xa9"], pa.binary()), "caf\u00e9"),
        (pa.array([b"ab"], pa.binary(2)), "ab"),
        (pa.array([uuid.UUID(int=255).bytes], pa.uuid()), "00000000-0000-0000-0000-0000000000ff"),
        (pa.array([None], pa.string()), ("missing-value", "action", None)),
        (pa.nulls(1), ("missing-value", "action", None)),
        (pa.array([b"caf\xe9"], pa.binary()), ("bad-encoding", "action", "caf\ufffd")),
        (pa.array([b"\xff"], pa.binary(1)), ("bad-encoding", "action", "\ufffd")),
        (pa.array(["a\0b"]), ("bad-encoding", "action", "a\ufffdb")),
        (pa.array(["a\0b"]).dictionary_encode(), ("bad-encoding", "action", "a\ufffdb")),
        (pa.array([["x"]]), ("not-a-value", "action", '["x"]')),
        (pa.array([{"a": 1}]), ("not-a-value", "action", '{"a":1}')),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), ("not-a-value", "action", '{"k":1}')),
        (pa.array([None], pa.list_(pa.int8())), ("missing-value", "action", None)),
    ],
)
def test_each_type_has_its_text(tmp_path: Path, values: pa.Array, text: Any) -> None:
    found = action_of(tmp_path, values)
    assert found == text or (isinstance(found, str) and pa.types.is_time64(values.type) and found.startswith(text))


def test_text_that_was_never_checked_is_bad_encoding(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(pa.string(), 1, pa.array([b"caf\xe9"]).buffers())
    assert action_of(tmp_path, bad) == ("bad-encoding", "action", "caf\ufffd")


@pytest.mark.parametrize(
    ("kind", "values", "codes"),
    [
        (pa.int64(), [1, 0, -1, 2**63 - 1, None], [None, None, "out-of-range", None, "missing-value"]),
        (pa.uint64(), [1, 2**63, 2**63 - 1], [None, "out-of-range", None]),
        (pa.float64(), [1.0, 1e300, float("nan")], ["not-an-integer"] * 3),
        (pa.decimal128(20, 0), [1, 2], [None, None]),
        (pa.decimal128(20, 2), [1], ["not-an-integer"]),
        (pa.string(), ["1", " 2\t", "+3", "x", ""], [None, None, None, "not-an-integer", "missing-value"]),
        (pa.bool_(), [True], ["not-an-integer"]),
    ],
)
def test_ids_are_judged_alike_by_type_and_by_text(
    tmp_path: Path, kind: pa.DataType, values: list[Any], codes: list[str | None]
) -> None:
    count = len(values)
    columns = {name: pa.concat_arrays([pa.array(column)] * count) for name, column in ROW.items()}
    path = made(tmp_path, columns | {"interaction_id": range(1, count + 1), "user_id": pa.array(values, kind)})
    judged = judged_alike(path)
    problems = {line: code for line, code, *_ in judged.problems}
    wanted = {line: code for line, code in enumerate(codes, 1) if code}
    if kind == pa.int64():  # whether 0 is an id is the rules' affair
        problems.pop(2, None)
    assert problems == wanted


def test_ids_of_floats_are_whole_numbers_where_the_definition_says_so(tmp_path: Path) -> None:
    columns = {name: pa.concat_arrays([pa.array(column)] * 3) for name, column in ROW.items()}
    path = made(tmp_path, columns | {"user_id": [123.0, 1.5, 1e17]})
    judged = judged_alike(path, SourceDefinition(user_id=Field(columns=("user_id",), is_float=True)))
    assert [row["user_id"] for row in judged.accepted] == [123]
    assert [code for _, code, *_ in judged.problems] == ["not-an-integer"] * 2


@pytest.mark.parametrize("time_zone", ["UTC", "Europe/Vienna"])
@pytest.mark.parametrize(
    ("values", "instant"),
    [
        (pa.array([dt.datetime(2024, 7, 2, 12)], pa.timestamp("ms")), 10),  # noqa: DTZ001
        (pa.array([dt.datetime(2024, 7, 2, 12, tzinfo=UTC)], pa.timestamp("ns", "America/New_York")), 12),
        (pa.array([dt.datetime(2024, 7, 2, 12)], pa.timestamp("us")), 10),  # noqa: DTZ001
        (pa.array(["2024-07-02 12:00"]), 10),
        (pa.array([dt.date(2024, 7, 2)]), -2),
    ],
)
def test_times_without_a_zone_are_of_the_source(tmp_path: Path, values: pa.Array, instant: int, time_zone: str) -> None:
    shift = 2 if time_zone == "UTC" and instant != 12 else 0
    judged = judged_alike(made(tmp_path, ROW | {"timestamp": values}), source_time_zone=time_zone)
    assert judged.accepted[0]["timestamp"] == dt.datetime(2024, 7, 2, tzinfo=UTC) + dt.timedelta(hours=instant + shift)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC"])
@pytest.mark.parametrize("number", [-(2**63) + 1, -(2**62), 0, 2**62, 2**63 - 1, None])
def test_no_time_of_any_number_ends_the_run(tmp_path: Path, unit: str, zone: str | None, number: int | None) -> None:
    times = pa.array([number, 0], pa.timestamp(unit, zone))
    columns = {name: pa.concat_arrays([pa.array(column)] * 2) for name, column in ROW.items()}
    judged = judged_alike(made(tmp_path, columns | {"timestamp": times}))
    assert len(judged.accepted) + len(judged.rejected) == 2
    assert judged.accepted


@pytest.mark.parametrize("number", [-(2**31), -1, 0, 2**31 - 1])
def test_no_day_of_any_number_ends_the_run(tmp_path: Path, number: int) -> None:
    days = pa.array([number], pa.int32()).view(pa.date32())
    judged = judged_alike(made(tmp_path, ROW | {"timestamp": days}))
    assert bool(judged.accepted) == (number in (-1, 0))


def test_old_timestamps_of_hadoop_are_read_to_the_microsecond(tmp_path: Path) -> None:
    times = pa.array([dt.datetime(1500, 1, 2, 3, 4, 5, 6)], pa.timestamp("us"))  # noqa: DTZ001
    path = made(tmp_path, ROW | {"timestamp": times}, use_deprecated_int96_timestamps=True)
    assert judged_alike(path).accepted[0]["timestamp"] == dt.datetime(1500, 1, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize("form", ["epoch-s", "epoch-ms", "epoch-us", "epoch-ns"])
def test_epochs_are_read_from_numbers(tmp_path: Path, form: str) -> None:
    number = 1_704_196_800 * {"epoch-s": 1, "epoch-ms": 10**3, "epoch-us": 10**6, "epoch-ns": 10**9}[form]
    columns = {name: pa.concat_arrays([pa.array(column)] * 4) for name, column in ROW.items()}
    path = made(tmp_path, columns | {"timestamp": [number, 0, -number, 2**63 - 1]})
    judged = judged_alike(path, SourceDefinition(timestamp=Field(columns=("timestamp",), formats=(form,))))
    assert judged.accepted[0]["timestamp"] == NOON


def test_ids_may_be_uuids_of_any_spelling(tmp_path: Path) -> None:
    value = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
    for column in (pa.array([value.bytes], pa.uuid()), pa.array([str(value)]), pa.array([value.hex.upper()])):
        judged = judged_alike(made(tmp_path, ROW | {"user_id": column}), id_types=IdTypes(user_id="uuid"))
        assert judged.accepted[0]["user_id"] == value.bytes


def test_a_rejected_row_is_kept_as_json_with_its_own_names_and_numbers(tmp_path: Path) -> None:
    columns = {
        "Interaction_ID": [1],
        " user_id": pa.array([2.5]),
        'product"_id': pa.array([decimal.Decimal("3.10")]),
        "action": ['say "hi"\n'],
        "timestamp": pa.array([float("nan")]),
        "ignored": [b"\xff"],
    }
    definition = SourceDefinition(product_id=Field(columns=('product"_id',)))
    (row,) = judged_alike(made(tmp_path, columns), definition).rejected
    assert json.loads(row["raw_line"]) == {
        "Interaction_ID": 1,
        " user_id": 2.5,
        'product"_id': "3.10",
        "action": 'say "hi"\n',
        "timestamp": "nan",
    }
    assert (row["position"], row["raw_bytes"], row["raw_size_bytes"]) == (1, None, len(row["raw_line"]))


def test_paths_lead_into_structs_and_into_json(tmp_path: Path) -> None:
    event = {"id": 7, "User": {"key": "5", "at": NOON}, "tags": ["click", "x"], "p.d": 9}
    columns = {"event": [event, None], "payload": ['{"a": {"b": "2024-01-02"}}', "x"], "x.y": [4, 5]}
    definition = SourceDefinition(
        interaction_id=Field(columns=("event.id",)),
        user_id=Field(columns=("EVENT.User.key",)),
        product_id=Field(columns=('event["p.d"]',)),
        action=Field(columns=("event.tags[0]",)),
        timestamp=Field(columns=("payload -> a.b",)),
        where=(Condition("x.y", not_in=("6",)),),
    )
    judged = judged_alike(made(tmp_path, columns), definition)
    assert [tuple(row.values())[1:5] for row in judged.accepted] == [(7, 5, 9, "click")]
    assert judged.codes == {"missing-value": 5}


def test_a_path_that_ends_at_a_list_is_no_value(tmp_path: Path) -> None:
    path = made(tmp_path, ROW | {"action": [{"tags": ["a"]}]})
    judged = judged_alike(path, SourceDefinition(action=Field(columns=("action.tags",))))
    assert judged.problems == [(1, "not-a-value", "action", '["a"]')]


def test_columns_are_found_by_position_and_by_name_in_any_case(tmp_path: Path) -> None:
    table = pa.Table.from_arrays(
        [pa.array([1]), pa.array([2]), pa.array(["x"]), pa.array([3]), pa.array([NOON])],
        names=["a", " USER_ID ", "action", "a", "timestamp"],
    )
    definition = SourceDefinition(interaction_id=Field(columns=(1,)), product_id=Field(columns=(4,)))
    (row,) = judged_alike(made(tmp_path, table), definition).accepted
    assert (row["interaction_id"], row["user_id"], row["product_id"]) == (1, 2, 3)
    with pytest.raises(SourceError, match="'a' twice"):
        judge_file(made(tmp_path, table), SourceDefinition(interaction_id=Field(columns=("a",))))
    with pytest.raises(SourceError, match="names column 6"):
        judge_file(made(tmp_path, table), SourceDefinition(interaction_id=Field(columns=(6,))))
    with pytest.raises(SourceError, match="no column 'interaction_id', 'product_id'"):
        judge_file(made(tmp_path, table))


def test_columns_behind_nested_ones_are_their_own(tmp_path: Path) -> None:
    nested = {
        "m": pa.array([[("k", 9)]], pa.map_(pa.string(), pa.int64())),
        "s": [{"a": 8, "b": [{"c": 7, "d": 6}]}],
        "l": [[[5]]],
    }
    assert judged_alike(made(tmp_path, nested | ROW)).accepted


def test_types_of_columns_that_no_field_reads_do_not_matter(tmp_path: Path) -> None:
    columns = ROW | {"odd": pa.array([1], pa.duration("s")), "more": pa.array([[b"\xff"]])}
    path = made(tmp_path, columns)
    assert judged_alike(path).accepted
    with pytest.raises(SourceError, match=r"'odd' is of the type duration.*write it as text"):
        judge_file(path, SourceDefinition(action=Field(columns=("odd",))))


@pytest.mark.slow
def test_made_ids_are_of_the_whole_row_or_of_the_fields(tmp_path: Path) -> None:
    columns = {name: pa.concat_arrays([pa.array(column)] * 3) for name, column in ROW.items()}
    del columns["interaction_id"]
    path = made(tmp_path, columns | {"extra": ["a", "a", "b"]})
    ids: dict[str, list[bytes]] = {}
    for source in ("record", "fields", "position"):
        definition = SourceDefinition(interaction_id=Field(made_from=source))  # type: ignore[arg-type]
        judged = judged_alike(path, definition, id_types=IdTypes(interaction_id="uuid"))
        ids[source] = [row["interaction_id"] for row in judged.accepted]
    assert [len(set(each)) for each in ids.values()] == [3, 3, 3]


def test_null_values_defaults_and_conditions_hold_for_typed_columns(tmp_path: Path) -> None:
    columns = {name: pa.concat_arrays([pa.array(column)] * 4) for name, column in ROW.items()}
    path = made(tmp_path, columns | {"user_id": [1, -1, 7, None], "kind": ["a", "a", "b", "a"]})
    definition = SourceDefinition(
        null_values=("-1",),
        user_id=Field(columns=("user_id",), default="5"),
        where=(Condition("kind", is_in=("a",)),),
    )
    judged = judged_alike(path, definition)
    assert [row["user_id"] for row in judged.accepted] == [1, 5, 5]
    assert judged.skipped == 1


def test_a_record_over_1_mb_is_too_long(tmp_path: Path) -> None:
    columns = {name: pa.concat_arrays([pa.array(column)] * 3) for name, column in ROW.items()}
    path = made(tmp_path, columns | {"note": ["x" * (RECORD_BYTES_MAX - 20), "\n" * 200_000, "\n" * 500_001]})
    judged = judged_alike(path, SourceDefinition(where=(Condition("note", is_missing=False),)))
    assert [row["position"] for row in judged.accepted] == [2]
    assert [(line, code) for line, code, *_ in judged.problems] == [(1, "too-long"), (3, "too-long")]
    assert all(len(row["raw_line"]) == 65_536 for row in judged.rejected)


def test_a_file_without_rows_has_none(tmp_path: Path) -> None:
    table = pa.table(ROW).slice(0, 0)
    assert judged_alike(made(tmp_path, table)) == Judged()
    with pq.ParquetWriter(tmp_path / "b.parquet", table.schema):
        pass
    assert judged_alike(tmp_path / "b.parquet") == Judged()


def test_rows_are_numbered_through_all_row_groups(tmp_path: Path) -> None:
    count = 10_000
    columns = {name: pa.concat_arrays([pa.array(column)] * count) for name, column in ROW.items()}
    columns["interaction_id"] = pa.array([None if at % 1_000 == 7 else at + 1 for at in range(count)])
    judged = judged_alike(made(tmp_path, columns, row_group_size=333))
    assert [row["position"] for row in judged.rejected] == list(range(8, count, 1_000))
    assert len(judged.accepted) == count - 10


def test_a_definition_of_constants_gives_a_row_each(tmp_path: Path) -> None:
    definition = SourceDefinition(
        interaction_id=Field(made_from="position"),
        user_id=Field(value="1"),
        product_id=Field(value="2"),
        action=Field(value="view"),
        timestamp=Field(value="2024-01-01"),
    )
    judged = judged_alike(made(tmp_path, {"x": range(5)}), definition, id_types=IdTypes(interaction_id="uuid"))
    assert len(judged.accepted) == 5


def test_conflicts_are_kept_as_rejected_rows_are(tmp_path: Path) -> None:
    path = made(tmp_path, ROW)
    with open_source(str(path)) as file:
        reading = Reader(Contracts(Contract()), 128).read(file)
        ((rejected, ids),) = make_conflicts(reading.batches, reading.layout, None)
    (row,) = rejected.to_pylist()
    assert (row["position"], ids) == (1, ["1"])
    assert json.loads(row["raw_line"])["timestamp"] == "2024-01-02 12:00:00Z"
    assert row["raw_size_bytes"] == len(row["raw_line"])


def test_small_files_of_one_layout_are_judged_together(tmp_path: Path) -> None:
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pq.write_table(pa.table(ROW), first)
    pq.write_table(pa.table(ROW | {"user_id": pa.array([None], pa.int16())}), second)
    with open_engine(None, 128) as engine, open_source(str(first)) as one, open_source(str(second)) as two:
        reader = Reader(Contracts(Contract()), 128)
        readings = [reader.read(one), reader.read(two)]
        assert readings[0].layout == readings[1].layout
        sums = engine.run(readings, lambda _: None)
    assert [(each.rows_accepted, each.rows_rejected) for each in sums] == [(1, 0), (0, 1)]


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_every_compression_is_read(tmp_path: Path, compression: str) -> None:
    assert judged_alike(made(tmp_path, ROW, compression=compression)).accepted


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = made(tmp_path, ROW).read_bytes()
    path = tmp_path / "cut.parquet"
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(SourceError):
            judge_file(path)


@pytest.mark.slow
def test_a_file_with_a_byte_changed_is_refused_or_judged(tmp_path: Path) -> None:
    whole = made(tmp_path, ROW, write_page_checksum=True, compression="none", store_schema=False).read_bytes()
    path = tmp_path / "changed.parquet"
    refused = 0
    for place in range(0, len(whole), 3 if IS_LONG else 8):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            judge_file(path)
        except SourceError:
            refused += 1
    assert refused > 20


def test_what_is_no_parquet_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for content, words in (
        (b"", "empty"),
        (b"interaction_id,user_id\n", "not a Parquet file"),
        (b"<html><body>\n", "HTML"),
        (b"PK\x03\x04" + b"\0" * 40, "zip"),
        (b"\x1f\x8b\x08" + b"\0" * 20, "compressed inside"),
        (b"PARE" + b"\0" * 20 + b"PARE", "encrypted"),
        (b"PAR1" + b"\0" * 20, "cut or corrupt"),
        (b"PAR1", "cut or corrupt"),
        (b"PAR1\xff\xff\xff\x7fPAR1", "cut or corrupt"),
    ):
        path.write_bytes(content)
        with pytest.raises(SourceError, match=words) as caught:
            judge_file(path)
        assert caught.value.source == str(path)


def test_a_parquet_file_by_another_name_is_read_where_the_definition_says_so(tmp_path: Path) -> None:
    path = made(tmp_path, ROW).rename(tmp_path / "a.csv")
    assert judged_alike(path, SourceDefinition(format="parquet")).accepted
    with pytest.raises(SourceError, match='format = "parquet"'):
        judge_file(path)


def test_text_in_a_struct_that_is_none_is_refused_with_the_name_of_the_column(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    path = made(tmp_path, ROW | {"action": pa.StructArray.from_arrays([bad], ["a"])})
    with pytest.raises(CorruptSourceError, match="'action'"):
        judge_file(path, SourceDefinition(action=Field(columns=("action.a",))))


IDS = st.one_of(st.none(), st.integers(-2, 3), st.sampled_from([2**63 - 1, -(2**63)]))
WORDS = st.one_of(
    st.none(), st.sampled_from(["", " ", "a", " a ", "é", "a\0", "x" * 501, "\u00a0", "null", "1", "\ufffd"])
)
TIMES = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-(10**17), 10**17))
ROWS = st.lists(st.tuples(IDS, IDS, WORDS, WORDS, TIMES), min_size=12, max_size=36)


# Many rows in few files: what costs is a file with its layout, not its rows.
@pytest.mark.slow
@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS,
    unit=st.sampled_from(["ms", "us", "ns"]),
    zone=st.sampled_from([None, "UTC", "Asia/Kolkata"]),
    is_text=st.booleans(),
    nulls=st.sampled_from([(), ("a",), ("1", "null")]),
    source_zone=st.sampled_from(["UTC", "Europe/Vienna"]),
)
def test_types_prove_no_more_than_their_texts(
    tmp_path: Path,
    rows: list[Any],
    unit: str,
    zone: str | None,
    is_text: bool,
    nulls: tuple[str, ...],
    source_zone: str,
) -> None:
    first, second, third, fourth, times = zip(*rows, strict=True)
    kinds = (pa.int64(), pa.int64(), pa.string(), pa.string(), pa.timestamp(unit, zone))
    arrays = [pa.array(values, kind) for values, kind in zip((first, second, third, fourth, times), kinds, strict=True)]
    path = made(tmp_path, pa.Table.from_arrays(arrays, names=COLUMNS))
    terms: dict[str, Any] = {"id_types": TEXTS} if is_text else {}
    judged_alike(path, SourceDefinition(null_values=nulls), source_time_zone=source_zone, **terms)
