"""One trial: a load that is disturbed, the same load again, and the tables as the witness."""

from __future__ import annotations

import json
import os
import platform
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from footfall.errors import FootfallError
from footfall.settings import load_settings
from footfall.verbs import load as load_verb

# Set by `make crash`; read here, before the tests' environment is scrubbed. TRIALS: about how many kills are wanted.
TRIALS = int(os.environ.get("FOOTFALL_CRASH_TRIALS", "0"))
IS_LONG = TRIALS > 0
FIGURES_FILE = os.environ.get("FOOTFALL_CRASH_FIGURES")
SEED = int(os.environ.get("FOOTFALL_CRASH_SEED", "20261124"))
ALWAYS_SETTLED_NS = -1_000_000_000  # for source_files.SETTLED_NS: a file is settled however young it is
QUIET_WAIT_S = (
    600.0  # until a session that lost its client is gone; the server notices within a second, a busy one later
)

Tables = dict[str, list[Any]]
WITNESSES = {
    "quarter hours": "select quarter_hour, action, interaction_count from interactions_per_quarter_hour order by 1, 2",
    "users": "select user_id, interaction_count, first_at, last_at from interactions_per_user order by 1",
    "days of users": "select day, user_id, quarters::text, interaction_count from user_days order by 1, 2",
    "products": "select product_id, interaction_count from interactions_per_product order by 1",
    "overlaps": """
        select l.digest, f.digest, o.rows_duplicate, o.rows_conflict
        from load_overlaps as o
        left join loads as l on l.load_id = o.load_id
        left join loads as f on f.load_id = o.first_load_id
        order by 1, 2""",
    "rows by load": """
        select l.digest, l.status, count(*)
        from user_interactions_raw as r left join loads as l using (load_id) group by 1, 2 order by 1""",
    "known files of no load": """
        select f.path from source_files as f
        where not exists (select from loads as l where l.digest = f.digest and l.status = 'loaded') order by 1""",
    "rows found there": """
        select l.digest, f.digest, i.interaction_id
        from load_duplicates as d
        cross join lateral unnest(d.interaction_ids) as i (interaction_id)
        left join loads as l on l.load_id = d.load_id
        left join loads as f on f.load_id = d.first_load_id
        order by 1, 2, 3""",
    "undone": "select distinct digest, undone_at is not null from loads where status = 'undone' order by 1",
    "operations": "select distinct verb from operations where verb <> 'verify' order by 1",
    "closed rows": """
        select l.digest, r.line_number, r.item, c.source
        from rejected_interactions as r
        join loads as l on l.load_id = r.load_id
        join loads as c on c.load_id = r.replayed_by
        order by 1, 2, 3""",
    "keys": """
        select c.relname, pg_get_indexdef(c.oid, 0, true) from pg_class as c
        where c.relkind = 'i' and c.relnamespace = current_schema()::regnamespace and c.relname !~ '^staging'
        order by 1""",
    "constraints": """
        select conname, pg_get_constraintdef(oid) from pg_constraint
        where connamespace = current_schema()::regnamespace and contype <> 'n' and conname !~ '^staging'
        order by 1""",
}
TABLE_OF_RUN = re.compile(r"staging_[0-9a-f]{32}_(job|ranges|rows|out_of_order|rejected)")
LEFT_BEHIND = {
    "staging table": "select relname from pg_class where relname like 'staging%'",
    "unlogged or temporary table": "select relname from pg_class where relkind = 'r' and relpersistence <> 'p'",
    "session": """
        select pid || ' ' || coalesce(state, '') || ' ' || query from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'""",
    "lock": """
        select pid || ' ' || locktype || ' ' || mode from pg_locks
        where database = (select oid from pg_database where datname = current_database())
        and pid <> pg_backend_pid()""",
    "prepared transaction": "select gid from pg_prepared_xacts",
}


@dataclass(slots=True)
class Figures:
    """The sums over all trials of one run."""

    began: float = field(default_factory=time.monotonic)
    kills: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    rows_compared: int = 0
    rows_lost: int = 0
    rows_doubled: int = 0
    trials_failed: int = 0
    server: str = ""

    def write(self, path: Path) -> None:
        """Write them as JSON."""
        figures = {
            "seconds": round(time.monotonic() - self.began),
            "kills": sum(self.kills.values()),
            "rows_compared": self.rows_compared,
            "rows_lost": self.rows_lost,
            "rows_doubled": self.rows_doubled,
            "trials_that_differed": self.trials_failed,
            "parts": 1,
            "trials_asked_for": TRIALS,
            "seed": SEED,
            "server": self.server,
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "kills_by_kind": dict(sorted(self.kills.items())),
            "kills_by_phase": dict(sorted(self.phases.items())),
        }
        path.write_text(json.dumps(figures, indent=2) + "\n")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a load in this process said: its exit code, and the status of each file."""

    exit_code: int
    statuses: tuple[str, ...] = ()
    error: str = ""


def loaded(conninfo: str, names: list[str], **more: Any) -> Outcome:
    """Load files in this process, as the command line would."""
    try:
        summary = load_verb.load(names, load_settings(database_url=conninfo, **more))
    except FootfallError as error:
        return Outcome(error.exit_code, error=error.message)
    errors = "; ".join(load.error for load in summary.loads if load.error)
    return Outcome(summary.exit_code, tuple(load.status for load in summary.loads), errors)


def remember(conninfo: str) -> tuple[str, ...]:
    """Keep a copy of every table in the schema `base`; give their names."""
    with psycopg.connect(conninfo) as connection:
        query = "select tablename from pg_tables where schemaname = current_schema() order by 1"
        tables = tuple(row[0] for row in connection.execute(query).fetchall())
        if tables:
            connection.execute("create schema base")
        for table in tables:
            connection.execute(f"create table base.{table} as table {table}")
    return tables


def restore(conninfo: str, tables: tuple[str, ...]) -> None:
    """Give every table the rows that were remembered; where there were no tables, make an empty schema."""
    with psycopg.connect(conninfo) as connection:
        if not tables:
            connection.execute("drop schema public cascade")
            connection.execute("create schema public")
            return
        connection.execute(f"truncate {', '.join(tables)}")
        for table in tables:
            connection.execute(f"insert into {table} select * from base.{table}")


def left_behind(conninfo: str, *, within_s: float = QUIET_WAIT_S, is_run: bool = False) -> list[str]:
    """Say what is still there of a load that is over: tables, sessions, locks, files.

    `is_run`: tables of a run may be there, for somebody goes on with it or sweeps it.
    """
    until = time.monotonic() + within_s
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while True:
            found = [
                f"{what}: {row[0]}"
                for what, query in LEFT_BEHIND.items()
                for row in connection.execute(query).fetchall()
                if not (is_run and TABLE_OF_RUN.match(row[0]))
            ]
            found += [f"file: {path}" for path in Path(tempfile.gettempdir()).iterdir()]
            if not found or time.monotonic() > until:
                return found
            time.sleep(0.02)


def compare(figures: Figures, found: Tables, truth: Tables) -> None:
    """Count rows lost and doubled, and see that every table equals that of an undisturbed run."""
    figures.rows_compared += sum(map(len, truth.values()))
    if found == truth:
        return
    figures.trials_failed += 1
    for name, rows in truth.items():
        have, want = Counter(map(repr, found.get(name, []))), Counter(map(repr, rows))
        if have != want:
            figures.rows_lost += (want - have).total() if name == "raw" else 0
            figures.rows_doubled += (have - want).total() if name == "raw" else 0
    assert found == truth


Contents = Callable[[str], Tables]
