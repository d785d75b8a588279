"""The ways to bring a file into PostgreSQL that a first load is timed with: psql's, and those of other tools."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from comparing import COLUMNS, COUNTS, RAW
from make_data import Made
from measure import Client
from psycopg.conninfo import conninfo_to_dict
from server import Server

HERE = Path(__file__).parent
PEER_PYTHON = HERE.parent / ".venv-bench" / "bin" / "python"

RAW_TABLE = """
create table user_interactions_raw (
    interaction_id bigint not null,
    user_id bigint not null,
    product_id bigint not null,
    action text not null,
    timestamp timestamptz not null,
    primary key ({key})
);
"""
TIME_INDEX = "create index on user_interactions_raw (timestamp);\n"
COUNTS_TABLE = """
create table interactions (
    user_id bigint not null,
    product_id bigint not null,
    interaction_count bigint not null,
    primary key (user_id, product_id)
);
"""
ID_KEY, SEED_KEY = "interaction_id", "interaction_id, user_id, product_id"
COPY = f"\\copy user_interactions_raw ({COLUMNS}) from pstdin (format csv, header)"
COUNT = """insert into interactions (user_id, product_id, interaction_count)
select user_id, product_id, count(*) from user_interactions_raw group by user_id, product_id"""
# as it comes: dropping indexes first, larger batches and more workers were all slower with 300,000 rows
PGLOADER = """
load csv
    from '{source}' having fields ({columns})
    into {url}
    target table user_interactions_raw ({columns})
    with skip header = 1, fields terminated by ',', fields optionally enclosed by '"'
    set timezone to 'UTC'
    after load do $$ {count} $$;
"""


@dataclass(frozen=True, slots=True)
class Place:
    """One load of a peer: the server, the file, the fresh database."""

    server: Server
    made: Made
    database: str


@dataclass(frozen=True, slots=True)
class Way:
    """A peer: what it does, what is there before the clock starts, which of its tables must equal the expert's.

    `missing` says why it cannot run here, else None. `is_slow` keeps it from files above a size that can be set.
    """

    name: str
    meaning: str
    before: str
    client: Callable[[Place], Client]
    compared: tuple[str, ...] = (RAW, COUNTS)
    missing: Callable[[], str | None] = field(default=lambda: None)
    version: Callable[[], str | None] = field(default=lambda: None)
    is_slow: bool = False
    is_quick_form: bool = True

    def load(self, place: Place) -> Client:
        """Make what is there before; give the client that is timed."""
        if self.before:
            with psycopg.connect(place.server.of(place.database)) as connection:
                connection.execute(self.before)
        return self.client(place)


def _psql(*parts: str) -> Callable[[Place], Client]:
    def client(place: Place) -> Client:
        words = (place.server.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", *(f"--command={part}" for part in parts))
        return Client((*words, "-d", place.server.of(place.database)), place.made.clean, {"PGTZ": "UTC"})

    return client


def _python(script: str) -> Callable[[Place], Client]:
    def client(place: Place) -> Client:
        words = (str(PEER_PYTHON), str(HERE / "peers" / script), str(place.made.clean), url(place))
        environment = {
            "PGTZ": "UTC",
            "DLT_DATA_DIR": str(place.server.scratch / place.database),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "ERROR",
        }
        return Client((*words, COUNT), environment=environment)

    return client


def _pgloader(place: Place) -> Client:
    script = place.server.scratch / f"{place.database}.load"
    words = {"source": place.made.clean, "columns": COLUMNS, "url": url(place, "pgloader"), "count": COUNT}
    script.write_text(PGLOADER.format(**words))
    return Client(("pgloader", "--quiet", "--root-dir", str(place.server.scratch / "pgloader"), str(script)))


def url(place: Place, dialect: str = "libpq") -> str:
    """Write a database's address as a URL; pgloader has words of its own for a socket's folder."""
    words = conninfo_to_dict(place.server.of(place.database))
    host = str(words.get("host", "localhost"))
    if host.startswith("/"):
        host = f"unix:{host}" if dialect == "pgloader" else quote(host, safe="")
    # dlt insists on a password, even where the server asks for none
    password = words.get("password", "none" if dialect == "libpq" else "")
    secret = f":{quote(str(password), safe='')}" if password else ""
    user = f"{quote(str(words['user']), safe='')}{secret}@" if "user" in words else ""
    return f"postgresql://{user}{host}:{words.get('port', 5432)}/{place.database}"


def _no_pgloader() -> str | None:
    return None if shutil.which("pgloader") else "pgloader is not installed (Debian: apt install pgloader)"


def _pgloader_version() -> str:
    said = subprocess.run(["pgloader", "--version"], capture_output=True, text=True, check=True).stdout
    return said.splitlines()[0].replace('"', "").replace("version ", "")


def _no_environment() -> str | None:
    return None if PEER_PYTHON.exists() else "its environment is not there (make setup-bench)"


def _package(name: str) -> Callable[[], str]:
    def version() -> str:
        words = f"from importlib.metadata import version; print(version('{name}'))"
        said = subprocess.run([PEER_PYTHON, "-c", words], capture_output=True, text=True, check=True)
        return f"{name} {said.stdout.strip()}"

    return version


EXPERT = "expert's script"
COPY_WAY = "copy"
WAYS = (
    Way(
        COPY_WAY,
        "`psql \\copy` of the cleaned file, key on `interaction_id`; no counts",
        RAW_TABLE.format(key=ID_KEY),
        _psql(COPY),
        (RAW,),
    ),
    Way(
        "copy, three-column key",
        "the same, key on `(interaction_id, user_id, product_id)`; no counts",
        RAW_TABLE.format(key=SEED_KEY),
        _psql(COPY),
        (RAW,),
    ),
    Way(
        EXPERT,
        "`\\copy` of the cleaned file, key and an index on `timestamp`, then `insert ... select ... group by`",
        RAW_TABLE.format(key=ID_KEY) + TIME_INDEX + COUNTS_TABLE,
        _psql(COPY, COUNT),
    ),
    Way(
        "pgloader",
        "`load csv` of the cleaned file into the expert's tables, then his `insert ... select`",
        RAW_TABLE.format(key=ID_KEY) + TIME_INDEX + COUNTS_TABLE,
        _pgloader,
        missing=_no_pgloader,
        version=_pgloader_version,
        is_slow=True,
    ),
    Way(
        "dlt",
        "Arrow batches that DuckDB reads from the cleaned file, `merge` with a primary key, strategy `upsert`, Parquet "
        "by ADBC (its quickest way); dlt's own table, without key and index; then the expert's `insert ... select`",
        COUNTS_TABLE,
        _python("dlt_merge.py"),
        missing=_no_environment,
        version=_package("dlt"),
        is_slow=True,
        is_quick_form=False,
    ),
    Way(
        "pandas",
        "the seed's way: `read_csv` of the cleaned file, `dropna`, `groupby`, then COPY of the rows and of the counts; "
        "no index on `timestamp`",
        RAW_TABLE.format(key=ID_KEY) + COUNTS_TABLE,
        _python("pandas_seed.py"),
        missing=_no_environment,
        version=_package("pandas"),
        is_slow=True,
        is_quick_form=False,
    ),
)
