"""The processes of Airflow: a session of their own, ended as a whole, known again after a kill of who started it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil

PARTS = ("scheduler", "dag-processor", "api-server", "triggerer")  # processes that `airflow standalone` starts
STOP_WAIT_S = 8  # seconds between SIGINT and the kill; 2 to 4 are usual
START_TOLERANCE_S = 1  # the system counts ticks since it was started, and the clock may have been set meanwhile
POLL_S = 0.2


def end(leader: int, living: Callable[[], list[int]]) -> None:
    """Interrupt the leader of a session, which stops its children, and kill what is there after a while.

    By session, not by process group: each task has a group of its own.
    """
    if leader in living():
        os.kill(leader, signal.SIGINT)  # SIGTERM would orphan its children
    until = time.monotonic() + STOP_WAIT_S
    while living() and time.monotonic() < until:
        time.sleep(POLL_S)
    while left := living():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_S)


def members(session: int) -> list[int]:
    """Give the living processes of a session."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(one.pid) == session and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one.pid)
    return found


def note(file: Path, leader: int) -> None:
    """Write down a session before anything can be left of it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        file.write_text(json.dumps({"session": leader, "started": psutil.Process(leader).create_time()}))


def end_left(file: Path) -> None:
    """End what a start that was killed left running. PostgreSQL is taken over by this one, as by any other client."""
    if not file.exists():
        return
    with contextlib.suppress(ValueError):  # the file was cut by the kill
        noted = json.loads(file.read_text())
        living = ours(noted["session"], noted["started"], file.parent.resolve())
        if living():
            print(f"Stopping what a start that was killed has left in {file.parent} ...")
            end(noted["session"], living)
    file.unlink()


def ours(session: int, started: float, home: Path) -> Callable[[], list[int]]:
    """Give a look at the processes of the session that was noted: its number may be somebody else's by now.

    Ours is a leader that started at that time, and with it its session. Where the leader is gone, a process of the
    session is ours by the folder that it is in.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        is_ours = abs(psutil.Process(session).create_time() - started) < START_TOLERANCE_S
        return lambda: members(session) if is_ours else []
    return lambda: [pid for pid in members(session) if is_inside(pid, home)]


def is_inside(pid: int, home: Path) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return Path(psutil.Process(pid).cwd()).is_relative_to(home)
    return False


def dead_part(leader: int, parts: dict[str, psutil.Process]) -> str | None:
    """Name a part of Airflow that has died: standalone does not look. Effects: `parts` keeps those seen alive."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(leader).children() if len(parts) < len(PARTS) else []:
            words = " ".join(child.cmdline()).replace("_", "-")
            parts |= {name: child for name in PARTS if name in words and name not in parts}
    return next((name for name, process in parts.items() if not is_alive(process)), None)


def is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
