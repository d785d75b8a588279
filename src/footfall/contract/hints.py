"""A kind of problem and the look of its values -> a short sentence that hints at the cure."""

from __future__ import annotations

from typing import Any

from footfall.contract.definition import BLANKS
from footfall.contract.looks import LOOKS
from footfall.contract.mapping import Layout
from footfall.contract.problems import PROBLEM_CODES
from footfall.contract.shapes import COLUMNS

WORDS = {(look.code, look.name): look.words for look in LOOKS}
# Hints that are true of every row with the problem.
GENERAL = {
    "too-few-fields": "is the line cut, or is the delimiter another one (--delimiter)?",
    "too-many-fields": "a delimiter inside a value must stand in quotes",
    "bad-quoting": "double a quote inside a quoted value, and close every quote before the delimiter",
    "bad-encoding": 'write encoding = "windows-1252", or what it is, in its source definition, or export it as UTF-8',
    "not-an-integer": 'ids that are no whole numbers need {field}_type = "text" before the tables are made',
    "not-a-uuid": 'ids that are no UUIDs need {field}_type = "text" before the tables are made',
    "ambiguous-timestamp": "in its source definition, list only the formats that its times have",
    "too-long": "is it in the column of its header? `extract` in a source definition takes a part of a value",
    "not-an-object": "one whole JSON object is wanted there, in which a name on the way to a value stands once",
    "not-a-value": "name a path into it (user.id), or `explode` a list whose items are rows, in the source definition",
    "conflicting-duplicate": "the same id came with other content; correct one of the two at its origin",
    "forgotten-user": "its user was forgotten (`footfall forget`), and stays so",
    "missing-value": "fill the value in at its origin",
    "unknown-action": "add the word to FOOTFALL_ACTIONS, or correct it at its origin",
    "in-the-future": "is the clock or the time zone of its origin right (FOOTFALL_SOURCE_TIME_ZONE)?",
    # Not a problem code: reports show it once instead of one problem for each column of such a row.
    "header-again": "looks as if files were joined; leave out the header of every file but the first",
}


def find_hint(code: str, field: str | None, look: str) -> str:
    """Give the hint for values of one look. Where the look is empty, give the hint for all values with the problem.

    Example:
        >>> find_hint("not-a-timestamp", "timestamp", "leap-second")
        '`timestamp` has a second 60; seconds end at 59'
    """
    words = GENERAL.get(code, PROBLEM_CODES.get(code, code))
    if look:
        words = f"{f'`{field}`' if field else 'the row'} {WORDS[code, look]}"
    return words.replace("{field}", field or "ID")


def list_look_variables(layout: Layout) -> dict[str, Any]:
    """Give the variables of `hints.sql` that depend on the layout, beside those of the kernel."""
    names = _list_header_names(layout)
    return _list_quote_variables(layout.delimiter) | {
        "header_names": [name for _, name in names],
        "header_again": [f"{field}={name}" for field, name in names if _would_refuse(layout, field)],
    }


def _list_header_names(layout: Layout) -> list[tuple[str, str]]:
    """List the names of the five fields in the header, in lower case; none where the file has no header."""
    if layout.kind != "delimited" or not layout.definition.header:
        return []
    named = zip(COLUMNS, layout.definition.fields, strict=True)
    return [
        (column, field.columns[0].lower())
        for column, field in named
        if len(field.columns) == 1 and isinstance(field.columns[0], str) and field.extract is None
    ]


def _would_refuse(layout: Layout, field: str) -> bool:
    """Say whether the name of a column would be rejected as a value of that column."""
    return field == "timestamp" or (field != "action" and layout.contract.id_types.find_type(field) != "text")


def _list_quote_variables(delimiter: str) -> dict[str, str]:
    if delimiter == BLANKS:
        return dict.fromkeys(("space_before_quote", "space_behind_quote"), r"([^\s\S])")  # a space is a delimiter there
    comma = "".join(rf"\x{{{ord(each):x}}}" for each in delimiter)
    space = "[ ]+" if delimiter == "\t" else r"[ \t]+"
    return {
        "space_before_quote": rf'(^|{comma}){space}"',
        "space_behind_quote": rf'"{space}({comma}|$)',
    }
