"""What doctor says of the machine and of the settings, where one thing is broken for real."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diagnosing import diagnose
from footfall.postgres.embedded.home import open_home
from footfall.verbs.doctor import examining, machine
from footfall.verbs.doctor.checking import Check, say_ok, show_bytes, show_seconds
from footfall.verbs.doctor.examining import list_checks
from footfall.verbs.doctor.server import MAJORS_TESTED

AWAY = "host=/nowhere dbname=nothing password=hunter2"


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "footfall.cli", "doctor", *words]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | variables, timeout=600, check=False)


def test_every_check_has_its_own_name_a_question_and_a_function() -> None:
    checks = list_checks()
    assert len({each.name for each in checks}) == len(checks)
    assert all(re.fullmatch(r"[A-Z].+\.", each.about) for each in checks)
    assert {each.needs for each in checks} == {"nothing", "database", "tables"}


def test_with_failures_the_exit_code_is_1_every_line_comes_and_no_secret_is_shown() -> None:
    done = run("--database", AWAY)
    assert (done.returncode, "hunter2" in done.stdout + done.stderr) == (1, False)
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert [line[8:26].strip() for line in lines[:-1]] == [each.name for each in list_checks()]
    assert "FAILURE connection" in done.stdout
    assert done.stderr == ""


@pytest.mark.slow
def test_json_has_an_object_a_check_with_state_words_and_cure() -> None:
    done = run("--database", "postgresql://me:hunter2@127.0.0.1:1/x?sslpassword=hunter3", "--format", "json")
    found = json.loads(done.stdout)
    assert [each["check"] for each in found] == [each.name for each in list_checks()]
    assert {tuple(each) for each in found} == {("check", "state", "found", "cure")}
    assert done.returncode == 1
    assert not re.search("hunter", done.stdout + done.stderr)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the account of an embedded server can reach, whoever runs the tests."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_where_nothing_is_made_yet_there_is_no_failure_and_nothing_is_made(open_folder: Path) -> None:
    found = diagnose(home=open_folder / "home")
    assert {name for name, verdict in found.items() if verdict.state == "failure"} == set()
    assert "the first load makes it" in found["home"].found and found["connection"].state == "unknown"
    assert list(open_folder.iterdir()) == []


def test_a_python_and_packages_that_do_not_fit_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.platform, "python_version", lambda: "3.10.2")
    real = machine.find_version
    monkeypatch.setattr(machine, "find_version", lambda name: {"duckdb": "1.4.0", "typer": None}.get(name, real(name)))
    found = diagnose(AWAY)
    assert found["python"].state == "failure"
    assert found["packages"].state == "failure"
    assert "duckdb<3,>=2 (1.4.0)" in found["packages"].found
    assert "typer (not installed)" in found["packages"].found


def test_packages_that_are_not_those_of_the_lock_are_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runtime.lock").write_text("duckdb==2.0.999 \\\n    --hash=sha256:00\n")
    monkeypatch.setattr(machine, "LOCK", tmp_path / "runtime.lock")
    found = diagnose(AWAY)["packages"]
    assert (found.state, "(lock: 2.0.999)" in found.found) == ("warning", True)
    monkeypatch.setattr(machine, "LOCK", tmp_path / "none.lock")
    assert "are not compared" in diagnose(AWAY)["packages"].found


@pytest.mark.parametrize(
    ("version", "specifiers", "is_within"),
    [
        ("3.13.0", ">=3.11,<3.14", True),
        ("3.14", ">=3.11,<3.14", False),
        ("2", ">=2.0", True),
        ("2.0.0", "==2", True),
        ("2.1", "!=2.1", False),
        ("2.9", "~=2.1", True),
        ("3.0", "~=2.1", False),
        ("1.0", "<=1.0.1,>0.9", True),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, specifiers: str, is_within: bool) -> None:
    assert machine.is_version_within(version, specifiers) == is_within


def test_a_home_that_is_no_home_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letters.txt").touch()
    found = diagnose(home=tmp_path / "home")
    assert found["home"].state == "failure"
    assert "holds other files" in found["home"].found or "belongs to user id" in found["home"].found


def test_a_home_into_which_others_may_write_is_a_failure(open_folder: Path) -> None:
    home = open_home(open_folder / "home").home
    assert diagnose(home=home)["home"].state == "ok"
    home.chmod(0o777)
    assert "can be written by others" in diagnose(home=home)["home"].found


@pytest.mark.slow
def test_a_folder_that_a_killed_start_left_in_the_home_is_a_warning(open_folder: Path) -> None:
    home = open_home(open_folder / "home").home
    (home / "scratch-1").mkdir()
    assert diagnose(home=home)["left-behind"].found == f"left behind: {home}/scratch-1"


@pytest.mark.slow
def test_a_disk_that_is_nearly_full_is_a_failure_and_one_that_fills_up_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Disk = namedtuple("Disk", ["f_bavail", "f_frsize", "f_files", "f_favail"])
    monkeypatch.setattr(os, "statvfs", lambda _: Disk(10, 4096, 100, 90))
    found = diagnose(home=tmp_path / "home")
    assert (found["disk"].state, found["temporary-folder"].state) == ("failure", "failure")
    monkeypatch.setattr(os, "statvfs", lambda _: Disk(250_000, 4096, 100, 90))
    found = diagnose(home=tmp_path / "home")
    assert (found["disk"].state, found["disk"].found) == ("warning", f"1.0 GB free for {tmp_path}/home")
    monkeypatch.setattr(os, "statvfs", lambda _: Disk(2_500_000, 4096, 100, 1))
    assert diagnose(home=tmp_path / "home")["disk"].found.endswith("and 1 files")


def test_a_temporary_folder_in_memory_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    if machine.find_file_system(Path("/dev/shm")) != "tmpfs":
        pytest.skip("there is no file system in memory here")
    monkeypatch.setattr(machine, "ROOMY_BYTES", 0)
    monkeypatch.setattr(machine, "TEMPORARY_BYTES_MIN", 0)
    monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")
    found = diagnose(AWAY)["temporary-folder"]
    assert (found.state, "it is in memory" in found.found) == ("warning", True)


def test_a_folder_that_a_killed_load_left_is_a_warning_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (left := tmp_path / "footfall-spill-1").mkdir()
    (left / "owner").touch()
    found = diagnose(AWAY)["left-behind"]
    assert (found.state, found.found, left.is_dir()) == ("warning", f"left behind: {left}", True)


def test_a_file_with_a_secret_that_others_may_read_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FOOTFALL_DATABASE_URL=host=/nowhere password=hunter2\n")
    (tmp_path / ".env").chmod(0o644)
    found = diagnose()["secrets"]
    assert (found.state, found.cure) == ("warning", "chmod 600 .env")
    (tmp_path / ".env").chmod(0o600)
    assert diagnose()["secrets"].found == "only you may read .env"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "check"),
    [
        ('database_url = "host=/nowhere"\nsource_time_zone = "Mars/Base"\n', "settings"),
        ('database_url = "host=/nowhere"\nno such thing', "settings"),
        ('database_url = "host=/nowhere"\n[sources.shop]\ncolour = "red"\n', "definitions"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_failure_and_the_address_is_said_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, check: str
) -> None:
    (tmp_path / "footfall.toml").write_text(text)
    found = diagnose()
    assert found[check].state == "failure"
    monkeypatch.setenv("FOOTFALL_DATABASE_URL", AWAY)
    found = diagnose()
    assert (found[check].state, found["address"].state) == ("failure", "ok")
    assert "FOOTFALL_DATABASE_URL in the environment" in found["address"].found
    assert found["connection"].state == "failure"


def test_a_variable_that_is_nearly_a_setting_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_DATABSE_URL", "x")
    monkeypatch.setenv("FOOTFALL_INBOX", "x")
    found = diagnose(AWAY)["settings"]
    assert found.state == "warning"
    assert found.found.endswith("nobody reads FOOTFALL_DATABSE_URL (did you mean FOOTFALL_DATABASE_URL?)")


def test_the_address_says_which_of_its_places_won(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert diagnose(home=tmp_path / "home")["address"].found.startswith("nobody names a database")
    monkeypatch.setenv("PGHOST", "/nowhere")
    assert diagnose()["address"].found.endswith("from libpq's own variables (PGHOST)")
    (tmp_path / "footfall.toml").write_text('database_url = "host=/nowhere dbname=toml"')
    assert diagnose()["address"].found.startswith("host=/nowhere dbname=toml, schema public; from database_url in foot")
    (tmp_path / ".env").write_text('FOOTFALL_DATABASE_URL="host=/nowhere dbname=dotenv"')
    assert "dbname=dotenv, schema public; from FOOTFALL_DATABASE_URL in .env" in diagnose()["address"].found
    monkeypatch.setenv("FOOTFALL_DATABASE_URL", "host=/nowhere dbname=variable")
    assert "from FOOTFALL_DATABASE_URL in the environment" in diagnose()["address"].found
    assert "from --database (FOOTFALL_DATABASE_URL); PGHOST fill in" in diagnose(AWAY)["address"].found


def test_an_address_that_libpq_does_not_take_is_a_failure_without_its_text() -> None:
    found = diagnose("host=a b password=hunter2 c")
    assert (found["address"].state, found["connection"].state) == ("failure", "failure")
    assert "hunter2" not in str(found)


def test_a_check_of_this_machine_that_hangs_or_breaks_keeps_no_other_from_being_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checks = list_checks()
    monkeypatch.setattr(examining, "MACHINE_S", 0.05)

    done = threading.Event()

    def hang(_: Any) -> Any:
        done.wait()
        return say_ok("")

    def break_off(_: Any) -> Any:
        raise RuntimeError("password=hunter2")

    broken = [Check("a", "nothing", "", "", "", hang), Check("b", "nothing", "", "", "", break_off)]
    monkeypatch.setattr(examining, "list_checks", lambda: [*broken, *checks])
    found = diagnose(AWAY)
    done.set()
    assert (found["a"].state, found["b"].state, len(found)) == ("unknown", "unknown", len(checks) + 2)
    assert found["b"].found == "it could not be looked at: RuntimeError: password=***"


def test_the_versions_that_are_called_tested_are_those_of_the_page() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/how-to/named-database.md").read_text(encoding="utf-8")
    found = re.search(r"PostgreSQL versions tested: ([\d, and]+)\.", page)
    assert found is not None
    assert tuple(map(int, re.findall(r"\d+", found[1]))) == MAJORS_TESTED


def test_sizes_and_times_are_shown_in_words() -> None:
    assert [show_bytes(n) for n in (9, 1500, 67_000_000_000)] == ["9 bytes", "1.5 kB", "67 GB"]
    assert [show_seconds(n) for n in (5, 300, 10_900, 864_000)] == ["5 s", "5 minutes", "3 hours", "10 days"]
