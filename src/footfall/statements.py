"""SQL by name: the statements of the .sql file that stands beside a module and has its name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from typing import LiteralString, cast


class Statements(Mapping[str, LiteralString]):
    """The statements of one module by name. Their file is read when the first of them is asked for."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getitem__(self, name: str) -> LiteralString:
        """Give the statement of this name. Raises: KeyError."""
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        """Give the names in the order of the file."""
        return iter(self._found)

    def __len__(self) -> int:
        """Count the statements."""
        return len(self._found)

    @cached_property
    def _found(self) -> dict[str, LiteralString]:
        from importlib.resources import files  # heavy, and not every command asks every module

        package, _, file = self._module.rpartition(".")
        text = files(package).joinpath(f"{file}.sql").read_text(encoding="utf-8")
        parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
        return {name: cast("LiteralString", body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}


@cache
def read_statements(module: str) -> Statements:
    """Give the statements of one module, by the names in the `-- name:` lines of its .sql file.

    Example:
        >>> sorted(read_statements("footfall.postgres.connection"))
        ['server']
    """
    return Statements(module)
