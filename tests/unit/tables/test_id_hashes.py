"""The filter of ids: it never takes one that has come before for new, however the ids are cut into batches."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.contract.seen import SeenFilter
from footfall.tables.id_hashes import hash_ids

TEXTS = st.lists(st.one_of(st.sampled_from(["a", "b", "ab", "a" * 8, "a" * 9]), st.text(min_size=1)), max_size=60)


def in_batches(values: list[str], cuts: list[int]) -> list[list[str]]:
    places = sorted({0, len(values), *(cut % (len(values) + 1) for cut in cuts)})
    return [values[begin:end] for begin, end in pairwise(places)]


def firsts_of(batches: list[list[str]]) -> list[bool]:
    seen = SeenFilter()
    return [bool(new) for batch in batches for new in seen.find_new(hash_ids(pa.chunked_array([batch], pa.string())))]


@settings(deadline=None)
@given(TEXTS, st.lists(st.integers(min_value=0, max_value=100), max_size=5))
def test_no_id_is_new_twice_under_any_split(values: list[str], cuts: list[int]) -> None:
    new = [value for value, is_new in zip(values, firsts_of(in_batches(values, cuts)), strict=True) if is_new]
    assert len(new) == len(set(new))


@settings(deadline=None)
@given(TEXTS, st.lists(st.integers(min_value=0, max_value=100), max_size=5))
def test_what_is_new_is_the_first_of_its_id(values: list[str], cuts: list[int]) -> None:
    for at, is_new in enumerate(firsts_of(in_batches(values, cuts))):
        assert not is_new or values[at] not in values[:at]


@settings(deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=2**64 - 1), max_size=200), st.integers(min_value=1, max_value=50))
def test_a_filter_that_is_crowded_takes_some_for_seen_and_none_for_new_twice(numbers: list[int], size: int) -> None:
    seen, new = SeenFilter(2), []
    for at in range(0, len(numbers), size):
        batch = np.array(numbers[at : at + size], np.uint64)
        new += batch[seen.find_new(batch)].tolist()
    assert len(new) == len(set(new))


def test_ids_that_differ_are_mostly_new() -> None:
    hashes = hash_ids(pa.chunked_array([[f"user-{n}" for n in range(200_000)]], pa.string()))
    assert len(np.unique(hashes)) == 200_000
    assert SeenFilter().find_new(hashes).sum() > 199_900


def test_of_one_word_shared_by_many_ids_no_bit_is_lost() -> None:
    hashes = np.arange(64, dtype=np.uint64) << np.uint64(58)  # the lowest bits, which choose the word, are the same
    seen = SeenFilter()
    seen.find_new(hashes)
    assert not seen.find_new(hashes).any()


@settings(deadline=None)
@given(st.lists(st.binary(min_size=16, max_size=16), max_size=30), st.integers(min_value=0, max_value=30))
def test_the_hash_of_an_id_does_not_depend_on_where_it_stands(ids: list[bytes], cut: int) -> None:
    whole = pa.array(ids, pa.binary(16))
    parts = pa.chunked_array([whole.slice(0, cut), whole.slice(cut)], pa.binary(16))
    alone = [hash_ids(pa.chunked_array([pa.array([each], pa.binary(16))]))[0] for each in ids]
    assert hash_ids(parts).tolist() == hash_ids(pa.chunked_array([whole])).tolist() == alone


@settings(deadline=None)
@given(st.lists(st.text(), max_size=30), st.integers(min_value=0, max_value=30))
def test_the_hash_of_a_text_does_not_depend_on_where_it_stands(ids: list[str], cut: int) -> None:
    whole = pa.array(ids, pa.string())
    parts = pa.chunked_array([whole.slice(cut), whole.slice(0, cut)], pa.string())
    alone = [hash_ids(pa.chunked_array([pa.array([each], pa.string())]))[0] for each in ids]
    assert hash_ids(parts).tolist() == [*alone[cut:], *alone[:cut]]
    assert hash_ids(pa.chunked_array([whole.cast(pa.large_string())])).tolist() == alone


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), max_size=30, unique=True))
def test_texts_that_differ_have_hashes_that_differ(ids: list[str]) -> None:
    assert len(set(hash_ids(pa.chunked_array([ids], pa.string())).tolist())) == len(ids)
