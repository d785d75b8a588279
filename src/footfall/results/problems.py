"""The problems of rows: of one row, and of all rows of a run by kind, joined over its files and put into words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

SHAPES_SHOWN = 3  # shapes of one kind of problem that are shown: the most frequent ones
FIELD_COUNTS = ("too-few-fields", "too-many-fields")  # the shape of a record is its number of fields


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that one row breaks.

    Shape: `field` is the canonical column name, or None for the whole row; `value` at most 200 characters.
    """

    code: str
    field: str | None
    value: str | None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row with one problem or more, as the quarantine keeps it.

    Units: `line_number` is 1-based, header included; `item` is 0 where the record is alone on its line, else its number
    among the rows that begin there, from 1; `raw_line` at most 64 KiB; `raw_size_bytes` is the whole record.
    `replayed_by` is the load that closed the row, None while it is open.
    """

    load_id: int | None
    source: str
    line_number: int
    raw_line: str
    raw_size_bytes: int
    problems: tuple[Problem, ...]
    item: int = 0
    replayed_by: int | None = None


@dataclass(frozen=True, slots=True)
class ProblemShape:
    """The rejected rows that share a problem and whose values look alike: how many, the first, and a hint at the cure.

    Shape: `shape` is the value with each digit as 9 and each run of letters as a; for `too-few-fields` and
    `too-many-fields` the number of fields; empty where the value tells nothing. `look` names the cause where it is
    certain, else it is empty.
    """

    shape: str
    look: str
    rows: int
    sample_source: str
    sample_line_number: int
    sample_value: str | None
    hint: str


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """The rejected rows of one run that share a problem: how many, the first of them, and a hint at the cure.

    Grain: one per (code, field), and one `header-again` with no field for the rows that repeat the header, which have
    other problems in the quarantine. `rows` counts rows, not problems.
    Shape: `shapes` are the shapes of the values, the most frequent first: all of them up to 50, else 50 of them.
    `hint` is that of the look that all rows have, else `general_hint`, which is true of every row with the problem.
    """

    code: str
    field: str | None
    rows: int
    sample_source: str
    sample_line_number: int
    sample_value: str | None
    hint: str
    shapes: tuple[ProblemShape, ...] = ()
    general_hint: str = ""

    @property
    def rows_of_other_shapes(self) -> int:
        """The number of rows whose shape is not among `shapes`; it is 0 unless there were over 50 shapes."""
        return self.rows - sum(each.rows for each in self.shapes) if self.shapes else 0


def merge_groups(of_each_file: Iterable[Iterable[ProblemGroup]]) -> list[ProblemGroup]:
    """Join the groups of all files, the largest first; each shows its first row in loading order."""
    groups: dict[tuple[str, str | None], ProblemGroup] = {}
    for group in chain.from_iterable(of_each_file):
        first = groups.get((group.code, group.field))
        groups[group.code, group.field] = _join(first, group) if first else group
    return sorted(groups.values(), key=lambda group: -group.rows)


def _join(group: ProblemGroup, later: ProblemGroup) -> ProblemGroup:
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


def describe_groups(groups: Iterable[ProblemGroup]) -> Iterator[str]:
    """Put groups into words: a line for each, and if its values have several shapes, one for each of the largest."""
    for group in groups:
        where = f" in {group.field}" if group.field else ""
        kind = f"  {_count_in_words(group.rows)}  {group.code}{where}"
        shown = group.shapes[:SHAPES_SHOWN]
        if len(group.shapes) < 2 and not group.rows_of_other_shapes:
            yield f"{kind}; {_describe_first(group)}; {group.hint}"
            continue
        hints = {shape.hint for shape in shown}
        yield kind + (f"; {hints.pop()}" if len(hints) == 1 else "")
        for shape in shown:
            yield f"    {_count_in_words(shape.rows)}{_describe_like(group, shape)}; {_describe_first(shape)}" + (
                f"; {shape.hint}" if hints else ""
            )
        rest = group.rows - sum(shape.rows for shape in shown)
        if group.rows_of_other_shapes:
            yield f"    {_count_in_words(rest)} of other shapes, too many to count each of them"
        elif others := len(group.shapes) - len(shown):
            yield f"    {_count_in_words(rest)} of {others} other shape{'' if others == 1 else 's'}"


def _describe_like(group: ProblemGroup, shape: ProblemShape) -> str:
    if group.code in FIELD_COUNTS:
        return f" with {shape.shape} field{'' if shape.shape == '1' else 's'}"
    return f" like {shape.shape}" if shape.shape else ""


def _describe_first(of: ProblemGroup | ProblemShape) -> str:
    value = f" ('{of.sample_value}')" if of.sample_value else ""
    return f"first: {of.sample_source} line {of.sample_line_number}{value}"


def _count_in_words(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"
