"""What was measured of a database at one moment, for Prometheus and for a health check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Numbers = Mapping[tuple[str, str], float]  # (metric, value of its label or "") -> number


@dataclass(frozen=True, slots=True)
class Measured:
    """Numbers of a database. Units: as the end of each metric's name says; `last_load_age_s` and `seconds` are seconds.

    Shape: where `is_up` is false there are no numbers. `reason` says what is wrong, and is empty where nothing is. A
    metric that the role may not read, or that took too long, is left out.
    """

    is_up: bool = False
    reason: str = ""
    schema_version: int | None = None
    schema_needed: int | None = None
    last_load_age_s: float | None = None
    seconds: float = 0.0
    numbers: Numbers = field(default_factory=dict)
