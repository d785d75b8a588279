"""Answers kept in memory until the ledger changes: between two loads the same question has the same answer.

An answer is a function of its SQL, its values, its time zone, the tables and Footfall's version (decision 0033).
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from importlib.metadata import version

from footfall.answers.catalogue import Query
from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.results import Table
from footfall.statements import read_statements

SQL = read_statements(__name__)

KEPT_BYTES_MAX = 64 * 1024 * 1024  # bytes; of all answers together
ANSWER_SHARE = 8  # an answer larger than an eighth of the bound is not kept, since it would push out many others
ENTRY_BYTES = 500  # bytes; about what the key and the places in the list of answers take


class Keeper:
    """Answers by their keys, within a bound of memory: the answer whose last use is longest ago goes first.

    Effects: safe to be shared by threads.
    """

    def __init__(self, bytes_max: int = KEPT_BYTES_MAX) -> None:
        """Begin empty. Units: `bytes_max` bounds the bytes that all answers take in memory."""
        self._bytes_max = bytes_max
        self._bytes = 0
        self._answers: OrderedDict[str, tuple[Table, int]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: str) -> Table | None:
        """Give the answer of this key, if it is kept."""
        with self._lock:
            if (found := self._answers.get(key)) is None:
                return None
            self._answers.move_to_end(key)
            return found[0]

    def keep(self, key: str, answer: Table) -> bool:
        """Keep an answer, and let others go until there is room. Give False for an answer that is too large to keep."""
        size = measure_bytes(answer, self._bytes_max // ANSWER_SHARE)
        if size > self._bytes_max // ANSWER_SHARE:
            return False
        with self._lock:
            if key in self._answers:
                self._bytes -= self._answers.pop(key)[1]
            self._answers[key] = answer, size
            self._bytes += size
            while self._bytes > self._bytes_max:
                _, (_, gone) = self._answers.popitem(last=False)
                self._bytes -= gone
        return True

    def __len__(self) -> int:
        """Count the answers that are kept."""
        with self._lock:
            return len(self._answers)

    @property
    def kept_bytes(self) -> int:
        """The bytes that all answers take in memory, counted as `measure_bytes` counts."""
        with self._lock:
            return self._bytes


def measure_bytes(answer: Table, enough: int) -> int:
    """Count the bytes that an answer takes in memory; stop above `enough`.

    A value that rows share counts in each of them.
    """
    size = ENTRY_BYTES + sum(map(sys.getsizeof, answer.columns)) + sys.getsizeof(answer.rows)
    for row in answer.rows:
        size += sys.getsizeof(row) + sum(map(sys.getsizeof, row))
        if size > enough:
            break
    return size


def read_state(connection: Connection) -> str:
    """Read the state that every answer depends on: role, server, tables, rights and ledger.

    Shape: empty where there is no ledger, or the role may not read it, so that nothing can be kept. The state has to be
    read in the snapshot of the answer, so that no load comes between the two.
    """
    if not fetch_one(connection, SQL["is_readable"]).is_readable:
        return ""
    return str(fetch_one(connection, SQL["state"]).state)


def make_key(query: Query, values: Mapping[str, str], session: tuple[str, ...], state: str) -> str | None:
    """Give the key of an answer, or None where it is not to be kept.

    A question of the user's own is not kept, since it may read anything; nor is any answer without a state.

    Shape: `values` are the values that are sent, the bounds of a range as instants; `session` has the time zone and the
    schema of the session, and the server's address.
    """
    if query.path is not None or not state:
        return None
    parts = [version("footfall"), query.pieces, sorted(values.items()), session, state]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
