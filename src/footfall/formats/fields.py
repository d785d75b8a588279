"""The variables of delimited.sql: how the fields of one header are told apart, and where the five columns stand."""

from __future__ import annotations

from typing import Any

from footfall.contract.limits import PLAIN_FIELDS_MAX, RECORD_BYTES_MAX
from footfall.contract.mapping import Header
from footfall.contract.patterns import PLAIN_ID, PLAIN_TIMESTAMP
from footfall.contract.shapes import COLUMNS


def field_variables(delimiter: str, header: Header) -> dict[str, Any]:
    """Give the variables of delimited.sql, and `plain_line`: the pattern of a line that needs no parser.

    Shape: name -> value, to be set with `set variable` in the session that splits the records.
    """
    comma = rf"\x{{{ord(delimiter):x}}}"  # RE2's spelling: no character of a delimiter is special
    field = rf'(?:"(?:[^"]|"")*"|[^"{comma}]*)'
    variables: dict[str, Any] = {
        "delimiter": delimiter,
        "quoted_delimiter": f'"{delimiter}"',
        "field_count": header.field_count,
        "plain_line": _plain_line(comma, header),
        "well_quoted_line": rf"{field}(?:{comma}{field})*",
        "each_field": rf"{comma}({field})",
        "record_bytes_max": RECORD_BYTES_MAX,
    }
    return variables | {f"{column}_at": at for column, at in zip(COLUMNS, header.positions, strict=True)}


def _plain_line(comma: str, header: Header) -> str:
    """Give the pattern of a line with plain values, and with either all of its fields in quotes or none."""
    if header.field_count > PLAIN_FIELDS_MAX:
        return r"[^\s\S]"  # no line
    bare = rf'[^"{comma}\n]*'
    plain_action = rf'[^"{comma}\x00-\x20](?:[^"{comma}\n]*[^"{comma}\x00-\x20])?'
    plain = {"action": plain_action, "timestamp": PLAIN_TIMESTAMP}
    named = {at: plain.get(column, PLAIN_ID) for at, column in zip(header.positions, COLUMNS, strict=True)}
    each = [named.get(at, bare) for at in range(1, header.field_count + 1)]
    return comma.join(each) + "|" + comma.join(f'"{one}"' for one in each)
