"""A cache of what the paths of loaded files looked like: a history that did not change is not read again.

The digest in the ledger stays the only truth. A path is passed over only where device, inode, size and both times are
those of a file whose digest is there as loaded; the time of change cannot be set back by who writes the file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from footfall.database import Connection, one
from footfall.sources import Identity, SourceFile, identity_of
from footfall.sql import named_sql

SETTLED_NS = 2_000_000_000  # ns; a file may change again within one tick of its clock: FAT has the longest, 2 s


@dataclass(frozen=True, slots=True)
class Known:
    """A source whose file was loaded, and has not changed since."""

    digest: str
    size_bytes: int
    load_id: int
    loaded_at: datetime


def find(connection: Connection, sources: Sequence[str]) -> dict[str, Known]:
    """Give those of the sources that are known, in the transaction at hand; a role that may not ask knows none."""
    looks = {source: (_path(source), look) for source in sources if source != "-" and (look := identity_of(source))}
    if not looks or not one(connection, "ledger.sql", "may_ask_source_files").may_ask:
        return {}
    paths = [path for path, _ in looks.values()]
    rows = connection.execute(named_sql("ledger.sql")["source_files"], {"paths": paths}).fetchall()
    kept = {
        bytes(row.path): (
            Identity(int(row.device), int(row.inode), row.size_bytes, row.modified_ns, row.changed_ns),
            Known(row.digest, row.size_bytes, row.load_id, row.loaded_at),
        )
        for row in rows
    }
    found = {source: (kept.get(path), look) for source, (path, look) in looks.items()}
    return {source: entry[1] for source, (entry, look) in found.items() if entry and entry[0] == look}


def keep(connection: Connection, files: Iterable[SourceFile]) -> None:
    """Remember files that are in the ledger as loaded, in the transaction at hand; spooled and fresh ones are not."""
    latest = time.time_ns() - SETTLED_NS
    seen = {
        _path(file.source): (file.identity, file.digest)
        for file in files
        if file.identity and max(file.identity.modified_ns, file.identity.changed_ns) < latest
    }
    if not seen:
        return
    looks = [look for look, _ in seen.values()]
    values = {
        "paths": list(seen),
        "devices": [look.device for look in looks],
        "inodes": [look.inode for look in looks],
        "sizes": [look.size_bytes for look in looks],
        "modified": [look.modified_ns for look in looks],
        "changed": [look.changed_ns for look in looks],
        "digests": [digest for _, digest in seen.values()],
    }
    connection.execute(named_sql("ledger.sql")["keep_source_files"], values)


def _path(source: str) -> bytes:
    return os.path.abspath(os.fsencode(source))  # noqa: PTH100  (bytes: a path need not be text)
