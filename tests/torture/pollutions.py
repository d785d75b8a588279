"""A clean file with one pollution in one place: every pollution, in every place.

The idea is that of the Pollock benchmark (VLDB 2023): one thing that is wrong, at one place, exhaustively, so that what
a file loses can be laid against what was polluted. Rows are counted from 0, which is the header.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations, permutations, product

HEADER = (b"interaction_id", b"user_id", b"product_id", b"action", b"timestamp")
PLAIN_ROWS = (
    (b"1", b"101", b"11", b"click", b"2024-01-01"),
    (b"2", b"102", b"12", b"hover", b"2024-01-02 10:20"),
    (b"3", b"101", b"13", b"readmore click", b"2024-01-03 10:20:30"),
    (b"4", b"103", b"11", b"purchase", b"2024-01-04T10:20:30.123456"),
    (b"5", b"102", b"12", b"caf\xc3\xa9", b"2024-01-05T10:20:30Z"),
    (b"6", b"101", b"13", b"click", b"2024-01-06 10:20+05:30"),
    (b"7", b"103", b"11", b"hover", b"2024-01-07 10:20:30.5-0800"),
    (b"8", b"102", b"12", b"click", b"2024-01-08"),
)
QUOTED_ACTIONS = (
    b"click", b"click, twice", b'the ""best"" one', b"two\nlines", b"", b" padded ", b"a\r\nb", b'""',
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A clean file as fields, as they are written, and what stands between them."""

    name: str
    rows: tuple[tuple[bytes, ...], ...]
    delimiter: bytes = b","
    end: bytes = b"\n"

    def lines(self) -> list[bytes]:
        """Give each row as it is written, without its line end."""
        return [self.delimiter.join(row) for row in self.rows]

    def written(self) -> bytes:
        """Give the file."""
        return b"".join(line + self.end for line in self.lines())

    def with_field(self, row: int, column: int, field: bytes) -> bytes:
        """Give the file with one field written otherwise."""
        rows = list(self.rows)
        rows[row] = _with(rows[row], column, field)
        return replace(self, rows=tuple(rows)).written()

    def with_line(self, row: int, line: bytes, end: bytes | None = None) -> bytes:
        """Give the file with one row, or also its line end, written otherwise."""
        written = [text + self.end for text in self.lines()]
        written[row] = line + (self.end if end is None else end)
        return b"".join(written)

    def with_inserted(self, row: int, text: bytes) -> bytes:
        """Give the file with something before one row; behind the last one where `row` is the number of rows."""
        written = [line + self.end for line in self.lines()]
        return b"".join([*written[:row], text, *written[row:]])


def quoted(fields: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Put quotes around every field."""
    return tuple(b'"' + field + b'"' for field in fields)


PLAIN = Table("plain", (HEADER, *PLAIN_ROWS))
QUOTED = Table("quoted", tuple(quoted(row) for row in (HEADER, *PLAIN_ROWS)))
# Some fields in quotes, with all that quotes are for inside; an empty action is a rejected row of its own.
MIXED = Table(
    "mixed",
    (
        HEADER,
        *(
            (*row[:3], b'"' + action + b'"', row[4])
            for row, action in zip(PLAIN_ROWS, QUOTED_ACTIONS, strict=True)
        ),
    ),
)  # fmt: skip
TABLES = (PLAIN, QUOTED, MIXED)


@dataclass(frozen=True)
class PollutedFile:
    """One file, and which rows of the clean one may be missing from what is loaded of it.

    `touched` are rows of the clean file. `altered` are those that may be loaded with another content than the clean
    one, since the grammar cannot tell. `is_refused` is None where nothing is said in advance.
    """

    table: Table
    place: str
    content: bytes
    touched: frozenset[int] = frozenset()
    altered: frozenset[int] = frozenset()
    is_refused: bool | None = None


Pollute = Callable[[Table], Iterator[PollutedFile]]
POLLUTIONS: dict[str, tuple[str, Pollute]] = {}


def pollution(name: str, reading: str) -> Callable[[Pollute], Pollute]:
    """Register a pollution under its name, with what becomes of such a file."""

    def register(pollute: Pollute) -> Pollute:
        POLLUTIONS[name] = (reading, pollute)
        return pollute

    return register


def files(name: str) -> Iterator[PollutedFile]:
    """Give every file of one pollution."""
    for table in TABLES:
        yield from POLLUTIONS[name][1](table)


def each_field(table: Table) -> Iterator[tuple[int, int, bytes]]:
    """Give every place of a file: row, column and the field there."""
    for row, fields in enumerate(table.rows):
        for column, field in enumerate(fields):
            yield row, column, field


def field_files(table: Table, change: Callable[[bytes], list[bytes]], altered: bool = False) -> Iterator[PollutedFile]:
    """Give a file for every field and every way to write that field."""
    for row, column, field in each_field(table):
        for at, other in enumerate(change(field)):
            touched = frozenset([row]) if row else frozenset()
            yield PollutedFile(
                table,
                f"row {row}, column {column}, way {at}",
                table.with_field(row, column, other),
                touched,
                touched if altered else frozenset(),
            )


def line_files(table: Table, change: Callable[[bytes], list[bytes]], altered: bool = False) -> Iterator[PollutedFile]:
    """Give a file for every row and every way to write that row."""
    for row, line in enumerate(table.lines()):
        for at, other in enumerate(change(line)):
            touched = frozenset([row]) if row else frozenset()
            yield PollutedFile(
                table,
                f"row {row}, way {at}",
                table.with_line(row, other),
                touched,
                touched if altered else frozenset(),
            )


def inserted_files(table: Table, texts: list[bytes], from_row: int = 0) -> Iterator[PollutedFile]:
    """Give a file for every gap between two rows and every text that may stand in it; no row is touched."""
    for row in range(from_row, len(table.rows) + 1):
        for at, text in enumerate(texts):
            yield PollutedFile(table, f"before row {row}, text {at}", table.with_inserted(row, text))


def _inner(field: bytes) -> bytes:
    return field[1:-1] if field.startswith(b'"') else field


@pollution("nothing", "All rows are loaded.")
def nothing(table: Table) -> Iterator[PollutedFile]:
    yield PollutedFile(table, "nowhere", table.written(), is_refused=False)


# Delimiters


@pollution("delimiter missing", "The row is `too-few-fields`; in the header, the file is refused.")
def delimiter_missing(table: Table) -> Iterator[PollutedFile]:
    for row, fields in enumerate(table.rows):
        for column in range(len(fields) - 1):
            line = table.delimiter.join([*fields[:column], fields[column] + fields[column + 1], *fields[column + 2 :]])
            touched = frozenset([row])
            yield PollutedFile(
                table, f"row {row}, column {column}", table.with_line(row, line), touched, is_refused=row == 0
            )


@pollution("delimiter extra", "The row is `too-many-fields`; in the header, a column without a name.")
def delimiter_extra(table: Table) -> Iterator[PollutedFile]:
    for row, column, field in each_field(table):
        for at, other in enumerate((table.delimiter + field, field + table.delimiter)):
            # A header of six columns makes every row too short.
            touched = frozenset([row]) if row else frozenset(range(1, len(table.rows)))
            content = table.with_field(row, column, other)
            yield PollutedFile(table, f"row {row}, column {column}, side {at}", content, touched, is_refused=False)


@pollution("delimiter of another kind", "At one place the row is `too-few-fields`; in the header, the file is refused.")
def delimiter_of_another_kind(table: Table) -> Iterator[PollutedFile]:
    for row, fields in enumerate(table.rows):
        for other in (b";", b"\t", b"|", b" ", b"\xef\xbc\x8c", b":", b"\x1f"):
            for column in range(len(fields) - 1):
                left, right = fields[: column + 1], fields[column + 1 :]
                line = table.delimiter.join(left) + other + table.delimiter.join(right)
                yield PollutedFile(table, f"row {row}, column {column}", table.with_line(row, line), frozenset([row]))
            yield PollutedFile(table, f"row {row}", table.with_line(row, other.join(fields)), frozenset([row]))


@pollution("delimiter at the edge of a row", "One more field: `too-many-fields`.")
def delimiter_at_the_edge(table: Table) -> Iterator[PollutedFile]:
    for file in line_files(table, lambda line: [b"," + line, line + b",", line + b",,,"]):
        yield file if file.touched else replace(file, touched=frozenset(range(1, len(table.rows))))


# Quotes


@pollution(
    "quote unbalanced",
    "The line is `bad-quoting` and reading goes on at the next line; a field that another quote closes is one field.",
)
def quote_unbalanced(table: Table) -> Iterator[PollutedFile]:
    def change(field: bytes) -> list[bytes]:
        inner = _inner(field)
        return [b'"' + inner, inner + b'"', inner[:2] + b'"' + inner[2:], b'"' + field, field + b'"']

    yield from field_files(table, change, altered=True)


@pollution(
    "a quote that opens in one row and closes in another", "Both are `bad-quoting`; the rows between are loaded."
)
def quote_over_rows(table: Table) -> Iterator[PollutedFile]:
    for first, last in combinations(range(1, len(table.rows)), 2):
        for opened, closed in product(range(len(HEADER)), repeat=2):
            rows = list(table.rows)
            rows[first] = _with(rows[first], opened, b'"' + _inner(rows[first][opened]))
            rows[last] = _with(rows[last], closed, _inner(rows[last][closed]) + b'"')
            touched = frozenset([first, last])
            content = replace(table, rows=tuple(rows)).written()
            yield PollutedFile(
                table, f"row {first}, column {opened} to row {last}, column {closed}", content, touched, touched, False
            )


def _with(fields: tuple[bytes, ...], column: int, field: bytes) -> tuple[bytes, ...]:
    return (*fields[:column], field, *fields[column + 1 :])


@pollution("quote of another kind", "No quote: part of the value. A number or a time is then none.")
def quote_of_another_kind(table: Table) -> Iterator[PollutedFile]:
    pairs = ((b"'", b"'"), (b"`", b"`"), (b"\xe2\x80\x9c", b"\xe2\x80\x9d"), (b"\xc2\xab", b"\xc2\xbb"), (b"''", b"''"))
    yield from field_files(table, lambda field: [begin + _inner(field) + end for begin, end in pairs], altered=True)


@pollution("quote behind or before a space", "`bad-quoting`: a quoted field begins and ends with its quote.")
def quote_and_space(table: Table) -> Iterator[PollutedFile]:
    def change(field: bytes) -> list[bytes]:
        inner = _inner(field)
        return [b' "' + inner + b'"', b'"' + inner + b'" ', b'\t"' + inner + b'"', b'"' + inner + b'"\xc2\xa0']

    yield from field_files(table, change)


@pollution("quote escaped otherwise", "A backslash escapes nothing: `bad-quoting`, unless the quotes still close.")
def quote_escaped_otherwise(table: Table) -> Iterator[PollutedFile]:
    def change(field: bytes) -> list[bytes]:
        inner = _inner(field)
        return [
            b'"' + inner[:1] + b'\\"' + inner[1:] + b'"',
            b'"' + inner + b'\\"',
            b'"' + inner + b'\\""',
            b"\\" + field,
            b'"' + inner[:1] + b'\\""' + inner[1:] + b'"',
        ]

    yield from field_files(table, change, altered=True)


@pollution("quotes around a whole row", "One field: `too-few-fields`; around the header, the file is refused.")
def quotes_around_a_row(table: Table) -> Iterator[PollutedFile]:
    def change(line: bytes) -> list[bytes]:
        return [b'"' + line.replace(b'"', b'""') + b'"', b'"' + line + b'"']

    yield from line_files(table, change)


@pollution("quotes of one row added or taken", "Quotes that are not needed change nothing.")
def quotes_of_a_row(table: Table) -> Iterator[PollutedFile]:
    for row, fields in enumerate(table.rows):
        inner = [_inner(field) for field in fields]
        bare = table.delimiter.join(inner)
        yield PollutedFile(
            table, f"row {row}, all", table.with_line(row, b",".join(quoted(tuple(inner)))), is_refused=False
        )
        touched = frozenset([row]) if table is MIXED else frozenset()
        yield PollutedFile(table, f"row {row}, none", table.with_line(row, bare), touched, touched, is_refused=False)


# Values


@pollution("value missing", "`missing-value`; in the header, the file is refused.")
def value_missing(table: Table) -> Iterator[PollutedFile]:
    for file in field_files(table, lambda _: [b"", b" ", b"\t", b'""', b'" "']):
        yield file if file.touched else replace(file, is_refused=True)


@pollution("spaces around a value", "Spaces and tabs are cut off, outside and inside quotes.")
def spaces_around(table: Table) -> Iterator[PollutedFile]:
    def change(field: bytes) -> list[bytes]:
        inner = _inner(field)
        if field.startswith(b'"'):
            return [b'" ' + inner + b'"', b'"' + inner + b' \t"']
        return [b" " + field, field + b"\t ", b" " * 300 + field]

    for file in field_files(table, change):
        yield replace(file, touched=frozenset(), is_refused=False)


@pollution("other blanks around a value", "Only spaces and tabs are cut off: an id or a time is then none.")
def other_blanks(table: Table) -> Iterator[PollutedFile]:
    blanks = [b"\xc2\xa0", b"\xe2\x80\x8b", b"\xe3\x80\x80", b"\x0b", b"\x0c", b"\x1c", b"\xe2\x80\xa8", b"\xc2\x85"]

    def change(field: bytes) -> list[bytes]:
        if field.startswith(b'"'):
            return [b'"' + blank + field[1:] for blank in blanks] + [field[:-1] + blank + b'"' for blank in blanks]
        return [blank + field for blank in blanks] + [field + blank for blank in blanks]

    yield from field_files(table, change, altered=True)


@pollution("a number or a time of another form", "`not-an-integer`, `not-a-timestamp` or `out-of-range`.")
def other_forms(table: Table) -> Iterator[PollutedFile]:
    numbers = [
        b"1.0", b"1e3", b"1_000", b"1,000", b"0x1", b"\xd9\xa1", b"\xef\xbc\x91", b"1/2", b"-1", b"NULL", b"nan",
        b"\\N", b"9223372036854775808", b"18446744073709551617", b"1" * 400, b"--1", b"1-", b"+", b"true", b"1 2",
    ]  # fmt: skip
    times = [
        b"2024-02-30", b"2024-13-01", b"01/02/2024", b"1704067200", b"2024-01-01 24:00", b"2024-01-01 10:00:60",
        b"2024-01-01 10", b"2024-01-01T10:00 z", b"2024-1-1", b"infinity", b"now", b"0000-01-01", b"10000-01-01",
        b"2024-01-01 10:00+15", b"2024-01-01 10:00:00.1234567", b"2024-W01-1", b"-2024-01-01", b"NULL", b"2024-01",
        b"2024-01-01 10:00 PM", b"2024-01-01 10:00 Europe/Vienna", b"0001-01-01 00:00+14", b"9999-12-31 23:59-14",
    ]  # fmt: skip
    for row in range(1, len(table.rows)):
        for column in (0, 1, 2, 4):
            for at, other in enumerate(times if column == 4 else numbers):
                field = b'"' + other + b'"' if b"," in other or table is QUOTED else other
                content = table.with_field(row, column, field)
                yield PollutedFile(table, f"row {row}, column {column}, form {at}", content, frozenset([row]))


@pollution("a sign, leading zeros", "Read as the number that they are.")
def other_integers(table: Table) -> Iterator[PollutedFile]:
    for row, column, field in each_field(table):
        if row and column < 3:
            inner = _inner(field)
            for other in (b"+" + inner, b"000" + inner, b"+" + b"0" * 300 + inner):
                content = table.with_field(row, column, field.replace(inner, other))
                yield PollutedFile(table, f"row {row}, column {column}", content, is_refused=False)


@pollution("a huge action", "Over 500 characters it is `too-long`.")
def huge_action(table: Table) -> Iterator[PollutedFile]:
    for row in range(1, len(table.rows)):
        for letter in (b"a", b"\xc3\xa9", b"\xf0\x9f\x98\x80", b"e\xcc\x81"):
            for count in (501, 70_000) if letter == b"a" else (501,):
                content = table.with_field(row, 3, letter * count)
                yield PollutedFile(table, f"row {row}", content, frozenset([row]))


# Bytes


@pollution("NUL", "`bad-encoding` of its field.")
def nul(table: Table) -> Iterator[PollutedFile]:
    def change(field: bytes) -> list[bytes]:
        inner = _inner(field)
        edge = b'"' if field.startswith(b'"') else b""
        return [edge + new + edge for new in (b"\0", b"\0" + inner, inner + b"\0", inner[:1] + b"\0\0" + inner[1:])]

    yield from field_files(table, change)


@pollution("bytes that are not UTF-8", "`bad-encoding` of their field; in a surplus column, of the whole row.")
def not_utf_8(table: Table) -> Iterator[PollutedFile]:
    wrong = [b"\xe9", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff"]

    def change(field: bytes) -> list[bytes]:
        if field.startswith(b'"'):
            return [b'"' + bad + field[1:] for bad in wrong] + [field[:-1] + bad + b'"' for bad in wrong]
        return [bad + field for bad in wrong] + [field + bad for bad in wrong]

    yield from field_files(table, change)


@pollution("one row in another encoding", "Its row is rejected; in the header, the file is refused.")
def row_in_another_encoding(table: Table) -> Iterator[PollutedFile]:
    def change(line: bytes) -> list[bytes]:
        text = line.decode()
        latin = text.encode("latin-1")
        ways = [text.encode("utf-16-be"), text.encode("utf-16"), text.encode("utf-32-be"), text.encode("cp037")]
        return ways + ([latin] if latin != line else [])

    yield from line_files(table, change)


@pollution(
    "a whole file in another encoding", "UTF-16 is refused; of Latin-1 the rows that are not UTF-8 are rejected."
)
def file_in_another_encoding(table: Table) -> Iterator[PollutedFile]:
    text = table.written().decode()
    for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "cp037"):
        yield PollutedFile(table, name, text.encode(name), is_refused=True)
    for mark in (b"\xff\xfe", b"\xfe\xff"):
        yield PollutedFile(table, "a wrong mark", mark + table.written(), is_refused=True)
    rows = [row for row, line in enumerate(table.lines()) if not line.isascii()]
    for name in ("latin-1", "cp1252"):
        yield PollutedFile(table, name, text.encode(name), frozenset(rows), is_refused=False)


@pollution("byte order mark", "At the start it is skipped, once; elsewhere it is part of a value.")
def byte_order_mark(table: Table) -> Iterator[PollutedFile]:
    mark = b"\xef\xbb\xbf"
    yield PollutedFile(table, "at the start", mark + table.written(), is_refused=False)
    yield PollutedFile(table, "twice", mark * 2 + table.written(), is_refused=True)
    yield PollutedFile(table, "behind a blank line", b"\n" + mark + table.written(), is_refused=True)
    yield PollutedFile(table, "half", mark[:2] + table.written(), is_refused=True)
    yield PollutedFile(table, "at the end", table.written() + mark, is_refused=False)

    def change(field: bytes) -> list[bytes]:
        if field.startswith(b'"'):
            return [b'"' + mark + field[1:], field[:-1] + mark + b'"']
        return [mark + field, field + mark]

    for file in field_files(table, change, altered=True):
        if not file.place.startswith("row 0, column 0, way 0"):
            yield file
    for row in range(1, len(table.rows)):
        yield PollutedFile(
            table, f"before row {row}", table.with_line(row, mark + table.lines()[row]), frozenset([row])
        )


# Lines


@pollution("record delimiter missing", "Two rows are one: `too-many-fields`.")
def record_delimiter_missing(table: Table) -> Iterator[PollutedFile]:
    lines = table.lines()
    for row in range(len(lines)):
        touched = frozenset([row, row + 1]) if row + 1 < len(lines) else frozenset()
        yield PollutedFile(table, f"behind row {row}", table.with_line(row, lines[row], b""), touched)


@pollution(
    "record delimiter of another kind",
    "CRLF ends a line; a lone CR, where the file has an LF, does not, nor does any other character.",
)
def record_delimiter_of_another_kind(table: Table) -> Iterator[PollutedFile]:
    lines = table.lines()
    for row, line in enumerate(lines):
        yield PollutedFile(table, f"behind row {row}: CRLF", table.with_line(row, line, b"\r\n"), is_refused=False)
        for other in (b"\r", b"\x0b", b"\x0c", b"\xc2\x85", b"\xe2\x80\xa8", b"\\n", b"\x1e", b"\0"):
            touched = frozenset([row, row + 1])
            yield PollutedFile(table, f"behind row {row}", table.with_line(row, line, other), touched)
        for other in (b"\r\r\n", b"\n\r"):
            touched = frozenset([row, row + 1])
            yield PollutedFile(table, f"behind row {row}", table.with_line(row, line, other), touched, touched)


@pollution("line ends of a whole file", "LF, CRLF and CR are read alike; CR only where no LF is in the file.")
def line_ends(table: Table) -> Iterator[PollutedFile]:
    everything = frozenset(range(1, len(table.rows)))
    for end in (b"\n", b"\r\n", b"\r"):
        content = replace(table, end=end).written()
        has_both = end == b"\r" and b"\n" in content
        touched = everything if has_both else frozenset()
        refused = None if has_both else False
        yield PollutedFile(table, repr(end), content, touched, is_refused=refused)
        yield PollutedFile(table, f"{end!r}, none at the end", content[: -len(end)], touched, is_refused=refused)
        yield PollutedFile(table, f"{end!r}, two at the end", content + end, touched, is_refused=refused)
    for first in (b"\n", b"\r\n"):
        mixed = b"".join(
            line + (first if row % 2 else {b"\n": b"\r\n", b"\r\n": b"\n"}[first])
            for row, line in enumerate(table.lines())
        )
        yield PollutedFile(table, f"mixed, {first!r} at odd rows", mixed, is_refused=False)


@pollution("line break inside a field", "Without quotes the record is cut there, in two `too-few-fields`.")
def line_break_inside(table: Table) -> Iterator[PollutedFile]:
    def change(field: bytes) -> list[bytes]:
        inner = _inner(field)
        return [inner[:1] + end + inner[1:] for end in (b"\n", b"\r\n", b"\r", b"\n\n", b"\n \n")]

    yield from field_files(table, change, altered=True)


@pollution("line break inside a quoted field", "One record of two lines; only an action may hold a line break.")
def line_break_inside_quotes(table: Table) -> Iterator[PollutedFile]:
    def change(field: bytes) -> list[bytes]:
        inner = _inner(field)
        ends = (b"\n", b"\r\n", b"\r", b"\n\n", b"\n" * 99, b"\n" * 100)
        return [b'"' + inner[:1] + end + inner[1:] + b'"' for end in ends]

    yield from field_files(table, change, altered=True)


@pollution("blank lines", "Empty lines and lines of spaces and tabs are no rows, also before the header.")
def blank_lines(table: Table) -> Iterator[PollutedFile]:
    texts = [b"\n", b"\r\n", b" \n", b"\t \r\n", b"\n" * 150, b" " * 70_000 + b"\n"]
    for file in inserted_files(table, texts):
        yield replace(file, is_refused=False)


@pollution("lines that only look blank", "Rows: `too-few-fields`. Before the header, the file is refused.")
def nearly_blank_lines(table: Table) -> Iterator[PollutedFile]:
    texts = [b"\xc2\xa0\n", b"\0\n", b"\r\r\n", b'""\n', b",,,,\n", b"\x1a\n", b"\xe2\x80\x8b\n", b'"\n', b"\x0c\n"]
    for file in inserted_files(table, texts, from_row=1):
        yield replace(file, is_refused=False)
    for text in texts:
        yield PollutedFile(table, "before the header", text + table.written(), is_refused=True)


# Several headers, several tables, preambles


@pollution("preamble", "The first line that is not blank is the header: the file is refused.")
def preamble(table: Table) -> Iterator[PollutedFile]:
    for text in (
        b"Interactions\n",
        b"# made by hand\n",
        b"a,b\n\n",
        b"a,b,c,d,e\n",
        b"sep=,\n",
        b'"Report\n',
        b"\n-\n",
    ):
        for count in (1, 3):
            yield PollutedFile(table, f"{count} times", text * count + table.written(), is_refused=True)


@pollution("a line that is no row", "It is rejected, and the others are loaded.")
def foreign_lines(table: Table) -> Iterator[PollutedFile]:
    texts = [
        b"# a comment\n", b"Total,8\n", b"---\n", b",,,,8\n", b"(8 rows)\n", b"\\.\n", b"EOF\n", b"...\n",
        b'"a note"\n',
        b"interaction_id,user_id,product_id,action,timestamp,extra\n",
    ]  # fmt: skip
    for file in inserted_files(table, texts, from_row=1):
        yield replace(file, is_refused=False)


@pollution("the header again", "A header behind the first one is a row with problems.")
def header_again(table: Table) -> Iterator[PollutedFile]:
    texts = [table.lines()[0] + b"\n", b"\n" + table.lines()[0] + b"\n", b",".join(HEADER).upper() + b"\n"]
    for file in inserted_files(table, texts, from_row=1):
        yield replace(file, is_refused=False)


@pollution("another table in the file", "The first header counts: rows of another shape are rejected.")
def another_table(table: Table) -> Iterator[PollutedFile]:
    texts = [
        b"user_id,name\n101,a\n102,b\n",
        b"\n\nuser_id,name\n101,a\n102,b\n\n",
        b"a,b,c,d,e\nu,v,w,x,y\n",
        b"timestamp,action,product_id,user_id,interaction_id\n2024-01-01,click,1,1,99\n",
        b"interaction_id,user_id,product_id,action,timestamp,extra\n91,1,1,click,2024-01-01,x\n",
    ]
    for file in inserted_files(table, texts):
        starts = file.place.startswith("before row 0")
        everything = _all_rows(table) if starts else frozenset()
        yield replace(file, is_refused=None if starts else False, touched=everything, altered=everything)


def _all_rows(table: Table) -> frozenset[int]:
    return frozenset(range(1, len(table.rows)))


@pollution("header missing or over several lines", "No usable header: the file is refused.")
def header_missing(table: Table) -> Iterator[PollutedFile]:
    lines = [line + b"\n" for line in table.lines()]
    rest = b"".join(lines[1:])
    yield PollutedFile(table, "no header", rest, is_refused=True)
    yield PollutedFile(table, "no content", b"", is_refused=True)
    for first in (b"interaction,user,product,action,timestamp\nid,id,id,,\n", b"interaction_id,user_id\nproduct_id\n"):
        yield PollutedFile(table, "on two lines", first + rest, is_refused=True)
    yield PollutedFile(table, "header alone", lines[0], _all_rows(table), is_refused=False)
    yield PollutedFile(table, "header alone, not ended", lines[0][:-1], _all_rows(table), is_refused=False)


@pollution("columns in another order, doubled, missing, surplus", "By name; doubled or missing ones refuse the file.")
def columns(table: Table) -> Iterator[PollutedFile]:
    for order in permutations(range(5)) if table is PLAIN else ():
        rows = tuple(tuple(row[at] for at in order) for row in table.rows)
        yield PollutedFile(table, f"order {order}", replace(table, rows=rows).written(), is_refused=False)
    for column in range(5):
        without = tuple((*row[:column], *row[column + 1 :]) for row in table.rows)
        yield PollutedFile(table, f"{column} missing", replace(table, rows=without).written(), is_refused=True)
        doubled = tuple((*row, row[column]) for row in table.rows)
        yield PollutedFile(table, f"{column} doubled", replace(table, rows=doubled).written(), is_refused=True)
        for at in range(6):
            for name in (b"", b"extra", b'"a ""name"""', b'"two\nlines"', b"caf\xe9", b"interaction id"):
                head, *rest = table.rows
                rows = ((*head[:at], name, *head[at:]), *((*row[:at], b"x", *row[at:]) for row in rest))
                yield PollutedFile(table, f"surplus at {at}", replace(table, rows=rows).written(), is_refused=False)


@pollution("a surplus column that holds anything", "What stands in it is not looked at, not even whether it is UTF-8.")
def surplus_column(table: Table) -> Iterator[PollutedFile]:
    values = [b"", b'""', b"\xff", b"\0", b"\xef\xbf\xbd", b'"a\nb"', b"x" * 3000, b'"', b'a"b', b"\t", b"\r", b'"",']
    head, *rest = table.rows
    for row in range(1, len(table.rows)):
        for at in (0, 3, 5):
            for value in values:
                rows = [(*head[:at], b"note", *head[at:])]
                rows += [
                    (*one[:at], value if number == row else b"-", *one[at:]) for number, one in enumerate(rest, start=1)
                ]
                content = replace(table, rows=tuple(rows)).written()
                touched = frozenset([row]) if value in (b'"', b'a"b', b'"",', b"\r") else frozenset()
                yield PollutedFile(table, f"row {row}, at {at}", content, touched, is_refused=False)


@pollution("header with a quote that does not close", "Which columns there are cannot be told: the file is refused.")
def header_badly_quoted(table: Table) -> Iterator[PollutedFile]:
    head, *rest = table.rows
    for at in range(6):
        for name in (b'"extra', b'ex"tra', b'extra"', b' "extra"', b'"ex"tra"'):
            rows = ((*head[:at], name, *head[at:]), *((*row[:at], b"x", *row[at:]) for row in rest))
            refused = None if table is not PLAIN else True
            content = replace(table, rows=rows).written()
            yield PollutedFile(table, f"at {at}", content, _all_rows(table), is_refused=refused)


# Rows


@pollution("a row twice", "A duplicate: counted, not loaded again.")
def row_twice(table: Table) -> Iterator[PollutedFile]:
    for row, line in enumerate(table.lines()):
        if row:
            yield from (
                PollutedFile(table, f"row {row} before row {at}", table.with_inserted(at, line + b"\n"))
                for at in range(1, len(table.rows) + 1)
            )


@pollution("a row again with other content", "`conflicting-duplicate`: the row that came first stays.")
def row_in_conflict(table: Table) -> Iterator[PollutedFile]:
    for row in range(1, len(table.rows)):
        for at in range(1, len(table.rows) + 1):
            line = b"%d,999,99,other,2030-01-01\n" % row
            touched = frozenset([row])
            yield PollutedFile(table, f"row {row} before row {at}", table.with_inserted(at, line), touched, touched)


@pollution("a file cut anywhere", "What is left of the last row is judged as it stands; a cut value may still be one.")
def cut_anywhere(table: Table) -> Iterator[PollutedFile]:
    content = table.written()
    ends = [0]
    for line in table.lines():
        ends.append(ends[-1] + len(line) + 1)
    for size in range(len(content)):
        whole = sum(end <= size + 1 for end in ends[1:])
        touched = frozenset(range(max(whole, 1), len(table.rows)))
        altered = frozenset([max(whole, 1)])
        refused = True if size < ends[1] - 2 else None
        yield PollutedFile(table, f"behind {size} bytes", content[:size], touched, altered, refused)


@pollution("a file that begins anywhere", "Without its header it is refused.")
def beginning_cut(table: Table) -> Iterator[PollutedFile]:
    content = table.written()
    header_size = len(table.lines()[0])
    for size in range(1, len(content)):
        refused = True if size > 1 + (table is QUOTED) and size < header_size else None
        yield PollutedFile(table, f"{size} bytes missing", content[size:], _all_rows(table), is_refused=refused)


@pollution("one byte more, anywhere", "As the independent reader reads it; the rows before it are loaded.")
def one_byte_more(table: Table) -> Iterator[PollutedFile]:
    content = table.written()
    for place in range(len(content) + 1):
        row = content.count(b"\n", 0, place)
        for byte in (b'"', b",", b"\n", b"\r", b"\0", b"\xff", b" ", b"9"):
            touched = frozenset(_all_rows(table) if table is MIXED else {row, row + 1, row - 1})
            polluted = content[:place] + byte + content[place:]
            touched = _all_rows(table) if not row else touched
            yield PollutedFile(table, f"{byte!r} at {place}", polluted, touched, touched)


@pollution("one byte less, anywhere", "As the independent reader reads it.")
def one_byte_less(table: Table) -> Iterator[PollutedFile]:
    content = table.written()
    for place in range(len(content)):
        row = content.count(b"\n", 0, place)
        touched = _all_rows(table) if table is MIXED or not row else frozenset({row, row + 1})
        yield PollutedFile(table, f"at {place}", content[:place] + content[place + 1 :], touched, touched)
