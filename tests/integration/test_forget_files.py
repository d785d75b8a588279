"""Forget: of the id of a user nothing is left in any file of the server, its log included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import footfall
from footfall.postgres.embedded import clients

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
DAY = "2024-01-01"
NUMBER = 7391846205518
TEXT = "zq-8843-Aurelia"


@pytest.fixture
def server(short_folder: Path) -> Iterator[tuple[str, Path]]:
    """A server of its own that logs every statement with its values: where it is, and its home."""
    home = short_folder / "forget"
    with clients.keep_running(home) as conninfo:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            for setting in (
                "log_statement to 'all'",
                "log_parameter_max_length_on_error to -1",
                "autovacuum to off",
                "wal_recycle to off",  # else old segments are kept under new names, with what they held
            ):
                connection.execute(f"alter system set {setting}")  # type: ignore[arg-type]
            connection.execute("select pg_reload_conf()")
        yield conninfo, home


def files_that_hold(home: Path, *wanted: bytes) -> list[str]:
    """Name the files below a folder that hold one of these bytes."""
    found = []
    for path in sorted(home.rglob("*")):
        try:
            if path.is_file() and any(each in path.read_bytes() for each in wanted):
                found.append(str(path.relative_to(home)))
        except FileNotFoundError:
            continue
    return found


def forms_of(number: int) -> tuple[bytes, ...]:
    return str(number).encode(), number.to_bytes(8, "little"), number.to_bytes(8, "big")


def rows(user: object) -> list[str]:
    """Give rows of a user who is the most common one, valid and rejected ones."""
    valid = [f"{at},{user if at % 2 else at + 10},{at % 7},click,{DAY}" for at in range(1, 400)]
    return [*valid, f"900,{user},1,click,never", f"901,{user}", f'902,"{user},1,click,{DAY}', f"1,5,1,click,{DAY}"]


def execute(conninfo: str, *texts: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for text in texts:
            connection.execute(text)  # type: ignore[arg-type]


@pytest.mark.slow
def test_no_file_of_the_server_holds_the_id_of_a_forgotten_user(server: tuple[str, Path]) -> None:
    conninfo, home = server
    for schema, user in (("public", NUMBER), ("texts", TEXT)):
        Path(f"{schema}.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows(user)))
        Path(f"{schema}-2.csv").write_text(HEADER + f"3,{user},9,other,{DAY}\n1,{user},1,click,{DAY}\n")
        kind: Any = "bigint" if schema == "public" else "text"
        for name in (f"{schema}.csv", f"{schema}-2.csv"):
            (done,) = footfall.load(name, database_url=conninfo, schema_=schema, user_id_type=kind).loads
            assert done.status == "loaded", done
    execute(conninfo, "analyze", "checkpoint")
    held = files_that_hold(home, *forms_of(NUMBER)), files_that_hold(home, TEXT.encode())
    for found in held:  # that the search finds what is there is known before it is to find nothing
        assert any(name.startswith("data/base/") for name in found), found
        assert any(name.startswith("data/pg_wal/") for name in found), found
    log = [name for name in held[0] + held[1] if "log" in Path(name).name.lower()]
    assert not log, "a load has written the id to the log of the server"

    for schema, user in (("public", NUMBER), ("texts", TEXT)):
        receipt = footfall.forget(user, database_url=conninfo, schema_=schema)
        assert (receipt.rows_forgotten, receipt.rows_blanked) == (200, 4), receipt
    # Two checkpoints behind the switch: the server keeps the segments since the one before the last.
    execute(
        conninfo,
        "vacuum full",
        "checkpoint",
        "select pg_switch_wal()",
        "checkpoint",
        "select pg_switch_wal()",
        "checkpoint",
    )
    wanted = (*forms_of(NUMBER), TEXT.encode())
    found = files_that_hold(home, *wanted)
    assert found == []
    for schema in ("public", "texts"):
        assert footfall.verify(database_url=conninfo, schema_=schema).drift == ()
        # The row that was a conflict of the user who went, and the one more.
        (done,) = footfall.load(copy_of(f"{schema}.csv"), database_url=conninfo, schema_=schema).loads
        assert (done.status, done.rows_loaded) == ("loaded", 2), done
    execute(conninfo, "checkpoint")
    assert files_that_hold(home, *wanted) == []


def copy_of(name: str) -> str:
    """Write the same rows, and one more, into another file."""
    other = f"again-{name}"
    Path(other).write_text(Path(name).read_text() + f"950,5,1,click,{DAY}\n")
    return other
