"""The cache of what loaded files looked like: it spares reading them again, and never hides one that changed."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footfall.results import LoadResult
from footfall.settings import load_settings
from footfall.sources import file_systems, opening
from footfall.tables import known_files
from footfall.verbs import discover as discover_verb
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb

Write = Callable[..., str]
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"


def line(number: int, user: int = 1) -> str:
    return f"{number},{user},1,click,2024-01-01"


def load(database: str, *names: str, **more: object) -> tuple[LoadResult, ...]:
    return load_verb.load(list(names), load_settings(database_url=database, **more)).loads


def statuses(database: str, *names: str, **more: object) -> list[str]:
    return [each.status for each in load(database, *names, **more)]


def ask(database: str, query: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(autouse=True)
def _on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Believe the file system of a container, too: these tests write their files themselves."""
    monkeypatch.setattr(file_systems, "WITH_CHANGE_TIMES", file_systems.WITH_CHANGE_TIMES | {"overlay"})


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files for settled at once: a test does not wait two seconds."""
    monkeypatch.setattr(known_files, "SETTLED_NS", 0)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources that were opened."""
    real, seen = opening.open_source, []

    def open_source(source: str) -> Any:
        seen.append(source)
        return real(source)

    monkeypatch.setattr(opening, "open_source", open_source)
    return seen


@pytest.mark.usefixtures("settled")
def test_a_file_that_did_not_change_is_not_read_again(database: str, write_csv: Write, opened: list[str]) -> None:
    names = [write_csv("a.csv", line(1)), write_csv("b.csv", line(2))]
    first = load(database, *names)
    opened.clear()
    again = load(database, *names)
    assert opened == []
    assert [(each.status, each.load_id, each.digest) for each in again] == [
        ("already-loaded", each.load_id, each.digest) for each in first
    ]
    assert all(each.loaded_at for each in again)


@pytest.mark.usefixtures("settled")
def test_a_new_file_among_known_ones_is_loaded_in_its_place(database: str, write_csv: Write, opened: list[str]) -> None:
    names = [write_csv(f"{n}.csv", line(n)) for n in range(1, 6)]
    load(database, names[0], names[1], names[3])
    opened.clear()
    results = load(database, *names)
    assert [each.source for each in results] == names
    assert [each.status for each in results] == [
        "already-loaded",
        "already-loaded",
        "loaded",
        "already-loaded",
        "loaded",
    ]
    assert opened == [names[2], names[4]]


@pytest.mark.usefixtures("settled")
def test_other_content_of_the_same_size_and_time_is_read_and_loaded(database: str, write_csv: Write) -> None:
    name = write_csv("a.csv", line(1))
    load(database, name)
    before = Path(name).stat()
    Path(name).write_text(HEADER + line(2) + "\n")
    os.utime(name, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = Path(name).stat()
    assert (before.st_size, before.st_mtime_ns, before.st_ino) == (after.st_size, after.st_mtime_ns, after.st_ino)
    assert statuses(database, name) == ["loaded"]
    assert ask(database, "select interaction_id from user_interactions_raw order by 1") == [(1,), (2,)]


@pytest.mark.usefixtures("settled")
def test_another_file_under_the_same_name_is_read(database: str, write_csv: Write, tmp_path: Path) -> None:
    name, other = write_csv("a.csv", line(1)), write_csv("b.csv", line(2))
    load(database, name)
    Path(other).rename(name)
    assert statuses(database, name) == ["loaded"]


def test_a_file_that_was_written_just_now_is_read_again(
    database: str, write_csv: Write, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write_csv("a.csv", line(1))
    written = Path(name).stat().st_mtime_ns
    monkeypatch.setattr(opening.time, "time_ns", lambda: written)  # on a busy machine two seconds may pass before that
    load(database, name)
    assert ask(database, "select from source_files") == []
    opened.clear()
    assert statuses(database, name) == ["already-loaded"]
    assert opened == [name]


def test_a_file_is_remembered_once_it_has_settled(
    database: str, write_csv: Write, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write_csv("a.csv", line(1))
    load(database, name)
    later = time.time_ns() + 2 * known_files.SETTLED_NS
    monkeypatch.setattr(opening.time, "time_ns", lambda: later)
    load(database, name)
    assert len(ask(database, "select from source_files")) == 1
    opened.clear()
    assert statuses(database, name) == ["already-loaded"]
    assert opened == []


@pytest.mark.usefixtures("settled")
def test_rehash_reads_every_file(database: str, write_csv: Write, opened: list[str]) -> None:
    name = write_csv("a.csv", line(1))
    load(database, name)
    opened.clear()
    assert statuses(database, name, rehash=True) == ["already-loaded"]
    assert opened == [name]


@pytest.mark.usefixtures("settled")
def test_a_digest_that_the_ledger_does_not_hold_as_loaded_is_no_reason_to_pass_over(
    database: str, write_csv: Write
) -> None:
    name = write_csv("a.csv", line(1))
    load(database, name)
    with psycopg.connect(database) as connection:
        connection.execute("update loads set status = 'undone'")
        connection.execute("truncate user_interactions_raw, interactions")
    assert statuses(database, name) == ["loaded"]


@pytest.mark.usefixtures("settled")
def test_a_failed_file_is_not_remembered(database: str, write_csv: Write) -> None:
    name = write_csv("a.csv", line(1), "bad")
    assert statuses(database, name, max_rejected="0") == ["failed"]
    assert ask(database, "select from source_files") == []
    assert statuses(database, name) == ["loaded"]


@pytest.mark.usefixtures("settled")
def test_the_folder_from_which_it_is_called_does_not_matter(
    database: str, write_csv: Write, opened: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write_csv("deep/a.csv", line(1))
    load(database, name)
    opened.clear()
    monkeypatch.chdir(tmp_path / "deep")
    assert statuses(database, "a.csv") == ["already-loaded"]
    assert opened == []


@pytest.mark.usefixtures("settled")
def test_a_name_that_is_no_text_is_remembered(database: str, tmp_path: Path, opened: list[str]) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n'a.csv")
    with open(name, "w") as file:  # noqa: PTH123
        file.write(HEADER + line(1) + "\n")
    assert statuses(database, name) == ["loaded"]
    opened.clear()
    assert statuses(database, name) == ["already-loaded"]
    assert opened == []


@pytest.mark.usefixtures("settled")
def test_discover_reads_no_file_that_did_not_change(database: str, write_csv: Write, opened: list[str]) -> None:
    known, new = write_csv("a.csv", line(1)), write_csv("b.csv", line(2))
    load_id = load(database, known)[0].load_id
    opened.clear()
    settings = load_settings(database_url=database)
    assert [each.load_id for each in discover_verb.discover([known, new], settings)] == [load_id, None]
    assert opened == [new]


@pytest.mark.usefixtures("settled")
def test_discover_works_for_a_role_that_may_not_ask_the_cache(
    database: str, write_csv: Write, opened: list[str], new_role: Callable[..., str]
) -> None:
    name = write_csv("a.csv", line(1))
    load_id = load(database, name)[0].load_id
    opened.clear()
    role = new_role("grant select on loads, footfall_migrations to {role}")
    found = discover_verb.discover([name], load_settings(database_url=role))
    assert [each.load_id for each in found] == [load_id]
    assert opened == [name]


@pytest.mark.usefixtures("settled")
def test_a_file_that_was_not_settled_when_it_was_opened_is_not_kept_however_long_the_load_takes(
    database: str, write_csv: Write, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write_csv("a.csv", line(1))
    real = time.time_ns
    monkeypatch.setattr(opening.time, "time_ns", lambda: Path(name).stat().st_mtime_ns)
    load(database, name)
    assert ask(database, "select from source_files") == []
    monkeypatch.setattr(opening.time, "time_ns", real)


@pytest.mark.usefixtures("settled")
def test_a_file_that_changes_while_those_before_it_are_loaded_is_read(
    database: str, write_csv: Write, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known, new = write_csv("b.csv", line(2)), write_csv("a.csv", line(1))
    load(database, known)
    real = load_verb._Loader.load_alone

    def rewrite(loader: Any, path: str) -> Any:
        if path == new:
            Path(known).write_text(HEADER + line(3) + "\n")
        return real(loader, path)

    monkeypatch.setattr(load_verb._Loader, "load_alone", rewrite)
    assert statuses(database, new, known) == ["loaded", "loaded"]
    assert ask(database, "select interaction_id from user_interactions_raw order by 1") == [(1,), (2,), (3,)]


@pytest.mark.usefixtures("settled")
def test_what_does_not_fit_into_the_cache_is_loaded_all_the_same(
    database: str, tmp_path: Path, write_csv: Write
) -> None:
    chance = random.Random(1)
    folder = tmp_path.joinpath(*("".join(chance.choices("abcdefghijklmnop", k=200)) for _ in range(14)))
    folder.mkdir(parents=True)
    long, old = folder / "a.csv", Path(write_csv("old.csv", line(2)))
    long.write_text(HEADER + line(1) + "\n")
    os.utime(old, (-12_000_000_000, -12_000_000_000))
    assert statuses(database, str(long), str(old)) == ["loaded", "loaded"]
    assert statuses(database, str(long), str(old)) == ["already-loaded", "already-loaded"]


@pytest.mark.usefixtures("settled")
def test_a_role_that_may_not_write_the_cache_loads_all_the_same(
    database: str, write_csv: Write, opened: list[str], new_role: Callable[..., str]
) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    role = new_role(
        "grant select, insert, update, delete on all tables in schema public to {role}",
        "grant usage on all sequences in schema public to {role}",
        "revoke all on source_files from {role}",
    )
    name = write_csv("a.csv", line(1))
    assert statuses(role, name) == ["loaded"]
    assert statuses(role, name) == ["already-loaded"]
    assert opened == [name, name]


def test_a_name_that_is_a_url_is_never_answered_from_the_cache(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settled: None
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "http:/127.0.0.1:9"
    place.mkdir(parents=True)
    (place / "a.csv").write_text(HEADER + line(1) + "\n")
    assert statuses(database, "./http:/127.0.0.1:9/a.csv") == ["loaded"]
    assert statuses(database, "http://127.0.0.1:9/a.csv") == ["failed"]
