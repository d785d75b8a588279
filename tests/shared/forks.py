"""The server of processes that are forked when what they need is imported: Python has one for all."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from multiprocessing import forkserver

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["forked", "warm", "preloaded"])


def start_forks() -> None:
    """Start the server where it does not run yet."""
    # Python does not hand its path on to the server, which imports nothing then and does not say so.
    kept = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    # Its socket shall outlive the folder for temporary files that a test may have of its own.
    folder, tempfile.tempdir = tempfile.tempdir, None
    try:
        forkserver.ensure_running()
    finally:
        tempfile.tempdir = folder
        del os.environ["PYTHONPATH"]
        if kept is not None:
            os.environ["PYTHONPATH"] = kept
