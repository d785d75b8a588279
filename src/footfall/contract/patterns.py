"""The variables of rules.sql, and the patterns of texts that it surely accepts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from footfall.contract.limits import ACTION_CHARACTERS_MAX, RECORD_BYTES_MAX, VALUE_CHARACTERS_MAX
from footfall.contract.terms import Contract

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_OFFSET = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3])(?::?[0-5][0-9])?|14(?::?00)?))"
_ZONE = f"(?: ?{_OFFSET}| UTC| GMT)"
_SECONDS = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"

PLAIN_ID = "[1-9][0-9]{0,17}"
# Years 1000 to 2999: no plain timestamp is out of range, whatever its offset.
PLAIN_TIMESTAMP = rf"[12][0-9]{{3}}-[01][0-9]-[0-3][0-9](?:[ T]{_SECONDS}{_OFFSET}?)?"


def rule_variables(contract: Contract, latest: datetime | None) -> dict[str, Any]:
    """Give the variables of rules.sql.

    Shape: name -> value, to be set with `set variable` in the session that runs the rules; `latest` is naive, in UTC.
    """
    return {
        "naive_timestamp": rf"{_DAY}(?:[ T]{_CLOCK})?",
        "offset_timestamp": rf"{_DAY}[ T]{_CLOCK}{_ZONE}",
        "source_time_zone": contract.source_time_zone,
        "actions": list(contract.actions) if contract.actions is not None else None,
        "latest": latest,
        "record_bytes_max": RECORD_BYTES_MAX,
        "action_characters_max": ACTION_CHARACTERS_MAX,
        "value_characters_max": VALUE_CHARACTERS_MAX,
    }
