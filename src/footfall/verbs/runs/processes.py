"""Stage the ranges of a run by processes of this machine, each with an interpreter of its own.

They are started and not forked, since a fork would share sessions and threads. If a process is ended, for example
because memory is short, nothing of its range remains, and another process stages this range.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from signal import Signals
from typing import IO, Any

from footfall.errors import FootfallError, SettingsError
from footfall.safe_text import mask
from footfall.verbs.runs.errand import Errand, read_error
from footfall.verbs.runs.feed import Wait
from footfall.verbs.runs.tally import Tally
from footfall.verbs.runs.worker import START

log = logging.getLogger("footfall")

TRIES_MAX = 3  # processes that may be ended while they stage one range; a further one would probably be ended, too
LAST_WORDS_BYTES = 2_000  # bytes at the end of its stderr that are told of a process that was ended
READ_BYTES = 1 << 16


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, the number of the range that it stages, and the bytes that it wrote and nobody has read yet."""

    process: subprocess.Popen[bytes]
    asked: IO[bytes]
    answers: IO[bytes]
    errors: IO[bytes]
    number: int | None = None
    unread: bytes = b""


@dataclass(slots=True)
class _Work:
    """The ranges of a run that no process has yet, how often the process of a range was ended, and the failure."""

    errand: Errand
    waiting: deque[int]
    tally: Tally
    tries: Counter[int] = field(default_factory=Counter)
    failure: FootfallError | None = None


class Processes:
    """Stages ranges by at most `workers` processes, which are started with the first run and used for later ones."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.running: list[_Worker] = []

    def prepare(self) -> None:
        """Start the processes, which import their modules while this one goes on."""
        while len(self.running) < self.workers:
            self._start()

    @contextmanager
    def open(self, errand: Errand, numbers: Sequence[int], tally: Tally) -> Iterator[Wait]:
        """Have ranges staged while the block runs. The block gets a function that waits for one of them.

        Effects: warns where a process was ended. Where this or the block raises, all processes are ended first.
        Raises: FootfallError, that of the first range that fails.
        """
        work = _Work(errand, deque(numbers), tally)
        try:
            self._hand_out(work)
            yield lambda number: self._wait_for(work, number)
        except BaseException:
            self.close()
            raise

    def stage(self, errand: Errand, numbers: Sequence[int], tally: Tally) -> None:
        """Stage ranges; each is staged when this returns. Raises: FootfallError."""
        with self.open(errand, numbers, tally) as wait:
            for number in numbers:
                wait(number)

    def _wait_for(self, work: _Work, number: int) -> None:
        """Wait until a range is staged. Raises: FootfallError; a second call raises the same error again."""
        if work.failure:
            raise work.failure
        try:
            self._go_on(work, 0)
            while number in work.waiting or any(worker.number == number for worker in self.running):
                self._go_on(work, None)
        except FootfallError as error:
            work.failure = error
            self.close()
            raise

    def _go_on(self, work: _Work, timeout_s: float | None) -> None:
        """Take the answers that come within this time, and give ranges to processes that have none."""
        for worker in self._wait(timeout_s):
            answers = self._read(worker)
            for answer in answers or ():
                self._take(worker, answer, work.tally)
            if answers is None:
                self._note_ended(worker, work)
        self._hand_out(work)

    def close(self) -> None:
        """End all processes; what they are staging is rolled back."""
        for worker in self.running:
            worker.process.kill()
        while self.running:
            self._bury(self.running.pop())

    def _hand_out(self, work: _Work) -> None:
        idle = [worker for worker in self.running if worker.number is None]
        while work.waiting and (idle or len(self.running) < self.workers):
            worker = idle.pop() if idle else self._start()
            worker.number = work.waiting.popleft()
            self._write(worker, {"errand": work.errand.write(), "number": worker.number})

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
        with suppress(BrokenPipeError):  # the process was ended; `_read` finds that out, since its answers end, too
            worker.asked.write(json.dumps(message).encode() + b"\n")
            worker.asked.flush()

    def _wait(self, timeout_s: float | None) -> list[_Worker]:
        with selectors.DefaultSelector() as selector:
            for worker in self.running:
                selector.register(worker.answers, selectors.EVENT_READ, worker)
            return [key.data for key, _ in selector.select(timeout_s)]

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

    def _note_ended(self, worker: _Worker, work: _Work) -> None:
        """Give the range of a process that was ended to another one. Raises: FootfallError after TRIES_MAX of them."""
        tally = work.tally
        self.running.remove(worker)
        worker.process.wait()
        how = _describe_end(worker)
        number = worker.number
        self._bury(worker)
        if number is None:
            log.warning(f"a process that stages was ended ({how}) between two ranges; another one takes its place")
            return
        work.tries[number] += 1
        tally.note_progress(number, 0, 0)
        if work.tries[number] >= TRIES_MAX:
            raise FootfallError(
                f"the process that stages {tally.name_range(number)} was ended {TRIES_MAX} times, the last time by "
                f"{how}; nothing was loaded. If memory is short, use fewer workers (--workers) or a lower "
                "memory_limit_mb (FOOTFALL_MEMORY_LIMIT_MB)",
                source=tally.source,
            )
        log.warning(f"{tally.name(number)}: its process was ended by {how}; another one stages it again")
        work.waiting.appendleft(number)

    def _bury(self, worker: _Worker) -> None:
        for stream in (worker.asked, worker.answers, worker.errors):
            with suppress(BrokenPipeError):
                stream.close()
        worker.process.wait()


def _describe_end(worker: _Worker) -> str:
    """Say how a process was ended: by which signal, or with which exit code and last line of stderr."""
    code = worker.process.returncode
    if code < 0:
        with suppress(ValueError):
            return f"signal {Signals(-code).name}"
    worker.errors.seek(0)
    said = worker.errors.read()[-LAST_WORDS_BYTES:].decode(errors="replace").strip().splitlines()[-1:]
    return mask(f"exit code {code}" + (f" ({said[0]})" if said else ""))
