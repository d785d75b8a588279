"""What a watcher knows of itself at this moment: for the service manager, for metrics and for a health check."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class WatchState:
    """The state of a running watcher: written by its one thread, read by others.

    Shape: `waiting_files` arrived and are not loaded, `waiting_s` is how long the first of them has been there;
    `missing` counts places that cannot be looked at; `ticked_s` is when the watcher last gave a sign, by the monotonic
    clock; `loading` is the file that is loaded right now, empty where none is.
    """

    places: tuple[str, ...] = ()
    is_ready: bool = False
    is_database_there: bool = False
    is_stopping: bool = False
    loading: str = ""
    waiting_files: int = 0
    waiting_s: float = 0.0
    missing: int = 0
    files_loaded: int = 0
    files_already_loaded: int = 0
    files_failed: int = 0
    rows_loaded: int = 0
    last_loaded_at: datetime | None = None
    last_source: str = ""
    ticked_s: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        """Give one line, as `systemctl status` shows it."""
        if self.is_stopping:
            return "ending after this file" if self.loading else "ending"
        done = f"{count_files(self.waiting_files)} waiting, {self.files_loaded:,} loaded, {self.files_failed:,} failed"
        if not self.is_database_there:
            return f"waiting for the database; {done}"
        if self.loading:
            return f"loading {self.loading}; {done}"
        missing = f"{self.missing:,} of {len(self.places):,} places cannot be looked at; " if self.missing else ""
        return f"{missing}{done}"


def count_files(number: int) -> str:
    """Say a number of files.

    Example:
        >>> count_files(1), count_files(1200)
        ('1 file', '1,200 files')
    """
    return f"{number:,} file{'' if number == 1 else 's'}"
