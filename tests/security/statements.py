"""The statements that go to PostgreSQL, as a reader of names needs them: without comments and texts."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

SOURCE = Path(str(files("footfall")))
FOR_DUCKDB = {"formats", "engines", "contract"}  # the rooms whose SQL never leaves this process
FILES = sorted(path for path in SOURCE.rglob("*.sql") if path.relative_to(SOURCE).parts[0] not in FOR_DUCKDB)
# The modules that take statements by name: migrations and questions have none.
MODULES = sorted(
    ".".join(("footfall", *path.relative_to(SOURCE).with_suffix("").parts))
    for path in FILES
    if path.with_suffix(".py").exists()
)

LEFT_OUT = re.compile(
    r"""
    --[^\n]*                      # a comment, and the name of a statement
    | ^\s*\\[^\n]*$               # a default of psql
    | '(?:[^']|'')*'              # a text
    | :'\w+' | %\(\w+\)s          # a parameter
    """,
    re.VERBOSE | re.MULTILINE,
)
OPERATOR = re.compile(r"[-+*/<>=~!@#%^&|`?]+")
# What stands before a parenthesis and is no function.
SYNTAX = frozenset(
    (
        *("all", "analyze", "and", "any", "array", "as", "bit", "brin", "by", "check", "coalesce", "conflict"),
        *("copy", "desc", "else", "exists", "extract", "filter", "from", "function", "greatest", "group", "in"),
        *("least",),
        *("join", "key", "lateral", "materialized", "not", "nullif", "on", "operator", "or", "over", "select", "set"),
        *("stdin", "stdout", "table", "then", "unique", "update", "using", "values", "when", "where", "with"),
    )
)


def bare(text: str) -> str:
    """Give a statement with nothing in it that may hold any letters: '' for a text, a name for a {place}."""
    text = LEFT_OUT.sub(lambda found: "''" if found.group()[-1] in "'s" and found.group()[0] in "':%" else " ", text)
    return re.sub(r"\{(\w+)\}", r"_\1_", text)


def calls(text: str) -> set[str]:
    """Give the name before each parenthesis of a bare statement that is neither syntax nor a list of columns."""
    words = re.findall(r"[\w.]+|\S", text)
    found = set()
    for at, word in enumerate(words[:-1]):
        if words[at + 1] != "(" or not re.fullmatch(r"[a-z_][\w.]*", word) or word in SYNTAX:
            continue
        before = words[at - 1] if at else ""
        is_table = word in RELATIONS or word.startswith("_")
        if before in {"as", "with"} or (is_table and before in {"into", "table", "on", "copy"}):
            continue
        found.add(word)
    return found


def operators(text: str) -> set[str]:
    """Give the operators of a bare statement; the star of `count(*)` and the arrow of a named argument are none."""
    return set(OPERATOR.findall(re.sub(r"\(\*\)|=>|::", " ", text))) - {"*"}


TEXTS = {str(path.relative_to(SOURCE)): bare(path.read_text(encoding="utf-8")) for path in FILES}
ALL = "\n".join(TEXTS.values())
OWN_FUNCTIONS = frozenset(re.findall(r"create function (\w+)", ALL))
RELATIONS = frozenset(re.findall(r"create (?:_kind_ )?(?:table|view) (\w+)", ALL))
CALLED = frozenset(name.removeprefix("pg_catalog.") for text in TEXTS.values() for name in calls(text)) - OWN_FUNCTIONS
OPERATORS = frozenset(operator for text in TEXTS.values() for operator in operators(text))
CATALOGS = frozenset(re.findall(r"\bpg_catalog\.(pg_\w+)\b(?!\()", ALL))
TYPES = frozenset(re.findall(r"::([a-z]\w*)", ALL)) | {"timestamptz", "timestamp", "interval"}
