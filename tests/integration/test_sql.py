"""Every named statement is used, and every name that is used exists."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from footfall.sql import named_sql

from footfall.tables.counts import COUNTED, PROMISES
from footfall.tables.schema import migrations

SOURCE = Path(str(files("footfall")))
# Put together at run time: one for each promise or table.
COMPOSED_NAMES = {
    *(f"drift_{promise}" for promise in PROMISES),
    *(f"{verb}_{table}" for verb in ("recount", "words", "copy") for table in COUNTED),
}
FILES = sorted(path.name for path in (SOURCE / "sql").glob("*.sql"))
CODE = {path: path.read_text() for path in SOURCE.rglob("*.py")}


@pytest.mark.parametrize("file", FILES)
def test_every_named_statement_is_used(file: str) -> None:
    words = {word for text in CODE.values() for word in re.findall(r'"(\w+)"', text)}
    if any(f'named_sql("{file}").items()' in text or f'named_sql("{file}").values()' in text for text in CODE.values()):
        return
    assert set(named_sql(file)) - words - COMPOSED_NAMES == set()


@pytest.mark.parametrize("file", FILES)
def test_no_name_is_given_twice(file: str) -> None:
    names = re.findall(r"^-- name: (\w+)$", (SOURCE / "sql" / file).read_text(), re.MULTILINE)
    assert len(names) == len(set(names))


def test_every_used_name_exists() -> None:
    used = {
        (path.name, file, name)
        for path, text in CODE.items()
        for file, name in re.findall(r'"(\w+\.sql)"(?:\)\[|, )f?"(\w+)"', text)
    }
    assert used
    assert {(path, file, name) for path, file, name in used if name not in named_sql(file)} == set()


def test_migrations_are_numbered_from_1_without_gaps() -> None:
    assert [number for number, _, _ in migrations()] == list(range(1, len(migrations()) + 1))
