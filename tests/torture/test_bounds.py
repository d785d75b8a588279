"""Files that are huge in one way: they end in time, with the right rows, in bounded memory.

The bound is that of a process, not of Python's heap: what `wait4` says was resident at most.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import zstandard

MB = 1_000_000
HEADER = b"interaction_id,user_id,product_id,action,timestamp\n"
ROW = b"1,2,3,click,2024-01-01\n"
# Of the limit of 128 MB, 150 to 200 MB are the interpreter and its libraries; the rest is for rows with many problems,
# which take more than their text. A file is far larger than this or takes a multiple of it where it is held whole.
RESIDENT_MB_MAX = 500
# Seconds of the processor, not of the clock: what else the machine does is not the matter. The slowest takes 30.
CPU_SECONDS_MAX = 120

# A small process between: what a child has used at most counts the memory of the one that it was forked from, and the
# process of the tests may hold more than any bound here.
MEASURE = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([done.returncode, usage.ru_maxrss, usage.ru_utime + usage.ru_stime, done.stdout]))
"""
LONG = partial(pytest.param, marks=pytest.mark.long)


@dataclass(frozen=True)
class Checked:
    """What `footfall check` said of one file, and what it cost."""

    exit_code: int
    load: dict[str, Any]
    resident_mb: float
    cpu_seconds: float


def check(path: Path, limit_mb: int = 128) -> Checked:
    command = [sys.executable, "-m", "footfall.cli", "check", "-q", "--format", "json", str(path)]
    variables = os.environ | {"FOOTFALL_MEMORY_LIMIT_MB": str(limit_mb)}
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, env=variables, check=True
    )
    exit_code, resident_units, cpu_seconds, out = json.loads(measured.stdout)
    # ru_maxrss is in KiB on Linux and in bytes on macOS
    resident = resident_units / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return Checked(exit_code, json.loads(out)["loads"][0], resident, cpu_seconds)


@pytest.fixture
def checked(tmp_path: Path) -> Callable[[Iterable[bytes]], Checked]:
    """Write a file part by part, and check it within the bounds."""

    def write_and_check(parts: Iterable[bytes]) -> Checked:
        path = tmp_path / "huge.csv"
        with path.open("wb") as file:
            file.writelines(parts)
        found = check(path)
        assert found.resident_mb < RESIDENT_MB_MAX
        assert found.cpu_seconds < CPU_SECONDS_MAX
        return found

    return write_and_check


Check = Callable[[Iterable[bytes]], Checked]


def repeated(part: bytes, count: int) -> Iterator[bytes]:
    return (part for _ in range(count))


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, LONG(100)])
@pytest.mark.parametrize("letter", [b"x", b'"', *map(LONG, [b",", b"\0", b"\xff", b"\r", b'x"', b'",'])])
def test_a_huge_field_is_one_rejected_row(checked: Check, size: int, letter: bytes) -> None:
    def parts() -> Iterator[bytes]:
        yield HEADER + ROW + b"2,2,3,"
        yield from repeated(letter * (MB // len(letter)), size)
        yield b",2024-01-01\n3,2,3,click,2024-01-01\n"

    found = checked(parts())
    assert (found.exit_code, found.load["rows_loaded"], found.load["rows_rejected"]) == (0, 2, 1)


@pytest.mark.parametrize("where", ["before the header", "behind it"])
@pytest.mark.parametrize("end", [b"\n", LONG(b"\r\n"), LONG(b" \t\n")])
def test_a_million_blank_lines_are_no_rows(checked: Check, where: str, end: bytes) -> None:
    blank = repeated(end * 1000, 1000)
    parts = [*blank, HEADER, ROW] if where == "before the header" else [HEADER, *blank, ROW]
    found = checked(parts)
    assert (found.exit_code, found.load["rows_read"], found.load["rows_loaded"]) == (0, 1, 1)


@pytest.mark.long
@pytest.mark.parametrize("where", ["before the header", "behind it"])
def test_thirty_million_blank_lines_are_no_rows(checked: Check, where: str) -> None:
    blank = repeated(b"\n" * MB, 30)
    parts = [*blank, HEADER, ROW] if where == "before the header" else [HEADER, *blank, ROW]
    found = checked(parts)
    assert (found.exit_code, found.load["rows_read"], found.load["rows_loaded"]) == (0, 1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("size", [30, LONG(300)])
def test_one_line_without_an_end_is_no_header(checked: Check, size: int) -> None:
    found = checked(repeated(b"x" * MB, size))
    assert (found.exit_code, found.load["status"], found.load["rows_read"]) == (3, "failed", 0)
    assert "over 1 MB" in found.load["error"]


@pytest.mark.parametrize("size", [30, LONG(300)])
def test_a_last_line_without_an_end_is_one_rejected_row(checked: Check, size: int) -> None:
    found = checked([HEADER, ROW, *repeated(b"x" * MB, size)])
    assert (found.exit_code, found.load["rows_loaded"], found.load["rows_rejected"]) == (0, 1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("count", [200_000, LONG(2_000_000)])
def test_quotes_that_stay_open_cost_their_own_lines_alone(checked: Check, count: int) -> None:
    bad = b'2,2,3,"open,2024-01-01\n' + b"x\n" * 99
    found = checked([HEADER, *repeated(bad * 10, count // 1000), ROW])
    assert (found.exit_code, found.load["rows_loaded"]) == (0, 1)
    assert found.load["rows_rejected"] == count // 1000 * 10 * 100


@pytest.mark.slow
@pytest.mark.parametrize("line", [b"x\n", *map(LONG, [b",,,,\n", b'"\n', b"\xff\n", b'2,2,3,"a,x\n'])])
@pytest.mark.parametrize("count", [500_000, LONG(5_000_000)])
def test_nothing_but_short_bad_lines_is_counted_in_bounded_memory(checked: Check, line: bytes, count: int) -> None:
    found = checked([HEADER, *repeated(line * 1000, count // 1000), ROW])
    assert (found.exit_code, found.load["rows_loaded"], found.load["rows_rejected"]) == (0, 1, count)


@pytest.mark.parametrize("count", [LONG(1_000), 20_000, LONG(90_000)])
def test_a_header_of_many_columns_is_read(checked: Check, count: int) -> None:
    names = b"".join(b",c%d" % number for number in range(count))
    found = checked([HEADER[:-1], names, b"\n", ROW[:-1], b",x" * count, b"\n", ROW])
    assert (found.exit_code, found.load["rows_loaded"], found.load["rows_rejected"]) == (0, 1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", [LONG(b'""' * 400_000), b",".join([b'"x"'] * 249_000), LONG(b"," * 900_000)])
def test_a_header_of_almost_1_mb_is_read(checked: Check, name: bytes) -> None:
    quoted = b'"' + name + b'"' if name.startswith(b'""') else name
    found = checked([HEADER[:-1], b",", quoted, b"\n"])
    assert (found.exit_code, found.load["status"], found.load["rows_read"]) == (0, "checked", 0)


@pytest.mark.slow
@pytest.mark.parametrize("size", [50, LONG(1000)])
@pytest.mark.parametrize("kind", ["gz", "zst"])
@pytest.mark.parametrize("byte", [b"\n", LONG(b"x")])
def test_a_bomb_goes_off_piece_by_piece(tmp_path: Path, kind: str, byte: bytes, size: int) -> None:
    path = tmp_path / f"bomb.csv.{kind}"
    with path.open("wb") as file:
        opened = gzip.GzipFile(fileobj=file, mode="wb") if kind == "gz" else zstandard.ZstdCompressor().stream_writer(
            file, closefd=False
        )  # fmt: skip
        with opened as bomb:
            for part in (HEADER, ROW, *repeated(byte * MB, size), b"\n", ROW):
                bomb.write(part)
    assert path.stat().st_size < size * MB / 500
    found = check(path)
    assert found.resident_mb < RESIDENT_MB_MAX
    assert found.cpu_seconds < CPU_SECONDS_MAX
    assert (found.exit_code, found.load["rows_loaded"], found.load["rows_duplicate"]) == (0, 1, 1)
    assert found.load["rows_rejected"] == (byte == b"x")
