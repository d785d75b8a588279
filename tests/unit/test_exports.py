"""What `footfall` promises by name, and the errors it raises."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import footfall
from footfall import errors
from footfall.errors import FootfallError

SOURCE = Path(errors.__file__).parent


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
