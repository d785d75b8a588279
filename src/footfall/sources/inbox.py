"""Know what is in the watched places, and which files have settled, so that they can be loaded.

A file has settled when it was moved into its folder under its name, when it has not changed for some seconds while it
was watched, or when it was last touched longer ago than that. One number is remembered for each name that is there, so
memory grows with the folder, and not with its history.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from footfall.errors import SourceChangedError, SourceError
from footfall.safe_text import find_scheme, mask_source
from footfall.sources import finding, opening, stores
from footfall.sources.file_systems import keeps_change_times_at
from footfall.sources.ignored import is_never_data
from footfall.sources.waiting import Changes

log = logging.getLogger("footfall")

WHOLE_OBJECTS = ("s3", "gs")  # an object of these stores is there as a whole or not at all
HOLD_S, HOLD_MAX_S = 5.0, 600.0  # seconds until a file that could not be read for now is tried again
LOSSES_MAX = 3  # how often the database may be lost during the load of one file before other files go first


@dataclass(slots=True)
class _Arriving:
    """A file that is not loaded yet. Units: seconds of the monotonic clock.

    Shape: `state` changes with the content of the file. `since` is when this state was first seen. A file with
    `is_settled` does not have to wait.
    """

    state: int
    since: float
    first_seen: float
    is_settled: bool
    held_until: float = 0.0
    tries: int = 0


@dataclass(slots=True)
class Inbox:
    """The watched places. Grain: one entry for each name that is there now.

    Shape: `arriving` is in loading order. `done` has the state in which each file was loaded or failed. `folders` has
    the folders to watch for changes, `roots` the places themselves, and `missing` the places that are not there, with
    the reason. An inbox with `is_patient` warns of these and waits.
    """

    names: Sequence[str]
    settle_s: float
    also: Sequence[str] = ()
    is_patient: bool = True
    clock: Callable[[], float] = time.monotonic
    arriving: dict[str, _Arriving] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    _moved: set[str] = field(default_factory=set)

    def note(self, changes: Changes) -> bool:
        """Note the changes that the kernel told. True where the folders have to be looked at."""
        self._moved |= changes.moved
        must_look = changes.is_unsure or bool(changes.moved)
        for path in changes.changed:
            self._moved.discard(path)
            known = self.arriving.get(path)
            if known is not None:
                known.is_settled = False
                must_look = self._is_gone(path, known) or must_look
            elif not is_never_data(path.rpartition("/")[2]):
                must_look = True
        return must_look

    def _is_gone(self, path: str, known: _Arriving) -> bool:
        look = opening.find_identity(path)
        if look is not None and hash(look) != known.state:
            known.state, known.since = hash(look), self.clock()
        return look is None

    def look(self) -> None:
        """Look at all places. Effects: forgets files that are gone, unless a place could not be looked at."""
        arriving: dict[str, _Arriving] = {}
        done: dict[str, int] = {}
        self.roots, self.folders = [], []
        believed: dict[int, bool] = {}
        is_whole_look = True
        for name in self.names:
            try:
                states = self._look_at(name, believed)
            except SourceChangedError:  # a folder was removed while it was searched; the next look sees what is left
                is_whole_look = False
            except SourceError as error:
                self._note_missing(name, error.reason)
                is_whole_look = False
            else:
                for path, state, is_settled in states:
                    if path in arriving or path in done:
                        continue
                    if self.done.get(path) == state:
                        done[path] = state
                    else:
                        arriving[path] = self._follow(path, state, is_settled)
        if not is_whole_look:  # a file is not gone because its place could not be looked at
            arriving |= {path: known for path, known in self.arriving.items() if path not in arriving | done}
            done |= {path: state for path, state in self.done.items() if path not in arriving}
        self.arriving, self.done = arriving, done
        self._moved.clear()

    def _look_at(self, name: str, believed: dict[int, bool]) -> Iterator[tuple[str, int, bool]]:
        kind = find_scheme(name)
        if kind in stores.STORES:
            states = stores.find_states(name, self.also)
            self._find(name)
            return ((url, state, kind in WHOLE_OBJECTS) for url, state in states.items())
        found = finding.find_present(name, self.also)
        if found is None:
            self._note_missing(name, "is not there")
            return iter(())
        self._find(name)
        paths, folders = found
        self.folders += folders
        self.roots += folders[:1]
        return self._look_at_files(paths, believed)

    def _look_at_files(self, paths: list[str], believed: dict[int, bool]) -> Iterator[tuple[str, int, bool]]:
        now_ns = time.time_ns()
        for path in paths:
            look = opening.find_identity(path)
            if look is None:
                continue
            is_settled = path in self._moved and not Path(path).is_symlink()
            age_ns = now_ns - max(look.modified_ns, look.changed_ns)
            if not is_settled and age_ns > self.settle_s * 1e9:
                if look.device not in believed:
                    believed[look.device] = bool(keeps_change_times_at(_to_bytes(path), look.device))
                is_settled = believed[look.device]
            yield path, hash(look), is_settled

    def _follow(self, path: str, state: int, is_settled: bool) -> _Arriving:
        known = self.arriving.get(path)
        if known is None:
            now = self.clock()
            return _Arriving(state, now, now, is_settled)
        if known.state != state:
            known.state, known.since, known.is_settled, known.tries, known.held_until = state, self.clock(), False, 0, 0
        known.is_settled = known.is_settled or is_settled
        return known

    def _note_missing(self, name: str, reason: str) -> None:
        if self.missing.get(name) != reason:
            self.missing[name] = reason
            if self.is_patient:
                log.warning(f"{mask_source(name)}: {reason}; waiting until it can be looked at")

    def _find(self, name: str) -> None:
        if self.missing.pop(name, None) is not None:
            log.info(f"{mask_source(name)}: is there")

    def list_settled(self) -> list[str]:
        """Give the names of the files that can be loaded now, in loading order."""
        now = self.clock()
        return [
            path
            for path, known in self.arriving.items()
            if known.held_until <= now and (known.is_settled or now - known.since >= self.settle_s)
        ]

    def find_next_settled_s(self) -> float | None:
        """Give the seconds until the next file may have settled; None where nothing arrives."""
        now = self.clock()
        return min(
            (
                max(known.held_until - now, 0.0 if known.is_settled else known.since + self.settle_s - now)
                for known in self.arriving.values()
            ),
            default=None,
        )

    def list_still_settled(self, paths: Sequence[str]) -> list[str]:
        """Give the files that are still in the state in which they settled. The others wait again."""
        return [path for path in paths if self._is_still(path)]

    def _is_still(self, path: str) -> bool:
        known = self.arriving.get(path)
        if known is None:
            return False
        if find_scheme(path) in stores.STORES:
            return True
        look = opening.find_identity(path)
        if look is None or hash(look) != known.state:
            known.since, known.is_settled = self.clock(), False
            known.state = known.state if look is None else hash(look)
            return False
        return True

    def finish(self, path: str) -> None:
        """Note that a file is loaded, or that it failed and is not tried again until it changes."""
        known = self.arriving.pop(path, None)
        if known is not None:
            self.done[path] = known.state

    def drop(self, path: str) -> None:
        """Note that a file was taken away before its turn. If it comes back, it is a new file."""
        self.arriving.pop(path, None)

    def hold(self, path: str) -> None:
        """Note that a file could not be loaded for now. It is tried again after a while, and other files go first."""
        known = self.arriving.get(path)
        if known is not None:
            known.held_until = self.clock() + min(HOLD_S * 2**known.tries, HOLD_MAX_S)
            known.tries = min(known.tries + 1, 16)

    def hold_if_lost_often(self, path: str) -> None:
        """Note that the database was lost during the load of a file. After several times, other files go first."""
        known = self.arriving.get(path)
        if known is not None:
            known.tries = min(known.tries + 1, 16)
            if known.tries >= LOSSES_MAX:
                known.held_until = self.clock() + min(HOLD_S * 2**known.tries, HOLD_MAX_S)

    def measure_wait_s(self) -> float:
        """Give the age, in seconds, of the file that waits longest; 0 where no file waits."""
        now = self.clock()
        return max((now - known.first_seen for known in self.arriving.values()), default=0.0)


def _to_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
