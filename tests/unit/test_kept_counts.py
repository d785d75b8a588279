"""One definition of the kept counts: the statements that are composed from it, and nobody else who lists the tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg import sql

from footfall.contract.ids import IdTypes
from footfall.engines import counting
from footfall.postgres.target import Server, Target
from footfall.tables import counts, first_load, ids, made, merge, schema
from footfall.tables.staging import Staging, open_staging

GOLDEN = Path(__file__).parents[1] / "golden"
SOURCE = Path(str(files("footfall")))
# Names inside one statement, or inside DuckDB alone, that were others when the golden statements were written down.
RENAMED = {
    "merge": [(r"\bcounts as \(", "pairs as (")],
    "counting": [(r"\b(table|from) counts\b", r"\1 counted_pairs")],
}


def part(name: str) -> str:
    """Give what several golden statements hold, and which is written out once."""
    return (GOLDEN / "parts" / f"{name}.sql").read_text()


def golden(file: str) -> dict[str, str]:
    text = (GOLDEN / f"{file}.sql").read_text()
    text = re.sub(r"^-- part: (\w+)\n", lambda found: part(found[1]), text, flags=re.MULTILINE)
    for old, new in RENAMED.get(file, []):
        text, found = re.subn(old, new, text)
        assert found
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def plain(statement: str | sql.Composed) -> str:
    """Give the text without the marks that change nothing: white space, comments, quotes round a lower-case name."""
    text = statement if isinstance(statement, str) else statement.as_string()
    text = re.sub(r"--.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r'"([a-z_]+)"', r"\1", text)
    return re.sub(r"\s*([(),;])\s*", r"\1 ", re.sub(r"\s+", " ", text)).strip()


class Listener:
    """Stands for a session and takes note of what it is sent; every question is answered with yes, zero or nothing."""

    rowcount = 0

    def __init__(self) -> None:
        self.texts: list[str] = []

    def execute(self, statement: Any, *_: Any) -> Listener:
        self.texts.append(plain(statement))
        return self

    def sql(self, statement: str) -> Listener:
        return self.execute(statement)

    def fetchone(self) -> Any:
        sums = {kept.table: 1 for kept in counts.KEPT}  # others than the rows, so that each is looked into
        return SimpleNamespace(rows_raw=0, is_empty=True, are_plain=True, lock_timeout="0", is_due=True, **sums)

    def fetchall(self) -> list[Any]:
        if self.texts[-1] == plain(ids.SQL["types"]):
            return [
                SimpleNamespace(relname=table, attname=column, type="bigint") for table, column in ids.list_id_columns()
            ]
        return []

    def to_arrow_reader(self, _: int) -> list[Any]:
        return []


def staging() -> Staging:
    """Name the staging tables of a load that has sent rising ids and others."""
    target, server = Target("", "public", 600), Server(has_temp=True)
    opened = open_staging(target, server, [1], IdTypes())
    opened.created |= {"rows", "out_of_order"}
    opened.rows_sent = opened.rows_sent_out_of_order = 1
    return opened


def send_counts(listener: Any) -> None:
    counts.lock_tables(listener)
    list(counts.find_drift(listener, counts.read_totals(listener)))
    counts.repair(listener)


def send_merge(listener: Any) -> None:
    of = staging()
    merge._insert(listener, of, "rows")
    merge._insert(listener, of, "out_of_order")
    merge._match(listener, of, are_all_new=False, added_out_of_order=Counter())
    merge.analyze_tables(listener, merge.ANALYZE_TABLES_ROWS)


def send_first_load(listener: Any) -> None:
    assert first_load.open_empty_table(listener, staging())
    for kept in counts.KEPT:
        listener.execute(kept.compose(first_load.SQL["copy"]))
    first_load.copy_counts(listener, iter(()))


def send_made(listener: Any) -> None:
    made.find_schema_drift(listener)


def send_schema(listener: Any) -> None:
    schema.grant_read(listener, Target("", "public", 600), "reader")


def send_counting(listener: Any) -> None:
    listener.execute(counting.compose_creation(counts.KEPT))
    counted = counting.Counts(listener, counts.KEPT)
    for statement in counted.adds:
        listener.execute(statement)
    with counted.count_large():
        pass
    read = {
        table: list(batches) for table, batches in counted.read_tables()
    }  # a statement is sent when its batches are read
    assert list(read) == [kept.table for kept in counts.KEPT]


SENDERS = {
    "counts": send_counts,
    "merge": send_merge,
    "first_load": send_first_load,
    "made": send_made,
    "schema": send_schema,
    "counting": send_counting,
}


def test_every_golden_file_is_compared() -> None:
    assert {path.stem for path in GOLDEN.glob("*.sql")} == set(SENDERS)
    marks = {name for path in GOLDEN.glob("*.sql") for name in re.findall(r"^-- part: (\w+)$", path.read_text(), re.M)}
    assert {path.stem for path in (GOLDEN / "parts").iterdir()} == marks


@pytest.mark.parametrize(("file", "name"), [(file, name) for file in SENDERS for name in golden(file)])
def test_the_composed_statements_are_those_that_were_written_out(file: str, name: str) -> None:
    listener = Listener()
    SENDERS[file](listener)
    assert plain(golden(file)[name]) in listener.texts


def test_a_statement_that_differs_in_a_name_a_text_or_its_order_is_another() -> None:
    assert plain('select  "a", b') == plain("select a,b -- why")
    assert len({plain(text) for text in ("select a, b", "select b, a", "select 'a', b", 'select "A", b')}) == 4


# one definition


@pytest.mark.parametrize("kept", counts.KEPT, ids=lambda kept: kept.table)
def test_a_count_that_is_a_sum_has_columns_of_the_key_of_a_count_of_rows(kept: counts.KeptCount) -> None:
    counted = kept.sums or kept
    assert counted.sums is None
    assert counted in counts.KEPT
    assert set(kept.key) <= set(counted.key)


NAMES = re.compile(
    r"\binteractions_per_(?:quarter_hour|user|product)\b|\buser_days\b|\b(?:from|into|join|table|copy|on|only)\s+interactions\b"
)


def naming_files() -> Iterator[str]:
    for path in sorted([*SOURCE.rglob("*.py"), *SOURCE.rglob("*.sql")]):
        if NAMES.search(path.read_text()):
            yield str(path.relative_to(SOURCE).parent / path.name)


def test_no_file_but_the_definition_the_migrations_and_the_questions_of_people_names_the_tables() -> None:
    """So a further kept count needs one more definition and its migration."""
    # What ids.sql makes anew, it makes as the migrations do. The newest interaction is found by one of them.
    allowed = ("tables/migrations/", "answers/questions/", "tables/ids.sql", "tables/measures.sql")
    assert [name for name in naming_files() if not name.startswith(allowed)] == ["tables/counts.py"]
