"""Find which records are interactions in a file that evidently has records of several kinds."""

from __future__ import annotations

from dataclasses import replace

from footfall.contract.definition import Reference
from footfall.formats.sniffing.draft import Draft
from footfall.formats.sniffing.names import split_name
from footfall.formats.sniffing.records import Records
from footfall.results.guessing import GuessedPart

KINDS_MAX = 12  # kinds of records in one file
WORDS_OF_KINDS = frozenset({"type", "kind", "typ", "msg", "message", "object", "category", "channel", "stream"})


def find_kinds(draft: Draft) -> tuple[Reference, tuple[str, ...]] | None:
    """Find a column that says of each record whether it has an action: its name, and the kinds that have one.

    None where all records have an action, and where no column tells records with an action from all the others.
    """
    if "where" in draft.records.keys or not draft.records.has_names:
        return None
    chosen = draft.fields["action"]
    reference = chosen.get("column") if isinstance(chosen, dict) else chosen
    action = next((each for each in draft.profiles if each.column.reference == reference), None)
    if action is None or not action.missing:
        return None
    is_there = [bool(value and value.strip() and value.strip() not in action.nulls) for value in action.column.values]
    for profile in draft.profiles:
        if profile is action or profile.missing or not 2 <= profile.distinct <= KINDS_MAX:
            continue
        if not WORDS_OF_KINDS.intersection(split_name(profile.words)):
            continue
        kinds = [value.strip() if value else "" for value in profile.column.values]
        having = {kind for kind, there in zip(kinds, is_there, strict=True) if there}
        lacking = {kind for kind, there in zip(kinds, is_there, strict=True) if not there}
        if having and not having & lacking:
            return profile.column.reference, tuple(sorted(having))
    return None


def keep_kinds(records: Records, reference: Reference, kinds: tuple[str, ...]) -> Records:
    """Keep the records of some kinds, and add the condition of a definition that keeps them."""
    column = records.find_column(reference)
    kept = [at for at, value in enumerate(column.values if column else ()) if value and value.strip() in kinds]
    columns = tuple(replace(each, values=tuple(each.values[at] for at in kept)) for each in records.columns)
    where = [{"column": reference, "in": list(kinds)}]
    skipped = records.rows - len(kept)
    reason = f"only these records have an action; the other {skipped:,} of {records.rows:,} are skipped, and counted"
    part = GuessedPart("where", where, "likely", reason)
    return replace(
        records, columns=columns, rows=len(kept), keys=records.keys | {"where": where}, parts=(*records.parts, part)
    )
