"""The first part of a report: what became of each row, whether all was recounted, and which files failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from footfall.answers.cures import list_cures
from footfall.contract.hints import find_hint
from footfall.results import Verification
from footfall.safe_text import escape_unprintable
from footfall.verbs import ledger
from footfall.verbs.query import Asker

PROBLEMS_SHOWN, FAILURES_SHOWN = 12, 10  # rows; the sentence below says how many more there are


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rejected rows with one problem, and a hint at its cure."""

    code: str
    field: str
    rows: int
    files: int
    hint: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A file of which nothing is loaded, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Trust:
    """What a reader needs to know before the first number.

    Shape: `sums` is None if the role may not read the ledger, `failures` if it may not read the names of files, and
    `rejected` if it may not read the rejected rows. `verified` is None if nothing was recounted; `unverified` then says
    why. `kept` is how many interactions the counts hold. `closed` says how many rejected rows were mended since.
    """

    sums: Any
    state: str
    kept: int
    rejected: tuple[Rejected, ...] | None
    failures: tuple[Failure, ...] | None
    verified: Verification | None
    unverified: str
    closed: str = ""

    @property
    def terms(self) -> list[tuple[str, int]]:
        """The terms of the sum that must balance; skipped rows only where there are some."""
        terms = [("loaded", self.sums.rows_loaded), ("duplicate", self.sums.rows_duplicate)]
        terms.append(("rejected", self.sums.rows_rejected))
        return terms + ([("skipped", self.sums.rows_skipped)] if self.sums.rows_skipped else [])

    @property
    def is_balanced(self) -> bool:
        return bool(self.sums.rows_read == sum(number for _, number in self.terms))

    @property
    def is_whole(self) -> bool:
        """Whether the counts hold as many interactions as were loaded according to the ledger."""
        return bool(self.kept == self.sums.rows_loaded)

    @property
    def verdict(self) -> tuple[str, str]:
        """The result of the recount: a word that stands for its colour, and a sentence."""
        if self.verified is None:
            return "unsure", f"Not verified: {self.unverified}"
        if self.verified.drift_count:
            return "bad", f"The recount found differences. {str(self.verified)[0].upper()}{str(self.verified)[1:]}."
        moved = (
            "" if self.verified.rows_raw == self.kept else " A load was committed between the recount and this report."
        )
        return "good", (
            f"Verified for this report: {self.verified.rows_raw:,} interactions and {self.verified.pairs:,} counts "
            f"were recounted, without a difference.{moved}"
        )

    @property
    def cures(self) -> tuple[str, ...]:
        """Sentences that say how to mend the differences of the recount."""
        return list_cures(self.verified) if self.verified is not None and self.verified.drift_count else ()


def find_trust(asker: Asker, rights: Any, kept: int, verified: Verification | None, unverified: str) -> Trust:
    """Read the state of the ledger in the snapshot of the report, as far as the role may read it. Effects: none.

    Units: `kept` is the number of interactions that the counts hold.
    """
    sums = ledger.summarize(asker) if rights.may_read_figures else None
    failures, state = None, ""
    if rights.may_read_ledger:
        state = ledger.find_state(asker)
        found = ledger.list_open_failures(asker, FAILURES_SHOWN + 1)
        failures = tuple(_name_failure(row.source, row.error or "no reason was kept") for row in found)
    return Trust(
        sums,
        state,
        kept,
        _list_rejected(asker) if rights.may_read_rejected else None,
        failures,
        verified,
        unverified,
        ledger.describe_closed(asker) if rights.may_read_rejected else "",
    )


def _list_rejected(asker: Asker) -> tuple[Rejected, ...]:
    found = ledger.list_problems(asker)
    return tuple(
        Rejected(code, field or "", rows, files, find_hint(code, field, ""))
        for code, field, rows, files, *_ in found.rows[: PROBLEMS_SHOWN + 1]
    )


def _name_failure(source: str, error: str) -> Failure:
    """Name a file without its folders, which are private to this machine: a report is passed on to others."""
    name = source.rpartition("/")[2] or source
    return Failure(
        escape_unprintable(name), escape_unprintable(error.removeprefix(f"{source}: ").replace(source, name))
    )
