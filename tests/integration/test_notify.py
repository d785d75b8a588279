"""Who is told of what goes wrong: real commands, and real servers that take webhooks, are slow, fail or lie."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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

from footfall.cli import main as cli
from footfall.errors import DatabaseUnavailableError, SettingsError
from footfall.results import LoadResult
from footfall.settings import Settings, load_settings
from footfall.telling import webhook
from footfall.telling.event import Event
from footfall.verbs import load as load_verb
from footfall.verbs import verify as verify_verb
from footfall.verbs.notify import Silence, tell, tell_of_loads
from listening import heard_by

Write = Callable[..., str]
SECRET = "0123456789abcdef-secret"
AWAY = "postgresql://me:hunter2@127.0.0.1:1/none"


@dataclass
class Inbox:
    """What a server was sent, and how it answers: a status for each try, the last one for all later ones."""

    statuses: list[int] = field(default_factory=lambda: [204])
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    hang: threading.Event | None = None

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@contextmanager
def receiving(inbox: Inbox, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Give the address of a server that takes webhooks."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.got.append((dict(self.headers), body))
            if inbox.hang is not None:
                inbox.hang.wait()
                return
            status = inbox.statuses[min(len(inbox.got), len(inbox.statuses)) - 1]
            self.send_response(status)
            for name, value in inbox.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self) -> None:  # what a followed redirect would become
            inbox.got.append((dict(self.headers), b""))
            self.send_response(200)
            self.end_headers()

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}/hook/path-that-is-secret"
        finally:
            if inbox.hang is not None:
                inbox.hang.set()
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits between two tries are noted, and not waited for."""
    waits: list[float] = []
    monkeypatch.setattr(webhook, "_wait", waits.append)
    return waits


@pytest.fixture
def wanted(tmp_path: Path) -> Callable[..., Settings]:
    """Write `[notify]` into footfall.toml, and give the settings of it."""

    def want(database_url: str = AWAY, **keys: object) -> Settings:
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        (tmp_path / "footfall.toml").write_text("\n".join(["[notify]", *lines]))
        return load_settings(database_url=database_url)

    return want


def heard(function: Callable[..., Any], *values: Any, **named: Any) -> list[str]:
    said: list[str] = []
    heard_by(said.append, function, *values, **named)
    return said


def make_certificate(folder: Path, host: str = "127.0.0.1") -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / f"{host}.pem", folder / f"{host}.key"
    cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, secret)
    return cert, context


def test_a_webhook_gets_the_event_signed(wanted: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    inbox = Inbox()
    with receiving(inbox) as address:
        settings = wanted(webhook=address, secret_variable="HOOK_SECRET")
        assert heard(tell, settings, Event("failed-load", "a.csv was not loaded", {"exit_code": 3})) == []
    ((headers, body),) = inbox.got
    signed = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
    assert headers["Webhook-Signature"] == f"v1,{expected}"
    assert headers["Content-Type"] == "application/json"
    assert headers["Footfall-Event"] == "failed-load"
    assert abs(int(headers["Webhook-Timestamp"]) - datetime.now(UTC).timestamp()) < 600
    event = json.loads(body)
    assert event["id"] == headers["Webhook-Id"]
    assert event["message"] == "a.csv was not loaded"
    assert event["text"] == "footfall: a.csv was not loaded"
    assert (event["event"], event["exit_code"], event["schema"]) == ("failed-load", 3, "public")
    assert SECRET.encode() not in body + repr(headers).encode()


def test_a_secret_in_a_file_and_in_base64_sign_as_the_standard_says(
    wanted: Callable[..., Settings], tmp_path: Path
) -> None:
    raw = b"sixteen bytes or more"
    (tmp_path / "secret").write_text(f"whsec_{base64.b64encode(raw).decode()}\n")
    inbox = Inbox()
    with receiving(inbox) as address:
        tell(wanted(webhook=address, secret_file=str(tmp_path / "secret")), Event("test", "hello"))
    ((headers, body),) = inbox.got
    signed = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(raw, signed, hashlib.sha256).digest()).decode()
    assert headers["Webhook-Signature"] == f"v1,{expected}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_what_may_pass_is_tried_again_with_longer_waits(
    wanted: Callable[..., Settings], no_waits: list[float], status: int
) -> None:
    inbox = Inbox(statuses=[status, status, 200])
    with receiving(inbox) as address:
        assert heard(tell, wanted(webhook=address), Event("drift", "x")) == []
    assert len(inbox.got) == 3
    assert no_waits == [1, 2]
    assert len({headers["Webhook-Id"] for headers, _ in inbox.got}) == 1


@pytest.mark.slow
def test_a_server_says_how_long_to_wait_and_is_not_waited_for_longer_than_half_a_minute(
    wanted: Callable[..., Settings], no_waits: list[float]
) -> None:
    for after, waited in (("7", 7), ("86400", 30)):
        no_waits.clear()
        with receiving(Inbox(statuses=[429, 200], headers={"Retry-After": after})) as address:
            assert tell(wanted(webhook=address), Event("drift", "x"))
        assert no_waits == [waited]


def test_a_server_that_fails_for_good_is_a_warning_that_shows_no_secret(
    wanted: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    inbox = Inbox(statuses=[500])
    with receiving(inbox) as address:
        settings = wanted(webhook=address, secret_variable="HOOK_SECRET", retries=2)
        (said,) = heard(tell, settings, Event("drift", "x"))
    assert said == "nobody could be told of the event drift: the webhook of 127.0.0.1: it answers 500, 3 times"
    assert len(inbox.got) == 3
    assert SECRET not in repr(settings) + repr(settings.notify)
    assert "path-that-is-secret" not in said + repr(settings) + repr(settings.notify)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_not_tried_again(wanted: Callable[..., Settings], status: int) -> None:
    inbox = Inbox(statuses=[status])
    with receiving(inbox) as address:
        (said,) = heard(tell, wanted(webhook=address), Event("drift", "x"))
    assert said.endswith(f"it answers {status}")
    assert len(inbox.got) == 1


@pytest.mark.slow
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(wanted: Callable[..., Settings], status: int) -> None:
    other = Inbox()
    with receiving(other) as elsewhere, receiving(Inbox([status], headers={"Location": elsewhere})) as address:
        (said,) = heard(tell, wanted(webhook=address), Event("drift", "x"))
    assert f"it answers {status}; redirects are not followed" in said
    assert other.got == []


@pytest.mark.slow
def test_a_server_that_never_answers_is_left_behind(wanted: Callable[..., Settings]) -> None:
    inbox = Inbox(hang=threading.Event())
    with receiving(inbox) as address:
        settings = wanted(webhook=address, timeout_seconds=0.3, retries=1)
        (said,) = heard(tell, settings, Event("drift", "x"))
    assert said.endswith("no answer within 0.3 s, 2 times")


def test_an_answer_byte_by_byte_is_left_behind(wanted: Callable[..., Settings]) -> None:
    """Each byte comes within the time-out of a read, so that only the time-out of the whole try ends it."""
    told = threading.Event()

    class Drip(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            with suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                while not told.is_set():
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.05)

    with ThreadingHTTPServer(("127.0.0.1", 0), Drip) as server:
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings = wanted(webhook=f"http://127.0.0.1:{server.server_port}/", timeout_seconds=0.5, retries=0)
        said = heard(tell, settings, Event("drift", "x"))
        told.set()
        server.shutdown()
        thread.join()
    assert said == ["nobody could be told of the event drift: the webhook of 127.0.0.1: no answer within 0.5 s"]


def test_a_server_that_is_not_there_is_tried_again(wanted: Callable[..., Settings], no_waits: list[float]) -> None:
    (said,) = heard(tell, wanted(webhook="http://127.0.0.1:1/x"), Event("drift", "x"))
    assert said.endswith("it cannot be reached (Connection refused), 4 times")
    assert no_waits == [1, 2, 4]


@pytest.mark.slow
def test_a_certificate_is_checked(wanted: Callable[..., Settings], tmp_path: Path) -> None:
    cert, context = make_certificate(tmp_path)
    _, wrong = make_certificate(tmp_path, "127.0.0.9")
    inbox = Inbox()
    with receiving(inbox, context) as address:
        (said,) = heard(tell, wanted(webhook=address), Event("drift", "x"))
        assert "its certificate is not trusted" in said
        assert inbox.got == []
        assert heard(tell, wanted(webhook=address, ca_file=str(cert)), Event("drift", "x")) == []
        assert len(inbox.got) == 1
    with receiving(inbox, wrong) as address:
        (said,) = heard(tell, wanted(webhook=address, ca_file=str(tmp_path / "127.0.0.9.pem")), Event("drift", "x"))
        assert "its certificate is not trusted" in said
    assert len(inbox.got) == 1


@pytest.mark.slow
def test_what_stays_on_this_machine_passes_no_proxy(
    wanted: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Inbox()
    with receiving(proxy) as way, receiving(Inbox()) as address:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, way)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert tell(wanted(webhook=address), Event("drift", "x"))
    assert proxy.got == []


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"webhook": "http://hooks.example.com/x"}, "others can read and change"),
        ({"webhook": "ftp://hooks.example.com/x"}, "not an address of the web"),
        ({"webhook": "https://me:hunter2@hooks.example.com/"}, "a name or password in the address"),
        ({"webhook": "https://[half/"}, "is not an address"),
        ({"webhook": 7}, "a text is wanted"),
        ({"command": "mail me"}, "no shell splits one text"),
        ({"command": []}, "a list of texts"),
        ({"command": [""]}, "its first text is the program"),
        ({"command": ["x"], "events": ["failed"]}, "there are failed-load"),
        ({"command": ["x"], "retries": 99}, "a number from 0 to 5"),
        ({"command": ["x"], "retries": True}, "a number from 0 to 5"),
        ({"command": ["x"], "timeout_seconds": 0}, "a number from 0.1"),
        ({"command": ["x"], "nothing_for_hours": "a day"}, "a number from"),
        ({"command": ["x"], "retry": 2}, "did you mean retries?"),
        ({"command": ["x"], "secret_variable": "A", "secret_file": "b"}, "keep one of the two"),
        ({"webhook": "https://a/", "webhook_variable": "A"}, "keep one of the two"),
        ({}, "neither a command nor a webhook"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_loaded(
    wanted: Callable[..., Settings], keys: dict[str, object], reason: str
) -> None:
    with pytest.raises(SettingsError, match=reason) as caught:
        wanted(**keys)
    assert "hunter2" not in caught.value.message
    assert "[notify] in footfall.toml" in caught.value.message


def test_a_table_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "footfall.toml").write_text('notify = "me"')
    with pytest.raises(SettingsError, match=r"a table of its own, \[notify\]"):
        load_settings()


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"webhook_variable": "HOOK"}, "the variable HOOK (webhook_variable of"),
        ({"webhook": "https://a.example/", "secret_variable": "HOOK"}, "the variable HOOK with the secret of"),
        ({"webhook": "https://a.example/", "secret_file": "not-there"}, "the file not-there (secret_file of"),
    ],
)
def test_what_this_machine_lacks_is_a_warning_when_there_is_something_to_tell(
    wanted: Callable[..., Settings], keys: dict[str, str], reason: str
) -> None:
    settings = wanted(**keys)
    (said,) = heard(tell, settings, Event("drift", "x"))
    assert reason in said
    assert said.endswith("nothing was sent")


def test_a_short_secret_signs_nothing(wanted: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "tooshort")
    inbox = Inbox()
    with receiving(inbox) as address:
        (said,) = heard(tell, wanted(webhook=address, secret_variable="HOOK_SECRET"), Event("drift", "x"))
    assert "has fewer than 16 bytes" in said
    assert "tooshort" not in said
    assert inbox.got == []


def test_only_the_events_that_are_wanted_are_told(wanted: Callable[..., Settings]) -> None:
    inbox = Inbox()
    with receiving(inbox) as address:
        settings = wanted(webhook=address, events=["drift"])
        tell(settings, Event("failed-load", "x"))
        tell(settings, Event("drift", "y"))
    assert [each["event"] for each in inbox.events] == ["drift"]


def test_a_command_gets_the_event_on_stdin_and_no_shell_reads_it(
    wanted: Callable[..., Settings], tmp_path: Path
) -> None:
    command = [
        "sh",
        "-c",
        'cat >"$0"; printf "%s\\n" "$FOOTFALL_EVENT|$FOOTFALL_EVENT_MESSAGE|$1" >>"$0.vars"',
        "got",
        "$(id); *",
    ]
    event = Event("failed-load", "a `b` $(c)\n.csv", {"failures": [{"source": "s3://me:pw@b/a.csv"}]})
    assert heard(tell, wanted(command=command), event) == []
    found = json.loads((tmp_path / "got").read_text())
    assert found["id"] == event.event_id
    assert found["failures"] == [{"source": "s3://me:***@b/a.csv"}]
    assert (tmp_path / "got.vars").read_text() == "failed-load|a `b` $(c)\\n.csv|$(id); *\n"


def test_a_command_that_fails_is_a_warning_with_the_end_of_what_it_said(wanted: Callable[..., Settings]) -> None:
    (said,) = heard(
        tell, wanted(command=["sh", "-c", "echo one >&2; echo password=abc >&2; exit 3"]), Event("drift", "x")
    )
    assert said == "nobody could be told of the event drift: the command sh ended with exit code 3: password=***"
    (said,) = heard(tell, wanted(command=["not-there-at-all"]), Event("drift", "x"))
    assert "cannot be run (No such file or directory)" in said


@pytest.mark.slow
def test_a_command_that_hangs_is_ended_with_what_it_started(wanted: Callable[..., Settings], tmp_path: Path) -> None:
    script = "sh -c 'echo $$ >child; exec sleep 3600' & wait"
    settings = wanted(command=["sh", "-c", script], timeout_seconds=1)
    (said,) = heard(tell, settings, Event("drift", "x"))
    assert said.endswith("took longer than 1 s and was ended")
    if (tmp_path / "child").exists():
        with pytest.raises(ProcessLookupError):
            while True:  # the kernel needs a moment to take it away
                os.kill(int((tmp_path / "child").read_text()), 0)
                with suppress(ChildProcessError):
                    os.waitpid(-1, os.WNOHANG)
                if Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/stat").read_text().split()[2] == "Z":
                    raise ProcessLookupError
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_command_that_leaves_something_running_is_not_waited_for(wanted: Callable[..., Settings]) -> None:
    assert heard(tell, wanted(command=["sh", "-c", "sleep 5 & exit 0"]), Event("drift", "x")) == []


@pytest.mark.slow
def test_a_load_tells_of_files_that_failed_once_for_all(
    wanted: Callable[..., Settings], database: str, write_csv: Write
) -> None:
    good = write_csv("a.csv", "1,1,1,click,2024-01-01")
    bad = [write_csv(f"b{n}.csv", content=b"not,a,header\n1,2,3\n") for n in range(30)]
    rejected = write_csv("c.csv", "2,1,1,click,never", "3,1,1,click,2024-01-01")
    inbox = Inbox()
    with receiving(inbox) as address:
        settings = wanted(database, webhook=address).model_copy(update={"max_rejected": None})
        settings = load_settings(database_url=database, max_rejected="0")
        load_verb.load([good, *bad, rejected], settings)
        load_verb.load([good], settings)
    failed, exceeded = inbox.events
    assert (failed["event"], failed["failure_count"], len(failed["failures"])) == ("failed-load", 30, 20)
    assert failed["failures"][0]["source"] == bad[0]
    assert failed["exit_code"] == 3
    assert f"{bad[0]} was not loaded: " in failed["message"]
    assert failed["message"].endswith("; and 29 more files")
    assert (exceeded["event"], exceeded["failure_count"], exceeded["exit_code"]) == ("budget-exceeded", 1, 4)
    assert exceeded["failures"][0]["source"] == rejected


def test_a_load_without_a_database_tells_and_fails_as_ever(wanted: Callable[..., Settings], write_csv: Write) -> None:
    inbox = Inbox()
    with receiving(inbox) as address, pytest.raises(DatabaseUnavailableError):
        load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01")], wanted(webhook=address))
    (event,) = inbox.events
    assert (event["event"], event["exit_code"]) == ("failed-load", 5)
    assert "hunter2" not in json.dumps(event)


def test_a_webhook_that_fails_changes_no_exit_code_and_no_output(
    wanted: Callable[..., Settings],
    database: str,
    write_csv: Write,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted(database, webhook="http://127.0.0.1:1/x", retries=0, command=["not-there-at-all"])
    empty = write_csv("b.csv", content=b"")
    monkeypatch.setattr("sys.argv", ["footfall", "load", empty, "--database", database, "--format", "json"])
    assert cli.main() == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["loads"][0]["status"] == "failed"
    assert said.err.count("nobody could be told") == 2


@pytest.mark.slow
def test_drift_is_told_and_its_absence_is_not(wanted: Callable[..., Settings], database: str, write_csv: Write) -> None:
    inbox = Inbox()
    with receiving(inbox) as address:
        settings = wanted(database, webhook=address)
        load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01")], settings)
        verify_verb.verify(settings)
        assert inbox.got == []
        with psycopg.connect(database) as connection:
            connection.execute("update interactions set interaction_count = 7")
        verify_verb.verify(settings)
    (event,) = inbox.events
    assert (event["event"], event["exit_code"]) == ("drift", 7)
    assert event["drift_count"] >= 1
    assert event["drift"][0]["check"] == "interactions"


def test_silence_is_told_once_and_again_after_the_next_one(wanted: Callable[..., Settings]) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    inbox = Inbox()
    with receiving(inbox) as address:
        silence = Silence(wanted(webhook=address, nothing_for_hours=2), start)
        for minutes in (0, 119, 121, 180, 600):
            silence.look(start + timedelta(minutes=minutes))
        assert [each["event"] for each in inbox.events] == ["nothing-new"]
        assert inbox.events[0]["since"] == "2024-01-01T00:00:00+00:00"
        silence.note(start + timedelta(hours=11))
        silence.look(start + timedelta(hours=12))
        assert len(inbox.got) == 1
        silence.look(start + timedelta(hours=13))
        assert len(inbox.got) == 2
        silence.note(start)
        silence.look(start + timedelta(hours=14))
        assert len(inbox.got) == 2
        never = Silence(wanted(webhook=address), start)
        never.look(start + timedelta(days=400))
    assert len(inbox.got) == 2


@pytest.mark.slow
def test_silence_is_what_the_ledger_says_whoever_loaded(
    wanted: Callable[..., Settings], database: str, write_csv: Write
) -> None:
    now, inbox = datetime.now(UTC), Inbox()
    with receiving(inbox) as address:
        settings = wanted(database, webhook=address, nothing_for_hours=26)
        load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01")], settings)
        Silence(settings, now - timedelta(hours=30)).look(now)  # this one loaded nothing, and another command did
        assert inbox.events == []
        with psycopg.connect(database) as connection:
            connection.execute("update loads set finished_at = finished_at - interval '30 hours'")
        Silence(settings, now).look(now)  # it has just been started
        assert inbox.events == []
        started_again = Silence(settings, now - timedelta(hours=2))
        for _ in range(2):
            started_again.look(now)
        (event,) = inbox.events
        assert (event["event"], 29.5 < event["hours"] < 30.5) == ("nothing-new", True)
        with psycopg.connect(database) as connection:  # another command loads, and then comes nothing again
            connection.execute("update loads set finished_at = now()")
        started_again.look(now + timedelta(hours=2))
        assert len(inbox.got) == 1
        with psycopg.connect(database) as connection:
            connection.execute("update loads set finished_at = finished_at - interval '30 hours'")
        started_again.look(now + timedelta(hours=30))
    assert len(inbox.got) == 2


def test_where_one_of_two_is_told_nobody_says_that_nobody_was(wanted: Callable[..., Settings]) -> None:
    settings = wanted(command=["true"], webhook="http://127.0.0.1:1/x", retries=0)
    (said,) = heard(tell, settings, Event("drift", "it drifts"))
    assert said.startswith("not all could be told of the event drift: the webhook of 127.0.0.1: it cannot be reached")


def test_results_without_a_failure_tell_nothing(wanted: Callable[..., Settings]) -> None:
    inbox = Inbox()
    with receiving(inbox) as address:
        known = LoadResult.already_loaded(1, "a.csv", "0", datetime.now(UTC), ())
        tell_of_loads(wanted(webhook=address), [known])
    assert inbox.got == []


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["footfall", *words])
    return cli.main()


def test_a_test_says_whether_it_arrived(
    wanted: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox = Inbox()
    with receiving(inbox) as address:
        wanted(webhook=address, events=["drift"])
        assert run(monkeypatch, "notify") == 0
    assert [each["event"] for each in inbox.events] == ["test"]
    wanted(webhook="http://127.0.0.1:1/x", retries=0)
    assert run(monkeypatch, "notify") == 1
    assert "cannot be reached" in capsys.readouterr().err
    Path("footfall.toml").unlink()
    assert run(monkeypatch, "notify") == 2


@pytest.mark.slow
def test_cron_tells_of_silence_by_the_ledger(
    wanted: Callable[..., Settings], database: str, write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = Inbox()
    ask = ("notify", "--if-silent", "--database", database)
    with receiving(inbox) as address:
        settings = wanted(database, webhook=address, nothing_for_hours=2)
        assert run(monkeypatch, *ask) == 6
        load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01")], settings)
        assert run(monkeypatch, *ask) == 0
        assert inbox.got == []
        with psycopg.connect(database) as connection:
            connection.execute("update loads set finished_at = finished_at - interval '3 hours'")
        assert run(monkeypatch, *ask) == 0
        assert run(monkeypatch, "notify", "--if-silent", "--database", AWAY) == 5
    (event,) = inbox.events
    assert event["event"] == "nothing-new"
    assert event["hours"] >= 3
