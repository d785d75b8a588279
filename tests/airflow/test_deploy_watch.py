"""The files of deploy/watch, asked of the real Compose binary. Nothing is started: that needs a Docker engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
WATCH = ROOT / "deploy" / "watch"
PASSWORD = "u" * 64


def compose(folder: Path, values: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Call the Compose binary inside the wheel: its console script always answers 0."""
    spec = find_spec("compose")
    assert spec is not None
    assert spec.origin is not None
    shutil.copytree(WATCH, folder, ignore=shutil.ignore_patterns(".env", "compose.override.yaml"), dirs_exist_ok=True)
    (folder / ".env").write_text(values, encoding="utf-8")
    command = [Path(spec.origin).with_name("docker-compose"), "config", *words]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def services(tmp_path: Path) -> Any:
    done = compose(tmp_path / "watch", f"USERS_DATABASE_PASSWORD={PASSWORD}\n", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)["services"]


def test_a_password_that_is_not_there_stops_compose_by_its_name(tmp_path: Path) -> None:
    done = compose(tmp_path / "watch", "", "-q")
    assert done.returncode != 0
    assert "USERS_DATABASE_PASSWORD" in done.stderr


def test_nothing_runs_as_root_or_can_become_it_or_is_published(services: Any) -> None:
    assert services.keys() == {"postgres", "watch"}
    for service in services.values():
        assert not service["user"].startswith("0")
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "ports" not in service
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
        assert {"max-file", "max-size"} <= service["logging"]["options"].keys()


def test_the_watcher_reads_its_folder_and_has_time_to_end_between_files(services: Any) -> None:
    watch = services["watch"]
    assert watch["command"][:3] == ["footfall", "watch", "/inbox"]
    assert {volume["target"]: volume.get("read_only", False) for volume in watch["volumes"]} == {
        "/inbox": True,
        "/scratch": False,
    }
    assert watch["stop_grace_period"] == "15m0s"
    assert f"password={PASSWORD}" in watch["environment"]["FOOTFALL_DATABASE_URL"]


def test_the_image_is_locked_small_and_not_root() -> None:
    text = (WATCH / "Dockerfile").read_text(encoding="utf-8")
    assert text.count("--require-hashes") == 3
    assert text.rindex("USER 50000:50000") > text.rindex("RUN ")
    sent = (WATCH / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for name in copied.split():
            assert f"!{name.rstrip('/')}" in sent, name
            assert (ROOT / name).exists()


def test_the_linter_has_nothing_to_say_about_the_dockerfile() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), WATCH / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
