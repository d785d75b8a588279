"""Replace a file as a whole: a reader sees either the old content or all of the new."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def open_replacement(place: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Give a stream into a file that takes the name `place` when all of it is on disk. Text is written as UTF-8.

    Effects: replaces a file of that name and keeps its rights; a write that fails half-way leaves the old file.
    Raises: OSError.
    """
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    # A name has at most 255 bytes, and a character up to 4 of them.
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name[:50]}.", dir=place.parent)
    try:
        with os.fdopen(descriptor, mode, **text) as stream:
            yield stream
            stream.flush()
            os.fsync(descriptor)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(place.stat().st_mode & 0o777 if place.exists() else 0o666 & ~mask)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink()
        raise
