"""The beginning of a delimited file: skip the lines before the header, and read the header or the first record."""

from __future__ import annotations

import re
from dataclasses import dataclass

from footfall.contract.definition import BLANKS
from footfall.contract.first_line import describe_cure_of_quotes, describe_look
from footfall.contract.limits import RECORD_BYTES_MAX, RECORD_LINES_MAX
from footfall.contract.shapes import COLUMNS
from footfall.errors import SourceError
from footfall.formats.framing import READABLE_BYTES, Lines
from footfall.formats.quoting import LF, Dialect, count_fields, is_comment, record_pattern, split_line, swallows_rows

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class HeaderRecord:
    """The names of the fields. Without a header, the definition names them, or there is an empty name for each field.

    `text` is the header as it was read. Without a header, it has the numbers of the fields with delimiters between.
    """

    fields: list[str]
    dialect: Dialect
    text: str = ""


def skip_to_begin(lines: Lines, skip_lines: int) -> None:
    """Drop the byte order mark and the lines before the header."""
    lines.fill(len(BOM))
    lines.rest = lines.rest.removeprefix(BOM)
    lines.drop_lines(skip_lines)


def take_header(lines: Lines, source: str) -> HeaderRecord:
    """Read the first record as the header. Raises: SourceError where it cannot be one."""
    if not _go_to_record(lines):
        raise SourceError("holds no header, only blank lines; the first line must name the columns", source=source)
    dialect = lines.dialect
    text = _begin_of(lines)
    if dialect.quoting and b'"' in text and len(text) <= RECORD_BYTES_MAX:
        found = _match_record(lines)
        if found is None:
            raise SourceError(f"line {lines.line_number}: {_describe_broken_header(lines)}", source=source)
        text = found
        if swallows_rows(text, dialect, len(_split_header(text, dialect))):
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
    return HeaderRecord(_split_header(text, dialect), dialect, text.decode("utf-8", "replace"))


def number_fields(count: int, dialect: Dialect) -> str:
    """Write the numbers of the fields. They take the place of a header, and say how many fields there are."""
    return (" " if dialect.delimiter == BLANKS else dialect.delimiter).join(map(str, range(1, count + 1)))


def count_first_fields(lines: Lines) -> int:
    """Count the fields of the first record of a file without a header, and leave the record where it is.

    If its quotes do not close, the fields of its first line are counted. Without any record, the count is 1.
    """
    if not _go_to_record(lines):
        return 1
    dialect, text = lines.dialect, _begin_of(lines)
    if dialect.quoting and b'"' in text and len(text) <= RECORD_BYTES_MAX:
        found = _match_record(lines)
        if found is not None:
            count = len(_split_header(found, dialect))
            if not swallows_rows(found, dialect, count):
                return count
    return count_fields(text, dialect.delimiter, quoting=dialect.quoting)


def _begin_of(lines: Lines) -> bytes:
    return lines.rest.partition(lines.end)[0].removesuffix(b"\r")


def _match_record(lines: Lines) -> bytes | None:
    """Give the text of the next record; None where its quotes do not close, so that its end is unknown."""
    found = record_pattern(lines.dialect, None).match(lines.rest, 0, RECORD_BYTES_MAX + 1)
    text = found.group().removesuffix(b"\r") if found else b""
    rest = lines.rest[len(text) : len(text) + 2]
    is_closed = rest in (b"", b"\r") or rest.startswith((lines.end, b"\r" + lines.end))
    return text if text and is_closed and text.count(lines.end) < RECORD_LINES_MAX else None


def _describe_broken_header(lines: Lines) -> str:
    text = lines.rest.partition(lines.end)[0].decode("utf-8", "replace").rstrip("\r")
    delimiter = " " if lines.dialect.delimiter == BLANKS else lines.dialect.delimiter
    if look := describe_look(text, delimiter, COLUMNS):
        return f"the first line must name the columns; {look}"
    cure = describe_cure_of_quotes(text, delimiter)
    return f"the header has a quote that does not close before a delimiter or line end; {cure}"


def _go_to_record(lines: Lines) -> bool:
    """Go on to the first line that is neither blank nor a comment; say whether there is one.

    Effects: reads so much that a header of up to 1 MB is at hand as a whole.
    """
    # A CR before an LF belongs to the line end, and so does a CR at the very end of the content.
    held = re.compile(rb"[^ \t\r\n]|\r(?!\n|\Z)" if lines.dialect.line_end == LF else rb"[^ \t\r]")
    end_byte = re.escape(lines.end)
    comments = re.compile(b"(?:" + re.escape(lines.dialect.comment) + b"[^" + end_byte + b"]*" + end_byte + b")*")
    while True:
        lines.fill(4 * RECORD_BYTES_MAX)
        found = held.search(lines.rest)
        begin = lines.rest.rfind(lines.end, 0, found.start() if found else len(lines.rest)) + 1
        lines.line_number += lines.rest.count(lines.end, 0, begin)
        lines.rest = lines.rest[begin:]
        if found and is_comment(lines.rest, lines.dialect):
            matched = comments.match(lines.rest)
            end = matched.end() if matched else 0
            lines.line_number += lines.rest.count(lines.end, 0, end)
            lines.rest = lines.rest[end:]
            if not end:
                lines.drop_lines(1)
        elif found and (begin == 0 or lines.is_done):
            return True
        elif not found:
            if lines.is_done:
                return False
            # Keep only the last 1 MB of blanks: a header that begins after more of them is over the limit anyway.
            lines.rest = lines.rest[-READABLE_BYTES:]


def _split_header(text: bytes, dialect: Dialect) -> list[str]:
    return split_line(text.decode("utf-8", "replace"), dialect)
