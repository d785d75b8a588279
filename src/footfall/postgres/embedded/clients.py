"""Share one embedded PostgreSQL between commands: the first command starts it, and the last one stops it.

Every client holds a shared lock on `<home>/lock`; start, stop and initdb hold it exclusively. The last client stops the
server unless `start` pinned it. A killed client leaves a running server, which the next client uses and then stops.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from footfall.errors import EmbeddedDatabaseError
from footfall.postgres.embedded.home import Place, is_made, open_home, translate_file_errors, write_private
from footfall.postgres.embedded.server import (
    POLL_S,
    WAIT_S,
    compose_conninfo,
    is_listening,
    is_ready,
    make_url,
    read_pid,
    start_server,
    stop_server,
)


@dataclass(frozen=True, slots=True)
class Status:
    """What `footfall database status` reports. `pid` is that of the postmaster."""

    running: bool
    pinned: bool
    home: Path
    version: str | None
    url: str | None
    pid: int | None


def find_default_home() -> Path:
    """Give the home to use where none is set: /var/lib/footfall for root, else a folder in the user's data folder."""
    if os.geteuid() == 0:
        return Path("/var/lib/footfall")
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/footfall"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "footfall"


@contextmanager
def keep_running(home: Path) -> Iterator[str]:
    """Keep the embedded server running for the length of the block, and give its conninfo.

    Effects: starts the server where it is not running, and stops it afterwards where no other client uses it and
    `start` has not pinned it.
    Raises: EmbeddedDatabaseError.
    """
    place = open_home(home)
    with _lock_file(place) as lock:
        _enter(place, lock)
        try:
            yield compose_conninfo(place)
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)
            if _try_exclusive(lock) and not place.pin.exists():
                stop_server(place)


def start(home: Path) -> str:
    """Start the server and pin it, so that it runs until `stop`; give its URL.

    Effects: none where it is running and pinned already. Raises: EmbeddedDatabaseError.
    """
    place = open_home(home)
    with _lock_file(place) as lock:
        _enter(place, lock)
        with translate_file_errors(place.home):
            write_private(place.pin, "", place.account)
    return make_url(place)


def stop(home: Path) -> bool:
    """Unpin and stop the server; say whether it was running.

    Raises: EmbeddedDatabaseError where another command uses the server. The server is unpinned even then, so it stops
    after that command.
    """
    home = home.absolute()
    if not is_made(home):
        return False
    place = open_home(home)
    with _lock_file(place) as lock:
        place.pin.unlink(missing_ok=True)
        if not _wait_exclusive(lock, wait_s=1):
            raise EmbeddedDatabaseError(
                f"another Footfall command is using the database in {place.home}; it stops when that one is done"
            )
        return stop_server(place)


def find_status(home: Path) -> Status:
    """Report whether the server runs and is pinned, and where it is. Effects: none."""
    home = home.absolute()
    if not is_made(home):
        return Status(running=False, pinned=False, home=home, version=None, url=None, pid=None)
    place = open_home(home)
    is_running = is_listening(place)
    pid = read_pid(place) if is_running else None
    release = (place.data / "PG_VERSION").read_text().strip() if (place.data / "PG_VERSION").exists() else None
    return Status(is_running, place.pin.exists(), home, release, make_url(place) if is_running else None, pid)


def find_url(home: Path) -> str:
    """Give the URL for psql and other programs.

    Raises: EmbeddedDatabaseError where the server is not running.
    """
    found = find_status(home)
    if found.url is None:
        raise EmbeddedDatabaseError(f"the database in {home} is not running; `footfall database start` starts it")
    return found.url


@contextmanager
def _lock_file(place: Place) -> Iterator[IO[str]]:
    with translate_file_errors(place.home):
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


def _enter(place: Place, lock: IO[str]) -> None:
    """Return with the shared lock held and the server ready; start the server where it does not run.

    Raises: EmbeddedDatabaseError where that does not succeed within WAIT_S seconds.
    """
    until = time.monotonic() + WAIT_S
    while True:
        # Try without blocking: a command that starts or stops the server holds the lock, and that command may hang.
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if is_ready(place):
                return
            fcntl.flock(lock, fcntl.LOCK_UN)
        if _try_exclusive(lock):
            start_server(place)
            # flock does not change the lock in one step: another client may stop the server in between. Then the loop
            # starts it again.
            fcntl.flock(lock, fcntl.LOCK_SH)
            if is_ready(place):
                return
            fcntl.flock(lock, fcntl.LOCK_UN)
        if time.monotonic() > until:
            raise EmbeddedDatabaseError(
                f"the database in {place.home} did not answer within {WAIT_S} s while another command held its lock; "
                "is a Footfall process hanging?"
            )
        time.sleep(POLL_S)
