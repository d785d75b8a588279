"""Content -> numbered raw records: where each begins and ends, before anything is said about its values.

Grain: one per record that is not the header, in file order, in Arrow batches; `delimited.sql` finds the columns.
Memory: one block and its records; a record over 1 MB is cut to what the quarantine keeps while it streams by.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from footfall.contract.first_line import cure_of_quotes, looks_like
from footfall.contract.limits import BAD_BYTES, RAW_BYTES_MAX, RECORD_BYTES_MAX, RECORD_LINES_MAX
from footfall.contract.mapping import Layout, find_places, list_surplus, place_by_name, read_file_time
from footfall.contract.shapes import COLUMNS
from footfall.contract.terms import Contract
from footfall.errors import SourceError
from footfall.formats.choosing import find_delimiter
from footfall.formats.quoting import CR, LF, QUOTE, Dialect, record_pattern, record_test, swallows_rows
from footfall.sources import opening
from footfall.sources.recognition import begun, refuse_binary

BLOCK_BYTES_MAX = 8 << 20  # bytes of content per batch: about 170,000 rows; larger is no faster, smaller pays per query
BLOCKS_PER_LIMIT = 100  # a batch in work takes some ten times its text, and several are in work at a time
LINE_BYTES_LEAST = 40  # bytes; a block of shorter lines is several batches: memory goes by rows, too
BOM = b"\xef\xbb\xbf"
READABLE_BYTES = RECORD_BYTES_MAX + 1  # bytes of a too-long record that are carried along
SPACE, TAB = BLANKS = b" \t"
SCHEMA = pa.schema(
    [("line_number", pa.int64()), ("line", pa.string()), ("raw_bytes", pa.binary()), ("size_bytes", pa.int64())]
)
Content = Callable[[], Iterator[bytes]]
MARK_BAD_BYTES = "footfall-mark-bad-bytes"  # the name of how text is decoded, for Python
codecs.register_error(MARK_BAD_BYTES, lambda error: (BAD_BYTES, error.end))


@dataclass(frozen=True, slots=True)
class HeaderRecord:
    """The first record that is not blank."""

    fields: list[str]
    dialect: Dialect


def find_line_end(content: Content, source: str) -> int:
    """Say which byte ends a line: LF, or CR where the whole content holds no LF.

    Raises: SourceError for an empty file, and for one whose first bytes are no text.
    """
    has_cr = False
    start, blocks = begun(content())
    refuse_binary(start, source)
    for block in blocks:
        if LF in block:
            return LF
        has_cr = has_cr or CR in block
    if not start:
        raise SourceError("the file is empty; a file without rows has at least a header", source=source)
    return CR if has_cr else LF


def read_records(
    content: Content, source: str, delimiter: str, memory_limit_mb: int = 512
) -> tuple[HeaderRecord, Iterator[pa.RecordBatch]]:
    """Split content into its header and batches of records.

    Shape: batches of SCHEMA, numbered from the header's next line on; a batch holds at most BLOCK_BYTES_MAX of text.
    Raises: SourceError where there is no header.
    """
    dialect = Dialect(delimiter, find_line_end(content, source))
    lines = _Lines(content(), dialect)
    header = _take_header(lines, source)
    return HeaderRecord(header, dialect), _batches(lines, len(header), block_bytes(memory_limit_mb))


def open_delimited(
    file: opening.SourceFile, contract: Contract, memory_limit_mb: int
) -> tuple[Layout, Iterator[pa.RecordBatch]]:
    """Read the header of a delimited file; give the layout of its records, and the records.

    Raises: SourceError where there is no header, or a column is missing from it.
    """
    delimiter = find_delimiter(contract.definition, file.path)
    record, batches = read_records(lambda: opening.read_content(file), file.source, delimiter, memory_limit_mb)
    layout = lay_out(contract, record.fields, delimiter, file.source)
    return (replace(layout, digest=file.digest) if contract.definition.made_from == "position" else layout), batches


def lay_out(contract: Contract, fields: Sequence[str], delimiter: str, source: str) -> Layout:
    """Give the layout of records whose fields have these names. Raises: SourceError where a column is missing."""
    definition = contract.definition
    found = place_by_name(definition, fields, source)
    places, conditions = find_places(definition, found)
    surplus = list_surplus(fields, found)
    time = read_file_time(definition, source)
    return Layout("delimited", contract, len(fields), places, conditions, surplus, delimiter, file_time=time)


def block_bytes(memory_limit_mb: int) -> int:
    """Say how many bytes of content a batch may hold, so that all that are in work fit into the limit."""
    return min(BLOCK_BYTES_MAX, (memory_limit_mb << 20) // BLOCKS_PER_LIMIT)


class _Lines:
    """The stream of blocks that end at a line end; holds what is left over between two blocks."""

    def __init__(self, blocks: Iterator[bytes], dialect: Dialect) -> None:
        self.blocks = blocks
        self.dialect = dialect
        self.end = bytes([dialect.line_end])
        self.rest = b""
        self.line_number = 1
        self.is_done = False

    def fill(self, wanted: int) -> None:
        """Read on until `wanted` bytes are there, or the content ends."""
        parts = [self.rest]
        size = len(self.rest)
        while size < wanted and not self.is_done:
            block = next(self.blocks, None)
            if block is None:
                self.is_done = True
                break
            parts.append(block)
            size += len(block)
        self.rest = b"".join(parts)

    def skip_line(self) -> tuple[int, bool]:
        """Drop what is left of the line at hand, however long: how many bytes, its end apart, and whether all blank."""
        dropped = 0
        is_blank = True
        cr = b""  # the last byte, if it is a CR: half of a line end, or a byte of the line if more comes
        while True:
            at = self.rest.find(self.end)
            here = self.rest if at < 0 else self.rest[:at]
            self.rest = self.rest[len(here) :]
            here = cr + here
            cr = b"\r" if here.endswith(b"\r") and self.dialect.line_end == LF else b""
            dropped += len(here) - len(cr)
            is_blank = is_blank and not here[: len(here) - len(cr)].strip(BLANKS)
            if at < 0:
                self.fill(1)
            if at >= 0 or not self.rest:
                return dropped, is_blank


def _take_header(lines: _Lines, source: str) -> list[str]:
    lines.fill(len(BOM))
    lines.rest = lines.rest.removeprefix(BOM)
    _skip_blank_lines(lines, source)
    text = lines.rest.partition(lines.end)[0].removesuffix(b"\r")
    if b'"' in text and len(text) <= RECORD_BYTES_MAX:
        # Quotes that do not close: where the columns are, or the header ends, is anybody's guess.
        found = record_pattern(lines.dialect, None).match(lines.rest, 0, RECORD_BYTES_MAX + 1)
        text = found.group().removesuffix(b"\r") if found else b""
        rest = lines.rest[len(text) : len(text) + 2]
        is_closed = rest in (b"", b"\r") or rest.startswith((lines.end, b"\r" + lines.end))
        if not text or not is_closed or text.count(lines.end) >= RECORD_LINES_MAX:
            raise SourceError(f"line {lines.line_number}: {_broken_header(lines)}", source=source)
        if swallows_rows(text, lines.dialect, len(_header_fields(text, lines.dialect))):
            raise SourceError(
                f"line {lines.line_number}: the header has a quote that does not close on its line: each "
                f"of the next {text.count(lines.end):,} lines, up to the one that closes it, looks like a row; "
                "close the quote, or take it away",
                source=source,
            )
    if len(text) > RECORD_BYTES_MAX:
        raise SourceError(f"line {lines.line_number}: the header is over 1 MB; is this a CSV file?", source=source)
    after = lines.rest[len(text) :]
    lines.rest = after[after.index(lines.end) + 1 :] if lines.end in after else b""
    lines.line_number += text.count(lines.end) + 1
    return _header_fields(text, lines.dialect)


def _broken_header(lines: _Lines) -> str:
    text = lines.rest.partition(lines.end)[0].decode("utf-8", "replace").rstrip("\r")
    if look := looks_like(text, lines.dialect.delimiter, COLUMNS):
        return f"the first line must name the columns; {look}"
    cure = cure_of_quotes(text, lines.dialect.delimiter)
    return f"the header has a quote that does not close before a delimiter or line end; {cure}"


def _skip_blank_lines(lines: _Lines, source: str) -> None:
    """Go on to the first line that is not blank, and have all of a header of 1 MB at hand."""
    # A CR is half of a CRLF, or of a line end that the end of the content cut.
    held = re.compile(rb"[^ \t\r\n]|\r(?!\n|\Z)" if lines.dialect.line_end == LF else rb"[^ \t\r]")
    while True:
        lines.fill(4 * RECORD_BYTES_MAX)
        found = held.search(lines.rest)
        begin = lines.rest.rfind(lines.end, 0, found.start() if found else len(lines.rest)) + 1
        lines.line_number += lines.rest.count(lines.end, 0, begin)
        lines.rest = lines.rest[begin:]
        if found and (begin == 0 or lines.is_done):
            return
        if not found:
            if lines.is_done:
                raise SourceError(
                    "holds no header, only blank lines; the first line must name the columns", source=source
                )
            lines.rest = lines.rest[-READABLE_BYTES:]  # enough to know that a header behind these blanks is too long


def _header_fields(text: bytes, dialect: Dialect) -> list[str]:
    decoded = text.decode("utf-8", "replace")
    if '"' not in decoded:
        return decoded.split(dialect.delimiter)
    comma = re.escape(dialect.delimiter)
    fields = re.findall(rf'{comma}("(?:[^"]|"")*"|[^"{comma}]*)', dialect.delimiter + decoded)
    return [field[1:-1].replace('""', '"') if field.startswith('"') else field for field in fields]


def _batches(lines: _Lines, field_count: int, block_size: int) -> Iterator[pa.RecordBatch]:
    is_record = record_test(lines.dialect, field_count)
    lines_max = max(block_size // LINE_BYTES_LEAST, 1)
    wanted = block_size
    while True:
        lines.fill(wanted)
        size = len(lines.rest)
        if not size:
            return
        # A decompressor may give 64 MB at once: taken whole, such a block of line ends alone would cost a gigabyte.
        limit = min(size, wanted)
        is_last = lines.is_done and limit == size
        cut = limit if is_last else lines.rest.rfind(lines.end, 0, limit) + 1
        if cut:
            yield from _block(lines, cut, lines_max, None if is_last else limit, is_record)
        elif limit > READABLE_BYTES:
            yield from _too_long(lines)
        # Where nothing could be taken, the first record goes on behind what is at hand.
        wanted = block_size if len(lines.rest) < size else limit + block_size


def _too_long(lines: _Lines) -> Iterator[pa.RecordBatch]:
    kept = lines.rest[:READABLE_BYTES]
    size, is_blank = lines.skip_line()
    lines.rest = lines.rest.removeprefix(lines.end)
    if not is_blank:
        yield _assemble([kept], np.array([lines.line_number]), np.array([size]))
    lines.line_number += 1


def _block(
    lines: _Lines, cut: int, lines_max: int, left: int | None, is_record: Callable[[bytes], bool]
) -> Iterator[pa.RecordBatch]:
    """Give the records of one block, and leave to the next what may still go on there.

    Units: `left` is the bytes from the block's begin on to where the next line end may be, or None where the content
    ends with the block.
    """
    block = lines.rest[:cut]
    array = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(array == lines.dialect.line_end)
    if not block.endswith(lines.end):
        ends = np.append(ends, len(block))
    first_lines = np.arange(len(ends), dtype=np.int64)
    record_ends = ends
    if b'"' in block:
        kept, carried = _join_quoted(block, array, ends, is_record, left)
        if carried is not None:
            begin = int(ends[carried - 1]) + 1 if carried else 0
            block, array, ends, kept = block[:begin], array[:begin], ends[:carried], kept[:carried]
        begins_here = np.concatenate((np.ones(min(len(kept), 1), dtype=bool), kept[:-1]))
        first_lines, record_ends = first_lines[: len(ends)][begins_here], ends[kept]
    lines.rest = lines.rest[len(block) :]
    numbers = lines.line_number + first_lines
    lines.line_number += len(ends)
    for at in range(0, len(record_ends), lines_max):
        begin = int(record_ends[at - 1]) + 1 if at else 0
        part = record_ends[at : at + lines_max]
        end = int(part[-1]) + 1
        batch = _records(block[begin:end], array[begin:end], part - begin, numbers[at : at + lines_max], lines.dialect)
        if batch.num_rows:
            yield batch


def _join_quoted(
    block: bytes, array: np.ndarray, ends: np.ndarray, is_record: Callable[[bytes], bool], left: int | None
) -> tuple[np.ndarray, int | None]:
    """Say which line ends end a record, and from which line on it takes the next block to know.

    A record that is open at a line end holds an odd number of quotes up to there, and closes on the next line that
    holds an odd number again: so each odd line has one candidate, and every byte is matched at most twice.
    Units: `left` as in `_block`.
    """
    kept = np.ones(len(ends), dtype=bool)
    quotes = np.flatnonzero(array == QUOTE)
    per_line = np.bincount(np.searchsorted(ends, quotes, side="left"), minlength=len(ends))
    odd = np.flatnonzero(per_line % 2)
    at = 0
    while at < len(odd):
        opening = int(odd[at])
        begin = int(ends[opening - 1]) + 1 if opening else 0
        if at + 1 == len(odd):
            # No line end is at hand between the block and `left`: a record over 1 MB by then cannot close in time.
            if left is not None and len(ends) - opening < RECORD_LINES_MAX and left - begin <= READABLE_BYTES:
                return kept, opening
            break
        closing = int(odd[at + 1])
        end = int(ends[closing])
        text = b""
        if closing - opening < RECORD_LINES_MAX and end - begin <= READABLE_BYTES:  # one more for the CR of CRLF
            text = block[begin:end].removesuffix(b"\r")
        if text and len(text) <= RECORD_BYTES_MAX and is_record(text):
            kept[opening:closing] = False
            at += 2
        else:
            at += 1
    return kept, None


def _records(
    block: bytes, array: np.ndarray, ends: np.ndarray, numbers: np.ndarray, dialect: Dialect
) -> pa.RecordBatch:
    """Cut a block at its record ends; the line ends themselves go, and so do lines of nothing but blanks."""
    starts = np.concatenate(([0], ends[:-1] + 1))
    stops = ends.copy()
    if dialect.line_end == LF and b"\r" in block:
        before = array[np.maximum(ends - 1, 0)]
        stops -= (before == CR) & (ends > starts)
    sizes = stops - starts
    blank = _find_blank(block, array, starts, stops)
    sizes[blank] = 0
    held = sizes > 0
    is_exact = b"\0" not in block and (block.isascii() or _is_utf8(block))
    if is_exact and sizes.max(initial=0) <= RECORD_BYTES_MAX:
        mask = np.ones(len(block), dtype=bool)
        mask[ends[ends < len(block)]] = False
        mask[stops[stops < ends]] = False
        for at in blank:
            mask[starts[at] : stops[at]] = False
        numbers, sizes = numbers[held], sizes[held]
        offsets = np.zeros(len(sizes) + 1, dtype=np.int32)
        np.cumsum(sizes, out=offsets[1:])
        data = array[mask]
        text = pa.Array.from_buffers(pa.string(), len(sizes), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
        return pa.record_batch(
            [pa.array(numbers), text, pa.nulls(len(sizes), pa.binary()), pa.array(sizes)], schema=SCHEMA
        )
    places = zip(starts[held].tolist(), stops[held].tolist(), strict=True)
    texts = [block[start : min(stop, start + READABLE_BYTES)] for start, stop in places]
    return _assemble(texts, numbers[held], sizes[held])


def _find_blank(block: bytes, array: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> list[int]:
    """Say which lines hold something, but nothing except blanks. Few lines begin with a blank: only those are read."""
    first = array[starts]
    begins_blank = np.flatnonzero(((first == SPACE) | (first == TAB)) & (stops > starts))
    return [at for at in begins_blank.tolist() if not block[starts[at] : stops[at]].strip(BLANKS)]


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _assemble(texts: list[bytes], numbers: np.ndarray, sizes: np.ndarray) -> pa.RecordBatch:
    """Give a batch where some record is too long, or not text."""
    lines: list[str] = []
    raw: list[bytes | None] = []
    for text, size in zip(texts, sizes.tolist(), strict=True):
        kept = _cut(text, RAW_BYTES_MAX) if size > RECORD_BYTES_MAX else text
        if b"\0" not in kept and _is_utf8(kept):
            lines.append(kept.decode())
            raw.append(None)
        else:
            lines.append(kept.replace(b"\0", b"\xff").decode("utf-8", MARK_BAD_BYTES))
            raw.append(kept[:RAW_BYTES_MAX])
    columns = [pa.array(numbers, pa.int64()), pa.array(lines, pa.string()), pa.array(raw, pa.binary())]
    return pa.record_batch([*columns, pa.array(sizes, pa.int64())], schema=SCHEMA)


def _cut(text: bytes, size: int) -> bytes:
    """Cut text to at most `size` bytes, not within a character."""
    if len(text) <= size:
        return text
    while size > 0 and text[size] & 0xC0 == 0x80:
        size -= 1
    return text[:size]
