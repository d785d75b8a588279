"""Open sessions on the database that the settings name. Every session of Footfall is opened here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from footfall.errors import DatabaseUnavailableError, SettingsError
from footfall.postgres.faults import to_footfall_error, translate_driver_errors
from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection, Server, Target
from footfall.postgres.transactions import begin
from footfall.safe_text import mask
from footfall.statements import read_statements

SQL = read_statements(__name__)

VERSION_FLOOR = 140000  # PostgreSQL 14
CONNECT_TIMEOUT_S = 10  # seconds that each address of a host name may take


@contextmanager
def hold_session(where: Target, *, is_reader: bool = False) -> Iterator[Connection]:
    """Open a session for the length of the block, and turn the driver's errors inside it into FootfallErrors."""
    connection, _ = open_session(where, is_reader=is_reader)
    try:
        with translate_driver_errors(connection):
            yield connection
    finally:
        connection.close()


def open_session(where: Target, *, is_reader: bool = False) -> tuple[Connection, Server]:
    """Open a session, and check the server: PostgreSQL 14 or later, UTF8 and, for a writer, a primary.

    Raises: DatabaseUnavailableError; SettingsError where the server, or a pooler in front of it, fails a check.
    """
    connection = connect(where)
    try:
        number = connection.info.server_version
        if number < VERSION_FLOOR:
            raise SettingsError(f"the server is PostgreSQL {number // 10000}; Footfall needs 14 or later")
        with translate_driver_errors(connection):
            try:
                begin(connection, where)
            except psycopg.errors.ProtocolViolation as error:
                if is_statement_pooler(where):
                    raise SettingsError(
                        "the pooler before the database pools statements, and takes no transactions; Footfall needs "
                        "them: set pool_mode = transaction for this database in PgBouncer, or name the server itself "
                        "in --database (FOOTFALL_DATABASE_URL)"
                    ) from error
                raise
            server = _look_at_server(connection, is_reader)
            connection.rollback()
    except BaseException:
        connection.close()
        raise
    return connection, server


def connect(where: Target) -> Connection:
    """Connect without autocommit, so that every statement of the session runs in a transaction.

    Raises: DatabaseUnavailableError, or SettingsError for an address that libpq does not take.
    """
    given = parse_conninfo(where.conninfo)
    extra: dict[str, Any] = {}
    if "connect_timeout" not in given and not os.environ.get("PGCONNECT_TIMEOUT"):
        extra["connect_timeout"] = CONNECT_TIMEOUT_S
    if "fallback_application_name" not in given:  # libpq uses it only if application_name and PGAPPNAME are not set
        extra["fallback_application_name"] = "footfall"
    try:
        connection: Connection = psycopg.connect(
            where.conninfo, row_factory=namedtuple_row, client_encoding="utf8", prepare_threshold=None, **extra
        )
    except psycopg.OperationalError as error:  # libpq gives no SQLSTATE for a failed connection
        raise DatabaseUnavailableError(
            f"the database is not there, or it refused the connection: {mask(str(error)).strip()}; "
            "check host, user, password and database name in --database (FOOTFALL_DATABASE_URL); "
            "if they are right, run the same command again when the server is up"
        ) from error
    except psycopg.ProgrammingError as error:
        raise SettingsError(f"the database setting cannot be used: {mask(str(error))}; see --database") from error
    except psycopg.Error as error:
        raise to_footfall_error(error) from error
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection


def parse_conninfo(conninfo: str) -> dict[str, Any]:
    """Split an address into its parts, as libpq does.

    Raises: SettingsError, without the text of libpq's error, since that may quote a password.
    """
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


def is_statement_pooler(where: Target) -> bool:
    """Say whether a pooler takes single statements but refuses to begin a transaction.

    The pooler uses the same SQLSTATE when its server is away, so the code alone does not tell the two apart.
    Effects: opens a session of its own.
    """
    try:
        with connect(where) as connection:
            connection.autocommit = True
            fetch_one(connection, SQL["server"])
            connection.autocommit = False
            try:
                fetch_one(connection, SQL["server"])
            except psycopg.errors.ProtocolViolation:
                return True
    except (psycopg.Error, DatabaseUnavailableError):
        return False
    return False


def _look_at_server(connection: Connection, is_reader: bool) -> Server:
    """Ask the server for its encoding, role and rights.

    Raises: SettingsError where it is not UTF8, or is a standby and the session is not a reader's.
    """
    row = fetch_one(connection, SQL["server"])
    if row.encoding != "UTF8":
        raise SettingsError(
            f"the database's encoding is {row.encoding}; Footfall needs UTF8: create database ... encoding 'UTF8'"
        )
    if row.is_standby and not is_reader:
        raise SettingsError(
            "the server is a read-only standby; name the primary in --database, or add target_session_attrs=read-write"
        )
    return Server(row.has_temp)
