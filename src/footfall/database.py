"""Connect, transaction, named SQL, locks, schema; the one place that wraps driver errors, by SQLSTATE class."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from footfall.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    FootfallError,
    SchemaError,
    SettingsError,
)
from footfall.masking import mask
from footfall.sql import named_sql

Connection = psycopg.Connection[Any]

LOCK_CLASS = 0x666F6F74  # "foot": the first key of Footfall's advisory locks
VERSION_FLOOR = 140000  # PostgreSQL 14
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
CONNECT_TIMEOUT_S = 10  # seconds for each address of a name


@dataclass(frozen=True, slots=True)
class Server:
    """What a session may count on. Units: `version` as server_version_num, e.g. 180006."""

    version: int
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


def wrapped(error: psycopg.Error) -> FootfallError:
    """Turn a driver's error into ours, by its SQLSTATE class; its text is masked."""
    text = mask(str(error)).strip() or type(error).__name__
    code = error.sqlstate or ""
    if isinstance(error, psycopg.ProgrammingError) and not code:
        return SettingsError(f"the database setting cannot be used: {text}; see --database")
    if code == "55P03":
        return DatabaseBusyError(
            f"a lock was not to be had in time: {text}; run the same command again, or raise FOOTFALL_LOCK_WAIT_SECONDS"
        )
    if code == "53100":
        return DatabaseUnavailableError(
            f"the server's disk is full: {text}; free some space there, then run the same command again"
        )
    if code == "42704":
        return SettingsError(f"there is no such name: {text}; a role is made with `create role NAME login`")
    if code.startswith("28") or code == "3D000":
        return DatabaseUnavailableError(
            f"the database refused the connection: {text}; check user, password and database name in --database"
        )
    if code == "42501":
        return SchemaError(
            f"the role lacks a right: {text}; ask its owner to run `footfall schema apply` and to grant it"
        )
    if code in {"42P07", "42723", "42710"}:
        return SchemaError(
            f"the schema already holds a name that Footfall needs, and Footfall did not make it: {text}; rename it, or "
            "choose another schema with --schema (FOOTFALL_SCHEMA)"
        )
    if code in {"42P01", "42883", "3F000", "42703"}:
        return SchemaError(f"the tables are missing or not ours: {text}; run `footfall schema apply`")
    if (
        code[:2] in {"08", "57", "53", "58"}
        or code in {"40001", "40P01", "25P03", "25P04"}
        or (isinstance(error, psycopg.OperationalError) and not code)
    ):
        return DatabaseUnavailableError(
            f"the database is not reachable, or was lost: {text}; run the same command again"
        )
    return FootfallError(f"the database answered: {text} (SQLSTATE {code or 'none'})")


@contextmanager
def driver_errors() -> Iterator[None]:
    """Wrap every driver error that leaves the block."""
    try:
        yield
    except psycopg.Error as error:
        raise wrapped(error) from error


def _parsed(conninfo: str) -> dict[str, Any]:
    """Read an address as libpq does. Raises: SettingsError without libpq's words: they quote what may be a password."""
    try:
        given = psycopg.conninfo.conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        raise SettingsError(
            "the database setting is neither a URL nor pairs of key=value that libpq takes; in pairs, a value with "
            "spaces stands in single quotes; see --database (FOOTFALL_DATABASE_URL)"
        ) from None
    hosts = str(given.get("host", "")).split(",")
    is_torn = any("@" in host[1:] and not host.startswith("/") for host in hosts)
    if is_torn or not re.fullmatch(r"[\d,]*", str(given.get("port", ""))):
        raise SettingsError(
            "the database setting has no usable host or port; in the password of a URL, @ is written %40 and / is "
            "written %2F; see --database (FOOTFALL_DATABASE_URL)"
        )
    return given


def connect(target: Target) -> Connection:
    """Open a session; no statement of it runs outside a transaction.

    Raises: DatabaseUnavailableError, or SettingsError for a server that is too old or not UTF8.
    """
    extra: dict[str, Any] = {"application_name": "footfall", "connect_timeout": CONNECT_TIMEOUT_S}
    with driver_errors():
        given = _parsed(target.conninfo)
        extra = {name: value for name, value in extra.items() if name not in given}
        if os.environ.get("PGCONNECT_TIMEOUT"):
            extra.pop("connect_timeout", None)
        try:
            connection: Connection = psycopg.connect(
                target.conninfo, row_factory=namedtuple_row, client_encoding="utf8", prepare_threshold=None, **extra
            )
        except psycopg.OperationalError as error:  # libpq gives no SQLSTATE for a connection that did not come about
            raise DatabaseUnavailableError(
                f"the database is not there, or it refused the connection: {mask(str(error)).strip()}; "
                "check host, user, password and database name in --database (FOOTFALL_DATABASE_URL); "
                "if they are right, run the same command again when the server is up"
            ) from error
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection


def server(connection: Connection, *, is_reader: bool = False) -> Server:
    """Ask what the server is; refuse what Footfall does not run on. A reader may ask a standby."""
    row = one(connection, "database.sql", "server")
    if row.version < VERSION_FLOOR:
        raise SettingsError(f"the server is PostgreSQL {row.version // 10000}; Footfall needs 14 or later")
    if row.encoding != "UTF8":
        raise SettingsError(
            f"the database's encoding is {row.encoding}; Footfall needs UTF8: create database ... encoding 'UTF8'"
        )
    if row.is_standby and not is_reader:
        raise SettingsError(
            "the server is a read-only standby; name the primary in --database, or add target_session_attrs=read-write"
        )
    return Server(row.version, row.has_temp)


def one(connection: Connection, file: str, name: str, **values: Any) -> Any:
    """Run a named statement that gives one row."""
    row = connection.execute(named_sql(file)[name], values).fetchone()
    if row is None:
        raise FootfallError(f"the statement {name} of {file} gave no row")
    return row


def silent(_: str) -> None:
    """Say nothing: for a caller who does not want to be told."""


def begin(connection: Connection, target: Target) -> None:
    """Begin a transaction: READ COMMITTED, search_path, UTC and time-outs for it alone."""
    one(
        connection, "database.sql", "session", search_path=_path(connection, target), lock_wait=f"{target.lock_wait_s}s"
    )


def _path(connection: Connection, target: Target) -> str:
    return f"{sql.Identifier(target.schema).as_string(connection)}, pg_temp"


def begin_snapshot(connection: Connection, target: Target, lock: Callable[[Connection], None]) -> None:
    """Begin a read-only transaction whose snapshot is taken after its locks.

    Effects: the session stays read-only and REPEATABLE READ. `set_config` would take the snapshot before the locks.
    """
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute(composed("database.sql", "search_path", schema=sql.Identifier(target.schema)))
    lock(connection)
    connection.execute(named_sql("database.sql")["snapshot"])


def begin_reading(connection: Connection, target: Target, time_zone: str, timeout_s: int) -> None:
    """Begin a read-only transaction for one question of at most `timeout_s` seconds; 0 is no bound.

    Effects: the session stays read-only; its time zone is that of the question until the transaction ends.
    """
    connection.read_only = True
    begin(connection, target)
    # Less than the bound, so that a wait for a lock is known for what it is.
    lock_wait = f"{timeout_s * 900}ms" if timeout_s else f"{target.lock_wait_s}s"
    one(connection, "database.sql", "reading", time_zone=time_zone, timeout=f"{timeout_s}s", lock_wait=lock_wait)


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
    who = (
        f"process {writer.pid} of role {writer.role or '?'} ({writer.application or 'no name'})"
        if writer
        else "another session"
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

    Effects: commits; idempotent, and safe when several do it at once.
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
    connection.commit()
    return tuple(applied)


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
    connection.execute(composed("database.sql", "grant_read", **words))
    missing = connection.execute(named_sql("database.sql")["missing_rights"], {"role": role}).fetchall()
    if missing:  # PostgreSQL only warns where the grantor has no right to give
        raise SchemaError(
            f"this role may not give {role!r} the right to read {', '.join(row.name for row in missing)}; "
            "ask the owner of the tables to run `footfall schema grant`"
        )
    connection.commit()
