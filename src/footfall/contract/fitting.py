"""Find the built-in definition that fits the columns of a file exactly, and read the head of a built-in definition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from footfall.contract.built_in import find_built_in, list_built_in, read_built_in_text
from footfall.contract.definition import OWN_NAME, SourceDefinition

HEAD_LINE = re.compile(r"^#\s*(about|origin):\s*(.*?)\s*$", re.MULTILINE)
NAMES_LEAST = 4  # columns that a definition must name; fewer may be found in files of another kind by accident


def read_head(name: str) -> tuple[str, str]:
    """Read the comments at the top of a built-in definition: what it is for, and where its form is documented."""
    said = dict(HEAD_LINE.findall(read_built_in_text(name)))
    return said.get("about", ""), said.get("origin", "")


def find_fitting(definition: Mapping[str, Any], names: frozenset[str]) -> str | None:
    """Name the built-in definition that fits a file exactly: format, dialect, and every column that it names.

    Shape: `names` are the names and paths of the file's columns in lower case. If several definitions fit, the one that
    names most columns is given.
    """
    if not files("footfall.contract").joinpath("presets").is_dir():
        return None
    known = [(name, find_built_in(name)) for name in list_built_in() if name != OWN_NAME]
    fitting = [(len(_list_names(each)), name) for name, each in known if each and _fits(each, definition, names)]
    return max(fitting)[1] if fitting else None


def _fits(known: SourceDefinition, definition: Mapping[str, Any], names: frozenset[str]) -> bool:
    kind = definition.get("format", "csv")
    if (known.format or "csv", known.records, known.explode) != (
        kind,
        definition.get("records"),
        definition.get("explode"),
    ):
        return False
    mark = definition.get("delimiter", ",")
    delimiter = "\t" if mark == "tab" else mark
    if kind == "csv" and ((known.delimiter or ",") != delimiter or known.header != definition.get("header", True)):
        return False
    wanted = _list_names(known)
    return len(wanted) >= NAMES_LEAST and wanted <= names


def _list_names(known: SourceDefinition) -> frozenset[str]:
    """List the columns that every file of this kind has; of alternative columns, the first."""
    if not known.header:
        return frozenset()
    found = [each.column for each in known.where]
    for field in known.fields:
        found += [*field.columns[:1], *field.joined]
    return frozenset(each.lower() for each in found if isinstance(each, str))
