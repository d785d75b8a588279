"""What taking loads back gives: each load that goes, and what of it goes and stays."""

from __future__ import annotations

from dataclasses import dataclass

from footfall.safe_text import escape_unprintable


@dataclass(frozen=True, slots=True)
class UndoneLoad:
    """One load that was taken back.

    Units: `rows_removed` are no longer there; `rows_passed` belong to later loads that delivered them too;
    `rows_rejected` left the quarantine. `is_later`: it was not named, and could not stand without one that was.
    """

    load_id: int
    source: str
    rows_removed: int
    rows_passed: int
    rows_rejected: int
    is_later: bool = False

    def __str__(self) -> str:
        passed = f", {self.rows_passed:,} passed to later loads" if self.rows_passed else ""
        rejected = f", {self.rows_rejected:,} left the quarantine" if self.rows_rejected else ""
        rows = f"{self.rows_removed:,} row{'' if self.rows_removed == 1 else 's'}"
        later = " (a later load)" if self.is_later else ""
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
