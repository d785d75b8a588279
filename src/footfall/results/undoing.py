"""What taking loads back gives: the loads that go, and how many rows of each are removed or pass to other loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from footfall.safe_text import escape_unprintable

NAMED_MAX = 20  # loads that one notice names; it counts all of them


@dataclass(frozen=True, slots=True)
class UndoneLoad:
    """One load that was taken back.

    Units: `rows_removed` are no longer there; `rows_passed` belong to later loads that delivered them too;
    `rows_rejected` left the quarantine. `is_later`: it was not named, and could not stand without a load that was.
    `mended` is the load whose rejected rows it mended, where it went along with that load; None for others.
    """

    load_id: int
    source: str
    rows_removed: int
    rows_passed: int
    rows_rejected: int
    is_later: bool = False
    mended: int | None = None

    @property
    def went_along(self) -> bool:
        """Whether it went with another load that was named."""
        return self.is_later or self.mended is not None

    def __str__(self) -> str:
        passed = f", {self.rows_passed:,} passed to later loads" if self.rows_passed else ""
        rejected = f", {self.rows_rejected:,} left the quarantine" if self.rows_rejected else ""
        rows = f"{self.rows_removed:,} row{'' if self.rows_removed == 1 else 's'}"
        mended = "" if self.mended is None else f" (mended rows of load {self.mended})"
        later = " (a later load)" if self.is_later and not mended else mended
        return f"load {self.load_id}{later}, {self.source}: {rows} removed{passed}{rejected}"


@dataclass(frozen=True, slots=True)
class UndoSummary:
    """The loads that went, in the order of their numbers.

    `already_undone` are loads that were named and had gone before: nothing changed for them. `is_dry_run`: nothing was
    changed at all. `str(summary)` is what the command line prints.
    """

    loads: tuple[UndoneLoad, ...]
    already_undone: tuple[int, ...] = ()
    is_dry_run: bool = False
    seconds: float = 0.0

    @property
    def rows_removed(self) -> int:
        return sum(load.rows_removed for load in self.loads)

    @property
    def rows_passed(self) -> int:
        return sum(load.rows_passed for load in self.loads)

    @property
    def rows_rejected(self) -> int:
        return sum(load.rows_rejected for load in self.loads)

    def __str__(self) -> str:
        lines = [f"{load}" for load in self.loads]
        lines += [f"load {load_id} was taken back before, nothing changed" for load_id in self.already_undone]
        loads = f"{len(self.loads):,} load{'' if len(self.loads) == 1 else 's'}"
        would = "would be taken back; nothing was changed (dry run)" if self.is_dry_run else "taken back"
        if self.is_dry_run or len(lines) > 1:
            lines.append(f"{loads} {would}: {self.rows_removed:,} rows ({self.seconds:,.1f} s)")
        return "\n".join(map(escape_unprintable, lines))


def describe_gone_along(undone: Sequence[UndoneLoad], load_id: int) -> tuple[str, ...]:
    """Make the notices about loads that went along with a load that was replaced: nothing of them is loaded now.

    Example:
        >>> describe_gone_along([UndoneLoad(3, "b.csv", 1, 0, 0, True)], 4)
        ('1 later load was taken back, too, and is not loaded now: load 3 (b.csv); load its file again',)
    """
    named = {each.load_id for each in undone if not each.went_along}
    along = [each for each in undone if each.went_along]
    later = [each for each in along if each.mended not in named]
    notices = []
    if later:
        listed = ", ".join(f"load {each.load_id} ({each.source})" for each in later[:NAMED_MAX])
        more = ", ..." if len(later) > NAMED_MAX else ""
        is_one = len(later) == 1
        notices.append(
            f"{len(later):,} later load{' was' if is_one else 's were'} taken back, too, and "
            f"{'is' if is_one else 'are'} not loaded now: {listed}{more}; load "
            f"{'its file' if is_one else 'their files, in their order,'} again"
        )
    notices += [
        f"load {each.load_id} ({each.source}) had mended rows of load {each.mended}, and was taken back with it; those "
        f"that are still wrong are open in load {load_id}: `footfall load FILE --replays {load_id}` with the mended "
        f"file, or `footfall replay {load_id}`, brings them in again"
        for each in along
        if each.mended in named
    ]
    return tuple(notices)
