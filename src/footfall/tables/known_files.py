"""A cache of what the paths of loaded files looked like: a history that did not change is not read again.

The digest in the ledger stays the only truth. A path is passed over only where device, inode, size and both times are
those of a file whose digest is there as loaded; the time of change cannot be set back by who writes the file. That
holds on file systems that keep such a time (`file_systems.py`); on the others every file is read. What is written
through a mapping of the file into memory may change no time for a while: `--rehash` reads it.

The cache never decides a load: what does not fit into it, or comes from a role that may not write it, is not kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.safe_text import scheme
from footfall.sources.file_systems import keeps_change_times, keeps_change_times_at
from footfall.sources.opening import Identity, SourceFile
from footfall.statements import statements

SQL = statements(__name__)

PATH_BYTES_MAX = 2_000  # bytes; an entry of the key's index takes at most 2,704
NS_MAX = 2**63 - 1  # what a bigint holds: the year 2262
SETTLED_NS = 2_000_000_000  # ns; a file may change again within one tick of its clock: FAT has the longest, 2 s


@dataclass(frozen=True, slots=True)
class Known:
    """A source whose file was loaded, what it was then, and under which contract (its fingerprint)."""

    digest: str
    identity: Identity
    load_id: int
    loaded_at: datetime
    contract: str


def find(connection: Connection, sources: Sequence[str]) -> dict[str, Known]:
    """Give what is kept of the sources, in the transaction at hand; a role that may not ask knows none.

    Whether a file is still the same is for the caller to see when its turn comes: `identity_of` says what it is then.
    """
    paths = {source: _path(source) for source in sources if _is_path(source)}
    if not paths or not fetch_one(connection, SQL["may_ask_source_files"]).may_ask:
        return {}
    rows = connection.execute(SQL["source_files"], {"paths": list(paths.values())}).fetchall()
    kept = {
        bytes(row.path): Known(
            row.digest,
            Identity(int(row.device), int(row.inode), row.size_bytes, row.modified_ns, row.changed_ns),
            row.load_id,
            row.loaded_at,
            row.contract,
        )
        for row in rows
    }
    believed: dict[int, bool | None] = {}  # by device; None where no path that is still on it was seen yet
    for path, known in kept.items():
        device = known.identity.device
        if believed.get(device) is None:  # another file system may be mounted by now, under the number of this one
            believed[device] = keeps_change_times_at(path, device)
    return {
        source: kept[path] for source, path in paths.items() if path in kept and believed[kept[path].identity.device]
    }


def keep(connection: Connection, files: Iterable[SourceFile]) -> None:
    """Remember files that are in the ledger as loaded, in the transaction at hand.

    Not those that are spooled, that changed just now, or whose file system keeps no time of change of its own.
    """
    fit = [
        (file, file.identity)
        for file in files
        if file.identity and _is_path(file.source) and _fits(file.source, file.identity, file.opened_ns)
    ]
    examples = {look.device: file.stream.fileno() for file, look in fit}
    believed = {device for device, number in examples.items() if keeps_change_times(number)}
    seen = {_path(file.source): (look, file.digest) for file, look in fit if look.device in believed}
    if not seen or not fetch_one(connection, SQL["may_keep_source_files"]).may_keep:
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
    connection.execute(SQL["keep_source_files"], values)


def _is_path(source: str) -> bool:
    return source != "-" and scheme(source) is None


def _fits(source: str, look: Identity, opened_ns: int) -> bool:
    """Say whether a file had settled before its first byte was read, and can be written down."""
    latest = max(look.modified_ns, look.changed_ns)
    is_small = len(_path(source)) <= PATH_BYTES_MAX and min(look.modified_ns, look.changed_ns) >= 0
    return is_small and latest <= NS_MAX and latest < opened_ns - SETTLED_NS


def _path(source: str) -> bytes:
    return os.path.abspath(os.fsencode(source))  # noqa: PTH100  (bytes: a path need not be text)
