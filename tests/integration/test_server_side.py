"""What a load leaves in the server's statistics: figures for the planner, and no text of its own for each load."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.crash import wire

from footfall.settings import load_settings
from footfall.tables import first_load
from footfall.tables import merge as merging
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from listening import heard_by

Write = Callable[..., str]


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def lines(first: int, rows: int) -> list[str]:
    return [f"{n},{n % 9 + 1},{n % 5 + 1},click,2024-01-01" for n in range(first, first + rows)]


def load(database: str, name: str) -> None:
    words: list[str] = []
    (done,) = heard_by(words.append, load_verb.load, [name], load_settings(database_url=database)).loads
    assert (done.status, done.error, words) == ("loaded", None, [])


def analyzed(database: str) -> list[str]:
    return [
        row[0]
        for row in ask(database, "select distinct tablename from pg_stats where schemaname = 'public' order by 1")
    ]


# figures for the planner


@pytest.fixture(params=[0, 1 << 60], ids=["empty-path", "ordinary-path"])
def of_100_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take loads of 100 rows for large, by both paths."""
    monkeypatch.setattr(merging, "ANALYZE_TABLES_ROWS", 100)
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", request.param)


@pytest.mark.usefixtures("of_100_rows")
def test_after_a_large_load_the_planner_has_figures_of_every_table_that_it_changed(
    database: str, write_csv: Write
) -> None:
    load(database, write_csv("a.csv", *lines(1, 100)))
    assert analyzed(database) == [
        "interactions",
        "interactions_per_product",
        "interactions_per_quarter_hour",
        "interactions_per_user",
        "user_interactions_raw",
    ]
    assert ask(database, "select reltuples from pg_class where relname = 'user_interactions_raw'") == [(100,)]


@pytest.mark.usefixtures("of_100_rows")
def test_a_small_load_leaves_the_figures_to_autovacuum(database: str, write_csv: Write) -> None:
    load(database, write_csv("a.csv", *lines(1, 99)))
    assert analyzed(database) == []


@pytest.mark.usefixtures("of_100_rows")
def test_a_load_of_less_than_a_tenth_leaves_the_figures_to_autovacuum(database: str, write_csv: Write) -> None:
    load(database, write_csv("a.csv", *lines(1, 1_500)))
    load(database, write_csv("b.csv", *lines(2_000, 100)))
    assert ask(database, "select reltuples from pg_class where relname = 'user_interactions_raw'") == [(1_500,)]


@pytest.mark.usefixtures("of_100_rows")
def test_a_table_that_somebody_analyzes_is_not_waited_for(database: str, write_csv: Write) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    with psycopg.connect(database) as other:
        other.execute("lock table interactions_per_user in share update exclusive mode")
        load(database, write_csv("a.csv", *lines(1, 100)))
    assert "interactions_per_user" not in analyzed(database)
    assert "user_interactions_raw" in analyzed(database)


@pytest.mark.usefixtures("of_100_rows")
def test_a_role_that_does_not_own_the_tables_is_not_refused(
    database: str, write_csv: Write, new_role: Callable[..., str]
) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    role = new_role(
        "grant select, insert, update on all tables in schema public to {role}",
        "grant usage on all sequences in schema public to {role}",
    )
    load(role, write_csv("a.csv", *lines(1, 100)))
    assert analyzed(database) == []


# texts


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1 << 60], ids=["empty-path", "ordinary-path"])
def test_every_load_sends_the_same_texts(
    new_database: Callable[[], str], write_csv: Write, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Rising ids, late ones, repeats, conflicts and bad rows: all that a load can have to say, in two databases."""
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", size)
    texts = []
    for first in (1, 5_000):
        database = new_database()
        schema_verb.upgrade_schema(load_settings(database_url=database))
        if first > 1:
            with psycopg.connect(database) as connection:
                connection.execute(
                    "select nextval(pg_get_serial_sequence('loads', 'load_id')) from generate_series(1, 9)"
                )
        rows = [*lines(first + 50, 50), *lines(first, 10), *lines(first, 5), f"{first},8,8,other,2024-01-01", "bad"]
        known = conninfo_to_dict(database)
        with wire.proxying(str(known["host"]), known.get("port", 5432)) as proxy:
            where = f"host=127.0.0.1 port={proxy.port} user={known['user']} dbname={known['dbname']}"
            load(f"{where} sslmode=disable gssencmode=disable", write_csv(f"{first}.csv", *rows))
        texts.append([message.statement for message in proxy.messages if message.statement])
    assert texts[0] == texts[1]
    assert any("staging" in text for text in texts[0])
    assert not [text for text in texts[0] if re.search(r"[0-9a-f]{32}", text)]
