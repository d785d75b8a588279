"""Choose the column that says when an interaction happened, or what takes its place."""

from __future__ import annotations

import re
from typing import Any

from footfall.formats.sniffing.draft import Draft, show_column
from footfall.formats.sniffing.names import score_name
from footfall.formats.sniffing.values import Profile
from footfall.results.guessing import Confidence

SHARE_LEAST = 0.9  # share of the values of a column that must be times
NO_NAME_SCORE = 30.0  # the score of a column whose values are times, if its name does not say so
NAME_LEAST = 25.0
NAMED_NUMBER = 60.0  # from this score of its name on, the numbers of a column are times
MISSING_SAID = 0.01  # from this share of rows without a time on, the guess says so
STAND_IN = "1970-01-01"
DAY_IN_NAME = (
    (re.compile(r"(?<!\d)(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)"), "%Y-%m-%d"),
    (re.compile(r"(?<!\d)(?:19|20)\d\d_(?:0[1-9]|1[0-2])_(?:0[1-9]|[12]\d|3[01])(?!\d)"), "%Y_%m_%d"),
    (re.compile(r"(?<!\d)(?:19|20)\d\d\.(?:0[1-9]|1[0-2])\.(?:0[1-9]|[12]\d|3[01])(?!\d)"), "%Y.%m.%d"),
    (re.compile(r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"), "%Y%m%d"),
)
ENDINGS = re.compile(r"(?:\.(?:csv|tsv|txt|dat|json|jsonl|ndjson|log|parquet|gz|zst|bz2|xz))+$", re.IGNORECASE)


def choose_time(draft: Draft) -> bool:
    """Choose the timestamp. False where no column holds one, so that a constant takes its place."""
    candidates = [(score, profile) for profile in draft.list_free() if (score := _score(draft, profile)) >= NAME_LEAST]
    candidates.sort(key=lambda each: -each[0])
    if candidates:
        score, chosen = candidates[0]
        _take(draft, score, chosen)
        return True
    if parts := _find_date_and_clock(draft):
        _take_two(draft, *parts)
        return True
    return _choose_stand_in(draft)


def _score(draft: Draft, profile: Profile) -> float:
    if profile.column.is_list or not profile.filled:
        return 0.0
    shape = profile.time
    if not shape.formats or shape.share < SHARE_LEAST:
        return 0.0
    scores = score_name(profile.words) if profile.words else {}
    named = scores.get("timestamp", 0.0)
    is_numeric = profile.is_numeric
    if is_numeric and named < NAME_LEAST and (draft.records.has_names or not shape.formats[0].startswith("epoch")):
        return 0.0
    score = named if named else (NO_NAME_SCORE if "timestamp" not in scores else 0.0)
    if shape.kind == "day":
        score -= 4
    return score * (1 - 0.7 * profile.missing_share)


def _take(draft: Draft, score: float, chosen: Profile) -> None:
    shape = chosen.time
    clock = _find_clock(draft, chosen) if shape.kind == "day" else None
    if clock is not None:
        _take_two(draft, chosen, clock)
        return
    draft.take(chosen)
    value = _write(chosen.column.reference, shape.formats)
    reason = f"{show_column(chosen)} holds times{_describe_way(chosen)}"
    confidence: Confidence = "sure" if score >= 60 and not shape.doubt else "likely"
    if score < 45:
        confidence = "not sure"
        reason += ", but no name says that they are those of the interaction"
    draft.say("timestamp", value, confidence, reason)
    _tell_more(draft, chosen)


def _write(reference: Any, formats: tuple[str, ...]) -> Any:
    if formats == ("iso",):
        return reference if not isinstance(reference, int) else {"column": reference}
    return {"column": reference, "format": formats[0] if len(formats) == 1 else list(formats)}


def _describe_way(profile: Profile) -> str:
    shape = profile.time
    if shape.proof:
        return f": {shape.proof}"
    return "" if shape.formats == ("iso",) else f", as {' or '.join(shape.formats)}"


def _tell_more(draft: Draft, chosen: Profile) -> None:
    shape = chosen.time
    if shape.doubt:
        draft.add_remark("timestamp", shape.doubt)
    if shape.share < 1.0:
        odd = round((1 - shape.share) * chosen.filled) or 1
        draft.add_remark(
            "timestamp", f"{odd:,} of {chosen.filled:,} values are no times in this form: they would be rejected"
        )
    if chosen.missing_share > MISSING_SAID:
        draft.add_remark(
            "timestamp", f"{chosen.missing:,} of {chosen.rows:,} rows have no time: they would be rejected"
        )
    if shape.is_naive and shape.kind != "day":
        zone = draft.set_types.get("source_time_zone", "UTC")
        draft.add_remark(
            "timestamp", f"the times name no zone: they are taken as {zone}; time_zone says otherwise", "likely"
        )


def _find_date_and_clock(draft: Draft) -> tuple[Profile, Profile] | None:
    days = [each for each in draft.list_free() if each.time.kind == "day" and each.time.share >= SHARE_LEAST]
    for day in days:
        clock = _find_clock(draft, day)
        if clock is not None:
            return day, clock
    return None


def _find_clock(draft: Draft, day: Profile) -> Profile | None:
    """Find the column with the time of day that belongs to a column of days."""
    clocks = [each for each in draft.list_free() if each.time.kind == "clock" and each is not day]
    named = [each for each in clocks if not each.words or score_name(each.words).get("timestamp", 0.0) >= NAME_LEAST]
    return named[0] if named else None


def _take_two(draft: Draft, day: Profile, clock: Profile) -> None:
    draft.take(day, clock)
    formats = [each if each == "iso" else f"{each} {_find_clock_format(clock)}" for each in day.time.formats]
    value: dict[str, Any] = {"columns": [day.column.reference, clock.column.reference]}
    if formats != ["iso"]:
        value["format"] = formats[0] if len(formats) == 1 else formats
    reason = f"{show_column(day)} holds days and {show_column(clock)} the times of day"
    draft.say("timestamp", value, "sure" if not day.time.doubt else "likely", reason)
    if day.time.doubt:
        draft.add_remark("timestamp", day.time.doubt)
    draft.add_remark("timestamp", "the times name no zone: they are taken as UTC; time_zone says otherwise", "likely")


def _find_clock_format(clock: Profile) -> str:
    value = next(iter(clock.counts))
    return "%H:%M" + (":%S" if value.count(":") == 2 else "") + (".%f" if "." in value else "")


def _choose_stand_in(draft: Draft) -> bool:
    """Take the day in the file's name, else a constant, and say so."""
    relative = [each for score, each in draft.rank_free("timestamp", NAMED_NUMBER) if each.time.kind == "number"]
    seen = (
        f"no column holds a time; {show_column(relative[0])} has {relative[0].time.doubt}"
        if relative
        else "no column holds a time"
    )
    stem = ENDINGS.sub("", draft.file_name)
    for pattern, directives in DAY_IN_NAME:
        if found := pattern.search(stem):
            text = stem[: found.start()].replace("%", "%%") + directives + stem[found.end() :].replace("%", "%%")
            draft.say(
                "timestamp", {"from_name": text}, "not sure", f"{seen}, but the file's name holds a day, which is taken"
            )
            return True
    kind = "the time is relative: " if relative else ""
    draft.say(
        "timestamp",
        {"value": STAND_IN},
        "not sure",
        f"{kind}{seen}. {STAND_IN} is made up: write the day that the file is of, and nothing will be known by time",
    )
    return False
