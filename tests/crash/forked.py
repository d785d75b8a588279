"""What a forked process of the kill tests runs. Imported before the fork, so that a load begins at once."""

from __future__ import annotations

import sys
import tempfile

from footfall import loading
from trials import loaded

__all__ = ["child", "one_of_a_crowd"]


def child(conninfo: str, csv: str, empty_path_bytes: int, temporary_folder: str) -> None:
    """Load a file; the parent kills this process meanwhile."""
    tempfile.tempdir = temporary_folder
    loading.EMPTY_PATH_BYTES = empty_path_bytes
    loaded(conninfo, [csv])


def one_of_a_crowd(conninfo: str, names: list[str], temporary_folder: str) -> None:
    """Load files, and end with the exit code that the command would have."""
    tempfile.tempdir = temporary_folder
    sys.exit(loaded(conninfo, names, max_rejected="1.0").exit_code)
