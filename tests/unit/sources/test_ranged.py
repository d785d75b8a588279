"""One state of a file that several processes read, and a stream over an object behind requests for ranges."""

from __future__ import annotations

import io
import os
import random
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import pytest

from footfall.errors import SourceChangedError, SourceError
from footfall.sources import ranged_stream
from footfall.sources.opening import assert_unchanged
from footfall.sources.ranged import find_state, open_planned, open_to_plan, read_between, take_digest
from footfall.sources.ranged_stream import RangedStream

TEXT = b"a,b\n" + b"1,2\n" * 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "a.csv"
    made.write_bytes(TEXT)
    return made


def test_the_digest_is_taken_while_others_get_the_bytes_and_read_elsewhere(path: Path) -> None:
    seen: list[bytes] = []
    with open_to_plan(str(path)) as opened:

        def take(block: bytes) -> None:
            seen.append(block)
            opened.stream.seek(5)

        file = take_digest(opened, take)
    assert (file.digest, file.size_bytes, b"".join(seen)) == (sha256(TEXT).hexdigest(), len(TEXT), TEXT)


def test_a_path_is_read_between_two_places(path: Path) -> None:
    with open_to_plan(str(path)) as file:
        assert b"".join(read_between(file, 4, 12)) == b"1,2\n1,2\n"
        with pytest.raises(SourceChangedError, match="shorter than it was"):
            list(read_between(file, len(TEXT) - 4, len(TEXT) + 1))


@pytest.mark.parametrize("change", ["longer", "same size", "another file of the same bytes", "times"])
def test_a_file_in_another_state_than_planned_is_refused(path: Path, tmp_path: Path, change: str) -> None:
    with open_to_plan(str(path)) as opened:
        file = take_digest(opened)
        state = find_state(file)
    if change == "longer":
        path.write_bytes(TEXT + b"3,4\n")
    elif change == "same size":
        path.write_bytes(TEXT.replace(b"1", b"3"))
    elif change == "times":
        os.utime(path, ns=(0, 0))
    else:
        (tmp_path / "b.csv").write_bytes(TEXT)
        (tmp_path / "b.csv").replace(path)
    refusal = pytest.raises(SourceChangedError, match="changed since it was planned")
    with refusal, open_planned(str(path), state, file.digest):
        pass


def test_a_file_that_changes_while_a_range_is_read_is_refused(path: Path) -> None:
    with open_to_plan(str(path)) as file:
        state = find_state(file)
    refusal = pytest.raises(SourceChangedError, match="changed while it was read")
    with refusal, open_planned(str(path), state, "d") as file:
        assert (file.digest, b"".join(read_between(file, 0, 4))) == ("d", b"a,b\n")
        with path.open("ab") as more:
            more.write(b"5,6\n")
        assert_unchanged(file)


def test_a_file_is_the_same_on_every_machine_whatever_number_its_device_has(path: Path) -> None:
    with open_to_plan(str(path)) as file:
        assert file.identity is not None
        elsewhere = replace(file, identity=replace(file.identity, device=file.identity.device + 1))
        assert find_state(elsewhere) == find_state(file)


def test_what_can_be_read_once_is_not_for_several_processes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in ("-", str(tmp_path / "pipe")):
        with pytest.raises(SourceError, match="can be read once"), open_to_plan(source):
            pass


@dataclass
class Asked:
    """An object that notes which ranges of it are asked for."""

    content: bytes
    ranges: list[tuple[int, int]] = field(default_factory=list)
    source: str = "s3://inbox/a.csv"
    etag: str = '"1"'

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    def read(self, begin: int, end: int) -> bytes:
        assert 0 <= begin < end <= self.size_bytes
        self.ranges.append((begin, end))
        return self.content[begin:end]

    def assert_unchanged(self) -> None:
        pass


@pytest.mark.parametrize("seed", range(20))
def test_a_stream_over_ranges_reads_as_a_file_does(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(ranged_stream, "ASKED_BYTES_LEAST", chance.choice([1, 3, 16]))
    monkeypatch.setattr(ranged_stream, "ASKED_BYTES_MAX", chance.choice([16, 64]))
    content = chance.randbytes(chance.choice([0, 1, 100, 1000]))
    stream, file = RangedStream(Asked(content)), io.BytesIO(content)
    for _ in range(300):
        if chance.random() < 0.3:
            whence = chance.choice([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END])
            offset = chance.randrange(-50, 50) + (0 if whence else len(content) // 2)
            at = max(offset + {0: 0, 1: file.tell(), 2: len(content)}[whence], 0)
            assert stream.seek(offset, whence) == at
            file.seek(at)
        size = chance.choice([-1, 0, 1, 5, 40, 400])
        if chance.random() < 0.1:
            stream.read_ahead_to(chance.randrange(len(content) + 1))
        assert stream.read(size) == file.read(size)
        assert stream.tell() == file.tell()


def test_a_stream_asks_for_more_each_time_and_not_beyond_the_range() -> None:
    size = 40 << 20
    asked = Asked(bytes(size))
    stream = RangedStream(asked)
    stream.read(4096)
    stream.seek(0)
    stream.read(4096)
    stream.read_ahead_to(30 << 20)
    stream.seek(5 << 20)
    while stream.tell() < 30 << 20:
        stream.read(1 << 20)
    mb = 1 << 20
    assert asked.ranges == [(0, mb), (5 * mb, 6 * mb), (6 * mb, 8 * mb), (8 * mb, 12 * mb), (12 * mb, 20 * mb),
                            (20 * mb, 28 * mb), (28 * mb, 30 * mb)]  # fmt: skip
