"""Tests wait for facts, not for seconds: what no machine is too busy for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
FILES = sorted(TESTS.rglob("*.py"))
PATIENCE_S = 300  # at least: a machine ten times as busy takes a minute for the work of some seconds
WAITING = {"wait", "join", "communicate", "result"}
CLOCKS = {"monotonic", "perf_counter", "time"}
# Pauses that no outcome depends on. A trial of the crash tests breaks off at a random moment, a fault that is late is
# late by some time, a load dawdles longer than a time-out that would end it, a file grows slowly.
PAUSES = {
    "crash/test_crowd.py": 1,
    "crash/test_operators.py": 1,
    "crash/test_kill.py": 2,
    "crash/soaking.py": 1,
    "crash/test_server.py": 1,
    "crash/wire.py": 2,
    "integration/test_load.py": 1,
}


def is_short(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and 0 < node.value < PATIENCE_S


def is_called(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names


def short_deadlines(tree: ast.AST) -> Iterator[int]:
    """Find the lines of waits that a busy machine ends too early."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            given = [each.value for each in node.keywords if each.arg == "timeout"]
            given += node.args[:1] if is_called(node, *WAITING) else []
            if any(map(is_short, given)) or (is_called(node, "timeout") and any(map(is_short, node.args))):
                yield node.lineno


def bounds_of_time(tree: ast.AST) -> Iterator[int]:
    """Find the lines that assert how long something took by the clock."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            for part in ast.walk(node.test):
                is_difference = isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub)
                if is_difference and any(is_called(inner, *CLOCKS) for inner in ast.walk(part)):
                    yield node.lineno


def pauses(tree: ast.AST) -> list[int]:
    """Find the lines of sleeps outside a loop that looks for a fact: a `while`, or a `for` with a way out."""
    polling = {id(inner) for loop in ast.walk(tree) if isinstance(loop, ast.While) for inner in ast.walk(loop)}
    return [node.lineno for node in ast.walk(tree) if is_called(node, "sleep") and id(node) not in polling]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_a_test_waits_for_a_fact_and_for_minutes_if_need_be(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert list(short_deadlines(tree)) == []
    assert list(bounds_of_time(tree)) == []
    assert len(pauses(tree)) <= PAUSES.get(str(path.relative_to(TESTS)), 0), pauses(tree)


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("run(command, timeout=60)", short_deadlines),
        ("process.wait(10)", short_deadlines),
        ("@pytest.mark.timeout(120)\ndef test(): ...", short_deadlines),
        ("assert time.monotonic() - began < 2", bounds_of_time),
        ("time.sleep(0.2)", pauses),
    ],
)
def test_the_rule_finds_what_depends_on_a_quiet_machine(text: str, finds: object) -> None:
    assert callable(finds)
    assert list(finds(ast.parse(text))) == [1]
