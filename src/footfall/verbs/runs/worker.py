"""Stage ranges in a process of its own, for another process that writes to its stdin and reads its stdout.

Each line is a JSON object. This process ends when its stdin ends, even in the middle of a range, whose transaction is
then rolled back. So nothing goes on when the process that asked is gone.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import Any, BinaryIO

from footfall.results import Progress
from footfall.safe_text import mask
from footfall.verbs.runs.errand import Errand, write_error

log = logging.getLogger("footfall")

NEEDED = "footfall.verbs.runs.staging", "footfall.engines.kernel", "footfall.formats.reading"

# A new interpreter runs this. It imports from the paths of the process that asked, and never from the working folder.
START = """
import json, sys
start = json.loads(sys.stdin.buffer.readline())
sys.path[:] = start["path"]
from footfall.without_pandas import keep_pandas_out
keep_pandas_out()
from footfall.verbs.runs.worker import work
work(start)
"""


class _Said(logging.Handler):
    """Hands log records to the process that asked."""

    def __init__(self, answers: _Answers) -> None:
        super().__init__()
        self.answers = answers

    def emit(self, record: logging.LogRecord) -> None:
        self.answers.write(said=mask(record.getMessage()), level=record.levelno)


class _Answers:
    """Writes answers about the range that is being staged, each on a line."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.number: int | None = None

    def write(self, **answer: object) -> None:
        self.stream.write(json.dumps({"number": self.number, **answer}).encode() + b"\n")
        self.stream.flush()

    def report(self, now: Progress) -> None:
        self.write(bytes=now.bytes_done, rows=now.rows_read)


def work(start: Mapping[str, Any]) -> None:
    """Stage the ranges that are asked for until stdin ends. Effects: ends the process, and never returns."""
    answers = _Answers(os.fdopen(os.dup(sys.stdout.fileno()), "wb"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # output of a library must not look like an answer
    log.addHandler(_Said(answers))
    log.setLevel(start["level"])
    log.propagate = False
    asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    # Imported now, before the first range is asked for, while the process that asks plans the run.
    for module in NEEDED:
        import_module(module)
    while True:
        _do(json.loads(asked.get()), answers)


def _listen(asked: queue.SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        asked.put(line)
    os._exit(0)


def _do(wanted: Mapping[str, Any], answers: _Answers) -> None:
    answers.number = wanted["number"]
    try:
        outcome = Errand(**wanted["errand"]).stage(wanted["number"], answers.report)
    except Exception as error:  # noqa: BLE001  (the process that asked decides what becomes of it)
        log.debug("%s", traceback.format_exc())
        answers.write(error=write_error(error))
    else:
        answers.write(outcome=outcome)
