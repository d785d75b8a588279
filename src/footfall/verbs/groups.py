"""How many small neighbours may share a transaction."""

from __future__ import annotations

import resource
from collections.abc import Sequence

from footfall.sources import opening

SMALL_BYTES = 1_000_000  # size of a file up to which the cost of a transaction of its own would be felt
TOGETHER_BYTES = 64_000_000  # bytes of files that share a transaction: they are at hand together
TOGETHER_FILES = 1000  # files that share a transaction at most: a failure takes them all back


def group_size_limit() -> int:
    """Say how many files may share a transaction: each is open until its end, and half of what may be open is left."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return TOGETHER_FILES if soft == resource.RLIM_INFINITY else max(min(TOGETHER_FILES, soft // 2), 1)


def count_small(paths: Sequence[str]) -> int:
    """Say how many of the first files may share a transaction."""
    size_bytes = 0
    for number, path in enumerate(paths):
        look = None if path == "-" else opening.identity_of(path)
        if look is None or look.size_bytes > SMALL_BYTES:
            return number
        # A compressed file may hold a thousand times its size, and what is at hand of each is kept until its turn.
        size_bytes += look.size_bytes if path.lower().endswith(".csv") else SMALL_BYTES
        if size_bytes > TOGETHER_BYTES:
            return number
    return len(paths)
