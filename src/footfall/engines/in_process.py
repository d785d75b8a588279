"""The engine in threads of this process: it judges the files in order, and hands each batch of verdicts to a caller.

What judging needs is imported when the first file is judged: a command whose files are all known opens an engine, too.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from footfall.engines import spill

if TYPE_CHECKING:
    from concurrent.futures import Future

    import pyarrow as pa

    from footfall.contract.forgotten import Forgotten
    from footfall.contract.mapping import Layout
    from footfall.contract.sums import Sums
    from footfall.contract.verdicts import Verdicts
    from footfall.engines.kernel import KernelSession
    from footfall.formats.reading import Reading
    from footfall.results import Progress

KERNELS_MAX = 4  # kernels kept for later files: the exports of one source have one layout, rarely two
PROGRESS_EVERY_S = 0.2  # seconds between two reports: often enough to see it move, too seldom to slow the load down
THREADS_MAX = 4  # threads that judge: more would leave each session too little of the memory limit


@contextmanager
def open_engine(
    latest: datetime | None,
    memory_limit_mb: int,
    progress: Callable[[Progress], None] | None = None,
    workers: int | None = None,
) -> Iterator[Engine]:
    """Open the engine for all files of one command; the block closes it. No kernel is opened before the first file.

    `workers` are the threads that judge, one for each core where it is None.
    Effects: removes temporary files that a killed run left.
    """
    spill.remove_abandoned_folders()
    engine = Engine(latest, memory_limit_mb, progress, workers)
    try:
        yield engine
    finally:
        engine.close()


class Engine:
    """Judges files. It keeps a kernel for each of the last few layouts, since opening one takes time.

    `latest` is the latest instant that a row may have, or None; `progress` is called while a file is judged.
    """

    def __init__(
        self,
        latest: datetime | None,
        memory_limit_mb: int,
        progress: Callable[[Progress], None] | None = None,
        workers: int | None = None,
    ) -> None:
        self.latest = latest
        self.memory_limit_mb = memory_limit_mb
        self.progress = progress
        self.workers = workers
        self.kernels: dict[Layout, Kernel] = {}
        self.forgotten: Forgotten | None = None  # None where nobody is forgotten, which then costs nothing

    def run(self, readings: Sequence[Reading], take: Callable[[Verdicts], object]) -> list[Sums]:
        """Judge files of one layout in loading order; give each batch of verdicts to `take`; return each file's sums.

        Effects: calls `take` in this thread, one batch after the other, and reports the progress.
        Raises: SourceError where a file cannot be read to its end, and whatever `take` raises. Earlier batches were
        taken by then, and no sums are returned.
        """
        from footfall.contract.sums import Sums
        from footfall.formats.reading import join_batches
        from footfall.results import Progress

        sums = [Sums() for _ in readings]
        began = reported = time.monotonic()
        joined = join_batches(readings, self.memory_limit_mb)
        with closing(self.judge(readings[0].layout, joined)) as judged:
            for verdicts in judged:
                take(verdicts)
                _add_up(sums, verdicts)
                if self.progress and time.monotonic() - reported > PROGRESS_EVERY_S:
                    reported = time.monotonic()
                    file = readings[-1].file
                    rows_read = sum(each.rows for each in sums)
                    bytes_done = file.stream.tell()
                    self.progress(Progress(file.source, bytes_done, file.size_bytes, rows_read, reported - began))
        return sums

    def judge(self, layout: Layout, batches: Iterator[pa.RecordBatch]) -> Generator[Verdicts, None, None]:
        """Judge records of one layout. Verdicts come in their order, but rows whose made ids may repeat come last."""
        forgotten = self.forgotten
        with closing(self._open_kernel(layout).judge(batches, forgotten)) as judged:
            numbered: Iterator[Verdicts] = judged
            if layout.definition.made_from in ("record", "fields"):
                from footfall.engines.occurrences import number_occurrences

                numbered = number_occurrences(judged, self.memory_limit_mb)
            if forgotten:  # after the numbering, so that the rows of others keep their numbers
                from footfall.engines.forgotten import hide_accepted

                numbered = (hide_accepted(verdicts, forgotten) for verdicts in numbered)
            yield from numbered

    def judge_conflicts(
        self, layout: Layout, batches: Iterator[pa.RecordBatch]
    ) -> Iterator[tuple[pa.Table, list[str]]]:
        """Turn valid records that are conflicts into rejected rows; give each batch with the ids of its rows."""
        from footfall.engines.kernel import make_conflicts

        return make_conflicts(batches, layout, self.latest)

    def close(self) -> None:
        """Close all kernels, after the batches that they are judging."""
        while self.kernels:
            self.kernels.popitem()[1].close()

    def _open_kernel(self, layout: Layout) -> Kernel:
        if layout not in self.kernels:
            if len(self.kernels) == KERNELS_MAX:
                self.close()
            self.kernels[layout] = Kernel(layout, self.latest, self.memory_limit_mb, self.workers)
        return self.kernels[layout]


def _add_up(sums: Sequence[Sums], verdicts: Verdicts) -> None:
    """Add the verdicts on one batch to the sums of its files."""
    from footfall.contract import value_shapes as shapes
    from footfall.formats.positions import count_rows_per_file

    for each, rows in zip(sums, count_rows_per_file(verdicts.accepted["position"], len(sums)), strict=True):
        each.rows_accepted += rows
    for each, rows in zip(sums, count_rows_per_file(verdicts.rejected["position"], len(sums)), strict=True):
        each.rows_rejected += rows
    for number, rows in verdicts.skipped.items():
        sums[number].rows_skipped += rows
    for number, kinds in verdicts.kinds.items():
        shapes.add_all(sums[number].kinds, kinds)
    for number, kind, name, rows in verdicts.oddities:
        getattr(sums[number].oddities, kind)[name] += rows


class Kernel:
    """A kernel for files of one layout: threads that judge, each with a session. The caller must close it.

    `workers` says how many; one for each core, up to THREADS_MAX, where it is None.
    """

    def __init__(
        self, layout: Layout, latest: datetime | None, memory_limit_mb: int, workers: int | None = None
    ) -> None:
        from concurrent.futures import ThreadPoolExecutor

        from footfall.engines.kernel import SESSION_MEMORY_MB, open_kernel_session

        workers = workers or min(os.cpu_count() or 1, THREADS_MAX)
        share_mb = max(memory_limit_mb // (2 * workers), SESSION_MEMORY_MB)  # the other half is for Arrow and COPY
        self.workers = workers
        self.open_session: Callable[[], Any] = partial(open_kernel_session, layout, latest, share_mb)
        self.idle: deque[KernelSession] = deque()
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="footfall-kernel")

    def close(self) -> None:
        """Wait for the batches in work, and close the sessions."""
        self.pool.shutdown(cancel_futures=True)
        while self.idle:
            self.idle.popleft().close()

    def judge(
        self, batches: Iterator[pa.RecordBatch], forgotten: Forgotten | None = None
    ) -> Generator[Verdicts, None, None]:
        """Judge batches of records; give the verdicts in the order of the batches."""
        pending: deque[Future[Verdicts]] = deque()
        try:
            for batch in batches:
                pending.append(self.pool.submit(self._run, batch, forgotten))
                if len(pending) > self.workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

    def _run(self, batch: pa.RecordBatch, forgotten: Forgotten | None) -> Verdicts:
        from footfall.engines.kernel import judge_batch

        try:
            session = self.idle.popleft()
        except IndexError:  # no idle session: open one, so that a small file opens only one
            session = self.open_session()
        try:
            return judge_batch(session, batch, forgotten)
        finally:
            self.idle.append(session)
