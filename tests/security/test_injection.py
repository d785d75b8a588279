"""Values, names, files and settings that try to become SQL, or a path of somebody else: they stay what they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from emptying import empty_tables
from footfall.answers import catalogue, parameters
from footfall.errors import FootfallError, QueryError, SettingsError, UnknownNameError
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from footfall.verbs import rejects as rejects_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb

Write = Callable[..., str]
Contents = Callable[[str], dict[str, list[Any]]]
DROP = "drop table user_interactions_raw"
ATTACKS = [
    f"'; {DROP}; --",
    f'"; {DROP}; --',
    f"\\'; {DROP}; --",
    f"$$; {DROP}; --",
    f"%(x)s; {DROP}",
    f"click'); {DROP}; select ('",
    "{}{schema}%s%%",
    "' or '1'='1",
    "; copy user_interactions_raw to program 'touch pwned'; --",
    "; attach 'pwned'; --",
    "../../../etc/passwd",
    "$(touch pwned)`touch pwned`",
]


def ask(database: str, query: str, *values: object) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query, values).fetchall()


@pytest.fixture
def database(one_database: str) -> str:
    return empty_tables(one_database)


@pytest.fixture(autouse=True)
def _nothing_is_made() -> Any:
    yield
    assert not Path("pwned").exists()


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_action_is_only_text(database: str, write_csv: Write, attack: str) -> None:
    quoted = attack.replace('"', '""')
    source = write_csv("a.csv", f'1,1,1,"{quoted}",2024-01-01')
    settings = load_settings(database_url=database)
    assert load_verb.load([source], settings).rows_loaded == 1
    assert ask(database, "select action from user_interactions_raw") == [(attack,)]
    with query_verb.query(settings, "actions", parameters.Filters()) as answer:
        assert [row[0] for row in answer.rows] == [attack]


def test_a_wrong_value_is_kept_as_text_in_the_quarantine(database: str, write_csv: Write) -> None:
    lines = []
    for attack in ATTACKS:
        for place in range(5):
            fields = ["1", "x", "1", "click", "2024-01-01"]  # one is wrong in any case
            fields[place] = attack.replace('"', '""')
            lines.append(",".join(f'"{field}"' for field in fields))
    source = write_csv("a.csv", *lines, "2,1,1,click,2024-01-01")
    load_verb.load([source], load_settings(database_url=database))
    kept = ask(database, "select raw_line from rejected_interactions order by line_number")
    assert [line for (line,) in kept] == lines
    assert ask(database, "select count(*) from user_interactions_raw") == [(1,)]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_name_of_a_column_is_only_a_name(database: str, write_csv: Write, attack: str) -> None:
    name = '"{}"'.format(attack.replace('"', '""'))
    header = f"interaction_id,user_id,product_id,action,timestamp,{name}\n"
    source = write_csv("a.csv", content=(header + "1,1,1,click,2024-01-01,x\n").encode())
    assert load_verb.load([source], load_settings(database_url=database)).rows_loaded == 1
    assert ask(database, "select count(*) from user_interactions_raw") == [(1,)]


@pytest.mark.parametrize("attack", [each for each in ATTACKS if "/" not in each])
def test_a_name_of_a_file_is_only_a_name(database: str, write_csv: Write, attack: str) -> None:
    write_csv(f"{attack}.csv", "1,1,1,click,2024-01-01")
    settings = load_settings(database_url=database)
    assert load_verb.load([f"{attack}.csv"], settings).rows_loaded == 1
    assert ask(database, "select source from loads") == [(f"{attack}.csv",)]
    assert rejects_verb.show_rejects(settings, load_id=None, source=attack, code=None, limit=None) == ((), False)


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_name_of_a_schema_is_only_a_name(database: str, write_csv: Write, attack: str) -> None:
    load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01")], load_settings(database_url=database))
    settings = load_settings(database_url=database, schema=attack[:60])
    assert load_verb.load([write_csv("b.csv", "2,1,1,click,2024-01-01")], settings).rows_loaded == 1
    assert verify_verb.verify(settings).rows_raw == 1
    assert ask(database, "select count(*) from user_interactions_raw") == [(1,)]
    assert ask(database, "select count(*) from pg_namespace where nspname = %s", attack[:60]) == [(1,)]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_role_is_only_a_name(database: str, attack: str) -> None:
    settings = load_settings(database_url=database)
    schema_verb.upgrade_schema(settings)
    with pytest.raises(FootfallError):
        schema_verb.grant_reading(settings, attack)
    assert ask(database, "select count(*) from user_interactions_raw") == [(0,)]


@pytest.mark.parametrize("attack", ATTACKS)
def test_filters_and_lists_of_actions_are_only_values(database: str, write_csv: Write, attack: str) -> None:
    source = write_csv("a.csv", "1,1,1,click,2024-01-01")
    settings = load_settings(database_url=database, actions=("click", attack))
    assert load_verb.load([source], settings).rows_loaded == 1
    with query_verb.query(settings, "per-day", parameters.Filters(action=attack)) as answer:
        assert list(answer.rows) == []
    for word in ("since", "until", "per"):
        with pytest.raises(QueryError), query_verb.query(settings, "per-day", parameters.Filters(**{word: attack})):
            pass
    assert ask(database, "select count(*) from user_interactions_raw") == [(1,)]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("name", ["source_time_zone", "reporting_time_zone", "delimiter", "max_rejected"])
def test_other_settings_are_checked_before_they_are_used(name: str, attack: str) -> None:
    with pytest.raises(SettingsError):
        load_settings(**{name: attack})


@pytest.mark.parametrize("attack", ATTACKS)
def test_sql_that_is_printed_for_a_person_is_quoted(database: str, attack: str) -> None:
    settings = load_settings(database_url=database)
    schema_verb.upgrade_schema(settings)
    text = query_verb.query_sql(settings, "per-day", parameters.Filters(action=attack))
    with psycopg.connect(database) as connection:
        connection.execute(text.encode())
    assert ask(database, "select count(*) from user_interactions_raw") == [(0,)]


# questions


@pytest.mark.parametrize("name", ["../per-day", "/etc/passwd", "per-day.sql", "../../sql/schema", "per-day\0", ""])
def test_the_name_of_a_question_is_no_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "per-day.sql").write_text("select 1 as n")
    with pytest.raises(UnknownNameError):
        catalogue.find(name, tmp_path / "queries")


@pytest.mark.parametrize(
    "text",
    [
        DROP,
        f"select 1 as n; {DROP}",
        "with gone as (delete from user_interactions_raw returning 1) select * from gone",
        "select set_config('transaction_read_only', 'off', false) as n; delete from user_interactions_raw",
        "select pg_catalog.lo_create(0) as n",
        r"\! touch pwned",
        r"\copy user_interactions_raw to 'pwned'",
    ],
)
def test_a_question_of_one_s_own_changes_nothing(
    database: str, write_csv: Write, tmp_path: Path, contents: Contents, text: str
) -> None:
    settings = load_settings(database_url=database, queries_folder=tmp_path / "queries")
    load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01")], settings)
    before = contents(database)
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries/mine.sql").write_text(text)
    with pytest.raises(FootfallError), query_verb.query(settings, "mine", parameters.Filters()) as answer:
        list(answer.rows)
    assert contents(database) == before


def test_a_fifo_among_the_questions_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mine.sql")
    with pytest.raises(QueryError, match="is not a file"):
        catalogue.read_catalogue(tmp_path)
