"""JSON documents: where rows begin and end, whatever their bytes and whatever the blocks."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.shared.records_of_json import items_of

from footfall.errors import SourceError
from footfall.formats.json_document import has_objects_on_lines, read_document

MB = 1_000_000
Place = tuple[int, int, int, str]


def places(content: bytes, records: str | None = None, size: int = 1 << 20) -> list[Place]:
    """The rows as (row, line, item, text)."""
    rows = items_of(content, records, size)
    return [(row["position"], row["row_line"], row["item"], row["line"]) for row in rows]


DOCUMENTS: list[tuple[bytes, str | None, list[Place]]] = [
    (b" [ ]\n", None, []),
    (b'[{"a":1},{"b":2}]', None, [(1, 1, 1, '{"a":1}'), (2, 1, 2, '{"b":2}')]),
    (b'\xef\xbb\xbf[\r\n{"a":\r\n1}, {"b":2}\r\n]\r\n', None, [(1, 2, 1, '{"a":\r\n1}'), (2, 3, 1, '{"b":2}')]),
    (
        b'[{"a":"x,]}\\"[{\\\\"},\n {"c":[1,[2],{"d":"\\\\\\""}]}, {}\n]',
        None,
        [(1, 1, 1, '{"a":"x,]}\\"[{\\\\"}'), (2, 2, 1, '{"c":[1,[2],{"d":"\\\\\\""}]}'), (3, 2, 2, "{}")],
    ),
    # Commas are not counted.
    (b'[,{"a":1}{"b":2},,{"c":3},]', None, [(1, 1, 1, '{"a":1}'), (2, 1, 2, '{"b":2}'), (3, 1, 3, '{"c":3}')]),
    # What is no object is a row, too.
    (
        b'[1,"a, ]b",[2,{"x":3}],null , fal se,\n{"x":1}, -]',
        None,
        [
            (1, 1, 1, "1"), (2, 1, 2, '"a, ]b"'), (3, 1, 3, '[2,{"x":3}]'), (4, 1, 4, "null"), (5, 1, 5, "fal se"),
            (6, 2, 1, '{"x":1}'), (7, 2, 2, "-"),
        ],
    ),
    # Objects one after another, and lists.
    (
        b'{"a":1}{"a":2}\n\n{"a":\n3} , 5 "x, y" 7, {"b":4} zz \n',
        None,
        [
            (1, 1, 1, '{"a":1}'), (2, 1, 2, '{"a":2}'), (3, 3, 1, '{"a":\n3}'), (4, 4, 1, '5 "x, y" 7'),
            (5, 4, 2, '{"b":4}'), (6, 4, 3, "zz"),
        ],
    ),
    (b'[{"a":1}]\n[{"b":2}] {"c":3}', None, [(1, 1, 1, '{"a":1}'), (2, 2, 1, '{"b":2}'), (3, 2, 2, '{"c":3}')]),
    (
        b'{"m":{"k":[1,{"z":"]"}],"q":"a\\"","list":[{"a":1},\n{"b":2}],"n":-1.5e3,"o":"l"},"t":null}\n{"m":{"list":[{"c":3}]}}',
        "m.list",
        [(1, 1, 1, '{"a":1}'), (2, 2, 1, '{"b":2}'), (3, 3, 1, '{"c":3}')],
    ),
    (b'[[{"q":1}],[{"w":2}],3]', "[1]", [(1, 1, 1, '{"w":2}')]),
    ('{"é\\u0021":[{"ö":"\U0001f600"}]}'.encode(), 'é!', [(1, 1, 1, '{"ö":"\U0001f600"}')]),
    (b'[{"a":"\xff\xfe"},{"b":"\0"}]', None, [(1, 1, 1, '{"a":"\ufffe\ufffe"}'), (2, 1, 2, '{"b":"\ufffe"}')]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "records", "expected"), DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_rows_are_cut_alike_wherever_blocks_end(content: bytes, records: str | None, expected: list[Place]) -> None:
    assert places(content, records) == expected
    for size in range(1, len(content)):
        assert places(content, records, size) == expected, size


@pytest.mark.parametrize(
    ("content", "records", "words"),
    [
        (b"", None, "the file is empty"),
        (b" \n", None, "the file is empty"),
        (b"5", None, "on line 1, a document begins with"),
        (b"a,b\n1,2\n", None, "a document begins with"),
        (b'[\n{"a":1},{"b":2}\n', None, "is cut: it ends on line 3, within what begins on line 1"),
        (b'[\n{"a":1},\n{"b":[2}\n', None, "is cut: it ends on line 4, within what begins on line 3"),
        (b'[{"a":1}, "x', None, "is cut"),
        (b'{"a":1} {"b":"', None, "is cut"),
        (b'{"a":1}\n}', None, "on line 2, a bracket closes that none has opened"),
        (b'[{"a":1}}', None, "on line 1, the end of the list is wanted"),
        (b'{"a":[1,2]}', "b", "no list of records at records = 'b': on line 1, there is no 'b'"),
        (b'{"items":1,"Ann Miller":[]}', "b", "there is items$"),
        (b'{"a":{}}', "a", "what stands there is no list"),
        (b"[1]", "a", "no object stands on the way to it"),
        (b'{"a":1}', "a.b", "no object stands on the way to it"),
        (b'{"a":{"b":1}}', "a[0]", "no list stands on the way to it"),
        (b"[[],[]]", "[2]", "has 2 items"),
        (b'{"a":[],"x":1,"a":[]}', "a", "the name 'a' stands twice"),
        (b'{"x":"abc', "a", "is cut"),
        (b'{"x":[{}', "a", "is cut"),
        (b'{"x":1', "a", "is cut"),
        (b'{"x"', "a", "is cut"),
        (b'{"a":[]', "a", "is cut"),
        (b"{x:1}", "a", "a name in quotes is wanted"),
        (b'{"x" 1}', "a", "a colon is wanted"),
        (b'{"x":1 "a":[]}', "a", "a comma is wanted"),
    ],
)
def test_a_document_that_cannot_be_read_whole_fails_with_what_was_seen(
    content: bytes, records: str | None, words: str
) -> None:
    for size in (1, 2, 1 << 20):
        with pytest.raises(SourceError, match=words) as caught:
            places(content, records, size)
        assert "Ann" not in caught.value.message


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ITEMS = st.lists(JSON, max_size=8)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(ITEMS, st.integers(1, 40), st.booleans(), st.sampled_from([None, 1]), JSON, JSON)
def test_the_items_of_any_list_are_those_that_python_reads(
    items: list[Any], size: int, is_ascii: bool, indent: int | None, before: Any, behind: Any
) -> None:
    def dump(value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=is_ascii, indent=indent).encode()

    found = places(dump(items), None, size)
    assert [json.loads(text) for *_, text in found] == items
    assert [row for row, *_ in found] == list(range(1, len(items) + 1))
    nested = dump({"before": before, "the": {"list": items, "x": before}, "behind": behind})
    found = places(nested, "the.list", size)
    assert [json.loads(text) for *_, text in found] == items
    for _, line, _, text in found:
        assert text.split("\n")[0] in nested.decode().split("\n")[line - 1]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]",\\ \na1:', max_size=60).map(str.encode), st.integers(1, 20))
def test_no_byte_between_blanks_and_commas_is_lost_in_any_content(content: bytes, size: int) -> None:
    """Every visible byte of a list or of objects is in a row, or the file fails."""

    def seen(at: int) -> tuple[list[Place], str]:
        try:
            return places(b"{}" + content, None, at), ""
        except SourceError as error:
            return [], error.message

    rows, error = seen(1 << 20)
    assert seen(size) == (rows, error)
    if not error and content.isascii() and b"\0" not in content and b"[" not in content:
        text = "".join(each for *_, each in rows)
        assert [each for each in text if each not in " \t\r\n,"] == [
            each for each in "{}" + content.decode() if each not in " \t\r\n,"
        ]


@pytest.mark.parametrize("junk", [b'"%s"', b"%s"])
def test_an_item_over_1_mb_streams_by_and_its_size_is_known(junk: bytes) -> None:
    long = junk % (b"x" * 3 * MB)
    content = b'[{"a":1},\n{"l":' + long + b'},\n{"b":2} , ' + long + b' \n,{"c":3}]'
    for size in (1000_003, 8 << 20):
        rows = items_of(content, None, size)
        assert [(row["row_line"], row["item"], row["size_bytes"]) for row in rows] == [
            (1, 1, 7), (2, 1, len(long) + 6), (3, 1, 7), (3, 2, len(long)), (4, 1, 7),
        ]  # fmt: skip
        assert max(len(row["line"]) for row in rows) <= 65_536
        assert [row["line"] for row in rows][::2] == ['{"a":1}', '{"b":2}', '{"c":3}']


@pytest.mark.slow
def test_a_large_document_takes_no_more_memory_than_its_blocks() -> None:
    item = b'{"a": [1, "x", {"b": "\\"\\u00e9"}], "c": 12345678901}, '
    block = item * 20_000

    def content() -> Iterator[bytes]:
        yield b"["
        for _ in range(60):
            yield block
        yield b"{}]"

    tracemalloc.start()
    try:
        count = sum(batch.num_rows for batch in read_document(content, "a.json", None, 100))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 60 * 20_000 + 1
    assert peak < len(block) * 60 / 2


def test_a_deep_item_is_one_row() -> None:
    deep = b'{"a":' * 200_000 + b"1" + b"}" * 200_000
    rows = items_of(b"[" + deep + b',{"b":1}]')
    assert [row["size_bytes"] for row in rows] == [len(deep), 7]


@pytest.mark.parametrize(
    ("content", "are"),
    [
        (b'{"a":1}\n{"b":2}\n', True), (b'\xef\xbb\xbf{"a":1}\r\n\n{"b":2}', True), (b'{"a":1}\n', False),
        (b'{"a":1}\n{"b":\n2}', False), (b'{\n"a":1}\n{"b":2}', False), (b'[{"a":1}]\n', False), (b"", False),
        (b'{"a":1}{"b":2}\n{"c":3}\n', False), (b"5\n6\n", False), (b"{" * 3 * MB, False),
    ],
)  # fmt: skip
def test_json_lines_are_told_from_a_document(content: bytes, are: bool) -> None:
    assert has_objects_on_lines(iter([content[:5], content[5:]])) is are
