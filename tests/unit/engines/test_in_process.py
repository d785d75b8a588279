"""The engine of this process: what it gives to whoever takes verdicts, when the sums come, and what an error leaves."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import footfall
from factories import make_reader
from footfall.contract.sums import Sums
from footfall.contract.verdicts import Verdicts
from footfall.engines.in_process import Engine, open_engine
from footfall.formats.positions import LINE_BITS
from footfall.results import Progress
from footfall.sources.opening import open_source

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
LONG = 60_000  # rows: more than one batch with the smallest memory limit
Taken = list[tuple[int, int]]  # (file number, line number)


def write(name: str, rows: range, *last: str) -> str:
    lines = [f"{number},1,1,click,2024-01-01 00:00:00" for number in rows]
    Path(name).write_text(HEADER + "\n".join([*lines, *last]) + "\n")
    return name


@pytest.fixture
def engine() -> Iterator[Engine]:
    with open_engine(None, 128) as opened:
        yield opened


def judge(engine: Engine, *names: str) -> tuple[list[Sums], Taken, int]:
    """Judge files together: their sums, the places of their rows as they were taken, and the number of batches."""
    reader, taken, batches = make_reader(), [], []

    def take(verdicts: Verdicts) -> None:
        batches.append(1)
        for table in (verdicts.accepted, verdicts.rejected):
            taken.extend(divmod(position, 1 << LINE_BITS) for position in table["position"].to_pylist())

    with ExitStack() as opened:
        files = [opened.enter_context(open_source(name)) for name in names]
        return engine.run([reader.read_later(file) for file in files], take), taken, len(batches)


def test_verdicts_are_taken_in_loading_order_and_the_sums_are_finished(engine: Engine) -> None:
    names = write("a.csv", range(1, LONG)), write("b.csv", range(1, 4), "bad"), write("c.csv", range(1, 1))
    sums, taken, batches = judge(engine, *names)
    assert batches > 1
    assert [(each.rows_accepted, each.rows_rejected) for each in sums] == [(LONG - 1, 0), (3, 1), (0, 0)]
    assert [each.kinds.keys() for each in sums] == [set(), {("too-few-fields", None)}, set()]
    assert taken == [(0, line) for line in range(2, LONG + 1)] + [(1, line) for line in range(2, 6)]


def test_an_error_of_the_taker_ends_the_run_and_the_next_file_is_judged(engine: Engine) -> None:
    reader, calls = make_reader(), []

    def fail(_: Verdicts) -> None:
        calls.append(1)
        raise ZeroDivisionError

    with open_source(write("a.csv", range(1, LONG))) as file, pytest.raises(ZeroDivisionError):
        engine.run([reader.read(file)], fail)
    assert calls == [1]
    sums, taken, _ = judge(engine, "a.csv")
    assert (sums[0].rows_accepted, len(taken)) == (LONG - 1, LONG - 1)


def test_progress_is_told_while_a_file_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.engines.in_process.PROGRESS_EVERY_S", -1)
    told: list[Progress] = []
    with open_engine(None, 128, told.append) as engine:
        _, _, batches = judge(engine, write("a.csv", range(1, LONG)))
    assert len(told) == batches > 1
    assert [each.rows_read for each in told] == sorted({each.rows_read for each in told})
    assert (told[-1].source, told[-1].rows_read, told[-1].bytes_total) == (
        "a.csv",
        LONG - 1,
        Path("a.csv").stat().st_size,
    )


@pytest.mark.slow
def test_a_check_tells_the_problems_that_it_met_before_a_file_broke_off() -> None:
    name = write("a.csv", range(1, 1), "bad", *(f"{n},1,1,click,2024-01-01 00:00:00" for n in range(1, 5 * LONG)))
    Path("b.csv.gz").write_bytes(gzip.compress(Path(name).read_bytes())[:-9])
    (result,) = footfall.check("b.csv.gz", memory_limit_mb=128).loads
    assert (result.status, result.error, result.rows_read) == (
        "failed",
        "b.csv.gz: the gzip file is cut; deliver it again",
        0,
    )
    groups = [(group.code, group.rows, group.sample_line_number) for group in result.groups]
    assert groups == [("too-few-fields", 1, 2)]
