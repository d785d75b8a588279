"""`check` gives the verdicts, the sums and the exit code of a load of the same files into an empty database."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.results import LoadResult, LoadSummary
from footfall.settings import load_settings
from footfall.verbs import check as check_verb
from footfall.verbs import load as load_verb
from sampling import examples

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
BOUNDS = (None, "1.0", "0", "1", "2", "20%", "50%", "99%")
SAME = settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Few ids and contents, so that rows meet: duplicates and conflicts, in a file and between files.
row = st.builds("{},{},1,{},2024-01-01".format, st.integers(1, 6), st.integers(1, 2), st.sampled_from(["view", "buy"]))
bad = st.sampled_from(["x,1,1,view,2024-01-01", "1,1,1,,2024-01-01", "1,1", '2,1,1,"view,2024-01-01', ""])
good_file = st.lists(st.one_of(row, row, row, bad), max_size=8).map(
    lambda lines: HEADER + "".join(f"{x}\n" for x in lines)
)
broken_file = st.sampled_from(["", "id,user\n1,2\n", HEADER, HEADER + "x,y,z,,\n"])
contents_of_files = st.lists(st.one_of(good_file, good_file, good_file, broken_file), min_size=1, max_size=5)


@st.composite
def deliveries(draw: st.DrawFn) -> list[str]:
    """Give the contents of some files, some of them delivered twice or more."""
    files = draw(contents_of_files)
    order = draw(st.lists(st.integers(0, len(files) - 1), max_size=4))
    return draw(st.permutations([*files, *(files[at] for at in order)]))


def verdict(of: LoadResult) -> tuple[Any, ...]:
    """Give what check and load must agree on of one file."""
    status = {"checked": "loaded"}.get(of.status, of.status)
    kind = type(of.failure)
    groups = {(each.code, each.field, each.rows, each.sample_line_number, each.sample_value) for each in of.groups}
    # A file that is refused keeps its kinds of problems in a check alone.
    shown = frozenset() if of.status == "failed" else frozenset(groups)
    return of.source, of.digest, status, kind, of.exit_code, of.rows_read, of.rows_loaded, of.rows_duplicate, shown


def both(make: Callable[[], str], names: list[str], bound: str | None) -> tuple[LoadSummary, LoadSummary]:
    checked = check_verb.check(names, load_settings(max_rejected=bound))
    loaded = load_verb.load(names, load_settings(database_url=make(), max_rejected=bound))
    return checked, loaded


@pytest.mark.slow
@SAME
@given(files=deliveries(), bound=st.sampled_from(BOUNDS))
def test_a_check_says_of_any_files_what_a_load_into_an_empty_database_says(
    emptied_database: Callable[[], str], tmp_path: Path, files: list[str], bound: str | None
) -> None:
    names = []
    for at, text in enumerate(files):
        path = tmp_path / f"{at}.csv"
        path.write_text(text)
        names.append(os.fspath(path))
    checked, loaded = both(emptied_database, names, bound)
    assert [verdict(each) for each in checked.loads] == [verdict(each) for each in loaded.loads]
    assert checked.exit_code == loaded.exit_code
    assert (checked.rows_read, checked.rows_rejected) == (loaded.rows_read, loaded.rows_rejected)


def lines(*rows: str) -> str:
    return HEADER + "".join(f"{each}\n" for each in rows)


@pytest.mark.parametrize("bound", ["20%", "1"])
def test_the_rows_of_a_refused_file_claim_no_id(
    emptied_database: Callable[[], str], tmp_path: Path, bound: str
) -> None:
    first = [f"{number},1,1,view,2024-01-01" for number in range(1, 4)]
    (tmp_path / "A.csv").write_text(lines(*first, "1,2,1,view,2024-01-01", "2,2,1,view,2024-01-01"))
    (tmp_path / "B.csv").write_text(lines("3,9,9,buy,2024-01-01", "4,1,1,view,2024-01-01"))
    checked, loaded = both(emptied_database, ["A.csv", "B.csv"], bound)
    assert [each.status for each in checked.loads] == ["failed", "checked"]
    assert [verdict(each) for each in checked.loads] == [verdict(each) for each in loaded.loads]
    assert checked.exit_code == loaded.exit_code == 4
    assert checked.loads[1].rows_loaded == 2
    (conflict,) = checked.loads[0].groups
    assert (conflict.code, conflict.rows) == ("conflicting-duplicate", 2)


def test_a_copy_of_a_refused_file_has_its_own_turn(emptied_database: Callable[[], str], tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_text(lines("1,1,1,view,2024-01-01", "1,2,1,view,2024-01-01", "1,3,1,view,2024-01-01"))
    # B brings the content of A's second row: in C, that row is a duplicate then.
    (tmp_path / "B.csv").write_text(lines("1,2,1,view,2024-01-01"))
    (tmp_path / "C.csv").write_bytes((tmp_path / "A.csv").read_bytes())
    (tmp_path / "D.csv").write_bytes((tmp_path / "A.csv").read_bytes())
    for bound in ("1", "2"):
        checked, loaded = both(emptied_database, ["A.csv", "B.csv", "C.csv", "D.csv"], bound)
        assert [verdict(each) for each in checked.loads] == [verdict(each) for each in loaded.loads]
