"""Named questions -> rows. A question is a file of SQL that psql runs as it is; its psql variables are its parameters.

Values travel as parameters of the driver, never as text of the statement.
"""

from __future__ import annotations

import re
import time
import zoneinfo
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.rows import tuple_row
from psycopg.types.datetime import DateLoader, TimestamptzLoader

from footfall.database import Connection
from footfall.errors import DatabaseBusyError, QueryError, QueryTimeoutError, SchemaError, UnknownNameError
from footfall.results import Answer

CHUNK_ROWS = 1_000  # rows fetched at a time: an answer of 10 million rows takes no more memory than one of ten
BIGINT_MAX = 2**63 - 1
QUERY_BYTES_MAX = 1_000_000  # bytes of one file; what is larger is no question
# What a file may set by `\if :{?name} \else \set name value \endif`, so that psql runs it without more ado.
DEFAULT_LINE = re.compile(r"\\if\s+:\{\?(\w+)\}\s*\\else\s*\\set\s+(\w+)(?:\s+(.*?))?\s*\\endif\s*")
INSTANT = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
# SQLSTATE: no such table, function, schema or column; classes of what is the fault of a file of the user's own.
MISSING = ("42P01", "42883", "3F000", "42703")
OWN_FAULTS = ("08", "0A", "22", "25", "42")
FORBIDDEN = "42501"
FIRST_WORDS = ("select", "with", "values", "table")
# In this order: what a colon begins, then what a colon inside of is only text.
TOKEN = re.compile(
    r"""
    ::
    | :'(?P<value>\w+)'
    | :"(?P<identifier>\w+)"
    | :(?P<raw>[A-Za-z_]\w*)
    | [eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | --[^\n]*
    | /\*.*?\*/
    | \$(?P<tag>(?!\d)\w*)\$.*?\$(?P=tag)\$
    | (?<!\w)\$(?P<number>\d+)
    """,
    re.VERBOSE | re.DOTALL,
)


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
class Query:
    """One question.

    Shape: `pieces` is its SQL, cut at its parameters: text, name, text, name, ... text; `defaults` are its own.
    """

    name: str
    answers: str
    grain: str
    pieces: tuple[str, ...]
    defaults: Mapping[str, str]
    path: Path | None = None

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters, each once, in the order in which its file declares them."""
        used = set(self.pieces[1::2])
        return tuple(name for name in self.defaults if name in used)

    @property
    def needed(self) -> str | None:
        """The parameter that the question cannot do without: the id of a question about one user or product."""
        return {"user": "user_id", "product": "product_id"}.get(self.name) if self.path is None else None


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


def catalogue(folder: Path | None) -> dict[str, Query]:
    """Give every question by name: ours, and those of the user's own folder.

    Raises: QueryError where the folder or a file of it cannot be used.
    """
    ours = files("footfall").joinpath("sql/queries")
    texts = {file.name[:-4]: file.read_text(encoding="utf-8") for file in ours.iterdir() if file.name.endswith(".sql")}
    found = {name: parse(name, text) for name, text in sorted(texts.items())}
    for path in _own_files(folder) if folder else []:
        if path.stem in found:
            raise QueryError(f"{path}: there is a query {path.stem!r} already; give the file another name")
        found[path.stem] = parse(path.stem, _read(path), path)
    return found


def _own_files(folder: Path) -> list[Path]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".sql" and not path.name.startswith("."))
    except OSError as error:
        raise QueryError(
            f"{folder}: the folder of your queries cannot be read ({error.strerror}); "
            "mend FOOTFALL_QUERIES_FOLDER, or take it away"
        ) from error
    for path in paths:
        if not NAME.fullmatch(path.stem):
            raise QueryError(f"{path}: the name of a query has only a-z, 0-9, - and _; rename the file")
    return paths


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(QUERY_BYTES_MAX + 1)
        if len(content) > QUERY_BYTES_MAX:
            raise QueryError(f"{path}: more than {QUERY_BYTES_MAX:,} bytes are no query; take the file away")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise QueryError(f"{path}: the query cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise QueryError(f"{path}: the query is not UTF-8 (byte {error.start}); save it as UTF-8") from error


def parse(name: str, text: str, path: Path | None = None) -> Query:
    """Read a file of SQL as psql would: its defaults, then one statement with `:'name'` where a value belongs.

    Raises: QueryError naming file and line.
    """
    where = str(path or f"{name}.sql")
    defaults: dict[str, str] = {}
    kept: list[str] = []
    comments: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("\\"):
            variable, default = _default(line, f"{where} line {number}")
            defaults[variable] = default
            kept.append("")  # a server's message counts lines
        else:
            kept.append(line)
            if line.startswith("--") and len(comments) == number - 1:
                comments.append(line.removeprefix("--").strip())
    statement = "\n".join(kept).rstrip().removesuffix(";").rstrip()
    if not statement:
        raise QueryError(f"{where}: the file is empty; write one select statement")
    first = re.match(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*(\w*)", statement, re.DOTALL)
    if first is None or first[1].lower() not in FIRST_WORDS:
        raise QueryError(f"{where}: a query reads: it begins with {', '.join(FIRST_WORDS)}; write one select statement")
    about = [line for line in comments if line]
    grain = next((line.removeprefix("Grain:").strip() for line in about if line.startswith("Grain:")), "")
    return Query(name, about[0] if about else "", grain, _pieces(statement, where, defaults), defaults, path)


def _default(line: str, where: str) -> tuple[str, str]:
    found = DEFAULT_LINE.fullmatch(line.strip())
    if found is None or found[1] != found[2]:
        raise QueryError(
            f"{where}: {line.strip()!r}: of psql's commands a query may hold only defaults, each on a line of its own: "
            r"\if :{?name} \else \set name value \endif"
        )
    value = found[3] or ""
    if re.fullmatch(r"'(?:[^'\\]|'')*'", value):
        value = value[1:-1].replace("''", "'")
    elif re.search(r"[\s'\"\\:`]", value):
        raise QueryError(f"{where}: {value!r}: quote the default as a whole: 'value'")
    return found[1], value


def _pieces(statement: str, where: str, defaults: Mapping[str, str]) -> tuple[str, ...]:
    pieces: list[str] = []
    at = 0
    for token in TOKEN.finditer(statement):
        line = statement.count("\n", 0, token.start()) + 1
        if token["number"]:
            raise QueryError(f"{where} line {line}: {token.group()}: a parameter has a name: write :'name'")
        wrong = token["identifier"] or (token["raw"] if token["raw"] in defaults else None)
        if wrong:
            raise QueryError(f"{where} line {line}: {token.group()}: write :'{wrong}', which is quoted as a value")
        if (name := token["value"]) is None:
            continue
        if name not in defaults:
            raise QueryError(
                f"{where} line {line}: :'{name}' has no default; begin the file with "
                rf"\if :{{?{name}}} \else \set {name} 'value' \endif"
            )
        pieces += [statement[at : token.start()], name]
        at = token.end()
    return (*pieces, statement[at:])


def find(name: str, folder: Path | None) -> Query:
    """Give one question by name. Raises: UnknownNameError with the list."""
    found = catalogue(folder)
    if name not in found:
        listed = "\n".join(f"  {each.name}: {each.answers}" for each in found.values())
        raise UnknownNameError(f"there is no query {name!r}; choose one of these:\n{listed}")
    return found[name]


def values(query: Query, asked: Asked) -> dict[str, str]:
    """Give the values of a question's parameters.

    Raises: QueryError where something is asked that the question has no parameter for, or its id is missing.
    """
    given = asked.given()
    options = {"user_id": "--user", "product_id": "--product"}
    for name in given:
        if name not in query.parameters and name != "time_zone":
            can = (
                ", ".join(options.get(each, f"--{each}") for each in query.parameters if each != "time_zone") or "none"
            )
            raise QueryError(f"{query.name}: {options.get(name, f'--{name}')} does not apply; of these: {can}")
    if query.needed and query.needed not in given:
        raise QueryError(f"{query.name}: which one? Give its id: footfall query {query.name} 42")
    return {name: given.get(name, query.defaults[name]) for name in query.parameters}


def literal_sql(query: Query, asked: Asked, schema: str) -> str:
    """Give the statement with its values in it, quoted by the driver, for a place that has no parameters."""
    quoted = {name: sql.Literal(value).as_string(None) for name, value in values(query, asked).items()}
    tidy = (re.sub(r"\n{3,}", "\n\n", piece) for piece in query.pieces)
    text = "".join(quoted[piece] if at % 2 else piece for at, piece in enumerate(tidy))
    path = "" if schema == "public" else f"set search_path to {sql.Identifier(schema).as_string(None)};\n\n"
    return path + text + ("\n;" if "--" in text.rpartition("\n")[2] else ";")


@contextmanager
def asking(connection: Connection, query: Query, asked: Asked, timeout_s: int) -> Iterator[Answer]:
    """Put a question, in the read-only transaction at hand; its rows come as they are read, while the block lasts.

    Raises: QueryTimeoutError; DatabaseBusyError; SchemaError; QueryError where a file of the user's own cannot be asked
    as it stands.
    """
    given = values(query, asked)
    text = "".join(f"%({piece})s" if at % 2 else piece.replace("%", "%%") for at, piece in enumerate(query.pieces))
    cursor = connection.cursor(row_factory=tuple_row)
    for name, loader in LOADERS.items():
        cursor.adapters.register_loader(name, loader)
    size = CHUNK_ROWS if psycopg.capabilities.has_stream_chunked() else 1
    understood_errors = partial(_understood, query, timeout_s, time.monotonic())
    # A stream is one statement by protocol: the server refuses a second one behind it. Until it is closed, it holds the
    # session.
    stream = cast("Generator[tuple[Any, ...]]", cursor.stream(text.encode(), given, size=size))
    with closing(stream) as rows:
        with understood_errors():
            first = next(rows, None)
            if first is None:  # no row came, and with it no names of columns: ask for those alone
                cursor.execute(b"select * from (" + text.encode() + b"\n) as answer limit 0", given)
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
    sent = "".join(f"${numbers[piece]}" if at % 2 else piece for at, piece in enumerate(query.pieces))
    position = error.diag.statement_position
    line = f" line {sent.count(chr(10), 0, int(position)) + 1}" if position else ""
    return f"{query.path}{line}: {error.diag.message_primary or error}"


class _Dates(DateLoader):
    """Dates; those that Python does not know, such as one before year 1, as the server's text."""

    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)
        except psycopg.DataError:
            return bytes(data).decode()


class _Instants(TimestamptzLoader):
    """Instants; those that Python does not know as the server's text."""

    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)
        except psycopg.DataError:
            return bytes(data).decode()


LOADERS: dict[str, type[Any]] = {"date": _Dates, "timestamptz": _Instants}


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
