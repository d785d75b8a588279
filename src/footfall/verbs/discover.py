"""The verb `discover`: which files are there, and which load brought each."""

from __future__ import annotations

import logging

from footfall.errors import SourceError
from footfall.postgres.connection import opened
from footfall.postgres.transactions import begin
from footfall.results import Delivery, Discovery
from footfall.settings import Settings
from footfall.sources import finding, opening
from footfall.sources.ignored import describe_ignored
from footfall.tables import known_files, ledger
from footfall.tables.schema import migrations, schema_version
from footfall.verbs.session import target

log = logging.getLogger("footfall")


def discover(names: list[str], settings: Settings) -> Discovery:
    """Find source files, in loading order, and say of each which load brought it, by its digest.

    What it finds, and the names that it leaves out, are those of a load of the same names.

    Effects: reads every file once, for its digest, but for those that a load has seen and that did not change; in a
    database without tables nothing is loaded yet. A file that cannot be read has no digest and no load: loading it
    says why.

    Raises: SourceError where nothing is found.
    """
    there = finding.find_sources(names, settings.matches)
    if there.ignored:
        log.warning(describe_ignored(there.ignored))
    names = list(there.paths)
    with target(settings) as where, opened(where, is_reader=True) as connection:
        begin(connection, where)
        version = schema_version(connection, where)
        known = {} if settings.rehash or version < len(migrations()) else known_files.find(connection, names)
        connection.rollback()
        found: list[Delivery] = []
        for source in names:
            seen = known.get(source)
            if seen and seen.identity == opening.identity_of(source):
                found.append(Delivery(source, seen.digest, seen.identity.size_bytes, seen.load_id))
                continue
            begin(connection, where)  # before a large file is read: idle_session_timeout ends a session that has none
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
