"""One test for every way to stage the ranges of a run: the tables are those of the ordinary load, row by row."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

import footfall
from cut_deliveries import CutDelivery
from every_row import find_differences, list_left_behind
from footfall import runs
from footfall.results import LoadResult
from footfall.results.running import Run
from footfall.settings import load_settings
from footfall.tables import known_files
from footfall.verbs import schema as schema_verb

ALWAYS_SETTLED_NS = -1_000_000_000  # what a file looks like is kept however young it is
Options = Mapping[str, Any]
StageAll = Callable[[Run, Options], None]


def assert_parity(delivery: CutDelivery, stage_all: StageAll, new_database: Callable[[], str], folder: Path) -> Run:
    """Load a delivery in ranges into one database and as ever into another one; see that they are the same then.

    `stage_all` stages all ranges of a run; the options say how to connect. The process stands in `folder`.
    """
    *before, name = delivery.write(folder)
    ordinary, by_ranges = new_database(), new_database()
    with patch.object(known_files, "SETTLED_NS", ALWAYS_SETTLED_NS):
        for database in (ordinary, by_ranges):
            prepare(database, before, delivery)
        (done,) = footfall.load(name, database_url=ordinary, max_rejected="1.0", **delivery.options).loads
        assert done.status == "loaded", done.error
        run, taken = load_by_run(by_ranges, name, stage_all, delivery)
    assert leave_out_own(taken) == leave_out_own(done)
    differing = find_differences(ordinary, by_ranges)
    assert not differing, differing
    assert list_left_behind(by_ranges) == []
    assert footfall.verify(database_url=by_ranges).drift == ()
    return run


def prepare(database: str, before: list[str], delivery: CutDelivery) -> None:
    """Bring a database to where the delivery finds it."""
    schema_verb.upgrade_schema(load_settings(database_url=database, **delivery.options))
    for earlier in before:
        (done,) = footfall.load(earlier, database_url=database, max_rejected="1.0", **delivery.options).loads
        assert done.status == "loaded", done.error
    if delivery.forgotten:
        footfall.forget(*delivery.forgotten, database_url=database)


def load_by_run(database: str, name: str, stage_all: StageAll, delivery: CutDelivery) -> tuple[Run, LoadResult]:
    """Plan a file, stage its ranges and take them."""
    options = {"database_url": database, "max_rejected": "1.0", **delivery.options}
    run = runs.plan(name, range_bytes=delivery.range_bytes, **options)
    stage_all(run, options)
    assert runs.left(run.token, database_url=database) == []
    return run, runs.take(run.token, **options)


def leave_out_own(result: LoadResult) -> LoadResult:
    """Leave out of a result what each load has of its own."""
    return replace(result, load_id=None, seconds=0.0)


# Ways to stage


def stage_in_any_order(run: Run, options: Options) -> None:
    """Stage the ranges in an order that is drawn."""
    numbers = list(range(run.ranges))
    random.Random(run.source).shuffle(numbers)
    for number in numbers:
        assert runs.stage(run.token, number, **options) == "staged"


def stage_twice(run: Run, options: Options) -> None:
    """Stage each range twice, and all of them once more."""
    for number in [*(number for number in range(run.ranges) for _ in "ab"), *range(run.ranges)]:
        runs.stage(run.token, number, **options)


def stage_in_two_goes(run: Run, options: Options) -> None:
    """Stage some ranges, ask which are left, and stage those."""
    some = range(0, run.ranges, 2)
    for number in some:
        runs.stage(run.token, number, **options)
    left = runs.left(run.token, **options)
    assert left == [number for number in range(run.ranges) if number not in some]
    for number in reversed(left):
        assert runs.stage(run.token, number, **options) == "staged"


def stage_in_processes(run: Run, options: Options) -> None:
    """Stage the ranges in two processes that know nothing but how to connect, each standing in another folder."""
    with get_context("spawn").Pool(2, os.chdir, ["/"]) as pool:
        said = pool.map(_stage, [(run.token, number, dict(options)) for number in range(run.ranges)], chunksize=1)
    assert said == ["staged"] * run.ranges


def _stage(wanted: tuple[str, int, dict[str, Any]]) -> str:
    token, number, options = wanted
    return runs.stage(token, number, **options)


WAYS: dict[str, StageAll] = {
    "in any order": stage_in_any_order,
    "twice": stage_twice,
    "in two goes": stage_in_two_goes,
    "in processes": stage_in_processes,
}
