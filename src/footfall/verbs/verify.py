"""The verb `verify`: recount everything that is kept, and mend the counts where that is asked for."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from footfall.errors import DatabaseUnavailableError, FootfallError
from footfall.postgres.connection import hold_session
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import begin, begin_snapshot, take_writer_lock
from footfall.results import Verification
from footfall.settings import Settings
from footfall.tables import counts, ledger, operations, verification
from footfall.tables.schema import assert_ready, list_tables
from footfall.verbs.attempts import commit_or_ask
from footfall.verbs.session import find_version, open_target

log = logging.getLogger("footfall")

RECORD_TIMEOUT_S = 5  # seconds; the result is shown even if it cannot be recorded by then


def verify(settings: Settings, *, repair: bool = False) -> Verification:
    """Compare everything that is kept with the rows it was made from, in one snapshot; `repair` mends the counts first.

    Effects: `repair` mends the counts, and nothing else, in one transaction under the writer lock. The repair and the
    result are recorded in the table `operations` if the role may write it; no other table changes. Differences are told
    if `[notify]` asks for it.
    Raises: DriftError where the counts cannot be mended.
    """
    started_at = datetime.now(UTC)
    with open_target(settings) as target:
        found = _mend_and_compare(target, started_at) if repair else _compare_alone(target)
        _record(target, found, started_at)
    if found.drift_count:
        from footfall.verbs.notify import tell_of_drift  # heavy, and seldom needed

        tell_of_drift(settings, found)
    return found


def _mend_and_compare(target: Target, started_at: datetime) -> Verification:
    """Mend the counts, then compare; if the session is lost after they were mended, compare in another one.

    Raises: DatabaseUnavailableError, whose message says it if the counts are mended already.
    """
    is_mended = False
    try:
        with hold_session(target) as connection:
            assert_ready(find_version(connection, target), target)
            _mend(connection, target, started_at)
            is_mended = True
            if not connection.closed:
                return _compare(connection, target, repaired=True)
    except DatabaseUnavailableError:
        if not is_mended:
            raise
    try:
        return _compare_alone(target, repaired=True)
    except DatabaseUnavailableError as error:
        raise type(error)(
            f"{error.message}; the counts are mended, and could not be compared since: `footfall verify` does that"
        ) from error


def _mend(connection: Connection, target: Target, started_at: datetime) -> None:
    """Mend the counts in one transaction. Effects: as `commit_or_ask` where the answer to its COMMIT is lost."""
    begin(connection, target)
    take_writer_lock(connection, target)
    if not verification.is_readable(connection):
        connection.rollback()
        return
    counts.read_heaps(connection)
    rows_changed = counts.repair(connection)
    ledger.mark_repair(connection)
    may_record = operations.may_record(connection)
    receipt = {"rows_changed": rows_changed}
    recorded = operations.record(connection, "repair", started_at, receipt) if may_record else None

    def is_there(again: Connection) -> bool:
        if recorded is None:  # no operation was recorded, so nothing shows whether the COMMIT succeeded
            raise FootfallError
        return operations.is_recorded(again, recorded)

    outcomes = "the counts are mended, or nothing was changed, and the same command mends what is not"
    commit_or_ask(connection, target, is_there, outcomes)


def _compare_alone(target: Target, *, repaired: bool = False) -> Verification:
    with hold_session(target, is_reader=not repaired) as connection:
        assert_ready(find_version(connection, target), target)
        return _compare(connection, target, repaired=repaired)


def _compare(connection: Connection, target: Target, *, repaired: bool) -> Verification:
    """Compare in one snapshot. Effects: closes the connection."""
    begin_snapshot(connection, target, counts.lock_tables, list_tables())
    found = verification.verify(connection, repaired=repaired)
    connection.rollback()
    connection.close()  # a pooler may have only one session, and `_record` needs it next
    return found


def _record(target: Target, found: Verification, started_at: datetime) -> None:
    """Record the result, for metrics, in a session of its own, since that of the recount may only read."""
    details = {
        "drift_count": found.drift_count,
        "is_repaired": found.repaired,
        "is_recounted": found.is_recounted,
        "checks": sorted({each.check for each in found.drift}),
    }
    try:
        with hold_session(target, is_reader=True) as connection:
            begin(connection, target, timeout_s=RECORD_TIMEOUT_S)
            if operations.may_record(connection):
                operations.record(connection, "verify", started_at, details)
                connection.commit()
    except FootfallError as error:
        log.debug("what verify found could not be recorded: %s", error.message)
