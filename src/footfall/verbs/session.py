"""Find the database that the settings name, and open the session that a verb works in."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from footfall.contract.ids import ID_COLUMNS, IdTypes
from footfall.errors import DatabaseUnavailableError, FootfallError, SettingsError
from footfall.formats.choosing import Contracts
from footfall.postgres.connection import hold_session, open_session
from footfall.postgres.target import Connection, Server, Target
from footfall.postgres.transactions import begin
from footfall.results import LoadResult
from footfall.settings import Settings, has_libpq_variables
from footfall.tables.forgetting import Memory, has_changed, read_memory
from footfall.tables.ids import find_id_types
from footfall.tables.ledger import FirstLoad
from footfall.tables.schema import assert_ready, is_ready, read_schema_version
from footfall.verbs.again import Again

log = logging.getLogger("footfall")


@contextmanager
def open_target(settings: Settings) -> Iterator[Target]:
    """Give the database of the settings, else of libpq's variables, else the embedded one while the block runs."""
    with ExitStack() as stack:
        if settings.database_url is not None:
            conninfo = settings.database_url.get_secret_value()
        elif has_libpq_variables():
            conninfo = ""
        else:
            from footfall.postgres.embedded import clients

            conninfo = stack.enter_context(clients.keep_running(settings.home or clients.find_default_home()))
        yield Target(conninfo, settings.schema_, settings.lock_wait_seconds)


@contextmanager
def keep_database_running(settings: Settings) -> Iterator[None]:
    """Keep an embedded database running for the length of the block, so that sessions inside it open at once.

    If the database cannot be started, this only warns: each session in the block then raises the error.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(open_target(settings))
        except FootfallError as error:
            log.warning("%s", error.message)
        yield


@contextmanager
def open_verb_session(
    settings: Settings, *, is_schema_needed: bool = True, is_reader: bool = False
) -> Iterator[tuple[Connection, Target]]:
    """Open a session for a verb that does not load; only a reader may use a standby.

    Raises: SchemaError where the tables are missing or out of date and `is_schema_needed`.
    """
    with open_target(settings) as where, hold_session(where, is_reader=is_reader) as connection:
        if is_schema_needed:
            assert_ready(find_version(connection, where), where)
        yield connection, where


def find_version(connection: Connection, where: Target) -> int:
    """Find which migration the tables are at, 0 without tables. Effects: a transaction of its own, rolled back.

    Raises: SchemaError where tables of our names are not ours, or come from a later Footfall.
    """
    begin(connection, where)
    version = read_schema_version(connection, where)
    connection.rollback()
    return version


def require_positive(option: str, number: int | None) -> None:
    """Refuse a number of rows below 1. Raises: SettingsError."""
    if number is not None and number < 1:
        raise SettingsError(f"{option}: {number} is not a number of rows from 1 on; leave it out for all of them")


def read_id_types(connection: Connection, where: Target, settings: Settings | None = None) -> IdTypes:
    """Read the types of ids from the tables. Effects: a transaction of its own, rolled back.

    Raises: SettingsError where one of the settings names another type; SchemaError where the tables do not agree.
    """
    begin(connection, where)
    found = find_id_types(connection)
    connection.rollback()
    return _compare_with_settings(found, where, settings)


def read_version_and_types(connection: Connection, where: Target, settings: Settings) -> tuple[int, IdTypes | None]:
    """Read at which migration the tables are, and the types of their ids where they are those of this Footfall.

    Effects: one transaction, rolled back. Raises: as `find_version` and `read_id_types` do.
    """
    begin(connection, where)
    version = read_schema_version(connection, where)
    found = find_id_types(connection) if is_ready(version) else None
    connection.rollback()
    return version, found and _compare_with_settings(found, where, settings)


def _compare_with_settings(found: IdTypes, where: Target, settings: Settings | None) -> IdTypes:
    """Give the types that were found. Raises: SettingsError where the settings name others."""
    for column in ID_COLUMNS:
        wanted = getattr(settings, f"{column}_type", None)
        if wanted not in (None, found.find_type(column)):
            raise SettingsError(
                f"{column}_type (FOOTFALL_{column.upper()}_TYPE) is {wanted}, but the tables of schema "
                f"{where.schema!r} were made with {column} {found.find_type(column)} and keep it; "
                "leave the setting out, or choose another schema with --schema (FOOTFALL_SCHEMA)"
            )
    return found


@dataclass(slots=True)
class LoadSession:
    """The connection of one command that loads, opened again when it was lost.

    `unsure` holds, by load_id, the results of loads whose COMMIT was sent and never answered. If a later try finds such
    a load_id in the ledger, this command has loaded the file.
    `again` says what --again takes back; None where a file that is loaded stays as it is.
    `memory` is who was forgotten when it was last read; each transaction that loads asks again under the writer lock.
    """

    target: Target
    connection: Connection
    server: Server
    id_types: IdTypes
    unsure: dict[int, LoadResult] = field(default_factory=dict)
    again: Again | None = None
    memory: Memory | None = None

    def find_staying(self, found: Mapping[str, FirstLoad]) -> Mapping[str, FirstLoad]:
        """Keep the loads whose files are passed over: all of them, or with --again only those of this command."""
        return found if self.again is None else self.again.leave_own(found, self.unsure)

    def read_memory(self) -> Memory:
        """Give who is forgotten, read once; `memory` is set to None to have it read again."""
        if self.memory is None:
            self.memory = read_memory(self.connection, self.id_types)
        return self.memory

    def has_forgotten_others(self) -> bool:
        """Say, under the writer lock, whether users were forgotten since the memory was read for the verdicts."""
        if self.memory is None or has_changed(self.connection, self.memory):
            self.memory = None
            return True
        return False

    def ensure_connected(self) -> Connection:
        """Give the connection, opened again where it was lost. Raises: DatabaseUnavailableError."""
        if self.connection.closed:
            try:
                self.connection, self.server = open_session(self.target)
            except SettingsError as error:
                # The first connection passed this check, so the settings are right: they name several hosts, and
                # another of them, a standby perhaps, answered now.
                raise DatabaseUnavailableError(
                    f"another server answers than before: {error.message}; run the same command again when it is back"
                ) from error
        return self.connection


def make_contracts(settings: Settings, id_types: IdTypes) -> Contracts:
    """Give the contracts of a command for ids of these types: one for each source definition that a file may take."""
    return Contracts(replace(settings.contract, id_types=id_types), settings.definitions, settings.source)
