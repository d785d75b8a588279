"""What the tests on Airflow ask of a run of the DAG, and how they deliver files to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"


def deliver(place: Path, name: str, *lines: str) -> Path:
    """Write a file into the inbox of a folder."""
    path = place / "inbox" / name
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return path


def ask(database: str, query: str) -> list[Any]:
    """Ask a database in a session of its own."""
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def loaded(database: str) -> list[Any]:
    """List rows read, loaded, duplicate and rejected of each load."""
    query = (
        "select rows_read, rows_loaded, rows_duplicate, rows_rejected from loads where status = 'loaded' order by 1, 2"
    )
    return ask(database, query)


def states(run: Any) -> dict[str, list[str]]:
    """Give the states of the instances of each task."""
    found: dict[str, list[str]] = {}
    for ti in run.get_task_instances():
        found.setdefault(ti.task_id, []).append(str(ti.state))
    return {name: sorted(each) for name, each in found.items()}


def tries(run: Any, task_id: str) -> list[int]:
    """List how often each instance of a task was tried."""
    return sorted(ti.try_number for ti in run.get_task_instances() if ti.task_id == task_id)


@dataclass(frozen=True)
class Shared:
    """A run which several tests look at; `seen` is what was said in the log, or sent by mail."""

    run: Any
    folder: Path
    database: str
    seen: str
