"""Run Footfall on the file of a shape, as its users do, and read what its tables hold."""

from __future__ import annotations

import io
import logging
import os
import resource
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import psycopg

import footfall
from footfall.cli.main import main
from wild_shape import NAME, Shape

READ = {
    "rows": "select interaction_id, user_id, product_id, action, timestamp from user_interactions_raw",
    "counts": "select user_id, product_id, interaction_count from interactions",
    "rejected": "select line_number, problems from rejected_interactions",
}
EmptyTables = Callable[[tuple[str, ...]], str]  # what the fixture of that name gives
NUMBERS = ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected", "rows_skipped")


class Done(NamedTuple):
    """What a command line gave back."""

    returncode: int
    stdout: str
    stderr: str


def run(*words: str, **variables: str) -> Done:
    """Run one command line of Footfall in this process, in the folder of the test, and give what it printed.

    Effects: none that stays: what the command line sets for its process is set back.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2))
    limits, talk = resource.getrlimit(resource.RLIMIT_NOFILE), logging.getLogger("footfall")
    handlers, propagates, level = list(talk.handlers), talk.propagate, talk.level
    try:
        with (
            mock.patch.dict(os.environ, variables),
            mock.patch.object(sys, "argv", ["footfall", *words]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = main()
    finally:
        talk.handlers, talk.propagate = handlers, propagates
        talk.setLevel(level)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    return Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def write_file(shape: Shape) -> str:
    """Write the file of a shape into the folder of the test, and give its name."""
    Path(shape.file).write_bytes(shape.content)
    return shape.file


def write_settings(shape: Shape) -> None:
    """Write footfall.toml with the definition of a shape, and the types of ids that it needs."""
    Path("footfall.toml").write_text(shape.settings, encoding="utf-8")


def check(file: str) -> footfall.LoadResult:
    """Check a file by the definition of the tests."""
    (result,) = footfall.check(file, source=NAME).loads
    return result


def load(file: str, database: str) -> footfall.LoadResult:
    """Load a file by the definition of the tests."""
    (result,) = footfall.load(file, source=NAME, database_url=database).loads
    return result


def take_numbers(result: footfall.LoadResult) -> dict[str, int]:
    """Give what a result says of the rows."""
    return {name: getattr(result, name) for name in NUMBERS}


def read_tables(database: str) -> dict[str, list[tuple[Any, ...]]]:
    """Give what the tables hold, without what only tells when."""
    with psycopg.connect(database) as connection:
        connection.execute("set timezone to 'UTC'")
        return {name: connection.execute(query).fetchall() for name, query in READ.items()}


def say_numbers(numbers: Mapping[str, int]) -> str:
    """Give the numbers of a result in words, those that are 0 left out.

    Example:
        >>> say_numbers({"rows_read": 3, "rows_loaded": 2, "rows_rejected": 1})
        '3 read, 2 loaded, 1 rejected'
    """
    told = ((name.removeprefix("rows_"), numbers.get(name, 0)) for name in NUMBERS)
    return ", ".join(f"{number} {name}" for name, number in told if number or name == "read")
