"""What `guess` gives back: a proposal, and for each part of it how sure it is and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from footfall.results.problems import Problem

Confidence = Literal["sure", "likely", "not sure"]
MADE = "(made)"  # shown in place of an id that is made


@dataclass(frozen=True, slots=True)
class GuessedPart:
    """One key of a proposed definition, with its reason.

    Shape: `key` is a key of a definition, or empty for a remark about the files; `value` is what TOML would hold, None
    where nothing is proposed for it. `confidence` is `sure`, `likely` or `not sure`.
    """

    key: str
    value: Any
    confidence: Confidence
    reason: str


@dataclass(frozen=True, slots=True)
class FirstRow:
    """One of the first rows of a file, judged as a load would judge it.

    Shape: `item` is its number among the rows that begin on its line, or None where it is the only one. `values` are
    those of the five columns, None where the row would be rejected for its `problems`.
    """

    line_number: int
    item: int | None
    values: tuple[str, ...] | None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Guess:
    """A proposed source definition. `str(guess)` is its TOML, with comments that say why.

    Shape: `definition` has the keys of `[sources.NAME]`; `settings` the types of ids that differ from what is set;
    `parts` say why, one for each key and each remark. `built_in` names the built-in definition that fits the files, or
    is None. `rows` are the first rows of the first file as a load would read them, `rows_skipped` those that it would
    skip before them.
    `is_whole`: every byte was looked at, and not only samples.
    """

    name: str
    sources: tuple[str, ...]
    looks_like: str
    rows_seen: int
    is_whole: bool
    definition: dict[str, Any]
    settings: dict[str, str]
    parts: tuple[GuessedPart, ...]
    built_in: str | None = None
    rows: tuple[FirstRow, ...] = field(default=())
    rows_skipped: int = 0
    toml: str = ""

    @property
    def doubts(self) -> tuple[GuessedPart, ...]:
        """The parts that are not sure."""
        return tuple(part for part in self.parts if part.confidence == "not sure")

    def __str__(self) -> str:
        return self.toml
