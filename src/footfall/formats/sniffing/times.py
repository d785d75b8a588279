"""Find how the times of a column are written: the formats for a definition, or why the values are no times."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from footfall.contract.timestamps import NAIVE_TIMESTAMP, OFFSET_TIMESTAMP
from footfall.formats.sniffing.time_patterns import describe_pattern

ISO = re.compile(f"(?:{NAIVE_TIMESTAMP})|(?:{OFFSET_TIMESTAMP})")
ISO_NAIVE = re.compile(NAIVE_TIMESTAMP)
CLOCK = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?")
NUMBER = re.compile(r"-?\d{1,20}(?:\.\d+)?")
# The begins of 1990 and of 2100, in seconds. An instant outside them is no plausible time of an interaction.
EARLIEST_S, LATEST_S = 631_152_000, 4_102_444_800
UNITS = {"epoch-s": 1, "epoch-ms": 10**3, "epoch-us": 10**6, "epoch-ns": 10**9}
VALUES_MAX = 5_000  # distinct values of a column that are looked at
DAYS_LEAST = 5  # with fewer days, their order may be an accident
FORMATS_MAX = 3  # formats of one column; with more of them, the guess gives up


@dataclass(frozen=True, slots=True)
class TimeShape:
    """How the values of a column are written as times.

    Shape: `formats` has the formats as a definition names them, and is empty where the values are no times. They read
    `share` of the values. `kind` is `day` where no value has a time of day, `clock` for times of day without a day, and
    `number` for numbers that are no times. `is_naive` says that some values name no zone. `doubt` says what could not
    be known.
    """

    formats: tuple[str, ...] = ()
    share: float = 0.0
    kind: str = ""
    is_naive: bool = True
    doubt: str = ""
    proof: str = ""
    others: tuple[str, ...] = field(default=())


NO_TIME = TimeShape()


def find_time_shape(values: Sequence[str | None]) -> TimeShape:
    """Say how a column's times are written.

    Shape: `values` stand in the order of the rows, by which days may be told from months. A missing value is None.

    Example:
        >>> find_time_shape(["2024-01-02 03:04:05", "2024-01-02"]).formats
        ('iso',)
        >>> find_time_shape(["1704164645123"]).formats
        ('epoch-ms',)
        >>> find_time_shape(["13/01/2024", "02/02/2024"]).formats
        ('%d/%m/%Y',)
    """
    seen = Counter(value.strip() for value in values if value is not None)
    if not seen:
        return NO_TIME
    distinct = sorted(seen)
    if len(distinct) > VALUES_MAX:
        step = len(distinct) / VALUES_MAX
        distinct = [distinct[int(at * step)] for at in range(VALUES_MAX)]
    total = sum(seen[value] for value in distinct)
    if all(NUMBER.fullmatch(value) for value in distinct):
        return _find_number(distinct)
    if all(CLOCK.fullmatch(value) for value in distinct):
        return TimeShape(kind="clock", share=1.0)
    groups: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for value in distinct:
        name = "iso" if ISO.fullmatch(value) else _name_epoch_unit(value) or describe_pattern(value)
        if name:
            groups[name] += seen[value]
            examples.setdefault(name, []).append(value)
    if not groups:
        return NO_TIME
    return _assemble(groups, examples, total, values)


def _name_epoch_unit(value: str) -> str | None:
    """Name the unit of a number of a plausible size."""
    if not NUMBER.fullmatch(value) or len(value.partition(".")[0]) < 9 or _has_calendar(value):
        return None
    number = float(value)
    return next((name for name, per_s in UNITS.items() if EARLIEST_S <= number / per_s <= LATEST_S), None)


CALENDAR = {
    8: (re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"), "%Y%m%d"),
    12: (re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d"), "%Y%m%d%H%M"),
    14: (
        re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d"),
        "%Y%m%d%H%M%S",
    ),
}


def _has_calendar(value: str) -> str | None:
    pattern, name = CALENDAR.get(len(value), (None, ""))
    return name if pattern is not None and pattern.fullmatch(value) else None


def _find_number(distinct: list[str]) -> TimeShape:
    calendar = {_has_calendar(value) for value in distinct}
    if len(calendar) == 1 and (name := calendar.pop()):
        return TimeShape(
            (name,), 1.0, "day" if name == "%Y%m%d" else "time", proof="years, months and days without signs"
        )
    units = Counter(_name_epoch_unit(value) for value in distinct)
    name, count = units.most_common(1)[0]
    if name is not None and count >= 0.95 * len(distinct):
        decimals = any("." in value for value in distinct)
        what = {"epoch-s": "seconds", "epoch-ms": "milliseconds", "epoch-us": "microseconds", "epoch-ns": "nanoseconds"}
        proof = f"{'decimal ' if decimals else ''}{what[name]} since 1970 give {_name_years(distinct, name)}"
        odd = [value for value in distinct if _name_epoch_unit(value) != name]
        doubt = f"{len(odd):,} numbers would lie outside the years 1990 to 2100" if odd else ""
        return TimeShape((name,), count / len(distinct), "time", is_naive=False, proof=proof, doubt=doubt)
    return TimeShape(kind="number", share=0.0, doubt=_describe_numbers(distinct))


def _name_years(distinct: Iterable[str], name: str) -> str:
    """Name the years in UTC of the numbers that are of this unit."""
    seconds = [int(value.partition(".")[0]) // UNITS[name] for value in distinct if _name_epoch_unit(value) == name]
    first, last = (datetime.fromtimestamp(each, UTC).year for each in (min(seconds), max(seconds)))
    return f"the year {first}" if first == last else f"the years {first} to {last}"


def _describe_numbers(distinct: list[str]) -> str:
    numbers = [float(value) for value in distinct]
    low, high = min(numbers), max(numbers)
    span = f"numbers from {low:g} to {high:g}"
    if low >= 0 and high <= 1000 and all(number.is_integer() for number in numbers):
        return f"{span}: the number of a day, as it seems, counted from a day that the file does not name"
    return f"{span}: seconds since a begin that the file does not name, as it seems"


def _assemble(
    groups: Counter[str], examples: dict[str, list[str]], total: int, values: Sequence[str | None]
) -> TimeShape:
    """Choose the formats that most values have, and tell days from months."""
    formats: list[str] = []
    doubts: list[str] = []
    proofs: list[str] = []
    covered = 0
    for name, count in sorted(groups.items(), key=lambda each: (-each[1], each[0]))[:FORMATS_MAX]:
        if formats and count < 0.002 * total and count < 20:
            continue
        if "%1" in name:
            chosen, doubt, proof = _settle_day(name, examples[name], values)
            doubts += [doubt] if doubt else []
            proofs += [proof] if proof else []
            formats += [each for each in chosen if each not in formats]
        elif name not in formats:
            if _is_of_digits(name) and any(_is_of_digits(each) for each in formats):
                continue  # both formats would read a number, which would be ambiguous
            formats.append(name)
        covered += count
    samples = [value for name in groups for value in examples[name][:50]]
    has_clock = any(":" in value for value in samples) or any("%H" in name or "epoch" in name for name in formats)
    is_naive = any(_is_naive(name, value) for name in groups for value in examples[name][:200])
    if len(formats) > 1:
        doubts.append(f"times are written in {len(formats)} ways")
    return TimeShape(
        tuple(formats),
        covered / total,
        "time" if has_clock else "day",
        is_naive,
        "; ".join(doubts),
        "; ".join(proofs),
    )


def _is_of_digits(name: str) -> bool:
    """Say whether a format reads numbers without any sign in them."""
    return name.startswith("epoch") or re.fullmatch("(?:%[YmdHMS])+", name) is not None


def _is_naive(name: str, value: str) -> bool:
    if name == "iso":
        return ISO_NAIVE.fullmatch(value) is not None
    return not name.startswith("epoch") and "%z" not in name and " UTC" not in name and " GMT" not in name


NUMBERS = re.compile(r"\d+")


def _settle_day(name: str, examples: list[str], values: Sequence[str | None]) -> tuple[list[str], str, str]:
    """Tell the day from the month in a pattern with %1 and %2: by a number over 12, else by the order of the rows."""
    first, second = name.replace("%1", "%d").replace("%2", "%m"), name.replace("%1", "%m").replace("%2", "%d")
    at = len(re.findall("%[HIMSf]", name[: name.index("%1")]))  # numbers that stand before the two
    pairs = [tuple(map(int, NUMBERS.findall(value)[at : at + 2])) for value in examples]
    over_first, over_second = sum(a > 12 for a, _ in pairs), sum(b > 12 for _, b in pairs)
    if over_first and not over_second:
        return [first], "", f"the first number goes up to {max(a for a, _ in pairs)}: it is the day"
    if over_second and not over_first:
        return [second], "", f"the second number goes up to {max(b for _, b in pairs)}: it is the day"
    if over_first and over_second:
        usual, other = (first, second) if over_first >= over_second else (second, first)
        return (
            [usual, other],
            "some values can only be day and month, others only month and day; what can be both is rejected",
            "",
        )
    by_order = _compare_order(at, values)
    is_day_first = by_order < 0 if by_order else not ("/" in name and ("%p" in name or "%y" in name)) and "." in name
    chosen, other = (first, second) if is_day_first else (second, first)
    why = "the rows are in order of time only so" if by_order else "no number over 12 says which is the day"
    return [chosen], f"{why}; {other} would be read as well, and give other days", ""


def _compare_order(at: int, values: Sequence[str | None]) -> int:
    """Compare the order of the rows under both readings: below 0 where days first are in order, above 0 for months."""
    moves = [set[bool](), set[bool]()]  # for each reading, the directions in which time went from row to row
    before: list[tuple[int, ...] | None] = [None, None]
    distinct = set()
    for value in values:
        numbers = [int(each) for each in NUMBERS.findall(value or "")][at : at + 3]
        if len(numbers) < 3 or not 1 <= numbers[0] <= 12 or not 1 <= numbers[1] <= 12:
            continue
        distinct.add(tuple(numbers))
        first, second, year = numbers
        for way, now in enumerate(((year, second, first), (year, first, second))):
            last = before[way]
            if last is not None and now != last:
                moves[way].add(now > last)
            before[way] = now
    if len(distinct) < DAYS_LEAST or len(moves[0]) == len(moves[1]):
        return 0
    return -1 if len(moves[0]) < len(moves[1]) else 1
