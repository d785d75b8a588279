"""Read delimited text as records by columns, and find what a definition must say of its dialect."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from footfall.contract.definition import BLANKS, Reference
from footfall.formats.sniffing.dialect import Dialect, find_dialect
from footfall.formats.sniffing.encodings import Text
from footfall.formats.sniffing.fields import split_pieces, split_records
from footfall.formats.sniffing.json_values import flatten, read_object
from footfall.formats.sniffing.records import ROWS_MAX, Column, Records
from footfall.results.guessing import GuessedPart

SPELLINGS = {"\t": "tab", ",": "commas", ";": "semicolons", "|": "bars", BLANKS: "runs of blanks", "\x01": "\\x01"}


def read_delimited(text: Text) -> Records | str:
    """Read the rows of a sample of delimited text, or say why it is no delimited text."""
    pieces, is_cut = split_pieces(text.pieces, ROWS_MAX)
    lines = pieces[0]
    if not any(line.strip() for line in lines):
        return "it holds nothing but blanks"
    dialect = find_dialect(lines)
    if dialect is None:
        return _describe_undelimited(lines)
    rows: list[tuple[str, ...]] = []
    other: Counter[int] = Counter()
    odd = 0
    width = max(len(dialect.names) if not dialect.shorter_header else 0, dialect.usual)
    if dialect.has_header:
        width = len(dialect.names)
    for number, piece in enumerate(pieces):
        shown = piece
        if dialect.comment:
            mark = dialect.comment
            shown = ["" if line.lstrip().startswith(mark) else line for line in piece]
        for record in split_records(shown, dialect.delimiter, dialect.quoting, dialect.first_row if number == 0 else 0):
            if len(record.fields) == width and not record.is_odd:
                rows.append(record.fields)
            else:
                odd += record.is_odd
                other[len(record.fields)] += not record.is_odd
    return _give(dialect, rows, (odd, other.total()), width, is_cut)


def _give(dialect: Dialect, rows: list[tuple[str, ...]], bad: tuple[int, int], width: int, is_cut: bool) -> Records:
    names = list(dialect.names)
    names += [f"field_{at}" for at in range(len(names) + 1, width + 1)] if names else []
    use_positions = not names or len({name.strip().lower() for name in names}) < len(names)
    columns: list[Column] = []
    for at in range(width):
        name = names[at] if names else ""
        is_doubled = use_positions and name and [each.strip().lower() for each in names].count(name.strip().lower()) > 1
        reference: Reference = at + 1 if not names or not name.strip() or is_doubled else name.strip(" \t")
        column = Column(reference, name.strip(), tuple(row[at] for row in rows))
        columns += [column, *_list_columns_inside_json(column)]
    parts, keys = _describe(dialect, names, bad, len(rows))
    looks = f"text delimited by {SPELLINGS.get(dialect.delimiter, repr(dialect.delimiter))}"
    looks += " with a header" if dialect.has_header else " without a header" if not names else ""
    return Records(tuple(columns), len(rows), keys, looks, tuple(parts), has_names=bool(names), is_cut=is_cut)


def _describe(
    dialect: Dialect, names: list[str], bad: tuple[int, int], rows: int
) -> tuple[list[GuessedPart], dict[str, Any]]:
    parts: list[GuessedPart] = []
    keys: dict[str, Any] = {"format": "csv"}

    def say(key: str, value: Any, is_sure: bool, reason: str) -> None:
        keys[key] = value
        parts.append(GuessedPart(key, value, "sure" if is_sure else "not sure", reason))

    if dialect.delimiter != ",":
        mark = {"\t": "tab"}.get(dialect.delimiter, dialect.delimiter)
        lines = (
            "each of the first lines has"
            if dialect.share == 1
            else f"{int(100 * dialect.share)}% of the first lines have"
        )
        reason = f"with it {lines} {dialect.usual} fields"
        say("delimiter", mark, dialect.share > 0.95, reason)
    if not dialect.quoting:
        say("quoting", False, False, 'the quotes " in it do not enclose fields; they are letters like others')
    if dialect.comment:
        say("comment", dialect.comment, True, f"lines that begin with {dialect.comment} are no rows")
    if dialect.skip_lines and not dialect.shorter_header:
        say(
            "skip_lines",
            dialect.skip_lines,
            True,
            "lines before the header" if dialect.has_header else "lines before the rows",
        )
    if dialect.shorter_header:
        say(
            "skip_lines",
            dialect.skip_lines,
            True,
            f"the header has {dialect.shorter_header} names fewer than the rows have fields",
        )
    if not dialect.has_header:
        reason = (
            "the first line is a row like the others" if not names else "the names of the columns stand in `columns`"
        )
        say("header", False, dialect.is_sure_of_header, reason)
        if names:
            is_sure = not dialect.shorter_header
            reason = (
                "as a comment line names them" if is_sure else "as the header has them; the last have no name there"
            )
            say("columns", names, is_sure, reason)
    elif not dialect.is_sure_of_header:
        parts.append(
            GuessedPart("", None, "not sure", "the first line is taken for a header, although no name in it is known")
        )
    odd, other = bad
    if odd or other:
        total = rows + odd + other
        said = [f"{other:,} have another number of fields"] if other else []
        said += [f"{odd:,} have a quote where none may stand"] if odd else []
        parts.append(
            GuessedPart("", None, "not sure", f"of {total:,} rows seen, {' and '.join(said)}: they would be rejected")
        )
    return parts, keys


def _list_columns_inside_json(column: Column) -> list[Column]:
    """Give the columns that JSON inside a column holds, as `column -> path`."""
    filled = [value for value in column.values if value and value.strip()]
    if (
        not filled
        or not isinstance(column.reference, str)
        or sum(v.lstrip()[:1] == "{" for v in filled) < 0.9 * len(filled)
    ):
        return []
    objects = [read_object(value) if value else None for value in column.values]
    if sum(each is not None for each in objects) < 0.9 * len(filled):
        return []
    table = [flatten(each) if each is not None else {} for each in objects]
    paths = sorted(
        {path for row in table for path in row}, key=lambda path: next(n for n, row in enumerate(table) if path in row)
    )
    made = []
    for path in paths[:60]:
        values = tuple(row[path].text if path in row and not row[path].is_list else None for row in table)
        words = next(row[path].words for row in table if path in row)
        made.append(Column(f"{column.reference} -> {path}", words, values))
    return made


def _describe_undelimited(lines: list[str]) -> str:
    filled = [line for line in lines if line.strip()][:400]
    if (
        all(word.isdigit() for line in filled for word in line.split())
        and len({len(line.split()) for line in filled}) > 1
    ):
        return (
            "each line is a list of numbers, of no fixed number of fields: a user and the products of that user, as it "
            "seems, and no column holds a time; write one pair a line"
        )
    try:
        if all(isinstance(json.loads(line), list) for line in filled[:50]):
            return "each line is a JSON array, which has no names; write objects instead"
    except ValueError:
        pass
    if len(filled) == 1:
        return "it has one line, and nothing that stands between fields"
    return "its lines have no delimiter that gives most of them the same number of fields, two or more"
