"""Read a file by the contract a second time: plain, slow, and without a line of the product.

It was written from the specification alone; where that leaves two readings, it takes those of
docs/explanation/torture-files.md. Where it and Footfall differ, one of them is wrong.
"""

import datetime
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass

COLUMNS = ("interaction_id", "user_id", "product_id", "action", "timestamp")
MAX_RECORD_LINES = 100
MAX_RECORD_BYTES = 1_000_000
MAX_ACTION_CHARACTERS = 500
LARGEST_ID = 2**63 - 1
MICROSECOND = datetime.timedelta(microseconds=1)
TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[ T]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
    r"( UTC| GMT| ?Z| ?[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)


@dataclass(frozen=True)
class Rules:
    """The settings that decide a verdict; `latest` in microseconds since 0001-01-01 UTC."""

    delimiter: str = ","
    source_time_zone: str = "UTC"
    actions: tuple[str, ...] | None = None
    latest: int | None = None


@dataclass(frozen=True)
class Line:
    """A line of the file: what it holds, and the bytes that end it."""

    number: int
    content: bytes
    end: bytes

    @property
    def is_blank(self) -> bool:
        return not self.content.strip(b" \t")


@dataclass(frozen=True)
class Problem:
    """One rule that one row breaks; `field` is None for a whole row."""

    code: str
    field: str | None


@dataclass(frozen=True)
class Content:
    """What makes two rows the same; the instant in microseconds since 0001-01-01 UTC."""

    interaction_id: int
    user_id: int
    product_id: int
    action: str
    instant: int


@dataclass(frozen=True)
class Record:
    """One record and its verdict: accepted, duplicate or rejected. A row in conflict has a content, too."""

    line_number: int
    raw: bytes
    verdict: str
    content: Content | None
    problems: frozenset[Problem]


class FileRefusedError(Exception):
    """Nothing of this file can be loaded."""


def read(content: bytes, rules: Rules = Rules()) -> list[Record]:
    """Give every record of a file with its verdict.

    Raises: FileRefusedError, where the whole file is refused.
    """
    lines = split_lines(without_mark(content))
    columns, rows = read_header(lines, rules.delimiter)
    first: dict[int, Content] = {}
    records = []
    for line_number, raw, fields in split_records(rows, rules.delimiter, len(columns)):
        if isinstance(fields, Problem):
            problems = {fields}
            if fields.code != "too-long" and decode(raw) is None:
                problems.add(Problem("bad-encoding", None))
            records.append(Record(line_number, raw, "rejected", None, frozenset(problems)))
            continue
        judged = judge_values({name: fields[place] for place, name in enumerate(columns) if name in COLUMNS}, rules)
        if not isinstance(judged, Content):
            records.append(Record(line_number, raw, "rejected", None, judged))
        elif judged.interaction_id not in first:
            first[judged.interaction_id] = judged
            records.append(Record(line_number, raw, "accepted", judged, frozenset()))
        elif first[judged.interaction_id] == judged:
            records.append(Record(line_number, raw, "duplicate", judged, frozenset()))
        else:
            conflict = frozenset([Problem("conflicting-duplicate", "interaction_id")])
            records.append(Record(line_number, raw, "rejected", judged, conflict))
    return records


def without_mark(content: bytes) -> bytes:
    """Cut the UTF-8 byte order mark off; refuse UTF-16."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileRefusedError("UTF-16")
    return content.removeprefix(b"\xef\xbb\xbf")


def split_lines(content: bytes) -> list[Line]:
    """Cut a file at its line ends: LF and CRLF, or CR where there is no LF; a CR at the very end is half a CRLF."""
    lines = []
    only_cr = b"\n" not in content
    while content:
        held, end, content = content.partition(b"\r" if only_cr else b"\n")
        if not only_cr and held.endswith(b"\r"):
            held, end = held[:-1], b"\r" + end
        lines.append(Line(len(lines) + 1, held, end))
    return lines


def read_header(lines: list[Line], delimiter: str) -> tuple[list[str], list[Line]]:
    """Give the names of the columns, trimmed and in lower case, and the lines behind the header."""
    while lines and lines[0].is_blank:
        lines = lines[1:]
    if not lines:
        raise FileRefusedError("no header")
    parsed = parse_record(lines[:MAX_RECORD_LINES], delimiter)
    if parsed is None:
        raise FileRefusedError("a header whose quotes do not close, or over 1 MB")
    if holds_rows(lines[: parsed.line_count], delimiter, len(parsed.fields)):
        raise FileRefusedError("a header whose quote does not close on its line, but behind rows")
    names = [field.decode("utf-8", "replace").strip(" \t").lower() for field in parsed.fields]
    if any(names.count(column) != 1 for column in COLUMNS):
        raise FileRefusedError("a required column is missing or doubled")
    return names, lines[parsed.line_count :]


def split_records(
    lines: list[Line], delimiter: str, field_count: int
) -> Iterator[tuple[int, bytes, list[bytes] | Problem]]:
    """Give each record: the line where it begins, its bytes, and its fields or what is wrong with it as a whole."""
    place = 0
    while place < len(lines):
        line = lines[place]
        place += 1
        if line.is_blank:
            continue
        if len(line.content) > MAX_RECORD_BYTES:
            yield line.number, line.content, Problem("too-long", None)
            continue
        at_hand = lines[place - 1 : place - 1 + MAX_RECORD_LINES]
        parsed = parse_record(at_hand, delimiter)
        if parsed is not None and parsed.line_count > 1:
            is_one = len(parsed.fields) == field_count
            parsed = parsed if is_one and not holds_rows(at_hand[: parsed.line_count], delimiter, field_count) else None
        if parsed is None:
            yield line.number, line.content, Problem("bad-quoting", None)
        elif len(parsed.fields) < field_count:
            yield line.number, line.content, Problem("too-few-fields", None)
        elif len(parsed.fields) > field_count:
            yield line.number, line.content, Problem("too-many-fields", None)
        else:
            yield line.number, parsed.raw, parsed.fields
            place += parsed.line_count - 1


def holds_rows(lines: list[Line], delimiter: str, field_count: int) -> bool:
    """Say whether the lines of a record behind its first are rows, each by its number of fields; blank ones aside.

    Of a record of two lines, the first must not be short of fields: then the second is what it lacks.
    """
    first, *counts = (count_fields(line.content, delimiter.encode()) for line in lines if not line.is_blank)
    if len(counts) == 1 and first < field_count:
        return False
    return bool(counts) and set(counts) == {field_count}


def count_fields(text: bytes, between: bytes) -> int:
    """Count the fields of a line by itself. A quote that opens no field, or is not closed, is an ordinary byte."""
    count = 1
    place = 0
    while place < len(text):
        at_start = place == 0 or text.endswith(between, 0, place)
        closed = closing_quote(text, place, between) if at_start and text.startswith(b'"', place) else None
        if closed is not None:
            place = closed + 1
        elif text.startswith(between, place):
            count += 1
            place += len(between)
        else:
            place += 1
    return count


def closing_quote(text: bytes, opening: int, between: bytes) -> int | None:
    """Find the quote that closes a field before a delimiter or the end; None where the next single quote does not."""
    place = opening + 1
    while place < len(text):
        if text.startswith(b'""', place):
            place += 2
        elif text.startswith(b'"', place):
            is_closed = place + 1 == len(text) or text.startswith(between, place + 1)
            return place if is_closed else None
        else:
            place += 1
    return None


@dataclass(frozen=True)
class ParsedRecord:
    """The fields of one record, quotes taken off, and how many lines it took."""

    fields: list[bytes]
    line_count: int
    raw: bytes


def parse_record(lines: list[Line], delimiter: str) -> ParsedRecord | None:
    """Read one record from the first of these lines on; None where a quote is wrong or does not close in time."""
    between = delimiter.encode()
    fields: list[bytes] = []
    raw = b""
    field = bytearray()
    state = "start of field"
    for number, line in enumerate(lines, start=1):
        raw += line.content
        if len(raw) > MAX_RECORD_BYTES:
            return None
        text = line.content
        place = 0
        while place < len(text):
            here = text[place : place + 1]
            if state == "in quotes":
                if here == b'"' and text[place + 1 : place + 2] == b'"':
                    field += b'"'
                    place += 2
                elif here == b'"':
                    state = "behind the closing quote"
                    place += 1
                else:
                    field += here
                    place += 1
            elif text.startswith(between, place):
                fields.append(bytes(field))
                field = bytearray()
                state = "start of field"
                place += len(between)
            elif state == "behind the closing quote":
                return None
            elif here == b'"' and state == "start of field":
                state = "in quotes"
                place += 1
            elif here == b'"':
                return None
            else:
                field += here
                state = "in a bare field"
                place += 1
        if state != "in quotes":
            return ParsedRecord([*fields, bytes(field)], number, raw)
        field += line.end
        raw += line.end
    return None


def judge_values(values: dict[str, bytes], rules: Rules) -> Content | frozenset[Problem]:
    """Apply the rules for values to the fields of one row."""
    problems: set[Problem] = set()
    read_values: dict[str, int | str] = {}
    for name in COLUMNS:
        text = decode(values[name])
        if text is None:
            problems.add(Problem("bad-encoding", name))
            continue
        text = text.strip(" \t")
        if not text:
            problems.add(Problem("missing-value", name))
        elif name == "action":
            codes = action_problems(text, rules)
            problems.update(Problem(code, name) for code in codes)
            read_values[name] = text
        else:
            value = read_instant(text, rules) if name == "timestamp" else read_id(text)
            if isinstance(value, str):
                problems.add(Problem(value, name))
            else:
                read_values[name] = value
    if problems:
        return frozenset(problems)
    return Content(*(read_values[name] for name in COLUMNS))  # type: ignore[arg-type]


def decode(field: bytes) -> str | None:
    """Give the text of a field; None where it is not UTF-8 or holds a NUL."""
    try:
        text = field.decode("utf-8", "strict")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def action_problems(action: str, rules: Rules) -> list[str]:
    """Say what is wrong with an action."""
    problems = []
    if len(action) > MAX_ACTION_CHARACTERS:
        problems.append("too-long")
    if rules.actions is not None and action not in rules.actions:
        problems.append("unknown-action")
    return problems


def read_id(text: str) -> int | str:
    """Give an id, or the code of its problem."""
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        return "not-an-integer"
    digits = text.lstrip("+-").lstrip("0")
    number = int(digits) if 0 < len(digits) <= len(str(LARGEST_ID)) else 0 if not digits else LARGEST_ID + 1
    if number > LARGEST_ID or (number and text.startswith("-")):
        return "out-of-range"
    return number


def read_instant(text: str, rules: Rules) -> int | str:
    """Give an instant in microseconds since 0001-01-01 UTC, or the code of its problem."""
    match = TIMESTAMP.fullmatch(text)
    if match is None:
        return "not-a-timestamp"
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    hour, minute, second = int(match[4] or 0), int(match[5] or 0), int(match[6] or 0)
    microsecond = int((match[7] or "").ljust(6, "0"))
    # 2000 and 0 are leap years both: a year 0 is checked as if it were 2000, and is then outside the range.
    try:
        local = datetime.datetime(year or 2000, month, day, hour, minute, second, microsecond)  # noqa: DTZ001
    except ValueError:
        return "not-a-timestamp"
    offset = read_offset(match[8]) if match[8] else zone_offset(local, rules.source_time_zone)
    if offset is None:
        return "not-a-timestamp"
    instant = (local - datetime.datetime(1, 1, 1) - offset) // MICROSECOND  # noqa: DTZ001
    end = datetime.timedelta(days=datetime.date.max.toordinal()) // MICROSECOND
    if year == 0:
        # the last instant of year 0 may belong to year 1 by its offset, and never to a later one
        instant -= datetime.timedelta(days=730_485) // MICROSECOND
    if not 0 <= instant < end:
        return "out-of-range"
    if rules.latest is not None and instant > rules.latest:
        return "in-the-future"
    return instant


def read_offset(text: str) -> datetime.timedelta | None:
    """Give an offset as it is written; None where it is over 14:00 or its minutes are over 59."""
    text = text.removeprefix(" ")
    if text in ("Z", "UTC", "GMT"):
        return datetime.timedelta(0)
    digits = text[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        return None
    offset = datetime.timedelta(hours=hours, minutes=minutes)
    return -offset if text[0] == "-" else offset


def zone_offset(local: datetime.datetime, zone: str) -> datetime.timedelta:
    """Give the offset of a time of day in a zone: the earlier one of two; before the jump, where clocks jumped."""
    offset = zoneinfo.ZoneInfo(zone).utcoffset(local.replace(fold=0))
    assert offset is not None
    return offset
