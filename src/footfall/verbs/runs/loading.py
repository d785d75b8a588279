"""Load the large plain files of a command by several processes: plan a run, have its ranges staged, take it.

All other files of the command are loaded the ordinary way.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from footfall.errors import FootfallError, RunGoneError, RunStaleError, SettingsError
from footfall.formats.choosing import Contracts
from footfall.formats.ranges import Range, can_be_cut, choose_range_bytes
from footfall.postgres.addresses import spell_out
from footfall.postgres.connection import hold_session
from footfall.postgres.faults import translate_driver_errors
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import begin
from footfall.results import LoadResult, Progress
from footfall.results.running import Run
from footfall.safe_text import find_scheme, mask_source
from footfall.settings import Settings
from footfall.sources import opening, ranged
from footfall.sources.stores import STORES
from footfall.tables import runs
from footfall.verbs.attempts import Attempt, copy_masked, plan_waits, record_failure, wait_for_next_try
from footfall.verbs.runs import planning, staging, sweeping, taking
from footfall.verbs.runs.errand import Errand
from footfall.verbs.runs.feed import Wait
from footfall.verbs.runs.stagers import Stagers, open_stagers
from footfall.verbs.runs.tally import Tally
from footfall.verbs.session import LoadSession

log = logging.getLogger("footfall")

RANGES_LEAST = 2  # a file with fewer ranges is not worth a run
STALE_MAX = 10  # times that ranges are staged anew because users were forgotten meanwhile
MB = 1 << 20


@contextmanager
def open_run_loader(
    session: LoadSession,
    contracts: Contracts,
    settings: Settings,
    progress: Callable[[Progress], None] | None,
) -> Iterator[RunLoader]:
    """Open the loader of large plain files. Raises: SettingsError where its engine is not installed."""
    with open_stagers(settings) as stagers:
        yield RunLoader(session, contracts, settings, stagers, progress)


@dataclass(frozen=True, slots=True)
class RunLoader:
    """Loads files whose ranges others stage."""

    session: LoadSession
    contracts: Contracts
    settings: Settings
    stagers: Stagers
    progress: Callable[[Progress], None] | None

    def is_for(self, path: str) -> bool:
        """Say whether a file is loaded in ranges: it is plain, and large enough for two."""
        if find_scheme(path) is None:
            is_shared = path != "-" and opening.find_identity(path) is not None
        else:  # processes of one machine better share one copy, and an address with a secret is not given to others
            is_shared = (
                find_scheme(path) in STORES and self.settings.engine != "processes" and mask_source(path) == path
            )
        if not is_shared:
            return False
        try:
            with ranged.open_to_plan(path) as file:
                range_bytes = self._range_bytes or choose_range_bytes(file.size_bytes)
                is_large = file.size_bytes >= RANGES_LEAST * range_bytes
                return is_large and can_be_cut(file, self.contracts.choose(path))
        except FootfallError:  # the ordinary way meets the same, and says it
            return False

    def load(self, path: str) -> LoadResult:
        """Load one file, and give a failure as a result. Retryable failures are tried again if the settings say so."""
        left = plan_waits(self.settings)
        began = time.monotonic()
        # Staging may take hours, in which servers and firewalls end idle sessions. The next file opens a new one.
        self.session.connection.close()
        while True:
            try:
                result = self._load_once(path)
            except FootfallError as error:
                self._sweep()
                # A run is void after a crash of the server. The next try begins a new run.
                may_pass = error.retryable or isinstance(error, RunGoneError)
                if not (may_pass and wait_for_next_try(error, left, f"{mask_source(path)}: ")):
                    return LoadResult.failed(mask_source(path), None, copy_masked(error))
            except BaseException:
                self._sweep()
                raise
            else:
                return replace(result, seconds=round(time.monotonic() - began, 3))

    def _load_once(self, path: str) -> LoadResult:
        self.stagers.prepare()
        shares = self.settings.workers if self.settings.engine == "processes" else 1
        with planning.plan_run(path, self.settings, range_bytes=self._range_bytes, shares=shares) as run:
            if run.already_loaded is not None:
                return run.already_loaded
            for _ in range(STALE_MAX):
                try:
                    return self._stage_and_take(run)
                except RunStaleError as error:
                    log.warning(f"{mask_source(path)}: {error.reason}")
            raise RunStaleError(source=mask_source(path))

    def _stage_and_take(self, run: Run) -> LoadResult:
        """Have the ranges staged that are missing, and take the run from the first one on while others are staged.

        Effects: a failure of staging is recorded in the ledger, as `take` does with its own.
        """
        where = self.session.target
        tables = runs.name_tables(where.schema, run.token)
        # The driver asks in its own role: the role of a stager may not see how far the others are.
        left = staging.find_left(run.token, self.settings.model_copy(update={"stager_url": None}))
        with hold_session(where) as connection:
            job = _read_job(connection, where, tables)
            ranges = [Range(*each) for each in job["ranges"]]
            tally = Tally(run.source, ranges, lambda: _count_staged(connection, where, tables), self.progress)
            try:
                with _mark_failures(self.stagers.open(self._make_errand(run), left, tally)) as wait:
                    wait(0)
                    return taking.take(run.token, self.settings, wait)
            except _StagersFailedError as failed:
                self._record(job, failed.error)
                raise failed.error from failed

    def _make_errand(self, run: Run) -> Errand:
        where, for_stagers = self.session.target, self.settings.stager_url
        conninfo = for_stagers.get_secret_value() if for_stagers else where.conninfo
        if self.settings.engine != "processes":
            conninfo = spell_out(conninfo)
        return Errand(conninfo, where.schema, where.lock_wait_s, run.token)

    def _record(self, job: Mapping[str, Any], error: FootfallError) -> None:
        if isinstance(error, (SettingsError, RunGoneError)):
            return
        started_at = datetime.fromisoformat(job["started_at"])
        attempt = Attempt(job["source"], started_at, job["digest"], job["size_bytes"])
        with suppress(FootfallError):  # the database is away: there is no ledger to write to
            self.session.ensure_connected()
            record_failure(self.session, self.contracts.choose(attempt.source), attempt, error)

    def _sweep(self) -> None:
        """Drop the tables of a run that failed. If they cannot be dropped now, the next run drops them."""
        with suppress(FootfallError):
            sweeping.sweep(self.settings)

    @property
    def _range_bytes(self) -> int | None:
        return self.settings.range_mb * MB if self.settings.range_mb else None


class _StagersFailedError(Exception):
    """A stager failed; its error is not an error of the take."""

    def __init__(self, error: FootfallError) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _mark_failures(opened_stagers: AbstractContextManager[Wait]) -> Iterator[Wait]:
    """Mark the errors of stagers, so that they are told from those of the block. Raises: _StagersFailedError."""
    with ExitStack() as stack:
        try:
            go_on = stack.enter_context(opened_stagers)
        except FootfallError as error:
            raise _StagersFailedError(error) from error

        def wait(number: int) -> None:
            try:
                go_on(number)
            except FootfallError as error:
                raise _StagersFailedError(error) from error

        yield wait


def _read_job(connection: Connection, where: Target, tables: runs.RunTables) -> Mapping[str, Any]:
    with translate_driver_errors(connection):
        begin(connection, where)
        job = runs.read_job(connection, tables)
        connection.rollback()
    return job


def _count_staged(connection: Connection, where: Target, tables: runs.RunTables) -> dict[int, int]:
    """Give the number of rows of each range that is staged, by the number of the range."""
    with translate_driver_errors(connection):
        begin(connection, where)
        ranges = runs.read_ranges(connection, tables)
        connection.rollback()
    return {each.number: each.rows_accepted + each.rows_rejected + each.rows_skipped for each in ranges}
