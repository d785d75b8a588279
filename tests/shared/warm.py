"""One command line, in a process that was forked when what it needs was imported already (`preloaded.py`)."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence


def command(words: Sequence[str], environment: Mapping[str, str], folder: str, files: Sequence[str]) -> None:
    """Run a command line as its own process would, and end with its exit code.

    Shape: `files` are what it reads, and where its stdout and its stderr go.
    """
    for number, (file, flags) in enumerate(zip(files, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        os.dup2(os.open(file, flags), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["footfall", *words]
    from footfall.cli.main import main

    code = main()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    sys.exit(code)
