"""Source definitions as TOML: what is right is read, and what is wrong is said with the file, the key and the cure."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

import pytest

from footfall.contract import definition_keys
from footfall.contract.built_in import is_time_zone
from footfall.contract.definition import Condition, Field, SourceDefinition
from footfall.contract.ids import IdTypes
from footfall.contract.parsing import parse_definition
from footfall.contract.terms import Contract
from footfall.errors import SettingsError, UnknownNameError
from footfall.formats.choosing import Contracts


def parse(text: str, name: str = "shop") -> SourceDefinition:
    return parse_definition(name, tomllib.loads(text), "footfall.toml", is_time_zone=is_time_zone)


def test_a_definition_is_read_key_by_key() -> None:
    found = parse(
        """
        match = ["exports/*.csv.gz"]
        format = "csv"
        delimiter = "tab"
        null_values = ["NULL"]
        interaction_id = { columns = ["order", 2] }
        user_id = { column = ["visitor", "session"], extract = "u([0-9]+)" }
        product_id = { column = "item", default = 0 }
        action = { value = "view" }
        timestamp = { column = "ts", format = ["epoch-ms", "%d/%m/%Y"], time_zone = "Europe/Vienna" }
        where = [{ column = "event", in = ["view", 1, true] }, { column = "user", missing = false }]
        """
    )
    assert found == SourceDefinition(
        "shop",
        match=("exports/*.csv.gz",),
        format="csv",
        delimiter="\t",
        null_values=("NULL",),
        where=(Condition("event", is_in=("view", "1", "true")), Condition("user", is_missing=False)),
        interaction_id=Field(joined=("order", 2)),
        user_id=Field(columns=("visitor", "session"), extract="u([0-9]+)"),
        product_id=Field(columns=("item",), default="0"),
        action=Field(value="view"),
        timestamp=Field(columns=("ts",), formats=("epoch-ms", "%d/%m/%Y"), time_zone="Europe/Vienna"),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("userid = 1", "sources.shop.userid in footfall.toml: is no key of a definition; did you mean user_id?"),
        (
            "user_id = { colonne = 'a' }",
            "user_id.colonne in footfall.toml: is no key of a definition; did you mean column?",
        ),
        ("user_id = true", "user_id in footfall.toml: True is no table"),
        ("user_id = { column = [] }", "the list is empty"),
        ("user_id = { column = 0 }", "0 is no column; write its name, or its position from 1 on"),
        ("user_id = { column = 'a', value = 'b' }", "says column and value where one is wanted"),
        ("user_id = { default = 'b' }", "says nothing where one is wanted"),
        ("user_id = { value = '' }", "an empty value is a missing one"),
        ("user_id = { column = 'a', extract = '(' }", "no regular expression that is read here"),
        ("user_id = { column = 'a', extract = '(?=a)(b)' }", "no regular expression that is read here"),
        ("user_id = { column = 'a', extract = 'ab' }", "has 0 groups"),
        ("user_id = { column = 'a', integers = 'yes' }", '"as-float"'),
        ("action = { column = 'a', from = 'record' }", "action.from in footfall.toml: is no key"),
        ("interaction_id = { from = 'row' }", "'row' is none of record, fields, position"),
        ("interaction_id = { from = 'record', default = 1 }", "has no effect beside from; leave it out"),
        ("interaction_id = { columns = ['a'] }", "a list of two columns or more is wanted"),
        ("timestamp = { column = 't', format = '%Q' }", "%Q is not read"),
        ("timestamp = { column = 't', format = 'epoch' }", "'epoch' is no format of a time"),
        ("timestamp = { column = 't', time_zone = 'Vienna' }", "'Vienna' is not a time zone"),
        ("timestamp = { value = 'nonsense' }", "'nonsense' is not a timestamp"),
        ("timestamp = { from_name = 'log-%H' }", "gives no day"),
        ("format = 'xml'", "'xml' is no format; there are csv, jsonl, json, parquet"),
        ("delimiter = ' '", 'write "blanks"'),
        ("delimiter = 'a'", "occurs in values"),
        ("delimiter = ''", "is no text"),
        ("encoding = 'utf-7'", "'utf-7' is not read"),
        ("encoding = 'nonsense'", "'nonsense' is not read"),
        ("skip_lines = -1", "-1 is not a number of lines from 0 on"),
        ("quoting = 'no'", "'no' is neither true nor false"),
        ("columns = ['a']", "write header = false, too"),
        ("header = false\ncolumns = ['a', 'a']", "a name stands twice"),
        ("comment = ' '", "a comment begins with a visible character"),
        ("format = 'jsonl'\ndelimiter = ';'", "delimiter in footfall.toml: has no meaning for jsonl"),
        ("format = 'csv'\nexplode = 'items'", "explode in footfall.toml: has no meaning for csv"),
        ("format = 'jsonl'\nrecords = 'a'", "has no meaning for jsonl"),
        ("format = 'parquet'\nencoding = 'latin-1'", "has no meaning for parquet"),
        ("format = 'jsonl'\nuser_id = 'a..b'", "'a..b' is no path"),
        ("format = 'jsonl'\nuser_id = '..user'", "there is no explode"),
        ("format = 'jsonl'\nuser_id = 1", "1 is a position, and jsonl has names; write a path"),
        ("user_id = 'payload -> a..b'", "is no path"),
        ("where = 'x'", "a list of conditions is wanted"),
        ("where = [{ column = 'a' }]", "a condition has a column, and one of in, not_in and missing"),
        ("where = [{ column = 'a', in = [] }]", "where[0].in in footfall.toml: a list of values is wanted"),
    ],
)
def test_what_is_wrong_is_said_with_file_key_and_cure(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(text)
    assert words in caught.value.message
    assert caught.value.message.startswith("sources.shop")
    assert caught.value.exit_code == 2


def test_every_key_of_the_reference_is_read() -> None:
    samples: dict[str, Any] = {
        "match": ["a"],
        "format": "csv",
        "encoding": "latin-1",
        "null_values": ["-"],
        "where": [],
        "id_space": "x",
        "delimiter": ";",
        "quoting": False,
        "header": False,
        "columns": ["interaction_id", "user_id", "product_id", "action", "timestamp"],
        "skip_lines": 1,
        "comment": "#",
    } | {name: name for name in definition_keys.COLUMN_KEYS}
    given = {key: samples[key] for key in definition_keys.KEYS if key not in definition_keys.JSON_KEYS}
    assert parse_definition("a", given, "f", is_time_zone=is_time_zone).skip_lines == 1
    json = {"format": "json", "explode": "items", "records": "data"}
    assert parse_definition("a", json, "f", is_time_zone=is_time_zone).explode == "items"


def test_all_but_the_name_and_the_match_is_in_the_fingerprint() -> None:
    made = {"from = 'record'": "a", "from = 'fields'": "b"}
    base = Contract(parse(""))
    same = [parse("", "other"), parse("match = ['x']"), parse("interaction_id = 'interaction_id'")]
    other = [
        *(parse(text) for text in ("null_values = ['x']", "skip_lines = 1", "user_id = 'u'", "quoting = false")),
        parse("timestamp = { column = 'timestamp', format = 'epoch-s' }"),
        parse("where = [{ column = 'a', missing = false }]"),
        *(parse(f"interaction_id = {{ {way} }}", name) for way in made for name in ("a", "b")),
    ]
    prints = [Contract(each).make_fingerprint() for each in other]
    assert {Contract(each).make_fingerprint() for each in same} == {base.make_fingerprint()}
    assert len({base.make_fingerprint(), *prints}) == len(other) + 1


def test_the_named_definition_comes_before_the_one_that_matches_and_two_that_match_are_refused() -> None:
    one, two = parse("match = ['in/*.csv']", "one"), parse("match = ['in/a*']", "two")
    chosen = Contracts(Contract(), {"one": one, "two": two})
    assert chosen.choose("in/b.csv").definition.name == "one"
    assert chosen.choose("out/b.csv").definition.name == "footfall"
    with pytest.raises(SettingsError, match="'one' and 'two'"):
        chosen.choose("in/a.csv")
    assert replace(chosen, named="two").choose("in/b.csv").definition.name == "two"
    with pytest.raises(UnknownNameError, match="did you mean one"):
        replace(chosen, named="ones").choose("in/b.csv")


@pytest.mark.parametrize(
    ("text", "types", "words"),
    [
        ("interaction_id = { from = 'record' }", IdTypes(), 'interaction_id_type = "uuid"'),
        ("interaction_id = { columns = ['a', 'b'] }", IdTypes(), 'interaction_id_type = "text"'),
        ("user_id = { column = 'a', integers = 'as-float' }", IdTypes(user_id="text"), 'user_id_type = "bigint"'),
    ],
)
def test_ids_that_do_not_fit_the_tables_are_refused_with_the_cure(text: str, types: IdTypes, words: str) -> None:
    contracts = Contracts(Contract(id_types=types), {"shop": parse(text)}, "shop")
    with pytest.raises(SettingsError) as caught:
        contracts.choose("a.csv")
    assert words in caught.value.message.replace("'", '"')
