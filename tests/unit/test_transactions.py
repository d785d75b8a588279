"""A transaction can be seen in the verb that needs it: nothing below the verbs makes its changes last."""

from __future__ import annotations

import ast
from importlib.resources import files
from pathlib import Path

import pytest

SOURCE = Path(str(files("footfall")))


def committing_rooms() -> set[str]:
    return {
        path.relative_to(SOURCE).parts[0]
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "commit"
    }


@pytest.mark.slow
def test_only_verbs_commit() -> None:
    assert committing_rooms() == {"verbs"}
