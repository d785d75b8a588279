"""Where the tables are, and what the server there offers."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Server:
    """What the server allows the session's role. `has_temp`: it may make temporary tables."""

    has_temp: bool


@dataclass(frozen=True, slots=True)
class Target:
    """Where the tables are. `conninfo` is anything libpq takes and may hold a secret: it is never shown."""

    conninfo: str
    schema: str
    lock_wait_s: int

    def __repr__(self) -> str:
        return f"Target(conninfo='***', schema={self.schema!r}, lock_wait_s={self.lock_wait_s})"

    @property
    def lock_key(self) -> int:
        """The second key of the writer lock: a signed 32-bit checksum of the schema's name."""
        return zlib.crc32(self.schema.encode()) - (1 << 31)
