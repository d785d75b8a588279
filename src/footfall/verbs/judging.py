"""What load and check have in common: a source file read and judged, its problems counted, its progress told."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from footfall.contract import value_shapes as shapes
from footfall.contract.bound import MaxRejected
from footfall.contract.mapping import Header, read_header
from footfall.contract.notices import describe
from footfall.contract.shapes import COLUMNS
from footfall.contract.sums import Judged
from footfall.contract.terms import Contract
from footfall.engines import spill
from footfall.errors import CorruptSourceError, SourceError
from footfall.formats.reading import Reading, join_batches
from footfall.postgres.target import Target
from footfall.results import Progress
from footfall.settings import Settings
from footfall.sources import opening
from footfall.sources.recognition import begun, explained

log = logging.getLogger("footfall")

if TYPE_CHECKING:
    import pyarrow as pa

    from footfall.engines.in_process import Kernel
    from footfall.engines.kernel import Verdicts


PROGRESS_EVERY_S = 0.2
KERNELS_MAX = 4  # kernels kept for files to come: exports of one source have one header, seldom two


@dataclass(slots=True)
class Run:
    """What all files of one command share. `kernels` are ready to run, by the header that they are for."""

    target: Target
    contract: Contract
    latest: datetime | None
    max_rejected: MaxRejected | None
    progress: Callable[[Progress], None] | None
    memory_limit_mb: int
    said: set[str] = field(default_factory=set)
    kernels: dict[Header, Kernel] = field(default_factory=dict)


@contextmanager
def running(settings: Settings, target: Target, progress: Callable[[Progress], None] | None) -> Iterator[Run]:
    """Begin what all files of one command share; end it with the block.

    Effects: removes temporary files that a killed run left.
    """
    spill.sweep()
    contract = Contract(settings.delimiter, settings.source_time_zone, settings.actions, settings.max_future_seconds)
    seconds = settings.max_future_seconds
    latest = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
    run = Run(target, contract, latest, settings.max_rejected, progress, settings.memory_limit_mb)
    try:
        yield run
    finally:
        _close_kernels(run)


def _close_kernels(run: Run) -> None:
    while run.kernels:
        run.kernels.popitem()[1].close()


def _kernel(run: Run, header: Header) -> Kernel:
    from footfall.engines import in_process

    if header not in run.kernels:
        if len(run.kernels) == KERNELS_MAX:
            _close_kernels(run)
        run.kernels[header] = in_process.Kernel(run.contract, header, run.latest, run.memory_limit_mb)
    return run.kernels[header]


def read(run: Run, file: opening.SourceFile) -> Reading:
    """Read a file's header; its raw records are to come, batch by batch."""
    from footfall.formats.delimited import read_records  # heavy, and not needed where every file is loaded already

    delimiter = run.contract.delimiter
    try:
        record, batches = read_records(lambda: opening.read_content(file), file.source, delimiter, run.memory_limit_mb)
        header = read_header(record.fields, file.source, delimiter)
    except CorruptSourceError:
        raise
    except SourceError as error:
        start, _ = begun(opening.read_content(file))
        raise explained(error, start, file.source) from error
    if header.surplus and (surplus := ", ".join(map(repr, header.surplus))) not in run.said:
        run.said.add(surplus)
        log.warning(f"{file.source}: ignoring the columns {surplus}; only {', '.join(COLUMNS)} are read")
    return Reading(file, header, batches)


def read_later(run: Run, file: opening.SourceFile) -> Reading:
    """Read a file's header, and the file again at its turn: until then nothing of it is held in memory."""

    def batches() -> Iterator[pa.RecordBatch]:
        yield from read(run, file).batches

    return Reading(file, read(run, file).header, batches())


def judge(run: Run, readings: list[Reading]) -> tuple[list[Judged], Iterator[Verdicts]]:
    """Give the verdicts on files of one header, batch by batch, in loading order, and the sums of each file.

    Effects: the sums grow, and the progress is told, while the verdicts are taken.
    """
    judged = [Judged() for _ in readings]
    verdicts = _kernel(run, readings[0].header).judge(join_batches(readings, run.memory_limit_mb))
    return judged, _told(run, readings, judged, verdicts)


def _told(run: Run, readings: list[Reading], judged: list[Judged], verdicts: Iterator[Verdicts]) -> Iterator[Verdicts]:
    from footfall.formats.positions import rows_per_file

    began = said = time.monotonic()
    for verdict in verdicts:
        yield verdict
        for each, rows in zip(judged, rows_per_file(verdict.accepted["line_number"], len(judged)), strict=True):
            each.rows_accepted += rows
        for each, rows in zip(judged, rows_per_file(verdict.rejected["line_number"], len(judged)), strict=True):
            each.rows_rejected += rows
        for number, kinds in verdict.kinds.items():
            shapes.add_all(judged[number].kinds, kinds)
        for number, kind, name, rows in verdict.oddities:
            getattr(judged[number].oddities, kind)[name] += rows
        if run.progress and time.monotonic() - said > PROGRESS_EVERY_S:
            said = time.monotonic()
            file = readings[-1].file
            rows_read = sum(each.rows for each in judged)
            run.progress(Progress(file.source, file.stream.tell(), file.size_bytes, rows_read, said - began))


def describe_file(run: Run, judged: Judged, rows_repeated: int) -> tuple[str, ...]:
    """Give the notices about one file whose rows were judged."""
    actions = run.contract.actions
    return describe(judged.oddities, rows_read=judged.rows, rows_repeated=rows_repeated, actions=actions)
