"""Wait until something changes in folders. The kernel tells of it, or else the folders are looked at now and then.

A folder on a network file system, or on the file system of another system, may change without the kernel of this
machine knowing. So such folders are looked at every few seconds.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from footfall.safe_text import mask_source
from footfall.sources.file_systems import tells_of_changes
from footfall.sources.inotify import FoldersWatched

log = logging.getLogger("footfall")

TOGETHER_S = 0.05  # seconds; changes within them are taken together
STEP_MS = 100  # ms between two looks of watchfiles at the changes that it was told


@dataclass(slots=True)
class Changes:
    """What is known to have changed since the last call.

    Shape: `moved` has the names that were moved into a folder, whose files are complete. `changed` has the other names.
    `is_unsure` says that more may have changed than is named, so that all folders have to be looked at.
    """

    moved: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    is_unsure: bool = False


class Stop:
    """Whether a signal has asked for the end of the work. Waits for file descriptors must also wait for `file`."""

    def __init__(self) -> None:
        self.file, self.end = os.pipe()
        os.set_blocking(self.end, False)
        self._is_set = False
        self.reason = ""

    def is_set(self) -> bool:
        """Say whether the end was asked for."""
        return self._is_set

    def set(self) -> None:
        """Ask for the end. Effects: ends all waits."""
        if not self._is_set:
            self._is_set = True
            with suppress(OSError):
                os.write(self.end, b"!")

    def wait(self, seconds: float) -> bool:
        """Wait until the end is asked for, or the time is over. True where it was asked for."""
        select.select([self.file], [], [], max(seconds, 0))
        return self._is_set

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self.file)
        os.close(self.end)


@contextmanager
def stop_at_signals() -> Iterator[Stop]:
    """Give a Stop that SIGTERM and SIGINT set while the block runs. A second SIGINT interrupts as usual."""
    stop = Stop()

    def take(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and stop.is_set():
            signal.default_int_handler(number, frame)
        stop.reason = signal.Signals(number).name
        stop.set()

    before: dict[int, Any] = {}
    is_main = threading.current_thread() is threading.main_thread()
    if is_main:
        # A signal that comes just before a wait begins writes into the pipe at once, so the wait ends at once.
        woken_before = signal.set_wakeup_fd(stop.end, warn_on_full_buffer=False)
        before = {number: signal.signal(number, take) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if is_main:
            signal.set_wakeup_fd(woken_before)
        stop.close()


class Waiter:
    """Waits for changes in folders, as far as their file systems tell of them."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._opened = ExitStack()
        self._inotify: FoldersWatched | None = None
        self._others: _Told | None = None
        with suppress(OSError):
            self._inotify = FoldersWatched()
            self._opened.callback(self._inotify.close)
        self._has_warned = False

    def close(self) -> None:
        """Stop watching."""
        self._opened.close()
        if self._others is not None:
            self._others.close()

    def watch(self, roots: list[str], folders: list[str]) -> tuple[bool, bool]:
        """Watch these folders; `roots` are those that have all the others below them.

        Shape: two answers. First whether the system tells of changes in all of them, then whether one of them is new,
        so that it has to be looked at once more.
        """
        try:
            if not all(tells_of_changes(folder or ".") for folder in roots):
                return False, False
            if self._inotify is not None:
                return True, self._inotify.watch(folders)
            if sys.platform == "darwin":
                self._others = self._others or _Told()
                return True, self._others.watch(roots)
        except OSError as error:
            if not self._has_warned:
                self._has_warned = True
                log.warning(
                    f"the system tells of no more folders ({error.strerror}); they are looked at every few seconds; "
                    "raise fs.inotify.max_user_watches to hear at once"
                )
        return False, False

    def wait(self, seconds: float) -> Changes:
        """Wait until something changes, the work is to end, or the time is over."""
        if self._inotify is not None:
            select.select([self._stop.file, self._inotify.file], [], [], max(seconds, 0))
            if seconds > 0:
                self._stop.wait(TOGETHER_S)  # a file that is written quickly causes thousands of events a second
            return Changes(*self._inotify.read())
        if self._others is not None:
            return Changes(is_unsure=self._others.wait(seconds, self._stop))
        self._stop.wait(seconds)
        return Changes()


class _Told:
    """Learns from watchfiles that something changed below folders."""

    def __init__(self) -> None:
        self._roots: list[str] = []
        self._changes: Any = None

    def watch(self, roots: list[str]) -> bool:
        is_new = roots != self._roots
        if is_new:
            self.close()
            self._roots = list(roots)
        return is_new

    def wait(self, seconds: float, stop: Stop) -> bool:
        from watchfiles import watch

        try:
            if self._changes is None:
                self._changes = watch(
                    *self._roots,
                    watch_filter=None,
                    debounce=STEP_MS,
                    step=STEP_MS,
                    rust_timeout=STEP_MS,
                    yield_on_timeout=True,
                    stop_event=stop,
                    recursive=True,
                    ignore_permission_denied=True,
                )
            for _ in range(max(int(seconds * 1000) // STEP_MS, 1)):
                if next(self._changes, None) or stop.is_set():
                    return True
        except Exception as error:  # noqa: BLE001  (a name that is not UTF-8, a folder that is gone: look, and begin anew)
            log.debug("watchfiles: %s: %s", type(error).__name__, mask_source(str(error)))
            self.close()
            stop.wait(seconds)
            return True
        return False

    def close(self) -> None:
        if self._changes is not None:
            self._changes.close()
            self._changes = None
