"""Any tree, any pattern: what is found and what is left out are those of a plain statement of the rule."""

# os.path keeps every name as it is; a Path would not.
# ruff: noqa: PTH110, PTH112, PTH113, PTH116, PTH208

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.errors import SourceError
from footfall.sources.finding import find_sources
from sampling import examples

NEVER_DATA = {"._a.csv", "x.tmp", "_SUCCESS", ".ipynb_checkpoints"}
NAMES = [
    "a.csv", "B.CSV", "c.csv.gz", "D.Csv.ZST", "notes.txt", ".hidden.csv", "week[1]", "week1", "[ab].csv", "*.csv",
    "**", "sub", "deep", ".more", "\u00e9.csv", "not-utf8-\udcff.csv", "line\nbreak.csv", "say x.CSV", ".csv",
    *NEVER_DATA,
]  # fmt: skip
KINDS = ["file", "file", "file", "folder", "folder", "fifo", "link", "link", "hard link", "broken link"]
PATTERNS = [
    "**/*.csv", "**/*.csv*", "**", "*", "*.csv", "*/*.csv", "*/sub/*.csv", "sub/*.csv", "sub/**/*.csv",
    "**/sub/**/*.csv", "week[1]/*.csv", "week[[]1]/*.csv", "[ab].csv", "**/[ab].csv", "week?/**", "*/", ".*.csv",
    "**/.more/*", "**/**/a*", "**/a.csv", "s*/d*/*", "./sub/../*.csv",
]  # fmt: skip
ROOT = "root"

steps = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 50), st.sampled_from(NAMES), st.integers(0, 50)), max_size=25
)


def build(steps: list[tuple[str, int, str, int]]) -> None:
    """Make a tree below the folder `root`; links lead up, down, around, to files and to nothing."""
    Path(ROOT).mkdir()
    folders, others = [ROOT], [ROOT]
    for kind, where, name, target in steps:
        path = Path(folders[where % len(folders)], name)
        aim = others[target % len(others)]
        if os.path.lexists(path):
            continue
        if kind == "file":
            path.write_bytes(b"")
        elif kind == "folder":
            path.mkdir()
            folders.append(str(path))
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "hard link" and stat.S_ISREG(os.lstat(aim).st_mode):
            path.hardlink_to(aim)
        elif kind == "link":
            path.symlink_to(Path(aim).absolute())
        elif kind == "broken link":
            path.symlink_to("nowhere")
        else:
            continue
        others.append(str(path))


# The rule, in words as plain as they can be: (path, is_source) of all that is met, and folders are looked into.


def is_folder(path: str) -> bool:
    return stat.S_ISDIR(os.lstat(path).st_mode)


def is_source(path: str) -> bool:
    """Say whether a file, or a link to one or to nothing, is there, and no folder, FIFO or link to these."""
    return os.path.isfile(path) or not os.path.exists(path)


def met_by_folder(folder: str) -> Iterator[tuple[str, bool]]:
    for name in os.listdir(folder):
        path = f"{folder}/{name}"
        if name in NEVER_DATA:
            yield path, False
        elif is_folder(path):
            yield from met_by_folder(path)
        else:
            yield path, name.lower().endswith((".csv", ".csv.gz", ".csv.zst")) and is_source(path)


def fits(pattern: str, name: str) -> bool:
    """Match one name, by trying; the only ending of a pattern in these tests whose case is open is .csv."""
    if pattern[:1] == "*":
        return fits(pattern[1:], name) or (name != "" and fits(pattern, name[1:]))
    if pattern.lower() == ".csv" and len(name) == 4:
        return name.lower() == ".csv"
    if pattern.lower() == ".csv*":
        return name[:4].lower() == ".csv"
    if pattern[:1] == "[":
        characters, _, rest = pattern[1:].partition("]")
        return name[:1] in tuple(characters) and fits(rest, name[1:])
    if pattern[:1] == "?":
        return name != "" and fits(pattern[1:], name[1:])
    return name == pattern if pattern == "" or name == "" else name[0] == pattern[0] and fits(pattern[1:], name[1:])


def met_by_pattern(folder: str, parts: list[str], is_written: bool = True) -> Iterator[tuple[str, bool]]:
    """Give all that a pattern meets below a folder; `is_written`: no wildcard stands before these parts."""
    part, rest = parts[0], parts[1:]
    path = f"{folder}/{part}"
    if not set(part) & set("*?[") or (is_written and rest and os.path.lexists(path)):
        if rest and os.path.isdir(path):
            yield path, True  # entered, since it is written out; no source, and not left out
            yield from met_by_pattern(path, rest, is_written)
        elif not rest and os.path.lexists(path):
            yield path, is_source(path)
        return
    if part == "**" and rest:
        yield from met_by_pattern(folder, rest, is_written=False)
    for name in os.listdir(folder):
        path = f"{folder}/{name}"
        if part != "**" and name != part and not fits(part, name):
            continue
        may_be_met = name not in NEVER_DATA and (part[0] == "." or name[0] != ".")
        if rest or part == "**":
            if may_be_met and is_folder(path):
                yield from met_by_pattern(path, parts if part == "**" else rest, is_written=False)
            elif os.path.isdir(path) or not rest:
                yield path, may_be_met and is_source(path)
        else:
            yield path, may_be_met and is_source(path)


def expected(met: Iterator[tuple[str, bool]]) -> tuple[list[str], set[str]]:
    """Give what is read, each real file once, in bytewise order, and all that was met and is not."""
    verdicts: dict[str, bool] = {}
    for path, is_read in met:
        verdicts[path] = verdicts.get(path, False) or is_read
    read: list[str] = []
    files = set()
    for path in sorted((path for path, is_read in verdicts.items() if is_read), key=os.fsencode):
        if os.path.isdir(path):
            continue
        key = (os.stat(path).st_dev, os.stat(path).st_ino) if os.path.isfile(path) else path
        if key not in files:
            files.add(key)
            read.append(path)
    left_out = {path for path in verdicts if path not in read and not (verdicts[path] and os.path.isdir(path))}
    return read, left_out


def found(name: str) -> tuple[list[str], set[str]]:
    try:
        there = find_sources([name])
    except SourceError as error:
        return [], {error.message}
    assert len(set(there.ignored)) == len(there.ignored)
    return list(there.paths), {str(each) for each in there.ignored}


def assert_agree(name: str, met: Iterator[tuple[str, bool]]) -> None:
    read, left_out = expected(met)
    assert (paths := found(name)[0]) == read, paths
    if read:
        assert found(name)[1] == left_out
    elif left_out:
        (message,) = found(name)[1]
        assert f"ignored {len(left_out)} name" in message


@pytest.fixture(autouse=True)
def _in_a_short_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tempfile.mkdtemp()
    monkeypatch.chdir(folder)
    yield
    shutil.rmtree(folder)


def in_a_new_tree(steps: list[tuple[str, int, str, int]]) -> None:
    shutil.rmtree(ROOT, ignore_errors=True)
    build(steps)


@settings(max_examples=examples(150), deadline=None)
@given(steps=steps)
def test_a_folder_gives_what_the_rule_says_and_names_all_else(steps: list[tuple[str, int, str, int]]) -> None:
    in_a_new_tree(steps)
    assert_agree(ROOT, met_by_folder(ROOT))


@settings(max_examples=examples(150), deadline=None)
@given(steps=steps)
def test_each_name_below_a_folder_is_read_or_left_out_or_a_folder_that_is_looked_into(
    steps: list[tuple[str, int, str, int]],
) -> None:
    in_a_new_tree(steps)
    Path(ROOT, "one more.csv").write_bytes(b"")
    paths, ignored = found(ROOT)
    walked = {root for root, folders, files in os.walk(ROOT) if not NEVER_DATA & set(root.split("/"))}
    entries = {f"{folder}/{name}" for folder in walked for name in os.listdir(folder)}
    assert {*paths, *ignored} == entries - walked
    assert not set(paths) & ignored


@settings(max_examples=examples(300), deadline=None)
@given(steps=steps, pattern=st.sampled_from(PATTERNS))
def test_a_pattern_gives_what_the_rule_says_and_names_all_else(
    steps: list[tuple[str, int, str, int]], pattern: str
) -> None:
    in_a_new_tree(steps)
    name = f"{ROOT}/{pattern}"
    if os.path.lexists(name):
        assert found(name)[0] == [name] or os.path.isdir(name)
    else:
        assert_agree(name, met_by_pattern(ROOT, pattern.split("/")))


@settings(max_examples=examples(100), deadline=None)
@given(steps=steps)
def test_a_folder_and_its_pattern_differ_in_hidden_names_alone(steps: list[tuple[str, int, str, int]]) -> None:
    in_a_new_tree([step for step in steps if step[2][0] != "."])
    for name in ("**", "*.csv"):  # a name that is there is itself: what it means is in other tests
        if os.path.lexists(f"{ROOT}/{name}"):
            return
    patterns = [f"{ROOT}/**/*{ending}" for ending in (".csv", ".csv.gz", ".csv.zst")]
    by_pattern = {path for pattern in patterns for path in found(pattern)[0]}
    real = {path for path in by_pattern if os.path.isfile(path)}
    files = {os.path.realpath(path) for path in found(ROOT)[0] if os.path.isfile(path)}
    inodes = {os.stat(path).st_ino for path in real}
    assert inodes == {os.stat(path).st_ino for path in files}
    assert by_pattern - real == {path for path in found(ROOT)[0] if not os.path.isfile(path)}
