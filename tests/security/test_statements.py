"""Each statement names what it calls in full, so that nobody's function of the same name comes before PostgreSQL's."""

from __future__ import annotations

import re

import pytest

from statements import CALLED, OPERATORS, OWN_FUNCTIONS, TEXTS, bare, calls, operators


@pytest.mark.parametrize("file", sorted(TEXTS))
def test_each_call_names_the_schema_of_its_function(file: str) -> None:
    unqualified = {name for name in calls(TEXTS[file]) if not name.startswith("pg_catalog.")}
    assert unqualified - OWN_FUNCTIONS == set(), "write pg_catalog.name(...)"


@pytest.mark.parametrize("file", sorted(TEXTS))
def test_each_table_of_the_server_is_named_with_its_schema(file: str) -> None:
    assert re.findall(r"(?<![\w.])(?:pg_(?!temp\b|catalog\.|exception_)\w+|information_schema)\b", TEXTS[file]) == []


def test_calls_and_operators_are_found() -> None:
    text = bare("select a.f(x), g (y) -- h(z)\nfrom k(1) as t (n) where b >= 'i(j)' and c->>'d' = %(e)s || count(*)")
    assert calls(text) == {"a.f", "g", "k", "count"}
    assert operators(text) == {">=", "->>", "=", "||"}
    assert {"date_bin", "nextval", "count", "set_config", "string_agg"} <= CALLED
    assert {"=", "<>", "||", "@>", "%", "+", "-"} <= OPERATORS
