"""The verb `query`: put named questions to the tables. Nothing here changes a table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from footfall.answers import asking, catalogue, kept, parameters
from footfall.answers.asked import Asked, Filters, write_command
from footfall.postgres.connection import hold_session
from footfall.postgres.target import Connection
from footfall.postgres.transactions import begin_reading, outlive_errors
from footfall.results import Answer, Table
from footfall.results.arrow import TEXT_OID
from footfall.settings import Settings
from footfall.tables.ids import find_id_types
from footfall.verbs.session import open_target


@contextmanager
def query(settings: Settings, name: str, filters: Filters) -> Iterator[Answer]:
    """Put a named question; its rows can be read while the block lasts.

    Effects: none: one read-only transaction, rolled back at the end. A role that may only read can ask, and a standby
    can be asked.

    Raises: UnknownNameError with the list of names; QueryError, also for an id that is none of the tables' type;
    QueryTimeoutError.
    """
    question, asked = _find_question(settings, name, filters)
    with open_target(settings) as where, hold_session(where, is_reader=True) as connection:
        begin_reading(connection, where, settings.reporting_time_zone, settings.query_timeout_seconds)
        asked = _read_ids(connection, question, asked)
        # The session ends with the block, and so does the transaction: it changed nothing, so it needs no COMMIT.
        with asking.put_question(connection, question, asked, settings.query_timeout_seconds) as answer:
            yield answer


@dataclass(frozen=True, slots=True)
class Answered:
    """The whole answer to a question, with what it takes to ask it again.

    Shape: `types` has the server's OID of each column. `asked` has the values of the question, as the server reads
    them; `command` is the command line that asks the same, and `sql` is the statement with its values in it.
    """

    question: catalogue.Query
    asked: Asked
    table: Table
    types: tuple[int, ...]
    command: str
    sql: str


@dataclass(slots=True)
class Asker:
    """Puts questions to one snapshot of the tables.

    Shape: `keeper` keeps earlier answers, where there is one. `state` is the state of the database in this snapshot, on
    which kept answers depend; it is empty until it is read.
    """

    connection: Connection
    settings: Settings
    keeper: kept.Keeper | None = None
    state: str = ""

    def ask(self, name: str, filters: Filters) -> Answered:
        """Put one question; all its rows are in memory. The snapshot stays usable where this one fails.

        Raises: UnknownNameError with the list of names; QueryError; QueryTimeoutError; SchemaError.
        """
        question, asked = _find_question(self.settings, name, filters)
        with outlive_errors(self.connection):
            asked = _read_ids(self.connection, question, asked)
            key = self._make_key(question, asked)
            table = self.keeper.find(key) if self.keeper is not None and key is not None else None
            if table is None:
                with asking.put_question(
                    self.connection, question, asked, self.settings.query_timeout_seconds
                ) as answer:
                    table = Table(answer.columns, tuple(answer.rows), answer.types)
                if self.keeper is not None and key is not None:
                    self.keeper.keep(key, table)
        sql = parameters.write_literal_sql(question, asked, self.settings.schema_)
        return Answered(question, asked, table, table.types, write_command(name, filters), sql)

    def _make_key(self, question: catalogue.Query, asked: Asked) -> str | None:
        """Give the key of the answer in this snapshot. A range is in it as instants, in whatever words it was asked."""
        if self.keeper is None or question.path is not None:
            return None
        values = parameters.list_values(question, asking.resolve_bounds(self.connection, question, asked))
        self.state = self.state or kept.read_state(self.connection)
        info = self.connection.info
        session = (self.settings.reporting_time_zone, self.settings.schema_, info.host, str(info.port), info.dbname)
        return kept.make_key(question.choose_form(asked.list_given()), values, session, self.state)


@contextmanager
def open_snapshot(settings: Settings, keeper: kept.Keeper | None = None) -> Iterator[Asker]:
    """Open one read-only snapshot of the tables for several questions; each may take `query_timeout_seconds`.

    Effects: none: one transaction, rolled back at the end. With a `keeper`, the answer to a question that was asked
    before in the same state of the ledger is not computed again. Threads may share a keeper.
    Raises: DatabaseUnavailableError; SettingsError.
    """
    with open_target(settings) as where, hold_session(where, is_reader=True) as connection:
        timeout_s = settings.query_timeout_seconds
        begin_reading(connection, where, settings.reporting_time_zone, timeout_s, is_snapshot=True)
        yield Asker(connection, settings, keeper)


def query_sql(settings: Settings, name: str, filters: Filters) -> str:
    """Give a named question as SQL with its values in it. Effects: no database is asked."""
    question, asked = _find_question(settings, name, filters)
    return parameters.write_literal_sql(question, asked, settings.schema_)


def query_list(settings: Settings) -> Answer:
    """Give every question by group and name, with what it answers. Effects: no database is asked."""
    questions = catalogue.sort_by_group(catalogue.read_catalogue(settings.queries_folder).values())
    columns: tuple[str, ...] = ("name", "answers", "group")
    if any(each.path for each in questions):
        columns = (*columns, "file")
    rows = ((each.name, each.answers, each.listed_in, str(each.path or ""))[: len(columns)] for each in questions)
    return Answer(columns, (TEXT_OID,) * len(columns), rows, is_zoned=False)


def _find_question(settings: Settings, name: str, filters: Filters) -> tuple[catalogue.Query, Asked]:
    question = catalogue.find(name, settings.queries_folder)
    asked = parameters.understand(question, filters, settings.reporting_time_zone)
    parameters.list_values(question, asked)  # so that a wrong question is refused before a session is opened
    return question, asked


def _read_ids(connection: Connection, question: catalogue.Query, asked: Asked) -> Asked:
    is_who_an_id = asked.who is not None and question.who_column is not None
    if asked.user_id is None and asked.product_id is None and not is_who_an_id:
        return asked
    return parameters.read_ids(asked, find_id_types(connection), question.who_column)
