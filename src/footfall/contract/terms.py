"""The contract: every setting that decides a verdict, and the fingerprint of all of them.

The rules themselves are in `rules.sql`, which judges the five texts of a record in the same way for every format.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from footfall.contract.definition import OWN_FORM, SourceDefinition
from footfall.contract.ids import BIGINTS, IdTypes

KERNEL_VERSION = 4  # raise this with every change of a verdict; it is part of the fingerprint


@dataclass(frozen=True, slots=True)
class Contract:
    """Every setting that decides a verdict: how the files are read, and what a value may be."""

    definition: SourceDefinition = OWN_FORM
    source_time_zone: str = "UTC"
    actions: tuple[str, ...] | None = None
    max_future_seconds: int | None = None
    id_types: IdTypes = BIGINTS

    @property
    def time_zone(self) -> str:
        """The zone of times that name none: the definition's own, else that of the settings."""
        return self.definition.timestamp.time_zone or self.source_time_zone

    def find_latest(self, now: datetime) -> datetime | None:
        """Find the latest instant that a row may have in a run that begins `now`; None where there is no limit.

        Example:
            >>> Contract(max_future_seconds=60).find_latest(datetime(2026, 11, 26, 23, 59)).isoformat()
            '2026-11-27T00:00:00'
        """
        return None if self.max_future_seconds is None else now + timedelta(seconds=self.max_future_seconds)

    def make_fingerprint(self) -> str:
        """Make a short hash of this contract; contracts with the same verdicts have the same one.

        Example:
            >>> Contract().make_fingerprint() == Contract(actions=("click",)).make_fingerprint()
            False
        """
        terms = {
            "kernel": KERNEL_VERSION,
            "definition": self.definition.write_fingerprint_words(),
            "time_zone": self.time_zone,
            "actions": self.actions,
            "max_future_seconds": self.max_future_seconds,
            "id_types": tuple(self.id_types),
        }
        words = json.dumps(terms, sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()[:16]
