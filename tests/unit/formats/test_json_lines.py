"""JSON Lines: where records begin and end, and what stands in them at a path."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.shared.records_of_json import codes, dumped, judge_lines, lines_of

from footfall.contract.definition import Condition, Field, SourceDefinition
from footfall.contract.ids import BIGINTS
from footfall.contract.shapes import COLUMNS
from footfall.errors import SourceError

OWN = SourceDefinition()
NESTED = SourceDefinition(
    interaction_id=Field(("id",)),
    user_id=Field(("user.id", "anonymous")),
    product_id=Field(('item["a.b"][1].id',)),
    action=Field(("type",), default="none"),
    timestamp=Field(("at",)),
    where=(Condition("type", not_in=("skip",)),),
)
MB = 1_000_000


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a":1}\n{"b":2}\n', [(1, '{"a":1}'), (2, '{"b":2}')]),
        (b'{"a":1}\r\n\r\n \t\n{"b":2}', [(1, '{"a":1}'), (4, '{"b":2}')]),
        (b'\xef\xbb\xbf{"a":1}\n5\n', [(1, '{"a":1}'), (2, "5")]),
        (b'{"a":1}\r{"b":2}\r', [(1, '{"a":1}'), (2, '{"b":2}')]),
        (b'\n\n{"a":"x\ny\n{"b":2}\n', [(3, '{"a":"x'), (4, "y"), (5, '{"b":2}')]),
        (b'{"a":"1\n{"b":"2}\n{"c":3}', [(1, '{"a":"1'), (2, '{"b":"2}'), (3, '{"c":3}')]),
    ],
)
def test_each_line_that_is_not_blank_is_a_record(content: bytes, expected: list[tuple[int, str]]) -> None:
    for size in (1, 3, 1 << 20):
        assert [(row["position"], row["line"]) for row in lines_of(content, size)] == expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n", "no line at its beginning is a JSON object"),
        (b'"a"\n5\n', "no line at its beginning is a JSON object"),
        (b'[\n{"a": 1}\n]', "one JSON document"),
        (b'  [{"a": 1},\n{"a": 2}]', "one JSON document"),
        (b'{\n  "a": 1\n}', "one JSON document"),
        ('\ufeff{"a":1}\n'.encode("utf-16-le"), "UTF-16"),
    ],
)
def test_a_file_that_is_no_json_lines_is_refused_without_its_content(content: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        lines_of(content)
    assert '"a"' not in caught.value.message


def test_a_record_over_1_mb_streams_by_and_costs_itself_alone() -> None:
    long = dumped(action="x" * MB)
    accepted, rejected = judge_lines(f"{dumped()}\n{long}\n{dumped(interaction_id=2)}\n", OWN)
    assert [row["interaction_id"] for row in accepted] == ["1", "2"]
    assert codes(rejected) == [(2, [("too-long", None, str(len(long)))])]


NO_OBJECTS = [
    "5", '"x"', "null", "true", "[1]", '[{"a": 1}]', "{", '{"a": 1', "NaN", "a,b", "{'a': 1}", '{"a": 1}}',
    '{"a": 1} {"b": 2}', '{"a": 1},', '{"a": "\\x"}', '{"a": 01}', '{"a" 1}', "{a: 1}", '{"a": 1} // b', "\x0b",
    '{"a": "x\ty"}', "[" * 100_000, '{"a":' * 100_000,
]  # fmt: skip


def test_what_is_no_object_is_a_problem_of_the_record() -> None:
    accepted, rejected = judge_lines("\n".join([dumped(), *NO_OBJECTS, dumped(interaction_id=7)]), OWN)
    assert [row["position"] for row in accepted] == [1, len(NO_OBJECTS) + 2]
    assert codes(rejected) == [(line, [("not-an-object", None, text[:200])]) for line, text in enumerate(NO_OBJECTS, 2)]


VALUES_AS_TEXT = {
    "7": "7", '"7"': "7", '" 7\\t"': "7", "123456789012345678901234567890": "123456789012345678901234567890",
    "-1": "-1", "1.10": "1.1", "1.7e9": "1700000000.0", "1e400": "1e400", "true": "true", "false": "false",
    '"null"': "null", '"\\u00e9\\n\\"\\/"': 'é\n"/', '"\\ud83d\\ude00"': "\U0001f600", '"[1]"': "[1]", '"{"': "{",
    '"NaN"': "NaN", '"-inf"': "-inf", '"\\\\u0000"': "\\u0000",
}  # fmt: skip


@pytest.mark.parametrize("column", ["user_id", "action"])
def test_a_value_is_taken_as_the_text_that_it_is(column: str) -> None:
    line = dumped(**{column: None})
    accepted, rejected = judge_lines("\n".join(line.replace("null", each) for each in VALUES_AS_TEXT), OWN)
    assert rejected == []
    assert [row[column] for row in accepted] == list(VALUES_AS_TEXT.values())


NO_VALUES = ["[1]", '{"a":1}', "[]", "{}", "NaN", "Infinity", "-Infinity", "nan", "-inf"]


def test_what_is_no_value_is_a_problem_of_its_field() -> None:
    pairs = [(column, literal) for column in COLUMNS for literal in NO_VALUES]
    lines = [dumped(**{column: None}).replace("null", literal) for column, literal in pairs]
    accepted, rejected = judge_lines("\n".join(lines), OWN)
    assert accepted == []
    assert codes(rejected) == [
        (line, [("not-a-value", column, literal)]) for line, (column, literal) in enumerate(pairs, 1)
    ]


def test_null_and_blanks_are_missing_values() -> None:
    lines = [dumped(action=None).replace("null", each) for each in ("null", '""', '" \\t"')]
    _, rejected = judge_lines("\n".join(lines), OWN)
    assert [(code, field) for _, ((code, field, _),) in codes(rejected)] == [("missing-value", "action")] * 3


BAD_ESCAPES = ["\\u0000", "\\ud800", "\\uDFff", "\\ud83d\\ud83d\\ude00", "\\ude00\\ud83d"]


@pytest.mark.slow
def test_an_escape_that_is_no_character_matters_where_its_value_is_wanted() -> None:
    lines = [dumped(action="x@y").replace("@", each) for each in BAD_ESCAPES]
    accepted, rejected = judge_lines("\n".join(lines), OWN)
    assert accepted == []
    assert [(code, field) for _, ((code, field, _),) in codes(rejected)] == [("bad-encoding", "action")] * len(lines)
    assert [(row["raw_line"], row["raw_bytes"]) for row in rejected] == [(each, each.encode()) for each in lines]
    lines = [dumped(note="x@y").replace("@", each) for each in BAD_ESCAPES]
    assert judge_lines("\n".join(lines), OWN)[1] == []


@pytest.mark.parametrize("bad", [b"\xff", b"\0"])
def test_bad_bytes_matter_where_the_value_is_wanted_or_the_object_cannot_be_read(bad: bytes) -> None:
    lines = [dumped(action="x@y"), dumped(note="x@y"), '{"a": @}']
    accepted, rejected = judge_lines("\n".join(lines).encode().replace(b"@", bad), OWN)
    assert [row["position"] for row in accepted] == [2]
    assert codes(rejected) == [
        (1, [("bad-encoding", "action", "x\ufffdy")]),
        (3, [("not-an-object", None, '{"a": \ufffd}'), ("bad-encoding", None, '{"a": \ufffd}')]),
    ]


TWICE = [
    '"user_id": 7}',
    '"user_id": 2}',
    '"user\\u005fid": 7}',
    '"\\u0075ser_id": null}',
    '"x": "user_id", "user_id": 1}',
]


def test_a_name_that_stands_twice_on_the_way_to_a_value_is_a_problem_of_the_record() -> None:
    accepted, rejected = judge_lines("\n".join(dumped().replace("}", f", {each}") for each in TWICE), OWN)
    assert accepted == []
    assert [found for _, found in codes(rejected)] == [[("not-an-object", None, '"user_id" stands twice')]] * len(TWICE)


def test_a_name_that_stands_twice_elsewhere_does_not_matter() -> None:
    elsewhere = ['"x": 1, "x": 2}', '"x": {"user_id": 1, "user_id": 2}}', '"x": "\\"user_id\\":"}']
    accepted, rejected = judge_lines("\n".join(dumped().replace("}", f", {each}") for each in elsewhere), OWN)
    assert (len(accepted), rejected) == (3, [])


@pytest.mark.slow
def test_paths_lead_into_objects_and_lists() -> None:
    record = {"id": "i", "user": {"id": 5}, "item": {"a.b": [1, {"id": 9}]}, "at": "2024-01-02"}
    lines = [
        record,
        record | {"user": {"id": None}, "anonymous": "a7", "type": "view"},
        record | {"type": "skip", "user": {"id": [1]}},
        record | {"item": {"a.b": {"id": 9}}},
        record | {"user": {"id": {"x": 1}}, "anonymous": 3},
    ]
    accepted, rejected = judge_lines("\n".join(map(json.dumps, lines)), NESTED)
    assert [(row["user_id"], row["product_id"], row["action"]) for row in accepted] == [
        ("5", "9", "none"),
        ("a7", "9", "view"),
    ]
    assert codes(rejected) == [
        (4, [("missing-value", "product_id", None)]),
        (5, [("not-a-value", "user_id", '{"x":1}')]),
    ]
    line = json.dumps(record).replace('{"id": 9', '{"id": 8, "id": 9')
    assert codes(judge_lines(line, NESTED)[1]) == [(1, [("not-an-object", None, '"id" stands twice')])]


def test_a_text_may_hold_json_of_its_own() -> None:
    definition = SourceDefinition(user_id=Field(("payload -> user.id",)), action=Field(("payload -> kind",)))
    payloads = [
        '{"user": {"id": 5}, "kind": "view"}',
        '{"user": {"id": 5}, "kind": [1]}',
        "{",
        {"user": {"id": 6}, "kind": "x"},
    ]
    accepted, rejected = judge_lines("\n".join(dumped(payload=each) for each in payloads), definition)
    assert [(row["user_id"], row["action"]) for row in accepted] == [("5", "view"), ("6", "x")]
    assert codes(rejected) == [
        (2, [("not-a-value", "action", "[1]")]),
        (3, [("missing-value", "user_id", None), ("missing-value", "action", None)]),
    ]


def test_names_that_json_writes_in_several_ways_are_found_and_seen_twice() -> None:
    definition = SourceDefinition(user_id=Field(('["a\\"b/c"]',)))
    accepted, rejected = judge_lines(
        dumped().replace('"user_id"', '"a\\u0022b\\/c"')
        + "\n"
        + dumped().replace("}", ', "a\\"b/c": 1, "a\\"b\\/c": 2}'),
        definition,
    )
    assert [row["user_id"] for row in accepted] == ["2"]
    assert codes(rejected) == [(2, [("not-an-object", None, '"a"b/c" stands twice')])]


def test_ids_that_are_numbers_are_judged_as_in_csv() -> None:
    lines = [dumped(user_id=each) for each in (0, "007", 2**63, -1, 1.0, "x", True)]
    accepted, rejected = judge_lines("\n".join(lines), OWN, BIGINTS)
    assert [row["user_id"] for row in accepted] == [0, 7]
    assert [found[0][0] for _, found in codes(rejected)] == ["out-of-range"] * 2 + ["not-an-integer"] * 3


def test_a_made_id_is_of_the_whole_line() -> None:
    definition = SourceDefinition(name="s", interaction_id=Field(made_from="record"))
    from footfall.contract.ids import IdTypes

    accepted, _ = judge_lines("\n".join([dumped(), dumped(), dumped(note=1)]), definition, IdTypes("uuid"))
    ids = [row["interaction_id"] for row in accepted]
    assert (ids[0] == ids[1], ids[0] == ids[2]) == (True, False)


TEXT = st.text(st.characters(exclude_categories=[]), max_size=30)
MANY_A_FAULT = ["NaN", "[", "{", "\0", "\ufffd", "\ufffe"]
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT, st.sampled_from(MANY_A_FAULT)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.fixed_dictionaries({}, optional=dict.fromkeys(["user_id", "action", "timestamp", "other"], VALUES))
FREE = SourceDefinition(
    interaction_id=Field(value="1"), product_id=Field(value="1"), timestamp=Field(value="2024-01-01")
)


def expected(value: Any, has_bad: bool) -> tuple[str | None, Any]:
    """The problem of a value, or what it is."""
    if isinstance(value, list | dict) or (isinstance(value, float) and not math.isfinite(value)):
        return "not-a-value", None
    if isinstance(value, str):
        text = value.strip(" \t")
        if has_bad and any(0xD800 <= ord(each) < 0xE000 or each in "\0\ufffe" for each in text):
            return "bad-encoding", None
        return (None, text) if text else ("missing-value", None)
    return ("missing-value", None) if value is None else (None, value)


def is_same(text: str, value: Any) -> bool:
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, float):
        return float(text) == value
    return text == str(value)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=40), st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_any_record_is_read_as_python_reads_it(
    records: list[dict[str, Any]], is_ascii: bool, separators: tuple[str, str]
) -> None:
    texts = [json.dumps(each, ensure_ascii=is_ascii, separators=separators) for each in records]
    if not is_ascii:  # a surrogate is no UTF-8: escaped, as everything that is no text must be
        texts = [
            "".join(f"\\u{ord(each):04x}" if 0xD800 <= ord(each) < 0xE000 else each for each in text) for text in texts
        ]
    back = [json.loads(text) for text in texts]
    accepted, rejected = judge_lines("\n".join(texts), FREE)
    rows = {row["position"]: row for row in accepted}
    problems = dict(codes(rejected))
    for line_number, (record, text) in enumerate(zip(back, texts, strict=True), 1):
        has_bad = _has_bad(record)
        wanted = {name: expected(record.get(name), has_bad) for name in ("user_id", "action")}
        found = {field: code for code, field, _ in problems.get(line_number, [])}
        assert found == {name: code for name, (code, _) in wanted.items() if code}, text
        for name, (code, value) in wanted.items():
            if not found and code is None:
                assert is_same(rows[line_number][name], value), text


def _has_bad(value: Any) -> bool:
    if isinstance(value, str):
        return any(0xD800 <= ord(each) < 0xE000 or each == "\0" for each in value)
    if isinstance(value, dict):
        return any(_has_bad(each) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(map(_has_bad, value))


def test_a_list_or_an_object_is_no_part_of_a_key_of_several_columns() -> None:
    definition = SourceDefinition(interaction_id=Field(joined=("a", "b")))
    keys = [{"a": 1, "b": [2]}, {"a": {"x": 1}, "b": 2}, {"a": None, "b": [2]}, {"a": 1, "b": 2}]
    accepted, rejected = judge_lines("\n".join(dumped(**each) for each in keys), definition)
    assert [row["interaction_id"] for row in accepted] == ["1:2"]
    assert [(line, code, field) for line, ((code, field, _),) in codes(rejected)] == [
        (number, "not-a-value", "interaction_id") for number in (1, 2, 3)
    ]
