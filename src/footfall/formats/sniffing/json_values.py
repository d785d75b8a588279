"""Give the values of JSON objects by path, as texts, just as the file writes them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

PLAIN_NAME = re.compile(r"[^.\[\]\"]+")
# A member with such a name says what it is only together with the name of its object: user.id, page.url.
GENERIC = frozenset(
    {"id", "uuid", "guid", "key", "name", "type", "code", "url", "path", "value", "title", "no", "number"}
)
# Objects with such names may hold anything, so that their name says nothing about a member.
BAG = re.compile("properties|property|attribute|param|payload|data|context|meta|record|field|detail|extra|body|traits")
DEPTH_MAX = 6  # so many objects within each other are looked into


class Number(str):
    """A number as the file writes it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value in an object: its text, what it is called, and whether it is a list."""

    text: str | None
    words: str
    is_list: bool = False


DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number)


def read_object(text: str) -> dict[str, Any] | None:
    """Read a text that is one JSON object; None where it is none."""
    try:
        found = DECODER.decode(text.strip())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def flatten(found: dict[str, Any]) -> dict[str, Leaf]:
    """Give the values of an object by path, in the order of the file.

    Example:
        >>> flatten({"a": {"$b": "x"}, "c.d": 1})
        {'a.$b': Leaf(text='x', words='$b', is_list=False), '["c.d"]': Leaf(text='1', words='c.d', is_list=False)}
    """
    given: dict[str, Leaf] = {}
    _walk(found, "", "", given, 0)
    return given


def _walk(found: dict[str, Any], prefix: str, parent: str, given: dict[str, Leaf], depth: int) -> None:
    for name, value in found.items():
        if not name.strip():
            continue
        path = join_path(prefix, name)
        words = f"{parent}_{name}" if parent and name.lower().lstrip("_$") in GENERIC else name
        if isinstance(value, dict):
            if depth < DEPTH_MAX:
                _walk(value, path, "" if BAG.search(name.lower()) else name, given, depth + 1)
        elif isinstance(value, list):
            given[path] = Leaf(json.dumps(value[:3], ensure_ascii=False)[:200], words, is_list=True)
        elif value is None:
            given[path] = Leaf(None, words)
        else:
            given[path] = Leaf(("true" if value else "false") if isinstance(value, bool) else str(value), words)


def join_path(prefix: str, name: str) -> str:
    """Put a member's name behind a path, in brackets where it has signs that a path gives a meaning."""
    is_plain = PLAIN_NAME.fullmatch(name) is not None and name == name.strip()
    if is_plain:
        return f"{prefix}.{name}" if prefix else name
    return f"{prefix}[{json.dumps(name, ensure_ascii=False)}]"
