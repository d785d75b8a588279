"""A DuckDB session that holds what one load has to remember, within a bound.

Memory: what does not fit is spilled to a folder of mode 0700 below the system's temporary one, gone with the session.
What a process that was killed left is removed by the next run of the same user.
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
MAKING_S = 60  # seconds that a session may take to make its folder, or to remove it; a folder has no lock meanwhile
MB_A_THREAD = 32  # of memory; with less a thread DuckDB ends a sort or a grouping instead of spilling it
LOCK_FILE = "owner"  # locked while its session lives: the system lets go of the lock, however the process ends


@contextmanager
def spilling_session(memory_mb: int, table: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a session of at most `memory_mb`, with one table made by the statement `table`.

    Raises: TemporarySpaceError where what does not fit finds no room on disk.
    """
    import duckdb

    with _folder() as folder:
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
    """What DuckDB could not give. Arrow says it by an OSError, which a file read meanwhile may raise, too."""


def read_batches(session: duckdb.DuckDBPyConnection, statement: str, rows: int) -> Iterator[pa.RecordBatch]:
    """Give what a statement finds, so many rows at a time, in a session of `spilling_session`."""
    try:
        yield from session.sql(statement).to_arrow_reader(rows)
    except OSError as error:
        raise _ReadingError(str(error)) from error


@contextmanager
def _folder() -> Iterator[str]:
    with ExitStack() as opened:
        try:
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX))
            opened.enter_context(_owned(Path(folder)))
        except OSError as error:
            raise TemporarySpaceError(
                f"no temporary folder can be made: {error}; set TMPDIR to a folder with room where you may write"
            ) from error
        yield folder


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    new = folder / f"{LOCK_FILE}.new"
    with new.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        new.rename(folder / LOCK_FILE)  # there only once it is locked, else a sweep could come in between
        yield


def sweep() -> None:
    """Remove the folders of sessions that are no more; a folder that is gone, or another user's, is passed over."""
    try:
        temporary = Path(tempfile.gettempdir())
    except OSError:  # none can be written to: whoever needs one says so
        return
    for folder in temporary.glob(f"{PREFIX}*"):
        with suppress(OSError):
            look = folder.lstat()
            if not stat.S_ISDIR(look.st_mode) or look.st_uid != os.geteuid():
                continue
            lock = folder / LOCK_FILE
            if lock.exists():
                with lock.open("r+") as owner:
                    fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
            elif time.time() - look.st_mtime > MAKING_S:
                shutil.rmtree(folder)
