"""The parameters of questions: one definition for the command line, Python and the page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

Id = int | str | UUID
Kind = Literal["bound", "id", "word", "words", "count", "span", "choice", "flag", "text"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of questions: the name of its psql variable, and how a person gives it.

    `keyword` is its name in Python, `about` a sentence for the help, and `choices` the words that it may be, of which
    the file of a question may allow fewer. Where a person gives the word `plain`, the variable is left out.
    """

    name: str
    keyword: str
    option: str
    kind: Kind
    about: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    plain: str | None = None


def _make_parameter(name: str, kind: Kind, about: str, metavar: str | None = None, **more: Any) -> Parameter:
    keyword = more.pop("keyword", name)
    option = more.pop("option", "--" + keyword.replace("_", "-"))
    return Parameter(name, keyword, option, kind, about, metavar, **more)


# One definition for the command line, Python and the page; in the order of the help.
PARAMETERS = (
    _make_parameter("since", "bound", "From this date or time on, of the reporting time zone.", "T"),
    _make_parameter("until", "bound", "Before this date or time.", "T"),
    _make_parameter("action", "word", "Only this action.", "A"),
    _make_parameter("user_id", "id", "Only of this user.", "ID", keyword="user"),
    _make_parameter("product_id", "id", "Only this product.", "ID", keyword="product"),
    _make_parameter("per", "choice", "Count in each of these; default day.", choices=("day", "week", "month")),
    _make_parameter(
        "limit",
        "count",
        "At most so many rows; default: 5 for top-users and top-products, 20 for top-movers and affinity.",
        "N",
    ),
    _make_parameter("who", "text", "Who is behind a number: a step, state, period or cell; gives users.", "WHICH"),
    _make_parameter("steps", "words", "The actions of a funnel, in order, with commas between them.", "A,B,..."),
    _make_parameter("within", "span", "From the first step to the last: 30m, 12h, 7d, 2w; default 1d.", "SPAN"),
    _make_parameter(
        "order", "choice", "How the steps follow each other; default ordered.", choices=("ordered", "strict", "any")
    ),
    _make_parameter("exclude", "words", "Actions that end what was begun.", "A,B,..."),
    _make_parameter(
        "by", "choice", "Count apart by this.", choices=("action", "product", "action-before", "cohort-week", "user")
    ),
    _make_parameter("start_action", "word", "The action that begins; default any.", "A"),
    _make_parameter("return_action", "word", "The action that counts as a return; default any.", "A"),
    _make_parameter("mode", "choice", "Active in the period itself, or in it or later.", choices=("on", "on-or-after")),
    _make_parameter(
        "clock", "choice", "Periods of the calendar, or from one's first on.", choices=("calendar", "rolling")
    ),
    _make_parameter("recurring", "flag", "Each period begins anew for whoever is active in it."),
    _make_parameter("periods", "count", "So many periods after the first.", "N"),
    _make_parameter("gap", "span", "A session ends after so long without an interaction; default 30m.", "SPAN"),
    _make_parameter("depth", "count", "So many steps of a path; default 5.", "N"),
    _make_parameter(
        *("edges", "choice", "Whole paths, or steps one by one."),
        keyword="shape",
        option="--as",
        choices=("sequences", "edges"),
        plain="sequences",
    ),
    _make_parameter("from_action", "word", "Paths from this action on.", "A", option="--from"),
    _make_parameter("to_action", "word", "Paths up to this action.", "A", option="--to"),
    _make_parameter("of", "choice", "What is compared; default products.", choices=("products", "actions", "users")),
    _make_parameter("minimum", "count", "At least so much: users in common (default 20), or a score (default 4).", "N"),
    _make_parameter("compare", "choice", "Beside the same number of periods before.", choices=("previous",)),
    _make_parameter(
        "first_of", "choice", "The first of all, or of what the filters leave.", choices=("all", "filtered")
    ),
    _make_parameter("over_time", "flag", "For each period apart."),
)
BY_NAME = {each.name: each for each in PARAMETERS}
OPTIONS = {each.name: each.option for each in PARAMETERS}
SPAN_DIGITS_MAX = 7  # of the number of units
SPAN_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}  # the smallest first


@dataclass(frozen=True, slots=True)
class Asked:
    """The values of a question's parameters; None stands for the default of its file.

    Shape: text, as the server reads it, under the names of the psql variables. `since` and `until` are dates or times
    of `time_zone`, or have an offset; a list has commas between its words.
    """

    time_zone: str | None = None
    since: str | None = None
    until: str | None = None
    action: str | None = None
    user_id: str | None = None
    product_id: str | None = None
    per: str | None = None
    limit: str | None = None
    who: str | None = None
    steps: str | None = None
    within: str | None = None
    order: str | None = None
    exclude: str | None = None
    by: str | None = None
    start_action: str | None = None
    return_action: str | None = None
    mode: str | None = None
    clock: str | None = None
    recurring: str | None = None
    periods: str | None = None
    gap: str | None = None
    depth: str | None = None
    edges: str | None = None
    from_action: str | None = None
    to_action: str | None = None
    of: str | None = None
    minimum: str | None = None
    compare: str | None = None
    first_of: str | None = None
    over_time: str | None = None

    def list_given(self) -> dict[str, str]:
        """Give the values that are not None, by the names of the psql variables."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Filters:
    """The values of a question's parameters as a person gives them, under the keywords of PARAMETERS.

    Shape: `id` is the user or product that the question is about; ids are numbers, text or UUIDs, as in the tables;
    `since` and `until` are dates or times, as text or not; lists are text with commas or sequences of text; spans are
    text such as 30m, or a timedelta.
    """

    id: Id | None = None
    since: str | date | None = None
    until: str | date | None = None
    action: str | None = None
    user: Id | None = None
    product: Id | None = None
    per: str | None = None
    limit: int | None = None
    who: str | int | None = None
    steps: str | Sequence[str] | None = None
    within: str | timedelta | None = None
    order: str | None = None
    exclude: str | Sequence[str] | None = None
    by: str | None = None
    start_action: str | None = None
    return_action: str | None = None
    mode: str | None = None
    clock: str | None = None
    recurring: bool | None = None
    periods: int | None = None
    gap: str | timedelta | None = None
    depth: int | None = None
    shape: str | None = None
    from_action: str | None = None
    to_action: str | None = None
    of: str | None = None
    minimum: int | None = None
    compare: str | None = None
    first_of: str | None = None
    over_time: bool | None = None


def _write_span(span: timedelta) -> str:
    """Write a span of time in the smallest unit in which it is read back; a part of a unit counts as a whole one."""
    counts = [(-(-span // timedelta(**{name: 1})), unit) for unit, name in SPAN_UNITS.items()]
    count, unit = next((each for each in counts if each[0] < 10**SPAN_DIGITS_MAX), counts[-1])
    return f"{count}{unit}"


def write_command(name: str, filters: Filters) -> str:
    r"""Give the command line that asks a question.

    Example:
        >>> write_command("funnel", Filters(steps=["view", "purchase"], over_time=True, action="it's"))
        'footfall query funnel --action \'it\'"\'"\'s\' --steps view,purchase --over-time'
    """
    words = ["footfall", "query", name, *([] if filters.id is None else [str(filters.id)])]
    for each in PARAMETERS:
        value = getattr(filters, each.keyword)
        if value is None or (value is False and each.kind == "flag"):
            continue
        words.append(each.option)
        if isinstance(value, timedelta):
            value = _write_span(value)
        if each.kind != "flag":
            words.append(value if isinstance(value, str) else ",".join(value) if each.kind == "words" else str(value))
    return shlex.join(words)
