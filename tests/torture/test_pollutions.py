"""Every pollution in every place: Footfall and the independent reader give the same verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

import independent_reader
from pollutions import POLLUTIONS, PollutedFile, Table, files
from product import Judged, Product, expected_verdict


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    made = Product()
    yield made
    made.close()


def expected(content: bytes) -> Judged:
    """Give the verdicts of the independent reader; None where it refuses the file."""
    try:
        return [expected_verdict(record) for record in independent_reader.read(content)]
    except independent_reader.FileRefusedError:
        return None


@cache
def clean_rows(table: Table) -> dict[int, independent_reader.Content]:
    """Give what is loaded of a clean file, by its row."""
    records = independent_reader.read(table.written())
    # The rows of the clean files have the numbers 1 to 8 as ids.
    return {one.content.interaction_id: one.content for one in records if one.content is not None}


def broken_promises(file: PollutedFile, judged: Judged) -> list[str]:
    """Say what is wrong with the verdicts on a file, laid against the clean one."""
    if file.is_refused is not None and file.is_refused != (judged is None):
        return [f"refused: {judged is None}"]
    if judged is None:
        return []
    truth = clean_rows(file.table)
    loaded = [verdict.content for verdict in judged if verdict.content]
    return [
        f"row {row} is not loaded"
        for row, content in truth.items()
        if row not in file.touched and content not in loaded
    ] + [
        f"loaded, and not in the clean file: {content}"
        for content in loaded
        if content not in truth.values() and not file.altered
    ]


@pytest.fixture(scope="module")
def judged_files(product: Product) -> Callable[[str], list[tuple[PollutedFile, Judged]]]:
    """Judge every file of one pollution, once for all tests."""

    @cache
    def judge(name: str) -> list[tuple[PollutedFile, Judged]]:
        polluted = list(files(name))
        return list(zip(polluted, product.judge(file.content for file in polluted), strict=True))

    return judge


@pytest.mark.slow
@pytest.mark.parametrize("name", POLLUTIONS)
def test_the_verdicts_are_those_of_the_independent_reader(
    judged_files: Callable[[str], list[tuple[PollutedFile, Judged]]], name: str
) -> None:
    judged = judged_files(name)
    assert judged
    different = [
        (file.table.name, file.place, file.content, found, wanted)
        for file, found in judged
        if found != (wanted := expected(file.content))
    ]
    assert different[:3] == []


@pytest.mark.parametrize("name", POLLUTIONS)
def test_untouched_rows_are_loaded_and_nothing_that_is_not_true(
    judged_files: Callable[[str], list[tuple[PollutedFile, Judged]]], name: str
) -> None:
    broken = [
        (file.table.name, file.place, file.content, promises)
        for file, found in judged_files(name)
        if (promises := broken_promises(file, found))
    ]
    assert broken[:3] == []
