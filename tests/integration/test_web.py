"""A file by http:// and https://: a real server, which a test makes say what it needs."""

from __future__ import annotations

import base64
import gzip
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from factories import make_contract
from footfall import check, discover, load
from footfall.errors import SourceChangedError, SourceError, SourceUnavailableError
from footfall.formats.ranges import Planner, Range, open_range
from footfall.sources import web
from footfall.sources.opening import open_source
from footfall.sources.ranged import State, find_state, open_planned, open_to_plan, take_digest

BODY = b"interaction_id,user_id,product_id,action,timestamp\n1,1,1,click,2024-01-01\n"
Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Give the address of a server that answers every GET so."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            answer(self)
            self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False  # it ends when each answer has: none leaves its sockets open
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def answering(body: bytes = BODY, status: int = 200, **headers: str) -> Answer:
    """Answer with a body, and headers whose names are written with `_`; `Content_Length` is that of the body."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            if value:
                request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def bytes_of(url: str) -> bytes:
    return b"".join(web.read(url))


@dataclass
class Ranges:
    """A file that a server gives in ranges; `asked` has the headers of each request."""

    body: bytes
    etag: str | None = '"1"'
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        wanted, condition = request.headers["Range"], request.headers["If-Match"]
        self.asked.append((wanted, condition))
        if condition not in (None, self.etag):
            answering(b"", 412)(request)
            return
        if not wanted:
            answering(self.body)(request)
            return
        first, last = wanted.removeprefix("bytes=").split("-")
        piece = self.body[int(first) : int(last) + 1]
        words = {"Content_Range": f"bytes {first}-{int(first) + len(piece) - 1}/{len(self.body)}"}
        answering(piece, 206, ETag=self.etag or "", **words)(request)


def plan_ranges_of(url: str, range_bytes: int) -> tuple[tuple[Range, ...], State, str]:
    with open_to_plan(url) as opened:
        planner = Planner(opened, make_contract(), range_bytes)
        file = take_digest(opened, planner.take)
        return planner.finish(), find_state(file), file.digest


def lines_of(url: str, ranges: tuple[Range, ...], state: State, digest: str) -> list[int]:
    numbers: list[int] = []
    for part in ranges:
        with open_planned(url, state, digest) as file:
            _, batches = open_range(file, make_contract(), 64, part)
            numbers += [number for batch in batches for number in batch["position"].to_pylist()]
    return numbers


@pytest.mark.slow
def test_a_file_is_loaded_once_by_its_address(database: str) -> None:
    with serving(answering()) as address:
        first, again = (load(f"{address}/a.csv?day=1", database_url=database) for _ in range(2))
        (found,) = discover(f"{address}/a.csv", database_url=database)
    assert [first.loads[0].status, again.loads[0].status] == ["loaded", "already-loaded"]
    assert found.load_id == first.loads[0].load_id
    with psycopg.connect(database) as connection:
        assert connection.execute("select source, rows_loaded from loads").fetchall() == [(f"{address}/a.csv?day=1", 1)]


def test_a_compressed_file_is_read_by_its_bytes_whatever_its_address_looks_like() -> None:
    with serving(answering(gzip.compress(BODY))) as address:
        assert check(f"{address}/export").rows_loaded == 1


def test_a_name_that_promises_compression_is_held_to_it_in_spite_of_a_query() -> None:
    with serving(answering()) as address:
        (result,) = check(f"{address}/a.csv.gz?sig=1").loads
    assert "is not compressed as its name says" in (result.error or "")


def test_the_copy_is_for_its_owner_alone_and_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with serving(answering()) as address, open_source(f"{address}/a.csv") as file:
        status = os.fstat(file.stream.fileno())
        assert (status.st_mode & 0o777, status.st_nlink, status.st_size) == (0o600, 0, len(BODY))
        assert list(tmp_path.iterdir()) == []


def test_a_body_that_is_cut_is_refused_and_worth_a_retry() -> None:
    with serving(answering(Content_Length="1000")) as address, pytest.raises(SourceChangedError, match="1,000 bytes"):
        bytes_of(f"{address}/a.csv")


def test_a_body_in_chunks_that_is_cut_is_refused_and_worth_a_retry() -> None:
    cut = answering(b"40\r\nhalf of it", Content_Length="", Transfer_Encoding="chunked")
    with serving(cut) as address, pytest.raises(SourceChangedError):
        bytes_of(f"{address}/a.csv")


def test_a_body_in_chunks_arrives_whole() -> None:
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    with serving(answering(chunks, Content_Length="", Transfer_Encoding="chunked")) as address:
        assert bytes_of(f"{address}/a.csv") == BODY


def test_a_body_of_unknown_length_is_refused() -> None:
    with serving(answering(Content_Length="")) as address, pytest.raises(SourceError, match="how long"):
        bytes_of(f"{address}/a.csv")


@pytest.mark.parametrize(
    ("status", "words", "retryable"),
    [
        (404, "no such file", False),
        (410, "no such file", False),
        (401, "access is denied", False),
        (403, "access is denied", False),
        (400, "cannot be read", False),
        (429, "is not available now", True),
        (500, "is not available now", True),
        (503, "is not available now", True),
    ],
)
def test_the_server_s_answer_decides_whether_a_retry_helps(status: int, words: str, retryable: bool) -> None:
    with serving(answering(b"", status)) as address, pytest.raises(SourceError, match=words) as caught:
        bytes_of(f"{address}/a.csv")
    assert (caught.value.exit_code, caught.value.retryable) == (3, retryable)


def test_a_server_that_is_away_is_worth_a_retry() -> None:
    with pytest.raises(SourceUnavailableError, match="cannot be reached"):
        bytes_of("http://127.0.0.1:9/a.csv")


def test_a_server_that_hangs_up_is_worth_a_retry() -> None:
    with serving(lambda _: None) as address, pytest.raises(SourceUnavailableError):
        bytes_of(f"{address}/a.csv")


@pytest.mark.parametrize("url", ["http://", "http://[x/a.csv", "http://127.0.0.1:port/a.csv", "http://a b/c.csv"])
def test_an_address_that_makes_no_sense_is_refused(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        bytes_of(url)
    assert not caught.value.retryable


def test_a_path_with_spaces_and_other_letters_is_asked_for() -> None:
    asked = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        answering()(request)

    with serving(answer) as address:
        bytes_of(f"{address}/März 1.csv?x=ü%20y")
    assert asked == ["/M%C3%A4rz%201.csv?x=%C3%BC%20y"]


# secrets


def test_user_and_password_go_to_their_server_and_nowhere_else() -> None:
    heard = []

    def other(request: BaseHTTPRequestHandler) -> None:
        heard.append(request.headers["Authorization"])
        answering()(request)

    def first(request: BaseHTTPRequestHandler) -> None:
        heard.append(request.headers["Authorization"])
        answering(b"", 302, Location=f"{target}/a.csv")(request)

    with serving(other) as target, serving(first) as address:
        assert bytes_of(address.replace("://", "://me:pass%20word@") + "/a.csv") == BODY
    assert heard == ["Basic " + base64.b64encode(b"me:pass word").decode(), None]


SECRETS = "?day=1&X-Amz-Signature=hunter2&sig=hunter2&X-Goog-Signature=hunter2&access_token=hunter2"


@pytest.mark.slow
@pytest.mark.parametrize("status", [200, 403, 503])
def test_no_secret_of_an_address_is_shown_or_stored(database: str, status: int) -> None:
    with serving(answering(BODY if status == 200 else b"", status)) as address:
        url = address.replace("://", "://me:hunter2@") + "/a.csv" + SECRETS
        command = [sys.executable, "-m", "footfall.cli", "load", url, "-v", "--format", "json"]
        variables = os.environ | {"FOOTFALL_DATABASE_URL": database}
        done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=600, check=False)
        shown = url.replace("me:hunter2", "***").replace("hunter2", "***")
    assert done.returncode == (0 if status == 200 else 3)
    assert [each["source"] for each in json.loads(done.stdout)["loads"]] == [shown]
    assert "hunter2" not in done.stdout + done.stderr
    with psycopg.connect(database) as connection:
        kept = connection.execute("select source, error from loads").fetchall()
    assert [source for source, _ in kept] == [shown]
    assert "hunter2" not in str(kept)


@pytest.mark.slow
def test_rejected_rows_are_found_by_the_address_as_given(database: str) -> None:
    with serving(answering(BODY + b"x,1,1,click,2024-01-01\n")) as address:
        url = f"{address}/a.csv?sig=hunter2"
        load(url, database_url=database)
        command = [sys.executable, "-m", "footfall.cli", "rejects", "--source", url, "--format", "json"]
        variables = os.environ | {"FOOTFALL_DATABASE_URL": database}
        done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=600, check=True)
    (row,) = json.loads(done.stdout)
    assert row["source"] == f"{address}/a.csv?sig=***"


# https


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and key of 127.0.0.1 in one file, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    words = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*words))
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_server_with_a_trusted_certificate_is_read(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(answering(), tls) as address:
        assert bytes_of(f"{address}/a.csv") == BODY


def test_a_server_whose_certificate_is_not_trusted_is_refused(tls: ssl.SSLContext) -> None:
    with serving(answering(), tls) as address, pytest.raises(SourceError, match="not trusted") as caught:
        bytes_of(f"{address}/a.csv")
    assert not caught.value.retryable


@pytest.mark.slow
def test_a_redirect_never_leaves_https(tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(answering()) as plain:
        away = answering(b"", 302, Location=f"{plain}/a.csv")
        with serving(away, tls) as address, pytest.raises(SourceError, match="without protection"):
            bytes_of(f"{address}/a.csv")


def test_a_redirect_never_leads_to_a_file_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(BODY)
    with serving(answering(b"", 302, Location=f"file://{tmp_path}/a.csv")) as address, pytest.raises(SourceError):
        bytes_of(f"{address}/a.csv")


# in ranges

ROWS = BODY + b"2,1,1,click,2024-01-01\n" * 200_000


def test_a_server_that_answers_for_ranges_of_one_state_is_read_in_ranges_without_a_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    served = Ranges(ROWS)
    with serving(served) as address:
        ranges, state, digest = plan_ranges_of(f"{address}/a.csv", 1 << 20)
        assert (digest, state) == (sha256(ROWS).hexdigest(), State(len(ROWS), etag='"1"'))
        assert len(ranges) > 3
        assert lines_of(f"{address}/a.csv", ranges, state, digest) == list(range(2, 200_003))
    assert all(wanted for wanted, _ in served.asked)
    assert {condition for _, condition in served.asked} == {None, '"1"'}


@pytest.mark.parametrize("etag", [None, 'W/"1"'])
def test_a_server_that_does_not_tell_states_apart_is_read_whole_and_the_digest_decides(etag: str | None) -> None:
    served = Ranges(ROWS, etag)
    with serving(served) as address:
        ranges, state, digest = plan_ranges_of(f"{address}/a.csv", 2 << 20)
        assert state == State(len(ROWS))
        assert lines_of(f"{address}/a.csv", ranges, state, digest) == list(range(2, 200_003))
        served.body = ROWS.replace(b"click", b"other")
        with pytest.raises(SourceChangedError, match="changed since it was planned"):
            lines_of(f"{address}/a.csv", ranges, state, digest)


def test_a_server_that_knows_no_ranges_is_read_whole() -> None:
    with serving(answering(ROWS, ETag='"1"')) as address:
        ranges, state, digest = plan_ranges_of(f"{address}/a.csv", 2 << 20)
        assert (len(ranges), state) == (3, State(len(ROWS)))
        assert lines_of(f"{address}/a.csv", ranges[1:], state, digest)[-1] == 200_002


@pytest.mark.slow
@pytest.mark.parametrize("ignores", [False, True])
def test_a_file_that_changes_between_two_ranges_is_refused(*, ignores: bool) -> None:
    """Whether the server heeds If-Match or not: it says with each range of which state it is."""
    served = Ranges(ROWS)
    with serving(served) as address:
        ranges, state, digest = plan_ranges_of(f"{address}/a.csv", 1 << 20)

        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.headers["If-Match"] and ignores:
                del request.headers["If-Match"]
            served(request)
            if request.headers["Range"] != "bytes=0-0":
                served.etag = '"2"'

        with serving(answer) as elsewhere, pytest.raises(SourceChangedError, match="changed while it was read"):
            lines_of(f"{elsewhere}/a.csv", ranges[1:2], state, digest)


def test_a_server_that_answers_for_another_range_is_refused() -> None:
    other = answering(BODY, 206, ETag='"1"', Content_Range=f"bytes 7-{len(BODY) + 6}/{len(BODY)}")
    with serving(other) as address, pytest.raises(SourceChangedError):
        web.RangedFile(f"{address}/a.csv", len(BODY), '"1"').read(0, 5)


def test_an_empty_file_is_said_to_be_empty_when_it_is_planned() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        answering(b"", 416 if request.headers["Range"] else 200)(request)

    with serving(answer) as address, pytest.raises(SourceError, match="the file is empty"):
        plan_ranges_of(f"{address}/a.csv", 1)


def test_no_secret_of_an_address_is_in_the_refusal_of_a_range() -> None:
    with serving(answering(b"", 403)) as address, pytest.raises(SourceError, match="access is denied") as caught:
        plan_ranges_of(address.replace("://", "://me:hunter2@") + "/a.csv" + SECRETS, 1)
    assert "hunter2" not in str(caught.value)
