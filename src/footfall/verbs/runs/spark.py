"""Stage the ranges of a run by the executors of Spark: classic Spark, or Spark Connect.

Spark carries the numbers of ranges and nothing else: no row goes through it. What Spark takes for done does not count,
since the database knows which ranges are staged.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any

from footfall.errors import EngineError, FootfallError, SettingsError
from footfall.safe_text import mask
from footfall.verbs.runs.errand import Errand, find_error
from footfall.verbs.runs.feed import Wait
from footfall.verbs.runs.stagers import run_aside, stage_before
from footfall.verbs.runs.tally import Tally

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger("footfall")

REASON_LENGTH = 500  # characters of Spark's own error that a message quotes
GROUP = "footfall-stage"


class Spark:
    """Stages ranges, each as one task, in a session that is opened with the first run and used for the next ones."""

    def __init__(self, master: str) -> None:
        _import_session()
        self.master = master
        self.session: Any = None
        self.is_own = False

    def prepare(self) -> None:
        """Start nothing: it is there, or starts with the first range."""

    def open(self, errand: Errand, numbers: Sequence[int], tally: Tally) -> AbstractContextManager[Wait]:
        """Stage ranges, then let the block run."""
        return stage_before(lambda: self.stage(errand, numbers, tally))

    def stage(self, errand: Errand, numbers: Sequence[int], tally: Tally) -> None:
        """Stage ranges; each is staged when this returns.

        Raises: FootfallError of the task that failed as often as Spark tries; EngineError where Spark itself fails.
        """
        try:
            session = self._open()
            if self.master.startswith("sc://"):
                _stage_by_connect(session, errand, numbers, tally)
            else:
                _stage_by_context(session, errand, numbers, tally)
        except FootfallError:
            raise
        except Exception as error:  # noqa: BLE001  (of Spark's own, in three families)
            raise _explain(error) from None

    def close(self) -> None:
        """Close the session, unless the caller's program had it open before."""
        if self.session is not None and self.is_own:
            with suppress(Exception):  # it may have ended by itself
                self.session.stop()
        self.session = None

    def _open(self) -> Any:
        if self.session is not None:
            return self.session
        builder = _import_session().builder
        if self.master.startswith("sc://"):
            self.session, self.is_own = builder.remote(self.master).getOrCreate(), True
            return self.session
        from pyspark import SparkContext

        there = SparkContext._active_spark_context
        if there is not None and there.master != self.master:
            raise SettingsError(f"a Spark session with the master {there.master} is open here: name that one")
        if self.master.startswith("local"):
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        log.info("Spark starts")
        quiet = builder.master(self.master).appName("footfall").config("spark.ui.showConsoleProgress", "false")
        self.session, self.is_own = quiet.getOrCreate(), there is None
        return self.session


def _import_session() -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise SettingsError(
            "--engine spark needs PySpark, which is not installed: pip install 'footfall[spark]'"
        ) from error
    return SparkSession


def _stage_by_context(session: Any, errand: Errand, numbers: Sequence[int], tally: Tally) -> None:
    context = session.sparkContext

    def work() -> None:
        # interruptOnCancel: a task that is given up stops staging
        context.setJobGroup(GROUP, f"Footfall stages {tally.source}", interruptOnCancel=True)
        context.parallelize(list(numbers), len(numbers)).foreach(errand.do)

    run_aside(work, tally.ask, lambda: context.cancelJobGroup(GROUP))


def _stage_by_connect(session: Any, errand: Errand, numbers: Sequence[int], tally: Tally) -> None:
    def work() -> None:
        tasks = session.range(0, len(numbers), 1, len(numbers))
        tasks.mapInArrow(_make_task(errand, list(numbers)), "done int").collect()

    run_aside(work, tally.ask, session.interruptAll)


def _make_task(errand: Errand, numbers: list[int]) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Make the function of `mapInArrow`: its rows are places in the list of numbers."""

    def stage(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        for batch in batches:
            done = list(errand.do_each(numbers[place] for place in batch.column(0).to_pylist()))
            yield pa.RecordBatch.from_pydict({"done": pa.array(done, pa.int32())})

    return stage


def _explain(error: Exception) -> FootfallError:
    """Give the error of Footfall with which a task ended, or else an error with the words of Spark."""
    text = str(error)
    if found := find_error(text):
        return found
    if "No module named 'footfall'" in text:
        return SettingsError(
            "the executors of Spark have no footfall: install the same version in their Python (PYSPARK_PYTHON), or "
            "send an environment with it (spark.archives)"
        )
    return EngineError(f"Spark gave up: {mask(' '.join(text.split()))[:REASON_LENGTH]}")
