"""Run the page: one process, until a signal ends it."""

from __future__ import annotations

import logging
import secrets
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import uvicorn

from footfall.errors import SettingsError
from footfall.page.app import make_app
from footfall.page.rendering import make_environment
from footfall.settings import Settings
from footfall.telling.wanted import is_loopback

log = logging.getLogger("footfall")
CONNECTIONS_MAX = 100
ENDING_S = 2  # seconds that open requests have to finish once the page is told to end
TOKEN_CHARACTERS_MIN = 16


@dataclass(frozen=True, slots=True)
class Place:
    """The address at which the page listens, and who may open it.

    Shape: `token` is the token to ask for. If it is empty, one is made; if it is None, nobody is asked for a token.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    allowed_hosts: tuple[str, ...] = ()
    token: str | None = None
    is_opened: bool = False


def serve(settings: Settings, place: Place, *, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. Effects: keeps an embedded database running for as long.

    Raises: SettingsError if the address is taken, the token is too short, or others would need no token.
    """
    token = place.token
    if token is None and not is_loopback(place.host):
        raise SettingsError(
            f"--host {place.host}: others reach the page there; add --token to ask them for one, or leave --host out "
            "and put a proxy before it (docs/how-to/look-at-the-page.md)"
        )
    token = secrets.token_urlsafe(24) if token == "" else token
    if token is not None and len(token) < TOKEN_CHARACTERS_MIN:
        raise SettingsError(f"--token: {TOKEN_CHARACTERS_MIN} characters at least; --token '' makes one")
    listening = _listen(place)
    port = listening.getsockname()[1]
    address = f"http://{f'[{place.host}]' if ':' in place.host else place.host}:{port}/"
    secret = f"?token={token}" if token else ""
    make_environment()  # now, so that the first screen does not wait for it
    app = make_app(settings, allowed_hosts=(*place.allowed_hosts, *_list_own_names(place)), token=token)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=ENDING_S,
    )
    from footfall.verbs.session import keep_database_running

    with keep_database_running(settings), listening:
        if not is_loopback(place.host):
            log.warning("others reach the page at %s; without TLS before it, they can read along", place.host)
        say(f"{address}{secret} - Ctrl-C ends it")
        if place.is_opened:
            webbrowser.open(address + secret)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


def _list_own_names(place: Place) -> tuple[str, ...]:
    if is_loopback(place.host) or place.host in ("0.0.0.0", "::"):  # noqa: S104  (compared, not bound)
        return ()
    return (f"[{place.host}]" if ":" in place.host else place.host,)


def _listen(place: Place) -> socket.socket:
    """Take the address before it is printed. Raises: SettingsError."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(where)
            listening.listen(CONNECTIONS_MAX)  # a browser that comes before the server is ready waits
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise SettingsError(
            f"--port {place.port}: {place.host} cannot be listened on ({error.strerror}); take another --port, or 0"
        ) from error
    return listening
