"""Count accepted rows that are written oddly: ids with leading zeros, and words for a missing value as actions."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from footfall.contract.notices import NULL_WORDS
from footfall.contract.verdicts import Oddity
from footfall.formats.positions import LINE_BITS
from footfall.statements import read_statements

SQL = read_statements(__name__)

WORDS = pa.array(sorted(NULL_WORDS), pa.string())


def count_padded_ids(session: duckdb.DuckDBPyConnection, rows: pa.Table) -> list[Oddity]:
    """Count accepted rows of the statement `slow` by the columns in which the id has a leading zero or a plus sign."""
    if not pc.sum(pc.list_value_length(rows["padded_ids"])).as_py():
        return []
    return [(number, "padded_ids", name, count) for number, name, count in _ask(session, "padded_ids", rows)]


def count_null_words(session: duckdb.DuckDBPyConnection, accepted: pa.Table) -> list[Oddity]:
    """Count accepted rows whose action is a word for a missing value, by that word."""
    is_word = pc.is_in(accepted["action"], WORDS)
    if not pc.any(is_word).as_py():
        return []
    found = _ask(session, "null_words", accepted.select(["position", "action"]).filter(is_word))
    return [(number, "null_words", word, count) for number, word, count in found]


def _ask(session: duckdb.DuckDBPyConnection, statement: str, rows: pa.Table) -> list[tuple[int, str, int]]:
    session.register("odd", rows)
    found = session.execute(SQL[statement], [LINE_BITS]).fetchall()
    session.unregister("odd")
    return [(number, name, count) for number, name, count in found]
