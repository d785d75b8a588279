"""The macros and variables of rules.sql, and patterns: a text that matches one is certainly accepted by the rules."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from footfall.contract.ids import ID_COLUMNS, IdType
from footfall.contract.limits import (
    ACTION_CHARACTERS_MAX,
    BAD_BYTES,
    ID_CHARACTERS_MAX,
    RECORD_BYTES_MAX,
    VALUE_CHARACTERS_MAX,
)
from footfall.contract.terms import Contract
from footfall.contract.timestamps import compose_time_macros, find_plain_time_pattern, list_time_variables
from footfall.statements import read_statements

RULES = read_statements("footfall.contract.rules")
IDS = read_statements("footfall.contract.ids")

PLAIN_ID = "[1-9][0-9]{0,17}"
_HEX = "[0-9a-fA-F]"
_HYPHENATED = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
UUID = rf"{_HYPHENATED}|\{{{_HYPHENATED}\}}|{_HEX}{{32}}"


def compose_macros(contract: Contract) -> str:
    """Give the statements that make the macros of rules.sql, in a session whose variables are set."""
    made = [RULES["macros"]]
    made += [IDS[kind].replace("{column}", column) for column, kind in zip(ID_COLUMNS, contract.id_types, strict=True)]
    made.append(compose_time_macros(contract.definition.timestamp.formats, contract.time_zone))
    return ";\n".join(made)


def list_rule_variables(contract: Contract, latest: datetime | None) -> dict[str, Any]:
    """Give the variables of rules.sql.

    Shape: name -> value, to be set with `set variable` in the session that runs the rules; `latest` is naive, in UTC.
    """
    return {
        "source_time_zone": contract.time_zone,
        "actions": list(contract.actions) if contract.actions is not None else None,
        "latest": latest,
        "record_bytes_max": RECORD_BYTES_MAX,
        "action_characters_max": ACTION_CHARACTERS_MAX,
        "id_characters_max": ID_CHARACTERS_MAX,
        "value_characters_max": VALUE_CHARACTERS_MAX,
        "uuid": UUID,
        "bad_bytes": BAD_BYTES,
    } | list_time_variables(contract.definition.timestamp.formats)


def find_plain_id_pattern(kind: IdType) -> str | None:
    """Give the pattern of ids that are valid without further tests; None where any text may be an id."""
    return {"bigint": PLAIN_ID, "uuid": f"{_HYPHENATED}|{_HEX}{{32}}", "text": None}[kind]


def is_id(text: str, kind: IdType) -> bool:
    """Say whether a text can be an id of a type.

    Example:
        >>> is_id(" 7", "bigint"), is_id("none", "bigint"), is_id("none", "text")
        (True, False, True)
    """
    trimmed = text.strip(" \t")
    if kind == "text":
        return 1 <= len(trimmed) <= ID_CHARACTERS_MAX
    if kind == "uuid":
        return re.fullmatch(UUID, trimmed) is not None
    digits = re.fullmatch("[+]?0*([0-9]{1,19})|-0+", trimmed)
    return digits is not None and int(digits[1] or 0) < 1 << 63


def find_plain_time(contract: Contract) -> str | None:
    """Give the pattern of timestamps that are certainly valid; None where each must be tested."""
    return find_plain_time_pattern(contract.definition.timestamp.formats, contract.time_zone)
