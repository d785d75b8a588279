"""The verbs that keep what is there in order: verify, schema."""

from __future__ import annotations

from footfall.postgres.transactions import begin
from footfall.settings import Settings
from footfall.tables.schema import apply_schema, grant_read, migrations, schema_version
from footfall.verbs.session import session


def schema_show(settings: Settings) -> str:
    """Say which version the tables are at, and list the migrations with their text."""
    with session(settings, is_schema_needed=False) as (connection, target):
        begin(connection, target)
        at = schema_version(connection, target)
        connection.rollback()
    state = "not there yet" if at == 0 else f"at version {at}"
    head = f"-- schema {settings.schema_}: {state}; this Footfall needs version {len(migrations())}\n"
    return head + "\n".join(f"\n-- {name}\n{text}" for _, name, text in migrations())


def schema_apply(settings: Settings) -> str:
    """Create or upgrade the tables; say what was done. Effects: idempotent."""
    with session(settings, is_schema_needed=False) as (connection, target):
        applied = apply_schema(connection, target)
    if not applied:
        return f"schema {settings.schema_} is current (version {len(migrations())}); nothing to do"
    return f"schema {settings.schema_}: applied {', '.join(applied)}"


def schema_grant(settings: Settings, role: str) -> str:
    """Give a role read rights on raw rows, counts, roll-ups and views, not on the quarantine."""
    with session(settings) as (connection, target):
        grant_read(connection, target, role)
    return f"{role} may read interactions, counts, roll-ups and views in schema {settings.schema_}"
