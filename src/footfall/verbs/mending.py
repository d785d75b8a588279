"""Write rejected rows to a file to mend, and load the mended file so that it closes these rows.

The modules that read and write such files are imported inside the functions, since every load imports this module to
ask whether its reader is a MendedReader.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from footfall.contract.limits import RAW_BYTES_MAX
from footfall.contract.terms import Contract
from footfall.errors import SettingsError, SourceError, UnknownNameError
from footfall.formats.choosing import Contracts
from footfall.formats.reading import Reader, Reading
from footfall.postgres.faults import translate_driver_errors
from footfall.postgres.target import Connection
from footfall.postgres.transactions import begin
from footfall.results import LoadResult
from footfall.settings import Settings
from footfall.sources import opening
from footfall.tables import replays
from footfall.verbs.session import LoadSession, make_contracts, open_verb_session, read_id_types

if TYPE_CHECKING:
    import pyarrow as pa

    from footfall.formats.mending import Load

Place = tuple[int, int]  # line and item


@dataclass(frozen=True, slots=True)
class Written:
    """The rows of a file to mend. `left_out` rows are not in it: only their start is kept, or they were forgotten."""

    load_id: int
    rows: int
    left_out: int


def write_file(settings: Settings, path: Path, *, load_id: int | None, source: str | None, code: str | None) -> Written:
    """Write the open rejected rows of one load to a file, in their original form and with their header.

    Effects: makes the file, which only its owner may read. Nothing is written where no row is open.
    Raises: SettingsError where the rows are those of several loads, or the file is there already; SourceError.
    """
    from footfall.answers.replacing import open_replacement
    from footfall.formats.mending import Load, write_rows
    from footfall.verbs.replaying import find_contract

    if str(path) == "-":
        raise SettingsError("--as-file: a file is wanted, not stdout; `footfall load FILE --replays` reads it again")
    if path.exists():
        raise SettingsError(f"--as-file: {path} is there, and may hold what somebody mended; name another file")
    with open_verb_session(settings, is_reader=True) as (connection, target):
        id_types = read_id_types(connection, target, settings)
        begin(connection, target)
        found = _find_one(connection, load_id, source)
        rows = [row for page in replays.read_rows(connection, found.load_id, with_closed=False) for row in page]
        connection.rollback()
    wanted = [row for row in rows if code is None or any(each["code"] == code for each in row.problems)]
    kept = [row for row in wanted if _is_whole(row)]
    origin, contract = find_contract(found, make_contracts(settings, id_types))
    if kept:
        content = write_rows(Load(origin, contract, _has_items(rows)), kept)
        try:
            path.touch(mode=0o600, exist_ok=False)
            try:
                with open_replacement(path, "wb") as stream:
                    stream.writelines(content)
            except BaseException:
                path.unlink(missing_ok=True)  # else the next try would refuse the empty file that this one made
                raise
        except OSError as error:
            raise SettingsError(f"--as-file: {path} cannot be written ({error.strerror}); name another file") from error
    return Written(found.load_id, len(kept), len(wanted) - len(kept))


def _find_one(connection: Connection, load_id: int | None, source: str | None) -> Any:
    """Find the load whose rows are wanted. Raises: SettingsError, UnknownNameError."""
    if load_id is not None:
        return find_standing(connection, load_id)
    found = [each for each in replays.find_loads(connection, None) if source is None or each.source == source]
    if not found:
        raise SettingsError("--as-file: no rejected row is open; there is nothing to mend")
    if len(found) > 1:
        named = ", ".join(str(each.load_id) for each in found[:10])
        raise SettingsError(
            f"--as-file: rejected rows of {len(found):,} loads are open ({named}{', ...' if len(found) > 10 else ''}); "
            "a file holds those of one: choose it with --load"
        )
    return found[0]


def find_standing(connection: Connection, load_id: int) -> Any:
    """Find a load that stands. Raises: UnknownNameError, SettingsError."""
    found = replays.find_loads(connection, [load_id])
    if not found:
        raise UnknownNameError(f"there is no load {load_id}; `footfall loads` shows those there are")
    if found[0].status != "loaded":
        raise SettingsError(f"load {load_id} is {found[0].status}, so that it has no rejected rows")
    return found[0]


def _is_whole(row: Any) -> bool:
    return 0 < int(row.raw_size_bytes) <= RAW_BYTES_MAX


def _has_items(rows: Sequence[Any]) -> bool:
    return any(row.item for row in rows)


@dataclass(frozen=True, slots=True)
class OneContract(Contracts):
    """The contracts of a command that mends a load: every file has the contract of that load, whatever its name."""

    def choose(self, source: str) -> Contract:
        """Give the contract of the load."""
        return self.base


@dataclass(frozen=True, slots=True)
class Kept:
    """A rejected row of the load that a file mends."""

    place: Place
    text: str
    around: str | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class MendedReader(Reader):
    """Reads files of mended rows, and remembers for each row of a file which row of the load it mends."""

    load: Load = field(kw_only=True)
    kept: Sequence[Kept] = field(kw_only=True)
    pairs: dict[Place, Place | None] = field(kw_only=True, default_factory=dict)

    def read(self, file: opening.SourceFile) -> Reading:
        """Pair the rows of a file with those of the load, and open the file. Raises: SourceError."""
        from footfall.contract.pairing import TooManyPairsError, pair
        from footfall.formats.mending import open_mended

        of_file = self._read_texts(file)
        try:
            numbers = pair([text for _, text in of_file], *self._list_kept())
        except TooManyPairsError as error:
            raise SourceError(
                f"{error}: which of them were deleted cannot be told; leave the rows that you do not mend as they are",
                source=file.source,
            ) from error
        found = [None if number is None else self.kept[number] for number in numbers]
        self.pairs.clear()
        self.pairs.update(
            {place: each.place if each else None for (place, _), each in zip(of_file, found, strict=True)}
        )
        layout, batches = open_mended(
            file, self.load, self.memory_limit_mb, lambda at: each.around if (each := found[at]) else None
        )
        return Reading(file, layout, batches)

    def _list_kept(self) -> tuple[list[str], list[bool]]:
        return [each.text for each in self.kept], [each.is_open for each in self.kept]

    def _read_texts(self, file: opening.SourceFile) -> list[tuple[Place, str]]:
        """Read place and text of each row of a file."""
        read = read_lines_of(file, self.load, self.memory_limit_mb)
        return [found for batch in read for found in _list_places(batch)]

    def close_rows(self, connection: Connection, load_id: int) -> int:
        """Close the rows that the load of a file mended; give how many rows of the mended load are left open.

        A row that is rejected again stays open in the load that it came from. In the load of the file it is closed, so
        that it is open only once.
        Effects: under the writer lock, after the rejected rows of the file went to the quarantine.
        Raises: SettingsError where the mended load was taken back meanwhile.
        """
        origin = self.load.origin.load_id
        if not replays.stands(connection, origin):
            raise SettingsError(f"load {origin} was taken back meanwhile; there is nothing to mend")
        refused = replays.list_places(connection, load_id)
        closed = np.array([of for own, of in self.pairs.items() if of and own not in refused], np.int64).reshape(-1, 2)
        replays.close_rows(connection, origin, closed[:, 0], closed[:, 1], load_id)
        pairs = [(own, of) for own in refused if (of := self.pairs[own]) is not None]
        replays.stand_for(connection, load_id, origin, pairs)
        return replays.count_open(connection, origin)

    def report(self, result: LoadResult, rows_open: int) -> LoadResult:
        """Say in the result of a file which load it mends, and how many rows stay open there."""
        origin = self.load.origin.load_id
        notices = result.notices
        if rows_open:
            stay = "row stays" if rows_open == 1 else "rows stay"
            notices += (f"{rows_open:,} {stay} open in load {origin}; `footfall rejects --load {origin}` shows them",)
        if strange := sum(each is None for each in self.pairs.values()):
            notices += (f"{strange:,} of its rows are none of load {origin}, so that they close none",)
        return replace(result, replay_of=origin, notices=notices)


def read_lines_of(file: opening.SourceFile, load: Load, memory_limit_mb: int) -> Iterator[pa.RecordBatch]:
    """Give the records of a file of mended rows; the caller uses only their texts."""
    from footfall.formats.json_lines import read_lines
    from footfall.formats.mending import open_mended

    if load.form == "rows":
        return read_lines(lambda: opening.read_content(file), file.source, memory_limit_mb)
    return open_mended(file, load, memory_limit_mb, lambda _: None)[1]


def _list_places(batch: pa.RecordBatch) -> Iterator[tuple[Place, str]]:
    has_items = "row_line" in batch.schema.names
    lines = batch["row_line" if has_items else "position"].to_pylist()
    items = batch["item"].to_pylist() if has_items else [0] * len(lines)
    return zip(zip(lines, items, strict=True), batch["line"].to_pylist(), strict=True)


def open_mended_reader(connected: LoadSession, settings: Settings, contracts: Contracts, load_id: int) -> MendedReader:
    """Open the reader of files that mend one load. Raises: UnknownNameError, SettingsError, SourceError."""
    from footfall.formats.mending import Load
    from footfall.formats.quarantined import lay_out_again, read_texts
    from footfall.verbs.replaying import find_contract

    connection = connected.connection
    with translate_driver_errors(connection):
        begin(connection, connected.target)
        found = find_standing(connection, load_id)
        pages = replays.read_rows(connection, load_id, with_closed=True)
        rows = [row for page in pages for row in page if _is_whole(row)]
        connection.rollback()
    origin, contract = find_contract(found, contracts)
    texts = read_texts(rows, lay_out_again(origin, contract))
    kept = [
        Kept((row.line_number, row.item), text, row.around, row.replayed_by is None)
        for row, text in zip(rows, texts, strict=True)
    ]
    load = Load(origin, contract, _has_items(rows))
    return MendedReader(OneContract(contract), settings.memory_limit_mb, load=load, kept=kept)
