"""Answer /metrics and /healthz while another verb works, in a few threads, of which only one asks the database."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from footfall.answers.metrics import write_metrics
from footfall.errors import SettingsError
from footfall.results.measures import Measured
from footfall.results.watching import WatchState
from footfall.settings import Settings
from footfall.verbs.metrics import Collector

log = logging.getLogger("footfall")

KEPT_S = 5.0  # seconds for which an answer of the database is reused, so that many scrapers cost as much as one
WAIT_S = 5.0  # seconds after which a scrape is answered without the database; Prometheus waits for 10
REQUESTS_MAX = 20  # requests that are answered at a time; further ones are closed without an answer
SLOW_S = 10.0  # seconds that a client may take to send its request
STUCK_S = 120.0  # seconds without a sign from a watcher that loads no file, after which it counts as stuck


class MetricsServer:
    """A server that runs in threads of its own until it is closed."""

    def __init__(self, listening: socket.socket, settings: Settings, state: WatchState | None) -> None:
        self.host, self.port = listening.getsockname()[:2]
        self._measures = _Measures(settings)
        self._server = _Server(listening, self._measures, state)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering. Effects: waits until the thread that listens is gone."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def start_metrics_server(address: str, settings: Settings, state: WatchState | None = None) -> MetricsServer:
    """Answer /metrics and /healthz at HOST:PORT, :PORT (all interfaces) or PORT (this machine alone), until closed.

    Effects: threads that end with the process; a session on the database for each answer that is older than 5 s.
    Raises: SettingsError where the address cannot be listened on.
    """
    host, port = parse_address(address)
    return MetricsServer(_listen(address, host, port), settings, state)


def parse_address(address: str) -> tuple[str, int]:
    """Take an address apart. Raises: SettingsError.

    Example:
        >>> parse_address(":9187"), parse_address("9187"), parse_address("[::1]:9187")
        (('', 9187), ('127.0.0.1', 9187), ('::1', 9187))
    """
    host, colon, port = address.rpartition(":")
    if not colon:
        host = "127.0.0.1"
    if not (port.isascii() and port.isdecimal()) or int(port) > 65_535 or (":" in host and not host.startswith("[")):
        raise SettingsError(
            f"--metrics {address}: an address is wanted: :9187 for all interfaces, 9187 for this machine alone, or "
            "HOST:PORT"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def _listen(address: str, host: str, port: int) -> socket.socket:
    try:
        if not host:  # all interfaces, for IPv4 and IPv6 where the machine has both
            return (
                socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
                if (socket.has_dualstack_ipv6())
                else socket.create_server(("", port))
            )
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(
            f"--metrics {address}: it cannot be listened on ({error.strerror}); name another port"
        ) from error


class _Measures:
    """The last numbers of the database, asked anew when they are old. One thread asks; a scrape waits a few seconds."""

    def __init__(self, settings: Settings) -> None:
        self._collector = Collector(settings)
        self._kept: Measured | None = None
        self._kept_at = 0.0
        self._is_asking = False
        self._changed = threading.Condition()

    def give(self) -> Measured:
        until = time.monotonic() + WAIT_S
        with self._changed:
            if self._kept and time.monotonic() - self._kept_at < KEPT_S:
                return self._kept
            asked_at = time.monotonic()
            if not self._is_asking:
                self._is_asking = True
                threading.Thread(target=self._ask, name="metrics of the database", daemon=True).start()
            while self._kept_at < asked_at and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            if self._kept and self._kept_at >= asked_at:
                return self._kept
        return Measured(reason=f"the database did not answer within {WAIT_S:g} s")

    def _ask(self) -> None:
        try:
            measured = self._collector.collect()
        except Exception as error:  # nobody sees an error of this thread, so the scrape says that there are no numbers
            measured = Measured(reason=f"unexpected {type(error).__name__}")
            log.debug("the metrics could not be collected", exc_info=True)
        with self._changed:
            self._kept, self._kept_at, self._is_asking = measured, time.monotonic(), False
            self._changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, listening: socket.socket, measures: _Measures, state: WatchState | None) -> None:
        super().__init__(("", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.measures, self.state = measures, state
        self._slots = threading.BoundedSemaphore(REQUESTS_MAX)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("a request for metrics ended early", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = SLOW_S
    server_version = "footfall"
    sys_version = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            accepted = self.headers.get("Accept", "")
            body, kind = write_metrics(self.server.measures.give(), self.server.state, accepted, has_process=True)
            self._answer(HTTPStatus.OK, body, kind)
        elif path == "/healthz":
            found = describe_health(self.server.measures.give(), self.server.state)
            status = HTTPStatus.OK if found["status"] == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, json.dumps(found).encode() + b"\n", "application/json")
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"There are /metrics and /healthz.\n", "text/plain; charset=utf-8")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (http.server's own signature)
        log.debug(format, *args)


def describe_health(measured: Measured, state: WatchState | None) -> dict[str, Any]:
    """Say whether the database is there, its tables are current and the watcher, if there is one, is at work.

    Shape: JSON; `status` is "ok" or "failing", and `reason` says why, without a name of the database or of a file. The
    age of the last load is shown, but not judged.
    """
    reasons = [] if measured.is_up else ["the database does not answer"]
    if measured.is_up and measured.reason:
        reasons.append("the tables are not those that this Footfall needs")
    found: dict[str, Any] = {
        "database": measured.is_up,
        "schema": {"version": measured.schema_version, "needed": measured.schema_needed},
        "last_load_age_seconds": measured.last_load_age_s,
    }
    if state is not None:
        silent_s = time.monotonic() - state.ticked_s
        if not state.loading and silent_s > STUCK_S:
            reasons.append(f"the watcher gave no sign for {silent_s:.0f} s")
        if state.missing:
            reasons.append(f"{state.missing} of {len(state.places)} places cannot be looked at")
        found["watch"] = {
            "is_ready": state.is_ready,
            "is_stopping": state.is_stopping,
            "waiting_files": state.waiting_files,
            "waiting_seconds": state.waiting_s,
            "sign_age_seconds": round(silent_s, 1),
        }
    return {"status": "failing" if reasons else "ok", "reason": "; ".join(reasons) or None, **found}
