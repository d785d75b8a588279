"""The metrics, each with its kind, unit and meaning, and their form in text for Prometheus.

Names follow the conventions of Prometheus: base units as a suffix, `_total` for numbers that only rise. Every label
has few values, which this file or the migrations list: none holds the name of a file, an id or a user.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder, generate_latest

from footfall.results.measures import Measured
from footfall.results.watching import WatchState


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `label` is its only label, empty where it has none."""

    kind: Literal["gauge", "counter"]
    about: str
    label: str = ""


OF_DATABASE: dict[str, Metric] = {
    "footfall_up": Metric("gauge", "1 where the database answers, 0 where it does not."),
    "footfall_build_info": Metric("gauge", "Always 1; the label says which Footfall answers.", "version"),
    "footfall_schema_version": Metric("gauge", "Migration that the tables are at; 0 without tables."),
    "footfall_schema_needed_version": Metric("gauge", "Migration that this Footfall needs."),
    "footfall_collect_duration_seconds": Metric("gauge", "How long the database was asked for these numbers."),
    "footfall_part_collected": Metric(
        "gauge", "1 where a part of these numbers was read, 0 where the role may not, or it took too long.", "part"
    ),
    "footfall_loads": Metric("gauge", "Loads in the ledger, by what became of them.", "status"),
    "footfall_rows": Metric("gauge", "Rows of the loads that stand, by verdict.", "verdict"),
    "footfall_forgotten_rows": Metric("gauge", "Rows of the loads that stand whose user was forgotten since."),
    "footfall_load_seconds_total": Metric("counter", "Time that all loads took, failed ones included."),
    "footfall_last_loaded_timestamp_seconds": Metric("gauge", "When the last load that stands was done."),
    "footfall_last_failed_timestamp_seconds": Metric("gauge", "When the last load failed."),
    "footfall_open_failures": Metric("gauge", "Files of which nothing is loaded, since their last attempt failed."),
    "footfall_newest_interaction_timestamp_seconds": Metric(
        "gauge", "When the newest interaction happened; rows that are dated into the future are left out."
    ),
    "footfall_newest_file_timestamp_seconds": Metric(
        "gauge", "When the newest local file was written that is loaded and had been left alone for 2 s by then."
    ),
    "footfall_quarantine_rows": Metric(
        "gauge", "Rejected rows that are kept: open, or closed by a replay or a mended file.", "state"
    ),
    "footfall_quarantine_problems": Metric(
        "gauge", "Open rejected rows by problem; a row with two problems counts under both.", "code"
    ),
    "footfall_drift": Metric("gauge", "Differences that the last `footfall verify` found."),
    "footfall_verified_timestamp_seconds": Metric("gauge", "When the last `footfall verify` was done."),
    "footfall_writers_waiting": Metric("gauge", "Writers that wait for the lock of another one now."),
    "footfall_writer_wait_seconds": Metric("gauge", "How long the first of them has been waiting; 0 for none."),
    "footfall_writer_held_seconds": Metric("gauge", "How long the writer of now has been at it; 0 for none."),
    "footfall_table_size_bytes": Metric("gauge", "Size of a table with its indexes.", "table"),
}
OF_WATCHER: dict[str, Metric] = {
    "footfall_watch_ready": Metric("gauge", "1 once the watcher looks at its places."),
    "footfall_watch_database_connected": Metric("gauge", "1 where the watcher has its database, 0 where it waits."),
    "footfall_watch_loading": Metric("gauge", "1 while a file is being loaded."),
    "footfall_watch_missing_places": Metric("gauge", "Places that cannot be looked at."),
    "footfall_watch_waiting_files": Metric("gauge", "Files that arrived and are not loaded."),
    "footfall_watch_waiting_seconds": Metric("gauge", "How long the first of them has been there; 0 for none."),
    "footfall_watch_files_total": Metric(
        "counter", "Files that this process finished, by what became of them.", "status"
    ),
    "footfall_watch_loaded_rows_total": Metric("counter", "Rows that this process loaded."),
    "footfall_watch_sign_age_seconds": Metric("gauge", "Time since the watcher last had a moment; a load may be long."),
}
METRICS = OF_DATABASE | OF_WATCHER


def write_metrics(
    measured: Measured, state: WatchState | None = None, accepted: str = "", *, has_process: bool = False
) -> tuple[bytes, str]:
    """Write the metrics as text; give it with its media type, which is the best of those `accepted`.

    `has_process` adds the memory and time of this process: a server reports them, a file does not.
    """
    registry = CollectorRegistry()
    registry.register(_Given(list_numbers(measured, state)))
    if has_process:
        ProcessCollector(registry=registry)
    if not accepted:
        return generate_latest(registry), "text/plain; version=0.0.4; charset=utf-8"
    encode, kind = choose_encoder(accepted)
    return encode(registry), kind


def list_numbers(measured: Measured, state: WatchState | None = None) -> dict[tuple[str, str], float]:
    """Give every number by its metric and the value of its label."""
    numbers = {
        ("footfall_up", ""): float(measured.is_up),
        ("footfall_build_info", version("footfall")): 1.0,
        ("footfall_collect_duration_seconds", ""): measured.seconds,
    }
    if measured.schema_version is not None:
        numbers["footfall_schema_version", ""] = measured.schema_version
    if measured.schema_needed is not None:
        numbers["footfall_schema_needed_version", ""] = measured.schema_needed
    numbers |= measured.numbers
    if state is not None:
        numbers |= _list_numbers_of_watcher(state)
    return numbers


def _list_numbers_of_watcher(state: WatchState) -> dict[tuple[str, str], float]:
    return {
        ("footfall_watch_ready", ""): float(state.is_ready),
        ("footfall_watch_database_connected", ""): float(state.is_database_there),
        ("footfall_watch_loading", ""): float(bool(state.loading)),
        ("footfall_watch_missing_places", ""): state.missing,
        ("footfall_watch_waiting_files", ""): state.waiting_files,
        ("footfall_watch_waiting_seconds", ""): state.waiting_s,
        ("footfall_watch_files_total", "loaded"): state.files_loaded,
        ("footfall_watch_files_total", "already-loaded"): state.files_already_loaded,
        ("footfall_watch_files_total", "failed"): state.files_failed,
        ("footfall_watch_loaded_rows_total", ""): state.rows_loaded,
        ("footfall_watch_sign_age_seconds", ""): time.monotonic() - state.ticked_s,
    }


class _Given:
    """A collector that gives prometheus_client numbers read before, in the order of METRICS."""

    def __init__(self, numbers: dict[tuple[str, str], float]) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Any]:
        for name, metric in METRICS.items():
            found = [(label, number) for (of, label), number in self._numbers.items() if of == name]
            if not found:
                continue
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(name, metric.about, labels=[metric.label] if metric.label else [])
            for label, number in found:
                family.add_metric([label] if metric.label else [], number)
            yield family
