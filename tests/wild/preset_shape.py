"""A small file of a well-known shape, made here, and what must come of it with the built-in definition.

The rows of a shape are what its maker meant before it wrote them down: nothing that reads files is asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

MADE = None  # stands where the id of the interaction is made by Footfall
START = datetime(2024, 3, 1, 7, 5, 9, tzinfo=UTC)


class Row(NamedTuple):
    """One interaction as it must stand in the table, apart from its load."""

    interaction_id: object
    user_id: object
    product_id: object
    action: str
    timestamp: datetime


@dataclass(frozen=True)
class Shape:
    """A file of a shape, and the right result.

    Units: `rejected` maps the line of a rejected row to the codes of its problems; `skipped`, `duplicate`: rows.
    """

    source: str
    file: str
    content: bytes
    rows: tuple[Row, ...]
    rejected: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    skipped: int = 0
    duplicate: int = 0

    @property
    def numbers(self) -> dict[str, int]:
        """Give what a load must say of the file."""
        return {
            "rows_read": len(self.rows) + len(self.rejected) + self.skipped + self.duplicate,
            "rows_loaded": len(self.rows),
            "rows_duplicate": self.duplicate,
            "rows_rejected": len(self.rejected),
            "rows_skipped": self.skipped,
        }


class Fact(NamedTuple):
    """Who met which product, and when; `number` counts from 0."""

    number: int
    user: int
    product: int
    at: datetime


def make_facts(count: int, decimals: int = 0) -> Iterator[Fact]:
    """Give so many facts, the same each time; the instants have so many decimals of a second."""
    for n in range(count):
        micros = (n * 123457) % 10**6 // 10 ** (6 - decimals) * 10 ** (6 - decimals)
        at = START + timedelta(hours=5 * n, seconds=17 * n, microseconds=micros)
        yield Fact(n, 1 + n * 7 % 5, 100 + n * 13 % 9, at)


def make_uuid(number: int, kind: int = 0) -> UUID:
    """Give one UUID for each number, of several kinds."""
    return UUID(int=(0x5EED << 112) | (0x4 << 76) | (0x8 << 60) | (kind << 32) | number)


def count_seconds(at: datetime) -> int:
    """Give the whole seconds since 1970."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def count_micros(at: datetime) -> int:
    """Give the microseconds since 1970."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def format_at(at: datetime, between: str = " ", decimals: int = 0, end: str = "") -> str:
    """Give an instant in UTC as `2024-03-01 07:05:09`, with decimals, and what stands behind it."""
    fraction = f".{at.microsecond:06}"[: decimals + 1] if decimals else ""
    return f"{at:%Y-%m-%d}{between}{at:%H:%M:%S}{fraction}{end}"


def join_lines(lines: Iterable[str], end: str = "\n", encoding: str = "utf-8") -> bytes:
    """Give lines as the bytes of a file."""
    return "".join(line + end for line in lines).encode(encoding)


def join_objects(objects: Iterable[Mapping[str, Any]]) -> bytes:
    """Give objects as JSON Lines."""
    return join_lines(json.dumps(each, ensure_ascii=False) for each in objects)
