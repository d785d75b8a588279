"""Hostile files of each format, loaded: every line has the verdict of the second reader, and the tables its rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import asked
import hostile_formats
from asked import File
from footfall.contract.definition import Field, SourceDefinition
from hostile_formats import JSON_LINES, TEXTS, HostileFile
from source_reader import Tables

DELIMITED = {file.name: file for file in hostile_formats.dialects()}


def assert_alike(conninfo: str, file: HostileFile) -> None:
    """Load a file, and lay each verdict beside the second reader's."""
    whole = File(f"hostile.{file.ending}", file.content)
    rows = Tables().take_file(whole.name, whole.content, file.definition, file.rules)
    assert rows is not None
    (answer,) = asked.load(conninfo, file.definition, file.rules, [whole])
    (wanted,) = asked.expect(file.definition, file.rules, [whole], Tables())
    differs = asked.difference(
        asked.keep(rows, is_id_known=True), asked.read_kept(conninfo, is_id_known=True), file.content
    )
    assert (len(differs), differs[:5]) == (0, [])
    assert answer == wanted


@pytest.mark.slow
@pytest.mark.parametrize("name", DELIMITED)
def test_a_hostile_file_in_any_dialect(database: str, name: str) -> None:
    assert_alike(database, DELIMITED[name])


@pytest.mark.slow
@pytest.mark.parametrize("make", [hostile_formats.json_lines, hostile_formats.exploded_lines])
def test_a_hostile_file_of_json_lines(database: str, make: Any) -> None:
    assert_alike(database, make())


NO_NUMBERS = ["NaN", "nan", "Infinity", "-Infinity", "inf", "-INF", "-nan"]


@pytest.mark.parametrize("value", ['{"a": 1,}', "[1, ]", "[inf]", '{"a":[-Infinity,],}', *NO_NUMBERS])
def test_the_little_more_than_json_that_many_programs_write_is_read_where_nobody_wants_it(value: str) -> None:
    line = hostile_formats.JSON_LINE.replace(b'{"id":1}', value.encode())
    for text in (line, line[:-1] + b" , }"):
        (answer,) = asked.check(JSON_LINES, TEXTS, [File("more.jsonl", text)])
        assert (answer.counts["rows_loaded"], answer.problems) == (1, {})


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number_is_no_value_where_one_is_wanted(value: str) -> None:
    line = hostile_formats.JSON_LINE.replace(b'"vi\\u0065w"', value.encode()).replace(b'["p"', b"[" + value.encode())
    (answer,) = asked.check(JSON_LINES, TEXTS, [File("more.jsonl", line)])
    assert {key: rows for key, (rows, _) in answer.problems.items()} == {
        ("not-a-value", "product_id"): 1, ("not-a-value", "action"): 1
    }  # fmt: skip
    in_column = SourceDefinition(name="shop", delimiter="|", quoting=False, action=Field(columns=("more -> n",)))
    row = f'1|2|3|{{"n": {value}}}|2024-05-06'
    text = f"interaction_id|user_id|product_id|more|timestamp\n{row}\n"
    (answer,) = asked.check(in_column, TEXTS, [File("within.csv", text.encode())])
    assert set(answer.problems) == {("not-a-value", "action")}


@pytest.mark.parametrize("value", ["{,}", "[,]", "[1,,]", "[1,,2]", "+inf", "nano", "infin", "1nan", "'a'", "01", "1."])
def test_what_is_less_than_that_is_no_record(value: str) -> None:
    line = hostile_formats.JSON_LINE.replace(b'{"id":1}', value.encode())
    (answer,) = asked.check(JSON_LINES, TEXTS, [File("none.jsonl", hostile_formats.JSON_LINE + b"\n" + line)])
    assert set(answer.problems) == {("not-an-object", None)}


@pytest.mark.slow
def test_a_hostile_file_of_json_lines_is_checked_as_it_is_loaded() -> None:
    file = hostile_formats.json_lines()
    whole = [File("hostile.jsonl", file.content)]
    assert asked.check(file.definition, file.rules, whole) == asked.expect(file.definition, file.rules, whole, Tables())


def deep(depth: int) -> Iterator[bytes]:
    """Give lines with very deep values, where no value is wanted and where one is."""
    good = hostile_formats.JSON_LINE
    for open_, close in ((b"[", b"]"), (b'{"a":', b"}")):
        nested = open_ * depth + b"1" + close * depth
        yield good.replace(b'{"id":1}', nested)
        yield good.replace(b'"vi\\u0065w"', nested)
        yield nested
        yield open_ * depth


@pytest.mark.slow
@pytest.mark.parametrize("depth", [100, 1000, 10_000, 100_000])
@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_very_deep_values_end_in_a_verdict_and_harm_no_other_row(kind: str, depth: int) -> None:
    definition = replace(JSON_LINES, format=kind)
    for number, line in enumerate(deep(depth)):
        lines = [
            hostile_formats.JSON_LINE.replace(b"#", b"before"),
            line,
            hostile_formats.JSON_LINE.replace(b"#", b"after"),
        ]
        content = b"\n".join(lines) if kind == "jsonl" else b"[" + b",".join(lines) + b"]"
        (answer,) = asked.check(definition, TEXTS, [File(f"{number}.{kind}", content)])
        if kind == "jsonl":
            assert answer.counts["rows_read"] == 3
            assert answer.counts["rows_loaded"] >= 2
        elif answer.status == "taken":
            assert answer.counts["rows_read"] == 3


DOCUMENT = (
    b'\n[{"id": "e1", "u": {"id": 7}, "p": ["p"], "a": "view", "t": "2024-05-06"},\n'
    b' {"id": "e2", "u": {"id": "\\"]"}, "p": ["}{"], "a": "\\u0076\\\\", "t": "2024-05-07"} ]\n'
)
SEQUENCE = DOCUMENT.strip()[1:-1].replace(b"},\n", b"}\n")
ENVELOPE = b'{"meta": {"rows": [1]}, "data": {"rows": ' + DOCUMENT + b"}}"
DOCUMENTS = {"array": (DOCUMENT, None), "sequence": (SEQUENCE, None), "envelope": (ENVELOPE, "data.rows")}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_is_cut_anywhere_is_refused(name: str) -> None:
    content, records = DOCUMENTS[name]
    definition = replace(JSON_LINES, format="json", records=records)
    cut = [File("cut.json", content[:at]) for at in range(0, len(content), 7)]
    cut += [File("more.json", content.rstrip() + more) for more in (b"]", b",", b"}", b"x", b" [", b"\0", b'"', b"[]")]
    assert_said_alike(definition, [File("whole.json", content), *cut])


@pytest.mark.slow
def test_a_document_with_scraps_anywhere_is_read_alike() -> None:
    definition = replace(JSON_LINES, format="json")
    scraps = (b'"', b"}", b"]", b",", b"\\", b"{}", b"[]", b" ", b"5,", b"\xff")
    places = range(1, len(DOCUMENT), 11)
    files = [
        File("scrap.json", DOCUMENT[:at] + scraps[number % len(scraps)] + DOCUMENT[at:])
        for number, at in enumerate([*places, *(at + 4 for at in places), *(at + 8 for at in places)])
    ]
    assert_said_alike(definition, files)


SHAPES = [
    b"[]", b"[ ]", b"{}", b"5", b"null", b'"x"', b"", b" \n", b"[5, null, [], {}]", b"[[{}]]", b"{}{}",
    b"{} {}\n\n{}", b"{},{}",
    b"[{}]\n[{}]", b"[{},]", b"[,{}]", b"[{}{}]", b"\xef\xbb\xbf[{}]", b"\xff\xfe[\0]\0", b"[{}] //",
    b"{'a':1}", b"[NaN]",
    b"<html>", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", b"[" * 5, b"]",
]  # fmt: skip


@pytest.mark.parametrize("content", SHAPES, ids=repr)
def test_documents_of_odd_shapes(content: bytes) -> None:
    assert_said_alike(replace(JSON_LINES, format="json"), [File("odd.json", content)])


def test_records_at_a_path_that_leads_elsewhere_refuse_the_document() -> None:
    definition = replace(JSON_LINES, format="json", records="data.rows")
    row = json.dumps({"id": "e1", "u": {"id": 7}, "p": ["p"], "a": "view", "t": "2024-05-06"})
    texts = [
        '{"data":{"rows":[%s]}}', '{"data":{"rows":[]}}', '{"data":{"rows":%s}}', '{"data":{}}', '{"data":null}',
        '{"data":[%s]}', '{"data":{"rows":null}}', '{"data":{"rows":[%s, 5]}}', '{"rows":[%s]}', "[%s]",
        '{"data":{"rows":[]},"data":{"rows":[%s]}}', '{"data":{"rows":[%s]}}]', '{"data":{"rows":[%s]}}{}',
    ]  # fmt: skip
    assert_said_alike(definition, [File("records.json", text.replace("%s", row).encode()) for text in texts])


def assert_said_alike(definition: SourceDefinition, files: list[File]) -> None:
    """Check files, and lay what is said of each beside the second reader's; lines of documents are not compared."""
    wanted = asked.expect(definition, TEXTS, files, Tables())
    found = asked.check(definition, TEXTS, files)
    differs = [
        (file.content, one, other)
        for file, one, other in zip(files, wanted, found, strict=True)
        if one.without_lines() != other.without_lines()
    ]
    assert (len(differs), differs[:3]) == (0, [])


@pytest.mark.slow
def test_made_ids_of_hostile_lines_are_as_many_as_the_lines(database: str) -> None:
    file = hostile_formats.json_lines()
    definition = replace(file.definition, interaction_id=Field(made_from="record"))
    rules = replace(TEXTS, id_types=("uuid", "text", "text"))
    whole = File("hostile.jsonl", file.content)
    rows = Tables().take_file(whole.name, whole.content, definition, rules)
    assert rows is not None
    asked.load(database, definition, rules, [whole])
    kept = asked.keep(rows, is_id_known=False)
    differs = asked.difference(kept, asked.read_kept(database, is_id_known=False), file.content)
    assert (len(differs), differs[:5]) == (0, [])
