"""Define the kept counts once, in KEPT. Every statement that fills, recounts, compares or mends them is made from it.

A further kept count needs one more `KeptCount` in KEPT, and a migration that makes its table. If it keeps more than the
number of rows, each further column is a `Measure`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from footfall.contract.ids import ID_COLUMNS, IdTypes
from footfall.errors import DriftError
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection
from footfall.safe_text import mask
from footfall.statements import read_statements

SQL = read_statements(__name__)

RAW = "user_interactions_raw"
# Instants are timestamps in UTC without a zone: DuckDB cuts those into quarter hours without its ICU extension.
TYPES_IN_DUCKDB: dict[str, LiteralString] = {
    "bigint": "bigint",
    "text": "varchar",
    "uuid": "blob",  # 16 bytes, which are in the order of the ids
    "timestamptz": "timestamp",
    "date": "date",
    "bit(96)": "hugeint",  # the number that these bits write
}


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column of the key of a kept count.

    `from_row` and `from_row_in_duckdb` are the expressions that give it from a row of user_interactions_raw, in
    PostgreSQL and in DuckDB; without them it is the column of that name. `within` is a condition by which an index
    finds the rows of all keys in the table `{keys}`, with few others. `as_text` is the expression of its text for
    people, and `unit` follows that text.
    """

    name: LiteralString
    type: LiteralString
    as_text: LiteralString
    unit: LiteralString = ""
    collation: LiteralString | None = None
    from_row: LiteralString | None = None
    from_row_in_duckdb: LiteralString | None = None
    within: LiteralString | None = None

    def compose_value(self) -> sql.Composable:
        """Give the expression that makes it from a row."""
        return sql.SQL(self.from_row) if self.from_row else sql.Identifier(self.name)

    def compose_selected(self) -> sql.Composable:
        """Give the item that selects it from rows."""
        if self.from_row:
            return sql.SQL("{} as {}").format(sql.SQL(self.from_row), sql.Identifier(self.name))
        return self.compose_grouped()

    def compose_grouped(self) -> sql.Composable:
        """Give the item that groups rows by it; where it is an expression, by its name in the result."""
        if self.collation:
            return sql.SQL("{} collate {}").format(sql.Identifier(self.name), sql.Identifier(self.collation))
        return sql.Identifier(self.name)

    def compose_selected_in_duckdb(self) -> sql.Composable:
        if self.from_row_in_duckdb:
            return sql.SQL("{} as {}").format(sql.SQL(self.from_row_in_duckdb), sql.Identifier(self.name))
        return sql.Identifier(self.name)


@dataclass(frozen=True, slots=True)
class Note:
    """What DuckDB keeps of each row, so that measures can be made of it later: a name, a type and an expression."""

    name: LiteralString
    type: LiteralString
    from_row: LiteralString


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of a kept count beside the number of rows: an aggregate of the rows of a key, whatever their order.

    `of_rows` is the aggregate in PostgreSQL. `joined` combines `{kept}`, the value so far, and `{added}`, that of
    further rows. `of_notes` is the aggregate in DuckDB of a note, `{}`; `of_parts` combines the values of parts of the
    rows. `may_be_decided` is a condition on `k`, the row of the key, and `r`, the aggregate of removed rows: if it is
    false, the measure stays the same without these rows.
    """

    name: LiteralString
    type: LiteralString
    of_rows: LiteralString
    joined: LiteralString
    note: Note
    of_notes: LiteralString
    of_parts: LiteralString
    may_be_decided: LiteralString = "true"

    def fill_joined(self, table: str) -> sql.Composable:
        """Give the assignment that adds further rows to a row of this table."""
        kept, added = sql.Identifier(table, self.name), sql.Identifier("excluded", self.name)
        return sql.SQL("{} = {}").format(sql.Identifier(self.name), sql.SQL(self.joined).format(kept=kept, added=added))

    def aggregate(self, aggregate: LiteralString, of: LiteralString) -> sql.Composable:
        """Give the item of DuckDB that has an aggregate of an expression under the name of the measure."""
        return sql.SQL("{} as {}").format(sql.SQL(aggregate).format(sql.SQL(of)), sql.Identifier(self.name))


@dataclass(frozen=True, slots=True)
class KeptCount:
    """A table with one row for each key: its interaction_count is how many rows of user_interactions_raw have that key.

    `grain` says what it has one row for, in the plural; it names the part of a statement that is about this table.
    `sums` names the kept count whose counts add up to these. The path into empty tables then adds those up, and does
    not count rows again.
    `is_large`: there are about as many keys as rows. The path into empty tables then counts when all rows are there,
    and builds the key after the counts are sent. Otherwise it counts each batch of rows, and the key stays.
    `has_count_index`: an index of its own finds the highest counts.
    `measures` are its further columns. `carried` are measures that it has in DuckDB alone, for the counts that are sums
    of it.
    `option` names the option of the schema that must be on. Where it is off, the table is empty: the statements look
    once, and then read no row.
    """

    table: LiteralString
    grain: LiteralString
    key: tuple[KeyColumn, ...]
    sums: KeptCount | None = None
    is_large: bool = False
    has_count_index: bool = False
    measures: tuple[Measure, ...] = ()
    carried: tuple[Measure, ...] = ()
    option: LiteralString | None = None

    @property
    def key_name(self) -> str:
        return f"{self.table}_pkey"

    @property
    def count_index_name(self) -> str:
        return f"{self.table}_count_idx"

    def compose(self, statement: LiteralString, /, **more: sql.Composable) -> sql.Composed:
        """Fill the names of this count into a statement; `_compose_parts` lists them."""
        return compose(statement, **self._compose_parts(), **more)

    def fill(self, statement: LiteralString, /) -> str:
        """Fill the same names into a statement of DuckDB, which takes a text."""
        return self.compose(statement).as_string()

    def compose_within(self, keys: sql.Composable) -> sql.Composed:
        """Give the further condition by which an index finds the rows of the keys in a table; empty where none does."""
        conditions = (compose(column.within, keys=keys) for column in self.key if column.within)
        return _join((sql.SQL("and ") + condition for condition in conditions), " ")

    def _compose_parts(self) -> dict[str, sql.Composable]:
        return self._compose_parts_of_key() | self._compose_parts_of_measures() | self._compose_parts_in_duckdb()

    def _compose_parts_of_key(self) -> dict[str, sql.Composable]:
        return {
            "table": sql.Identifier(self.table),
            "name": sql.Literal(self.table),
            "grain": sql.Identifier(self.grain),
            "key": self._compose_names(),
            "kept_key": self._compose_names("k"),
            "recounted_key": self._compose_names("r"),
            "selected_key": _join(column.compose_selected() for column in self.key),
            "grouped_key": _join(column.compose_grouped() for column in self.key),
            "words": self._compose_words(),
            "key_of_row": _join(column.compose_value() for column in self.key),
            "key_name": sql.Identifier(self.key_name),
            "count_index": sql.Identifier(self.count_index_name),
        }

    def _compose_parts_of_measures(self) -> dict[str, sql.Composable]:
        """Give the parts that are empty where a count has no measures or no option; each begins with what joins it."""
        names = [measure.name for measure in self.measures]
        return {
            "measures": _follow(sql.Identifier(name) for name in names),
            "measured": _follow(
                sql.SQL("{} as {}").format(sql.SQL(measure.of_rows), sql.Identifier(measure.name))
                for measure in self.measures
            ),
            "recounted_measures": _follow(sql.Identifier("r", name) for name in names),
            "kept_measures": _follow(sql.Identifier("k", name) for name in names),
            "joined_measures": _follow(measure.fill_joined(self.table) for measure in self.measures),
            "differing_measures": _follow(
                compose(SQL["differing_measure"], column_of=sql.Literal(f"{name} of "), column=sql.Identifier(name))
                for name in names
            ),
            "may_be_decided": _join((sql.SQL(measure.may_be_decided) for measure in self.measures), " or "),
            "set_measures": _join(sql.SQL("{} = {}").format(sql.Identifier(n), sql.Identifier("r", n)) for n in names),
            "if_kept": compose(SQL["if_kept"], option=sql.Literal(self.option)) if self.option else sql.SQL(""),
        }

    def _compose_parts_in_duckdb(self) -> dict[str, sql.Composable]:
        counted = self.sums or self
        measures = (*self.measures, *self.carried)
        notes = dict.fromkeys(measure.note for measure in measures)
        return {
            "selected_key_in_duckdb": _join(column.compose_selected_in_duckdb() for column in self.key),
            "columns_in_duckdb": _join(
                sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(TYPES_IN_DUCKDB[column.type]))
                for column in self.key
            ),
            "notes": _follow(sql.SQL("{} {}").format(sql.Identifier(n.name), sql.SQL(n.type)) for n in notes),
            "noted": _follow(sql.SQL("{} as {}").format(sql.SQL(n.from_row), sql.Identifier(n.name)) for n in notes),
            "measure_columns_in_duckdb": _follow(
                sql.SQL("{} {}").format(sql.Identifier(each.name), sql.SQL(TYPES_IN_DUCKDB[each.type]))
                for each in measures
            ),
            "measures_of_rows": _follow(each.aggregate(each.of_notes, each.note.from_row) for each in measures),
            "measures_of_notes": _follow(each.aggregate(each.of_notes, each.note.name) for each in measures),
            "measures_of_parts": _follow(each.aggregate(each.of_parts, each.name) for each in self.measures),
            "counted": sql.Identifier(f"counted_{self.grain}"),
            "kept": sql.Identifier(f"kept_{self.grain}"),
            "delta": sql.Identifier(f"delta_{self.grain}"),
            "source": sql.Identifier(f"counted_{counted.grain}" if counted.is_large else counted.grain),
        }

    def _compose_names(self, *of: str) -> sql.Composed:
        return _join(sql.Identifier(*of, column.name) for column in self.key)

    def _compose_words(self) -> sql.Composed:
        """Give the expression of the text of a key: the name, value and unit of each column."""
        parts: list[sql.Composable] = []
        before = ""
        for column in self.key:
            parts += [sql.Literal(f"{before}{column.name} "), sql.SQL(column.as_text)]
            before = f"{column.unit}, "
        return _join(parts, " || ")


def _join(parts: Iterable[sql.Composable], separator: LiteralString = ", ") -> sql.Composed:
    return sql.SQL(separator).join(parts)


def _follow(parts: Iterable[sql.Composable]) -> sql.Composed:
    """Give further items of a list that has some: a comma before each."""
    return _join((sql.SQL(", ") + part for part in parts), "")


ACTION = KeyColumn("action", "text", "action", collation="C")
QUARTER_HOUR = KeyColumn(
    "quarter_hour",
    "timestamptz",
    "(quarter_hour at time zone 'UTC')::text",
    unit=" UTC",
    from_row="pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00')",
    from_row_in_duckdb="time_bucket(interval '15 minutes', timestamp, timestamp '0001-01-01')",
)

DAY = KeyColumn(
    "day",
    "date",
    "day::text",
    from_row="(timestamp at time zone 'UTC')::date",
    from_row_in_duckdb="timestamp::date",
    within=(
        "timestamp >= (select pg_catalog.min(day) from {keys})::timestamp at time zone 'UTC' "
        "and timestamp < ((select pg_catalog.max(day) from {keys}) + 1)::timestamp at time zone 'UTC'"
    ),
)

INSTANT = Note("instant", "timestamp", "timestamp")  # `at` is a reserved word in DuckDB
FIRST_AT = Measure(
    *("first_at", "timestamptz", "pg_catalog.min(timestamp)", "least({kept}, {added})"),
    *(INSTANT, "min({})", "min({})", "k.first_at = r.first_at"),
)
LAST_AT = Measure(
    *("last_at", "timestamptz", "pg_catalog.max(timestamp)", "greatest({kept}, {added})"),
    *(INSTANT, "max({})", "max({})", "k.last_at = r.last_at"),
)
QUARTERS = Measure(
    "quarters",
    "bit(96)",
    # Whole quarter hours, so that no part of a second is lost or rounded up: date_part gives a double.
    "pg_catalog.bit_or(pg_catalog.set_bit(pg_catalog.repeat('0', 96)::bit(96), (pg_catalog.date_part('epoch', "
    "pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') "
    "- pg_catalog.date_bin('24 hours', timestamp, '0001-01-01 00:00:00+00')) / 900::double precision)::integer, 1))",
    "{kept} | {added}",
    Note("quarter", "utinyint", "hour(timestamp) * 4 + minute(timestamp) // 15"),
    "bit_or(1::hugeint << (95 - {})::integer)",
    "bit_or({})",
)

USER = KeyColumn("user_id", "bigint", "user_id::text")
PRODUCT = KeyColumn("product_id", "bigint", "product_id::text")
PAIRS = KeptCount("interactions", "pairs", (USER, PRODUCT), is_large=True, carried=(FIRST_AT, LAST_AT))
# The types are those of ids that are numbers. Only DuckDB needs them: in PostgreSQL the columns have their types.
KEPT: tuple[KeptCount, ...] = (
    PAIRS,
    KeptCount("interactions_per_quarter_hour", "quarter_hours", (QUARTER_HOUR, ACTION)),
    KeptCount(
        "interactions_per_user", "users", (USER,), sums=PAIRS, has_count_index=True, measures=(FIRST_AT, LAST_AT)
    ),
    KeptCount("interactions_per_product", "products", (PRODUCT,), sums=PAIRS, has_count_index=True),
    KeptCount("user_days", "days_of_users", (DAY, USER), is_large=True, measures=(QUARTERS,), option="user-days"),
)


def list_kept_counts(id_types: IdTypes) -> tuple[KeptCount, ...]:
    """Give the kept counts of tables with ids of these types, including those that are kept by choice."""
    return tuple(_set_types(kept, id_types) for kept in KEPT)


def _set_types(kept: KeptCount, id_types: IdTypes) -> KeptCount:
    key = (replace(each, type=id_types.find_type(each.name)) if each.name in ID_COLUMNS else each for each in kept.key)
    return replace(kept, key=tuple(key), sums=kept.sums and _set_types(kept.sums, id_types))


def list_tables() -> tuple[str, ...]:
    """Name the table of rows and those of their counts."""
    return (RAW, *(kept.table for kept in KEPT))


def join_tables(of_each: LiteralString = "{}", separator: LiteralString = ", ") -> sql.Composed:
    """List the same tables in SQL: `of_each` is the item for one of them, with its name as an identifier."""
    return _join((sql.SQL(of_each).format(sql.Identifier(table)) for table in list_tables()), separator)


def join_names(of_each: LiteralString = "{}", separator: LiteralString = ", ") -> sql.Composed:
    """List the same tables in SQL: `of_each` is the item for one of them, with its name as a text."""
    return _join((sql.SQL(of_each).format(sql.Literal(table)) for table in list_tables()), separator)


def compose_deltas() -> sql.Composed:
    """Give the parts of a statement that add the rows of its part `added` to every kept count."""
    return _join((kept.compose(SQL["delta"]) for kept in KEPT), ",\n")


def lock_tables(connection: Connection) -> None:
    """Hold ACCESS SHARE on every table, so that the snapshot to come sees all of them in one state; do not wait."""
    connection.execute(compose(SQL["lock_tables"], tables=join_tables()))


def read_heaps(connection: Connection) -> None:
    """Keep the statements of this transaction from reading indexes, since an index may be broken."""
    fetch_one(connection, SQL["read_heaps"])


def read_totals(connection: Connection) -> Any:
    """Give the numbers of interactions (`rows_raw`), their `ids` and `pairs`, and the sum of each table of counts."""
    sums = _join(kept.compose(SQL["sum"]) for kept in KEPT)
    kept_counts = _join((kept.compose(SQL["sum_of"]) for kept in KEPT), "\n")
    return fetch_one(
        connection, compose(SQL["totals"], pairs=sql.Identifier(PAIRS.grain), sums=sums, kept_counts=kept_counts)
    )


def find_drift(connection: Connection, sums: Any) -> Iterator[tuple[str, list[Any]]]:
    """Recount each table of counts; give its name, and what differs or is there twice, at most 20 rows of each kind.

    Shape: rows have key, kept, recount, drift_count. If every key has its count and the counts add up to the number of
    rows, no key is there twice. So doubled keys are looked for only where `sums` has another sum.
    """
    for kept in KEPT:
        yield kept.table, connection.execute(_compose("drift_counts", kept)).fetchall()
        if getattr(sums, kept.table) != sums.rows_raw:
            doubled = kept.compose(SQL["drift_doubled"], is_known=sql.SQL("true"))
            yield kept.table, connection.execute(doubled).fetchall()


def repair(connection: Connection) -> int:
    """Make every table of counts equal to its recount; give how many rows were removed or added.

    Effects: under the writer lock; idempotent.
    Raises: DriftError where the server refuses it, as a broken key may make it do.
    """
    rows = 0
    for kept in KEPT:
        try:
            for statement in ("remove_wrong", "remove_doubled", "add_missing"):
                rows += connection.execute(_compose(statement, kept)).rowcount
        except (psycopg.errors.IntegrityError, psycopg.errors.InternalError) as error:
            raise DriftError(
                f"the counts in {kept.table} cannot be mended: {mask(error.diag.message_primary or str(error))}; "
                f"nothing was changed. If its key is broken, `reindex table {kept.table}` mends that; then run the "
                "same command again"
            ) from error
    return rows


def _compose(statement: str, kept: KeptCount) -> sql.Composed:
    """Give a statement about one table of counts and its recount."""
    return kept.compose(SQL[statement], recount=kept.compose(SQL["recount"]))
