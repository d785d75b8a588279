"""Pair the rows of a mended file with the rejected rows that it was written from, although the file holds no numbers.

A row that nobody touched has the same text as its rejected row, so the two are a pair. If the file has as many other
rows as were written into it, they are paired in their order: the first mended row with the first rejected row, and so
on. If rows were deleted from the file, the order is kept, and the rows are paired so that their texts are most alike.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Sequence

import numpy as np

PAIRS_MAX = 1_000_000  # pairs of texts that are compared: about 20 s
ALIKE_LEAST = 0.2  # likeness of a pair; a mended row that is less like every rejected row was not one of them
WORDS = re.compile(r"\w+")


class TooManyPairsError(ValueError):
    """Rows were deleted from a file with so many mended rows that finding out which would take too long."""


def pair(mended: Sequence[str], kept: Sequence[str], is_open: Sequence[bool]) -> list[int | None]:
    """Give for each row of the file the number of its rejected row, from 0; None for a row that is none of them.

    Shape: both are in the order of lines. Rows that are closed already may be in the file or not.
    Raises: TooManyPairsError.

    Example:
        >>> pair(["7,a", "y,b", "8,c"], ["x,a", "y,b", "x,c"], [True] * 3), pair(["8,cc"], ["x,aa", "x,cc"], [True] * 2)
        ([0, 1, 2], [1])
    """
    found = _pair_untouched(mended, kept, is_open)
    left = [at for at, number in enumerate(found) if number is None]
    taken = {number for number in found if number is not None}
    free = [at for at in range(len(kept)) if at not in taken]
    still_open = [at for at in free if is_open[at]]
    for candidates in (still_open, free):
        if len(candidates) == len(left):
            numbers: Sequence[int | None] = candidates
            break
    else:
        numbers = _align([mended[at] for at in left], [kept[at] for at in free], free)
    for at, number in zip(left, numbers, strict=True):
        found[at] = number
    return found


def _pair_untouched(mended: Sequence[str], kept: Sequence[str], is_open: Sequence[bool]) -> list[int | None]:
    """Pair rows of the same text, those that are open first."""
    by_text: dict[str, deque[int]] = defaultdict(deque)
    for wanted in (True, False):
        for at, text in enumerate(kept):
            if is_open[at] is wanted:
                by_text[text].append(at)
    return [by_text[text].popleft() if by_text.get(text) else None for text in mended]


def _align(mended: Sequence[str], kept: Sequence[str], numbers: Sequence[int]) -> list[int | None]:
    """Pair texts in their order so that the pairs are as much alike as they can be."""
    if len(mended) * len(kept) > PAIRS_MAX:
        raise TooManyPairsError(f"{len(mended):,} rows are mended, and {len(kept):,} were rejected")
    best = np.zeros((len(mended) + 1, len(kept) + 1))
    alike = np.array([[find_likeness(a, b) for b in kept] for a in mended]).reshape(len(mended), len(kept))
    alike[alike < ALIKE_LEAST] = 0.0
    for row in range(len(mended) - 1, -1, -1):
        for column in range(len(kept) - 1, -1, -1):
            best[row, column] = max(
                alike[row, column] + best[row + 1, column + 1], best[row + 1, column], best[row, column + 1]
            )
    found: list[int | None] = []
    row = column = 0
    while row < len(mended):
        if column < len(kept) and best[row, column] == best[row, column + 1]:
            column += 1
        elif column < len(kept) and alike[row, column] and best[row, column] > best[row + 1, column]:
            found.append(numbers[column])
            row, column = row + 1, column + 1
        else:
            found.append(None)
            row += 1
    return found


def find_likeness(one: str, other: str) -> float:
    """Say how much alike two texts are: 1 where they are equal, 0 where they share nothing.

    Example:
        >>> find_likeness("x,1,click", "7,1,click") > find_likeness("x,1,click", "x,2,view")
        True
    """
    longest = max(len(one), len(other))
    if not longest:
        return 1.0
    begin = _count_equal(one, other)
    end = _count_equal(one[begin:][::-1], other[begin:][::-1])
    words, others = Counter(WORDS.findall(one)), Counter(WORDS.findall(other))
    shared = 2 * (words & others).total() / max((words + others).total(), 1)
    return ((begin + end) / longest + shared) / 2


def _count_equal(one: str, other: str) -> int:
    """Count the characters with which both texts begin."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
