"""Write a source definition as TOML with comments, and add it to the text of an existing file."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
LINE_CHARACTERS_MAX = 118  # of a comment
TABLE_LINE = re.compile(r"^[ \t]*\[", re.MULTILINE)


def write_value(value: Any) -> str:
    r"""Write a value as TOML, on one line.

    Example:
        >>> print(write_value({"column": ["a", 2], "extract": r"(\d+)"}))
        { column = ["a", 2], extract = '(\d+)' }
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{write_key(key)} = {write_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(write_value, value)) + "]"
    return write_text(str(value))


def write_text(text: str) -> str:
    """Write a text as TOML: as it stands between single quotes where it has backslashes, else with escapes."""
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    # TOML has the same escapes as JSON except for characters beyond U+FFFF, which are written as they are.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def write_key(key: str) -> str:
    """Write a key, in quotes where it needs them."""
    return key if BARE_KEY.fullmatch(key) else write_text(key)


def write_table_of(keys: Mapping[str, Any]) -> str:
    """Write the keys of a table, one a line."""
    return "".join(f"{write_key(key)} = {write_value(value)}\n" for key, value in keys.items())


def write_comment(text: str, lead: str = "") -> list[str]:
    """Write a comment in lines that fit on a screen; `lead` stands at the beginning of the first.

    Example:
        >>> write_comment("why", "NOT SURE: ")
        ['# NOT SURE: why']
    """
    words = re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", lead + text).split(" ")
    lines, line = [], "#"
    for word in words:
        if len(line) + len(word) + 1 > LINE_CHARACTERS_MAX and line != "#":
            lines.append(line)
            line = "#  "
        line += f" {word}"
    return [*lines, line]


def add_to_file(text: str, settings: Mapping[str, str], table: str) -> str:
    """Add settings and the table of a definition to the text of a file; the existing text stays unchanged.

    Settings must stand before the first table. They are put directly before it, or at the very top if what looks like
    the first table is inside a text of several lines.

    Raises: tomllib.TOMLDecodeError where the text is no TOML.
    """
    before = tomllib.loads(text)
    added = tomllib.loads(table)
    wanted = {**before, **settings, "sources": {**before.get("sources", {}), **added.get("sources", {})}}
    lines = write_table_of(settings)
    places = [found.start() for found in TABLE_LINE.finditer(text)][:1] if lines else []
    for place in [*places, len(text) if lines and not places else 0, 0]:
        head, tail = text[:place], text[place:]
        between = "\n" if lines and head and not head.endswith("\n") else ""
        made = f"{head}{between}{lines}{chr(10) if lines and tail else ''}{tail}"
        gap = "" if not made or made.endswith("\n\n") else "\n" if made.endswith("\n") else "\n\n"
        made = f"{made}{gap}{table}"
        try:
            if tomllib.loads(made) == wanted:
                return made
        except tomllib.TOMLDecodeError:
            continue
    raise tomllib.TOMLDecodeError("the definitions there are written in a way that nothing can be added to")
