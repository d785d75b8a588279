"""Stage a range of a run: judge its rows and send them to the tables of the run, in a transaction of its own.

A stager needs no more than the token and a number, and the job tells the rest. No visible table is written. The last
statement notes the range. So of two attempts at one range, the second is rolled back as a whole, and an attempt that is
killed leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

from footfall.contract.portable import write_sums
from footfall.contract.sums import Sums
from footfall.engines.in_process import open_engine
from footfall.errors import FootfallError, SettingsError
from footfall.formats.ranges import open_range
from footfall.formats.reading import Reading
from footfall.postgres.connection import hold_session
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import begin
from footfall.results import Progress
from footfall.settings import Settings
from footfall.sources import opening
from footfall.tables import runs, staged_run
from footfall.tables.forgetting import Memory, read_memory
from footfall.verbs.runs.job import Job, read_job
from footfall.verbs.runs.source import open_planned
from footfall.verbs.session import open_target

Outcome = Literal["staged", "staged-already"]


def stage(token: str, number: int, settings: Settings, progress: Callable[[Progress], None] | None = None) -> Outcome:
    """Stage one range of a run. Idempotent: after any attempt, also a twin or a late one, its rows are there once.

    Effects: one transaction, which writes to the tables of the run alone. One thread judges.
    Raises: RunGoneError where the run was taken or swept, or its rows were lost; SettingsError where versions differ;
    SourceError, SourceChangedError; DatabaseUnavailableError.
    """
    with _find_target(settings) as where, hold_session(where) as connection:
        begin(connection, where)
        tables = runs.name_tables(where.schema, token)
        runs.hold(connection, tables.lock_key)
        job = read_job(runs.read_job(connection, tables))
        if not 0 <= number < len(job.ranges):
            raise SettingsError(f"the run {token} has no range {number}: they are numbered 0 to {len(job.ranges) - 1}")
        with runs.watch_tables(tables):
            if runs.is_staged(connection, tables, number):
                connection.rollback()
                return "staged-already"
            noted = _judge(connection, tables, job, number, progress)
            runs.renew(connection, tables, job.lease_s)
            if not runs.note_range(connection, tables, noted):
                connection.rollback()
                return "staged-already"
        connection.commit()
    return "staged"


def find_left(token: str, settings: Settings) -> list[int]:
    """List the numbers of the ranges that are not staged yet. Raises: RunGoneError; SettingsError."""
    with _find_target(settings) as where, hold_session(where) as connection:
        begin(connection, where)
        tables = runs.name_tables(where.schema, token)
        job = read_job(runs.read_job(connection, tables))
        done = set(runs.list_staged(connection, tables))
        connection.rollback()
    return [number for number in range(len(job.ranges)) if number not in done]


@contextmanager
def _find_target(settings: Settings) -> Iterator[Target]:
    """Give the database as stagers reach it: by the address that is meant for them, if there is one."""
    if settings.stager_url is not None:
        yield Target(settings.stager_url.get_secret_value(), settings.schema_, settings.lock_wait_seconds)
        return
    with open_target(settings) as where:
        yield where


def _judge(
    connection: Connection, tables: runs.RunTables, job: Job, number: int, progress: Callable[[Progress], None] | None
) -> runs.StagedRange:
    """Judge the rows of a range, and send them. Give what has to be noted about the range."""
    memory = read_memory(connection, job.contract.id_types)
    part = job.ranges[number]

    def report(so_far: Progress) -> None:
        if progress is not None:
            done = max(min(so_far.bytes_done, part.end) - part.begin, 0)
            progress(replace(so_far, bytes_done=done, bytes_total=part.end - part.begin))

    staging = runs.open_staging(tables, job.load_id, job.contract.id_types, number)
    send = staged_run.RangeSender(connection, tables, staging)
    with (
        open_planned(job) as file,
        open_engine(job.latest, job.memory_limit_mb, report if progress else None, workers=1) as engine,
    ):
        engine.forgotten = memory.forgotten
        layout, batches = open_range(file, job.contract, job.memory_limit_mb, part)
        (sums,) = engine.run([Reading(file, layout, batches)], send)
        opening.assert_unchanged(file)
    return _note(number, send.rows_sent, sums, memory)


def _note(number: int, rows_sent: int, sums: Sums, memory: Memory) -> runs.StagedRange:
    if rows_sent != sums.rows_accepted:
        raise FootfallError(f"{sums.rows_accepted} rows were accepted, {rows_sent} were sent; nothing was staged")
    return runs.StagedRange(
        number,
        rows_accepted=rows_sent,
        rows_rejected=sums.rows_rejected,
        rows_skipped=sums.rows_skipped,
        sums=write_sums(sums),
        memory=memory.state,
    )
