"""The verb `verify`: compare all that is kept, and mend the counts where that is asked for."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from footfall.errors import FootfallError
from footfall.postgres.connection import opened
from footfall.postgres.target import Target
from footfall.postgres.transactions import begin, begin_snapshot, take_writer_lock
from footfall.results import Verification
from footfall.settings import Settings
from footfall.tables import counts, ledger, operations, verification
from footfall.tables.schema import list_tables
from footfall.verbs.session import session

log = logging.getLogger("footfall")

RECORD_TIMEOUT_S = 5  # seconds; what was found is shown whether it can be recorded or not


def verify(settings: Settings, *, repair: bool = False) -> Verification:
    """Compare all that is kept with what it comes from, in one snapshot; with `repair`, mend the counts before.

    Effects: with `repair` one transaction under the writer lock, which mends nothing but the counts. What was found is
    recorded among the operations, where the role may, and told where `[notify]` says so; no table else changes.
    Raises: DriftError where the counts cannot be mended.
    """
    started_at = datetime.now(UTC)
    with session(settings, is_reader=not repair) as (connection, target):
        if repair:
            begin(connection, target)
            take_writer_lock(connection, target)
            if verification.is_readable(connection):
                counts.read_heaps(connection)
                rows_changed = counts.repair(connection)
                ledger.mark_repair(connection)
                operations.record(connection, "repair", started_at, {"rows_changed": rows_changed})
            connection.commit()
        begin_snapshot(connection, target, counts.lock_tables, list_tables())
        found = verification.verify(connection, repaired=repair)
        connection.rollback()
        connection.close()  # a pooler may have one session for everybody, and the next one has to get it
        _record(target, found, started_at)
    if found.drift_count:
        from footfall.verbs.notify import tell_of_drift  # heavy, and seldom needed

        tell_of_drift(settings, found)
    return found


def _record(target: Target, found: Verification, started_at: datetime) -> None:
    """Record what was found, for metrics, in a session of its own: that of the recount reads only."""
    details = {
        "drift_count": found.drift_count,
        "is_repaired": found.repaired,
        "is_recounted": found.is_recounted,
        "checks": sorted({each.check for each in found.drift}),
    }
    try:
        with opened(target, is_reader=True) as connection:
            begin(connection, target, timeout_s=RECORD_TIMEOUT_S)
            if operations.may_record(connection):
                operations.record(connection, "verify", started_at, details)
                connection.commit()
    except FootfallError as error:
        log.debug("what verify found could not be recorded: %s", error.message)
