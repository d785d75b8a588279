"""Send an event to a webhook: signed, tried again, never redirected, and given up after a while.

Source: Standard Webhooks 1.0.0 (the three headers, and what is signed).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import ssl
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.metadata import version
from urllib.parse import urlsplit

from footfall.telling.wanted import Notify, is_loopback

WAIT_MAX_S = 30.0  # seconds between two tries; a server may ask for more, and is asked again after this
# A later try may succeed after these, as after 5xx: Request Timeout, Too Early, Too Many Requests.
PASSING = (408, 425, 429)
PREFIX = "whsec_"  # before a secret that is base64


@dataclass(frozen=True, slots=True)
class _Answer:
    """How one try ended: `fault` is empty where the event was taken. Units: `wait_s` as the server asks, in seconds."""

    fault: str = ""
    may_help: bool = False
    wait_s: float | None = None


def send(notify: Notify, event_id: str, kind: str, body: bytes) -> str:
    """Send the event, again where a later try may help; give why it failed, empty where it did not.

    Effects: POSTs, each signed with the time of its own; sleeps between them. The text names the host alone: the rest
    of the address may be a secret.
    """
    host = urlsplit(notify.webhook).hostname or ""
    for left in range(notify.retries, -1, -1):
        answer = _try_within(notify, _make_request(notify, event_id, kind, body))
        if not answer.fault:
            return ""
        if not answer.may_help or not left:
            break
        _wait(min(answer.wait_s if answer.wait_s is not None else 2.0 ** (notify.retries - left), WAIT_MAX_S))
    tries = notify.retries - left + 1
    return f"{host}: {answer.fault}{f', {tries} times' if tries > 1 else ''}"


def _wait(seconds: float) -> None:
    time.sleep(seconds)


def sign(secret: bytes, event_id: str, timestamp: int, body: bytes) -> str:
    """Give the signature of an event: HMAC-SHA256 over its id, the time of sending and its body, in base64.

    Example:
        >>> sign(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
        ...     b'{"test": 2432232314}')
        'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    text = secret.decode(errors="replace")
    key = secret
    if text.startswith(PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            key = secret
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _make_request(notify: Notify, event_id: str, kind: str, body: bytes) -> urllib.request.Request:
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"footfall/{version('footfall')}",
        "Footfall-Event": kind,
        "Webhook-Id": event_id,
        "Webhook-Timestamp": str(timestamp),
    }
    if notify.secret:
        headers["Webhook-Signature"] = sign(notify.secret, event_id, timestamp, body)
    return urllib.request.Request(notify.webhook, data=body, headers=headers, method="POST")  # noqa: S310  (https)


def _try_within(notify: Notify, request: urllib.request.Request) -> _Answer:
    """Make one try, and leave it behind where it takes too long, as with an answer that comes byte by byte."""
    done: list[_Answer] = []
    trying = threading.Thread(target=lambda: done.append(_try_once(notify, request)), daemon=True)
    trying.start()
    trying.join(notify.timeout_s)
    return done[0] if done else _Answer(f"no answer within {notify.timeout_s:g} s", may_help=True)


def _try_once(notify: Notify, request: urllib.request.Request) -> _Answer:
    try:
        with _make_opener(notify).open(request, timeout=notify.timeout_s) as response:
            response.read(1)  # nothing but the status is of interest
        return _Answer()
    except urllib.error.HTTPError as error:
        with error:
            if 300 <= error.code < 400:
                return _Answer(f"it answers {error.code}; redirects are not followed, name the address itself")
            after = error.headers.get("Retry-After", "")
            wait_s = float(after) if after.isdecimal() else None
            return _Answer(f"it answers {error.code}", error.code >= 500 or error.code in PASSING, wait_s)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            return _Answer(f"its certificate is not trusted ({reason.verify_message})")
        if isinstance(reason, TimeoutError):
            return _Answer(f"no answer within {notify.timeout_s:g} s", may_help=True)
        why = reason.strerror if isinstance(reason, OSError) and reason.strerror else type(reason).__name__
        return _Answer(f"it cannot be reached ({why})", may_help=True)


def _make_opener(notify: Notify) -> urllib.request.OpenerDirector:
    # Built by hand: urllib's own opener would follow redirects. What stays on this machine passes no proxy.
    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPDefaultErrorHandler()]
    if not is_loopback(urlsplit(notify.webhook).hostname or ""):
        handlers.append(urllib.request.ProxyHandler())
    if notify.webhook.lower().startswith("https:"):
        context = ssl.create_default_context(cafile=notify.ca_file)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    else:
        handlers.append(urllib.request.HTTPHandler())
    handlers.append(urllib.request.HTTPErrorProcessor())
    for handler in handlers:
        opener.add_handler(handler)
    return opener
