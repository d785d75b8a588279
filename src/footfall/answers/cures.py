"""The cures of the differences that `verify` found, in words."""

from __future__ import annotations

from footfall.results import Verification

RESTORE = (
    "restore the tables from a backup, all of one instant, or load the files into a new schema (--schema), "
    "since all rows come from them"
)


def list_cures(found: Verification) -> tuple[str, ...]:
    """Describe the cure of each difference that was found, in the order in which to apply them."""
    said = []
    for each in found.drift:
        if each.cure:
            said.append(f"{each.key}: run in psql: {each.cure};")
        elif each.check == "schema":
            said.append(f"{each.key}: no statement brings it back: {RESTORE}")
    of_rows = list(
        dict.fromkeys(each.check for each in found.drift if each.check != "schema" and not each.is_of_counts)
    )
    if of_rows:
        said.append(f"{', '.join(of_rows)}: `footfall verify --repair` does not mend this: {RESTORE}")
    if any(each.is_of_counts for each in found.drift):
        said.append(_describe_cure_of_counts(found, is_last=bool(said)))
    return tuple(said)


def _describe_cure_of_counts(found: Verification, *, is_last: bool) -> str:
    if found.repaired:
        return "the counts differ again after their repair: something else writes these tables, perhaps a trigger"
    doubled = [each.check for each in found.drift if each.is_of_counts and each.key.startswith("rows of ")]
    broken = "; ".join(f"reindex table {table}" for table in dict.fromkeys(doubled))
    return f"{'counts: when the rest is mended, ' if is_last else 'counts: '}`footfall verify --repair` mends them" + (
        f"; a key has let rows in twice: then run in psql: {broken};" if broken else ""
    )
