"""A schema in which everybody may create, full of functions, operators, types and casts of others: none is chosen.

It is what the schema public is on PostgreSQL 14, whose every role may create there.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import hostile
from footfall.answers import catalogue, parameters
from footfall.answers.asked import Filters
from footfall.answers.kept import Keeper
from footfall.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    FootfallError,
    LaterLoadsError,
    QueryError,
    RunStaleError,
    SchemaError,
)
from footfall.postgres import target as targets
from footfall.postgres import transactions, watcher_lock
from footfall.settings import Settings, load_settings
from footfall.statements import read_statements as named_statements
from footfall.tables import first_load, known_files, large, ledger, operations, runs
from footfall.tables import merge as merging
from footfall.tables import staging as staged
from footfall.verbs import discover as discover_verb
from footfall.verbs import forget as forget_verb
from footfall.verbs import ledger as history_verb
from footfall.verbs import load as load_verb
from footfall.verbs import loads as loads_verb
from footfall.verbs import mending as mending_verb
from footfall.verbs import metrics as metrics_verb
from footfall.verbs import query as query_verb
from footfall.verbs import rejects as rejects_verb
from footfall.verbs import replay as replay_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import session as sessions
from footfall.verbs import undo as undo_verb
from footfall.verbs import verify as verify_verb
from footfall.verbs.doctor import examining
from footfall.verbs.runs import planning, sweeping, taking
from footfall.verbs.runs import staging as staging_verb
from listening import heard_by
from statements import MODULES

pytestmark = pytest.mark.every_server

Write = Callable[..., str]
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"since": "2024-03-01", "until": "2024-12-01", "action": "click", "limit": 7},
    {"since": "2024-01-01T00:05", "user": 1, "product": 1},
)
ALSO = {"user": "user_id", "product": "product_id"}  # the parameters of filters that have another name
# The text of a question as people run it, in a session with PostgreSQL's own search_path.
AS_IN_PSQL = 'set search_path to "$user", public'
# What a role without any grant would do as somebody else.
THEFT = """
    begin
        insert into public.loot select raw_line from public.rejected_interactions;
        delete from public.rejected_interactions;
        grant all on public.rejected_interactions to public;
    exception when others then null;
    end;"""
ATTACKS = (
    "create table public.loot (line text); grant all on public.loot to public",
    "create function public.nextval(text) returns bigint language plpgsql as $$"
    f"begin {THEFT} return pg_catalog.nextval($1::regclass); end$$",
    "create function public.date_bin(text, timestamptz, text) returns timestamptz language plpgsql as $$"
    f"begin {THEFT} return pg_catalog.date_bin($1::interval, $2, $3::timestamptz); end$$",
    "create function public.generate_series(integer, smallint) returns setof integer language plpgsql as $$"
    f"begin {THEFT} return query select pg_catalog.generate_series($1, $2::integer); end$$",
    "create function public.jsonb_build_object(text, text) returns jsonb language plpgsql as $$"
    f"begin {THEFT} return pg_catalog.jsonb_build_object($1, $2); end$$",
    "create function public.sum_up(bigint, bigint) returns bigint language plpgsql as $$"
    f"begin {THEFT} return $1 + 1; end$$",
    "create aggregate public.count(bigint) (sfunc = public.sum_up, stype = bigint, initcond = '0')",
    "create function public.is_same(oid, integer) returns boolean language plpgsql as $$"
    f"begin {THEFT} return $1 = $2::oid; end$$",
    "create operator public.= (leftarg = oid, rightarg = integer, function = public.is_same)",
    "create function public.joined(text, bigint) returns text language plpgsql as $$"
    f"begin {THEFT} return $1 || $2::text; end$$",
    "create operator public.|| (leftarg = text, rightarg = bigint, function = public.joined)",
)


@pytest.fixture(scope="module")
def planter(cluster: Any) -> Iterator[None]:
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(hostile.PLANTER)))
        yield
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(hostile.PLANTER)))


@pytest.fixture
def planted(cluster: Any, planter: None, new_database: Callable[[], str]) -> str:
    """A database without our tables whose schema public is full of what the planter put there."""
    made = new_database()
    with psycopg.connect(cluster.admin, dbname=name_of(made), autocommit=True) as admin:
        hostile.everybody_may_create(admin)
    assert hostile.plant(made) > 15_000
    with psycopg.connect(cluster.admin, dbname=name_of(made), autocommit=True) as admin:
        hostile.look_there_first(admin, cluster.owner)
    return made


def name_of(conninfo: str) -> str:
    return str(conninfo_to_dict(conninfo)["dbname"])


@pytest.fixture
def admin_of(cluster: Any) -> Callable[[str], psycopg.Connection[Any]]:
    """Open a database as the server's administrator."""

    def connect(conninfo: str) -> psycopg.Connection[Any]:
        options = "-c search_path=pg_catalog"  # what is planted would answer the test, too
        return psycopg.connect(cluster.admin, dbname=name_of(conninfo), autocommit=True, options=options)

    return connect


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Collect the names of the statements that modules take from now on."""
    taken: set[tuple[str, str]] = set()

    class Noted(dict[str, Any]):
        def __init__(self, module: str) -> None:
            super().__init__(named_statements(module))
            self.module = module

        def __getitem__(self, name: str) -> Any:
            taken.add((self.module, name))
            return super().__getitem__(name)

    for name in MODULES:
        module = importlib.import_module(name)
        assert module.SQL is named_statements(name)
        monkeypatch.setattr(module, "SQL", Noted(name))
    return taken


@pytest.fixture
def deliveries(write_csv: Write) -> dict[str, str]:
    """Files with rows of every kind: new, out of order, duplicate, conflicting, wrong."""
    hours = [f"{day},{day % 3 + 1},{day % 2 + 1},click,2024-03-{day:02}T{day % 24:02}:10:00Z" for day in range(1, 32)]
    lines = {
        "first": [*hours, "40,x,1,click,2024-01-01"],
        "again": [*hours[3:9], "33,1,1,view,2024-03-31T01:20:00Z", "32,1,1,view,2023-01-01T00:00:30Z"],
        "conflicts": ["1,9,9,other,2020-01-01", "50,1,2,view,1969-12-31T23:59:01Z", "50,1,2,view,2024-01-01"],
        "small": ["60,1,1,click,2024-07-01"],
        "smaller": ["61,1,1,click,2024-07-01", "61,1,1,click,2024-07-01"],
        "rising": [hours[6], "8,9,9,other,2020-01-01", "65,1,1,click,2024-07-01"],
        "wrong": [
            "80,1,1,view,2024-08-02",
            "81,2,,view,2024-08-02",
            "82,2,1,click,2024-08-02",
            "83,8,,view,2024-08-02",
        ],
        "later": ["90,8,1,click,2024-08-05", "91,3,1,click,2024-08-05"],
        "many": [f"{n},{n % 9},{n % 5},click,2024-09-{n % 28 + 1:02}" for n in range(100, 150)],
        "last": ["2,1,1,click,2024-01-01", "70,2,1,click,2024-08-01", "71,y,1,click,2024-08-01"],
    }
    return {name: write_csv(f"{name}.csv", *some) for name, some in lines.items()}


def loaded(settings: Settings, *files: str) -> list[Any]:
    """Load files; give their sums."""
    given = load_verb.load(list(files), settings).loads
    assert [(one.status, one.error) for one in given] == [("loaded", None)] * len(files)
    return [(one.source, one.rows_loaded, one.rows_duplicate, one.rows_rejected) for one in given]


def everything(
    conninfo: str, admin: psycopg.Connection[Any], files: dict[str, str], types: dict[str, Any]
) -> Iterator[Any]:
    """Let Footfall do everything that it does; give each result."""
    settings = load_settings(database_url=conninfo, **types)
    yield schema_verb.upgrade_schema(settings)
    yield schema_verb.upgrade_schema(settings, with_options=["user-days"])
    yield schema_verb.show_schema(settings)
    yield schema_verb.upgrade_schema(load_settings(database_url=conninfo, schema="elsewhere", **types))
    yield schema_verb.grant_reading(settings, hostile.PLANTER)
    with psycopg.connect(conninfo) as reader:
        reader.execute("lock table interactions in access share mode")
        yield loaded(settings, files["first"])  # the empty path is closed
    admin.execute("truncate public.user_interactions_raw, public.interactions, public.loads, public.source_files")
    admin.execute("truncate public.interactions_per_quarter_hour, public.interactions_per_user")
    admin.execute("truncate public.interactions_per_product, public.rejected_interactions, public.user_days")
    yield loaded(settings, files["first"])
    yield loaded(settings, files["again"], files["conflicts"])
    yield loaded(settings, files["small"], files["smaller"])
    yield loaded(load_settings(database_url=conninfo, source_time_zone="Europe/Vienna"), files["rising"])
    yield from taken_back(conninfo, settings, files)
    yield from staged_in_ranges(conninfo, files, types)
    yield from operated(conninfo, settings, files)
    target = targets.Target(conninfo, "public", 1)
    with psycopg.connect(conninfo) as writer:
        keys = [transactions.LOCK_CLASS, target.lock_key]
        writer.execute("select pg_catalog.pg_advisory_lock(%s::integer, %s::integer)", keys)
        waiting = load_settings(database_url=conninfo, lock_wait_seconds=1)
        (refused,) = load_verb.load([files["last"]], waiting).loads
        assert (refused.status, refused.exit_code) == ("failed", DatabaseUnavailableError.exit_code)
    with psycopg.connect(conninfo) as writer:
        writer.execute("lock table interactions in access exclusive mode")
        with pytest.raises(DatabaseBusyError):
            verify_verb.verify(load_settings(database_url=conninfo, lock_wait_seconds=0))
    admin.execute(
        sql.SQL("revoke temporary on database {} from public, owner").format(sql.Identifier(admin.info.dbname))
    )
    yield loaded(settings, files["last"])
    yield [
        (each.source, each.digest, each.size_bytes, each.load_id is None)
        for each in discover_verb.discover(list(files.values()), settings)
    ]
    with sessions.open_verb_session(settings) as (connection, where):
        transactions.begin(connection, where)
        assert not ledger.is_loaded(connection, 0)
        assert not operations.is_recorded(connection, 0)
        merging.analyze_tables(connection, 1_000_000)
        connection.rollback()
    yield [row[1:11] for row in loads_verb.show_loads(settings, limit=None).rows]
    for code in (None, "conflicting-duplicate"):
        for source in (None, files["last"]):
            rows, is_more = rejects_verb.show_rejects(settings, load_id=None, source=source, code=code, limit=2)
            yield [(row.line_number, row.raw_line, row.problems) for row in rows], is_more
    yield verify_verb.verify(settings)
    yield from asked(conninfo)
    yield from looked_at(settings, target.lock_key)
    yield schema_verb.upgrade_schema(settings, without=["user-days"])
    yield schema_verb.upgrade_schema(settings, with_options=["user-days"])
    admin.execute("delete from public.interactions where user_id = '1'; delete from public.interactions_per_user")
    admin.execute("delete from public.interactions_per_product; delete from public.interactions_per_quarter_hour")
    yield verify_verb.verify(settings)
    yield verify_verb.verify(settings, repair=True)
    admin.execute("drop index public.loads_digest_key; alter table public.loads alter load_id drop identity")
    admin.execute("alter table public.interactions drop constraint interactions_pkey, alter user_id drop not null")
    admin.execute("alter table public.interactions_per_user drop constraint interactions_per_user_user_id_check")
    found = verify_verb.verify(settings)
    yield found, [each.cure for each in found.drift]
    admin.execute(";".join(str(each.cure) for each in found.drift))
    yield verify_verb.verify(settings)
    admin.execute(
        "update public.loads set rows_loaded = rows_loaded + 1, rows_read = rows_read + 1 where status = 'loaded'"
    )
    admin.execute("delete from public.rejected_interactions where line_number = 4")
    admin.execute("alter table public.user_interactions_raw drop constraint user_interactions_raw_pkey")
    admin.execute("insert into public.user_interactions_raw select * from public.user_interactions_raw limit 1")
    yield verify_verb.verify(settings)


def taken_back(conninfo: str, settings: Settings, files: dict[str, str]) -> Iterator[Any]:
    """Take loads back, one of which others met: rows pass, counts are measured again; then load the files again."""
    first = next(row[0] for row in loads_verb.show_loads(settings, limit=None).rows if row[1] == files["first"])
    with pytest.raises(LaterLoadsError) as refused:
        undo_verb.undo([first], settings)
    yield refused.value.message
    yield undo_verb.undo([first], settings, with_later=True).loads
    yield undo_verb.undo([first], settings).already_undone
    yield verify_verb.verify(settings)
    yield loaded(settings, files["first"], files["conflicts"])
    yield loaded(load_settings(database_url=conninfo, source_time_zone="Europe/Vienna"), files["rising"])
    [again] = load_verb.load([files["small"]], settings, again=True).loads
    yield again.rows_loaded, again.undone
    yield verify_verb.verify(settings)


def staged_in_ranges(conninfo: str, files: dict[str, str], types: dict[str, Any]) -> Iterator[Any]:
    """Plan a run for stagers of another role, stage it, end it while somebody holds a table, and sweep it."""
    where = targets.Target(conninfo, "elsewhere", 1)
    settings = load_settings(database_url=conninfo, schema="elsewhere", stager_role=hostile.PLANTER, **types)
    run = planning.plan(files["first"], settings, planning.Plan(range_bytes=200))
    yield run.ranges, [staging_verb.stage(run.token, number, settings) for number in range(run.ranges)]
    yield staging_verb.stage(run.token, 0, settings), staging_verb.find_left(run.token, settings)
    tables = runs.name_tables("elsewhere", run.token)
    with sessions.open_verb_session(settings) as (connection, _), psycopg.connect(conninfo) as backup:
        transactions.begin(connection, where)
        yield [(each.rows_accepted, each.sums) for each in runs.read_ranges(connection, tables)]
        connection.rollback()
        assert forget_verb.forget(["999"], settings).users == 1
        with pytest.raises(RunStaleError):
            taking.take(run.token, settings)
        yield [staging_verb.stage(run.token, number, settings) for number in range(run.ranges)]
        transactions.begin(connection, where)
        yield runs.find_alive(connection, "elsewhere") == [run.token]
        backup.execute(sql.SQL("lock table {} in access share mode").format(tables.rows))
        connection.rollback()
        yield _taken(run.token, settings)
        yield sweeping.sweep(settings)
        backup.rollback()
        yield sweeping.sweep(settings)
    for name in ("again", "conflicts", "small"):
        run = planning.plan(files[name], settings, planning.Plan(range_bytes=20))
        yield [staging_verb.stage(run.token, number, settings) for number in range(run.ranges)]
        yield _taken(run.token, settings)
        yield _taken(run.token, settings)
    yield verify_verb.verify(settings)


def _taken(token: str, settings: Settings) -> Any:
    result = taking.take(token, settings)
    return result.status, result.rows_read, result.rows_loaded, result.rows_duplicate, result.rows_rejected


def operated(conninfo: str, settings: Settings, files: dict[str, str]) -> Iterator[Any]:
    """Mend rejected rows, forget a user, watch, measure and examine."""
    with pytest.MonkeyPatch.context() as patch:
        for name, number in (("LARGE_ROWS", 1), ("KEYS_PER_ROW", 10_000), ("ANALYZE_KEYS", 1)):
            patch.setattr(large, name, number)
        yield loaded(settings, files["many"])
    yield loaded(load_settings(database_url=conninfo, actions="click"), files["wrong"])
    bad = Path(files["wrong"]).with_name("no_header.csv")
    bad.write_text("nothing\n", encoding="utf-8")
    for _ in range(2):
        yield [each.status for each in load_verb.load([str(bad)], settings, may_vanish=True).loads]
    load_id = max(row[0] for row in loads_verb.show_loads(settings, limit=None).rows if row[1] == files["wrong"])
    (replayed,) = replay_verb.replay(settings, [load_id]).loads
    yield replayed.rows_loaded, replayed.rows_duplicate
    mended = Path(files["wrong"]).with_name("mended.csv")
    mended.unlink(missing_ok=True)  # that of the other database
    mending_verb.write_file(settings, mended, load_id=load_id, source=None, code=None)
    mended.write_text(mended.read_text().replace(",,", ",2,"))
    (brought_in,) = load_verb.load([str(mended)], settings, replays=load_id).loads
    yield (
        brought_in.rows_loaded,
        rejects_verb.show_rejects(settings, load_id=load_id, source=None, code=None, limit=None),
    )
    yield len(undo_verb.undo([brought_in.load_id or 0], settings).loads)
    yield len(rejects_verb.show_rejects(settings, load_id=load_id, source=None, code=None, limit=None)[0])
    folder = [("a", "a")]
    with watcher_lock.hold_watcher_lock(targets.Target(conninfo, "public", 1), folder) as lock:
        lock.check()
        with pytest.raises(DatabaseBusyError):
            watcher_lock.hold_watcher_lock(targets.Target(conninfo, "public", 1), folder).__enter__()
    receipt = forget_verb.forget(["8"], settings)
    yield receipt.rows_forgotten, receipt.rows_blanked
    yield loaded(settings, files["later"])
    yield len(metrics_verb.collect(settings).numbers)
    yield len(list(examining.examine({"database_url": conninfo})))
    yield verify_verb.verify(settings)


def looked_at(settings: Settings, lock_key: int) -> Iterator[Any]:
    """Look at the ledger as the page and the report do; give what two databases have alike."""
    with query_verb.open_snapshot(settings, Keeper()) as asker:
        yield asker.ask("per-day", Filters()).table.rows
        yield history_verb.find_rights(asker), history_verb.find_kept(asker, "Europe/Vienna")
        summary = history_verb.summarize(asker)
        yield summary.rows_read, summary.rows_loaded, summary.rows_duplicate, summary.rows_rejected
        found = history_verb.list_loads(asker, 100)
        load_id = found.rows[0][found.columns.index("load_id")]
        yield len(found.rows), len(history_verb.list_loads(asker, 100, is_named=False).rows)
        yield history_verb.find_load(asker, load_id).rows_read
        yield len(history_verb.list_overlaps(asker, load_id).rows), history_verb.list_days(asker, load_id, "UTC").rows
        yield history_verb.list_problems(asker).rows, len(history_verb.list_running(asker, lock_key).rows)
        yield len(history_verb.list_rows(asker, None, None, 10)), history_verb.describe_closed(asker)
        with pytest.raises(QueryError, match="not both"):
            asker.ask("funnel", Filters(steps="view", exclude="view"))
        yield len(history_verb.find_state(asker)), len(history_verb.list_open_failures(asker, 10))


def needed_by(question: catalogue.Query) -> dict[str, Any]:
    """Give what a question cannot do without, and what makes a few rows enough for an answer."""
    given: dict[str, Any] = {"id": 1} if question.needed in ("user_id", "product_id") else {}
    if "minimum" in question.parameters:
        given["minimum"] = 1
    return given | ({"over_time": True} if question.name == "unusual-days" else {})


def asked(conninfo: str) -> Iterator[Any]:
    """Put every question with every filter that applies, by Footfall and as a person does who runs its text."""
    settings = load_settings(database_url=conninfo, reporting_time_zone="Europe/Vienna")
    texts = []
    for name, question in catalogue.read_catalogue(None).items():
        for filters in FILTERS:
            apply = {name: value for name, value in filters.items() if ALSO.get(name, name) in question.parameters}
            given = {**apply, **needed_by(question)}
            try:
                with query_verb.query(settings, name, parameters.Filters(**given)) as answer:
                    rows = list(answer.rows)
            except QueryError as error:  # days alone make no sessions
                yield name, given, error.message
                continue
            yield name, given, rows
            texts.append(query_verb.query_sql(settings, name, parameters.Filters(**given)))
    with psycopg.connect(conninfo) as connection:
        connection.execute(AS_IN_PSQL)
        yield from (connection.execute(text.encode()).fetchall() for text in texts)
        for view in ("interactions_per_hour", "interactions_per_day", "interactions_per_action"):
            found = connection.execute(f"select * from public.{view}").fetchall()
            yield view, sorted(found, key=str)


# What is sent only where interactions have numbers as ids.
OF_NUMBERS = {
    (module, name)
    for module in ("footfall.tables.direct", "footfall.tables.large")
    for name in named_statements(module)
}
# What is sent only where the tables are made for ids of other types.
OF_OTHER_TYPES = {
    ("footfall.tables.ids", name)
    for name in (
        "set_type",
        "set_type_of_lists",
        "comment",
        "drop_dependents",
        "add_length_check",
        "create_dependents",
    )
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "types", [{}, {"interaction_id_type": "uuid", "user_id_type": "text", "product_id_type": "text"}]
)
def test_no_code_of_others_is_chosen_by_anything_that_footfall_does(
    types: dict[str, Any],
    cluster: Any,
    planted: str,
    database: str,
    deliveries: dict[str, str],
    sent: set[tuple[str, str]],
    admin_of: Callable[[str], psycopg.Connection[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", 0)
    monkeypatch.setattr(merging, "ANALYZE_ROWS", 0)
    monkeypatch.setattr(known_files, "SETTLED_NS", 0)
    with admin_of(database) as admin, admin_of(planted) as admin_of_planted:
        if types:
            for file in deliveries.values():
                _write_uuids(file)
        right = list(everything(database, admin, deliveries, types))
        clean = set(sent)
        sent.clear()
        for result, same in zip(everything(planted, admin_of_planted, deliveries, types), right, strict=True):
            assert result == same
        assert sent == clean
        kept = admin_of_planted.execute(DEPENDING, [hostile.PLANTER]).fetchall()
    assert kept == []
    named = {(module, name) for module in MODULES for name in named_statements(module)}
    left = OF_NUMBERS if types else OF_OTHER_TYPES
    missing, needless = sorted(named - sent - left), sorted(left - (named - sent))
    assert not missing, f"let `everything` do what sends these: {missing}"
    assert not needless


def _write_uuids(file: str) -> None:
    """Turn the interaction ids of a file into UUIDs."""
    header, *lines = Path(file).read_text().splitlines()
    cut = [line.partition(",") for line in lines]
    Path(file).write_text("\n".join([header, *(f"{UUID(int=int(first))},{rest}" for first, _, rest in cut)]) + "\n")


# Objects of others on which one of ours depends: what a view, a function, a default or a check was bound to for good.
DEPENDING = """
    select d.classid::regclass::text, d.objid, p.proname
    from pg_depend as d
    join pg_proc as p on d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
    where p.proowner = %s::regrole
    and not exists (
        select
        from pg_shdepend as s
        where s.dbid = (select oid from pg_database where datname = current_database())
        and s.classid = d.classid and s.objid = d.objid and s.deptype = 'o' and s.refobjid = p.proowner
    )
    and d.classid <> 'pg_cast'::regclass"""


@pytest.mark.slow
def test_a_role_without_any_grant_gains_nothing_by_planting_overloads(
    cluster: Any,
    planter: None,
    database: str,
    deliveries: dict[str, str],
    admin_of: Callable[[str], psycopg.Connection[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(first_load, "EMPTY_PATH_BYTES", 0)
    settings = load_settings(database_url=database)
    with admin_of(database) as admin:
        hostile.everybody_may_create(admin)
        with psycopg.connect(database, user=hostile.PLANTER) as connection:
            for attack in ATTACKS:
                connection.execute(attack)
        loaded(settings, deliveries["first"])
        loaded(settings, deliveries["again"], deliveries["conflicts"])
        rows, _ = rejects_verb.show_rejects(settings, load_id=None, source=None, code="not-an-integer", limit=None)
        assert len(rows) == 1
        for name, question in catalogue.read_catalogue(None).items():
            with query_verb.query(settings, name, parameters.Filters(**needed_by(question))) as answer:
                assert list(answer.rows), name
        admin.execute("update public.interactions set interaction_count = interaction_count + 1")
        assert verify_verb.verify(settings).drift_count == 6
        assert verify_verb.verify(settings, repair=True).drift_count == 0
        assert admin.execute("select line from public.loot").fetchall() == []
        kept = admin.execute("select line_number from public.rejected_interactions order by load_id, line_number")
        assert kept.fetchall() == [(33,), (2,), (4,)]
    with psycopg.connect(database, user=hostile.PLANTER) as connection:
        for attempt in ("select from public.rejected_interactions", "delete from public.rejected_interactions"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(attempt)


@pytest.mark.parametrize(
    ("signature", "gives", "body"),
    [
        ("to_user_id(varchar)", "bigint", "select 1::bigint"),
        ("to_product_id(text, text)", "bigint", "select 1::bigint"),
        (
            "interactions_over_time(text)",
            "table (at timestamptz, action text, interaction_count bigint)",
            "select now(), 'x'::text, 1::bigint",
        ),
        ("interactions_of_quarter_hours(timestamptz)", "timestamptz", "select $1"),
        ("uneven_quarter_hours(text)", "text", "select $1"),
    ],
)
def test_tables_are_not_made_beside_a_function_of_others_that_has_our_name(
    planter: None,
    database: str,
    admin_of: Callable[[str], psycopg.Connection[Any]],
    signature: str,
    gives: str,
    body: str,
) -> None:
    settings = load_settings(database_url=database)
    name = signature.partition("(")[0]
    with admin_of(database) as admin:
        hostile.everybody_may_create(admin)
        with psycopg.connect(database, user=hostile.PLANTER) as connection:
            connection.execute(f"create function public.{signature} returns {gives} language sql as $${body}$$")
        with pytest.raises(SchemaError, match=name):
            schema_verb.upgrade_schema(settings)
        assert admin.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)
        admin.execute(f"drop function public.{name}")
    assert "0002_roll_ups.sql" in schema_verb.upgrade_schema(settings)


SIGNATURE = "time_zone {}, since timestamptz, until timestamptz, action text, user_id bigint, product_id bigint"
REVERSED = ", ".join(reversed(SIGNATURE.format("text").split(", ")))


@pytest.mark.parametrize(
    ("arguments", "is_ambiguous"),
    [
        (SIGNATURE.format("varchar"), False),
        (SIGNATURE.format("anyelement"), False),
        (SIGNATURE.format("text") + ", more integer default 0", True),
        (REVERSED, True),
    ],
)
def test_a_later_function_of_our_name_is_never_asked(
    planter: None,
    database: str,
    deliveries: dict[str, str],
    admin_of: Callable[[str], psycopg.Connection[Any]],
    arguments: str,
    is_ambiguous: bool,
) -> None:
    settings = load_settings(database_url=database)
    loaded(settings, deliveries["small"])
    with admin_of(database) as admin:
        hostile.everybody_may_create(admin)
    with psycopg.connect(database, user=hostile.PLANTER) as connection:
        connection.execute(
            f"create function public.interactions_over_time({arguments})"
            " returns table (at timestamptz, action text, interaction_count bigint)"
            " language sql as $$select now(), 'click', 666::bigint$$"
        )
    refused = pytest.raises(FootfallError, match="not unique") if is_ambiguous else nullcontext()
    with refused, query_verb.query(settings, "actions", parameters.Filters()) as answer:
        assert list(answer.rows) == [("click", 1)]


def test_temporary_tables_are_named_with_their_schema(
    settings: Settings, deliveries: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[sql.Identifier] = []
    opened = staged.open_staging

    def noted(*values: Any) -> staged.Staging:
        staging = opened(*values)
        names.extend((staging.rows, staging.out_of_order, staging.rejected, staging.matched))
        return staging

    monkeypatch.setattr(staged, "open_staging", noted)
    loaded(settings, deliveries["first"])
    assert [name.as_string(None).partition(".")[0] for name in names] == ['"pg_temp"'] * 4


# what is said


@pytest.fixture
def open_database(database: str, admin_of: Callable[[str], psycopg.Connection[Any]]) -> str:
    with admin_of(database) as admin:
        hostile.everybody_may_create(admin)
    return database


def applied(conninfo: str, **more: Any) -> list[str]:
    said: list[str] = []
    heard_by(said.append, schema_verb.upgrade_schema, load_settings(database_url=conninfo, **more))
    return said


def cure(said: list[str]) -> str:
    (warning,) = said
    return warning.rpartition(": ")[2]


def test_that_everybody_may_create_is_said_with_the_statement_that_ends_it(
    open_database: str, admin_of: Callable[[str], psycopg.Connection[Any]]
) -> None:
    said = applied(open_database)
    assert "every role" in said[0]
    assert applied(open_database) == said  # also where nothing is to do
    assert cure(said) == "revoke create on schema public from public"
    with admin_of(open_database) as admin:
        admin.execute(cure(said).encode())
    assert applied(open_database) == []


def test_the_first_load_says_it_and_ends_as_ever(open_database: str, deliveries: dict[str, str]) -> None:
    settings = load_settings(database_url=open_database)
    said: list[str] = []
    assert heard_by(said.append, load_verb.load, [deliveries["small"]], settings).exit_code == 0
    assert cure(said) == "revoke create on schema public from public"
    assert heard_by(said.append, load_verb.load, [deliveries["last"]], settings).exit_code == 0
    assert len(said) == 1


def test_roles_that_may_create_are_named_but_not_owner_superuser_or_the_role_itself(
    database: str, new_role: Callable[..., str], admin_of: Callable[[str], psycopg.Connection[Any]]
) -> None:
    names = [str(conninfo_to_dict(new_role())["user"]) for _ in range(2)]
    strange = sql.Identifier('Has "quotes"')
    with admin_of(database) as admin:
        words = {"other": sql.Identifier(names[0]), "itself": sql.Identifier(names[1]), "strange": strange}
        admin.execute(sql.SQL("create schema {strange} authorization owner").format(**words))
        admin.execute(sql.SQL("grant create, usage on schema {strange} to {other}, {itself}").format(**words))
    itself = make_conninfo(database, user=names[1])
    said = applied(itself, schema='Has "quotes"')
    assert cure(said) == f'revoke create on schema "Has ""quotes""" from {names[0]}'
    assert "every role" not in said[0]
    with admin_of(database) as admin:
        admin.execute(cure(said).encode())
    assert applied(itself, schema='Has "quotes"') == []


def test_nothing_is_said_of_a_schema_of_ones_own(database: str) -> None:
    assert applied(database, schema="footfall") == []
