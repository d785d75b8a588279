"""The verb `schema`: show, create or upgrade the tables, and give others the right to read them."""

from __future__ import annotations

import logging

from footfall.contract.ids import ID_COLUMNS, IdTypes
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import begin
from footfall.settings import Settings
from footfall.tables.schema import apply_schema, describe_other_creators, grant_read, migrations
from footfall.verbs.session import find_version, read_id_types, session

log = logging.getLogger("footfall")


def schema_show(settings: Settings) -> str:
    """Say which version the tables are at, and list the migrations with their text."""
    with session(settings, is_schema_needed=False) as (connection, target):
        at = find_version(connection, target)
        id_types = read_id_types(connection, target) if at else settings.id_types
    state = "not there yet" if at == 0 else f"at version {at}"
    head = f"-- schema {settings.schema_}: {state}; this Footfall needs version {len(migrations())}\n"
    has, words = ("has" if at else "would get"), ", ".join(f"{name} {id_types.of(name)}" for name in ID_COLUMNS)
    head += f"-- it {has} the types of ids: {words}\n"
    return head + "\n".join(f"\n-- {name}\n{text}" for _, name, text in migrations())


def schema_apply(settings: Settings) -> str:
    """Create or upgrade the tables; say what was done. Effects: idempotent."""
    with session(settings, is_schema_needed=False) as (connection, target):
        if find_version(connection, target):
            read_id_types(connection, target, settings)
        applied = create_or_upgrade(connection, target, settings.id_types)
        read_id_types(connection, target, settings)
    if not applied:
        return f"schema {settings.schema_} is current (version {len(migrations())}); nothing to do"
    return f"schema {settings.schema_}: applied {', '.join(applied)}"


def create_or_upgrade(connection: Connection, target: Target, id_types: IdTypes) -> tuple[str, ...]:
    """Create or upgrade the tables in one transaction; give the names of the migrations that were applied.

    New tables get ids of these types.

    Effects: idempotent, and safe when several do it at once; warns where others may create in the schema.
    """
    begin(connection, target)
    applied = apply_schema(connection, target, id_types)
    other_creators = describe_other_creators(connection)
    connection.commit()
    if other_creators:
        log.warning(other_creators)
    return applied


def schema_grant(settings: Settings, role: str) -> str:
    """Give a role read rights on raw rows, counts, roll-ups and views, not on the quarantine."""
    with session(settings) as (connection, target):
        begin(connection, target)
        grant_read(connection, target, role)
        connection.commit()
    return f"{role} may read interactions, counts, roll-ups and views in schema {settings.schema_}"
