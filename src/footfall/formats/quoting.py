"""Quotes, and the lines that they run over: which text is one record, and which has swallowed rows.

Grain: one text at a time, without its line end. Nothing here knows blocks or limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

LF, CR, QUOTE = 10, 13, 34


@dataclass(frozen=True, slots=True)
class Dialect:
    """How records are told apart. `line_end` is LF, or CR in a file without any LF.

    Without `quoting`, a quote is a character like any other.
    """

    delimiter: str
    line_end: int
    quoting: bool = True


def record_pattern(dialect: Dialect, field_count: int | None) -> re.Pattern[bytes]:
    """Give the pattern of a record whose every quote closes before a delimiter or line end.

    Example:
        >>> bool(record_pattern(Dialect(",", LF), 2).fullmatch(b'"a\\nb",c'))
        True
    """
    comma = re.escape(dialect.delimiter.encode())
    end = re.escape(bytes([dialect.line_end]))
    bare = b'[^"' + comma + end + b"]*"
    if len(dialect.delimiter.encode()) > 1:
        bare = b"(?:(?!" + comma + b')[^"' + end + b"])*"
    # Unrolled, so that it never tries one text in two ways; possessive quantifiers are wrong in Python 3.11.2.
    field = b'(?:"[^"]*(?:""[^"]*)*"|' + bare + b")"
    count = b"*" if field_count is None else b"{%d}" % (field_count - 1)
    return re.compile(field + b"(?:" + comma + field + b")" + count)


def record_test(dialect: Dialect, field_count: int) -> Callable[[bytes], bool]:
    """Give the question whether a text of several lines is one record with so many fields."""
    pattern = record_pattern(dialect, field_count)

    def is_record(text: bytes) -> bool:
        return pattern.fullmatch(text) is not None and not swallows_rows(text, dialect, field_count)

    return is_record


def swallows_rows(text: bytes, dialect: Dialect, field_count: int) -> bool:
    r"""Say whether each line behind the first has the fields of a row: a stray quote then holds rows, not text.

    A line of blanks is no row, and so says nothing. Of two lines, the first must have the fields of a row, too: where
    it is short, the second completes it, as it does wherever text of two lines stands in the first column.
    Source: SPEC.md, section 4, "Quoting".

    Example:
        >>> swallows_rows(b'1,"a\n2,b\n3,c"', Dialect(",", LF), 2), swallows_rows(b'1,"a\nb"', Dialect(",", LF), 2)
        (True, False)
        >>> swallows_rows(b'"a\nb",1', Dialect(",", LF), 2)
        False
    """
    end = bytes([dialect.line_end])
    # The closing quote stands on the last line: with too few delimiters it is no row, and most records end here.
    if text.count(dialect.delimiter.encode(), text.rfind(end) + 1) + 1 < field_count:
        return False
    lines = text.split(end)
    if dialect.line_end == LF:
        lines = [line.removesuffix(b"\r") for line in lines]
    rows = [line for line in lines[1:] if line.strip(b" \t")]
    if not all(count_fields(row, dialect.delimiter) == field_count for row in rows):
        return False
    return len(rows) > 1 or (len(rows) == 1 and count_fields(lines[0], dialect.delimiter) >= field_count)


def count_fields(line: bytes, delimiter: str) -> int:
    """Count the fields of a line that is read alone, whatever its quotes.

    A field that quotes enclose is one, whatever it holds; a quote that stands anywhere else, or does not close on this
    line, is a character like any other. So the line where a stray quote is closed counts as the row that it is.

    Example:
        >>> count_fields(b'1,"a,b",27"', ",")
        3
    """
    comma = delimiter.encode()
    count = line.count(comma) + 1
    if b'"' in line:
        count -= sum(field.count(comma) for field in _enclosed_field(delimiter).findall(line))
    return count


@cache
def _enclosed_field(delimiter: str) -> re.Pattern[bytes]:
    comma = re.escape(delimiter.encode())
    return re.compile(rb"(?:\A|(?<=" + comma + rb'))"[^"]*(?:""[^"]*)*"(?=' + comma + rb"|\Z)")
