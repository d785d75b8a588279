"""A DuckDB session that holds what one load has to remember, within a bound.

Memory: what does not fit is spilled to a folder of mode 0700 below the system's temporary one, gone with the session.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from footfall.errors import TemporarySpaceError


@contextmanager
def spilling_session(memory_mb: int, table: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a session of at most `memory_mb`, with one table made by the statement `table`.

    Raises: TemporarySpaceError where what does not fit finds no room on disk.
    """
    with tempfile.TemporaryDirectory(prefix="footfall-spill-") as folder:
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
