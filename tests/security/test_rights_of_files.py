"""Rights of the files and folders that Footfall makes, whoever runs it and whatever the umask."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from footfall.cli.output import open_file
from footfall.engines import spill
from footfall.postgres.embedded import clients
from footfall.sources.opening import open_source

Write = Callable[..., str]


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def rights(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def _any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    with umask(request.param):
        yield


@pytest.mark.usefixtures("_any_umask")
def test_a_copy_of_stdin_is_for_its_owner_alone() -> None:
    code = (
        "import os, sys; from footfall.sources.opening import open_source\n"
        "with open_source('-') as file: print(oct(os.fstat(file.stream.fileno()).st_mode & 0o777))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input="a,b\n", capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout == "0o600\n"


@pytest.mark.usefixtures("_any_umask")
def test_a_folder_to_spill_into_is_for_its_owner_alone_and_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with spill.open_spilling_session(64, "create table seen (id bigint)"):
        (folder,) = tmp_path.iterdir()
        assert rights(folder) == 0o700
    assert list(tmp_path.iterdir()) == []


def test_an_answer_is_for_its_owner_alone_until_it_is_whole_then_as_the_umask_says() -> None:
    with umask(0o027):
        with open_file(Path("out.csv"), is_binary=False) as stream:
            (unfinished,) = Path().iterdir()
            assert rights(unfinished) == 0o600
            stream.write("x")
        assert rights(Path("out.csv")) == 0o640


def test_an_answer_in_the_place_of_a_file_keeps_its_rights() -> None:
    Path("out.csv").touch(mode=0o600)
    with umask(0), open_file(Path("out.csv"), is_binary=False) as stream:
        stream.write("x")
    assert rights(Path("out.csv")) == 0o600


@pytest.mark.slow
@pytest.mark.usefixtures("_any_umask")
def test_a_home_and_all_below_it_is_closed_to_others(short_folder: Path) -> None:
    home = short_folder / f"rights-{len(list(short_folder.iterdir()))}"
    with clients.keep_running(home):
        found = {str(path.relative_to(home)): rights(path) for path in home.rglob("*") if not path.is_symlink()}
        sockets = [name for name in found if Path(home / name).is_socket()]
    open_to_others = {name: oct(mode) for name, mode in found.items() if mode & 0o077 and name not in sockets}
    # What lies below a closed folder cannot be reached, whatever its own rights.
    assert rights(home) == 0o700
    assert not {name: mode for name, mode in open_to_others.items() if "/" not in name}
    assert found["data"] == 0o700


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a file on")
def test_what_root_makes_belongs_to_the_account_and_to_nobody_else(short_folder: Path) -> None:
    home = short_folder / "owned"
    with clients.keep_running(home):
        owners = {path.lstat().st_uid for path in [home, *home.rglob("*")]}
    assert owners == {home.stat().st_uid}
    assert 0 not in owners


def test_reading_a_source_changes_nothing_about_it(write_csv: Write) -> None:
    path = Path(write_csv("a.csv", "1,1,1,click,2024-01-01"))
    path.chmod(0o400)
    before = path.stat()
    with open_source(str(path)):
        pass
    after = path.stat()
    assert (before.st_mode, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_mode,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )
