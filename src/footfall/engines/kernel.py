"""The kernel: a DuckDB session that judges the records of one batch.

Memory: one batch at a time, so that nothing grows with the file.
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
from footfall.contract.forgotten import Forgotten
from footfall.contract.hints import list_look_variables
from footfall.contract.ids import ID_COLUMNS
from footfall.contract.limits import BAD_BYTES, RAW_BYTES_MAX
from footfall.contract.mapping import Layout
from footfall.contract.patterns import compose_macros, list_rule_variables
from footfall.contract.verdicts import Oddity, Verdicts
from footfall.engines import oddities
from footfall.engines.forgotten import count_hidden, split_off_forgotten
from footfall.formats import texts
from footfall.formats.around import write_around
from footfall.formats.encodings import UTF_8, restore_bytes
from footfall.formats.forms import compose_form
from footfall.formats.positions import LINE_BITS, read_file_numbers, replace_lines
from footfall.statements import read_statements

SQL = read_statements(__name__)

HINTS = read_statements("footfall.contract.hints")
RULES = read_statements("footfall.contract.rules")

ACCEPTED = ("position", "interaction_id", "user_id", "product_id", "action", "timestamp")
REJECTED_SCHEMA = pa.schema(
    [
        ("position", pa.int64()),
        ("raw_line", pa.string()),
        ("raw_bytes", pa.binary()),
        ("raw_size_bytes", pa.int64()),
        ("problems", pa.string()),
        ("item", pa.int64()),
        ("around", pa.string()),
    ]
)
SLOW_ROWS = (
    50_000  # lines judged by `slow` at a time: their lists of problems take several times the memory of their text
)
GROUPED_ROWS = 10_000  # rejected rows grouped at a time: each may add five values, each with a shape of its own
INSTANT = pa.timestamp("us", tz="UTC")
ARROW_TYPES = {"bigint": pa.int64(), "uuid": pa.binary(16), "text": pa.string()}
SESSION_MEMORY_MB = 64  # the least a session gets: a batch of 2 MB takes about 20 MB in the kernel


@dataclass(frozen=True, slots=True)
class KernelSession:
    """A session that judges the records of files of one layout.

    `quick` and `slow` join the texts of the format and the rules in one statement each. A view between them would be
    planned twice, which doubles the time of a small batch.
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
    variables = form.variables | list_rule_variables(layout.contract, utc) | list_look_variables(layout)
    for name, value in variables.items():
        connection.execute(f"set variable {name} = $1", [value])
    connection.execute(compose_macros(layout.contract))
    connection.execute(texts.SQL["macros"])
    if form.macros:
        connection.execute(form.macros)
    quick = SQL["verdicts"].format(texts=form.plain, rules=RULES["quick"]) if form.plain else None
    slow = SQL["verdicts"].format(texts=form.texts, rules=RULES["slow"])
    return KernelSession(layout, connection, quick, slow, form.plain_line, form.suspect_line, form.records)


def judge_batch(session: KernelSession, batch: pa.RecordBatch, forgotten: Forgotten | None = None) -> Verdicts:
    """Judge every record by `quick`, and those about which it cannot decide by `slow`.

    Rejected rows of users who are forgotten have no text. Accepted rows of theirs are still accepted here.
    """
    accepted, skipped, left = _judge_plain(session, pa.Table.from_batches([batch]))
    parts, rejected, hidden = [accepted], [REJECTED_SCHEMA.empty_table()], [REJECTED_SCHEMA.empty_table()]
    kinds: dict[int, shapes.Kinds] = {}
    odd: list[Oddity] = []
    for at in range(0, left.num_rows, SLOW_ROWS):
        slow = _run_statement(session, session.slow, left.slice(at, SLOW_ROWS))
        is_rejected = pc.is_valid(slow["line"])
        right = slow.filter(pc.and_not(pc.invert(is_rejected), slow["is_skipped"]))
        parts.append(_convert_types(session.layout, right))
        skipped.append(slow.filter(slow["is_skipped"])["position"])
        odd += oddities.count_padded_ids(session.connection, right)
        refused = _place_on_lines(session.layout, batch, slow.filter(is_rejected))
        if forgotten and refused.num_rows:
            refused, theirs = split_off_forgotten(refused, session.layout, forgotten, REJECTED_SCHEMA)
            hidden.append(theirs)
            count_hidden(theirs, kinds)
        session.connection.register("rejected", refused)
        rejected.append(session.connection.sql(SQL["rejected"]).to_arrow_table().cast(REJECTED_SCHEMA))
        session.connection.unregister("rejected")
        _count_kinds(session.connection, refused, kinds)
    accepted = _append_lines(batch, _sort_by_line(pa.concat_tables(parts)))
    odd += oddities.count_null_words(session.connection, accepted)
    readable = _make_readable(pa.concat_tables(rejected), session.layout)
    if len(hidden) > 1:
        readable = pa.concat_tables([readable, *hidden]).sort_by("position")
    return Verdicts(
        accepted,
        readable,
        kinds,
        tuple(odd),
        _count_by_file(skipped),
    )


def _place_on_lines(layout: Layout, batch: pa.RecordBatch, refused: pa.Table) -> pa.Table:
    """Give rejected rows the line where they begin, `item` and `around`, and their size in the stored encoding.

    Where several rows may begin on one line, the kernel's `position` counts rows, and the batch has the columns
    `row_line` and `item`. Where records are stored in another encoding than UTF-8, it has `stored_bytes`.
    """
    if "stored_bytes" in batch.schema.names:
        name = "size_bytes" if "size_bytes" in refused.schema.names else "raw_size_bytes"
        column = refused.schema.get_field_index(name)
        refused = refused.set_column(column, name, batch["stored_bytes"].take(_find_rows(batch, refused)))
    if "row_line" not in batch.schema.names:
        refused = refused.append_column("item", pa.repeat(pa.scalar(0, pa.int64()), refused.num_rows))
        return refused.append_column("around", pa.nulls(refused.num_rows, pa.string()))
    at = _find_rows(batch, refused)
    around = write_around(batch.take(at), layout.definition)
    lines = replace_lines(refused["position"].to_numpy(), batch["row_line"].take(at).to_numpy())
    refused = refused.set_column(0, "position", lines).append_column("item", batch["item"].take(at))
    return refused.append_column("around", around)


def _append_lines(batch: pa.RecordBatch, accepted: pa.Table) -> pa.Table:
    """Append the places where accepted rows begin as `row_line` and `item`, if the batch has them."""
    if "row_line" not in batch.schema.names:
        return accepted
    at = _find_rows(batch, accepted)
    return accepted.append_column("row_line", batch["row_line"].take(at)).append_column("item", batch["item"].take(at))


def _find_rows(batch: pa.RecordBatch, rows: pa.Table) -> pa.Array:
    """Find the indexes of judged rows in their batch, whose records are in the order of `position`."""
    return pa.array(np.searchsorted(batch["position"].to_numpy(), rows["position"].to_numpy()))


def _count_by_file(skipped: list[pa.ChunkedArray]) -> dict[int, int]:
    """Count skipped rows by the number of their file."""
    numbers = np.concatenate([np.asarray(each) for each in skipped]) if skipped else np.empty(0, np.int64)
    files, counts = np.unique(read_file_numbers(numbers), return_counts=True)
    return dict(zip(files.tolist(), counts.tolist(), strict=True))


def _count_kinds(session: duckdb.DuckDBPyConnection, refused: pa.Table, kinds: dict[int, shapes.Kinds]) -> None:
    """Count rejected rows by kind of problem and shape. Effects: adds them to `kinds`."""
    for at in range(0, refused.num_rows, GROUPED_ROWS):
        session.register("rejected", refused.slice(at, GROUPED_ROWS))
        values = [LINE_BITS, shapes.SHAPES_MAX]
        shapes.add_counted(kinds, session.execute(HINTS["groups"], values).fetchall())
        session.unregister("rejected")


def _judge_plain(session: KernelSession, lines: pa.Table) -> tuple[pa.Table, list[pa.ChunkedArray], pa.Table]:
    """Judge by `quick`; give the rows it proves valid, the positions of those it skips, and the undecided records."""
    if session.quick is None:
        return _make_none_accepted(session.layout), [], lines
    if session.plain_line is not None:
        lines = lines.append_column("is_plain", _are_plain(session.plain_line, lines))
    elif session.suspect_line is not None:
        lines = lines.append_column("is_plain", _are_unsuspicious(session.suspect_line, lines))
    judged = _run_statement(session, session.quick, lines)
    is_proved = judged["is_proved"].combine_chunks().fill_null(False)
    if is_proved.true_count == len(is_proved):
        return _convert_types(session.layout, judged), [], lines.slice(0, 0)
    is_skipped = judged["is_skipped"].combine_chunks().fill_null(False)
    is_left = pc.invert(pc.or_(is_proved, is_skipped))
    return (
        _convert_types(session.layout, judged.filter(is_proved)),
        [judged.filter(is_skipped)["position"]],
        lines.filter(is_left),
    )


def _convert_types(layout: Layout, rows: pa.Table) -> pa.Table:
    return rows.select(ACCEPTED).cast(make_accepted_schema(layout))


def _make_none_accepted(layout: Layout) -> pa.Table:
    return make_accepted_schema(layout).empty_table()


def make_accepted_schema(layout: Layout) -> pa.Schema:
    """Give the columns of accepted rows, by the types of their ids."""
    ids = [(column, ARROW_TYPES[kind]) for column, kind in zip(ID_COLUMNS, layout.contract.id_types, strict=True)]
    return pa.schema([("position", pa.int64()), *ids, ("action", pa.string()), ("timestamp", INSTANT)])


def _sort_by_line(rows: pa.Table) -> pa.Table:
    rows = rows.combine_chunks()
    numbers = rows["position"].to_numpy()
    return rows.take(pa.array(np.argsort(numbers, kind="stable"))) if (np.diff(numbers) < 0).any() else rows


def _are_plain(plain_line: str, lines: pa.Table) -> pa.ChunkedArray:
    """Say which lines a pattern matches completely; Arrow does this in half the time of DuckDB."""
    matches = pc.match_substring_regex(lines["line"], rf"\A(?:{plain_line})\z")
    return matches if lines["raw_bytes"].null_count == len(lines) else pc.and_(matches, pc.is_null(lines["raw_bytes"]))


def _are_unsuspicious(suspect_line: str, lines: pa.Table) -> pa.ChunkedArray:
    """Say which lines do not contain a pattern."""
    return pc.and_(pc.invert(pc.match_substring_regex(lines["line"], suspect_line)), pc.is_null(lines["raw_bytes"]))


def _run_statement(session: KernelSession, statement: str, lines: pa.Table) -> pa.Table:
    session.connection.register("lines", lines)
    table: pa.Table = session.connection.sql(statement).to_arrow_table()
    session.connection.unregister("lines")
    return table


def _make_readable(rejected: pa.Table, layout: Layout) -> pa.Table:
    """Escape bytes that are no text, and cut each record to 64 KiB in the encoding in which it is stored."""
    if layout.kind == "parquet":  # a row of a Parquet file has no bytes of its own
        marked = pc.replace_substring(rejected["raw_line"], BAD_BYTES, "\ufffd")
        lines = pc.if_else(pc.is_valid(rejected["raw_bytes"]), marked, rejected["raw_line"])
        rejected = rejected.set_column(rejected.schema.get_field_index("raw_line"), "raw_line", lines)
        marks = pa.nulls(rejected.num_rows, pa.binary())
        rejected = rejected.set_column(rejected.schema.get_field_index("raw_bytes"), "raw_bytes", marks)
    if layout.encoding != UTF_8:
        return restore_bytes(rejected, layout.encoding)
    if rejected.num_rows == rejected["raw_bytes"].null_count and _find_longest(rejected["raw_line"]) <= RAW_BYTES_MAX:
        return rejected
    lines = [
        escape_record(line, raw)
        for line, raw in zip(rejected["raw_line"].to_pylist(), rejected["raw_bytes"].to_pylist(), strict=True)
    ]
    return rejected.set_column(1, "raw_line", pa.array(lines, pa.string()))


def escape_record(line: str, raw: bytes | None) -> str:
    r"""Give a record's readable text, at most 64 KiB; bytes that are no text as `\xff`.

    Example:
        >>> escape_record("a\ufffd", b"a\xff")
        'a\\xff'
    """
    text = line if raw is None else raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return text.encode()[:RAW_BYTES_MAX].decode("utf-8", "ignore")


def _find_longest(column: pa.ChunkedArray) -> int:
    longest = pc.max(pc.binary_length(column)).as_py()
    return int(longest or 0)


def make_conflicts(
    batches: Iterator[pa.RecordBatch], layout: Layout, latest: datetime | None
) -> Iterator[tuple[pa.Table, list[str]]]:
    """Turn valid records that the merge found to be conflicts into rejected rows; give them with their ids."""
    session = open_kernel_session(layout, latest)
    for batch in batches:
        accepted = judge_batch(session, batch).accepted
        records = pa.Table.from_batches([batch])
        if session.records is not None:
            records = _run_statement(session, session.records, records)
        session.connection.register("judged", accepted)
        session.connection.register("lines", records)
        table = session.connection.sql(SQL["conflicts"]).to_arrow_table()
        session.connection.unregister("lines")
        session.connection.unregister("judged")
        ids = table["interaction_id"].to_pylist()
        refused = _place_on_lines(layout, batch, table.drop(["interaction_id"])).cast(REJECTED_SCHEMA)
        yield _make_readable(refused, layout), ids
    session.close()
