"""Code that a role without any grant plants in a schema where everybody may create: overloads of all that we call.

The names come from the statements themselves. Nobody but the planter may run what is planted, and nothing of it works:
PostgreSQL ends a statement that so much as chose one of these, also where no row reaches it.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import psycopg
from psycopg import sql

from statements import CALLED, CATALOGS, OPERATORS, TYPES

PLANTER = "mallory"
# What an argument of ours has as its type, what it could be taken for, and types that take anything; `bait` is a type
# of the planter's own, into which PostgreSQL turns every other one without being asked.
POOL = [
    *("text", "varchar", '"char"', "name", "bpchar", "smallint", "integer", "bigint", "numeric", "oid", "regclass"),
    *("boolean", "timestamptz", "timestamp", "date", "interval", "jsonb", "bytea", "uuid", "text[]", "timestamptz[]"),
    *("anyelement", "anyarray", "anycompatible", "bait"),
]
POOL_OF_THREE = [
    *("text", "varchar", "integer", "regclass", "boolean", "timestamptz", "interval", "anyelement", "bait")
]
TURNED_TO_BAIT = [*POOL[:2], *POOL[5:13], "interval", "jsonb"]
POOLS = {1: POOL, 2: POOL, 3: POOL_OF_THREE}
# Called by the syntax of `at time zone` and `extract`.
BY_SYNTAX = {"timezone", "extract", "date_part"}
COMPARISONS = {"=", "<>", "<", "<=", ">", ">=", "@>"}
BODY = "language plpgsql as $$begin raise exception 'code of others ran'; end$$"
ARGUMENTS = """
    select distinct proname, prokind, pronargs + more
    from pg_proc, generate_series(0, case when provariadic = 0 then 0 else 1 end) as more
    where pronamespace = 'pg_catalog'::regnamespace and proname = any(%s) and pronargs between 0 and 3"""


def plant(database: str) -> int:
    """Fill the schema public with overloads, as the planter; give how many functions of others it then holds."""
    with psycopg.connect(database, user=PLANTER, autocommit=True) as connection:
        connection.execute("set check_function_bodies to off; set client_min_messages to warning")
        connection.execute(
            "alter default privileges revoke execute on functions from public;create type public.bait as enum ('bait')"
        )
        statements = _statements(connection)
        for at in range(0, len(statements), 500):
            connection.execute("set search_path to pg_catalog, public;" + ";".join(statements[at : at + 500]))
        row = connection.execute("select count(*) from pg_proc where proowner = %s::regrole", [PLANTER]).fetchone()
        assert row is not None
        return int(row[0])


def _statements(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(ARGUMENTS, [[*CALLED, *BY_SYNTAX]]).fetchall()
    made = _casts()
    steps: set[tuple[str, ...]] = set()
    for name, kind, count in sorted(rows):
        signatures = list(product(POOLS[count], repeat=count)) if count else []
        if kind == "a":
            steps.update(signatures)
        made += [_aggregate(name, of) if kind == "a" else _function(name, of) for of in signatures]
    for name in sorted({name for name, kind, _ in rows if kind != "a"}):
        made += [_function(name, of) for of in (["variadic text[]"], ["variadic anyarray"])]
        counts = {count for each, _, count in rows if each == name}
        made += [_function(name, [*["text"] * count, "uuid default null"]) for count in sorted(counts)]
    return [_function("bait_step", ("text", *of)) for of in sorted(steps)] + made + _operators() + _names()


def _function(name: str, of: Any, gives: str = "text") -> str:
    return f"create or replace function public.{name}({', '.join(of)}) returns {gives} {BODY}"


def _aggregate(name: str, of: tuple[str, ...]) -> str:
    return f"create aggregate public.{name}({', '.join(of)}) (sfunc = public.bait_step, stype = text, initcond = '')"


def _casts() -> list[str]:
    made = []
    for each in TURNED_TO_BAIT:
        for one, other in ((each, "bait"), ("bait", each)):
            made += [
                _function(f"bait_as_{other}", [one], other),
                f"create cast ({one} as {other}) with function public.bait_as_{other}({one}) as implicit",
            ]
    return made


def _operators() -> list[str]:
    made = []
    pairs = list(product(POOL, repeat=2))
    made += [_function("bait_compare", of, "boolean") for of in pairs]
    made += [_function("bait_compute", of) for of in pairs]
    for operator in sorted(OPERATORS):
        function = "bait_compare" if operator in COMPARISONS else "bait_compute"
        made += [
            f"create operator public.{operator} (leftarg = {left}, rightarg = {right}, function = public.{function})"
            for left, right in pairs
        ]
    return made


def _names() -> list[str]:
    """Make types, tables and an order of text with the names of PostgreSQL's own."""
    return [
        *(f'create domain public."{each}" as pg_catalog.int2 check (value > 0)' for each in sorted(TYPES)),
        *(f"create table public.{each} (nothing pg_catalog.int2)" for each in sorted(CATALOGS)),
        'create collation public."C" from pg_catalog."POSIX"',
    ]


def everybody_may_create(admin: psycopg.Connection[Any]) -> None:
    """Make the schema public what it is on PostgreSQL 14."""
    admin.execute("grant usage, create on schema public to public")


def look_there_first(admin: psycopg.Connection[Any], role: str) -> None:
    """Let sessions of a role begin with a search_path that finds what is planted before what is PostgreSQL's."""
    words = sql.Identifier(role), sql.Identifier(admin.info.dbname)
    admin.execute(sql.SQL("alter role {} in database {} set search_path to public, pg_catalog").format(*words))
