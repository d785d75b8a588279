"""The verbs that keep what is there in order: verify, schema."""

from __future__ import annotations

from collections.abc import Callable

from footfall import aggregates
from footfall.database import (
    apply_schema,
    begin,
    begin_snapshot,
    grant_read,
    migrations,
    schema_version,
    silent,
    take_writer_lock,
)
from footfall.results import Verification
from footfall.session import session
from footfall.settings import Settings


def verify(settings: Settings, *, repair: bool = False, warn: Callable[[str], None] = silent) -> Verification:
    """Recount everything that is kept, in one snapshot; with `repair`, make the counts equal to their recount.

    Effects: none without `repair`; with it one transaction under the writer lock. The ledger is never mended.
    """
    with session(settings, is_reader=not repair) as (connection, target):
        if repair:
            begin(connection, target)
            take_writer_lock(connection, target, warn)
            aggregates.repair(connection)
            connection.commit()
        begin_snapshot(connection, target, aggregates.lock_tables, warn)
        rows_raw, pairs = aggregates.totals(connection)
        drift, drift_count = aggregates.find_drift(connection)
        connection.rollback()
    return Verification(rows_raw, pairs, drift, drift_count, repaired=repair)


def schema_show(settings: Settings) -> str:
    """Say which version the tables are at, and list the migrations with their text."""
    with session(settings, is_schema_needed=False) as (connection, target):
        begin(connection, target)
        at = schema_version(connection, target)
        connection.rollback()
    state = "not there yet" if at == 0 else f"at version {at}"
    head = f"-- schema {settings.schema_}: {state}; this Footfall needs version {len(migrations())}\n"
    return head + "\n".join(f"\n-- {name}\n{text}" for _, name, text in migrations())


def schema_apply(settings: Settings, *, warn: Callable[[str], None] = silent) -> str:
    """Create or upgrade the tables; say what was done. Effects: idempotent."""
    with session(settings, is_schema_needed=False) as (connection, target):
        applied = apply_schema(connection, target, warn)
    if not applied:
        return f"schema {settings.schema_} is current (version {len(migrations())}); nothing to do"
    return f"schema {settings.schema_}: applied {', '.join(applied)}"


def schema_grant(settings: Settings, role: str) -> str:
    """Give a role read rights on raw rows, counts, roll-ups and views, not on the quarantine."""
    with session(settings) as (connection, target):
        grant_read(connection, target, role)
    return f"{role} may read interactions, counts, roll-ups and views in schema {settings.schema_}"
