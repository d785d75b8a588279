"""An attempt at a load: tried again, found to be committed after all, or recorded as failed."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

from footfall.errors import DatabaseBusyError, DatabaseUnavailableError, FootfallError
from footfall.postgres.connection import opened
from footfall.postgres.faults import driver_errors
from footfall.postgres.target import Connection
from footfall.postgres.transactions import begin, roll_back, take_writer_lock
from footfall.results import LoadResult
from footfall.safe_text import mask, shown
from footfall.settings import Settings
from footfall.tables import ledger
from footfall.verbs.judging import Run

log = logging.getLogger("footfall")


def copy_masked(error: FootfallError) -> FootfallError:
    """Give an error of the same class whose message holds no secret; it holds neither a cause nor a traceback."""
    return type(error)(mask(error.reason), source=None if error.source is None else mask(error.source))


RETRIES_MAX = 8  # tries after the first; with waits of 1, 2, 4 ... 30 s that is about two minutes
RETRY_WAIT_MAX_S = 30


@dataclass(slots=True)
class Attempt:
    """What is known of a load while it runs: enough to record its failure, or to find that it was committed."""

    source: str
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    digest: str | None = None
    size_bytes: int = 0
    load_id: int | None = None
    result: LoadResult | None = None
    is_committing: bool = False  # its COMMIT was sent
    notices: tuple[str, ...] = ()  # what is odd about its file, also where it has too many rejected rows


def entry(run: Run, attempt: Attempt, status: str, error: str | None = None) -> ledger.Entry:
    """Give the row of the ledger of an attempt, without its numbers of rows."""
    return ledger.Entry(
        load_id=attempt.load_id or 0,
        source=_as_text(mask(attempt.source)),
        digest=attempt.digest or "",
        size_bytes=attempt.size_bytes,
        status=status,
        contract=run.contract.fingerprint(),
        started_at=attempt.started_at,
        footfall_version=version("footfall"),
        error=None if error is None else _as_text(mask(error)),
    )


def _as_text(words: str) -> str:
    r"""Give what PostgreSQL can keep as text: no NUL, and the bytes of a name that is not UTF-8 as `\udcff`."""
    return words.replace("\0", "").encode("utf-8", "backslashreplace").decode()


def waits(settings: Settings) -> Iterator[int]:
    """Give the seconds to wait before each try after the first; none without --retry."""
    return iter([min(2**n, RETRY_WAIT_MAX_S) for n in range(RETRIES_MAX)] if settings.retry else [])


def has_waited(error: FootfallError, left: Iterator[int], words: str) -> bool:
    """Wait until the next try; say False at once where no try is left."""
    wait_s = next(left, None)
    if wait_s is None:
        return False
    said = error.reason if words else error.message  # `words` name the source already
    log.warning(f"{words}{said}; trying again in {wait_s} s")
    time.sleep(wait_s)
    return True


def were_committed(run: Run, connection: Connection, attempts: Sequence[Attempt], error: FootfallError) -> bool | None:
    """Ask the ledger what became of a COMMIT whose answer was lost; None where it cannot be asked.

    The writer lock comes first: it waits until the old session, which may still be committing, is gone.
    """
    tried = [attempt.load_id for attempt in attempts if attempt.is_committing and attempt.load_id]
    if not tried or not isinstance(error, DatabaseUnavailableError):
        return False
    connection.close()
    try:
        with opened(run.target) as again:  # no standby: it may not know yet, and its locks are its own
            begin(again, run.target)
            take_writer_lock(again, run.target)
            committed = ledger.is_loaded(again, tried[0])
            again.rollback()
    except FootfallError:
        return None
    return committed


def unsure(error: FootfallError) -> FootfallError:
    """Say of a lost connection that nobody knows whether the file is there."""
    return DatabaseUnavailableError(
        f"{error.message}; the connection was lost while the server was committing, and it could not be asked since: "
        "the file is there whole, or not at all, and the same command says which"
    )


def record_failure(run: Run, connection: Connection, attempt: Attempt, error: FootfallError) -> None:
    """Write the failed load to the ledger, if the database takes it: a second transaction, best effort."""
    if isinstance(error, DatabaseBusyError) or (isinstance(error, DatabaseUnavailableError) and connection.closed):
        return  # whoever holds the lock holds it still: no second wait for a line in the ledger
    try:
        with driver_errors(connection):
            begin(connection, run.target)
            take_writer_lock(connection, run.target)
            (attempt.load_id,) = ledger.next_load_ids(connection, 1)
            ledger.record(connection, entry(run, attempt, "failed", error.message))
            connection.commit()
    except FootfallError as second:
        log.warning(f"{shown(attempt.source)}: its failure could not be recorded in the ledger: {second.message}")
        roll_back(connection)
