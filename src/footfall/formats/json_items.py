"""The items of a list in a JSON document, or objects one after another, cut from the stream into batches of records.

Shape: batches of SCHEMA with the numbers of `numbering.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from footfall.contract.limits import RECORD_BYTES_MAX
from footfall.formats.encodings import UTF_8, weigh_bytes
from footfall.formats.framing import LINE_BYTES_LEAST, READABLE_BYTES, append_stored, assemble, is_utf8
from footfall.formats.json_escapes import mark_bad_escapes
from footfall.formats.json_scanning import Marks, Scanner
from footfall.formats.json_stream import Stream
from footfall.formats.numbering import Numbers
from footfall.formats.quoting import LF

_IS_SOLID = np.ones(256, dtype=bool)
_IS_SOLID[list(b" \t\r\n,")] = False
_COMMA = ord(",")


@dataclass(frozen=True, slots=True)
class _Open:
    """A row that goes on in the next block: its first bytes, and the line where it begins.

    Units: `size` is the number of its bytes so far, of which `kept` may hold fewer. `solid` is their number without
    blanks at the end. `stored` and `stored_solid` are the same two numbers for the bytes as the file stores them.
    """

    kept: bytes
    size: int
    solid: int
    line_number: int
    encoding: str
    stored: int = 0
    stored_solid: int = 0

    def add(self, block: bytes, solid: int | None) -> _Open:
        """Give the row with a block more. `solid` is the size of the block without blanks at its end; None: all are."""
        kept = self.kept + block[: READABLE_BYTES - len(self.kept)]
        stored = _weigh(block, self.encoding)
        grown = replace(self, kept=kept, size=self.size + len(block), stored=self.stored + stored)
        if solid is None:
            return grown
        stored_solid = self.stored + _weigh(block[:solid], self.encoding)
        return replace(grown, solid=self.size + solid, stored_solid=stored_solid)


@dataclass(frozen=True, slots=True)
class _Spans:
    """Where rows begin and end in a block, in order. A row that is carried into the block begins at -1.

    With `is_open`, the last row goes on behind the block. It is said to end behind its last byte that is no blank.
    """

    starts: np.ndarray
    stops: np.ndarray
    is_open: bool


def cut_items(stream: Stream, numbers: Numbers, *, is_list: bool) -> Iterator[pa.RecordBatch]:
    """Give the items of a list whose first bracket has been read, or objects up to the end of the content.

    Raises: SourceError where the content ends before, or a bracket closes that none has opened.
    """
    scanner = Scanner()
    carried: _Open | None = None
    is_inside = False  # within an object or a list, whose bracket is still open
    begin = stream.line_number
    is_last = False
    while not is_last:
        line_number = stream.line_number
        block = stream.take_block()
        marks = scanner.scan(block)
        is_last = not block
        ends = np.flatnonzero(marks.depth < 0)
        if len(ends):
            end = int(marks.at[ends[0]])
            stream.give_back(block[end:])
            if not is_list:
                raise stream.make_refusal("a bracket closes that none has opened")
            stream.expect(b"]", "the end of the list")
            block, marks, is_last = block[:end], marks.take_first(int(ends[0])), True
        elif is_last and (is_list or scanner.depth or scanner.is_in_string):
            raise stream.cut(carried.line_number if carried else begin)
        spans = _find_spans(block, marks, carried is not None, is_inside=is_inside, is_last=is_last)
        is_inside = not is_last and scanner.depth > 0
        lines = line_number + np.searchsorted(np.flatnonzero(np.frombuffer(block, np.uint8) == LF), spans.starts)
        closed = len(spans.starts) - spans.is_open
        yield from _give_rows(block, spans, closed, lines, carried, numbers, stream)
        if not spans.is_open:
            carried = None
        elif spans.starts[-1] < 0 and carried:
            carried = carried.add(block, int(spans.stops[-1]) if spans.stops[-1] >= 0 else None)
        else:
            start = int(spans.starts[-1])
            carried = _Open(b"", 0, 0, int(lines[-1]), stream.encoding).add(block[start:], int(spans.stops[-1]) - start)


def _find_spans(block: bytes, marks: Marks, is_carried: bool, *, is_inside: bool, is_last: bool) -> _Spans:
    """Find the rows of a block: all that brackets enclose, and all text between that is neither blank nor a comma."""
    array = np.frombuffer(block, np.uint8)
    starts = marks.at[(marks.depth == 1) & marks.opens]
    stops = marks.at[marks.depth == 0] + 1
    if is_inside:
        starts = np.concatenate(([-1], starts))
    is_open = len(starts) > len(stops)
    gap_starts = stops if is_inside else np.concatenate(([0], stops))
    gap_stops = starts[1:] if is_inside else starts
    if not is_open:
        gap_stops = np.append(gap_stops, len(block))
    between = _list_positions(gap_starts, gap_stops)
    solid = between[_IS_SOLID[array[between]]]
    is_junk_carried = is_carried and not is_inside
    if not len(solid) and not is_junk_carried:
        return _Spans(starts, np.append(stops, len(block)) if is_open else stops, is_open)
    commas = marks.drop_in_strings(between[array[between] == _COMMA])
    borders = np.sort(np.concatenate((commas, starts, stops)))
    part = np.searchsorted(borders, solid, side="right")
    first = np.flatnonzero(np.diff(part, prepend=-1))
    junk_starts, junk_stops = solid[first], solid[np.append(first, len(solid))[1:] - 1] + 1
    junk_parts = part[first]
    if is_junk_carried:
        if len(junk_parts) and junk_parts[0] == 0:
            junk_starts[0] = -1
        else:
            junk_starts, junk_stops = np.concatenate(([-1], junk_starts)), np.concatenate(([-1], junk_stops))
            junk_parts = np.concatenate(([0], junk_parts))
    is_junk_open = not is_last and not is_open and len(junk_parts) > 0 and junk_parts[-1] == len(borders)
    if is_open:
        stops = np.append(stops, len(block))
    starts, stops = np.concatenate((starts, junk_starts)), np.concatenate((stops, junk_stops))
    order = np.argsort(starts, kind="stable")
    return _Spans(starts[order], stops[order], is_open or is_junk_open)


def _list_positions(starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """List each position that lies in one of these spans."""
    sizes = stops - starts
    before = np.cumsum(sizes) - sizes
    positions: np.ndarray = np.arange(int(sizes.sum())) + np.repeat(starts - before, sizes)
    return positions


def _give_rows(  # noqa: PLR0913
    block: bytes,
    spans: _Spans,
    closed: int,
    lines: np.ndarray,
    carried: _Open | None,
    numbers: Numbers,
    stream: Stream,
) -> Iterator[pa.RecordBatch]:
    """Give the rows that end in a block."""
    starts, stops, lines = spans.starts[:closed], spans.stops[:closed], lines[:closed]
    if closed and starts[0] < 0 and carried:
        lines[0] = carried.line_number
        size = carried.size + int(stops[0]) if stops[0] >= 0 else carried.solid
        if size > RECORD_BYTES_MAX:
            text = carried.kept + block[: max(int(stops[0]), 0)][: READABLE_BYTES - len(carried.kept)]
            stored = carried.stored_solid
            if stops[0] >= 0:
                stored = carried.stored + _weigh(block[: int(stops[0])], stream.encoding)
            of_stored = None if stream.encoding == UTF_8 else np.array([stored])
            yield numbers.add(assemble([text], lines[:1], np.array([size]), of_stored))
            starts, stops, lines = starts[1:], stops[1:], lines[1:]
        else:
            block = carried.kept + block
            starts, stops = starts + len(carried.kept), stops + len(carried.kept)
            starts[0], stops[0] = 0, size
    rows_max = max(stream.block_size // LINE_BYTES_LEAST, 1)
    for at in range(0, len(starts), rows_max):
        rows = slice(at, at + rows_max)
        batch = _cut_rows(block, starts[rows], stops[rows], lines[rows], stream.encoding)
        yield numbers.add(mark_bad_escapes(batch))


def _weigh(text: bytes, encoding: str) -> int:
    """Give the number of stored bytes that a text in UTF-8 stands for."""
    if encoding == UTF_8:
        return len(text)
    return int(weigh_bytes(np.frombuffer(text, np.uint8), encoding).sum())


def _cut_rows(block: bytes, starts: np.ndarray, stops: np.ndarray, lines: np.ndarray, encoding: str) -> pa.RecordBatch:
    begin, end = int(starts[0]), int(stops[-1])
    part, sizes = block[begin:end], stops - starts
    stored = None
    if encoding != UTF_8:
        before = np.concatenate(([0], np.cumsum(weigh_bytes(np.frombuffer(part, np.uint8), encoding))))
        stored = before[stops - begin] - before[starts - begin]
    is_exact = b"\0" not in part and (part.isascii() or is_utf8(part))
    if not is_exact or sizes.max() > RECORD_BYTES_MAX:
        places = zip(starts.tolist(), stops.tolist(), strict=True)
        texts = [block[start : min(stop, start + READABLE_BYTES)] for start, stop in places]
        return assemble(texts, lines, sizes, stored)
    # Every second text is a row. The others are the texts between two rows, and are dropped.
    offsets = np.empty(2 * len(starts), np.int32)
    offsets[::2], offsets[1::2] = starts - begin, stops - begin
    texts = pa.Array.from_buffers(pa.string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(part)])
    columns = [pa.array(lines), texts.take(pa.array(np.arange(0, len(texts), 2)))]
    return append_stored([*columns, pa.nulls(len(starts), pa.binary()), pa.array(sizes)], stored)
