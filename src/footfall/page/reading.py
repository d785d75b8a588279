"""Read the tables for one screen, in one snapshot, which ends early when nobody waits for the screen any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from footfall.answers.asked import BY_NAME, PARAMETERS, Filters
from footfall.answers.catalogue import Query, read_catalogue
from footfall.answers.kept import Keeper
from footfall.errors import DatabaseBusyError, FootfallError, UnknownNameError
from footfall.page.options import BadAddressError
from footfall.postgres.transactions import outlive_errors
from footfall.settings import Settings
from footfall.verbs.query import Answered, Asker, open_snapshot

SLOW_AT_ONCE = 2  # slow questions at the same time; more would only wait for each other on the server
_slow = threading.BoundedSemaphore(SLOW_AT_ONCE)
# Keeps answers, so that no question is worked out twice between two loads. A key tells roles and tables apart.
_kept = Keeper()
BY_OPTION = {each.option.removeprefix("--"): each for each in PARAMETERS}
YES = ("yes", "true", "1")


class GoneError(Exception):
    """The browser has gone away: nobody waits for the rest of the screen."""


@dataclass(slots=True)
class Waiting:
    """Whether somebody still waits for a screen, and the session to stop when nobody does. Two threads use it."""

    is_over: threading.Event = field(default_factory=threading.Event)
    asker: Asker | None = None

    def end(self) -> None:
        """End the work for the screen. Effects: cancels the statement that the server is running."""
        self.is_over.set()
        asker = self.asker
        if asker is not None and not asker.connection.closed:
            asker.connection.cancel_safe(timeout=5)

    def check(self) -> None:
        """Raise GoneError if nobody waits any more."""
        if self.is_over.is_set():
            raise GoneError


@dataclass(frozen=True, slots=True)
class Reader:
    """The open snapshot of one screen."""

    settings: Settings
    asker: Asker
    questions: Mapping[str, Query]
    waiting: Waiting

    @property
    def zone_info(self) -> ZoneInfo:
        """The reporting time zone."""
        return ZoneInfo(self.settings.reporting_time_zone)

    def has(self, name: str) -> bool:
        return name in self.questions

    def may_ask_who(self, name: str) -> bool:
        """Say whether a question can list the users behind its numbers."""
        return self.has(name) and "who" in self.list_options(name)

    def list_options(self, name: str) -> tuple[str, ...]:
        """Give the options that a question takes, by their names on the command line, without dashes."""
        return list_options(self.find(name))

    def find(self, name: str) -> Query:
        """Give a question. Raises: UnknownNameError."""
        if name not in self.questions:
            raise UnknownNameError(f"there is no question {name!r}; `footfall query --list` shows them all")
        return self.questions[name]

    def ask(self, name: str, options: Mapping[str, str], *, identifier: str | None = None) -> Answered:
        """Ask a question with those of the options that it takes.

        Raises: FootfallError; the snapshot can still be used after it.
        """
        self.waiting.check()
        taken = self.list_options(name)
        filters = make_filters({key: value for key, value in options.items() if key in taken}, identifier)
        try:
            with outlive_errors(self.asker.connection):
                return self.asker.ask(name, filters)
        except FootfallError:
            self.waiting.check()
            raise

    @contextmanager
    def wait_for_slow_place(self) -> Iterator[None]:
        """Wait until one more slow question may run. Raises: DatabaseBusyError if that takes too long."""
        wait_s = self.settings.query_timeout_seconds or 60
        for _ in range(wait_s * 5):
            self.waiting.check()
            if _slow.acquire(timeout=0.2):
                break
        else:
            raise DatabaseBusyError(f"{SLOW_AT_ONCE} slow questions are being answered already; ask again after that")
        try:
            yield
        finally:
            _slow.release()


@contextmanager
def open_reader(settings: Settings, waiting: Waiting) -> Iterator[Reader]:
    """Open a snapshot for the length of a screen. Raises: FootfallError if the database is not available."""
    questions = read_catalogue(settings.queries_folder)
    with open_snapshot(settings, _kept) as asker:
        waiting.asker = asker
        try:
            yield Reader(settings, asker, questions, waiting)
        finally:
            waiting.asker = None


def list_options(question: Query) -> tuple[str, ...]:
    """Give the options that a question takes, by their names on the command line, without dashes."""
    return tuple(BY_NAME[name].option.removeprefix("--") for name in question.parameters if name in BY_NAME)


def make_filters(options: Mapping[str, str], identifier: str | None = None) -> Filters:
    """Turn the options of an address into the filters of a question.

    Raises: BadAddressError for a value that is not the number or the yes that its option needs.
    """
    values: dict[str, Any] = {} if identifier is None else {"id": identifier}
    for name, text in options.items():
        parameter = BY_OPTION[name]
        values[parameter.keyword] = _read_value(name, parameter.kind, text)
    return Filters(**values)


def _read_value(option: str, kind: str, text: str) -> Any:
    if kind == "count":
        if not (text.isascii() and text.isdigit()):
            raise BadAddressError(f"--{option}: {text[:50]!r} is not a number from 1 on", option)
        return int(text)
    if kind == "flag":
        if text not in YES:
            raise BadAddressError(f"--{option}: {text[:50]!r} is not yes; leave it out for no", option, YES[:1])
        return True
    return text
