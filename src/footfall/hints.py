"""A kind of problem and one of its values -> a hint at the cure, in one short sentence."""

from __future__ import annotations

import re

from footfall.contract import PROBLEM_CODES

TIMESTAMP_LOOKS = (
    (r"\d{1,2}/\d{1,2}/\d{4}.*", "looks like DD/MM/YYYY or MM/DD/YYYY; export it as YYYY-MM-DD"),
    (r"\d{1,2}\.\d{1,2}\.\d{4}.*", "looks like DD.MM.YYYY; export it as YYYY-MM-DD"),
    (r"\d{10}(\.\d+)?", "looks like seconds since 1970; export it as YYYY-MM-DD HH:MM:SS"),
    (r"\d{13}", "looks like milliseconds since 1970; export it as YYYY-MM-DD HH:MM:SS"),
    (r"\d{4}-\d{2}-\d{2}[ T]24:.*", "24:00 is written 00:00 of the next day"),
    (r"\d{4}-\d{2}-\d{2}.*", "has the right shape, but no such day, time or offset exists"),
)
INTEGER_LOOKS = (
    (r"[+-]?\d+\.0*", "is a decimal number; export ids without a decimal point"),
    (r"[+-]?\d+(\.\d+)?[eE][+-]?\d+", "is in scientific notation, which loses digits; export ids as whole numbers"),
    (r"\d{1,3}([,_ .']\d{3})+", "has thousands separators; export ids as bare digits"),
    (r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}", "is a UUID; ids are whole numbers"),
)
WHOLE = {
    "too-few-fields": "is the line cut, or is the delimiter another one (--delimiter)?",
    "too-many-fields": "a delimiter inside a value must stand in quotes",
    "bad-quoting": "double a quote inside a quoted value, and close every quote before the delimiter",
    "bad-encoding": "export the file as UTF-8, or convert it: iconv -f latin1 -t utf-8",
    "conflicting-duplicate": "the same id came with other content; correct one of the two at its origin",
    "missing-value": "fill the value in at its origin",
    "unknown-action": "add the word to FOOTFALL_ACTIONS, or correct it at its origin",
    "in-the-future": "is the clock or the time zone of its origin right (FOOTFALL_SOURCE_TIME_ZONE)?",
}


def cure(code: str, field: str | None, value: str | None) -> str:
    """Give a hint at the cure.

    Example:
        >>> cure("not-a-timestamp", "timestamp", "31/12/2024")
        '`timestamp` looks like DD/MM/YYYY or MM/DD/YYYY; export it as YYYY-MM-DD'
    """
    looks = {"not-a-timestamp": TIMESTAMP_LOOKS, "not-an-integer": INTEGER_LOOKS}.get(code, ())
    for pattern, words in looks:
        if value is not None and re.fullmatch(pattern, value, re.DOTALL):
            return f"`{field}` {words}"
    return WHOLE.get(code, PROBLEM_CODES[code])
