"""Write data to stdout, or to a file that is there as a whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TextIO

from footfall.errors import FootfallError, SettingsError

if TYPE_CHECKING:
    from footfall.answers.files import Form
    from footfall.results import Table


STDOUT = "-"
FORMS: dict[str, Form] = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".txt": "table"}


def choose_form(asked: Form | None, output: str | None) -> Form:
    """Choose how to print: as asked, else by the ending of the file, else a table on a terminal and CSV elsewhere.

    Raises: SettingsError for Parquet on a terminal.
    """
    if asked is None:
        if output is None or output == STDOUT:
            return "table" if sys.stdout.isatty() else "csv"
        if (ending := Path(output).suffix.lower()) not in FORMS:
            raise SettingsError(f"--output: {output} ends in none of {', '.join(FORMS)}; say how with --format")
        return FORMS[ending]
    if asked == "parquet" and output in (None, STDOUT) and sys.stdout.isatty():
        raise SettingsError("--format: parquet is not for a terminal; name a file with --output FILE")
    return asked


def refuse_terminal(output: str | None, why: str) -> None:
    """Refuse to print on a terminal, with the reason. Raises: SettingsError."""
    if output in (None, STDOUT) and sys.stdout.isatty():
        raise SettingsError(f"--output: {why}")


@contextmanager
def open_destination(output: str | None, how: Form = "table") -> Iterator[IO[Any]]:
    """Give the stream for a result: the named file, else stdout. Shape: it takes bytes for Parquet, else text."""
    is_binary = how == "parquet"
    if output is not None and output != STDOUT:
        with open_file(Path(output), is_binary=is_binary) as stream:
            yield stream
    else:
        with open_stdout() as text:
            yield text.buffer if is_binary else text


@contextmanager
def open_stdout() -> Iterator[TextIO]:
    """Give stdout. If its reader has seen enough (`| head`), printing ends, and the exit code tells of the work."""
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        # The rest of the buffer is written to nowhere, or Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise FootfallError(
                f"the result cannot be written to stdout ({error.strerror}); what was loaded stays: see footfall loads"
            ) from error


@contextmanager
def open_file(path: Path, *, is_binary: bool) -> Iterator[IO[Any]]:
    """Give a stream into a file that gets its name when all of it is on disk. A pipe or device is written to directly.

    Effects: replaces a file of that name, or leaves it as it was if writing fails half-way.

    Raises: SettingsError where it cannot be written.
    """
    from footfall.answers.replacing import open_replacement

    text: dict[str, Any] = {} if is_binary else {"encoding": "utf-8", "newline": ""}
    mode = "wb" if is_binary else "w"
    try:
        place = path.resolve()
        if place.exists() and not place.is_file():
            with place.open(mode, **text) as stream:
                yield stream
            return
        with open_replacement(place, mode) as stream:
            yield stream
    except OSError as error:
        raise SettingsError(f"--output: {path} cannot be written ({error.strerror}); name another file") from error


def write(text: str) -> None:
    """Write text and a line end to stdout; empty text writes nothing."""
    with open_stdout() as stream:
        stream.write(f"{text}\n" if text else "")


def write_version() -> None:
    from importlib.metadata import version

    write(f"footfall {version('footfall')}")


def print_rows(table: Table, fmt: Literal["table", "csv", "json"], escape_formulas: bool = False) -> None:
    from footfall.answers import files

    with open_stdout() as stream:
        files.print_table(table, fmt, stream, escape_formulas=escape_formulas)
