"""Find the strptime pattern of one value, if a person would read the value as a time."""

from __future__ import annotations

import re
from functools import cache

MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
LONG_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
LONG_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_D, _Y = r"(?:[12]\d|3[01]|0?[1-9])", r"(?:19|20)\d\d"
_NAME = f"(?P<long>{LONG_MONTHS})|(?P<short>{MONTHS})"
# Patterns of dates, each with its strptime pattern. %1 and %2 are a day and a month whose order is not known yet.
DATES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"{_Y}(?P<s>[-/.])(?:1[0-2]|0?[1-9])(?P=s){_D}"), "%Y{s}%m{s}%d"),
    (re.compile(rf"{_D}(?P<s>[-/.]){_D}(?P=s){_Y}"), "%1{s}%2{s}%Y"),
    (re.compile(rf"{_D}(?P<s>[-/.]){_D}(?P=s)\d\d"), "%1{s}%2{s}%y"),
    (re.compile(rf"{_D}(?P<s>[-/ ])(?:{_NAME})(?P=s){_Y}", re.I), "%d{s}{b}{s}%Y"),
    (re.compile(rf"{_D}(?P<s>[-/ ])(?:{_NAME})(?P=s)\d\d", re.I), "%d{s}{b}{s}%y"),
    (re.compile(rf"(?:{_NAME}) {_D},? {_Y}", re.I), "{b} %d{c} %Y"),
    (re.compile(rf"{_Y}(?P<s>[-/ ])(?:{_NAME})(?P=s){_D}", re.I), "%Y{s}{b}{s}%d"),
    (re.compile(rf"{_Y}年(?:1[0-2]|0?[1-9])月{_D}日"), "%Y年%m月%d日"),
    (re.compile(rf"{_Y}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"), "%Y%m%d"),
)
CLOCK = re.compile(
    r"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?P<second>:[0-5]\d)?(?P<fraction>[.,]\d{1,6})?"
    r"(?P<noon>(?P<gap> ?)[AaPp][Mm])?"
    r"(?P<zone> ?(?:Z|[+-]\d\d:?\d\d)| (?:UTC|GMT))?"
)
WEEKDAY = re.compile(rf"(?:(?P<long>{LONG_DAYS})|(?P<short>{DAYS}))(?P<comma>,?) ", re.I)
BETWEEN = re.compile(r", | at |[ T:]|, at | - ")
TWITTER = re.compile(rf"(?:{DAYS}) (?:{MONTHS}) {_D} \d\d:\d\d:\d\d (?P<zone>[+-]\d{{4}}|UTC|GMT) {_Y}")
CTIME = re.compile(rf"(?:{DAYS}) (?:{MONTHS}) +{_D} \d\d:\d\d:\d\d {_Y}")
LENGTH_MAX = 50


@cache
def describe_pattern(value: str) -> str | None:
    """Give the pattern of one value, with %1 and %2 where a day and a month can be told only from other values.

    Example:
        >>> describe_pattern("11/11/2019 9:05:58 AM"), describe_pattern("10/Oct/2000:13:55:36 -0700")
        ('%1/%2/%Y %I:%M:%S %p', '%d/%b/%Y:%H:%M:%S %z')
        >>> describe_pattern("2017 February 11 9:31"), describe_pattern("1 Main Street")
        ('%Y %B %d %H:%M', None)
    """
    if len(value) > LENGTH_MAX or not any(character.isdigit() for character in value):
        return None
    if found := TWITTER.fullmatch(value):
        zone = "%z" if found["zone"][0] in "+-" else found["zone"]
        return f"%a %b %d %H:%M:%S {zone} %Y"
    if CTIME.fullmatch(value):
        return "%a %b %d %H:%M:%S %Y"
    opening, rest = ("[", value[1:]) if value.startswith("[") else ("", value)
    closing, rest = ("]", rest[:-1]) if rest.endswith("]") else ("", rest)
    weekday = ""
    if found := WEEKDAY.match(rest):
        weekday = ("%A" if found["long"] else "%a") + found["comma"] + " "
        rest = rest[found.end() :]
    for pattern, name in DATES:
        found = pattern.match(rest)
        if not found:
            continue
        clock = _describe_rest(rest[found.end() :])
        if clock is not None:
            return opening + weekday + _fill(name, found) + clock + closing
    return _match_clock_first(rest)


def _fill(name: str, found: re.Match[str]) -> str:
    groups = found.groupdict()
    month = "%B" if groups.get("long") and len(groups["long"] or "") > 3 else "%b"
    return name.format(s=groups.get("s", ""), b=month, c="," if "," in found.group() else "")


def _describe_rest(rest: str) -> str | None:
    """Describe what stands behind a date: nothing, or a time of day."""
    if not rest:
        return ""
    between = BETWEEN.match(rest)
    if not between:
        return None
    clock = CLOCK.fullmatch(rest, between.end())
    return None if clock is None else between.group() + _fill_clock(clock)


def _fill_clock(clock: re.Match[str]) -> str:
    text = ("%I" if clock["noon"] else "%H") + ":%M" + (":%S" if clock["second"] else "")
    if clock["fraction"]:
        text += clock["fraction"][0] + "%f"
    if clock["noon"]:
        text += clock["gap"] + "%p"
    zone = clock["zone"] or ""
    if zone.strip() in ("UTC", "GMT"):
        return text + zone
    return text + (zone[: len(zone) - len(zone.lstrip())] + "%z" if zone else "")


def _match_clock_first(rest: str) -> str | None:
    clock = CLOCK.match(rest)
    if not clock or clock.end() >= len(rest) or rest[clock.end()] != " ":
        return None
    day = rest[clock.end() + 1 :]
    for pattern, name in DATES[:7]:
        found = pattern.fullmatch(day)
        if found and not clock["zone"]:
            return f"{_fill_clock(clock)} {_fill(name, found)}"
    return None
