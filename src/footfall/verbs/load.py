"""Load files, from their names to a result for each.

Find the sources -> leave out known files -> load one file, or several small ones, in a transaction (`transaction.py`)
-> if that fails, try again, or find that it was committed after all, or record the failure (`attempts.py`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, TypedDict, Unpack

from footfall.contract.ids import IdTypes
from footfall.contract.notices import describe_other_contract, say_notices, say_other_contracts
from footfall.engines.in_process import Engine, open_engine
from footfall.errors import (
    DatabaseUnavailableError,
    FootfallError,
    LaterLoadsError,
    SettingsError,
    SourceError,
    SourceUnavailableError,
    TooManyRejectedError,
)
from footfall.formats.choosing import name_contract
from footfall.formats.reading import Reader
from footfall.postgres.connection import open_session
from footfall.postgres.faults import translate_driver_errors
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import begin, roll_back
from footfall.results import FoundSources, LoadResult, LoadSummary, Progress
from footfall.safe_text import mask_source
from footfall.settings import Settings
from footfall.sources import finding, opening
from footfall.sources.ignored import describe_ignored
from footfall.tables import known_files
from footfall.tables.schema import assert_ready
from footfall.verbs.again import Again
from footfall.verbs.attempts import (
    Attempt,
    CommitOutcome,
    copy_masked,
    find_commit_outcome,
    make_unknown_outcome_error,
    plan_waits,
    record_failure,
    wait_for_next_try,
)
from footfall.verbs.clocks import compare_clocks
from footfall.verbs.groups import count_small, find_group_size_limit
from footfall.verbs.schema import create_or_upgrade
from footfall.verbs.session import LoadSession, make_contracts, open_target, read_id_types, read_version_and_types
from footfall.verbs.telling_of_loads import tell_failures

if TYPE_CHECKING:
    from footfall.verbs.runs.loading import RunLoader

log = logging.getLogger("footfall")

LOOKED_UP = 1000  # paths that one question looks up in the cache


class How(TypedDict, total=False):
    """The options of a load. Shape: `replays` is the load that the files mend; `with_later` needs `again`.

    With `may_vanish`, which a watcher sets, the ledger does not record the failure of a file that is gone when its turn
    comes, and records a failure that repeats itself only once. If the database is lost meanwhile, that is the failure.
    """

    replays: int | None
    again: bool
    with_later: bool
    may_vanish: bool


@tell_failures
def load(
    names: list[str],
    settings: Settings,
    *,
    progress: Callable[[Progress], None] | None = None,
    **how: Unpack[How],
) -> LoadSummary:
    """Load files of interactions, each exactly once, as a whole or not at all; small files may share a transaction.

    With `replays`, the files hold mended rows of that load. Each row that is loaded closes its rejected row.

    Effects: creates the tables in a schema that has none; idempotent: a file that is loaded changes nothing. With
    `again`, the load that brought a file is taken back in the transaction that loads the file by the contract of today,
    and `with_later` takes the later loads back that cannot stand without it.
    Raises: SettingsError, SchemaError, DatabaseUnavailableError before the first file; later a failure is a result.
    """
    began = time.monotonic()
    again, with_later = how.get("again", False), how.get("with_later", False)
    if again and how.get("replays") is not None:
        raise SettingsError("--again and --replays cannot go together: a mended file is a load beside the one it mends")
    if with_later and not again:
        raise SettingsError("--with-later (FOOTFALL_WITH_LATER) goes with --again; a load alone takes nothing back")
    found = _find_sources(names, settings)
    if found.ignored:
        log.warning(describe_ignored(found.ignored))
    results: list[LoadResult] = []
    with open_target(settings) as where:
        try:
            results += load_paths(found.paths, where, settings, progress, **how)
        finally:
            say_other_contracts(results)
    return LoadSummary(tuple(results), round(time.monotonic() - began, 3), found.ignored, settings.schema_)


def load_paths(
    paths: Sequence[str],
    where: Target,
    settings: Settings,
    progress: Callable[[Progress], None] | None = None,
    **how: Unpack[How],
) -> Generator[LoadResult, None, None]:
    """Load files that were found, in their order, and give a result for each, up to one that lost the database.

    Effects: a session stays open while the results are read; the caller may stop after any of them.
    Raises: SettingsError, SchemaError, DatabaseUnavailableError before the first file.
    """
    is_by_many = _is_by_many(settings, **how)
    session = open_load_session(where, settings)
    session.again = Again(how.get("with_later", False)) if how.get("again") else None
    replays = how.get("replays")
    try:
        contracts = make_contracts(settings, session.id_types)
        reader = Reader(contracts, settings.memory_limit_mb)
        if replays is not None:
            from footfall.verbs.mending import open_mended_reader  # heavy, and seldom needed

            reader = open_mended_reader(session, settings, contracts, replays)
        reader.contracts.check_all(paths)
        latest = contracts.base.find_latest(datetime.now(UTC))
        with ExitStack() as stack:
            engine = stack.enter_context(open_engine(latest, settings.memory_limit_mb, progress))
            by_many = None
            if is_by_many:
                from footfall.verbs.runs.loading import open_run_loader  # heavy, and seldom needed

                by_many = stack.enter_context(open_run_loader(session, contracts, settings, progress))
            may_vanish = how.get("may_vanish", False)
            loader = _Loader(settings, session, engine, reader, replays is not None, may_vanish, by_many)
            for start in range(0, len(paths), LOOKED_UP):
                for result in loader.load_some(paths[start : start + LOOKED_UP]):
                    say_notices(result)
                    yield result
                    if isinstance(result.failure, DatabaseUnavailableError):
                        return
    finally:
        session.connection.close()


def _is_by_many(settings: Settings, **how: Unpack[How]) -> bool:
    """Say whether others stage large files. Raises: SettingsError where the settings do not go together."""
    if settings.workers == 1 and settings.engine == "processes" and not (settings.master or settings.scheduler):
        return False
    from footfall.verbs.runs.stagers import assert_usable

    assert_usable(settings)
    if how.get("again") or how.get("replays") is not None:
        raise SettingsError(
            "--again and --replays load in one process; leave out --workers (FOOTFALL_WORKERS) and --engine "
            "(FOOTFALL_ENGINE), or set them to 1 and processes"
        )
    return True


def _find_sources(names: list[str], settings: Settings) -> FoundSources:
    left = plan_waits(settings)
    while True:
        try:
            return finding.find_sources(names, settings.matches)
        except SourceUnavailableError as error:
            if not wait_for_next_try(error, left, ""):
                raise


def open_load_session(where: Target, settings: Settings) -> LoadSession:
    """Open the session of a command that loads. Effects: creates the tables in a schema that has none."""
    left = plan_waits(settings)
    while True:
        try:
            connection, server = open_session(where)
            try:
                with translate_driver_errors(connection):
                    id_types = _prepare_tables(connection, where, settings)
            except BaseException:
                connection.close()
                raise
        except DatabaseUnavailableError as error:
            if not wait_for_next_try(error, left, ""):
                raise
        else:
            return LoadSession(where, connection, server, id_types)


def _prepare_tables(connection: Connection, where: Target, settings: Settings) -> IdTypes:
    """Check that the tables are current, or create them for the first load; give the types of their ids.

    Raises: SchemaError (exit 6); SettingsError where the settings name other types.
    """
    version, id_types = read_version_and_types(connection, where, settings)
    if id_types is not None:
        return id_types
    if version == 0:
        create_or_upgrade(connection, where, settings.id_types)
    else:
        assert_ready(version, where)
    return read_id_types(connection, where, settings)


@dataclass(slots=True)
class _Loader:
    """Loads the files of one command, in their order; `are_alone`: each in a transaction of its own.

    `may_vanish`: as in `How`; `by_many` loads large plain files, if several stagers share the work.
    """

    settings: Settings
    session: LoadSession
    engine: Engine
    reader: Reader
    are_alone: bool = False
    may_vanish: bool = False
    by_many: RunLoader | None = None
    has_looked_around: bool = False

    def load_some(self, paths: Sequence[str]) -> Iterator[LoadResult]:
        """Load files in their order; pass over those that are known and did not change."""
        known = {} if self.settings.rehash or self.session.again else self._find_known(paths)
        waiting: list[str] = []
        for path in paths:
            seen = known.get(path)
            if seen is None:
                waiting.append(path)
                continue
            yield from self._load_waiting(waiting)
            waiting = []
            if opening.find_identity(path) != seen.identity:  # compared only now, since loads before it may take long
                waiting.append(path)
                continue
            contract_now = name_contract(self.reader.contracts.choose(path), path)
            notices = describe_other_contract(seen.load_id, seen.contract, contract_now)
            yield LoadResult.already_loaded(seen.load_id, path, seen.digest, seen.loaded_at, notices)
        yield from self._load_waiting(waiting)

    def _find_known(self, paths: Sequence[str]) -> dict[str, known_files.Known]:
        try:
            connection = self.session.ensure_connected()
            with translate_driver_errors(connection):
                begin(connection, self.session.target)
                known = known_files.find(connection, paths)
                connection.rollback()
        except DatabaseUnavailableError:  # the load that follows meets the same error, and reports it
            roll_back(self.session.connection)
            return {}
        return known

    def _load_waiting(self, paths: Sequence[str]) -> Iterator[LoadResult]:
        """Load small neighbouring files together; where a group fails, try half as many, down to one file."""
        if paths:
            self._look_around()
        # A file whose load is taken back has a transaction of its own, so that a refusal concerns this file alone.
        most = limit = 1 if self.are_alone or self.session.again else find_group_size_limit()
        start = 0
        while start < len(paths):
            group = paths[start : start + max(count_small(paths[start : start + most]), 1)]
            if len(group) > 1:
                results, most = self.load_together(group), len(group) // 2
            else:
                by_many = self.by_many if self.by_many and self.by_many.is_for(paths[start]) else None
                results = [(by_many.load if by_many else self.load_alone)(paths[start])]
            yield from results
            start += len(results)
            if results:  # so groups stay small where files fail often
                most = min(2 * len(results), limit)

    def _look_around(self) -> None:
        """Sweep runs that are over, and warn where the server's data of the time zone differs: once, before all files.

        Effects: none where every file is known.
        """
        from footfall.verbs.runs.sweeping import sweep_runs

        if self.has_looked_around:
            return
        self.has_looked_around = True
        try:
            connection = self.session.ensure_connected()
            with translate_driver_errors(connection):
                sweep_runs(connection, self.session.target)
                difference = compare_clocks(connection, self.session.target, self.settings.source_time_zone)
        except DatabaseUnavailableError:  # the load that follows meets the same error, and reports it
            roll_back(self.session.connection)
            return
        if difference:
            log.warning(difference)

    def load_together(self, paths: Sequence[str]) -> list[LoadResult]:
        """Load the first of some small files in one transaction.

        Gives no results where that fails, so that the caller tries a smaller group and finds the file that fails. Where
        the database was lost, the first file is tried again if the settings say so, and else becomes a failure.
        """
        attempts = [Attempt(path) for path in paths]
        began = time.monotonic()
        try:
            results = self._load_once(attempts)
        except FootfallError as error:
            outcome = find_commit_outcome(self.session, attempts, error)
            if outcome is not CommitOutcome.COMMITTED:
                if outcome is CommitOutcome.UNKNOWN:
                    self._note_unsure(attempts)
                roll_back(self.session.connection)
                if not isinstance(error, DatabaseUnavailableError):
                    return []
                if self.settings.retry:
                    return [self.load_alone(paths[0])]
                known = [each.result for each in takewhile(_is_known, attempts) if each.result]
                return [*known, *(self._give_up(each, error) for each in attempts[len(known) :][:1])]
            results = [attempt.result for attempt in attempts if attempt.result]
        except BaseException:
            roll_back(self.session.connection)
            raise
        seconds = round((time.monotonic() - began) / max(len(results), 1), 3)
        return [replace(self._claim_own_load(result), seconds=seconds) for result in results]

    def load_alone(self, path: str) -> LoadResult:
        """Load one file, and give a failure as a result. Retryable failures are tried again if the settings say so."""
        left = plan_waits(self.settings)
        began = time.monotonic()
        result = None
        while result is None:
            attempt = Attempt(path)
            try:
                (result,) = self._load_once([attempt])
            except FootfallError as error:
                outcome = find_commit_outcome(self.session, [attempt], error)
                if outcome is CommitOutcome.COMMITTED and attempt.result:
                    result = attempt.result
                    break
                if outcome is CommitOutcome.UNKNOWN:
                    self._note_unsure([attempt])
                roll_back(self.session.connection)
                can_be_cured = error.retryable and opening.can_be_read_again(path)
                if not (can_be_cured and wait_for_next_try(error, left, f"{mask_source(path)}: ")):
                    result = self._give_up(attempt, error)
            except BaseException:
                roll_back(self.session.connection)
                raise
        return replace(self._claim_own_load(result), seconds=round(time.monotonic() - began, 3))

    def _load_once(self, attempts: Sequence[Attempt]) -> list[LoadResult]:
        """Try one transaction. Raises: FootfallError; the caller then rolls the transaction back."""
        from footfall.verbs.transaction import load_files  # heavy, and not needed where every file is loaded already

        connection = self.session.ensure_connected()
        with translate_driver_errors(connection):
            return load_files(self.session, self.reader, self.engine, self.settings.max_rejected, attempts)

    def _note_unsure(self, attempts: Sequence[Attempt]) -> None:
        self.session.unsure |= {each.load_id: each.result for each in attempts if each.result and each.load_id}

    def _give_up(self, attempt: Attempt, error: FootfallError) -> LoadResult:
        """Record a failure in the ledger where that is possible, and give it as a result.

        If a COMMIT of this file was never answered, the failure says that it is unknown whether the file was loaded.
        """
        is_unsure = any(each.source == mask_source(attempt.source) for each in self.session.unsure.values())
        if is_unsure and isinstance(error, DatabaseUnavailableError):
            error = make_unknown_outcome_error(error)
        has_vanished = self.may_vanish and isinstance(error, SourceError) and opening.is_gone(attempt.source)
        # After LaterLoadsError the load that brought the file still stands, so there is no failure to record.
        if not (has_vanished or isinstance(error, LaterLoadsError)):
            contract = self.reader.contracts.choose(attempt.source)
            lost = record_failure(self.session, contract, attempt, error, once=self.may_vanish)
            # A watcher waits for the database and reads the file again, so that the ledger tells of it.
            error = lost if lost and self.may_vanish else error
        notices = attempt.notices if isinstance(error, TooManyRejectedError) else ()
        return LoadResult.failed(mask_source(attempt.source), attempt.digest, copy_masked(error), notices)

    def _claim_own_load(self, result: LoadResult) -> LoadResult:
        """Turn "already loaded" into "loaded" where an earlier try of this very command loaded the file."""
        if result.status == "already-loaded" and result.load_id is not None:
            # `pop`: the first file of these bytes was loaded by this command, and a later copy is loaded already.
            result = self.session.unsure.pop(result.load_id, result)
        if self.session.again and result.status == "loaded" and result.load_id is not None:
            self.session.again.own.add(result.load_id)
        return result


def _is_known(attempt: Attempt) -> bool:
    return attempt.result is not None and attempt.result.status == "already-loaded"
