"""Stage the ranges of a run by processes of this machine, each with an interpreter of its own.

They are started and not forked: a fork would share sessions and threads. A process that is ended, by a lack of memory
say, leaves nothing, and another one takes its range.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from signal import Signals
from typing import IO, Any

from footfall.errors import FootfallError, SettingsError
from footfall.safe_text import mask
from footfall.verbs.runs.errand import Errand, read_error
from footfall.verbs.runs.tally import Tally
from footfall.verbs.runs.worker import START

log = logging.getLogger("footfall")

TRIES_MAX = 3  # of one range whose process is ended: what ends three of them would end the next
LAST_WORDS_BYTES = 2_000  # of what a process that is ended wrote to stderr
READ_BYTES = 1 << 16


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, the number of the range that it stages, and what it wrote and was not read."""

    process: subprocess.Popen[bytes]
    asked: IO[bytes]
    answers: IO[bytes]
    errors: IO[bytes]
    number: int | None = None
    unread: bytes = b""


class Processes:
    """Stages ranges by up to so many processes, which are started with the first run and used for the next ones."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.running: list[_Worker] = []

    def stage(self, errand: Errand, numbers: Sequence[int], tally: Tally) -> None:
        """Stage ranges; each is staged when this returns.

        Effects: warns where a process was ended. Where this raises, all processes are ended first.
        Raises: FootfallError, that of the first range that fails.
        """
        waiting = deque(numbers)
        tries: Counter[int] = Counter()
        try:
            while waiting or any(worker.number is not None for worker in self.running):
                self._hand_out(errand, waiting)
                for worker in self._wait():
                    answers = self._read(worker)
                    for answer in answers or ():
                        self._take(worker, answer, tally)
                    if answers is None:
                        self._note_ended(worker, waiting, tries, tally)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all processes; what they are staging is rolled back."""
        for worker in self.running:
            worker.process.kill()
        while self.running:
            self._bury(self.running.pop())

    def _hand_out(self, errand: Errand, waiting: deque[int]) -> None:
        idle = [worker for worker in self.running if worker.number is None]
        while waiting and (idle or len(self.running) < self.workers):
            worker = idle.pop() if idle else self._start()
            worker.number = waiting.popleft()
            self._write(worker, {"errand": errand.write(), "number": worker.number})

    def _start(self) -> _Worker:
        if not sys.executable:
            raise SettingsError("--workers: this Python does not know its own interpreter; leave the option out")
        errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed with its process)
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            process_group=0,  # Ctrl-C reaches this process alone, which then ends them
        )
        if process.stdin is None or process.stdout is None:  # never with PIPE
            raise FootfallError
        worker = _Worker(process, process.stdin, process.stdout, errors)
        self.running.append(worker)
        self._write(worker, {"path": sys.path, "level": log.getEffectiveLevel()})
        return worker

    def _write(self, worker: _Worker, message: object) -> None:
        with suppress(BrokenPipeError):  # it was ended; that its answers end, too, says so
            worker.asked.write(json.dumps(message).encode() + b"\n")
            worker.asked.flush()

    def _wait(self) -> list[_Worker]:
        with selectors.DefaultSelector() as selector:
            for worker in self.running:
                selector.register(worker.answers, selectors.EVENT_READ, worker)
            return [key.data for key, _ in selector.select()]

    def _read(self, worker: _Worker) -> list[dict[str, Any]] | None:
        """Read the answers that are there; None where the process was ended."""
        block = os.read(worker.answers.fileno(), READ_BYTES)
        if not block:
            return None
        *lines, worker.unread = (worker.unread + block).split(b"\n")
        return [json.loads(line) for line in lines]

    def _take(self, worker: _Worker, answer: dict[str, Any], tally: Tally) -> None:
        if "said" in answer:
            log.log(answer["level"], "%s", f"{tally.name(answer['number'])}: {answer['said']}")
        elif "error" in answer:
            raise read_error(answer["error"])
        elif "outcome" in answer:
            worker.number = None
            tally.note_staged(answer["number"])
        else:
            tally.note_progress(answer["number"], answer["bytes"], answer["rows"])

    def _note_ended(self, worker: _Worker, waiting: deque[int], tries: Counter[int], tally: Tally) -> None:
        """Let another process take the range of one that was ended. Raises: FootfallError after TRIES_MAX of them."""
        self.running.remove(worker)
        worker.process.wait()
        how = _describe_end(worker)
        number = worker.number
        self._bury(worker)
        if number is None:
            log.warning(f"a process that stages was ended ({how}) between two ranges; another one takes its place")
            return
        tries[number] += 1
        tally.note_progress(number, 0, 0)
        if tries[number] >= TRIES_MAX:
            raise FootfallError(
                f"the process that stages {tally.name_range(number)} was ended {TRIES_MAX} times, the last time by "
                f"{how}; nothing was loaded. If memory is short, use fewer workers (--workers) or a lower "
                "memory_limit_mb (FOOTFALL_MEMORY_LIMIT_MB)",
                source=tally.source,
            )
        log.warning(f"{tally.name(number)}: its process was ended by {how}; another one stages it again")
        waiting.appendleft(number)

    def _bury(self, worker: _Worker) -> None:
        for stream in (worker.asked, worker.answers, worker.errors):
            with suppress(BrokenPipeError):
                stream.close()
        worker.process.wait()


def _describe_end(worker: _Worker) -> str:
    """Say how a process was ended: by which signal, or with which exit code and last words."""
    code = worker.process.returncode
    if code < 0:
        with suppress(ValueError):
            return f"signal {Signals(-code).name}"
    worker.errors.seek(0)
    said = worker.errors.read()[-LAST_WORDS_BYTES:].decode(errors="replace").strip().splitlines()[-1:]
    return mask(f"exit code {code}" + (f" ({said[0]})" if said else ""))
