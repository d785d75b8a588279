"""The verb `watch`: load what arrives in folders and stores, once it has settled, until a signal ends it.

Look at the places -> load what has settled, in loading order, file by file -> wait for changes, or look again after a
while. A lost database is waited for, however long it takes. A file that is bad is not tried again until it changes.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from footfall.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    EmbeddedDatabaseError,
    FootfallError,
    SchemaError,
    SettingsError,
    SourceError,
    TooManyRejectedError,
)
from footfall.postgres.target import Target
from footfall.postgres.watcher_lock import WatcherLock, hold_watcher_lock
from footfall.results import LoadResult, Progress, describe_outcome
from footfall.results.watching import WatchState, count_files
from footfall.safe_text import escape_unprintable, find_scheme, mask_source
from footfall.settings import Settings
from footfall.sources import opening, stores
from footfall.sources.inbox import Inbox
from footfall.sources.waiting import Stop, Waiter
from footfall.verbs.attempts import copy_masked
from footfall.verbs.load import load_paths
from footfall.verbs.session import make_contracts, open_target

log = logging.getLogger("footfall")

CHUNK_FILES = 1_000  # files that one session loads; after them, the lock is checked and changes are noted
LOOK_SHARE = 50  # looks may take a fiftieth of the time
LOOK_PAUSE_S = 0.2  # seconds at least between two looks, however much changes
LOCK_CHECK_S = 15.0  # seconds between two questions whether the session of the lock is still there
TICK_S = 5.0  # seconds; the longest wait, after which the state is told again
RETRY_MAX_S = 60.0  # seconds between two tries to reach the database, at most
SAY_AGAIN_S = 300.0  # seconds between two warnings that the database is still away


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """How a watcher works. Units: seconds.

    Shape: a file has settled when it did not change for `settle_s`; places whose changes the kernel does not report are
    looked at every `poll_s`. `is_once`: end when every file that has settled is loaded.
    """

    settle_s: float = 3.0
    poll_s: float = 10.0
    is_once: bool = False


@dataclass(slots=True)
class Listener:
    """The functions to call: `on_state` when the state changed, `on_file` after each file, `on_progress` within one."""

    state: WatchState = field(default_factory=WatchState)
    on_state: Callable[[WatchState], None] = lambda _: None
    on_file: Callable[[LoadResult], None] = lambda _: None
    on_progress: Callable[[Progress], None] | None = None


def watch(
    names: Sequence[str], settings: Settings, plan: WatchPlan, stop: Stop, listener: Listener | None = None
) -> int:
    """Load what arrives until `stop` is set; give the exit code: 0, or with `is_once` that of a load of the same files.

    Effects: as those of a load; holds a lock for each place, and keeps an embedded database running.
    Raises: SettingsError, SchemaError; DatabaseBusyError where another watcher has the place; with `is_once` also
    SourceError where a place is not there, DatabaseUnavailableError.
    """
    for name in names:
        if name == "-" or find_scheme(name) not in (None, *stores.STORES):
            raise SettingsError(
                f"{mask_source(name)} cannot be watched: nothing tells what is new there; name a folder, a pattern or "
                f"a place of a store ({', '.join(f'{each}://' for each in stores.STORES)}), or load it with cron"
            )
    make_contracts(settings, settings.id_types).check_all(names)  # a missing definition fails at once
    with closing(_Watcher(names, settings, plan, stop, listener or Listener())) as watcher:
        return watcher.run_once() if plan.is_once else watcher.run()


class _Watcher:
    """One run of the verb."""

    def __init__(
        self, names: Sequence[str], settings: Settings, plan: WatchPlan, stop: Stop, listener: Listener
    ) -> None:
        self.names, self.settings, self.plan, self.stop, self.listener = names, settings, plan, stop, listener
        self.inbox = Inbox(names, plan.settle_s, settings.matches, is_patient=not plan.is_once)
        self.waiter = Waiter(stop)
        self.state = listener.state
        self.state.places = tuple(mask_source(name) for name in names)
        self.exit_code = 0
        self._tries = 0
        self._has_held_lock = False
        self._look_at = self._poll_at = self._check_at = self._say_at = 0.0
        self._most = CHUNK_FILES

    def close(self) -> None:
        self.waiter.close()

    def run(self) -> int:
        """Watch until it is told to end."""
        self._look()
        while not self.stop.is_set():
            try:
                with open_target(self.settings) as where, hold_watcher_lock(where, _name_folders(self.names)) as lock:
                    self._connect()
                    while not self.stop.is_set():
                        self._load_settled(where, lock)
                        self._wait(self.inbox.find_next_settled_s())
                        self._check(lock)
            except (DatabaseUnavailableError, EmbeddedDatabaseError, SettingsError) as error:
                # Once it has worked, the settings are right: another server answers now, a standby perhaps.
                self._wait_for_database(error)
        if self.stop.reason:
            log.info(f"ended by {self.stop.reason}, {count_files(len(self.inbox.arriving))} waiting")
        self._tell()
        return 0

    def run_once(self) -> int:
        """Load what has settled. If a file changed just now, wait `settle_s` once, so that it can settle."""
        until = time.monotonic() + self.plan.settle_s
        self._look()
        for name, reason in self.inbox.missing.items():
            raise SourceError(reason, source=mask_source(name))
        while not self.stop.is_set() and self.inbox.arriving and time.monotonic() < until:
            if len(self.inbox.list_settled()) == len(self.inbox.arriving):
                break
            self._wait(min(until - time.monotonic(), self.inbox.find_next_settled_s() or 0) + 0.01)
        with open_target(self.settings) as where, hold_watcher_lock(where, _name_folders(self.names)) as lock:
            self._connect()
            self._load_settled(where, lock)
        if self.inbox.arriving:
            log.info(f"left for the next time, for it still changes: {count_files(len(self.inbox.arriving))}")
        return self.exit_code

    def _connect(self) -> None:
        if self._tries:
            log.info("the database is there again")
        self._has_held_lock = True
        self.state.is_database_there = self.state.is_ready = True
        self._check_at = time.monotonic() + LOCK_CHECK_S
        self._tell()

    def _check(self, lock: WatcherLock) -> None:
        if time.monotonic() >= self._check_at:
            lock.check()
            self._tries = 0
            self._check_at = time.monotonic() + LOCK_CHECK_S

    def _wait_for_database(self, error: FootfallError) -> None:
        """Warn that the database is away, and wait until it is tried again."""
        is_first = not self._has_held_lock
        if is_first and not isinstance(error, DatabaseUnavailableError):
            raise error
        if is_first and isinstance(error, DatabaseBusyError) and error.source is not None:  # watched already
            raise error
        self.state.is_database_there = False
        self.state.is_ready = True  # the watcher works; that the database is away is told by another part of the state
        now = time.monotonic()
        if not self._tries or now >= self._say_at:
            log.warning(f"{error.message}; trying until it works")
            self._say_at = now + SAY_AGAIN_S
        until = now + min(2.0**self._tries, RETRY_MAX_S)
        self._tries = min(self._tries + 1, 16)
        while not self.stop.is_set() and (left := until - time.monotonic()) > 0:
            self._wait(left)

    def _load_settled(self, where: Target, lock: WatcherLock) -> None:
        """Load all that has settled by now, in loading order. Raises: DatabaseUnavailableError."""
        settled = self.inbox.list_settled()
        at, already = 0, self.state.files_already_loaded
        while at < len(settled) and not self.stop.is_set():
            chunk = settled[at : at + self._most]
            at += len(chunk)
            lock.check()
            self._load_chunk(where, self._choose(self.inbox.list_still_settled(chunk)))
            self._note()
            self._tell()
        if (known := self.state.files_already_loaded - already) > 0:
            log.info(f"loaded before, nothing changed: {count_files(known)}")

    def _choose(self, paths: Sequence[str]) -> list[str]:
        """Give the files whose source definition is clear. A file that matches two of them fails; the others go on."""
        contracts = make_contracts(self.settings, self.settings.id_types)
        chosen: list[str] = []
        for path in paths:
            try:
                contracts.check_all([path])
                chosen.append(path)
            except SettingsError as error:
                self.inbox.finish(path)
                self._fail(LoadResult.failed(mask_source(path), None, error))
        return chosen

    def _load_chunk(self, where: Target, paths: Sequence[str]) -> None:
        if not paths:
            return
        at = 0
        self.state.loading = mask_source(paths[0])
        self._tell()
        try:
            with closing(self._load(paths, where)) as results:
                for result in results:
                    self._take(paths[at], result)
                    at += 1
                    if self.stop.is_set():
                        break
                    self.state.loading = mask_source(paths[at]) if at < len(paths) else ""
            self._most = min(2 * self._most, CHUNK_FILES)
        except FootfallError:
            raise
        except Exception as error:  # an unforeseen error of one file must not end the work on all others
            if len(paths) > 1:
                self._most = 1  # one by one, so that the next error shows its file
            else:
                self.inbox.hold(paths[0])
                failure = copy_masked(FootfallError(f"{type(error).__name__}: {error}"))
                self._fail(LoadResult.failed(mask_source(paths[0]), None, failure))
            log.debug("unexpected", exc_info=True)
        finally:
            self.state.loading = ""

    def _load(self, paths: Sequence[str], where: Target) -> Generator[LoadResult, None, None]:
        settings = self.settings if self.plan.is_once else self.settings.model_copy(update={"retry": False})
        return load_paths(paths, where, settings, self.listener.on_progress, may_vanish=True)

    def _take(self, path: str, result: LoadResult) -> None:
        """Say what became of a file, and remember it. Raises: DatabaseUnavailableError where the database was lost."""
        failure = result.failure
        if isinstance(failure, DatabaseUnavailableError):
            self.inbox.hold_if_lost_often(path)
            raise failure
        if isinstance(failure, SchemaError | EmbeddedDatabaseError):  # no file can be loaded now, this one or others
            raise failure
        self._tries = 0
        if isinstance(failure, SourceError) and opening.is_gone(
            path
        ):  # somebody cleared it away, which is no failure of a load
            self.inbox.drop(path)
            log.debug("%s: was taken away before its turn", escape_unprintable(result.source))
            return
        if failure is None or (isinstance(failure, SourceError | TooManyRejectedError) and not failure.retryable):
            self.inbox.finish(path)
        else:  # the cause may be outside the file, and may be mended without a change of the file
            self.inbox.hold(path)
        if failure is not None:
            self._fail(result)
            return
        if result.status == "already-loaded":
            self.state.files_already_loaded += 1
            self._say(logging.DEBUG, result)
        else:
            self.state.files_loaded += 1
            self.state.rows_loaded += result.rows_loaded
            self.state.last_loaded_at, self.state.last_source = datetime.now(UTC), result.source
            self._say(logging.INFO, result)
        self.listener.on_file(result)

    def _say(self, level: int, result: LoadResult) -> None:
        fields = {name: getattr(result, name) for name in ("source", "status", "load_id", "rows_read", "rows_loaded")}
        fields |= {name: getattr(result, name) for name in ("rows_duplicate", "rows_rejected", "rows_skipped")}
        fields["seconds"] = result.seconds
        log.log(level, "%s: %s", escape_unprintable(result.source), describe_outcome(result), extra={"fields": fields})

    def _fail(self, result: LoadResult) -> None:
        """Count a file that failed, say why in the log, and pass its result on, so that people are told of it."""
        self.state.files_failed += 1
        self.exit_code = self.exit_code or result.exit_code
        reason = result.failure.reason if result.failure else ""
        log.error(
            "%s: %s",
            escape_unprintable(result.source),
            escape_unprintable(reason),
            extra={"fields": {"source": result.source}},
        )
        self.listener.on_file(result)

    def _look(self) -> None:
        began = time.monotonic()
        self.inbox.look()
        is_told, has_new = self.waiter.watch(self.inbox.roots, self.inbox.folders)
        if has_new:  # files that came into a folder before the kernel was asked about it
            self.inbox.look()
        took_s = time.monotonic() - began
        is_told = is_told and not self.inbox.missing and not any(map(find_scheme, self.names))
        pause_s = max(LOOK_PAUSE_S, took_s * (LOOK_SHARE if is_told else 1))
        self._look_at = time.monotonic() + max(LOOK_PAUSE_S, min(took_s * 4, self.plan.poll_s))
        self._poll_at = time.monotonic() + max(self.plan.poll_s, pause_s)

    def _wait(self, seconds: float | None) -> None:
        """Wait until a file may have settled, something changed or it is time to look; look if it is due."""
        now = time.monotonic()
        wait_s = min(TICK_S, self._poll_at - now, TICK_S if seconds is None else seconds)
        if self._note(wait_s) and (left := self._look_at - time.monotonic()) > 0:
            self.stop.wait(min(left, TICK_S))  # keep the pause that `_look` asked for
        if time.monotonic() >= self._poll_at:
            self._look()
        self._tell()

    def _note(self, seconds: float = 0.0) -> bool:
        """Wait up to some seconds for changes, and note them; say whether they make a look necessary."""
        must_look = self.inbox.note(self.waiter.wait(seconds))
        if must_look:
            self._poll_at = min(self._poll_at, self._look_at)
        return must_look

    def _tell(self) -> None:
        self.state.is_stopping = self.stop.is_set()
        self.state.ticked_s = time.monotonic()
        self.state.waiting_files = len(self.inbox.arriving)
        self.state.waiting_s = round(self.inbox.measure_wait_s(), 3)
        self.state.missing = len(self.inbox.missing)
        self.listener.on_state(self.state)


def _name_folders(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give each place with the text by which its lock knows it: on this machine its device and inode, else its name.

    Two containers on one machine have the same text for a folder that both see, so that only one can watch it. Two
    machines have different texts for a folder of the network. If both watch it, they only read each file twice.
    """
    for name in sorted(set(names)):
        if find_scheme(name):
            yield mask_source(name), mask_source(name).rstrip("/")
            continue
        try:
            look = os.stat(name)  # noqa: PTH116  (a Path would change the name)
            yield name, f"{_find_machine()}:{look.st_dev}:{look.st_ino}"
        except OSError:
            yield name, f"{_find_machine()}:{os.path.abspath(name)}"  # noqa: PTH100


def _find_machine() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()
