"""Every statement of a module's .sql file is used, and every statement that a module asks for by name exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from footfall.statements import read_statements
from footfall.tables.schema import list_migrations

SOURCE = Path(str(files("footfall")))


def module_of(path: Path) -> str:
    return ".".join(("footfall", *path.relative_to(SOURCE).with_suffix("").parts))


TEXTS = {module_of(path): path.read_text() for path in SOURCE.rglob("*.py")}
# Migrations and questions have no names: they are whole files.
WITH_SQL = sorted(
    module_of(path) for path in SOURCE.rglob("*.sql") if path.parent.name not in ("migrations", "questions")
)
WITH_STATEMENTS = sorted(module for module, text in TEXTS.items() if " = read_statements(" in text)


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a module takes a statement. `pattern` matches the names that it may take there."""

    module: str
    line: int
    owner: str  # the module beside which the .sql file stands
    pattern: str


@cache
def code_of(module: str) -> ast.Module:
    return ast.parse(TEXTS[module])


@cache
def owners(module: str) -> dict[str, str]:
    """Give the variables of a module that hold statements, and the module whose statements they are."""
    found = {}
    for node in ast.walk(code_of(module)):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=variable)], value=ast.Call(func=ast.Name(id="read_statements"), args=[of])
            ):
                found[variable] = of.value if isinstance(of, ast.Constant) else module
    return found


@cache
def imported(module: str) -> dict[str, str]:
    """Give the modules of ours that a module imports, whole or in part, by the name that it has for the import."""
    return {
        name.asname or name.name: whole if (whole := f"{node.module}.{name.name}") in TEXTS else str(node.module)
        for node in ast.walk(code_of(module))
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


@cache
def words_of(module: str) -> str:
    """Give a pattern of all texts that could be the name of a statement: in a module, and in those that import it."""
    near = [each for each in TEXTS if each == module or module in imported(each).values()]
    words = {node.value for each in near for node in ast.walk(code_of(each)) if isinstance(node, ast.Constant)}
    return "|".join(sorted(word for word in words if isinstance(word, str) and re.fullmatch(r"\w+", word)))


def pattern_of(name: ast.expr, module: str) -> str:
    match name:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case ast.JoinedStr(values=parts):  # put together at run time: one for each table of counts, or each promise
            return "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"\w+" for p in parts)
        case _:  # a variable: its value stands somewhere in the module
            return words_of(module)


@cache
def uses() -> list[Use]:
    return [use for module in TEXTS for use in uses_in(module)]


def uses_in(module: str) -> Iterator[Use]:
    own, others = owners(module), imported(module)
    for node in ast.walk(code_of(module)):
        match node:
            case ast.Subscript(value=ast.Name(id=variable), slice=name) if variable in own:
                yield Use(module, node.lineno, own[variable], pattern_of(name, module))
            case ast.Subscript(value=ast.Attribute(value=ast.Name(id=other), attr=variable), slice=name):
                owner = owners(others[other]).get(variable) if others.get(other) in TEXTS else None
                if owner:
                    yield Use(module, node.lineno, owner, pattern_of(name, module))


@pytest.mark.slow
@pytest.mark.parametrize("module", WITH_SQL)
def test_every_named_statement_is_used(module: str) -> None:
    patterns = [use.pattern for use in uses() if use.owner == module]
    unused = {name for name in read_statements(module) if not any(re.fullmatch(each, name) for each in patterns)}
    assert unused == set()


@pytest.mark.slow
@pytest.mark.parametrize("module", WITH_STATEMENTS)
def test_every_used_name_exists(module: str) -> None:
    missing = [
        use
        for use in uses()
        if use.module == module and not any(re.fullmatch(use.pattern, name) for name in read_statements(use.owner))
    ]
    assert missing == []


def test_no_other_module_uses_statements() -> None:
    assert {use.module for use in uses()} <= set(WITH_STATEMENTS)


@pytest.mark.parametrize("module", WITH_SQL)
def test_no_name_is_given_twice(module: str) -> None:
    path = SOURCE.joinpath(*module.split(".")[1:]).with_suffix(".sql")
    names = re.findall(r"^-- name: (\w+)$", path.read_text(), re.MULTILINE)
    assert names
    assert len(names) == len(set(names))


def test_a_file_of_statements_stands_beside_the_module_that_has_its_name_or_in_the_room_of_its_users() -> None:
    strange = {module for module in WITH_SQL if module not in TEXTS} - {use.owner for use in uses()}
    assert strange == set()


def test_migrations_are_numbered_from_1_without_gaps() -> None:
    assert [number for number, _, _ in list_migrations()] == list(range(1, len(list_migrations()) + 1))
