"""Named questions -> rows.

Values travel as parameters of the driver, never as text of the statement.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, cast

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import tuple_row
from psycopg.types.datetime import DateLoader

from footfall.catalogue import Query
from footfall.database import Connection, one
from footfall.errors import DatabaseBusyError, QueryError, QueryTimeoutError, SchemaError
from footfall.results import INSTANT_OID, Answer

CHUNK_ROWS = 1_000  # rows fetched at a time: an answer of 10 million rows takes no more memory than one of ten
BIGINT_MAX = 2**63 - 1
# The column in which a question writes out an hour as the clock showed it: where a clock is set by half an hour, the
# server has no instant that it would show so. It is an instant all the same.
LOCAL_HOUR = "hour"
BOUND = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?"
OFFSET_MAX = timedelta(hours=14)  # the largest that a zone has had
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

    Shape: `since` and `until` are dates or times of `time_zone`, or have an offset; `per` is day, week or month.
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
    since, until = _read_bound("--since", filters.since), _read_bound("--until", filters.until)
    # Two times of one kind are compared here; a local time and an instant, by the server.
    are_alike = since and until and _has_offset(since) == _has_offset(until)
    if since and until and are_alike and datetime.fromisoformat(since) > datetime.fromisoformat(until):
        raise QueryError(f"--since {filters.since} is later than --until {filters.until}; change them round")
    return Asked(time_zone, since, until, action, ids["user_id"], ids["product_id"], filters.limit, filters.per)


def _read_bound(option: str, given: str | date | None) -> str | None:
    try:
        return None if given is None else read_bound(given if isinstance(given, str) else given.isoformat())
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
    for name, bound in (("since", asked.since), ("until", asked.until)):
        if bound is not None and name in quoted and not _has_offset(bound):
            zone = sql.Literal(asked.time_zone or "UTC").as_string(None)
            quoted[name] = f"first_instant({quoted[name]}::timestamp, {zone}::text)"
    text = query.written(quoted.__getitem__, lambda piece: re.sub(r"\n{3,}", "\n\n", piece))
    path = "" if schema == "public" else f"set search_path to {sql.Identifier(schema).as_string(None)};\n\n"
    return path + text + ("\n;" if "--" in text.rpartition("\n")[2] else ";")


@contextmanager
def asking(connection: Connection, query: Query, asked: Asked, timeout_s: int) -> Iterator[Answer]:
    """Put a question, in the read-only transaction at hand; its rows come as they are read, while the block lasts.

    Raises: QueryTimeoutError; DatabaseBusyError; SchemaError; QueryError where a file of the user's own cannot be asked
    as it stands.
    """
    given = values(query, resolve_bounds(connection, query, asked))
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
        types = tuple(column.type_code for column in columns)
        read = _read_on(first, rows, understood_errors)
        if query.path is None and LOCAL_HOUR in names:
            at = names.index(LOCAL_HOUR)
            types = (*types[:at], INSTANT_OID, *types[at + 1 :])
            read = ((*row[:at], _read_instant(row[at]), *row[at + 1 :]) for row in read)
        yield Answer(
            names,
            types,
            read,
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


class _DateOrText(DateLoader):
    """A day; one that Python does not know, such as one before year 1, is the server's text."""

    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)
        except psycopg.DataError:
            return bytes(data).decode()


class _InstantOfServer(Loader):
    """An instant with the offset that the server wrote; one that Python does not know is the server's text.

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


def read_bound(text: str) -> str:
    """Give a date or a time in the one form in which the server is asked; a date becomes its midnight.

    Effects: none; which instant a time without an offset is, the server says: its days are made by the same clock.
    Shape: ISO 8601, with an offset where the text has one.

    Raises: ValueError with what to write instead.

    Example:
        >>> read_bound("2024-03-01"), read_bound("2024-03-01T12:30+02:00")
        ('2024-03-01T00:00:00', '2024-03-01T12:30:00+02:00')
    """
    if not re.fullmatch(BOUND, text.strip()):
        raise ValueError(f"{text!r} is not a time; write 2024-03-01, or 2024-03-01T12:30 with an offset if need be")
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time: {error}") from error
    if abs(moment.utcoffset() or timedelta(0)) > OFFSET_MAX:
        raise ValueError(f"{text!r} is not a time: an offset is at most 14:00")
    return moment.isoformat()


def _has_offset(bound: str) -> bool:
    return datetime.fromisoformat(bound).tzinfo is not None


def resolve_bounds(connection: Connection, query: Query, asked: Asked) -> Asked:
    """Let the server say which instants the bounds are, in the session's time zone, which is that of the question.

    Raises: QueryError where the first bound is later than the second; SchemaError where the tables are of an older
    Footfall.
    """
    if asked.since is None and asked.until is None:
        return asked
    values_: dict[str, str | None] = {}
    for name, bound in (("since", asked.since), ("until", asked.until)):
        is_instant = bound is not None and _has_offset(bound)
        values_ |= {name: bound if is_instant else None, f"{name}_local": None if is_instant else bound}
    try:
        row = one(connection, "asking.sql", "resolve_bounds", **values_)
    except psycopg.errors.UndefinedFunction as error:
        raise SchemaError(
            f"{query.name}: the tables are missing or out of date; `footfall load` makes them, `footfall schema apply` "
            "upgrades them"
        ) from error
    if row.are_reversed:
        raise QueryError(f"--since {asked.since} is later than --until {asked.until}; change them round")
    return replace(asked, since=row.since, until=row.until)
