"""What a folder, a pattern and a name written out lead to, and what is left out."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from footfall.errors import SourceChangedError, SourceError
from footfall.results import IgnoredName, Reason
from footfall.sources.finding import find_sources
from footfall.sources.ignored import COMPRESSIONS, FORMAT_ENDINGS, describe_ignored, has_ending, is_never_data

TEXT = b"interaction_id,user_id,product_id,action,timestamp\n"


def write(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(TEXT)


def reasons(*names: str) -> dict[str, Reason]:
    return {str(each): each.reason for each in find_sources(list(names)).ignored}


@contextmanager
def no_root() -> Iterator[None]:
    """Be an account that rights are asked of, also where the tests run as root."""
    user = os.geteuid()
    Path().chmod(0o755)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_is_recursive_in_bytewise_order_and_says_what_it_ignores() -> None:
    write("in/b.csv", "in/a/z.csv.gz", "in/a-b.csv", "in/c.csv.zst", "in/notes.txt", "in/a/x.CSV", "in/a/y.xml")
    found = find_sources(["in"])
    assert found.paths == ("in/a-b.csv", "in/a/x.CSV", "in/a/z.csv.gz", "in/b.csv", "in/c.csv.zst")
    assert found.ignored == ("in/a/y.xml", "in/notes.txt")


def test_the_case_of_an_ending_does_not_matter() -> None:
    write("in/a.csv", "in/B.CSV", "in/C.CSV.GZ", "in/d.Csv", "in/e.csv.ZST")
    names = ("in/B.CSV", "in/C.CSV.GZ", "in/a.csv", "in/d.Csv", "in/e.csv.ZST")
    assert (
        find_sources(["in"]).paths == find_sources(["in/*.csv*"]).paths == find_sources(["in/**/*.Csv*"]).paths == names
    )
    assert find_sources(["in/*.csv"]).paths == ("in/B.CSV", "in/a.csv", "in/d.Csv")
    assert find_sources(["in/*.gz"]).paths == ("in/C.CSV.GZ",)


def test_the_case_of_all_else_matters() -> None:
    write("in/a.csv", "in/A.csv", "in/a.csvx", "in/a.CSVX")
    assert find_sources(["in/a*.csv"]).paths == ("in/a.csv",)
    assert find_sources(["in/*.csvx"]).paths == ("in/a.csvx",)


@pytest.mark.parametrize("name", ["x*.csv", "empty", "text", "text/*.csv", "text/*/", "empty/**"])
def test_a_pattern_or_folder_without_a_file_is_refused(name: str) -> None:
    Path("empty").mkdir()
    write("text/a.txt")
    with pytest.raises(SourceError) as caught:
        find_sources([name])
    assert caught.value.message.startswith(f"{name}: ")
    assert not caught.value.retryable


def test_a_refusal_names_what_was_left_out() -> None:
    write("in/._a.csv", "in/b.txt", "elsewhere/d.csv")
    Path("in/link").symlink_to("../elsewhere")
    with pytest.raises(
        SourceError, match=r"in: the folder holds no file named .*; ignored 3 names: in/b\.txt"
    ) as caught:
        find_sources(["in"])
    assert all(name in caught.value.message for name in ("in/link", "in/._a.csv"))
    with pytest.raises(SourceError, match="no file matches; ignored 1 name: in/link"):
        find_sources(["in/l*/d.csv"])


@pytest.mark.parametrize("name", ["in", "in/**/*.csv", "in/*/*.csv"])
def test_a_folder_that_may_not_be_listed_is_an_error_that_names_it(name: str) -> None:
    write("in/a.csv", "in/closed/b.csv")
    Path("in/closed").chmod(0)
    with no_root(), pytest.raises(SourceError, match=r"in/closed: cannot be read \(Permission denied\)"):
        find_sources([name])
    Path("in/closed").chmod(0o755)


def test_a_name_behind_a_closed_folder_is_an_error_and_not_nothing() -> None:
    write("in/closed/b.csv")
    Path("in/closed").chmod(0o444)
    with no_root(), pytest.raises(SourceError, match=r"in/closed/b\.csv: cannot be read"):
        find_sources(["in/*/b.csv"])
    Path("in/closed").chmod(0o755)


@pytest.mark.parametrize("name", ["in", "in/**/*.csv"])
def test_a_folder_that_goes_away_meanwhile_is_an_error_worth_a_second_try(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("in/a/a.csv", "in/b/b.csv")
    real = os.scandir

    def lose(folder: str) -> object:
        if folder.startswith(("in/a", "in/b")):
            (Path(folder) / f"{Path(folder).name}.csv").unlink()
            Path(folder).rmdir()
        return real(folder)

    monkeypatch.setattr(os, "scandir", lose)
    with pytest.raises(SourceChangedError, match=r"in/[ab]: the folder was removed"):
        find_sources([name])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["in", "in/**/*.csv", "in/**"])
def test_each_folder_is_listed_once_and_no_plain_file_is_looked_at(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [f"in/{part}" for part in ("a", "b", "b/c")]
    write(*(f"{folder}/{number}.csv" for folder in folders for number in range(200)))
    listed, looked = [], []
    scandir, status = os.scandir, os.stat
    monkeypatch.setattr(os, "scandir", lambda folder: (listed.append(folder), scandir(folder))[1])
    monkeypatch.setattr(os, "stat", lambda path, **more: (looked.append(path), status(path, **more))[1])
    found = find_sources([name])
    monkeypatch.undo()
    assert len(found.paths) == 600
    assert sorted(each.rstrip("/") for each in listed) == ["in", *folders]
    assert len(looked) <= 2


def test_links_that_lead_upward_come_to_an_end() -> None:
    write("in/a/b/c.csv")
    for name in ("in/up", "in/a/up", "in/a/b/up"):
        Path(name).symlink_to(Path("in").absolute())
    left_out = ("in/a/b/up", "in/a/up", "in/up")
    for name in ("in", "in/**", "in/**/*.csv", "in/**/**/*.csv", "in/**/a/**/*.csv"):
        assert find_sources([name]).paths == ("in/a/b/c.csv",)
        assert find_sources([name]).ignored == left_out


def test_a_link_to_a_folder_is_followed_where_its_name_is_written_out() -> None:
    write("real/deep/b.csv", "in/a.csv")
    Path("in/link").symlink_to("../real")
    assert find_sources(["in"]).paths == ("in/a.csv",)
    assert reasons("in") == {"in/link": Reason.LINK}
    assert find_sources(["in/link"]).paths == find_sources(["in/link/"]).paths == ("in/link/deep/b.csv",)
    assert find_sources(["in/link/*/*.csv"]).paths == ("in/link/deep/b.csv",)
    assert find_sources(["*/link/*/*.csv"]).paths == ("in/link/deep/b.csv",)
    assert find_sources(["**/link/**/*.csv"]).paths == ("in/link/deep/b.csv",)
    assert reasons("**/link/**/*.csv") == {}
    assert find_sources(["in", "in/link"]).paths == ("in/a.csv", "in/link/deep/b.csv")
    assert reasons("in", "in/link") == {}
    with pytest.raises(SourceError, match="in/link"):
        find_sources(["in/li*/**/*.csv"])


def test_an_existing_path_is_itself_before_it_is_a_pattern() -> None:
    write("week[1]/a.csv", "week[1]/[b].csv", "week1/c.csv")
    assert find_sources(["week[1]"]).paths == ("week[1]/[b].csv", "week[1]/a.csv")
    assert find_sources(["week[1]/*.csv"]).paths == ("week[1]/[b].csv", "week[1]/a.csv")
    assert find_sources(["week[1]/[b].csv"]).paths == ("week[1]/[b].csv",)
    assert find_sources(["week[[]1]/a*"]).paths == ("week[1]/a.csv",)
    assert find_sources(["week[12]/*.csv"]).paths == ("week1/c.csv",)
    Path("week[1]/b.csv").write_bytes(TEXT)
    Path("week[1]/[b].csv").unlink()
    assert find_sources(["week[1]/[b].csv"]).paths == ("week[1]/b.csv",)


def test_a_file_named_like_a_pattern_hides_no_other_below_a_wildcard() -> None:
    write("in/a/**/x.csv", "in/a/b/*.csv", "in/a/b/c.csv")
    assert find_sources(["in/**/*.csv"]).paths == ("in/a/**/x.csv", "in/a/b/*.csv", "in/a/b/c.csv")
    assert find_sources(["in/a/?/*.csv"]).paths == ("in/a/b/*.csv", "in/a/b/c.csv")


@pytest.mark.parametrize("name", ["b[1].csv", "week[1]/*.csv", "**/b[1].csv"])
def test_of_brackets_that_match_nothing_it_is_said_how_to_write_them(name: str) -> None:
    write("b2.csv")
    with pytest.raises(SourceError) as caught:
        find_sources([name])
    assert "[ ] is a pattern" in caught.value.message
    assert "quote" not in caught.value.message
    cure = caught.value.message.rpartition("as in ")[2]
    assert cure == name.replace("[", "[[]")
    write(name.replace("**/", "").replace("*", "x"))
    assert len(find_sources([cure]).paths) == 1


@pytest.mark.parametrize("name", ["in/*", "in/p*", "in/**", "in/*.csv", "in/?ipe.csv", "*/pipe.csv", "in"])
def test_a_fifo_that_a_wildcard_meets_is_named_and_not_opened(name: str) -> None:
    write("in/people.csv")
    os.mkfifo("in/pipe.csv")
    try:
        found = find_sources([name])
    except SourceError as error:
        assert "in/pipe.csv (a FIFO, socket or device)" in error.message
    else:
        assert found.paths == ("in/people.csv",)
        assert reasons(name) == {"in/pipe.csv": Reason.SPECIAL}
    assert find_sources(["in/pipe.csv"]).paths == ("in/pipe.csv",)


def test_hidden_names_are_for_a_pattern_with_a_dot_and_for_a_folder() -> None:
    write("in/.a.csv", "in/b.csv", "in/.more/c.csv")
    assert find_sources(["in"]).paths == ("in/.a.csv", "in/.more/c.csv", "in/b.csv")
    assert find_sources(["in/*.csv"]).paths == ("in/b.csv",)
    assert reasons("in/*.csv") == {"in/.a.csv": Reason.HIDDEN}
    assert reasons("in/**/*.csv") == {"in/.a.csv": Reason.HIDDEN, "in/.more": Reason.HIDDEN}
    assert find_sources(["in/.*.csv"]).paths == ("in/.a.csv",)
    assert find_sources(["in/.more/*"]).paths == ("in/.more/c.csv",)


def test_a_folder_that_a_pattern_matches_is_named() -> None:
    write("in/a.csv", "in/b.csv.d/c.csv")
    assert find_sources(["in/*"]).paths == ("in/a.csv",)
    assert reasons("in/*") == {"in/b.csv.d": Reason.FOLDER}


LEFT_BEHIND = [
    "._a.csv", ".DS_Store", "Thumbs.db", "desktop.ini", "a.csv.tmp", "a.csv~", ".a.csv.swp", ".#a.csv", "#a.csv#",
    ".~lock.a.csv#", "~$a.csv", "a.csv.part", "a.csv.crdownload", "a.csv.1234abcd.partial", "a.csv.filepart",
    "_SUCCESS", "_committed_123", "_started_123", ".a.csv.crc", "a.csv._COPYING_",
]  # fmt: skip
LEFT_BEHIND_FOLDERS = [".ipynb_checkpoints", "__MACOSX", "_temporary", ".rsync-partial", "lost+found", "export.tmp"]


@pytest.mark.parametrize("name", [*LEFT_BEHIND, *(f"{folder}/a.csv" for folder in LEFT_BEHIND_FOLDERS)])
def test_what_systems_and_tools_leave_behind_makes_no_failed_load(name: str) -> None:
    write("in/b.csv", f"in/{name}")
    left_out = f"in/{name.partition('/')[0]}"
    for source in ("in", "in/**", "in/*"):
        found = find_sources([source])
        assert found.paths == ("in/b.csv",)
        assert [(str(each), each.reason) for each in found.ignored] == [(left_out, Reason.NEVER_DATA)]
    assert find_sources([f"in/{name}"]).paths == (f"in/{name}",)


@pytest.mark.parametrize(
    "name", ["a.csv", "part-00000.csv", "_a.csv", ".csv", "..csv", "~.csv", "#.csv", "tmp.csv", "a"]
)
def test_the_names_of_data_are_not_taken_for_what_tools_leave_behind(name: str) -> None:
    assert not is_never_data(name)


def test_each_file_is_taken_once_under_its_first_name() -> None:
    write("in/b.csv", "in/c/z.csv", "other.csv")
    Path("in/a.csv").symlink_to("b.csv")
    Path("in/d.csv").hardlink_to("in/b.csv")
    Path("in/e.csv").symlink_to("../other.csv")
    found = find_sources(["in", "in/c", "./in/b.csv", "in/c/*.csv", "other.csv", "in/e.csv"])
    assert found.paths == ("in/a.csv", "in/c/z.csv", "in/e.csv")
    assert [(str(each), each.taken_as) for each in found.ignored] == [
        ("in/b.csv", "in/a.csv"),
        ("in/d.csv", "in/a.csv"),
        ("in/c/z.csv", "in/c/z.csv"),
        ("./in/b.csv", "in/a.csv"),
        ("in/c/z.csv", "in/c/z.csv"),
        ("other.csv", "in/e.csv"),
        ("in/e.csv", "in/e.csv"),
    ]
    assert {each.reason for each in found.ignored} == {Reason.SAME}


def test_what_is_named_twice_is_taken_once() -> None:
    write("a.csv")
    url = "https://host/a.csv?token=secret"
    found = find_sources(["a.csv", "a.csv", "-", "-", url, url])
    assert found.paths == ("a.csv", "-", url)
    assert found.ignored == ("a.csv", "-", "https://host/a.csv?token=***")


def test_files_that_are_only_alike_are_all_taken() -> None:
    write("in/a.csv", "in/b.csv")
    Path("in/c.csv").symlink_to("nowhere")
    Path("in/d.csv").symlink_to("nowhere")
    assert find_sources(["in"]).paths == ("in/a.csv", "in/b.csv", "in/c.csv", "in/d.csv")


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("in//*.csv", ("in//a.csv",)),
        ("./in/*.csv", ("./in/a.csv",)),
        ("in/../in/*.csv", ("in/../in/a.csv",)),
        ("in/b/../*.csv", ("in/b/../a.csv",)),
        ("*/b/../*.csv", ("in/b/../a.csv",)),
        ("**/a.csv", ("in/a.csv",)),
        ("[!x]n/a.csv", ("in/a.csv",)),
    ],
)
def test_a_path_is_told_as_it_is_given(pattern: str, paths: tuple[str, ...]) -> None:
    write("in/a.csv", "in/b/x.txt")
    assert find_sources([pattern]).paths == paths


def test_a_pattern_may_begin_at_the_root(tmp_path: Path) -> None:
    write("in/a.csv")
    assert find_sources([f"{tmp_path}/i*/a.csv"]).paths == (f"{tmp_path}/in/a.csv",)


def test_what_is_said_is_bounded_and_one_line() -> None:
    names = [IgnoredName(f"in/{number}\n.txt", Reason.ENDING) for number in range(1000)]
    names += [IgnoredName("in/.DS_Store", Reason.NEVER_DATA), IgnoredName("in/link", Reason.LINK)]
    said = describe_ignored(names)
    assert said == (
        f"ignored 1,002 names: in/0\\n.txt, in/1\\n.txt, in/2\\n.txt and 997 more ({Reason.ENDING}); "
        f"in/link ({Reason.LINK}); in/.DS_Store ({Reason.NEVER_DATA})"
    )


def test_the_reason_names_every_ending() -> None:
    assert all(f"*{ending}" in Reason.ENDING for ending in FORMAT_ENDINGS)
    # A Parquet file is compressed within itself.
    packable = [ending for ending in FORMAT_ENDINGS if ending != ".parquet"]
    assert all(has_ending(f"A{ending}{packed}".upper()) for ending in packable for packed in COMPRESSIONS)


def test_a_folder_gives_what_a_source_definition_is_for_whatever_its_ending() -> None:
    write("in/a.dat", "in/b/c.dat", "in/d.dat.tmp", "in/e.log", "in/f.csv")
    found = find_sources(["in"], ["in/**/*.dat*", "./in/e.lo[g]"])
    assert found.paths == ("in/a.dat", "in/b/c.dat", "in/e.log", "in/f.csv")
    assert dict.fromkeys(found.ignored) == {"in/d.dat.tmp": None}
    assert find_sources(["in"]).paths == ("in/f.csv",)


def test_a_name_keeps_its_reason_when_it_travels() -> None:
    name = pickle.loads(pickle.dumps(IgnoredName("a", Reason.SAME, "b")))
    assert (name, name.reason, name.taken_as) == ("a", Reason.SAME, "b")
