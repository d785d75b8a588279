"""What systemd is told: real sockets in place of it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from footfall.cli.service_manager import ServiceManager
from footfall.results.watching import WatchState

PATIENCE_S = 600.0


@pytest.fixture(params=["path", "abstract"])
def listening(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    name = f"\0footfall-{os.getpid()}-{time.monotonic_ns()}" if request.param == "abstract" else "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.settimeout(PATIENCE_S)
        monkeypatch.chdir(tmp_path)
        made.bind(name)
        address = f"@{name[1:]}" if request.param == "abstract" else str(tmp_path / name)
        if len(address) > 100:
            pytest.skip("the folder of this test has a name too long for a socket")
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        yield made


def hear(listening: socket.socket) -> list[str]:
    return listening.recv(10_000).decode().split("\n")


def test_it_is_told_ready_then_its_state_then_that_it_ends(listening: socket.socket) -> None:
    manager, state = ServiceManager(), WatchState(places=("in",))
    manager.follow(state)
    assert hear(listening) == ["STATUS=waiting for the database; 0 files waiting, 0 loaded, 0 failed"]
    state.is_ready = state.is_database_there = True
    manager.follow(state)
    assert hear(listening) == ["READY=1", "STATUS=0 files waiting, 0 loaded, 0 failed"]
    state.is_stopping = True
    state.loading = "a\nREADY=1"
    manager.follow(state)
    assert hear(listening) == ["STOPPING=1", "STATUS=ending after this file"]
    manager.close()


def test_a_name_with_a_line_break_is_no_message_of_its_own(listening: socket.socket) -> None:
    state = WatchState(is_ready=True, is_database_there=True, loading="a\nWATCHDOG=trigger")
    ServiceManager().follow(state)
    assert hear(listening) == ["READY=1", "STATUS=loading a WATCHDOG=trigger; 0 files waiting, 0 loaded, 0 failed"]


@pytest.mark.slow
def test_signs_of_life_come_while_it_works_and_end_when_it_hangs(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    manager, state = ServiceManager(), WatchState(is_ready=True)
    manager.follow(state)
    assert hear(listening)[0] == "READY=1"
    assert [hear(listening) for _ in range(3)] == [["WATCHDOG=1"]] * 3
    state.ticked_s -= 3_600
    listening.settimeout(1)
    with pytest.raises(TimeoutError):
        while True:
            hear(listening)
    state.loading = "large.csv"
    listening.settimeout(PATIENCE_S)
    assert hear(listening) == ["WATCHDOG=1"]
    manager.close()


@pytest.mark.parametrize(("variable", "value"), [("WATCHDOG_USEC", "x"), ("WATCHDOG_USEC", "0"), ("WATCHDOG_PID", "1")])
def test_signs_of_life_for_another_process_are_not_sent(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "10000")
    monkeypatch.setenv(variable, value)
    assert ServiceManager()._watchdog_s is None


@pytest.mark.parametrize("address", [None, "", "vsock:2:1", "/nowhere/notify"])
def test_without_a_listener_nothing_happens(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    manager = ServiceManager()
    manager.follow(WatchState(is_ready=True))
    manager.close()
