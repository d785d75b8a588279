"""The verb `verify`: recount, compare, and mend the counts where that is asked for."""

from __future__ import annotations

from footfall.postgres.transactions import begin, begin_snapshot, take_writer_lock
from footfall.results import Verification
from footfall.settings import Settings
from footfall.tables import counts
from footfall.tables.schema import list_tables
from footfall.verbs.session import session


def verify(settings: Settings, *, repair: bool = False) -> Verification:
    """Recount everything that is kept, in one snapshot; with `repair`, make the counts equal to their recount.

    Effects: none without `repair`; with it one transaction under the writer lock. The ledger is never mended.
    """
    with session(settings, is_reader=not repair) as (connection, target):
        if repair:
            begin(connection, target)
            take_writer_lock(connection, target)
            counts.repair(connection)
            connection.commit()
        begin_snapshot(connection, target, counts.lock_tables, list_tables())
        rows_raw, pairs = counts.totals(connection)
        drift, drift_count = counts.find_drift(connection)
        connection.rollback()
    return Verification(rows_raw, pairs, drift, drift_count, repaired=repair)
