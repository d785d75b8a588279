"""Run Footfall on the file of a shape, as its users do, and read what its tables hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from wild_shape import NAME, Shape

READ = {
    "rows": "select interaction_id, user_id, product_id, action, timestamp from user_interactions_raw",
    "counts": "select user_id, product_id, interaction_count from interactions",
    "rejected": "select line_number, problems from rejected_interactions",
}
NUMBERS = ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected", "rows_skipped")


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one command of Footfall in the folder of the test."""
    command = [sys.executable, "-m", "footfall.cli", *words]
    done = subprocess.run(command, capture_output=True, env=os.environ | variables, timeout=600, check=False)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def write_file(shape: Shape) -> str:
    """Write the file of a shape into the folder of the test, and give its name."""
    Path(shape.file).write_bytes(shape.content)
    return shape.file


def write_settings(shape: Shape) -> None:
    """Write footfall.toml with the definition of a shape, and the types of ids that it needs."""
    Path("footfall.toml").write_text(shape.settings, encoding="utf-8")


def check(file: str) -> subprocess.CompletedProcess[str]:
    """Check a file by the definition of the tests."""
    return run("check", file, "--source", NAME, "--format", "json")


def load(file: str, database: str) -> subprocess.CompletedProcess[str]:
    """Load a file by the definition of the tests."""
    return run("load", file, "--source", NAME, "--format", "json", FOOTFALL_DATABASE_URL=database)


def read_tables(database: str) -> dict[str, list[tuple[Any, ...]]]:
    """Give what the tables hold, without what only tells when."""
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'UTC'")
        return {name: connection.execute(query).fetchall() for name, query in READ.items()}


def say_numbers(result: dict[str, Any]) -> str:
    """Give the numbers of a result in words, those that are 0 left out.

    Example:
        >>> say_numbers({"rows_read": 3, "rows_loaded": 2, "rows_rejected": 1})
        '3 read, 2 loaded, 1 rejected'
    """
    told = ((name.removeprefix("rows_"), result.get(name, 0)) for name in NUMBERS)
    return ", ".join(f"{number} {name}" for name, number in told if number or name == "read")
