"""What is odd about a file, in words."""

from __future__ import annotations

from collections import Counter

import pytest

from footfall.contract.notices import Oddities, describe, describe_other_contract, say_notices, say_other_contracts
from footfall.results import LoadResult
from listening import heard_by


def notices(oddities: Oddities | None = None, *, read: int = 0, repeated: int = 0, actions: object = None) -> list[str]:
    found = describe(oddities or Oddities(), rows_read=read, rows_repeated=repeated, actions=actions)  # type: ignore[arg-type]
    return list(found)


@pytest.mark.parametrize(("repeated", "read"), [(0, 0), (0, 5), (1, 10), (1, 11), (100, 1000)])
def test_a_tenth_of_repeated_ids_is_no_notice(repeated: int, read: int) -> None:
    assert notices(read=read, repeated=repeated) == []


@pytest.mark.parametrize(("repeated", "read"), [(1, 9), (2, 19), (101, 1000)])
def test_more_than_a_tenth_of_repeated_ids_asks_whose_id_it_is(repeated: int, read: int) -> None:
    (notice,) = notices(read=read, repeated=repeated)
    assert notice.startswith(f"{repeated:,} of {read:,} rows")
    assert "an order or a session" in notice
    assert notice.endswith('interaction_id = { from = "record" }')


def test_ids_with_zeros_are_counted_by_column_in_the_order_of_the_contract() -> None:
    (notice,) = notices(Oddities(Counter(product_id=1, interaction_id=1200)))
    assert "1,200 rows in interaction_id, 1 row in product_id;" in notice


def test_words_for_nothing_are_counted_the_most_frequent_first() -> None:
    odd = Oddities(null_words=Counter({"nan": 2, "NULL": 30, "-": 2, "\\N": 1}))
    (notice,) = notices(odd)
    assert r"'NULL' in 30 rows, '-' in 2 rows, 'nan' in 2 rows, '\\N' in 1 row;" in notice
    assert "null_values of a source definition" in notice
    assert notices(odd, actions=("NULL", "click")) == []


def test_the_fingerprint_alone_decides_what_another_contract_is() -> None:
    assert describe_other_contract(3, "a", "a") == ()
    (notice,) = describe_other_contract(3, "a", "b")
    assert notice.startswith("already loaded as load 3 under another contract (")
    assert notice.endswith("`footfall load --again`; to take it back alone: `footfall undo 3`")
    for term in ("source definition", "delimiter", "source_time_zone", "actions", "max_future_seconds", "types of ids"):
        assert term in notice


def test_each_notice_names_its_file_and_other_contracts_are_said_once_of_a_run() -> None:
    said: list[str] = []
    results = [
        LoadResult(1, "a.csv", "d", "loaded", notices=("one", "two")),
        LoadResult(2, "b.csv", "e", "already-loaded"),
        *(LoadResult(3, f"{name}.csv", "f", "already-loaded", notices=("other",)) for name in "cde"),
    ]
    for result in results:
        heard_by(said.append, say_notices, result)
    heard_by(said.append, say_other_contracts, results)
    assert said == ["a.csv: one", "a.csv: two", "c.csv: other; the same holds for 2 more of these files"]
    said.clear()
    heard_by(said.append, say_other_contracts, results[:2])
    assert said == []
