"""Typed rows -> table, CSV, JSON; and what a person reads at the end of a run.

Shape: CSV and JSON are exact; whatever a terminal shows has its control characters escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC
from typing import Any

from footfall.answers.cells import round_seconds, write_json, write_json_lines
from footfall.answers.files import Format
from footfall.answers.problems import merged_groups, problem_lines, problem_objects
from footfall.results import LoadResult, LoadSummary, Problem, RejectedRow, Table, Verification
from footfall.safe_text import escaped

CHECK_COLUMNS = (
    "source",
    "digest",
    "status",
    "rows_read",
    "rows_loaded",
    "rows_duplicate",
    "rows_rejected",
    "seconds",
    "error",
    "problems",
)


def rejected_table(rows: Iterable[RejectedRow], fmt: Format) -> Table:
    """Give the quarantine's rows as a table: for people the problems in words, else every column and JSON."""
    if fmt == "table":
        return Table(
            ("load_id", "source", "line_number", "problems", "raw_line"),
            tuple(
                (row.load_id, row.source, row.line_number, problems_text(row.problems), row.raw_line) for row in rows
            ),
        )
    columns = ("load_id", "source", "line_number", "raw_line", "raw_size_bytes", "problems")
    return Table(
        columns,
        tuple(
            (
                row.load_id,
                row.source,
                row.line_number,
                row.raw_line,
                row.raw_size_bytes,
                [asdict(one) for one in row.problems],
            )
            for row in rows
        ),
    )


def problems_text(problems: Iterable[Problem]) -> str:
    """Put a row's problems into words.

    Example:
        >>> problems_text([Problem("missing-value", "action", None), Problem("not-an-integer", "user_id", "abc")])
        "missing-value: action; not-an-integer: user_id = 'abc'"
    """
    return "; ".join(
        problem.code
        + (f": {problem.field}" if problem.field else "")
        + (f"{' =' if problem.field else ':'} '{problem.value}'" if problem.value else "")
        for problem in problems
    )


def summary_table(summary: LoadSummary) -> Table:
    """Give the run as a table of one row a file, with the columns that JSON has of a check."""
    objects = [_load_object(load, is_check=True) for load in summary.loads]
    return Table(CHECK_COLUMNS, tuple(tuple(load[column] for column in CHECK_COLUMNS) for load in objects))


def summary_text(summary: LoadSummary) -> str:
    """Say what became of each file, then the rejected rows by problem, then the sums where there are several files.

    Failed files are counted in the sums; `failures` says which they are and why.
    """
    done = [load for load in summary.loads if load.status != "failed"]
    lines = [f"{load.source}: {_outcome(load)}" for load in done]
    lines += problem_lines(merged_groups(summary))
    if len(summary.loads) > 1:
        accepted = "accepted" if any(load.status == "checked" for load in summary.loads) else "loaded"
        failed = len(summary.loads) - len(done)
        files = f", {failed:,} of {len(summary.loads):,} files failed" if failed else ""
        lines.append(f"{_rows(summary, accepted)}{files} ({summary.seconds:,.1f} s)")
    return "\n".join(map(escaped, lines))


def failures(summary: LoadSummary) -> list[tuple[str, str]]:
    """Give each failed file and why it failed."""
    return [
        (load.source, load.failure.reason if load.failure else "no reason was given")
        for load in summary.loads
        if load.status == "failed"
    ]


def _outcome(load: LoadResult) -> str:
    if load.status == "already-loaded" and load.load_id is None:
        return "the same bytes as a file before it; a load would pass it over"
    if load.status == "already-loaded":
        when = f" on {load.loaded_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if load.loaded_at else ""
        return f"already loaded as load {load.load_id}{when}, nothing changed"
    if load.status == "checked":
        return f"{_rows(load, 'accepted')} (checked, {load.seconds:,.1f} s)"
    return f"{_rows(load, 'loaded')} (load {load.load_id}, {load.seconds:,.1f} s)"


def _rows(of: LoadResult | LoadSummary, accepted: str) -> str:
    return (
        f"{of.rows_read:,} read, {of.rows_loaded:,} {accepted}, "
        f"{of.rows_duplicate:,} duplicate, {of.rows_rejected:,} rejected"
    )


def summary_json(summary: LoadSummary, *, is_check: bool = False) -> str:
    """Give the run as one JSON object. A check has no load_id; only `already-loaded` has loaded_at."""
    loads = write_json_lines([_load_object(load, is_check) for load in summary.loads], indent=" ")
    sums = {name: getattr(summary, name) for name in ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected")}
    others = {"seconds": round_seconds(summary.seconds), "ignored": summary.ignored}
    return '{"loads": ' + loads + ",\n " + write_json(sums | others)[1:]


def _load_object(load: LoadResult, is_check: bool) -> dict[str, Any]:
    names = ("source", "digest", "status", "rows_read", "rows_loaded", "rows_duplicate", "rows_rejected")
    load_id = {} if is_check or load.status == "checked" else {"load_id": load.load_id}
    values = load_id | {name: getattr(load, name) for name in names}
    values |= {"seconds": round_seconds(load.seconds), "error": load.error, "notices": load.notices}
    is_loaded = load.status == "already-loaded" and not is_check
    loaded_at = {"loaded_at": load.loaded_at} if is_loaded else {}
    return values | loaded_at | {"problems": problem_objects(load.groups)}


def verification_text(found: Verification) -> str:
    """Say what the recount showed, in one line."""
    kept = f"{_number(found.rows_raw, 'interaction')}, {_number(found.pairs, 'count')}"
    if not found.drift_count:
        return f"ok: {kept}, no drift"
    return f"drift: {kept}, {_number(found.drift_count, 'difference')}"


def _number(amount: int, noun: str) -> str:
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def drift_table(found: Verification) -> Table:
    """Give the differences that the recount found, one a row."""
    return Table(
        ("check", "key", "kept", "recount"),
        tuple((each.check, each.key, each.kept, each.recount) for each in found.drift),
    )
