"""Definitions are written as TOML that reads back as it was, into files that keep all they had."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.contract.writing import add_to_file, write_comment, write_key, write_value

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    TEXTS | st.booleans() | st.integers(-(2**63), 2**63 - 1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
TABLE = '[sources.new]\nformat = "csv"\n'


@given(VALUES)
def test_a_value_that_is_written_reads_back_as_it_was(value: Any) -> None:
    assert tomllib.loads(f"a = {write_value(value)}")["a"] == value


@given(TEXTS)
def test_a_key_that_is_written_reads_back_as_it_was(key: str) -> None:
    assert tomllib.loads(f"{write_key(key)} = 1") == {key: 1}


@given(TEXTS)
def test_a_comment_is_one_whatever_is_in_it(text: str) -> None:
    assert tomllib.loads("\n".join(write_comment(text, "NOT SURE: "))) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        'schema = "a"',
        'schema = "a"  # why\n',
        '# a comment\n\nschema = "a"\n\n[sources.old]\nformat = "csv"\n',
        '[sources.old]\nformat = "csv"',
        'note = """\n[not a table]\n"""\n',
        'list = [\n  "a",\n]\n[sources.old]\nx = 1\n',
        'sources.old.format = "csv"\n',
        "sources = { }\n",
    ],
)
def test_a_file_keeps_what_it_has_and_gains_the_settings_and_the_table(text: str) -> None:
    before = tomllib.loads(text)
    if text.startswith("sources ="):
        with pytest.raises(tomllib.TOMLDecodeError):
            add_to_file(text, {"user_id_type": "text"}, TABLE)
        return
    made = add_to_file(text, {"user_id_type": "text"}, TABLE)
    sources = {**before.get("sources", {}), "new": {"format": "csv"}}
    assert tomllib.loads(made) == before | {"user_id_type": "text", "sources": sources}
    at = 0
    for line in text.splitlines():
        at = made.index(line, at) + len(line)
