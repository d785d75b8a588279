"""The verb `replay`: judge quarantined rows again under the contract of today, and bring in what is valid now."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from footfall.contract.notices import say_notices
from footfall.engines.in_process import open_engine
from footfall.errors import DatabaseUnavailableError, FootfallError, SettingsError, UnknownNameError
from footfall.postgres.connection import open_session
from footfall.postgres.faults import translate_driver_errors
from footfall.postgres.transactions import begin, roll_back
from footfall.results import LoadResult, LoadSummary
from footfall.settings import Settings
from footfall.tables import replays
from footfall.tables.schema import assert_ready
from footfall.verbs.attempts import (
    Attempt,
    CommitOutcome,
    copy_masked,
    find_commit_outcome,
    find_own_load,
    make_unknown_outcome_error,
    plan_waits,
    wait_for_next_try,
)
from footfall.verbs.replaying import Judge, Replayed, RowsChangedError, replay_load
from footfall.verbs.session import LoadSession, find_version, make_contracts, open_target, read_id_types

log = logging.getLogger("footfall")

OUTCOMES = "the rows that are valid now came in, or nothing was changed; the same command replays what is open"
CHANGES_MAX = 10  # times at most that the rows of one load are judged, since other commands may close some meanwhile


def replay(settings: Settings, load_ids: Sequence[int], *, dry_run: bool = False) -> LoadSummary:
    """Judge the open rejected rows of loads again; of each load, the rows that are valid now come in as a new load.

    Shape: a result for each load that has rows that are valid now; the log names the others.
    Effects: one transaction for each load, under the writer lock; none with `dry_run`.
    Raises: SettingsError, SchemaError, DatabaseUnavailableError before the first load; later a failure is a result.
    """
    began = time.monotonic()
    results: list[LoadResult] = []
    with open_target(settings) as where:
        connection, server = open_session(where)
        session: LoadSession | None = None
        try:
            with translate_driver_errors(connection):
                assert_ready(find_version(connection, where), where)
                session = LoadSession(where, connection, server, read_id_types(connection, where, settings))
                found = _find_loads(session, load_ids)
            contracts = make_contracts(settings, session.id_types)
            with open_engine(contracts.base.find_latest(datetime.now(UTC)), settings.memory_limit_mb) as engine:
                replayer = _Replayer(settings, Judge(session, engine, contracts), dry_run)
                for each in found:
                    result = replayer.replay_one(each)
                    if result is None:
                        continue
                    results.append(result)
                    say_notices(result)
                    if isinstance(result.failure, DatabaseUnavailableError):
                        break
        finally:
            (connection if session is None else session.connection).close()  # the session may have opened another one
    return LoadSummary(tuple(results), round(time.monotonic() - began, 3), (), settings.schema_)


def _find_loads(session: LoadSession, load_ids: Sequence[int]) -> list[Any]:
    """Find the loads to replay. Raises: UnknownNameError; SettingsError where a named load failed or is undone."""
    connection = session.connection
    begin(connection, session.target)
    found = replays.find_loads(connection, load_ids or None)
    connection.rollback()
    known = {each.load_id: each.status for each in found}
    for load_id in load_ids:
        if load_id not in known:
            raise UnknownNameError(f"there is no load {load_id}; `footfall loads` shows those there are")
        if known[load_id] != "loaded":
            raise SettingsError(f"load {load_id} is {known[load_id]}, so that it has no rejected rows")
    if not found:
        log.info("no rejected row is open; there is nothing to replay")
    for each in found:
        if not each.rows_open:
            log.info("load %s has no open rejected rows; there is nothing to replay", each.load_id)
    return [each for each in found if each.rows_open]


@dataclass(slots=True)
class _Replayer:
    settings: Settings
    judge: Judge
    dry_run: bool

    def replay_one(self, found: Any) -> LoadResult | None:
        """Replay one load; give a failure as a result, and None where none of its rows is valid now."""
        began = time.monotonic()
        attempt, left, changes = Attempt(f"replay of load {found.load_id}"), plan_waits(self.settings), CHANGES_MAX
        while True:
            attempt = Attempt(attempt.source)
            try:
                connection = self.judge.session.ensure_connected()
                with translate_driver_errors(connection):
                    if own := self._find_own():
                        return replace(own, seconds=round(time.monotonic() - began, 3))
                    done = replay_load(self.judge, found, attempt, dry_run=self.dry_run)
                return self._tell(done, time.monotonic() - began)
            except RowsChangedError as error:
                roll_back(self.judge.session.connection)
                changes -= 1
                if not changes:
                    return LoadResult.failed(attempt.source, None, FootfallError(str(error)))
            except FootfallError as error:
                outcome = find_commit_outcome(self.judge.session, [attempt], error)
                if outcome is CommitOutcome.COMMITTED and attempt.result:
                    return replace(attempt.result, seconds=round(time.monotonic() - began, 3))
                if outcome is CommitOutcome.UNKNOWN and attempt.result and attempt.load_id:
                    self.judge.session.unsure[attempt.load_id] = attempt.result
                roll_back(self.judge.session.connection)
                if not (error.retryable and wait_for_next_try(error, left, f"{attempt.source}: ")):
                    if self.judge.session.unsure and isinstance(error, DatabaseUnavailableError):
                        error = make_unknown_outcome_error(error, OUTCOMES)
                    return LoadResult.failed(attempt.source, None, copy_masked(error))
            except BaseException:
                roll_back(self.judge.session.connection)
                raise

    def _find_own(self) -> LoadResult | None:
        session = self.judge.session
        if not session.unsure:
            return None
        begin(session.connection, session.target)
        own = find_own_load(session)
        session.connection.rollback()
        session.unsure.clear()
        return own

    def _tell(self, done: Replayed, seconds: float) -> LoadResult | None:
        """Say which rows stay open, and why."""
        reasons = [f"{_count(rows)} cannot be judged again: {reason}" for reason, rows in done.impossible.items()]
        if done.result is None:
            log.info(
                "load %s: none of its %s open rows is valid under the contract of today; nothing was changed",
                done.load_id,
                f"{done.rows_open:,}",
            )
            for reason in reasons:
                log.warning("load %s: %s", done.load_id, reason)
            return None
        left = f"{_count(done.rows_open)} of load {done.load_id} stay{'s' if done.rows_open == 1 else ''} open"
        notices = (*reasons, f"{left}; `footfall rejects --load {done.load_id}` shows them") if done.rows_open else ()
        return replace(done.result, notices=notices, seconds=round(seconds, 3))


def _count(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"
