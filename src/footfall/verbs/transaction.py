"""One transaction: source files taken in, from begin to commit. Each load begins and ends here.

Step by step: open the files and take their digests -> ask the ledger -> read records -> judge them (engine, contract)
-> stage -> take the writer lock -> merge -> quarantine -> ledger -> commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from footfall.contract.bound import assert_bound
from footfall.contract.notices import describe_other_contract
from footfall.contract.sums import Judged, problem_groups
from footfall.errors import FootfallError, SourceError
from footfall.formats.positions import placed
from footfall.formats.reading import Reading
from footfall.postgres.target import Connection, Server
from footfall.postgres.transactions import begin, take_writer_lock
from footfall.results import LoadResult
from footfall.sources import opening
from footfall.tables import counts as kept_counts
from footfall.tables import first_load, known_files, ledger
from footfall.tables import merge as merging
from footfall.tables import quarantine as quarantining
from footfall.tables import staging as staged
from footfall.tables.schema import assert_current
from footfall.verbs.attempts import Attempt, entry
from footfall.verbs.conflicts import find_conflicts
from footfall.verbs.judging import Run, describe_file, judge, read, read_later

if TYPE_CHECKING:
    from footfall.engines.kernel import Verdicts


def load_files(run: Run, connection: Connection, at: Server, attempts: Sequence[Attempt]) -> list[LoadResult]:
    """Take source files in: one transaction, from begin to commit.

    Gives the results of the files that it took: of several the first few, or none where another load took one of them.
    """
    with ExitStack() as opened:
        begin(connection, run.target)
        files = _open(attempts, opened)
        first = ledger.find_loaded(connection, (file.digest for file in files))
        readings = _read(run, files, first)
        taken = list(zip(attempts, files, readings, strict=False))
        for attempt, file, reading in taken:
            if reading is None:
                attempt.result = _already_loaded(run, file, first[file.digest])
        new = [(attempt, reading) for attempt, _, reading in taken if reading]
        if new and (later := _load_new(run, connection, at, new)):
            connection.rollback()
            return [] if len(attempts) > 1 else [_already_loaded(run, files[0], later[files[0].digest])]
        known_files.keep(connection, (file for _, file, _ in taken))
        for attempt, file, _ in taken:
            opening.assert_unchanged(file)
            attempt.is_committing = True
        connection.commit()
        return [attempt.result for attempt, _, _ in taken if attempt.result]


def _open(attempts: Sequence[Attempt], opened: ExitStack) -> list[opening.SourceFile]:
    """Open files and take their digests, up to one that cannot be read, or is the same as one before."""
    files: list[opening.SourceFile] = []
    for attempt in attempts:
        try:
            file = opened.enter_context(opening.open_source(attempt.source))
        except SourceError:
            if files:
                break
            raise
        attempt.digest, attempt.size_bytes = file.digest, file.size_bytes
        if any(file.digest == other.digest for other in files):
            break
        files.append(file)
    return files


def _read(run: Run, files: Sequence[opening.SourceFile], first: Mapping[str, ledger.FirstLoad]) -> list[Reading | None]:
    """Read the headers of files, up to one that has none or another; None stands for a file that is loaded already."""
    readings: list[Reading | None] = []
    header = None
    for file in files:
        if file.digest in first:
            readings.append(None)
            continue
        try:
            reading = read(run, file) if len(files) == 1 else read_later(run, file)
        except SourceError:
            if readings:
                break
            raise
        if header is None:
            header = reading.header
        if reading.header != header:
            break
        readings.append(reading)
    return readings


def _load_new(
    run: Run, connection: Connection, at: Server, new: Sequence[tuple[Attempt, Reading]]
) -> Mapping[str, ledger.FirstLoad]:
    """Judge, stage and merge files that are new, and record them.

    Gives the loads that brought one of them in the meantime; then the transaction is to be rolled back.
    """
    readings = [reading for _, reading in new]
    judged, verdicts = judge(run, readings)
    load_ids = ledger.next_load_ids(connection, len(new))
    staging = staged.open_staging(run.target, at, load_ids)
    is_locked = _try_empty_path(run, connection, staging, [reading.file for reading in readings])
    if staging.is_direct:
        _stage_empty_table(run, connection, staging, verdicts)
    else:
        _stage(connection, staging, verdicts)
    if not is_locked:
        take_writer_lock(connection, run.target)
    assert_current(connection, run.target)
    if later := ledger.find_loaded(connection, (reading.file.digest for reading in readings)):
        return later
    merged = merging.merge(connection, staging)
    has_conflicts = any(of.rows_conflict for of in merged.values())
    conflicting = merging.conflict_lines(connection, staging) if has_conflicts else {}
    for number, (load_id, reading, sums) in enumerate(zip(load_ids, readings, judged, strict=True)):
        if load_id in conflicting:
            for rejected, ids in find_conflicts(run, reading, conflicting[load_id]):
                sums.move_to_conflicts(rejected, ids[0])
                places = placed(rejected["line_number"], number)
                staged.stage_rejected(connection, staging, rejected.set_column(0, "line_number", places))
    rows_kept, rows_rejected = quarantining.quarantine(connection, staging), sum(sums.rows_rejected for sums in judged)
    if rows_kept != rows_rejected:
        raise FootfallError(f"{rows_rejected} rows were rejected, {rows_kept} are in quarantine; nothing was loaded")
    staged.drop_staging(connection, staging)
    merging.analyze_tables(connection, sum(of.rows_loaded for of in merged.values()))
    for (attempt, reading), load_id, sums in zip(new, load_ids, judged, strict=True):
        attempt.load_id = load_id
        result = _result(run, reading.file, sums, (load_id, merged[load_id]))
        attempt.notices = result.notices
        _assert_law(result)
        assert_bound(result, run.max_rejected, "nothing was loaded; `footfall check` shows why")
        _record_loaded(run, connection, attempt, result)
        attempt.result = result
    return {}


def _result(run: Run, file: opening.SourceFile, judged: Judged, merged_as: tuple[int, merging.Merged]) -> LoadResult:
    load_id, merged = merged_as
    return LoadResult(
        load_id,
        file.source,
        file.digest,
        "loaded",
        judged.rows,
        merged.rows_loaded,
        merged.rows_duplicate,
        judged.rows_rejected,
        groups=problem_groups(file.source, judged.kinds),
        notices=describe_file(run, judged, merged.rows_repeated),
    )


def _try_empty_path(
    run: Run, connection: Connection, staging: staged.Staging, files: Sequence[opening.SourceFile]
) -> bool:
    """Take the writer lock early where the table is empty and the files large: rows first, key after them."""
    if sum(file.size_bytes for file in files) < first_load.EMPTY_PATH_BYTES or not first_load.is_empty(connection):
        return False
    take_writer_lock(connection, run.target)
    assert_current(connection, run.target)
    if not ledger.find_loaded(connection, (file.digest for file in files)) and first_load.is_empty(connection):
        first_load.open_empty_table(connection, staging)
    return True


def _stage_empty_table(run: Run, connection: Connection, staging: staged.Staging, verdicts: Iterator[Verdicts]) -> None:
    """Send rows to the empty table at once and build their key, then send their counts."""
    from footfall.engines import counting

    with counting.counting(run.memory_limit_mb // 4, kept_counts.KEPT) as counts:
        _stage(connection, staging, verdicts, counts.add)
        with counts.grouping():
            first_load.build_raw_indexes(connection)
        first_load.copy_counts(connection, counts.tables())


def _stage(
    connection: Connection,
    staging: staged.Staging,
    verdicts: Iterator[Verdicts],
    note: Callable[[pa.Table], None] | None = None,
) -> None:
    """Send every verdict to staging."""
    for verdict in verdicts:
        sent = staged.stage_accepted(connection, staging, verdict.accepted)
        if note is not None:
            note(sent)
        staged.stage_rejected(connection, staging, verdict.rejected)


def _assert_law(result: LoadResult) -> None:
    if result.rows_read != result.rows_loaded + result.rows_duplicate + result.rows_rejected:
        raise FootfallError(
            f"{result.rows_read} rows read are not {result.rows_loaded} loaded, "
            f"{result.rows_duplicate} duplicate and {result.rows_rejected} rejected; nothing of it was loaded",
            source=result.source,
        )


def _record_loaded(run: Run, connection: Connection, attempt: Attempt, result: LoadResult) -> None:
    ledger.record(
        connection,
        replace(
            entry(run, attempt, "loaded"),
            **{name: getattr(result, name) for name in ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected")},
        ),
    )


def _already_loaded(run: Run, file: opening.SourceFile, first: ledger.FirstLoad) -> LoadResult:
    notices = describe_other_contract(first.load_id, first.contract, run.contract.fingerprint())
    return LoadResult(
        first.load_id, file.source, file.digest, "already-loaded", loaded_at=first.loaded_at, notices=notices
    )
