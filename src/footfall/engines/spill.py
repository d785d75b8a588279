"""A DuckDB session for the data that one load has to remember, with bounded memory.

Memory: data that does not fit is spilled to a folder of mode 0700 in the system's temporary folder, which is removed
with the session. The folder of a process that was killed is removed by the next run of the same user.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from footfall.errors import TemporarySpaceError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

PREFIX = "footfall-spill-"
MAKING_S = 60  # seconds that a session may take to make or remove its folder, which is not locked during that time
MB_A_THREAD = 32  # MB of memory for each thread; with less, DuckDB fails in a sort or a grouping instead of spilling
LOCK_FILE = "owner"  # locked while its session lives; the system releases the lock however the process ends


@contextmanager
def open_spilling_session(memory_mb: int, table: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a session that takes at most `memory_mb`, and run the statement `table` to make its tables.

    Raises: TemporarySpaceError where there is no room on disk for the data that is spilled.
    """
    import duckdb

    with _make_folder() as folder:
        session = duckdb.connect(":memory:")
        settings = {
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": folder,
            "threads": max(1, min(os.cpu_count() or 1, memory_mb // MB_A_THREAD)),
            "preserve_insertion_order": False,
            "enable_progress_bar": False,  # DuckDB would write it to the stdout of a Python caller
        }
        for name, value in settings.items():
            session.execute(f"set {name} = $1", [value])
        session.execute(table)
        try:
            yield session
        except (duckdb.OutOfMemoryException, duckdb.IOException, _ReadingError) as error:
            raise TemporarySpaceError(
                f"there is no room in {tempfile.gettempdir()} for what does not fit into {memory_mb} MB of memory; "
                "free some there, set TMPDIR to a folder on another disk, or raise FOOTFALL_MEMORY_LIMIT_MB"
            ) from error
        finally:
            session.close()


class _ReadingError(Exception):
    """DuckDB could not read its data. Arrow raises an OSError then, as reading a source file does."""


def read_batches(session: duckdb.DuckDBPyConnection, statement: str, rows: int) -> Iterator[pa.RecordBatch]:
    """Give the rows of a statement in batches of `rows`, in a session of `open_spilling_session`."""
    try:
        yield from session.sql(statement).to_arrow_reader(rows)
    except OSError as error:
        raise _ReadingError(str(error)) from error


@contextmanager
def _make_folder() -> Iterator[str]:
    with ExitStack() as opened:
        try:
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX))
            opened.enter_context(_hold_own_folder(Path(folder)))
        except OSError as error:
            raise TemporarySpaceError(
                f"no temporary folder can be made: {error}; set TMPDIR to a folder with room where you may write"
            ) from error
        yield folder


@contextmanager
def _hold_own_folder(folder: Path) -> Iterator[None]:
    new = folder / f"{LOCK_FILE}.new"
    with new.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        new.rename(folder / LOCK_FILE)  # only once it is locked, so that it never looks abandoned
        yield


def remove_abandoned_folders() -> None:
    """Remove the folders of sessions that ended without removing them; folders of other users are left alone."""
    for folder in _list_folders():
        with suppress(OSError), _enter_folder(folder) as is_abandoned:
            if is_abandoned:
                shutil.rmtree(folder)


def list_abandoned_folders() -> list[Path]:
    """List the folders that `remove_abandoned_folders` would remove. Effects: none."""
    found = []
    for folder in _list_folders():
        with suppress(OSError), _enter_folder(folder) as is_abandoned:
            if is_abandoned:
                found.append(folder)
    return found


def _list_folders() -> list[Path]:
    try:
        return sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
    except OSError:  # no temporary folder can be written to; a session that needs one raises the error
        return []


@contextmanager
def _enter_folder(folder: Path) -> Iterator[bool]:
    """Say whether the folder is ours and its session has ended; hold its lock for the length of the block.

    Raises: OSError where a session holds the lock, or the folder is gone.
    """
    look = folder.lstat()
    if not stat.S_ISDIR(look.st_mode) or look.st_uid != os.geteuid():
        yield False
    elif (lock := folder / LOCK_FILE).exists():
        with lock.open("r+") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
    else:
        yield time.time() - look.st_mtime > MAKING_S
