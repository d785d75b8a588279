"""Typed results -> tables and JSON.

Shape: CSV and JSON are exact; whatever a terminal shows has its control characters escaped.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from footfall.answers.cells import round_seconds, write_json, write_json_lines
from footfall.answers.files import Format
from footfall.contract.shapes import COLUMNS
from footfall.results import (
    LoadResult,
    LoadSummary,
    Problem,
    ProblemGroup,
    ProblemShape,
    RejectedRow,
    Table,
    Verification,
)
from footfall.results.forgetting import Receipt
from footfall.results.guessing import FirstRow, Guess, GuessedPart
from footfall.results.problems import SHAPES_SHOWN
from footfall.results.undoing import UndoSummary
from footfall.safe_text import escape_unprintable

ROWS = ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected", "rows_skipped")
CHECK_COLUMNS = (
    "source",
    "digest",
    "status",
    *ROWS,
    "seconds",
    "error",
    "problems",
)


def make_rejected_table(rows: Iterable[RejectedRow], fmt: Format, *, with_closed: bool = False) -> Table:
    """Give the quarantine's rows as a table: with problems in words for people, else with all columns and objects."""
    names: tuple[str, ...] = ("load_id", "source", "line_number", "problems", "raw_line")
    if fmt != "table":
        names = ("load_id", "source", "line_number", "item", "raw_line", "raw_size_bytes", "problems")
    if with_closed or fmt == "json":
        names = (*names, "replayed_by")
    return Table(names, tuple(tuple(_list_rejected_cells(row, names, fmt)) for row in rows))


def _list_rejected_cells(row: RejectedRow, names: Iterable[str], fmt: Format) -> Iterator[Any]:
    for name in names:
        if name == "problems":
            yield describe_problems(row.problems) if fmt == "table" else [asdict(one) for one in row.problems]
        elif name == "line_number" and fmt == "table":
            yield place(row)
        else:
            yield getattr(row, name)


def place(row: RejectedRow) -> int | str:
    """Give the line of a row, and its number where several rows begin on that line."""
    return f"{row.line_number} item {row.item}" if row.item else row.line_number


def describe_problems(problems: Iterable[Problem]) -> str:
    """Put a row's problems into words.

    Example:
        >>> describe_problems([Problem("missing-value", "action", None), Problem("not-an-integer", "user_id", "abc")])
        "missing-value: action; not-an-integer: user_id = 'abc'"
    """
    return "; ".join(
        problem.code
        + (f": {problem.field}" if problem.field else "")
        + (f"{' =' if problem.field else ':'} '{problem.value}'" if problem.value else "")
        for problem in problems
    )


def make_summary_table(summary: LoadSummary) -> Table:
    """Give the run as a table: one row per file, with the columns that a check has in JSON."""
    objects = [_load_object(load, is_check=True) for load in summary.loads]
    return Table(CHECK_COLUMNS, tuple(tuple(load[column] for column in CHECK_COLUMNS) for load in objects))


def list_failures(summary: LoadSummary) -> list[tuple[str, str]]:
    """Give each failed file and why it failed."""
    return [
        (load.source, load.failure.reason if load.failure else "no reason was given")
        for load in summary.loads
        if load.status == "failed"
    ]


def make_summary_json(summary: LoadSummary, *, is_check: bool = False) -> str:
    """Give the run as one JSON object. A check has no load_id; only `already-loaded` has loaded_at."""
    loads = write_json_lines([_load_object(load, is_check) for load in summary.loads], indent=" ")
    sums = {name: getattr(summary, name) for name in ROWS}
    others = {"seconds": round_seconds(summary.seconds), "ignored": summary.ignored}
    return '{"loads": ' + loads + ",\n " + write_json(sums | others)[1:]


def _load_object(load: LoadResult, is_check: bool) -> dict[str, Any]:
    names = ("source", "digest", "status", *ROWS)
    load_id = {} if is_check or load.status == "checked" else {"load_id": load.load_id}
    values = load_id | {name: getattr(load, name) for name in names}
    values |= {"seconds": round_seconds(load.seconds), "error": load.error, "notices": load.notices}
    is_loaded = load.status == "already-loaded" and not is_check
    loaded_at = {"loaded_at": load.loaded_at} if is_loaded else {}
    replay_of = {"replay_of": load.replay_of} if load.replay_of is not None else {}
    undone = {"undone": [asdict(each) for each in load.undone]} if load.undone else {}
    return values | loaded_at | replay_of | undone | {"problems": _make_problem_objects(load.groups)}


def make_receipt_json(receipt: Receipt) -> str:
    """Give what forgetting removed as one JSON object."""
    return write_json(asdict(receipt) | {"seconds": round_seconds(receipt.seconds)})


def undo_json(summary: UndoSummary) -> str:
    """Give what was taken back as one JSON object."""
    names = ("rows_removed", "rows_passed", "rows_rejected")
    return write_json(
        {
            "loads": [asdict(load) for load in summary.loads],
            "already_undone": summary.already_undone,
            **{name: getattr(summary, name) for name in names},
            "is_dry_run": summary.is_dry_run,
            "seconds": round_seconds(summary.seconds),
        }
    )


def guess_json(made: Guess) -> str:
    """Give a guess as one JSON object: the definition as TOML has it, and each part with its confidence and reason."""
    return write_json(
        {
            "name": made.name,
            "files": made.sources,
            "looks_like": made.looks_like,
            "rows_seen": made.rows_seen,
            "is_whole": made.is_whole,
            "built_in": made.built_in,
            "settings": made.settings,
            "definition": made.definition,
            "parts": [_make_part_object(part) for part in made.parts],
            "doubts": [_make_part_object(part) for part in made.doubts],
            "rows": [_make_first_row_object(row) for row in made.rows],
            "rows_skipped": made.rows_skipped,
        }
    )


def _make_first_row_object(row: FirstRow) -> dict[str, Any]:
    values = dict(zip(COLUMNS, row.values, strict=True)) if row.values is not None else {}
    return {"line_number": row.line_number, "item": row.item, **values, "problems": [asdict(p) for p in row.problems]}


def _make_part_object(part: GuessedPart) -> dict[str, Any]:
    return {"key": part.key or None, "value": part.value, "confidence": part.confidence, "reason": part.reason}


def list_questions(rows: Iterable[tuple[Any, ...]], width: int) -> str:
    """List questions below the names of their groups, each with the sentence that it answers, folded to the width.

    Shape: `rows` are (name, answers, group) in the order of the groups; a user's own question has its file behind.

    Example:
        >>> print(list_questions([("per-day", "Interactions per day.", "How much")], 80))
        How much
          per-day  Interactions per day.
        <BLANKLINE>
    """
    shown = [tuple(map(escape_unprintable, row)) for row in rows]
    indent = max((len(row[0]) for row in shown), default=0) + 4
    lines = []
    for at, (name, answers, group, *file) in enumerate(shown):
        if not at or group != shown[at - 1][2]:
            lines.append(group)
        about = " ".join([answers, *(f"({each})" for each in file if each)])
        folded = textwrap.wrap(about, max(width - indent, 20), break_long_words=False, break_on_hyphens=False) or [""]
        lines += [(f"  {name:{indent - 4}}  " if not part else " " * indent) + text for part, text in enumerate(folded)]
    return "".join(line.rstrip() + "\n" for line in lines)


def make_drift_table(found: Verification) -> Table:
    """Give the differences that the recount found, one per row."""
    return Table(
        ("check", "key", "kept", "recount"),
        tuple((each.check, each.key, each.kept, each.recount) for each in found.drift),
    )


def _make_problem_objects(groups: Iterable[ProblemGroup]) -> list[dict[str, Any]]:
    """Give groups as objects for JSON.

    Shape: `shapes` has the largest three; `rows_of_other_shapes` the rows of the others, and `shapes_cut` says that
    there were too many to count each of them.
    """
    return [
        {
            "code": group.code,
            "field": group.field,
            **_make_object(group),
            "shapes": [{"shape": shape.shape, **_make_object(shape)} for shape in group.shapes[:SHAPES_SHOWN]],
            "rows_of_other_shapes": group.rows - sum(shape.rows for shape in group.shapes[:SHAPES_SHOWN]),
            "shapes_cut": group.rows_of_other_shapes > 0,
        }
        for group in groups
    ]


def _make_object(of: ProblemGroup | ProblemShape) -> dict[str, Any]:
    return {"rows": of.rows, "line_number": of.sample_line_number, "value": of.sample_value, "hint": of.hint}
