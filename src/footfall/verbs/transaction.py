"""Load source files in one transaction.

Step by step: open the files and take their digests -> ask the ledger -> read records -> judge them (engine, contract)
-> take the turn (the writer lock) -> stage, or send straight to the table -> merge, quarantine, ledger, commit
(`completing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from footfall.contract.bound import MaxRejected
from footfall.contract.notices import describe_other_contract
from footfall.contract.terms import Contract
from footfall.engines.in_process import Engine
from footfall.errors import SourceError
from footfall.formats.choosing import name_contract
from footfall.formats.reading import Reader, Reading
from footfall.postgres.transactions import begin
from footfall.results import LoadResult
from footfall.sources import opening
from footfall.tables import ledger
from footfall.tables import staging as staged
from footfall.verbs.attempts import Attempt
from footfall.verbs.completing import Ending, StagedFile, commit, complete
from footfall.verbs.conflicts import find_conflicts
from footfall.verbs.mending import MendedReader
from footfall.verbs.sending import judge
from footfall.verbs.session import LoadSession
from footfall.verbs.turn import LoadedMeanwhileError, OthersForgottenError, Turn


def load_files(
    session: LoadSession,
    reader: Reader,
    engine: Engine,
    max_rejected: MaxRejected | None,
    attempts: Sequence[Attempt],
) -> list[LoadResult]:
    """Load source files in one transaction, from begin to commit; the session is connected.

    Gives the results of the files that it loaded. Of several files these may be only the first few, or none where
    another load has loaded one of them in the meantime.
    Effects: notes in `attempts` what is known of each file so far, which the caller needs if this raises.
    Raises: FootfallError, or an error of the driver; the caller then rolls the transaction back.
    """
    connection = session.connection
    with ExitStack() as opened:
        begin(connection, session.target)
        files = _open(attempts, opened)
        while True:
            try:
                return _load_opened(session, reader, engine, max_rejected, list(zip(attempts, files, strict=False)))
            except OthersForgottenError:  # users were forgotten while the files were judged, so they are judged anew
                connection.rollback()
                begin(connection, session.target)


def _load_opened(
    session: LoadSession,
    reader: Reader,
    engine: Engine,
    max_rejected: MaxRejected | None,
    opened: Sequence[tuple[Attempt, opening.SourceFile]],
) -> list[LoadResult]:
    """Load files that are open, and commit. Raises: OthersForgottenError where users were forgotten meanwhile."""
    connection = session.connection
    files = [file for _, file in opened]
    first = session.find_staying(ledger.find_loaded(connection, (file.digest for file in files)))
    engine.forgotten = session.read_memory().forgotten
    readings = _read(reader, files, first)
    taken = [(*each, reading) for each, reading in zip(opened, readings, strict=False)]
    for attempt, file, reading in taken:
        if reading is None:
            attempt.result = _report_already_loaded(reader.contracts.choose(file.path), file, first[file.digest])
    new = [(attempt, reading) for attempt, _, reading in taken if reading]
    if new and (later := _load_new(session, reader, engine, max_rejected, new)):
        connection.rollback()
        if len(opened) > 1:
            return []
        return [_report_already_loaded(reader.contracts.choose(files[0].path), files[0], later[files[0].digest])]
    commit(connection, [(attempt, file) for attempt, file, _ in taken])
    return [attempt.result for attempt, _, _ in taken if attempt.result]


def _open(attempts: Sequence[Attempt], opened: ExitStack) -> list[opening.SourceFile]:
    """Open files and take their digests; stop before a file that cannot be read or equals an earlier one.

    Raises: SourceError where the first file cannot be read.
    """
    files: list[opening.SourceFile] = []
    for attempt in attempts:
        try:
            file = opened.enter_context(opening.open_source(attempt.source))
        except SourceError:
            if files:
                break
            raise
        attempt.digest, attempt.size_bytes = file.digest, file.size_bytes
        if any(file.digest == other.digest for other in files):
            break
        files.append(file)
    return files


def _read(
    reader: Reader, files: Sequence[opening.SourceFile], first: Mapping[str, ledger.FirstLoad]
) -> list[Reading | None]:
    """Find the layouts of files; stop before a file without a layout or with another one than the files before it.

    Gives None for a file that is loaded already. Raises: SourceError where the first file has no layout.
    """
    readings: list[Reading | None] = []
    layout = None
    for file in files:
        if file.digest in first:
            readings.append(None)
            continue
        try:
            reading = reader.read(file) if len(files) == 1 else reader.read_later(file)
        except SourceError:
            if readings:
                break
            raise
        if layout is None:
            layout = reading.layout
        if reading.layout != layout:
            break
        readings.append(reading)
    return readings


def _load_new(
    session: LoadSession,
    reader: Reader,
    engine: Engine,
    max_rejected: MaxRejected | None,
    new: Sequence[tuple[Attempt, Reading]],
) -> Mapping[str, ledger.FirstLoad]:
    """Judge, stage and merge files that are new, and record them.

    Gives the loads that have loaded one of these files in the meantime. If there are any, the caller rolls the
    transaction back.
    """
    connection = session.connection
    readings = [reading for _, reading in new]
    load_ids = ledger.take_load_ids(connection, len(new))
    staging = staged.open_staging(session.target, session.server, load_ids, session.id_types)
    turn = Turn(session, [reading.file.digest for reading in readings])
    try:
        all_sums = judge(engine, readings, staged.Sender(staging, connection), turn)
    except LoadedMeanwhileError as meanwhile:
        return meanwhile.loads
    staged_files = [
        StagedFile(attempt, reading.file, reading.layout, sums)
        for (attempt, reading), sums in zip(new, all_sums, strict=True)
    ]
    ending = Ending(
        lambda number, lines: find_conflicts(engine, reader, readings[number].file, lines),
        max_rejected,
        reader if isinstance(reader, MendedReader) else None,
        turn.taken_back,
    )
    complete(connection, staging, staged_files, ending)
    return {}


def _report_already_loaded(contract: Contract, file: opening.SourceFile, first: ledger.FirstLoad) -> LoadResult:
    notices = describe_other_contract(first.load_id, first.contract, name_contract(contract, file.source))
    return LoadResult.already_loaded(first.load_id, file.source, file.digest, first.loaded_at, notices)
