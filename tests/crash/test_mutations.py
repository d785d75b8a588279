"""Every mutation finds the text that it changes: `make mutations` itself takes an hour, and this takes no time."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mutations import MUTATIONS, ROOT, Mutation, put_in, read_code


@pytest.fixture(scope="module")
def code() -> dict[Path, str]:
    return read_code(ROOT / "src")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_finds_its_text_exactly_once(mutation: Mutation, code: dict[Path, str]) -> None:
    changed = put_in(mutation, code)
    assert changed
    for path, text in changed.items():
        assert text != code[path]
        if path.suffix == ".py":
            ast.parse(text)  # else every test would fail, and prove nothing


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_tests_of_a_mutation_are_there(mutation: Mutation) -> None:
    files = [ROOT / word for word in mutation.tests if word.endswith(".py")]
    assert files
    assert [file for file in files if not file.is_file()] == []


@pytest.mark.parametrize("text", ["def no_such_text", "import"])
def test_a_text_that_is_not_there_once_is_refused(text: str, code: dict[Path, str]) -> None:
    with pytest.raises(LookupError, match="not exactly once"):
        put_in(Mutation("a fault", ((text, ""),), ()), code)
