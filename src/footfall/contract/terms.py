"""The terms by which rows are judged: every setting that decides a verdict, and a short name of them all.

The rules themselves are `rules.sql`, which judges the five texts of a record, whatever format they come from.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

KERNEL_VERSION = 3  # raise with every change of a verdict: it is part of the contract's fingerprint


@dataclass(frozen=True, slots=True)
class Contract:
    """Every setting that decides a verdict."""

    delimiter: str = ","
    source_time_zone: str = "UTC"
    actions: tuple[str, ...] | None = None
    max_future_seconds: int | None = None

    def find_latest(self, now: datetime) -> datetime | None:
        """Give the latest instant that a row may have in a run that begins `now`; None where every instant is right.

        Example:
            >>> Contract(max_future_seconds=60).find_latest(datetime(2026, 11, 26, 23, 59)).isoformat()
            '2026-11-27T00:00:00'
        """
        return None if self.max_future_seconds is None else now + timedelta(seconds=self.max_future_seconds)

    def fingerprint(self) -> str:
        """Give a short name of this contract, equal where all verdicts are.

        Example:
            >>> Contract().fingerprint() == Contract(delimiter=",").fingerprint()
            True
        """
        words = json.dumps({"kernel": KERNEL_VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()[:16]
