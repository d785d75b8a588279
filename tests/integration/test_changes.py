"""Top movers, unusual days, the heat map and affinity against a real PostgreSQL: golden answers, psql, plans, rights.

tests/property/test_changes.py compares them with walked lists.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from footfall.answers import asking
from footfall.answers.asked import Filters
from footfall.errors import QueryError, SchemaError
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from footfall.verbs import schema as schema_verb
from putting import SESSIONS, answer, columns_and_rows, plan, psql_rows

pytestmark = pytest.mark.matrix  # one case a question, or a word of it

Write = Callable[..., str]
QUESTIONS = Path(asking.__file__).parent / "questions"
SAMPLE = Path(__file__).parents[2] / "data/sample.csv"
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
STRANGE = "it's \\ \"x\" %s :'y'"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def load(database: str, *names: str, **settings: Any) -> None:
    load_verb.load(list(names), load_settings(database_url=database, **settings))


@pytest.fixture(scope="module")
def sample(new_database_of_module: Callable[[], str]) -> str:
    conninfo = new_database_of_module()
    load(conninfo, str(SAMPLE))
    return conninfo


# What each is asked with here: few rows are enough for an answer.
ASKED: dict[str, dict[str, Any]] = {
    "affinity": {"id": 1, "minimum": 1},
    "heat-map": {},
    "top-movers": {"per": "day"},
    "unusual-days": {"over_time": True},
}
PSQL = {
    "affinity": ("product_id=1", "minimum=1"),
    "heat-map": (),
    "top-movers": ("per=day",),
    "unusual-days": ("over_time=true",),
}
NAMES = sorted(ASKED)

# golden answers: the sample, by hand

COMPARED = (utc(2024, 3, 4), utc(2024, 3, 4, 0, 0, 0, 1), utc(2024, 3, 5), utc(2024, 3, 5, 0, 0, 0, 1))
SAMPLE_ANSWERS: dict[str, list[Any]] = {
    # Users 1 and 2 used product 1, user 1 alone product 2; there are three users.
    "affinity": [(2, 1, 0.5, 1 * 3 / (2 * 1))],
    # Everything is at midnight; the data are of Friday to Tuesday.
    "heat-map": [(1, 1, 1.0, 1.0), (2, 1, 1.0, 1.0), (5, 2, 1.0, 2.0), (6, 1, 1.0, 1.0), (7, 2, 1.0, 2.0)],
    "top-movers": [("1", 0, 1, 1, 1.0, *COMPARED), ("3", 1, 0, -1, -1.0, *COMPARED)],
    # The fifth is not over: the data end at its midnight. The whole file rejected three rows.
    "unusual-days": [
        (date(2024, 3, 4), 1, None, None, 1, None, 3, 0, 0, 0, 0),
        (date(2024, 3, 3), 2, None, None, 1, None, 3, 0, 0, 0, 0),
        (date(2024, 3, 2), 1, None, None, 1, None, 3, 0, 0, 0, 0),
        (date(2024, 3, 1), 2, None, None, 1, None, 3, 0, 0, 0, 0),
    ],
}


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_gives_the_answer_that_was_counted_by_hand(sample: str, name: str) -> None:
    given = answer(sample, name, **ASKED[name])
    if name == "heat-map":
        assert [(weekday, hour) for weekday, hour, *_ in given] == [(d, h) for d in range(1, 8) for h in range(24)]
        assert {count for _, hour, count, *_ in given if hour} == {0}
        given = [(weekday, *rest) for weekday, hour, *rest in given if not hour and rest[0]]
    assert given == SAMPLE_ANSWERS[name]


COLUMNS = {
    "affinity": ("product_id", "user_count", "share", "lift"),
    "heat-map": ("weekday", "hour", "interaction_count", "hours_in_range", "mean_per_hour"),
    "top-movers": (
        *("key", "before_count", "now_count", "change", "score"),
        *("before_since", "before_until", "now_since", "now_until"),
    ),
    "unusual-days": (
        *("day", "interaction_count", "usual_count", "score", "file_count", "usual_file_count", "rows_rejected"),
        *("arrived_file_count", "arrived_rows_loaded", "arrived_rows_rejected", "failed_file_count"),
    ),
}


def test_tables_without_rows_give_empty_answers_with_their_columns(database: str) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    given = {name: columns_and_rows(database, name, **ASKED[name]) for name in NAMES}
    assert given == {name: (COLUMNS[name], []) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_database_without_tables_is_exit_6(database: str, name: str) -> None:
    with pytest.raises(SchemaError, match="footfall load"):
        answer(database, name, **ASKED[name])


@pytest.mark.parametrize("name", NAMES)
def test_an_action_that_nobody_did_is_nothing_whatever_it_holds(sample: str, name: str) -> None:
    for action in ("'; drop table interactions; --", "%(since)s", "%s %", "$1", "\\", STRANGE):
        given = answer(sample, name, **ASKED[name] | {"action": action})
        counts = {row[COLUMNS[name].index("interaction_count")] for row in given} if name in ("heat-map",) else set()
        assert counts == {0} if name == "heat-map" else all(row[1] == 0 for row in given)


# psql, --sql, schemas


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_file_runs_in_psql_and_its_variables_are_filters(large: str, name: str) -> None:
    ours = answer(large, name, **ASKED[name], since="2024-01-10T00:07Z", action="click")
    assert ours
    words = [word for each in (*PSQL[name], "since=2024-01-10T00:07Z", "action=click") for word in ("-v", each)]
    assert psql_rows(large, *words, "-f", str(QUESTIONS / f"{name}.sql"), like=ours) == ours


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*NAMES} - {"affinity"}))
def test_each_file_runs_in_psql_as_it_is(large: str, name: str) -> None:
    ours = answer(large, name)
    assert psql_rows(large, "-f", str(QUESTIONS / f"{name}.sql"), like=ours) == ours


def test_psql_gives_the_users_of_both_products(large: str) -> None:
    ours = answer(large, "affinity", id=1, who=2)
    assert psql_rows(large, "-v", "who=2", "-f", str(QUESTIONS / "affinity.sql"), like=ours) == ours


@pytest.mark.parametrize("name", NAMES)
def test_the_sql_that_is_shown_gives_the_same_rows(large: str, name: str, tmp_path: Path) -> None:
    asked = ASKED[name] | {"since": "2024-03-31T02:30", "until": "2024-05-27"}
    settings = load_settings(database_url=large, reporting_time_zone="Europe/Vienna")
    (tmp_path / "shown.sql").write_text(query_verb.query_sql(settings, name, Filters(**asked)))
    ours = answer(large, name, "Europe/Vienna", **asked)
    assert ours
    assert psql_rows(large, "-f", str(tmp_path / "shown.sql"), like=ours) == ours


def test_questions_are_put_to_a_schema_of_ones_own(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=database, schema='my "own"')
    load_verb.load([str(SAMPLE)], settings)
    for name in NAMES:
        with query_verb.query(settings, name, Filters(**ASKED[name])) as given:
            assert list(given.rows), name


def test_a_granted_role_can_ask_every_question(database: str, new_role: Callable[..., str]) -> None:
    load(database, str(SAMPLE))
    reader = new_role()
    schema_verb.grant_reading(load_settings(database_url=database), str(conninfo_to_dict(reader)["user"]))
    for name in NAMES:
        assert answer(reader, name, **ASKED[name]) == answer(database, name, **ASKED[name]), name
    with psycopg.connect(reader) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select source from loads")


@pytest.mark.parametrize("name", NAMES)
def test_a_function_that_somebody_puts_beside_ours_is_not_called(database: str, name: str) -> None:
    load(database, str(SAMPLE))
    before = answer(database, name, **ASKED[name])
    with psycopg.connect(database) as connection:
        connection.execute(
            """
            create function interactions_over_time(
                time_zone text, since text, until text, action text, user_id bigint, product_id bigint
            ) returns table (at timestamptz, action text, interaction_count bigint)
            language sql as $$ select now(), 'taken', 666 $$;
            create function periods(per text, time_zone text, since text, until text)
            returns table (period date, begins timestamptz, ends timestamptz, is_complete boolean)
            language sql as $$ select '2024-01-01'::date, now(), now(), true $$"""
        )
    assert answer(database, name, **ASKED[name]) == before


@pytest.mark.parametrize("name", NAMES)
def test_the_first_and_the_last_instant_of_the_contract_have_answers(
    database: str, write_csv: Write, name: str
) -> None:
    load(database, write_csv("a.csv", "1,1,1,click,0001-01-01T00:00Z", "2,1,2,click,9999-12-31T23:59:59.999999Z"))
    for zone in ("UTC", "America/New_York", "Asia/Tokyo"):
        given = answer(database, name, zone, **ASKED[name])
        assert len(given) == {"affinity": 1, "heat-map": 168}.get(name, len(given))


def test_a_time_before_that_the_clock_skips_is_empty_and_hides_nothing(database: str, write_csv: Write) -> None:
    change = "1972-01-07T00:44:30Z"  # midnight in Monrovia: the clock goes on by 44 minutes and 30 seconds
    load(database, write_csv("a.csv", f"1,3,2,click,{change}"))
    ((key, *counts, _, _, before_since, before_until, _, _),) = answer(
        database, "top-movers", "Africa/Monrovia", since=datetime.fromisoformat(change)
    )
    assert (key, counts) == ("2", [0, 1])
    assert before_since == before_until == datetime.fromisoformat(change)


# ids of any type


def test_ids_may_be_uuids_and_text(database: str, write_csv: Write) -> None:
    names = [str(uuid5(UUID(int=0), str(n))) for n in range(3)]
    days = [f"2024-01-0{day}T{hour:02}:00Z" for day in (1, 2) for hour in (0, 1)]
    lines = [
        f"{n},{names[n % 3]},shoe {n % 2},click,{day}" for n, day in enumerate([*days, "2024-01-02T01:00Z", *days], 1)
    ]
    load(database, write_csv("a.csv", *lines), user_id_type="uuid", product_id_type="text")
    assert {row[0] for row in answer(database, "top-movers", of="users", per="day")} == set(names)
    assert {row[0] for row in answer(database, "top-movers", per="day")} == {"shoe 0", "shoe 1"}
    both = answer(database, "affinity", id="shoe 0", minimum=1)
    assert [row[:2] for row in both] == [("shoe 1", 3)]
    who = answer(database, "affinity", id="shoe 0", who="shoe 1")
    assert [row[0] for row in who] == sorted(map(UUID, names))
    assert sum(row[-1] for row in who) == len(lines)
    assert answer(database, "affinity", id="shoe 0", who="none such") == []


def test_who_is_an_id_as_the_tables_have_them(sample: str) -> None:
    with pytest.raises(QueryError, match="--who: 'x' is not a number from 0 to"):
        answer(sample, "affinity", id=1, who="x")


# the users behind a number


def test_as_many_users_are_behind_a_number_as_it_says(large: str) -> None:
    for more in ({}, {"since": "2024-02-01", "until": "2024-04-01T07:30"}, {"action": "buy"}):
        given = answer(large, "affinity", id=3, minimum=1, limit=40, **more)
        assert len(given) == 40
        for product_id, user_count, *_ in given[::13]:
            who = answer(large, "affinity", id=3, who=product_id, **more)
            assert len(who) == len({row[0] for row in who}) == user_count
            assert all(first <= last and count > 1 for _, first, last, count in who)


# unusual days: what is beside them


def days_of(first: date, counts: list[int], start: int = 1, left_out: tuple[int, ...] = ()) -> list[list[str]]:
    """Give the lines of a file for each day; a day that is left out has its number of lines and no file."""
    number = start
    files = []
    for at, count in enumerate(counts):
        day = first + timedelta(days=at)
        lines = [f"{number + n},{n % 9 + 1},{n % 5 + 1},click,{day}T{n % 24:02}:30:00Z" for n in range(count)]
        number += count
        if at not in left_out:
            files.append(lines)
    return files


@pytest.mark.slow
def test_a_day_without_a_file_is_told_from_a_drop(database: str, write_csv: Write) -> None:
    counts = [50] * 80
    counts[65], counts[70] = 2, 400  # a drop, and a day of much
    for at, lines in enumerate(days_of(date(2024, 1, 1), counts, left_out=(60,))):
        load(database, write_csv(f"{at:02}.csv", *lines))
    given = {row[0]: row for row in answer(database, "unusual-days")}
    missing, drop, much = (date(2024, 1, 1) + timedelta(days=at) for at in (60, 65, 70))
    assert set(given) == {missing, drop, much}
    # count, usual count, files, usual files
    assert [given[missing][at] for at in (1, 2, 4, 5)] == [0, 50.0, 0, 1.0]
    assert [given[drop][at] for at in (1, 2, 4, 5)] == [2, 50.0, 1, 1.0]
    assert [given[much][at] for at in (1, 2, 4, 5)] == [400, 50.0, 1, 1.0]
    assert given[missing][3] == -50 / 50**0.5


def test_the_files_of_a_day_are_those_that_hold_its_rows_whatever_day_they_are_of(
    database: str, write_csv: Write
) -> None:
    files = days_of(date(2024, 1, 1), [20] * 70)
    # The rows of the 66th day are in the file of the day before; the file of that day has nothing but rejected rows.
    files[64] += files[65]
    files[65] = ["x,1,1,click,2024-03-06"] * 7
    for at, lines in enumerate(files):
        load(database, write_csv(f"{at:02}.csv", *lines), max_rejected="100%")
    given = {row[0]: row for row in answer(database, "unusual-days", over_time=True)}
    assert given[date(2024, 3, 6)][1:7] == (20, 20.0, 0.0, 1, 1.0, 0)
    assert answer(database, "unusual-days") == []


def test_what_arrived_on_a_day_or_the_next_stands_beside_it(database: str, write_csv: Write) -> None:
    today = datetime.now(UTC).date()
    files = days_of(today - timedelta(days=70), [20] * 70, left_out=(68,))
    files[-1] += ["x,1,1,click,2024-01-01"]
    load(database, *(write_csv(f"{at:02}.csv", *lines) for at, lines in enumerate(files)))
    load(database, write_csv("empty.csv", content=b""))
    load(database, write_csv("now.csv", f"99999,1,1,click,{datetime.now(UTC).isoformat()}"))
    rows = answer(database, "unusual-days", over_time=True, since=str(today - timedelta(days=2)))
    ended = datetime.now(UTC).date() - today  # a night may have passed
    if not ended:
        yesterday, before = rows
        assert yesterday[7:] == (len(files) + 1, sum(map(len, files)), 1, 1)
        assert (before[0], before[1], before[7:]) == (today - timedelta(days=2), 0, (0, 0, 0, 0))


# plans


@pytest.fixture(scope="module")
def large(new_database_of_module: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with 100,000 rows in the order of time, 115 days of them, vacuumed and analyzed."""
    rng = random.Random(7)
    lines = []
    for number in range(1, 100_001):
        at = datetime.fromtimestamp(1_704_067_200 + number * 100, UTC)  # from 2024-01-01 on
        words = f"{int(rng.expovariate(1 / 300)) + 1},{rng.randint(1, 100)},{rng.choice(['click', 'buy', 'see'])}"
        lines.append(f"{number},{words},{at:%Y-%m-%dT%H:%M:%SZ}\n")
    path = tmp_path_factory.mktemp("large") / "large.csv"
    path.write_text(HEADER + "".join(lines))
    conninfo = new_database_of_module()
    load(conninfo, str(path))
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("vacuum analyze")
    return conninfo


@pytest.mark.parametrize("who", SESSIONS)
def test_the_heat_map_reads_no_raw_row(large: str, who: str) -> None:
    assert (
        plan(large, who, "heat-map", "Europe/Vienna", since="2024-03-01", until="2024-04-10").of(
            "user_interactions_raw"
        )
        == []
    )


@pytest.mark.parametrize("who", SESSIONS)
def test_where_no_day_is_unusual_no_raw_row_is_read(large: str, who: str) -> None:
    assert answer(large, "unusual-days") == []
    assert plan(large, who, "unusual-days").of("user_interactions_raw") == []


@pytest.mark.parametrize("who", SESSIONS)
@pytest.mark.parametrize("of", ["products", "users"])
def test_movers_of_two_weeks_are_found_by_the_index_on_time(large: str, who: str, of: str) -> None:
    given = plan(large, who, "top-movers", of=of)
    assert set(given.of("user_interactions_raw")) == {"Bitmap Heap Scan"}
    assert "user_interactions_raw_timestamp_idx" in given.indexes()


@pytest.mark.parametrize("who", SESSIONS)
def test_movers_among_actions_come_from_the_roll_up(large: str, who: str) -> None:
    assert plan(large, who, "top-movers", of="actions").of("user_interactions_raw") == []


@pytest.mark.parametrize("who", SESSIONS)
def test_affinity_passes_once_over_the_pairs(large: str, who: str) -> None:
    given = plan(large, who, "affinity", id=1)
    assert given.of("user_interactions_raw") == []
    assert len(given.of("interactions")) == 2  # the users of the product, and all pairs
    filtered = plan(large, who, "affinity", id=1, action="buy")
    assert len(filtered.of("user_interactions_raw")) == 1
    assert filtered.of("interactions") == []


@pytest.mark.parametrize("name", NAMES)
def test_no_plan_is_compiled(large: str, name: str) -> None:
    assert not plan(large, "psql", name, "Europe/Vienna", **ASKED[name]).has_jit
