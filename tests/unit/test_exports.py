"""What `footfall` promises by name, and the errors it raises."""

from __future__ import annotations

import ast
import inspect
import pickle
import re
import subprocess
import sys
import types
import typing
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import SecretStr

import footfall
from footfall import errors
from footfall.answers.asked import Filters
from footfall.contract.bound import MaxRejected
from footfall.errors import FootfallError
from footfall.options import LoadOptions, Options, QueryOptions
from footfall.settings import FIELDS, Settings

SOURCE = Path(errors.__file__).parent
DAGS = Path(__file__).resolve().parents[2] / "dags"
# What a caller writes for a setting that is kept as another type.
WRITTEN: dict[Any, set[Any]] = {
    SecretStr: {str},
    Path: {str, Path},
    MaxRejected: {str, int, float},
    tuple[str, ...]: {str, Sequence[str]},
}


def _tree(root: type[FootfallError]) -> Iterator[type[FootfallError]]:
    yield root
    for branch in root.__subclasses__():
        yield from _tree(branch)


CLASSES = sorted(set(_tree(FootfallError)), key=lambda each: each.__name__)


@pytest.mark.parametrize("name", footfall.__all__)
def test_every_exported_name_exists(name: str) -> None:
    assert getattr(footfall, name).__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = footfall.nothing_here  # type: ignore[attr-defined]


def test_the_package_lists_its_public_names() -> None:
    assert set(dir(footfall)) == set(footfall.__all__)
    assert footfall.errors is errors
    public = [name for name in vars(footfall) if not name.startswith("_") and inspect.isfunction(vars(footfall)[name])]
    assert set(public) <= set(footfall.__all__)


def test_the_import_of_the_package_takes_no_library_and_none_of_its_modules() -> None:
    code = "import sys; before = set(sys.modules); import footfall; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded - set(sys.stdlib_module_names) == {"footfall"}
    assert [name for name in done.stdout.split() if name.startswith("footfall")] == ["footfall"]


def test_the_wheel_holds_every_file_of_the_package_and_says_that_it_is_typed(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=SOURCE.parents[1], capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("footfall/")}
    there = [path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert held == {path.relative_to(SOURCE.parent).as_posix() for path in there}
    assert "footfall/py.typed" in held


def _members(hint: Any) -> set[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return set().union(*map(_members, typing.get_args(hint)))
    return {hint}


def test_the_keywords_are_the_settings_with_their_types() -> None:
    keywords = typing.get_type_hints(LoadOptions)
    kept = typing.get_type_hints(Settings)
    assert set(keywords) == set(FIELDS)
    for name, attribute in FIELDS.items():
        wanted: set[Any] = {type(None)}  # None is: not given
        for each in _members(kept[attribute]):
            wanted |= WRITTEN.get(each, {each})
        assert _members(keywords[name]) == wanted, name
    assert _members(keywords["log_format"]) == {Literal["text", "json"], type(None)}


def test_the_keywords_of_a_question_are_its_filters_and_the_settings() -> None:
    assert typing.get_type_hints(QueryOptions) == typing.get_type_hints(Options) | typing.get_type_hints(Filters)


def test_no_setting_and_no_keyword_of_a_verb_have_the_same_name() -> None:
    for name in footfall.__all__:
        if inspect.isfunction(getattr(footfall, name)):
            assert not set(inspect.signature(getattr(footfall, name)).parameters) & set(Options.__annotations__)
    assert not set(Options.__annotations__) & set(Filters.__slots__)


@pytest.mark.parametrize("path", sorted(DAGS.glob("*.py")), ids=lambda path: path.name)
def test_a_dag_takes_public_names_alone(path: Path) -> None:
    taken: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            taken |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            taken |= {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {name for name in taken if name.partition(".")[0] == "footfall"}
    public = {"footfall", "footfall.runs", *(f"footfall.{name}" for name in footfall.__all__)}
    assert ours
    assert {name for name in ours if not name.startswith("footfall.errors.")} <= public


def test_every_error_lives_in_one_module() -> None:
    assert {each.__module__ for each in CLASSES} == {"footfall.errors"}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_says_by_itself_what_to_do(kind: type[FootfallError]) -> None:
    assert "__doc__" in vars(kind)
    assert kind().message == " ".join((kind.__doc__ or "").split())


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_survives_pickling(kind: type[FootfallError]) -> None:
    again = pickle.loads(pickle.dumps(kind("why")))
    assert (type(again), again.message, str(again), again.exit_code) == (kind, "why", "why", kind.exit_code)
    named = pickle.loads(pickle.dumps(kind("is cut", source="a.csv")))
    assert (type(named), named.reason, named.source) == (kind, "is cut", "a.csv")
    assert named.message == str(named) == "a.csv: is cut"


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_raised_somewhere(kind: type[FootfallError]) -> None:
    # The command line makes two of them for their words and exit codes alone, so a call counts as well.
    made = re.compile(rf"\b{kind.__name__}\(")
    files = [path for path in SOURCE.rglob("*.py") if path.name != "errors.py"]
    assert any(made.search(path.read_text()) for path in files)


@pytest.mark.parametrize("kind", CLASSES)
def test_the_overview_lists_every_error_with_its_exit_code(kind: type[FootfallError]) -> None:
    assert re.search(rf"^ *- {kind.__name__} +{kind.exit_code}\b", errors.__doc__ or "", re.MULTILINE)
