"""The draft of a definition: what has been chosen so far, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from footfall.contract.definition import Reference
from footfall.contract.ids import IdType
from footfall.formats.sniffing.names import score_name
from footfall.formats.sniffing.records import Records
from footfall.formats.sniffing.values import Profile
from footfall.results.guessing import Confidence, GuessedPart


@dataclass(slots=True)
class Draft:
    """What has been chosen so far. `used` has the columns that are taken, `set_types` the types in the settings."""

    records: Records
    profiles: tuple[Profile, ...]
    file_name: str
    set_types: Mapping[str, str]
    fields: dict[str, Any] = field(default_factory=dict)
    parts: list[GuessedPart] = field(default_factory=list)
    used: list[Profile] = field(default_factory=list)
    types: dict[str, IdType] = field(default_factory=dict)

    def say(self, key: str, value: Any, confidence: Confidence, reason: str) -> None:
        """Set a field, with the reason. `value` is what TOML would hold."""
        self.fields[key] = value
        self.parts.append(GuessedPart(key, value, confidence, reason))

    def add_remark(self, key: str, reason: str, confidence: Confidence = "not sure") -> None:
        """Say more about a field."""
        self.parts.append(GuessedPart(key, None, confidence, reason))

    def take(self, *profiles: Profile) -> None:
        """Note columns as taken."""
        self.used += profiles

    def list_free(self) -> list[Profile]:
        """Give the columns that are not taken and hold a value."""
        return [
            profile for profile in self.profiles if profile.filled and not any(profile is used for used in self.used)
        ]

    def rank_free(self, role: str, least: float) -> list[tuple[float, Profile]]:
        """Give the free columns that may be a field by their names, the best first."""
        scored = [
            (score_name(profile.words).get(role, 0.0) if profile.words else 0.0, profile)
            for profile in self.list_free()
        ]
        chosen = [
            (score - 2 * _count_depth(profile.column.reference), profile) for score, profile in scored if score >= least
        ]
        return sorted(chosen, key=lambda each: -each[0])  # stable: the first of equals stays first


def _count_depth(reference: Reference) -> int:
    """Count how many objects enclose a value. Of two columns that fit equally, the outer one is meant."""
    return 0 if isinstance(reference, int) else reference.removeprefix("..").count(".") + 4 * reference.count("->")


def count(number: int, noun: str) -> str:
    """Count something in words.

    Example:
        >>> count(1, "value"), count(2000, "value")
        ('1 value', '2,000 values')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def show_column(profile: Profile) -> str:
    """Name a column for a reader.

    Shape: its name in quotes, or its position.
    """
    reference = profile.column.reference
    return f"column {reference}" if isinstance(reference, int) else repr(reference)
