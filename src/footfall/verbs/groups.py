"""Decide how many small neighbouring files may share a transaction."""

from __future__ import annotations

import resource
from collections.abc import Sequence

from footfall.sources import opening

SMALL_BYTES = 1_000_000  # bytes of a file; up to this size, a transaction of its own would take most of the time
TOGETHER_BYTES = 64_000_000  # bytes; all files of a transaction are in memory together, so this bounds memory
TOGETHER_FILES = 1000  # at most; a failure rolls back all files of a transaction


def find_group_size_limit() -> int:
    """Give how many files may share a transaction.

    Each stays open until the transaction ends. They take at most half of the files that the process may open.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return TOGETHER_FILES if soft == resource.RLIM_INFINITY else max(min(TOGETHER_FILES, soft // 2), 1)


def count_small(paths: Sequence[str]) -> int:
    """Count how many files, from the first on, may share a transaction."""
    size_bytes = 0
    for number, path in enumerate(paths):
        look = None if path == "-" else opening.find_identity(path)
        if look is None or look.size_bytes > SMALL_BYTES:
            return number
        # Only .csv is surely plain. Another file may hold a thousand times its size, so it counts as the largest small.
        size_bytes += look.size_bytes if path.lower().endswith(".csv") else SMALL_BYTES
        if size_bytes > TOGETHER_BYTES:
            return number
    return len(paths)
