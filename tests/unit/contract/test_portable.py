"""A contract and sums come back from JSON as they were."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.contract.built_in import find_built_in, list_built_in
from footfall.contract.definition import Condition, Field, SourceDefinition
from footfall.contract.ids import IdTypes
from footfall.contract.notices import Oddities
from footfall.contract.portable import add_sums, read_contract, read_sums, write_contract, write_sums
from footfall.contract.sums import Sums
from footfall.contract.terms import Contract
from footfall.contract.value_shapes import Kind, Sample

TEXTS = st.text(st.characters(), max_size=6)  # lone halves of pairs and NUL, too: names and values may hold them
COUNTS = st.integers(0, 2**62)
SAMPLES = st.builds(Sample, COUNTS, COUNTS, st.none() | TEXTS)
KINDS = st.builds(
    Kind, COUNTS, COUNTS, st.none() | TEXTS, st.dictionaries(st.tuples(TEXTS, TEXTS), SAMPLES, max_size=4)
)
COUNTERS = st.dictionaries(TEXTS, st.integers(1, 2**62), max_size=3).map(Counter)
SUMS = st.builds(
    Sums,
    COUNTS,
    COUNTS,
    COUNTS,
    st.dictionaries(st.tuples(TEXTS, st.none() | TEXTS), KINDS, max_size=4),
    st.builds(Oddities, COUNTERS, COUNTERS),
)


def carried(written: Any) -> Any:
    return json.loads(json.dumps(written))


@settings(deadline=None)
@given(SUMS)
def test_sums_come_back_with_the_order_of_their_kinds(sums: Sums) -> None:
    back = read_sums(carried(write_sums(sums)))
    assert back == sums
    assert list(back.kinds) == list(sums.kinds)
    assert [list(kind.shapes) for kind in back.kinds.values()] == [list(kind.shapes) for kind in sums.kinds.values()]


def test_sums_of_ranges_add_up_to_those_of_the_file() -> None:
    name = ("not-an-integer", "user_id")
    first = Sums(3, 1, 2, {name: Kind(1, 7, "x", {("", "x"): Sample(1, 7, "x")})}, Oddities(Counter(user_id=2)))
    later = Sums(5, 2, 0, {name: Kind(2, 90, "y", {("", "x"): Sample(2, 90, "y")})}, Oddities(Counter(user_id=1)))
    add_sums(first, later)
    kinds = {name: Kind(3, 7, "x", {("", "x"): Sample(3, 7, "x")})}
    assert first == Sums(8, 3, 2, kinds, Oddities(Counter(user_id=3)))


DEFINITION = SourceDefinition(
    "shop",
    match=("a/*.csv",),
    format="csv",
    delimiter="::",
    quoting=False,
    header=False,
    columns=("a", "b"),
    skip_lines=2,
    comment="#",
    encoding="cp1252",
    null_values=("-", "NULL"),
    where=(Condition("a", is_in=("x", "y")), Condition(2, not_in=("z",)), Condition("b", is_missing=True)),
    explode="items",
    records="data",
    id_space="spaces",
    interaction_id=Field(joined=("a", 1)),
    user_id=Field(columns=("a", 2), default="7", is_float=True),
    product_id=Field(value="9"),
    action=Field(columns=("b",), extract="(x)"),
    timestamp=Field(columns=("b",), formats=("iso", "%d.%m.%Y"), time_zone="Europe/Vienna", from_name="(.*)"),
)


def test_the_definition_of_this_test_sets_every_key() -> None:
    plain = SourceDefinition()
    alike = {
        each.name for each in fields(SourceDefinition) if getattr(DEFINITION, each.name) == getattr(plain, each.name)
    }
    assert alike == set()


@pytest.mark.parametrize(
    "contract",
    [
        Contract(),
        Contract(DEFINITION, "America/St_Johns", ("click", "ü"), 0, IdTypes("uuid", "text", "bigint")),
        Contract(replace(DEFINITION, interaction_id=Field(made_from="record"))),
        *(Contract(definition) for name in list_built_in() if (definition := find_built_in(name))),
    ],
    ids=lambda contract: contract.definition.name,
)
def test_a_contract_comes_back_with_its_fingerprint(contract: Contract) -> None:
    back = read_contract(carried(write_contract(contract)))
    assert back == contract
    assert hash(back) == hash(contract)
    assert back.make_fingerprint() == contract.make_fingerprint()
