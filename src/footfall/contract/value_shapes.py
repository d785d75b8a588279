"""Count the kinds of problems of one file, and the shapes of the values that have them, batch by batch.

Memory: at most SHAPES_MAX shapes for each kind: the first ones in a fixed order. A shape that is among the first of the
whole file is among the first of every batch, so the result does not depend on how the file was cut into batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

SHAPES_MAX = 50  # shapes of one kind of problem that are counted separately in each file; a screen shows three
Shape = tuple[str, str]  # look, or '' where no cause is certain; shape of the value
KindName = tuple[str, str | None]  # code, field


@dataclass(slots=True)
class Sample:
    """Rows that are alike: their number, and the line and value of the first one."""

    rows: int
    line_number: int
    value: str | None


@dataclass(slots=True)
class Kind(Sample):
    """The rows with one problem; `shapes` has the shapes that are counted separately."""

    shapes: dict[Shape, Sample] = field(default_factory=dict)


Kinds = dict[KindName, Kind]
# file number, code, field, look, shape, rows, first line, value there; and of the whole kind: rows, first line, value
Counted = tuple[int, str, str | None, str, str, int, int, str | None, int, int, str | None]


def make_sort_key(shape: Shape) -> tuple[bool, int, str, str]:
    """Give the sort key of a shape, the same order as in `hints.sql`: known looks first, then short shapes.

    Example:
        >>> sorted([("", "9"), ("", "999"), ("uuid", "x-x")], key=make_sort_key)
        [('uuid', 'x-x'), ('', '9'), ('', '999')]
    """
    look, text = shape
    return look == "", len(text), text, look


def add(kinds: Kinds, name: KindName, whole: Sample, shapes: Mapping[Shape, Sample]) -> None:
    """Add later rows that share a problem, with the shapes that were counted in them."""
    kind = kinds.get(name)
    if kind is None:
        kind = kinds[name] = Kind(whole.rows, whole.line_number, whole.value)
    else:
        kind.rows += whole.rows
    for shape, sample in shapes.items():
        if known := kind.shapes.get(shape):
            known.rows += sample.rows
        else:
            kind.shapes[shape] = replace(sample)
    for shape in sorted(kind.shapes, key=make_sort_key)[SHAPES_MAX:]:
        del kind.shapes[shape]


def add_all(kinds: Kinds, later: Kinds) -> None:
    """Add the kinds of problems of later rows."""
    for name, kind in later.items():
        add(kinds, name, kind, kind.shapes)


def add_counted(files: dict[int, Kinds], counted: Iterable[Counted]) -> None:
    """Add the counts that `hints.sql` made of later rows to the kinds of problems of their files, by file number."""
    kinds: dict[tuple[int, KindName], Kind] = {}
    for number, code, column, look, shape, rows, line, value, kind_rows, kind_line, kind_value in counted:
        kind = kinds.setdefault((number, (code, column)), Kind(kind_rows, kind_line, kind_value))
        kind.shapes[look, shape] = Sample(rows, line, value)
    for (number, name), kind in kinds.items():
        add(files.setdefault(number, {}), name, kind, kind.shapes)
