"""The shares of the servers make up the whole, and a long form is named where something is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sampling import read_share

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("of", [1, 2, 3, 4])
def test_the_shares_of_all_servers_are_every_case_once(of: int) -> None:
    cases = list(range(11))
    shares = [read_share(f"{number}/{of}") for number in range(1, of + 1)]
    assert sorted(case for first, step in shares for case in cases[first::step]) == cases


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "x/3"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a share of the tests is|invalid literal"):
        read_share(text)


def test_every_target_that_runs_tests_is_described_for_contributors() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    targets = re.findall(r"^((?:test|crash|torture|fuzz|mutations)[a-z-]*):.*## ", makefile, re.MULTILINE)
    assert len(targets) > 8
    assert [target for target in targets if f"make {target}" not in page] == []
