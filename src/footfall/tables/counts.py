"""The kept counts: defined once, so that every statement about them is composed from KEPT; recounted, compared, mended.

A further kept count needs one more `KeptCount` in KEPT, and the migration that makes its table.
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
from footfall.statements import statements

SQL = statements(__name__)

RAW = "user_interactions_raw"
# DuckDB cuts instants into quarter hours without its ICU extension where they are timestamps without a zone, in UTC.
TYPES_IN_DUCKDB: dict[str, LiteralString] = {
    "bigint": "bigint",
    "text": "varchar",
    "uuid": "blob",  # 16 bytes, which are in the order of the ids
    "timestamptz": "timestamp",
}


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column of the key of a kept count.

    `from_row` and `from_row_in_duckdb` are the expressions that give it from a row of user_interactions_raw, in
    PostgreSQL and in DuckDB; without them it is the column of that name. `as_text` is the expression of its text for
    people, and `unit` follows that text.
    """

    name: LiteralString
    type: LiteralString
    as_text: LiteralString
    unit: LiteralString = ""
    collation: LiteralString | None = None
    from_row: LiteralString | None = None
    from_row_in_duckdb: LiteralString | None = None

    def selected(self) -> sql.Composable:
        """Give the item that selects it from rows."""
        if self.from_row:
            return sql.SQL("{} as {}").format(sql.SQL(self.from_row), sql.Identifier(self.name))
        return self.grouped()

    def grouped(self) -> sql.Composable:
        """Give the item that groups rows by it; where it is an expression, by its name in the result."""
        if self.collation:
            return sql.SQL("{} collate {}").format(sql.Identifier(self.name), sql.Identifier(self.collation))
        return sql.Identifier(self.name)

    def selected_in_duckdb(self) -> sql.Composable:
        if self.from_row_in_duckdb:
            return sql.SQL("{} as {}").format(sql.SQL(self.from_row_in_duckdb), sql.Identifier(self.name))
        return sql.Identifier(self.name)


@dataclass(frozen=True, slots=True)
class KeptCount:
    """A table with one row for each key: its interaction_count is how many rows of user_interactions_raw have that key.

    `grain` says what it has one row for, in the plural; it names the part of a statement that is about this table.
    `sums` names the kept count whose counts add up to these. The path into empty tables then adds those up, and does
    not count rows again.
    `is_large`: there are about as many keys as rows. The path into empty tables then counts when all rows are there,
    and builds the key after the counts are sent. Otherwise it counts each batch of rows, and the key stays.
    `has_count_index`: an index of its own finds the highest counts.
    """

    table: LiteralString
    grain: LiteralString
    key: tuple[KeyColumn, ...]
    sums: KeptCount | None = None
    is_large: bool = False
    has_count_index: bool = False

    @property
    def key_name(self) -> str:
        return f"{self.table}_pkey"

    @property
    def count_index_name(self) -> str:
        return f"{self.table}_count_idx"

    def compose(self, statement: LiteralString, /, **more: sql.Composable) -> sql.Composed:
        """Fill the names of this count into a statement; `_parts` lists them."""
        return compose(statement, **self._parts(), **more)

    def fill(self, statement: LiteralString, /) -> str:
        """Fill the same names into a statement of DuckDB, which takes a text."""
        return self.compose(statement).as_string()

    def _parts(self) -> dict[str, sql.Composable]:
        counted = self.sums or self
        return {
            "table": sql.Identifier(self.table),
            "name": sql.Literal(self.table),
            "grain": sql.Identifier(self.grain),
            "key": self._names(),
            "kept_key": self._names("k"),
            "recounted_key": self._names("r"),
            "selected_key": _join(column.selected() for column in self.key),
            "grouped_key": _join(column.grouped() for column in self.key),
            "words": self._words(),
            "key_name": sql.Identifier(self.key_name),
            "count_index": sql.Identifier(self.count_index_name),
            "selected_key_in_duckdb": _join(column.selected_in_duckdb() for column in self.key),
            "columns_in_duckdb": _join(
                sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(TYPES_IN_DUCKDB[column.type]))
                for column in self.key
            ),
            "counted": sql.Identifier(f"counted_{self.grain}"),
            "source": sql.Identifier(f"counted_{counted.grain}" if counted.is_large else counted.grain),
        }

    def _names(self, *of: str) -> sql.Composed:
        return _join(sql.Identifier(*of, column.name) for column in self.key)

    def _words(self) -> sql.Composed:
        """Give the expression of the text of a key: the name, value and unit of each column."""
        parts: list[sql.Composable] = []
        before = ""
        for column in self.key:
            parts += [sql.Literal(f"{before}{column.name} "), sql.SQL(column.as_text)]
            before = f"{column.unit}, "
        return _join(parts, " || ")


def _join(parts: Iterable[sql.Composable], separator: LiteralString = ", ") -> sql.Composed:
    return sql.SQL(separator).join(parts)


ACTION = KeyColumn("action", "text", "action", collation="C")
QUARTER_HOUR = KeyColumn(
    "quarter_hour",
    "timestamptz",
    "(quarter_hour at time zone 'UTC')::text",
    unit=" UTC",
    from_row="pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00')",
    from_row_in_duckdb="time_bucket(interval '15 minutes', timestamp, timestamp '0001-01-01')",
)

USER = KeyColumn("user_id", "bigint", "user_id::text")
PRODUCT = KeyColumn("product_id", "bigint", "product_id::text")
PAIRS = KeptCount("interactions", "pairs", (USER, PRODUCT), is_large=True)
# With ids that are numbers. In statements of PostgreSQL the columns themselves have the types.
KEPT: tuple[KeptCount, ...] = (
    PAIRS,
    KeptCount("interactions_per_quarter_hour", "quarter_hours", (QUARTER_HOUR, ACTION)),
    KeptCount("interactions_per_user", "users", (USER,), sums=PAIRS, has_count_index=True),
    KeptCount("interactions_per_product", "products", (PRODUCT,), sums=PAIRS, has_count_index=True),
)


def kept_counts(id_types: IdTypes) -> tuple[KeptCount, ...]:
    """Give the kept counts of tables with ids of these types."""
    return tuple(_set_types(kept, id_types) for kept in KEPT)


def _set_types(kept: KeptCount, id_types: IdTypes) -> KeptCount:
    key = (replace(each, type=id_types.of(each.name)) if each.name in ID_COLUMNS else each for each in kept.key)
    return replace(kept, key=tuple(key), sums=kept.sums and _set_types(kept.sums, id_types))


def list_tables() -> tuple[str, ...]:
    """Name the table of rows and those of their counts."""
    return (RAW, *(kept.table for kept in KEPT))


def join_tables(of_each: LiteralString = "{}", separator: LiteralString = ", ") -> sql.Composed:
    """Name the same in SQL: `of_each` is what a list has of each of them, with the name as an identifier."""
    return _join((sql.SQL(of_each).format(sql.Identifier(table)) for table in list_tables()), separator)


def join_names(of_each: LiteralString = "{}", separator: LiteralString = ", ") -> sql.Composed:
    """Name the same in SQL: `of_each` is what a list has of each of them, with the name as a text."""
    return _join((sql.SQL(of_each).format(sql.Literal(table)) for table in list_tables()), separator)


def compose_deltas() -> sql.Composed:
    """Give the parts of a statement that add the rows of its part `added` to every kept count."""
    return _join((kept.compose(SQL["delta"]) for kept in KEPT), ",\n")


def lock_tables(connection: Connection) -> None:
    """Hold ACCESS SHARE on every table, so that the snapshot to come sees all of them in one state; do not wait."""
    connection.execute(compose(SQL["lock_tables"], tables=join_tables()))


def read_heaps(connection: Connection) -> None:
    """Let the statements of this transaction read rows where they lie: an index may be what is wrong."""
    fetch_one(connection, SQL["read_heaps"])


def totals(connection: Connection) -> Any:
    """Give the numbers of interactions (`rows_raw`), their `ids` and `pairs`, and the sum of each table of counts."""
    sums = _join(kept.compose(SQL["sum"]) for kept in KEPT)
    kept_counts = _join((kept.compose(SQL["sum_of"]) for kept in KEPT), "\n")
    return fetch_one(
        connection, compose(SQL["totals"], pairs=sql.Identifier(PAIRS.grain), sums=sums, kept_counts=kept_counts)
    )


def find_drift(connection: Connection, sums: Any) -> Iterator[tuple[str, list[Any]]]:
    """Recount each table of counts; give its name, and what differs or is there twice, at most 20 rows of each kind.

    Shape: rows have key, kept, recount, drift_count. Where every key has its count, and the sum is that of the rows, no
    key is there twice: only another sum (of `totals`) is looked into.
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
