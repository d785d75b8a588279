"""Find rows of forgotten users in the quarantine, and remove their text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from footfall.contract.definition import BLANKS
from footfall.contract.forgotten import list_fields
from footfall.contract.mapping import Layout
from footfall.engines.forgotten import PROBLEMS
from footfall.engines.in_process import Engine
from footfall.errors import SourceError, UnknownNameError
from footfall.formats.choosing import Contracts
from footfall.formats.quarantined import lay_out_again, read_again
from footfall.tables import replays, user_removal
from footfall.verbs.replaying import find_contract
from footfall.verbs.session import LoadSession

Place = tuple[int, int]  # line and item
DELIMITERS = (",", ";", "\t", "|", BLANKS, None)  # tried for a record whose delimiter is not known


@dataclass(frozen=True, slots=True)
class Blanker:
    """Reads rejected rows as replay does. The engine knows who is forgotten."""

    session: LoadSession
    engine: Engine
    contracts: Contracts

    def blank_all(self) -> dict[int, int]:
        """Blank the rows of forgotten users, open and closed; give their number by load.

        Effects: under the writer lock.
        """
        connection = self.session.connection
        blanked = {}
        for found in user_removal.find_loads(connection):
            places = self._find_places(found)
            if places:
                blanked[int(found.load_id)] = user_removal.blank_rows(
                    connection, found.load_id, sorted(places), PROBLEMS
                )
        return blanked

    def _find_places(self, found: Any) -> set[Place]:
        places: set[Place] = set()
        try:
            origin, contract = find_contract(found, self.contracts)
            layout = lay_out_again(origin, contract)
        except (SourceError, UnknownNameError):  # no row can be read, so every text is searched for ids
            for rows in replays.read_rows(self.session.connection, found.load_id, with_closed=True):
                places.update(_place(row) for row in rows if self._holds_forgotten(row, DELIMITERS))
            return places
        for verdicts in self.engine.judge(layout, self._read(found.load_id, layout, places)):
            theirs = verdicts.rejected.filter(pc.equal(verdicts.rejected["raw_size_bytes"], 0))
            places.update(zip(theirs["position"].to_pylist(), theirs["item"].to_pylist(), strict=True))
        return places

    def _read(self, load_id: int, layout: Layout, places: set[Place]) -> Iterator[pa.RecordBatch]:
        """Give the rows of a load as records. Rows that cannot be read are searched for ids, and noted in `places`."""
        judged = 0
        delimiter = layout.delimiter if layout.kind == "delimited" else None
        for rows in replays.read_rows(self.session.connection, load_id, with_closed=True):
            again = read_again(rows, layout, judged + 1)
            places.update(_place(row) for row, _ in again.impossible if self._holds_forgotten(row, (delimiter,)))
            judged += len(again.rows)
            if again.rows:
                yield again.batch

    def _holds_forgotten(self, row: Any, delimiters: tuple[str | None, ...]) -> bool:
        forgotten = self.engine.forgotten
        assert forgotten is not None  # noqa: S101  (the caller sets it)
        texts = [row.raw_line, row.raw_bytes.decode("utf-8", "replace") if row.raw_bytes else "", row.around or ""]
        return any(forgotten.is_among(list_fields(text, each)) for text in texts if text for each in delimiters)


def _place(row: Any) -> Place:
    return int(row.line_number), int(row.item)
