"""The limits of the contract, each with its unit and its reason."""

from __future__ import annotations

RECORD_BYTES_MAX = 1_000_000  # bytes; a larger record is `too-long` and is not split into fields
RECORD_LINES_MAX = 100  # lines that one quoted record may run over
ACTION_CHARACTERS_MAX = 500  # code points
ID_CHARACTERS_MAX = 200  # code points of an id that is text
BAD_BYTES = "\ufffe"  # replaces bytes that are no text; unlike U+FFFD, Unicode never uses it in texts
VALUE_CHARACTERS_MAX = 200  # code points of a value that a problem quotes
RAW_BYTES_MAX = 65_536  # bytes of a rejected record that the quarantine keeps
# Columns; files with more have no fast path: RE2 rejects a pattern with thousands of fields, and it would be slow.
PLAIN_FIELDS_MAX = 500
