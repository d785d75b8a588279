"""A password of the database: it is in no output, log, error, `repr`, ledger or list of processes of ours."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from footfall import load
from footfall.errors import FootfallError
from footfall.postgres.connection import connect
from footfall.postgres.target import Target
from footfall.settings import load_settings
from footfall.sources.opening import open_source
from footfall.verbs import load as load_verb

Write = Callable[..., str]
SECRET = "hunter2"
WRONG = [
    f"postgresql://me:{SECRET}@127.0.0.1:1/db",
    f"postgresql://me:{SECRET}@127.0.0.1:1/db?connect_timeout=1",
    f"postgresql://127.0.0.1:1/db?user=me&password={SECRET}",
    f"host=127.0.0.1 port=1 password={SECRET}",
    f"host=127.0.0.1 port=1 password='{SECRET} {SECRET}'",
    f"host=127.0.0.1 port=1 sslpassword={SECRET}",
    # what people write by mistake
    f"postgres:/me:{SECRET}@127.0.0.1/db",
    f"me:{SECRET}@127.0.0.1/db",
    f"postgresql://me:a/{SECRET}@127.0.0.1:1/db",
    f"postgresql://me:{SECRET}/a@127.0.0.1:1/db",
    f"postgresql://me:a@{SECRET}@127.0.0.1:1/db",
    f"postgresql://me:{SECRET}@b@127.0.0.1:1/db",
    f"host=127.0.0.1 port=1 password=my {SECRET}",
    f"host=127.0.0.1 port=1 password='{SECRET}",
    f"postgresql://me:%zz{SECRET}@127.0.0.1:1/db",
    f"host=127.0.0.1 port=1 pass_word={SECRET}",
    f"postgresql://127.0.0.1:1/db?pass_word={SECRET}",
]


@pytest.mark.parametrize("conninfo", WRONG)
def test_an_address_that_does_not_work_is_not_shown(conninfo: str, write_csv: Write) -> None:
    command = [sys.executable, "-m", "footfall.cli", "load", write_csv("a.csv", "1,1,1,click,2024-01-01"), "-v"]
    variables = os.environ | {"FOOTFALL_DATABASE_URL": conninfo}
    done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=600, check=False)
    assert done.returncode in (2, 5)
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("conninfo", WRONG)
def test_an_error_about_an_address_holds_no_secret_wherever_it_goes(conninfo: str) -> None:
    with pytest.raises(FootfallError) as caught:
        connect(Target(conninfo, "public", 1))
    again = pickle.loads(pickle.dumps(caught.value))
    assert SECRET not in str(caught.value) + repr(caught.value) + str(again)


def test_settings_and_targets_do_not_show_the_address() -> None:
    conninfo = f"postgresql://me:{SECRET}@127.0.0.1:1/db"
    settings = load_settings(database_url=conninfo)
    shown = [repr(settings), str(settings), repr(settings.model_dump()), settings.model_dump_json()]
    shown += [repr(Target(conninfo, "public", 1)), str(Target(conninfo, "public", 1))]
    assert SECRET not in "".join(shown)


@pytest.mark.parametrize("file", ["footfall.toml", ".env"])
def test_a_broken_settings_file_does_not_show_its_text(file: str) -> None:
    address = f"postgresql://me:{SECRET}@host/db"
    Path(file).write_text(f'database_url = "{address}\nFOOTFALL_DATABASE_URL={address}\nFOOTFALL_RETRY=perhaps\n')
    with pytest.raises(FootfallError) as caught:
        load_settings()
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_the_ledger_and_the_counts_hold_no_address(database: str, write_csv: Write) -> None:
    conninfo = make_conninfo(database, password=SECRET)
    load(write_csv("a.csv", "1,1,1,click,2024-01-01"), write_csv("b.csv", content=b""), database_url=conninfo)
    with psycopg.connect(database) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for (table,) in tables:
            rows = connection.execute(f'select t::text from "{table}" as t').fetchall()
            assert SECRET not in str(rows), table
        assert connection.execute("select count(*) from loads").fetchone() == (2,)


def test_an_error_in_the_ledger_is_masked(database: str, write_csv: Write) -> None:
    source = write_csv("a.csv", content=f"https://me:{SECRET}@host/x?sig={SECRET},b\n1,2\n".encode())
    load_verb.load([source], load_settings(database_url=database))
    with psycopg.connect(database) as connection:
        (row,) = connection.execute("select error from loads").fetchall()
    assert SECRET not in str(row)


def test_a_source_that_is_open_does_not_show_the_secret_of_its_address() -> None:
    with pytest.raises(FootfallError) as caught, open_source(f"https://me:{SECRET}@127.0.0.1:1/a.csv?sig={SECRET}"):
        pass
    shown = [str(caught.value), repr(caught.value)]
    assert SECRET not in "".join(shown)


def command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue  # gone by now


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_an_address_in_the_environment_is_in_no_list_of_processes(database: str, write_csv: Write) -> None:
    os.mkfifo("pipe.csv")
    variables = os.environ | {"FOOTFALL_DATABASE_URL": make_conninfo(database, password=SECRET)}
    command = [sys.executable, "-m", "footfall.cli", "load", "pipe.csv"]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with Path("pipe.csv").open("wb") as pipe:  # opens when the load has it open, and so is connected
            seen = "\n".join(command_lines())
            pipe.write(b"interaction_id,user_id,product_id,action,timestamp\n1,1,1,click,2024-01-01\n")
        _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert "pipe.csv" in seen
    assert SECRET not in seen


def test_what_the_server_sees_of_a_session_holds_no_secret(database: str) -> None:
    connection = connect(Target(make_conninfo(database, password=SECRET), "public", 1))
    with connection:
        rows: Any = connection.execute("select a::text from pg_stat_activity as a").fetchall()
    assert SECRET not in str(rows)
