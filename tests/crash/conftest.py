"""Fixtures of the crash tests: a folder for temporary files that has to be empty afterwards, and the figures."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footfall.tables import known_files
from trials import ALWAYS_SETTLED_NS, FIGURES_FILE, WITNESSES, Contents, Figures


@pytest.fixture(scope="session")
def figures(cluster: Any) -> Iterator[Figures]:
    """The sums over all trials; written down where FOOTFALL_CRASH_FIGURES names a file."""
    with psycopg.connect(cluster.admin) as connection:
        sums = Figures(server=str(connection.info.parameter_status("server_version")))
    yield sums
    if FIGURES_FILE:
        sums.write(Path(FIGURES_FILE))


@pytest.fixture(scope="module", autouse=True)
def _settled() -> Iterator[None]:
    """Let every load keep what its file looked like, else the age of a file decides which statements are sent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_files, "SETTLED_NS", ALWAYS_SETTLED_NS)
        yield


def without_number(value: Any) -> Any:
    """Leave the number of a load out of the digest of a replay: each run has its own."""
    return re.sub(r" as load \d+$", "", value) if isinstance(value, str) else value


@pytest.fixture(scope="session")
def contents(contents: Contents) -> Contents:
    """Read what the tables hold, roll-ups, overlaps, keys and constraints too; nothing where there are no tables.

    What tables of an earlier version do not have is empty. A replay has no file, and its digest names its load.
    """

    def read(conninfo: str) -> dict[str, list[Any]]:
        with psycopg.connect(conninfo) as connection:
            connection.execute("set timezone to 'UTC'")
            if connection.execute("select to_regclass('loads')").fetchone() == (None,):
                return {}
            more: dict[str, list[Any]] = {}
            for name, query in WITNESSES.items():
                missing = psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn
                with suppress(*missing), connection.transaction():
                    more[name] = connection.execute(query).fetchall()
        found = contents(conninfo) | more
        return {name: [tuple(map(without_number, row)) for row in rows] for name, rows in found.items()}

    return read


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for this process's and its children's temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder
