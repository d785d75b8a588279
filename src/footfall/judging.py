"""What load and check have in common: a source file read and judged, its problems counted, its progress told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from footfall import shapes, sources
from footfall.bound import MaxRejected
from footfall.contract import COLUMNS, Contract, Header, read_header
from footfall.database import Target
from footfall.engines import spill
from footfall.errors import CorruptSourceError, SourceError
from footfall.hints import hint
from footfall.notices import Oddities, describe
from footfall.recognition import begun, explained
from footfall.results import ProblemGroup, ProblemShape
from footfall.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from footfall.engines.duckdb import Kernel, Verdicts

PROGRESS_EVERY_S = 0.2
KERNELS_MAX = 4  # kernels kept for files to come: exports of one source have one header, seldom two

CONFLICT: shapes.KindName = ("conflicting-duplicate", "interaction_id")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. Units: `bytes_done` and `bytes_total` count decompressed content where the file is plain."""

    source: str
    bytes_done: int
    bytes_total: int | None
    rows_read: int
    seconds: float


@dataclass(slots=True)
class Run:
    """What all files of one command share. `kernels` are ready to run, by the header that they are for."""

    target: Target
    contract: Contract
    latest: datetime | None
    max_rejected: MaxRejected | None
    warn: Callable[[str], None]
    progress: Callable[[Progress], None] | None
    memory_limit_mb: int
    said: set[str] = field(default_factory=set)
    kernels: dict[Header, Kernel] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """A source file that is being read: its header is known, its records are to come."""

    file: sources.SourceFile
    header: Header
    batches: Iterator[pa.RecordBatch]


@dataclass(slots=True)
class Judged:
    """The sums over the verdicts of one file that were given so far."""

    rows_accepted: int = 0
    rows_rejected: int = 0
    kinds: shapes.Kinds = field(default_factory=dict)
    oddities: Oddities = field(default_factory=Oddities)

    @property
    def rows(self) -> int:
        """Rows read."""
        return self.rows_accepted + self.rows_rejected

    def move_to_conflicts(self, rejected: pa.Table, first_id: str) -> None:
        """Count accepted rows that turned out to be conflicts as rejected."""
        self.rows_accepted -= rejected.num_rows
        self.rows_rejected += rejected.num_rows
        add_conflicts(self.kinds, rejected.num_rows, rejected["line_number"][0].as_py(), first_id)


def add_conflicts(kinds: shapes.Kinds, rows: int, line_number: int, first_id: str) -> None:
    """Add rows that are conflicts to the kinds of problems of their file."""
    sample = shapes.Sample(rows, line_number, first_id)
    shapes.add(kinds, CONFLICT, sample, {("", ""): sample})


@contextmanager
def running(
    settings: Settings, target: Target, warn: Callable[[str], None], progress: Callable[[Progress], None] | None
) -> Iterator[Run]:
    """Begin what all files of one command share; end it with the block.

    Effects: removes temporary files that a killed run left.
    """
    spill.sweep()
    contract = Contract(settings.delimiter, settings.source_time_zone, settings.actions, settings.max_future_seconds)
    seconds = settings.max_future_seconds
    latest = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
    run = Run(target, contract, latest, settings.max_rejected, warn, progress, settings.memory_limit_mb)
    try:
        yield run
    finally:
        _close_kernels(run)


def _close_kernels(run: Run) -> None:
    while run.kernels:
        run.kernels.popitem()[1].close()


def _kernel(run: Run, header: Header) -> Kernel:
    from footfall.engines import duckdb as engine

    if header not in run.kernels:
        if len(run.kernels) == KERNELS_MAX:
            _close_kernels(run)
        run.kernels[header] = engine.Kernel(run.contract, header, run.latest, run.memory_limit_mb)
    return run.kernels[header]


def read(run: Run, file: sources.SourceFile) -> Reading:
    """Read a file's header; its raw records are to come, batch by batch."""
    from footfall.records import read_records  # heavy, and not needed where every file is loaded already

    delimiter = run.contract.delimiter
    try:
        record, batches = read_records(lambda: sources.read_content(file), file.source, delimiter, run.memory_limit_mb)
        header = read_header(record.fields, file.source, delimiter)
    except CorruptSourceError:
        raise
    except SourceError as error:
        start, _ = begun(sources.read_content(file))
        raise explained(error, start, file.source) from error
    if header.surplus and (surplus := ", ".join(map(repr, header.surplus))) not in run.said:
        run.said.add(surplus)
        run.warn(f"{file.source}: ignoring the columns {surplus}; only {', '.join(COLUMNS)} are read")
    return Reading(file, header, batches)


def read_later(run: Run, file: sources.SourceFile) -> Reading:
    """Read a file's header, and the file again at its turn: until then nothing of it is held in memory."""

    def batches() -> Iterator[pa.RecordBatch]:
        yield from read(run, file).batches

    return Reading(file, read(run, file).header, batches())


def judge(run: Run, readings: list[Reading]) -> tuple[list[Judged], Iterator[Verdicts]]:
    """Give the verdicts on files of one header, batch by batch, in loading order, and the sums of each file.

    Effects: the sums grow, and the progress is told, while the verdicts are taken.
    """
    judged = [Judged() for _ in readings]
    verdicts = _kernel(run, readings[0].header).judge(_placed(readings, run.memory_limit_mb))
    return judged, _told(run, readings, judged, verdicts)


def _placed(readings: list[Reading], memory_limit_mb: int) -> Iterator[pa.RecordBatch]:
    """Give the records of several files in batches as large as those of one; their line numbers become places."""
    from footfall.places import placed
    from footfall.records import block_bytes

    if len(readings) == 1:
        yield from readings[0].batches
        return
    waiting: list[pa.RecordBatch] = []
    size_bytes = 0
    for number, reading in enumerate(readings):
        for batch in reading.batches:
            places = placed(batch.column("line_number"), number)
            waiting.append(batch.set_column(0, "line_number", places))
            size_bytes += batch.nbytes
            if size_bytes >= block_bytes(memory_limit_mb):
                yield _joined(waiting)
                waiting, size_bytes = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    import pyarrow as pa

    (batch,) = pa.Table.from_batches(batches).combine_chunks().to_batches() or batches
    return batch


def _told(run: Run, readings: list[Reading], judged: list[Judged], verdicts: Iterator[Verdicts]) -> Iterator[Verdicts]:
    from footfall.places import rows_per_file

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


def problem_groups(source: str, kinds: shapes.Kinds) -> tuple[ProblemGroup, ...]:
    """Give the kinds of problems of one file and the shapes of each, the most frequent first, with their cures."""
    ordered = sorted(kinds.items(), key=lambda item: (-item[1].rows, item[0][0], item[0][1] or ""))
    return tuple(
        ProblemGroup(
            code,
            column,
            kind.rows,
            source,
            kind.line_number,
            kind.value,
            hint(code, column, _common_look(kind)),
            tuple(
                ProblemShape(text, look, each.rows, source, each.line_number, each.value, hint(code, column, look))
                for (look, text), each in sorted(kind.shapes.items(), key=lambda item: _by_rows(item[1]))
            ),
            hint(code, column, ""),
        )
        for (code, column), kind in ordered
    )


def _by_rows(sample: shapes.Sample) -> tuple[int, int]:
    return -sample.rows, sample.line_number


def _common_look(kind: shapes.Kind) -> str:
    """Give the look that all rows of a kind have, or none."""
    looks = {look for look, _ in kind.shapes}
    are_all_known = kind.rows == sum(each.rows for each in kind.shapes.values())
    return looks.pop() if len(looks) == 1 and are_all_known else ""
