"""The verb `verify`: compare all that is kept, and mend the counts where that is asked for."""

from __future__ import annotations

from footfall.postgres.transactions import begin, begin_snapshot, take_writer_lock
from footfall.results import Verification
from footfall.settings import Settings
from footfall.tables import counts, ledger, verification
from footfall.tables.schema import list_tables
from footfall.verbs.notify import tell_of_drift
from footfall.verbs.session import session


def verify(settings: Settings, *, repair: bool = False) -> Verification:
    """Compare all that is kept with what it comes from, in one snapshot; with `repair`, mend the counts before.

    Effects: none without `repair`; with it one transaction under the writer lock. Nothing but the counts is mended.
    Raises: DriftError where the counts cannot be mended.
    """
    with session(settings, is_reader=not repair) as (connection, target):
        if repair:
            begin(connection, target)
            take_writer_lock(connection, target)
            if verification.is_readable(connection):
                counts.read_heaps(connection)
                counts.repair(connection)
                ledger.mark_repair(connection)
            connection.commit()
        begin_snapshot(connection, target, counts.lock_tables, list_tables())
        found = verification.verify(connection, repaired=repair)
        connection.rollback()
    tell_of_drift(settings, found)
    return found
