"""What an interaction is: columns, rules and problem codes; one definition for every engine.

The rules themselves are `sql/kernel.sql`. Here are its constants, its variables for one header, and words for people.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from footfall.errors import SourceError
from footfall.first_line import looks_like, names_shown

COLUMNS = ("interaction_id", "user_id", "product_id", "action", "timestamp")

RECORD_BYTES_MAX = 1_000_000  # bytes; a record over this is `too-long` and never split
RECORD_LINES_MAX = 100  # lines that one quoted record may run over
ACTION_CHARACTERS_MAX = 500  # code points
VALUE_CHARACTERS_MAX = 200  # code points of a value that a problem quotes
RAW_BYTES_MAX = 65_536  # bytes of a rejected record that the quarantine keeps
PLAIN_FIELDS_MAX = 500  # columns; RE2 refuses the pattern of some thousands, and no line is quick with so many
KERNEL_VERSION = 3  # raise with every change of a verdict: it is part of the contract's fingerprint

PROBLEM_CODES: dict[str, str] = {
    "missing-value": "a required value is empty",
    "not-an-integer": "not a whole number (an optional sign and decimal digits)",
    "out-of-range": "an id that is not 1 to 9223372036854775807, or an instant outside the years 1 to 9999",
    "not-a-timestamp": "not a timestamp: YYYY-MM-DD, optionally HH:MM[:SS[.ffffff]] and Z, UTC, GMT or an offset",
    "too-long": "an action over 500 characters, or a record over 1 MB",
    "unknown-action": "an action that is not in the allow-list",
    "in-the-future": "a timestamp later than the setting allows",
    "too-few-fields": "fewer fields than the header names",
    "too-many-fields": "more fields than the header names",
    "bad-quoting": "a quote that does not close before a delimiter or line end, that stands inside an unquoted field, "
    "or that is closed only behind other rows",
    "bad-encoding": "a NUL byte, or bytes that are not UTF-8",
    "conflicting-duplicate": "this interaction_id came before with other content; the row that came first stays",
}


@dataclass(frozen=True, slots=True)
class Contract:
    """Every setting that decides a verdict. `latest` is an instant: the start of the run plus the setting's seconds."""

    delimiter: str = ","
    source_time_zone: str = "UTC"
    actions: tuple[str, ...] | None = None
    max_future_seconds: int | None = None

    def fingerprint(self) -> str:
        """Give a short name of this contract, equal where all verdicts are.

        Example:
            >>> Contract().fingerprint() == Contract(delimiter=",").fingerprint()
            True
        """
        words = json.dumps({"kernel": KERNEL_VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Header:
    """Where the five columns stand.

    Shape: `positions` are 1-based, in the order of COLUMNS; `surplus` are ignored names.
    """

    positions: tuple[int, ...]
    field_count: int
    surplus: tuple[str, ...]


def read_header(fields: list[str], source: str, delimiter: str) -> Header:
    """Find the five columns by name, in any order and any case.

    Raises: SourceError where a required column is missing or stands twice.

    Example:
        >>> read_header(["timestamp", " User_ID", "interaction_id", "product_id", "action"], "a.csv", ",").positions
        (3, 2, 4, 5, 1)
    """
    names = [field.strip(" \t").lower() for field in fields]
    for column in COLUMNS:
        if names.count(column) > 1:
            raise SourceError(f"{source}: the header names the column {column!r} twice; keep one of them")
    if any(column not in names for column in COLUMNS):
        raise SourceError(f"{source}: {_missing(fields, names, delimiter)}")
    surplus = tuple(field.strip(" \t") for field, name in zip(fields, names, strict=True) if name not in COLUMNS)
    return Header(tuple(names.index(column) + 1 for column in COLUMNS), len(names), surplus)


def _missing(fields: list[str], names: list[str], delimiter: str) -> str:
    """Say which columns a header lacks, and what the file looks like, without a value of a row."""
    missing = ", ".join(repr(column) for column in COLUMNS if column not in names)
    shown = names_shown(fields)
    look = looks_like(delimiter.join(fields), delimiter, COLUMNS)
    return (
        f"the header has no column {missing} (it has {len(fields):,} column{'' if len(fields) == 1 else 's'}"
        + (f", among them {', '.join(shown)}" if shown else "")
        + f"); the first line must name {', '.join(COLUMNS)}"
        + (f"; {look}" if look else "")
    )


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
