"""Read the values of a question's parameters as a person gives them, check them, and fill them into its SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import sql

from footfall.answers.asked import (
    BY_NAME,
    OPTIONS,
    PARAMETERS,
    SPAN_DIGITS_MAX,
    SPAN_UNITS,
    Asked,
    Filters,
    Id,
    Parameter,
)
from footfall.answers.catalogue import Query
from footfall.contract.ids import IdType, IdTypes
from footfall.contract.limits import ID_CHARACTERS_MAX
from footfall.errors import QueryError

BIGINT_MAX = 2**63 - 1
BOUND = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?"
OFFSET_MAX = timedelta(hours=14)  # the largest that a zone has had

SPAN = re.compile(rf"([1-9][0-9]{{0,{SPAN_DIGITS_MAX - 1}}}) ?({'|'.join(SPAN_UNITS)})")
WORDS_MAX = 20  # words of a list, such as the steps of a funnel


def understand(query: Query, filters: Filters, time_zone: str) -> Asked:
    """Turn the filters that a person gives into the values of a question's parameters.

    Raises: QueryError naming the option and the cure.
    """
    read = {each.name: _read(each, query, getattr(filters, each.keyword)) for each in PARAMETERS}
    if filters.id is not None:
        if query.needed is None or BY_NAME[query.needed].kind != "id":
            raise QueryError(f"{query.name}: it takes no id; narrow it with --user or --product")
        asked_for = _read_text(f"{query.name}: ID", filters.id)
        if read[query.needed] not in (None, asked_for):
            raise QueryError(f"{query.name}: {asked_for} or {read[query.needed]}? Give one id")
        read[query.needed] = asked_for
    since, until = read["since"], read["until"]
    # Two local times, or two instants, are compared here; the server compares a local time with an instant.
    are_alike = since and until and has_offset(since) == has_offset(until)
    if since and until and are_alike and datetime.fromisoformat(since) > datetime.fromisoformat(until):
        raise QueryError(f"--since {filters.since} is later than --until {filters.until}; change them round")
    return Asked(time_zone, **read)


def _read(parameter: Parameter, query: Query, given: Any) -> str | None:
    """Give a value as the server reads it."""
    if given is None or (given is False and parameter.kind == "flag"):
        return None
    option = parameter.option
    match parameter.kind:
        case "bound":
            return _read_bound(option, given)
        case "id":
            return _read_text(option, given)
        case "count":
            if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= BIGINT_MAX:
                raise QueryError(f"{option}: {given} is not a number from 1 to 2^63-1")
        case "choice":
            choices = query.choices.get(parameter.name, parameter.choices)
            if given not in choices:
                raise QueryError(f"{option}: {given!r} is not {_join_choices(choices)}")
            if given == parameter.plain:
                return None
        case "span":
            return _read_span(option, given)
        case "words":
            return _read_words(option, given)
        case "word":
            return _read_word(option, given, "leave the option out for all of them")
        case "text":
            return _read_cell(option, query, _read_word(option, str(given), "leave the option out for the numbers"))
        case "flag":
            return "true"
    return str(given)


def _read_cell(option: str, query: Query, given: str) -> str:
    parts = [("DATE" if "-" in part else "NUMBER" if part[:1].isdigit() else part, part) for part in given.split(":")]
    try:
        for kind, part in parts:
            if kind == "DATE":
                date.fromisoformat(part)
                if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", part):  # Python reads weeks such as 2024-W10-1 too
                    raise ValueError(part)
    except ValueError:
        parts = []
    form = ":".join(kind for kind, _ in parts)
    has_numbers = all(re.fullmatch("[0-9]{1,9}", part) for kind, part in parts if kind == "NUMBER")
    if query.cells and (form not in query.cells or not has_numbers):
        raise QueryError(f"{option}: {given!r} is not {_join_choices(query.cells)}, such as 2024-03-04 and 2")
    return given


def _join_choices(choices: tuple[str, ...]) -> str:
    return " or ".join(", ".join(part) for part in (choices[:-1], choices[-1:]) if part)


def _read_word(option: str, given: str, otherwise: str) -> str:
    word = given.strip(" \t")
    if not word or "\0" in word:
        what = "the name of an action is wanted" if option != "--who" else "a step, state, period or cell is wanted"
        raise QueryError(f"{option}: {what}; {otherwise}")
    return word


def _read_words(option: str, given: str | Sequence[str]) -> str:
    words = [word.strip(" \t") for word in (given.split(",") if isinstance(given, str) else given)]
    if not all(words) or not words or any("\0" in word for word in words):
        raise QueryError(f"{option}: names of actions with a comma between each two are wanted, such as view,purchase")
    if len(words) > WORDS_MAX:
        raise QueryError(f"{option}: {len(words)} names are more than {WORDS_MAX}; leave some out")
    if odd := next((word for word in words if "," in word), None):
        raise QueryError(f"{option}: {odd!r} has a comma, which stands between names; ask with SQL (--sql shows it)")
    return ",".join(words)


def _read_span(option: str, given: str | timedelta) -> str:
    if isinstance(given, timedelta):
        if given <= timedelta(0):
            raise QueryError(f"{option}: {given} is not a span of time above 0")
        return f"{given / timedelta(microseconds=1):.0f} microseconds"
    found = SPAN.fullmatch(given.strip(" \t").lower())
    if found is None:
        raise QueryError(f"{option}: {given!r} is not a span of time; write 45s, 30m, 12h, 7d or 2w")
    return f"{found[1]} {SPAN_UNITS[found[2]]}"


def _read_text(option: str, given: Id | None) -> str | None:
    """Give an id as text. Whether the text is an id depends on the tables: `read_ids` checks that."""
    if given is None:
        return None
    text = str(given).strip(" \t")
    if not text or "\0" in text or len(text) > ID_CHARACTERS_MAX:
        raise QueryError(f"{option}: {text[:50]!r} is no id; a text of 1 to {ID_CHARACTERS_MAX} characters is wanted")
    return text


def read_ids(asked: Asked, id_types: IdTypes, who_column: str | None = None) -> Asked:
    """Write the ids as the server writes them; `who` is also an id where `who_column` is given.

    Raises: QueryError where a text is no id of the type that the tables have.

    Example:
        >>> asked = Asked(user_id="007", product_id="007")
        >>> given = read_ids(asked, IdTypes(user_id="bigint", product_id="text"))
        >>> given.user_id, given.product_id
        ('7', '007')
    """
    user_id, product_id = (
        text and _read_id(OPTIONS[column], text, id_types.find_type(column))
        for column, text in (("user_id", asked.user_id), ("product_id", asked.product_id))
    )
    who = asked.who
    if who is not None and who_column is not None:
        who = _read_id(OPTIONS["who"], who, id_types.find_type(who_column))
    return replace(asked, user_id=user_id, product_id=product_id, who=who)


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


def list_values(query: Query, asked: Asked) -> dict[str, str]:
    """Give the values of a question's parameters.

    Raises: QueryError where a value is given that the question has no parameter for, or the needed one is missing.
    """
    given = asked.list_given()
    for name in given:
        if name not in query.parameters and name != "time_zone":
            can = ", ".join(OPTIONS[each] for each in query.parameters if each in OPTIONS) or "none"
            raise QueryError(f"{query.name}: {OPTIONS[name]} does not apply; of these: {can}")
    if query.needed and query.needed not in given:
        if BY_NAME[query.needed].kind == "id":
            raise QueryError(f"{query.name}: which one? Give its id: footfall query {query.name} 42")
        raise QueryError(f"{query.name}: {OPTIONS[query.needed]} is wanted: {BY_NAME[query.needed].about}")
    names = (name for name in query.parameters if name not in query.forms or name in given)
    return {name: given[name] if name in given else query.defaults[name] for name in names}


def write_literal_sql(query: Query, asked: Asked, schema: str) -> str:
    """Give the statement with its values in it, quoted by the driver, for a place that has no parameters."""
    query = query.choose_form(asked.list_given())
    quoted = {name: sql.Literal(value).as_string(None) for name, value in list_values(query, asked).items()}
    for name, bound in (("since", asked.since), ("until", asked.until)):
        if bound is not None and name in quoted and not has_offset(bound):
            zone = sql.Literal(asked.time_zone or "UTC").as_string(None)
            quoted[name] = f"first_instant({quoted[name]}::timestamp, {zone}::text)"
    text = query.write_sql(quoted.__getitem__, lambda piece: re.sub(r"\n{3,}", "\n\n", piece))
    path = "" if schema == "public" else f"set search_path to {sql.Identifier(schema).as_string(None)};\n\n"
    return path + text + ("\n;" if "--" in text.rpartition("\n")[2] else ";")


def read_bound(text: str) -> str:
    """Give a date or a time in the one form that is sent to the server; a date becomes its midnight.

    A time without an offset stays without one: the server turns it into an instant, by the clock that makes its days.
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
