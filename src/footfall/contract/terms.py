"""What an interaction is: columns, rules and problem codes; one definition for every engine.

The rules themselves are `rules.sql`, which judges the five texts of a record, whatever format they come from. Here are
the settings that decide a verdict.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

KERNEL_VERSION = 3  # raise with every change of a verdict: it is part of the contract's fingerprint


@dataclass(frozen=True, slots=True)
class Contract:
    """Every setting that decides a verdict. `latest` is an instant: the start of the run plus the setting's seconds."""

    delimiter: str = ","
    source_time_zone: str = "UTC"
    actions: tuple[str, ...] | None = None
    max_future_seconds: int | None = None

    def fingerprint(self) -> str:
        """Give a short name of this contract, equal where all verdicts are.

        Example:
            >>> Contract().fingerprint() == Contract(delimiter=",").fingerprint()
            True
        """
        words = json.dumps({"kernel": KERNEL_VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()[:16]
