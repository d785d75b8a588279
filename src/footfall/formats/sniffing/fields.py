"""Split lines into fields by a supposed dialect. Nothing is an error here, so that dialects can be compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from footfall.contract.definition import BLANKS
from footfall.contract.limits import RECORD_LINES_MAX

BLOCK_LINES = 200  # lines of a block; if there are too many lines, only the first ones of each block are kept
BLANK_FIELD = re.compile(r'"(?:[^"]|"")*"(?=[ \t]|$)|[^ \t]+')


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `line` is its line in the piece, from 0. `is_odd` says that it has a quote where none may stand."""

    line: int
    fields: tuple[str, ...]
    is_odd: bool = False
    has_quotes: bool = False


def split_lines(piece: str, *, is_first: bool, is_last: bool) -> list[str]:
    r"""Give the lines of a piece without those that its edges cut.

    Example:
        >>> split_lines("a\r\nb\nc", is_first=True, is_last=False)
        ['a', 'b']
    """
    end = "\r" if "\n" not in piece and "\r" in piece else "\n"
    lines = piece.split(end)
    if not is_first:
        lines = lines[1:]
    if not is_last:
        lines = lines[:-1]
    elif lines and not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def split_pieces(pieces: tuple[str, ...], lines_max: int) -> tuple[list[list[str]], bool]:
    """Give the lines of all pieces, and whether there were too many, so that only the first of each block are kept."""
    last = len(pieces) - 1
    split = [split_lines(piece, is_first=at == 0, is_last=at == last) for at, piece in enumerate(pieces)]
    total = sum(map(len, split))
    if total <= lines_max:
        return split, False
    head = split[0][: lines_max // 4]
    rest = [split[0][lines_max // 4 :], *split[1:]]
    blocks = [lines[at : at + BLOCK_LINES] for lines in rest for at in range(0, len(lines), BLOCK_LINES)]
    kept = max(1, BLOCK_LINES * (lines_max - len(head)) // total)
    return [head, *(block[:kept] for block in blocks if block)], True


def split_records(lines: list[str], delimiter: str, quoting: bool, start: int = 0) -> Iterator[Record]:
    """Split lines into records; blank lines are none. A record whose quote never closes ends with its line."""
    at = start
    while at < len(lines):
        line = lines[at]
        if not line.strip(" \t"):
            at += 1
            continue
        if not quoting or '"' not in line:
            yield Record(at, split_plain(line, delimiter))
            at += 1
            continue
        taken, record = _split_quoted(lines, at, delimiter)
        yield record
        at += taken


def split_plain(line: str, delimiter: str) -> tuple[str, ...]:
    """Split a line without regard to quotes."""
    return tuple(line.split()) if delimiter == BLANKS else tuple(line.split(delimiter))


def _split_quoted(lines: list[str], at: int, delimiter: str) -> tuple[int, Record]:
    """Split a record with quotes, which may run over several lines. Give the number of its lines, too."""
    text = lines[at]
    if delimiter == BLANKS:
        fields = tuple(_unquote(field) for field in BLANK_FIELD.findall(text))
        return 1, Record(at, fields, any('"' in field for field in fields), has_quotes=True)
    for taken in range(1, RECORD_LINES_MAX + 1):
        fields, is_open, is_odd = _walk(text, delimiter)
        if not is_open:
            return taken, Record(at, fields, is_odd, has_quotes=not is_odd)
        if at + taken >= len(lines):
            break
        text = f"{text}\n{lines[at + taken]}"
    return 1, Record(at, split_plain(lines[at], delimiter), is_odd=True)


def _walk(text: str, delimiter: str) -> tuple[tuple[str, ...], bool, bool]:
    """Give the fields of a text, whether a quote is open at its end, and whether one stands where none may."""
    fields: list[str] = []
    is_odd = False
    at = 0
    while True:
        if text.startswith('"', at):
            end = _find_closing(text, at + 1)
            if end < 0:
                return tuple(fields), True, is_odd
            value = text[at + 1 : end].replace('""', '"')
            behind = text.find(delimiter, end + 1)
            rest = text[end + 1 : behind if behind >= 0 else len(text)]
            is_odd = is_odd or bool(rest)
            fields.append(value + rest)
        else:
            behind = text.find(delimiter, at)
            value = text[at : behind if behind >= 0 else len(text)]
            is_odd = is_odd or '"' in value
            fields.append(value)
        if behind < 0:
            return tuple(fields), False, is_odd
        at = behind + len(delimiter)


def _find_closing(text: str, at: int) -> int:
    while True:
        end = text.find('"', at)
        if end < 0 or not text.startswith('""', end):
            return end
        at = end + 2


def _unquote(field: str) -> str:
    return field[1:-1].replace('""', '"') if len(field) > 1 and field[0] == field[-1] == '"' else field
