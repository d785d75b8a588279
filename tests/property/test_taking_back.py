"""Loads that are taken back leave the tables of a history without them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from emptying import empty_tables
from footfall.errors import LaterLoadsError
from footfall.results import LoadSummary
from footfall.settings import load_settings
from footfall.tables import first_load
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import undo as undo_verb
from footfall.verbs import verify as verify_verb
from sampling import examples

Write = Callable[..., str]
SLOW = settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TIMES = ["2024-01-01", "2024-02-29 23:59:59", "2024-01-01T00:20:00Z"]
BAD_LINES = ["x,1,1,click,2024-01-01", "1,1,1,,2024-01-01", "3,1,1,click,2024-02-30"]
# What the tables hold; a load is named by its place among those that stand.
STANDING = "with at as (select load_id, rank() over (order by load_id) as n from loads where status = 'loaded') "
HELD = {
    "raw": "select r.interaction_id::text, r.user_id::text, r.product_id::text, r.action, r.timestamp, at.n "
    "from user_interactions_raw as r left join at using (load_id) order by 1",
    "interactions": "select * from interactions order by 1, 2",
    "quarter_hours": "select * from interactions_per_quarter_hour order by 1, 2",
    "users": "select * from interactions_per_user order by 1",
    "products": "select * from interactions_per_product order by 1",
    "days": "select * from user_days order by 1, 2",
    "quarantine": "select at.n, r.line_number, r.item, r.raw_line, r.problems from rejected_interactions as r "
    "left join at using (load_id) order by 1, 2, 3",
    "ledger": "select l.digest, l.rows_read, l.rows_loaded, l.rows_duplicate, l.rows_rejected, l.rows_forgotten "
    "from loads as l join at using (load_id) order by at.n",
    "overlaps": "select a.n, b.n, o.rows_duplicate, o.rows_conflict from load_overlaps as o "
    "left join at as a on a.load_id = o.load_id left join at as b on b.load_id = o.first_load_id order by 1, 2",
    "duplicates": "select a.n, b.n, i::text from load_duplicates as d cross join unnest(d.interaction_ids) as i "
    "left join at as a on a.load_id = d.load_id left join at as b on b.load_id = d.first_load_id order by 1, 2, 3",
}

row = st.tuples(st.integers(1, 8), st.integers(1, 2), st.integers(1, 2), st.sampled_from(["click", "buy"]))
same = st.integers(1, 8).map(
    lambda n: (n, n % 3 + 1, n % 2 + 1, "click")
)  # mostly no conflicts: loads then stand alone
line = st.one_of(same, same, same, same, row, st.sampled_from(BAD_LINES))
files = st.lists(st.lists(line, min_size=1, max_size=10), min_size=2, max_size=5)
# A number below 8 delivers a file, and one below 12 delivers it again, read by another clock perhaps; the others take
# one load or two back, with later loads or not.
steps = st.lists(st.tuples(st.integers(0, 16), st.integers(0, 30), st.integers(0, 30), st.booleans()), max_size=12)
ZONES = ["UTC", "Asia/Tokyo"]


def as_text(line: tuple[int, int, int, str] | str, spell: Callable[[int], str] = str) -> str:
    if isinstance(line, str):
        return line
    number, user, product, action = line
    return f"{spell(number)},{user},{product},{action},{TIMES[number % len(TIMES)]}"


def hold(database: str) -> dict[str, list[Any]]:
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'UTC'")
        return {name: connection.execute((STANDING + query).encode()).fetchall() for name, query in HELD.items()}


def find_standing(database: str) -> list[tuple[int, str]]:
    with psycopg.connect(database) as connection:
        return connection.execute(
            "select load_id, source from loads where status = 'loaded' order by load_id"
        ).fetchall()


def load(database: str, *names: str, zone: str = "UTC", **more: Any) -> LoadSummary:
    settings = load_settings(database_url=database, max_rejected="1.0", source_time_zone=zone)
    return load_verb.load(list(names), settings, **more)


def assert_same_as_loading_the_rest(database: str, empty: Callable[[], str], zones: dict[int, str]) -> None:
    found = verify_verb.verify(load_settings(database_url=database))
    assert (found.drift, found.drift_count) == ((), 0)
    left, rest = hold(database), find_standing(database)
    empty()
    turn_on_user_days(database)
    for load_id, name in rest:
        assert load(database, name, zone=zones[load_id]).exit_code == 0
    assert left == hold(database)


def turn_on_user_days(database: str) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database), with_options=["user-days"])


@pytest.mark.slow
@SLOW
@given(deliveries=files, todo=steps)
# Three loads meet one row, and the middle one goes first.
@example(
    [[(1, 1, 1, "click")], [(1, 1, 1, "click"), (2, 1, 1, "click")], [(1, 1, 1, "click")]],
    [(0, 0, 0, False), (1, 0, 0, False), (2, 0, 0, False), (12, 1, 1, False), (12, 0, 0, False)],
)
# A file repeats a row that it found: of two, one passes.
@example(
    [[(1, 1, 1, "click")], [(1, 1, 1, "click"), (1, 1, 1, "click")], [(1, 1, 1, "click")]],
    [(0, 0, 0, False), (1, 0, 0, False), (2, 0, 0, False), (12, 0, 0, False)],
)
# A conflict with a load that goes.
@example(
    [[(1, 1, 1, "click")], [(1, 2, 1, "click"), (2, 1, 1, "buy")], [(2, 1, 1, "buy")]],
    [(0, 0, 0, False), (1, 0, 0, False), (2, 0, 0, False), (12, 0, 0, True)],
)
def test_loads_that_are_taken_back_leave_what_loading_the_rest_gives(
    emptied_database: Callable[[], str], write_csv: Write, deliveries: list[list[Any]], todo: list[Any]
) -> None:
    database = emptied_database()
    turn_on_user_days(database)
    names = [write_csv(f"{at}.csv", *map(as_text, lines)) for at, lines in enumerate(deliveries)]
    zones: dict[int, str] = {}
    for what, one, other, with_later in todo:
        standing = [load_id for load_id, _ in find_standing(database)]
        if what < 12 or not standing:
            more = {"again": True, "with_later": with_later, "zone": ZONES[one % 2]} if what >= 8 else {}
            [done] = load(database, names[what % len(names)], **more).loads
            assert done.failure is None or (isinstance(done.failure, LaterLoadsError) and not with_later)
            if done.status == "loaded" and done.load_id:
                zones[done.load_id] = str(more.get("zone", "UTC"))
            continue
        chosen = {standing[one % len(standing)], standing[other % len(standing)]}
        try:
            summary = undo_verb.undo(sorted(chosen), load_settings(database_url=database), with_later=with_later)
        except LaterLoadsError as error:
            assert not with_later
            assert "--with-later" in error.message
        else:
            assert chosen <= {each.load_id for each in summary.loads}
    assert_same_as_loading_the_rest(database, emptied_database, zones)


@pytest.fixture(scope="module")
def pair_of(new_database_of_module: Callable[[], str]) -> Callable[[str], tuple[str, str]]:
    """Give two databases for interaction ids of a type, which keep the days of users."""

    @cache
    def make(kind: str) -> tuple[str, str]:
        pair = new_database_of_module(), new_database_of_module()
        for database in pair:
            schema_verb.upgrade_schema(load_settings(database_url=database, interaction_id_type=kind))
            turn_on_user_days(database)
        return pair

    return make


@pytest.mark.parametrize("path", [0, 1 << 60], ids=["empty-path", "ordinary-path"])
@pytest.mark.parametrize("kind", ["bigint", "text", "uuid"])
def test_every_type_of_ids_is_taken_back(
    pair_of: Callable[[str], tuple[str, str]],
    write_csv: Write,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    path: int,
) -> None:
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", path)
    spell = {"bigint": str, "text": "é{}".format, "uuid": "00000000-0000-0000-0000-{:012}".format}[kind]
    deliveries = [
        [(n, n % 3 + 1, n % 2 + 1, "click") for n in range(1, 40)],
        [(n, n % 3 + 1, n % 2 + 1, "click") for n in (*range(20, 60), 20, 21, 21)],
        [(n, n % 3 + 1, n % 2 + 1, "click") for n in range(50, 10, -1)],
    ]
    names = [write_csv(f"{at}.csv", *(as_text(line, spell) for line in lines)) for at, lines in enumerate(deliveries)]
    for gone in ([1], [1, 2], [2, 3]):
        left, right = map(empty_tables, pair_of(kind))
        load(left, *names)
        summary = undo_verb.undo(gone, load_settings(database_url=left))
        assert [each.load_id for each in summary.loads] == gone
        assert verify_verb.verify(load_settings(database_url=left)).drift == ()
        load(right, *(name for at, name in enumerate(names, 1) if at not in gone))
        assert hold(left) == hold(right)
        load(left, *(names[at - 1] for at in gone))
        assert verify_verb.verify(load_settings(database_url=left)).drift == ()
