"""`verify` proves the law against the tables; `--repair` mends the counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from command_line import run
from footfall.errors import DatabaseBusyError
from footfall.postgres.target import Target
from footfall.postgres.transactions import LOCK_CLASS
from footfall.results import Drift
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import verify as verify_verb

pytestmark = pytest.mark.every_server

Write = Callable[..., str]


@pytest.fixture
def loaded(database: str, write_csv: Write) -> str:
    """A database with load 1: counts (1, 1): 2 and (1, 2): 1, and one row in the quarantine."""
    lines = [f"{number},1,{product},click,2024-01-01" for number, product in ((1, 1), (2, 1), (3, 2))]
    load_verb.load([write_csv("a.csv", *lines, "bad")], load_settings(database_url=database))
    return database


def change(database: str, statement: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(statement)


def drift(database: str) -> tuple[Drift, ...]:
    return verify_verb.verify(load_settings(database_url=database)).drift


def counts(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute("select * from interactions order by 1, 2").fetchall()


def test_tables_that_only_footfall_wrote_have_no_drift(loaded: str) -> None:
    found = verify_verb.verify(load_settings(database_url=loaded))
    assert (found.rows_raw, found.pairs, found.drift, found.drift_count) == (3, 2, (), 0)


def test_empty_tables_have_no_drift(database: str, write_csv: Write) -> None:
    load_verb.load([write_csv("a.csv")], load_settings(database_url=database))
    assert drift(database) == ()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "update interactions set interaction_count = 9 where product_id = 1",
            Drift("interactions", "user_id 1, product_id 1", 9, 2),
        ),
        ("delete from interactions where product_id = 2", Drift("interactions", "user_id 1, product_id 2", None, 1)),
        ("insert into interactions values (8, 8, 1)", Drift("interactions", "user_id 8, product_id 8", 1, None)),
        ("update loads set rows_loaded = 2, rows_read = 3", Drift("ledger", "load_id 1", 2, 3)),
        (
            "update user_interactions_raw set load_id = 5 where interaction_id > 2",
            Drift("ledger", "load_id 5", None, 1),
        ),
        ("delete from rejected_interactions", Drift("quarantine", "load_id 1", 1, None)),
        ("update rejected_interactions set load_id = 5", Drift("quarantine", "load_id 5", None, 1)),
        ("update loads set status = 'failed'", Drift("ledger", "load_id 1", None, 3)),
    ],
)
def test_a_change_by_another_hand_is_found(loaded: str, statement: str, expected: Drift) -> None:
    change(loaded, statement)
    assert expected in drift(loaded)


def test_rows_deleted_by_another_hand_are_drift_of_counts_and_ledger(loaded: str) -> None:
    change(loaded, "delete from user_interactions_raw")
    assert {(each.check, each.kept, each.recount) for each in drift(loaded)} == {
        ("interactions", 2, None),
        ("interactions", 1, None),
        ("interactions_per_quarter_hour", 3, None),
        ("interactions_per_user", 3, None),
        ("interactions_per_product", 2, None),
        ("interactions_per_product", 1, None),
        ("ledger", 3, None),
    }


def test_many_drifts_are_counted_whole_and_listed_in_part(loaded: str) -> None:
    change(loaded, "insert into interactions select 9, n, 1 from generate_series(1, 50) as n")
    found = verify_verb.verify(load_settings(database_url=loaded))
    assert (len(found.drift), found.drift_count) == (20, 50)


def test_verify_alone_mends_nothing(loaded: str) -> None:
    change(loaded, "insert into interactions values (8, 8, 1)")
    drift(loaded)
    assert (8, 8, 1) in counts(loaded)


def test_repair_mends_changed_missing_and_surplus_counts(loaded: str) -> None:
    before = counts(loaded)
    change(loaded, "update interactions set interaction_count = 9 where product_id = 1")
    change(loaded, "delete from interactions where product_id = 2")
    change(loaded, "insert into interactions values (8, 8, 1)")
    found = verify_verb.verify(load_settings(database_url=loaded), repair=True)
    assert (found.drift, found.repaired) == ((), True)
    assert counts(loaded) == before


def test_a_repair_is_recorded_with_what_it_changed(loaded: str) -> None:
    with psycopg.connect(loaded) as connection:
        connection.execute("update interactions set interaction_count = interaction_count + 1 where product_id = 1")
        changed = connection.execute("select count(*) from interactions where product_id = 1").fetchone()
    verify_verb.verify(load_settings(database_url=loaded), repair=True)
    with psycopg.connect(loaded) as connection:
        found = connection.execute("select verb, details from operations order by operation_id").fetchall()
    assert changed is not None
    assert [verb for verb, _ in found] == ["repair", "verify"]
    assert found[0][1] == {"rows_changed": 2 * changed[0]}  # each is taken away, and put there anew


def test_repair_never_touches_the_ledger(loaded: str) -> None:
    change(loaded, "update loads set rows_loaded = 2, rows_read = 3")
    found = verify_verb.verify(load_settings(database_url=loaded), repair=True)
    assert [each.check for each in found.drift] == ["ledger"]


@pytest.mark.slow
def test_drift_is_exit_7_and_its_repair_exit_0(loaded: str) -> None:
    change(loaded, "insert into interactions values (8, 8, 1)")
    found = run("verify", "--database", loaded)
    assert (found.returncode, "user_id 8, product_id 8" in found.stdout) == (7, True)
    assert "--repair" in found.stderr
    assert run("verify", "--repair", "--database", loaded).returncode == 0
    assert run("verify", "--database", loaded).returncode == 0


def test_a_repair_that_cannot_mend_everything_is_exit_7(loaded: str) -> None:
    change(loaded, "delete from rejected_interactions")
    assert run("verify", "--repair", "--database", loaded).returncode == 7


@pytest.mark.slow
def test_a_repair_waits_for_a_load(loaded: str) -> None:
    change(loaded, "update interactions set interaction_count = 9 where product_id = 1")
    before = counts(loaded)
    with psycopg.connect(loaded) as load:
        load.execute("select pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, Target("", "public", 0).lock_key])
        with pytest.raises(DatabaseBusyError):
            verify_verb.verify(load_settings(database_url=loaded, lock_wait_seconds=1), repair=True)
    assert counts(loaded) == before
