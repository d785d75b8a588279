"""Check every request before it is routed, and add the headers that every response carries.

Every web site that the reader visits can reach a page on loopback: a foreign name may resolve to 127.0.0.1 (DNS
rebinding), and any site may send a request here. So the guard checks the host name, allows only reading, and gives no
answer to the pages of another site.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from markupsafe import Markup
from starlette.datastructures import MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
# A host name or an IP address, with or without a port.
HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
READING = ("GET", "HEAD")
COOKIE = "footfall_token"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """The outermost layer of the application.

    Shape: `names` are the host names that a request may have besides those of loopback. If `token` is None, the page
    asks for no token.
    """

    app: ASGIApp
    names: frozenset[str] = frozenset()
    token: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request that may not pass; hand on every other one."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self.find_refusal(scope)
        await (answer or self.app)(scope, receive, send_guarded)

    def find_refusal(self, scope: Scope) -> Response | None:
        """Give the answer that refuses a request, or None if the request may pass."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if not is_own_host(_list_header_values(headers, b"host"), LOOPBACK_NAMES | self.names):
            return PlainTextResponse(
                "This server is not of that name. Open it as 127.0.0.1 or localhost; "
                "`footfall serve --allowed-host NAME` lets another name in.\n",
                400,
            )
        if scope["method"] not in READING:
            return PlainTextResponse("This page only reads: GET and HEAD.\n", 405, {"Allow": ", ".join(READING)})
        if is_of_another_site(headers):
            return PlainTextResponse("Another site asked for this; it gives its answers to its own pages alone.\n", 403)
        return demand_token(self.token, scope, headers) if self.token is not None else None


def demand_token(token: str, scope: Scope, headers: list[tuple[bytes, bytes]]) -> Response | None:
    """Let a request with the token in its cookie pass; if its address has the token, answer with the cookie."""
    for line in _list_header_values(headers, b"cookie"):
        if _is_equal(cookie_parser(line).get(COOKIE, ""), token):
            return None
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if not any(name == "token" and _is_equal(value, token) for name, value in pairs):
        return PlainTextResponse(
            "This page asks for a token: open the address that `footfall serve` printed when it started.\n", 401
        )
    # Not a redirect: if the reader followed a link of another site, the browser counts a redirect as a request of
    # that site and sends no strict cookie with it. The refresh below is a request of our own page.
    rest = urlencode([(name, value) for name, value in pairs if name != "token"])
    address = quote("/" + scope["path"].lstrip("/")) + (f"?{rest}" if rest else "")
    answer = HTMLResponse(
        Markup(
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Footfall</title>'
            '<meta http-equiv="refresh" content="0;url={0}"><p><a href="{0}">Go on to Footfall</a></p></html>\n'
        ).format(address)
    )
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=scope.get("scheme") == "https", path="/")
    return answer


def is_own_host(given: list[str], names: Iterable[str]) -> bool:
    """Say whether a request names exactly one host, and one of `names`. Any port will do, as it may be forwarded.

    Example:
        >>> is_own_host(["localhost:8765"], LOOPBACK_NAMES), is_own_host(["evil.example"], LOOPBACK_NAMES)
        (True, False)
    """
    found = HOST.fullmatch(given[0]) if len(given) == 1 else None
    return found is not None and found["name"].lower().removesuffix(".") in names


def is_of_another_site(headers: list[tuple[bytes, bytes]]) -> bool:
    """Say whether another site asks for something to use in its own page. A link that opens our page is fine."""
    site = _list_header_values(headers, b"sec-fetch-site")
    if not site or site[0] in ("same-origin", "none"):
        return False
    is_document = _list_header_values(headers, b"sec-fetch-mode") == ["navigate"]
    return not (is_document and _list_header_values(headers, b"sec-fetch-dest") == ["document"])


def _list_header_values(headers: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]


def _is_equal(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())
