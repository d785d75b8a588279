"""A rule of the rooms that the linter of imports cannot hold."""

from __future__ import annotations

import ast
from importlib.resources import files
from pathlib import Path

SOURCE = Path(str(files("footfall")))


def test_a_transaction_is_committed_by_a_verb_and_nowhere_else() -> None:
    committing = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "commit"
    }
    assert {path for path in committing if not path.startswith("verbs/")} <= {"tables/schema.py"}
