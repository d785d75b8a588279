"""Answers that are kept are those that would be computed: after loads, failures and repairs, and for every role."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from footfall.answers import asking
from footfall.answers.asked import Filters
from footfall.answers.kept import Keeper
from footfall.errors import FootfallError
from footfall.settings import Settings, load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb

Write = Callable[..., str]
ROWS = ("1,1,1,click,2024-03-01", "2,1,2,click,2024-03-02", "3,2,1,buy,2024-03-02T12:00")


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the questions that were put to the server, and not answered from what is kept."""
    names: list[str] = []
    put = asking.put_question

    def put_noted(connection: Any, query: Any, asked: Any, timeout_s: int) -> Any:
        names.append(query.name)
        return put(connection, query, asked, timeout_s)

    monkeypatch.setattr(asking, "put_question", put_noted)
    return names


@pytest.fixture
def loaded(database: str, write_csv: Write) -> Settings:
    settings = load_settings(database_url=database)
    load_verb.load([write_csv("a.csv", *ROWS)], settings)
    return settings


def ask(settings: Settings, keeper: Keeper, name: str = "per-day", **filters: Any) -> tuple[Any, ...]:
    with query_verb.open_snapshot(settings, keeper) as asker:
        return asker.ask(name, Filters(**filters)).table.rows


PER_DAY = ((date(2024, 3, 1), 1), (date(2024, 3, 2), 2))


def test_the_same_question_is_computed_once(loaded: Settings, computed: list[str]) -> None:
    keeper = Keeper()
    assert [ask(loaded, keeper) for _ in range(3)] == [PER_DAY] * 3
    assert computed == ["per-day"]


def test_an_answer_that_is_kept_has_all_that_an_answer_has(loaded: Settings) -> None:
    keeper = Keeper()
    both = []
    for _ in range(2):
        with query_verb.open_snapshot(loaded, keeper) as asker:
            both.append(asker.ask("top-users", Filters(limit=1)))
    assert both[0] == both[1]
    assert both[1].table.types == both[1].types == (20, 20)


def test_without_a_keeper_every_question_is_computed(loaded: Settings, computed: list[str]) -> None:
    for _ in range(2):
        with query_verb.open_snapshot(loaded) as asker:
            assert asker.ask("per-day", Filters()).table.rows == PER_DAY
    assert computed == ["per-day", "per-day"]


def test_a_load_between_two_questions_is_seen_and_one_within_a_snapshot_is_not(
    loaded: Settings, write_csv: Write, computed: list[str]
) -> None:
    keeper = Keeper()
    with query_verb.open_snapshot(loaded, keeper) as asker:
        asker.ask("actions", Filters())
        load_verb.load([write_csv("b.csv", "4,3,3,click,2024-03-02")], loaded)
        assert asker.ask("per-day", Filters()).table.rows == PER_DAY
        assert ask(loaded, keeper)[1] == (date(2024, 3, 2), 3)
        assert asker.ask("per-day", Filters()).table.rows == PER_DAY
    assert ask(loaded, keeper)[1] == (date(2024, 3, 2), 3)
    assert computed == ["actions", "per-day", "per-day"]


def test_a_load_that_fails_is_seen_by_a_question_about_loads(
    loaded: Settings, write_csv: Write, computed: list[str]
) -> None:
    keeper = Keeper()
    ask(loaded, keeper, "unusual-days", over_time=True)
    assert load_verb.load([write_csv("empty.csv", content=b"")], loaded).loads[0].status == "failed"
    ask(loaded, keeper, "unusual-days", over_time=True)
    assert computed == ["unusual-days", "unusual-days"]


def test_a_repair_of_the_counts_is_seen(loaded: Settings) -> None:
    keeper = Keeper()
    with psycopg.connect(loaded.database_url.get_secret_value()) as connection:  # type: ignore[union-attr]
        connection.execute("update interactions_per_user set interaction_count = 9 where user_id = 2")
    assert ask(loaded, keeper, "top-users") == ((2, 9), (1, 2))
    assert verify_verb.verify(loaded, repair=True).drift == ()
    assert ask(loaded, keeper, "top-users") == ((1, 2), (2, 1))


def test_a_row_of_the_ledger_that_changes_is_seen(loaded: Settings, computed: list[str]) -> None:
    keeper = Keeper()
    ask(loaded, keeper)
    with psycopg.connect(loaded.database_url.get_secret_value()) as connection:  # type: ignore[union-attr]
        connection.execute("update loads set status = 'undone'")
    ask(loaded, keeper)
    assert computed == ["per-day", "per-day"]


def test_tables_that_were_made_again_are_not_those_of_before(
    loaded: Settings, write_csv: Write, computed: list[str]
) -> None:
    keeper = Keeper()
    assert ask(loaded, keeper) == PER_DAY
    with psycopg.connect(loaded.database_url.get_secret_value()) as connection:  # type: ignore[union-attr]
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
    load_verb.load([write_csv("b.csv", "1,1,1,click,2025-01-01")], loaded)
    assert ask(loaded, keeper) == ((date(2025, 1, 1), 1),)


@pytest.mark.slow
def test_other_values_zones_and_schemas_are_other_questions(loaded: Settings, write_csv: Write) -> None:
    keeper = Keeper()
    other = load_settings(database_url=loaded.database_url, schema="other")
    load_verb.load([write_csv("b.csv", "1,1,1,click,2025-01-01")], other)
    west = load_settings(database_url=loaded.database_url, reporting_time_zone="America/New_York")
    for _ in range(2):
        assert ask(loaded, keeper) == PER_DAY
        assert ask(other, keeper) == ((date(2025, 1, 1), 1),)
        assert ask(west, keeper)[0] == (date(2024, 2, 29), 1)
        assert ask(loaded, keeper, user=2) == ((date(2024, 3, 2), 1),)
        assert ask(loaded, keeper, "affinity", id=1, minimum=1) == ((2, 1, 0.5, 1.0),)
        assert [row[0] for row in ask(loaded, keeper, "affinity", id=1, who=2)] == [1]


def test_a_time_is_the_instant_that_it_is_however_it_is_said(loaded: Settings, computed: list[str]) -> None:
    keeper = Keeper()
    given = [ask(loaded, keeper, since=since) for since in ("2024-03-02", "2024-03-02T01:00+01:00", date(2024, 3, 2))]
    assert given == [PER_DAY[1:]] * 3
    assert computed == ["per-day"]


def test_a_question_of_the_users_own_is_never_kept(loaded: Settings, tmp_path: Path, computed: list[str]) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/mine.sql").write_text("select clock_timestamp() as now")
    settings = load_settings(database_url=loaded.database_url, queries_folder=tmp_path / "own")
    keeper = Keeper()
    assert ask(settings, keeper, "mine") != ask(settings, keeper, "mine")
    assert (computed, len(keeper)) == (["mine", "mine"], 0)


def test_an_answer_too_large_to_be_kept_is_given_all_the_same(loaded: Settings, computed: list[str]) -> None:
    keeper = Keeper(1_000)
    assert [ask(loaded, keeper) for _ in range(2)] == [PER_DAY] * 2
    assert computed == ["per-day", "per-day"]


# roles


@pytest.fixture
def reader(loaded: Settings, new_role: Callable[..., str]) -> Iterator[Settings]:
    """A role that was granted to read, as any reader is."""
    conninfo = new_role()
    schema_verb.grant_reading(loaded, str(conninfo_to_dict(conninfo)["user"]))
    yield load_settings(database_url=conninfo)


def test_a_reader_keeps_answers_too(reader: Settings, computed: list[str]) -> None:
    keeper = Keeper()
    assert [ask(reader, keeper) for _ in range(2)] == [PER_DAY] * 2
    assert computed == ["per-day"]


def test_an_answer_of_another_role_is_never_given(loaded: Settings, reader: Settings, computed: list[str]) -> None:
    keeper = Keeper()
    ask(loaded, keeper)
    ask(reader, keeper)
    assert computed == ["per-day", "per-day"]


def test_a_role_whose_right_was_taken_gets_no_answer_of_before(loaded: Settings, reader: Settings) -> None:
    keeper = Keeper()
    assert ask(reader, keeper) == PER_DAY
    user = sql.Identifier(str(conninfo_to_dict(reader.database_url.get_secret_value())["user"]))  # type: ignore[union-attr]
    with psycopg.connect(loaded.database_url.get_secret_value()) as connection:  # type: ignore[union-attr]
        connection.execute(sql.SQL("revoke select on interactions_per_quarter_hour from {}").format(user))
    with pytest.raises(FootfallError, match="permission denied"):
        ask(reader, keeper)


def test_a_role_that_may_not_read_the_ledger_is_answered_and_nothing_is_kept(
    loaded: Settings, new_role: Callable[..., str], computed: list[str]
) -> None:
    conninfo = new_role(
        "grant select on user_interactions_raw, interactions_per_quarter_hour to {role}",
        "grant usage on schema public to {role}",
    )
    settings = load_settings(database_url=conninfo)
    keeper = Keeper()
    assert [ask(settings, keeper) for _ in range(2)] == [PER_DAY] * 2
    assert (computed, len(keeper)) == (["per-day", "per-day"], 0)


def test_without_tables_the_question_says_so(database: str) -> None:
    with pytest.raises(FootfallError, match="footfall load"):
        ask(load_settings(database_url=database), Keeper())


# threads


@pytest.mark.slow
def test_threads_that_share_a_keeper_see_what_is_loaded_meanwhile(loaded: Settings, write_csv: Write) -> None:
    keeper = Keeper()
    files = [write_csv(f"{n}.csv", f"{n},1,1,click,2024-03-02") for n in range(10, 18)]
    are_loaded = threading.Event()

    def look() -> list[int]:
        seen = []
        while not are_loaded.is_set():
            seen.append(sum(count for _, count in ask(loaded, keeper)))
        return seen

    with ThreadPoolExecutor(3) as pool:
        looks = [pool.submit(look) for _ in range(3)]
        for name in files:
            load_verb.load([name], loaded)
        are_loaded.set()
        counts = [each.result() for each in looks]
    for seen in counts:
        assert seen == sorted(seen)  # never an answer of before one that was given already
    assert sum(count for _, count in ask(loaded, keeper)) == len(ROWS) + len(files)
