"""The statements about records of a delimited file: how their fields are told apart, and which line needs no parser."""

from __future__ import annotations

from typing import Any

from footfall.contract.limits import PLAIN_FIELDS_MAX, RECORD_BYTES_MAX
from footfall.contract.mapping import Layout
from footfall.formats.texts import ANY_TEXT, Form, Record, compose_expressions
from footfall.statements import statements

SQL = statements("footfall.formats.delimited")


def compose_delimited(layout: Layout) -> Form:
    """Give the statements of delimited.sql for files of one layout."""
    expressions = compose_expressions(layout, Record(is_matched=True))
    return Form(
        SQL["plain_texts"].format(**expressions.plain),
        SQL["texts"].format(**expressions.of),
        split_variables(layout) | expressions.variables,
        _plain_line(layout, expressions.trusted),
    )


def split_variables(layout: Layout) -> dict[str, Any]:
    """Give the variables with which records are split into fields.

    Shape: name -> value, to be set with `set variable` in the session that splits the records.
    """
    comma = rf"\x{{{ord(layout.delimiter):x}}}"  # RE2's spelling: no character of a delimiter is special
    field = rf'(?:"(?:[^"]|"")*"|[^"{comma}]*)'
    return {
        "delimiter": layout.delimiter,
        "quoted_delimiter": f'"{layout.delimiter}"',
        "field_count": layout.field_count,
        "well_quoted_line": rf"{field}(?:{comma}{field})*",
        "each_field": rf"{comma}({field})",
        "record_bytes_max": RECORD_BYTES_MAX,
    }


def _plain_line(layout: Layout, trusted: dict[int, str]) -> str:
    """Give the pattern of a line with plain values, and with either all of its fields in quotes or none."""
    if layout.field_count > PLAIN_FIELDS_MAX:
        return r"[^\s\S]"  # no line
    comma = rf"\x{{{ord(layout.delimiter):x}}}"
    bare = rf'[^"{comma}\n]*'
    any_text = rf'[^"{comma}\x00-\x20](?:[^"{comma}\n]*[^"{comma}\x00-\x20])?'
    named = {at: any_text if pattern == ANY_TEXT else f"(?:{pattern})" for at, pattern in trusted.items()}
    each = [named.get(at, bare) for at in range(1, layout.field_count + 1)]
    return comma.join(each) + "|" + comma.join(f'"{one}"' for one in each)
