"""What a forked process of the kill tests runs. Imported before the fork, so that a load begins at once."""

from __future__ import annotations

import tempfile

import footfall.engines.counts
import footfall.engines.duckdb
from footfall import loading
from trials import loaded

__all__ = ["child"]


def child(conninfo: str, csv: str, empty_path_bytes: int, temporary_folder: str) -> None:
    """Load a file; the parent kills this process meanwhile."""
    tempfile.tempdir = temporary_folder
    loading.EMPTY_PATH_BYTES = empty_path_bytes
    loaded(conninfo, [csv])
