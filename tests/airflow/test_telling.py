"""Failures and reports are told: by mail, in a file, and in the state of the run."""

from __future__ import annotations

import base64
import json
import os
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runs_of_airflow import Shared, deliver, loaded, states, tries

Run = Callable[..., Any]


class Mailbox(socketserver.StreamRequestHandler):
    """An SMTP server that keeps what it is sent."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        in_data = False
        for line in self.rfile:
            self.server.lines.append(line.decode().rstrip())  # type: ignore[attr-defined]
            if in_data:
                if line == b".\r\n":
                    in_data = False
                    self.wfile.write(b"250 kept\r\n")
            elif line.upper().startswith(b"DATA"):
                in_data = True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 yes\r\n")


@contextmanager
def mailbox() -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox) as server:
        server.lines = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def write_server(box: Any) -> str:
    """Give a mailbox as a connection of type smtp."""
    port = box.server_address[1]
    return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": {"to": "team@example.org"}})


@pytest.fixture(scope="module")
def failing(run_of_module: Run, new_database_of_module: Any, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """A run of two good files and a bad one between them."""
    place = tmp_path_factory.mktemp("failing")
    (place / "inbox").mkdir()
    database = new_database_of_module()
    deliver(place, "a.csv", "1,1,1,click,2024-03-01")
    (place / "inbox" / "b.csv").write_text("date,visits\n2024-03-01,12\n")
    deliver(place, "c.csv", "2,1,1,click,2024-03-01")
    with mailbox() as box:
        env = {"AIRFLOW_CONN_FOOTFALL_ALERTS": write_server(box)}
        done = run_of_module(database, "", env, folder=str(place / "inbox"), report=f"{place}/report.html")
        return Shared(done, place, database, "\n".join(box.lines))


def test_a_bad_file_fails_at_once_and_the_others_are_loaded(failing: Shared) -> None:
    assert str(failing.run.state) == "failed"
    assert states(failing.run)["load"] == ["failed", "success", "success"]
    assert tries(failing.run, "load") == [1, 1, 1]
    assert states(failing.run)["verify"] == ["success"]
    assert loaded(failing.database) == [(1, 1, 0, 0), (1, 1, 0, 0)]


def test_a_failure_is_mailed_where_a_server_for_it_is_set(failing: Shared) -> None:
    assert "To: team@example.org" in failing.seen
    assert "Subject: Footfall: user_interactions.load failed" in failing.seen
    assert "the header has no column" in failing.seen.replace("=\n", "")


def test_a_report_is_written_of_a_run_that_fails_and_the_run_fails_all_the_same(failing: Shared) -> None:
    assert (str(failing.run.state), states(failing.run)["report"]) == ("failed", ["success"])
    assert "b.csv" in (failing.folder / "report.html").read_text()


def test_a_report_is_written_for_the_date_of_the_run_and_mailed_without_a_secret(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connection: str
) -> None:
    words = json.loads(os.environ["AIRFLOW_CONN_FOOTFALL"]) | {"password": "hunter2"}
    monkeypatch.setenv("AIRFLOW_CONN_FOOTFALL", json.dumps(words))
    deliver(tmp_path, "a.csv", "1,1,1,view,2024-03-01T10:00", "2,1,,view,2024-03-01T10:00")
    day = datetime(2024, 3, 2, tzinfo=UTC)
    with mailbox() as box:
        monkeypatch.setenv("AIRFLOW_CONN_FOOTFALL_REPORTS", write_server(box))
        ended = run(logical_date=day, report=f"{tmp_path}/reports/shop-%Y-%m-%d.html")
        text = "\n".join(box.lines)
    assert str(ended.state) == "success"
    (place,) = (tmp_path / "reports").iterdir()
    page = place.read_text()
    assert re.fullmatch(r"shop-2024-03-0[12]\.html", place.name)
    assert "Verified for this report: 1 interactions" in page
    assert "hunter2" not in page
    assert "To: team@example.org" in text and f"Subject: Footfall: {place.stem}" in text
    attached = text[text.index(f'filename="{place.name}"') :].split("\n\n", 2)[1].partition("\n--")[0]
    assert base64.b64decode(attached).decode().replace("\r\n", "\n") == page
