"""Tell people of failed files and of silence while a watcher works.

It happens in a thread of its own, so that a webhook that does not answer delays no file.
"""

from __future__ import annotations

import logging
import threading

from footfall.results import LoadResult
from footfall.settings import Settings
from footfall.verbs.notify import Silence, tell_of_loads

log = logging.getLogger("footfall")

LOOK_S = 10.0  # seconds between two looks at how long nothing new was loaded
KEPT_MAX = 10_000  # failures that wait to be told; further ones are dropped
END_S = 30.0  # seconds that the last event may take when the watcher ends


class Teller:
    """Tells of failed files and of silence, in a thread of its own. Waiting failures of one kind share one event."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._silence = Silence(settings)
        self._failed: list[LoadResult] = []
        self._told: dict[str, tuple[str | None, str]] = {}
        self._changed = threading.Condition()
        self._is_ending = False
        self._thread: threading.Thread | None = None
        if settings.notify is not None:
            self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
            self._thread.start()

    def take(self, result: LoadResult) -> None:
        """Take the result of a file; if it failed, the thread tells of it.

        A retryable failure is not told. A file that is tried again and fails in the same way is told only once.
        """
        if self._thread is None or result.retryable:
            return
        with self._changed:
            if result.failure is None:
                self._told.pop(result.source, None)
                if result.status == "loaded":
                    self._silence.note()
                return
            failure = result.digest, result.failure.reason
            if self._told.get(result.source) == failure:
                return
            if len(self._told) >= KEPT_MAX:
                self._told.clear()  # a failure may then be told twice, but memory stays bounded
            self._told[result.source] = failure
            if len(self._failed) < KEPT_MAX:
                self._failed.append(result)
                self._changed.notify()

    def close(self) -> None:
        """Tell the failures that still wait, and end the thread. Effects: waits for half a minute at most."""
        if self._thread is None:
            return
        with self._changed:
            self._is_ending = True
            self._changed.notify()
        self._thread.join(END_S)

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._failed and not self._is_ending:
                    self._changed.wait(LOOK_S)
                failed, self._failed = self._failed, []
                is_ending = self._is_ending
            try:
                if failed:
                    tell_of_loads(self._settings, failed)
                self._silence.look()
            except Exception:  # an error must not end this thread, or later events would not be told
                log.warning("people could not be told of an event", exc_info=True)
            if is_ending:
                return
