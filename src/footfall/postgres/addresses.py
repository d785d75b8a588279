"""Spell an address out, so that it means the same on another machine, where libpq's variables are not set."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import make_conninfo

from footfall.postgres.connection import parse_conninfo


def spell_out(conninfo: str) -> str:
    """Add the parts that libpq takes here from its variables, its service file and the name of the account.

    Shape: pairs of key=value, which hold the password if the address or PGPASSWORD does.
    A password in a .pgpass file is not read.
    Raises: SettingsError where libpq does not take the address.
    """
    here = {
        option.keyword.decode(): option.val.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.val is not None and option.keyword != b"service"
    }
    return make_conninfo(**{**here, **parse_conninfo(conninfo)})
