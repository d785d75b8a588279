"""Compare what a proposed definition loads with what an expert's definition loads, field by field.

Where a file does not decide a field, a constant is as good as any value; where an expert could take another column,
that one is right, too. What remains must be equal, as sets in which a row may come more than once.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from uuid import UUID

from wild_shape import FIELDS, MADE, Shape

Column = tuple[object, ...]
ANY = "any"  # stands for a value that only has to be the same wherever it stands


def find_differences(shape: Shape, rows: Sequence[tuple[object, ...]]) -> list[str]:
    """Give the names of the fields in which loaded rows differ from the right ones; none where all is right.

    Shape: `rows` are of the five fields. Where each field alone is right and the rows together are not, all are named.
    """
    if len(rows) != len(shape.rows):
        return ["number of rows"]
    found: list[Column] = list(zip(*rows, strict=True)) if rows else [()] * len(FIELDS)
    pairs = [list(pair_columns(shape, name, found[at])) for at, name in enumerate(FIELDS)]
    differing = [name for name, ways in zip(FIELDS, pairs, strict=True) if not ways]
    if differing:
        return differing
    for ways in itertools.product(*pairs):
        wanted, got = zip(*ways, strict=True)
        if Counter(zip(*wanted, strict=True)) == Counter(zip(*got, strict=True)):
            return []
    return list(FIELDS)


def find_made_up(shape: Shape, rows: Sequence[tuple[object, ...]]) -> list[str]:
    """Give the fields that no file of this shape decides and that were filled with something of guess's own."""
    found: list[Column] = list(zip(*rows, strict=True)) if rows else [()] * len(FIELDS)
    right = dict(zip(FIELDS, zip(*shape.rows, strict=True), strict=True)) if shape.rows else {}
    loose = [(name, found[at]) for at, name in enumerate(FIELDS) if name in shape.guess.loose]
    return [name for name, column in loose if Counter(column) != Counter(right[name])]


def pair_columns(shape: Shape, name: str, found: Column) -> Iterator[tuple[Column, Column]]:
    """Give each way in which a loaded column is right: what is wanted and what was found, made alike."""
    at = FIELDS.index(name)
    right: Column = tuple(row[at] for row in shape.rows)
    if name == "interaction_id":
        yield from pair_ids(shape, right, found)
        return
    if shape.guess.padded:
        right, found = strip_zeros(right), strip_zeros(found)
    for wanted in (right, *shape.guess.others.get(name, ())):
        if Counter(wanted) == Counter(found):
            yield wanted, found
        if name in shape.guess.loose and "none" in wanted:
            fillers = set(found) - set(wanted)
            if len(fillers) == 1:
                blank = tuple(ANY if value == "none" else value for value in wanted)
                yield blank, tuple(ANY if value in fillers else value for value in found)
    if name in shape.guess.loose and len(set(found)) == 1:
        yield (ANY,) * len(right), (ANY,) * len(found)


def pair_ids(shape: Shape, right: Column, found: Column) -> Iterator[tuple[Column, Column]]:
    """Give the ways in which ids of interactions are right: the file's own, or made ones, each of which is its own."""
    for wanted in (right, *shape.guess.others.get("interaction_id", ())):
        if Counter(wanted) == Counter(found):
            yield wanted, found
    is_free = MADE in right or "interaction_id" in shape.guess.loose
    if is_free and all(isinstance(value, UUID) for value in found) and len(set(found)) == len(found):
        yield (MADE,) * len(right), (MADE,) * len(found)


def strip_zeros(values: Column) -> Column:
    """Give numbers that are padded as text, and numbers, without their zeros."""
    return tuple(str(value).lstrip("0") or "0" for value in values)
