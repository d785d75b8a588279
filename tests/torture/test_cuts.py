"""Any file, in any dialect, under any limits: read in ranges, it has the records and line numbers that it has whole.

`make fuzz` runs the first two with many more examples.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import cuts
from cuts import CutFile
from footfall.contract.definition import BLANKS, Field, SourceDefinition
from footfall.contract.limits import RECORD_BYTES_MAX, RECORD_LINES_MAX
from footfall.contract.shapes import COLUMNS
from footfall.contract.terms import Contract
from footfall.errors import SourceError
from footfall.formats import framing
from footfall.formats.quoting import LF, Dialect
from footfall.formats.ranges import RANGE_BYTES_LEAST, choose_range_bytes, plan_ranges

HEADER = b",".join(column.encode() for column in COLUMNS) + b"\n"
ROW = b"1,2,3,a,2024-01-01\n"
OWN = SourceDefinition()
BY_POSITION = {column: Field(columns=(at,)) for at, column in enumerate(COLUMNS, 1)}
# Of these two lines, each pair is a record, whichever begins it: no place says which of the two begins one.
NEITHER = b'1,2,3,",x,y\n1,2,",y\n'


def tokens(comma: str) -> list[bytes]:
    """Give what files are put together from: rows, and pieces that open, close, or only seem to."""
    rows = [
        ["1", "2", "3", "4", "5"], ["1", "2", '"', "4", "5"], ["1", "2", '"x\ny"', "4", "5"],
        ["1", "2", "3", '"a""b"', "5"], ["1", "2", "3", '"', "x"], ["1", "2", '"', "x"], ["1", "2", "3", '"'],
        ['"', "4", "5"], ['"', "5"],
    ]  # fmt: skip
    scraps = [
        b'"', b'"', b'""', b"\n", b"\n", b"\n\n", b"\r\n", b"\r", b" ", b"\t", b"a", b"\0", b"\xff", b"\xc3\xa9",
        b"x" * 30, b"x" * 90, b"#", b'#"\n', b'\n#"', b"\n# a\n", b"\n//\n", b'//"', b"{}\n", b'{"a":"\\u0000"}\n',
    ]  # fmt: skip
    return [*((comma.join(row) + "\n").encode() for row in rows), *scraps, comma.encode(), comma.encode()]


@st.composite
def bodies(draw: st.DrawFn, comma: str) -> bytes:
    """Give some records and rubbish, of few kinds at a time: many of one kind are what reaches a limit."""
    kinds = draw(st.lists(st.sampled_from(tokens(comma)), min_size=1, max_size=8))
    count = draw(st.sampled_from([0, 3, 10, 40, 120]))
    return b"".join(draw(st.lists(st.sampled_from(kinds), min_size=count, max_size=count)))


@st.composite
def limits(draw: st.DrawFn, content: bytes, definition: SourceDefinition) -> CutFile:
    """Give a file under small limits, with borders close to each other."""
    return CutFile(
        content,
        definition,
        range_bytes=draw(st.sampled_from([1, 5, 20, 60, 200])),
        lines_max=draw(st.sampled_from([1, 2, 3, 8, 100])),
        bytes_max=draw(st.integers(70, 134)),
        block_bytes=draw(st.sampled_from([7, 64, 8 << 20])),
        look_bytes=draw(st.sampled_from([1, 8, 64, 1 << 16])),
        look_bytes_max=draw(st.sampled_from([64, 256, 1 << 20])),
    )


@st.composite
def delimited(draw: st.DrawFn) -> CutFile:
    """Give a delimited file of any dialect."""
    delimiter = draw(st.sampled_from([",", ",", ";", "\t", "::", "é", BLANKS]))
    comma = " " if delimiter == BLANKS else delimiter
    skipped = draw(st.lists(st.sampled_from([b'j"unk\n', b"\n", b"a" * 20 + b"\n"]), max_size=3))
    columns: dict[str, Any] = {}
    has_header = draw(st.booleans())
    content = draw(bodies(comma))
    if has_header:
        names = comma.join(COLUMNS).encode()
        quoted = names.replace(b"user_id", b'"user_id"')
        ends = st.sampled_from([b"\n", b"\r\n", b"\n\n"])
        content = draw(st.sampled_from([names, b"\n" + names, quoted])) + draw(ends) + content
    else:
        columns = draw(st.sampled_from([{"columns": COLUMNS}, BY_POSITION]))
    content = draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + b"".join(skipped) + content
    if draw(st.integers(0, 9)) == 0:
        content = content.replace(b"\n", b"\r")
    definition = SourceDefinition(
        delimiter=delimiter,
        quoting=draw(st.sampled_from([True, True, True, False])),
        comment=draw(st.sampled_from([None, "#", "//"])),
        header=has_header,
        skip_lines=len(skipped),
        **columns,
    )
    return draw(limits(content, definition))


@st.composite
def json_lines(draw: st.DrawFn) -> CutFile:
    """Give a file in JSON Lines."""
    content = draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\n"])) + b'{"a":1}\n' + draw(bodies(","))
    if draw(st.integers(0, 9)) == 0:
        content = content.replace(b"\n", b"\r")
    return draw(limits(content, SourceDefinition(format="jsonl")))


@given(file=delimited())
@example(CutFile(HEADER + NEITHER * 20, OWN, 20, look_bytes=64, look_bytes_max=256))
@example(CutFile(HEADER + ROW * 3 + b'1,2,",4,5\n1,2,"', OWN, 20, look_bytes=1))
def test_any_delimited_file_is_read_in_ranges_as_it_is_whole(file: CutFile) -> None:
    cuts.check(file)


@given(file=json_lines())
def test_any_json_lines_are_read_in_ranges_as_they_are_whole(file: CutFile) -> None:
    cuts.check(file)


def plan(content: bytes, range_bytes: int, definition: SourceDefinition = OWN, **limits: int) -> list[int]:
    """Plan a file under the limits of the product, see that its ranges are read as it is; give where they begin."""
    file = CutFile(content, definition, range_bytes, **limits)
    with cuts.limit(file):
        ranges = plan_ranges(cuts.open_file(file), Contract(definition), range_bytes)
        assert cuts.read_ranges(file, ranges) == cuts.read_whole(file)
    return [part.begin for part in ranges]


def test_a_cut_is_the_first_line_at_its_border_or_behind_it() -> None:
    content = HEADER + ROW * 5000
    assert plan(content, 19 * 1000) == [0, *(len(HEADER) + 19 * 1000 * each for each in (1, 2, 3, 4))]
    assert plan(content, 19 * 2000 - 1) == [0, *(len(HEADER) + 19 * 2000 * each for each in (1, 2))]
    assert plan(content, 19 * 2000 + 1) == [0, *(len(HEADER) + 19 * 2001 * each for each in (1, 2))]


@pytest.mark.parametrize("lines", [2, RECORD_LINES_MAX])
def test_a_record_over_a_border_stays_in_one_range(lines: int) -> None:
    record = b'1,2,3,"' + b"\n".join([b"a"] * lines) + b'",2024-01-01\n'
    content = HEADER + ROW * 100 + record + ROW * 200
    behind = content.index(record) + len(record)
    for border in range(content.index(record) + 1, behind, 7):
        assert plan(content, border - len(HEADER))[:2] == [0, behind]


def test_a_quote_that_closes_nothing_holds_no_cut_back() -> None:
    content = HEADER + (ROW * 40 + b'1,2,",4,5\n') * 100
    assert len(plan(content, 10_000)) == len(content) // 10_000 + 1


@pytest.mark.parametrize("size", [RECORD_BYTES_MAX, RECORD_BYTES_MAX + 1, 3 * RECORD_BYTES_MAX, 9 << 20])
@pytest.mark.parametrize("filling", [b"x", b'"'])
def test_a_border_in_a_very_long_line_is_behind_it(size: int, filling: bytes) -> None:
    long_line = filling * size + b"\n"
    content = HEADER + ROW * 10 + long_line + ROW * 10
    behind = len(HEADER) + 10 * len(ROW) + len(long_line)
    assert plan(content, 1 << 19)[:2] == [0, behind]


LOOK_BYTES_MAX = 1 << 14


def test_where_no_place_is_sure_the_range_joins_the_next() -> None:
    content = HEADER + NEITHER * (5 * LOOK_BYTES_MAX // len(NEITHER))
    assert plan(content, 1 << 12, look_bytes=1 << 12, look_bytes_max=LOOK_BYTES_MAX) == [0]


def test_borders_behind_the_place_that_is_not_sure_are_cut_again() -> None:
    unsure = NEITHER * (LOOK_BYTES_MAX // len(NEITHER) + 999)
    content = HEADER + unsure + ROW * 3000
    begins = plan(content, 1 << 12, look_bytes=1 << 12, look_bytes_max=LOOK_BYTES_MAX)
    assert len(begins) > 10
    assert min(begins[1:]) >= len(HEADER + unsure)


def test_a_last_line_that_might_close_a_record_is_no_cut_without_its_line_end_either() -> None:
    content = HEADER + ROW * 3 + b'1,2,"'
    assert plan(content, 40) == plan(content + b"\n", 40) == [0]
    assert plan(HEADER + ROW * 3 + b"1,2", 40) == [0, len(HEADER) + 3 * len(ROW)]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_record_that_the_last_line_closes_is_not_cut(end: bytes) -> None:
    content = HEADER + ROW * 3 + b'1,2,"\n' + ROW * 2 + b'",4,5' + end
    opening = content.index(b'1,2,"') + 1
    for border in range(opening, len(content)):
        assert plan(content, border - len(HEADER)) == [0]


def test_nothing_is_cut_before_the_first_record() -> None:
    assert plan(b"junk\n" * 90 + HEADER + ROW * 3, 30, SourceDefinition(skip_lines=90))[1] > 450 + len(HEADER)


def test_made_ids_of_the_place_are_made_of_the_whole_file_in_each_range() -> None:
    definition = SourceDefinition(interaction_id=Field(made_from="position"))
    assert len(plan(HEADER + ROW * 9, 40, definition)) > 2


UNCUT: dict[str, tuple[str, SourceDefinition, Callable[[bytes], bytes]]] = {
    "compressed": ("a.csv.gz", OWN, gzip.compress),
    "another encoding": ("a.csv", SourceDefinition(encoding="cp1252"), bytes),
    "UTF-16": ("a.csv", SourceDefinition(encoding="utf-16"), lambda content: content.decode().encode("utf-16")),
    "a document": ("a.json", OWN, lambda _: b'[{"interaction_id":1},\n{"interaction_id":2}]'),
    "ids of records": ("a.csv", SourceDefinition(interaction_id=Field(made_from="record")), bytes),
    "ids of fields": ("a.csv", SourceDefinition(interaction_id=Field(made_from="fields")), bytes),
    "items": ("a.jsonl", SourceDefinition(explode="$.items"), lambda _: b'{"items":[{"interaction_id":1}]}\n' * 9),
}


@pytest.mark.parametrize("kind", UNCUT)
def test_what_cannot_be_cut_is_one_range(kind: str) -> None:
    name, definition, make = UNCUT[kind]
    content = make(HEADER + ROW * 9)
    file = replace(cuts.open_file(CutFile(content, definition, 30)), source=name, path=name)
    (part,) = plan_ranges(file, Contract(definition), 30)
    assert (part.begin, part.end, part.line_number) == (0, len(content), 1)


def test_a_file_without_a_header_is_refused_when_it_is_planned() -> None:
    with pytest.raises(SourceError, match="only blank lines"):
        plan(b"\n\n", 1)


def test_ranges_are_neither_small_nor_too_many() -> None:
    assert choose_range_bytes(1) == RANGE_BYTES_LEAST
    for size in (10**9, 10**12, 10**13 + 1):
        assert -(-size // choose_range_bytes(size)) <= 1000


@pytest.mark.parametrize("shares", [1, 2, 3, 7])
def test_who_stage_at_once_get_as_many_ranges_each(shares: int) -> None:
    for size in (2 * RANGE_BYTES_LEAST, 3 * RANGE_BYTES_LEAST + 1, 10**10 + 7):
        range_bytes = choose_range_bytes(size, shares)
        assert -(-size // range_bytes) % shares == 0
        assert range_bytes <= choose_range_bytes(size)


def test_a_record_that_is_too_long_is_counted_before_it_is_given() -> None:
    lines = framing.Lines(iter([b"x" * 3_000_000 + b"\n", b"a\n"]), Dialect(",", LF))
    batches = framing.cut_records(lines, 1, 1 << 20)
    assert next(batches)["position"].to_pylist() == [1]
    assert (lines.line_number, lines.position) == (2, 3_000_001)
