"""Run command lines of Footfall, each in a process of its own.

The processes are forked from one that has imported Python's half of a second of packages, so that a test of ten
commands does not wait for ten starts. What a start itself does is tested where `python -m footfall.cli` is run.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import warm
from forks import FORKS, start_forks

HANG_S = 600  # seconds; far more than a command of a few rows takes on a busy machine


def run(*words: str, stdin: bytes | str = b"", environment: Mapping[str, str] | None = None, **variables: str) -> Done:
    """Run a command line here, to its end; `variables` are added to the environment, which is that of the test.

    Raises: TimeoutExpired where it hangs.
    """
    start_forks()
    with tempfile.TemporaryDirectory(prefix="footfall-command-") as folder:
        files = [Path(folder, name) for name in ("stdin", "stdout", "stderr")]
        for file in files:
            file.touch()
        files[0].write_bytes(stdin.encode() if isinstance(stdin, str) else stdin)
        seen = dict(os.environ if environment is None else environment) | variables
        process = FORKS.Process(target=warm.command, args=(words, seen, str(Path.cwd()), [str(file) for file in files]))
        process.start()
        process.join(HANG_S)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(words, HANG_S, files[1].read_bytes(), files[2].read_bytes())
        said, talk = (file.read_bytes().decode() for file in files[1:])
        return subprocess.CompletedProcess(["footfall", *words], process.exitcode, said, talk)


Done = subprocess.CompletedProcess[str]
