"""What `footfall metrics` and the server of /metrics and /healthz say of tables with rows in them."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from diagnosing import diagnose
from footfall.answers.metrics import METRICS, OF_DATABASE, OF_WATCHER, list_numbers, write_metrics
from footfall.cli import main as cli
from footfall.contract.problems import PROBLEM_CODES
from footfall.errors import SettingsError, TooManyRejectedError
from footfall.postgres.transactions import LOCK_CLASS
from footfall.results.measures import Measured
from footfall.results.watching import WatchState
from footfall.settings import Settings, load_settings
from footfall.tables import known_files
from footfall.tables.schema import list_tables
from footfall.verbs import load as load_verb
from footfall.verbs import metrics as metrics_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import undo as undo_verb
from footfall.verbs import verify as verify_verb
from footfall.verbs.metrics_server import MetricsServer, parse_address, start_metrics_server
from footfall.verbs.session import open_target
from prometheus import PROMTOOL, needs_prometheus

Write = Callable[..., str]
AWAY = "postgresql://me:hunter2@127.0.0.1:1/none"


@pytest.fixture
def loaded(settings: Settings, write_csv: Write, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """One file with two rejected rows, one of which has two problems; one that repeats it; one that fails."""
    monkeypatch.setattr(known_files, "SETTLED_NS", -(10**9))  # files that were written just now are remembered, too
    first = write_csv(
        "first.csv",
        "1,1,1,click,2024-01-01T10:00:00",
        "2,1,2,click,2024-01-02T11:30:07",
        "3,x,2,,2024-01-02",
        "4,1,2,,2024-01-02",
    )
    second = write_csv("second.csv", "1,1,1,click,2024-01-01T10:00:00", "5,2,2,click,2024-01-01")
    load_verb.load([first, second, write_csv("cut.csv", content=b"")], settings)
    return settings


@pytest.fixture
def served(settings: Settings) -> Iterator[MetricsServer]:
    with closing(start_metrics_server("0", settings, WatchState(places=("inbox",)))) as server:
        yield server


def collect(settings: Settings) -> dict[tuple[str, str], float]:
    return list_numbers(metrics_verb.collect(settings))


def fetch(server: MetricsServer, path: str, **headers: str) -> tuple[int, str, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_numbers_are_those_of_the_tables(loaded: Settings) -> None:
    numbers = collect(loaded)
    assert numbers["footfall_up", ""] == 1
    assert {label: n for (name, label), n in numbers.items() if name == "footfall_loads"} == {
        "loaded": 2,
        "failed": 1,
        "undone": 0,
    }
    assert {label: n for (name, label), n in numbers.items() if name == "footfall_rows"} == {
        "loaded": 3,
        "duplicate": 1,
        "rejected": 2,
        "skipped": 0,
    }
    problems = {label: n for (name, label), n in numbers.items() if name == "footfall_quarantine_problems"}
    assert {code: n for code, n in problems.items() if n} == {"missing-value": 2, "not-an-integer": 1}
    assert set(problems) == {*PROBLEM_CODES, "other"}
    assert numbers["footfall_quarantine_rows", "open"] == 2
    assert numbers["footfall_quarantine_rows", "closed"] == 0
    assert numbers["footfall_open_failures", ""] == 1
    assert numbers["footfall_newest_interaction_timestamp_seconds", ""] == 1704195007
    written = max(Path("first.csv").stat().st_mtime, Path("second.csv").stat().st_mtime)
    assert numbers["footfall_newest_file_timestamp_seconds", ""] == pytest.approx(written, abs=0.01)
    assert numbers["footfall_load_seconds_total", ""] > 0
    assert numbers["footfall_writers_waiting", ""] == 0
    sizes = {label: n for (name, label), n in numbers.items() if name == "footfall_table_size_bytes"}
    assert set(sizes) == set(list_tables())
    assert sizes["user_interactions_raw"] > 0
    assert {n for (name, _), n in numbers.items() if name == "footfall_part_collected"} == {1}


def test_a_row_that_is_dated_into_the_future_hides_no_lag(loaded: Settings, write_csv: Write) -> None:
    load_verb.load([write_csv("future.csv", "20,1,1,click,2999-01-01", "21,1,1,click,2024-01-03T00:00:00")], loaded)
    assert collect(loaded)["footfall_newest_interaction_timestamp_seconds", ""] == 1704240000


def test_a_failure_is_open_until_the_file_is_loaded(loaded: Settings, write_csv: Write) -> None:
    load_verb.load([write_csv("cut.csv", "9,1,1,click,2024-01-01")], loaded)
    assert collect(loaded)["footfall_open_failures", ""] == 0


@pytest.mark.slow
def test_metrics_and_doctor_count_the_same_failures(loaded: Settings, write_csv: Write, database: str) -> None:
    def counted() -> tuple[float, str]:
        return collect(loaded)["footfall_open_failures", ""], diagnose(database)["failed-files"].found.split(";")[0]

    assert counted() == (1, "1")
    load_verb.load([write_csv("cut.csv", "9,1,1,click,2024-01-01")], loaded)
    assert counted() == (0, "none is open")
    stricter = load_settings(database_url=database, actions="buy", max_rejected="0")
    [failed] = load_verb.load(["cut.csv"], stricter, again=True).loads
    assert failed.exit_code == TooManyRejectedError.exit_code
    assert counted() == (0, "none is open")  # the load that should be replaced stands, so nothing is lost
    for name in ("cut.csv", "other.csv", "other.csv", "third.csv"):
        load_verb.load([write_csv(name, content=b"")], loaded)
    assert counted() == (3, "3")
    load_verb.load([write_csv("third.csv", "10,1,1,click,2024-01-01")], loaded)
    assert counted() == (2, "2")


def test_an_undone_load_leaves_the_sums(loaded: Settings) -> None:
    collector = metrics_verb.Collector(loaded)
    collector.collect()
    undo_verb.undo([1], loaded, with_later=True)
    numbers = list_numbers(collector.collect())
    assert numbers["footfall_loads", "undone"] >= 1
    assert numbers["footfall_quarantine_rows", "open"] == 0


def test_drift_is_that_of_the_last_recount(loaded: Settings, database: str) -> None:
    assert ("footfall_drift", "") not in collect(loaded)
    verify_verb.verify(loaded)
    assert collect(loaded)["footfall_drift", ""] == 0
    with psycopg.connect(database) as connection:
        connection.execute("update interactions set interaction_count = interaction_count + 1 where product_id = 1")
    verify_verb.verify(loaded)
    assert collect(loaded)["footfall_drift", ""] > 0
    verify_verb.verify(loaded, repair=True)
    numbers = collect(loaded)
    assert numbers["footfall_drift", ""] == 0
    assert numbers["footfall_verified_timestamp_seconds", ""] >= numbers["footfall_last_loaded_timestamp_seconds", ""]


def test_a_wait_for_the_writer_lock_is_measured(loaded: Settings, database: str) -> None:
    with open_target(loaded) as where:
        keys = (LOCK_CLASS, where.lock_key)
    take = "select pg_advisory_xact_lock(%s, %s)"
    with psycopg.connect(database) as writer, psycopg.connect(database) as waiting:
        writer.execute(take, keys)
        assert collect(loaded)["footfall_writer_held_seconds", ""] > 0
        waiting.pgconn.send_query(f"begin; select pg_advisory_xact_lock({keys[0]}, {keys[1]})".encode())
        while not (numbers := collect(loaded))["footfall_writers_waiting", ""]:
            pass
        assert collect(loaded)["footfall_writer_wait_seconds", ""] > numbers["footfall_writer_wait_seconds", ""] >= 0
        waiting.cancel()
        while waiting.pgconn.get_result():
            pass


def test_a_table_that_somebody_holds_for_himself_is_left_out_and_nobody_waits(loaded: Settings, database: str) -> None:
    with psycopg.connect(database) as holder:
        holder.execute("lock table load_overlaps in access exclusive mode")
        numbers = collect(loaded)
    sizes = {label for (name, label) in numbers if name == "footfall_table_size_bytes"}
    assert set(list_tables()) - sizes == {"load_overlaps"}
    assert numbers["footfall_part_collected", "sizes"] == 1


def test_no_lock_that_a_load_into_empty_tables_takes_is_held(loaded: Settings) -> None:
    """A first load takes tables for itself only where nobody reads them: what is read between scrapes is nothing."""
    collector = metrics_verb.Collector(loaded)
    collector.collect()
    with open_target(loaded) as where, psycopg.connect(where.conninfo) as connection:
        rows = connection.execute("select count(*) from pg_locks where relation > 16384 and pid <> pg_backend_pid()")
        assert rows.fetchone() == (0,)


def test_no_lock_of_the_tables_of_rows_is_held_while_other_parts_are_measured(
    loaded: Settings, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load into empty tables waits for them only for a moment, and a scrape may take seconds."""
    held: list[Any] = []
    measure = metrics_verb.measures.find_newest_file

    def look(connection: Any) -> Any:
        with psycopg.connect(database) as other:
            held.append(
                other.execute(
                    "select c.relname from pg_locks as l join pg_class as c on c.oid = l.relation where l.pid = %s "
                    "and c.relname in ('user_interactions_raw', 'interactions_per_quarter_hour')",
                    [connection.info.backend_pid],
                ).fetchall()
            )
        timeout = connection.execute("select current_setting('lock_timeout')").fetchone()
        held.append(timeout == (metrics_verb.measures.LOCK_WAIT,))
        return measure(connection)

    monkeypatch.setattr(metrics_verb.measures, "find_newest_file", look)
    assert collect(loaded)["footfall_newest_interaction_timestamp_seconds", ""] == 1704195007
    assert held == [[], False]


@pytest.mark.slow
def test_a_scrape_hardly_waits_for_a_load_that_has_the_tables_for_itself(loaded: Settings, database: str) -> None:
    with psycopg.connect(database) as holder, psycopg.connect(database) as patient:
        holder.execute("lock table user_interactions_raw in access exclusive mode")
        patient.execute("set statement_timeout = '60s'")
        patient.execute("set lock_timeout = 0")
        patient.commit()
        with pytest.raises(psycopg.errors.LockNotAvailable):
            metrics_verb.measures.find_newest_interaction(patient)
        numbers = collect(loaded)
    parts = {label: n for (name, label), n in numbers.items() if name == "footfall_part_collected"}
    assert {part for part, n in parts.items() if not n} == {"interactions"}
    assert numbers["footfall_rows", "loaded"] == 3


def test_a_database_that_is_down_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["footfall", "metrics", "--database", AWAY])
    assert cli.main() == 0
    said = capsys.readouterr()
    families = {each.name: each.samples[0].value for each in text_string_to_metric_families(said.out)}
    assert families["footfall_up"] == 0
    assert "footfall_loads" not in families
    assert "warning" in said.err
    assert "hunter2" not in said.err + said.out


def test_tables_that_are_missing_or_old_say_so(settings: Settings) -> None:
    measured = metrics_verb.collect(settings)
    numbers = list_numbers(measured)
    assert (numbers["footfall_up", ""], numbers["footfall_schema_version", ""]) == (1, 0)
    assert numbers["footfall_schema_needed_version", ""] > 0
    assert "version 0" in measured.reason


def test_a_role_that_only_reads_gets_what_it_may_read(
    loaded: Settings, new_role: Callable[..., str], database: str
) -> None:
    reader = new_role()
    with psycopg.connect(reader) as connection:
        (role,) = connection.execute("select current_user").fetchone() or ("",)
    schema_verb.grant_reading(loaded, role)
    numbers = collect(load_settings(database_url=reader))
    parts = {label: n for (name, label), n in numbers.items() if name == "footfall_part_collected"}
    assert {part for part, n in parts.items() if not n} == {"failures", "files", "quarantine", "verification"}
    assert numbers["footfall_rows", "loaded"] == 3


def test_a_file_is_replaced_as_a_whole(
    loaded: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: str
) -> None:
    place = tmp_path / "footfall.prom"
    place.write_text("old\n")
    place.chmod(0o640)
    before = place.stat().st_ino
    monkeypatch.setattr("sys.argv", ["footfall", "metrics", "--database", database, "--output", str(place)])
    assert cli.main() == 0
    assert place.stat().st_ino != before
    assert place.stat().st_mode & 0o777 == 0o640
    assert "footfall_up 1.0\n" in place.read_text()
    assert [each.name for each in tmp_path.iterdir() if "footfall.prom" in each.name] == ["footfall.prom"]
    monkeypatch.setattr("sys.argv", ["footfall", "metrics", "--database", database, "--output", "not/there.prom"])
    assert cli.main() == 2


def test_every_number_is_of_a_known_metric_and_named_by_the_conventions() -> None:
    state = WatchState(places=("a",))
    measured = Measured(True, "", 1, 1, numbers={("footfall_loads", "loaded"): 1.0})
    assert {name for name, _ in list_numbers(measured, state)} - set(METRICS) == set()
    for name, metric in METRICS.items():
        assert re.fullmatch(r"footfall_[a-z_]+", name)
        assert name.endswith("_total") == (metric.kind == "counter")
        assert metric.about.endswith(".")
        assert not re.search(r"(_ms|_minutes|_hours|_days|_kb|_mb|_percent|_count)(_|$)", name)
    assert not set(OF_DATABASE) & set(OF_WATCHER)


def test_a_label_never_holds_a_name_of_a_file_or_an_id(loaded: Settings, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "update rejected_interactions set problems = jsonb_build_array(jsonb_build_object('code', 'cut.csv'))"
        )
        connection.execute("select nextval(pg_get_serial_sequence('loads', 'load_id'))")
    numbers = collect(loaded)
    assert numbers["footfall_quarantine_problems", "other"] == 2
    labels = {label for _, label in numbers}
    bounded = {*PROBLEM_CODES, *list_tables(), "loaded", "failed", "undone", "duplicate", "rejected", "skipped", ""}
    parts = {label for name, label in numbers if name == "footfall_part_collected"}
    versions = {label for name, label in numbers if name == "footfall_build_info"}
    assert labels <= bounded | parts | versions | {"open", "closed", "other"}
    assert len(numbers) < 100


def test_what_is_not_changed_by_loads_is_asked_once(loaded: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    count = metrics_verb.measures.count_problems
    monkeypatch.setattr(metrics_verb.measures, "count_problems", lambda c: asked.append(c) or count(c))
    collector = metrics_verb.Collector(loaded)
    first, second = collector.collect(), collector.collect()
    assert len(asked) == 1
    key = ("footfall_quarantine_rows", "open")
    assert first.numbers[key] == second.numbers[key] == 2


@pytest.mark.slow
def test_the_server_answers_metrics_in_both_forms(loaded: Settings, served: MetricsServer) -> None:
    status, kind, text = fetch(served, "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = {each.name: each for each in text_string_to_metric_families(text)}
    assert families["footfall_rows"].samples[0].value == 3
    assert families["footfall_watch_ready"].samples[0].value == 0
    assert "process_resident_memory_bytes" in families
    status, kind, text = fetch(served, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


@pytest.mark.slow
def test_health_says_database_schema_and_age(loaded: Settings, served: MetricsServer) -> None:
    status, kind, text = fetch(served, "/healthz")
    found = json.loads(text)
    assert (status, kind, found["status"], found["reason"]) == (200, "application/json", "ok", None)
    assert found["database"] is True
    assert found["schema"]["version"] == found["schema"]["needed"] > 0
    assert found["last_load_age_seconds"] >= 0
    assert found["watch"]["waiting_files"] == 0
    assert fetch(served, "/other")[0] == 404


def test_health_fails_without_tables(served: MetricsServer) -> None:
    status, _, text = fetch(served, "/healthz")
    assert (status, json.loads(text)["status"]) == (503, "failing")
    assert "not those that this Footfall needs" in json.loads(text)["reason"]


def test_health_and_metrics_of_a_database_that_is_away() -> None:
    state = WatchState(places=("inbox",), missing=1)
    with closing(start_metrics_server("0", load_settings(database_url=AWAY), state)) as server:
        status, _, text = fetch(server, "/healthz")
        assert status == 503
        assert json.loads(text)["database"] is False
        assert json.loads(text)["reason"] == "the database does not answer; 1 of 1 places cannot be looked at"
        status, _, text = fetch(server, "/metrics")
        assert status == 200
        assert "footfall_up 0.0\n" in text
        assert "hunter2" not in text


@pytest.mark.slow
def test_a_watcher_without_a_sign_is_stuck_and_one_that_loads_is_not(loaded: Settings) -> None:
    state = WatchState(places=("inbox",), ticked_s=-1e6)
    with closing(start_metrics_server("0", loaded, state)) as server:
        status, _, text = fetch(server, "/healthz")
        assert (status, "gave no sign" in json.loads(text)["reason"]) == (503, True)
        state.loading = "a.csv"
        assert fetch(server, "/healthz")[0] == 200


def test_the_address_says_who_can_ask() -> None:
    assert parse_address(":9187") == ("", 9187)
    assert parse_address("9187") == ("127.0.0.1", 9187)
    assert parse_address("[::1]:9187") == ("::1", 9187)
    assert parse_address("10.0.0.7:1") == ("10.0.0.7", 1)
    for wrong in ("", "x", ":", ":70000", "::1:9187", "localhost:-1"):
        with pytest.raises(SettingsError, match="--metrics"):
            parse_address(wrong)


@pytest.mark.slow
def test_an_address_that_is_taken_is_said(served: MetricsServer, settings: Settings) -> None:
    with pytest.raises(SettingsError, match="cannot be listened on"):
        start_metrics_server(f"127.0.0.1:{served.port}", settings)


@pytest.mark.slow
def test_all_interfaces_are_those_of_an_address_without_a_host(loaded: Settings) -> None:
    with closing(start_metrics_server(":0", loaded)) as server:
        assert server.host in ("::", "0.0.0.0")
        assert fetch(server, "/healthz")[0] == 200


@needs_prometheus
def test_promtool_finds_no_fault_in_the_text(loaded: Settings) -> None:
    verify_verb.verify(loaded)
    text, _ = write_metrics(metrics_verb.collect(loaded), WatchState(places=("inbox",)))
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, timeout=600, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
