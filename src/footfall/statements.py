"""SQL by name: the statements of the .sql file that stands beside a module and has its name."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast


@cache
def statements(module: str) -> dict[str, LiteralString]:
    """Load the statements of one module, by the names in the `-- name:` lines of its .sql file.

    Example:
        >>> sorted(statements("footfall.postgres.connection"))
        ['server']
    """
    package, _, name = module.rpartition(".")
    text = files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: cast("LiteralString", body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}
