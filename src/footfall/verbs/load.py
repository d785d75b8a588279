"""The story of a load, from names of files to what became of each.

Find the sources -> pass over those that are known -> take one, or several small ones, in a transaction
(`transaction.py`) -> where that fails: try again, find it committed after all, or record it (`attempts.py`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from footfall.contract.notices import describe_other_contract, say_notices, say_other_contracts
from footfall.errors import (
    DatabaseUnavailableError,
    FootfallError,
    SettingsError,
    SourceUnavailableError,
    TooManyRejectedError,
)
from footfall.postgres.connection import open_session
from footfall.postgres.faults import driver_errors
from footfall.postgres.target import Connection, Server, Target
from footfall.postgres.transactions import begin, roll_back
from footfall.results import FoundSources, LoadResult, LoadSummary, Progress
from footfall.safe_text import shown
from footfall.settings import Settings
from footfall.sources import finding, opening
from footfall.sources.ignored import describe_ignored
from footfall.tables import known_files
from footfall.tables.schema import assert_ready
from footfall.verbs.attempts import (
    Attempt,
    copy_masked,
    has_waited,
    record_failure,
    unsure,
    waits,
    were_committed,
)
from footfall.verbs.clocks import compare_clocks
from footfall.verbs.groups import count_small, group_size_limit
from footfall.verbs.judging import Run, running
from footfall.verbs.schema import create_or_upgrade
from footfall.verbs.session import find_version, target

log = logging.getLogger("footfall")

LOOKED_UP = 1000  # paths that are looked up in the cache at a time


def load(
    names: list[str],
    settings: Settings,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> LoadSummary:
    """Load files of interactions, each exactly once: whole or not at all, and small ones several in a transaction.

    Effects: creates the tables in a schema that has none; idempotent: what is loaded already changes nothing.
    Raises: SettingsError, SchemaError, DatabaseUnavailableError before the first file; later a failure is a result.
    """
    began = time.monotonic()
    found = _found(names, settings)
    if found.ignored:
        log.warning(describe_ignored(found.ignored))
    results: list[LoadResult] = []
    with target(settings) as where, running(settings, where, progress) as run:
        session = _prepared(run, settings)
        try:
            for at in range(0, len(found.paths), LOOKED_UP):
                for result in _load_some(session, found.paths[at : at + LOOKED_UP]):
                    results.append(result)
                    say_notices(result)
                    if isinstance(result.failure, DatabaseUnavailableError):
                        return LoadSummary(
                            tuple(results), round(time.monotonic() - began, 3), found.ignored, settings.schema_
                        )
        finally:
            session.connection.close()
            say_other_contracts(results)
    return LoadSummary(tuple(results), round(time.monotonic() - began, 3), found.ignored, settings.schema_)


def _found(names: list[str], settings: Settings) -> FoundSources:
    left = waits(settings)
    while True:
        try:
            return finding.find_sources(names)
        except SourceUnavailableError as error:
            if not has_waited(error, left, ""):
                raise


@dataclass(slots=True)
class _Session:
    """The connection of one command, opened again when it was lost."""

    run: Run
    settings: Settings
    connection: Connection
    at: Server
    unsure: dict[int, LoadResult] = field(default_factory=dict)  # by load_id: the answer to its COMMIT was lost
    are_clocks_compared: bool = False


def _prepared(run: Run, settings: Settings) -> _Session:
    left = waits(settings)
    while True:
        try:
            connection, at = open_session(run.target)
            try:
                with driver_errors(connection):
                    _prepare_tables(connection, run.target)
            except BaseException:
                connection.close()
                raise
        except DatabaseUnavailableError as error:
            if not has_waited(error, left, ""):
                raise
        else:
            return _Session(run, settings, connection, at)


def _prepare_tables(connection: Connection, where: Target) -> None:
    """See that the tables are there and current; a first load creates them. Raises: SchemaError (exit 6)."""
    version = find_version(connection, where)
    if version == 0:
        create_or_upgrade(connection, where)
    else:
        assert_ready(version, where)


def _load_some(session: _Session, paths: Sequence[str]) -> Iterator[LoadResult]:
    """Load files in their order; pass over those that are known and did not change."""
    known = {} if session.settings.rehash else _known(session, paths)
    waiting: list[str] = []
    for path in paths:
        seen = known.get(path)
        if seen is None:
            waiting.append(path)
            continue
        yield from _load_waiting(session, waiting)
        waiting = []
        if opening.identity_of(path) != seen.identity:  # seen now, since those before it may have taken long
            waiting.append(path)
            continue
        notices = describe_other_contract(seen.load_id, seen.contract, session.run.contract.fingerprint())
        known_as = LoadResult(seen.load_id, path, seen.digest, "already-loaded", loaded_at=seen.loaded_at)
        yield replace(known_as, notices=notices)
    yield from _load_waiting(session, waiting)


def _known(session: _Session, paths: Sequence[str]) -> dict[str, known_files.Known]:
    try:
        connection = _connected(session)
        with driver_errors(connection):
            begin(connection, session.run.target)
            known = known_files.find(connection, paths)
            connection.rollback()
    except DatabaseUnavailableError:  # the load that follows meets the same, and says it
        roll_back(session.connection)
        return {}
    return known


def _connected(session: _Session) -> Connection:
    if session.connection.closed:
        try:
            session.connection, session.at = open_session(session.run.target)
        except SettingsError as error:  # there was one to load into before: of several hosts another answers
            raise DatabaseUnavailableError(
                f"another server answers than before: {error.message}; run the same command again when it is back"
            ) from error
    return session.connection


def _load_waiting(session: _Session, paths: Sequence[str]) -> Iterator[LoadResult]:
    """Load small neighbours together; where that fails, in halves, down to one."""
    if paths:
        _compare_clocks(session)
    at, most = 0, group_size_limit()
    while at < len(paths):
        group = paths[at : at + max(count_small(paths[at : at + most]), 1)]
        if len(group) > 1:
            results, most = _load_together(session, group), len(group) // 2
        else:
            results = [_load_alone(session, paths[at])]
        yield from results
        at += len(results)
        if results:  # where files fail often, groups stay small
            most = min(2 * len(results), group_size_limit())


def _compare_clocks(session: _Session) -> None:
    """Say once, before the first file that may be new, where the server's clock of the source time zone is another."""
    if session.are_clocks_compared:
        return
    session.are_clocks_compared = True
    try:
        connection = _connected(session)
        with driver_errors(connection):
            difference = compare_clocks(connection, session.run.target, session.settings.source_time_zone)
    except DatabaseUnavailableError:  # the load that follows meets the same, and says it
        roll_back(session.connection)
        return
    if difference:
        log.warning(difference)


def _load_together(session: _Session, paths: Sequence[str]) -> list[LoadResult]:
    """Load the first of some small files in one transaction.

    Where that cannot be, it gives no results: a smaller group will find out why, or one file alone. A lost database
    is the failure of the first file, which tries again where the settings say so.
    """
    from footfall.verbs.transaction import load_files  # heavy, and not needed where every file is loaded already

    attempts = [Attempt(path) for path in paths]
    began = time.monotonic()
    try:
        connection = _connected(session)
        with driver_errors(connection):
            results = load_files(session.run, connection, session.at, attempts)
    except FootfallError as error:
        committed = were_committed(session.run, session.connection, attempts, error)
        if not committed:
            if committed is None:
                _note_unsure(session, attempts)
            roll_back(session.connection)
            if not isinstance(error, DatabaseUnavailableError):
                return []
            if session.settings.retry:
                return [_load_alone(session, paths[0])]
            known = [each.result for each in takewhile(_is_known, attempts) if each.result]
            return [*known, *(_given_up(session, each, error) for each in attempts[len(known) :][:1])]
        results = [attempt.result for attempt in attempts if attempt.result]
    except BaseException:
        roll_back(session.connection)
        raise
    seconds = round((time.monotonic() - began) / max(len(results), 1), 3)
    return [replace(_sure(session, result), seconds=seconds) for result in results]


def _load_alone(session: _Session, path: str) -> LoadResult:
    """Load one file; a failure becomes a result, a lost database is tried again where the settings say so."""
    from footfall.verbs.transaction import load_files

    run, left = session.run, waits(session.settings)
    began = time.monotonic()
    result = None
    while result is None:
        attempt = Attempt(path)
        try:
            connection = _connected(session)
            with driver_errors(connection):
                (result,) = load_files(run, connection, session.at, [attempt])
        except FootfallError as error:
            committed = were_committed(run, session.connection, [attempt], error)
            if committed and attempt.result:
                result = attempt.result
                break
            if committed is None:
                _note_unsure(session, [attempt])
            roll_back(session.connection)
            can_be_cured = error.retryable and opening.can_be_read_again(path)
            if not (can_be_cured and has_waited(error, left, f"{shown(path)}: ")):
                result = _given_up(session, attempt, error)
        except BaseException:
            roll_back(session.connection)
            raise
    return replace(_sure(session, result), seconds=round(time.monotonic() - began, 3))


def _note_unsure(session: _Session, attempts: Sequence[Attempt]) -> None:
    session.unsure |= {each.load_id: each.result for each in attempts if each.result and each.load_id}


def _is_known(attempt: Attempt) -> bool:
    return attempt.result is not None and attempt.result.status == "already-loaded"


def _given_up(session: _Session, attempt: Attempt, error: FootfallError) -> LoadResult:
    """Give a failure as a result, and record it where that can be; say so where nobody knows whether it is one."""
    is_unsure = any(each.source == shown(attempt.source) for each in session.unsure.values())
    if is_unsure and isinstance(error, DatabaseUnavailableError):
        error = unsure(error)
    record_failure(session.run, session.connection, attempt, error)
    failed = LoadResult(None, shown(attempt.source), attempt.digest, "failed", failure=copy_masked(error))
    return replace(failed, notices=attempt.notices) if isinstance(error, TooManyRejectedError) else failed


def _sure(session: _Session, result: LoadResult) -> LoadResult:
    """Give what this very command loaded as loaded, though it learns of it only when it tries again."""
    if result.status != "already-loaded" or result.load_id is None:
        return result
    # Once: a second file of the same bytes was not loaded by this command.
    return session.unsure.pop(result.load_id, result)
