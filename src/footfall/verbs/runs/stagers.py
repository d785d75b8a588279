"""Let processes of this machine, Spark or Dask stage the ranges of a run, behind one interface."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Protocol
from urllib.parse import urlsplit

from footfall.errors import SettingsError
from footfall.settings import Settings, has_libpq_variables
from footfall.telling.wanted import is_loopback
from footfall.verbs.runs.errand import Errand
from footfall.verbs.runs.feed import Wait
from footfall.verbs.runs.tally import Tally

POLL_S = 1.0  # seconds between two questions to the database about how far the stagers are


class Stagers(Protocol):
    """Something that stages ranges in other processes."""

    def prepare(self) -> None:
        """Start what takes long to start, since ranges will need it soon, and do not wait for it."""

    def open(self, errand: Errand, numbers: Sequence[int], tally: Tally) -> AbstractContextManager[Wait]:
        """Have ranges staged. The block gets a function that waits for one of them, and must wait for each.

        If the block raises, the ranges that are not staged by then are given up.
        Raises: FootfallError, as the function that waits does.
        """


@contextmanager
def stage_before(stage: Callable[[], None]) -> Iterator[Wait]:
    """Have all ranges staged before the block begins, so that the block waits for none."""
    stage()
    yield lambda _: None


def assert_usable(settings: Settings) -> None:
    """Check that the settings of the engine go together. Raises: SettingsError."""
    needs = {"spark": ("master", settings.master), "dask": ("scheduler", settings.scheduler)}
    for engine, (option, value) in needs.items():
        if settings.engine == engine and not value:
            raise SettingsError(f"--engine {engine} needs --{option} (FOOTFALL_{option.upper()}): who takes the ranges")
        if settings.engine != engine and value:
            raise SettingsError(f"--{option} (FOOTFALL_{option.upper()}) goes with --engine {engine}")
    if settings.engine == "processes":
        return
    if settings.workers > 1:
        raise SettingsError(
            f"--workers (FOOTFALL_WORKERS) is for processes of this machine; --engine {settings.engine} decides itself "
            "how many ranges are staged at once"
        )
    is_embedded = settings.database_url is None and not has_libpq_variables()
    if is_embedded and settings.stager_url is None and not _is_here(settings):
        raise SettingsError(
            "the embedded PostgreSQL is reached from this machine alone: name a server with --database "
            f"(FOOTFALL_DATABASE_URL), or an engine of this machine, for --engine {settings.engine}"
        )


def _is_here(settings: Settings) -> bool:
    """Say whether the stagers are on this machine, as far as the address tells."""
    address = settings.master.get_secret_value() if settings.master else settings.scheduler or ""
    return address.startswith("local") or is_loopback(urlsplit(address).hostname or "")


@contextmanager
def open_stagers(settings: Settings) -> Iterator[Stagers]:
    """Open the stagers for all files of a command. Nothing is started before the first run.

    Raises: SettingsError where the engine is not installed.
    """
    stagers: Stagers
    if settings.engine == "spark":
        from footfall.verbs.runs.spark import Spark

        stagers = Spark(settings.master.get_secret_value() if settings.master else "")
    elif settings.engine == "dask":
        from footfall.verbs.runs.dask import Dask

        stagers = Dask(settings.scheduler or "")
    else:
        from footfall.verbs.runs.processes import Processes

        stagers = Processes(settings.workers)
    with closing(stagers):
        yield stagers


def run_aside(work: Callable[[], object], tick: Callable[[], None], give_up: Callable[[], None]) -> None:
    """Run the work that waits for an engine in a thread, call `tick` once a second meanwhile, and raise its error.

    Effects: at Ctrl-C calls `give_up`, and does not wait for the thread.
    """
    ended = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  (it is raised in the caller's thread)
            failures.append(error)
        finally:
            ended.set()

    threading.Thread(target=run, daemon=True).start()
    try:
        while not ended.wait(POLL_S):
            tick()
    except BaseException:
        give_up()
        raise
    if failures:
        raise failures[0]
