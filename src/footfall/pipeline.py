"""The story of a load, from names of files to exact counts. Its transactions begin and end here.

A load, step by step: find the sources -> open one and take its digest -> ask the ledger -> read records -> judge them
(engine, contract) -> stage -> take the writer lock -> merge -> quarantine -> ledger -> commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pyarrow as pa

from footfall import ledger, loading, sources
from footfall.database import (
    Connection,
    Server,
    assert_current,
    begin,
    connect,
    driver_errors,
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
    SourceUnavailableError,
    TooManyRejectedError,
)
from footfall.judging import CONFLICT, Groups, Progress, Run, judge, new_run, problem_groups, read, report_ignored
from footfall.masking import mask, shown
from footfall.results import LoadResult, LoadSummary
from footfall.session import target
from footfall.settings import MaxRejected, Settings
from footfall.sql import named_sql

if TYPE_CHECKING:
    from footfall.engines.duckdb import Verdicts

RETRIES_MAX = 8  # tries after the first; with waits of 1, 2, 4 ... 30 s that is about two minutes
RETRY_WAIT_MAX_S = 30


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
    found = _found(names, settings, warn)
    report_ignored(found, warn)
    results: list[LoadResult] = []
    with target(settings) as where:
        run = new_run(settings, where, warn, progress)
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


def _found(names: list[str], settings: Settings, warn: Callable[[str], None]) -> sources.FoundSources:
    waits = _waits(settings)
    while True:
        try:
            return sources.find_sources(names)
        except SourceUnavailableError as error:
            _wait_or_raise(error, waits, warn)


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
                    run.warn(f"{shown(source)}: {error.message}; trying again in {wait_s} s")
                    time.sleep(wait_s)
                    continue
            connection = _record_failure(run, connection, attempt, error)
            failed = LoadResult(
                None,
                shown(source),
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
        judged, verdicts = judge(run, file)
        attempt.load_id = ledger.next_load_id(connection)
        staging = loading.open_staging(run.target, at, attempt.load_id)
        is_locked = _try_empty_path(run, connection, staging, file)
        if staging.is_direct:
            _stage_empty_table(run, connection, staging, verdicts)
        else:
            _stage(connection, staging, verdicts)
        if not is_locked:
            take_writer_lock(connection, run.target, run.warn)
        assert_current(connection, run.target)
        if first := ledger.find_loaded(connection, file.digest):
            connection.rollback()
            return _already_loaded(file, first)
        merged = loading.merge(connection, staging)
        if merged.rows_conflict:
            _stage_conflicts(run, connection, staging, file, judged.groups)
        loading.quarantine(connection, staging)
        loading.drop_staging(connection, staging)
        result = LoadResult(
            attempt.load_id,
            file.source,
            file.digest,
            "loaded",
            judged.rows,
            merged.rows_loaded,
            merged.rows_duplicate,
            staging.rows_rejected,
            groups=problem_groups(file.source, judged.groups),
        )
        _assert_law(result)
        _assert_bound(result, run.max_rejected)
        _record_loaded(run, connection, attempt, result)
        sources.assert_unchanged(file)
        attempt.result = result
        connection.commit()
        return result


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
    run: Run, connection: Connection, staging: loading.Staging, verdicts: Iterator[Verdicts]
) -> None:
    """Send rows to the empty table at once, then their counts, then build the keys."""
    from footfall.engines import counts as engine

    with engine.counting(run.memory_limit_mb // 4) as counts:
        _stage(connection, staging, verdicts, counts.add)
        loading.finish_empty_table(connection, staging, counts.tables())


def _stage(
    connection: Connection,
    staging: loading.Staging,
    verdicts: Iterator[Verdicts],
    note: Callable[[pa.Table], None] | None = None,
) -> None:
    """Send every verdict to staging."""
    for verdict in verdicts:
        sent = loading.stage_accepted(connection, staging, verdict.accepted)
        if note is not None:
            note(sent)
        loading.stage_rejected(connection, staging, verdict.rejected)


def _stage_conflicts(
    run: Run, connection: Connection, staging: loading.Staging, file: sources.SourceFile, groups: Groups
) -> None:
    """Read the file once more for the text of its conflicting rows, which the merge found by line number."""
    from footfall.engines import duckdb as engine

    lines = loading.conflict_lines(connection, staging)
    header, batches = read(run, file)
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
        run.warn(f"{shown(attempt.source)}: its failure could not be recorded in the ledger: {message}")
        _roll_back(connection)
    return connection
