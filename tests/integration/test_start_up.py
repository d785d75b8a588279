"""What loads import, from their first word to their last: nothing that judges where every file is known."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from footfall.settings import load_settings
from footfall.sources import file_systems
from footfall.tables import known_files
from footfall.verbs import load as load_verb

SAMPLE = Path(__file__).resolve().parents[2] / "data/sample.csv"
OF_FIRST_LOADS = ("duckdb", "numpy", "pgpq", "pyarrow", "footfall.engines.kernel", "footfall.sources.recognition")
NEVER = (
    *("dotenv", "fsspec", "http.client", "jinja2", "pandas", "rich", "tomllib"),
    *("footfall.answers", "footfall.contract.parsing", "footfall.formats.json_lines", "footfall.formats.mending"),
    *("footfall.sources.stores", "footfall.sources.web", "footfall.telling", "footfall.verbs.replaying"),
)
# Also where the file is in an overlay, as in a container.
PROGRAM = """
import json, sys
from footfall.sources import file_systems
file_systems.WITH_CHANGE_TIMES |= {"overlay"}
from footfall.cli.__main__ import start
code = start()
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def load_sample(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], set[str]]:
    """Load the sample by the program, in a process of its own, and give the modules that are there at its end."""
    monkeypatch.setenv("FOOTFALL_DATABASE_URL", database)

    def load() -> set[str]:
        words = [sys.executable, "-c", PROGRAM, "load", str(SAMPLE)]
        done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=tmp_path)
        return set(json.loads(done.stderr.splitlines()[-1]))

    return load


@pytest.mark.slow
def test_a_load_of_a_known_file_imports_nothing_that_judges(
    load_sample: Callable[[], set[str]], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_files, "SETTLED_NS", 0)
    monkeypatch.setattr(file_systems, "WITH_CHANGE_TIMES", file_systems.WITH_CHANGE_TIMES | {"overlay"})
    (loaded,) = load_verb.load([str(SAMPLE)], load_settings(database_url=database)).loads
    assert loaded.status == "loaded"
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from source_files").fetchall() == [(1,)]
    assert load_sample() & {*OF_FIRST_LOADS, *NEVER} == set()


@pytest.mark.slow
def test_a_first_load_imports_what_judges_and_neither_pandas_nor_what_mends(
    load_sample: Callable[[], set[str]],
) -> None:
    assert load_sample() & {*OF_FIRST_LOADS, *NEVER} == set(OF_FIRST_LOADS)
