"""Files whose ids are UUIDs or text, from the file to the tables."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from footfall.contract.ids import IdTypes
from footfall.errors import SettingsError
from footfall.settings import Settings, load_settings
from footfall.tables import first_load
from footfall.tables.schema import apply_schema
from footfall.verbs import check as check_verb
from footfall.verbs import load as load_verb
from footfall.verbs import loads as loads_verb
from footfall.verbs import rejects as rejects_verb
from footfall.verbs import turn
from footfall.verbs import verify as verify_verb

Write = Callable[..., str]
ONE, TWO = UUID(int=1 << 100), UUID(int=2 << 100)


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def settings_of(database: str, id_type: str) -> Settings:
    return load_settings(
        database_url=database, interaction_id_type=id_type, user_id_type=id_type, product_id_type=id_type
    )


@pytest.fixture(params=[0, 1 << 60], ids=["empty-path", "ordinary-path"])
def _path(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", request.param)


@pytest.mark.slow
@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize("id_type", ["uuid", "text"])
def test_a_file_is_checked_and_loaded_by_the_type_of_its_ids(database: str, write_csv: Write, id_type: str) -> None:
    settings = settings_of(database, id_type)
    first, again = (f"{ONE},{TWO},{ONE},click,2024-01-01", f"{ONE},{TWO},{ONE},click,2024-01-01")
    other, more = (f"{ONE},{TWO},{TWO},click,2024-01-01", f"{TWO},{TWO},{ONE},view,2024-01-02")
    file = write_csv("a.csv", first, again, other, more)
    (checked,) = check_verb.check([file], settings).loads
    (done,) = load_verb.load([file], settings).loads
    assert done.error is None
    sums = [(one.rows_read, one.rows_loaded, one.rows_duplicate, one.rows_rejected) for one in (checked, done)]
    assert sums == [(4, 2, 1, 1)] * 2
    assert checked.groups[0].sample_value == done.groups[0].sample_value == str(ONE)
    (rejected,), _ = rejects_verb.show_rejects(settings, load_id=None, source=None, code=None, limit=None)
    assert (rejected.line_number, rejected.item, rejected.problems[0].value) == (4, 0, str(ONE))
    given = {UUID: UUID, str: str}[UUID if id_type == "uuid" else str]
    assert ask(database, "select interaction_id, product_id from user_interactions_raw order by 1") == [
        (given(str(ONE)), given(str(ONE))),
        (given(str(TWO)), given(str(ONE))),
    ]
    assert verify_verb.verify(settings).drift == ()
    (row,) = loads_verb.show_loads(settings, limit=None).rows
    table = loads_verb.show_loads(settings, limit=None)
    assert dict(zip(table.columns, row, strict=True))["rows_skipped"] == 0
    assert dict(zip(table.columns, row, strict=True))["definition"] == "footfall"


def test_text_is_trimmed_and_otherwise_untouched(database: str, write_csv: Write) -> None:
    settings = settings_of(database, "text")
    words = ["00123", "123", "Ä", "a b", "x" * 200]
    lines = [f"  {word} ,{word},{word},click,2024-01-01" for word in words]
    (done,) = load_verb.load([write_csv("a.csv", *lines, f"{'x' * 201},u,p,click,2024-01-01")], settings).loads
    assert (done.rows_loaded, done.rows_rejected) == (5, 1)
    assert [group.code for group in done.groups] == ["too-long"]
    for column in ("interaction_id", "user_id", "product_id"):
        assert {row[0] for row in ask(database, f"select {column} from user_interactions_raw")} == set(words)


def test_a_uuid_is_the_same_however_it_is_written(database: str, write_csv: Write) -> None:
    settings = settings_of(database, "uuid")
    lower = "0a0a0a0a-0000-0000-0000-00000000000b"
    lines = [f"{each},{ONE},{ONE},click,2024-01-01" for each in (lower, lower.upper())]
    (done,) = load_verb.load([write_csv("a.csv", *lines)], settings).loads
    assert (done.rows_loaded, done.rows_duplicate) == (1, 1)


@pytest.mark.slow
def test_numbers_given_as_text_give_the_same_counts(
    new_database: Callable[[], str], write_csv: Write, database: str
) -> None:
    lines = [f"{n * 37 % 101},{n % 7},{n % 3},click,2024-01-{n % 28 + 1:02}" for n in range(150)]
    files = [write_csv("a.csv", *lines[:90]), write_csv("b.csv", *lines[60:])]
    found = []
    for where, id_type in ((database, "bigint"), (new_database(), "text")):
        settings = settings_of(where, id_type)
        done = load_verb.load(files, settings)
        sums = (done.rows_read, done.rows_loaded, done.rows_duplicate, done.rows_rejected)
        rows = ask(
            where,
            "select interaction_id::text, user_id::text, product_id::text, action, timestamp, load_id"
            ' from user_interactions_raw order by interaction_id::text collate "C"',
        )
        counts = ask(
            where,
            "select user_id::text, product_id::text, interaction_count from interactions"
            ' order by user_id::text collate "C", product_id::text collate "C"',
        )
        found.append((sums, rows, counts))
    assert found[0] == found[1]


BY_NAME = """
interaction_id_type = "uuid"
[sources.daily]
interaction_id = { from = "record" }
user_id = "u"
product_id = "p"
action = { value = "view" }
timestamp = { from_name = "d-%Y-%m-%d" }
"""


def test_equal_records_of_two_days_are_two_where_the_name_of_the_file_gives_the_day(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("footfall.toml").write_text(BY_NAME, encoding="utf-8")
    Path("d-2024-01-01.csv").write_text("u,p\n1,1\n2,2\n", encoding="utf-8")
    Path("d-2024-01-02.csv").write_text("u,p\n2,2\n1,1\n", encoding="utf-8")
    Path("d-2024-01-01.csv.gz").write_bytes(gzip.compress(Path("d-2024-01-01.csv").read_bytes()))
    settings = load_settings(database_url=database, source="daily")
    names = ["d-2024-01-01.csv", "d-2024-01-02.csv", "d-2024-01-01.csv.gz"]
    for done in (check_verb.check(names, settings).loads, load_verb.load(names, settings).loads):
        assert [(one.rows_loaded, one.rows_duplicate, one.rows_rejected) for one in done] == [
            (2, 0, 0),
            (2, 0, 0),
            (0, 2, 0),
        ]


def test_the_bytes_of_one_day_under_the_name_of_another_are_said_to_be_of_another_contract(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("footfall.toml").write_text(BY_NAME, encoding="utf-8")
    for day in ("01", "02"):
        Path(f"d-2024-01-{day}.csv").write_text("u,p\n1,1\n", encoding="utf-8")
    settings = load_settings(database_url=database, source="daily")
    (first,) = load_verb.load(["d-2024-01-01.csv"], settings).loads
    (again,) = load_verb.load(["d-2024-01-01.csv"], settings).loads
    (other,) = load_verb.load(["d-2024-01-02.csv"], settings).loads
    assert (first.status, again.status, other.status) == ("loaded", "already-loaded", "already-loaded")
    assert again.notices == ()
    assert "a file name that says otherwise" in other.notices[0]


def test_a_definition_of_the_name_footfall_takes_the_place_of_the_own_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("footfall.toml").write_text('[sources.footfall]\nuser_id = "who"\n', encoding="utf-8")
    Path("a.csv").write_text(
        "interaction_id;who;product_id;action;timestamp\n1;2;3;view;2024-01-01\n", encoding="utf-8"
    )
    for source in (None, "footfall"):
        (checked,) = check_verb.check(["a.csv"], load_settings(source=source, delimiter=";")).loads
        assert (checked.rows_loaded, checked.error) == (1, None)


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ('product_id = { column = "p", default = "none" }', {}),
        ('user_id = { value = "9223372036854775808" }', {}),
        ('user_id = { value = "7" }', {"user_id_type": "uuid"}),
        (f'product_id = {{ column = "p", default = "{"n" * 201}" }}', {"product_id_type": "text"}),
    ],
)
def test_a_constant_that_is_no_id_of_the_tables_is_refused_before_a_file_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, settings: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("footfall.toml").write_text(f"[sources.shop]\n{field}\n", encoding="utf-8")
    Path("a.csv").write_text("nothing of this is read\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"the definition 'shop' gives (user|product)_id the (default|value)"):
        check_verb.check(["a.csv"], load_settings(source="shop", **settings))


@pytest.mark.usefixtures("_path")
def test_tables_that_are_made_again_with_other_ids_during_a_load_take_none_of_its_rows(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(database_url=database)
    load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01")], settings)
    take = turn.take_writer_lock

    def take_late(connection: Any, target: Any) -> None:
        """Let another client drop the tables and make them again, just before the lock is had."""
        connection.execute("drop schema public cascade; create schema public")
        apply_schema(connection, target, IdTypes("text", "text", "text"))
        take(connection, target)

    monkeypatch.setattr(turn, "take_writer_lock", take_late)
    (done,) = load_verb.load([write_csv("b.csv", "007,1,1,click,2024-01-01")], settings).loads
    assert (done.status, done.exit_code) == ("failed", 6)
    assert done.error is not None
    assert "other ids during this load" in done.error
