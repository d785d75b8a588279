"""Numbers of charts: how a cell is read, how a number is written, and where an axis has its marks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

NO_BREAK = "\u00a0"  # a number and its unit stay in one line
MINUS = "\u2212"
HUGE = 1e15  # no count comes near it; not far above it, a double no longer holds every whole number
LARGEST = 1e30  # a larger number has overflowed, or soon will
ALMOST_NOTHING = 1e-9  # an axis of a smaller reach goes from 0 to 1 instead


def read_number(cell: Any) -> float | None:
    """Give a cell as a number; None for an empty cell, text, a bool, NaN, and a number beyond LARGEST.

    Example:
        >>> read_number(Decimal("2.5")), read_number(float("nan")), read_number("7")
        (2.5, None, None)
    """
    if isinstance(cell, bool) or not isinstance(cell, int | float | Decimal):
        return None
    try:
        number = float(cell)
    except OverflowError:
        return None
    if abs(number) < ALMOST_NOTHING / 1000:
        return 0.0
    return number if abs(number) <= LARGEST else None  # NaN is not <= LARGEST


def find_largest(cells: Iterable[float | None]) -> float:
    """Give the largest number, or 0 where none is above 0."""
    return max((cell for cell in cells if cell is not None and cell > 0), default=0)


def write_number(number: float | None) -> str:
    """Give a number with its thousands set off by commas.

    Example:
        >>> write_number(1234567), write_number(3.14159), write_number(0.004), write_number(None)
        ('1,234,567', '3.14', '0.004', 'no number')
    """
    if number is None:
        return "no number"
    if abs(number) >= HUGE:
        text = f"{abs(number):.3g}"
    elif number == int(number):
        text = f"{abs(int(number)):,}"
    elif abs(number) >= 100:
        text = f"{abs(number):,.0f}"
    else:
        text = f"{abs(number):.3g}" if abs(number) >= 0.001 else f"{abs(number):.1g}"
    return MINUS + text if number < 0 else text


def write_change(number: float) -> str:
    """Give a difference with its sign.

    Example:
        >>> write_change(1200), write_change(-3).replace(MINUS, "-"), write_change(0)
        ('+1,200', '-3', '0')
    """
    return f"+{write_number(number)}" if number > 0 else write_number(number)


def write_share(share: float | None) -> str:
    """Give a share as per cent. A share of almost nothing or almost all is not written as 0 % or 100 %.

    Example:
        >>> [write_share(each).replace(NO_BREAK, " ") for each in (0, 0.00004, 0.0567, 0.567, 0.99999, 1)]
        ['0 %', '< 0.1 %', '5.7 %', '57 %', '> 99.9 %', '100 %']
    """
    if share is None:
        return ""
    if 0 < share < 0.0005:
        return f"<{NO_BREAK}0.1{NO_BREAK}%"
    if 0.9995 <= share < 1:
        return f">{NO_BREAK}99.9{NO_BREAK}%"
    is_fine = 0 < abs(share) < 0.0995 or 0.99 < share < 1
    return f"{write_number(0) if share == 0 else f'{share * 100:.{int(is_fine)}f}'}{NO_BREAK}%".replace("-", MINUS)


def write_duration(seconds: float | None) -> str:
    """Give a length of time in its two largest units.

    Example:
        >>> [write_duration(each).replace(NO_BREAK, " ") for each in (0, 42.4, 150, 7_380, 266_400)]
        ['0 s', '42 s', '2 min 30 s', '2 h 3 min', '3 d 2 h']
    """
    if seconds is None:
        return ""
    left = round(seconds)
    parts: list[tuple[int, str]] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number or parts or unit == "s":
            parts.append((number, unit))
    return " ".join(f"{number}{NO_BREAK}{unit}" for number, unit in parts[:2] if number or len(parts) == 1)


def choose_marks(largest: float, lowest: float = 0, count: int = 5) -> list[float]:
    """Give round marks, up to `count` steps, for an axis that begins at 0, or below 0 where a number is.

    Example:
        >>> choose_marks(82_433), choose_marks(3), choose_marks(0), choose_marks(30, -12)
        ([0, 20000, 40000, 60000, 80000, 100000], [0, 1, 2, 3], [0, 1], [-20, -10, 0, 10, 20, 30])
    """
    largest, lowest = max(largest, 0), min(lowest, 0)
    reach = largest - lowest
    if reach < ALMOST_NOTHING:
        return [0, 1]
    rough = reach / count
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough * 0.999)
    if reach >= 1:
        step = max(step, 1) if reach >= count or step >= 1 else _fit_small_steps(reach, step)
    first, last = math.floor(lowest / step + 1e-9), math.ceil(largest / step - 1e-9)
    marks = [round(number * step, 12) for number in range(first, last + 1)]
    return [int(mark) if mark == int(mark) else mark for mark in marks]


def _fit_small_steps(reach: float, step: float) -> float:
    """Take whole steps for small whole numbers: nobody is half a user."""
    return 1 if reach == int(reach) else step
