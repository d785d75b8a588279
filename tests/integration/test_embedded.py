"""The embedded PostgreSQL: real servers in homes of their own, as root and as a plain user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from footfall.errors import EmbeddedDatabaseError
from footfall.postgres.embedded import clients, server
from footfall.postgres.embedded import home as embedded_home

pytestmark = pytest.mark.slow
IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root: it changes accounts")
# Uses the server until its standard input ends. A test run in the background ignores SIGINT: here it is heard again.
CLIENT = """
import signal, sys
from pathlib import Path
import psycopg
from footfall.postgres.embedded import clients
signal.signal(signal.SIGINT, signal.default_int_handler)
with clients.keep_running(Path(sys.argv[1])) as conninfo:
    with psycopg.connect(conninfo) as connection:
        print(connection.execute("select 1").fetchone()[0], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other accounts can enter; what is in it is stopped and removed."""
    with tempfile.TemporaryDirectory(prefix="fft-", dir="/tmp") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path
        if (path / "home/lock").exists():
            clients.stop(path / "home")


@pytest.fixture
def new_home(folder: Path) -> Path:
    """A home that is not there yet."""
    return folder / "home"


@pytest.fixture(scope="module")
def made_home(short_folder: Path) -> Path:
    """A home with its database, whose server is stopped."""
    assert answer(short_folder / "made") == 1
    return short_folder / "made"


@pytest.fixture
def home(made_home: Path, new_home: Path) -> Path:
    """A copy of it: most tests are about what comes after initdb, which takes the longest."""
    subprocess.run(["cp", "-a", made_home, new_home], check=True)
    return new_home


def client(home: Path, **words: object) -> subprocess.Popen[bytes]:
    """Start a process that uses the server until its standard input is closed."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", CLIENT, str(home)], **pipes, **words)  # type: ignore[call-overload,no-any-return]


def until(fact: Callable[[], object]) -> None:
    """Wait for a fact, however busy the machine is; pytest's own time-out ends a wait that has no end."""
    while not fact():
        time.sleep(0.02)


def answer(home: Path) -> int:
    with clients.keep_running(home) as conninfo, psycopg.connect(conninfo) as connection:
        row = connection.execute("select 1").fetchone()
    assert row is not None
    return int(row[0])


def as_plain_user(work: Callable[[], None]) -> int:
    """Run something in a child process as `daemon`, as a stand-in for a plain user; give its exit code."""
    child = os.fork()
    if child == 0:
        try:
            account = pwd.getpwnam("daemon")
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_the_last_client_stops_the_server(new_home: Path) -> None:
    with clients.keep_running(new_home):
        assert clients.find_status(new_home).running
        with clients.keep_running(new_home):
            pass
        assert clients.find_status(new_home).running
    assert not clients.find_status(new_home).running


def test_a_started_server_stays_until_it_is_stopped(home: Path) -> None:
    url = clients.start(home)
    assert answer(home) == 1
    assert clients.find_status(home).pinned
    with psycopg.connect(url) as connection:
        assert connection.execute("show fsync").fetchone() == ("on",)
        assert connection.execute("show listen_addresses").fetchone() == ("",)
        assert connection.execute("show server_encoding").fetchone() == ("UTF8",)
    assert clients.stop(home)
    assert not clients.stop(home)
    assert not clients.find_status(home).running


def test_stop_is_refused_while_a_command_uses_the_server(home: Path) -> None:
    with clients.keep_running(home), pytest.raises(EmbeddedDatabaseError, match="another Footfall command"):
        clients.stop(home)


def test_a_killed_client_leaves_a_server_that_the_next_one_stops(home: Path) -> None:
    with client(home) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"1\n"
        killed.kill()
    assert clients.find_status(home).running
    assert answer(home) == 1
    assert not clients.find_status(home).running


def test_many_first_commands_at_once_share_one_server(new_home: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda _: client(new_home).communicate()[0], range(6))) == [b"1\n"] * 6
    assert not clients.find_status(new_home).running


def test_ctrl_c_does_not_reach_the_server(home: Path) -> None:
    with client(home, start_new_session=True, stderr=subprocess.DEVNULL) as stopped:
        assert stopped.stdout is not None
        assert stopped.stdout.readline() == b"1\n"
        pid = clients.find_status(home).pid
        assert pid is not None
        assert os.getsid(pid) != os.getsid(stopped.pid)
        with clients.keep_running(home):
            os.killpg(stopped.pid, signal.SIGINT)
            assert stopped.wait() != 0
            assert clients.find_status(home).pid == pid
            assert answer(home) == 1


def test_a_killed_server_recovers_with_what_was_committed(home: Path) -> None:
    clients.start(home)
    with psycopg.connect(clients.find_url(home)) as connection:
        connection.execute("create table kept (a integer)")
    pid = clients.find_status(home).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: not clients.find_status(home).running)
    with clients.keep_running(home) as conninfo, psycopg.connect(conninfo) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)


def test_data_of_another_major_version_are_refused(home: Path) -> None:
    assert answer(home) == 1
    (home / "data/PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedDatabaseError, match="made by PostgreSQL 12"):
        answer(home)
    (home / "data/PG_VERSION").write_text("18\n")
    assert answer(home) == 1


def test_a_home_survives_the_removal_of_the_package(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer(home) == 1
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert answer(home) == 1


def test_nothing_of_ours_is_open_to_others(new_home: Path) -> None:
    with clients.keep_running(new_home):
        for path in [new_home, new_home / "data", new_home / "run"]:
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert stat.S_IMODE((new_home / "lock").stat().st_mode) == 0o600


def test_no_account_is_made_and_no_folder_is_loosened(folder: Path, new_home: Path) -> None:
    accounts = Path("/etc/passwd").read_bytes()
    package = Path(clients.__file__).parents[1]
    watched = [*new_home.parents, *package.parents, package]
    before = [path.stat().st_mode for path in watched]
    assert answer(new_home) == 1
    assert [path.stat().st_mode for path in watched] == before
    assert Path("/etc/passwd").read_bytes() == accounts


def test_a_long_home_has_its_socket_elsewhere(folder: Path) -> None:
    long = folder / ("a" * 60) / ("b" * 60)
    long.parent.mkdir(mode=0o711)
    assert answer(long) == 1
    assert answer(long) == 1


def test_a_folder_with_other_files_is_not_taken_over(new_home: Path) -> None:
    new_home.mkdir(mode=0o700)
    (new_home / "thesis.txt").write_text("mine")
    with pytest.raises(EmbeddedDatabaseError, match="not Footfall's own"):
        answer(new_home)
    assert [path.name for path in new_home.iterdir()] == ["thesis.txt"]


def test_a_home_that_is_a_file_is_refused(new_home: Path) -> None:
    new_home.write_text("")
    with pytest.raises(EmbeddedDatabaseError, match="is a file"):
        answer(new_home)


@needs_root
def test_root_is_told_where_the_account_may_not_enter(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(EmbeddedDatabaseError, match="may not enter"):
        answer(private / "home")
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert list(private.iterdir()) == []


@needs_root
def test_root_runs_the_server_as_an_account_written_down(new_home: Path) -> None:
    with clients.keep_running(new_home):
        name = (new_home / "account").read_text().strip()
        pid = clients.find_status(new_home).pid
        assert Path(f"/proc/{pid}").stat().st_uid == pwd.getpwnam(name).pw_uid != 0


@needs_root
def test_a_plain_user_has_a_server_below_a_private_folder(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    account = pwd.getpwnam("daemon")
    os.chown(private, account.pw_uid, account.pw_gid)

    def work() -> None:
        assert answer(private / "home") == 1

    assert as_plain_user(work) == 0
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


@needs_root
def test_a_plain_user_is_told_of_a_read_only_folder(folder: Path) -> None:
    def work() -> None:
        with pytest.raises(EmbeddedDatabaseError, match="cannot be written"):
            answer(folder / "home")

    assert as_plain_user(work) == 0


@needs_root
def test_a_full_disk_is_named(folder: Path) -> None:
    small = folder / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=711", "tmpfs", small], check=False)
    if mounted.returncode:
        pytest.skip("cannot mount a small tmpfs here")
    try:
        with pytest.raises(EmbeddedDatabaseError, match="no space left"):
            answer(small / "home")
        assert list(small.glob("home/scratch-*")) == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_server_whose_maker_was_killed_before_the_database_gets_one(home: Path) -> None:
    clients.start(home)
    with clients.keep_running(home) as conninfo:
        admin = make_conninfo(conninfo, dbname="postgres")
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("drop database footfall")
    assert answer(home) == 1


def test_a_killed_server_with_a_busy_backend_recovers(home: Path) -> None:
    url = clients.start(home)
    query = "select count(*) from generate_series(1, 20000000)"
    code = f"import psycopg; psycopg.connect({url!r}).execute({query!r})"
    is_busy = f"select from pg_stat_activity where query = '{query}' and state = 'active'"
    with (
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL),
        psycopg.connect(url, autocommit=True) as watcher,
    ):
        until(lambda: watcher.execute(is_busy).fetchall())
        pid = clients.find_status(home).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert answer(home) == 1


def test_a_socket_folder_that_was_swept_is_made_anew(folder: Path) -> None:
    long = folder / ("a" * 60) / ("b" * 60)
    long.parent.mkdir(mode=0o711)
    clients.start(long)
    shutil.rmtree((long / "socket-folder").read_text())
    try:
        assert answer(long) == 1
    finally:
        assert clients.stop(long)


def test_a_home_that_was_moved_to_a_short_path_has_its_socket_in_itself(folder: Path, new_home: Path) -> None:
    long = folder / ("a" * 60) / ("b" * 60)
    long.parent.mkdir(mode=0o711)
    clients.start(long)
    elsewhere = (long / "socket-folder").read_text()
    long.rename(new_home)
    try:
        assert answer(new_home) == 1
        assert f"host={quote(elsewhere, safe='')}&" in clients.find_url(new_home)  # the server runs on as it began
        assert clients.stop(new_home)
        assert answer(new_home) == 1
        clients.start(new_home)
        assert f"host={quote(str(new_home / 'run'), safe='')}&" in clients.find_url(new_home)
    finally:
        shutil.rmtree(elsewhere)


def test_a_running_server_keeps_its_binaries_when_the_package_is_upgraded(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.start(home)
    monkeypatch.setattr(server, "version", lambda _: "18.99.0")
    copies = list(home.glob("postgresql-1*"))
    assert answer(home) == 1
    assert clients.stop(home)
    assert list(home.glob("postgresql-1*")) == copies
    assert answer(home) == 1
    assert [copy.name for copy in home.glob("postgresql-1*")] == ["postgresql-18.99.0"]


@pytest.mark.parametrize("name", ["a,b", "a$HOME", 'a"b', "a\\b"])
def test_a_path_that_the_tools_do_not_take_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(EmbeddedDatabaseError, match="in a path"):
        answer(folder / name)
    assert list(folder.iterdir()) == []


def test_a_home_that_others_can_write_is_refused(home: Path) -> None:
    with clients.keep_running(home):
        pass
    home.chmod(0o777)
    with pytest.raises(EmbeddedDatabaseError, match="written by others"):
        answer(home)
    home.chmod(0o700)


def test_a_program_that_hangs_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[Path], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 1)

    clients.start(home)
    clients.stop(home)
    monkeypatch.setattr(server, "_assert_major", lambda *_: monkeypatch.setattr("subprocess.run", hang))
    monkeypatch.setattr(embedded_home, "assert_reachable", lambda *_: None)
    with pytest.raises(EmbeddedDatabaseError, match="was not done after"):
        answer(home)
    monkeypatch.undo()


@needs_root
def test_root_follows_no_link_that_the_account_put_into_the_home(folder: Path, home: Path) -> None:
    precious = folder / "precious"
    precious.write_text("mine")
    precious.chmod(0o600)
    assert answer(home) == 1
    (home / "data/pg_hba.conf").unlink()
    (home / "data/pg_hba.conf").symlink_to(precious)
    with pytest.raises(EmbeddedDatabaseError, match="cannot create"):
        answer(home)
    assert precious.read_text() == "mine"


@needs_root
def test_a_plain_user_is_told_of_a_home_out_of_reach(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)

    def work() -> None:
        for verb in (answer, clients.find_status, clients.stop):
            with pytest.raises(EmbeddedDatabaseError, match="cannot be used"):
                verb(private / "home")

    assert as_plain_user(work) == 0


@needs_root
def test_folders_that_we_make_can_be_passed_whatever_the_umask(folder: Path) -> None:
    home = folder / "one/two/home"
    before = os.umask(0o077)
    try:
        assert answer(home) == 1
    finally:
        os.umask(before)
