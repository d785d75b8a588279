"""The statements about records of a delimited file: how their fields are told apart, and which line needs no parser."""

from __future__ import annotations

from typing import Any

from footfall.contract.definition import BLANKS
from footfall.contract.limits import PLAIN_FIELDS_MAX, RECORD_BYTES_MAX
from footfall.contract.mapping import Layout
from footfall.formats.texts import ANY_TEXT, Form, Record, compose_expressions
from footfall.statements import read_statements

SQL = read_statements("footfall.formats.delimited")
IN_PLAIN_VALUES = frozenset("0123456789abcdefABCDEF-:.+TZ ")  # characters of ids and times in plain form
# The statements that split a line in plain form into its fields, where it takes less than splitting any line.
PLAIN_KINDS = {
    "fields": "plain_fields",
    "fields_between_words": "plain_fields",
    "fields_between_blanks": "bare_fields_between_blanks",
}
BORDER = "\0"  # stands for a delimiter of several characters; no text in the kernel holds a NUL otherwise


def compose_delimited(layout: Layout) -> Form:
    """Give the statements of delimited.sql for files of one layout."""
    # If the delimiter may stand in a plain value, a pattern of the whole line would not say where its fields end.
    is_matched = layout.delimiter != BLANKS and not IN_PLAIN_VALUES & set(layout.delimiter)
    expressions = compose_expressions(layout, Record(is_matched=is_matched))
    kind = _choose_statements(layout)
    return Form(
        SQL["plain_texts"].format(fields=SQL[PLAIN_KINDS.get(kind, kind)], **expressions.plain),
        SQL["texts"].format(fields=SQL[kind], **expressions.of),
        list_split_variables(layout) | expressions.variables,
        _write_plain_line(layout, expressions.trusted),
    )


def _choose_statements(layout: Layout) -> str:
    """Name the statements that split these records into their fields."""
    if not layout.definition.quoting:
        return "bare_fields_between_blanks" if layout.delimiter == BLANKS else "bare_fields"
    if layout.delimiter == BLANKS:
        return "fields_between_blanks"
    return "fields" if len(layout.delimiter) == 1 else "fields_between_words"


def list_split_variables(layout: Layout) -> dict[str, Any]:
    """Give the variables with which records are split into fields.

    Shape: name -> value, to be set with `set variable` in the session that splits the records. `well_quoted_line`
    matches lines as the file has them. If the delimiter has several characters, it matches the usual lines only, and
    only `hints.sql` uses it.
    """
    comma, field = _write_delimiter(layout), f'(?:"(?:[^"]|"")*"|{_write_bare_field(layout, quote=chr(34))})'
    beside = r"[ \t]*" if layout.delimiter == BLANKS else ""
    border = r"\x00"
    between_borders = rf'(?:"(?:[^"]|"")*"|[^"{border}]*)'
    return {
        "delimiter": " " if layout.delimiter == BLANKS else layout.delimiter,
        "quoted_delimiter": f'"{layout.delimiter}"',
        "border": BORDER,
        "field_count": layout.field_count,
        "well_quoted_line": f"{beside}{field}(?:{comma}{field})*{beside}",
        "each_field": f"{comma}({field})",
        "well_bordered_line": f"{between_borders}(?:{border}{between_borders})*",
        "each_bordered_field": f"{border}({between_borders})",
        "record_bytes_max": RECORD_BYTES_MAX,
    }


def _write_delimiter(layout: Layout) -> str:
    """Give the pattern of the delimiter for RE2, with each character by its number, so that none is special."""
    return r"[ \t]+" if layout.delimiter == BLANKS else _spell(layout.delimiter)


def _spell(text: str) -> str:
    return "".join(rf"\x{{{ord(each):x}}}" for each in text)


def _write_bare_field(layout: Layout, quote: str, line_end: str = "") -> str:
    """Give the pattern of a field without quotes. It leaves out some fields that hold half of a delimiter."""
    if layout.delimiter == BLANKS:
        return rf"[^{quote} \t{line_end}]+"
    first, second = _spell(layout.delimiter[0]), _spell(layout.delimiter[1:2])
    if not second:
        return f"[^{quote}{first}{line_end}]*"
    return f"(?:[^{quote}{first}{line_end}]|{first}[^{quote}{first}{second}{line_end}])*"


def _write_plain_line(layout: Layout, trusted: dict[int, str]) -> str:
    """Give the pattern of a line with plain values, and with either all of its fields in quotes or none."""
    if layout.field_count > PLAIN_FIELDS_MAX:
        return r"[^\s\S]"  # matches no line
    quoting = layout.definition.quoting
    quote = '"' if quoting else ""
    comma, bare = _write_delimiter(layout), _write_bare_field(layout, quote, r"\n")
    if layout.delimiter == BLANKS:
        return r"[ \t]*" + comma.join([bare] * layout.field_count) + r"[ \t]*"
    any_text = rf"[^{quote}{comma}\x00-\x20](?:[^{quote}{comma}\n]*[^{quote}{comma}\x00-\x20])?"
    named = {at: any_text if pattern == ANY_TEXT else f"(?:{pattern})" for at, pattern in trusted.items()}
    each = [named.get(at, bare) for at in range(1, layout.field_count + 1)]
    if not quoting:
        return comma.join(each)
    return comma.join(each) + "|" + comma.join(f'"{one}"' for one in each)
