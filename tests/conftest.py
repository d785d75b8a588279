"""Fixtures: a real PostgreSQL for the session, a fresh database per test, an environment without surprises.

FOOTFALL_TEST_PG_BIN names the bin folder of another PostgreSQL to test against; there the tests connect with a role
that owns only its database. Otherwise it is the embedded one. On another PostgreSQL only the tests that take part in a
database run, and of the cases of a `matrix` a share (see `sampling`).
"""

from __future__ import annotations

import gc
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from footfall.settings import load_settings
from sampling import IS_LONG, IS_OTHER_SERVER, MATRIX, PART, SAMPLE, Share, take_sample, take_share

# A shell lets what it starts in the background ignore Ctrl-C, and so would every process that the tests send it to.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

START_WAIT_S = 600  # far more than a busy machine needs: only a server that hangs meets it
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
TABLES = {
    "raw": "select interaction_id, user_id, product_id, action, timestamp from user_interactions_raw order by 1",
    "interactions": "select user_id, product_id, interaction_count from interactions order by 1, 2",
    "quarantine": """
        select l.digest, r.line_number, r.raw_line, r.raw_bytes, r.raw_size_bytes, r.problems
        from rejected_interactions as r left join loads as l using (load_id) order by 1, 2""",
    "ledger": """
        select digest, status, rows_read, rows_loaded, rows_duplicate, rows_rejected, contract
        from loads where status = 'loaded' order by 1""",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose what runs, and put files with slow tests first: begun last, one would keep a worker while the others idle.

    A file's tests stay beside each other, so that what they share is made once.
    """
    left_out: set[pytest.Item] = set()
    if IS_OTHER_SERVER:  # what knows no database is the same on every server
        left_out |= {item for item in items if not knows_database(item)}
    of_matrix = [item for item in items if is_marked(item, "matrix") and knows_database(item)]
    of_one_server = [item for item in items if not is_marked(item, "matrix", "every_server")]
    for chosen, share in ((of_matrix, MATRIX), (of_one_server, PART)):
        left_out |= find_left_out(chosen, share)
    elsewhere = left_out.union(of_matrix)
    left_out |= find_unsampled([item for item in items if item not in elsewhere])
    if not IS_LONG and "long" not in config.getoption("markexpr"):
        left_out |= {item for item in items if is_marked(item, "long")}
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    kept = [item for item in items if item not in left_out]
    slow_files = {item.path for item in kept if is_marked(item, "slow")}
    items[:] = sorted(kept, key=lambda item: item.path not in slow_files)


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what is there for the whole run: all tests, and what they import."""
    gc.collect()
    gc.freeze()


def is_marked(item: pytest.Item, *names: str) -> bool:
    return any(map(item.get_closest_marker, names))


def knows_database(item: pytest.Item) -> bool:
    return "cluster" in getattr(item, "fixturenames", ())


def find_left_out(items: list[pytest.Item], share: Share) -> set[pytest.Item]:
    """Find what a share leaves to others. Each file is shared by itself: which files run besides changes nothing."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    return set(items).difference(*(take_share(of_file, share) for of_file in files.values()))


def find_unsampled(items: list[pytest.Item]) -> set[pytest.Item]:
    """Find what a sample leaves to other runs: of the cases of one test, and of the slow tests of one file."""
    families: dict[str, list[pytest.Item]] = {}
    for item in items:
        name = item.nodeid.partition("::" if is_marked(item, "slow") else "[")[0]
        families.setdefault(name, []).append(item)
    kept = (take_sample(family, SAMPLE, name) for name, family in families.items())
    return set(items).difference(*kept)


@pytest.fixture(scope="session", autouse=True)
def _scrubbed_environment() -> Iterator[None]:
    kept = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("PG", "FOOTFALL_")) and name != "FOOTFALL_TEST_PG_BIN":
            del os.environ[name]
    os.environ["TZ"] = "America/St_Johns"  # nothing may depend on the machine's zone
    yield
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(scope="session")
def _folders() -> Iterator[int]:
    return iter(range(1_000_000))


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _folders: Iterator[int]) -> Path:
    """Make a folder of the test. The fixture of pytest reads the names of all folders before it makes the next one."""
    path = tmp_path_factory.getbasetemp() / f"{re.sub(r'[^a-zA-Z0-9_]', '_', request.node.name)[:30]}{next(_folders)}"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@dataclass(frozen=True)
class Cluster:
    """A running server: as whom tests connect, and as whom databases are made."""

    admin: str
    owner: str


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder that other accounts can reach, with a name short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="fft-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(short_folder: Path) -> Iterator[Cluster]:
    binaries = os.environ.get("FOOTFALL_TEST_PG_BIN")
    if binaries:
        yield from _named_server(Path(binaries), short_folder / "named")
        return
    from footfall.postgres.embedded import clients

    home = short_folder / "home"
    with clients.keep_running(home) as conninfo:
        with (home / "data/pg_hba.conf").open("a") as file:
            # Tests come as several roles; the socket's folder keeps others out.
            file.write("local all all trust\nlocal replication all trust\n")
        with psycopg.connect(conninfo, autocommit=True) as connection:
            _prepare(connection)
        yield Cluster(conninfo, "owner")


def _prepare(connection: psycopg.Connection[Any]) -> None:
    connection.execute("create role owner login")
    connection.execute("alter system set fsync to off")  # a thousand databases are made here, and no power is cut
    # A vacuum that happens to hold a table keeps a load from having it for itself, and so decides which path it takes.
    connection.execute("alter system set autovacuum to off")
    connection.execute("select pg_reload_conf()")


def _named_server(binaries: Path, folder: Path) -> Iterator[Cluster]:
    folder.mkdir()
    who: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL}
    if os.geteuid() == 0:
        account = _server_account()
        os.chown(folder, account.pw_uid, account.pw_gid)
        who |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        binaries = _reachable(binaries, folder, who)
    initdb = [binaries / "initdb", "-D", "data", "-E", "UTF8", "--locale=C", "-U", "admin", "-A", "trust", "--no-sync"]
    subprocess.run(initdb, check=True, **who)
    control = [binaries / "pg_ctl", "-D", "data", "-w", "-t", str(START_WAIT_S), "-l", "log"]
    subprocess.run([*control, "-o", f"-c listen_addresses='' -k {folder}", "start"], check=True, **who)
    admin = make_conninfo(host=str(folder), user="admin", dbname="postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        _prepare(connection)
    yield Cluster(admin, "owner")
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, **who)


def _server_account() -> pwd.struct_passwd:
    """Give the account that runs the server where the tests run as root: PostgreSQL refuses to run as root."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _reachable(binaries: Path, folder: Path, who: dict[str, Any]) -> Path:
    """Give the programs at a place where the server's account can run them: a copy where a folder keeps it out."""
    try:
        subprocess.run([binaries / "postgres", "--version"], check=True, **who)
    except PermissionError:
        shutil.copytree(binaries.parent, folder / "programs", symlinks=True)
        return folder / "programs" / binaries.name
    return binaries


@pytest.fixture(scope="session")
def _names() -> Iterator[int]:
    return iter(range(1_000_000))


@pytest.fixture
def new_database(cluster: Cluster, _names: Iterator[int]) -> Iterator[Callable[[], str]]:
    """Make empty databases, gone after the test; each owned by the role that tests connect with."""
    yield from _databases(cluster, _names)


@pytest.fixture(scope="module")
def new_database_of_module(cluster: Cluster, _names: Iterator[int]) -> Iterator[Callable[[], str]]:
    """Make empty databases that several tests share."""
    yield from _databases(cluster, _names)


@pytest.fixture(scope="module")
def one_database(new_database_of_module: Callable[[], str]) -> str:
    """The database of all tests of a module that empty it, each for itself."""
    return new_database_of_module()


def _databases(cluster: Cluster, names: Iterator[int]) -> Iterator[Callable[[], str]]:
    made: list[str] = []

    def make() -> str:
        name = f"test_{next(names)}"
        with psycopg.connect(cluster.admin, autocommit=True) as connection:
            version = connection.info.server_version
            # Copied file by file it takes half the time; before 15 there is no other way.
            strategy = sql.SQL("strategy file_copy" if version >= 150000 else "")
            words = sql.Identifier(name), sql.Identifier(cluster.owner), strategy
            connection.execute(sql.SQL("create database {} owner {} template template0 {}").format(*words))
        made.append(name)
        if version < 150000:  # everybody may create in public there, and that is said as a warning
            with psycopg.connect(cluster.admin, dbname=name, autocommit=True) as connection:
                connection.execute(sql.SQL("alter schema public owner to {}").format(words[1]))
                connection.execute("revoke create on schema public from public")
        return make_conninfo(cluster.admin, dbname=name, user=cluster.owner)

    yield make
    with psycopg.connect(cluster.admin, autocommit=True) as connection:
        for name in made:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    """An empty database of one test: its conninfo."""
    return new_database()


@pytest.fixture
def settings(database: str) -> Any:
    return load_settings(database_url=database)


@pytest.fixture(scope="session")
def contents() -> Callable[[str], dict[str, list[Any]]]:
    """Read what the tables hold, without what may differ between two histories: load_id and times."""

    def read(conninfo: str) -> dict[str, list[Any]]:
        with psycopg.connect(conninfo) as connection:
            connection.execute("set timezone to 'UTC'")
            return {name: connection.execute(query).fetchall() for name, query in TABLES.items()}

    return read


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., str]:
    """Write a file of interactions: lines of text below the usual header, or bytes as they are."""

    def write(name: str, *lines: str, content: bytes | None = None) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if content is not None else (HEADER + "".join(f"{line}\n" for line in lines)).encode())
        return str(path)

    return write


@pytest.fixture
def new_role(cluster: Cluster, database: str) -> Iterator[Callable[..., str]]:
    """Make a role with rights on the tables of `database` but without owning them; give its conninfo."""
    made: list[str] = []
    name_of_database = conninfo_to_dict(database)["dbname"]

    def make(*grants: str) -> str:
        role = f"{name_of_database}_role_{len(made)}"
        made.append(role)
        with psycopg.connect(cluster.admin, dbname=name_of_database, autocommit=True) as connection:
            connection.execute(sql.SQL("create role {} login password 'hunter2'").format(sql.Identifier(role)))
            for grant in grants:
                words = {"role": sql.Identifier(role), "database": sql.Identifier(str(name_of_database))}
                connection.execute(sql.SQL(grant).format(**words))
        return make_conninfo(database, user=role)

    yield make
    with psycopg.connect(cluster.admin, dbname=name_of_database, autocommit=True) as connection:
        for role in made:
            connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(role)))
