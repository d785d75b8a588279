"""Which files are there, and which load brought them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from footfall import pipeline, retrieval
from footfall.errors import SourceError
from footfall.settings import load_settings

Write = Callable[..., str]
ROW = "1,1,1,click,2024-01-01"


def test_a_file_is_known_by_its_bytes_and_not_by_its_name(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=database)
    first, same, other = write_csv("a.csv", ROW), write_csv("b.csv", ROW), write_csv("c.csv", "2,1,1,click,2024-01-01")
    load_id = pipeline.load([first], settings).loads[0].load_id
    found = retrieval.discover([other, same], settings)
    assert [(each.source, each.load_id) for each in found] == [(other, None), (same, load_id)]
    assert found[1].size_bytes == Path(same).stat().st_size


def test_where_there_are_no_tables_nothing_is_loaded_and_none_are_made(database: str, write_csv: Write) -> None:
    found = retrieval.discover([write_csv("a.csv", ROW)], load_settings(database_url=database))
    assert [each.load_id for each in found] == [None]
    with psycopg.connect(database) as connection:
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()
    assert tables == (0,)


def test_a_file_that_cannot_be_read_has_no_digest(database: str, tmp_path: Path) -> None:
    (tmp_path / "cut.csv.gz").mkdir()
    link = tmp_path / "gone.csv"
    link.symlink_to(tmp_path / "nowhere")
    found = retrieval.discover([str(link)], load_settings(database_url=database))
    assert [(each.digest, each.load_id) for each in found] == [(None, None)]


def test_a_pattern_without_a_file_is_refused(database: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        retrieval.discover([str(tmp_path / "*.csv")], load_settings(database_url=database))
