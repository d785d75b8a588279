"""Tell by delimiters and quotes which lines of a delimited file are one record, and which quote is stray.

Grain: one text at a time, without its line end. Blocks and limits play no part here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from footfall.contract.definition import BLANKS

LF, CR, QUOTE = 10, 13, 34


@dataclass(frozen=True, slots=True)
class Dialect:
    """How records are told apart. `line_end` is LF, or CR in a file without any LF.

    `delimiter` may be several characters, or BLANKS. Without `quoting`, a quote is a character like any other. Lines
    that begin with `comment` are no records, unless it is empty. `encoding` is the encoding of the stored bytes.
    """

    delimiter: str
    line_end: int
    quoting: bool = True
    comment: bytes = b""
    encoding: str = "utf-8"


def record_pattern(dialect: Dialect, field_count: int | None) -> re.Pattern[bytes]:
    """Give the pattern of a record whose every quote closes before a delimiter or line end.

    Example:
        >>> bool(record_pattern(Dialect(",", LF), 2).fullmatch(b'"a\\nb",c'))
        True
        >>> bool(record_pattern(Dialect(BLANKS, LF), 2).fullmatch(b' "a b" \\t c '))
        True
    """
    end = re.escape(bytes([dialect.line_end]))
    if dialect.delimiter == BLANKS:
        comma, bare, beside = b"[ \\t]+", b'[^" \\t' + end + b"]+", b"[ \\t]*"
    else:
        comma, beside = re.escape(dialect.delimiter.encode()), b""
        bare = b'[^"' + comma + end + b"]*"
        if len(dialect.delimiter.encode()) > 1:
            bare = b"(?:(?!" + comma + b')[^"' + end + b"])*"
    # The loop is unrolled, so that no text is tried in two ways. Possessive quantifiers would do the same, but Python
    # 3.11.2 has a bug in them.
    field = b'(?:"[^"]*(?:""[^"]*)*"|' + bare + b")"
    count = b"*" if field_count is None else b"{%d}" % (field_count - 1)
    return re.compile(beside + field + b"(?:" + comma + field + b")" + count + beside)


def record_test(dialect: Dialect, field_count: int) -> Callable[[bytes], bool]:
    """Make a function that says whether a text of several lines is one record with `field_count` fields."""
    pattern = record_pattern(dialect, field_count)

    def is_record(text: bytes) -> bool:
        return pattern.fullmatch(text) is not None and not swallows_rows(text, dialect, field_count)

    return is_record


def swallows_rows(text: bytes, dialect: Dialect, field_count: int) -> bool:
    r"""Say whether each line after the first has the fields of a row, so that a stray quote has swallowed rows.

    Blank lines and comments are no rows, and do not count. If there are two lines only, the first must have the fields
    of a row, too. If it has fewer, the second line completes it, as is right where the first column holds a text of two
    lines.
    Source: SPEC.md, section 4, "Quoting".

    Example:
        >>> swallows_rows(b'1,"a\n2,b\n3,c"', Dialect(",", LF), 2), swallows_rows(b'1,"a\nb"', Dialect(",", LF), 2)
        (True, False)
        >>> swallows_rows(b'"a\nb",1', Dialect(",", LF), 2)
        False
    """
    end = bytes([dialect.line_end])
    # The last line, which has the closing quote, is tested first: it mostly has too few delimiters for a row.
    if _count_borders(text[text.rfind(end) + 1 :], dialect.delimiter) + 1 < field_count:
        return False
    lines = text.split(end)
    if dialect.line_end == LF:
        lines = [line.removesuffix(b"\r") for line in lines]
    rows = [line for line in lines[1:] if line.strip(b" \t") and not is_comment(line, dialect)]
    if not all(count_fields(row, dialect.delimiter) == field_count for row in rows):
        return False
    return len(rows) > 1 or (len(rows) == 1 and count_fields(lines[0], dialect.delimiter) >= field_count)


def is_comment(line: bytes, dialect: Dialect) -> bool:
    """Say whether a line, or a text that begins with it, is a comment."""
    return bool(dialect.comment) and line.startswith(dialect.comment)


def count_fields(line: bytes, delimiter: str, *, quoting: bool = True) -> int:
    """Count the fields of a line that is read alone, whatever its quotes.

    What quotes enclose is one field, whatever it holds. A quote that stands elsewhere, or does not close on this line,
    is a character like any other. So a row that happens to close a stray quote still has the fields of a row.

    Example:
        >>> count_fields(b'1,"a,b",27"', ","), count_fields(b' 1  "a b" 2" ', BLANKS)
        (3, 3)
    """
    has_quotes = quoting and b'"' in line
    if delimiter == BLANKS:
        return len(_compile_enclosed_or_bare().findall(line)) if has_quotes else len(re.findall(rb"[^ \t]+", line))
    comma = delimiter.encode()
    count = line.count(comma) + 1
    if has_quotes:
        count -= sum(field.count(comma) for field in _compile_enclosed_field(delimiter).findall(line))
    return count


def split_line(text: str, dialect: Dialect) -> list[str]:
    """Split a record with valid quoting into its fields, as `delimited.sql` does.

    Example:
        >>> split_line('"a::b"::c', Dialect("::", LF)), split_line(' "a b"  c', Dialect(BLANKS, LF))
        (['a::b', 'c'], ['a b', 'c'])
    """
    if not dialect.quoting or '"' not in text:
        return re.findall(r"[^ \t]+", text) if dialect.delimiter == BLANKS else text.split(dialect.delimiter)
    if dialect.delimiter == BLANKS:
        fields = re.findall(r'"(?:[^"]|"")*"|[^" \t]+', text)
    else:
        comma = re.escape(dialect.delimiter)
        fields = re.findall(rf'{comma}("(?:[^"]|"")*"|(?:(?!{comma})[^"])*)', dialect.delimiter + text)
    return [field[1:-1].replace('""', '"') if field.startswith('"') else field for field in fields]


def _count_borders(line: bytes, delimiter: str) -> int:
    return len(re.findall(rb"[^ \t]+", line)) - 1 if delimiter == BLANKS else line.count(delimiter.encode())


@cache
def _compile_enclosed_field(delimiter: str) -> re.Pattern[bytes]:
    comma = re.escape(delimiter.encode())
    return re.compile(rb"(?:\A|(?<=" + comma + rb'))"[^"]*(?:""[^"]*)*"(?=' + comma + rb"|\Z)")


@cache
def _compile_enclosed_or_bare() -> re.Pattern[bytes]:
    return re.compile(rb'(?<![^ \t])"[^"]*(?:""[^"]*)*"(?![^ \t])|[^ \t]+')
