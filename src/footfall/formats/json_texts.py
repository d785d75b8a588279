"""The statements about records in JSON. They take the texts at paths, and tell which records need no closer look."""

from __future__ import annotations

import re

from footfall.contract.json_places import list_names_on_the_way, place_by_path
from footfall.contract.limits import RECORD_BYTES_MAX
from footfall.contract.mapping import Layout
from footfall.contract.paths import JsonPath
from footfall.formats.json_names import compose_name_twice, list_path_variables
from footfall.formats.texts import Form, Record, compose_expressions
from footfall.statements import read_statements

SQL = read_statements(__name__)

NEVER_ESCAPED = re.compile(r"[A-Za-z0-9_$@:. -]+")  # names that JSON writes in one way only, unless with \u00..
ASCII_ESCAPE = r"\\u00[0-7]"
NO_OBJECT = r"\A(?:[^{]|\z)"


def compose_json(layout: Layout) -> Form:
    """Give the statements of json_texts.sql for files of one layout."""
    is_exploded = layout.definition.explode is not None
    record = Record(text="record_digest || ':' || record_item::varchar" if is_exploded else "line", can_nest=True)
    expressions = compose_expressions(layout, record)
    inner = place_by_path(layout.definition, "").inner
    names = list_names_on_the_way(inner)
    suspect = _suspect_line([name for _, name in names]) if _can_be_counted(inner) else None
    name_twice = compose_name_twice(inner)
    rows = SQL["exploded" if is_exploded else "whole"]
    nested = ", ".join(f"is_no_value(kinds[{at}], f[{at}])" for at in range(1, len(layout.paths) + 1))
    shared = {"rows": rows, "outer": _write_outer("texts", is_exploded)}
    return Form(
        SQL["plain_texts"].format(
            **shared,
            keys=SQL["no_keys" if suspect else "quick_keys"],
            name_twice="null" if suspect else name_twice,
            **expressions.plain,
        ),
        SQL["texts"].format(
            **shared,
            nested=f"[{nested}]::boolean[]",
            name_twice=name_twice,
            outer_nested=_write_outer("nested", is_exploded),
            **expressions.of,
        ),
        list_path_variables(inner) | expressions.variables | {"record_bytes_max": RECORD_BYTES_MAX},
        suspect_line=f"{NO_OBJECT}|{suspect}" if suspect else NO_OBJECT,
    )


def _write_outer(what: str, is_exploded: bool) -> str:
    """Give the expression of a list of the texts, or kinds, in the object that encloses an exploded list."""
    return f"outer_{what}" if is_exploded else "[]"


def _can_be_counted(paths: tuple[JsonPath, ...]) -> bool:
    """Say whether bare text shows if a name stands twice: each is written in one way, and belongs to one path."""
    names = [name for _, name in list_names_on_the_way(paths)]
    return len(set(names)) == len(names) and all(NEVER_ESCAPED.fullmatch(name) for name in names)


def _suspect_line(names: list[str]) -> str:
    """Give the pattern of a record where one of the names may stand twice."""
    quoted = [f'"{re.escape(name)}"' for name in names]
    return "|".join([ASCII_ESCAPE, *(rf"(?s:{name}.*{name})" for name in quoted)])
