"""The shares of the servers make up the whole, and a long form is named where something is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sampling import ask_share, read_share, take_sample, take_share

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("of", [1, 2, 3, 4])
def test_the_shares_of_all_servers_are_every_case_once(of: int) -> None:
    cases = list(range(11))
    shares = [read_share(f"{number}/{of}") for number in range(1, of + 1)]
    assert sorted(case for share in shares for case in take_share(cases, share)) == cases


@pytest.mark.parametrize("count", [4, 5, 23])
def test_the_samples_of_a_long_list_are_every_case_once(count: int) -> None:
    cases = list(range(count))
    samples = [take_sample(cases, (first, 4), "test_of_many_cases") for first in range(4)]
    assert sorted(case for sample in samples for case in sample) == cases


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_sample_of_few_cases_is_one_and_not_the_first_everywhere(count: int) -> None:
    samples = [take_sample(range(count), (0, 4), f"test_{number}") for number in range(50)]
    assert {len(sample) for sample in samples} == {1}
    assert {sample[0] for sample in samples} == set(range(count))


def test_a_sample_of_all_is_all() -> None:
    assert list(take_sample(range(5), (0, 1), "test")) == list(range(5))


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "x/3"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a share of the tests is|invalid literal"):
        read_share(text)


def test_a_share_is_everything_where_no_variable_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sampling.IS_LONG", False)
    assert ask_share("FOOTFALL_TEST_ONE", "FOOTFALL_TEST_OTHER") == (0, 1)
    monkeypatch.setenv("FOOTFALL_TEST_OTHER", "2/3")
    assert ask_share("FOOTFALL_TEST_ONE", "FOOTFALL_TEST_OTHER") == (1, 3)
    monkeypatch.setenv("FOOTFALL_TEST_ONE", "4/4")
    assert ask_share("FOOTFALL_TEST_ONE", "FOOTFALL_TEST_OTHER") == (3, 4)


@pytest.mark.parametrize("script", ["Makefile", ".ci/run"])
def test_the_servers_take_all_shares_of_the_long_lists(script: str) -> None:
    text = (ROOT / script).read_text(encoding="utf-8")
    servers = re.search(r'^(?:SERVERS \?= |servers=")(.*?)"?$', text, re.MULTILINE)
    assert servers
    shares = int(re.findall(r"test-databases .*SHARES=(\d)", text)[-1])
    assert shares == len(servers[1].split()) + 1
    assert f"{shares}/{shares}" in text  # the share of the embedded server
    assert re.search(r" test (?:MATRIX=\S+ )?SAMPLE=1/1$", text, re.MULTILINE)


def test_every_target_that_runs_tests_is_described_for_contributors() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    targets = re.findall(r"^((?:test|crash|torture|fuzz|mutations)[a-z-]*):.*## ", makefile, re.MULTILINE)
    assert len(targets) > 8
    assert [target for target in targets if f"make {target}" not in page] == []
