"""Take a run: load what its ranges staged, in one transaction, as the load of one file.

Step by step: take the writer lock -> check that every range is staged, and was judged by what is true now -> check that
all rows that were sent are there -> send the judged batches on, as every load sends them -> end as every load ends
(`completing.py`) -> drop the tables of the run -> commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from footfall.contract.notices import describe_other_contract
from footfall.contract.portable import add_sums, read_sums
from footfall.contract.sums import Sums
from footfall.engines.in_process import Engine, open_engine
from footfall.errors import (
    DatabaseUnavailableError,
    FootfallError,
    RunGoneError,
    RunStaleError,
    SourceError,
    SourceUnavailableError,
)
from footfall.formats.ranges import open_range
from footfall.postgres.faults import translate_driver_errors
from footfall.postgres.transactions import begin, roll_back
from footfall.results import LoadResult
from footfall.safe_text import mask_source
from footfall.settings import Settings
from footfall.sources import opening
from footfall.tables import direct, first_load, known_files, ledger, runs, staged_run
from footfall.tables import staging as staged
from footfall.tables.forgetting import Memory
from footfall.verbs.attempts import (
    Attempt,
    CommitOutcome,
    find_commit_outcome,
    find_own_load,
    make_unknown_outcome_error,
    plan_waits,
    record_failure,
    wait_for_next_try,
)
from footfall.verbs.completing import Ending, StagedFile, commit, complete
from footfall.verbs.conflicts import find_conflicts_in_ranges
from footfall.verbs.load import open_load_session
from footfall.verbs.runs.feed import Feed, Wait
from footfall.verbs.runs.job import Job, read_job
from footfall.verbs.runs.source import open_planned
from footfall.verbs.sending import add_counts, fill_empty_table, open_fitting_counts
from footfall.verbs.session import LoadSession, open_target
from footfall.verbs.turn import LoadedMeanwhileError, OthersForgottenError, Turn

if TYPE_CHECKING:
    import pyarrow as pa

NAMED = 10  # how many ranges a message names


def take(token: str, settings: Settings, wait: Wait | None = None) -> LoadResult:
    """Load what the ranges of a run staged; the result is that of a load of the file.

    Idempotent: if the file of the run is loaded, perhaps by an earlier take whose answer was lost, the result is
    `already-loaded` and names that load. That is so even when the tables of the run are gone.

    With `wait`, others are still staging, and each range is waited for when its rows come next. The writer lock is held
    meanwhile, as a load holds it while the rest of a large file is judged.
    Effects: one transaction, in which the tables of the run go. A failure is recorded in the ledger, as that of a load
    is, and the staged rows stay: the run can be taken again, or it is swept.
    Raises: RunStaleError where ranges are to be staged first; RunGoneError where the run is gone and its file is not
    loaded; SettingsError where versions differ;
    TooManyRejectedError, SourceChangedError, DatabaseUnavailableError, and what else a load raises.
    """
    began = time.monotonic()
    with open_target(settings) as where:
        session = open_load_session(where, settings)
        try:
            result = _Taker(session, settings, runs.name_tables(where.schema, token), wait).take()
        finally:
            session.connection.close()
    return replace(result, seconds=round(time.monotonic() - began, 3))


@dataclass(slots=True)
class _Taker:
    """Takes one run. `job` is None until it is read. `wait` is None where all ranges must be staged already."""

    session: LoadSession
    settings: Settings
    tables: runs.RunTables
    wait: Wait | None
    job: Job | None = None

    def take(self) -> LoadResult:
        """Take the run. If the connection was lost, ask the ledger, and try again if the settings say so.

        Raises: FootfallError; the failure is in the ledger by then, if a load would record it.
        """
        left = plan_waits(self.settings)
        while True:
            attempt = Attempt(self.tables.token)
            try:
                return self._take_once(attempt)
            except FootfallError as error:
                outcome = find_commit_outcome(self.session, [attempt], error)
                if outcome is CommitOutcome.COMMITTED and attempt.result:
                    return attempt.result
                if outcome is CommitOutcome.UNKNOWN and attempt.result and attempt.load_id:
                    self.session.unsure[attempt.load_id] = attempt.result
                roll_back(self.session.connection)
                may_pass = isinstance(error, (DatabaseUnavailableError, SourceUnavailableError))
                if not (may_pass and wait_for_next_try(error, left, f"{mask_source(attempt.source)}: ")):
                    self._give_up(attempt, error)
            except BaseException:
                roll_back(self.session.connection)
                raise

    def _give_up(self, attempt: Attempt, error: FootfallError) -> NoReturn:
        """Record the failure of a file in the ledger where that is possible. Raises: the error."""
        if self.session.unsure and isinstance(error, DatabaseUnavailableError):
            error = make_unknown_outcome_error(error)
        if self.job and not isinstance(error, (RunGoneError, RunStaleError)):
            record_failure(self.session, self.job.contract, attempt, error)
        raise error

    def _take_once(self, attempt: Attempt) -> LoadResult:
        """Try one transaction. Raises: FootfallError; the caller then rolls the transaction back."""
        connection, where = self.session.ensure_connected(), self.session.target
        with translate_driver_errors(connection):
            while True:
                begin(connection, where)
                try:
                    if own := find_own_load(self.session):
                        connection.rollback()
                        return own
                    return self._take_planned(attempt)
                except OthersForgottenError:  # users were forgotten between the look at them and the lock
                    connection.rollback()
                except (RunGoneError, SourceError) as error:
                    connection.rollback()
                    return self._find_taken(error)

    def _find_taken(self, error: FootfallError) -> LoadResult:
        """Give the load of the run's file from the ledger, if the tables of the run, or the file, are gone.

        It may be an earlier take of the run, perhaps in another process, whose answer never arrived.
        Raises: the error, if the file is not loaded.
        """
        connection = self.session.connection
        begin(connection, self.session.target)
        found = ledger.find_by_beginning(connection, self.tables.digest_begins)
        connection.rollback()
        if found is not None:
            return found
        if isinstance(error, RunGoneError):
            raise RunGoneError(
                f"the run {self.tables.token} is over, and its file is not loaded: its lease ended and it was swept, "
                "or it is void since the server crashed, or its load was taken back; load the file again"
            ) from error
        raise error

    def _take_planned(self, attempt: Attempt) -> LoadResult:
        connection = self.session.connection
        runs.hold(connection, self.tables.lock_key)
        self.job = job = read_job(runs.read_job(connection, self.tables))
        attempt.source, attempt.digest, attempt.size_bytes = job.source, job.digest, job.size_bytes
        attempt.started_at = job.started_at
        with runs.watch_tables(self.tables):
            return self._take_in_turn(attempt, job)

    def _take_in_turn(self, attempt: Attempt, job: Job) -> LoadResult:
        session, connection = self.session, self.session.connection
        with open_planned(job) as found:
            # The digest is that of the file when the run was planned, and so is the instant before it was read.
            file = replace(found, opened_ns=int(job.started_at.timestamp() * 1e9))
            session.memory = None
            memory = session.read_memory()
            try:
                Turn(session, [job.digest]).take()
            except LoadedMeanwhileError as meanwhile:
                return self._end_in_vain(job, file, meanwhile.loads[job.digest])
            self._assert_staged(job, runs.read_ranges(connection, self.tables), memory)
            staging = staged.open_staging(session.target, session.server, [job.load_id], session.id_types)
            feed = Feed(connection, self.tables, job, memory, self.wait)
            self._send(job, staging, feed)
            layout, _ = open_range(file, job.contract, self.settings.memory_limit_mb, job.ranges[0])
            with open_engine(job.latest, self.settings.memory_limit_mb) as engine:
                staged_file = StagedFile(attempt, file, layout, _add_up(feed.ranges))
                (result,) = complete(connection, staging, [staged_file], self._make_ending(engine, job, file))
            runs.end(connection, self.tables)
            commit(connection, [(attempt, file)])
        return result

    def _make_ending(self, engine: Engine, job: Job, file: opening.SourceFile) -> Ending:
        return Ending(
            lambda _, lines: find_conflicts_in_ranges(engine, file, job.contract, job.ranges, lines),
            self.settings.max_rejected,
        )

    def _end_in_vain(self, job: Job, file: opening.SourceFile, first: ledger.FirstLoad) -> LoadResult:
        """Let the run go: another load, or another take of it, has loaded the file since it was planned."""
        connection, tables = self.session.connection, self.tables
        connection.rollback()
        begin(connection, self.session.target)
        if runs.find_tables(connection, tables.schema, tables.token):
            runs.end(connection, tables)
        known_files.keep(connection, [file])
        connection.commit()
        notices = describe_other_contract(first.load_id, first.contract, job.fingerprint)
        return LoadResult.already_loaded(first.load_id, file.source, file.digest, first.loaded_at, notices)

    def _assert_staged(self, job: Job, ranges: Sequence[runs.StagedRange], memory: Memory) -> None:
        """Check that each range is staged, unless it is waited for, and that its judge knew who is forgotten now.

        Effects: removes the ranges of a judge that did not, and commits that, so that they can be staged anew.
        Raises: RunStaleError.
        """
        missing = sorted(set(range(len(job.ranges))) - {each.number for each in ranges}) if self.wait is None else []
        stale = [each.number for each in ranges if each.memory != memory.state]
        if stale:
            connection = self.session.connection
            staged_run.remove(connection, self.tables, stale)
            connection.commit()
        if missing or stale:
            numbers = sorted([*missing, *stale])
            named = ", ".join(map(str, numbers[:NAMED])) + (", ..." if len(numbers) > NAMED else "")
            since = "; users were forgotten since the others were" if stale else ""
            raise RunStaleError(
                f"{len(numbers)} of its {len(job.ranges)} ranges are not staged ({named}){since}; nothing was loaded. "
                "Stage them, then take the run again",
                source=mask_source(job.source),
            )

    def _send(self, job: Job, staging: staged.Staging, feed: Feed) -> None:
        """Send the staged rows, as they were judged, to the table or to the staging tables that the merge reads."""
        connection, limit_mb = self.session.connection, self.settings.memory_limit_mb
        send = staged.Sender(staging, connection)
        if job.size_bytes >= first_load.EMPTY_PATH_BYTES and first_load.is_empty(connection):
            first_load.open_empty_table(connection, staging)
        rows = feed.read()
        if staging.is_direct:
            fill_empty_table(connection, staging, limit_mb, lambda count: _send_each(rows, send, count))
        else:
            direct.open_table(connection, staging)
            with open_fitting_counts(send, feed.expect_rows(), limit_mb) as counts:
                _send_each(rows, send, counts.add if counts else None)
                if counts:
                    add_counts(connection, staging, counts)
        staged_run.assert_rejected(connection, self.tables, feed.ranges)
        staging.rejected_of_run = self.tables.rejected


def _send_each(batches: Iterable[pa.Table], send: staged.Sender, count: Callable[[pa.Table], None] | None) -> None:
    """Send batches of accepted rows, and count those that went straight to the table where that is wanted."""
    for accepted in batches:
        above = send.send_accepted(accepted)
        if count and above.num_rows:
            count(above)


def _add_up(ranges: Sequence[runs.StagedRange]) -> Sums:
    """Add up the sums of ranges, in the order of the file."""
    sums = Sums()
    for each in ranges:
        add_sums(sums, read_sums(each.sums))
    return sums
