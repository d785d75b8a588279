"""What load and check have in common: a source file read and judged, its problems counted, its progress told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from footfall import sources
from footfall.contract import COLUMNS, Contract, Header, read_header
from footfall.database import Target
from footfall.hints import cure
from footfall.records import read_records
from footfall.results import ProblemGroup
from footfall.settings import MaxRejected, Settings

if TYPE_CHECKING:
    from footfall.engines.duckdb import Verdicts

PROGRESS_EVERY_S = 0.2

Group = tuple[str, str | None]
Groups = dict[Group, tuple[int, int, str | None]]
CONFLICT: Group = ("conflicting-duplicate", "interaction_id")


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
    """What all files of one command share."""

    target: Target
    contract: Contract
    latest: datetime | None
    max_rejected: MaxRejected | None
    warn: Callable[[str], None]
    progress: Callable[[Progress], None] | None
    memory_limit_mb: int
    said: set[str]


@dataclass(slots=True)
class Judged:
    """The sums over the verdicts of one file that were given so far."""

    rows_accepted: int = 0
    rows_rejected: int = 0
    groups: Groups = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows read."""
        return self.rows_accepted + self.rows_rejected

    def add(self, verdict: Verdicts) -> None:
        """Add one batch."""
        self.rows_accepted += verdict.accepted.num_rows
        self.rows_rejected += verdict.rejected.num_rows
        for code, column, rows, line, value in verdict.groups:
            before = self.groups.get((code, column))
            self.groups[code, column] = (before[0] + rows, before[1], before[2]) if before else (rows, line, value)


def judge(run: Run, file: sources.SourceFile) -> tuple[Judged, Iterator[Verdicts]]:
    """Read a file's header and give the verdicts on its rows, batch by batch, in file order, and their sums.

    Effects: tells the progress while the verdicts are taken.
    """
    from footfall.engines import duckdb as engine  # heavy, and not needed where the file is loaded already

    header, batches = read(run, file)
    if header.surplus and (surplus := ", ".join(map(repr, header.surplus))) not in run.said:
        run.said.add(surplus)
        run.warn(f"{file.source}: ignoring the columns {surplus}; only {', '.join(COLUMNS)} are read")
    judged = Judged()
    return judged, _told(
        run, file, judged, engine.judge(batches, run.contract, header, run.latest, run.memory_limit_mb)
    )


def _told(run: Run, file: sources.SourceFile, judged: Judged, verdicts: Iterator[Verdicts]) -> Iterator[Verdicts]:
    began = said = time.monotonic()
    for verdict in verdicts:
        yield verdict
        judged.add(verdict)
        if run.progress and time.monotonic() - said > PROGRESS_EVERY_S:
            said = time.monotonic()
            run.progress(Progress(file.source, file.stream.tell(), file.size_bytes, judged.rows, said - began))


def read(run: Run, file: sources.SourceFile) -> tuple[Header, Iterator[pa.RecordBatch]]:
    """Read a file's header and give its raw records, batch by batch."""
    delimiter = run.contract.delimiter
    record, batches = read_records(lambda: sources.read_content(file), file.source, delimiter, run.memory_limit_mb)
    return read_header(record.fields, file.source, delimiter), batches


def problem_groups(source: str, groups: Groups) -> tuple[ProblemGroup, ...]:
    """Give the kinds of problems of one file, the most frequent first, each with its cure."""
    ordered = sorted(groups.items(), key=lambda item: (-item[1][0], item[0][0], item[0][1] or ""))
    return tuple(
        ProblemGroup(code, column, rows, source, line, value, cure(code, column, value))
        for (code, column), (rows, line, value) in ordered
    )


def report_ignored(found: sources.FoundSources, warn: Callable[[str], None]) -> None:
    """Say which names of folders were passed over."""
    if found.ignored:
        some = ", ".join(found.ignored[:5]) + (", ..." if len(found.ignored) > 5 else "")
        warn(f"ignored {len(found.ignored)} names that are not *.csv, *.csv.gz or *.csv.zst: {some}")


def new_run(
    settings: Settings, target: Target, warn: Callable[[str], None], progress: Callable[[Progress], None] | None
) -> Run:
    """Begin what all files of one command share."""
    contract = Contract(settings.delimiter, settings.source_time_zone, settings.actions, settings.max_future_seconds)
    seconds = settings.max_future_seconds
    latest = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
    return Run(target, contract, latest, settings.max_rejected, warn, progress, settings.memory_limit_mb, set())
