"""Stage the ranges of a run by the workers of a Dask cluster. The database knows which ranges are staged."""

from __future__ import annotations

import logging
import queue
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

from footfall.errors import EngineError, FootfallError, SettingsError
from footfall.safe_text import mask
from footfall.verbs.runs.errand import Errand, find_error
from footfall.verbs.runs.feed import Wait
from footfall.verbs.runs.stagers import POLL_S, stage_before
from footfall.verbs.runs.tally import Tally

log = logging.getLogger("footfall")

RETRIES = 3  # further tries of a range whose first try failed
REASON_LENGTH = 500  # characters of Dask's own error that a message quotes


class Dask:
    """Stages ranges, each as one task, by a client that is opened with the first run and used for the next ones."""

    def __init__(self, scheduler: str) -> None:
        _import_client()
        self.scheduler = scheduler
        self.client: Any = None

    def prepare(self) -> None:
        """Start nothing: it is there, or starts with the first range."""

    def open(self, errand: Errand, numbers: Sequence[int], tally: Tally) -> AbstractContextManager[Wait]:
        """Stage ranges, then let the block run."""
        return stage_before(lambda: self.stage(errand, numbers, tally))

    def stage(self, errand: Errand, numbers: Sequence[int], tally: Tally) -> None:
        """Stage ranges; each is staged when this returns.

        Effects: at Ctrl-C, and after a failure, gives up the ranges that wait. A range that is being staged goes on to
        its end.
        Raises: FootfallError of the task that failed RETRIES + 1 times; EngineError where Dask itself fails.
        """
        client = self._open()
        keys = [f"footfall-{errand.token}-{number}" for number in numbers]
        # pure=False: if a range is staged a second time, that is another task
        futures = client.map(errand.do, list(numbers), key=keys, pure=False, retries=RETRIES)
        try:
            _wait(futures, tally)
        except FootfallError:
            raise
        except Exception as error:  # noqa: BLE001  (of Dask's own, and of what it hands on)
            raise _explain(error) from None
        finally:
            with suppress(Exception):  # the scheduler may be gone
                client.cancel(futures)

    def close(self) -> None:
        """Close the client; the cluster stays."""
        if self.client is not None:
            with suppress(Exception):
                self.client.close()
            self.client = None

    def _open(self) -> Any:
        if self.client is None:
            try:
                self.client = _import_client()(self.scheduler, set_as_default=False, name="footfall")
            except (OSError, ValueError) as error:
                raise EngineError(
                    f"the scheduler of Dask does not answer: {mask(str(error))}; see --scheduler (FOOTFALL_SCHEDULER)"
                ) from error
            if not self.client.scheduler_info()["workers"]:
                log.warning("the cluster of Dask has no worker; the load goes on when one comes")
        return self.client


def _import_client() -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise SettingsError(
            "--engine dask needs Dask's distributed, which is not installed: pip install 'footfall[dask]'"
        ) from error
    return Client


def _wait(futures: list[Any], tally: Tally) -> None:
    """Wait until every range is staged. Raises: what the first task that failed raised."""
    ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for future in futures:
        future.add_done_callback(ended.put)
    left = len(futures)
    while left:
        with suppress(queue.Empty):
            ended.get(timeout=POLL_S).result()
            left -= 1
        tally.ask()


def _explain(error: Exception) -> FootfallError:
    """Give the error of Footfall with which a task ended, or else an error with the words of Dask."""
    text = f"{type(error).__name__}: {error}"
    if found := find_error(text):
        return found
    if "No module named 'footfall'" in text:
        return SettingsError("the workers of Dask have no footfall: install the same version where they run")
    return EngineError(f"Dask gave up: {mask(' '.join(text.split()))[:REASON_LENGTH]}")
