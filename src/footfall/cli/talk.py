"""Write to stderr while a command works: log lines, and how far it is."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from footfall.safe_text import mask

if TYPE_CHECKING:
    from footfall.results import Progress


PROGRESS_LINE_SECONDS = 5.0  # seconds between two log lines of one file, so that a log of hours stays readable
log = logging.getLogger("footfall")


class Talk(logging.Handler):
    """Writes each record as a line on stderr: text, or a JSON object. Characters that a terminal obeys are escaped."""

    is_json = False

    def emit(self, record: logging.LogRecord) -> None:
        from footfall.safe_text import escape_unprintable

        message = mask(record.getMessage()).expandtabs(4).rstrip()
        if self.is_json:
            fields = {
                "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
                "level": record.levelname.lower(),
            }
            line = json.dumps({**fields, "message": message, **getattr(record, "fields", {})})
        else:
            level = "" if record.levelno in (logging.INFO, logging.DEBUG) else f"{record.levelname.lower()}: "
            line = f"footfall: {level}" + "\n".join(escape_unprintable(each) for each in message.split("\n"))
        with suppress(OSError):  # nobody listens, and that is no reason to stop a load
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()


talk = Talk()


@contextmanager
def show_progress(quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Give a function that shows progress: a bar on a terminal, log lines elsewhere; None where nothing is said."""
    if quiet:
        yield None
    elif sys.stderr.isatty() and not talk.is_json:
        with _show_progress_bar() as show:
            yield show
    else:
        yield _log_progress()


def _log_progress() -> Callable[[Progress], None]:
    from footfall.safe_text import escape_unprintable

    source: str | None = None
    said_s = time.monotonic()

    def show(now: Progress) -> None:
        nonlocal source, said_s
        fields = {name: getattr(now, name) for name in ("source", "bytes_done", "bytes_total", "rows_read", "seconds")}
        if now.source != source:
            source, said_s = now.source, time.monotonic()
            log.info("%s: reading", escape_unprintable(now.source), extra={"fields": fields})
        elif time.monotonic() - said_s >= PROGRESS_LINE_SECONDS:
            said_s = time.monotonic()
            done = f" ({now.bytes_done / now.bytes_total:.0%})" if now.bytes_total else ""
            rate = now.rows_read / now.seconds if now.seconds else 0
            text = f"{escape_unprintable(now.source)}: {now.rows_read:,} rows read{done}, {rate:,.0f} rows/s"
            log.info("%s", text, extra={"fields": fields})

    return show


@contextmanager
def _show_progress_bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from footfall.safe_text import escape_unprintable

    name = TextColumn("{task.description}", markup=False)
    rate = TextColumn("{task.fields[rate]:,.0f} rows/s")
    columns = (name, BarColumn(), DownloadColumn(), rate, TimeRemainingColumn())
    with Bar(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        source: str | None = None
        task = bar.add_task("", total=None, rate=0.0, visible=False)

        def show(now: Progress) -> None:
            nonlocal source
            if now.source != source:
                source = now.source
                bar.reset(task, total=now.bytes_total, visible=True, description=escape_unprintable(now.source))
            per_second = now.rows_read / now.seconds if now.seconds else 0.0
            bar.update(task, completed=now.bytes_done, total=now.bytes_total, rate=per_second)

        yield show
