"""Cut content into numbered raw records in Arrow batches: where each begins and ends, and nothing about its values.

Memory: one block and its records. A record over 1 MB is cut, while it streams by, to what the quarantine keeps of it.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from footfall.contract.limits import BAD_BYTES, RAW_BYTES_MAX, RECORD_BYTES_MAX, RECORD_LINES_MAX
from footfall.formats.encodings import weigh_bytes
from footfall.formats.quoting import CR, LF, QUOTE, Dialect, is_comment, record_test

# The limits of a record are for the header, too: tests make them small here, for both.
__all__ = [
    "BLOCKS_PER_LIMIT",
    "BLOCK_BYTES_MAX",
    "LINE_BYTES_LEAST",
    "MARK_BAD_BYTES",
    "READABLE_BYTES",
    "RECORD_BYTES_MAX",
    "RECORD_LINES_MAX",
    "SCHEMA",
    "SPACE",
    "STORED",
    "Lines",
    "append_stored",
    "assemble",
    "choose_block_bytes",
    "count_quotes",
    "cut_records",
    "cut_text",
    "is_utf8",
    "join_quoted",
]

BLOCK_BYTES_MAX = 8 << 20  # bytes of a batch, about 170,000 rows; larger is no faster, smaller pays more for queries
BLOCKS_PER_LIMIT = 100  # a batch in work takes about ten times the memory of its text, and several are in work at once
LINE_BYTES_LEAST = 40  # bytes; a block of shorter lines becomes several batches, since each row takes memory, too
MARK_BAD_BYTES = "footfall-mark-bad-bytes"  # the name by which Python knows how to decode a record that is no text
READABLE_BYTES = RECORD_BYTES_MAX + 1  # bytes of a too-long record that are kept while it streams by
SPACE, TAB = BLANK_BYTES = b" \t"
SCHEMA = pa.schema(
    [("position", pa.int64()), ("line", pa.string()), ("raw_bytes", pa.binary()), ("size_bytes", pa.int64())]
)
STORED = pa.field("stored_bytes", pa.int64())  # a further column where the file is not UTF-8

codecs.register_error(MARK_BAD_BYTES, lambda error: (BAD_BYTES, getattr(error, "end", 0)))


def choose_block_bytes(memory_limit_mb: int) -> int:
    """Say how many bytes of content a batch may hold, so that all batches in work at once fit into the limit."""
    return min(BLOCK_BYTES_MAX, (memory_limit_mb << 20) // BLOCKS_PER_LIMIT)


class Lines:
    """The stream of blocks that end at a line end; holds what is left over between two blocks."""

    def __init__(self, blocks: Iterator[bytes], dialect: Dialect, line_number: int = 1) -> None:
        self.blocks = blocks
        self.dialect = dialect
        self.end = bytes([dialect.line_end])
        self.rest = b""
        self.line_number = line_number
        self.is_done = False
        self.taken_bytes = 0

    @property
    def position(self) -> int:
        """Give the place in the stream of the first byte that is left over, in bytes."""
        return self.taken_bytes - len(self.rest)

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
            self.taken_bytes += len(block)
        self.rest = b"".join(parts)

    def drop_lines(self, count: int) -> None:
        """Drop so many lines, whatever they hold, or all that there are."""
        while count:
            self.fill(1)
            if not self.rest:
                return
            there = self.rest.count(self.end)
            at = -1
            for _ in range(min(there, count)):
                at = self.rest.index(self.end, at + 1)
            self.rest = self.rest[at + 1 :] if there >= count else b""
            self.line_number += min(there, count)
            count -= min(there, count)

    def skip_line(self) -> tuple[int, int, bool]:
        """Drop the rest of the line at hand, however long it is, but not its line end.

        Shape: the number of bytes dropped as text in UTF-8, their number as they are stored, and whether all are blank.
        """
        dropped = stored = 0
        is_blank = True
        cr = b""  # a CR at the end so far: half of a line end, or a byte of the line if the line goes on
        while True:
            at = self.rest.find(self.end)
            here = self.rest if at < 0 else self.rest[:at]
            self.rest = self.rest[len(here) :]
            here = cr + here
            cr = b"\r" if here.endswith(b"\r") and self.dialect.line_end == LF else b""
            dropped += len(here) - len(cr)
            stored += _measure(here[: len(here) - len(cr)], self.dialect)
            is_blank = is_blank and not here[: len(here) - len(cr)].strip(BLANK_BYTES)
            if at < 0:
                self.fill(1)
            if at >= 0 or not self.rest:
                return dropped, stored, is_blank


def cut_records(lines: Lines, field_count: int, block_size: int) -> Iterator[pa.RecordBatch]:
    """Give batches of the records behind the header, numbered by their lines."""
    is_record = record_test(lines.dialect, field_count)
    lines_max = max(block_size // LINE_BYTES_LEAST, 1)
    wanted = block_size
    while True:
        lines.fill(wanted)
        size = len(lines.rest)
        if not size:
            return
        # A decompressor may give 64 MB at once. Taken whole, such a block of line ends alone would cost a gigabyte.
        limit = min(size, wanted)
        is_last = lines.is_done and limit == size
        cut = limit if is_last else lines.rest.rfind(lines.end, 0, limit) + 1
        if cut:
            yield from _cut_block(lines, cut, lines_max, None if is_last else limit, is_record)
        elif limit > READABLE_BYTES:
            yield from _give_too_long(lines)
        # If no complete record was at hand, read one block more before the next try.
        wanted = block_size if len(lines.rest) < size else limit + block_size


def _give_too_long(lines: Lines) -> Iterator[pa.RecordBatch]:
    kept = lines.rest[:READABLE_BYTES]
    size, stored, is_blank = lines.skip_line()
    lines.rest = lines.rest.removeprefix(lines.end)
    number = lines.line_number
    lines.line_number += 1
    if not is_blank and not is_comment(kept, lines.dialect):
        of_encoded = np.array([stored]) if _is_encoded(lines.dialect) else None
        yield assemble([kept], np.array([number]), np.array([size]), of_encoded)


def _cut_block(
    lines: Lines, cut: int, lines_max: int, left: int | None, is_record: Callable[[bytes], bool]
) -> Iterator[pa.RecordBatch]:
    """Give the records of one block, and leave to the next block a record that may go on there.

    Units: `left` counts bytes from the beginning of the block. It is the earliest place where the next line can end, or
    None where the content ends with the block.
    """
    block = lines.rest[:cut]
    array = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(array == lines.dialect.line_end)
    if not block.endswith(lines.end):
        ends = np.append(ends, len(block))
    first_lines = np.arange(len(ends), dtype=np.int64)
    record_ends = ends
    if lines.dialect.quoting and b'"' in block:
        per_line = count_quotes(block, array, ends, lines.dialect)
        kept, carried = join_quoted(block, ends, per_line, is_record, left)
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
        batch = _cut_records(
            block[begin:end], array[begin:end], part - begin, numbers[at : at + lines_max], lines.dialect
        )
        if batch.num_rows:
            yield batch


def count_quotes(block: bytes, array: np.ndarray, ends: np.ndarray, dialect: Dialect) -> np.ndarray:
    """Count the quotes of each line. A comment opens no record and closes none: its quotes do not count."""
    quotes = np.flatnonzero(array == QUOTE)
    per_line = np.bincount(np.searchsorted(ends, quotes, side="left"), minlength=len(ends))
    if dialect.comment:
        per_line[_find_comments(block, array, np.concatenate(([0], ends[:-1] + 1)), dialect)] = 0
    return per_line


def join_quoted(
    block: bytes, ends: np.ndarray, per_line: np.ndarray, is_record: Callable[[bytes], bool], left: int | None
) -> tuple[np.ndarray, int | None]:
    """Say which line ends end a record, and from which line on only the next block can tell; None: this block can.

    A record that is open at the end of a line has an odd number of quotes so far. It closes on the next line with an
    odd number of quotes. So for each odd line there is one line that can close it, and no byte is matched more than
    twice.
    Units: `left` as in `_cut_block`.
    """
    kept = np.ones(len(ends), dtype=bool)
    odd = np.flatnonzero(per_line % 2)
    at = 0
    while at < len(odd):
        opening = int(odd[at])
        begin = int(ends[opening - 1]) + 1 if opening else 0
        if at + 1 == len(odd):
            # `left` is the earliest byte at which the next line can end. If the open record is over 100 lines or 1 MB
            # there, no quote can close it in time, and its first line is badly quoted.
            if left is not None and len(ends) - opening < RECORD_LINES_MAX and left - begin <= READABLE_BYTES:
                return kept, opening
            break
        closing = int(odd[at + 1])
        end = int(ends[closing])
        text = b""
        if closing - opening < RECORD_LINES_MAX and end - begin <= READABLE_BYTES:  # and one byte for the CR of a CRLF
            text = block[begin:end].removesuffix(b"\r")
        if text and len(text) <= RECORD_BYTES_MAX and is_record(text):
            kept[opening:closing] = False
            at += 2
        else:
            at += 1
    return kept, None


def _cut_records(
    block: bytes, array: np.ndarray, ends: np.ndarray, numbers: np.ndarray, dialect: Dialect
) -> pa.RecordBatch:
    """Cut a block at its record ends. The line ends themselves are dropped, and so are blank lines and comments."""
    starts = np.concatenate(([0], ends[:-1] + 1))
    stops = ends.copy()
    if dialect.line_end == LF and b"\r" in block:
        before = array[np.maximum(ends - 1, 0)]
        stops -= (before == CR) & (ends > starts)
    sizes = stops - starts
    blank = _find_blank(block, array, starts, stops)
    sizes[blank] = 0
    if dialect.comment and (comments := _find_comments(block, array, starts, dialect)):
        sizes[comments] = 0
        blank += comments
    held = sizes > 0
    stored = None
    if _is_encoded(dialect):
        upto = np.concatenate(([0], np.cumsum(weigh_bytes(array, dialect.encoding))))
        stored = (upto[stops] - upto[starts])[held]
    is_exact = b"\0" not in block and (block.isascii() or is_utf8(block))
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
        return append_stored([pa.array(numbers), text, pa.nulls(len(sizes), pa.binary()), pa.array(sizes)], stored)
    places = zip(starts[held].tolist(), stops[held].tolist(), strict=True)
    texts = [block[start : min(stop, start + READABLE_BYTES)] for start, stop in places]
    return assemble(texts, numbers[held], sizes[held], stored)


def _find_blank(block: bytes, array: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> list[int]:
    """List the lines of blanks alone; empty lines are not among them. Only lines that begin with a blank are read."""
    first = array[starts]
    begins_blank = np.flatnonzero(((first == SPACE) | (first == TAB)) & (stops > starts))
    return [at for at in begins_blank.tolist() if not block[starts[at] : stops[at]].strip(BLANK_BYTES)]


def _find_comments(block: bytes, array: np.ndarray, starts: np.ndarray, dialect: Dialect) -> list[int]:
    """List the lines that are comments."""
    first = array[np.minimum(starts, len(array) - 1)]
    candidates = np.flatnonzero((first == dialect.comment[0]) & (starts < len(array))).tolist()
    return [at for at in candidates if block.startswith(dialect.comment, int(starts[at]))]


def _is_encoded(dialect: Dialect) -> bool:
    return dialect.encoding != "utf-8"


def _measure(text: bytes, dialect: Dialect) -> int:
    """Give the number of bytes that a text has as it is stored."""
    if not _is_encoded(dialect):
        return len(text)
    return int(weigh_bytes(np.frombuffer(text, np.uint8), dialect.encoding).sum())


def is_utf8(block: bytes) -> bool:
    """Say whether bytes are text in UTF-8."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def assemble(
    texts: list[bytes], numbers: np.ndarray, sizes: np.ndarray, stored: np.ndarray | None = None
) -> pa.RecordBatch:
    """Make a batch of records of which some may be too long, or no text."""
    lines: list[str] = []
    raw: list[bytes | None] = []
    for text, size in zip(texts, sizes.tolist(), strict=True):
        kept = cut_text(text, RAW_BYTES_MAX) if size > RECORD_BYTES_MAX else text
        if b"\0" not in kept and is_utf8(kept):
            lines.append(kept.decode())
            raw.append(None)
        else:
            lines.append(kept.replace(b"\0", b"\xff").decode("utf-8", MARK_BAD_BYTES))
            raw.append(kept[:RAW_BYTES_MAX] if stored is None else cut_text(kept, RAW_BYTES_MAX))
    columns = [pa.array(numbers, pa.int64()), pa.array(lines, pa.string()), pa.array(raw, pa.binary())]
    return append_stored([*columns, pa.array(sizes, pa.int64())], stored)


def append_stored(columns: list[pa.Array], stored: np.ndarray | None) -> pa.RecordBatch:
    """Make a batch of columns, with the sizes of the stored bytes as a further one where these are no UTF-8."""
    if stored is None:
        return pa.record_batch(columns, schema=SCHEMA)
    return pa.record_batch([*columns, pa.array(stored, pa.int64())], schema=SCHEMA.append(STORED))


def cut_text(text: bytes, size: int) -> bytes:
    """Cut text to at most `size` bytes, and never within a character."""
    if len(text) <= size:
        return text
    while size > 0 and text[size] & 0xC0 == 0x80:
        size -= 1
    return text[:size]
