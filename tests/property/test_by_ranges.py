"""Any file, cut anywhere, staged in any order and some of it twice, gives the tables of the ordinary load."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

import footfall
from every_row import find_differences, list_left_behind
from footfall import runs
from footfall.settings import load_settings
from footfall.tables.schema import list_tables
from footfall.verbs import schema as schema_verb
from parity import leave_out_own
from sampling import examples

HEADER = b"interaction_id,user_id,product_id,action,timestamp,note"
RANGES_MAX = 8  # of an example: each costs a session of the engine

# Ids are few, so that rows of different ranges repeat and contradict one another.
rows = st.builds(
    lambda key, user, note: b"%d,%d,3,click,2024-01-01,%s" % (key, user, note),
    st.integers(1, 30),
    st.sampled_from([1, 1, 1, 1, 2]),
    st.sampled_from(
        [b"", b"", b"n", b'"a, b"', b'"a\nb"', b'"a\n1,1,3,click,2024-01-01,\nb"', b'"', b'"open', b"\xff", b"\0"]
    ),
)
odd = st.sampled_from([b"", b" ", b'"', b'""', b"x,1,3,click,2024-01-01,", b"1,1", b"\r", HEADER, b',,,,,"'])
files = st.lists(
    st.tuples(st.one_of(rows, rows, rows, odd), st.sampled_from([b"\n", b"\n", b"\r\n"])), min_size=1, max_size=40
).map(lambda lines: HEADER + b"\n" + b"".join(line + end for line, end in lines))


@pytest.fixture(scope="module")
def pair_of_databases(new_database_of_module: Callable[[], str]) -> Callable[[], tuple[str, str]]:
    """Empty the tables of two databases of the module."""
    pair = new_database_of_module(), new_database_of_module()
    tables = sql.SQL(", ").join(map(sql.Identifier, list_tables()))
    for database in pair:
        schema_verb.upgrade_schema(load_settings(database_url=database))

    def empty() -> tuple[str, str]:
        for database in pair:
            with psycopg.connect(database) as connection:
                connection.execute(sql.SQL("truncate {} restart identity").format(tables))
        return pair

    return empty


@settings(
    max_examples=examples(4),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(earlier=st.one_of(st.none(), files), content=files, share=st.integers(2, RANGES_MAX), chance=st.randoms())
def test_any_file_in_any_ranges_in_any_order_gives_the_tables_of_the_ordinary_load(
    pair_of_databases: Callable[[], tuple[str, str]],
    earlier: bytes | None,
    content: bytes,
    share: int,
    chance: random.Random,
) -> None:
    ordinary, by_ranges = pair_of_databases()
    Path("file.csv").write_bytes(content)
    for database in (ordinary, by_ranges):
        if earlier and earlier != content:
            Path("earlier.csv").write_bytes(earlier)
            footfall.load("earlier.csv", database_url=database, max_rejected="1.0")
    (done,) = footfall.load("file.csv", database_url=ordinary, max_rejected="1.0").loads
    before = list_interactions(by_ranges)
    taken = load_in_ranges(by_ranges, max(1, len(content) // share), chance)
    assert leave_out_own(taken) == leave_out_own(done)
    differing = find_differences(ordinary, by_ranges, with_files=False)
    assert not differing, differing
    assert list_left_behind(by_ranges) == []
    assert footfall.verify(database_url=by_ranges).drift == ()
    footfall.undo(taken.load_id or 0, database_url=by_ranges)
    assert list_interactions(by_ranges) == before
    assert footfall.verify(database_url=by_ranges).drift == ()


def load_in_ranges(database: str, range_bytes: int, chance: random.Random) -> footfall.LoadResult:
    """Plan the file, stage each range and some of them twice, and take the run."""
    run = runs.plan("file.csv", range_bytes=range_bytes, database_url=database)
    numbers = [*range(run.ranges), *(number for number in range(run.ranges) if chance.random() < 0.3)]
    chance.shuffle(numbers)
    said = [runs.stage(run.token, number, database_url=database) for number in numbers]
    assert said.count("staged") == run.ranges
    return runs.take(run.token, database_url=database, max_rejected="1.0")


def list_interactions(database: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute("select * from user_interactions_raw order by 1").fetchall()
