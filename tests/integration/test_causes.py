"""What a server or a broken connection gives: each error has its own cause, and is tried again where that helps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

import footfall
from footfall.answers.asked import Filters
from footfall.errors import DatabaseUnavailableError, FootfallError, SettingsError, SourceError
from footfall.postgres.faults import CAUSES
from footfall.settings import load_settings
from footfall.tables import merge as merging
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from listening import heard_by

Write = Callable[..., str]


@pytest.fixture
def loaded(database: str, write_csv: Write) -> str:
    footfall.load(write_csv("a.csv", "1,1,1,click,2024-01-01"), database_url=database)
    return database


def test_a_database_that_takes_no_changes_says_why_and_how_to_end_it(
    cluster: Any, loaded: str, write_csv: Write
) -> None:
    name = sql.Identifier(str(conninfo_to_dict(loaded)["dbname"]))
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        connection.execute(sql.SQL("alter database {} set default_transaction_read_only = on").format(name))
    settings, words = load_settings(database_url=loaded, retry=True), []
    (done,) = heard_by(words.append, load_verb.load, [write_csv("c.csv", "4,1,1,a,2024-01-01")], settings).loads
    assert (done.status, done.exit_code, done.retryable) == ("failed", 2, False)
    assert "default_transaction_read_only is on" in str(done.error)
    assert not [word for word in words if "trying again" in word]
    assert verify_verb.verify(settings).drift == ()


def test_a_limit_on_temporary_files_is_named_and_not_tried_again(
    cluster: Any, loaded: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = sql.Identifier(str(conninfo_to_dict(loaded)["dbname"]))
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        connection.execute(sql.SQL("alter database {} set temp_file_limit = '1MB'").format(name))
    real = merging.merge

    def merge(connection: Any, staging: Any) -> Any:
        merged = real(connection, staging)
        connection.execute("select count(*) from generate_series(1, 4000000)")
        return merged

    monkeypatch.setattr(merging, "merge", merge)
    settings, words = load_settings(database_url=loaded, retry=True), []
    (done,) = heard_by(words.append, load_verb.load, [write_csv("c.csv", "4,1,1,a,2024-01-01")], settings).loads
    assert (done.status, done.exit_code, done.retryable) == ("failed", 2, False)
    assert "temp_file_limit" in str(done.error)
    assert words == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [("53ABC", DatabaseUnavailableError), ("53400", SettingsError), ("40XYZ", DatabaseUnavailableError)],
)
def test_a_code_that_the_driver_does_not_know_has_the_cause_of_its_class(
    database: str, code: str, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def versions(connection: Any, _: Any) -> int:
        connection.execute(f"do $$ begin raise exception using errcode = '{code}', message = 'injected'; end $$")
        return 0

    monkeypatch.setattr("footfall.verbs.session.read_schema_version", versions)
    with pytest.raises(kind, match=(CAUSES.get(code) or CAUSES[code[:2]]).words):
        schema_verb.show_schema(load_settings(database_url=database))


def end(admin: str, connection: Any) -> None:
    """End the server's process of a session, and wait until it is gone."""
    with psycopg.connect(admin, autocommit=True) as other:
        query = "select pg_terminate_backend(%s, 60000)"
        assert other.execute(query, [connection.info.backend_pid]).fetchone() == (True,)


STUMBLES = [
    ValueError("too many values to unpack"),
    AttributeError("x"),
    psycopg.ProgrammingError("you cannot mix COPY with other operations"),
    psycopg.InterfaceError("x"),
    FootfallError("the statement gave no row"),
]


@pytest.mark.parametrize("error", STUMBLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("is_lost", [True, False], ids=["connection lost", "connection whole"])
def test_whatever_a_broken_connection_leads_to_is_a_lost_connection_and_only_that(
    cluster: Any, loaded: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch, error: Exception, is_lost: bool
) -> None:
    def merge(connection: Any, _: Any) -> Any:
        if is_lost:
            end(cluster.admin, connection)
        raise error

    monkeypatch.setattr(merging, "merge", merge)
    name, settings = write_csv("b.csv", "2,1,1,click,2024-01-01"), load_settings(database_url=loaded)
    if not is_lost and not isinstance(error, psycopg.Error | FootfallError):
        with pytest.raises(type(error)):  # a fault of ours is not hidden
            load_verb.load([name], settings)
        return
    (done,) = load_verb.load([name], settings).loads
    assert (done.status, done.exit_code, done.retryable) == ("failed", *((5, True) if is_lost else (1, False)))
    assert str(error) in str(done.error)


def test_a_source_that_cannot_be_read_is_one_on_a_broken_connection_too(
    cluster: Any, loaded: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def merge(connection: Any, _: Any) -> Any:
        end(cluster.admin, connection)
        raise SourceError("the file is cut")

    monkeypatch.setattr(merging, "merge", merge)
    (done,) = load_verb.load([write_csv("b.csv", "2,1,1,a,2024-01-01")], load_settings(database_url=loaded)).loads
    assert (done.status, done.exit_code, done.error) == ("failed", 3, "the file is cut")


def test_an_error_of_the_caller_who_reads_an_answer_stays_his(loaded: str) -> None:
    question = query_verb.query(load_settings(database_url=loaded), "top-users", Filters())
    with pytest.raises(ValueError, match="of the caller"), question as answer:
        next(iter(answer.rows))
        raise ValueError("of the caller")


@pytest.mark.slow
def test_an_answer_that_is_cut_off_is_a_lost_database(cluster: Any, loaded: str) -> None:
    with psycopg.connect(loaded) as connection:
        connection.execute(
            "insert into interactions_per_user select n, 1, now(), now() from generate_series(1000, 200000) as n"
        )
    settings = load_settings(database_url=loaded)
    with (
        pytest.raises(DatabaseUnavailableError),
        query_verb.query(settings, "top-users", Filters(limit=10**6)) as answer,
    ):
        next(iter(answer.rows))
        with psycopg.connect(cluster.admin, autocommit=True) as other:
            others = "select pg_terminate_backend(pid, 60000) from pg_stat_activity where application_name = 'footfall'"
            assert other.execute(others).fetchall() == [(True,)]
        list(answer.rows)
