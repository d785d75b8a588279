"""Ids made of records: which of its equals a row is does not depend on the filter, the batches or the memory."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from factories import make_reader
from footfall.contract.definition import Field, SourceDefinition
from footfall.contract.ids import IdTypes
from footfall.contract.terms import Contract
from footfall.contract.verdicts import Verdicts
from footfall.engines import occurrences
from footfall.engines.in_process import open_engine
from footfall.formats import framing
from footfall.sources.opening import open_source

Ids = dict[int, bytes]
MADE = SourceDefinition("made", interaction_id=Field(made_from="record"), action=Field(value="view"))


@pytest.fixture
def make_ids() -> Callable[..., list[Ids]]:
    """Judge files together; give the made ids of each by line."""

    def made(*paths: Path) -> list[Ids]:
        reader = make_reader(Contract(MADE, id_types=IdTypes("uuid")))
        found: list[Ids] = [{} for _ in paths]

        def take(verdicts: Verdicts) -> None:
            rows = verdicts.accepted
            for place, made_id in zip(rows["position"].to_pylist(), rows["interaction_id"].to_pylist(), strict=True):
                number, line = divmod(place, 1 << 40)
                assert line not in found[number]
                found[number][line] = made_id

        with open_engine(None, 128) as engine:
            files = [open_source(str(path)) for path in paths]
            opened = [each.__enter__() for each in files]
            sums = engine.run([reader.read_later(file) for file in opened], take)
            for each in files:
                each.__exit__(None, None, None)
        assert [each.rows_accepted for each in sums] == [len(each) for each in found]
        return found

    return made


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("user_id,product_id,timestamp\n" + "".join(f"{row}\n" for row in rows))
    return path


def draw(rows: int, users: int) -> list[str]:
    chance = random.Random(7)
    return [f"{chance.randint(1, users)},{chance.randint(1, 3)},2024-01-02" for _ in range(rows)]


def test_equal_rows_of_one_file_are_separate_and_equal_ones_of_another_file_agree(
    tmp_path: Path, make_ids: Callable[..., list[Ids]]
) -> None:
    rows = ["1,2,2024-01-02", "1,2,2024-01-02", "2,3,2024-01-02", "1,2,2024-01-02"]
    first, second = make_ids(write(tmp_path / "a.csv", rows), write(tmp_path / "b.csv", rows[:2]))
    assert len(set(first.values())) == 4
    assert [second[line] for line in (2, 3)] == [first[line] for line in (2, 3)]


@pytest.mark.slow
@pytest.mark.parametrize("words", [1, 64, 1 << 16])
@pytest.mark.parametrize("block", [200, 1 << 20])
def test_the_ids_do_not_depend_on_the_filter_or_the_batches(
    tmp_path: Path, make_ids: Callable[..., list[Ids]], monkeypatch: pytest.MonkeyPatch, words: int, block: int
) -> None:
    path = write(tmp_path / "a.csv", draw(500, 40))  # with the smaller blocks some forty batches
    (wanted,) = make_ids(path)
    assert len(set(wanted.values())) == 500
    monkeypatch.setattr(occurrences, "_count_words", lambda memory_limit_mb: words)
    monkeypatch.setattr(framing, "BLOCK_BYTES_MAX", block)
    (found,) = make_ids(path)
    assert found == wanted


def number(made: bytes, occurrence: int) -> bytes:
    """Give the id of an occurrence of a record by the words of decision 0029."""
    if occurrence == 1:
        return made
    digest = hashlib.sha256(f"{made.hex()}:{occurrence}".encode()).hexdigest()
    return bytes.fromhex(digest[:12] + "8" + digest[13:16] + "8" + digest[17:32])


@pytest.mark.slow
@pytest.mark.parametrize("distinct", [1, 1_001, 300_007, 400_000])
def test_many_repeats_are_numbered_in_little_memory_on_a_machine_of_many_cores(
    monkeypatch: pytest.MonkeyPatch, distinct: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 32)
    pool = np.random.default_rng(1).integers(0, 256, (distinct, 16), dtype=np.uint8)
    rows, at_a_time = 400_000, 50_000

    def judge() -> Iterator[Verdicts]:
        for begin in range(0, rows, at_a_time):
            lines = np.arange(begin, begin + at_a_time)
            ids = pa.array([each.tobytes() for each in pool[lines % distinct]], pa.binary(16))
            accepted = pa.table({"position": lines, "interaction_id": ids})
            yield Verdicts(accepted, accepted.slice(0, 0), {}, ())

    found: dict[int, bytes] = {}
    for verdicts in occurrences.number_occurrences(judge(), 128):
        lines = verdicts.accepted["position"].to_pylist()
        found |= zip(lines, verdicts.accepted["interaction_id"].to_pylist(), strict=True)
    assert len(found) == rows
    for at in range(0, rows, 97):
        assert found[at] == number(pool[at % distinct].tobytes(), at // distinct + 1)
