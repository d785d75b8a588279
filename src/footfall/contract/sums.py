"""The sums over the verdicts of one file: rows, and kinds of problems with their cures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from footfall.contract import value_shapes as shapes
from footfall.contract.hints import hint
from footfall.contract.notices import Oddities, describe
from footfall.results import ProblemGroup, ProblemShape

if TYPE_CHECKING:
    import pyarrow as pa


CONFLICT: shapes.KindName = ("conflicting-duplicate", "interaction_id")


@dataclass(slots=True)
class Sums:
    """The sums over the verdicts on one file."""

    rows_accepted: int = 0
    rows_rejected: int = 0
    rows_skipped: int = 0
    kinds: shapes.Kinds = field(default_factory=dict)
    oddities: Oddities = field(default_factory=Oddities)

    @property
    def rows(self) -> int:
        """Rows read."""
        return self.rows_accepted + self.rows_rejected + self.rows_skipped

    def describe_oddities(self, rows_repeated: int, actions: tuple[str, ...] | None) -> tuple[str, ...]:
        """Give the notices about the file; the id of `rows_repeated` rows stands by an earlier row of the file."""
        return describe(self.oddities, rows_read=self.rows, rows_repeated=rows_repeated, actions=actions)

    def move_to_conflicts(self, rejected: pa.Table, first_id: str) -> None:
        """Count accepted rows that turned out to be conflicts as rejected."""
        self.rows_accepted -= rejected.num_rows
        self.rows_rejected += rejected.num_rows
        add_conflicts(self.kinds, rejected.num_rows, rejected["line_number"][0].as_py(), first_id)


def add_conflicts(kinds: shapes.Kinds, rows: int, line_number: int, first_id: str) -> None:
    """Add rows that are conflicts to the kinds of problems of their file."""
    sample = shapes.Sample(rows, line_number, first_id)
    shapes.add(kinds, CONFLICT, sample, {("", ""): sample})


def problem_groups(source: str, kinds: shapes.Kinds) -> tuple[ProblemGroup, ...]:
    """Give the kinds of problems of one file and the shapes of each, the most frequent first, with their cures."""
    ordered = sorted(kinds.items(), key=lambda item: (-item[1].rows, item[0][0], item[0][1] or ""))
    return tuple(
        ProblemGroup(
            code,
            column,
            kind.rows,
            source,
            kind.line_number,
            kind.value,
            hint(code, column, _common_look(kind)),
            tuple(
                ProblemShape(text, look, each.rows, source, each.line_number, each.value, hint(code, column, look))
                for (look, text), each in sorted(kind.shapes.items(), key=lambda item: _by_rows(item[1]))
            ),
            hint(code, column, ""),
        )
        for (code, column), kind in ordered
    )


def _by_rows(sample: shapes.Sample) -> tuple[int, int]:
    return -sample.rows, sample.line_number


def _common_look(kind: shapes.Kind) -> str:
    """Give the look that all rows of a kind have, or none."""
    looks = {look for look, _ in kind.shapes}
    are_all_known = kind.rows == sum(each.rows for each in kind.shapes.values())
    return looks.pop() if len(looks) == 1 and are_all_known else ""
