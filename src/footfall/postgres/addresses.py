"""Spell an address out, so that it means the same on another machine, where libpq's variables are not set."""

from __future__ import annotations

import os
from pathlib import Path

from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn

from footfall.errors import SettingsError
from footfall.postgres.connection import parse_conninfo

SERVICE = ("service", "servicefile")  # name a part of a file of this machine; its values are written out instead
USUAL_PASSFILE = "~/.pgpass"  # libpq looks here by itself, on the other machine too


def spell_out(conninfo: str) -> str:
    """Give every value that a connection from here would have: of the address, else its service, else the variables.

    libpq itself puts them together, since it alone knows which of them comes first. It begins a connection for that,
    which is closed before it is there, so that the server need not be up.
    Shape: pairs of key=value, which hold the password if the address, its service or PGPASSWORD does.
    A password in a .pgpass file is not read.
    Raises: SettingsError where libpq does not take the address, or does not know its service.
    """
    given = parse_conninfo(conninfo)
    begun = PGconn.connect_start(conninfo.encode())
    try:
        values = {
            option.keyword.decode(): option.val.decode()
            for option in begun.info
            if option.val is not None and option.keyword.decode() not in SERVICE
        }
    finally:
        begun.finish()
    if not values:  # libpq stopped before it had any: at the service
        raise SettingsError(
            f"the service {given.get('service') or os.environ.get('PGSERVICE')!r} of the database setting is in no "
            "service file that libpq reads; write it into that of PGSERVICEFILE (else ~/.pg_service.conf), or name the "
            "server itself in --database (FOOTFALL_DATABASE_URL)"
        )
    if values.get("passfile") == str(Path(USUAL_PASSFILE).expanduser()):
        del values["passfile"]
    return make_conninfo(**values)
