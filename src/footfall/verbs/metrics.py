"""The verb `metrics`: measure the tables in one snapshot, in a few cheap statements of bounded time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from footfall.contract.problems import PROBLEM_CODES
from footfall.errors import DatabaseUnavailableError, EmbeddedDatabaseError, FootfallError
from footfall.postgres.connection import hold_session
from footfall.postgres.faults import translate_driver_errors
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import LOCK_CLASS, begin_reading, outlive_errors
from footfall.results.measures import Measured
from footfall.safe_text import mask
from footfall.settings import Settings
from footfall.tables import history, measures
from footfall.tables.schema import list_migrations, list_tables
from footfall.verbs.session import find_version, open_target

log = logging.getLogger("footfall")

TIMEOUT_S = 5  # seconds for one statement; a part that takes longer is left out, and a metric says so
OTHER = "other"  # the label of a problem code that this Footfall does not know
Found = Iterator[tuple[str, str, float | None]]  # metric, value of its label, number


def collect(settings: Settings) -> Measured:
    """Measure the database of the settings once. A database that is down is an answer, not an error.

    Effects: one read-only transaction, with the locks of a reader.
    """
    return Collector(settings).collect()


class Collector:
    """Measures repeatedly. Numbers that only a load can change are asked again only after the ledger has changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key: tuple[Any, ...] | None = None
        self._kept: dict[str, list[tuple[str, str, float | None]]] = {}

    def collect(self) -> Measured:
        """Measure now. Raises: SettingsError where the address of the database cannot be used."""
        began = time.monotonic()
        try:
            with open_target(self._settings) as where, hold_session(where, is_reader=True) as connection:
                return self._measure(connection, where, began)
        except (DatabaseUnavailableError, EmbeddedDatabaseError) as error:
            return Measured(reason=mask(error.message), seconds=time.monotonic() - began)

    def _measure(self, connection: Connection, where: Target, began: float) -> Measured:
        needed = len(list_migrations())
        version, reason = _find_version(connection, where, needed)
        if version is not None and reason:
            return Measured(True, reason, version, needed, seconds=time.monotonic() - began)
        begin_reading(connection, where, "UTC", TIMEOUT_S, is_snapshot=True)
        numbers: dict[tuple[str, str], float] = {}
        for part, measure in self._list_parts(connection, where):
            try:
                with outlive_errors(connection, keeps_locks=False):
                    found = list(measure())
            except FootfallError as error:
                if connection.closed:
                    raise DatabaseUnavailableError(error.message) from error
                log.debug("metrics of %s are left out: %s", part, error.message)
                numbers["footfall_part_collected", part] = 0.0
            else:
                numbers["footfall_part_collected", part] = 1.0
                numbers |= {(name, label): number for name, label, number in found if number is not None}
        connection.rollback()
        if numbers["footfall_part_collected", "ledger"]:
            reason = ""
        age_s = numbers.pop(("last_load_age_s", ""), None)
        return Measured(True, reason, version, needed, age_s, time.monotonic() - began, numbers)

    def _list_parts(self, connection: Connection, where: Target) -> Iterator[tuple[str, Callable[[], Found]]]:
        key = self._find_key(connection)
        yield "ledger", lambda: _measure_ledger(connection)
        yield "failures", lambda: self._measure_once("failures", key, lambda: _measure_failures(connection))
        yield "interactions", lambda: self._measure_once("interactions", key, lambda: _measure_interactions(connection))
        yield "files", lambda: _measure_files(connection)
        yield "quarantine", lambda: self._measure_once("quarantine", key, lambda: _measure_quarantine(connection))
        yield "verification", lambda: _measure_verification(connection)
        yield "writers", lambda: _measure_writers(connection, where)
        yield "sizes", lambda: _measure_sizes(connection)

    def _find_key(self, connection: Connection) -> tuple[Any, ...] | None:
        try:
            with outlive_errors(connection):
                return measures.find_quarantine_key(connection)
        except FootfallError:  # the role may not read operations
            return None

    def _measure_once(self, part: str, key: tuple[Any, ...] | None, measure: Callable[[], Found]) -> Found:
        if key is None or key != self._key:
            self._kept, self._key = {}, key
        if part not in self._kept:
            self._kept[part] = list(measure())
        yield from self._kept[part]


def _find_version(connection: Connection, where: Target, needed: int) -> tuple[int | None, str]:
    """Give the version of the tables, and a reason if it is not the one that is needed.

    A role that may only read cannot always find the version. It is then None, and every part that can be measured is.
    """
    try:
        with translate_driver_errors(connection):
            version = find_version(connection, where)
    except FootfallError as error:  # raised also for tables of other people, or of a later Footfall
        if isinstance(error, DatabaseUnavailableError) or connection.closed:
            raise
        connection.rollback()
        return None, mask(error.message)
    return version, "" if version == needed else f"the tables are at version {version}, {needed} is needed"


def _measure_ledger(connection: Connection) -> Found:
    sums = measures.measure_ledger(connection)
    for status in ("loaded", "failed", "undone"):
        yield "footfall_loads", status, getattr(sums, f"loads_{status}")
    for verdict in ("loaded", "duplicate", "rejected", "skipped"):
        yield "footfall_rows", verdict, getattr(sums, f"rows_{verdict}")
    yield "footfall_load_seconds_total", "", sums.load_s
    yield "footfall_last_loaded_timestamp_seconds", "", sums.last_loaded_s
    yield "footfall_last_failed_timestamp_seconds", "", sums.last_failed_s
    yield "last_load_age_s", "", sums.last_load_age_s


def _measure_failures(connection: Connection) -> Found:
    yield "footfall_open_failures", "", history.count_open_failures(connection)
    yield "footfall_forgotten_rows", "", measures.count_forgotten(connection)


def _measure_interactions(connection: Connection) -> Found:
    yield "footfall_newest_interaction_timestamp_seconds", "", measures.find_newest_interaction(connection)


def _measure_files(connection: Connection) -> Found:
    yield "footfall_newest_file_timestamp_seconds", "", measures.find_newest_file(connection)


def _measure_quarantine(connection: Connection) -> Found:
    by_code = dict.fromkeys((*PROBLEM_CODES, OTHER), 0.0)
    rows_open = rows_closed = 0
    for row in measures.count_problems(connection):
        by_code[row.code if row.code in PROBLEM_CODES else OTHER] += row.rows_rejected
        rows_open += row.rows_open
        rows_closed += row.rows_closed
    for code, number in by_code.items():
        yield "footfall_quarantine_problems", code, number
    yield "footfall_quarantine_rows", "open", rows_open
    yield "footfall_quarantine_rows", "closed", rows_closed


def _measure_verification(connection: Connection) -> Found:
    last = measures.find_verification(connection)
    if last is not None:
        yield "footfall_drift", "", last.drift_count
        yield "footfall_verified_timestamp_seconds", "", last.verified_s


def _measure_writers(connection: Connection, where: Target) -> Found:
    now = measures.measure_lock(connection, LOCK_CLASS, where.lock_key)
    yield "footfall_writers_waiting", "", now.waiting
    yield "footfall_writer_wait_seconds", "", now.wait_s or 0.0
    if now.held_s is not None or not now.writers:
        yield "footfall_writer_held_seconds", "", now.held_s or 0.0


def _measure_sizes(connection: Connection) -> Found:
    for row in measures.measure_sizes(connection, list_tables()):
        yield "footfall_table_size_bytes", row.name, row.size_bytes
