"""The law over any rows, split into any files, in any order, any number of times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import verify as verify_verb
from sampling import examples

SLOW = settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
DAYS = ["2024-01-01", "2024-02-29 23:59:59", "2024-01-01T00:00:00Z", "2024-01-01 02:00+02:00"]
INSTANTS = [
    datetime(2024, 1, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC),
    datetime(2024, 1, 1, tzinfo=UTC),
    datetime(2024, 1, 1, tzinfo=UTC),
]
BAD_LINES = [
    "x,1,1,click,2024-01-01",
    "1,1,1,,2024-01-01",
    "1,1,1,click",
    '2,1,1,"click,2024-01-01',
    "3,1,1,click,2024-02-30",
]


@dataclass
class Oracle:
    """The sequential truth in plain Python: valid rows one by one, in loading order."""

    rows: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    delivered: set[str] = field(default_factory=set)
    fates: Counter[str] = field(default_factory=Counter)

    def take_file(self, lines: list[Any]) -> None:
        text = "\n".join(map(as_text, lines))
        if text not in self.delivered:
            self.delivered.add(text)
            self.fates.update(map(self.take_row, lines))

    def take_row(self, line: Any) -> str:
        if isinstance(line, str):
            return "rejected"
        number, user, product, action, day = line
        content = (user, product, action.strip(), INSTANTS[day])
        if number not in self.rows:
            self.rows[number] = content
            return "loaded"
        return "duplicate" if self.rows[number] == content else "rejected"


def as_text(line: tuple[int, int, int, str, int] | str) -> str:
    if isinstance(line, str):
        return line
    number, user, product, action, day = line
    return f"{number},{user},{product},{action},{DAYS[day]}"


ids = st.integers(1, 12)
row = st.tuples(
    ids, st.integers(1, 3), st.integers(1, 3), st.sampled_from(["click", " click", "buy"]), st.integers(0, 3)
)
bad = st.sampled_from(BAD_LINES)
files = st.lists(st.lists(st.one_of(row, row, bad), max_size=12), min_size=1, max_size=4)


def _delivered(make: Callable[[], str], write: Callable[..., str], deliveries: list[list[Any]]) -> tuple[str, Any]:
    conninfo = make()
    names = [write(f"{at}.csv", *map(as_text, lines)) for at, lines in enumerate(deliveries)]
    # all rejected rows are no reason to fail here: the oracle takes every file
    return conninfo, load_verb.load(names, load_settings(database_url=conninfo, max_rejected="1.0"))


@SLOW
@given(deliveries=files)
def test_verdicts_are_those_of_taking_the_rows_one_by_one(
    emptied_database: Callable[[], str], write_csv: Callable[..., str], contents: Any, deliveries: list[list[Any]]
) -> None:
    conninfo, summary = _delivered(emptied_database, write_csv, deliveries)
    oracle = Oracle()
    for lines in deliveries:
        oracle.take_file(lines)
    tables = contents(conninfo)
    assert tables["raw"] == [(number, *content) for number, content in sorted(oracle.rows.items())]
    counts = Counter(content[:2] for content in oracle.rows.values())
    assert tables["interactions"] == [(*pair, count) for pair, count in sorted(counts.items())]
    assert len(tables["quarantine"]) == oracle.fates["rejected"]
    assert summary.rows_loaded == oracle.fates["loaded"]
    assert summary.rows_duplicate == oracle.fates["duplicate"]
    assert summary.rows_rejected == oracle.fates["rejected"]


@SLOW
@given(data=st.data())
def test_without_conflicts_order_split_and_repetition_change_nothing(
    emptied_database: Callable[[], str], write_csv: Callable[..., str], contents: Any, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(row, max_size=25, unique_by=lambda line: line[0]))
    lines: list[Any] = rows + data.draw(st.lists(st.one_of(bad, st.sampled_from(rows)) if rows else bad, max_size=10))
    tables = []
    for _ in range(2):
        shuffled = data.draw(st.permutations(lines))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(lines)), max_size=3)))
        parts = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
        again = data.draw(st.lists(st.sampled_from(parts), max_size=2))
        conninfo, _ = _delivered(emptied_database, write_csv, parts + again)
        tables.append(contents(conninfo))
    assert tables[0]["raw"] == tables[1]["raw"]
    assert tables[0]["interactions"] == tables[1]["interactions"]


@SLOW
@given(deliveries=files)
def test_recount_finds_no_drift(
    emptied_database: Callable[[], str], write_csv: Callable[..., str], deliveries: list[list[Any]]
) -> None:
    conninfo, _ = _delivered(emptied_database, write_csv, deliveries)
    assert verify_verb.verify(load_settings(database_url=conninfo)).drift == ()
    with psycopg.connect(conninfo) as connection:
        row_count = connection.execute("select count(*) from user_interactions_raw").fetchone()
        loaded = connection.execute("select coalesce(sum(rows_loaded), 0) from loads").fetchone()
    assert row_count == loaded
