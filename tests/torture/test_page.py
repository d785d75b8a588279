"""The page on torture files says what is tested: each pollution, its number of files, and the reading that is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from pollutions import POLLUTIONS, files

PAGE = Path(__file__).resolve().parents[2] / "docs/explanation/torture-files.md"
HEAD = "| Pollution | Files | What becomes of them |\n| --- | ---: | --- |\n"


def table_line(name: str) -> str:
    """Give the page's line on one pollution."""
    count = sum(1 for _ in files(name))
    return f"| {name} | {count:,} | {POLLUTIONS[name][0]} |"


@pytest.mark.parametrize("name", POLLUTIONS)
def test_the_page_has_the_line_of_each_pollution(name: str) -> None:
    assert table_line(name) in PAGE.read_text(encoding="utf-8").splitlines()


def test_the_page_has_no_other_pollution_and_the_right_sum() -> None:
    page = PAGE.read_text(encoding="utf-8")
    lines = page.split(HEAD)[1].split("\n\n")[0].splitlines()
    assert len(lines) == len(POLLUTIONS)
    total = sum(1 for name in POLLUTIONS for _ in files(name))
    assert f"{total:,} files" in page
