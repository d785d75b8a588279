"""What has settled in a folder: real files and the kernel's own events, with a clock of the test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footfall.sources import file_systems, inbox
from footfall.sources.inbox import Inbox
from footfall.sources.inotify import FoldersWatched
from footfall.sources.waiting import Changes, Stop, Waiter

SETTLE_S = 5.0
WAIT_S = 600.0  # for an event of the kernel that is sure to come


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Watched:
    """A folder, its inbox and what the kernel tells of it."""

    folder: Path
    box: Inbox
    clock: Clock
    events: FoldersWatched

    def look(self) -> list[str]:
        self.box.note(Changes(*self.events.read()))
        self.box.look()
        self.events.watch(self.box.folders)
        return [os.path.relpath(path, self.folder) for path in self.box.list_settled()]

    def after(self, seconds: float) -> list[str]:
        self.clock.now += seconds
        return self.look()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    folder, clock, events = tmp_path / "in", Clock(), FoldersWatched()
    folder.mkdir()
    made = Watched(folder, Inbox([str(folder)], SETTLE_S, clock=clock), clock, events)
    assert made.look() == []
    yield made
    events.close()


def put(path: Path, content: str = "a\n") -> None:
    before = path.parent.parent / f"{path.name}.making"
    before.write_text(content)
    before.rename(path)


def test_a_file_that_is_moved_into_place_has_settled_at_once(watched: Watched) -> None:
    put(watched.folder / "b.csv")
    (watched.folder / "a.csv.part").write_text("a\n")
    assert watched.look() == ["b.csv"]
    (watched.folder / "a.csv.part").rename(watched.folder / "a.csv")
    assert watched.look() == ["a.csv", "b.csv"]


def test_a_file_that_is_written_in_place_has_settled_when_it_stopped_growing(watched: Watched) -> None:
    path = watched.folder / "a.csv"
    path.write_text("a\n")
    assert watched.look() == []
    for _ in range(5):
        with path.open("a") as file:
            file.write("b\n")
        assert watched.after(SETTLE_S - 1) == []
    assert watched.after(SETTLE_S - 1) == []
    assert watched.after(1) == ["a.csv"]


def test_a_file_that_is_moved_while_it_is_still_written_waits_until_it_stops(watched: Watched) -> None:
    with (watched.folder.parent / "making").open("w") as file:
        file.write("a\n")
        file.flush()
        (watched.folder.parent / "making").rename(watched.folder / "a.csv")
        file.write("b\n")
        file.flush()
        assert watched.look() == []
    assert watched.after(SETTLE_S) == ["a.csv"]


def test_rights_that_are_given_after_the_move_change_nothing(watched: Watched) -> None:
    put(watched.folder / "a.csv")
    (watched.folder / "a.csv").chmod(0o640)
    assert watched.look() == ["a.csv"]


def test_a_link_to_a_file_that_grows_waits_as_the_file_does(watched: Watched) -> None:
    target = watched.folder.parent / "elsewhere.csv"
    target.write_text("a\n")
    link = watched.folder.parent / "link"
    link.symlink_to(target)
    link.rename(watched.folder / "a.csv")
    assert watched.look() == []
    target.write_text("a\nb\n")
    assert watched.after(SETTLE_S) == []
    assert watched.after(SETTLE_S) == ["a.csv"]


def test_a_file_that_was_there_long_before_has_settled_where_its_times_can_be_believed(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = watched.folder / "a.csv"
    path.write_text("a\n")
    monkeypatch.setattr(inbox.time, "time_ns", lambda: path.stat().st_ctime_ns + int(SETTLE_S * 1e9) + 1)
    kinds = file_systems.WITH_CHANGE_TIMES
    monkeypatch.setattr(file_systems, "WITH_CHANGE_TIMES", frozenset())
    assert watched.look() == []
    monkeypatch.setattr(file_systems, "WITH_CHANGE_TIMES", kinds | {"overlay"})
    assert watched.look() == ["a.csv"]


def test_names_that_a_load_leaves_out_are_left_out(watched: Watched) -> None:
    for name in ("a.csv.part", ".a.csv.tmp", "notes.txt", "._b.csv", "b.csv~"):
        put(watched.folder / name)
    os.mkfifo(watched.folder / "pipe.csv")
    (watched.folder / "gone.csv").symlink_to("nowhere.csv")
    assert watched.look() == []
    assert watched.after(60) == []


def test_what_failed_or_was_loaded_comes_again_only_when_it_changes(watched: Watched) -> None:
    path = watched.folder / "a.csv"
    put(path)
    assert watched.look() == ["a.csv"]
    watched.box.finish(str(path))
    assert watched.after(60) == []
    put(path, "mended\n")
    assert watched.look() == ["a.csv"]
    watched.box.finish(str(path))
    path.chmod(0o600)
    assert watched.look() == []
    assert watched.after(SETTLE_S) == ["a.csv"]


def test_a_file_that_changes_before_its_turn_waits_again(watched: Watched) -> None:
    path = watched.folder / "a.csv"
    put(path)
    assert watched.look() == ["a.csv"]
    with path.open("a") as file:
        file.write("b\n")
    assert watched.box.list_still_settled([str(path)]) == []
    assert watched.look() == []
    assert watched.after(SETTLE_S) == ["a.csv"]
    path.unlink()
    assert watched.box.list_still_settled([str(path)]) == []


def test_a_file_that_cannot_be_read_for_now_is_tried_again_later_and_later(watched: Watched) -> None:
    path = watched.folder / "a.csv"
    put(path)
    pauses = []
    assert watched.look() == ["a.csv"]
    for _ in range(12):
        watched.box.hold(str(path))
        pause = watched.box.find_next_settled_s()
        assert pause is not None
        assert watched.after(pause - 0.5) == []
        assert watched.after(1) == ["a.csv"]
        pauses.append(pause)
    assert pauses == [min(inbox.HOLD_S * 2**n, inbox.HOLD_MAX_S) for n in range(12)]


def test_the_file_over_which_the_database_is_lost_again_and_again_lets_others_go_first(watched: Watched) -> None:
    for name in ("a.csv", "b.csv"):
        put(watched.folder / name)
    assert watched.look() == ["a.csv", "b.csv"]
    for expected in (["a.csv", "b.csv"], ["a.csv", "b.csv"], ["b.csv"]):
        watched.box.hold_if_lost_often(str(watched.folder / "a.csv"))
        assert watched.look() == expected
    assert watched.after(600) == ["a.csv", "b.csv"]


def test_nothing_is_remembered_of_names_that_are_gone(watched: Watched) -> None:
    for _ in range(3):
        for number in range(50):
            put(watched.folder / f"{number}.csv")
        for path in watched.look():
            watched.box.finish(str(watched.folder / path))
        assert len(watched.box.done) == 50
        for path in watched.folder.iterdir():
            path.unlink()
        assert watched.look() == []
        assert (watched.box.done, watched.box.arriving, watched.box._moved) == ({}, {}, set())


def test_a_folder_that_goes_and_comes_back_is_said_once_and_looked_at_again(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "footfall")
    put(watched.folder / "a.csv")
    assert watched.look() == ["a.csv"]
    watched.folder.rename(watched.folder.parent / "away")
    for _ in range(3):
        assert watched.look() == []
    (watched.folder.parent / "away").rename(watched.folder)
    watched.look()
    assert watched.after(SETTLE_S) == ["a.csv"]
    put(watched.folder / "b.csv")
    assert watched.look() == ["a.csv", "b.csv"]
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == [
        "is not there; waiting until it can be looked at",
        "is there",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_what_is_known_of_a_folder_that_cannot_be_read_is_kept(watched: Watched) -> None:
    put(watched.folder / "a.csv")
    watched.box.finish(str(watched.folder / watched.look()[0]))
    watched.folder.chmod(0)
    watched.look()
    watched.folder.chmod(0o700)
    assert watched.look() == []


def test_files_of_a_new_folder_and_of_a_name_that_is_not_text_are_found(watched: Watched) -> None:
    odd = os.fsdecode(b"\xff.csv")
    put(watched.folder / odd)
    (watched.folder / "d").mkdir()
    assert watched.look() == [odd]
    put(watched.folder / "d" / "a.csv")
    assert sorted(watched.look()) == ["d/a.csv", odd]


def test_the_kernel_wakes_who_waits_and_so_does_the_end(tmp_path: Path) -> None:
    stop = Stop()
    waiter = Waiter(stop)
    folder = f"{tmp_path}/"
    assert waiter.watch([folder], [folder]) == (True, True)
    put(tmp_path / "in.csv")
    assert waiter.wait(WAIT_S).moved == {f"{folder}in.csv"}
    stop.set()
    waiter.wait(WAIT_S)
    assert stop.wait(WAIT_S)
    waiter.close()
    stop.close()


def test_where_the_kernel_tells_nothing_the_clock_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = f"{tmp_path}/"
    stop = Stop()
    waiter = Waiter(stop)
    monkeypatch.setattr(file_systems, "ON_THIS_MACHINE", frozenset())
    assert waiter.watch([folder], [folder]) == (False, False)
    assert waiter.wait(0) == Changes()
    waiter.close()
    stop.close()


STEPS = st.lists(
    st.tuples(st.sampled_from(("write", "move", "append", "remove", "pass", "load")), st.sampled_from("abc")),
    max_size=25,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_is_done_to_files_each_last_state_is_given_once_and_none_that_grows(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]
) -> None:
    folder, clock, events = tmp_path_factory.mktemp("any") / "in", Clock(), FoldersWatched()
    folder.mkdir()
    box = Watched(folder, Inbox([str(folder)], SETTLE_S, clock=clock), clock, events)
    box.look()
    text: dict[str, str] = {}
    touched: dict[str, float] = {}
    given_: dict[str, list[str]] = {name: [] for name in "abc"}

    def take() -> None:
        for name in box.look():
            letter = name[0]
            assert clock.now - touched[letter] >= SETTLE_S or touched[letter] == 0
            given_[letter].append(text[letter])
            box.box.finish(str(folder / name))

    for number, (what, letter) in enumerate(steps):
        path = folder / f"{letter}.csv"
        if what in ("write", "append"):
            with path.open("w" if what == "write" else "a") as file:
                file.write(f"{number}\n")
            text[letter], touched[letter] = path.read_text(), clock.now
        elif what == "move":
            put(path, f"{number}\n")
            text[letter], touched[letter] = f"{number}\n", 0
        elif what == "remove":
            path.unlink(missing_ok=True)
            text.pop(letter, None)
        elif what == "pass":
            box.look()
            clock.now += 2
        else:
            take()
    box.look()
    clock.now += SETTLE_S
    take()
    take()
    for letter, last in text.items():
        assert given_[letter].count(last) == 1
    events.close()
