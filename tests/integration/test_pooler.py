"""A real PgBouncer before the server: which verbs work in which of its modes, and what its kills leave."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import footfall
from diagnosing import diagnose
from footfall import runs
from footfall.errors import SettingsError
from footfall.settings import load_settings
from footfall.tables import merge as merging
from footfall.tables import staging as staged
from footfall.verbs import load as load_verb
from footfall.verbs import loads as loads_verb
from footfall.verbs import rejects as rejects_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from footfall.verbs.runs import planning
from listening import heard_by

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed (Debian's package pgbouncer)")
START_WAIT_S = 60  # far above what it needs
PORT = 6432  # only the name of a socket in a folder of our own
ROWS = [f"{n},{n % 7 + 1 if n % 50 else 'x'},{n % 5 + 1},click,2024-01-01 00:00:{n % 60:02}" for n in range(1, 500)]
Write = Callable[..., str]


@dataclass(slots=True)
class Pooler:
    """A PgBouncer with one connection to the server for each database, so that its clients share it."""

    folder: Path
    who: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        assert PGBOUNCER
        (self.folder / f".s.PGSQL.{PORT}").unlink(missing_ok=True)  # left behind by one that was killed
        with (self.folder / "log").open("ab") as log:
            command = [PGBOUNCER, str(self.folder / "pgbouncer.ini")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **self.who)
        until = time.monotonic() + START_WAIT_S
        while True:
            with socket.socket(socket.AF_UNIX) as client:
                if client.connect_ex(str(self.folder / f".s.PGSQL.{PORT}")) == 0:
                    return
            assert self.process.poll() is None and time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it, and with it every connection."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def of(self, database: str) -> str:
        """Give the address of a database through it."""
        return make_conninfo(database, host=str(self.folder), port=PORT)


def pooling(folder: Path, database: str, mode: str) -> Iterator[Pooler]:
    known = conninfo_to_dict(database)
    account = os.stat(str(known["host"]))  # noqa: PTH116
    folder.mkdir()
    who: dict[str, Any] = {"cwd": folder}
    if os.geteuid() == 0:  # it refuses to run as root
        os.chown(folder, account.st_uid, account.st_gid)
        who |= {"user": account.st_uid, "group": account.st_gid, "extra_groups": []}
    (folder / "users").write_text(f'"{known["user"]}" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"""
[databases]
* = host={known["host"]} port={known.get("port", 5432)}
[pgbouncer]
pool_mode = {mode}
default_pool_size = 1
listen_addr =
listen_port = {PORT}
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
"""
    )
    pooler = Pooler(folder, who)
    pooler.start()
    yield pooler
    pooler.kill()


@pytest.fixture
def pooler(short_folder: Path, database: str, request: pytest.FixtureRequest) -> Iterator[Pooler]:
    """A PgBouncer before the test's database, in the mode that the test asks for."""
    mode = getattr(request, "param", "transaction")
    yield from pooling(short_folder / f"{conninfo_to_dict(database)['dbname']}_{mode}", database, mode)


def ask(conninfo: str, query: str) -> list[Any]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.slow
@pytest.mark.parametrize("pooler", ["transaction", "session"], indirect=True)
def test_every_verb_works_through_a_pooler_and_leaves_the_servers_session_as_it_was(
    pooler: Pooler, database: str, write_csv: Write, new_role: Callable[..., str]
) -> None:
    there = {"database_url": pooler.of(database)}
    settings = load_settings(**there)
    name = write_csv("a.csv", *ROWS)
    assert "applied" in schema_verb.upgrade_schema(settings)
    assert "at version" in schema_verb.show_schema(settings)
    (done,) = footfall.load(name, **there).loads
    assert (done.status, done.rows_loaded, done.rows_rejected) == ("loaded", 490, 9)
    assert footfall.load(name, **there).loads[0].status == "already-loaded"
    assert footfall.discover(name, **there)[0].load_id == done.load_id
    schema_verb.grant_reading(settings, str(conninfo_to_dict(new_role())["user"]))
    assert [tuple(row) for row in footfall.query("top-users", limit=1, **there).rows] == [(1, 70)]
    assert len(loads_verb.show_loads(settings, limit=None).rows) == 1
    rejected, _ = rejects_verb.show_rejects(settings, load_id=None, source=None, code=None, limit=None)
    assert len(rejected) == 9
    assert footfall.verify(**there).drift == ()
    assert footfall.verify(repair=True, **there).drift == ()
    # A setting that one client left would be that of the next, whoever it is. Encoding and name are PgBouncer's to set.
    left = (
        "select name from pg_settings where source = 'session' and name not in ('client_encoding', 'application_name')"
    )
    assert ask(pooler.of(database), left) == []


@pytest.mark.slow
@pytest.mark.parametrize("pooler", ["transaction", "session"], indirect=True)
def test_a_run_that_nobody_can_hold_has_a_lease_behind_a_pooler(
    pooler: Pooler, database: str, write_csv: Write
) -> None:
    there: Any = {"database_url": pooler.of(database)}
    with planning.plan_run(write_csv("a.csv", *ROWS), load_settings(**there), range_bytes=4_000) as run:
        assert [runs.stage(run.token, number, **there) for number in range(run.ranges)] == ["staged"] * run.ranges
    assert runs.sweep(database_url=database) == 0
    assert runs.take(run.token, **there).rows_loaded == 490


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pooler", "said"),
    [("transaction", "a pooler of transactions"), ("session", "a pooler, of sessions by the look of it")],
    indirect=["pooler"],
)
def test_doctor_says_what_a_pooler_pools(pooler: Pooler, database: str, said: str) -> None:
    # Its pool has one session of the server: a second client waits where sessions are pooled.
    found = diagnose(pooler.of(database))
    assert (found["connection"].state, found["pooler"].state) == ("ok", "ok")
    assert found["pooler"].found.startswith(said)
    assert diagnose(database)["pooler"].found == "none: the server itself answers"


@pytest.mark.parametrize("pooler", ["statement"], indirect=True)
def test_doctor_says_that_a_pooler_of_statements_takes_no_transactions(pooler: Pooler, database: str) -> None:
    found = diagnose(pooler.of(database))
    assert found["connection"].state == "failure"
    assert found["connection"].cure.startswith("set pool_mode = transaction")


@pytest.mark.parametrize("pooler", ["statement"], indirect=True)
@pytest.mark.parametrize("verb", ["load", "verify"])
def test_a_pooler_of_statements_is_refused_with_its_cure_and_not_tried_again(
    pooler: Pooler, database: str, write_csv: Write, verb: str
) -> None:
    settings = load_settings(database_url=pooler.of(database), retry=True)
    words: list[str] = []
    with pytest.raises(SettingsError, match="pool_mode = transaction"):
        if verb == "load":
            heard_by(words.append, load_verb.load, [write_csv("a.csv", *ROWS)], settings)
        else:
            heard_by(words.append, verify_verb.verify, settings)
    assert words == []


MOMENTS = ("in the middle of COPY", "at the merge", "before COMMIT")
VICTIMS = ("backend", "pooler")


@dataclass(slots=True)
class Killer:
    """Kills one of the two on the way, once."""

    admin: str
    pooler: Pooler
    victim: str
    pid: int = 0
    kills: int = 0

    def note(self, connection: Any) -> None:
        """Remember the server's process behind the pooler."""
        if not self.kills:
            (self.pid,) = connection.execute("select pg_backend_pid()").fetchone()

    def strike(self) -> None:
        """Kill, and start the pooler again where it was the victim."""
        if self.kills or not self.pid:
            return
        self.kills += 1
        if self.victim == "pooler":
            self.pooler.kill()
            self.pooler.start()
        else:
            assert ask(self.admin, f"select pg_terminate_backend({self.pid}, 60000)") == [(True,)]


@pytest.fixture
def killing(cluster: Any, pooler: Pooler, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Killer]:
    """Kill somebody at a moment of the next load."""

    def arm(victim: str, moment: str) -> Killer:
        killer = Killer(cluster.admin, pooler, victim)
        real_copy, real_merge, real_commit = staged.copy_table, merging.merge, psycopg.Connection.commit
        real_encoder = staged.ArrowToPostgresBinaryEncoder

        class Encoder:
            def __init__(self, schema: Any) -> None:
                self.real = real_encoder(schema)

            def write_batch(self, batch: Any) -> Any:
                killer.strike()
                return self.real.write_batch(batch)

            def __getattr__(self, name: str) -> Any:
                return getattr(self.real, name)

        def copy(connection: Any, *rest: Any) -> None:
            killer.note(connection)
            real_copy(connection, *rest)

        def merge(connection: Any, staging: Any) -> Any:
            killer.note(connection)
            killer.strike()
            return real_merge(connection, staging)

        def commit(connection: Any) -> None:
            if killer.pid:
                killer.strike()
            real_commit(connection)

        if moment == MOMENTS[0]:
            monkeypatch.setattr(staged, "copy_table", copy)
            monkeypatch.setattr(staged, "ArrowToPostgresBinaryEncoder", Encoder)
        elif moment == MOMENTS[1]:
            monkeypatch.setattr(merging, "merge", merge)
        else:
            monkeypatch.setattr(staged, "copy_table", copy)
            monkeypatch.setattr(psycopg.Connection, "commit", commit)
        return killer

    return arm


@pytest.mark.slow
@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_with_retry_a_load_through_a_pooler_outlives_a_kill(
    killing: Callable[[str, str], Killer],
    pooler: Pooler,
    database: str,
    new_database: Callable[[], str],
    write_csv: Write,
    contents: Callable[[str], Any],
    victim: str,
    moment: str,
) -> None:
    names = [write_csv("a.csv", *ROWS), write_csv("b.csv", *ROWS[:50], "9000,1,1,click,2024-01-01")]
    other = new_database()
    assert footfall.load(*names, database_url=other).exit_code == 0
    schema_verb.upgrade_schema(load_settings(database_url=database))
    killer = killing(victim, moment)
    summary = load_verb.load(names, load_settings(database_url=pooler.of(database), retry=True))
    assert killer.kills == 1
    assert [(load.status, load.error) for load in summary.loads] == [("loaded", None)] * 2
    assert contents(database) == contents(other)
    assert footfall.verify(database_url=pooler.of(database)).drift == ()


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_without_retry_a_kill_behind_a_pooler_is_a_lost_database(
    killing: Callable[[str, str], Killer], pooler: Pooler, database: str, write_csv: Write, victim: str, moment: str
) -> None:
    name, settings = write_csv("a.csv", *ROWS), load_settings(database_url=pooler.of(database))
    schema_verb.upgrade_schema(load_settings(database_url=database))
    killer = killing(victim, moment)
    (failed,) = load_verb.load([name], settings).loads
    assert killer.kills == 1
    assert (failed.status, failed.exit_code, failed.retryable) == ("failed", 5, True)
    (again,) = load_verb.load([name], settings).loads
    assert (again.status, again.rows_loaded) == ("loaded", 490)
