"""A file that is staged in ranges, in whichever way, gives the tables of the ordinary load: all of them, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cut_deliveries import DELIVERIES, CutDelivery
from footfall.tables import first_load, large
from parity import WAYS, StageAll, assert_parity

# What stays one range, since it cannot be cut, and what is cut into several: a test that cuts nothing proves nothing.
WHOLE = {"compressed", "ids made of records", "a header alone", "one row"}
BY_NAME = {delivery.name: delivery for delivery in DELIVERIES}
CASES = [
    (BY_NAME[name], way)
    for name, way in {
        "dirty rows over dirty rows": "in processes",
        "rows in random order": "in any order",
        "ids that are there, and ids above them": "in two goes",
        "ids that fall and come again": "in any order",
        "UUIDs and text": "in any order",
        "JSON Lines": "twice",
        "30,000 dirty rows": "in any order",
    }.items()
]
LONG_CASES = [(delivery, way) for delivery in DELIVERIES for way in WAYS if (delivery, way) not in CASES]


@pytest.fixture(params=["row by row", "as a large load"])
def _size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let loads of this process be small ones or large ones: each has ways of its own into the tables."""
    is_large = request.param == "as a large load"
    monkeypatch.setattr(large, "LARGE_ROWS", 1 if is_large else 1 << 40)
    monkeypatch.setattr(large, "KEYS_PER_PAGE", 0)
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", 0 if is_large else 1 << 40)
    yield


def load_beside(delivery: CutDelivery, stage_all: StageAll, new_database: Callable[[], str], folder: Path) -> None:
    run = assert_parity(delivery, stage_all, new_database, folder)
    assert (run.ranges == 1) == (delivery.name in WHOLE)


@pytest.mark.slow
@pytest.mark.parametrize(("delivery", "way"), CASES, ids=str)
def test_a_file_in_ranges_gives_every_row_of_every_table_of_the_ordinary_load(
    delivery: CutDelivery, way: str, new_database: Callable[[], str], tmp_path: Path
) -> None:
    load_beside(delivery, WAYS[way], new_database, tmp_path)


@pytest.mark.long
@pytest.mark.usefixtures("_size")
@pytest.mark.parametrize(("delivery", "way"), LONG_CASES, ids=str)
def test_each_file_in_each_way_gives_every_row_of_every_table_of_the_ordinary_load(
    delivery: CutDelivery, way: str, new_database: Callable[[], str], tmp_path: Path
) -> None:
    load_beside(delivery, WAYS[way], new_database, tmp_path)
