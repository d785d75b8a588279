"""The kinds of problems of a run: joined over its files, as lines for people and as objects for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from footfall.results import LoadSummary, ProblemGroup, ProblemShape

SHAPES_SHOWN = 3  # of a kind of problem, the most frequent
FIELD_COUNTS = ("too-few-fields", "too-many-fields")  # the shape of a record is its number of fields


def merged_groups(summary: LoadSummary) -> list[ProblemGroup]:
    """Join the groups of all files, the largest first; each shows its first row in loading order."""
    groups: dict[tuple[str, str | None], ProblemGroup] = {}
    for load in summary.loads:
        for group in load.groups:
            first = groups.get((group.code, group.field))
            groups[group.code, group.field] = _joined(first, group) if first else group
    return sorted(groups.values(), key=lambda group: -group.rows)


def _joined(group: ProblemGroup, later: ProblemGroup) -> ProblemGroup:
    shapes = {(each.look, each.shape): each for each in group.shapes}
    for each in later.shapes:
        first = shapes.get((each.look, each.shape))
        shapes[each.look, each.shape] = replace(first, rows=first.rows + each.rows) if first else each
    return replace(
        group,
        rows=group.rows + later.rows,
        hint=group.hint if group.hint == later.hint else group.general_hint,
        shapes=tuple(sorted(shapes.values(), key=lambda shape: -shape.rows)),
    )


def problem_lines(groups: Iterable[ProblemGroup]) -> Iterator[str]:
    """Put groups into words: a line each, and where their values have several shapes, one for each of the largest."""
    for group in groups:
        where = f" in {group.field}" if group.field else ""
        kind = f"  {_rows(group.rows)}  {group.code}{where}"
        shown = group.shapes[:SHAPES_SHOWN]
        if len(group.shapes) < 2 and not group.rows_of_other_shapes:
            yield f"{kind}; {_first(group)}; {group.hint}"
            continue
        hints = {shape.hint for shape in shown}
        yield kind + (f"; {hints.pop()}" if len(hints) == 1 else "")
        for shape in shown:
            yield f"    {_rows(shape.rows)}{_like(group, shape)}; {_first(shape)}" + (
                f"; {shape.hint}" if hints else ""
            )
        rest = group.rows - sum(shape.rows for shape in shown)
        if group.rows_of_other_shapes:
            yield f"    {_rows(rest)} of other shapes, too many to count each of them"
        elif others := len(group.shapes) - len(shown):
            yield f"    {_rows(rest)} of {others} other shape{'' if others == 1 else 's'}"


def _like(group: ProblemGroup, shape: ProblemShape) -> str:
    if group.code in FIELD_COUNTS:
        return f" with {shape.shape} field{'' if shape.shape == '1' else 's'}"
    return f" like {shape.shape}" if shape.shape else ""


def _first(of: ProblemGroup | ProblemShape) -> str:
    value = f" ('{of.sample_value}')" if of.sample_value else ""
    return f"first: {of.sample_source} line {of.sample_line_number}{value}"


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def problem_objects(groups: Iterable[ProblemGroup]) -> list[dict[str, Any]]:
    """Give groups as objects for JSON.

    Shape: `shapes` has the largest three; `rows_of_other_shapes` the rows of the others, and `shapes_cut` says that
    there were too many to count each of them.
    """
    return [
        {
            "code": group.code,
            "field": group.field,
            **_object(group),
            "shapes": [{"shape": shape.shape, **_object(shape)} for shape in group.shapes[:SHAPES_SHOWN]],
            "rows_of_other_shapes": group.rows - sum(shape.rows for shape in group.shapes[:SHAPES_SHOWN]),
            "shapes_cut": group.rows_of_other_shapes > 0,
        }
        for group in groups
    ]


def _object(of: ProblemGroup | ProblemShape) -> dict[str, Any]:
    return {"rows": of.rows, "line_number": of.sample_line_number, "value": of.sample_value, "hint": of.hint}
