"""Source definitions of delimited files: what each key makes of a record, by the long way and by the plain one."""

from __future__ import annotations

import json
import tomllib
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from factories import make_layout
from footfall.contract.ids import IdTypes
from footfall.contract.parsing import parse_definition
from footfall.contract.terms import Contract
from footfall.engines import kernel
from footfall.errors import SourceError
from footfall.formats.delimited import read_records

DAY = datetime(2024, 1, 2, tzinfo=UTC)
OWN = {"interaction_id": "1", "user_id": "2", "product_id": "3", "action": "view", "timestamp": "2024-01-02"}
MISSING = [("missing-value", "user_id", None)]


def judge(definition: str, *lines: str, types: IdTypes | None = None, way: str = "both") -> dict[int, Any]:
    """Judge the lines of a file, header first: five values, problems, or the word skipped, by line number."""
    values = tomllib.loads(definition)
    made = parse_definition("shop", values, "footfall.toml", is_time_zone=lambda name: True)
    contract = Contract(made, id_types=types or IdTypes())
    content = "\n".join(lines).encode()
    record, batches = read_records(lambda: iter([content]), "a.csv", made.delimiter or ",")
    session = kernel.open_kernel_session(make_layout(record.fields, contract), None)
    (batch,) = batches
    found = _judge(session if way == "both" else replace(session, quick=None), batch)
    if way == "both":
        assert _judge(replace(session, quick=None), batch) == found
    session.close()
    return found


def _judge(session: kernel.KernelSession, batch: Any) -> dict[int, Any]:
    verdicts = kernel.judge_batch(session, batch)
    found: dict[int, Any] = {}
    for number, *values in zip(*verdicts.accepted.to_pydict().values(), strict=True):
        found[number] = tuple(str(uuid.UUID(bytes=each)) if isinstance(each, bytes) else each for each in values)
    for row in verdicts.rejected.to_pylist():
        found[row["position"]] = [(p["code"], p["field"], p["value"]) for p in json.loads(row["problems"])]
    skipped = [number for number in batch["position"].to_pylist() if number not in found]
    assert len(skipped) == verdicts.skipped.get(0, 0)
    return found | dict.fromkeys(skipped, "skipped")


def judge_user(definition: str, *texts: str, **more: Any) -> list[Any]:
    """Judge texts of the column `u`, which gives the user: the users, or problems."""
    own = "".join(f'{name} = "{name}"\n' for name in OWN if name != "user_id")
    header = ",".join(name for name in OWN if name != "user_id")
    rest = ",".join(value for name, value in OWN.items() if name != "user_id")
    found = judge(own + definition, f"u,{header}", *(f"{text},{rest}" for text in texts), **more)
    return [each[1] if isinstance(each, tuple) else each for each in found.values()]


def test_columns_are_found_by_name_in_any_case_and_by_position() -> None:
    definition = """
    interaction_id = "Event ID"
    user_id = 2
    product_id = "item"
    action = { value = "buy" }
    timestamp = "TS"
    """
    assert judge(definition, " event id ,u,ITEM,ts", "1,2,3,2024-01-02") == {2: (1, 2, 3, "buy", DAY)}


def test_the_first_column_that_is_not_missing_is_the_value() -> None:
    definition = """
    null_values = ["NULL"]
    user_id = { column = ["account", "session"], default = 9 }
    """
    rest = ",3,view,2024-01-02"
    found = judge(
        definition,
        "interaction_id,account,session,product_id,action,timestamp",
        f"1,5,6{rest}",
        f"2, ,6{rest}",
        f"3,NULL,6{rest}",
        f"4,NULL,{rest}",
        f"5,x,6{rest}",
    )
    assert [each[1] if isinstance(each, tuple) else each for each in found.values()] == [
        5,
        6,
        6,
        9,
        [("not-an-integer", "user_id", "x")],
    ]


@pytest.mark.parametrize(
    ("definition", "text", "wanted"),
    [
        ('user_id = { column = "u", extract = "N([0-9]+)-" }', "N73-0", 73),
        ('user_id = { column = "u", extract = "N([0-9]+)-" }', "73", MISSING),
        ('user_id = { column = "u", integers = "as-float" }', "123.0", 123),
        ('user_id = { column = "u", integers = "as-float" }', "123.50", [("not-an-integer", "user_id", "123.50")]),
        ('user_id = "u"', "123.0", [("not-an-integer", "user_id", "123.0")]),
        ('user_id = { column = "u", default = 8 }', "", 8),
        ('user_id = { column = "u", default = 8 }', "x", [("not-an-integer", "user_id", "x")]),
        ('null_values = ["-1"]\nuser_id = "u"', "-1", MISSING),
        ('null_values = ["77"]\nuser_id = "u"', "77", MISSING),
        ('null_values = ["77"]\nuser_id = "u"', "78", 78),
        ('user_id = "u -> user.id"', '"{""user"": {""id"": 12}}"', 12),
        ('user_id = "u -> user.id"', '"{""user"": {""id"": [12]}}"', [("not-a-value", "user_id", "[12]")]),
        ('user_id = "u -> user.id"', "no json", MISSING),
    ],
)
def test_a_key_of_a_field_makes_its_value(definition: str, text: str, wanted: Any) -> None:
    assert judge_user(definition, text) == [wanted]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        ("{550E8400-E29B-41D4-A716-446655440000}", "550e8400-e29b-41d4-a716-446655440000"),
        ("550e8400e29b41d4a716446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        ("550e8400-e29b-41d4-a716-44665544000", [("not-a-uuid", "user_id", "550e8400-e29b-41d4-a716-44665544000")]),
        ("7", [("not-a-uuid", "user_id", "7")]),
        ("", [("missing-value", "user_id", "")]),
    ],
)
def test_a_uuid_is_read_in_its_three_spellings(text: str, wanted: Any) -> None:
    assert judge_user('user_id = "u"', text, types=IdTypes(user_id="uuid")) == [wanted]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("00123", "00123"),
        (" a b ", "a b"),
        ("é" * 200, "é" * 200),
        ("é" * 201, [("too-long", "user_id", "é" * 200)]),
        ("\xa0x", "\xa0x"),
        ("", [("missing-value", "user_id", "")]),
    ],
)
def test_an_id_that_is_text_is_trimmed_and_otherwise_untouched(text: str, wanted: Any) -> None:
    assert judge_user('user_id = "u"', text, types=IdTypes(user_id="text")) == [wanted]


@pytest.mark.parametrize(
    ("definition", "text", "wanted"),
    [
        ('format = "epoch-s"', "1704153600", DAY),
        ('format = "epoch-s"', "1704153600.25", DAY.replace(microsecond=250_000)),
        ('format = "epoch-s"', "-1.5", datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=UTC)),
        ('format = "epoch-s"', "1704153600000", "not-a-timestamp"),
        ('format = "epoch-s"', "253402300800", "out-of-range"),
        ('format = "epoch-ms"', "1704153600001.5", DAY.replace(microsecond=1_500)),
        ('format = "epoch-us"', "1704153600000001", DAY.replace(microsecond=1)),
        ('format = "epoch-ns"', "1704153600000001999", DAY.replace(microsecond=1)),
        ('format = "%d/%m/%Y %H:%M"', "2/1/2024 0:00", DAY),
        ('format = "%d/%m/%Y"', "02/01/24", "not-a-timestamp"),
        ('format = "%d/%m/%Y"', "30/02/2024", "not-a-timestamp"),
        ('format = "%d/%b/%Y:%H:%M:%S %z"', "02/Jan/2024:01:00:00 +0100", DAY),
        ('format = ["%d/%m/%Y", "%m/%d/%Y"]', "13/02/2024", datetime(2024, 2, 13, tzinfo=UTC)),
        ('format = ["%d/%m/%Y", "%m/%d/%Y"]', "02/01/2024", "ambiguous-timestamp"),
        ('format = ["%d/%m/%Y", "%m/%d/%Y"]', "02/02/2024", datetime(2024, 2, 2, tzinfo=UTC)),
        ('format = ["epoch-s", "iso"]', "2024-01-02", DAY),
        ('time_zone = "Europe/Vienna"', "2024-01-02 01:00", DAY),
        ('time_zone = "Europe/Vienna"', "2024-01-02 01:00Z", DAY.replace(hour=1)),
        ('time_zone = "Europe/Vienna", format = "%Y%m%d %H"', "20240102 01", DAY),
    ],
)
def test_a_time_is_read_by_its_formats(definition: str, text: str, wanted: Any) -> None:
    found = judge(
        f'timestamp = {{ column = "t", {definition} }}',
        "interaction_id,user_id,product_id,action,t",
        f"1,2,3,view,{text}",
    )
    if isinstance(wanted, str):
        assert found == {2: [(wanted, "timestamp", text)]}
    else:
        assert found == {2: (1, 2, 3, "view", wanted)}


def test_a_date_and_a_time_are_joined_and_one_alone_is_missing() -> None:
    header = "interaction_id,user_id,product_id,action,d,t"
    found = judge('timestamp = { columns = ["d", "t"] }', header, "1,2,3,a,2024-01-02,7:01", "2,2,3,a,2024-01-02,")
    assert found[2][4] == DAY.replace(hour=7, minute=1)
    assert found[3] == [("missing-value", "timestamp", None)]


def test_the_time_may_be_a_constant() -> None:
    found = judge('timestamp = { value = "2024-01-02" }', "interaction_id,user_id,product_id,action", "1,2,3,view")
    assert found == {2: (1, 2, 3, "view", DAY)}


def test_a_record_that_is_no_interaction_is_skipped_whatever_else_is_wrong_with_it() -> None:
    definition = """
    where = [{ column = "action", in = ["view", "buy"] }, { column = "product_id", missing = false }]
    """
    found = judge(
        definition,
        ",".join(OWN),
        "1,2,3,view,2024-01-02",
        "2,2,3,ping,2024-01-02",
        "x,y,3,ping,now",
        "4,2,,buy,2024-01-02",
        "5,2,3,buy",
        '6,2,3," buy ",2024-01-02',
    )
    assert found == {
        2: (1, 2, 3, "view", DAY),
        3: "skipped",
        4: "skipped",
        5: "skipped",
        6: [("too-few-fields", None, "4")],
        7: (6, 2, 3, "buy", DAY),
    }


def test_a_key_of_several_columns_cannot_be_taken_for_another() -> None:
    definition = 'interaction_id = { columns = ["a", "b"] }'
    header = "a,b,user_id,product_id,action,timestamp"
    rest = "2,3,view,2024-01-02"
    types = IdTypes(interaction_id="text")
    found = judge(definition, header, f"x:,y,{rest}", f"x,:y,{rest}", f"x\\,y,{rest}", f"x,,{rest}", types=types)
    assert [each[0] for each in found.values()] == [
        "x\\::y",
        "x:\\:y",
        "x\\\\:y",
        ("missing-value", "interaction_id", None),
    ]


@pytest.mark.slow
def test_ids_made_of_records_differ_where_the_records_do_and_of_fields_where_the_fields_do() -> None:
    types = IdTypes(interaction_id="uuid")
    header = "user_id,product_id,action,timestamp,note"
    lines = ["2,3,view,2024-01-02,a", "2,3,view,2024-01-02,b", '"2",3,view,2024-01-02,a']

    def ids(made_from: str, name: str = "") -> list[str]:
        extra = f'\nid_space = "{name}"' if name else ""
        found = judge(f'interaction_id = {{ from = "{made_from}" }}{extra}', header, *lines, types=types)
        return [values[0] for values in found.values()]

    of_record, of_fields, of_position = ids("record"), ids("fields"), ids("position")
    assert len(set(of_record)) == 3
    assert len(set(of_fields)) == 1
    assert len(set(of_position)) == 3
    assert all(uuid.UUID(each).version == 8 for each in [*of_record, *of_fields, *of_position])
    assert not set(of_record) & set(ids("record", "another"))
    assert of_record == ids("record", "shop")


def test_a_column_that_a_definition_names_and_the_header_lacks_is_said_with_the_definition() -> None:
    with pytest.raises(SourceError, match=r"no column 'item'.*the definition 'shop' reads it"):
        judge('product_id = "item"', ",".join(OWN))


def test_bad_bytes_in_a_column_that_nobody_reads_do_not_reject_a_row() -> None:
    content = (
        ",".join([*OWN, "note"]) + "\n"
    ).encode() + b"1,2,3,view,2024-01-02,caf\xe9\n1,2,3,caf\xe9,2024-01-02,x\n"
    record, batches = read_records(lambda: iter([content]), "a.csv", ",")
    session = kernel.open_kernel_session(make_layout(record.fields), None)
    found = _judge(session, next(batches))
    session.close()
    assert found == {2: (1, 2, 3, "view", DAY), 3: [("bad-encoding", "action", "caf\ufffd")]}
