"""A DuckDB session that holds what one load has to remember, within a bound.

Memory: what does not fit is spilled to a folder of mode 0700 below the system's temporary one, gone with the session.
The folder of a process that was killed is removed by the next session of the same user.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from footfall.errors import TemporarySpaceError

PREFIX = "footfall-spill-"
LOCK_FILE = "owner"  # locked while its session lives: the system lets go of the lock, however the process ends


@contextmanager
def spilling_session(memory_mb: int, table: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a session of at most `memory_mb`, with one table made by the statement `table`.

    Raises: TemporarySpaceError where what does not fit finds no room on disk.
    """
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder, _owned(Path(folder)):
        session = duckdb.connect(":memory:")
        settings = {"memory_limit": f"{memory_mb}MB", "temp_directory": folder, "preserve_insertion_order": False}
        for name, value in settings.items():
            session.execute(f"set {name} = $1", [value])
        session.execute(table)
        try:
            yield session
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise TemporarySpaceError(
                f"there is no room in {tempfile.gettempdir()} for what does not fit into {memory_mb} MB of memory; "
                "free some there, set TMPDIR to a folder on another disk, or raise FOOTFALL_MEMORY_LIMIT_MB"
            ) from error
        finally:
            session.close()


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    new = folder / f"{LOCK_FILE}.new"
    with new.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        new.rename(folder / LOCK_FILE)  # there only once it is locked, else a sweep could come in between
        yield


def _sweep(temporary: Path) -> None:
    """Remove the folders of sessions that are no more; a folder that is gone, or another user's, is passed over."""
    for folder in temporary.glob(f"{PREFIX}*"):
        with suppress(OSError):
            look = folder.lstat()
            if not stat.S_ISDIR(look.st_mode) or look.st_uid != os.geteuid():
                continue
            # Where the file is not there, the session is just making the folder, or just removing it.
            with (folder / LOCK_FILE).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
