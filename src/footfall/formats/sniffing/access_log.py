"""Read the lines of a web server's access log: blanks between fields, quotes around some, the time in brackets."""

from __future__ import annotations

import re

from footfall.contract.definition import BLANKS
from footfall.formats.sniffing.encodings import Text
from footfall.formats.sniffing.fields import split_lines, split_pieces, split_records
from footfall.formats.sniffing.records import ROWS_MAX, Column, Records
from footfall.results.guessing import GuessedPart

LINE = re.compile(r'(?:\S+ )?\S+ \S+ \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "')
REQUEST_PATH = r"^\S+ (\S+)"
REQUEST_VERB = r"^(\S+) \S+"
NAMES_BEFORE = ("host", "ident", "user", "date", "offset", "request", "status", "bytes")
NAMES_BEHIND = ("referer", "agent", "more")


def is_access_log(text: Text) -> bool:
    """Say whether most of the first lines are of an access log."""
    lines = [
        line for line in split_lines(text.pieces[0], is_first=True, is_last=len(text.pieces) == 1)[:50] if line.strip()
    ]
    return bool(lines) and sum(LINE.match(line) is not None for line in lines) >= 0.8 * len(lines)


def read_access_log(text: Text) -> Records:
    """Read an access log in the common or the combined form. The name of a virtual host may stand before it."""
    rows: list[tuple[str, ...]] = []
    other = 0
    width = 0
    pieces, is_cut = split_pieces(text.pieces, ROWS_MAX)
    for lines in pieces:
        for record in split_records(lines, BLANKS, quoting=True):
            width = width or len(record.fields)
            if len(record.fields) == width and not record.is_odd:
                rows.append(record.fields)
            else:
                other += 1
    at = next(at for at, value in enumerate(rows[0]) if value.startswith("["))
    names = [*(["vhost"] if at == 4 else []), *NAMES_BEFORE]
    names += [*NAMES_BEHIND[: width - len(names)], *(f"more_{n}" for n in range(2, width - len(names) - 1))]
    names = names[:width]
    columns = tuple(Column(name, "", tuple(row[place] for row in rows)) for place, name in enumerate(names))
    keys = {"format": "csv", "delimiter": BLANKS, "header": False, "columns": names, "null_values": ["-"]}
    fixed = {
        "user_id": {"column": ["user", "host"]},
        "product_id": {"column": "request", "extract": REQUEST_PATH},
        "action": {"column": "request", "extract": REQUEST_VERB},
        "timestamp": {"columns": ["date", "offset"], "format": "[%d/%b/%Y:%H:%M:%S %z]"},
    }
    parts = [
        GuessedPart("columns", names, "sure", "the fields of an access log in the form of Apache and nginx"),
        GuessedPart("user_id", fixed["user_id"], "likely", "the name that was given, else the address"),
        GuessedPart("product_id", fixed["product_id"], "likely", "the path that was asked for, with its query"),
        GuessedPart("action", fixed["action"], "likely", "the method of the request"),
        GuessedPart("timestamp", fixed["timestamp"], "sure", "date and offset stand in brackets"),
    ]
    place = names.index("request")
    empty = sum(" " not in row[place] for row in rows)
    if empty:
        parts.append(
            GuessedPart(
                "action", None, "not sure", f"{empty:,} of {len(rows):,} lines hold no request: they would be rejected"
            )
        )
    if other:
        parts.append(GuessedPart("", None, "not sure", f"{other:,} lines have another form: they would be rejected"))
    return Records(columns, len(rows), keys, "an access log of a web server", tuple(parts), is_cut=is_cut, fixed=fixed)
