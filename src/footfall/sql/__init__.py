"""SQL by name: the statements of the files of this folder."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast


@cache
def named_sql(file: str) -> dict[str, LiteralString]:
    """Load the statements of one file of this folder, by the names in its `-- name:` lines."""
    text = files("footfall").joinpath("sql", file).read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: cast("LiteralString", body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}
