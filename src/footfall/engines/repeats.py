"""Ids that come again in the files of one check: the sequential truth without a database.

Content is compared by its 64-bit hash: two contents of one id that share it would be taken for a duplicate.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from footfall.engines.spill import spilling_session

ADD_SQL = """
insert into seen
select
    $1,
    line_number,
    interaction_id,
    hash(user_id, product_id, action, timestamp)
from rows
"""
FATES_SQL = """
with firsts as (
    select
        interaction_id,
        min((file_number, line_number)) as place,
        arg_min(content, (file_number, line_number)) as content
    from seen
    group by interaction_id
    having count(*) > 1
)
select
    s.file_number as file_number,
    count(*) filter (where s.content = f.content) as rows_duplicate,
    count(*) filter (where s.content <> f.content) as rows_conflict,
    min(s.line_number) filter (where s.content <> f.content) as line_number,
    arg_min(s.interaction_id, s.line_number) filter (where s.content <> f.content) as interaction_id
from seen as s
join firsts as f
    on f.interaction_id = s.interaction_id
where (s.file_number, s.line_number) <> f.place
group by s.file_number
order by s.file_number
"""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the ids of one file that had come before. The line and the id are those of its first conflict."""

    file_number: int
    rows_duplicate: int
    rows_conflict: int
    line_number: int | None
    interaction_id: int | None


SEEN_TABLE = "create table seen (file_number integer, line_number bigint, interaction_id bigint, content ubigint)"


@contextmanager
def remembering(memory_mb: int) -> Iterator[Repeats]:
    """Open a memory of ids that holds at most `memory_mb` in memory."""
    with spilling_session(memory_mb, SEEN_TABLE) as session:
        yield Repeats(session)


class Repeats:
    """The accepted rows of the files so far."""

    def __init__(self, session: duckdb.DuckDBPyConnection) -> None:
        self.session = session

    def add(self, file_number: int, rows: pa.Table) -> None:
        """Take note of the accepted rows of one file."""
        self.session.register("rows", rows)
        self.session.execute(ADD_SQL, [file_number]).fetchall()
        self.session.unregister("rows")

    def forget(self, file_number: int) -> None:
        """Forget a file that turned out to be unreadable."""
        self.session.execute("delete from seen where file_number = $1", [file_number]).fetchall()

    def fates(self) -> list[Fate]:
        """Say of each file how many of its rows had come before: with the same content, and with other content."""
        return [Fate(*row) for row in self.session.execute(FATES_SQL).fetchall()]
