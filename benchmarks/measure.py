"""Run a client as a process of its own and take its figures: wall clock, CPU, peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

WATCH_INTERVAL_S = 0.02
KIB = 1024


@dataclass(frozen=True, slots=True)
class Client:
    """What is started: words, standard input, what is added to the environment, and the working folder."""

    words: tuple[str, ...]
    stdin: Path = Path(os.devnull)
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One timed process. Units: wall clock and CPU seconds, and the peak resident memory in MB, of the client alone."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(slots=True)
class Watch:
    """The peak resident memory of a process, in MB.

    On Linux from the high-water mark of its own memory map: `ru_maxrss` would keep what the process that started it
    used before the client's program replaced it.
    """

    pid: int
    over: threading.Event = field(default_factory=threading.Event)
    peak_mb: float = 0.0

    def look(self) -> None:
        """Read until the process is over."""
        while not self.over.wait(WATCH_INTERVAL_S):
            with suppress(OSError):
                for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        self.peak_mb = max(self.peak_mb, int(line.split()[1]) * KIB / 1e6)


def timed(client: Client, expected_code: int = 0) -> tuple[Run, str]:
    """Run a client to its end; give its figures and what it printed on stdout."""
    with ExitStack() as stack:
        source = stack.enter_context(client.stdin.open("rb"))
        output = stack.enter_context(tempfile.TemporaryFile())
        began = time.perf_counter()
        process = subprocess.Popen(
            client.words, stdin=source, stdout=output, env={**os.environ, **client.environment}, cwd=client.folder
        )
        watch = Watch(process.pid)
        thread = threading.Thread(target=watch.look)
        thread.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        watch.over.set()
        thread.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode != expected_code:
        raise SystemExit(f"{Path(client.words[0]).name} ended with {process.returncode}: {text}")
    unit = 1 if sys.platform == "darwin" else KIB  # ru_maxrss: bytes there, KiB elsewhere
    peak_mb = watch.peak_mb or usage.ru_maxrss * unit / 1e6
    return Run(round(seconds, 4), round(usage.ru_utime + usage.ru_stime, 4), round(peak_mb, 1)), text


def figures(runs: list[Run]) -> dict[str, list[float]]:
    """Turn runs into what a result keeps."""
    return {
        "seconds": [run.seconds for run in runs],
        "cpu_seconds": [run.cpu_seconds for run in runs],
        "peak_mb": [run.peak_mb for run in runs],
    }
