"""Checks of the server, the role, and a pooler in front of the server."""

from __future__ import annotations

from typing import Any

from footfall.errors import FootfallError
from footfall.postgres.connection import VERSION_FLOOR, connect, is_statement_pooler
from footfall.postgres.embedded import clients
from footfall.postgres.inspection import (
    cut_off,
    describe_session,
    find_writer,
    has_shared_sessions,
    is_pooled,
    list_old_transactions,
    list_settings,
    measure_clock,
    read_server,
)
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import begin_reading
from footfall.verbs.doctor.checking import (
    Examined,
    Verdict,
    check,
    fail,
    join_names,
    pass_over,
    say_ok,
    show_seconds,
    warn,
)

STATEMENT_S = 5  # seconds for a statement; the session is cut off after four times that
CUT_OFF_S = 4 * STATEMENT_S
MAJORS_TESTED = (14, 15, 17, 18)  # the suite runs on these
CLOCK_S_MAX = 5  # seconds between two clocks; rows of the future and the age of a load are judged by them
IDLE_S_MIN = 3600  # seconds; a session of a load may be idle between two transactions while a file is read
TEMPORARY_KB_MIN = 1_000_000  # kB; a recount of a large table sorts more
SESSIONS_SHARE_MAX = 0.9
VALID_S_MIN = 14 * 86_400  # seconds; time to ask for another password
OLD_S = 3600  # seconds
MADE_BY_FOOTFALL = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")


@check("connection", fails="No session can be opened, or a pooler of statements stands in between.")
def look_at_connection(examined: Examined) -> Verdict:
    """A session on the database, in one read-only transaction that all later checks are made in."""
    settings = examined.settings
    home = examined.embedded_home
    if home is not None and not (home / "data" / "PG_VERSION").is_file():
        return pass_over(
            "the embedded database is not made yet; the first load, or `footfall database start`, makes it"
        )
    try:
        if home is not None:
            conninfo = examined.opened.enter_context(clients.keep_running(home))
        else:
            conninfo = settings.database_url.get_secret_value() if settings.database_url else ""
        examined.target = target = Target(conninfo, settings.schema_, settings.lock_wait_seconds)
        connection = connect(target)
    except FootfallError as error:
        return fail(error.message, "`footfall database status` says more" if home else "see `address` above")
    examined.opened.callback(connection.close)
    words = describe_session(connection)
    try:
        with cut_off(connection, CUT_OFF_S):
            # Asked before the snapshot begins: a pooler may have only one session, and the snapshot would hold it.
            examined.pooler = describe_pooler(connection, target)
            begin_reading(connection, target, "UTC", STATEMENT_S, is_snapshot=True)
    except FootfallError as error:
        connection.close()
        if is_statement_pooler(target):
            return fail(
                f"{words}: the pooler before it pools statements, and takes no transactions",
                "set pool_mode = transaction for this database in PgBouncer, or name the server itself",
            )
        return fail(f"{words}: {error.message}", "look at the server's log")
    examined.connection = connection
    return say_ok(words)


@check(
    "server-version",
    needs="database",
    warns="It is a major version that the tests do not run on.",
    fails="It is older than PostgreSQL 14.",
)
def look_at_version(examined: Examined) -> Verdict:
    """The server's version: 14 or later, and one of those that the tests run on."""
    number = examined.database.info.server_version
    words = f"PostgreSQL {number // 10000}.{number % 10000}"
    tested = ", ".join(map(str, MAJORS_TESTED))
    if number < VERSION_FLOOR:
        return fail(f"{words}; Footfall needs 14 or later", "upgrade the server, or name another one")
    if number // 10000 not in MAJORS_TESTED:
        return warn(f"{words}; tested are {tested}", "ask for a Footfall that is tested with it")
    return say_ok(f"{words}; tested are {tested}")


@check("encoding", needs="database", fails="The database is not UTF8.")
def look_at_encoding(examined: Examined) -> Verdict:
    """The encoding of the database."""
    encoding = read_server(examined.database).encoding
    if encoding != "UTF8":
        return fail(f"{encoding}; Footfall needs UTF8", "create database NAME encoding 'UTF8' template template0")
    return say_ok(encoding)


@check("standby", needs="database", warns="The server is a standby: questions are answered, and nothing can be loaded.")
def look_at_standby(examined: Examined) -> Verdict:
    """Whether the server takes changes."""
    if read_server(examined.database).is_standby:
        return warn(
            "the server is a read-only standby: it answers questions, and takes no loads",
            "name the primary, or add target_session_attrs=read-write to the address",
        )
    return say_ok("the server is a primary")


@check("role", needs="database", warns="Its password ends within 14 days, or sessions are near a limit.")
def look_at_role(examined: Examined) -> Verdict:
    """The role, until when its password is valid, and how many sessions are left to it."""
    found = read_server(examined.database)
    words = f"{found.role}{', a superuser' if found.is_superuser else ''}"
    if found.valid_s is not None and found.valid_s < VALID_S_MIN:
        return warn(
            f"{words}; its password is valid for {show_seconds(max(found.valid_s, 0))} more",
            "alter role NAME valid until '...'",
        )
    for limit, used, of in (
        (found.role_limit, found.role_sessions, "the role"),
        (found.database_limit, found.database_sessions, "the database"),
        (found.server_limit, found.server_sessions, "the server"),
    ):
        if limit is not None and limit >= 0 and used >= SESSIONS_SHARE_MAX * limit:
            return warn(
                f"{words}; {used} of the {limit} sessions of {of} are in use",
                "end sessions that nobody needs, or raise the limit",
            )
    return say_ok(f"{words}; {found.server_sessions} of {found.server_limit} sessions of the server are in use")


@check(
    "role-settings",
    needs="database",
    warns="A setting of role, database or server can end a load, or lets a crash of the server damage data.",
    fails="default_transaction_read_only is on: nothing can be loaded.",
)
def look_at_role_settings(examined: Examined) -> Verdict:
    """Time-outs and limits that a session of this role begins with, and who sets them."""
    found = {row.name: row for row in list_settings(examined.database)}

    def name(row: Any) -> str:
        return f"{row.name} = {row.value}{row.unit or ''} ({row.origin})"

    read_only = found["default_transaction_read_only"]
    if read_only.value == "on":
        return fail(name(read_only), "alter role NAME set default_transaction_read_only = off, or ask who set it")
    idle, temporary = found["idle_session_timeout"], found["temp_file_limit"]
    risky = [name(found[each]) for each in ("fsync", "full_page_writes") if found[each].value == "off"]
    if 0 < idle.number < IDLE_S_MIN * 1000:
        risky.append(name(idle))
    if 0 <= temporary.number < TEMPORARY_KB_MIN:
        risky.append(name(temporary))
    if risky:
        return warn(
            join_names(risky),
            "alter role NAME set ... (for fsync and full_page_writes: alter system set ... = on), or ask who set it",
        )
    harmless = [name(found[each]) for each in MADE_BY_FOOTFALL if each in found and found[each].number]
    if harmless:
        return say_ok(
            f"{join_names(harmless)}: Footfall sets its own in each transaction, so that none of them ends a load"
        )
    return say_ok("no time-out and no limit is set")


@check("pooler", needs="database")
def look_at_pooler(examined: Examined) -> Verdict:
    """Whether a pooler is in between, and whether it pools transactions or sessions; Footfall works with both."""
    return say_ok(examined.pooler)


def describe_pooler(connection: Connection, target: Target) -> str:
    """Say which pooler is in front of the server. Effects: opens one more session if there is one."""
    if not is_pooled(connection):
        return "none: the server itself answers"
    shared = has_shared_sessions(connection, target, STATEMENT_S)
    if shared is None:
        return "a pooler, of sessions by the look of it: a second session had to wait; Footfall works with it"
    pooled = "transactions" if shared else "sessions"
    return f"a pooler of {pooled}; Footfall sets all that it needs in each transaction"


@check("clock", needs="database", warns="They differ by more than 5 seconds.")
def look_at_clock(examined: Examined) -> Verdict:
    """The difference between this machine's clock and the server's."""
    ahead_s, taken_s = measure_clock(examined.database)
    if abs(ahead_s) - taken_s / 2 > CLOCK_S_MAX:
        side = "before" if ahead_s > 0 else "behind"
        return warn(
            f"the server's clock is {show_seconds(abs(ahead_s))} {side} this machine's",
            "let both follow a time server (timedatectl)",
        )
    return say_ok(f"they differ by {abs(ahead_s):.1f} s; the server answers within {taken_s * 1000:.0f} ms")


@check(
    "writer-lock",
    needs="database",
    warns="It is held for longer than others wait for it (FOOTFALL_LOCK_WAIT_SECONDS).",
)
def look_at_writer_lock(examined: Examined) -> Verdict:
    """Who holds the writer lock of the schema, and for how long."""
    found = find_writer(examined.database, examined.where)
    if found is None:
        return say_ok("nobody holds it")
    words = f"process {found.pid} of role {found.role or '?'} ({found.application or 'no name'}) holds it"
    if found.held_s is None:
        return say_ok(f"{words}; since when, this role may not see")
    words += f" for {show_seconds(found.held_s)}; {found.waiting} wait"
    if found.held_s > examined.settings.lock_wait_seconds:
        return warn(
            f"{words}; it is {found.state or 'in an unknown state'}",
            f"where its command is gone: select pg_terminate_backend({found.pid}); nothing of its load stays",
        )
    return say_ok(words)


@check("old-transactions", needs="database", warns="Something keeps rows or the log from being removed for an hour.")
def look_at_old_transactions(examined: Examined) -> Verdict:
    """Transactions, prepared transactions and replication slots that keep what vacuum should remove."""
    found = list_old_transactions(examined.database, OLD_S)
    if found:
        return warn(
            join_names(found),
            "pg_terminate_backend(PID), rollback prepared 'NAME', or pg_drop_replication_slot('NAME')",
        )
    return say_ok(f"none is older than {show_seconds(OLD_S)}")


@check(
    "temporary-tables",
    needs="database",
    warns="The role may not make them, so that a load needs to create in the schema.",
)
def look_at_temporary_tables(examined: Examined) -> Verdict:
    """Whether the role may make temporary tables, in which a load collects its rows."""
    if read_server(examined.database).has_temp:
        return say_ok("the role may make them")
    return warn(
        "the role may not make them; a load then makes its staging tables in the schema",
        "grant temporary on database NAME to ROLE",
    )
