"""The units of systemd in deploy/: its own checks where it is installed, and what each must say anyway."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted(DEPLOY.rglob("*.service"))
EXPOSURE_MAX = 30  # tenths; systemd calls up to 4.9 OK
MUST = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "DynamicUser": "yes",
}


def lines_of(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            name, mark, value = line.partition("=")
            assert mark, line
            found.setdefault(name, []).append(value)
    return found


def test_both_units_are_looked_at() -> None:
    assert {unit.name for unit in UNITS} >= {"footfall-page.service", "footfall-watch.service"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_service_may_do_little_and_holds_no_secret(unit: Path) -> None:
    found = lines_of(unit)
    assert {name: found[name][-1] for name in MUST} == MUST
    assert not re.search(r"password|://", unit.read_text(encoding="utf-8"), re.IGNORECASE)
    assert re.match(r"/opt/footfall/bin/footfall (serve|watch) ", found["ExecStart"][0])


def test_the_watcher_says_itself_when_it_is_ready_and_has_time_to_end_between_files() -> None:
    found = lines_of(DEPLOY / "watch" / "footfall-watch.service")
    assert found["Type"] == ["notify"]
    assert found["NotifyAccess"] == ["main"]
    assert found["RestartPreventExitStatus"] == ["2 6"]
    assert found["WorkingDirectory"] == ["/etc/footfall"]  # with / nobody could give it a footfall.toml
    assert "KillSignal" not in found
    assert {"WatchdogSec", "TimeoutStopSec"} <= found.keys()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_itself_has_nothing_to_say_about_a_unit(unit: Path, tmp_path: Path) -> None:
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(encoding="utf-8"), flags=re.MULTILINE)
    copy = tmp_path / unit.name
    copy.write_text(text, encoding="utf-8")
    checked = subprocess.run(["systemd-analyze", "verify", copy], check=False, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    broken = tmp_path / "broken.service"
    broken.write_text(text.replace("Restart=", "Restrat="), encoding="utf-8")
    noticed = subprocess.run(["systemd-analyze", "verify", broken], check=False, capture_output=True, text=True)
    assert "Restrat" in noticed.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_little_that_the_watcher_could_harm() -> None:
    unit = DEPLOY / "watch" / "footfall-watch.service"
    weighed = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", unit],
        check=False,
        capture_output=True,
        text=True,
    )
    assert weighed.returncode == 0, weighed.stdout[-500:]
