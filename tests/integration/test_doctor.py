"""What doctor says of a database in which one thing is broken for real."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import zoneinfo
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from diagnosing import diagnose
from footfall.settings import load_settings
from footfall.tables.schema import list_migrations, list_tables
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs.doctor import server as server_checks
from footfall.verbs.doctor import tables as table_checks

pytestmark = pytest.mark.every_server

DOCS = Path(__file__).resolve().parents[2] / "docs"
STATISTICS_WAIT_S = 600
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
Write = Callable[..., str]


@pytest.fixture(scope="module")
def model(new_database_of_module: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with two rows in it, and one that was rejected, of which each test gets a copy."""
    made = new_database_of_module()
    source = tmp_path_factory.mktemp("model") / "a.csv"
    source.write_text(f"{HEADER}1,1,1,click,2024-01-01\n2,1,1,click,2024-01-02\n3,x,1,click,2024-01-01\n")
    load_verb.load([str(source)], load_settings(database_url=made))
    return made


@pytest.fixture
def loaded(cluster: Any, model: str, database: str) -> str:
    """A copy of the model in the place of an empty database."""
    here, there = (sql.Identifier(str(conninfo_to_dict(each)["dbname"])) for each in (database, model))
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        strategy = sql.SQL("strategy file_copy" if connection.info.server_version >= 150000 else "")
        connection.execute(sql.SQL("drop database {}").format(here))
        connection.execute(sql.SQL("create database {} owner owner template {} {}").format(here, there, strategy))
    return database


def do(conninfo: str, *statements: str, **words: Any) -> None:
    with psycopg.connect(conninfo, autocommit=True, **words) as connection:
        for statement in statements:
            connection.execute(statement)


def as_admin(cluster: Any, database: str, *statements: str) -> None:
    do(cluster.admin, *statements, dbname=conninfo_to_dict(database)["dbname"])


@pytest.mark.slow
def test_a_database_in_which_all_is_well_has_no_failure_and_keeps_what_it_had(
    loaded: str, contents: Callable[[str], Any]
) -> None:
    before = contents(loaded)
    found = diagnose(loaded)
    # The tests' server has no autovacuum and no fsync.
    other = {name: verdict for name, verdict in found.items() if name not in ("statistics", "role-settings")}
    assert {name: verdict for name, verdict in other.items() if verdict.state != "ok"} == {}
    assert contents(loaded) == before


def test_what_is_broken_has_a_cure_and_what_is_well_has_none(database: str) -> None:
    for name, verdict in diagnose(database).items():
        assert bool(verdict.cure) == (verdict.state in ("warning", "failure")), name


def test_tables_that_are_not_there_are_a_warning_and_the_rest_is_said(database: str) -> None:
    found = diagnose(database)
    assert (found["schema"].state, found["rights"].state, found["form"].state) == ("warning", "ok", "unknown")


@pytest.mark.slow
def test_tables_in_another_schema_are_named(loaded: str) -> None:
    found = diagnose(loaded, schema="elsewhere")
    assert found["schema"].state == "warning"
    assert "public" in found["schema"].found


def test_tables_of_an_earlier_version_are_a_failure_with_its_cure(loaded: str) -> None:
    do(loaded, "delete from footfall_migrations where version = (select max(version) from footfall_migrations)")
    found = diagnose(loaded)["schema"]
    assert (found.state, found.cure) == ("failure", "footfall schema apply")
    assert str(len(list_migrations()) - 1) in found.found


@pytest.mark.slow
def test_a_table_that_is_missing_is_said(loaded: str) -> None:
    do(loaded, "drop table load_overlaps")
    found = diagnose(loaded)
    assert "load_overlaps is missing" in found["schema"].found


def test_a_database_that_is_away_is_a_failure_and_the_other_lines_come(tmp_path: Path) -> None:
    found = diagnose(f"host={tmp_path} dbname=nowhere password=hunter2")
    assert found["connection"].state == "failure"
    assert (found["python"].state, found["definitions"].state) == ("ok", "ok")
    assert {found[name].state for name in ("server-version", "schema", "quarantine")} == {"unknown"}
    assert "hunter2" not in str(found)


@pytest.mark.slow
def test_a_version_below_the_floor_is_a_failure_and_one_above_the_tests_a_warning(
    loaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_checks, "MAJORS_TESTED", (13,))
    assert diagnose(loaded)["server-version"].state == "warning"
    monkeypatch.setattr(server_checks, "VERSION_FLOOR", 990000)
    assert diagnose(loaded)["server-version"].state == "failure"


def test_an_encoding_that_is_not_utf8_is_a_failure(cluster: Any, database: str) -> None:
    name = f"{conninfo_to_dict(database)['dbname']}_latin"
    do(cluster.admin, f"create database {name} encoding 'LATIN1' locale 'C' template template0")
    try:
        found = diagnose(psycopg.conninfo.make_conninfo(cluster.admin, dbname=name))["encoding"]
        assert (found.state, found.found.split(";")[0]) == ("failure", "LATIN1")
    finally:
        do(cluster.admin, f"drop database {name} with (force)")


def test_a_role_that_may_only_read_is_told_which_setting_says_so(cluster: Any, loaded: str) -> None:
    name = conninfo_to_dict(loaded)["dbname"]
    as_admin(cluster, loaded, f"alter role owner in database {name} set default_transaction_read_only to on")
    found = diagnose(loaded)["role-settings"]
    assert found.state == "failure"
    assert "this role in this database" in found.found


@pytest.mark.parametrize("setting", ["idle_session_timeout = '10s'", "temp_file_limit = '1MB'"])
def test_a_setting_that_can_end_a_load_is_a_warning(cluster: Any, loaded: str, setting: str) -> None:
    as_admin(cluster, loaded, f"alter database {conninfo_to_dict(loaded)['dbname']} set {setting}")
    found = diagnose(loaded)["role-settings"]
    assert found.state == "warning"
    assert re.search(rf"{setting.split(maxsplit=1)[0]} = \d+(ms|kB) \(this database\)", found.found)


def test_time_outs_that_footfall_sets_for_itself_are_named_and_harm_nothing(
    cluster: Any, loaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_admin(cluster, loaded, f"alter database {conninfo_to_dict(loaded)['dbname']} set statement_timeout to '7s'")
    real = server_checks.list_settings

    def without_the_tests_own(connection: Any) -> list[Any]:
        return [row if row.name != "fsync" else row._replace(value="on") for row in real(connection)]

    monkeypatch.setattr(server_checks, "list_settings", without_the_tests_own)
    found = diagnose(loaded)["role-settings"]
    assert (found.state, found.found.split(":")[0]) == ("ok", "statement_timeout = 7000ms (this database)")


def test_a_server_that_does_not_survive_a_power_cut_is_a_warning(loaded: str) -> None:
    found = diagnose(loaded)["role-settings"]
    assert (found.state, "fsync = off" in found.found) == ("warning", True)


def test_a_password_that_ends_and_sessions_that_run_out_are_warnings(
    cluster: Any, loaded: str, new_role: Callable[..., str]
) -> None:
    role = new_role()
    name = conninfo_to_dict(role)["user"]
    as_admin(cluster, loaded, f"alter role {name} valid until 'tomorrow'")
    assert diagnose(role)["role"].state == "warning"
    as_admin(cluster, loaded, f"alter role {name} valid until 'infinity' connection limit 1")
    assert "1 of the 1 sessions" in diagnose(role)["role"].found


def test_a_role_without_temporary_tables_is_warned(cluster: Any, loaded: str, new_role: Callable[..., str]) -> None:
    as_admin(cluster, loaded, f"revoke temporary on database {conninfo_to_dict(loaded)['dbname']} from public")
    assert diagnose(new_role())["temporary-tables"].state == "warning"


def test_clocks_that_differ_are_a_warning(loaded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 10_900)
    found = diagnose(loaded)["clock"]
    assert (found.state, found.found) == ("warning", "the server's clock is 3 hours before this machine's")


@pytest.mark.slow
def test_time_zone_data_that_differ_are_a_warning_that_says_from_when(
    loaded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTFALL_SOURCE_TIME_ZONE", "Europe/Vienna")
    assert diagnose(loaded)["time-zones"].state == "ok"
    # A copy of the data in which Vienna is New York, as Python finds it.
    (tmp_path / "Europe").mkdir()
    source = files("tzdata").joinpath("zoneinfo/America/New_York")
    (tmp_path / "Europe/Vienna").write_bytes(source.read_bytes())
    kept = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        found = diagnose(loaded)["time-zones"]
    finally:
        zoneinfo.reset_tzpath(kept)
        zoneinfo.ZoneInfo.clear_cache()
    assert (found.state, found.found) == (
        "warning",
        "Europe/Vienna: from 1970-01-01 on DuckDB has UTC+01:00, Python UTC-05:00",
    )


@pytest.mark.slow
def test_a_writer_that_holds_the_lock_too_long_is_named(loaded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from footfall.postgres.target import Target
    from footfall.postgres.transactions import take_writer_lock

    monkeypatch.setenv("FOOTFALL_LOCK_WAIT_SECONDS", "0")
    target = Target(loaded, "public", 0)
    with psycopg.connect(loaded, application_name="nightly", row_factory=psycopg.rows.namedtuple_row) as writer:
        take_writer_lock(writer, target)
        found = diagnose(loaded)["writer-lock"]
        assert (found.state, "(nightly)" in found.found, str(writer.info.backend_pid) in found.cure) == (
            "warning",
            True,
            True,
        )
    assert diagnose(loaded)["writer-lock"].state == "ok"


@pytest.mark.slow
def test_a_transaction_that_keeps_old_rows_is_named(loaded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_checks, "OLD_S", 0)
    with psycopg.connect(loaded) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute("select 1 from loads")
        found = diagnose(loaded)["old-transactions"]
        assert (found.state, f"process {other.info.backend_pid} " in found.found) == ("warning", True)
    assert diagnose(loaded)["old-transactions"].state == "ok"


@pytest.mark.slow
def test_a_role_without_rights_a_reader_and_half_a_loader_are_told_apart(
    loaded: str, new_role: Callable[..., str]
) -> None:
    nobody = new_role()
    assert diagnose(nobody)["rights"].state == "failure"
    reader = new_role()
    schema_verb.grant_reading(load_settings(database_url=loaded), str(conninfo_to_dict(reader)["user"]))
    assert diagnose(reader)["rights"].found == "the role may read, and not load"
    half = new_role("grant select on all tables in schema public to {role}", "grant insert on loads to {role}")
    found = diagnose(half)["rights"]
    assert (found.state, "insert on interactions" in found.found) == ("warning", True)


@pytest.mark.slow
def test_the_rights_that_a_load_needs_are_those_of_the_page(loaded: str, new_role: Callable[..., str]) -> None:
    page = (DOCS / "how-to/named-database.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- rights of a role that loads -->\n```sql\n(.*?)```", page, re.DOTALL)
    assert found is not None
    text = found[1].replace("database users", "database {database}").replace("to nightly", "to {role}")
    grants = text.replace("schema footfall", "schema public").replace(" footfall.", " public.").strip().rstrip(";")
    loader = new_role(*grants.split(";\n"))
    assert diagnose(loader)["rights"].found.startswith("the role may read and load")
    inserted = {
        name
        for line in re.findall(r"^grant (insert[^;]*);", text, re.MULTILINE)
        for name in re.findall(r"footfall\.(\w+)", line)
    }
    assert inserted == {*table_checks.INSERTED, *table_checks.UPDATED}


def test_rows_that_a_policy_hides_are_a_failure(loaded: str, new_role: Callable[..., str]) -> None:
    reader = new_role("grant select on all tables in schema public to {role}")
    do(loaded, "alter table interactions enable row level security")
    found = diagnose(reader)["rights"]
    assert (found.state, "interactions" in found.found) == ("failure", True)


def test_a_schema_in_which_others_may_create_is_a_warning(loaded: str) -> None:
    do(loaded, "grant create on schema public to public")
    assert diagnose(loaded)["other-creators"].state == "warning"


def test_tables_that_differ_from_what_the_migrations_made_are_a_failure(loaded: str) -> None:
    do(loaded, "alter table load_overlaps drop constraint load_overlaps_pkey")
    found = diagnose(loaded)["form"]
    assert (found.state, "primary key of load_overlaps: missing" in found.found) == ("failure", True)
    assert "add constraint load_overlaps_pkey" in found.cure


def test_an_index_that_was_not_finished_is_a_failure(loaded: str) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        do(loaded, "create unique index concurrently twice on user_interactions_raw (action)")
    found = diagnose(loaded)["indexes"]
    assert (found.state, found.found) == ("failure", "invalid: public.twice")


def test_triggers_rules_and_foreign_keys_of_others_are_a_warning(loaded: str) -> None:
    do(
        loaded,
        "create function noted() returns trigger language plpgsql as 'begin return new; end'",
        "create trigger watching before insert on user_interactions_raw for each row execute function noted()",
        "create rule hiding as on delete to load_overlaps do instead nothing",
        "create table mine (load_id integer references loads)",
    )
    found = diagnose(loaded)["triggers"]
    assert found.state == "warning"
    assert found.found == (
        "foreign key mine_load_id_fkey of mine, rule hiding of load_overlaps, trigger watching of user_interactions_raw"
    )


def test_dead_rows_are_a_warning(loaded: str) -> None:
    do(
        loaded,
        "insert into load_overlaps select n, 1, 0, 0 from generate_series(1, 30000) as n",
        "delete from load_overlaps where load_id > 100",
    )
    until = time.monotonic() + STATISTICS_WAIT_S
    while (found := diagnose(loaded)["bloat"]).state == "ok":  # the server counts some time later
        assert time.monotonic() < until
    assert "public.load_overlaps has 29,900 dead rows" in found.found


@pytest.mark.slow
def test_space_that_is_held_for_nothing_is_a_warning(loaded: str) -> None:
    do(
        loaded,
        "alter table load_overlaps drop constraint load_overlaps_pkey",
        "insert into load_overlaps select 2, 1, 0, 0 from generate_series(1, 500000) as n",
        "insert into load_overlaps values (3, 1, 0, 0)",
        "delete from load_overlaps where load_id = 2",
        "vacuum (analyze) load_overlaps",
        "alter table load_overlaps add constraint load_overlaps_pkey primary key (load_id, first_load_id)",
    )
    do(loaded, "vacuum (analyze)")
    found = diagnose(loaded)["bloat"]
    assert (found.state, "public.load_overlaps holds some " in found.found) == ("warning", True)


@pytest.mark.slow
def test_a_table_that_autovacuum_leaves_alone_is_a_warning(loaded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert diagnose(loaded)["statistics"].found == "autovacuum is off on this server"  # as the tests' server is
    monkeypatch.setattr(table_checks, "list_settings", lambda _: [])
    assert diagnose(loaded)["statistics"].state == "ok"
    do(loaded, "alter table interactions set (autovacuum_enabled = off)")
    found = diagnose(loaded)["statistics"]
    assert (found.state, found.cure) == ("warning", "alter table public.interactions reset (autovacuum_enabled)")


def test_a_large_table_that_was_never_analyzed_is_a_warning(loaded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_checks, "list_settings", lambda _: [])
    do(loaded, "insert into load_overlaps select n, 1, 0, 0 from generate_series(1, 30000) as n")
    until = time.monotonic() + STATISTICS_WAIT_S
    while (found := diagnose(loaded)["statistics"]).state == "ok":
        assert time.monotonic() < until
    assert (found.state, found.cure) == ("warning", "analyze public.load_overlaps")


@pytest.mark.slow
def test_a_table_that_is_not_frozen_in_time_is_a_warning_and_at_last_a_failure(
    loaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(
        loaded,
        "alter table loads set (autovacuum_freeze_max_age = 100000)",
    )
    with psycopg.connect(loaded, autocommit=True) as connection:
        connection.execute(
            "do $$ begin for n in 1..115000 loop perform pg_catalog.pg_current_xact_id(); commit; end loop; end $$"
        )
    found = diagnose(loaded)["wraparound"]
    assert (found.state, found.cure.split(";")[0]) == ("warning", "vacuum (freeze) public.loads")
    monkeypatch.setattr(table_checks, "XID_AGE_MAX", 100_000)
    assert diagnose(loaded)["wraparound"].state == "failure"


def test_a_staging_table_that_was_left_is_a_warning_that_drops_it(loaded: str) -> None:
    name = f"staging_{'0af' * 10}0a_rows"
    do(loaded, f"create unlogged table {name} (load_id integer)")
    found = diagnose(loaded)["staging"]
    assert (found.state, found.cure) == ("warning", f"drop table public.{name};")


def test_a_load_that_is_late_is_a_warning(loaded: str) -> None:
    insert = (
        "insert into loads (source, digest, size_bytes, status, rows_read, rows_loaded, rows_duplicate, rows_rejected, "
        "rows_skipped, definition, contract, started_at, finished_at, footfall_version) "
        "select 'a', n::text, 1, 'loaded', 0, 0, 0, 0, 0, '', '', now(), now() - n * interval '1 hour', '0' "
        "from generate_series(1, 8) as n"
    )
    do(loaded, insert)
    assert diagnose(loaded)["newest-load"].found.endswith("between runs are 60 minutes (median)")
    do(loaded, "update loads set finished_at = finished_at - interval '130 minutes'")
    found = diagnose(loaded)["newest-load"]
    assert (found.state, "2 hours ago" in found.found) == ("warning", True)


def test_files_that_failed_are_named(loaded: str, write_csv: Write) -> None:
    load_verb.load([write_csv("bad.csv", content=b"who,what\n1,2\n")], load_settings(database_url=loaded))
    found = diagnose(loaded)["failed-files"]
    assert (found.state, found.found.count("bad.csv")) == ("warning", 1)


def test_rejected_rows_are_a_warning_when_they_are_old(loaded: str) -> None:
    found = diagnose(loaded)["quarantine"]
    assert (found.state, found.found.split(";")[0]) == ("ok", "1 rows (33.3%) of 1 loads")
    do(loaded, "update loads set finished_at = finished_at - interval '10 days'")
    assert diagnose(loaded)["quarantine"].state == "warning"


@pytest.mark.slow
def test_a_check_that_takes_too_long_is_unknown_and_the_others_are_made(
    loaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_checks, "STATEMENT_S", 1)
    with psycopg.connect(loaded) as other:
        other.execute("lock table loads in access exclusive mode")
        found = diagnose(loaded)
    assert {found[name].state for name in ("newest-load", "quarantine")} == {"unknown"}
    assert found["indexes"].state == "ok"


def test_a_session_of_which_no_answer_comes_is_cut_off(loaded: str) -> None:
    from footfall.errors import FootfallError
    from footfall.postgres.inspection import cut_off

    connection = psycopg.connect(loaded)
    with pytest.raises(FootfallError, match="no answer came"), cut_off(connection, 0.1):
        connection.execute("select pg_sleep(600)")
    assert connection.closed


def test_the_tables_that_are_looked_at_are_all_there_are(loaded: str) -> None:
    with psycopg.connect(loaded) as connection:
        query = sql.SQL("select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace")
        names = {name for (name,) in connection.execute(query)}
    assert names == {*table_checks.list_names()} and {*list_tables()} <= names


@pytest.mark.slow
def test_a_reader_who_has_seen_enough_does_not_change_the_exit_code(loaded: str) -> None:
    def look(database: str) -> tuple[int, str]:
        script = '"$0" -m footfall.cli doctor --database "$1" | head -n 1; exit ${PIPESTATUS[0]}'
        done = subprocess.run(
            ["bash", "-c", script, sys.executable, database], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    assert look(loaded) == (0, "")
    assert look("postgresql://me@127.0.0.1:1/none") == (1, "")
