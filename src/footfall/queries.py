"""Named questions -> rows.

Values travel as parameters of the driver, never as text of the statement.
"""

from __future__ import annotations

import re
import time
import zoneinfo
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import partial
from typing import Any, cast

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.rows import tuple_row
from psycopg.types.datetime import DateLoader, TimestamptzLoader

from footfall.catalogue import Query
from footfall.database import Connection
from footfall.errors import DatabaseBusyError, QueryError, QueryTimeoutError, SchemaError
from footfall.results import Answer

CHUNK_ROWS = 1_000  # rows fetched at a time: an answer of 10 million rows takes no more memory than one of ten
BIGINT_MAX = 2**63 - 1
INSTANT = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?"
OPTIONS = {
    **{name: f"--{name}" for name in ("since", "until", "action", "limit", "per")},
    "user_id": "--user",
    "product_id": "--product",
}
# SQLSTATE: no such table, function, schema or column; classes of what is the fault of a file of the user's own.
MISSING = ("42P01", "42883", "3F000", "42703")
OWN_FAULTS = ("08", "0A", "22", "25", "42")
FORBIDDEN = "42501"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question is asked with; None leaves it to the default of its file.

    Shape: `since` and `until` are instants in ISO 8601 with an offset; `per` is day, week or month.
    """

    time_zone: str | None = None
    since: str | None = None
    until: str | None = None
    action: str | None = None
    user_id: int | None = None
    product_id: int | None = None
    limit: int | None = None
    per: str | None = None

    def given(self) -> dict[str, str]:
        """Give what was asked for as text, by the names of the psql variables."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: str(value) for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a question is narrowed to, as a person says it.

    Shape: `id` is the user or product of a question about one; `since` and `until` are dates or times, as text or not.
    """

    id: int | None = None
    since: str | date | None = None
    until: str | date | None = None
    action: str | None = None
    user: int | None = None
    product: int | None = None
    per: str | None = None
    limit: int | None = None


def understood(query: Query, filters: Filters, time_zone: str) -> Asked:
    """Turn what a person says into the values of a question's parameters.

    Raises: QueryError naming the option and the cure.
    """
    ids = {"user_id": filters.user, "product_id": filters.product}
    if filters.id is not None:
        if query.needed is None:
            raise QueryError(f"{query.name}: it takes no id; narrow it with --user or --product")
        if ids[query.needed] not in (None, filters.id):
            raise QueryError(f"{query.name}: {filters.id} or {ids[query.needed]}? Give one id")
        ids[query.needed] = filters.id
    for option, number in {"--user": ids["user_id"], "--product": ids["product_id"], "--limit": filters.limit}.items():
        if number is not None and not 1 <= number <= BIGINT_MAX:
            raise QueryError(f"{option}: {number} is not a number from 1 to 2^63-1")
    if filters.per not in (None, "day", "week", "month"):
        raise QueryError(f"--per: {filters.per!r} is not day, week or month")
    action = None if filters.action is None else filters.action.strip(" \t")
    if action is not None and (not action or "\0" in action):
        raise QueryError("--action: the name of an action is wanted; leave the option out for all of them")
    since, until = _instant("--since", filters.since, time_zone), _instant("--until", filters.until, time_zone)
    if since and until and datetime.fromisoformat(since) > datetime.fromisoformat(until):
        raise QueryError(f"--since {filters.since} is later than --until {filters.until}; change them round")
    return Asked(time_zone, since, until, action, ids["user_id"], ids["product_id"], filters.limit, filters.per)


def _instant(option: str, given: str | date | None, time_zone: str) -> str | None:
    try:
        return None if given is None else instant(given if isinstance(given, str) else given.isoformat(), time_zone)
    except ValueError as error:
        raise QueryError(f"{option}: {error}") from error


def values(query: Query, asked: Asked) -> dict[str, str]:
    """Give the values of a question's parameters.

    Raises: QueryError where something is asked that the question has no parameter for, or its id is missing.
    """
    given = asked.given()
    for name in given:
        if name not in query.parameters and name != "time_zone":
            can = ", ".join(OPTIONS[each] for each in query.parameters if each in OPTIONS) or "none"
            raise QueryError(f"{query.name}: {OPTIONS[name]} does not apply; of these: {can}")
    if query.needed and query.needed not in given:
        raise QueryError(f"{query.name}: which one? Give its id: footfall query {query.name} 42")
    return {name: given.get(name, query.defaults[name]) for name in query.parameters}


def literal_sql(query: Query, asked: Asked, schema: str) -> str:
    """Give the statement with its values in it, quoted by the driver, for a place that has no parameters."""
    quoted = {name: sql.Literal(value).as_string(None) for name, value in values(query, asked).items()}
    text = query.written(quoted.__getitem__, lambda piece: re.sub(r"\n{3,}", "\n\n", piece))
    path = "" if schema == "public" else f"set search_path to {sql.Identifier(schema).as_string(None)};\n\n"
    return path + text + ("\n;" if "--" in text.rpartition("\n")[2] else ";")


@contextmanager
def asking(connection: Connection, query: Query, asked: Asked, timeout_s: int) -> Iterator[Answer]:
    """Put a question, in the read-only transaction at hand; its rows come as they are read, while the block lasts.

    Raises: QueryTimeoutError; DatabaseBusyError; SchemaError; QueryError where a file of the user's own cannot be asked
    as it stands.
    """
    given = values(query, asked)
    statement = query.written(lambda name: f"%({name})s", lambda text: text.replace("%", "%%")).encode()
    cursor = connection.cursor(row_factory=tuple_row)
    for name, loader in LOADERS.items():
        cursor.adapters.register_loader(name, loader)
    size = CHUNK_ROWS if psycopg.capabilities.has_stream_chunked() else 1
    understood_errors = partial(_understood, query, timeout_s, time.monotonic())
    # A stream is one statement by protocol: the server refuses a second one behind it. Until it is closed, it holds the
    # session.
    stream = cast("Generator[tuple[Any, ...]]", cursor.stream(statement, given, size=size))
    with closing(stream) as rows:
        with understood_errors():
            first = next(rows, None)
            if first is None:  # no row came, and with it no names of columns: ask for those alone
                cursor.execute(b"select * from (" + statement + b"\n) as answer limit 0", given)
        columns = cursor.description or ()
        names = tuple(column.name for column in columns)
        if twice := {name for name in names if names.count(name) > 1}:
            raise QueryError(
                f"{query.path}: two columns are called {min(twice)!r}; give each a name of its own by `as`"
            )
        yield Answer(
            names,
            tuple(column.type_code for column in columns),
            _read_on(first, rows, understood_errors),
            is_zoned="time_zone" in query.parameters or bool({"since", "until"} & asked.given().keys()),
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
def _understood(query: Query, timeout_s: int, began: float) -> Iterator[None]:
    """Say what is wrong with a question in words of the one who asked it."""
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
    sent = query.written(lambda name: f"${numbers[name]}")
    position = error.diag.statement_position
    line = f" line {sent.count(chr(10), 0, int(position)) + 1}" if position else ""
    return f"{query.path}{line}: {error.diag.message_primary or error}"


def _or_text(loader: type[Any]) -> type[Any]:
    """Give a loader of what Python does not know, such as a day before year 1, as the server's text."""

    class OrText(loader):  # type: ignore[misc]
        def load(self, data: Buffer) -> Any:
            try:
                return super().load(data)
            except psycopg.DataError:
                return bytes(data).decode()

    return OrText


LOADERS = {"date": _or_text(DateLoader), "timestamptz": _or_text(TimestamptzLoader)}


def instant(text: str, time_zone: str) -> str:
    """Give a date (its midnight) or a time of the zone as an instant; one with an offset stays what it is.

    Shape: ISO 8601 with an offset. Where the clock repeats an hour the first; where it skips one, moved forward by it.

    Raises: ValueError with what to write instead.

    Example:
        >>> instant("2024-03-01", "Europe/Vienna")
        '2024-03-01T00:00:00+01:00'
    """
    if not re.fullmatch(INSTANT, text.strip()):
        raise ValueError(f"{text!r} is not a time; write 2024-03-01, or 2024-03-01T12:30 with an offset if need be")
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time: {error}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=zoneinfo.ZoneInfo(time_zone))).isoformat()
