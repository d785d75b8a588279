"""Keep who is forgotten. Each load reads it, and `footfall forget` adds to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from footfall.contract.forgotten import Forgotten
from footfall.contract.ids import IdTypes
from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.statements import read_statements

SQL = read_statements(__name__)


@dataclass(frozen=True, slots=True)
class Memory:
    """Who was forgotten when this was read: how many users, since when, and their hashes; None where nobody is."""

    users: int
    latest: datetime | None
    forgotten: Forgotten | None

    @property
    def state(self) -> str:
        """Give a text for this state. Users are only ever added, so their number and the last time identify it."""
        return f"{self.users} {self.latest.isoformat() if self.latest else '-'}"


def read_memory(connection: Connection, id_types: IdTypes) -> Memory:
    """Read who is forgotten, in the transaction of the caller. The key is read only where somebody is."""
    state = fetch_one(connection, SQL["state"])
    if not state.users:
        return Memory(0, None, None)
    hashes = frozenset(row.user_hash for row in connection.execute(SQL["hashes"]).fetchall())
    return Memory(state.users, state.latest, Forgotten(read_key(connection), hashes, id_types.user_id))


def has_changed(connection: Connection, memory: Memory) -> bool:
    """Say, under the writer lock, whether other users are forgotten now than when the memory was read."""
    state = fetch_one(connection, SQL["state"])
    return (state.users, state.latest) != (memory.users, memory.latest)


def read_key(connection: Connection) -> bytes:
    """Read the key of the hashes."""
    return bytes(fetch_one(connection, SQL["key"]).key)


def add_users(connection: Connection, hashes: Iterable[bytes]) -> int:
    """Remember users by the hashes of their ids; give how many were not remembered yet."""
    return connection.execute(SQL["add"], {"hashes": list(hashes)}).rowcount
