"""The verbs that ask what is there: rejects, loads, discover, query. Nothing here changes a table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from footfall import catalogue, finding, ledger, queries, source_files, sources
from footfall.database import begin, begin_reading, migrations, schema_version
from footfall.errors import SourceError
from footfall.masking import mask
from footfall.results import Answer, Delivery, Discovery, Problem, RejectedRow, Table
from footfall.session import opened, session, target
from footfall.settings import Settings
from footfall.sql import named_sql

TEXT_OID = 25  # text, of pg_type


def rejects(
    settings: Settings, *, load_id: int | None, source: str | None, code: str | None, limit: int | None
) -> tuple[tuple[RejectedRow, ...], bool]:
    """Give quarantined rows in the order of loads and lines, and whether there are more than `limit`."""
    values: dict[str, Any] = {"load_id": load_id, "source": source and mask(source), "code": code}
    with session(settings, is_reader=True) as (connection, target):
        begin(connection, target)
        asked = None if limit is None else limit + 1
        rows = connection.execute(named_sql("ledger.sql")["rejects"], values | {"limit": asked}).fetchall()
        connection.rollback()
    shown = rows if limit is None else rows[:limit]
    return tuple(
        RejectedRow(
            row.load_id,
            row.source,
            row.line_number,
            row.raw_line,
            row.raw_size_bytes,
            tuple(Problem(p["code"], p["field"], p["value"]) for p in row.problems),
        )
        for row in shown
    ), len(rows) > len(shown)


def loads(settings: Settings, *, limit: int | None) -> Table:
    """Give the ledger, the newest load first."""
    with session(settings, is_reader=True) as (connection, target):
        begin(connection, target)
        cursor = connection.execute(named_sql("ledger.sql")["loads"], {"limit": limit})
        columns = tuple(column.name for column in cursor.description or ())
        rows = tuple(tuple(row) for row in cursor.fetchall())
        connection.rollback()
    return Table(columns, rows)


def discover(names: list[str], settings: Settings) -> Discovery:
    """Find source files, in loading order, and say of each which load brought it, by its digest.

    What it finds, and the names that it leaves out, are those of a load of the same names.

    Effects: reads every file once, for its digest, but for those that a load has seen and that did not change; in a
    database without tables nothing is loaded yet. A file that cannot be read has no digest and no load: loading it
    says why.

    Raises: SourceError where nothing is found.
    """
    there = finding.find_sources(names)
    names = list(there.paths)
    with target(settings) as where, opened(where, is_reader=True) as connection:
        begin(connection, where)
        version = schema_version(connection, where)
        known = {} if settings.rehash or version < len(migrations()) else source_files.find(connection, names)
        connection.rollback()
        found: list[Delivery] = []
        for source in names:
            seen = known.get(source)
            if seen and seen.identity == sources.identity_of(source):
                found.append(Delivery(source, seen.digest, seen.identity.size_bytes, seen.load_id))
                continue
            begin(connection, where)  # before a large file is read: idle_session_timeout ends a session that has none
            try:
                with sources.open_source(source) as file:
                    digest, size_bytes = file.digest, file.size_bytes
            except SourceError:
                connection.rollback()
                found.append(Delivery(source, None, 0, None))
                continue
            first = ledger.find_loaded(connection, [digest]) if version else {}
            connection.rollback()
            found.append(Delivery(source, digest, size_bytes, first[digest].load_id if digest in first else None))
    return Discovery(tuple(found), there.ignored)


@contextmanager
def query(settings: Settings, name: str, filters: queries.Filters) -> Iterator[Answer]:
    """Put a named question; its rows can be read while the block lasts.

    Effects: none: one read-only transaction, rolled back at the end. A role that may only read can ask, and a standby
    can be asked.

    Raises: UnknownNameError with the list of names; QueryError; QueryTimeoutError.
    """
    question, asked = _question(settings, name, filters)
    with target(settings) as where, opened(where, is_reader=True) as connection:
        begin_reading(connection, where, settings.reporting_time_zone, settings.query_timeout_seconds)
        # The session ends with the block, and with it the transaction, which has nothing to keep.
        with queries.asking(connection, question, asked, settings.query_timeout_seconds) as answer:
            yield answer


def query_sql(settings: Settings, name: str, filters: queries.Filters) -> str:
    """Give a named question as SQL with its values in it. Effects: no database is asked."""
    question, asked = _question(settings, name, filters)
    return queries.literal_sql(question, asked, settings.schema_)


def query_list(settings: Settings) -> Answer:
    """Give every question by name, with what it answers. Effects: no database is asked."""
    rows = [(q.name, q.answers, str(q.path or "")) for q in catalogue.catalogue(settings.queries_folder).values()]
    own = any(path for _, _, path in rows)
    columns = ("name", "answers", "file") if own else ("name", "answers")
    return Answer(columns, (TEXT_OID,) * len(columns), (row[: len(columns)] for row in rows), is_zoned=False)


def _question(settings: Settings, name: str, filters: queries.Filters) -> tuple[catalogue.Query, queries.Asked]:
    question = catalogue.find(name, settings.queries_folder)
    asked = queries.understood(question, filters, settings.reporting_time_zone)
    queries.values(question, asked)  # what is wrong with the question is said before a server is asked for
    return question, asked
