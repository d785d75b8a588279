"""Ids that come again in the files of a check, against plain Python, in little memory."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pytest

from footfall.contract.ids import IdTypes
from footfall.engines import repeats
from footfall.engines.repeats import RepeatsOfFile

ROWS = 300_000  # of each file


def draw(seed: int, ids: int) -> pa.Table:
    chance = np.random.default_rng(seed)
    instants = pa.array(np.zeros(ROWS, np.int64), pa.timestamp("us", tz="UTC"))
    return pa.table(
        {
            "position": np.arange(2, ROWS + 2),
            "interaction_id": chance.integers(1, ids, ROWS),
            "user_id": chance.integers(1, 3, ROWS),
            "product_id": np.ones(ROWS, np.int64),
            "action": pa.array(["view"] * ROWS),
            "timestamp": instants,
        }
    )


def count_by_hand(files: list[pa.Table]) -> list[RepeatsOfFile]:
    firsts: dict[int, tuple[int, int]] = {}
    found = []
    for number, rows in enumerate(files):
        duplicate = conflict = repeated = 0
        line = first_id = None
        columns = (rows[name].to_pylist() for name in ("position", "interaction_id", "user_id"))
        for at, each_id, user in zip(*columns, strict=True):
            if each_id not in firsts:
                firsts[each_id] = (number, user)
                continue
            repeated += firsts[each_id][0] == number
            if firsts[each_id][1] == user:
                duplicate += 1
            else:
                conflict += 1
                if line is None:
                    line, first_id = at, str(each_id)
        found.append(RepeatsOfFile(number, duplicate, conflict, line, first_id, repeated))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("ids", [3, 1_000, 500_000, 1 << 40])
def test_repeats_are_counted_in_little_memory_on_a_machine_of_many_cores(
    monkeypatch: pytest.MonkeyPatch, ids: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 32)
    files = [draw(seed, ids) for seed in range(3)]
    with repeats.open_repeats(32, IdTypes()) as memory:
        for number, rows in enumerate(files):
            memory.add(number, rows)
        found = memory.find_repeats()
    wanted = count_by_hand(files)
    assert found == [each for each in wanted if each.rows_duplicate + each.rows_conflict]
