"""Funnel, sessions and paths over any history against plain Python: numbers, who is behind them, and edges that sum up.

Histories have ties, late rows, repeated steps, starts near the end of the data, and days on which clocks are set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from behaviour import Funnel, Interaction, Session, Walk, funnel_rows, lowest_within, path_of, sessions, walks
from footfall.answers.asked import Filters
from footfall.settings import Settings, load_settings
from footfall.tables.schema import list_tables
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from footfall.verbs import schema as schema_verb
from sampling import examples

SLOW = settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
Rows = list[tuple[Any, ...]]
Ask = Callable[..., Rows]
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)  # asked for where the whole history is meant
UNIT = timedelta(minutes=10)
# A little before clocks are set; never at midnight, which would be taken for days alone.
BASES = {
    "UTC": datetime(2024, 1, 1, 22, 0, 7, tzinfo=UTC),
    "Europe/Vienna": datetime(2024, 10, 26, 20, 30, 7, tzinfo=UTC),
    "America/St_Johns": datetime(2010, 3, 13, 23, 31, 7, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2024, 4, 6, 11, 0, 7, tzinfo=UTC),
    "Asia/Kathmandu": datetime(2024, 2, 29, 17, 0, 7, tzinfo=UTC),
}

places = st.one_of(st.integers(0, 12), st.integers(0, 400))  # in units behind the base: close together, or days apart
row = st.tuples(st.integers(1, 60), st.integers(1, 3), st.integers(1, 2), st.sampled_from("abcx"), places)
rows = st.lists(row, min_size=1, max_size=14, unique_by=lambda each: each[0])
zones = st.sampled_from(sorted(BASES))
bounds = st.tuples(st.none() | st.integers(0, 8), st.none() | st.integers(8, 60))
spans = st.sampled_from([1, 2, 3, 6, 144])  # units


@pytest.fixture(scope="module", params=["bigint", "text"])
def tables(request: Any, new_database_of_module: Callable[[], str]) -> Settings:
    """Tables with ids of one type, to be emptied for each example."""
    types = {f"{column}_id_type": request.param for column in ("interaction", "user", "product")}
    made = load_settings(database_url=new_database_of_module(), max_rejected="1.0", **types)
    schema_verb.upgrade_schema(made)
    return made


@contextmanager
def asking(
    tables: Settings, write_csv: Callable[..., str], given: Rows, zone: str
) -> Iterator[tuple[list[Interaction], Ask]]:
    """Load a history in two files, the late one with earlier rows between, and give what puts questions to it."""
    assert tables.database_url is not None
    with psycopg.connect(tables.database_url.get_secret_value()) as connection:
        names = sql.SQL(", ").join(map(sql.Identifier, list_tables()))
        connection.execute(sql.SQL("truncate {} restart identity").format(names))
    is_text = tables.user_id_type == "text"
    history = [
        Interaction(*(f"id {number}" if is_text else number for number in numbers), action, BASES[zone] + UNIT * place)
        for *numbers, action, place in given
    ]
    lines = [
        f"{each.interaction_id},{each.user_id},{each.product_id},{each.action},{each.at.isoformat()}"
        for each in history
    ]
    for at in (0, 1):
        load_verb.load([write_csv(f"{at}.csv", *lines[at::2])], tables)
    with query_verb.open_snapshot(tables.model_copy(update={"reporting_time_zone": zone})) as asker:

        def ask(name: str, **filters: Any) -> Rows:
            return list(asker.ask(name, Filters(**filters)).table.rows)

        yield history, ask


def range_of(zone: str, edges: tuple[int | None, int | None]) -> tuple[datetime | None, datetime | None]:
    since, until = (None if edge is None else BASES[zone] + UNIT * edge for edge in edges)
    return since, until


def as_filters(since: datetime | None, until: datetime | None) -> dict[str, str]:
    found = {"since": (since or BEGINNING).isoformat()}
    return found | ({} if until is None else {"until": until.isoformat()})


def span(length: timedelta) -> str:
    return f"{length.total_seconds():.0f}s"


# funnel


@SLOW
@given(
    given=rows,
    zone=zones,
    edges=bounds,
    within=spans,
    order=st.sampled_from(["ordered", "strict", "any"]),
    steps=st.lists(st.sampled_from("abc"), min_size=1, max_size=4),
    is_excluding=st.booleans(),
)
def test_a_funnel_is_what_walking_each_users_list_finds(
    tables: Settings,
    write_csv: Callable[..., str],
    given: Rows,
    zone: str,
    edges: tuple[int | None, int | None],
    within: int,
    order: str,
    steps: list[str],
    is_excluding: bool,
) -> None:
    steps = list(dict.fromkeys(steps)) if order == "any" else steps
    exclude = frozenset("x" if is_excluding else "")
    asked = Funnel(tuple(steps), UNIT * within, order, exclude, *range_of(zone, edges))
    with asking(tables, write_csv, given, zone) as (history, ask):
        found = walks(asked, history, max(each.at for each in history))
        filters = {"steps": steps, "within": span(asked.within), "order": order} | as_filters(asked.since, asked.until)
        filters |= {"exclude": sorted(exclude)} if exclude else {}
        answer = ask("funnel", **filters)
        assert [line[:9] for line in answer] == funnel_rows(asked, found)
        for step, line in enumerate(answer, 1):
            states = {"": line[2], "dropped-": line[5], "open-": line[8]}
            for state, count in states.items():
                users = [user for user, *_ in ask("funnel", who=f"{state}{step}", **filters)]
                assert users == sorted(user for user, each in found.items() if is_in(each, state, step))
                assert len(users) == count
        for by in ("product", "action-before", "cohort-week"):
            check_breakdown(by, ask("funnel", by=by, **filters), answer, history, found, asked, zone)


def is_in(walk: Walk, state: str, step: int) -> bool:
    return walk.did(step) if not state else walk.dropped_at(step) and (walk.is_open or state == "dropped-")


def check_breakdown(
    by: str, answer: Rows, whole: Rows, history: list[Interaction], found: dict[Any, Walk], asked: Funnel, zone: str
) -> None:
    """Check that each user counts under the value at the first interaction that may begin, and the values sum up."""

    def value_of(user: Any) -> str:
        mine = sorted((each for each in history if each.user_id == user), key=lambda e: (e.at, e.interaction_id))
        first = found[user].first
        if by == "product":
            return str(first.product_id)
        if by == "cohort-week":
            day = mine[0].at.astimezone(ZoneInfo(zone)).date()
            return str(day - timedelta(days=day.weekday()))
        before = mine[mine.index(first) - 1] if mine.index(first) else None
        return before.action if before and first.at - before.at <= asked.within else "(none)"

    values: dict[str, dict[Any, Walk]] = {}
    for user, each in found.items():
        values.setdefault(value_of(user), {})[user] = each
    order = sorted(values, key=(lambda value: value) if by == "cohort-week" else (lambda v: (-len(values[v]), v)))
    expected = [(*line, value) for value in order for line in funnel_rows(asked, values[value])]
    assert answer == (expected or whole)


# sessions


def listed(found: list[Session]) -> Rows:
    """Give the users of these sessions as `who` lists them."""
    mine: dict[Any, list[Session]] = {}
    for each in found:
        mine.setdefault(each.rows[0].user_id, []).append(each)
    return [
        (
            user,
            min(each.begins for each in theirs),
            max(each.rows[-1].at for each in theirs),
            sum(len(each.rows) for each in theirs),
        )
        for user, theirs in sorted(mine.items())
    ]


def period_of(at: datetime, zone: str, per: str) -> date:
    day = at.astimezone(ZoneInfo(zone)).date()
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[per]


@SLOW
@given(given=rows, zone=zones, edges=bounds, gap=spans, per=st.sampled_from(["day", "week", "month"]))
def test_sessions_are_what_walking_each_users_list_finds(
    tables: Settings,
    write_csv: Callable[..., str],
    given: Rows,
    zone: str,
    edges: tuple[int | None, int | None],
    gap: int,
    per: str,
) -> None:
    since, until = range_of(zone, edges)
    with asking(tables, write_csv, given, zone) as (history, ask):
        found: dict[date, list[Session]] = {}
        for each in sessions(history, UNIT * gap, since, until):
            found.setdefault(period_of(each.begins, zone, per), []).append(each)
        filters = {"gap": span(UNIT * gap), "per": per} | as_filters(since, until)
        answer = ask("sessions", **filters)
        assert found.keys() <= {line[0] for line in answer}
        for line in answer:
            theirs = found.get(line[0], [])
            seconds = [each.seconds for each in theirs]
            assert line[1:7] == (
                len(theirs),
                len({each.rows[0].user_id for each in theirs}),
                sum(len(each.rows) for each in theirs) / len(theirs) if theirs else None,
                sum(len(each.rows) == 1 for each in theirs),
                lowest_within(seconds, 0.5),
                lowest_within(seconds, 0.9),
            )
            users = ask("sessions", who=str(line[0]), **filters)
            assert users == listed(theirs)
            assert len(users) == line[2]


# paths


@SLOW
@given(
    given=rows,
    zone=zones,
    edges=bounds,
    gap=spans,
    depth=st.integers(2, 5),
    start=st.sampled_from([None, None, "a", "b"]),
    end=st.sampled_from([None, None, "a", "c"]),
    limit=st.sampled_from([None, 1, 2]),
)
def test_paths_are_what_walking_each_users_list_finds(
    tables: Settings,
    write_csv: Callable[..., str],
    given: Rows,
    zone: str,
    edges: tuple[int | None, int | None],
    gap: int,
    depth: int,
    start: str | None,
    end: str | None,
    limit: int | None,
) -> None:
    since, until = range_of(zone, edges)
    with asking(tables, write_csv, given, zone) as (history, ask):
        found = [
            (each, path)
            for each in sessions(history, UNIT * gap, since, until)
            if (path := path_of(each, depth, start, end)) is not None
        ]
        filters: dict[str, Any] = {"gap": span(UNIT * gap), "depth": depth, "from_action": start, "to_action": end}
        filters |= as_filters(since, until)
        check_sequences(found, limit, lambda **more: ask("paths", **filters, **more))
        check_edges(found, depth, limit, lambda **more: ask("paths", shape="edges", **filters, **more))


Found = list[tuple[Session, tuple[str, ...]]]


def check_sequences(found: Found, limit: int | None, ask: Ask) -> None:
    counts = Counter(path for _, path in found)
    top = sorted(counts, key=lambda path: (-counts[path], path))[: limit or 20]
    labels = {" > ".join(path): [each for each, theirs in found if theirs == path] for path in top}
    others = [each for each, path in found if path not in top]
    expected = labels | ({"(other)": others} if others else {})
    answer = ask(limit=limit)
    assert answer == [
        (label, len(theirs), len({each.rows[0].user_id for each in theirs})) for label, theirs in expected.items()
    ]
    for label, theirs in labels.items():
        assert ask(who=label) == listed(theirs)


def check_edges(found: Found, depth: int, limit: int | None, ask: Ask) -> None:
    paths = [path for _, path in found]
    counts = [Counter(path[step] for path in paths if len(path) > step) for step in range(depth)]
    top = [sorted(count, key=lambda action: (-count[action], action))[: limit or 10] for count in counts]

    def name(path: tuple[str, ...], step: int) -> str:
        return "(end)" if len(path) <= step else path[step] if path[step] in top[step] else "(other)"

    expected = Counter(
        (step + 1, name(path, step), name(path, step + 1))
        for path in paths
        for step in range(min(len(path), depth - 1))
    )
    answer = ask(limit=limit)
    assert {line[:3]: line[3] for line in answer} == expected
    assert len(answer) == len(expected)
    for step in range(1, depth):
        assert sum(line[3] for line in answer if line[0] == step) == sum(len(path) >= step for path in paths)
    if limit is None:
        for step, action, after in expected:
            edge = (step, action, after)
            theirs = [s for s, p in found if len(p) >= step and (step, name(p, step - 1), name(p, step)) == edge]
            assert ask(who=f"{step}: {action} > {after}") == listed(theirs)
