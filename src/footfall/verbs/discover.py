"""The verb `discover`: list the source files, and the load that brought each of them."""

from __future__ import annotations

import logging

from footfall.errors import SourceError
from footfall.postgres.connection import hold_session
from footfall.postgres.transactions import begin
from footfall.results import Delivery, Discovery
from footfall.settings import Settings
from footfall.sources import finding, opening
from footfall.sources.ignored import describe_ignored
from footfall.tables import known_files, ledger
from footfall.tables.schema import list_migrations, read_schema_version
from footfall.verbs.session import open_target

log = logging.getLogger("footfall")


def discover(names: list[str], settings: Settings) -> Discovery:
    """Find source files in loading order, and the load that brought each, by its digest.

    A load of the same names takes the same files and leaves out the same names.

    Effects: reads every file once to take its digest, except for loaded files that did not change since. Without tables
    no file counts as loaded. A file that cannot be read has no digest and no load; loading it gives the error.

    Raises: SourceError where nothing is found.
    """
    there = finding.find_sources(names, settings.matches)
    if there.ignored:
        log.warning(describe_ignored(there.ignored))
    names = list(there.paths)
    with open_target(settings) as where, hold_session(where, is_reader=True) as connection:
        begin(connection, where)
        version = read_schema_version(connection, where)
        known = {} if settings.rehash or version < len(list_migrations()) else known_files.find(connection, names)
        connection.rollback()
        found: list[Delivery] = []
        for source in names:
            seen = known.get(source)
            if seen and seen.identity == opening.find_identity(source):
                found.append(Delivery(source, seen.digest, seen.identity.size_bytes, seen.load_id))
                continue
            begin(
                connection, where
            )  # an open transaction, so that idle_session_timeout does not end the session while a large file is read
            try:
                with opening.open_source(source) as file:
                    digest, size_bytes = file.digest, file.size_bytes
            except SourceError:
                connection.rollback()
                found.append(Delivery(source, None, 0, None))
                continue
            first = ledger.find_loaded(connection, [digest]) if version else {}
            connection.rollback()
            found.append(Delivery(source, digest, size_bytes, first[digest].load_id if digest in first else None))
    return Discovery(tuple(found), there.ignored)
