"""The codes of problems, with a sentence for each."""

from __future__ import annotations

from footfall.contract.limits import ACTION_CHARACTERS_MAX, ID_CHARACTERS_MAX, RECORD_BYTES_MAX

PROBLEM_CODES: dict[str, str] = {
    "missing-value": "a required value is empty",
    "not-an-integer": "not a whole number (an optional sign and decimal digits)",
    "not-a-uuid": "not a UUID: 32 hexadecimal digits, with hyphens behind the 8th, 12th, 16th and 20th",
    "out-of-range": "an id that is not 0 to 9223372036854775807, or an instant outside the years 1 to 9999",
    "not-a-timestamp": "not a timestamp: YYYY-MM-DD, optionally HH:MM[:SS[.ffffff]] and Z, UTC, GMT or an offset",
    "ambiguous-timestamp": "a time that two of the formats of its source definition read differently",
    "too-long": f"an id of text over {ID_CHARACTERS_MAX} characters, an action over {ACTION_CHARACTERS_MAX}, "
    f"or a record over {RECORD_BYTES_MAX // 10**6} MB",
    "unknown-action": "an action that is not in the allow-list",
    "in-the-future": "a timestamp later than the setting allows",
    "too-few-fields": "fewer fields than the header names",
    "too-many-fields": "more fields than the header names",
    "bad-quoting": "a quote that does not close before a delimiter or line end, that stands inside an unquoted field, "
    "or that is closed only behind other rows",
    "bad-encoding": "a NUL byte, or bytes that are not UTF-8",
    "not-an-object": "no JSON object where a record is wanted, or one where a name on the way to a value stands twice",
    "not-a-value": "a list or an object of JSON where one value is wanted, or NaN or Infinity",
    "forgotten-user": "the row of a user who was forgotten; nothing of its text is kept",
    "conflicting-duplicate": "this interaction_id came before with other content; the row that came first stays",
}
