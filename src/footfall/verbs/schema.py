"""The verb `schema`: show, create or upgrade the tables, and give others the right to read them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from footfall.contract.ids import ID_COLUMNS, IdTypes
from footfall.errors import DatabaseUnavailableError
from footfall.postgres.connection import hold_session
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import begin, take_writer_lock
from footfall.settings import Settings
from footfall.tables.schema import (
    apply_schema,
    assert_current,
    describe_other_creators,
    grant_read,
    is_ready,
    list_migrations,
    read_schema_version,
)
from footfall.tables.schema_options import combine_options, read_options, set_options
from footfall.verbs.attempts import commit_or_ask
from footfall.verbs.session import find_version, open_target, open_verb_session, read_id_types

log = logging.getLogger("footfall")

OUTCOMES = "the tables are changed, or nothing was, and `footfall schema apply` says which"


def show_schema(settings: Settings) -> str:
    """Say which version the tables have, and list the migrations with their SQL."""
    with open_verb_session(settings, is_schema_needed=False) as (connection, target):
        at = find_version(connection, target)
        id_types = read_id_types(connection, target) if at else settings.id_types
        begin(connection, target)
        kept = read_options(connection) if at == len(list_migrations()) else {}
        connection.rollback()
    state = "not there yet" if at == 0 else f"at version {at}"
    head = f"-- schema {settings.schema_}: {state}; this Footfall needs version {len(list_migrations())}\n"
    has, words = ("has" if at else "would get"), ", ".join(f"{name} {id_types.find_type(name)}" for name in ID_COLUMNS)
    head += f"-- it {has} the types of ids: {words}\n"
    for name, is_on in kept.items():
        cure = "" if is_on else f"; `footfall schema apply --with {name}` fills and keeps it"
        head += f"-- it {'keeps' if is_on else 'does not keep'} {name}{cure}\n"
    return head + "\n".join(f"\n-- {name}\n{text}" for _, name, text in list_migrations())


def upgrade_schema(settings: Settings, *, with_options: Sequence[str] = (), without: Sequence[str] = ()) -> str:
    """Create or upgrade the tables, and switch options of the schema on or off; say what was done.

    Effects: idempotent. A table that an option keeps is filled, or emptied, in one transaction under the writer lock.
    Raises: SettingsError for a name that is no option.
    """
    wanted = combine_options(tuple(with_options), tuple(without))
    applied: tuple[str, ...] = ()
    try:
        with open_target(settings) as target, ExitStack() as stack:
            connection = stack.enter_context(hold_session(target))
            if find_version(connection, target):
                read_id_types(connection, target, settings)
            applied = create_or_upgrade(connection, target, settings.id_types)
            if not applied:  # another command may have made the tables since
                read_id_types(connection, target, settings)
            if wanted and connection.closed:  # the answer to the COMMIT of the tables was lost
                connection = stack.enter_context(hold_session(target))
            rows = _switch_options(connection, target, wanted) if wanted else {}
    except DatabaseUnavailableError as error:
        if not applied:
            raise
        raise type(error)(f"{error.message}; before, {', '.join(applied)} was applied") from error
    said = [f"applied {', '.join(applied)}"] if applied else []
    for name, is_on in wanted.items():
        if name not in rows:
            said.append(f"{name} is {'kept' if is_on else 'not kept'} already")
        elif is_on:
            said.append(f"{name} is kept from now on, {rows[name]:,} rows of what is loaded")
        else:
            said.append(f"{name} is not kept any more, {rows[name]:,} rows were removed")
    if not said:
        return f"schema {settings.schema_} is current (version {len(list_migrations())}); nothing to do"
    return f"schema {settings.schema_}: {'; '.join(said)}"


def _switch_options(connection: Connection, target: Target, wanted: Mapping[str, bool]) -> dict[str, int]:
    """Switch options in one transaction; give the number of rows that each added or removed, by name.

    Effects: as `commit_or_ask` where the answer to its COMMIT is lost.
    """
    begin(connection, target)
    take_writer_lock(connection, target)
    assert_current(connection, target)
    rows = set_options(connection, wanted)
    commit_or_ask(connection, target, lambda again: wanted.items() <= read_options(again).items(), OUTCOMES)
    return rows


def create_or_upgrade(connection: Connection, target: Target, id_types: IdTypes) -> tuple[str, ...]:
    """Create or upgrade the tables in one transaction; give the names of the migrations that were applied.

    New tables get ids of these types.

    Effects: idempotent, and safe when several do it at once; warns where others may create in the schema. As
    `commit_or_ask` where the answer to its COMMIT is lost.
    """
    begin(connection, target)
    applied = apply_schema(connection, target, id_types)
    other_creators = describe_other_creators(connection)
    commit_or_ask(connection, target, lambda again: is_ready(read_schema_version(again, target)), OUTCOMES)
    if other_creators:
        log.warning(other_creators)
    return applied


def grant_reading(settings: Settings, role: str) -> str:
    """Give a role read rights on raw rows, counts, roll-ups, views and the figures of loads, not on the quarantine."""
    with open_verb_session(settings) as (connection, target):
        begin(connection, target)
        grant_read(connection, target, role)
        connection.commit()
    what = "interactions, counts, roll-ups, views and the figures of loads"
    return f"{role} may read {what} in schema {settings.schema_}"
