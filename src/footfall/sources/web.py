"""Read a file by http:// or https://. An incomplete answer is an error.

All bytes come from one response, so they are one state of the file, and there must be as many as the server announces.
If a server answers requests for ranges and gives each state an ETag, ranges of one state can be read, too.
"""

from __future__ import annotations

import base64
import http.client
import re
import ssl
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from footfall.errors import SourceChangedError, SourceError, SourceUnavailableError
from footfall.safe_text import mask_source

SCHEMES = ("http", "https")
TIMEOUT_S = 60  # seconds without a byte, after which the server counts as not available
READ_BYTES = 1 << 20  # bytes per read
# After these, as after 5xx, a later try may succeed: Request Timeout, Too Early, Too Many Requests.
PASSING = (408, 425, 429)
DENIED = (401, 403, 407)
GONE = (404, 410)
PARTIAL = 206  # Partial Content
OTHER_STATE = (412, 416)  # Precondition Failed; Range Not Satisfiable, the answer for an empty file, too


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects, but never from https:// to an address without encryption, which others can read or forge."""

    def redirect_request(  # noqa: PLR0913  (urllib's own signature)
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError("it redirects from https:// to an address without protection")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def read(url: str) -> Iterator[bytes]:
    """Give the file's bytes in blocks.

    Effects: one GET, through the proxy that the environment names, if any; redirects are followed.
    Raises: SourceUnavailableError where a later try may help, SourceChangedError for a body of another length than
    announced, SourceError otherwise. Messages hold no secret of the URL.
    """
    name = mask_source(url)
    try:
        with _make_opener().open(_make_request(url), timeout=TIMEOUT_S) as response:
            announced = response.length
            if announced is None and not response.chunked:
                raise SourceError(
                    "the server does not say how long the file is, so a cut one would not be noticed; "
                    "download it, see that it is whole, and load the file",
                    source=name,
                )
            size_bytes = 0
            while block := response.read(READ_BYTES):
                size_bytes += len(block)
                yield block
    except urllib.error.HTTPError as error:
        with error:
            raise _make_refused_error(name, error.code, error.reason) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _make_away_error(name, error) from error
    if announced is not None and size_bytes != announced:
        raise SourceChangedError(
            f"{size_bytes:,} of {announced:,} bytes came, then the connection ended; run the same command again",
            source=name,
        )


@dataclass(frozen=True, slots=True)
class RangedFile:
    """One state of a file, read in ranges: see `ranged_stream`."""

    url: str
    size_bytes: int
    etag: str

    @property
    def source(self) -> str:
        """Give the address of the file without secrets."""
        return mask_source(self.url)

    def read(self, begin: int, end: int) -> bytes:
        """Give the bytes between two places. Raises: SourceChangedError where the file changed; SourceError."""
        status, headers, found = _ask_range(self.url, begin, end, self.etag)
        if status != PARTIAL or (headers["ETag"], _find_size(headers, begin)) != (self.etag, self.size_bytes):
            raise SourceChangedError(
                "changed while it was read, or its server no longer answers requests for ranges of it; run the same "
                "command again when its writer is done",
                source=self.source,
            )
        return found

    def assert_unchanged(self) -> None:
        """Do nothing, since each range came with the ETag of this state."""


def find_ranged(url: str) -> RangedFile | None:
    """Find the state that a file is in; None where its server does not answer for ranges of one state.

    Effects: one GET of one byte.
    Raises: SourceError, as `read` does.
    """
    status, headers, _ = _ask_range(url, 0, 1, None)
    etag, size_bytes = headers["ETag"] or "", _find_size(headers, 0)
    # If two states have the same weak ETag (W/), they mean the same, but their bytes may differ.
    if status != PARTIAL or size_bytes is None or not etag.startswith('"'):
        return None
    return RangedFile(url, size_bytes, etag)


def _ask_range(url: str, begin: int, end: int, etag: str | None) -> tuple[int, Message, bytes]:
    """Ask for a range, of one state if its ETag is given. Give status, headers, and the bytes if only these came."""
    name = mask_source(url)
    request = _make_request(url)
    request.add_header("Range", f"bytes={begin}-{end - 1}")
    if etag is not None:
        request.add_header("If-Match", etag)
    try:
        with _make_opener().open(request, timeout=TIMEOUT_S) as response:
            found = response.read(end - begin) if response.status == PARTIAL else b""
            return response.status, response.headers, found
    except urllib.error.HTTPError as error:
        with error:
            if error.code in OTHER_STATE:
                return error.code, error.headers, b""
            raise _make_refused_error(name, error.code, error.reason) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _make_away_error(name, error) from error


def _find_size(headers: Message, begin: int) -> int | None:
    """Find the size of the whole file in an answer for a range of it; None where it is another range."""
    found = re.fullmatch(rf"bytes {begin}-\d+/(\d+)", headers["Content-Range"] or "")
    return int(found[1]) if found else None


def _make_opener() -> urllib.request.OpenerDirector:
    # urllib's default opener would also follow a redirect to ftp://.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _SafeRedirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "footfall")]
    return opener


def _make_request(url: str) -> urllib.request.Request:
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    path, query = (quote(part, safe="%/:=&?~+!$,;'@()*[]") for part in (parts.path, parts.query))
    request = urllib.request.Request(urlunsplit((parts.scheme, host, path or "/", query, "")))  # noqa: S310  (http, https)
    request.add_header("Accept-Encoding", "identity")
    if user:
        token = base64.b64encode(unquote(user if ":" in user else f"{user}:").encode()).decode()
        # An "unredirected" header is not sent to another server to which this one redirects.
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def _make_refused_error(name: str, status: int, reason: str) -> SourceError:
    said = f"the server answers {status} {reason}".rstrip()
    if status in GONE:
        return SourceError(f"there is no such file ({said}); check the address", source=name)
    if status in DENIED:
        return SourceError(f"access is denied ({said}); check user, password and the signature's time", source=name)
    if status >= 500 or status in PASSING:
        return SourceUnavailableError(f"is not available now ({said}); run the same command again later", source=name)
    return SourceError(f"cannot be read ({said}); check the address", source=name)


def _make_away_error(name: str, error: Exception) -> SourceError:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return SourceError(
            f"the server's certificate is not trusted ({reason.verify_message}); check the address", source=name
        )
    if isinstance(reason, str):  # the refusal of a redirect above, or what urllib says of an impossible address
        return SourceError(f"cannot be read: {reason}; check the address", source=name)
    if isinstance(reason, http.client.InvalidURL | UnicodeError) or type(reason) is ValueError:
        return SourceError("is not a valid address; check host, port and spelling", source=name)
    if isinstance(reason, http.client.IncompleteRead):
        return SourceChangedError("the connection ended before the file did; run the same command again", source=name)
    why = reason.strerror if isinstance(reason, OSError) and reason.strerror else type(reason).__name__
    return SourceUnavailableError(
        f"the server cannot be reached ({why}); run the same command again later", source=name
    )
