"""Propose a definition for records, with the confidence and the reason of each of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from footfall.contract.first_line import choose_names
from footfall.contract.shapes import COLUMNS
from footfall.errors import SourceError
from footfall.formats.sniffing.choose_action import choose_action, choose_by_position, choose_named_product_or_action
from footfall.formats.sniffing.choose_ids import choose_interaction_id, choose_product, choose_user
from footfall.formats.sniffing.choose_time import choose_time
from footfall.formats.sniffing.draft import Draft
from footfall.formats.sniffing.kinds import find_kinds, keep_kinds
from footfall.formats.sniffing.records import Records
from footfall.formats.sniffing.values import Profile, make_profile
from footfall.results.guessing import GuessedPart

KEYS_OF_NULLS = "null_values"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A definition's keys in the order in which they are written, the types that its ids need, and why.

    Shape: `records` are those that the definition reads, the skipped ones left out.
    """

    definition: dict[str, Any]
    types: dict[str, str]
    parts: tuple[GuessedPart, ...]
    records: Records


def propose(records: Records, file_name: str, source: str, set_types: Mapping[str, str]) -> Proposal:
    """Propose a definition for records.

    Raises: SourceError where nothing in them is a user, a product or an action, so that they are no interactions.
    """
    profiles = tuple(make_profile(column, records.rows) for column in records.columns)
    draft = Draft(records, profiles, file_name, set_types)
    if not records.rows:
        raise SourceError(f"is {records.looks_like}, and no row of it was seen", source=source)
    if records.fixed:
        _take_fixed(draft)
    else:
        _choose(draft, source)
        if (kinds := find_kinds(draft)) is not None:
            return propose(keep_kinds(records, *kinds), file_name, source, set_types)
    return _assemble(draft)


def _take_fixed(draft: Draft) -> None:
    draft.fields |= draft.records.fixed
    draft.types |= {"interaction_id": "uuid", "user_id": "text", "product_id": "text"}
    reason = (
        'a log has no ids: they are made of each line. { from = "position" } is for logs that are cut without overlap'
    )
    draft.say("interaction_id", {"from": "record"}, "sure", reason)


def _choose(draft: Draft, source: str) -> None:
    has_time = choose_time(draft)
    choose_interaction_id(draft)
    if draft.records.has_names:
        choose_user(draft)
        choose_named_product_or_action(draft)
    else:
        choose_by_position(draft)
        choose_user(draft)
        choose_product(draft)
        if "action" not in draft.fields:
            choose_action(draft)
    _refuse_strangers(draft, source, has_time)


def _refuse_strangers(draft: Draft, source: str, has_time: bool) -> None:
    """Refuse records that are no interactions, because too few of the five fields can be found in them."""
    surely = {part.key for part in draft.parts if part.confidence != "not sure"}
    taken = {key for key in ("user_id", "product_id", "action") if not _is_constant(draft.fields[key])}
    if has_time and taken:
        return
    if not has_time and ({"user_id", "product_id"} & surely or len(taken) == 3):
        return
    shown = choose_names([profile.words for profile in draft.profiles])
    names = f" (among its columns: {', '.join(shown)})" if shown else ""
    lacking = [
        *([] if has_time else ["no column holds a time"]),
        *([] if taken & surely else ["no column is surely a user, a product or an action"]),
    ]
    raise SourceError(
        f"is {draft.records.looks_like}{names}, but {' and '.join(lacking)}: are these interactions?", source=source
    )


def _is_constant(value: Any) -> bool:
    return isinstance(value, dict) and "value" in value


def _assemble(draft: Draft) -> Proposal:
    definition = dict(draft.records.keys)
    nulls = sorted({word for profile in _list_columns_in_use(draft) for word in profile.nulls})
    parts = [*draft.records.parts]
    if nulls and KEYS_OF_NULLS not in definition:
        definition[KEYS_OF_NULLS] = nulls
        is_sure = not set(nulls) & {"-1", "?", ".", "None", "none", "NA", "na"}
        reason = "these words stand for a missing value in the columns that are used"
        parts.append(GuessedPart(KEYS_OF_NULLS, nulls, "sure" if is_sure else "likely", reason))
    definition |= {column: draft.fields[column] for column in COLUMNS}
    types = {f"{column}_type": kind for column, kind in draft.types.items()}
    order = ["", *draft.records.keys, KEYS_OF_NULLS, "encoding", *COLUMNS]
    parts += draft.parts
    parts.sort(key=lambda part: order.index(part.key) if part.key in order else 0)
    return Proposal(
        definition, {name: types[name] for name in sorted(types, key=list(types).index)}, tuple(parts), draft.records
    )


def _list_columns_in_use(draft: Draft) -> list[Profile]:
    """Give the columns that the fields name, fallbacks included."""
    named: list[Any] = []
    for value in draft.fields.values():
        if isinstance(value, dict):
            for key in ("column", "columns"):
                found = value.get(key, [])
                named += found if isinstance(found, list) else [found]
        else:
            named.append(value)
    return [profile for profile in draft.profiles if profile.column.reference in named]
