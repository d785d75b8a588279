"""The default engine: the kernel in process, one DuckDB session a core, batch by batch, in file order.

Memory: batches in flight are bounded, so nothing grows with the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.contract import value_shapes as shapes
from footfall.contract.hints import look_variables
from footfall.contract.ids import ID_COLUMNS
from footfall.contract.limits import BAD_BYTES, RAW_BYTES_MAX
from footfall.contract.mapping import Layout
from footfall.contract.patterns import compose_macros, rule_variables
from footfall.contract.verdicts import Oddity, Verdicts
from footfall.engines import oddities
from footfall.formats import texts
from footfall.formats.encodings import UTF_8, restore_bytes
from footfall.formats.forms import compose_form
from footfall.formats.positions import PLACE_BITS, file_numbers, placed_by
from footfall.statements import statements

SQL = statements(__name__)

HINTS = statements("footfall.contract.hints")
RULES = statements("footfall.contract.rules")

ACCEPTED = ("line_number", "interaction_id", "user_id", "product_id", "action", "timestamp")
REJECTED_SCHEMA = pa.schema(
    [
        ("line_number", pa.int64()),
        ("raw_line", pa.string()),
        ("raw_bytes", pa.binary()),
        ("raw_size_bytes", pa.int64()),
        ("problems", pa.string()),
        ("item", pa.int64()),
    ]
)
SLOW_ROWS = 50_000  # lines judged by slow at a time: their lists of problems take several times their text
GROUPED_ROWS = 10_000  # rejected rows grouped at a time: each may have five values, and each value a shape of its own
INSTANT = pa.timestamp("us", tz="UTC")
ARROW_TYPES = {"bigint": pa.int64(), "uuid": pa.binary(16), "text": pa.string()}
SESSION_MEMORY_MB = 64  # the least a session gets: a batch of 2 MB takes about 20 MB in the kernel


@dataclass(frozen=True, slots=True)
class KernelSession:
    """A session that judges the records of files of one layout.

    `quick` and `slow` are one statement each: a view between texts and rules would be planned twice, which doubles what
    a small batch costs.
    """

    layout: Layout
    connection: duckdb.DuckDBPyConnection
    quick: str | None
    slow: str
    plain_line: str | None
    suspect_line: str | None
    records: str | None = None

    def close(self) -> None:
        """End the session."""
        self.connection.close()


def open_kernel_session(layout: Layout, latest: datetime | None, memory_mb: int = SESSION_MEMORY_MB) -> KernelSession:
    """Open a session of DuckDB for one layout."""
    connection = duckdb.connect(":memory:")
    settings: dict[str, Any] = {
        "threads": 1,
        "TimeZone": "UTC",
        "temp_directory": "",
        "memory_limit": f"{memory_mb}MB",
        "python_enable_replacements": False,
    }
    for name, value in settings.items():
        connection.execute(f"set {name} = $1", [value])
    utc = latest.astimezone(UTC).replace(tzinfo=None) if latest else None
    form = compose_form(layout)
    variables = form.variables | rule_variables(layout.contract, utc) | look_variables(layout)
    for name, value in variables.items():
        connection.execute(f"set variable {name} = $1", [value])
    connection.execute(compose_macros(layout.contract))
    connection.execute(texts.SQL["macros"])
    if form.macros:
        connection.execute(form.macros)
    quick = SQL["verdicts"].format(texts=form.plain, rules=RULES["quick"]) if form.plain else None
    slow = SQL["verdicts"].format(texts=form.texts, rules=RULES["slow"])
    return KernelSession(layout, connection, quick, slow, form.plain_line, form.suspect_line, form.records)


def judge_batch(session: KernelSession, batch: pa.RecordBatch) -> Verdicts:
    """Run quick on every record, and slow on those that it leaves."""
    accepted, skipped, left = _judge_plain(session, pa.Table.from_batches([batch]))
    parts, rejected = [accepted], [REJECTED_SCHEMA.empty_table()]
    kinds: dict[int, shapes.Kinds] = {}
    odd: list[Oddity] = []
    for at in range(0, left.num_rows, SLOW_ROWS):
        slow = _ask(session, session.slow, left.slice(at, SLOW_ROWS))
        is_rejected = pc.is_valid(slow["line"])
        right = slow.filter(pc.and_not(pc.invert(is_rejected), slow["is_skipped"]))
        parts.append(_with_types(session.layout, right))
        skipped.append(slow.filter(slow["is_skipped"])["line_number"])
        odd += oddities.count_padded_ids(session.connection, right)
        refused = _place(batch, slow.filter(is_rejected))
        session.connection.register("rejected", refused)
        rejected.append(session.connection.sql(SQL["rejected"]).to_arrow_table().cast(REJECTED_SCHEMA))
        session.connection.unregister("rejected")
        _group(session.connection, refused, kinds)
    accepted = _append_lines(batch, _in_line_order(pa.concat_tables(parts)))
    odd += oddities.count_null_words(session.connection, accepted)
    return Verdicts(
        accepted,
        _readable(pa.concat_tables(rejected), session.layout),
        kinds,
        tuple(odd),
        _count_by_file(skipped),
    )


def _place(batch: pa.RecordBatch, refused: pa.Table) -> pa.Table:
    """Give rejected rows their line numbers and items, where several rows of a format may begin on one line.

    There, the numbers of the kernel count rows, and the batch has `row_line` and `item` beside them. Where records are
    stored in another encoding, it has their `stored_bytes`.
    """
    if "stored_bytes" in batch.schema.names:
        name = "size_bytes" if "size_bytes" in refused.schema.names else "raw_size_bytes"
        column = refused.schema.get_field_index(name)
        refused = refused.set_column(column, name, batch["stored_bytes"].take(_find_rows(batch, refused)))
    if "row_line" not in batch.schema.names:
        return refused.append_column("item", pa.repeat(pa.scalar(0, pa.int64()), refused.num_rows))
    at = _find_rows(batch, refused)
    lines = placed_by(refused["line_number"].to_numpy(), batch["row_line"].take(at).to_numpy())
    return refused.set_column(0, "line_number", lines).append_column("item", batch["item"].take(at))


def _append_lines(batch: pa.RecordBatch, accepted: pa.Table) -> pa.Table:
    """Give accepted rows the lines where they begin, as `row_line`, where their numbers count rows."""
    if "row_line" not in batch.schema.names:
        return accepted
    return accepted.append_column("row_line", batch["row_line"].take(_find_rows(batch, accepted)))


def _find_rows(batch: pa.RecordBatch, rows: pa.Table) -> pa.Array:
    """Find judged rows among the records of their batch, which stand in the order of their numbers."""
    return pa.array(np.searchsorted(batch["line_number"].to_numpy(), rows["line_number"].to_numpy()))


def _count_by_file(skipped: list[pa.ChunkedArray]) -> dict[int, int]:
    """Count skipped rows by the numbers of their files."""
    numbers = np.concatenate([np.asarray(each) for each in skipped]) if skipped else np.empty(0, np.int64)
    files, counts = np.unique(file_numbers(numbers), return_counts=True)
    return dict(zip(files.tolist(), counts.tolist(), strict=True))


def _group(session: duckdb.DuckDBPyConnection, refused: pa.Table, kinds: dict[int, shapes.Kinds]) -> None:
    """Count rejected rows by kind of problem and shape. Effects: adds them to `kinds`."""
    for at in range(0, refused.num_rows, GROUPED_ROWS):
        session.register("rejected", refused.slice(at, GROUPED_ROWS))
        values = [PLACE_BITS, shapes.SHAPES_MAX]
        shapes.add_counted(kinds, session.execute(HINTS["groups"], values).fetchall())
        session.unregister("rejected")


def _judge_plain(session: KernelSession, lines: pa.Table) -> tuple[pa.Table, list[pa.ChunkedArray], pa.Table]:
    """Give the rows that quick proves valid, the numbers of those it skips, and the records that it leaves."""
    if session.quick is None:
        return _make_none_accepted(session.layout), [], lines
    if session.plain_line is not None:
        lines = lines.append_column("is_plain", _are_plain(session.plain_line, lines))
    elif session.suspect_line is not None:
        lines = lines.append_column("is_plain", _are_unsuspicious(session.suspect_line, lines))
    judged = _ask(session, session.quick, lines)
    is_proved = judged["is_proved"].combine_chunks().fill_null(False)
    if is_proved.true_count == len(is_proved):
        return _with_types(session.layout, judged), [], lines.slice(0, 0)
    is_skipped = judged["is_skipped"].combine_chunks().fill_null(False)
    is_left = pc.invert(pc.or_(is_proved, is_skipped))
    return (
        _with_types(session.layout, judged.filter(is_proved)),
        [judged.filter(is_skipped)["line_number"]],
        lines.filter(is_left),
    )


def _with_types(layout: Layout, rows: pa.Table) -> pa.Table:
    return rows.select(ACCEPTED).cast(accepted_schema(layout))


def _make_none_accepted(layout: Layout) -> pa.Table:
    return accepted_schema(layout).empty_table()


def accepted_schema(layout: Layout) -> pa.Schema:
    """Give the columns of accepted rows, by the types of their ids."""
    ids = [(column, ARROW_TYPES[kind]) for column, kind in zip(ID_COLUMNS, layout.contract.id_types, strict=True)]
    return pa.schema([("line_number", pa.int64()), *ids, ("action", pa.string()), ("timestamp", INSTANT)])


def _in_line_order(rows: pa.Table) -> pa.Table:
    rows = rows.combine_chunks()
    numbers = rows["line_number"].to_numpy()
    return rows.take(pa.array(np.argsort(numbers, kind="stable"))) if (np.diff(numbers) < 0).any() else rows


def _are_plain(plain_line: str, lines: pa.Table) -> pa.ChunkedArray:
    """Say which lines a pattern matches whole: Arrow's RE2 takes half the time of DuckDB's."""
    matches = pc.match_substring_regex(lines["line"], rf"\A(?:{plain_line})\z")
    return matches if lines["raw_bytes"].null_count == len(lines) else pc.and_(matches, pc.is_null(lines["raw_bytes"]))


def _are_unsuspicious(suspect_line: str, lines: pa.Table) -> pa.ChunkedArray:
    """Say in which lines a pattern is nowhere found."""
    return pc.and_(pc.invert(pc.match_substring_regex(lines["line"], suspect_line)), pc.is_null(lines["raw_bytes"]))


def _ask(session: KernelSession, statement: str, lines: pa.Table) -> pa.Table:
    session.connection.register("lines", lines)
    table: pa.Table = session.connection.sql(statement).to_arrow_table()
    session.connection.unregister("lines")
    return table


def _readable(rejected: pa.Table, layout: Layout) -> pa.Table:
    """Escape what is not text, and keep at most 64 KiB of each record, in the encoding in which it is stored."""
    if layout.kind == "parquet":  # there are no bytes of a row
        marked = pc.replace_substring(rejected["raw_line"], BAD_BYTES, "\ufffd")
        lines = pc.if_else(pc.is_valid(rejected["raw_bytes"]), marked, rejected["raw_line"])
        rejected = rejected.set_column(rejected.schema.get_field_index("raw_line"), "raw_line", lines)
        marks = pa.nulls(rejected.num_rows, pa.binary())
        rejected = rejected.set_column(rejected.schema.get_field_index("raw_bytes"), "raw_bytes", marks)
    if layout.encoding != UTF_8:
        return restore_bytes(rejected, layout.encoding)
    if rejected.num_rows == rejected["raw_bytes"].null_count and _longest(rejected["raw_line"]) <= RAW_BYTES_MAX:
        return rejected
    lines = [
        escaped(line, raw)
        for line, raw in zip(rejected["raw_line"].to_pylist(), rejected["raw_bytes"].to_pylist(), strict=True)
    ]
    return rejected.set_column(1, "raw_line", pa.array(lines, pa.string()))


def escaped(line: str, raw: bytes | None) -> str:
    r"""Give a record's readable text, at most 64 KiB; bytes that are no text as `\xff`.

    Example:
        >>> escaped("a\ufffd", b"a\xff")
        'a\\xff'
    """
    text = line if raw is None else raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return text.encode()[:RAW_BYTES_MAX].decode("utf-8", "ignore")


def _longest(column: pa.ChunkedArray) -> int:
    longest = pc.max(pc.binary_length(column)).as_py()
    return int(longest or 0)


def as_conflicts(
    batches: Iterator[pa.RecordBatch], layout: Layout, latest: datetime | None
) -> Iterator[tuple[pa.Table, list[str]]]:
    """Give valid records that the merge found to be conflicts in the shape of rejected rows, with their ids."""
    session = open_kernel_session(layout, latest)
    for batch in batches:
        accepted = judge_batch(session, batch).accepted
        records = pa.Table.from_batches([batch])
        if session.records is not None:
            records = _ask(session, session.records, records)
        session.connection.register("judged", accepted)
        session.connection.register("lines", records)
        table = session.connection.sql(SQL["conflicts"]).to_arrow_table()
        session.connection.unregister("lines")
        session.connection.unregister("judged")
        ids = table["interaction_id"].to_pylist()
        refused = _place(batch, table.drop(["interaction_id"])).cast(REJECTED_SCHEMA)
        yield _readable(refused, layout), ids
    session.close()
