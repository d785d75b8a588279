"""The macros and variables by which `rules.sql` reads the timestamps of one source definition."""

from __future__ import annotations

from typing import Any

from footfall.statements import read_statements

SQL = read_statements(__name__)

# Each unit in microseconds, its digits before the point up to the year 9999, and its decimals down to microseconds.
EPOCHS: dict[str, tuple[int, int, int]] = {
    "epoch-s": (1_000_000, 12, 6),
    "epoch-ms": (1_000, 15, 3),
    "epoch-us": (1, 18, 0),
}
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_OFFSET = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3])(?::?[0-5][0-9])?|14(?::?00)?))"
_ZONE = f"(?: ?{_OFFSET}| UTC| GMT)"
_SECONDS = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
NAIVE_TIMESTAMP = rf"{_DAY}(?:[ T]{_CLOCK})?"
OFFSET_TIMESTAMP = rf"{_DAY}[ T]{_CLOCK}{_ZONE}"
# Years 1000 to 2999: no plain timestamp is out of range, whatever its offset.
PLAIN_ISO = rf"[12][0-9]{{3}}-[01][0-9]-[0-3][0-9](?:[ T]{_SECONDS}{_OFFSET}?)?"


def compose_time_macros(formats: tuple[str, ...], time_zone: str) -> str:
    """Give the statements that make the macros for these formats, in their order."""
    made = [SQL[_find_kind(each)].replace("{number}", str(number)) for number, each in enumerate(formats, 1)]
    if len(formats) == 1:
        made.append(SQL["one"])
    else:
        readings = ", ".join(SQL["reading"].replace("{number}", str(at)) for at in range(1, len(formats) + 1))
        made += [SQL["rows"], SQL["several"].replace("{readings}", readings)]
    made.append(SQL[_find_plain_kind(formats, time_zone)])
    return ";\n".join(made)


def list_time_variables(formats: tuple[str, ...]) -> dict[str, Any]:
    """Give the variables that these macros read, by name."""
    found: dict[str, Any] = {"naive_timestamp": NAIVE_TIMESTAMP, "offset_timestamp": OFFSET_TIMESTAMP}
    for number, each in enumerate(formats, 1):
        if each in EPOCHS:
            unit_us, digits, decimals = EPOCHS[each]
            found[f"epoch_{number}"] = rf"[+-]?[0-9]{{1,{digits}}}(?:\.[0-9]+)?"
            found[f"unit_us_{number}"] = unit_us
            found[f"decimals_{number}"] = decimals
        elif _find_kind(each).startswith("pattern"):
            found[f"pattern_{number}"] = each
    return found


def find_plain_time_pattern(formats: tuple[str, ...], time_zone: str) -> str | None:
    """Give the pattern of texts that `plain_instant` certainly reads; None where each must be tested."""
    kind = _find_plain_kind(formats, time_zone)
    if kind == "plain_iso":
        return PLAIN_ISO
    if kind == "plain_epoch":
        return f"[1-9][0-9]{{0,{EPOCHS[formats[0]][1] - 2}}}"  # a digit fewer than the rules allow: all are in range
    return None


def _find_kind(each: str) -> str:
    if each == "iso":
        return "iso"
    if each in EPOCHS:
        return "epoch"
    if each == "epoch-ns":
        return "epoch_ns"
    return "pattern_with_offset" if "%z" in each else "pattern"


def _find_plain_kind(formats: tuple[str, ...], time_zone: str) -> str:
    """Choose the statement that makes `plain_instant`; local times of a zone other than UTC have no fast path."""
    if len(formats) > 1:
        return "plain_none"
    kind = _find_kind(formats[0])
    if kind == "epoch":
        return "plain_epoch"
    if kind in ("epoch_ns", "pattern_with_offset"):
        return "plain_offset"
    if time_zone != "UTC":
        return "plain_none"
    return "plain_iso" if kind == "iso" else "plain_wall"
