"""The sums of the verdicts on one file: its rows, and its kinds of problems with hints at the cure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from footfall.contract import value_shapes as shapes
from footfall.contract.hints import find_hint
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
        """Make the notices about the file; `rows_repeated` rows have an id that an earlier row of the file has."""
        return describe(self.oddities, rows_read=self.rows, rows_repeated=rows_repeated, actions=actions)

    def move_to_conflicts(self, rejected: pa.Table, first_id: str) -> None:
        """Count accepted rows that turned out to be conflicts as rejected."""
        self.rows_accepted -= rejected.num_rows
        self.rows_rejected += rejected.num_rows
        add_conflicts(self.kinds, rejected.num_rows, rejected["position"][0].as_py(), first_id)


def add_conflicts(kinds: shapes.Kinds, rows: int, line_number: int, first_id: str) -> None:
    """Add rows that are conflicts to the kinds of problems of their file."""
    sample = shapes.Sample(rows, line_number, first_id)
    shapes.add(kinds, CONFLICT, sample, {("", ""): sample})


def make_problem_groups(source: str, kinds: shapes.Kinds) -> tuple[ProblemGroup, ...]:
    """Make the groups of one file: its kinds of problems and their shapes, the most frequent first, with hints."""
    ordered = sorted(kinds.items(), key=lambda item: (-item[1].rows, item[0][0], item[0][1] or ""))
    return tuple(
        ProblemGroup(
            code,
            column,
            kind.rows,
            source,
            kind.line_number,
            kind.value,
            find_hint(code, column, _find_common_look(kind)),
            tuple(
                ProblemShape(text, look, each.rows, source, each.line_number, each.value, find_hint(code, column, look))
                for (look, text), each in sorted(kind.shapes.items(), key=lambda item: _rank_by_rows(item[1]))
            ),
            find_hint(code, column, ""),
        )
        for (code, column), kind in ordered
    )


def _rank_by_rows(sample: shapes.Sample) -> tuple[int, int]:
    return -sample.rows, sample.line_number


def _find_common_look(kind: shapes.Kind) -> str:
    """Give the look that all rows of a kind share, or an empty text."""
    looks = {look for look, _ in kind.shapes}
    are_all_known = kind.rows == sum(each.rows for each in kind.shapes.values())
    return looks.pop() if len(looks) == 1 and are_all_known else ""
