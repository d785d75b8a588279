"""Where records begin and end, whatever their bytes and whatever the blocks."""

from __future__ import annotations

import re
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.errors import SourceError
from footfall.formats import framing
from footfall.formats.delimited import HeaderRecord, find_line_end, read_records
from footfall.formats.quoting import CR, LF, Dialect, count_fields, record_pattern
from sampling import examples

MB = 1_000_000


def read(content: bytes, block: int = 1 << 20) -> tuple[HeaderRecord, list[dict[str, Any]]]:
    """Read content that comes in blocks of that size: the header, and all records as dicts."""

    def blocks() -> Iterator[bytes]:
        return (content[at : at + block] for at in range(0, len(content), block))

    header, batches = read_records(blocks, "a.csv", ",")
    return header, [row for batch in batches for row in batch.to_pylist()]


def rows(content: bytes) -> list[tuple[int, str]]:
    """The records as (line number, text)."""
    return [(row["position"], row["line"]) for row in read(content)[1]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1,2\n3,4\n", [(2, "1,2"), (3, "3,4")]),
        (b"a,b\r\n1,2\r\n3,4\r\n", [(2, "1,2"), (3, "3,4")]),
        (b"a,b\n1,2\r\n3,4\n5,6\r\n", [(2, "1,2"), (3, "3,4"), (4, "5,6")]),
        (b"a,b\r1,2\r3,4\r", [(2, "1,2"), (3, "3,4")]),
        (b"a,b\r\r1,2\r \r3,4", [(3, "1,2"), (5, "3,4")]),
        (b"a,b\n1,x\ry\n3,4\n", [(2, "1,x\ry"), (3, "3,4")]),
        (b"a,b\n1,2\r\r\n3,4\n", [(2, "1,2\r"), (3, "3,4")]),
        (b"a,b\n1,2", [(2, "1,2")]),
        (b"a,b\r\n1,2\r", [(2, "1,2")]),
        (b"a,b\n\n1,2\n \t \n\r\n3,4\n\n", [(3, "1,2"), (6, "3,4")]),
        (b"\xef\xbb\xbfa,b\n1,2\n", [(2, "1,2")]),
        (b"\n \t\r\n\na,b\n1,2\n", [(5, "1,2")]),
    ],
)
def test_lines_end_and_are_numbered_as_in_an_editor(content: bytes, expected: list[tuple[int, str]]) -> None:
    assert rows(content) == expected


@pytest.mark.parametrize("content", [b"a,b", b"a,b\n", b"a,b\r\n", b"\xef\xbb\xbfa,b\n", b"\n\na,b\n\n \n"])
def test_a_header_alone_has_no_rows(content: bytes) -> None:
    assert rows(content) == []
    assert read(content)[0].fields == ["a", "b"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_with_what_to_do(encoding: str) -> None:
    with pytest.raises(SourceError, match=r"UTF-16.*iconv"):
        read("\ufeffa,b\n1,2\n".encode(encoding))


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(SourceError, match="empty"):
        read(b"")


@pytest.mark.parametrize("content", [b"\n\n", b" \t\n", b"\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", b" "])
def test_a_file_of_blank_lines_is_refused(content: bytes) -> None:
    with pytest.raises(SourceError, match="no header"):
        read(content)


def test_a_header_over_1_mb_is_refused() -> None:
    with pytest.raises(SourceError, match="over 1 MB"):
        read(b"a," + b"b" * MB + b"\n1,2\n")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_quoted_header_may_hold_a_line_break(end: bytes) -> None:
    header, found = read(b'a,"b""\nc"' + end + (b"1,2\n" if end else b""))
    assert header.fields == ["a", 'b"\nc']
    assert [row["position"] for row in found] == ([3] if end else [])


def test_a_line_ends_with_cr_only_where_the_whole_content_has_no_lf() -> None:
    assert find_line_end(lambda: iter([b"a\rb\r", b"c\n"]), "a.csv") == LF
    assert find_line_end(lambda: iter([b"a\rb\r", b"c"]), "a.csv") == CR


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_quoted_record_is_kept_exactly_and_the_next_has_its_number(end: str) -> None:
    text = f'1,"x{end}""y"",{end}{end}z"'
    assert rows(f"a,b{end}{text}{end}3,4{end}".encode()) == [(2, text), (6, "3,4")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'a,b\n1,"x\n3,4\n5,6\n', [(2, '1,"x'), (3, "3,4"), (4, "5,6")]),
        (b'a,b\n1,"x\n3,4\n5,"y"\n', [(2, '1,"x'), (3, "3,4"), (4, '5,"y"')]),
        (b'a,b\n1,"x\ny"z\n3,4\n', [(2, '1,"x'), (3, 'y"z'), (4, "3,4")]),
        (b'a,b\n1,"x\ny" \n3,4\n', [(2, '1,"x'), (3, 'y" '), (4, "3,4")]),
        (b'a,b\n1,"x\ny",z\n3,4\n', [(2, '1,"x'), (3, 'y",z'), (4, "3,4")]),
        (b'a,b\n1,"x\n3,"y\nz"\n', [(2, '1,"x'), (3, '3,"y\nz"')]),
        (b'a,b\n1,x"y\n3,z"\n', [(2, '1,x"y'), (3, '3,z"')]),
        (b'a,b\n1,"x\ny"', [(2, '1,"x\ny"')]),
        (b'a,b\r1,"x\ry"\r3,4', [(2, '1,"x\ry"'), (4, "3,4")]),
    ],
)
def test_a_quote_that_does_not_close_well_costs_its_line_alone(content: bytes, expected: list[tuple[int, str]]) -> None:
    assert rows(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'a,b\n1,"x\n3,4\n5,y"\n7,8\n', [(2, '1,"x'), (3, "3,4"), (4, '5,y"'), (5, "7,8")]),
        (b'a,b\r\n1,"x\r\n3,4\r\n5,y"\r\n', [(2, '1,"x'), (3, "3,4"), (4, '5,y"')]),
        (b'a,b\r1,"x\r3,4\r5,y"', [(2, '1,"x'), (3, "3,4"), (4, '5,y"')]),
        (b'a,b\n1,"x\n5,y"\n', [(2, '1,"x'), (3, '5,y"')]),
        # A blank line is no row: it does not make text of the rows around it.
        (b'a,b\n1,"x\n\n \t\n5,y"\n', [(2, '1,"x'), (5, '5,y"')]),
        # The second field of the last line is one, by its own quotes.
        (b'a,b,c\n"x,y,z\n4,5"",6\n7",8,"9,9"\n', [(2, '"x,y,z'), (3, '4,5"",6'), (4, '7",8,"9,9"')]),
        # Behind a swallowed row that is refused, a record of two lines is read again.
        (b'a,b\n1,"x\n5,y"\n7,"p\nq"\n', [(2, '1,"x'), (3, '5,y"'), (4, '7,"p\nq"')]),
        # Rows between: then it does not matter that the first line is short of fields.
        (b'a,b\n"x\n3,4\n5",6\n', [(2, '"x'), (3, "3,4"), (4, '5",6')]),
        (b'a,b\n1,"x\n"",y\n5,"\n', [(2, '1,"x'), (3, '"",y'), (4, '5,"')]),
    ],
)
def test_a_quote_that_is_closed_behind_rows_costs_its_line_alone(
    content: bytes, expected: list[tuple[int, str]]
) -> None:
    assert rows(content) == expected


@pytest.mark.parametrize(
    "text",
    [
        '1,"dear all,\nthis, that, and more\n3,4\nbye"',
        '1,"x\n\ny"',
        '1,"3,4\n5,6\n"',
        '"1\n2","x\ny"',
        '1,"two, with\na ""b, r"", eak"',
        '1,"3,4\nx"',
        '"\n\n\n",1',
        '"in the first column\nthe second line completes the first",1',
        '"x\n\ny",1',
    ],
)
def test_text_over_several_lines_is_one_record_where_a_line_of_it_is_no_row(text: str) -> None:
    assert rows(f"a,b\n{text}\n3,4\n".encode()) == [(2, text), (3 + text.count("\n"), "3,4")]


@pytest.mark.parametrize(
    ("line", "count"),
    [
        (b"", 1), (b"a", 1), (b",", 2), (b'"a,b"', 1), (b'"a,b', 2), (b'a,b"', 2), (b'a"b,c"d', 2), (b'"a,b"c,d', 3),
        (b'x,"a,b",27"', 3), (b'"",""', 2), (b'"a"",b"', 1), (b'"a"",b', 2), (b'","', 1), (b'",a', 2), (b'a,"', 2),
        (b'"a","b,c","d', 3), (b' "a,b"', 2), (b'"a,b" ', 2), (b'"""a,b"""', 1), (b'""a,b""', 2),
    ],
)  # fmt: skip
def test_the_fields_of_a_line_are_counted_whatever_its_quotes(line: bytes, count: int) -> None:
    assert count_fields(line, ",") == count


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_header_whose_quote_is_closed_behind_rows_is_refused(end: bytes) -> None:
    with pytest.raises(SourceError, match="line 1: the header has a quote that does not close on its line"):
        read(b'a,"b' + end + b"1,2" + end + b'3,27"' + end + b"4,5" + end)
    assert read(b'a,"b' + end + b'c"' + end + b"4,5" + end)[1][0]["position"] == 3


@pytest.mark.parametrize(("count", "is_one"), [(100, True), (101, False)])
def test_a_record_runs_over_at_most_100_lines(count: int, is_one: bool) -> None:
    found = rows(b'a,b\n1,"' + b"x\n" * (count - 1) + b'x"\n3,4\n')
    assert len(found) == (2 if is_one else count + 1)
    assert found[-1] == (count + 2, "3,4")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(("size", "count"), [(MB, 2), (MB + 1, 3)])
def test_a_quoted_record_holds_at_most_1_mb(size: int, count: int, end: bytes) -> None:
    text = b'1,"' + end + b"x" * (size - 4 - len(end)) + b'"'
    assert len(text) == size
    found = rows(b"a,b\n" + text + end + b"3,4" + end)
    assert len(found) == count
    assert found[-1] == (4, "3,4")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("size", [MB, MB + 1, 9 * MB])
@pytest.mark.parametrize("block", [1 << 20, 999_999])
def test_the_size_of_a_line_is_exact(end: bytes, size: int, block: int) -> None:
    text = b"1," + b"x" * (size - 2)
    _, found = read(b"a,b\n" + text + end + (b"3,4\n" if end else b""), block)
    assert found[0]["size_bytes"] == size
    assert len(found[0]["line"]) == (size if size <= MB else 65_536)
    assert [row["line"] for row in found[1:]] == (["3,4"] if end else [])


def test_a_line_of_50_mb_costs_bounded_memory() -> None:
    def content() -> Iterator[bytes]:
        yield b"a,b\n1,2\n"
        for _ in range(50):
            yield b"x" * MB
        yield b"\r"
        yield b"\n3,4\n"

    tracemalloc.start()
    try:
        _, batches = read_records(content, "a.csv", ",")
        found = [row for batch in batches for row in batch.to_pylist()]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [(row["position"], row["size_bytes"]) for row in found] == [(2, 3), (3, 50 * MB), (4, 3)]
    assert peak < 40 * MB


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"1,\xff", "1,\ufffe"),
        (b"1,a\0b", "1,a\ufffeb"),
        (b"1,\xed\xa0\x80", "1,\ufffe\ufffe\ufffe"),
    ],
)
def test_bytes_that_are_no_text_are_kept_exactly(raw: bytes, text: str) -> None:
    _, found = read(b"a,b\n" + raw + b"\r\n3,\xc3\xa4\n")
    assert [(row["line"], row["raw_bytes"]) for row in found] == [(text, raw), ("3,ä", None)]


def test_a_true_replacement_character_is_text() -> None:
    assert read("a,b\n1,\ufffd\n".encode())[1][0]["raw_bytes"] is None


def test_the_bytes_kept_of_a_bad_record_are_at_most_64_kib() -> None:
    row = read(b"a,b\n1,\xff" + b"x" * 100_000 + b"\n")[1][0]
    assert len(row["raw_bytes"]) == 65_536
    assert row["size_bytes"] == 100_003


@pytest.mark.parametrize("block", [1, 2, 3, 5, 7])
def test_crlf_may_lie_across_two_blocks(block: int) -> None:
    _, found = read(b"a,b\r\n1,2\r\n3,4\r\n", block)
    assert [row["line"] for row in found] == ["1,2", "3,4"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "^", "$", ".", "*", "\\", "]", "é"])
def test_no_character_of_a_delimiter_is_special(delimiter: str) -> None:
    pattern = record_pattern(Dialect(delimiter, LF), 2)
    assert pattern.fullmatch(f'a{delimiter}"b{delimiter}c"'.encode())
    assert not pattern.fullmatch(f"a{delimiter}b{delimiter}c".encode())


def slow_records(text: str, fields: int, bytes_max: int, lines_max: int) -> list[tuple[int, str, int]]:
    """Read records character by character: (line number, text, size). Shares nothing with the reader under test."""
    end = "\n" if "\n" in text or "\r" not in text else "\r"
    found = []
    at, number = 0, 1
    while at < len(text):
        stop = slow_end(text, at, fields, end)
        if stop is not None:
            body = text[at:stop]
            if len(body) > bytes_max or body.count(end) >= lines_max or slow_swallows(body, fields, end):
                stop = None
        if stop is None:
            stop = text.find(end, at)
            stop = len(text) if stop < 0 else stop
            if end == "\n" and text[at:stop].endswith("\r"):
                stop -= 1
        found.append((number, text[at:stop], stop - at))
        number += text.count(end, at, stop) + 1
        after = text.find(end, stop)
        at = len(text) if after < 0 else after + 1
    return found


def slow_end(text: str, at: int, fields: int, end: str) -> int | None:
    """Where a well-quoted record of so many fields ends; None where there is none."""
    count = 1
    quoted = fresh = True
    quoted = False
    closed = False
    while at < len(text):
        here = text[at]
        is_crlf = end == "\n" and here == "\r" and text[at + 1 : at + 2] in ("\n", "")
        if quoted:
            if here == '"' and text[at + 1 : at + 2] == '"':
                at += 1
            elif here == '"':
                quoted, closed = False, True
        elif here == end or is_crlf:
            break
        elif here == ",":
            count += 1
            fresh, closed = True, False
            at += 1
            continue
        elif closed or (here == '"' and not fresh):
            return None
        elif here == '"':
            quoted = True
        fresh = False
        at += 1
    return at if not quoted and count == fields else None


def slow_swallows(body: str, fields: int, end: str) -> bool:
    """Whether the lines are rows by their number of fields: all behind the first, and the first one of two."""
    lines = [line.removesuffix("\r") if end == "\n" else line for line in body.split(end)]
    first, *counts = [slow_count(line) for line in lines if line.strip(" \t")]
    if len(counts) == 1 and first < fields:
        return False
    return counts != [] and all(count == fields for count in counts)


def slow_count(line: str) -> int:
    count = 1
    while line:
        whole = re.match(r'"(?:[^"]|"")*"(?!")', line)
        taken = whole[0] if whole and line[len(whole[0]) :][:1] in ("", ",") else line.partition(",")[0]
        count += line[len(taken) :].startswith(",")
        line = line[len(taken) + 1 :]
    return count


@settings(max_examples=examples(700), deadline=None)
@given(
    text=st.lists(
        st.sampled_from(["a", "1", ",", '"', '""', "\n", "\r", "\r\n", " ", "\t", ',"', '",', '"\n', '1,"', "1,a\n"])
    ).map("".join),
    block=st.integers(1, 40),
    part=st.integers(1, 9),
    bytes_max=st.integers(8, 40),
    lines_max=st.integers(2, 6),
)
def test_the_records_are_the_same_whatever_the_block_size(
    text: str, block: int, part: int, bytes_max: int, lines_max: int
) -> None:
    content = f"a,b\n{text}".encode()
    small = {"BLOCK_BYTES_MAX": block, "RECORD_BYTES_MAX": bytes_max, "READABLE_BYTES": bytes_max + 1}
    with patch.multiple(framing, RECORD_LINES_MAX=lines_max, **small):
        _, found = read(content, part)
    expected = [row for row in slow_records(f"a,b\n{text}", 2, bytes_max, lines_max)[1:] if row[1].strip(" \t")]
    sizes = [(row["position"], row["size_bytes"]) for row in found]
    assert sizes == [(number, size) for number, _, size in expected]
    assert [row["line"] for row in found] == [line[: bytes_max + 1] for _, line, _ in expected]


@pytest.mark.slow
def test_a_quoted_record_may_lie_across_real_blocks() -> None:
    line = b'1,"' + b"x" * 60 + b'\ny"\n'
    count = 200_000
    _, batches = read_records(lambda: iter([b"a,b\n" + line * count]), "a.csv", ",", memory_limit_mb=64)
    seen = [(batch.num_rows, batch["position"][0].as_py()) for batch in batches]
    assert sum(size for size, _ in seen) == count
    assert all(first % 2 == 0 for _, first in seen)


@pytest.mark.parametrize("size", [MB + 1, 9 * MB])
@pytest.mark.parametrize("last", [b"x", b"\r\rx", b"\xff", b'"'])
def test_a_too_long_line_that_begins_with_blanks_is_a_record(size: int, last: bytes) -> None:
    found = rows_with_sizes(b"a,b\n" + b" " * (size - len(last)) + last + b"\n3,4\n")
    assert found == [(2, size), (3, 3)]


@pytest.mark.parametrize("size", [MB + 1, 9 * MB])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_of_blanks_is_none_however_long(size: int, end: bytes) -> None:
    assert rows_with_sizes(b"a,b" + end + b" " * size + end + b"3,4" + end) == [(3, 3)]


def rows_with_sizes(content: bytes) -> list[tuple[int, int]]:
    """The records as (line number, size)."""
    return [(row["position"], row["size_bytes"]) for row in read(content)[1]]


def test_a_line_of_cr_and_crlf_is_not_blank_before_the_header_either() -> None:
    assert read(b"\r\r\na,b\n1,2\n")[0].fields == ["\r"]


@pytest.mark.parametrize(
    "line", [b'a,"b', b'a,b"c', b'a,"b"c', b'a, "b"', b'"', b'a,"b\nc', b'a,"' + b"\n" * 100 + b'"']
)
def test_a_header_with_a_quote_that_does_not_close_is_refused(line: bytes) -> None:
    with pytest.raises(SourceError, match="header has a quote that does not close"):
        read(line + b"\n1,2\n")


def test_a_mark_of_utf_16_may_lie_across_two_blocks() -> None:
    with pytest.raises(SourceError, match="UTF-16"):
        read("\ufeffa,b\n".encode("utf-16-le"), block=1)


def test_a_million_blank_lines_before_the_header_are_skipped_at_once() -> None:
    began = time.process_time()
    assert read(b"\n" * MB + b"a,b\n1,2\n")[1][0]["position"] == MB + 2
    assert time.process_time() - began < 10  # line by line, with the 4 MB behind it copied, it took minutes


def test_a_batch_of_short_lines_has_no_more_rows_than_one_of_usual_lines() -> None:
    _, batches = read_records(lambda: iter([b"a,b\n", b"x\n" * 5 * MB]), "a.csv", ",")
    sizes = [batch.num_rows for batch in batches]
    assert sum(sizes) == 5 * MB
    assert max(sizes) <= framing.BLOCK_BYTES_MAX // framing.LINE_BYTES_LEAST


def test_empty_lines_reach_no_batch() -> None:
    _, batches = read_records(lambda: iter([b"a,b\n", b"\n" * MB, b"\r\n" * MB]), "a.csv", ",")
    assert list(batches) == []


def test_a_true_replacement_character_beside_bad_bytes_is_not_taken_for_one() -> None:
    row = read("a,b\n\ufffd,".encode() + b"\xff\n")[1][0]
    assert (row["line"], row["raw_bytes"]) == ("\ufffd,\ufffe", "\ufffd,".encode() + b"\xff")
