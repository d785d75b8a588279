"""The story: one function per verb, from names of files to exact counts. Every transaction begins and ends here.

A load, step by step: find the sources -> open one and take its digest -> ask the ledger -> read records -> judge them
(engine, contract) -> stage -> take the writer lock -> merge -> quarantine -> ledger -> commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pyarrow as pa

from footfall import ledger, loading, sources
from footfall.contract import COLUMNS, Contract, Header, read_header
from footfall.database import (
    Connection,
    Server,
    Target,
    assert_current,
    begin,
    connect,
    driver_errors,
    mask,
    require_schema,
    server,
    silent,
    take_writer_lock,
    wrapped,
)
from footfall.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    FootfallError,
    SourceError,
    TooManyRejectedError,
)
from footfall.hints import cure
from footfall.records import read_records
from footfall.results import (
    LoadResult,
    LoadSummary,
    ProblemGroup,
)
from footfall.session import target
from footfall.settings import MaxRejected, Settings
from footfall.sql import named_sql

if TYPE_CHECKING:
    from footfall.engines.duckdb import Verdicts
    from footfall.engines.repeats import Repeats

RETRIES_MAX = 8  # tries after the first; with waits of 1, 2, 4 ... 30 s that is about two minutes
RETRY_WAIT_MAX_S = 30
PROGRESS_EVERY_S = 0.2


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


Group = tuple[str, str | None]
Groups = dict[Group, tuple[int, int, str | None]]
CONFLICT: Group = ("conflicting-duplicate", "interaction_id")


# Load


def load(
    names: list[str],
    settings: Settings,
    *,
    progress: Callable[[Progress], None] | None = None,
    warn: Callable[[str], None] = silent,
) -> LoadSummary:
    """Load files of interactions, each exactly once and in a transaction of its own.

    Effects: creates the tables in a schema that has none; idempotent: what is loaded already changes nothing.
    Raises: SettingsError, SchemaError, DatabaseUnavailableError before the first file; later a failure is a result.
    """
    began = time.monotonic()
    found = sources.find_sources(names)
    _report_ignored(found, warn)
    results: list[LoadResult] = []
    with target(settings) as where:
        run = _run(settings, where, warn, progress)
        connection, at = _prepared(run, settings, warn)
        try:
            for source in found.paths:
                result, connection = _load_with_retries(run, settings, connection, at, source)
                results.append(result)
                if result.exit_code == DatabaseUnavailableError.exit_code:
                    break
        finally:
            connection.close()
    return LoadSummary(tuple(results), round(time.monotonic() - began, 3), found.ignored)


def _prepared(run: Run, settings: Settings, warn: Callable[[str], None]) -> tuple[Connection, Server]:
    waits = _waits(settings)
    while True:
        try:
            connection = connect(run.target)
            try:
                with driver_errors():
                    at = server(connection)
                    connection.rollback()
                    require_schema(connection, run.target, warn, create=True)
            except BaseException:
                connection.close()
                raise
        except DatabaseUnavailableError as error:
            _wait_or_raise(error, waits, warn)
        else:
            return connection, at


def _waits(settings: Settings) -> Iterator[int]:
    return iter([min(2**n, RETRY_WAIT_MAX_S) for n in range(RETRIES_MAX)] if settings.retry else [])


def _wait_or_raise(error: FootfallError, waits: Iterator[int], warn: Callable[[str], None]) -> None:
    wait_s = next(waits, None)
    if wait_s is None:
        raise error
    warn(f"{error.message}; trying again in {wait_s} s")
    time.sleep(wait_s)


def _load_with_retries(
    run: Run, settings: Settings, connection: Connection, at: Server, source: str
) -> tuple[LoadResult, Connection]:
    """Load one file; a failure becomes a result, a lost database is tried again where the settings say so."""
    waits = _waits(settings)
    began = time.monotonic()
    while True:
        attempt = _Attempt(source, datetime.now(UTC))
        try:
            if connection.closed:
                connection = connect(run.target)
            with driver_errors():
                result = _load_one(run, connection, at, attempt)
            return replace(result, seconds=round(time.monotonic() - began, 3)), connection
        except FootfallError as error:
            committed = _was_committed(run, connection, attempt, error)
            if committed is not None:
                return replace(committed, seconds=round(time.monotonic() - began, 3)), connection
            _roll_back(connection)
            if error.retryable:
                wait_s = next(waits, None)
                if wait_s is not None:
                    run.warn(f"{source}: {error.message}; trying again in {wait_s} s")
                    time.sleep(wait_s)
                    continue
            connection = _record_failure(run, connection, attempt, error)
            failed = LoadResult(
                None,
                source,
                attempt.digest,
                "failed",
                error=mask(error.message),
                exit_code=error.exit_code,
                retryable=error.retryable,
            )
            return replace(failed, seconds=round(time.monotonic() - began, 3)), connection
        except BaseException:
            _roll_back(connection)
            raise


@dataclass(slots=True)
class _Attempt:
    """What is known of a load while it runs: enough to record its failure, or to find that it was committed."""

    source: str
    started_at: datetime
    digest: str | None = None
    size_bytes: int = 0
    load_id: int | None = None
    result: LoadResult | None = None


def _load_one(run: Run, connection: Connection, at: Server, attempt: _Attempt) -> LoadResult:
    """Take one source file in: one transaction, from begin to commit."""
    with sources.open_source(attempt.source) as file:
        attempt.digest, attempt.size_bytes = file.digest, file.size_bytes
        begin(connection, run.target)
        if first := ledger.find_loaded(connection, file.digest):
            connection.rollback()
            return _already_loaded(file, first)
        _, verdicts = _judged(run, file)
        attempt.load_id = ledger.next_load_id(connection)
        staging = loading.open_staging(run.target, at, attempt.load_id)
        is_locked = _try_empty_path(run, connection, staging, file)
        if staging.is_direct:
            groups, rows = _stage_empty_table(run, connection, staging, file, verdicts)
        else:
            groups, rows = _stage(run, connection, staging, file, verdicts)
        if not is_locked:
            take_writer_lock(connection, run.target, run.warn)
        assert_current(connection, run.target)
        if first := ledger.find_loaded(connection, file.digest):
            connection.rollback()
            return _already_loaded(file, first)
        merged = loading.merge(connection, staging)
        if merged.rows_conflict:
            _stage_conflicts(run, connection, staging, file, groups)
        loading.quarantine(connection, staging)
        loading.drop_staging(connection, staging)
        result = LoadResult(
            attempt.load_id,
            file.source,
            file.digest,
            "loaded",
            rows,
            merged.rows_loaded,
            merged.rows_duplicate,
            staging.rows_rejected,
            groups=_problem_groups(file.source, groups),
        )
        _assert_law(result)
        _assert_bound(result, run.max_rejected)
        _record_loaded(run, connection, attempt, result)
        sources.assert_unchanged(file)
        attempt.result = result
        connection.commit()
        return result


def _judged(run: Run, file: sources.SourceFile) -> tuple[Header, Iterator[Verdicts]]:
    """Read a file's header and give the verdicts on its rows, batch by batch, in file order."""
    from footfall.engines import duckdb as engine  # heavy, and not needed where the file is loaded already

    header, batches = _records(run, file)
    if header.surplus and (surplus := ", ".join(map(repr, header.surplus))) not in run.said:
        run.said.add(surplus)
        run.warn(f"{file.source}: ignoring the columns {surplus}; only {', '.join(COLUMNS)} are read")
    return header, engine.judge(batches, run.contract, header, run.latest, run.memory_limit_mb)


def _records(run: Run, file: sources.SourceFile) -> tuple[Header, Iterator[pa.RecordBatch]]:
    delimiter = run.contract.delimiter
    record, batches = read_records(lambda: sources.read_content(file), file.source, delimiter, run.memory_limit_mb)
    return read_header(record.fields, file.source, delimiter), batches


def _try_empty_path(run: Run, connection: Connection, staging: loading.Staging, file: sources.SourceFile) -> bool:
    """Take the writer lock early where the table is empty and the file large: rows first, key after them."""
    if file.size_bytes < loading.EMPTY_PATH_BYTES or not _is_empty(connection):
        return False
    take_writer_lock(connection, run.target, run.warn)
    assert_current(connection, run.target)
    if not ledger.find_loaded(connection, file.digest) and _is_empty(connection):
        loading.open_empty_table(connection, staging)
    return True


def _is_empty(connection: Connection) -> bool:
    row = connection.execute(named_sql("load.sql")["is_empty"]).fetchone()
    return bool(row and row.is_empty)


def _stage_empty_table(
    run: Run, connection: Connection, staging: loading.Staging, file: sources.SourceFile, verdicts: Iterator[Verdicts]
) -> tuple[Groups, int]:
    """Send rows to the empty table at once, then their counts, then build the keys."""
    from footfall.engines import counts as engine

    with engine.counting(run.memory_limit_mb // 4) as counts:
        groups, rows = _stage(run, connection, staging, file, verdicts, counts.add)
        loading.finish_empty_table(connection, staging, counts.tables())
    return groups, rows


def _stage(  # noqa: PLR0913  (one stage, one call)
    run: Run,
    connection: Connection,
    staging: loading.Staging,
    file: sources.SourceFile,
    verdicts: Iterator[Verdicts],
    note: Callable[[pa.Table], None] | None = None,
) -> tuple[Groups, int]:
    """Send every verdict to staging; give the kinds of problems and the number of rows."""
    groups: Groups = {}
    rows = 0
    began = said = time.monotonic()
    for verdict in verdicts:
        sent = loading.stage_accepted(connection, staging, verdict.accepted)
        if note is not None:
            note(sent)
        loading.stage_rejected(connection, staging, verdict.rejected)
        _add_groups(groups, verdict)
        rows += verdict.accepted.num_rows + verdict.rejected.num_rows
        if run.progress and time.monotonic() - said > PROGRESS_EVERY_S:
            said = time.monotonic()
            run.progress(Progress(file.source, file.stream.tell(), file.size_bytes, rows, said - began))
    return groups, rows


def _add_groups(groups: Groups, verdict: Verdicts) -> None:
    for code, column, rows, line, value in verdict.groups:
        before = groups.get((code, column))
        groups[code, column] = (before[0] + rows, before[1], before[2]) if before else (rows, line, value)


def _stage_conflicts(
    run: Run, connection: Connection, staging: loading.Staging, file: sources.SourceFile, groups: Groups
) -> None:
    """Read the file once more for the text of its conflicting rows, which the merge found by line number."""
    from footfall.engines import duckdb as engine

    lines = loading.conflict_lines(connection, staging)
    header, batches = _records(run, file)
    conflicting = (
        batch.filter(pa.array(mask_))
        for batch in batches
        if (mask_ := loading.are_in(lines, np.asarray(batch.column("line_number")))).any()
    )
    for rejected, ids in engine.as_conflicts(conflicting, run.contract, header, run.latest):
        loading.stage_rejected(connection, staging, rejected)
        before = groups.get(CONFLICT)
        rows = rejected.num_rows
        groups[CONFLICT] = (
            (before[0] + rows, before[1], before[2]) if before else (rows, rejected["line_number"][0].as_py(), ids[0])
        )


def _assert_law(result: LoadResult) -> None:
    if result.rows_read != result.rows_loaded + result.rows_duplicate + result.rows_rejected:
        raise FootfallError(
            f"{result.source}: {result.rows_read} rows read are not {result.rows_loaded} loaded, "
            f"{result.rows_duplicate} duplicate and {result.rows_rejected} rejected; nothing of it was loaded"
        )


def _assert_bound(result: LoadResult, bound: MaxRejected | None) -> None:
    """Refuse a file with too many rejected rows, before anything of it becomes visible."""
    if bound is None:
        if result.rows_read and result.rows_rejected == result.rows_read:
            raise TooManyRejectedError(
                f"{result.source}: all {result.rows_read:,} rows are rejected{_first_reason(result)}; "
                "nothing was loaded; `footfall check` shows why, --max-rejected 1.0 loads the file all the same"
            )
    elif not bound.allows(result.rows_read, result.rows_rejected):
        raise TooManyRejectedError(
            f"{result.source}: {result.rows_rejected:,} of {result.rows_read:,} rows are rejected"
            f"{_first_reason(result)}, more than --max-rejected allows; nothing was loaded; `footfall check` shows why"
        )


def _first_reason(result: LoadResult) -> str:
    if not result.groups:
        return ""
    group = max(result.groups, key=lambda g: g.rows)
    return (
        f" (mostly {group.code}{f' in {group.field}' if group.field else ''}, first on line {group.sample_line_number})"
    )


def _record_loaded(run: Run, connection: Connection, attempt: _Attempt, result: LoadResult) -> None:
    ledger.record(
        connection,
        replace(
            _entry(run, attempt, "loaded"),
            **{name: getattr(result, name) for name in ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected")},
        ),
    )


def _entry(run: Run, attempt: _Attempt, status: str, error: str | None = None) -> ledger.Entry:
    return ledger.Entry(
        load_id=attempt.load_id or 0,
        source=mask(attempt.source).replace("\0", "").encode("utf-8", "backslashreplace").decode(),
        digest=attempt.digest or "",
        size_bytes=attempt.size_bytes,
        status=status,
        contract=run.contract.fingerprint(),
        started_at=attempt.started_at,
        footfall_version=version("footfall"),
        error=error,
    )


def _already_loaded(file: sources.SourceFile, first: ledger.FirstLoad) -> LoadResult:
    return LoadResult(first.load_id, file.source, file.digest, "already-loaded", loaded_at=first.loaded_at)


def _roll_back(connection: Connection) -> None:
    """End the transaction, or the session where that cannot be had."""
    try:
        if not connection.closed:
            connection.cancel_safe(timeout=2)
            connection.rollback()
    except psycopg.Error:
        connection.close()


def _was_committed(run: Run, connection: Connection, attempt: _Attempt, error: FootfallError) -> LoadResult | None:
    """Ask the ledger what became of a COMMIT whose answer was lost.

    The writer lock comes first: it waits until the old session, which may still be committing, is gone.
    """
    if attempt.result is None or attempt.load_id is None or not isinstance(error, DatabaseUnavailableError):
        return None
    connection.close()
    try:
        with connect(run.target) as again, driver_errors():
            begin(again, run.target)
            take_writer_lock(again, run.target, run.warn)
            committed = ledger.is_loaded(again, attempt.load_id)
            again.rollback()
    except DatabaseUnavailableError:
        return None
    return attempt.result if committed else None


def _record_failure(run: Run, connection: Connection, attempt: _Attempt, error: FootfallError) -> Connection:
    """Write the failed load to the ledger, if the database takes it: a second transaction, best effort."""
    if isinstance(error, DatabaseBusyError) or (isinstance(error, DatabaseUnavailableError) and connection.closed):
        return connection  # whoever holds the lock holds it still: no second wait for a line in the ledger
    try:
        begin(connection, run.target)
        take_writer_lock(connection, run.target, run.warn)
        attempt.load_id = ledger.next_load_id(connection)
        ledger.record(connection, _entry(run, attempt, "failed", mask(error.message).replace("\0", "")))
        connection.commit()
    except (psycopg.Error, DatabaseUnavailableError) as second:
        message = wrapped(second).message if isinstance(second, psycopg.Error) else second.message
        run.warn(f"{attempt.source}: its failure could not be recorded in the ledger: {message}")
        _roll_back(connection)
    return connection


# Check


def check(
    names: list[str],
    settings: Settings,
    *,
    progress: Callable[[Progress], None] | None = None,
    warn: Callable[[str], None] = silent,
) -> LoadSummary:
    """Judge files against the contract, without a database: the verdicts of loading them into empty tables."""
    from footfall.engines import repeats as engine

    began = time.monotonic()
    found = sources.find_sources(names)
    _report_ignored(found, warn)
    run = _run(settings, Target("", settings.schema_, 0), warn, progress)
    with engine.remembering(run.memory_limit_mb // 4) as repeats:
        checked = [_check_one(run, source, number, repeats) for number, source in enumerate(found.paths)]
        for fate in repeats.fates():
            result, groups = checked[fate.file_number]
            if fate.rows_conflict:
                groups[CONFLICT] = (fate.rows_conflict, fate.line_number or 0, str(fate.interaction_id))
            moved = fate.rows_duplicate + fate.rows_conflict
            result = replace(
                result,
                rows_loaded=result.rows_loaded - moved,
                rows_duplicate=fate.rows_duplicate,
                rows_rejected=result.rows_rejected + fate.rows_conflict,
            )
            checked[fate.file_number] = result, groups
    results = tuple(replace(result, groups=_problem_groups(result.source, groups)) for result, groups in checked)
    return LoadSummary(results, round(time.monotonic() - began, 3), found.ignored)


def _check_one(run: Run, source: str, number: int, repeats: Repeats) -> tuple[LoadResult, Groups]:
    """Judge one file; a file that cannot be read leaves nothing in `repeats`."""
    began = said = time.monotonic()
    digest = None
    groups: Groups = {}
    accepted = rejected = 0
    try:
        with sources.open_source(source) as file:
            digest = file.digest
            _, verdicts = _judged(run, file)
            for verdict in verdicts:
                repeats.add(number, verdict.accepted)
                _add_groups(groups, verdict)
                accepted += verdict.accepted.num_rows
                rejected += verdict.rejected.num_rows
                if run.progress and time.monotonic() - said > PROGRESS_EVERY_S:
                    said = time.monotonic()
                    run.progress(
                        Progress(source, file.stream.tell(), file.size_bytes, accepted + rejected, said - began)
                    )
            sources.assert_unchanged(file)
    except SourceError as error:
        repeats.forget(number)
        seconds = round(time.monotonic() - began, 3)
        failed = LoadResult(
            None, source, digest, "failed", seconds=seconds, error=error.message, exit_code=error.exit_code
        )
        return failed, {}
    seconds = round(time.monotonic() - began, 3)
    return LoadResult(None, source, digest, "checked", accepted + rejected, accepted, 0, rejected, seconds), groups


def _problem_groups(source: str, groups: Groups) -> tuple[ProblemGroup, ...]:
    ordered = sorted(groups.items(), key=lambda item: (-item[1][0], item[0][0], item[0][1] or ""))
    return tuple(
        ProblemGroup(code, column, rows, source, line, value, cure(code, column, value))
        for (code, column), (rows, line, value) in ordered
    )


def _report_ignored(found: sources.FoundSources, warn: Callable[[str], None]) -> None:
    if found.ignored:
        some = ", ".join(found.ignored[:5]) + (", ..." if len(found.ignored) > 5 else "")
        warn(f"ignored {len(found.ignored)} names that are not *.csv, *.csv.gz or *.csv.zst: {some}")


def _run(
    settings: Settings, target: Target, warn: Callable[[str], None], progress: Callable[[Progress], None] | None
) -> Run:
    contract = Contract(settings.delimiter, settings.source_time_zone, settings.actions, settings.max_future_seconds)
    seconds = settings.max_future_seconds
    latest = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
    return Run(target, contract, latest, settings.max_rejected, warn, progress, settings.memory_limit_mb, set())
