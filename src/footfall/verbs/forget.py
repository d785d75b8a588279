"""The verb `forget`: remove all rows of users, and remember them by a keyed hash so that no load brings them back.

Step by step: take the writer lock, and keep vacuum off -> remember the hashes -> remove the rows -> take them off the
counts -> blank their rows in the quarantine -> analyze the tables -> operations -> commit.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pyarrow as pa

from footfall.contract.forgotten import Forgotten, read_id
from footfall.contract.ids import IdType
from footfall.engines.in_process import Engine, open_engine
from footfall.engines.kernel import ARROW_TYPES
from footfall.errors import DatabaseUnavailableError, FootfallError, SettingsError, SourceError
from footfall.postgres.connection import open_session
from footfall.postgres.faults import translate_driver_errors
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import begin, begin_without_vacuum, roll_back, take_writer_lock
from footfall.results.forgetting import Receipt, ReceiptOfLoad
from footfall.safe_text import mask_source
from footfall.settings import Settings
from footfall.tables import counts, forgetting, operations, removal, runs, user_removal
from footfall.tables.ids import WORDS, assert_types
from footfall.tables.schema import assert_current, assert_ready
from footfall.verbs.attempts import confirm_operation
from footfall.verbs.blanking import Blanker
from footfall.verbs.runs.sweeping import sweep_runs
from footfall.verbs.session import LoadSession, find_version, make_contracts, open_target, read_id_types

log = logging.getLogger("footfall")

VERB = "forget"  # the word in the table `operations`


def forget(
    users: Sequence[int | str | UUID],
    settings: Settings,
    *,
    from_file: str | Path | None = None,
    dry_run: bool = False,
) -> Receipt:
    """Forget users: their rows leave tables, counts and quarantine, and no load brings them back.

    Effects: one transaction under the writer lock, with one reading of all rows; it is rolled back with `dry_run`.
    Raises: SettingsError where a text is no id of a user; SourceError where the file cannot be read.
    """
    began = time.monotonic()
    texts = [str(user) for user in users]
    named = [] if from_file is None else _read_lines(from_file)
    if not texts and not named:
        raise SettingsError("name the users who shall be forgotten, or a file of them with --from-file")
    with open_target(settings) as where:
        connection, server = open_session(where)
        attempt = None
        try:
            with translate_driver_errors(connection):
                assert_ready(find_version(connection, where), where)
                id_types = read_id_types(connection, where, settings)
                ids = _read_ids(texts, named, id_types.user_id)
                if not dry_run:
                    _look_at_runs(connection, where)
                session = LoadSession(where, connection, server, id_types)
                with open_engine(None, settings.memory_limit_mb) as engine:
                    attempt = _Attempt(settings, session, engine)
                    receipt = attempt.run(ids, dry_run=dry_run)
        except FootfallError as error:
            if not (attempt and attempt.is_committing and isinstance(error, DatabaseUnavailableError)):
                roll_back(connection)
                raise
            receipt = attempt.find_outcome(error)
        except BaseException:
            roll_back(connection)
            raise
        finally:
            connection.close()
    return replace(receipt, seconds=round(time.monotonic() - began, 3))


def _look_at_runs(connection: Connection, where: Target) -> None:
    """Sweep the runs that are over, and warn if other runs have staged rows, which this command does not search.

    Staged rows of forgotten users are removed when their run is taken, and vanish with the run when it is swept.
    """
    sweep_runs(connection, where)
    begin(connection, where)
    alive = runs.find_alive(connection, where.schema)
    connection.rollback()
    if alive:
        log.warning(
            f"runs at work, or kept for their stagers: {len(alive)}; their staging tables may hold rows of these users "
            "until they are taken or swept"
        )


def _read_lines(from_file: str | Path) -> list[tuple[int, str]]:
    """Read a file of ids, one on each line; give each with the number of its line."""
    name = str(from_file)
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        lines = content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror or error})", source=mask_source(name)) from error
    except UnicodeDecodeError:
        raise SourceError("is not UTF-8; write one id on each line", source=mask_source(name)) from None
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _read_ids(texts: Iterable[str], named: Iterable[tuple[int, str]], id_type: IdType) -> list[str]:
    """Give each id once, in the one text that stands for it.

    Raises: SettingsError; for an id of a file it names the line and not the id, so that no log holds the id.
    """
    ids: dict[str, None] = {}
    for text in texts:
        if (user := read_id(text, id_type)) is None:
            raise SettingsError(f"{mask_source(text)!r} is no id of a user: user_id is {WORDS[id_type]}")
        ids[user] = None
    for number, text in named:
        if (user := read_id(text, id_type)) is None:
            raise SettingsError(f"--from-file: line {number} is no id of a user: user_id is {WORDS[id_type]}")
        ids[user] = None
    return list(ids)


def _make_table(ids: Sequence[str], id_type: IdType) -> pa.Table:
    values: list[int] | list[bytes] | list[str] = list(ids)
    if id_type == "bigint":
        values = [int(each) for each in ids]
    elif id_type == "uuid":
        values = [UUID(each).bytes for each in ids]
    return pa.table({"user_id": pa.array(values, ARROW_TYPES[id_type])})


@dataclass(slots=True)
class _Attempt:
    """One try, and everything that is needed to ask afterwards whether it was committed."""

    settings: Settings
    session: LoadSession
    engine: Engine
    receipt: Receipt | None = None
    is_committing: bool = False

    def run(self, ids: Sequence[str], *, dry_run: bool) -> Receipt:
        """Forget users in one transaction, from begin to commit."""
        session, started_at = self.session, datetime.now(UTC)
        connection, id_types = session.connection, session.id_types
        if dry_run:
            begin(connection, session.target)
            take_writer_lock(connection, session.target)
        else:
            tables = user_removal.list_tables()
            begin_without_vacuum(connection, session.target, user_removal.lock_tables, tables)
        assert_types(connection, id_types)
        assert_current(connection, session.target)
        forgotten = Forgotten(forgetting.read_key(connection), frozenset(), id_types.user_id)
        forgotten = replace(forgotten, hashes=frozenset(map(forgotten.hash, ids)))
        users_new = forgetting.add_users(connection, forgotten.hashes)
        scratch = removal.open_scratch(session.target, session.server)
        users = user_removal.send_users(connection, scratch, id_types, _make_table(ids, id_types.user_id))
        by_load = user_removal.remove_rows(connection, users, removal.create_removed(connection, scratch, id_types))
        if by_load:
            removal.take_away(connection, scratch, id_types)
        else:
            scratch.drop(connection, "removed")
        scratch.drop(connection, "forgotten")
        self.engine.forgotten = forgotten
        blanked = Blanker(session, self.engine, make_contracts(self.settings, id_types)).blank_all()
        receipt = Receipt(
            None,
            datetime.now(UTC),
            len(ids),
            len(ids) - users_new,
            sum(by_load.values()),
            sum(blanked.values()),
            tuple(
                ReceiptOfLoad(load_id, by_load.get(load_id, 0), blanked.get(load_id, 0))
                for load_id in sorted(by_load | blanked)
            ),
            tuple(kept.table for kept in counts.list_kept_counts(id_types)) if by_load else (),
            is_dry_run=dry_run,
        )
        if dry_run:
            connection.rollback()
            return receipt
        if by_load or blanked:
            user_removal.analyze_tables(connection)
        operation_id = operations.record(connection, VERB, started_at, _describe(receipt))
        self.receipt, self.is_committing = replace(receipt, operation_id=operation_id), True
        connection.commit()
        return self.receipt

    def find_outcome(self, error: FootfallError) -> Receipt:
        """Give the receipt if the transaction was committed although the answer to its COMMIT was lost.

        Raises: as `confirm_operation`.
        """
        self.session.connection.close()
        outcomes = "the users are forgotten, or nothing was changed; run the same command again"
        confirm_operation(self.session.target, self.receipt.operation_id if self.receipt else None, error, outcomes)
        if self.receipt is None:
            raise error
        return self.receipt


def _describe(receipt: Receipt) -> dict[str, object]:
    """Give the part of a receipt that the table `operations` keeps."""
    names = ("users", "users_known", "rows_forgotten", "rows_blanked")
    return {name: getattr(receipt, name) for name in names} | {"loads": [asdict(load) for load in receipt.loads]}
