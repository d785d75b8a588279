"""The watcher as people run it: a process of its own, real folders, real servers that go away and come back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from footfall import errors
from footfall.postgres import transactions, watcher_lock
from footfall.postgres.target import Target
from footfall.settings import load_settings
from footfall.sources.waiting import Stop
from footfall.verbs import attempts, turn
from footfall.verbs import watch as watch_verb
from footfall.verbs.watch_telling import Teller

PATIENCE_S = 600.0
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
START = watch_verb.WatchPlan(settle_s=0.3, poll_s=0.5)
START_ONCE = watch_verb.WatchPlan(settle_s=0.3, poll_s=0.5, is_once=True)


def rows(*numbers: int) -> str:
    return HEADER + "".join(f"{number},1,1,click,2024-01-01\n" for number in numbers)


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError("it never came to be so")
        time.sleep(0.05)


def loaded_ids(conninfo: str) -> list[int]:
    with psycopg.connect(conninfo) as connection:
        if connection.execute("select to_regclass('loads')").fetchone() == (None,):
            return []
        return [row[0] for row in connection.execute("select interaction_id from user_interactions_raw order by 1")]


def ledger(conninfo: str) -> list[tuple[str, str]]:
    with psycopg.connect(conninfo) as connection:
        found = connection.execute("select source, status from loads order by load_id").fetchall()
    return [(Path(source).name, status) for source, status in found]


@dataclass
class Running:
    """A watcher, and what it says."""

    process: subprocess.Popen[str]
    lines: list[dict[str, Any]] = field(default_factory=list)
    reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append({"level": "?", "message": line})

    def said(self, words: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if words in line["message"]]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


Start = Callable[..., Running]


@pytest.fixture
def start(database: str, inbox: Path) -> Iterator[Start]:
    """Start watchers of the inbox; those still there at the end are killed."""
    made: list[Running] = []

    def run(*options: str, conninfo: str = database, **variables: str) -> Running:
        command = [sys.executable, "-m", "footfall.cli", "watch", str(inbox), "--settle", "0.5", "--poll", "1"]
        environment = {**os.environ, "FOOTFALL_DATABASE_URL": conninfo, "FOOTFALL_LOG_FORMAT": "json", **variables}
        process = subprocess.Popen([*command, *options], env=environment, stderr=subprocess.PIPE, text=True)
        running = Running(process)
        made.append(running)
        return running

    yield run
    for each in made:
        each.process.kill()
        each.process.wait()
        each.reader.join(PATIENCE_S)
        assert each.process.stderr
        each.process.stderr.close()


def put(path: Path, content: str) -> None:
    made = path.with_name(f"{path.name}.part")
    made.write_text(content)
    made.rename(path)


@pytest.mark.slow
def test_files_are_loaded_as_they_come_with_one_line_each_and_sigterm_ends_it(
    start: Start, inbox: Path, database: str
) -> None:
    put(inbox / "b.csv", rows(1, 2))
    put(inbox / "a.csv", rows(2, 3))
    running = start()
    until(lambda: loaded_ids(database) == [1, 2, 3])
    put(inbox / "bad.csv", "nothing of use\n")
    put(inbox / "later.csv.part", rows(99))
    (inbox / "day").mkdir()
    put(inbox / "c.csv", rows(4))
    until(lambda: running.said("bad.csv") and loaded_ids(database) == [1, 2, 3, 4])
    (inbox / "later.csv.part").rename(inbox / "day" / "d.csv")
    until(lambda: 99 in loaded_ids(database))
    put(inbox / "bad.csv", rows(5))
    until(lambda: loaded_ids(database) == [1, 2, 3, 4, 5, 99])
    assert running.end() == 0
    assert ledger(database) == [
        ("a.csv", "loaded"),
        ("b.csv", "loaded"),
        ("bad.csv", "failed"),
        ("c.csv", "loaded"),
        ("d.csv", "loaded"),
        ("bad.csv", "loaded"),
    ]
    until(lambda: running.said("ended by SIGTERM, 0 files waiting"))
    assert len(running.lines) == 7
    assert [line["level"] for line in running.lines].count("error") == 1
    assert {key: running.lines[0][key] for key in ("status", "rows_read", "rows_loaded", "load_id")} == {
        "status": "loaded",
        "rows_read": 2,
        "rows_loaded": 2,
        "load_id": 1,
    }


@pytest.mark.slow
def test_a_file_that_grows_is_loaded_once_when_it_has_stopped(start: Start, inbox: Path, database: str) -> None:
    running = start("--settle", "5")
    growing, is_done = inbox / "a.csv", threading.Event()
    growing.write_text(HEADER)
    last = [100]

    def grow() -> None:
        while not is_done.is_set():
            last[0] += 1
            with growing.open("a") as file:
                file.write(f"{last[0]},1,1,click,2024-01-01\n")
            time.sleep(0.05)

    writer = threading.Thread(target=grow)
    writer.start()
    for number in range(1, 4):  # others come and are loaded meanwhile
        put(inbox / f"b-{number}.csv", rows(number))
        until(lambda expected=number: loaded_ids(database) == list(range(1, expected + 1)))  # type: ignore[misc]
    is_done.set()
    writer.join(PATIENCE_S)
    until(lambda: loaded_ids(database) == [1, 2, 3, *range(101, last[0] + 1)])
    assert running.end(signal.SIGINT) == 0
    assert ledger(database)[3:] == [("a.csv", "loaded")]


@pytest.mark.slow
def test_a_second_watcher_is_told_who_has_the_folder_and_a_watcher_of_another_schema_is_not(
    start: Start, inbox: Path, database: str
) -> None:
    first = start()
    put(inbox / "a.csv", rows(1))
    until(lambda: loaded_ids(database) == [1])
    second = start()
    assert second.process.wait(PATIENCE_S) == 5
    until(lambda: second.said("watches it already for schema 'public'"))
    assert second.said("process ")
    other = start("--schema", "other", "--once")
    assert other.process.wait(PATIENCE_S) == 0
    first.process.kill()
    first.process.wait()
    after = start("--once")
    assert after.process.wait(PATIENCE_S) == 0
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from other.loads").fetchone() == (1,)


@pytest.mark.slow
def test_the_lock_holds_no_snapshot_back_and_is_taken_again_when_its_session_is_ended(
    start: Start, inbox: Path, database: str, cluster: Any
) -> None:
    running = start()
    put(inbox / "a.csv", rows(1))
    until(lambda: loaded_ids(database) == [1])
    lock = """
        select a.pid, a.backend_xmin from pg_locks as l join pg_stat_activity as a using (pid)
        where l.locktype = 'advisory' and l.classid = %s::oid and l.database = (
            select oid from pg_database where datname = %s)"""
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]

    def holders() -> list[Any]:
        with psycopg.connect(cluster.admin, autocommit=True) as connection:
            return connection.execute(lock, (watcher_lock.WATCHERS, name)).fetchall()

    ((pid, snapshot),) = holders()
    assert snapshot is None
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        connection.execute("select pg_terminate_backend(%s)", (pid,))
    put(inbox / "b.csv", rows(2))
    until(lambda: loaded_ids(database) == [1, 2])
    ((other, _),) = holders()
    assert other != pid
    assert running.end() == 0
    assert holders() == []
    assert len(running.said("trying until it works")) == 1


@pytest.mark.slow
def test_a_database_that_is_away_is_waited_for_and_systemd_is_told(
    start: Start, inbox: Path, database: str, tmp_path: Path, short_folder: Path
) -> None:
    where = short_folder / f"notify-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(where))
        listening.settimeout(PATIENCE_S)
        put(inbox / "a.csv", rows(1))
        away = make_conninfo(database, host=str(tmp_path), hostaddr="")
        link = tmp_path / ".s.PGSQL.5432"
        running = start(conninfo=away, NOTIFY_SOCKET=str(where))
        heard: list[str] = []

        def hear(word: str) -> bool:
            while not any(line.startswith(word) for line in heard):
                heard.extend(listening.recv(10_000).decode().split("\n"))
            return True

        assert hear("READY=1")
        assert hear("STATUS=waiting for the database; 1 file waiting")
        until(lambda: running.said("trying until it works"))
        link.symlink_to(find_socket(database))
        until(lambda: loaded_ids(database) == [1])
        assert hear("STATUS=0 files waiting, 1 loaded")
        running.process.terminate()
        assert hear("STOPPING=1")
        assert running.process.wait(PATIENCE_S) == 0
    assert running.said("the database is there again")


def find_socket(conninfo: str) -> str:
    with psycopg.connect(conninfo) as connection:
        return f"{connection.info.host}/.s.PGSQL.{connection.info.port}"


@pytest.mark.slow
def test_once_loads_what_has_settled_and_ends_with_the_code_of_a_load(start: Start, inbox: Path, database: str) -> None:
    assert start("--once").process.wait(PATIENCE_S) == 0
    put(inbox / "a.csv", rows(1))
    put(inbox / "b.csv", "nothing of use\n")
    put(inbox / "c.csv", rows(2))
    assert start("--once").process.wait(PATIENCE_S) == errors.SourceError.exit_code
    assert loaded_ids(database) == [1, 2]
    (inbox / "b.csv").unlink()
    again = start("--once")
    assert again.process.wait(PATIENCE_S) == 0
    until(lambda: again.said("loaded before, nothing changed: 2 files"))
    inbox.rename(inbox.parent / "away")
    assert start("--once").process.wait(PATIENCE_S) == errors.SourceError.exit_code
    away = make_conninfo(database, host="/nowhere", hostaddr="")
    (inbox.parent / "away").rename(inbox)
    assert start("--once", conninfo=away).process.wait(PATIENCE_S) == errors.DatabaseUnavailableError.exit_code


@dataclass
class Here:
    """A watcher in a thread of this process."""

    database: str
    inbox: Path
    plan: watch_verb.WatchPlan = START
    stop: Stop = field(default_factory=Stop)
    seen: list[Any] = field(default_factory=list)
    state: Any = None
    raised: list[BaseException] = field(default_factory=list)

    def run(self) -> threading.Thread:
        def work() -> None:
            try:
                listener = watch_verb.Listener(on_file=self.seen.append, on_state=self.take)
                settings = load_settings(database_url=self.database)
                watch_verb.watch([str(self.inbox)], settings, self.plan, self.stop, listener)
            except BaseException as error:  # noqa: BLE001  (looked at by the test)
                self.raised.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def take(self, state: Any) -> None:
        self.state = state


@pytest.fixture
def here(database: str, inbox: Path) -> Iterator[Here]:
    running = Here(database, inbox)
    thread = running.run()
    yield running
    running.stop.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert running.raised == []
    running.stop.close()


def surprise(monkeypatch: pytest.MonkeyPatch, name: str) -> Callable[[], None]:
    """Let the load of a file fail in a way that nobody foresaw, and give what ends that."""
    from footfall.verbs import transaction

    real = transaction.load_files

    def load_files(*given: Any) -> Any:
        if any(name in attempt.source for attempt in given[-1]):
            raise RuntimeError("a surprise at postgresql://me:hunter2@db/x")
        return real(*given)

    monkeypatch.setattr(transaction, "load_files", load_files)
    return lambda: monkeypatch.setattr(transaction, "load_files", real)


def write_notify(told: Path) -> str:
    """Write the settings with which a command adds all that is told to a file."""
    return f"""[notify]
command = ["{sys.executable}", "-c", "import sys; open(r'{told}', 'a').write(sys.stdin.read())"]
"""


@pytest.mark.slow
def test_a_file_that_nobody_foresaw_does_not_end_the_work_on_the_others(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_up = surprise(monkeypatch, "b.csv")
    moving = here.inbox.parent / "many"
    moving.mkdir()
    for number, name in enumerate("abcd", 1):
        (moving / f"{name}.csv").write_text(rows(number))
    moving.rename(here.inbox / "many")
    until(lambda: loaded_ids(here.database) == [1, 3, 4])
    until(lambda: here.state.files_failed and here.state.files_loaded == 3)
    give_up()
    until(lambda: loaded_ids(here.database) == [1, 2, 3, 4])


@pytest.mark.slow
def test_the_same_failure_is_recorded_and_told_once_however_often_the_file_is_tried(
    inbox: Path, database: str, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    (tmp_path / "footfall.toml").write_text(write_notify(told))
    settings = load_settings(database_url=database)
    put(inbox / "first.csv", rows(1))  # its load makes the tables
    watch_verb.watch([str(inbox)], settings, START_ONCE, Stop())
    with psycopg.connect(database) as connection:
        connection.execute(
            "create function no_seven() returns trigger language plpgsql "
            "as $$ begin raise exception 'no\nseven'; end $$"
        )
        connection.execute(
            "create trigger no_seven before insert on user_interactions_raw for each row "
            "when (new.interaction_id = 7) execute function no_seven()"
        )
    put(inbox / "seven.csv", rows(7))
    put(inbox / "bad.csv", "nothing of use\n")
    teller, seen = Teller(settings), []
    for _ in range(3):
        listener = watch_verb.Listener(on_file=lambda result: (seen.append(result), teller.take(result)))
        assert watch_verb.watch([str(inbox)], settings, START_ONCE, Stop(), listener) == errors.SourceError.exit_code
    teller.close()
    assert [each.status for each in seen].count("failed") == 6
    assert sorted(ledger(database)) == [("bad.csv", "failed"), ("first.csv", "loaded"), ("seven.csv", "failed")]
    assert told.read_text().count('"event": "failed-load"') <= 2
    assert all(told.read_text().count(f'{name}", "error"') == 1 for name in ("bad.csv", "seven.csv"))
    put(inbox / "bad.csv", "nothing of use again\n")  # other bytes fail anew
    watch_verb.watch([str(inbox)], settings, START_ONCE, Stop())
    assert ledger(database).count(("bad.csv", "failed")) == 2


@pytest.mark.slow
def test_a_bad_file_is_in_the_ledger_though_the_database_is_lost_while_its_failure_is_recorded(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(here.inbox / "first.csv", rows(1))  # its load makes the tables
    until(lambda: loaded_ids(here.database) == [1])
    losses, real = iter(range(2)), attempts.take_writer_lock

    def take_writer_lock(connection: Any, target: Target) -> None:
        if next(losses, None) is not None:
            connection.execute("select pg_terminate_backend(pg_backend_pid())")
        real(connection, target)

    monkeypatch.setattr(attempts, "take_writer_lock", take_writer_lock)
    put(here.inbox / "bad.csv", "nothing of use\n")
    until(lambda: here.state.files_failed)
    assert next(losses, None) is None
    assert ledger(here.database) == [("first.csv", "loaded"), ("bad.csv", "failed")]
    assert [(Path(each.source).name, each.status) for each in here.seen] == [
        ("first.csv", "loaded"),
        ("bad.csv", "failed"),
    ]


@pytest.mark.slow
def test_people_are_told_once_of_a_file_that_two_definitions_match_and_of_one_that_nobody_foresaw(
    inbox: Path, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    surprise(monkeypatch, "odd.csv")
    told = tmp_path / "told"
    (tmp_path / "footfall.toml").write_text(f"""{write_notify(told)}
[sources.a]
match = ["in/two*.csv"]
[sources.b]
match = ["in/*two.csv"]
""")
    settings = load_settings(database_url=database)
    for name in ("odd.csv", "bad.csv", "two.csv"):
        put(inbox / name, "nothing of use\n")
        with closing(Teller(settings)) as teller:
            for _ in range(2):
                listener = watch_verb.Listener(on_file=teller.take)
                watch_verb.watch([str(inbox)], settings, START_ONCE, Stop(), listener)
                assert listener.state.files_failed == 1
        assert told.read_text().count(f'{name}", "error"') == 1
        (inbox / name).unlink()
    assert "hunter2" not in told.read_text()


@pytest.mark.slow
def test_many_small_files_that_come_faster_than_they_are_read_are_each_loaded_once(here: Here) -> None:
    count = 600
    for number in range(1, count + 1):
        put(here.inbox / f"{number % 7}-{number}.csv", rows(number, number + 1))
        if number % 3 == 0:  # what others take away before it is read is no error
            put(here.inbox / "vanishing.csv", rows(1))
            (here.inbox / "vanishing.csv").unlink()
    until(lambda: here.state.files_loaded >= count)
    assert loaded_ids(here.database) == list(range(1, count + 2))
    names = [Path(result.source).name for result in here.seen if result.status == "loaded"]
    assert sorted(names) == sorted({*names})
    assert [result for result in here.seen if result.failure] == []
    assert [each for each in ledger(here.database) if each[1] == "failed"] == []


@pytest.mark.slow
def test_a_file_that_is_taken_away_before_its_turn_is_no_failure_and_is_loaded_when_it_comes_back(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    from footfall.verbs import transaction

    taken: list[Path] = []
    real = transaction.load_files

    def load_files(*given: Any) -> Any:
        for attempt in given[-1]:
            if attempt.source.endswith("b.csv") and not taken:  # after the watcher saw that it is still there
                taken.append(Path(attempt.source))
                taken[0].unlink()
        return real(*given)

    monkeypatch.setattr(transaction, "load_files", load_files)
    moving = here.inbox.parent / "many"
    moving.mkdir()
    for number, name in enumerate("abc", 1):
        (moving / f"{name}.csv").write_text(rows(number))
    moving.rename(here.inbox / "many")
    until(lambda: taken and loaded_ids(here.database) == [1, 3])
    assert here.state.files_failed == 0
    put(taken[0], rows(2))
    until(lambda: loaded_ids(here.database) == [1, 2, 3])
    assert [result for result in here.seen if result.failure] == []
    assert [each for each in ledger(here.database) if each[1] == "failed"] == []


@pytest.mark.slow
def test_a_busy_database_is_waited_for_and_the_file_is_loaded_after(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(here.inbox / "a.csv", rows(1))
    until(lambda: loaded_ids(here.database) == [1])
    real, refused = transactions.take_writer_lock, []

    def refuse(connection: Any, target: Target) -> None:
        if len(refused) < 2:
            refused.append(1)
            raise errors.DatabaseBusyError("another writer holds the lock")
        real(connection, target)

    monkeypatch.setattr(turn, "take_writer_lock", refuse)
    put(here.inbox / "b.csv", rows(2))
    until(lambda: loaded_ids(here.database) == [1, 2])
    assert refused == [1, 1]
    assert ledger(here.database) == [("a.csv", "loaded"), ("b.csv", "loaded")]


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root may mount a disk")
def test_a_folder_that_is_unmounted_and_comes_back_is_watched_again(here: Here, tmp_path: Path) -> None:
    def mount() -> None:
        done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", here.inbox], check=False, capture_output=True)
        if done.returncode:
            pytest.skip("no disk can be mounted here")

    for number in range(1, 4):
        mount()
        try:
            put(here.inbox / f"{number}.csv", rows(number))
            until(lambda expected=number: loaded_ids(here.database) == list(range(1, expected + 1)))  # type: ignore[misc]
        finally:
            subprocess.run(["umount", "-l", here.inbox], check=True)
    put(here.inbox / "below.csv", rows(9))
    until(lambda: loaded_ids(here.database) == [1, 2, 3, 9])
    here.inbox.rename(tmp_path / "away")
    until(lambda: here.state.missing == 1)
    (tmp_path / "away").rename(here.inbox)
    put(here.inbox / "again.csv", rows(10))
    until(lambda: loaded_ids(here.database) == [1, 2, 3, 9, 10])
    assert here.state.missing == 0


@pytest.mark.long
@pytest.mark.slow
def test_tables_that_another_version_upgrades_meanwhile_end_it_and_no_file_is_forgotten(
    start: Start, inbox: Path, database: str
) -> None:
    running = start()
    put(inbox / "a.csv", rows(1))
    until(lambda: loaded_ids(database) == [1])
    with psycopg.connect(database) as connection:
        connection.execute(
            "insert into footfall_migrations (version, name) select max(version) + 1, 'later' from footfall_migrations"
        )
    put(inbox / "b.csv", rows(2))
    assert running.process.wait(PATIENCE_S) == errors.SchemaError.exit_code
    with psycopg.connect(database) as connection:
        connection.execute("delete from footfall_migrations where name = 'later'")
    assert start("--once").process.wait(PATIENCE_S) == 0
    assert loaded_ids(database) == [1, 2]


@pytest.mark.slow
def test_metrics_health_and_people_know_what_the_watcher_meets(
    start: Start, inbox: Path, database: str, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    (tmp_path / "footfall.toml").write_text(write_notify(told))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = start("--metrics", str(port))
    put(inbox / "a.csv", rows(1, 2))
    put(inbox / "bad.csv", "nothing of use\n")
    until(lambda: loaded_ids(database) == [1, 2] and running.said("bad.csv"))

    def ask(path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())

    until(lambda: "footfall_watch" in ask("/metrics"))
    assert json.loads(ask("/healthz"))["status"] == "ok"
    until(lambda: told.exists() and "bad.csv" in told.read_text())
    assert running.end() == 0
    assert told.read_text().count("failed-load") == 1


def test_places_that_cannot_be_watched_are_refused_by_name(settings: Any) -> None:
    stop = Stop()
    for name in ("-", "https://host/a.csv", "ftp://host/a"):
        with pytest.raises(errors.SettingsError, match="cannot be watched"):
            watch_verb.watch([name], settings, START, stop)
    with pytest.raises(errors.SettingsError, match="no-such"):
        watch_verb.watch(["in"], load_settings(source="no-such"), START, stop)
    stop.close()
