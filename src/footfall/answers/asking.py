"""Named questions -> rows.

Values travel as parameters of the driver, never as text of the statement.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, cast

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import tuple_row
from psycopg.types.datetime import DateLoader

from footfall.answers.asked import Asked
from footfall.answers.catalogue import Query
from footfall.answers.parameters import has_offset, list_values
from footfall.errors import DatabaseBusyError, QueryError, QueryTimeoutError, SchemaError
from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.results import INSTANT_OID, Answer
from footfall.results.arrow import TEXT_OID
from footfall.statements import read_statements

SQL = read_statements(__name__)

CHUNK_ROWS = 1_000  # rows fetched at a time, so that a large answer takes no more memory than a small one
# The column in which a question writes an hour as text, as the clock showed it: where a clock was set by half an hour,
# the server shows no instant as the full hour. An answer gives this column as instants all the same.
LOCAL_HOUR = "hour"
# SQLSTATEs of a missing table, function, schema or column; then classes of errors that a user's own file causes.
MISSING = ("42P01", "42883", "3F000", "42703")
OWN_FAULTS = ("08", "0A", "22", "25", "42")
FORBIDDEN = "42501"
REFUSED = "FF001"  # a question refused its own values (function `refuse`); its message is for the user


@contextmanager
def put_question(connection: Connection, query: Query, asked: Asked, timeout_s: int) -> Iterator[Answer]:
    """Put a question in the open read-only transaction; its rows are fetched as the block reads them.

    Raises: QueryTimeoutError; DatabaseBusyError; SchemaError; QueryError where the server refuses the user's own
    file.
    """
    given = list_values(query, resolve_bounds(connection, query, asked))
    query = query.choose_form(asked.list_given())
    statement = query.write_sql(lambda name: f"%({name})s", lambda text: text.replace("%", "%%")).encode()
    cursor = connection.cursor(row_factory=tuple_row)
    for name, loader in LOADERS.items():
        cursor.adapters.register_loader(name, loader)
    size = CHUNK_ROWS if psycopg.capabilities.has_stream_chunked() else 1
    understood_errors = partial(_explain_faults, query, timeout_s, time.monotonic())
    # By the protocol, a stream is one statement: the server refuses a second one behind it. Until the stream is closed,
    # the session can run nothing else.
    stream = cast("Generator[tuple[Any, ...]]", cursor.stream(statement, given, size=size))
    with closing(stream) as rows:
        with understood_errors():
            first = next(rows, None)
            if first is None:  # without a row, no names of columns came: ask for those alone
                cursor.execute(b"select * from (" + statement + b"\n) as answer limit 0", given)
        columns = cursor.description or ()
        names = tuple(column.name for column in columns)
        if twice := {name for name in names if names.count(name) > 1}:
            raise QueryError(
                f"{query.path}: two columns are called {min(twice)!r}; give each a name of its own by `as`"
            )
        types = tuple(column.type_code for column in columns)
        read = _read_on(first, rows, understood_errors)
        # Only text is an instant: an `hour` that is a number is an hour of the day.
        if query.path is None and LOCAL_HOUR in names and types[names.index(LOCAL_HOUR)] == TEXT_OID:
            at = names.index(LOCAL_HOUR)
            types = (*types[:at], INSTANT_OID, *types[at + 1 :])
            read = ((*row[:at], _read_instant(row[at]), *row[at + 1 :]) for row in read)
        yield Answer(
            names,
            types,
            read,
            is_zoned="time_zone" in query.parameters or bool({"since", "until"} & asked.list_given().keys()),
            screen=tuple(name for name in query.screen if name in names),
        )


def _read_on(
    first: tuple[Any, ...] | None,
    rows: Iterator[tuple[Any, ...]],
    understood_errors: Callable[[], AbstractContextManager[None]],
) -> Iterator[tuple[Any, ...]]:
    if first is not None:
        yield first
        with understood_errors():
            yield from rows


@contextmanager
def _explain_faults(query: Query, timeout_s: int, began: float) -> Iterator[None]:
    """Turn errors of the server into errors that tell the user what is wrong with the question."""
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        if timeout_s and time.monotonic() - began >= timeout_s:
            raise QueryTimeoutError(
                f"{query.name}: it took longer than {timeout_s} s; narrow it with --since and --until, "
                "or raise FOOTFALL_QUERY_TIMEOUT_SECONDS"
            ) from error
        raise
    except psycopg.errors.LockNotAvailable as error:
        raise DatabaseBusyError(
            f"{query.name}: another session holds a table that it reads, as a first load does; ask again after that"
        ) from error
    except psycopg.Error as error:
        if error.sqlstate == REFUSED:
            raise QueryError(f"{query.name}: {error.diag.message_primary}") from error
        if query.path is None:
            if error.sqlstate in MISSING:
                raise SchemaError(
                    f"{query.name}: what it reads is not there, or out of date; `footfall load` makes the tables, "
                    "`footfall schema apply` upgrades them"
                ) from error
            raise
        if error.sqlstate is None and isinstance(error, psycopg.ProgrammingError):
            raise QueryError(f"{query.path}: the statement gives no rows; write a select") from error
        if (error.sqlstate or "")[:2] not in OWN_FAULTS or error.sqlstate == FORBIDDEN:
            raise
        raise QueryError(_message(query, error)) from error


def _message(query: Query, error: psycopg.Error) -> str:
    numbers = {name: number for number, name in enumerate(dict.fromkeys(query.pieces[1::2]), 1)}
    sent = query.write_sql(lambda name: f"${numbers[name]}")
    position = error.diag.statement_position
    line = f" line {sent.count(chr(10), 0, int(position)) + 1}" if position else ""
    return f"{query.path}{line}: {error.diag.message_primary or error}"


class _DateOrText(DateLoader):
    """A day; a day that Python has no date for, such as one before year 1, stays the server's text."""

    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)
        except psycopg.DataError:
            return bytes(data).decode()


class _InstantOfServer(Loader):
    """An instant with the offset that the server wrote; where Python has no datetime for it, the server's text.

    psycopg's own loader would take the offset from Python's data of time zones, which may differ from the server's.
    """

    def load(self, data: Buffer) -> Any:
        return _read_instant(bytes(data).decode())


def _read_instant(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # before year 1, after 9999, or infinite
        return text


LOADERS: dict[str, type[Any]] = {"date": _DateOrText, "timestamptz": _InstantOfServer}


def resolve_bounds(connection: Connection, query: Query, asked: Asked) -> Asked:
    """Ask the server which instants the bounds are. The session's time zone is that of the question.

    Raises: QueryError where the first bound is later than the second; SchemaError where the tables are of an older
    Footfall.
    """
    if asked.since is None and asked.until is None:
        return asked
    values_: dict[str, str | None] = {}
    for name, bound in (("since", asked.since), ("until", asked.until)):
        is_instant = bound is not None and has_offset(bound)
        values_ |= {name: bound if is_instant else None, f"{name}_local": None if is_instant else bound}
    try:
        row = fetch_one(connection, SQL["resolve_bounds"], **values_)
    except psycopg.errors.UndefinedFunction as error:
        raise SchemaError(
            f"{query.name}: the tables are missing or out of date; `footfall load` makes them, `footfall schema apply` "
            "upgrades them"
        ) from error
    if row.are_reversed:
        raise QueryError(f"--since {asked.since} is later than --until {asked.until}; change them round")
    return replace(asked, since=row.since, until=row.until)
