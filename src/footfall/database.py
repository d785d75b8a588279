"""Transactions, named SQL, locks, schema: what every verb needs of the database. `session` opens the connection."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import sql

from footfall.errors import DatabaseBusyError, FootfallError, SchemaError, SettingsError
from footfall.masking import mask
from footfall.sql import named_sql

Connection = psycopg.Connection[Any]

LOCK_CLASS = 0x666F6F74  # "foot": the first key of Footfall's advisory locks
TABLES = (
    "user_interactions_raw",
    "interactions",
    "interactions_per_quarter_hour",
    "interactions_per_user",
    "interactions_per_product",
    "rejected_interactions",
    "loads",
    "load_overlaps",
    "source_files",
)
VERSIONS_TABLE = "footfall_migrations"
NO_WAIT_MS = 1  # the shortest wait that PostgreSQL has: its 0 is a wait without end
LOCK_POLL_S = 0.2  # between two looks whether tables are free; nobody queues behind one that only looks


@dataclass(frozen=True, slots=True)
class Server:
    """What a session may count on. `has_temp`: the role may make temporary tables."""

    has_temp: bool


@dataclass(frozen=True, slots=True)
class Target:
    """Where the tables are. `conninfo` is anything libpq takes and may hold a secret: it is never shown."""

    conninfo: str
    schema: str
    lock_wait_s: int

    def __repr__(self) -> str:
        return f"Target(conninfo='***', schema={self.schema!r}, lock_wait_s={self.lock_wait_s})"

    @property
    def lock_key(self) -> int:
        """The second key of the writer's lock: a signed 32-bit number made of the schema's name."""
        return zlib.crc32(self.schema.encode()) - (1 << 31)


def composed(file: str, name: str, /, **identifiers: sql.Composable) -> sql.Composed:
    """Give a named statement with its identifiers filled in."""
    return sql.SQL(named_sql(file)[name]).format(**identifiers)


def one(connection: Connection, file: str, name: str, **values: Any) -> Any:
    """Run a named statement that gives one row."""
    row = connection.execute(named_sql(file)[name], values).fetchone()
    if row is None:
        raise FootfallError(f"the statement {name} of {file} gave no row")
    return row


def silent(_: str) -> None:
    """Say nothing: for a caller who does not want to be told."""


def begin(connection: Connection, target: Target, *, time_zone: str = "UTC", timeout_s: int = 0) -> None:
    """Begin a transaction, and set for it alone everything that Footfall relies on; each of ours begins here.

    Units: `timeout_s` in seconds for each statement; 0 is no bound.
    """
    lock_wait = f"{target.lock_wait_s * 1000 or NO_WAIT_MS}ms"
    if timeout_s:  # less than the bound, so that a wait for a lock is known for what it is
        lock_wait = f"{timeout_s * 900}ms"
    path = f"{sql.Identifier(target.schema).as_string(connection)}, pg_temp"
    values = {"search_path": path, "time_zone": time_zone, "timeout": f"{timeout_s}s", "lock_wait": lock_wait}
    one(connection, "database.sql", "session", **values)


def begin_snapshot(
    connection: Connection, target: Target, lock: Callable[[Connection], None], warn: Callable[[str], None] = silent
) -> None:
    """Begin a read-only transaction whose snapshot is taken after its locks; say what it waits for.

    `lock` locks tables, or fails at once.
    Effects: the session stays read-only and REPEATABLE READ. The settings come after the locks: a `select` takes the
    snapshot.
    Raises: DatabaseBusyError where the locks are not to be had within the setting.
    """
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    until = time.monotonic() + target.lock_wait_s
    has_warned = False
    while True:
        connection.execute(composed("database.sql", "search_path", schema=sql.Identifier(target.schema)))
        try:
            lock(connection)
        except psycopg.errors.LockNotAvailable as error:
            connection.rollback()
            holder = _holder(connection, target)
            if time.monotonic() >= until:
                raise DatabaseBusyError(
                    f"{holder} held a table for more than {target.lock_wait_s} s; "
                    "run the same command again when it is done, or raise FOOTFALL_LOCK_WAIT_SECONDS"
                ) from error
            if not has_warned:
                warn(f"waiting for the tables: {holder} holds one, up to {target.lock_wait_s} s")
                has_warned = True
            time.sleep(LOCK_POLL_S)
        else:
            begin(connection, target)
            return


def _holder(connection: Connection, target: Target) -> str:
    """Say in words who holds a table of ours for itself alone. Effects: a transaction of its own."""
    begin(connection, target)
    names = {"schema": target.schema, "names": list(TABLES)}
    holder = connection.execute(named_sql("database.sql")["holder"], names).fetchone()
    connection.rollback()
    return _who(holder)


def _who(session: Any) -> str:
    if session is None:
        return "another session"
    return f"process {session.pid} of role {session.role or '?'} ({session.application or 'no name'})"


def begin_reading(connection: Connection, target: Target, time_zone: str, timeout_s: int) -> None:
    """Begin a read-only transaction for one question of at most `timeout_s` seconds; 0 is no bound.

    Effects: the session stays read-only; its time zone is that of the question until the transaction ends.
    """
    connection.read_only = True
    begin(connection, target, time_zone=time_zone, timeout_s=timeout_s)
    one(connection, "database.sql", "reading")


def take_writer_lock(connection: Connection, target: Target, warn: Callable[[str], None]) -> None:
    """Wait for the schema's writer lock, up to the setting; say what it waits for.

    Effects: held to the end of the transaction; a killed client's backend holds it until the server has noticed.
    Raises: DatabaseBusyError.
    """
    keys = {"footfall": LOCK_CLASS, "schema": target.lock_key}
    if one(connection, "database.sql", "try_writer_lock", **keys).is_held:
        return
    unsigned = {"footfall": LOCK_CLASS, "schema": target.lock_key % (1 << 32)}
    writer = connection.execute(named_sql("database.sql")["writer"], unsigned).fetchone()
    who = _who(writer)
    if not target.lock_wait_s:
        raise DatabaseBusyError(
            f"another writer ({who}) holds the lock, and FOOTFALL_LOCK_WAIT_SECONDS = 0 says not to wait; "
            "run the same command again when it is done"
        )
    warn(f"waiting for another writer: {who}, up to {target.lock_wait_s} s")
    try:
        connection.execute(named_sql("database.sql")["writer_lock"], keys)
    except psycopg.errors.LockNotAvailable as error:
        raise DatabaseBusyError(
            f"another writer ({who}) held the lock for more than {target.lock_wait_s} s; "
            "run the same command again when it is done, or raise FOOTFALL_LOCK_WAIT_SECONDS"
        ) from error


# The schema


def migrations() -> tuple[tuple[int, str, str], ...]:
    """Give every migration as (version, name, text), in order."""
    folder = files("footfall").joinpath("sql/migrations")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    texts = [folder.joinpath(name).read_text(encoding="utf-8") for name in names]
    return tuple((int(name[:4]), name, text) for name, text in zip(names, texts, strict=True))


def schema_version(connection: Connection, target: Target) -> int:
    """Say which migration the tables are at; 0 where there are none.

    Raises: SchemaError where tables of our names are not ours, or come from a later Footfall.
    """
    names = [*TABLES, VERSIONS_TABLE]
    rows = connection.execute(named_sql("database.sql")["tables"], {"schema": target.schema, "names": names}).fetchall()
    found = [row.name for row in rows]
    if VERSIONS_TABLE not in found:
        if found:
            raise SchemaError(
                f"the schema {target.schema!r} already holds {', '.join(found)}, and Footfall did not make them; "
                "it takes nothing over: rename them, or choose another schema with --schema (FOOTFALL_SCHEMA), "
                "and load the files they came from"
            )
        return 0
    versions = connection.execute(named_sql("database.sql")["versions"]).fetchall()
    version = max((row.version for row in versions), default=0)
    if version > len(migrations()):
        raise SchemaError(f"the tables are at version {version}, made by a later Footfall; upgrade this one")
    missing = sorted(set(TABLES) - set(found)) if version == len(migrations()) else []
    if missing:
        raise SchemaError(
            f"the table {', '.join(missing)} is missing from the schema {target.schema!r}; restore it from a backup"
        )
    return version


def apply_schema(connection: Connection, target: Target, warn: Callable[[str], None]) -> tuple[str, ...]:
    """Create or upgrade the tables in one transaction, under the writer lock; give the names of what was applied.

    Effects: commits; idempotent, and safe when several do it at once; says so where others may create in the schema.
    """
    begin(connection, target)
    take_writer_lock(connection, target, warn)
    if not one(connection, "database.sql", "has_schema", schema=target.schema).is_there:
        connection.execute(composed("database.sql", "create_schema", schema=sql.Identifier(target.schema)))
    if one(connection, "database.sql", "creates_in").name != target.schema:
        # Else `create table` would go on to pg_temp, the last of the search_path, and be gone with the session.
        raise SchemaError(
            f"the role may not use the schema {target.schema!r}; ask its owner to run `footfall schema apply` "
            "and to grant usage, or choose a schema of your own with --schema (FOOTFALL_SCHEMA)"
        )
    version = schema_version(connection, target)
    applied = []
    _assert_functions_are_ours(connection, target)
    if version == 0:
        connection.execute(named_sql("database.sql")["create_versions"])
    for number, name, text in migrations():
        if number > version:
            try:
                connection.execute(text)
            except psycopg.errors.DependentObjectsStillExist as error:
                raise SchemaError(mask(error.diag.message_primary or str(error))) from error
            one_way = {"version": number, "name": name}
            connection.execute(named_sql("database.sql")["record_version"], one_way)
            applied.append(name)
    _assert_functions_are_ours(connection, target)  # one of others may have come in between
    creators = connection.execute(named_sql("database.sql")["other_creators"]).fetchall()
    connection.commit()
    if creators:
        who = ", ".join("every role" if row.grantee == "public" else row.grantee for row in creators)
        schema, grantees = creators[0].schema, ", ".join(row.grantee for row in creators)
        warn(
            f"others may create functions and operators in the schema {schema} ({who}), and the SQL of people who ask "
            f"there may run them; the schema's owner ends that by: revoke create on schema {schema} from {grantees}"
        )
    return tuple(applied)


def _assert_functions_are_ours(connection: Connection, target: Target) -> None:
    """See that nobody else has made a function with the name of one of ours, to which a view would be bound.

    Raises: SchemaError; then nothing was applied.
    """
    strange = connection.execute(named_sql("database.sql")["strange_functions"]).fetchall()
    if strange:
        raise SchemaError(
            f"the schema {target.schema!r} already holds {', '.join(row.function for row in strange)}, and Footfall "
            "did not make it; drop it, or choose another schema with --schema (FOOTFALL_SCHEMA)"
        )


def assert_current(connection: Connection, target: Target) -> None:
    """See, under the writer lock, that no upgrade came in between: an old writer would not keep what a new one keeps.

    Raises: SchemaError.
    """
    version = schema_version(connection, target)
    if version != len(migrations()):
        raise SchemaError(f"the tables are at version {version} now, this Footfall needs {len(migrations())}")


def require_schema(
    connection: Connection, target: Target, warn: Callable[[str], None] = silent, *, create: bool = False
) -> None:
    """See that the tables are there and current; a first load creates them.

    Raises: SchemaError (exit 6) where they are missing (and `create` is off), out of date or not ours.
    """
    begin(connection, target)
    version = schema_version(connection, target)
    connection.rollback()
    if version == 0 and create:
        apply_schema(connection, target, warn)
    elif version < len(migrations()):
        state = "missing" if version == 0 else f"at version {version}, this Footfall needs {len(migrations())}"
        raise SchemaError(f"the tables in schema {target.schema!r} are {state}; run `footfall schema apply`")


def grant_read(connection: Connection, target: Target, role: str) -> None:
    """Give a role read rights on raw rows, counts, roll-ups and views, not on the quarantine. Effects: commits."""
    begin(connection, target)
    words = {"schema": sql.Identifier(target.schema), "role": sql.Identifier(role)}
    try:
        connection.execute(composed("database.sql", "grant_read", **words))
    except psycopg.errors.UndefinedObject as error:
        raise SettingsError(f"{error.diag.message_primary}; a role is made with `create role NAME login`") from error
    missing = connection.execute(named_sql("database.sql")["missing_rights"], {"role": role}).fetchall()
    if missing:  # PostgreSQL only warns where the grantor has no right to give
        raise SchemaError(
            f"this role may not give {role!r} the right to read {', '.join(row.name for row in missing)}; "
            "ask the owner of the tables to run `footfall schema grant`"
        )
    connection.commit()
