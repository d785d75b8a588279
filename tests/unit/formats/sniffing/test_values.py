"""What the values of a column are: types of ids, words for nothing, lists."""

from __future__ import annotations

import pytest

from footfall.formats.sniffing.records import Column
from footfall.formats.sniffing.values import Profile, make_profile

ID = "018e1f3a-0001-7000-8000-0000000000a1"


def profile(*values: str | None, words: str = "user_id") -> Profile:
    return make_profile(Column(words, words, values), len(values))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "0", "9223372036854775807"], "bigint"),
        (["123.0", "7"], "bigint"),
        (["00123", "7"], "text"),
        (["9223372036854775808"], "text"),
        (["1.5", "2"], "text"),
        (["u1", "2"], "text"),
        (["-5", "3"], "text"),
        ([ID, ID.upper()], "uuid"),
        ([ID.replace("-", "")], "text"),
        (["1e3"], "text"),
    ],
)
def test_the_type_of_ids_is_told_from_all_of_them(values: list[str], kind: str) -> None:
    assert profile(*values).choose_id_type()[0] == kind


def test_a_few_words_among_very_many_numbers_are_said() -> None:
    kind, why = profile(*map(str, range(5000)), "none of these").choose_id_type()
    assert kind == "bigint"
    assert "will be rejected" in why


@pytest.mark.parametrize(
    ("values", "nulls"),
    [
        (["1", "NULL", "2"], {"NULL"}),
        (["1", "\\N", "NaN"], {"\\N", "NaN"}),
        (["1", "NA"], {"NA"}),
        (["1", "-1"], {"-1"}),
        (["view", "None", "cart"], set()),
        (["view", "-"], {"-"}),
        (["-", "-"], {"-"}),
        (["NA", "DE", "FR"], set()),
        (["-1", "-2", "3"], set()),
        (["", " ", "1"], set()),
    ],
)
def test_words_that_stand_for_nothing_are_told_by_what_stands_beside_them(values: list[str], nulls: set[str]) -> None:
    assert profile(*values).nulls == nulls


def test_missing_values_are_counted_and_a_value_of_its_own_in_each_row_makes_a_column_unique() -> None:
    some = profile("1", None, "", " 2 ", "NULL")
    assert (some.filled, some.missing, some.distinct, some.is_unique) == (2, 3, 2, False)
    assert profile("1", "2").is_unique
    assert not profile("1", "1").is_unique


@pytest.mark.parametrize(
    ("values", "is_list"),
    [
        (["N1 N2 N3", "N4"], True),
        (["1|2|3", "4|5"], True),
        (["N1", "N2"], False),
        (["a nice thing", "another"], False),
    ],
)
def test_a_list_of_ids_is_told_from_one_id(values: list[str], is_list: bool) -> None:
    assert profile(*values).is_list is is_list
