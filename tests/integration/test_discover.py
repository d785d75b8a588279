"""Which files are there, and which load brought them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from footfall.errors import SourceError
from footfall.settings import load_settings
from footfall.verbs import check as check_verb
from footfall.verbs import discover as discover_verb
from footfall.verbs import load as load_verb

Write = Callable[..., str]
ROW = "1,1,1,click,2024-01-01"


def test_a_file_is_known_by_its_bytes_and_not_by_its_name(database: str, write_csv: Write) -> None:
    settings = load_settings(database_url=database)
    first, same, other = write_csv("a.csv", ROW), write_csv("b.csv", ROW), write_csv("c.csv", "2,1,1,click,2024-01-01")
    load_id = load_verb.load([first], settings).loads[0].load_id
    found = discover_verb.discover([other, same], settings)
    assert [(each.source, each.load_id) for each in found] == [(other, None), (same, load_id)]
    assert found[1].size_bytes == Path(same).stat().st_size


def test_where_there_are_no_tables_nothing_is_loaded_and_none_are_made(database: str, write_csv: Write) -> None:
    found = discover_verb.discover([write_csv("a.csv", ROW)], load_settings(database_url=database))
    assert [each.load_id for each in found] == [None]
    with psycopg.connect(database) as connection:
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()
    assert tables == (0,)


def test_a_file_that_cannot_be_read_has_no_digest(database: str, tmp_path: Path) -> None:
    (tmp_path / "cut.csv.gz").mkdir()
    link = tmp_path / "gone.csv"
    link.symlink_to(tmp_path / "nowhere")
    found = discover_verb.discover([str(link)], load_settings(database_url=database))
    assert [(each.digest, each.load_id) for each in found] == [(None, None)]


def test_a_pattern_without_a_file_is_refused(database: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        discover_verb.discover([str(tmp_path / "*.csv")], load_settings(database_url=database))


def test_discover_check_and_load_find_the_same_and_leave_out_the_same(
    database: str, tmp_path: Path, write_csv: Write
) -> None:
    settings = load_settings(database_url=database)
    for number, name in enumerate(("a.csv", "B.CSV", "._a.csv", "notes.txt"), start=1):
        write_csv(f"in/{name}", f"{number},1,1,click,2024-01-01")
    write_csv("elsewhere/c.csv", "9,1,1,click,2024-01-01")
    (tmp_path / "in/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/z.csv").symlink_to(tmp_path / "in/a.csv")
    names = ["in", "in/*.csv", "in/a.csv", "in/a.csv"]
    found = discover_verb.discover(names, settings)
    checked, loaded = check_verb.check(names, settings), load_verb.load(names, settings)
    assert [each.source for each in found] == ["in/B.CSV", "in/a.csv"]
    assert [each.source for each in checked.loads] == [each.source for each in loaded.loads] == ["in/B.CSV", "in/a.csv"]
    assert found.ignored == checked.ignored == loaded.ignored
    assert set(found.ignored) >= {"in/._a.csv", "in/notes.txt", "in/link", "in/z.csv"}
    assert (checked.rows_loaded, checked.rows_duplicate) == (loaded.rows_loaded, loaded.rows_duplicate) == (2, 0)
