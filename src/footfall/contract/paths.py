"""Paths into JSON, as a source definition writes them: `properties.$insert_id`, `events[0].name`, `["a.b"].c`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

ARROW = "->"  # between a column of text and the path into the JSON that it holds
_STEP = re.compile(r'\[(?P<item>[0-9]{1,9})\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]|(?P<dot>\.)?(?P<name>[^.\[\]"]+)')


@dataclass(frozen=True, slots=True)
class JsonPath:
    """The way from an object to a value in it: names of members, and numbers of items from 0.

    `is_outer`: the path begins at the object that encloses the exploded list.
    """

    steps: tuple[str | int, ...]
    is_outer: bool = False

    def write_for_duckdb(self) -> str:
        """Write the path in the form that DuckDB's JSON functions take.

        Example:
            >>> parse_path("properties.$insert_id").write_for_duckdb()
            '$."properties"."$insert_id"'
        """
        return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{_quote(step)}" for step in self.steps)


def parse_path(text: str) -> JsonPath:
    r"""Read a path. A name that holds a dot, a bracket or a quote stands in brackets, as a JSON string.

    Raises: ValueError where the text is no path.

    Example:
        >>> parse_path('a["b.c"][0].d').steps, parse_path("..user.id")
        (('a', 'b.c', 0, 'd'), JsonPath(steps=('user', 'id'), is_outer=True))
    """
    rest = text.strip()
    is_outer = rest.startswith("..")
    if is_outer:
        rest = rest[2:].removeprefix(".")
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        found = _STEP.match(rest, at)
        if not found or (found["name"] and bool(found["dot"]) != bool(steps)):
            raise ValueError(_describe_refusal(text))
        if found["item"]:
            steps.append(int(found["item"]))
        else:
            steps.append(json.loads(found["quoted"]) if found["quoted"] else found["name"].strip())
        at = found.end()
    if not steps or "" in steps or any(isinstance(step, str) and "\0" in step for step in steps):
        raise ValueError(_describe_refusal(text))
    return JsonPath(tuple(steps), is_outer)


def _describe_refusal(text: str) -> str:
    how = 'write names with dots between them, as in properties.id, or ["a.b"] for a name with a dot'
    return f"{text!r} is no path; {how}"


def _quote(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
