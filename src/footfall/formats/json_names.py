"""Names on the way to values in JSON: how they are found, and how one is that stands twice in an object."""

from __future__ import annotations

from typing import Any

from footfall.contract.json_places import list_names_on_the_way
from footfall.contract.paths import JsonPath


def list_path_variables(paths: tuple[JsonPath, ...]) -> dict[str, Any]:
    """Give the variables with which values, and the names on the way to them, are found in records.

    Shape: `holders` are the paths of the objects that hold a name, each once; `names` has each (holder, name).
    """
    names = list_names_on_the_way(paths)
    holders = dict.fromkeys(prefix for prefix, _ in names)
    return {
        "paths": [path.write_for_duckdb() for path in paths],
        "holders": [JsonPath(prefix).write_for_duckdb() for prefix in holders],
        "names": [name for _, name in names],
    }


def compose_name_twice(paths: tuple[JsonPath, ...]) -> str:
    """Give the expression of the first name on the way to a value that stands twice in its object, or null.

    It reads `keys`, the names in each of the holders.
    """
    names = list_names_on_the_way(paths)
    holders = list(dict.fromkeys(prefix for prefix, _ in names))
    whens = [
        f"when stands_twice(keys[{holders.index(prefix) + 1}], getvariable('names')[{at}]) "
        f"then getvariable('names')[{at}]"
        for at, (prefix, _) in enumerate(names, 1)
    ]
    return f"case {' '.join(whens)} end" if whens else "null"
