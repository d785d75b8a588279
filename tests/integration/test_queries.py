"""Every question against a real PostgreSQL: golden answers, plans, psql, rights, own files, roll-ups.

The golden answers of the large data set come from DuckDB over the same CSV, with its ICU extension for the time zones:
another engine, another text of the question, another table of zones.
"""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import duckdb
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from footfall.answers import asking, catalogue
from footfall.answers.asked import Filters
from footfall.errors import (
    DatabaseBusyError,
    FootfallError,
    QueryError,
    QueryTimeoutError,
    SchemaError,
    UnknownNameError,
)
from footfall.settings import ABBREVIATIONS, load_settings
from footfall.tables import schema
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from putting import SESSIONS, answer, columns_and_rows, in_utc, plan, psql_rows

pytestmark = pytest.mark.matrix  # one case a question, or a word of it

SAMPLE = Path(__file__).parents[2] / "data/sample.csv"
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
STRANGE = "it's \\ \"x\" %s :'y'"  # an action with everything that SQL, psql and the driver could take for their own
# Questions whose answers are tested against plain Python, in files of their own.
ELSEWHERE = {
    "test_behaviour.py": ("funnel", "paths", "sessions"),
    "test_changes.py": ("affinity", "heat-map", "top-movers", "unusual-days"),
}
OTHERS = [name for names in ELSEWHERE.values() for name in names]
QUERY_FILES = sorted(
    (path for path in (Path(asking.__file__).parent / "questions").glob("*.sql") if path.stem not in OTHERS),
    key=lambda path: path.stem,
)
NAMES = [path.stem for path in QUERY_FILES]
MUCH = 1_000_000  # rows; more than any answer here has
PER_TIME = [name for name in NAMES if name.startswith("per-")]
ABOUT_ONE = ("user", "product")
# Questions that list what is empty, with the place of the count; of these, whole answers are compared with lists that
# are walked in plain Python (tests/property/test_people.py).
LISTS_EMPTY = {"active-users": 1, "lifecycle": 2, "retention": 3, "trailing-users": 1}
ALONE = {"retention": 0}  # rows of one interaction alone, where it is not one: of a cohort, no period is over
WALKED = ("lifecycle", "retention", "stickiness", "trailing-users")
PLAN_ROWS = 200_000
Write = Callable[..., str]


def ask(database: str, query: str, *values: object) -> list[Any]:
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'UTC'")
        return connection.execute(query, values).fetchall()


def load(database: str, *names: str) -> None:
    load_verb.load(list(names), load_settings(database_url=database))


@pytest.fixture(scope="module")
def database_of(
    new_database_of_module: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., str]:
    """Give the database of these lines, which tests share that change nothing."""

    @cache
    def give(*lines: str) -> str:
        conninfo = new_database_of_module()
        path = tmp_path_factory.mktemp("shared") / "a.csv"
        path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
        load(conninfo, str(path))
        return conninfo

    return give


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def one_id(name: str) -> dict[str, int]:
    return {"id": 1} if name in ABOUT_ONE else {}


@pytest.fixture(scope="module")
def sample(new_database_of_module: Callable[[], str]) -> str:
    """A database with data/sample.csv."""
    conninfo = new_database_of_module()
    load(conninfo, str(SAMPLE))
    return conninfo


@dataclass(frozen=True)
class Known:
    """A database, and the same rows in DuckDB."""

    database: str
    duck: duckdb.DuckDBPyConnection


def many_rows() -> list[list[Any]]:
    """Make 20,000 rows: five actions, 300 users, 40 products, the days around both changes of the clocks, odd years."""
    rng = random.Random(20240331)
    starts = [utc(2023, 12, 20), utc(2024, 3, 25), utc(2024, 10, 1), utc(2024, 10, 20)]
    actions = ["click", "purchase", "hover", "Ärger, groß", STRANGE]
    moments = [
        datetime.fromtimestamp(rng.choice(starts).timestamp() + rng.randrange(12 * 86_400), UTC).replace(
            microsecond=rng.choice([0, 0, 1, 999_999])
        )
        for _ in range(20_000)
    ]
    for year in (1, 1850, 1950, 9998):
        moments += [utc(year, 6, 15, 23, 7, 13), utc(year, 6, 15, 23, 14, 59, 999_999), utc(year, 6, 16, 0, 0, 0)]
    return [
        [
            number,
            min(int(rng.expovariate(1 / 60)) + 1, 300),
            int(rng.triangular(1, 40, 1)),
            rng.choices(actions, [50, 10, 30, 2, 1])[0],
            moment.isoformat().replace("+00:00", "Z"),
        ]
        for number, moment in enumerate(moments, 1)
    ]


@pytest.fixture(scope="module")
def known(new_database_of_module: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    path = tmp_path_factory.mktemp("known") / "many.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER)
        csv.writer(file, lineterminator="\n").writerows(many_rows())
    conninfo = new_database_of_module()
    load(conninfo, str(path))
    with duckdb.connect() as duck:
        duck.execute("load icu; set timezone = 'UTC'")
        duck.execute(
            """
            create table given as select * from read_csv($path, quote = '"', escape = '"', columns = {
                'interaction_id': 'bigint', 'user_id': 'bigint', 'product_id': 'bigint', 'action': 'varchar',
                'timestamp': 'timestamptz'})""",
            {"path": str(path)},
        )
        yield Known(conninfo, duck)


def counted(name: str, rows: list[Any]) -> list[Any]:
    """Give the rows without those that are empty; of active-users the two columns that other engines know."""
    rows = [row for row in rows if name not in LISTS_EMPTY or row[LISTS_EMPTY[name]]]
    return [row[:2] for row in rows] if name == "active-users" else rows


# golden answers: the sample, by hand

SAMPLE_ANSWERS: dict[str, list[Any]] = {
    "actions": [("click", 3), ("purchase", 2), ("hover", 1), ("readmore_click", 1)],
    "active-users": [
        (date(2024, 3, day), count, day < 5, None) for day, count in [(1, 1), (2, 1), (3, 2), (4, 1), (5, 1)]
    ],
    "lifecycle": [
        (date(2024, 2, 26), "new", 2, False),
        (date(2024, 2, 26), "returning", 0, False),
        (date(2024, 2, 26), "resurrecting", 0, False),
        (date(2024, 2, 26), "dormant", None, False),
        (date(2024, 3, 4), "new", 1, False),
        (date(2024, 3, 4), "returning", 1, False),
        (date(2024, 3, 4), "resurrecting", 0, False),
        (date(2024, 3, 4), "dormant", None, False),
    ],
    "new-users": [(date(2024, 3, 1), 1), (date(2024, 3, 2), 1), (date(2024, 3, 4), 1)],
    "per-day": [(date(2024, 3, day), count) for day, count in [(1, 2), (2, 1), (3, 2), (4, 1), (5, 1)]],
    "per-hour": [(utc(2024, 3, day), count) for day, count in [(1, 2), (2, 1), (3, 2), (4, 1), (5, 1)]],
    "per-month": [(date(2024, 3, 1), 7)],
    "per-week": [(date(2024, 2, 26), 5), (date(2024, 3, 4), 2)],
    "product": [
        (date(2024, 3, 5), "purchase 1", "purchase", 2, utc(2024, 3, 5), 1),
        (date(2024, 3, 3), "hover 1", "hover", 2, utc(2024, 3, 3), 1),
        (date(2024, 3, 2), "click 1", "click", 2, utc(2024, 3, 2), 1),
        (date(2024, 3, 1), "click 1", "click", 1, utc(2024, 3, 1), 1),
    ],
    "retention": [
        (date(2024, 2, 26), 2, 0, None, None, False, 1, True),
        (date(2024, 2, 26), 2, 1, None, None, False, 1, True),
        (date(2024, 3, 4), 1, 0, None, None, False, 1, True),
    ],
    "stickiness": [(days, 1, 1 / 3, None, None) for days in (1, 2, 3)],
    "top-products": [(1, 4), (2, 2), (3, 1)],
    "top-users": [(1, 3), (2, 3), (3, 1)],
    "trailing-users": [
        (date(2024, 3, day), count, None, None, None, day < 5)
        for day, count in [(1, 1), (2, 1), (3, 2), (4, 1), (5, 1)]
    ],
    "user": [
        (date(2024, 3, 3), "purchase 1", "purchase", 2, utc(2024, 3, 3), 1),
        (date(2024, 3, 1), "click 1, readmore_click 1", "readmore_click", 2, utc(2024, 3, 1), 2),
    ],
}


def test_every_question_of_ours_has_a_golden_answer() -> None:
    assert sorted(SAMPLE_ANSWERS) == sorted({*EXPECTED, *WALKED}) == sorted(NAMES)
    assert sorted(catalogue.read_catalogue(None)) == sorted([*NAMES, *OTHERS])


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_gives_the_answer_that_was_counted_by_hand(sample: str, name: str) -> None:
    assert answer(sample, name, **one_id(name)) == SAMPLE_ANSWERS[name]


# golden answers: many rows, by DuckDB

# `kept` has the rows that the filters let through, `local` what the clocks of the zone showed.
KEPT = """
    with kept as (
        select *, timezone($zone, timestamp) as local from given
        where ($since is null or timestamp >= $since::timestamptz)
            and ($until is null or timestamp < $until::timestamptz)
            and ($action is null or action = $action) and ($user is null or user_id = $user)
            and ($product is null or product_id = $product)
    )
"""
TIMES = "from kept group by all order by 1 limit $limit"
ONE = """
    , daily as (select local::date as day, action, count(*) as n from kept group by all)
    , words as (
        select day, string_agg(action || ' ' || n, ', ' order by n desc, action) as actions, sum(n)::bigint as n
        from daily group by day)
    , last as (
        select distinct on (local::date) local::date as day, action, {other}, timestamp
        from kept order by local::date, timestamp desc, interaction_id desc)
    select day, actions, action, {other}, timestamp, n from words join last using (day)
    order by day desc limit $limit
"""
EXPECTED = {
    "actions": "select action, count(*) as n from kept group by action order by n desc, action limit $limit",
    "active-users": f"select date_trunc($per, local)::date as day, count(distinct user_id) {TIMES}",
    "new-users": """
        , firsts as (
            select min(timestamp) as first_at from given
            where ($until is null or timestamp < $until::timestamptz)
                and ($action is null or action = $action) and ($user is null or user_id = $user)
                and ($product is null or product_id = $product)
            group by user_id)
        select timezone($zone, first_at)::date as day, count(*) from firsts
        where $since is null or first_at >= $since::timestamptz group by all order by 1 limit $limit""",
    "per-day": f"select local::date as day, count(*) {TIMES}",
    "per-hour": f"select timestamp - (local - date_trunc('hour', local)) as hour, count(*) {TIMES}",
    "per-month": f"select date_trunc('month', local)::date as month, count(*) {TIMES}",
    "per-week": f"select date_trunc('week', local)::date as week, count(*) {TIMES}",
    "product": ONE.format(other="user_id"),
    "top-products": "select product_id, count(*) as n from kept group by all order by n desc, 1 limit $limit",
    "top-users": "select user_id, count(*) as n from kept group by all order by n desc, 1 limit $limit",
    "user": ONE.format(other="product_id"),
}
FILTERS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "since a day": {"since": "2024-03-31"},
    "a day": {"since": "2024-10-27", "until": "2024-10-28"},
    "inside a quarter hour": {"since": "2024-03-31T00:07:11", "until": "2024-10-27T02:33:00.000001"},
    "within one quarter hour": {"since": "2024-03-30T12:01", "until": "2024-03-30T12:14:59.999999"},
    "an offset": {"since": "2024-03-30T23:50:00+05:45", "until": "2024-04-01T01:10:01-03:30"},
    "old years": {"until": "1960-01-01"},
    "far years": {"since": "2030-01-01", "until": "9999-01-01"},
    "an action": {"action": "purchase"},
    "a strange action": {"action": STRANGE, "until": "2024-10-25T17:20"},
    "a user": {"user": 3},
    "a product": {"product": 2},
    "a user and a product": {"user": 3, "product": 2},
    "everything": {
        "since": "2024-03-26",
        "until": "2024-10-27T23:59",
        "action": "click",
        "user": 5,
        "product": 4,
        "limit": 2,
    },
    "nobody": {"user": 9_223_372_036_854_775_807},
    "a limit": {"limit": 3},
    "no limit to speak of": {"limit": 9_223_372_036_854_775_807},
}
ZONES = ("UTC", "Europe/Vienna", "Australia/Lord_Howe", "Asia/Kathmandu")


def expected(known: Known, name: str, zone: str, **filters: Any) -> list[Any]:
    """Ask DuckDB the same."""

    def moment(given: str | None) -> str | None:
        if given is None:
            return None
        read = datetime.fromisoformat(given)
        return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))).isoformat()

    default_limit = 5 if name.startswith("top-") else MUCH
    values = {
        "zone": zone,
        "since": moment(filters.get("since")),
        "until": moment(filters.get("until")),
        "action": filters.get("action"),
        "user": filters.get("id") if name == "user" else filters.get("user"),
        "product": filters.get("id") if name == "product" else filters.get("product"),
        "per": filters.get("per", "day"),
        "limit": min(filters.get("limit", default_limit), MUCH),
    }
    text = KEPT + EXPECTED[name]
    return known.duck.execute(text, {key: value for key, value in values.items() if f"${key}" in text}).fetchall()


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_question_gives_what_another_engine_gives(known: Known, name: str, filters: dict[str, Any]) -> None:
    if name in ABOUT_ONE:
        filters = {key: value for key, value in filters.items() if key != name} | {"id": 3}
    if name in LISTS_EMPTY:
        filters = {key: value for key, value in filters.items() if key != "limit"}
    for zone in ZONES if "time_zone" in catalogue.read_catalogue(None)[name].parameters else ZONES[:2]:
        assert counted(name, answer(known.database, name, zone, **filters)) == expected(known, name, zone, **filters), (
            zone
        )


@pytest.mark.parametrize("per", ["day", "week", "month"])
@pytest.mark.parametrize("zone", ZONES)
def test_active_users_count_once_in_each_day_week_or_month(known: Known, per: str, zone: str) -> None:
    given = answer(known.database, "active-users", zone, per=per, since="2024-01-01", action="click")
    assert counted("active-users", given) == expected(
        known, "active-users", zone, per=per, since="2024-01-01", action="click"
    )


def test_the_generated_rows_have_ties_so_that_their_order_is_tested(known: Known) -> None:
    counts = Counter(count for _, count in answer(known.database, "top-users", limit=300))
    assert max(counts.values()) > 1


def test_of_users_with_equal_counts_the_lowest_number_comes_first(database: str, write_csv: Write) -> None:
    load(database, write_csv("a.csv", *(f"{n},{user},1,click,2024-01-01" for n, user in enumerate([10, 9, 100], 1))))
    assert answer(database, "top-users") == [(9, 1), (10, 1), (100, 1)]
    assert answer(database, "top-users", since="2023-01-01") == [(9, 1), (10, 1), (100, 1)]


def test_a_range_that_is_empty_is_an_empty_answer(known: Known) -> None:
    assert answer(known.database, "per-day", since="2024-03-30", until="2024-03-30") == []


# plans at 200,000 rows


@pytest.fixture(scope="module")
def large(new_database_of_module: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with 200,000 rows in the order of time, vacuumed and analyzed."""
    rng = random.Random(7)
    lines = []
    for number in range(1, PLAN_ROWS + 1):
        at = datetime.fromtimestamp(1_704_067_200 + number * 100, UTC)  # from 2024-01-01 on, 231 days
        words = f"{int(rng.expovariate(1 / 2_000)) + 1},{rng.randint(1, 500)},{rng.choice(['click', 'buy', 'see'])}"
        lines.append(f"{number},{words},{at:%Y-%m-%dT%H:%M:%SZ}\n")
    path = tmp_path_factory.mktemp("large") / "large.csv"
    path.write_text(HEADER + "".join(lines))
    conninfo = new_database_of_module()
    load(conninfo, str(path))
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("vacuum analyze")
    return conninfo


@pytest.fixture(scope="module")
def large_with_days(large: str, new_database_of_module: Callable[[], str], tmp_path_factory: Any) -> str:
    """A database with 20,000 of the rows that keeps the days of users."""
    path = tmp_path_factory.mktemp("days") / "rows.csv"
    with psycopg.connect(large) as connection, path.open("wb") as file:
        rows = "select interaction_id, user_id, product_id, action, timestamp from user_interactions_raw"
        connection.execute("set timezone to 'UTC'")
        with connection.cursor().copy(
            f"copy ({rows} where interaction_id <= 20000) to stdout (format csv, header)"
        ) as copy:
            file.writelines(copy)
    conninfo = new_database_of_module()
    schema_verb.upgrade_schema(load_settings(database_url=conninfo), with_options=["user-days"])
    load(conninfo, str(path))
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("vacuum analyze")
    return conninfo


@pytest.mark.slow
@pytest.mark.parametrize("who", SESSIONS)
@pytest.mark.parametrize("name", [*PER_TIME, "actions", "top-products", "top-users"])
def test_without_filters_the_roll_ups_answer_and_no_raw_row_is_read(large: str, name: str, who: str) -> None:
    given = plan(large, who, name)
    assert given.of("user_interactions_raw") == []
    assert "interactions_of_quarter_hours" not in given.functions()


@pytest.mark.slow
@pytest.mark.parametrize("who", SESSIONS)
@pytest.mark.parametrize("name", [*PER_TIME, "actions"])
def test_whole_days_are_counted_without_a_raw_row(large: str, name: str, who: str) -> None:
    given = plan(large, who, name, "Asia/Kolkata", since="2024-03-01", until="2024-03-04", action="click")
    assert given.of("user_interactions_raw") == []
    assert "interactions_of_quarter_hours" not in given.functions()


@pytest.mark.parametrize("who", SESSIONS)
@pytest.mark.parametrize("name", ["top-users", "top-products"])
def test_the_top_are_the_first_of_an_index(large: str, name: str, who: str) -> None:
    given = plan(large, who, name)
    assert f"interactions_per_{name[4:-1]}_count_idx" in given.indexes()
    assert max(node["Actual Rows"] for node in given.nodes) <= 5


@pytest.mark.parametrize("who", SESSIONS)
@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("per-day", {"user": 3}),
        ("per-hour", {"product": 3}),
        ("top-users", {}),
        ("top-products", {"action": "click"}),
        ("active-users", {}),
        ("new-users", {"action": "click"}),
        ("stickiness", {}),
    ],
)
def test_a_few_days_of_raw_rows_are_found_by_the_index_on_time(
    large: str, name: str, filters: dict[str, Any], who: str
) -> None:
    given = plan(large, who, name, since="2024-03-01", until="2024-03-04", **filters)
    assert set(given.of("user_interactions_raw")) == {"Bitmap Heap Scan"}
    assert "user_interactions_raw_timestamp_idx" in given.indexes()


@pytest.mark.parametrize("who", SESSIONS)
@pytest.mark.parametrize("name", ["active-users", *WALKED])
def test_with_the_days_of_users_no_raw_row_is_read(large_with_days: str, name: str, who: str) -> None:
    given = plan(large_with_days, who, name, "Asia/Kathmandu")
    assert given.of("user_interactions_raw") == []
    assert given.of("user_days")


@pytest.mark.parametrize("who", SESSIONS)
def test_first_days_of_all_are_kept_by_user(large: str, who: str) -> None:
    assert plan(large, who, "new-users").of("user_interactions_raw") == []


@pytest.mark.parametrize("who", SESSIONS)
def test_the_products_of_one_user_are_found_by_the_key_of_the_counts(large: str, who: str) -> None:
    given = plan(large, who, "top-products", user=3)
    assert given.of("user_interactions_raw") == []
    assert given.indexes() == {"interactions_pkey"}
    assert "Seq Scan" not in given.of("interactions")


@pytest.mark.parametrize(
    "filters", [{}, {"since": "2024-03-01", "until": "2024-03-04"}, {"user": 3}, {"action": "buy", "limit": 3}]
)
@pytest.mark.parametrize("name", NAMES)
def test_no_plan_is_compiled(large: str, name: str, filters: dict[str, Any]) -> None:
    more = {key: value for key, value in filters.items() if key != name} | one_id(name)
    if name in WALKED:
        more.pop("user", None)
    assert not plan(large, "psql", name, "Europe/Vienna", **more).has_jit


# psql


@pytest.mark.parametrize("path", QUERY_FILES, ids=NAMES)
def test_each_file_runs_in_psql_as_it_is(known: Known, path: Path) -> None:
    ours = answer(known.database, path.stem, **one_id(path.stem))
    assert ours
    assert psql_rows(known.database, "-f", str(path), like=ours) == ours


@pytest.mark.parametrize("path", QUERY_FILES, ids=NAMES)
def test_a_variable_of_psql_is_a_filter_of_ours(known: Known, path: Path) -> None:
    filters = {"since": "2024-03-31T01:07:00Z", "action": "click", "limit": 7} | one_id(path.stem)
    ours = answer(known.database, path.stem, **filters)
    variables = ["-v", "since=2024-03-31T01:07:00Z", "-v", "action=click", "-v", "limit=7"]
    assert ours
    assert psql_rows(known.database, *variables, "-f", str(path), like=ours) == ours


@pytest.mark.parametrize("path", QUERY_FILES, ids=NAMES)
def test_a_strange_action_is_only_a_value_in_psql(known: Known, path: Path) -> None:
    ours = answer(known.database, path.stem, action=STRANGE, **one_id(path.stem))
    assert ours
    assert psql_rows(known.database, "-v", f"action={STRANGE}", "-f", str(path), like=ours) == ours


# --sql


@pytest.mark.parametrize("name", NAMES)
def test_the_sql_that_is_shown_gives_the_same_rows(known: Known, name: str, tmp_path: Path) -> None:
    filters = {"since": "2024-03-31T02:30", "until": "2024-10-27", "action": STRANGE} | one_id(name)
    settings = load_settings(database_url=known.database, reporting_time_zone="Europe/Vienna")
    text = query_verb.query_sql(settings, name, Filters(**filters))
    ours = answer(known.database, name, "Europe/Vienna", **filters)
    assert ours
    with psycopg.connect(known.database) as connection:
        shown = connection.execute(text.encode()).fetchall()
    if name == "per-hour":  # an hour is written out as the clock showed it
        shown = [(datetime.fromisoformat(hour), count) for hour, count in shown]
    assert [tuple(in_utc(cell) for cell in row) for row in shown] == ours
    (tmp_path / "shown.sql").write_text(text, encoding="utf-8")
    assert psql_rows(known.database, "-f", str(tmp_path / "shown.sql"), like=ours) == ours


def test_the_sql_that_is_shown_names_a_schema_of_ones_own(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=database, schema='my "own"')
    load_verb.load([write_csv("a.csv", "1,7,1,click,2024-01-01")], settings)
    with psycopg.connect(database) as connection:
        text = query_verb.query_sql(settings, "top-users", Filters())
        cursor = connection.execute(text.encode())
        cursor.nextset()
        assert cursor.fetchall() == [(7, 1)]


def test_questions_are_put_to_a_schema_of_ones_own(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=database, schema='my "own"', reporting_time_zone="Europe/Vienna")
    load_verb.load([write_csv("a.csv", "1,1,1,click,2024-03-30T23:30Z")], settings)
    for name in NAMES:
        with query_verb.query(settings, name, Filters(since="2024-03-31", **one_id(name))) as given:
            assert len(counted(name, list(given.rows))) == ALONE.get(name, 1), name


@pytest.mark.parametrize("name", NAMES)
def test_an_action_that_nobody_did_is_no_row_whatever_it_holds(known: Known, name: str) -> None:
    for action in ("'; drop table interactions; --", "%(since)s", "%s %", "$1", "\\", ":'since'", "click'"):
        assert counted(name, answer(known.database, name, action=action, **one_id(name))) == []


# late rows


def test_late_rows_change_the_days_they_belong_to_and_no_other(database: str, write_csv: Write) -> None:
    load(database, write_csv("a.csv", *(f"{n},1,1,click,2024-06-{n:02} 12:00" for n in range(1, 11))))
    before = dict(answer(database, "per-day"))
    late = ["11,2,1,click,2024-06-03 23:59:59", "12,2,2,buy,2019-12-31 23:00", "13,2,2,buy,2024-06-03 00:00"]
    load(database, write_csv("late.csv", *late, "1,1,1,click,2024-06-01 12:00"))
    changed = {day: count for day, count in answer(database, "per-day") if before.get(day) != count}
    assert changed == {date(2024, 6, 3): 3, date(2019, 12, 31): 1}


# read-only for real


def own(folder: Path, name: str, text: str | bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def state(database: str) -> list[Any]:
    return ask(
        database,
        """
        select (select count(*) from user_interactions_raw), (select count(*) from interactions),
            (select sum(interaction_count) from interactions), (select count(*) from loads),
            (select last_value from loads_load_id_seq), (select count(*) from pg_class)""",
    )


@pytest.mark.parametrize(
    "text",
    [
        "insert into interactions values (9, 9, 9) returning user_id",
        "with gone as (delete from interactions returning user_id) select user_id from gone",
        "select nextval('loads_load_id_seq') as number",
        "select setval('loads_load_id_seq', 99) as number",
        "create table mine as select 1 as one",
        "select user_id from interactions for update",
        "select 1 as one; drop table interactions",
        "commit; drop table interactions",
        "commit; drop table interactions;",
        "rollback; begin read write; delete from interactions",
        "do $$ begin delete from interactions; end $$",
        "drop table interactions",
        "commit",
        "set transaction read write",
        "copy (select 1) to program 'true'",
        "-- a comment\n/* and another */ copy interactions to '/dev/null'",
        "explain analyze select 1",
    ],
)
def test_an_own_query_that_would_write_is_refused_and_changes_nothing(
    database_of: Callable[..., str], tmp_path: Path, text: str
) -> None:
    database = database_of("1,1,1,click,2024-01-01")
    before = state(database)
    folder = own(tmp_path / "own", "write.sql", text)
    with pytest.raises(QueryError, match=r"write\.sql"):
        answer(database, "write", folder=folder)
    assert state(database) == before


def test_an_own_query_cannot_make_its_session_writable(database: str, write_csv: Write, tmp_path: Path) -> None:
    load(database, write_csv("a.csv", "1,1,1,click,2024-01-01"))
    text = "select set_config('transaction_read_only', 'off', false) as x, nextval('loads_load_id_seq') as number"
    before = state(database)
    with pytest.raises(QueryError, match=r"write\.sql"):
        answer(database, "write", folder=own(tmp_path / "own", "write.sql", text))
    assert state(database) == before


# own queries

PAIRS = r"""-- Pairs of this action.
-- Grain: one row per pair.
\if :{?action} \else \set action 'it''s' \endif
\if :{?limit} \else \set limit 10 \endif

select
    user_id, -- '10 % of :nobody''s business'
    product_id,
    :'action' as action,
    1 % 1 as rest
from interactions
order by 1, 2
limit :'limit'::bigint;
"""


def test_an_own_query_is_in_the_list_with_its_file(tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "pairs.sql", PAIRS)
    listed = query_verb.query_list(load_settings(queries_folder=folder))
    rows = list(listed.rows)
    assert listed.columns == ("name", "answers", "group", "file")
    assert ("pairs", "Pairs of this action.", "Your own", str(folder / "pairs.sql")) in rows
    assert {row[0] for row in rows} == {*NAMES, *OTHERS, "pairs"}


def test_an_own_query_has_its_defaults(sample: str, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "pairs.sql", PAIRS)
    given = answer(sample, "pairs", folder=folder)
    assert [row[2:] for row in given] == [("it's", 0)] * 4


def test_an_own_query_has_parameters_that_the_options_fill(sample: str, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "pairs.sql", PAIRS)
    assert answer(sample, "pairs", folder=folder, action=STRANGE, limit=1) == [(1, 1, STRANGE, 0)]


def test_an_own_query_runs_in_psql_as_it_is(sample: str, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "pairs.sql", PAIRS)
    ours = answer(sample, "pairs", folder=folder)
    assert psql_rows(sample, "-f", str(folder / "pairs.sql"), like=ours) == ours


def test_an_own_query_sees_the_reporting_time_zone(sample: str, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "zone.sql", "select current_setting('TimeZone') as zone")
    assert answer(sample, "zone", "Asia/Kathmandu", folder=folder) == [("Asia/Kathmandu",)]


def test_an_own_query_without_rows_has_its_columns(sample: str, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "none.sql", "select 1 as one, 'a' as b where false")
    assert columns_and_rows(sample, "none", folder=folder) == (("one", "b"), [])


def test_a_long_answer_of_an_own_query_comes_whole(sample: str, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "long.sql", "select n from generate_series(1, 12345) as n")
    assert answer(sample, "long", folder=folder) == [(n,) for n in range(1, 12_346)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("select :'nobody' as x", r"bad\.sql line 1: :'nobody' has no default"),
        ("select\n    1 as one\nfrom nowhere_at_all", r"bad\.sql line 3: .*nowhere_at_all"),
        ("-- Nothing.\n\nselect 1 as one\nfro interactions", r"bad\.sql line 4: syntax error"),
        (
            "\\if :{?action} \\else \\set action 'a' \\endif\nselect :'action' as a,\n  no_such_column\nfrom loads",
            r"bad\.sql line 3: .*no_such_column",
        ),
        ("select 1 / 0 as x", r"bad\.sql: division by zero"),
        (
            "\\if :{?action} \\else \\set action 'a' \\endif\nselect 1 as a,\n  :\"action\"",
            r"bad\.sql line 3: :\"action\": write :'action'",
        ),
        (
            "\\if :{?limit} \\else \\set limit 1 \\endif\nselect 1 as a\nlimit :limit",
            r"bad\.sql line 3: :limit: write :'limit'",
        ),
        (b"select 'caf\xe9' as x", r"bad\.sql: the query is not UTF-8 \(byte 11\)"),
        ("", r"bad\.sql: the file is empty"),
        ("\\timing on\nselect 1 as one", r"bad\.sql line 1: .*only defaults"),
        ("\\if :{?limit} \\else \\set limt 1 \\endif\nselect 1 as a", r"bad\.sql line 1: .*only defaults"),
    ],
)
def test_what_is_wrong_with_an_own_query_is_said_with_its_file(
    sample: str, tmp_path: Path, content: str | bytes, says: str
) -> None:
    folder = own(tmp_path / "own", "bad.sql", content)
    with pytest.raises(QueryError, match=says) as caught:
        answer(sample, "bad", folder=folder)
    assert caught.value.exit_code == 2


def test_columns_twice_are_refused_where_there_is_no_row(sample: str, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "bad.sql", "select 1 as a, 2 as a where false")
    with pytest.raises(QueryError, match=r"bad\.sql: two columns are called 'a'"):
        answer(sample, "bad", folder=folder)


def test_an_error_that_comes_after_many_rows_is_said_with_its_file(sample: str, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "late.sql", "select 10 / (5000 - n) as x from generate_series(1, 6000) as n")
    with pytest.raises(QueryError, match=r"late\.sql: division by zero"):
        answer(sample, "late", folder=folder)


def test_a_name_that_is_taken_is_refused_with_its_file(tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "per-day.sql", "select 1 as one")
    with pytest.raises(QueryError, match=r"per-day\.sql: there is a query 'per-day' already"):
        query_verb.query_list(load_settings(queries_folder=folder))


def test_a_name_that_cannot_be_typed_with_ease_is_refused_with_its_file(tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "My Query.sql", "select 1 as one")
    with pytest.raises(QueryError, match=r"My Query\.sql: the name"):
        query_verb.query_list(load_settings(queries_folder=folder))


def test_a_folder_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"nowhere: the folder of your queries cannot be read"):
        query_verb.query_list(load_settings(queries_folder=tmp_path / "nowhere"))


def test_other_files_of_the_folder_are_no_queries(tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "README.md", "# hello")
    own(folder, ".hidden.sql", "select")
    listed = query_verb.query_list(load_settings(queries_folder=folder))
    assert sorted(row[0] for row in listed.rows) == sorted([*NAMES, *OTHERS])


def test_an_unknown_name_is_refused_with_the_list_of_all(sample: str) -> None:
    with pytest.raises(UnknownNameError, match="per-dya") as caught:
        answer(sample, "per-dya")
    assert [name for name in [*NAMES, *OTHERS] if name not in str(caught.value)] == []


# time-out and rights


def test_a_question_that_takes_too_long_is_ended(sample: str, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "sleep.sql", "select pg_sleep(5) as slept")
    settings = load_settings(database_url=sample, queries_folder=folder, query_timeout_seconds=1)
    with (
        pytest.raises(QueryTimeoutError, match="sleep: it took longer than 1 s") as caught,
        query_verb.query(settings, "sleep", Filters()) as given,
    ):
        list(given.rows)
    assert caught.value.exit_code == 2


@pytest.fixture(scope="module")
def reader(cluster: Any, database_of: Callable[..., str]) -> Iterator[str]:
    """A role that was granted to read, in a database with one row: its conninfo."""
    database = database_of("1,1,1,click,2024-03-31T00:07:00Z")
    name = str(conninfo_to_dict(database)["dbname"])
    role = sql.Identifier(f"{name}_reader")
    with psycopg.connect(cluster.admin, dbname=name, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login").format(role))
        schema_verb.grant_reading(load_settings(database_url=database), f"{name}_reader")
        yield make_conninfo(database, user=f"{name}_reader")
        connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(role))


def test_a_granted_role_can_ask_every_question(reader: str) -> None:
    for name in NAMES:
        filters = {"since": "2024-03-31T00:05:00Z"} | one_id(name)
        assert len(counted(name, answer(reader, name, "Europe/Vienna", **filters))) == ALONE.get(name, 1), name


def test_a_granted_role_can_read_the_views(reader: str) -> None:
    for view in ("interactions_per_hour", "interactions_per_day", "interactions_per_action"):
        counted = ask(reader, sql.SQL("select sum(interaction_count) from {}").format(sql.Identifier(view)))
        assert counted == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "delete from interactions_per_quarter_hour",
        "insert into interactions_per_user values (9, 9)",
        "update interactions_per_product set interaction_count = 9",
        "select nextval('loads_load_id_seq')",
    ],
)
def test_a_granted_role_cannot_write(reader: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(reader, statement)


# nothing there

COLUMNS = {
    "actions": ("action", "interaction_count"),
    "active-users": ("day", "user_count", "is_complete", "previous_user_count"),
    "lifecycle": ("period", "state", "user_count", "is_complete"),
    "new-users": ("day", "user_count"),
    "per-day": ("day", "interaction_count"),
    "per-hour": ("hour", "interaction_count"),
    "per-month": ("month", "interaction_count"),
    "per-week": ("week", "interaction_count"),
    "product": ("day", "actions", "last_action", "last_user_id", "last_at", "interaction_count"),
    "retention": (
        *("cohort", "cohort_size", "period_number", "user_count", "share", "is_complete"),
        *("cohort_count", "may_include_older"),
    ),
    "stickiness": ("days_active", "user_count", "share", "period", "is_complete"),
    "top-products": ("product_id", "interaction_count"),
    "top-users": ("user_id", "interaction_count"),
    "trailing-users": ("day", "dau_count", "wau_count", "mau_count", "dau_share_of_mau", "is_complete"),
    "user": ("day", "actions", "last_action", "last_product_id", "last_at", "interaction_count"),
}


def test_tables_without_rows_give_empty_answers_with_their_columns(database: str) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    given = {name: columns_and_rows(database, name, **one_id(name)) for name in NAMES}
    assert given == {name: (COLUMNS[name], []) for name in NAMES}


def test_a_database_without_tables_is_exit_6(database: str) -> None:
    for name in NAMES:
        with pytest.raises(SchemaError, match="footfall load") as caught:
            answer(database, name, **one_id(name))
        assert caught.value.exit_code == 6


def test_tables_of_before_the_roll_ups_are_exit_6(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made_by_the_first_migration(database, monkeypatch)
    with pytest.raises(SchemaError, match="footfall schema apply"):
        answer(database, "per-day")


# the views

VIEWS = {
    "interactions_per_hour": "date_trunc('hour', timestamp, current_setting('TimeZone'))",
    "interactions_per_day": "(timestamp at time zone current_setting('TimeZone'))::date",
}


@pytest.mark.parametrize("zone", [*ZONES, "America/St_Johns"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_over_time_is_the_recount_in_the_zone_of_the_session(known: Known, view: str, zone: str) -> None:
    words = {"view": sql.Identifier(view), "time": sql.SQL(VIEWS[view])}  # type: ignore[arg-type]
    with psycopg.connect(known.database) as connection:
        connection.execute("select set_config('TimeZone', %s, false)", [zone])
        difference = connection.execute(
            sql.SQL(
                """
                with recount as (select {time}, action, count(*) from user_interactions_raw group by 1, 2)
                (table recount except all select * from {view}) union all
                (select * from {view} except all table recount)"""
            ).format(**words)
        ).fetchall()
        row = connection.execute(sql.SQL("select sum(interaction_count) from {view}").format(**words)).fetchone()
    assert difference == []
    assert row == (20_012,)


def test_the_view_of_actions_is_their_recount(known: Known) -> None:
    counted = ask(known.database, "select action, interaction_count from interactions_per_action order by 1")
    assert counted == ask(known.database, "select action, count(*) from user_interactions_raw group by 1 order by 1")


def test_everything_of_ours_has_a_comment(sample: str) -> None:
    silent = ask(
        sample,
        """
        select c.relname || coalesce('.' || a.attname, '')
        from pg_class as c
        left join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
            and (col_description(c.oid, a.attnum) is null or obj_description(c.oid, 'pg_class') is null)
        union all
        select p.proname from pg_proc as p
        where p.pronamespace = 'public'::regnamespace and obj_description(p.oid, 'pg_proc') is null""",
    )
    assert silent == []


# the upgrade


def made_by_the_first_migration(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the tables as the first Footfall did, and fill them by hand."""
    first = schema.list_migrations()[:1]
    with monkeypatch.context() as patch:
        patch.setattr(schema, "list_migrations", lambda: first)
        schema_verb.upgrade_schema(load_settings(database_url=database))
    with psycopg.connect(database) as connection:
        connection.execute(
            """
            insert into loads values (1, 'old.csv', 'd', 1, 'loaded', null, 400, 400, 0, 0, 'c', now(), now(), '0');
            insert into user_interactions_raw
            select n, n % 7 + 1, n % 3 + 1, case when n % 5 = 0 then 'buy' else 'click' end,
                timestamptz '1899-12-31 23:07:00Z' + n * interval '100 days 7 minutes 1.5 seconds', 1
            from generate_series(1, 400) as n;
            insert into interactions
            select user_id, product_id, count(*) from user_interactions_raw group by 1, 2"""
        )


RECOUNTS = {
    "interactions_per_quarter_hour": """
        select to_timestamp(floor(extract(epoch from timestamp) / 900) * 900), action, count(*)
        from user_interactions_raw group by 1, 2 order by 1, 2""",
    "interactions_per_user": """
        select user_id, count(*), min(timestamp), max(timestamp) from user_interactions_raw group by 1 order by 1""",
    "interactions_per_product": "select product_id, count(*) from user_interactions_raw group by 1 order by 1",
}


def test_an_upgrade_counts_what_is_there_already(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made_by_the_first_migration(database, monkeypatch)
    assert "0002_roll_ups.sql" in schema_verb.upgrade_schema(load_settings(database_url=database))
    for table, recount in RECOUNTS.items():
        kept = ask(database, sql.SQL("select * from {} order by 1, 2").format(sql.Identifier(table)))
        assert kept == ask(database, recount)
        assert kept


def test_after_an_upgrade_the_recount_finds_no_drift(
    database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_by_the_first_migration(database, monkeypatch)
    settings = load_settings(database_url=database)
    schema_verb.upgrade_schema(settings)
    assert verify_verb.verify(settings).drift == ()
    load(database, write_csv("a.csv", "1000,1,1,click,1899-12-31 23:07:00Z", "400,9,9,no,2024-01-01"))
    assert verify_verb.verify(settings).drift == ()


def test_a_refusal_is_an_error_of_ours(sample: str, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "odd.sql", "select pg_cancel_backend(pg_backend_pid()) as me")
    with pytest.raises(FootfallError) as caught:
        answer(sample, "odd", folder=folder)
    assert not isinstance(caught.value, QueryTimeoutError)


def test_a_bound_that_is_met_after_the_first_row_is_known_for_what_it_is(sample: str, tmp_path: Path) -> None:
    text = "select n, case when n > 1500 then pg_sleep(0.01) end as slept from generate_series(1, 3000) as n"
    settings = load_settings(
        database_url=sample, queries_folder=own(tmp_path / "own", "slow.sql", text), query_timeout_seconds=1
    )
    with pytest.raises(QueryTimeoutError), query_verb.query(settings, "slow", Filters()) as given:
        list(given.rows)


@pytest.mark.slow
def test_a_table_that_another_session_holds_is_said_to_be_held(database: str, write_csv: Write) -> None:
    load(database, write_csv("a.csv", "1,1,1,click,2024-01-01"))
    with psycopg.connect(database) as holder:
        holder.execute("lock table user_interactions_raw, interactions_per_user in access exclusive mode")
        # A tenth of it has to do for what comes before the wait for the lock.
        settings = load_settings(database_url=database, query_timeout_seconds=10)
        with (
            pytest.raises(DatabaseBusyError, match="another session holds"),
            query_verb.query(settings, "top-users", Filters()),
        ):
            pass


@pytest.fixture(scope="module")
def answers_before(database_of: Callable[..., str]) -> tuple[str, dict[str, list[Any]]]:
    """A database with a function of somebody beside ours, and the answers that it gave before that one was made."""
    database = database_of("1,1,1,click,2024-01-01", "2,1,1,view,2024-01-02")
    before = {name: answer(database, name) for name in sorted(set(NAMES) - set(ABOUT_ONE))}
    with psycopg.connect(database) as connection:
        connection.execute(
            """
            create function interactions_over_time(
                time_zone text, since text, until text, action text, user_id bigint, product_id bigint
            ) returns table (at timestamptz, action text, interaction_count bigint)
            language sql as $$ select now(), 'taken', 666 $$"""
        )
    return database, before


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(ABOUT_ONE)))
def test_a_function_that_somebody_puts_beside_ours_is_not_called(
    answers_before: tuple[str, dict[str, list[Any]]], name: str
) -> None:
    database, before = answers_before
    assert answer(database, name) == before[name]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
@pytest.mark.parametrize("name", NAMES)
def test_the_first_and_the_last_instant_of_the_contract_have_answers(
    database_of: Callable[..., str], name: str, zone: str
) -> None:
    database = database_of("1,1,1,click,0001-01-01T00:00Z", "2,1,1,click,9999-12-31T23:59:59.999999Z")
    settings = load_settings(database_url=database, reporting_time_zone=zone)
    with query_verb.query(settings, name, Filters(**one_id(name))) as given:
        rows = list(given.rows)
    if name in WALKED:
        assert rows
    else:
        assert sum(row[LISTS_EMPTY.get(name, -1)] for row in rows) in (1, 2)
    if name == "per-day":  # Python has no such dates: they come as the server writes them
        days = {"America/New_York": "0001-12-31 BC", "Asia/Tokyo": "10000-01-01"}
        assert days.get(zone) in (None, *(row[0] for row in rows))


def test_a_blank_line_in_a_value_stays_in_the_sql_that_is_shown(sample: str) -> None:
    text = query_verb.query_sql(load_settings(database_url=sample), "actions", Filters(action="a\n\n\n\nb"))
    assert "'a\n\n\n\nb'" in text


def test_a_comment_at_the_end_does_not_swallow_the_end(sample: str, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "mine.sql", "select 1 as one -- the end")
    settings = load_settings(database_url=sample, queries_folder=folder)
    assert query_verb.query_sql(settings, "mine", Filters()) == "select 1 as one -- the end\n;"


def test_every_zone_is_the_same_for_the_server_as_for_us(database: str) -> None:
    """Abbreviations that the server takes for fixed offsets are refused by the settings."""
    instants = [datetime(2024, month, 10, 12, tzinfo=UTC) for month in (1, 4, 7, 10)]
    different = []
    with psycopg.connect(database) as connection:
        for zone in sorted(available_timezones() - set(ABBREVIATIONS)):
            for instant in instants:
                row = connection.execute("select %s::timestamptz at time zone %s", (instant, zone)).fetchone()
                assert row is not None
                if row[0] != instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None):
                    different.append((zone, instant))
    assert different == []


def test_a_grant_by_a_role_that_may_not_give_it_is_refused(cluster: Any, database: str, write_csv: Write) -> None:
    load(database, write_csv("a.csv", "1,1,1,click,2024-01-01"))
    name = str(conninfo_to_dict(database)["dbname"])
    writer, other = sql.Identifier(f"{name}_writer"), sql.Identifier(f"{name}_other")
    with psycopg.connect(cluster.admin, dbname=name, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login; create role {}").format(writer, other))
        connection.execute(sql.SQL("grant select, insert, update on all tables in schema public to {}").format(writer))
        connection.execute(sql.SQL("grant usage on schema public to {}").format(writer))
        try:
            with pytest.raises(SchemaError, match="ask the owner"):
                schema_verb.grant_reading(
                    load_settings(database_url=make_conninfo(database, user=f"{name}_writer")), f"{name}_other"
                )
        finally:
            connection.execute(sql.SQL("drop owned by {0}, {1}; drop role {0}, {1}").format(writer, other))
