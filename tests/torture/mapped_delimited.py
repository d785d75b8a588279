"""Cut delimited files of any dialect into records, a second time: plain, and without the product's code.

The rules are those of `independent_reader`, for any delimiter, with or without quotes, a header, comments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import independent_reader as plain
from footfall.contract.definition import BLANKS, Reference, SourceDefinition
from independent_reader import FileRefusedError, Line, ParsedRecord, Problem
from mapped_json import read_text_at
from mapped_values import MISSING, Held, hold

ARROW = "->"


@dataclass(frozen=True)
class Dialect:
    """How fields stand in a line. `between` is None for runs of blanks."""

    between: bytes | None
    quoting: bool

    def delimiter_at(self, text: bytes, place: int) -> int:
        """Give the size of the delimiter that begins there, 0 where none does."""
        if self.between is not None:
            return len(self.between) if text.startswith(self.between, place) else 0
        return len(text) - place - len(text[place:].lstrip(b" \t"))

    def shown(self, text: bytes) -> bytes:
        """Give the line without what is no field of it: blanks around it, where blanks stand between fields."""
        return text if self.between is not None else text.strip(b" \t")


@dataclass(frozen=True)
class Cut:
    """One record as it was cut: its place, its bytes, and its fields or what is wrong with it as a whole."""

    line_number: int
    raw: bytes
    fields: list[bytes] | Problem


def read_cuts(content: bytes, definition: SourceDefinition) -> tuple[list[str] | None, Iterator[Cut]]:
    """Give the names of the columns (None: there is no header, and none are named), and the records.

    Raises: FileRefusedError.
    """
    dialect = Dialect(
        None if definition.delimiter == BLANKS else (definition.delimiter or ",").encode(), definition.quoting
    )
    lines = plain.split_lines(content)[definition.skip_lines :]
    mark = definition.comment.encode() if definition.comment else None
    if mark:
        lines = [Line(each.number, b"", each.end) if each.content.startswith(mark) else each for each in lines]
    while lines and lines[0].is_blank:
        del lines[0]
    if not lines:
        raise FileRefusedError("nothing that could be a header or a row")
    first = parse_record(lines[: plain.MAX_RECORD_LINES], dialect)
    if not definition.header:
        count = len(definition.columns) or (len(first.fields) if first else 1)
        names = [each.strip(" \t").lower() for each in definition.columns] or None
        return names, cut_records(lines, dialect, count)
    if first is None:
        raise FileRefusedError("a header whose quotes do not close, or over 1 MB")
    if holds_rows(lines[: first.line_count], dialect, len(first.fields)):
        raise FileRefusedError("a header whose quote does not close on its line, but behind rows")
    names = [field.decode("utf-8", "replace").strip(" \t").lower() for field in first.fields]
    return names, cut_records(lines[first.line_count :], dialect, len(names))


def cut_records(lines: list[Line], dialect: Dialect, field_count: int) -> Iterator[Cut]:
    """Give each record."""
    place = 0
    while place < len(lines):
        line = lines[place]
        place += 1
        if line.is_blank:
            continue
        if len(line.content) > plain.MAX_RECORD_BYTES:
            yield Cut(line.number, line.content, Problem("too-long", None))
            continue
        at_hand = lines[place - 1 : place - 1 + plain.MAX_RECORD_LINES]
        parsed = parse_record(at_hand, dialect)
        if parsed is not None and parsed.line_count > 1:
            is_one = len(parsed.fields) == field_count
            parsed = parsed if is_one and not holds_rows(at_hand[: parsed.line_count], dialect, field_count) else None
        if parsed is None:
            yield Cut(line.number, line.content, Problem("bad-quoting", None))
        elif len(parsed.fields) != field_count:
            code = "too-few-fields" if len(parsed.fields) < field_count else "too-many-fields"
            yield Cut(line.number, line.content, Problem(code, None))
        else:
            yield Cut(line.number, parsed.raw, parsed.fields)
            place += parsed.line_count - 1


def holds_rows(lines: list[Line], dialect: Dialect, field_count: int) -> bool:
    """Say whether the lines of a record behind its first are rows, each by its number of fields; blank ones aside."""
    first, *counts = (count_fields(dialect.shown(line.content), dialect) for line in lines if not line.is_blank)
    if len(counts) == 1 and first < field_count:
        return False
    return bool(counts) and set(counts) == {field_count}


def count_fields(text: bytes, dialect: Dialect) -> int:
    """Count the fields of a line by itself. A quote that opens no field, or is not closed, is an ordinary byte."""
    count = 1
    place = 0
    is_start = True
    while place < len(text):
        closed = closing_quote(text, place, dialect) if is_start and text.startswith(b'"', place) else None
        is_start = False
        if closed is not None and dialect.quoting:
            place = closed + 1
        elif size := dialect.delimiter_at(text, place):
            count += 1
            place += size
            is_start = True
        else:
            place += 1
    return count


def closing_quote(text: bytes, opening: int, dialect: Dialect) -> int | None:
    """Find the quote that closes a field before a delimiter or the end; None where the next single quote does not."""
    place = opening + 1
    while place < len(text):
        if text.startswith(b'""', place):
            place += 2
        elif text.startswith(b'"', place):
            is_closed = place + 1 == len(text) or dialect.delimiter_at(text, place + 1) > 0
            return place if is_closed else None
        else:
            place += 1
    return None


def parse_record(lines: list[Line], dialect: Dialect) -> ParsedRecord | None:
    """Read one record from the first of these lines on; None where a quote is wrong or does not close in time."""
    fields: list[bytes] = []
    raw = b""
    field = bytearray()
    state = "start of field"
    for number, line in enumerate(lines, start=1):
        raw += line.content
        if len(raw) > plain.MAX_RECORD_BYTES:
            return None
        text = line.content
        if dialect.between is None:
            # Blanks at the start are no field, unless they stand in quotes; what is left of them at the end is none.
            text = text if state == "in quotes" else text.lstrip(b" \t")
        place = 0
        while place < len(text):
            here = text[place : place + 1]
            if state == "in quotes":
                is_doubled = here == b'"' and text[place + 1 : place + 2] == b'"'
                if here == b'"' and not is_doubled:
                    state = "behind the closing quote"
                else:
                    field += here
                place += 2 if is_doubled else 1
            elif size := dialect.delimiter_at(text, place):
                place += size
                if dialect.between is None and place == len(text):
                    break
                fields.append(bytes(field))
                field = bytearray()
                state = "start of field"
            elif state == "behind the closing quote" or (dialect.quoting and here == b'"' and state == "bare"):
                return None
            elif dialect.quoting and here == b'"':
                state = "in quotes"
                place += 1
            else:
                field += here
                state = "bare"
                place += 1
        if state != "in quotes":
            return ParsedRecord([*fields, bytes(field)], number, raw)
        field += line.end
        raw += line.end
    return None


def find_places(names: list[str] | None, definition: SourceDefinition) -> Callable[[Reference], int]:
    """Give what finds the place of a column, from 0 on, once every column that is wanted is known to be there.

    Raises: FileRefusedError.
    """

    def place_of(reference: Reference) -> int:
        if isinstance(reference, int):
            return reference - 1
        name = reference.partition(ARROW)[0].strip(" \t").lower()
        if names is None or names.count(name) != 1:
            raise FileRefusedError(f"the column {name!r} is missing or doubled")
        return names.index(name)

    for reference in references(definition):
        place = place_of(reference)
        if names is not None and place >= len(names):
            raise FileRefusedError(f"there is no column {reference}")
    return place_of


def references(definition: SourceDefinition) -> list[Reference]:
    """Give every column that a definition names."""
    of_fields = [each for field in definition.fields for each in (*field.columns, *field.joined)]
    return of_fields + [condition.column for condition in definition.where]


def look_in(fields: list[bytes], place_of: Callable[[Reference], int], null_values: tuple[str, ...]) -> object:
    """Give what looks at a column of one record."""

    def look(reference: Reference) -> Held:
        place = place_of(reference)
        held = hold(plain.decode(fields[place]), null_values) if place < len(fields) else MISSING
        if isinstance(reference, int) or ARROW not in reference or held.text is None:
            return held
        return read_text_at(held.text, reference.partition(ARROW)[2], null_values)

    return look
