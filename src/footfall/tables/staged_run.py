"""What the ranges of a run staged, as the rows of one load: checked, sent to the table, or handed to the merge.

Each range has told apart the rows whose ids came for the first time in it, and the others. In the file an id comes for
the first time where it does in its range, and is above the ids of all ranges before: with that, the rows are told apart
as the ordinary way does it. Where ids are no numbers, the server looks which of them the run has more than once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

from footfall.errors import FootfallError
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection
from footfall.statements import statements
from footfall.tables import counts, large
from footfall.tables.runs import ROWS, RunTables, StagedRange
from footfall.tables.staging import Staging, create_table

if TYPE_CHECKING:
    import pyarrow as pa

SQL = statements(__name__)

CHUNK_PAGES = 2_000  # 16 MB, about 200,000 rows at a time
NO_ID = -1  # ids that are numbers are 0 or more
ANY_ID = (1 << 63) - 1
TIMESTAMP = counts.KeyColumn("timestamp", "timestamptz", "timestamp::text")


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one range whose ids came for the first time in it.

    `floor_id` is the highest id of all ranges before. Of `rows`, `repeated` are out of order in the file; `below` are
    not, but the table may have their ids. `first_page` to `after_page` is where they lie, with rows of others between.
    """

    number: int
    floor_id: int
    rows: int = 0
    repeated: int = 0
    below: int = 0
    first_page: int = 0
    after_page: int = 0

    @property
    def sent(self) -> int:
        """How many go straight to the table."""
        return self.rows - self.repeated - self.below


@dataclass(frozen=True, slots=True)
class StagedRun:
    """A run whose ranges are all staged, and the staging of the load that takes it.

    `has_repeats`: the ids are no numbers, and `repeated` has those that the run has more than once.
    """

    tables: RunTables
    staging: Staging
    parts: tuple[Part, ...]
    has_repeats: bool

    @property
    def is_numbered(self) -> bool:
        return self.staging.id_types.interaction_id == "bigint"

    @property
    def floor_id(self) -> int:
        """The highest id that the table may have."""
        if self.staging.is_direct:
            return NO_ID
        return ANY_ID if self.staging.floor_id is None else self.staging.floor_id

    @property
    def values(self) -> dict[str, Any]:
        """The values of the statements that compare numbers."""
        floors = {"ranges": [part.number for part in self.parts], "floors": [part.floor_id for part in self.parts]}
        return floors | {"floor_id": self.floor_id}

    def words(self) -> dict[str, sql.Composable]:
        """Give what the statements say of a row: what it is joined with, and whether it is repeated or below."""
        if self.is_numbered:
            words = "join_floors", "is_repeated_number", "is_below_number"
            joined, is_repeated, is_below = (sql.SQL(SQL[each]) for each in words)
            return {"joined": joined, "is_repeated": is_repeated, "is_below": is_below}
        return {
            "joined": compose(SQL["join_repeated"], repeated=self.repeated) if self.has_repeats else sql.SQL(""),
            "is_repeated": sql.SQL(SQL["is_repeated_id"] if self.has_repeats else "false"),
            "is_below": sql.SQL("false" if self.staging.is_direct else "true"),
        }

    @property
    def repeated(self) -> sql.Identifier:
        """Name the table of the ids that the run has more than once."""
        return self.tables.name("repeated")


def open_run(connection: Connection, tables: RunTables, staging: Staging, ranges: Sequence[StagedRange]) -> StagedRun:
    """Count what a run staged, and see that it is what its ranges say; the staging then knows how many rows there are.

    Call it under the writer lock, when the staging knows whether the table is empty, or which id is its highest.
    Effects: where ids are no numbers and there are several ranges, makes a table of those that the run has twice.
    Raises: FootfallError where rows are missing.
    """
    floors = [NO_ID]
    for each in ranges:
        floors.append(max(floors[-1], each.highest_id))
    parts = tuple(Part(each.number, floor_id) for each, floor_id in zip(ranges, floors, strict=False))
    has_repeats = staging.id_types.interaction_id != "bigint" and len(ranges) > 1
    run = StagedRun(tables, staging, parts, has_repeats)
    if has_repeats:
        names = {"repeated": run.repeated, "rows": tables.rows, "out_of_order": tables.out_of_order}
        connection.execute(compose(SQL["find_repeated"], **names))
        connection.execute(compose(SQL["analyze"], name=run.repeated))
    run = _count_rows(connection, run, ranges)
    (load_id,) = staging.load_ids
    repeated = sum(part.repeated for part in run.parts) + sum(each.rows_out_of_order for each in ranges)
    staging.rows_sent = sum(part.rows - part.repeated for part in run.parts)
    staging.rows_sent_out_of_order = repeated
    staging.first_by_load = Counter({load_id: staging.rows_sent})
    staging.out_of_order_by_load = Counter({load_id: repeated})
    staging.direct_by_load = +Counter({load_id: sum(part.sent for part in run.parts)})
    staging.rejected_of_run = tables.rejected
    return run


def _count_rows(connection: Connection, run: StagedRun, ranges: Sequence[StagedRange]) -> StagedRun:
    """Count the rows of each range, and see that they are as many as were sent. Raises: FootfallError."""
    statement = compose(SQL["count_rows"], rows=run.tables.rows, **run.words())
    rows = {row.range: row for row in connection.execute(statement, run.values).fetchall()}
    _assert_all_there({number: row.rows_first for number, row in rows.items()}, ranges, "rows_first")
    for table, noted in ((run.tables.out_of_order, "rows_out_of_order"), (run.tables.rejected, "rows_rejected")):
        found = connection.execute(compose(SQL["count_others"], name=table)).fetchall()
        _assert_all_there({row.range: row.rows_staged for row in found}, ranges, noted)
    parts = (_fill_part(part, rows[part.number]) if part.number in rows else part for part in run.parts)
    return StagedRun(run.tables, run.staging, tuple(parts), run.has_repeats)


def _assert_all_there(found: dict[int, int], ranges: Sequence[StagedRange], noted: str) -> None:
    sent = {each.number: getattr(each, noted) for each in ranges if getattr(each, noted)}
    if sent != found:
        raise FootfallError(
            f"{sum(sent.values())} rows were sent to a table of this run, {sum(found.values())} are there; nothing was "
            "loaded. Load the file again. Does something else write these tables?"
        )


def _fill_part(part: Part, row: Any) -> Part:
    places = (_read_page(row.first_place), _read_page(row.last_place) + 1)
    return Part(part.number, part.floor_id, row.rows_first, row.rows_repeated, row.rows_below, *places)


def _read_page(place: str) -> int:
    """Read the page of a place, which the server writes as `(page,row)`."""
    return int(place[1:].partition(",")[0])


def move_others(connection: Connection, run: StagedRun) -> None:
    """Hand the rows that do not go straight to the table to the merge: copy them to the staging tables of the load."""
    staging = run.staging
    if any(part.below for part in run.parts):
        _move(connection, run, "rows", "if_below")
    if staging.rows_sent_out_of_order:
        create_table(connection, staging, "out_of_order", "create_rows")
        if any(part.repeated for part in run.parts):
            _move(connection, run, "out_of_order", "if_repeated")
        words = {"rows": run.tables.out_of_order, "joined": sql.SQL(""), "condition": sql.SQL("")}
        connection.execute(compose(SQL["move"], name=staging.out_of_order, **words))


def _move(connection: Connection, run: StagedRun, part: str, condition: str) -> None:
    create_table(connection, run.staging, part, "create_rows")
    words = run.words()
    which = compose(SQL[condition], is_repeated=words["is_repeated"], is_below=words["is_below"])
    names = {"name": getattr(run.staging, part), "rows": run.tables.rows, "joined": words["joined"]}
    connection.execute(compose(SQL["move"], **names, condition=which), run.values)


def send(connection: Connection, run: StagedRun) -> None:
    """Send the rows whose ids cannot be in the table straight to it, range by range, in the order of the file.

    Raises: FootfallError where not all of them came.
    """
    fetch_one(connection, SQL["settings"])
    statement = _compose_send(run)
    for part in run.parts:
        if part.sent:
            values = {"range": part.number, "above": max(part.floor_id, run.floor_id)}
            rows = connection.execute(statement, values | _bound(part.first_page, part.after_page)).rowcount
            if rows != part.sent:
                raise FootfallError(
                    f"{part.sent} rows of a range were to be sent to user_interactions_raw, {rows} were; nothing was "
                    "loaded. Does something else write these tables?"
                )


def read_sent(connection: Connection, run: StagedRun) -> Iterator[pa.Table]:
    """Read the rows that `send` sends, in no order. Shape: the columns that counts are made of."""
    fetch_one(connection, SQL["settings"])
    columns = _list_counted(run.staging)
    names = {"rows": run.tables.rows, "columns": large.compose_fields(columns)}
    statement = compose(SQL["read_sent"], **names, **run.words())
    for first in range(0, max((part.after_page for part in run.parts), default=0), CHUNK_PAGES):
        values = run.values | _bound(first, first + CHUNK_PAGES)
        row: Any = connection.execute(statement, values, binary=True).fetchone()
        if row.keys:
            yield large.read_fields(row, columns)


def _list_counted(staging: Staging) -> tuple[counts.KeyColumn, ...]:
    """List the columns that counts are made of, with the types of their ids."""
    ids = {column.name: column for kept in counts.kept_counts(staging.id_types) for column in kept.key}
    return ids["user_id"], ids["product_id"], ids["action"], TIMESTAMP


def _compose_send(run: StagedRun) -> sql.Composed:
    words = run.words()
    joined, is_sent = words["joined"], compose(SQL["is_not_repeated"], is_repeated=words["is_repeated"])
    if run.is_numbered:
        joined, is_sent = sql.SQL(""), compose(SQL["is_above"])
    return compose(SQL["send"], rows=run.tables.rows, joined=joined, is_sent=is_sent)


def _bound(first_page: int, after_page: int) -> dict[str, str]:
    return {"first": f"({first_page},0)", "after": f"({after_page},0)"}


def close_run(connection: Connection, run: StagedRun) -> None:
    """Drop what `open_run` made."""
    if run.has_repeats:
        connection.execute(compose(SQL["drop"], name=run.repeated))


def remove(connection: Connection, tables: RunTables, numbers: Sequence[int]) -> None:
    """Remove what some ranges staged, so that they can be staged anew."""
    for part in ("ranges", *ROWS):
        connection.execute(compose(SQL["remove_rows"], name=tables.name(part)), {"ranges": list(numbers)})
