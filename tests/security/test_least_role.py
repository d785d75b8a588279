"""Roles with the rights that the page on named databases lists, and nothing more."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import command_line
from footfall import runs
from footfall.answers import catalogue, parameters
from footfall.errors import SchemaError
from footfall.results.running import Run
from footfall.settings import load_settings
from footfall.sources import file_systems
from footfall.tables import first_load, known_files
from footfall.verbs import forget as forget_verb
from footfall.verbs import load as load_verb
from footfall.verbs import loads as loads_verb
from footfall.verbs import query as query_verb
from footfall.verbs import rejects as rejects_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb

DOCS = Path(__file__).resolve().parents[2] / "docs"
Write = Callable[..., str]


def run(database: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return command_line.run(*words, **{"FOOTFALL_DATABASE_URL": database} | variables)


@pytest.fixture
def admin(cluster: Any, database: str) -> Iterator[psycopg.Connection[Any]]:
    """The database as its administrator, with nothing granted to everybody."""
    name = str(conninfo_to_dict(database)["dbname"])
    with psycopg.connect(cluster.admin, dbname=name, autocommit=True) as connection:
        words = sql.Identifier(name)
        connection.execute(sql.SQL("revoke all on database {} from public").format(words))
        connection.execute("revoke all on schema public from public")
        yield connection


@pytest.fixture
def new_role(cluster: Any, admin: psycopg.Connection[Any]) -> Iterator[Callable[..., str]]:
    """Make a role that may connect and do what is granted: its conninfo. `{role}` stands for its name."""
    made: list[str] = []

    def make(*grants: str) -> str:
        role = f"{admin.info.dbname}_least_{len(made)}"
        made.append(role)
        for text in ("create role {role} login", "grant connect on database {database} to {role}", *grants):
            words = {"role": sql.Identifier(role), "database": sql.Identifier(admin.info.dbname)}
            admin.execute(sql.SQL(text).format(**words))
        return make_conninfo(cluster.admin, dbname=admin.info.dbname, user=role)

    yield make
    for role in made:
        admin.execute(sql.SQL("drop owned by {0} cascade; drop role {0}").format(sql.Identifier(role)))


@pytest.mark.slow
def test_a_role_that_owns_one_schema_can_do_everything(
    new_role: Callable[..., str], write_csv: Write, admin: psycopg.Connection[Any]
) -> None:
    loader = new_role("create schema footfall authorization {role}")
    source = write_csv("a.csv", "1,1,1,click,2024-01-01", "2,x,1,click,2024-01-01")
    late = write_csv("b.csv", "1,1,1,other,2024-01-01", "3,1,1,click,2024-01-01")
    for words in (
        ["load", source],
        ["load", late],
        ["load", source],
        ["check", source],
        ["rejects"],
        ["loads"],
        ["query", "per-day"],
        ["verify"],
        ["verify", "--repair"],
        ["schema", "show"],
        ["schema", "apply"],
    ):
        done = run(loader, *words, FOOTFALL_SCHEMA="footfall")
        assert (words, done.returncode, done.stderr.count("error")) == (words, 0, 0), done.stderr
    assert admin.execute("select count(*) from footfall.user_interactions_raw").fetchone() == (2,)
    assert admin.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)
    left = admin.execute("select count(*) from pg_tables where tablename like 'staging%'").fetchone()
    assert left == (0,)


def rights_of_a_loader() -> list[str]:
    """Give the statements that the page lists, with places for the names of this test."""
    page = (DOCS / "how-to/named-database.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- rights of a role that loads -->\n```sql\n(.*?)```", page, re.DOTALL)
    assert found is not None
    text = found[1].replace("database users", "database {database}").replace("to nightly", "to {role}")
    return text.replace("connect, temporary", "temporary").rstrip().rstrip(";").split(";\n")


@pytest.fixture
def owned(new_role: Callable[..., str]) -> None:
    """The tables, in a schema of their owner."""
    owner = new_role("create schema footfall authorization {role}")
    schema_verb.upgrade_schema(load_settings(database_url=owner, schema="footfall"))


def deliver(database: str, write_csv: Write) -> list[str]:
    """Load two files with rows of every kind: what became of each."""
    first = write_csv("a.csv", "1,1,1,click,2024-01-01", "2,x,1,click,2024-01-01")
    second = write_csv("b.csv", "1,1,1,other,2024-01-01", "1,1,1,click,2024-01-01", "3,1,1,click,2024-01-01")
    settings = load_settings(database_url=database, schema="footfall")
    return [load.status for load in load_verb.load([first, second], settings).loads]


def test_a_role_with_the_listed_rights_loads_asks_and_verifies(
    owned: None, new_role: Callable[..., str], write_csv: Write, admin: psycopg.Connection[Any]
) -> None:
    loader = new_role(*rights_of_a_loader())
    settings = load_settings(database_url=loader, schema="footfall")
    assert deliver(loader, write_csv) == ["loaded", "loaded"]
    assert verify_verb.verify(settings).drift_count == 0
    assert len(loads_verb.show_loads(settings, limit=None).rows) == 2
    assert len(rejects_verb.show_rejects(settings, load_id=None, source=None, code=None, limit=None)[0]) == 2
    assert admin.execute("select count(*) from footfall.user_interactions_raw").fetchone() == (2,)


@pytest.mark.slow
def test_a_role_with_the_listed_rights_loads_a_large_first_file(
    owned: None, new_role: Callable[..., str], write_csv: Write
) -> None:
    rows = [f"{number},1,1,click,2024-01-01T00:00:00.000000Z" for number in range(1, 120_001)]
    source = write_csv("large.csv", *rows)
    assert Path(source).stat().st_size > first_load.EMPTY_PATH_BYTES
    settings = load_settings(database_url=new_role(*rights_of_a_loader()), schema="footfall")
    assert load_verb.load([source], settings).rows_loaded == len(rows)


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ((), 0),
        (("grant insert, update on footfall.source_files to {role}",), 2),
    ],
    ids=["with the listed rights", "with the right to keep them, too"],
)
def test_files_that_have_settled_are_loaded(
    owned: None,
    new_role: Callable[..., str],
    write_csv: Write,
    admin: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
    kept: int,
) -> None:
    monkeypatch.setattr(known_files, "SETTLED_NS", 0)
    monkeypatch.setattr(
        file_systems, "WITH_CHANGE_TIMES", file_systems.WITH_CHANGE_TIMES | {"overlay"}
    )  # a container's
    loader = new_role(*rights_of_a_loader(), *more)
    assert deliver(loader, write_csv) == ["loaded", "loaded"]
    assert admin.execute("select count(*) from footfall.source_files").fetchone() == (kept,)
    assert deliver(loader, write_csv) == ["already-loaded", "already-loaded"]


def test_a_role_that_loads_leaves_forgotten_users_out_and_cannot_without_the_key(
    new_role: Callable[..., str], write_csv: Write, admin: psycopg.Connection[Any]
) -> None:
    owner = load_settings(database_url=new_role("create schema footfall authorization {role}"), schema="footfall")
    schema_verb.upgrade_schema(owner)
    assert forget_verb.forget([1], owner).users == 1
    loader = new_role(*rights_of_a_loader())
    assert deliver(loader, write_csv) == ["loaded", "loaded"]
    assert admin.execute("select user_id from footfall.user_interactions_raw").fetchall() == []
    keyless = new_role(*rights_of_a_loader(), "revoke select on footfall.forgotten_users_key from {role}")
    source = write_csv("c.csv", "9,9,1,click,2024-01-01")
    (done,) = load_verb.load([source], load_settings(database_url=keyless, schema="footfall")).loads
    assert (done.status, done.exit_code) == ("failed", 6)
    assert "forgotten_users_key" in str(done.error)


@pytest.mark.parametrize("missing", range(len(rights_of_a_loader())))
def test_none_of_the_listed_rights_is_more_than_it_takes(
    owned: None, new_role: Callable[..., str], write_csv: Write, missing: int
) -> None:
    rights = rights_of_a_loader()
    loader = new_role(*rights[:missing], *rights[missing + 1 :])
    with suppress(SchemaError):  # some is said before the first file
        assert deliver(loader, write_csv) != ["loaded", "loaded"]


@pytest.mark.parametrize(
    "statement",
    [
        "delete from footfall.user_interactions_raw",
        "update footfall.user_interactions_raw set action = 'x'",
        "truncate footfall.interactions",
        "delete from footfall.loads",
        "update footfall.loads set status = 'undone'",
        "delete from footfall.rejected_interactions",
        "insert into footfall.footfall_migrations (version, name) values (99, 'x')",
        "create table footfall.mine (n integer)",
        "drop table footfall.interactions",
    ],
)
def test_a_role_that_loads_can_take_nothing_away(owned: None, new_role: Callable[..., str], statement: str) -> None:
    loader = new_role(*rights_of_a_loader())
    with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(loader) as connection:
        connection.execute(statement)


@pytest.fixture
def planned(new_role: Callable[..., str], write_csv: Write) -> tuple[Run, str]:
    """A run in a schema of its owner, and a role that may stage it because the plan said so."""
    owner, stager = new_role("create schema footfall authorization {role}"), new_role()
    source = write_csv("a.csv", "1,1,1,click,2024-01-01", "2,x,1,click,2024-01-01", "1,1,1,click,2024-01-01")
    role = str(conninfo_to_dict(stager)["user"])
    settings = load_settings(database_url=owner, schema="footfall")
    schema_verb.upgrade_schema(settings)
    forget_verb.forget([9], settings)
    return runs.plan(source, database_url=owner, schema="footfall", stager_role=role), stager


def test_a_stager_has_what_staging_takes(planned: tuple[Run, str], admin: psycopg.Connection[Any]) -> None:
    run, stager = planned
    settings: Any = {"database_url": "dbname=nowhere", "stager_url": stager, "schema": "footfall"}
    assert runs.left(run.token, **settings) == [0]
    assert runs.stage(run.token, 0, **settings) == "staged"
    assert runs.stage(run.token, 0, **settings) == "staged-already"
    assert admin.execute("select count(*) from footfall.user_interactions_raw").fetchone() == (0,)
    for part, rows in {"rows": 1, "rejected": 1}.items():
        table = sql.Identifier("footfall", f"staging_{run.token}_{part}")
        assert admin.execute(sql.SQL("select count(*) from {}").format(table)).fetchone() == (rows,), part


@pytest.mark.parametrize(
    "statement",
    [
        "select from footfall.user_interactions_raw",
        "insert into footfall.loads (load_id) values (1)",
        "select from footfall.rejected_interactions",
        "insert into footfall.forgotten_users values ('x')",
        "select pg_catalog.nextval('footfall.loads_load_id_seq')",
        "create table footfall.mine (n integer)",
        "select from footfall.staging_{token}_rows",
        "delete from footfall.staging_{token}_rows",
        "select from footfall.staging_{token}_rejected",
        "update footfall.staging_{token}_job set job = '[]'",
        "insert into footfall.staging_{token}_job values ('[]', now())",
        "delete from footfall.staging_{token}_ranges",
        "update footfall.staging_{token}_ranges set rows_accepted = 0",
        "drop table footfall.staging_{token}_rows",
    ],
)
def test_a_stager_may_do_nothing_but_stage(planned: tuple[Run, str], statement: str) -> None:
    run, stager = planned
    with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(stager) as connection:
        connection.execute(statement.format(token=run.token).encode())


def test_a_stager_sweeps_nothing(planned: tuple[Run, str], admin: psycopg.Connection[Any]) -> None:
    run, stager = planned
    admin.execute(sql.SQL("update {} set kept_until = '-infinity'").format(_job_of(run)))
    assert runs.sweep(database_url=stager, schema="footfall") == 0
    assert admin.execute(sql.SQL("select count(*) from {}").format(_job_of(run))).fetchone() == (1,)


def _job_of(run: Run) -> sql.Identifier:
    return sql.Identifier("footfall", f"staging_{run.token}_job")


@pytest.mark.slow
def test_a_role_that_reads_asks_every_question_and_sees_no_rejected_row(
    owned: None, new_role: Callable[..., str], write_csv: Write, admin: psycopg.Connection[Any]
) -> None:
    deliver(new_role(*rights_of_a_loader()), write_csv)
    reader = new_role()
    owner = make_conninfo(reader, user=f"{admin.info.dbname}_least_0")
    settings = load_settings(database_url=reader, schema="footfall")
    schema_verb.grant_reading(
        load_settings(database_url=owner, schema="footfall"), str(conninfo_to_dict(reader)["user"])
    )
    for name, question in catalogue.read_catalogue(None).items():
        # A gap of a day: the rows are of days alone, which tell no sessions.
        gap = "2d" if "gap" in question.parameters else None
        with query_verb.query(settings, name, parameters.Filters(id=1 if question.needed else None, gap=gap)) as answer:
            # Two products make one, and unusual days need weeks before them.
            assert list(answer.rows) or name in ("affinity", "unusual-days"), name
    with pytest.raises(SchemaError):
        rejects_verb.show_rejects(settings, load_id=None, source=None, code=None, limit=None)
