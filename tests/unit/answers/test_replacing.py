"""Replacing a file as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from footfall.answers.replacing import open_replacement


@pytest.mark.parametrize(
    "stem", ["a" * 251, "報" * 82 + "abcde", "\U0001f463" * 62 + "abc"], ids=["a", "Japanese", "emoji"]
)
def test_a_file_with_the_longest_name_that_there_is_is_replaced(tmp_path: Path, stem: str) -> None:
    place = tmp_path / f"{stem}.csv"
    for text in ("old", "new"):
        with open_replacement(place) as stream:
            stream.write(text)
    assert place.read_text() == "new"
    assert list(tmp_path.iterdir()) == [place]
