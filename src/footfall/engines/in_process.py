"""The kernel in threads of this process: verdicts in file order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial

import duckdb
import pyarrow as pa

from footfall.contract.mapping import Header
from footfall.contract.terms import Contract
from footfall.engines.kernel import SESSION_MEMORY_MB, Verdicts, judge_batch, open_kernel_session


class Kernel:
    """The kernel ready to run for files of one header: a thread a core, each with a session. Close it."""

    def __init__(self, contract: Contract, header: Header, latest: datetime | None, memory_limit_mb: int) -> None:
        workers = min(os.cpu_count() or 1, 4)
        share_mb = max(memory_limit_mb // (2 * workers), SESSION_MEMORY_MB)  # half is for what Arrow and COPY hold
        self.workers = workers
        self.open_session = partial(open_kernel_session, contract, header, latest, share_mb)
        self.idle: deque[duckdb.DuckDBPyConnection] = deque()
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="footfall-kernel")

    def close(self) -> None:
        """Wait for what is running, and end the sessions."""
        self.pool.shutdown(cancel_futures=True)
        while self.idle:
            self.idle.popleft().close()

    def judge(self, batches: Iterator[pa.RecordBatch]) -> Iterator[Verdicts]:
        """Judge batches of records; give the verdicts in the order of the batches."""
        pending: deque[Future[Verdicts]] = deque()
        try:
            for batch in batches:
                pending.append(self.pool.submit(self._run, batch))
                if len(pending) > self.workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

    def _run(self, batch: pa.RecordBatch) -> Verdicts:
        try:
            session = self.idle.popleft()
        except IndexError:  # a small file needs one of them
            session = self.open_session()
        try:
            return judge_batch(session, batch)
        finally:
            self.idle.append(session)
