"""Turn errors of the driver into FootfallErrors: only this module decides what a SQLSTATE means and what its cure is.

Source: PostgreSQL, Appendix A "PostgreSQL Error Codes".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from footfall.errors import DatabaseBusyError, DatabaseUnavailableError, FootfallError, SchemaError, SettingsError
from footfall.safe_text import mask

AGAIN = "run the same command again"


@dataclass(frozen=True, slots=True)
class Cause:
    """What a SQLSTATE means: the class of our error, the words before the server's message and the cure after it.

    Where `error` is a retryable class, the same command may succeed later without any change.
    """

    error: type[FootfallError]
    words: str
    cure: str

    def make_error(self, text: str) -> FootfallError:
        """Make the error: our words, then the server's message, then the cure."""
        return self.error(f"{self.words}: {text}; {self.cure}")


LOST = Cause(DatabaseUnavailableError, "the database is not reachable, or was lost", AGAIN)
ENDED = Cause(
    DatabaseUnavailableError,
    "the server ended this session",
    f"ask its administrator why if it happens more than once; {AGAIN}",
)
REFUSED = Cause(
    DatabaseUnavailableError,
    "the database refused the connection",
    "check user, password and database name in --database",
)
TAKEN_BACK = Cause(DatabaseUnavailableError, "the server took this transaction back, for others got in its way", AGAIN)
BROKEN_SERVER = Cause(
    DatabaseUnavailableError, "the server itself met an error", f"look at its log and its disk; then {AGAIN}"
)
DAMAGED = Cause(
    FootfallError,
    "the server finds its own data or files damaged",
    "look at its log; pg_amcheck finds damaged tables and indexes, and a backup or `reindex` mends them",
)
NAME_TAKEN = Cause(
    SchemaError,
    "the schema already holds a name that Footfall needs, and Footfall did not make it",
    "rename it, or choose another schema with --schema (FOOTFALL_SCHEMA)",
)
NOT_OURS = Cause(SchemaError, "the tables are missing or not ours", "run `footfall schema apply`")
REFUSED_ROW = Cause(
    FootfallError,
    "a constraint or a trigger of the database refused a row",
    "Footfall's own constraints hold for every row that it sends: look for one that somebody added",
)
ROW_SECURITY = Cause(
    SchemaError,
    "row-level security hides rows of a table from this role, and Footfall counts all rows or none",
    "use a role with bypassrls, or the owner of the table; for the owner itself, "
    "`alter table ... no force row level security` ends it",
)
# By SQLSTATE, or by its class (its first two characters). An error that is not listed becomes a plain FootfallError,
# which ends the command with exit code 1.
CAUSES = {
    "08": LOST,
    "23": REFUSED_ROW,
    "25006": Cause(
        SettingsError,
        "the database takes no changes",
        "the server is a standby, or default_transaction_read_only is on for this role, database or server: name the "
        "primary in --database, or ask who set it; `alter role NAME set default_transaction_read_only = off` (or "
        "`alter database NAME ...`) ends it; some providers set it where a disk is full",
    ),
    "25P03": ENDED,  # idle_in_transaction_session_timeout; our sessions switch it off, so a pooler ended this one
    "25P04": ENDED,  # transaction_timeout
    "28": REFUSED,
    "3D000": REFUSED,
    "3F000": NOT_OURS,
    "40": TAKEN_BACK,
    "40002": REFUSED_ROW,
    "42501": Cause(
        SchemaError,
        "the role lacks a right",
        "ask its owner to run `footfall schema apply` and to grant it",
    ),
    "42P01": NOT_OURS,
    "42703": NOT_OURS,
    "42809": NOT_OURS,  # such as a view in the place of a table
    "42883": NOT_OURS,
    "42P10": Cause(
        SchemaError,
        "a key of the tables is missing",
        "restore the tables from a backup, or add the key again as `footfall schema show` has it",
    ),
    "42P06": NAME_TAKEN,
    "42P07": NAME_TAKEN,
    "42710": NAME_TAKEN,
    "42723": NAME_TAKEN,
    "44": REFUSED_ROW,
    "53": Cause(DatabaseUnavailableError, "the server has too little of something", AGAIN),
    "53100": Cause(
        DatabaseUnavailableError, "the server's disk is full", "free some space there, then run the same command again"
    ),
    "53200": Cause(
        DatabaseUnavailableError, "the server's memory is full", f"lower work_mem or its other load, or {AGAIN} later"
    ),
    "53300": Cause(
        DatabaseUnavailableError,
        "the server has no connection left for this role or database",
        f"{AGAIN} when others are done, or raise max_connections or the connection limit there",
    ),
    "53400": Cause(
        SettingsError,
        "the work needs more than a limit of the server allows",
        "raise that limit for this role, as temp_file_limit by `alter role NAME set temp_file_limit = ...` (as "
        "superuser), or give the role more work_mem, so that less is written to temporary files",
    ),
    "55006": Cause(
        DatabaseBusyError, "another session uses what has to be changed", f"{AGAIN} when that session is done"
    ),
    "55P03": Cause(
        DatabaseBusyError,
        "a lock was not to be had in time",
        f"{AGAIN}, or raise FOOTFALL_LOCK_WAIT_SECONDS",
    ),
    "57": ENDED,
    "57014": Cause(
        DatabaseUnavailableError,
        "the server cancelled a statement",
        f"somebody called pg_cancel_backend, or a time-out was set for it; {AGAIN}",
    ),
    "58": DAMAGED,
    "58000": BROKEN_SERVER,
    "58030": BROKEN_SERVER,
    "72000": TAKEN_BACK,  # snapshot too old; PostgreSQL 17 no longer has it
    "P0001": REFUSED_ROW,  # `raise exception` in somebody's trigger
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}


def to_footfall_error(error: psycopg.Error) -> FootfallError:
    """Turn a driver's error into a FootfallError by its SQLSTATE, with secrets masked in its text."""
    text = mask(str(error)).strip() or type(error).__name__
    cause = _find_cause(error)
    if cause is None:
        return FootfallError(f"the database answered: {text} (SQLSTATE {_find_sqlstate(error) or 'none'})")
    return cause.make_error(text)


def _find_sqlstate(error: psycopg.Error) -> str:
    """Give the SQLSTATE of an error, or an empty text.

    The driver has no class for the codes of extensions; those are only in the server's answer (`diag`).
    """
    return error.sqlstate or error.diag.sqlstate or ""


def _find_cause(error: psycopg.Error) -> Cause | None:
    code = _find_sqlstate(error)
    # PostgreSQL also uses the code of a missing right for row-level security. The name of the server's function that
    # raised the error tells the two apart in every language of the message.
    if code == "42501" and error.diag.source_function == "check_enable_rls":
        return ROW_SECURITY
    known = CAUSES.get(code) or CAUSES.get(code[:2])
    is_lost = is_end_of_session(error) or (isinstance(error, psycopg.OperationalError) and not code)
    return LOST if known is None and is_lost else known


def is_end_of_session(error: psycopg.Error) -> bool:
    """Say whether the server, or a pooler in front of it, closed the session with this error."""
    return (error.diag.severity_nonlocalized or error.diag.severity) in {"FATAL", "PANIC"}


@contextmanager
def translate_driver_errors(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Turn every driver error that leaves the block into a FootfallError.

    Any exception on a broken connection is reported as a lost connection. When the connection breaks in the middle of
    an answer, the driver may fail in an unrelated way (a ValueError, a cursor without rows), so that the exception
    does not show the cause and only the state of the connection does.
    Raises: FootfallError. Effects: may roll the transaction back (`is_broken`).
    """
    try:
        yield
    except psycopg.Error as error:
        known = to_footfall_error(error)
        if type(known) is FootfallError and is_broken(connection):
            known = LOST.make_error(mask(str(error)).strip() or type(error).__name__)
        raise known from error
    except FootfallError as error:
        if type(error) is FootfallError and is_broken(connection):
            raise LOST.make_error(error.message) from error
        raise
    except Exception as error:
        if is_broken(connection):
            raise LOST.make_error(f"{type(error).__name__}: {mask(str(error))}") from error
        raise


def is_broken(connection: psycopg.Connection[Any]) -> bool:
    """Say whether the server no longer answers; False for a connection that we closed ourselves.

    Effects: rolls the transaction back, since only a statement shows whether the server still answers.
    """
    if connection.closed:
        return connection.broken
    try:
        connection.rollback()
    except psycopg.Error:
        return True
    return False
