"""Plan a run: read the file once for its digest and its ranges, and keep the job in the database.

Step by step: is the file known? -> digest and ranges -> is it in the ledger? -> load_id, the tables of the run and its
job -> the rights of the stagers -> commit. Readers of the tables see no change.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from footfall.contract.notices import describe_other_contract
from footfall.contract.terms import Contract
from footfall.errors import DatabaseUnavailableError, FootfallError, SettingsError, SourceError
from footfall.formats.choosing import Contracts, name_contract
from footfall.formats.ranges import Planner, Range, choose_range_bytes
from footfall.formats.reading import Reader
from footfall.postgres.connection import hold_session
from footfall.postgres.faults import translate_driver_errors
from footfall.postgres.inspection import is_pooled
from footfall.postgres.target import Target
from footfall.postgres.transactions import begin, roll_back
from footfall.results import LoadResult
from footfall.results.running import Run
from footfall.safe_text import mask_source
from footfall.settings import Settings
from footfall.sources import opening, ranged
from footfall.tables import known_files, ledger, runs
from footfall.verbs.attempts import Attempt, record_failure
from footfall.verbs.clocks import compare_clocks
from footfall.verbs.load import open_load_session
from footfall.verbs.runs.job import Job, list_versions
from footfall.verbs.runs.source import find_place
from footfall.verbs.runs.sweeping import sweep_runs
from footfall.verbs.session import LoadSession, make_contracts, open_target

log = logging.getLogger("footfall")

LEASE_S = 86_400.0  # seconds; a run that nobody holds is kept for a day, in which a scheduler may wait and try again


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run is planned.

    Shape: `key` begins the token of the run, which is not known before the file is read; `shares` is how many stage at
    once, where that is known: each is to have as many ranges.
    Units: `lease_s` in seconds, 0 where somebody holds the run as long as it is of use; `range_bytes` in bytes, chosen
    by the size of the file where it is None.
    """

    lease_s: float = LEASE_S
    range_bytes: int | None = None
    shares: int = 1
    key: str = field(default_factory=runs.make_key)


@contextmanager
def plan_run(source: str, settings: Settings, *, range_bytes: int | None = None, shares: int = 1) -> Iterator[Run]:
    """Plan a run, and hold it while the block runs: if this process is killed, the next writer sweeps the run.

    Behind a pooler nobody can hold a run. There it gets the lease that runs have which nobody holds.
    """
    plan_now = Plan(range_bytes=range_bytes, shares=shares)
    with open_target(settings) as where, hold_run(where, plan_now.key) as is_held:
        yield plan(source, settings, replace(plan_now, lease_s=0.0 if is_held else LEASE_S))


@contextmanager
def hold_run(where: Target, key: str) -> Iterator[bool]:
    """Hold the run of a key in a session of its own while the block runs; False behind a pooler, where nothing is held.

    The lock belongs to a transaction that stays open. It has no snapshot, so that it does not hinder vacuum.
    """
    with hold_session(where) as connection:
        if is_pooled(connection):
            connection.close()
            yield False
            return
        begin(connection, where)
        runs.hold(connection, runs.find_lock_key(key))
        yield True


def plan(source: str, settings: Settings, how: Plan | None = None) -> Run:
    """Plan a run of one file. If the file is loaded already, the run has the result of that load, and no range.

    Effects: creates the tables in a schema that has none; sweeps runs that are over; makes the tables of the run. A
    file that cannot be read is recorded in the ledger, as a load does.
    Raises: SettingsError; SourceError; SchemaError; DatabaseUnavailableError.
    """
    place = find_place(source)
    with open_target(settings) as where:
        session = open_load_session(where, settings)
        try:
            return replace(_plan(source, place, session, settings, how or Plan()), schema=where.schema)
        finally:
            session.connection.close()


def _plan(source: str, place: str, session: LoadSession, settings: Settings, how: Plan) -> Run:
    contracts = make_contracts(settings, session.id_types)
    contract = contracts.choose(source)
    attempt = Attempt(source)
    try:
        with translate_driver_errors(session.connection):
            sweep_runs(session.connection, session.target)
            if not settings.rehash and (known := _find_known(session, contract, source)):
                return Run("", mask_source(source), 0, known)
            if difference := compare_clocks(session.connection, session.target, settings.source_time_zone):
                log.warning(difference)
        # Reading the file may take an hour, and servers, poolers and firewalls end idle sessions.
        session.connection.close()
        return _Planner(session, settings, contracts, how).plan(attempt, place)
    except FootfallError as error:
        roll_back(session.connection)
        if not isinstance(error, SettingsError):
            with suppress(DatabaseUnavailableError):
                session.ensure_connected()
            record_failure(session, contract, attempt, error)
        raise
    except BaseException:
        roll_back(session.connection)
        raise


def _find_known(session: LoadSession, contract: Contract, source: str) -> LoadResult | None:
    """Give the result of a file that is loaded and has not changed since; None where only reading it can tell."""
    begin(session.connection, session.target)
    known = known_files.find(session.connection, [source]).get(source)
    session.connection.rollback()
    if known is None or opening.find_identity(source) != known.identity:
        return None
    notices = describe_other_contract(known.load_id, known.contract, name_contract(contract, source))
    return LoadResult.already_loaded(known.load_id, mask_source(source), known.digest, known.loaded_at, notices)


@dataclass(frozen=True, slots=True)
class _Planner:
    session: LoadSession
    settings: Settings
    contracts: Contracts
    how: Plan

    def plan(self, attempt: Attempt, place: str) -> Run:
        """Read the file, then keep the job of its run. Raises: FootfallError; the caller rolls the transaction back."""
        session, contract = self.session, self.contracts.choose(attempt.source)
        with ranged.open_to_plan(attempt.source) as opened_file:
            file, ranges, refusal = _read_once(opened_file, contract, self.how)
            attempt.digest, attempt.size_bytes = file.digest, file.size_bytes
            with translate_driver_errors(session.ensure_connected()):
                begin(session.connection, session.target)
                if first := ledger.find_loaded(session.connection, [file.digest]).get(file.digest):
                    known_files.keep(session.connection, [file])
                    session.connection.commit()
                    notices = describe_other_contract(first.load_id, first.contract, name_contract(contract, file.path))
                    done = LoadResult.already_loaded(first.load_id, file.source, file.digest, first.loaded_at, notices)
                    return Run("", file.source, 0, done)
                Reader(self.contracts, self.settings.memory_limit_mb).read(file)  # raises if its head is wrong
                if refusal:
                    raise refusal
                token = runs.make_token(self.how.key, file.digest)
                self._keep_job(attempt, place, file, ranges, runs.name_tables(session.target.schema, token))
                opening.assert_unchanged(file)
                session.connection.commit()
        return Run(token, file.source, len(ranges))

    def _keep_job(
        self,
        attempt: Attempt,
        place: str,
        file: opening.SourceFile,
        ranges: tuple[Range, ...],
        tables: runs.RunTables,
    ) -> None:
        """Make the tables of the run, with its job. Effects: in the transaction of the session."""
        connection, contract = self.session.connection, self.contracts.choose(attempt.source)
        (load_id,) = ledger.take_load_ids(connection, 1)
        job = Job(
            source=attempt.source,
            place=place,
            state=ranged.find_state(file),
            digest=file.digest,
            size_bytes=file.size_bytes,
            ranges=ranges,
            load_id=load_id,
            contract=contract,
            fingerprint=name_contract(contract, attempt.source),
            latest=contract.find_latest(datetime.now(UTC)),
            memory_limit_mb=self.settings.memory_limit_mb,
            started_at=attempt.started_at,
            lease_s=self.how.lease_s,
            versions=list_versions(),
        )
        runs.hold(connection, tables.lock_key)
        runs.create(connection, tables, job.write(), job.lease_s)
        if self.settings.stager_role:
            runs.grant(connection, tables, self.settings.stager_role)


def _read_once(
    file: opening.SourceFile, contract: Contract, how: Plan
) -> tuple[opening.SourceFile, tuple[Range, ...], SourceError | None]:
    """Read a file once for its digest and its ranges; give it with its digest, and why it cannot be cut if so."""
    try:
        planner = Planner(file, contract, how.range_bytes or choose_range_bytes(file.size_bytes, how.shares))
    except SourceError as error:
        return ranged.take_digest(file), (), error
    file = ranged.take_digest(file, planner.take)
    return file, planner.finish(), None
