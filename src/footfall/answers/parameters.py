"""What a question may be asked with: read from options, checked, and filled into its SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from psycopg import sql

from footfall.answers.catalogue import Query
from footfall.contract.ids import IdType, IdTypes
from footfall.contract.limits import ID_CHARACTERS_MAX
from footfall.errors import QueryError

BIGINT_MAX = 2**63 - 1
Id = int | str | UUID
BOUND = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?"
OFFSET_MAX = timedelta(hours=14)  # the largest that a zone has had
OPTIONS = {
    **{name: f"--{name}" for name in ("since", "until", "action", "limit", "per")},
    "user_id": "--user",
    "product_id": "--product",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question is asked with; None leaves it to the default of its file.

    Shape: ids are text, whatever their type. `since` and `until` are dates or times of `time_zone`, or have an offset;
    `per` is day, week or month.
    """

    time_zone: str | None = None
    since: str | None = None
    until: str | None = None
    action: str | None = None
    user_id: str | None = None
    product_id: str | None = None
    limit: int | None = None
    per: str | None = None

    def given(self) -> dict[str, str]:
        """Give what was asked for as text, by the names of the psql variables."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: str(value) for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a question is narrowed to, as a person says it.

    Shape: `id` is the user or product of a question about one; ids are numbers, text or UUIDs, as the tables have them;
    `since` and `until` are dates or times, as text or not.
    """

    id: Id | None = None
    since: str | date | None = None
    until: str | date | None = None
    action: str | None = None
    user: Id | None = None
    product: Id | None = None
    per: str | None = None
    limit: int | None = None


def understood(query: Query, filters: Filters, time_zone: str) -> Asked:
    """Turn what a person says into the values of a question's parameters.

    Raises: QueryError naming the option and the cure.
    """
    ids = {"user_id": _read_text("--user", filters.user), "product_id": _read_text("--product", filters.product)}
    if filters.id is not None:
        if query.needed is None:
            raise QueryError(f"{query.name}: it takes no id; narrow it with --user or --product")
        asked_for = _read_text(f"{query.name}: ID", filters.id)
        if ids[query.needed] not in (None, asked_for):
            raise QueryError(f"{query.name}: {asked_for} or {ids[query.needed]}? Give one id")
        ids[query.needed] = asked_for
    if filters.limit is not None and not 1 <= filters.limit <= BIGINT_MAX:
        raise QueryError(f"--limit: {filters.limit} is not a number from 1 to 2^63-1")
    if filters.per not in (None, "day", "week", "month"):
        raise QueryError(f"--per: {filters.per!r} is not day, week or month")
    action = None if filters.action is None else filters.action.strip(" \t")
    if action is not None and (not action or "\0" in action):
        raise QueryError("--action: the name of an action is wanted; leave the option out for all of them")
    since, until = _read_bound("--since", filters.since), _read_bound("--until", filters.until)
    # Two times of one kind are compared here; a local time and an instant, by the server.
    are_alike = since and until and has_offset(since) == has_offset(until)
    if since and until and are_alike and datetime.fromisoformat(since) > datetime.fromisoformat(until):
        raise QueryError(f"--since {filters.since} is later than --until {filters.until}; change them round")
    return Asked(time_zone, since, until, action, ids["user_id"], ids["product_id"], filters.limit, filters.per)


def _read_text(option: str, given: Id | None) -> str | None:
    """Give an id as text. Which texts are ids, `read_ids` says: it depends on the tables."""
    if given is None:
        return None
    text = str(given).strip(" \t")
    if not text or "\0" in text or len(text) > ID_CHARACTERS_MAX:
        raise QueryError(f"{option}: {text[:50]!r} is no id; a text of 1 to {ID_CHARACTERS_MAX} characters is wanted")
    return text


def read_ids(asked: Asked, id_types: IdTypes) -> Asked:
    """Give what is asked with its ids written as the server writes them.

    Raises: QueryError where one is no id of the type that the tables have.

    Example:
        >>> asked = Asked(user_id="007", product_id="007")
        >>> given = read_ids(asked, IdTypes(user_id="bigint", product_id="text"))
        >>> given.user_id, given.product_id
        ('7', '007')
    """
    user_id, product_id = (
        text and _read_id(OPTIONS[column], text, id_types.of(column))
        for column, text in (("user_id", asked.user_id), ("product_id", asked.product_id))
    )
    return replace(asked, user_id=user_id, product_id=product_id)


def _read_id(option: str, text: str, id_type: IdType) -> str:
    if id_type == "bigint":
        if not re.fullmatch(r"[+-]?[0-9]+", text) or not 0 <= int(text) <= BIGINT_MAX:
            raise QueryError(f"{option}: {text!r} is not a number from 0 to 2^63-1, as ids are in these tables")
        return str(int(text))
    if id_type == "uuid":
        try:
            return str(UUID(text))
        except ValueError:
            raise QueryError(f"{option}: {text!r} is not a UUID, as ids are in these tables") from None
    return text


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
        if bound is not None and name in quoted and not has_offset(bound):
            zone = sql.Literal(asked.time_zone or "UTC").as_string(None)
            quoted[name] = f"first_instant({quoted[name]}::timestamp, {zone}::text)"
    text = query.written(quoted.__getitem__, lambda piece: re.sub(r"\n{3,}", "\n\n", piece))
    path = "" if schema == "public" else f"set search_path to {sql.Identifier(schema).as_string(None)};\n\n"
    return path + text + ("\n;" if "--" in text.rpartition("\n")[2] else ";")


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


def has_offset(bound: str) -> bool:
    return datetime.fromisoformat(bound).tzinfo is not None
