"""The script that loads MovieLens is right on a small file of the same shape, made here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "real_data.py"
HEADER = "userId,movieId,rating,timestamp\n"
RATINGS = "1,16,4.0,1217897793\n1,24,1.5,1217895807\n2,16,4.0,1217897793\n"
TAGS = 'userId,movieId,tag,timestamp\n2,16,fantasy,1436680885\n2,16,"dark, slow",1436680885\n'


@pytest.mark.slow
@pytest.mark.parametrize("header", [HEADER, ""], ids=["with a header", "without a header"])
def test_ratings_and_tags_load_as_they_are_and_equal_the_recount(
    new_database: Callable[[], str], tmp_path: Path, header: str
) -> None:
    (tmp_path / "ratings.csv").write_text(header + RATINGS, encoding="utf-8")
    (tmp_path / "tags.csv").write_text(TAGS, encoding="utf-8")
    command = [sys.executable, str(SCRIPT), str(tmp_path), "--database", new_database()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ratings.csv: read 3, loaded 3, duplicate 0, rejected 0" in done.stdout
    assert "a second time: ratings.csv already-loaded, tags.csv already-loaded" in done.stdout
    assert "5 rows and 3 pairs equal" in done.stdout
