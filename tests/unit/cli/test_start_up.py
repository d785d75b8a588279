"""What a command imports before it works: its own module of the command line, and no library that it does not need.

No test here looks at a clock. `benchmarks/start_up.py` measures.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from footfall.cli.commands import MODULES, ORDER, gather_commands

DRIVER = ("psycopg",)
PARSER = ("typer",)
SETTINGS = ("pydantic",)
JUDGING = ("duckdb", "numpy", "pandas", "pgpq", "pyarrow", "zstandard")
TALKING = ("http.client", "jinja2", "prometheus_client", "rich", "starlette", "uvicorn", "watchfiles")
READING = ("dotenv", "fsspec", "tomllib", "footfall.contract.parsing", "footfall.sources.recognition")
WATCHED = (*DRIVER, *PARSER, *SETTINGS, *JUDGING, *TALKING, *READING)
# What is there of these when each verb is imported, before its first question to the server, or its first file.
OF_VERBS = {
    "footfall.verbs.load": (*DRIVER, *SETTINGS),
    "footfall.verbs.check": (*DRIVER, *SETTINGS),
    "footfall.verbs.discover": (*DRIVER, *SETTINGS),
    "footfall.verbs.loads": (*DRIVER, *SETTINGS),
    "footfall.verbs.rejects": (*DRIVER, *SETTINGS),
    "footfall.verbs.query": (*DRIVER, *SETTINGS),
    "footfall.verbs.verify": (*DRIVER, *SETTINGS),
    "footfall.verbs.schema": (*DRIVER, *SETTINGS),
    "footfall.verbs.metrics": (*DRIVER, *SETTINGS),
}
OF_ALL = {"footfall.settings": SETTINGS, **OF_VERBS}  # in the order in which one process imports them


def list_imported(program: str, folder: Path) -> set[str]:
    """Run a program in a process of its own, and list the modules that are there at its end."""
    code = f"import json, sys\n{program}\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)
    return set(json.loads(done.stderr.splitlines()[-1]))


def run_command(*arguments: str) -> str:
    return f"sys.argv = {['footfall', *arguments]!r}\nfrom footfall.cli.__main__ import start\nstart()"


def list_each(steps: str, folder: Path) -> dict[str, set[str]]:
    """Run a program that tells `told`, for each step, the modules that are there after it."""
    code = f"import json, os, sys\ntold = {{}}\n{steps}\nprint(json.dumps(told), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)
    return {step: set(there) for step, there in json.loads(done.stderr.splitlines()[-1]).items()}


@pytest.fixture(scope="module")
def after_import(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What is there after each import of one process: what one of them brings too much is there from then on."""
    steps = "\n".join(f"import {module}\ntold[{module!r}] = sorted(sys.modules)" for module in OF_ALL)
    return list_each(steps, tmp_path_factory.mktemp("imports"))


@pytest.mark.slow
@pytest.mark.parametrize(("module", "allowed"), OF_ALL.items())
def test_a_verb_imports_no_library_that_it_may_not_need(
    module: str, allowed: tuple[str, ...], after_import: dict[str, set[str]]
) -> None:
    there = after_import[module]
    assert {name for name in WATCHED if name in there} == set(allowed)


def test_the_version_is_told_without_the_parser(tmp_path: Path) -> None:
    there = list_imported(run_command("--version"), tmp_path)
    assert not [name for name in WATCHED if name in there]


def test_the_help_of_all_commands_needs_the_parser_alone(tmp_path: Path) -> None:
    there = list_imported(run_command("--help"), tmp_path)
    assert {name for name in WATCHED if name in there} == set(PARSER)
    assert {f"footfall.cli.{module}" for module in MODULES} <= there


@pytest.fixture(scope="module")
def of_commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What is there after the help of a command of each module, each in a process forked before it parsed a word."""
    steps = f"""
import typer
from footfall.cli.__main__ import start
for module, words in { {module: MODULES[module][0] for module in MODULES}!r}.items():
    if os.fork() == 0:
        sys.argv = ["footfall", words, "--help"]
        start()
        with open(module, "w") as file:
            json.dump(sorted(sys.modules), file)
        os._exit(0)
    assert os.wait()[1] == 0
    with open(module) as file:
        told[module] = json.load(file)
"""
    return list_each(steps, tmp_path_factory.mktemp("commands"))


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_a_command_line_imports_the_module_of_its_command_and_those_that_it_builds_on(
    module: str, of_commands: dict[str, set[str]]
) -> None:
    there = of_commands[module]
    assert f"footfall.cli.{module}" in there
    others = {each for each in MODULES if f"footfall.cli.{each}" in there} - {module}
    assert others <= ({"files"} if module == "replay" else set())


def test_every_command_is_where_the_command_line_looks_for_it() -> None:
    app = gather_commands()
    of_modules = {
        module: {str(each.name or getattr(each.callback, "__name__", "")) for each in app.registered_commands
                 if getattr(each.callback, "__module__", "") == f"footfall.cli.{module}"}
        for module in MODULES
    }  # fmt: skip
    groups = {str(each.name) for each in app.registered_groups}
    assert {module: names | (set(MODULES[module]) & groups) for module, names in of_modules.items()} == {
        module: set(names) for module, names in MODULES.items()
    }
    assert list(typer.main.get_command(app).commands) == sorted(  # type: ignore[attr-defined]
        ORDER, key=lambda name: (name in groups, ORDER.index(name))
    )


def test_the_order_of_the_help_does_not_depend_on_what_was_called_before(tmp_path: Path) -> None:
    program = (
        "from footfall.cli.commands import ORDER, gather_commands\n"
        "gather_commands(['watch']); gather_commands(['load'])\n"
        "names = [each.name or each.callback.__name__ for each in gather_commands().registered_commands]\n"
        "assert names == [name for name in ORDER if name in names], names\n"
        "assert len(names) == len(set(names))"
    )
    assert "footfall.cli.undo" in list_imported(program, tmp_path)


def test_the_first_collection_of_garbage_waits_for_the_start_and_the_next_ones_do_not(tmp_path: Path) -> None:
    program = (
        "import gc\nusual = gc.get_threshold()\n"
        "from footfall.cli.__main__ import START_OBJECTS, put_off_collections\n"
        "put_off_collections()\nassert gc.get_threshold() == (START_OBJECTS, *usual[1:])\n"
        "kept = [[] for _ in range(START_OBJECTS + 1)]\n"
        "assert gc.get_threshold() == usual\nassert gc.callbacks == []"
    )
    list_imported(program, tmp_path)


def test_a_list_becomes_an_array_without_pandas_in_the_program(tmp_path: Path) -> None:
    program = (
        "import footfall.cli.__main__ as program\n"
        "program.main = lambda: __import__('pyarrow').array(['a']).to_pylist() == ['a']\n"
        "assert program.start() is True"
    )
    there = list_imported(program, tmp_path)
    assert "pyarrow" in there
    assert "pandas" not in there


def test_statements_are_read_when_the_first_of_them_is_asked_for() -> None:
    from footfall.statements import Statements

    found = Statements("footfall.postgres.connection")
    assert "_found" not in vars(found)
    assert list(found) == ["server"]
    assert len(found) == 1
    assert found["server"].startswith("select")
    with pytest.raises(KeyError):
        _ = found["nothing"]
