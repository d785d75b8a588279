"""A full disk, on the server and below TMPDIR: a small tmpfs each, and the same command again when there is room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from footfall.engines.spill import open_spilling_session
from footfall.errors import TemporarySpaceError
from footfall.postgres.embedded import clients
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from trials import IS_LONG, Contents, Figures, compare

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("mount") is None or sys.platform != "linux",
        reason="a small disk is a tmpfs, and only root may mount one",
    ),
]
ROWS = 100_000  # more than 15 MB in the database
ROWS_TO_SPILL = 700_000  # distinct pairs: their counts take more than a quarter of the least memory limit


def mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size},mode=711", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def footfall(*words: str, stdin: bytes | None = None, **variables: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "footfall.cli", *words]
    return subprocess.run(
        command, input=stdin, check=False, capture_output=True, env=os.environ | variables, timeout=600
    )


def wide(write_csv: Callable[..., str], rows: int) -> str:
    """Write rows whose users and products hardly come again, and one bad row."""
    pairs = ((n, n * 7919 % 1_000_003 + 1, n * 104_729 % 99_991 + 1) for n in range(1, rows + 1))
    return write_csv("wide.csv", *(f"{n},{user},{product},click,2024-01-01" for n, user, product in pairs), "x,1,1,a,b")


def failed_loads(database: str) -> list[tuple[str, str]]:
    """Read what the ledger says of loads that failed: their source and error."""
    with psycopg.connect(database) as connection:
        return connection.execute("select source, error from loads where status = 'failed' order by load_id").fetchall()


@contextmanager
def on_disk(database: str, admin: str, disk: Path) -> Iterator[None]:
    """Keep a database's tables on a disk of their own, apart from the server's log."""
    name = sql.Identifier(str(conninfo_to_dict(database)["dbname"]))
    with psycopg.connect(admin, autocommit=True) as connection:
        ((data,),) = connection.execute("show data_directory").fetchall()
        owner = Path(data).stat()
        os.chown(disk, owner.st_uid, owner.st_gid)
        connection.execute(sql.SQL("create tablespace small location {}").format(str(disk)))
        connection.execute(sql.SQL("alter database {} set tablespace small").format(name))
        try:
            yield
        finally:
            connection.execute(sql.SQL("alter database {} set tablespace pg_default").format(name))
            connection.execute("drop tablespace small")


LONG = pytest.mark.skipif(not IS_LONG, reason="takes its time; `make crash` runs it")


@pytest.mark.slow
@pytest.mark.parametrize("size", [pytest.param("107m", id="107 MB"), pytest.param("113m", id="113 MB", marks=LONG)])
def test_a_full_disk_of_the_server_is_exit_5_and_with_room_the_same_command_loads(
    short_folder: Path,
    new_database: Callable[[], str],
    write_csv: Callable[..., str],
    contents: Contents,
    figures: Figures,
    size: str,
) -> None:
    csv = wide(write_csv, ROWS)
    truth_in = new_database()
    assert load_verb.load([csv], load_settings(database_url=truth_in)).exit_code == 0
    with small_disk(short_folder / "full", size) as disk:  # initdb and the binaries take 95 MB
        home = disk / "home"
        failed = footfall("load", csv, FOOTFALL_HOME=str(home))
        assert failed.returncode == 5, failed.stderr
        assert b"run the same command again" in failed.stderr
        # The server may die of its full log before it can answer: then the client only knows that it was lost.
        assert (
            b"the server's disk is full" in failed.stderr
            or b"the database is not reachable, or was lost" in failed.stderr
        )
        mount("-o", "remount,size=1g", str(disk))
        with clients.keep_running(home) as conninfo:
            assert contents(conninfo)["raw"] == contents(conninfo)["quarantine"] == []
        again = footfall("load", csv, FOOTFALL_HOME=str(home))
        assert again.returncode == 0, again.stderr
        with clients.keep_running(home) as conninfo:
            compare(figures, contents(conninfo), contents(truth_in))
    figures.kills["disk full on the server"] += 1


@pytest.mark.slow
def test_tables_on_a_full_disk_are_a_failure_that_says_so_and_is_in_the_ledger(
    short_folder: Path,
    cluster: Any,
    new_database: Callable[[], str],
    write_csv: Callable[..., str],
    contents: Contents,
    figures: Figures,
) -> None:
    csv, database, truth_in = wide(write_csv, ROWS), new_database(), new_database()
    assert load_verb.load([csv], load_settings(database_url=truth_in)).exit_code == 0
    schema_verb.upgrade_schema(load_settings(database_url=database))
    with small_disk(short_folder / "tables", "18m") as disk, on_disk(database, cluster.admin, disk):
        failed = footfall("load", csv, "--database", database)
        assert failed.returncode == 5, failed.stderr
        assert b"the server's disk is full" in failed.stderr
        assert b"free some space there, then run the same command again" in failed.stderr
        assert contents(database)["raw"] == contents(database)["quarantine"] == []
        ((source, error),) = failed_loads(database)
        assert source == csv
        assert error.startswith("the server's disk is full")
        mount("-o", "remount,size=1g", str(disk))
        again = footfall("load", csv, "--database", database)
        assert again.returncode == 0, again.stderr
        compare(figures, contents(database), contents(truth_in))
    figures.kills["disk full below the tables"] += 1


@pytest.mark.slow
def test_a_disk_too_small_to_make_the_database_leaves_a_home_that_can_be_made_later(
    short_folder: Path, write_csv: Callable[..., str]
) -> None:
    csv = write_csv("a.csv", "1,1,1,click,2024-01-01")
    with small_disk(short_folder / "tiny", "60m") as disk:  # the binaries fit, the data do not
        failed = footfall("load", csv, FOOTFALL_HOME=str(disk / "home"))
        assert failed.returncode == 5, failed.stderr
        assert b"free some space" in failed.stderr
        assert list((disk / "home").glob("scratch-*")) == []
        mount("-o", "remount,size=1g", str(disk))
        again = footfall("load", csv, FOOTFALL_HOME=str(disk / "home"))
        assert again.returncode == 0, again.stderr


def test_a_session_that_spills_into_a_full_folder_says_what_to_do(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(short_folder / "spilled", "1m") as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        with (
            pytest.raises(TemporarySpaceError, match="set TMPDIR"),
            open_spilling_session(8, "create table numbers (number bigint)") as session,
        ):
            session.execute(
                "insert into numbers select hash(number) % 1_000_000_007 from range(4_000_000) as r (number)"
            )
        assert list(disk.iterdir()) == []


@LONG
def test_a_full_spill_folder_says_what_to_do_and_with_room_the_same_command_loads(
    database: str, short_folder: Path, write_csv: Callable[..., str], contents: Contents, figures: Figures
) -> None:
    csv = wide(write_csv, ROWS_TO_SPILL)
    other = write_csv("other.csv", "900000,1,1,click,2024-01-01")
    least = {"FOOTFALL_DATABASE_URL": database, "FOOTFALL_MEMORY_LIMIT_MB": "128"}
    with small_disk(short_folder / "spill", "1m") as disk:
        failed = footfall("load", csv, other, TMPDIR=str(disk), **least)
        assert failed.returncode == 1
        assert b"set TMPDIR to a folder on another disk" in failed.stderr
        assert list(disk.iterdir()) == []
    assert [row[0] for row in contents(database)["raw"]] == [900_000]
    assert len(contents(database)["ledger"]) == 1  # the other file
    ((source, error),) = failed_loads(database)
    assert source == csv
    assert "set TMPDIR" in error
    again = footfall("load", csv, **least)
    assert again.returncode == 0, again.stderr
    with psycopg.connect(database) as connection:
        rows: Any = connection.execute("select count(*), count(distinct interaction_id) from user_interactions_raw")
        assert rows.fetchone() == (ROWS_TO_SPILL + 1, ROWS_TO_SPILL + 1)
    figures.kills["spill folder full"] += 1


def test_no_room_for_what_comes_from_stdin_says_where_it_was_to_go(database: str, short_folder: Path) -> None:
    content = b"interaction_id,user_id,product_id,action,timestamp\n" + b"1,1,1,click,2024-01-01\n" * 100_000
    with small_disk(short_folder / "spool", "1m") as disk:
        failed = footfall("load", "-", "--database", database, stdin=content, TMPDIR=str(disk))
        assert failed.returncode == 3
        assert str(disk).encode() in failed.stderr
        assert b"set TMPDIR" in failed.stderr
        assert list(disk.iterdir()) == []
    ((source, error),) = failed_loads(database)
    assert source == "-"
    assert "set TMPDIR" in error
