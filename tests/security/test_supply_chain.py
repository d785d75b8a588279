"""What is installed is what was locked, and what is known about it can be asked for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


def requirements_of(lock: Path) -> list[str]:
    lines = re.sub(r"\\\n", " ", lock.read_text(encoding="utf-8")).splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_package_is_locked_to_one_version_and_its_hashes(lock: Path) -> None:
    found = requirements_of(lock)
    assert found
    for line in found:
        assert re.match(
            r"[a-z0-9._-]+(\[[a-z0-9,._-]+\])?==[^\s;]+( ;[^#]*?)?( +--hash=sha256:[0-9a-f]{64})+\s*$", line
        ), line


@pytest.mark.parametrize("name", ["Makefile", "deploy/Dockerfile"])
def test_every_installation_from_a_lock_demands_the_hashes(name: str) -> None:
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"{name} is not there")
    text = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
    installing = [line for line in text.splitlines() if ".lock" in line and re.search(r"pip (install|sync)", line)]
    assert installing
    assert all("--require-hashes" in line for line in installing), installing


@pytest.mark.slow
def test_an_audit_that_reaches_nothing_does_not_pass() -> None:
    away = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
    variables = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"} | away
    command = [sys.executable, str(ROOT / "scripts/audit")]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=600, check=False)
    assert done.returncode == 3
    assert "this audit proves nothing" in done.stderr


@pytest.mark.slow
def test_a_bill_of_materials_names_every_package_of_its_lock(tmp_path: Path) -> None:
    lock, bill = ROOT / "requirements/runtime.lock", tmp_path / "sbom.json"
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", str(lock), "--output-reproducible"]
    subprocess.run([*command, "--output-file", str(bill)], check=True, timeout=600, capture_output=True)
    found = json.loads(bill.read_text())
    named = {f"{each['name']}=={each['version']}" for each in found["components"]}
    locked = {re.sub(r"\[.*?\]", "", line.split()[0]) for line in requirements_of(lock)}
    assert (found["bomFormat"], named) == ("CycloneDX", locked)
