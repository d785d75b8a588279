"""The folder to which a load spills: gone with its session, and with the next one where the process was killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from footfall.engines import spill
from footfall.errors import TemporarySpaceError

CLIENT = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from footfall.engines.spill import open_spilling_session
with open_spilling_session(64, "create table t (x integer)"):
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def client(temporary: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process with a session open."""
    command = [sys.executable, "-c", CLIENT, str(temporary)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"open\n"
        yield process
        process.kill()


def folders(temporary: Path) -> list[Path]:
    return sorted(temporary.glob("footfall-spill-*"))


def open_session() -> None:
    spill.remove_abandoned_folders()
    with spill.open_spilling_session(64, "create table t (x integer)") as session:
        session.execute("insert into t select 1").fetchall()


def test_the_folder_is_private_and_gone_with_the_session(temporary: Path) -> None:
    with spill.open_spilling_session(64, "create table t (x integer)"):
        (folder,) = folders(temporary)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folders(temporary) == []


def test_the_folder_of_a_killed_process_is_removed_by_the_next_run(
    temporary: Path, client: subprocess.Popen[bytes]
) -> None:
    client.send_signal(signal.SIGKILL)
    client.wait()
    assert len(folders(temporary)) == 1
    open_session()
    assert folders(temporary) == []


def test_the_folder_of_a_living_process_stays(temporary: Path, client: subprocess.Popen[bytes]) -> None:
    before = folders(temporary)
    open_session()
    assert folders(temporary) == before
    assert client.poll() is None


def test_a_link_under_such_a_name_is_not_followed(temporary: Path) -> None:
    precious = temporary / "precious"
    precious.mkdir()
    (precious / "owner").write_text("")
    (temporary / "footfall-spill-x").symlink_to(precious)
    open_session()
    assert (precious / "owner").exists()


def test_a_folder_that_was_never_locked_goes_once_it_is_old(temporary: Path) -> None:
    young, old = temporary / "footfall-spill-young", temporary / "footfall-spill-old"
    for folder in (young, old):
        folder.mkdir()
    os.utime(old, (0, 0))
    open_session()
    assert folders(temporary) == [young]


def test_where_there_is_no_temporary_folder_at_all_there_is_nothing_to_remove(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    spill.remove_abandoned_folders()
    with (
        pytest.raises(TemporarySpaceError, match="No usable temporary directory found; set TMPDIR"),
        spill.open_spilling_session(64, "create table t (x integer)"),
    ):
        pass


def test_where_no_folder_can_be_made_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with (
        pytest.raises(TemporarySpaceError, match=r"no temporary folder can be made: .*nowhere.*set TMPDIR"),
        spill.open_spilling_session(64, "create table t (x integer)"),
    ):
        pass
