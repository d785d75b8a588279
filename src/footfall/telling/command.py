"""Run a command of the user's own for an event: no shell, the event as JSON on stdin, a time-out."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import IO

from footfall.safe_text import escape_unprintable, mask

SAID_BYTES_MAX = 500  # bytes of the end of stderr that a warning shows
ENDING_S = 2.0  # seconds between SIGTERM and SIGKILL


def run(command: tuple[str, ...], body: bytes, variables: dict[str, str], timeout_s: float) -> str:
    """Run the command; give why it failed, empty where it did not.

    Effects: the command has the environment of this process with `variables` beside it, and a process group of its own,
    which is ended where it takes longer than `timeout_s`. What it prints is not shown, but for the end of stderr where
    it fails.
    """
    # Files in place of pipes: a command that reads nothing, or leaves something running behind it, holds nobody up.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
        given.write(body)
        given.seek(0)
        try:
            process = subprocess.Popen(
                command,
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=os.environ | variables,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"cannot be run ({getattr(error, 'strerror', None) or type(error).__name__})"
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            _end(process)
            return f"took longer than {timeout_s:g} s and was ended"
        except BaseException:
            _end(process)
            raise
        return "" if code == 0 else f"{_describe_end(code)}{_read_end(said)}"


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(OSError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDING_S)


def _describe_end(code: int) -> str:
    return f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"


def _read_end(said: IO[bytes]) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(size - SAID_BYTES_MAX, 0))
    text = said.read().decode(errors="replace").strip()
    return f": {escape_unprintable(mask(text.splitlines()[-1]))}" if text else ""
