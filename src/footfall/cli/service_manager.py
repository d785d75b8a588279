"""Tell a service manager how the work goes, with the few messages of sd_notify and without its library.

Source: sd_notify(3), systemd.service(5) (`Type=notify`, `WatchdogSec=`).
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress

from footfall.results.watching import WatchState

STATUS_S = 2.0  # seconds that pass at least between two lines of status


class ServiceManager:
    """The service manager that started this process and asks to be told, such as systemd; there may be none."""

    def __init__(self) -> None:
        self._address = _read_address()
        self._is_ready = self._is_stopping = False
        self._said, self._said_s = "", 0.0
        self._state: WatchState | None = None
        self._end = threading.Event()
        self._watchdog_s = _read_watchdog_s() if self._address is not None else None

    def follow(self, state: WatchState) -> None:
        """Tell what is new. Effects: the first call begins to tell that this process is alive, if that is asked for."""
        if self._address is None:
            return
        if self._state is None and self._watchdog_s is not None:
            threading.Thread(target=self._tell_alive, name="watchdog", daemon=True).start()
        self._state = state
        lines = []
        if state.is_ready and not self._is_ready:
            self._is_ready = True
            lines.append("READY=1")
        if state.is_stopping and not self._is_stopping:
            self._is_stopping = True
            lines.append("STOPPING=1")
        text = str(state).replace("\n", " ")
        if lines or (text != self._said and time.monotonic() - self._said_s >= STATUS_S):
            self._said, self._said_s = text, time.monotonic()
            lines.append(f"STATUS={text}")
        if lines:
            self.tell(*lines)

    def tell(self, *lines: str) -> None:
        """Send lines. Effects: none where nobody listens, since that is no reason to stop a load."""
        if self._address is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
            sending.connect(self._address)
            sending.send("\n".join(lines).encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Stop telling that this process is alive."""
        self._end.set()

    def _tell_alive(self) -> None:
        """Tell it as long as the watcher shows signs of life, or loads a file: a load ends by its own time-outs."""
        pause_s = (self._watchdog_s or 0) / 3
        while not self._end.wait(pause_s):
            state = self._state
            if state is not None and (state.loading or time.monotonic() - state.ticked_s < 2 * pause_s + 10):
                self.tell("WATCHDOG=1")


def _read_address() -> str | None:
    r"""Give the address of the service manager. A name that begins with @ is an abstract address.

    Example:
        >>> os.environ["NOTIFY_SOCKET"] = "@here"; _read_address()
        '\x00here'
        >>> os.environ["NOTIFY_SOCKET"] = "vsock:2:1"; _read_address()
        >>> del os.environ["NOTIFY_SOCKET"]; _read_address()
    """
    name = os.environ.get("NOTIFY_SOCKET", "")
    if name.startswith("@"):
        return f"\0{name[1:]}"
    return name if name.startswith("/") else None


def _read_watchdog_s() -> float | None:
    """Give the seconds within which a sign of life is wanted; None if none is, or only from another process."""
    text, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not text.isdigit() or not int(text) or (process and process != str(os.getpid())):
        return None
    return int(text) / 1_000_000
