"""Rules that are mended step by step: a load and its replays give the tables of one load under the last rules.

The rules only ever widen, and an id has one content: then no row that is in would be another one under later rules.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import footfall
from sampling import examples

SLOW = settings(
    max_examples=examples(6),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
COLUMNS = ("interaction_id", "user_id", "product_id", "action", "timestamp")
TABLES = (
    "select interaction_id, user_id, product_id, action, timestamp from user_interactions_raw order by 1",
    "select * from interactions order by 1, 2",
    "select user_id, interaction_count, first_at, last_at from interactions_per_user order by 1",
)
ACTIONS = ["click", "buy", "ping", "", "NULL", "größe"]
TIMES = ["2024-01-01", "2024-02-01 10:00", "1712059200", "03/04/2024", "never"]
PRODUCTS = ["1", "2", "y"]
USERS = ["1", "2", "3.0", "x", ""]
Rules = dict[str, Any]

# What widens, one step after the other: a key of the definition, or a setting.
STEPS: tuple[tuple[str, Rules], ...] = (
    ("settings", {"actions": None}),
    ("definition", {"timestamp": {"column": "timestamp", "format": ["iso", "epoch-s"]}}),
    ("definition", {"user_id": {"column": "user_id", "integers": "as-float"}}),
    ("definition", {"action": {"column": "action", "default": "none"}}),
    ("definition", {"timestamp": {"column": "timestamp", "format": ["iso", "epoch-s", "%d/%m/%Y"]}}),
    ("definition", {"where": [{"column": "product_id", "not_in": ["y"]}]}),
)
rows = st.lists(
    st.tuples(
        st.sampled_from(USERS), st.sampled_from(["1", "2", "y"]), st.sampled_from(ACTIONS), st.sampled_from(TIMES)
    ),
    min_size=1,
    max_size=25,
)


def write_rules(definition: Rules) -> None:
    lines = [f"{key} = {write_value(value)}" for key, value in definition.items()]
    Path("footfall.toml").write_text("[sources.a]\n" + "\n".join(lines) + "\n")


def write_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {write_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(write_value, value)) + "]"
    return json.dumps(value)


def write_file(form: str, found: list[tuple[str, ...]], *, has_ids: bool) -> str:
    names = COLUMNS if has_ids else COLUMNS[1:]
    records = [((str(at), *row) if has_ids else row) for at, row in enumerate(found, 1)]
    if form == "csv":
        text = ",".join(names) + "\n" + "".join(",".join(record) + "\n" for record in records)
    elif form == "jsonl":
        text = "".join(json.dumps(dict(zip(names, record, strict=True))) + "\n" for record in records)
    else:
        text = json.dumps([dict(zip(names, record, strict=True)) for record in records], ensure_ascii=False)
    Path(f"a.{form}").write_text(text)
    return f"a.{form}"


def read(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        connection.execute("set time zone 'UTC'")
        return [connection.execute(query).fetchall() for query in TABLES]


@SLOW
@given(
    found=rows,
    steps=st.lists(st.sampled_from(range(len(STEPS))), min_size=1, max_size=3, unique=True).map(sorted),
    form=st.sampled_from(["csv", "jsonl", "json"]),
    made_from=st.sampled_from([None, "record"]),
)
def test_rules_that_widen_step_by_step_give_the_tables_of_the_last_ones(
    new_database_of_module: Callable[[], str],
    found: list[tuple[str, ...]],
    steps: list[int],
    form: str,
    made_from: str | None,
) -> None:
    database = new_database_of_module()
    definition: Rules = {"match": ["a.*"]}
    options: Rules = {"database_url": database, "actions": ["click", "buy", "ping"], "max_rejected": "100%"}
    if made_from:
        definition["interaction_id"] = {"from": made_from}
        options["interaction_id_type"] = "uuid"
    name = write_file(form, found, has_ids=not made_from)
    write_rules(definition)
    footfall.load(name, source="a", **options)
    replayed = []
    for kind, change in (STEPS[at] for at in steps):
        before = read(database)
        (definition if kind == "definition" else options).update(change)
        write_rules(definition)
        done = footfall.replay(**options)
        assert done.exit_code == 0, done
        replayed += [load.load_id for load in done.loads]
        assert footfall.verify(database_url=database).drift == ()
        for load in done.loads:  # taken back, the tables are those of before; done again, it comes to the same
            after = read(database)
            footfall.undo(load.load_id or 0, database_url=database)
            assert read(database) == before
            (again,) = footfall.replay(**options).loads
            assert (again.rows_read, read(database)) == (load.rows_read, after)
    fresh = {**options, "schema": "fresh"}
    footfall.load(name, source="a", **fresh)
    with psycopg.connect(database) as connection:
        connection.execute("set time zone 'UTC'")
        connection.execute("set search_path to fresh")
        expected = [connection.execute(query).fetchall() for query in TABLES]
    assert read(database) == expected
    assert footfall.verify(database_url=database).drift == ()
