"""Files are passed over unread only where the time of change can be believed: pure readings, and real mounts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footfall.settings import load_settings
from footfall.sources import file_systems, opening
from footfall.tables import known_files
from footfall.verbs import discover as discover_verb
from footfall.verbs import load as load_verb

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
FIRST, SECOND = f"{HEADER}1,1,1,click,2024-01-01\n", f"{HEADER}2,1,1,click,2024-01-01\n"
LONG_AGO_NS = 1_600_000_000_000_000_000
MOUNTS = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
28 27 254:0 /exports /data ro,relatime shared:1 master:2 - ext4 /dev/vda rw
29 27 7:0 / /image\040of\040today ro - ext4 /dev/loop0 ro,relatime
30 27 7:1 / /snap ro - squashfs /dev/loop1 ro
31 27 0:50 / /home/a/remote rw - fuse.sshfs a@b:/ - c rw,user_id=0
32 27 0:51 / /bucket rw - fuse.gcsfuse bucket rw
33 27 0:52 / /share rw - cifs //b/c rw
34 27 0:53 / /net rw - nfs4 b:/c rw,vers=4.2
35 27 8:1 / /stick rw - vfat /dev/sda1 rw
36 27 0:54 / / rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/c
37 27 0:55 /@home /home rw - btrfs /dev/sdb rw,subvol=/@home
38 27 0:56 / /run rw,nosuid - tmpfs tmpfs rw,size=1k
39 27 0:57 / /host rw - 9p host rw
40 27 0:58 / /host2 rw - virtiofs host rw
41 27 7:2 / /cd ro - iso9660 /dev/sr0 ro
42 27 0:59 / /new rw - some_new_fs x rw
27 odd
- ext4 /dev/vda rw"""


@pytest.mark.parametrize(
    ("mount", "believed"),
    [
        ("27", True),
        ("28", True),  # written to through another mount
        ("29", False),  # an image is swapped for another whose files have the same times
        *((str(number), False) for number in (22, 30, 31, 32, 33, 34, 35, 36)),
        ("37", True),
        ("38", True),
        *((str(number), False) for number in (39, 40, 41, 42)),
        ("2", False),
        ("", False),
        ("-", False),
    ],
)
def test_a_mount_is_believed_where_its_file_system_is_known_and_can_be_written(mount: str, believed: bool) -> None:
    assert file_systems.is_believed(MOUNTS, mount) is believed


def test_a_file_of_which_linux_names_no_mount_is_not_believed() -> None:
    assert file_systems.find_mount("pos:\t0\nflags:\t0100000\n") is None


@pytest.mark.parametrize(
    ("kind", "flags", "believed"),
    [(b"apfs", 0x1000, True), (b"hfs", 0, True), (b"apfs", 1, False), (b"smbfs", 0, False), (b"", 0, False)],
)
def test_macos_names_the_file_system_in_its_struct(kind: bytes, flags: int, believed: bool) -> None:
    struct = bytes(64) + flags.to_bytes(4, sys.byteorder) + bytes(4) + kind.ljust(16, b"\0") + bytes(2080)
    assert file_systems.is_believed_on_macos(struct) is believed


# real files


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files for settled at once: a test does not wait two seconds."""
    monkeypatch.setattr(known_files, "SETTLED_NS", 0)


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[Path]:
    """Mount a file system for a while; skip the test where that cannot be had (no root, no driver, no loop device)."""
    place.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, place], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def made(command: str, *words: object) -> None:
    """Run a program that makes an image; skip the test where it is not installed."""
    if shutil.which(command) is None:
        pytest.skip(f"{command} is not installed")
    subprocess.run([command, *map(str, words)], check=True, capture_output=True)


def believes(path: Path) -> bool:
    with path.open("rb") as file:
        return file_systems.keeps_change_times(file.fileno())


def deliver(path: Path, content: str) -> None:
    """Write a file with the times of its predecessor, as far as they can be set."""
    path.write_text(content)
    os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))


def load(database: str, *paths: Path) -> list[str]:
    return [each.status for each in load_verb.load(list(map(str, paths)), load_settings(database_url=database)).loads]


def kept(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute("select path from source_files order by 1").fetchall()


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of mounts")
def test_the_file_system_at_hand_is_judged_as_findmnt_names_it(tmp_path: Path) -> None:
    if shutil.which("findmnt") is None:
        pytest.skip("findmnt is not installed")
    path = tmp_path / "a.csv"
    path.touch()
    found = subprocess.run(
        ["findmnt", "-n", "-o", "FSTYPE,FS-OPTIONS", "-T", path], check=True, capture_output=True, text=True
    )
    kind, options = found.stdout.split(None, 1)
    expected = kind in file_systems.WITH_CHANGE_TIMES and "rw" in options.strip().split(",")
    assert believes(path) is expected
    assert file_systems.keeps_change_times_at(os.fsencode(path), path.stat().st_dev) is expected
    assert file_systems.keeps_change_times_at(os.fsencode(path), 1) is None
    assert file_systems.keeps_change_times_at(b"/nowhere/a.csv", path.stat().st_dev) is None


def test_proc_is_not_believed() -> None:
    assert not believes(Path("/proc/self/mountinfo"))


@pytest.mark.usefixtures("settled")
def test_files_of_a_tmpfs_are_passed_over_and_read_when_they_change(database: str, tmp_path: Path) -> None:
    with mounted(tmp_path / "memory", "-t", "tmpfs", "none") as place:
        path = place / "a.csv"
        deliver(path, FIRST)
        assert load(database, path) == ["loaded"]
        assert [bytes(row[0]) for row in kept(database)] == [os.fsencode(path)]
        assert load(database, path) == ["already-loaded"]
        deliver(path, SECOND)
        assert load(database, path) == ["loaded"]


@pytest.mark.usefixtures("settled")
def test_a_new_image_whose_file_has_the_same_size_and_times_is_read(database: str, tmp_path: Path) -> None:
    """Of an image of ext4 that is made anew, device, inode, size and both times can be those of the first."""
    statuses, looks = [], []
    for content in (FIRST, SECOND):
        tree, image = tmp_path / "tree", tmp_path / "image.ext4"
        tree.mkdir(exist_ok=True)
        deliver(tree / "a.csv", content)
        image.unlink(missing_ok=True)
        made("mkfs.ext4", "-q", "-d", tree, image, "1M")
        for field in ("ctime", "mtime", "ctime_extra", "mtime_extra"):
            made(
                "debugfs",
                "-w",
                "-R",
                f"set_inode_field a.csv {field} {0 if 'extra' in field else '@1600000000'}",
                image,
            )
        with mounted(tmp_path / "mounted", "-o", "ro,loop", str(image)) as place:
            path = place / "a.csv"
            looks.append(opening.find_identity(str(path)))
            assert not believes(path)
            statuses += load(database, path)
    assert looks[0] is not None
    assert looks[1] is not None
    assert replace(looks[0], device=0) == replace(looks[1], device=0)
    assert statuses == ["loaded", "loaded"]
    assert kept(database) == []


@pytest.mark.usefixtures("settled")
def test_files_of_a_file_system_that_is_not_believed_are_read_each_time_by_load_and_discover(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier Footfall kept, or this one under another mount, is not believed either."""
    path = tmp_path / "a.csv"
    deliver(path, FIRST)
    monkeypatch.setattr(known_files, "keeps_change_times", lambda _: True)
    assert load(database, path) == ["loaded"]
    assert len(kept(database)) == 1
    monkeypatch.undo()
    monkeypatch.setattr(file_systems, "WITH_CHANGE_TIMES", frozenset())
    opened: list[str] = []
    real = opening.open_source
    monkeypatch.setattr(opening, "open_source", lambda source: opened.append(source) or real(source))
    assert load(database, path) == ["already-loaded"]
    discover_verb.discover([str(path)], load_settings(database_url=database))
    assert opened == [str(path)] * 2


@pytest.mark.usefixtures("settled")
def test_a_device_is_looked_at_once_however_many_files_are_on_it(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / f"{n}.csv" for n in range(20)]
    for n, path in enumerate(paths):
        deliver(path, f"{HEADER}{n + 1},1,1,click,2024-01-01\n")
    looks: list[int] = []
    monkeypatch.setattr(known_files, "keeps_change_times", lambda file: looks.append(file) or True)
    monkeypatch.setattr(known_files, "keeps_change_times_at", lambda path, device: looks.append(device) or True)
    load(database, *paths)
    assert len(looks) == 1  # all of them share a transaction
    assert load(database, *paths) == ["already-loaded"] * 20
    assert len(looks) == 2
