"""The values of mapped records, read a second time: plain Python, and nothing of the product but a definition's shape.

It was written from the contract alone; where that leaves two readings, it takes those of
docs/explanation/torture-files.md. `source_reader` reads whole files with it.
"""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from footfall.contract.definition import Field, Reference
from independent_reader import COLUMNS, LARGEST_ID, MAX_ACTION_CHARACTERS, Problem, Rules, read_instant, zone_offset

ID_COLUMNS = COLUMNS[:3]
MAX_ID_CHARACTERS = 200
MICROSECOND = datetime.timedelta(microseconds=1)
YEAR_ONE = datetime.datetime(1, 1, 1)  # noqa: DTZ001
YEAR_ONE_TO_1970 = (datetime.datetime(1970, 1, 1) - YEAR_ONE) // MICROSECOND  # noqa: DTZ001
END_OF_TIME = datetime.timedelta(days=datetime.date.max.toordinal()) // MICROSECOND
DIGITS = {"epoch-s": 12, "epoch-ms": 15, "epoch-us": 18, "epoch-ns": 19}  # more of them are no number of this unit
UNITS = {"epoch-s": 1_000_000, "epoch-ms": 1000, "epoch-us": 1, "epoch-ns": Decimal("0.001")}
UUID = re.compile(r"(\{?)[0-9a-f]{8}(-?)[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{12}(\}?)", re.IGNORECASE)


@dataclass(frozen=True)
class SourceRules:
    """The settings that decide a verdict, beside the definition; `latest` in microseconds since 0001-01-01 UTC."""

    id_types: tuple[str, str, str] = ("bigint", "bigint", "bigint")
    source_time_zone: str = "UTC"
    actions: tuple[str, ...] | None = None
    latest: int | None = None


@dataclass(frozen=True)
class Held:
    """What a place in a record holds: a text, nothing, or what is wrong with it."""

    text: str | None = None
    code: str | None = None
    parts: tuple[str, ...] = ()

    @property
    def is_missing(self) -> bool:
        return self.text is None and self.code is None


MISSING = Held()
Look = Callable[[Reference], Held]


@dataclass(frozen=True)
class Content:
    """What makes two rows the same. An id is what it means: a number, a UUID, a text, or what it was made from."""

    interaction_id: Any
    user_id: Any
    product_id: Any
    action: str
    instant: int


def hold(text: str | None, null_values: tuple[str, ...]) -> Held:
    """Give what a text is: trimmed, and missing where it is empty or a word for that. None stands for bad bytes."""
    if text is None or "\0" in text or has_surrogate(text):
        return Held(code="bad-encoding")
    trimmed = text.strip(" \t")
    return MISSING if not trimmed or trimmed in null_values else Held(trimmed)


def has_surrogate(text: str) -> bool:
    return any("\ud800" <= each <= "\udfff" for each in text)


def take_field(field: Field, look: Look) -> Held:
    """Give the value of one of the five fields."""
    if field.value is not None:
        return Held(field.value.strip(" \t"))
    if field.joined:
        held = join([look(each) for each in field.joined])
    else:
        held = next((each for each in map(look, field.columns) if not each.is_missing), MISSING)
    if held.is_missing and field.default is not None:
        return Held(field.default.strip(" \t"))
    return extract(held.text, field.extract) if held.text is not None and field.extract is not None else held


def join(parts: list[Held]) -> Held:
    """Join a key of several columns, or a date and a time: bad where a part is bad, missing where one is missing."""
    if bad := [each for each in parts if each.code]:
        return bad[0]
    texts = tuple(each.text for each in parts if each.text is not None)
    return Held(" ".join(texts), parts=texts) if len(texts) == len(parts) else MISSING


def extract(text: str, pattern: str) -> Held:
    """Give the group of a pattern, where it is found; what does not have it, has no value."""
    found = re.search(pattern, text)
    group = found[1] if found else None
    return hold(group, ()) if group is not None else MISSING


def judge_values(held: dict[str, Held], fields: dict[str, Field], rules: SourceRules) -> Content | frozenset[Problem]:
    """Apply the rules for values to the five fields of one record.

    An id that is made is no value yet: it is None in the content.
    """
    problems: set[Problem] = set()
    values: dict[str, Any] = {}
    for at, name in enumerate(COLUMNS):
        if fields[name].made_from is not None:
            values[name] = None
            continue
        here = held[name]
        codes: list[str] = []
        if here.code is not None:
            codes = [here.code]
        elif here.text is None:
            codes = ["missing-value"]
        elif name == "action":
            codes = action_codes(here.text, rules)
            values[name] = here.text
        elif name == "timestamp":
            values[name] = read_time(here.text, fields[name], rules)
        else:
            values[name] = read_id(here, rules.id_types[at], is_float=fields[name].is_float)
        if name != "action" and isinstance(values.get(name), Problem):
            codes = [values[name].code]
        problems.update(Problem(code, name) for code in codes)
    return frozenset(problems) if problems else Content(*(values[name] for name in COLUMNS))


def action_codes(action: str, rules: SourceRules) -> list[str]:
    """Say what is wrong with an action."""
    codes = ["too-long"] if len(action) > MAX_ACTION_CHARACTERS else []
    if rules.actions is not None and action not in rules.actions:
        codes.append("unknown-action")
    return codes


def read_id(held: Held, id_type: str, *, is_float: bool) -> Any:
    """Give an id as its type has it, or its problem."""
    text = held.text
    assert text is not None
    if id_type == "text":
        if held.parts:
            # With `:` between them, and a backslash before what could be taken for one, all keys stay apart.
            text = ":".join(each.replace("\\", r"\\").replace(":", r"\:") for each in held.parts)
        return Problem("too-long", "") if len(text) > MAX_ID_CHARACTERS else text
    if id_type == "uuid":
        return read_uuid(text) or Problem("not-a-uuid", "")
    if is_float and re.fullmatch(r"[+-]?[0-9]+\.0+", text):
        text = text.partition(".")[0]
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        return Problem("not-an-integer", "")
    digits = text.lstrip("+-").lstrip("0")
    if len(digits) > len(str(LARGEST_ID)) or not 0 <= int(text) <= LARGEST_ID:
        return Problem("out-of-range", "")
    return int(text)


def read_uuid(text: str) -> uuid.UUID | None:
    """Give a UUID: hyphenated in any case, in braces or not, or 32 hexadecimal digits; None for anything else."""
    match = UUID.fullmatch(text)
    if match is None or bool(match[1]) != bool(match[3]) or (match[1] and not match[2]):
        return None
    return uuid.UUID(hex=re.sub("[{}-]", "", text))


def read_time(text: str, field: Field, rules: SourceRules) -> int | Problem:
    """Give an instant in microseconds since 0001-01-01 UTC, by the first format that reads it, or a problem."""
    zone = field.time_zone or rules.source_time_zone
    readings = [read_by_format(text, each, zone) for each in field.formats]
    good = [each for each in readings if isinstance(each, int)]
    if len(set(good)) > 1:
        return Problem("ambiguous-timestamp", "timestamp")
    if not good:
        code = next((each for each in readings if each == "out-of-range"), "not-a-timestamp")
        return Problem(str(code), "timestamp")
    if rules.latest is not None and good[0] > rules.latest:
        return Problem("in-the-future", "timestamp")
    return good[0]


def read_by_format(text: str, time_format: str, zone: str) -> int | str:
    """Give an instant by one format, or the code of its problem."""
    if time_format == "iso":
        return read_instant(text, Rules(source_time_zone=zone))
    if time_format in UNITS:
        if not re.fullmatch(rf"[+-]?[0-9]{{1,{DIGITS[time_format]}}}(\.[0-9]+)?", text):
            return "not-a-timestamp"
        # Cut, not rounded: int() drops what is smaller than a microsecond.
        whole, _, decimals = text.partition(".")
        scaled = int(Decimal(whole + "." + (decimals[:30] or "0")) * UNITS[time_format])
        if not 0 <= scaled + YEAR_ONE_TO_1970 < END_OF_TIME:
            return "out-of-range"
        return scaled + YEAR_ONE_TO_1970
    return read_by_pattern(text, time_format, zone)


def read_by_pattern(text: str, pattern: str, zone: str) -> int | str:
    """Give an instant by a pattern of strptime; blanks in the text must be those of the pattern."""
    if len(re.findall(r"\s", text)) != len(re.findall(r"\s", pattern)):
        return "not-a-timestamp"
    try:
        read = datetime.datetime.strptime(text, pattern)  # noqa: DTZ007
    except ValueError:
        return "not-a-timestamp"
    local = read.replace(tzinfo=None)
    offset = read.utcoffset()
    instant = (local - YEAR_ONE - (zone_offset(local, zone) if offset is None else offset)) // MICROSECOND
    return instant if 0 <= instant < END_OF_TIME else "out-of-range"


def time_of_name(name: str, field: Field, rules: SourceRules) -> int | Problem:
    """Give the instant that a file's name holds, by the pattern of the definition: from the start of the name on."""
    assert field.from_name is not None
    zone = field.time_zone or rules.source_time_zone
    for end in range(len(name), 0, -1):
        found = read_by_pattern(name[:end], field.from_name, zone)
        if isinstance(found, int):
            return found
    return Problem("not-a-timestamp", "timestamp")
