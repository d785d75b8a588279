"""The variables of rules.sql for one header."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from footfall.contract.limits import ACTION_CHARACTERS_MAX, PLAIN_FIELDS_MAX, RECORD_BYTES_MAX
from footfall.contract.mapping import Header
from footfall.contract.shapes import COLUMNS
from footfall.contract.terms import Contract


def kernel_variables(contract: Contract, header: Header, latest: datetime | None) -> dict[str, Any]:
    """Give the kernel's variables for one header.

    Shape: name -> value, to be set with `set variable` in the session that runs the kernel.
    """
    comma = rf"\x{{{ord(contract.delimiter):x}}}"  # RE2's spelling: no character of a delimiter is special
    bare = rf'[^"{comma}\n]*'
    field = rf'(?:"(?:[^"]|"")*"|[^"{comma}]*)'
    identifier = "[1-9][0-9]{0,17}"
    clock = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
    day = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    offset = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3])(?::?[0-5][0-9])?|14(?::?00)?))"
    zone = f"(?: ?{offset}| UTC| GMT)"
    # Years 1000 to 2999: no plain line is out of range, whatever its offset.
    seconds = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
    plain_timestamp = rf"[12][0-9]{{3}}-[01][0-9]-[0-3][0-9](?:[ T]{seconds}{offset}?)?"
    plain_action = rf'[^"{comma}\x00-\x20](?:[^"{comma}\n]*[^"{comma}\x00-\x20])?'
    plain = {"action": plain_action, "timestamp": plain_timestamp}
    named = {at: plain.get(column, identifier) for at, column in zip(header.positions, COLUMNS, strict=True)}
    each = [named.get(at, bare) for at in range(1, header.field_count + 1)]
    plain_line = comma.join(each) + "|" + comma.join(f'"{one}"' for one in each)
    if header.field_count > PLAIN_FIELDS_MAX:
        plain_line = r"[^\s\S]"  # no line
    variables: dict[str, Any] = {
        "delimiter": contract.delimiter,
        "quoted_delimiter": f'"{contract.delimiter}"',
        "field_count": header.field_count,
        "plain_line": plain_line,
        "well_quoted_line": rf"{field}(?:{comma}{field})*",
        "each_field": rf"{comma}({field})",
        "naive_timestamp": rf"{day}(?:[ T]{clock})?",
        "offset_timestamp": rf"{day}[ T]{clock}{zone}",
        "source_time_zone": contract.source_time_zone,
        "actions": list(contract.actions) if contract.actions is not None else None,
        "latest": latest,
        "record_bytes_max": RECORD_BYTES_MAX,
        "action_characters_max": ACTION_CHARACTERS_MAX,
    }
    return variables | {f"{column}_at": at for column, at in zip(COLUMNS, header.positions, strict=True)}
