"""How many rows of a file may be rejected, and the error of a file with more; for `load` and `check`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from footfall.errors import TooManyRejectedError
from footfall.results import LoadResult


@dataclass(frozen=True, slots=True)
class MaxRejected:
    """How many rows of one file may be rejected: either a share of the rows read or a number of rows is set."""

    share: Decimal | None
    rows: int | None

    def allows(self, rows_read: int, rows_rejected: int) -> bool:
        """Say whether so many rejected rows are within the bound.

        Example:
            >>> MaxRejected(Decimal("0.2"), None).allows(rows_read=10, rows_rejected=2)
            True
        """
        bound = self.share * rows_read if self.share is not None else self.rows
        return bound is None or rows_rejected <= bound

    @classmethod
    def parse(cls, text: str) -> MaxRejected:
        """Read a share (with a decimal point or %) or a number of rows.

        Raises: ValueError with what to write instead.

        Example:
            >>> MaxRejected.parse("20%")
            MaxRejected(share=Decimal('0.2'), rows=None)
        """
        number = re.fullmatch(r"([0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})\s*(%?)", text.strip())
        if number is None:
            raise ValueError(f"{text!r} is neither a share (0.2 or 20%) nor a number of rows (100)")
        digits, percent = number.groups()
        if not percent and "." not in digits:
            return cls(None, int(digits))
        share = Decimal(digits) / (100 if percent else 1)
        if share > 1:
            raise ValueError(
                f"{text!r} is more than all rows; a share is at most 1.0 or 100%, and a number of rows has no point"
            )
        return cls(share, None)


def assert_bound(result: LoadResult, bound: MaxRejected | None, outcome: str) -> None:
    """Raise an error for a file with too many rejected rows; without a bound, for a file whose rows are all rejected.

    Rows of users who are forgotten are no fault of the file: it is judged as if it did not have them.
    `outcome` ends the message: it says what happens to the file. A load calls this before any row becomes visible.
    Raises: TooManyRejectedError.
    """
    from footfall.contract.forgotten import FORGOTTEN  # heavy, and settings name bounds where nothing is read

    rows_forgotten = sum(group.rows for group in result.groups if group.code == FORGOTTEN[0])
    rows_read, rows_rejected = result.rows_read - rows_forgotten, result.rows_rejected - rows_forgotten
    if bound is None:
        if rows_read and rows_rejected == rows_read:
            raise TooManyRejectedError(
                f"all {rows_read:,} rows are rejected{_name_largest_reason(result)}; "
                f"{outcome}; --max-rejected 1.0 loads the file all the same",
                source=result.source,
            )
    elif not bound.allows(rows_read, rows_rejected):
        raise TooManyRejectedError(
            f"{rows_rejected:,} of {rows_read:,} rows are rejected"
            f"{_name_largest_reason(result)}, more than --max-rejected allows; {outcome}",
            source=result.source,
        )


def _name_largest_reason(result: LoadResult) -> str:
    from footfall.contract.forgotten import FORGOTTEN

    groups = [group for group in result.groups if group.code != FORGOTTEN[0]]
    if not groups:
        return ""
    group = max(groups, key=lambda g: g.rows)
    where = f" in {group.field}" if group.field else ""
    return f" ({group.rows:,} of them {group.code}{where}, first on line {group.sample_line_number})"
