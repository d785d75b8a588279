"""What a forked process of the kill tests runs. Imported before the fork, so that a load begins at once."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from typing import Any, LiteralString

import psycopg

from footfall.settings import load_settings
from footfall.tables import counts, first_load, known_files
from footfall.verbs import groups
from footfall.verbs import verify as verify_verb
from trials import ALWAYS_SETTLED_NS, loaded

__all__ = ["child", "mend_until_killed", "one_of_a_crowd"]


def child(conninfo: str, csv: str, empty_path_bytes: int, temporary_folder: str) -> None:
    """Load a file; the parent kills this process meanwhile."""
    known_files.SETTLED_NS = ALWAYS_SETTLED_NS  # as in the process of the tests
    tempfile.tempdir = temporary_folder
    first_load.EMPTY_PATH_BYTES = empty_path_bytes
    loaded(conninfo, [csv])


def one_of_a_crowd(conninfo: str, names: list[str], together: int, temporary_folder: str) -> None:
    """Load files, so many in a transaction at most, and end with the exit code that the command would have."""
    known_files.SETTLED_NS = ALWAYS_SETTLED_NS  # as in the process of the tests
    tempfile.tempdir = temporary_folder
    groups.TOGETHER_FILES = together
    sys.exit(loaded(conninfo, names, max_rejected="1.0").exit_code)


def mend_until_killed(conninfo: str, tables: int) -> None:
    """Mend so many tables of counts; be killed before the next one, or before COMMIT where there is none."""
    left, real = iter(range(tables)), counts.compose

    def killed(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def compose(statement: LiteralString, /, **words: Any) -> Any:
        if statement == counts.SQL["remove_wrong"] and next(left, None) is None:
            killed()
        return real(statement, **words)

    counts.compose = compose  # type: ignore[assignment]
    if tables == len(counts.KEPT):
        psycopg.Connection.commit = killed  # type: ignore[method-assign]
    verify_verb.verify(load_settings(database_url=conninfo), repair=True)
