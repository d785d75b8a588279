"""Choose the columns that are the id of the interaction, the user and the product."""

from __future__ import annotations

import re
from typing import Any

from footfall.contract.definition import Reference
from footfall.contract.ids import IdType
from footfall.formats.sniffing.draft import Draft, count, show_column
from footfall.formats.sniffing.names import score_name, split_name
from footfall.formats.sniffing.values import UUID, Profile
from footfall.formats.sniffing.words import ATTRIBUTES
from footfall.results.guessing import Confidence

ID_NAME_LEAST = 40.0
USER_NAME_LEAST, PRODUCT_NAME_LEAST = 38.0, 40.0
SURE_NAME = 75.0  # from this on, a name says that a column is the interaction's id
REPEATS_ALLOWED = 0.1  # share of rows that may repeat an id with a less certain name, if the whole row repeats
MISSING_ALLOWED = 0.05  # share of rows that may lack an id; the guess says that they would be rejected
MISSING_PRODUCTS_ALLOWED = 0.01
FALLBACKS_MAX = 2  # columns that stand in for a user where the first column has none
ROWS_ENOUGH = 20  # rows; in fewer, values may be unique by accident
LINE_WORDS = frozenset(
    {"line", "item", "seq", "sequence", "index", "order", "position", "no", "number", "cart", "step", "row"}
)
IMPRESSIONS = re.compile(r"\S+-[01](?: \S+-[01])*")
SINGLE = re.compile(r"\S+")
CHOSEN = r"^(?:\S+ )*?(\S+)-1(?: .*)?$"
NIL_UUID = "00000000-0000-0000-0000-000000000000"


def choose_interaction_id(draft: Draft) -> None:
    """Choose the id of the interaction: a column that is one, a key of two columns, or ids that are made."""
    refused: list[str] = []
    for score, profile in draft.rank_free("interaction_id", ID_NAME_LEAST):
        reason = _refuse_id(draft, profile, score)
        if reason:
            refused.append(reason)
            continue
        _take_id(draft, profile, score, refused)
        return
    if unnamed := _find_unnamed_id(draft):
        _take_id(draft, unnamed, 0.0, refused)
        return
    if pair := _find_key(draft):
        _take_key(draft, pair, refused)
        return
    for reason in refused:
        draft.add_remark("interaction_id", reason, "likely")
    draft.types["interaction_id"] = "uuid"
    reason = (
        "no column is an id of the interaction: ids are made of each record. Where the file is a log that is cut "
        'without overlap, { from = "position" } counts equal lines of several files apart'
    )
    draft.say("interaction_id", {"from": "record"}, "sure" if not refused else "likely", reason)


def _refuse_id(draft: Draft, profile: Profile, score: float) -> str:
    """Say why a column is no id although it has the name of one; an empty text where it is an id."""
    if profile.column.is_list:
        return f"{show_column(profile)} is a list"
    if profile.missing_share > MISSING_ALLOWED and profile.missing > 1:
        return (
            f"{show_column(profile)} is missing in {profile.missing:,} of {profile.rows:,} rows: it is no id of a row"
        )
    repeats = profile.filled - profile.distinct
    if not repeats:
        return "" if profile.rows > 1 or profile.filled else "empty"
    is_known = score >= SURE_NAME and profile.distinct > 1
    if (is_known or repeats <= REPEATS_ALLOWED * profile.filled) and _repeats_are_whole(draft, profile):
        return ""
    return (
        f"{show_column(profile)} holds {count(profile.distinct, 'value')} in {count(profile.filled, 'row')}: it is "
        "no id of the interaction, but of something that several rows belong to"
    )


def _repeats_are_whole(draft: Draft, profile: Profile) -> bool:
    """Say whether rows with the same id are the same in every column: a delivery that came twice."""
    first: dict[str, int] = {}
    columns = [each.values for each in draft.records.columns]
    for at, value in enumerate(profile.column.values):
        if value is None or not value.strip():
            continue
        before = first.setdefault(value.strip(), at)
        if before != at and any(values[before] != values[at] for values in columns):
            return False
    return True


def _take_id(draft: Draft, profile: Profile, score: float, refused: list[str]) -> None:
    draft.take(profile)
    kind, why = _note_type(draft, "interaction_id", profile)
    repeats = profile.filled - profile.distinct
    reason = f"{show_column(profile)} has a value of its own in each of {profile.rows:,} rows"
    confidence: Confidence = "sure" if score >= SURE_NAME and profile.rows >= ROWS_ENOUGH and not refused else "likely"
    if repeats:
        reason = (
            f"{show_column(profile)} repeats only where the whole row does: {repeats:,} of {profile.rows:,} rows "
            "repeat another and would be duplicates"
        )
        confidence = "likely"
    if score < SURE_NAME:
        confidence = "not sure"
        reason += (
            "; that it is the interaction's id, and not an order's or the number of a row in this file, is not known"
        )
    elif profile.rows < ROWS_ENOUGH:
        reason += ", which is few to know it by"
    draft.say("interaction_id", _write_id(profile, kind), confidence, reason + why)
    for each in refused:
        draft.add_remark("interaction_id", each, "likely")
    if profile.missing:
        draft.add_remark(
            "interaction_id", f"{profile.missing:,} of {profile.rows:,} rows have no id: they would be rejected"
        )


def _find_unnamed_id(draft: Draft) -> Profile | None:
    """Find a column that is an id by its values alone: UUIDs, one for each row, or the first without a header."""
    free = [
        each for each in draft.list_free() if each.is_unique and each.rows >= ROWS_ENOUGH and not each.column.is_list
    ]
    for profile in free:
        scores = score_name(profile.words) if profile.words else {}
        if (
            profile.share(UUID) == 1.0
            and max(scores.get("user_id", 0.0), scores.get("product_id", 0.0)) < USER_NAME_LEAST
        ):
            return profile
        words = split_name(profile.words)
        if (
            "id" in words
            and not max(scores.get("user_id", 0.0), scores.get("product_id", 0.0))
            and profile.looks_like_id
        ):
            return profile
    if not draft.records.has_names and free and free[0] is draft.profiles[0] and free[0].looks_like_id:
        return free[0]
    return None


def _find_key(draft: Draft) -> tuple[Profile, Profile] | None:
    """Find the id of an order and the number of a line in that order, if the two together are unique."""
    firsts = [
        each for score, each in draft.rank_free("interaction_id", ID_NAME_LEAST) if not each.missing and score <= 90
    ]
    for first in firsts:
        for second in draft.list_free():
            words = set(split_name(second.words))
            if (
                second is first
                or second.missing
                or not words & LINE_WORDS
                or second.is_time
                or second.integer_share < 1
            ):
                continue
            pairs = set(zip(first.column.values, second.column.values, strict=True))
            if len(pairs) == first.rows and first.rows >= ROWS_ENOUGH:
                return first, second
    return None


def _take_key(draft: Draft, pair: tuple[Profile, Profile], refused: list[str]) -> None:
    draft.take(pair[0])
    draft.types["interaction_id"] = "text"
    names = [each.column.reference for each in pair]
    draft.say(
        "interaction_id",
        {"columns": names},
        "likely",
        f"{show_column(pair[0])} and {show_column(pair[1])} together are unique in {pair[0].rows:,} rows",
    )
    for each in refused:
        draft.add_remark("interaction_id", each, "likely")


def choose_user(draft: Draft) -> None:
    """Choose the user: a column, with other columns where it is missing, or a constant."""
    candidates = [
        (
            score * (1 - 0.15 * profile.missing_share) * (0.8 if profile.distinct == 1 and profile.rows > 10 else 1),
            profile,
        )
        for score, profile in draft.rank_free("user_id", USER_NAME_LEAST)
        if not profile.is_list and not profile.is_time and profile.missing_share < 1
    ]
    candidates.sort(key=lambda each: -each[0])
    if not candidates:
        chosen = _find_by_shape(draft, "user_id")
        if chosen is None:
            draft.types["user_id"] = _choose_constant_type(draft, "user_id")
            value = "unknown" if draft.types["user_id"] == "text" else "0"
            draft.say(
                "user_id", {"value": value}, "not sure", "no column says who it was: all rows get one and the same user"
            )
            return
        candidates = [(0.0, chosen)]
    score, chosen = candidates[0]
    draft.take(chosen)
    columns = [chosen]
    if chosen.missing:
        for _, each in candidates[1:]:
            gaps = _count_missing(columns)
            if gaps and len(columns) <= FALLBACKS_MAX and _count_missing([*columns, each]) <= gaps / 2:
                columns.append(each)
    _write_thing(draft, "user_id", columns, score, 0.0 if len(columns) > 1 else MISSING_ALLOWED)


def choose_product(draft: Draft) -> None:
    """Choose the product: a column, a word where it is missing, or a constant."""
    candidates = [
        (
            score * (1 - 0.1 * profile.missing_share) * (0.7 if profile.distinct == 1 and profile.rows > 10 else 1),
            profile,
        )
        for score, profile in draft.rank_free("product_id", PRODUCT_NAME_LEAST)
        if not profile.is_time and profile.missing_share < 0.995 and not _is_measure(profile) and not profile.is_list
    ]
    candidates.sort(key=lambda each: -each[0])
    if (shown := _find_impressions(draft)) and not candidates:
        draft.take(shown)
        draft.types["product_id"] = "text"
        reason = (
            f"{show_column(shown)} is a list of what was shown, with 1 where it was chosen: the first of these is taken"
        )
        draft.say("product_id", {"column": shown.column.reference, "extract": CHOSEN}, "not sure", reason)
        return
    lists = [
        each.column
        for each in draft.profiles
        if each.is_list and (not each.words or score_name(each.words).get("product_id", 0) >= 60)
    ]
    if not candidates:
        chosen = _find_by_shape(draft, "product_id")
        if chosen is None:
            draft.types["product_id"] = _choose_constant_type(draft, "product_id")
            value = "none" if draft.types["product_id"] == "text" else "0"
            told = f"; {lists[0].reference!r} is a list of several" if lists else ""
            draft.say("product_id", {"value": value}, "not sure", f"no column says which product it was{told}")
            return
        candidates = [(0.0, chosen)]
    score, chosen = candidates[0]
    draft.take(chosen)
    _write_thing(draft, "product_id", [chosen], score, MISSING_PRODUCTS_ALLOWED)


def _find_impressions(draft: Draft) -> Profile | None:
    """Find a list of products that were shown, each with 1 behind it where it was chosen, else 0: N12-0 N7-1."""
    return next(
        (each for each in draft.list_free() if each.share(IMPRESSIONS) > 0.95 and each.share(SINGLE) < 0.9), None
    )


def _is_measure(profile: Profile) -> bool:
    """Say whether values are amounts and no ids: numbers with decimals that are not all zero."""
    return profile.is_numeric and profile.integer_share < 0.5 and not profile.is_float_ids


def _choose_constant_type(draft: Draft, column: str) -> IdType:
    """Give the type of a constant: text, which says more, unless the settings want whole numbers: then it is 0."""
    return "bigint" if draft.set_types.get(f"{column}_type") == "bigint" else "text"


def _find_by_shape(draft: Draft, column: str) -> Profile | None:
    """Find a column by its values, if no name tells which it is: ids that repeat."""
    has_names = draft.records.has_names
    for profile in draft.list_free():
        if profile.is_list or profile.is_time or profile.time.kind == "clock" or _is_measure(profile):
            continue
        words = set(split_name(profile.words))
        if words & ATTRIBUTES or profile.distinct < 2 or profile.missing_share > 0.9:
            continue
        known = score_name(profile.words) if profile.words else {}
        if any(score >= ID_NAME_LEAST for role, score in known.items() if role not in (column, "interaction_id")):
            continue
        is_repeated = profile.distinct < profile.filled or profile.rows < ROWS_ENOUGH or not has_names
        if has_names and not (
            profile.looks_like_id and is_repeated and (column == "user_id" or words & {"id", "no", "code", "nr"})
        ):
            continue
        if (
            not has_names
            and profile.is_numeric
            and profile.distinct <= 10
            and profile.rows >= 100
            and column == "product_id"
        ):
            continue  # more likely a rating or a flag
        return profile
    return None


def _write_thing(draft: Draft, key: str, columns: list[Profile], score: float, missing_allowed: float) -> None:
    """Set the user or the product, with the columns or the constant that take its place where it is missing."""
    first = columns[0]
    kinds = [_note_type(draft, key, each) for each in columns]
    kind: IdType = kinds[0][0] if len({each for each, _ in kinds}) == 1 else "text"
    is_float = kind == "bigint" and any(each.is_float_ids for each in columns)
    references: list[Reference] = [each.column.reference for each in columns]
    missing = _count_missing(columns)
    value: dict[str, Any] = {"column": references[0] if len(references) == 1 else references}
    why = kinds[0][1] if kind == kinds[0][0] else f" ({kind}: its ids and those that stand in are of two types)"
    reason = f"{show_column(first)} has {count(first.distinct, 'value')} in {count(first.rows, 'row')}{why}"
    confidence: Confidence = "sure" if score >= 84 else "likely" if score >= 62 else "not sure"
    if score < 62:
        reason += ": by its values, for no name says so" if not score else ": its name says so only vaguely"
    elif len({id(each) for each in columns}) > 1:
        confidence = "not sure"
    if len(columns) > 1:
        others = " and ".join(show_column(each) for each in columns[1:])
        reason += f"; where it is missing ({count(first.missing, 'row')}), {others} stands in, perhaps of another kind"
    draft.types[key] = kind
    if missing > missing_allowed * first.rows and (missing > 1 or first.rows < ROWS_ENOUGH):
        word = {"bigint": "0", "uuid": NIL_UUID, "text": "none" if key == "product_id" else "unknown"}[kind]
        value["default"] = word
    if is_float:
        value["integers"] = "as-float"
        reason += ", written as 123.0"
    short = value["column"] if len(value) == 1 and not isinstance(value["column"], list) else value
    draft.say(key, short, confidence, reason)
    if "default" in value:
        reason = (
            f"missing in {missing:,} of {first.rows:,} rows, which get {value['default']!r}; else they are rejected"
        )
        draft.add_remark(key, reason)
    elif missing:
        draft.add_remark(key, f"missing in {missing:,} of {first.rows:,} rows, which would be rejected")


def _count_missing(columns: list[Profile]) -> int:
    if len(columns) == 1:
        return columns[0].missing
    rows = zip(*(each.column.values for each in columns), strict=True)
    nulls = [each.nulls | {""} for each in columns]
    return sum(
        all(value is None or value.strip() in missing for value, missing in zip(row, nulls, strict=True))
        for row in rows
    )


def _note_type(draft: Draft, key: str, profile: Profile) -> tuple[IdType, str]:
    """Give the type of an id, and the reason in words. Effects: the draft gets the type, and a remark on a doubt."""
    kind, why = profile.choose_id_type()
    draft.types[key] = kind
    if why.startswith("|"):
        draft.add_remark(key, why[1:])
        return kind, ""
    if profile.longest > 200:
        draft.add_remark(key, "some values have over 200 characters: they would be rejected as too-long")
    return kind, f" ({kind}: {why})" if why else f" ({kind})"


def _write_id(profile: Profile, kind: IdType) -> Any:
    reference = profile.column.reference
    if kind == "bigint" and profile.is_float_ids:
        return {"column": reference, "integers": "as-float"}
    return reference
