"""Sources that are no plain files: links, FIFOs, devices, sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from footfall import check
from footfall.errors import SourceError
from footfall.sources.finding import find_sources
from footfall.sources.opening import open_source

BODY = b"interaction_id,user_id,product_id,action,timestamp\n1,1,1,click,2024-01-01\n"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "a.csv").write_bytes(BODY)
    return folder


def test_a_link_to_a_file_is_that_file_under_the_name_of_the_link(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(BODY)
    (inbox / "b.csv").symlink_to(tmp_path / "elsewhere")
    assert find_sources(["inbox"]).paths == ("inbox/a.csv", "inbox/b.csv")
    with open_source("inbox/b.csv") as file:
        assert file.source == "inbox/b.csv"


def test_a_link_to_a_folder_is_not_followed_below_a_folder(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/b.csv").write_bytes(BODY)
    (inbox / "more").symlink_to(tmp_path / "elsewhere")
    (inbox / "round").symlink_to(inbox)
    assert find_sources(["inbox"]).paths == ("inbox/a.csv",)


def test_a_link_to_nothing_fails_alone(inbox: Path) -> None:
    (inbox / "b.csv").symlink_to("nowhere")
    assert [load.status for load in check("inbox").loads] == ["checked", "failed"]


def test_a_fifo_a_socket_and_a_device_in_a_folder_are_ignored_and_reported(inbox: Path) -> None:
    os.mkfifo(inbox / "fifo.csv")
    (inbox / "device.csv").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("inbox/socket.csv")
        found = find_sources(["inbox"])
    assert found.paths == ("inbox/a.csv",)
    assert found.ignored == ("inbox/device.csv", "inbox/fifo.csv", "inbox/socket.csv")


def test_a_fifo_that_is_named_is_read() -> None:
    os.mkfifo("pipe.csv")
    writer = threading.Thread(target=Path("pipe.csv").write_bytes, args=(BODY,))
    writer.start()
    with open_source("pipe.csv") as file:
        status = os.fstat(file.stream.fileno())
        assert (file.size_bytes, status.st_mode & 0o777, status.st_nlink) == (len(BODY), 0o600, 0)
    writer.join()


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/proc/self/mem"])
def test_a_device_is_refused(name: str) -> None:
    with pytest.raises(SourceError), open_source(name) as file:
        assert file.size_bytes


def test_a_file_that_becomes_another_between_two_looks_is_read_through_one_descriptor(inbox: Path) -> None:
    with open_source("inbox/a.csv") as file:
        (inbox / "a.csv").unlink()
        (inbox / "a.csv").symlink_to("/etc/passwd")
        assert file.stream.read() == BODY


def test_text_of_a_file_with_another_shape_is_shown_no_further_than_its_header(tmp_path: Path) -> None:
    (tmp_path / "passwd.csv").write_text("root:x:0:0:root\nsecond:hunter2:1:1\n")
    command = [sys.executable, "-m", "footfall.cli", "check", "passwd.csv", "-v"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 3
    assert "hunter2" not in done.stdout + done.stderr
