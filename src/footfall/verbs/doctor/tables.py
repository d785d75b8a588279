"""Checks of the tables: rights, version, form, indexes, statistics, age."""

from __future__ import annotations

from typing import Any

from footfall.postgres.inspection import list_settings
from footfall.postgres.transactions import outlive_errors
from footfall.tables import counts, health, runs
from footfall.tables.made import find_schema_drift
from footfall.tables.schema import (
    OPTIONS_TABLE,
    VERSIONS_TABLE,
    describe_other_creators,
    list_migrations,
    list_tables,
    read_schema_version,
)
from footfall.verbs.doctor.checking import (
    Examined,
    Verdict,
    check,
    fail,
    join_names,
    say_ok,
    show_bytes,
    warn,
)

# The tables that a load writes to; it reads all. docs/how-to/named-database.md grants the same, as a test checks.
INSERTED = (counts.RAW, "rejected_interactions", "loads", "load_overlaps", "load_duplicates")
UPDATED = tuple(kept.table for kept in counts.KEPT)
DEAD_SHARE_MAX = 0.2  # of the rows of a table; autovacuum begins there
DEAD_ROWS_MIN = 10_000  # rows; a small table is read in no time, dead rows or not
WASTED_BYTES_MIN = 16_000_000  # bytes
WASTED_SHARE_MAX = 0.5
CHANGED_SHARE_MAX = 0.2
XID_AGE_MAX = 1_500_000_000  # transactions; PostgreSQL refuses to go on about 600 million later


@check(
    "schema",
    needs="database",
    warns="It has no tables yet.",
    fails="Its tables are of another version, incomplete, or not Footfall's.",
)
def look_at_schema(examined: Examined) -> Verdict:
    """The version of the tables in the schema, and whether other schemas hold tables of Footfall."""
    connection, target = examined.database, examined.where
    needed = len(list_migrations())
    with outlive_errors(connection):
        version = read_schema_version(connection, target)
    others = health.list_other_schemas(connection, target.schema)
    elsewhere = f"; tables of Footfall are in schema {join_names(others)}, too" if others else ""
    examined.version = version
    if version == 0:
        return warn(
            f"schema {target.schema} has no tables yet{elsewhere}",
            "the first load makes them, or `footfall schema apply`; --schema names another schema",
        )
    if version < needed:
        return fail(f"version {version}, and this Footfall needs {needed}{elsewhere}", "footfall schema apply")
    return say_ok(f"schema {target.schema} is at version {version}, as this Footfall needs{elsewhere}")


@check(
    "rights",
    needs="database",
    warns="The role may do a part of what a load needs.",
    fails="The role may not read the tables, or row-level security hides rows from it.",
)
def look_at_rights(examined: Examined) -> Verdict:
    """What the role may do with the schema and with each table: read, load, or all that an owner may."""
    connection, target = examined.database, examined.where
    schema = health.read_schema(connection, target.schema)
    if schema is None:
        return say_ok(f"schema {target.schema} is not there yet; the first load makes it, where the role may")
    if not schema.may_use:
        return fail(f"the role may not use schema {schema.name}", f"grant usage on schema {schema.name} to ROLE")
    found = health.list_rights(connection, target.schema, [*list_tables(), VERSIONS_TABLE])
    if not found:
        if not schema.may_create:
            return fail(
                f"the role may not make tables in schema {schema.name}",
                f"grant create on schema {schema.name} to ROLE, or let its owner run `footfall schema apply`",
            )
        return say_ok("the role may make the tables")
    if hidden := [row.name for row in found if row.hides_rows]:
        return fail(
            f"row-level security hides rows from this role: {join_names(hidden)}",
            "a role with bypassrls, or the owner; for the owner `alter table NAME no force row level security`",
        )
    if all(row.is_owner for row in found):
        return say_ok("the role owns the tables")
    missing = list_missing(found)
    if not missing:
        return say_ok("the role may read and load; `footfall schema apply` is for the owner")
    read = (*counts.list_tables(), OPTIONS_TABLE)  # what `schema grant` gives
    unread = [row.name for row in found if not row.may_select and row.name in read]
    if unread:
        return fail(f"the role may not read {join_names(unread)}", "footfall schema grant ROLE, run by the owner")
    if not any(row.may_insert for row in found):
        return say_ok("the role may read, and not load")
    return warn(
        f"the role may do a part of what a load needs; missing: {join_names(missing)}",
        "the grants of docs/how-to/named-database.md",
    )


def list_missing(found: list[Any]) -> list[str]:
    """List the rights that a load needs and the role lacks."""
    missing = []
    for row in found:
        wanted = [("select", row.may_select)]
        if row.name in (*INSERTED, *UPDATED):
            wanted.append(("insert", row.may_insert))
        if row.name in UPDATED:
            wanted.append(("update", row.may_update))
        missing += [f"{right} on {row.name}" for right, is_given in wanted if not is_given]
    return missing


@check(
    "other-creators",
    needs="tables",
    warns="Others may create functions in the schema, which people's SQL may then run.",
)
def look_at_other_creators(examined: Examined) -> Verdict:
    """Who else may create functions and operators in the schema."""
    if said := describe_other_creators(examined.database):
        return warn(said, "the statement above, run by the owner of the schema")
    return say_ok("only the owner may create in the schema")


@check("form", needs="tables", fails="A table, column, check or key is not as the migrations made it.")
def look_at_form(examined: Examined) -> Verdict:
    """Tables, columns, checks and keys, beside what the migrations made."""
    found = find_schema_drift(examined.database)
    if found:
        words = [f"{row.key}: {row.kept or 'missing'}" for row in found]
        cure = next((f"{row.cure};" for row in found if row.cure), "restore the tables from a backup")
        return fail(join_names(words), f"`footfall verify` lists all; the first: {cure}")
    return say_ok("all are as the migrations made them")


@check("indexes", needs="tables", fails="An index is invalid: it costs each load, and answers nothing.")
def look_at_indexes(examined: Examined) -> Verdict:
    """Indexes of the tables that the server does not use."""
    if found := health.list_invalid_indexes(examined.database, examined.where.schema, list_names()):
        return fail(f"invalid: {join_names(found)}", f"reindex index concurrently {found[0]};")
    return say_ok("all are valid")


@check("triggers", needs="tables", warns="Others put a trigger, a rule or a foreign key on a table.")
def look_at_triggers(examined: Examined) -> Verdict:
    """Triggers, rules and foreign keys of others, which each load runs and which can refuse its rows."""
    if found := health.list_triggers(examined.database, examined.where.schema, list_names()):
        return warn(join_names(found), "drop it where it is not wanted; it slows each load and can refuse rows")
    return say_ok("there is none")


@check("bloat", needs="tables", warns="A fifth of the rows of a table are dead, or half of a table is empty.")
def look_at_bloat(examined: Examined) -> Verdict:
    """Dead rows, and an estimate of the space that tables hold for nothing."""
    dead, wasted, size = [], [], 0
    for row in list_states(examined):
        size += row.bytes
        if row.dead_rows > max(DEAD_ROWS_MIN, DEAD_SHARE_MAX * (row.live_rows + row.dead_rows)):
            dead.append(f"{row.place} has {row.dead_rows:,} dead rows")
        if (row.wasted_bytes or 0) > max(WASTED_BYTES_MIN, WASTED_SHARE_MAX * row.bytes):
            wasted.append(
                f"{row.place} holds some {show_bytes(row.wasted_bytes)} of {show_bytes(row.bytes)} for nothing"
            )
    if dead:
        return warn(join_names([*dead, *wasted]), f"vacuum (analyze) {dead[0].split()[0]}; and see `statistics`")
    if wasted:
        return warn(
            join_names(wasted),
            f"later loads fill it; to give it back now, while nothing else runs: vacuum full {wasted[0].split()[0]}",
        )
    return say_ok(f"little; the tables have {show_bytes(size)} without indexes, as of the last vacuum or analyze")


@check("statistics", needs="tables", warns="Autovacuum is off, or a table was not analyzed since much of it changed.")
def look_at_statistics(examined: Examined) -> Verdict:
    """When tables were analyzed, and whether autovacuum does it."""
    stale, alone, last = [], [], []
    for row in list_states(examined):
        rows = max(row.rows, row.live_rows)
        if row.is_left_alone:
            alone.append(row.place)
        if rows > DEAD_ROWS_MIN and (row.is_never_analyzed or row.changed_rows > CHANGED_SHARE_MAX * rows):
            stale.append(row.place)
        if row.analyzed_at:
            last.append(row.analyzed_at)
    settings = {row.name: row.value for row in list_settings(examined.database)}
    if settings.get("autovacuum") == "off" or settings.get("track_counts") == "off":
        return warn("autovacuum is off on this server", "alter system set autovacuum = on; and track_counts = on")
    if alone:
        return warn(
            f"autovacuum leaves alone {join_names(alone)}", f"alter table {alone[0]} reset (autovacuum_enabled)"
        )
    if stale:
        return warn(f"much changed since the last analyze of {join_names(stale)}", f"analyze {stale[0]}")
    return say_ok(f"autovacuum is on; the last analyze: {max(last):%Y-%m-%d %H:%M} UTC" if last else "autovacuum is on")


@check(
    "wraparound",
    needs="tables",
    warns="Autovacuum is late in freezing a table.",
    fails="A table is so old that the server will soon refuse to write.",
)
def look_at_wraparound(examined: Examined) -> Verdict:
    """The age of the oldest transaction of each table, beside the age at which autovacuum freezes it."""
    states = list_states(examined)
    oldest = max(states, key=lambda row: max(row.xid_age, row.mxid_age))
    words = f"the oldest, {oldest.place}, has {oldest.xid_age:,} transactions and {oldest.mxid_age:,} multixacts"
    cure = f"vacuum (freeze) {oldest.place}; and see `old-transactions`"
    if max(oldest.xid_age, oldest.mxid_age) > XID_AGE_MAX:
        return fail(words, cure)
    late = [
        row.place
        for row in states
        # Autovacuum begins at this age and needs some time; a tenth more is late.
        if row.xid_age > 1.1 * row.freeze_max_age or row.mxid_age > 1.1 * row.mxid_freeze_max_age
    ]
    if late:
        return warn(
            f"{words}; autovacuum is late for {join_names(late)}",
            f"vacuum (freeze) {late[0]}; and see `old-transactions`",
        )
    return say_ok(words)


@check("staging", needs="database", warns="A staging table was left in the schema.")
def look_at_staging(examined: Examined) -> Verdict:
    """Staging tables that a load left in the schema, but for those of runs that are at work or have a lease."""
    alive = runs.find_alive(examined.database, examined.where.schema)
    kept = f"; runs at work, or kept for their stagers: {len(alive)}" if alive else ""
    if found := health.list_staging_tables(examined.database, examined.where.schema, alive):
        return warn(f"left behind: {join_names(found)}{kept}", f"drop table {', '.join(found)};")
    return say_ok(f"no staging table was left behind{kept}")


def list_names() -> list[str]:
    """List the names of the tables that Footfall made."""
    return [*list_tables(), VERSIONS_TABLE]


def list_states(examined: Examined) -> list[Any]:
    """List the states of the tables."""
    return health.list_states(examined.database, examined.where.schema, list_names())
