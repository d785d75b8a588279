"""Attempts at a load: try again, find out whether a lost transaction was committed, record a failure."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from functools import cache

from footfall.contract.terms import Contract
from footfall.errors import DatabaseBusyError, DatabaseUnavailableError, FootfallError
from footfall.formats.choosing import name_contract
from footfall.postgres.connection import hold_session
from footfall.postgres.faults import translate_driver_errors
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import begin, roll_back, take_writer_lock
from footfall.results import LoadResult
from footfall.safe_text import mask, mask_source
from footfall.settings import Settings
from footfall.tables import ledger, operations
from footfall.verbs.session import LoadSession

log = logging.getLogger("footfall")


def copy_masked(error: FootfallError) -> FootfallError:
    """Copy an error without secrets in its message, and without its cause and traceback."""
    return type(error)(mask(error.reason), source=None if error.source is None else mask(error.source))


RETRIES_MAX = 8  # tries after the first; with waits of 1, 2, 4 ... 30 s that is about two minutes
RETRY_WAIT_MAX_S = 30


class CommitOutcome(Enum):
    """What became of a transaction that ended in an error."""

    COMMITTED = auto()
    NOT_COMMITTED = auto()
    UNKNOWN = auto()  # the answer to its COMMIT was lost, and the database could not be asked


@dataclass(slots=True)
class Attempt:
    """What is known of a load while it runs: enough to record its failure, or to ask whether it was committed."""

    source: str
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    digest: str | None = None
    size_bytes: int = 0
    load_id: int | None = None
    result: LoadResult | None = None
    is_committing: bool = False  # its COMMIT was sent
    notices: tuple[str, ...] = ()  # what is odd about its file, also where it has too many rejected rows


def make_entry(
    contract: Contract, attempt: Attempt, status: str, error: str | None = None, header: str | None = None
) -> ledger.Entry:
    """Make the row of the ledger for an attempt, without its numbers of rows."""
    return ledger.Entry(
        load_id=attempt.load_id or 0,
        source=_to_storable_text(mask(attempt.source)),
        digest=attempt.digest or "",
        size_bytes=attempt.size_bytes,
        status=status,
        contract=name_contract(contract, attempt.source),
        definition=contract.definition.name,
        started_at=attempt.started_at,
        footfall_version=_find_version(),
        error=None if error is None else _to_storable_text(mask(error)),
        header=None if header is None else _to_storable_text(header),
    )


@cache
def _find_version() -> str:
    from importlib.metadata import version  # heavy, and a file that is known makes no entry

    return version("footfall")


def _to_storable_text(text: str) -> str:
    r"""Give what PostgreSQL can keep as text: no NUL, and the bytes of a name that is not UTF-8 as `\udcff`."""
    return text.replace("\0", "").encode("utf-8", "backslashreplace").decode()


def plan_waits(settings: Settings) -> Iterator[int]:
    """Give the seconds to wait before each try after the first; none without --retry."""
    return iter([min(2**n, RETRY_WAIT_MAX_S) for n in range(RETRIES_MAX)] if settings.retry else [])


def wait_for_next_try(error: FootfallError, left: Iterator[int], prefix: str) -> bool:
    """Warn of a failure and sleep until the next try; give False at once where no try is left.

    Effects: takes one wait from `left`, and sleeps for up to 30 s. `prefix` begins the warning.
    """
    wait_s = next(left, None)
    if wait_s is None:
        return False
    said = error.reason if prefix else error.message  # `prefix` names the source already
    log.warning(f"{prefix}{said}; trying again in {wait_s} s")
    time.sleep(wait_s)
    return True


def find_commit_outcome(session: LoadSession, attempts: Sequence[Attempt], error: FootfallError) -> CommitOutcome:
    """Find what became of a transaction that ended in an error.

    Where the answer to its COMMIT was lost, the ledger is asked.

    Effects: where the ledger is asked, closes the session's connection, and opens another one only for the question.
    """
    tried = [attempt.load_id for attempt in attempts if attempt.is_committing and attempt.load_id]
    if not tried or not isinstance(error, DatabaseUnavailableError):
        return CommitOutcome.NOT_COMMITTED
    session.connection.close()
    return ask_whether_committed(session.target, lambda again: ledger.is_loaded(again, tried[0]))


def ask_whether_committed(target: Target, is_there: Callable[[Connection], bool]) -> CommitOutcome:
    """Ask in a session of its own whether a lost transaction was committed; `is_there` looks for its changes.

    The writer lock is taken first, so that the question waits until the old session, which may still be committing, is
    gone.
    """
    try:
        # Only a writer's session is asked: a standby may not have the commit yet, and it has advisory locks of its own.
        with hold_session(target) as again:
            begin(again, target)
            take_writer_lock(again, target)
            is_committed = is_there(again)
            again.rollback()
    except FootfallError:
        return CommitOutcome.UNKNOWN
    return CommitOutcome.COMMITTED if is_committed else CommitOutcome.NOT_COMMITTED


def make_unknown_outcome_error(
    error: FootfallError, outcomes: str = "the file is there whole, or not at all, and the same command says which"
) -> FootfallError:
    """Make the error for a connection that was lost during COMMIT, where the outcome could not be found out since.

    `outcomes` says what may be true, and what to do.
    """
    return DatabaseUnavailableError(
        f"{error.message}; the connection was lost while the server was committing, and it could not be asked since: "
        f"{outcomes}"
    )


def confirm_operation(target: Target, operation_id: int | None, error: FootfallError, outcomes: str) -> None:
    """See that an operation was committed although the answer to its COMMIT was lost.

    Raises: `error` where it was not committed; DatabaseUnavailableError with the `outcomes` where nobody can be asked.
    """
    _confirm(
        target,
        lambda again: operation_id is not None and operations.is_recorded(again, operation_id),
        error,
        outcomes,
    )


def find_own_load(session: LoadSession) -> LoadResult | None:
    """Give the result of an earlier try whose COMMIT was not answered, where the ledger has its load.

    Effects: takes the writer lock in the transaction of the caller if there was such a try.
    """
    if session.unsure:
        take_writer_lock(session.connection, session.target)
    found = (result for load_id, result in session.unsure.items() if ledger.is_loaded(session.connection, load_id))
    return next(found, None)


def commit_or_ask(
    connection: Connection, target: Target, is_there: Callable[[Connection], bool], outcomes: str
) -> None:
    """Commit; where the answer is lost, ask another session whether what the transaction leaves is there.

    Effects: the connection is closed where the answer was lost and the transaction was committed all the same.
    Raises: DatabaseUnavailableError where it was not committed, or with the `outcomes` where nobody can be asked.
    """
    try:
        with translate_driver_errors(connection):
            connection.commit()
    except DatabaseUnavailableError as error:
        connection.close()
        _confirm(target, is_there, error, outcomes)


def _confirm(target: Target, is_there: Callable[[Connection], bool], error: FootfallError, outcomes: str) -> None:
    outcome = ask_whether_committed(target, is_there)
    if outcome is CommitOutcome.UNKNOWN:
        raise make_unknown_outcome_error(error, outcomes) from error
    if outcome is CommitOutcome.NOT_COMMITTED:
        raise error


def record_failure(
    session: LoadSession, contract: Contract, attempt: Attempt, error: FootfallError, *, once: bool = False
) -> DatabaseUnavailableError | None:
    """Write the failed load to the ledger in a second transaction; with `once`, only if it is not there already.

    Give the error that kept it from being written where that is a database that was lost or busy meanwhile.

    Effects: only warns where writing fails, too. Does nothing where the database is not reachable or was busy.
    """
    connection, target = session.connection, session.target
    if isinstance(error, DatabaseBusyError) or (isinstance(error, DatabaseUnavailableError) and connection.closed):
        return None  # The wait for the writer lock has just timed out: a line in the ledger is not worth a second one.
    try:
        with translate_driver_errors(connection):
            begin(connection, target)
            take_writer_lock(connection, target)
            if once and ledger.is_failure_known(connection, make_entry(contract, attempt, "failed", error.message)):
                connection.rollback()
                return None
            (attempt.load_id,) = ledger.take_load_ids(connection, 1)
            ledger.record(connection, make_entry(contract, attempt, "failed", error.message))
            connection.commit()
    except FootfallError as second:
        log.warning(f"{mask_source(attempt.source)}: its failure could not be recorded in the ledger: {second.message}")
        roll_back(connection)
        return second if isinstance(second, DatabaseUnavailableError) else None
    return None
