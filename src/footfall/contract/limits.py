"""The limits of the contract, each with its unit and its reason."""

from __future__ import annotations

RECORD_BYTES_MAX = 1_000_000  # bytes; a record over this is `too-long` and never split
RECORD_LINES_MAX = 100  # lines that one quoted record may run over
ACTION_CHARACTERS_MAX = 500  # code points
ID_CHARACTERS_MAX = 200  # code points of an id that is text
BAD_BYTES = "\ufffe"  # stands for bytes that are no text; a character that Unicode keeps out of texts, unlike U+FFFD
VALUE_CHARACTERS_MAX = 200  # code points of a value that a problem quotes
RAW_BYTES_MAX = 65_536  # bytes of a rejected record that the quarantine keeps
PLAIN_FIELDS_MAX = 500  # columns; RE2 refuses the pattern of some thousands, and no line is quick with so many
