"""A cache of device, inode, size and times of loaded files, so that files that did not change are not read again.

Only the digest in the ledger decides whether a file is loaded. The cache lets a load pass over a path where device,
inode, size and both times are those of a file whose digest the ledger has as loaded. Whoever writes the file cannot set
its time of change back. Not every file system keeps such a time (`file_systems.py`); on the others every file is read.
A program that writes through a memory mapping may leave the times unchanged for a while: `--rehash` reads such files.

A load never needs the cache: a file that does not fit into it is left out, and so is every file of a role that may not
write it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from footfall.postgres.statements import fetch_one
from footfall.postgres.target import Connection
from footfall.safe_text import find_scheme
from footfall.sources.file_systems import keeps_change_times, keeps_change_times_at
from footfall.sources.opening import Identity, SourceFile
from footfall.statements import read_statements

SQL = read_statements(__name__)

PATH_BYTES_MAX = 2_000  # bytes; an entry of the key's index takes at most 2,704
NS_MAX = 2**63 - 1  # the largest time that a bigint holds: in the year 2262
SETTLED_NS = 2_000_000_000  # ns; a file may change again within one tick of its clock: FAT has the longest, 2 s


@dataclass(frozen=True, slots=True)
class Known:
    """A loaded file: its digest, its identity when it was loaded, and the fingerprint of its contract."""

    digest: str
    identity: Identity
    load_id: int
    loaded_at: datetime
    contract: str


def find(connection: Connection, sources: Sequence[str]) -> dict[str, Known]:
    """Find the sources that the cache knows, in the transaction of the caller; none for a role that may not read it.

    The caller compares the identity of a known file with `find_identity` when the turn of the file comes, since the
    file may change until then.
    """
    paths = {source: _make_key(source) for source in sources if _is_local_path(source)}
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
    believed: dict[int, bool | None] = {}  # by device; None until a path was seen that is still on it
    for path, known in kept.items():
        device = known.identity.device
        if believed.get(device) is None:  # the number may belong to another file system by now, so it is asked
            believed[device] = keeps_change_times_at(path, device)
    return {
        source: kept[path] for source, path in paths.items() if path in kept and believed[kept[path].identity.device]
    }


def keep(connection: Connection, files: Iterable[SourceFile]) -> None:
    """Remember files that the ledger has as loaded, in the transaction of the caller.

    Left out are spooled files, files that changed just now, and files on a file system that keeps no time of change.
    """
    fit = [
        (file, file.identity)
        for file in files
        if file.identity and _is_local_path(file.source) and _can_be_kept(file.source, file.identity, file.opened_ns)
    ]
    examples = {look.device: file.stream.fileno() for file, look in fit}
    believed = {device for device, number in examples.items() if keeps_change_times(number)}
    seen = {_make_key(file.source): (look, file.digest) for file, look in fit if look.device in believed}
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


def _is_local_path(source: str) -> bool:
    return source != "-" and find_scheme(source) is None


def _can_be_kept(source: str, look: Identity, opened_ns: int) -> bool:
    """Say whether a file had settled before its first byte was read, and fits into the cache."""
    latest = max(look.modified_ns, look.changed_ns)
    is_small = len(_make_key(source)) <= PATH_BYTES_MAX and min(look.modified_ns, look.changed_ns) >= 0
    return is_small and latest <= NS_MAX and latest < opened_ns - SETTLED_NS


def _make_key(source: str) -> bytes:
    return os.path.abspath(os.fsencode(source))  # noqa: PTH100  (bytes: a path need not be text)
