"""The processes that `make airflow` watches: small ones stand for the parts, for a start of Airflow takes a minute."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
# As Airflow names its parts: the words are looked for in their command lines.
COMMANDS = ("airflow scheduler", "airflow dag-processor", "airflow api_server -- host:127.0.0.1", "airflow triggerer")
LEADER = """
import subprocess, sys
wait = "import sys; sys.stdin.read()"
for words in sys.argv[1:]:
    subprocess.Popen([sys.executable, "-c", wait, *words.split()])
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("airflow_sessions")


@pytest.fixture
def leader() -> Iterator[int]:
    """A process with a child for each part; the end of its standard input ends them."""
    command = [sys.executable, "-c", LEADER, *COMMANDS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        yield process.pid
        process.kill()


@pytest.mark.parametrize("part", ["scheduler", "dag-processor", "api-server", "triggerer"])
def test_each_part_that_dies_is_named(sessions: Any, leader: int, part: str) -> None:
    parts: dict[str, psutil.Process] = {}
    assert sessions.dead_part(leader, parts) is None
    assert set(parts) == set(sessions.PARTS)
    parts[part].kill()
    while parts[part].is_running() and parts[part].status() != psutil.STATUS_ZOMBIE:
        assert sessions.dead_part(leader, parts) in {None, part}
    assert sessions.dead_part(leader, parts) == part
