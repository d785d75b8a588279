"""What `guess` gives back: a proposal, and of each part of it how sure it is and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Confidence = Literal["sure", "likely", "not sure"]


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
class Guess:
    """A proposed source definition. `str(guess)` is its TOML, with comments that say why.

    Shape: `definition` has the keys of `[sources.NAME]`; `settings` the types of ids that differ from what is set;
    `parts` say why, one for each key and each remark. `built_in` names the built-in definition that fits the files, or
    is None. `rows` are the first rows as they would be read, in the order of the five columns; None is a missing value.
    `is_whole`: every byte was looked at, and not samples alone.
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
    rows: tuple[tuple[str | None, ...], ...] = field(default=())
    toml: str = ""

    @property
    def doubts(self) -> tuple[GuessedPart, ...]:
        """The parts that are not sure."""
        return tuple(part for part in self.parts if part.confidence == "not sure")

    def __str__(self) -> str:
        return self.toml
