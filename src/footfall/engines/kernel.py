"""The default engine: the kernel in process, one DuckDB session a core, batch by batch, in file order.

Memory: batches in flight are bounded, so nothing grows with the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.contract import value_shapes as shapes
from footfall.contract.hints import look_variables
from footfall.contract.limits import RAW_BYTES_MAX
from footfall.contract.mapping import Header
from footfall.contract.patterns import rule_variables
from footfall.contract.terms import Contract
from footfall.contract.verdicts import Oddity, Verdicts
from footfall.engines import oddities
from footfall.formats.fields import field_variables
from footfall.formats.positions import PLACE_BITS
from footfall.statements import statements

SQL = statements(__name__)

HINTS = statements("footfall.contract.hints")

RULES = statements("footfall.contract.rules")

DELIMITED = statements("footfall.formats.delimited")

# One statement each: a view between the two would be planned twice, which doubles what a small batch costs.
QUICK = SQL["verdicts"].format(texts=DELIMITED["plain_texts"], rules=RULES["quick"])
SLOW = SQL["verdicts"].format(texts=DELIMITED["texts"], rules=RULES["slow"])

ACCEPTED = ("line_number", "interaction_id", "user_id", "product_id", "action", "timestamp")
REJECTED_SCHEMA = pa.schema(
    [
        ("line_number", pa.int64()),
        ("raw_line", pa.string()),
        ("raw_bytes", pa.binary()),
        ("raw_size_bytes", pa.int64()),
        ("problems", pa.string()),
    ]
)
SLOW_ROWS = 50_000  # lines judged by slow at a time: their lists of problems take several times their text
GROUPED_ROWS = 10_000  # rejected rows grouped at a time: each may have five values, and each value a shape of its own
INSTANT = pa.timestamp("us", tz="UTC")
SESSION_MEMORY_MB = 64  # the least a session gets: a batch of 2 MB takes about 20 MB in the kernel


def open_kernel_session(
    contract: Contract, header: Header, latest: datetime | None, memory_mb: int = SESSION_MEMORY_MB
) -> duckdb.DuckDBPyConnection:
    session = duckdb.connect(":memory:")
    settings: dict[str, Any] = {
        "threads": 1,
        "TimeZone": "UTC",
        "temp_directory": "",
        "memory_limit": f"{memory_mb}MB",
        "python_enable_replacements": False,
    }
    for name, value in settings.items():
        session.execute(f"set {name} = $1", [value])
    utc = latest.astimezone(UTC).replace(tzinfo=None) if latest else None
    for name, value in (kernel_variables(contract, header, utc) | look_variables(contract)).items():
        session.execute(f"set variable {name} = $1", [value])
    session.execute(RULES["macros"])
    return session


def kernel_variables(contract: Contract, header: Header, latest: datetime | None) -> dict[str, Any]:
    """Give the variables of the format and of the rules, by name. Units: `latest` is naive, in UTC."""
    return field_variables(contract.delimiter, header) | rule_variables(contract, latest)


def judge_batch(session: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> Verdicts:
    """Run quick on every line, and slow on those that it leaves."""
    accepted, left = _quick(session, pa.Table.from_batches([batch]))
    parts, rejected = [accepted], [REJECTED_SCHEMA.empty_table()]
    kinds: dict[int, shapes.Kinds] = {}
    odd: list[Oddity] = []
    for at in range(0, left.num_rows, SLOW_ROWS):
        slow = _ask(session, SLOW, left.slice(at, SLOW_ROWS))
        is_rejected = pc.is_valid(slow["line"])
        right = slow.filter(pc.invert(is_rejected))
        parts.append(_with_instants(right))
        odd += oddities.count_padded_ids(session, right)
        refused = slow.filter(is_rejected)
        session.register("rejected", refused)
        rejected.append(session.sql(SQL["rejected"]).to_arrow_table().cast(REJECTED_SCHEMA))
        session.unregister("rejected")
        _group(session, refused, kinds)
    accepted = _in_line_order(pa.concat_tables(parts))
    odd += oddities.count_null_words(session, accepted)
    return Verdicts(accepted, _readable(pa.concat_tables(rejected)), kinds, tuple(odd))


def _group(session: duckdb.DuckDBPyConnection, refused: pa.Table, kinds: dict[int, shapes.Kinds]) -> None:
    """Count rejected rows by kind of problem and shape. Effects: adds them to `kinds`."""
    for at in range(0, refused.num_rows, GROUPED_ROWS):
        session.register("rejected", refused.slice(at, GROUPED_ROWS))
        values = [PLACE_BITS, shapes.SHAPES_MAX]
        shapes.add_counted(kinds, session.execute(HINTS["groups"], values).fetchall())
        session.unregister("rejected")


def _quick(session: duckdb.DuckDBPyConnection, lines: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Give the rows that quick proves valid, and the lines that it leaves."""
    judged = _ask(session, QUICK, lines.append_column("is_plain", _are_plain(session, lines)))
    is_proved = judged["is_proved"].combine_chunks().fill_null(False)
    if is_proved.true_count == len(is_proved):
        return _with_instants(judged), lines.slice(0, 0)
    return _with_instants(judged.filter(is_proved)), lines.filter(pc.invert(is_proved))


def _with_instants(rows: pa.Table) -> pa.Table:
    accepted = rows.select(ACCEPTED)
    return accepted.set_column(5, "timestamp", accepted["timestamp"].cast(INSTANT))


def _in_line_order(rows: pa.Table) -> pa.Table:
    rows = rows.combine_chunks()
    numbers = rows["line_number"].to_numpy()
    return rows.take(pa.array(np.argsort(numbers, kind="stable"))) if (np.diff(numbers) < 0).any() else rows


def _are_plain(session: duckdb.DuckDBPyConnection, lines: pa.Table) -> pa.ChunkedArray:
    """Say which lines the kernel's pattern matches whole: Arrow's RE2 takes half the time of DuckDB's."""
    ((pattern,),) = session.execute(SQL["plain_line"]).fetchall()
    matches = pc.match_substring_regex(lines["line"], rf"\A(?:{pattern})\z")
    return matches if lines["raw_bytes"].null_count == len(lines) else pc.and_(matches, pc.is_null(lines["raw_bytes"]))


def _ask(session: duckdb.DuckDBPyConnection, statement: str, lines: pa.Table) -> pa.Table:
    session.register("lines", lines)
    table: pa.Table = session.sql(statement).to_arrow_table()
    session.unregister("lines")
    return table


def _readable(rejected: pa.Table) -> pa.Table:
    """Escape what is not text, and keep at most 64 KiB of each record."""
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
    batches: Iterator[pa.RecordBatch], contract: Contract, header: Header, latest: datetime | None
) -> Iterator[tuple[pa.Table, list[str]]]:
    """Give valid records that the merge found to be conflicts in the shape of rejected rows, with their ids."""
    session = open_kernel_session(contract, header, latest)
    for batch in batches:
        session.register("judged", judge_batch(session, batch).accepted)
        session.register("lines", pa.Table.from_batches([batch]))
        table = session.sql(SQL["conflicts"]).to_arrow_table()
        session.unregister("lines")
        session.unregister("judged")
        ids = [str(value) for value in table["interaction_id"].to_pylist()]
        yield _readable(table.drop(["interaction_id"])), ids
    session.close()
