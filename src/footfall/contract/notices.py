"""Notices: sentences about what is odd in a file with valid rows. They change no verdict and no exit code."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from footfall.contract.shapes import COLUMNS
from footfall.results import LoadResult

log = logging.getLogger("footfall")

# A notice is given where more than 1 of 10 rows repeat an id. Such an id is rarely the id of an interaction.
REPEATED_SHARE = 10
# Words that exports write for a missing value, in the usual spellings.
NULL_WORDS = frozenset(
    spelled
    for word in ("null", "nil", "none", "na", "n/a", "nan", "undefined", "(null)", "<null>", "#n/a", "<na>")
    for spelled in (word, word.upper(), word.title(), word.capitalize())
) | {"NaN", "\\N", "-", "--"}


@dataclass(slots=True)
class Oddities:
    """The valid rows of one file that are written oddly; repeated ids are counted elsewhere.

    Grain: `padded_ids` counts rows by column, `null_words` rows by the word that is their action.
    """

    padded_ids: Counter[str] = field(default_factory=Counter)
    null_words: Counter[str] = field(default_factory=Counter)


def describe(
    oddities: Oddities, *, rows_read: int, rows_repeated: int, actions: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Make the notices about one file; `rows_repeated` is the number of rows whose id an earlier row of the file has.

    Example:
        >>> describe(Oddities(Counter(user_id=2)), rows_read=9, rows_repeated=0, actions=None)
        ('ids are written with a leading zero or a plus sign: 2 rows in user_id; 007 and +7 are counted as 7',)
    """
    found: list[str] = []
    if rows_repeated * REPEATED_SHARE > rows_read:
        found.append(
            f"{rows_repeated:,} of {rows_read:,} rows have an interaction_id that came before in this file; "
            "is it the id of an order or a session, rather than of an interaction? Then a source definition makes ids: "
            'interaction_id = { from = "record" }'
        )
    if oddities.padded_ids:
        each = ", ".join(
            f"{_write_rows(oddities.padded_ids[name])} in {name}" for name in COLUMNS if oddities.padded_ids[name]
        )
        found.append(f"ids are written with a leading zero or a plus sign: {each}; 007 and +7 are counted as 7")
    if oddities.null_words and actions is None:  # such a word is intended where it is in the list of actions
        words = sorted(oddities.null_words.items(), key=lambda item: (-item[1], item[0]))
        each = ", ".join(f"{word!r} in {_write_rows(rows)}" for word, rows in words)
        found.append(
            f"words that often stand for a missing value are taken as actions: {each}; "
            "list them in null_values of a source definition, or name the actions that there are in FOOTFALL_ACTIONS"
        )
    return tuple(found)


def describe_other_contract(load_id: int, contract: str, contract_now: str) -> tuple[str, ...]:
    """Make the notice about a file that was already loaded under another contract; nothing where it is the same."""
    if contract == contract_now:
        return ()
    return (
        f"already loaded as load {load_id} under another contract (another source definition, delimiter, "
        "source_time_zone, actions, max_future_seconds or types of ids, a file name that says otherwise how it "
        "is read, or the rules of another version of Footfall); nothing was changed. To take it back and load it anew: "
        f"`footfall load --again`; to take it back alone: `footfall undo {load_id}`",
    )


def say_notices(result: LoadResult) -> None:
    """Log the notices about a file, unless it was loaded already."""
    if result.status != "already-loaded":
        for notice in result.notices:
            log.warning(f"{result.source}: {notice}")


def say_other_contracts(results: Iterable[LoadResult]) -> None:
    """Log one line about all files that were loaded under another contract: after an upgrade, that is every file."""
    others = [result for result in results if result.status == "already-loaded" and result.notices]
    if others:
        first = others[0]
        more = f"; the same holds for {len(others) - 1:,} more of these files" if len(others) > 1 else ""
        log.warning(f"{first.source}: {first.notices[0]}{more}")


def _write_rows(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"
