"""Choose the column that says what was done, or a word that stands for it in every row."""

from __future__ import annotations

import re

from footfall.formats.sniffing.choose_ids import choose_product
from footfall.formats.sniffing.draft import Draft, count, show_column
from footfall.formats.sniffing.names import score_name, split_name
from footfall.formats.sniffing.values import FEW_VALUES, Profile
from footfall.formats.sniffing.words import ACTIONS_OF_FILES
from footfall.results.guessing import Confidence

NAME_LEAST = 28.0
NUMERIC_NAME_LEAST = 84.0  # numbers are actions only where the name says so plainly
SHARE_OF_VALUES = 0.2  # a column of actions has at most so many distinct values for each of its rows
YES_OR_NO = re.compile("true|false|yes|no|t|f|y|n", re.IGNORECASE)
RATINGS_MAX = 21  # distinct values: half stars from 0 to 10
MISSING_ALLOWED = 0.01
# Words that values of actions have. By them, a column of actions is known from one of categories if no name tells.
ACTION_VALUE = re.compile(
    r"(?i).*(?:view|click|purchas|buy|bought|cart|order|play|login|log_in|signup|search|like|share|browse|checkout|"
    r"scroll|hover|visit|open|install|download|rate|review|listen|watch|comment|favou?rite|impression|pv\b|fav\b|"
    r"remove|add|submit|start|stop|read|page).*"
)


def choose_action(draft: Draft) -> None:
    """Choose the action: a column of few values, a rating as it is written, or a constant."""
    found = _find_named(draft)
    if found is None:
        rating = _find_rating(draft)
        if rating is not None:
            _take_rating(draft, rating)
            return
        _choose_constant(draft)
        return
    score, chosen = found
    if chosen.is_numeric and chosen.distinct <= RATINGS_MAX:
        _take_rating(draft, chosen)
        return
    _take(draft, score, chosen)


def choose_by_position(draft: Draft) -> None:
    """Choose the action where no column has a name: the column of few words, before user and product are chosen."""
    best: tuple[float, Profile] | None = None
    for profile in draft.list_free():
        if profile.is_numeric or profile.is_time or profile.is_list or profile.is_unique:
            continue
        if profile.distinct > min(FEW_VALUES, max(2, SHARE_OF_VALUES * 2 * profile.filled)) or profile.longest > 60:
            continue
        score = 2 * profile.share(ACTION_VALUE) - profile.missing_share - 0.01 * profile.distinct
        if best is None or score > best[0]:
            best = score, profile
    if best is None or best[0] < 0:
        return
    draft.take(best[1])
    words = "its words are those of actions" if best[0] > 1 else "it has few different words"
    reason = f"{show_column(best[1])} holds {best[1].distinct:,} different texts in {best[1].rows:,} rows, and {words}"
    draft.say("action", best[1].column.reference, "not sure", f"{reason}; no header says so")
    _tell_missing(draft, best[1])


def _find_named(draft: Draft) -> tuple[float, Profile] | None:
    candidates = []
    for score, profile in draft.rank_free("action", NAME_LEAST):
        if profile.is_list or profile.is_time or profile.missing_share > 0.9 or profile.time.kind == "clock":
            continue
        if profile.is_numeric and (score < NUMERIC_NAME_LEAST or profile.distinct > FEW_VALUES or profile.is_unique):
            continue
        if profile.distinct > FEW_VALUES and profile.distinct > SHARE_OF_VALUES * profile.filled and score < 80:
            continue
        worth = score - 25 * profile.is_numeric - (12 if profile.distinct == 1 and profile.rows > 10 else 0)
        candidates.append((worth - 30 * profile.missing_share, score, profile))
    if not candidates:
        return None
    _, score, chosen = max(candidates, key=lambda each: each[0])
    return score, chosen


def _take(draft: Draft, score: float, chosen: Profile) -> None:
    draft.take(chosen)
    many = chosen.distinct > FEW_VALUES and chosen.distinct > SHARE_OF_VALUES * chosen.filled
    confidence: Confidence = (
        "sure" if score >= 80 and not many else "likely" if score >= 60 and not many else "not sure"
    )
    reason = f"{show_column(chosen)} has {count(chosen.distinct, 'different value')} in {count(chosen.rows, 'row')}"
    if many:
        reason += ", which are many for actions: it may be a text about them"
    elif score < 60:
        reason += "; its name may mean something else"
    draft.say("action", chosen.column.reference, confidence, reason)
    _tell_missing(draft, chosen)
    if chosen.longest > 500:
        draft.add_remark("action", "some values have over 500 characters: they would be rejected as too-long")


def _tell_missing(draft: Draft, chosen: Profile) -> None:
    if not chosen.missing:
        return
    if chosen.missing_share > MISSING_ALLOWED and chosen.missing > 1:
        draft.fields["action"] = {"column": chosen.column.reference, "default": "unknown"}
        draft.add_remark("action", f"missing in {chosen.missing:,} of {chosen.rows:,} rows, which get 'unknown'")
    else:
        draft.add_remark("action", f"missing in {chosen.missing:,} of {chosen.rows:,} rows, which would be rejected")


def _find_rating(draft: Draft) -> Profile | None:
    for score, profile in draft.rank_free("rating", NAME_LEAST):
        is_rating = profile.is_numeric or profile.share(YES_OR_NO) == 1.0
        if is_rating and profile.distinct <= RATINGS_MAX and not profile.is_unique and score:
            return profile
    if draft.records.has_names:
        return None
    for profile in draft.list_free():
        if (
            profile.is_numeric
            and 2 <= profile.distinct <= RATINGS_MAX
            and profile.rows > profile.distinct
            and not profile.missing
        ):
            numbers = [float(value) for value in profile.counts]
            if min(numbers) >= -1 and max(numbers) <= 10:
                return profile
    return None


def _take_rating(draft: Draft, chosen: Profile) -> None:
    draft.take(chosen)
    values = sorted(chosen.counts, key=float if chosen.is_numeric else str)
    shown = ", ".join(values[:3]) + (f" ... {values[-1]}" if len(values) > 3 else "")
    reason = (
        f"{show_column(chosen)} has few values ({shown}), a rating as it seems, which is taken as the text of "
        'the action. { value = "rate" } would count all of them as one action'
    )
    draft.say("action", chosen.column.reference, "not sure", reason)
    _tell_missing(draft, chosen)


def _choose_constant(draft: Draft) -> None:
    """Choose a word by the names of the file and its columns: a constant for every row."""
    if isinstance(draft.fields.get("product_id"), dict) and "extract" in draft.fields["product_id"]:
        draft.say(
            "action", {"value": "click"}, "not sure", "no column holds an action; what was chosen in a list was clicked"
        )
        return
    named = list(split_name(draft.file_name.partition(".")[0]))
    keys = [draft.records.keys.get(key, "") for key in ("explode", "records")]
    places = [(named, "the file's name"), *((list(split_name(key)), f"the list {key!r}") for key in keys if key)]
    places += [(list(split_name(each.words)), show_column(each)) for each in draft.profiles]
    for words, place in places:
        for action, known in ACTIONS_OF_FILES.items():
            if known.intersection(words):
                reason = f"no column holds an action; {place} suggests that every row is a {action!r}"
                draft.say("action", {"value": action}, "not sure", reason)
                return
    draft.say("action", {"value": "interact"}, "not sure", "no column holds an action: all rows get the same word")


def choose_named_product_or_action(draft: Draft) -> None:
    """Choose product and action where columns have names. A column that may be both becomes what it fits better."""
    product = draft.rank_free("product_id", 62.0)
    action = _find_named(draft)
    if action and product and action[1] is product[0][1]:
        scores = score_name(action[1].words)
        if scores.get("action", 0) >= scores.get("product_id", 0):
            choose_action(draft)
            choose_product(draft)
            return
    if not product and action:
        choose_action(draft)
        choose_product(draft)
        return
    choose_product(draft)
    choose_action(draft)
