"""Objects of a store as sources: a real server of the S3 protocol, and a way to it that a test can disturb."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import psycopg
import pytest

from storing import KEYS, Way, is_read_of, many_rows, put, rows

pytestmark = pytest.mark.slow
# A store that is away is asked twice instead of five times: tests wait less.
PATIENCE = {"AWS_MAX_ATTEMPTS": "2"}
Done = subprocess.CompletedProcess[str]
Footfall = Callable[..., Done]


@pytest.fixture
def footfall(database: str, server: str) -> Footfall:
    """Run a command line against the test's database and store."""

    def run(*words: str, **variables: str) -> Done:
        settings = {"FOOTFALL_DATABASE_URL": database, "AWS_ENDPOINT_URL": server, **KEYS, **PATIENCE}
        command = [sys.executable, "-W", "error", "-m", "footfall.cli", *words]
        variables = os.environ | settings | variables
        done = subprocess.run(command, capture_output=True, env=variables, timeout=600, check=False)
        return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def ledger(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute("select source, status, rows_loaded from loads order by load_id").fetchall()


def ids(database: str) -> list[int]:
    with psycopg.connect(database) as connection:
        found = connection.execute("select interaction_id from user_interactions_raw order by 1").fetchall()
    return [each for (each,) in found]


# a store that answers


def test_the_objects_below_a_prefix_are_loaded_in_bytewise_order(footfall: Footfall, store: Any, database: str) -> None:
    put(store, **{"day/b.csv": rows(1), "day/a/z.csv.gz": gzip.compress(rows(2)), "day/a-b.csv": rows(3)})
    put(store, **{"day/notes.txt": b"x", "day/empty/": b"", "other.csv": rows(4)})
    done = footfall("load", "s3://inbox/day/")
    assert done.returncode == 0
    assert ledger(database) == [
        ("s3://inbox/day/a-b.csv", "loaded", 1),
        ("s3://inbox/day/a/z.csv.gz", "loaded", 1),
        ("s3://inbox/day/b.csv", "loaded", 1),
    ]
    assert "ignored 1 name:" in done.stderr
    assert "s3://inbox/day/notes.txt" in done.stderr


def test_a_prefix_needs_no_slash_at_its_end(footfall: Footfall, store: Any, database: str) -> None:
    put(store, **{"day/b.csv": rows(1), "daylight.csv": rows(2)})
    assert footfall("load", "s3://inbox/day").returncode == 0
    assert ids(database) == [1]


def test_a_pattern_takes_the_objects_that_match(footfall: Footfall, store: Any, database: str) -> None:
    put(store, **{"day/b.csv": rows(1), "day/a.csv": rows(2), "day/deep/c.csv": rows(3), "day/d.csv.gz": rows(4)})
    assert footfall("load", "s3://inbox/day/*.csv").returncode == 0
    assert [source for source, *_ in ledger(database)] == ["s3://inbox/day/a.csv", "s3://inbox/day/b.csv"]


def test_objects_are_found_by_the_rule_for_files(footfall: Footfall, store: Any, database: str) -> None:
    names = ["a.csv", "B.CSV", "C.Csv.Gz", "notes.txt", "._a.csv", "_temporary/0/x.csv", "d.csv.tmp", ".hidden.csv"]
    put(store, **{f"week[1]/{name}": rows(at) for at, name in enumerate(names, start=1)})
    put(store, **{"week1/a.csv": rows(99)})

    def found(source: str) -> tuple[list[str], list[str]]:
        answer = json.loads(footfall("check", source, "--format", "json").stdout)
        loads = [load["source"] for load in answer["loads"]]
        return tuple([name.rpartition("week[1]/")[2] for name in each] for each in (loads, answer["ignored"]))

    left_behind = ["._a.csv", "_temporary/0/x.csv", "d.csv.tmp"]
    data = [".hidden.csv", "B.CSV", "C.Csv.Gz", "a.csv"]
    assert found("s3://inbox/week[1]/") == (data, [*left_behind, "notes.txt"])
    assert found("s3://inbox/week[1]/*.csv") == (["B.CSV", "a.csv"], ["._a.csv", ".hidden.csv"])
    assert found("s3://inbox/week[[]1]/**/*.csv*") == (data[1:], ["._a.csv", ".hidden.csv", *left_behind[1:]])
    assert found("s3://inbox/week[1]/._a.csv") == (["._a.csv"], [])
    done = footfall("check", "s3://inbox/week[2]/*.csv")
    assert done.returncode == 3
    assert "write [[], as in s3://inbox/week[[]2]/*.csv" in done.stderr


def test_an_object_that_is_named_twice_is_taken_once(footfall: Footfall, store: Any, database: str) -> None:
    put(store, **{"day/b.csv": rows(1)})
    done = footfall("load", "s3://inbox/day/", "s3://inbox/day/b.csv", "--format", "json")
    answer = json.loads(done.stdout)
    assert [load["status"] for load in answer["loads"]] == ["loaded"]
    assert answer["ignored"] == ["s3://inbox/day/b.csv"]


def test_an_object_whose_name_looks_like_a_pattern_is_that_object(
    footfall: Footfall, store: Any, database: str
) -> None:
    put(store, **{"x[1].csv": rows(1), "x1.csv": rows(2)})
    assert footfall("load", "s3://inbox/x[1].csv").returncode == 0
    assert ids(database) == [1]


def test_the_digest_is_that_of_the_stored_bytes(footfall: Footfall, store: Any) -> None:
    stored = gzip.compress(rows(1))
    put(store, **{"a.csv.gz": stored})
    done = footfall("load", "s3://inbox/a.csv.gz", "--format", "json")
    (load,) = json.loads(done.stdout)["loads"]
    assert (load["source"], load["digest"]) == ("s3://inbox/a.csv.gz", sha256(stored).hexdigest())


def test_a_second_run_loads_nothing(footfall: Footfall, store: Any, database: str) -> None:
    put(store, **{"day/a.csv": rows(1), "day/b.csv": rows(2)})
    footfall("load", "s3://inbox/day/")
    again = footfall("load", "s3://inbox/day/", "--format", "json")
    assert again.returncode == 0
    assert [load["status"] for load in json.loads(again.stdout)["loads"]] == ["already-loaded"] * 2
    assert len(ledger(database)) == 2


def test_an_object_and_a_file_of_the_same_bytes_are_one(
    footfall: Footfall, store: Any, database: str, tmp_path: Path
) -> None:
    put(store, **{"a.csv": rows(1)})
    (tmp_path / "copy.csv").write_bytes(rows(1))
    footfall("load", "s3://inbox/a.csv", "copy.csv")
    assert ledger(database) == [("s3://inbox/a.csv", "loaded", 1)]


def test_check_judges_objects_without_a_database(footfall: Footfall, store: Any, database: str) -> None:
    put(store, **{"a.csv": rows(1) + b"x,1,1,click,2024-01-01\n"})
    done = footfall("check", "s3://inbox/", "--format", "json")
    (load,) = json.loads(done.stdout)["loads"]
    assert (load["rows_loaded"], load["rows_rejected"]) == (1, 1)


def test_discover_gives_names_that_load_takes(
    footfall: Footfall, store: Any, server: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    import footfall as package

    for name, value in {"AWS_ENDPOINT_URL": server, **KEYS}.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    put(store, **{"day/a.csv": rows(1), "day/b.csv": rows(2)})
    package.load("s3://inbox/day/a.csv", database_url=database)
    new = [each for each in package.discover("s3://inbox/day/", database_url=database) if each.load_id is None]
    assert [each.source for each in new] == ["s3://inbox/day/b.csv"]
    package.load(new[0].source, database_url=database)
    assert ids(database) == [1, 2]


def test_an_object_larger_than_one_request_arrives_whole(footfall: Footfall, store: Any) -> None:
    body = many_rows(20 << 20)
    put(store, **{"large.csv": body})
    done = footfall("check", "s3://inbox/large.csv", "--format", "json")
    (load,) = json.loads(done.stdout)["loads"]
    assert load["digest"] == sha256(body).hexdigest()
    assert load["rows_loaded"] == body.count(b"\n") - 1


def test_nothing_is_left_in_the_folder_for_temporary_files(footfall: Footfall, store: Any, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    put(store, **{"day/a.csv": rows(1), "day/b.csv.gz": gzip.compress(rows(2))[:-4]})
    assert footfall("check", "s3://inbox/day/", TMPDIR=str(spool)).returncode == 3
    assert list(spool.iterdir()) == []


# a store that says no


def judge_keys(server: str, *, after_requests: str) -> None:
    words = {"data": after_requests.encode(), "headers": {"Content-Type": "text/plain"}, "method": "POST"}
    urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset-auth", **words), timeout=600).close()


@pytest.mark.parametrize("name", ["s3://nowhere/a.csv", "s3://nowhere/", "s3://inbox/nothing.csv", "s3://inbox/no/"])
def test_what_is_not_there_is_exit_3_and_says_so(footfall: Footfall, store: Any, name: str) -> None:
    done = footfall("load", name)
    assert done.returncode == 3
    assert f"{name}: " in done.stderr
    assert "there is no such object or bucket" in done.stderr or "holds no object" in done.stderr


def test_a_pattern_without_an_object_is_exit_3(footfall: Footfall, store: Any) -> None:
    done = footfall("load", "s3://inbox/*.csv")
    assert (done.returncode, done.stdout) == (3, "")
    assert "no object matches" in done.stderr


def test_a_missing_object_does_not_keep_the_others_from_being_loaded(
    footfall: Footfall, store: Any, database: str
) -> None:
    put(store, **{"a.csv": rows(1)})
    assert footfall("load", "s3://inbox/nothing.csv", "s3://inbox/a.csv").returncode == 3
    assert ids(database) == [1]


def test_keys_that_the_store_does_not_know_are_denied_and_not_shown(
    footfall: Footfall, store: Any, server: str
) -> None:
    put(store, **{"a.csv": rows(1)})
    judge_keys(server, after_requests="0")
    try:
        done = footfall("load", "s3://inbox/a.csv", "-v", "--retry")
    finally:
        judge_keys(server, after_requests="inf")
    assert done.returncode == 3
    assert "access is denied" in done.stderr
    assert "trying again" not in done.stderr
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr


def test_without_keys_the_way_to_give_them_is_named(footfall: Footfall, store: Any, tmp_path: Path) -> None:
    without = {name: "" for name in KEYS if name != "AWS_DEFAULT_REGION"}
    done = footfall("load", "s3://inbox/a.csv", HOME=str(tmp_path), AWS_EC2_METADATA_DISABLED="true", **without)
    assert done.returncode == 3
    assert "s3fs" in done.stderr


def test_a_password_in_the_name_of_a_bucket_is_refused_and_not_shown(footfall: Footfall) -> None:
    done = footfall("load", "s3://key:hunter2@inbox/a.csv", "-v")
    assert done.returncode == 3
    assert "s3://key:***@inbox/a.csv" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_name_of_two_urls_is_one_object(footfall: Footfall, store: Any, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_bytes(rows(1))
    done = footfall("load", f"s3://inbox/a.csv::file://{tmp_path}/other.csv")
    assert done.returncode == 3
    assert "there is no such object" in done.stderr


def test_without_the_extra_the_message_names_it(footfall: Footfall, tmp_path: Path) -> None:
    (tmp_path / "s3fs.py").write_text("raise ImportError('not installed')")
    done = footfall("load", "s3://inbox/a.csv", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (3, "")
    assert "pip install 'footfall[stores]'" in done.stderr


# a store that is disturbed


def test_an_object_that_changes_while_it_is_read_is_not_loaded(
    footfall: Footfall, store: Any, way: Way, database: str
) -> None:
    put(store, **{"a.csv": rows(1)})

    def change(request: BaseHTTPRequestHandler) -> bool:
        if is_read_of(request, "a.csv"):
            put(store, **{"a.csv": rows(2)})
        return False

    way.disturb = change
    done = footfall("load", "s3://inbox/a.csv", AWS_ENDPOINT_URL=way.address)
    assert done.returncode == 3
    assert "changed while it was read" in done.stderr
    assert ids(database) == []
    assert ledger(database) == [("s3://inbox/a.csv", "failed", None)]


def test_an_object_that_changes_between_two_requests_is_not_patched_together(
    footfall: Footfall, store: Any, way: Way, database: str
) -> None:
    put(store, **{"a.csv": many_rows(10 << 20)})
    reads = []

    def change(request: BaseHTTPRequestHandler) -> bool:
        if is_read_of(request, "a.csv"):
            reads.append(request.headers["Range"])
            if len(reads) == 2:
                put(store, **{"a.csv": many_rows(10 << 20).replace(b"click", b"other")})
        return False

    way.disturb = change
    done = footfall("load", "s3://inbox/a.csv", AWS_ENDPOINT_URL=way.address)
    assert len(reads) >= 2
    assert done.returncode == 3
    assert "changed while it was read" in done.stderr
    assert ids(database) == []


def test_with_retry_an_object_that_changed_is_read_again(
    footfall: Footfall, store: Any, way: Way, database: str
) -> None:
    put(store, **{"a.csv": rows(1)})
    changes = iter([rows(2)])

    def change(request: BaseHTTPRequestHandler) -> bool:
        if is_read_of(request, "a.csv") and (body := next(changes, None)):
            put(store, **{"a.csv": body})
        return False

    way.disturb = change
    done = footfall("load", "s3://inbox/a.csv", "--retry", AWS_ENDPOINT_URL=way.address)
    assert done.returncode == 0
    assert ids(database) == [2]


def test_a_store_that_dies_in_the_middle_of_an_object_is_exit_3(
    footfall: Footfall, store: Any, way: Way, database: str
) -> None:
    body = rows(*range(1, 1000))
    put(store, **{"a.csv": body})

    def die(request: BaseHTTPRequestHandler) -> bool:
        if not is_read_of(request, "a.csv"):
            return False
        request.send_response(206)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[:5000])
        request.close_connection = True
        return True

    way.disturb = die
    done = footfall("load", "s3://inbox/a.csv", AWS_ENDPOINT_URL=way.address)
    assert done.returncode == 3
    assert "run the same command again" in done.stderr
    assert ids(database) == []


def test_with_fewer_bytes_than_announced_nothing_is_loaded(
    footfall: Footfall, store: Any, way: Way, database: str
) -> None:
    body = rows(*range(1, 1000))
    put(store, **{"a.csv": body})

    def shorten(request: BaseHTTPRequestHandler) -> bool:
        if not is_read_of(request, "a.csv"):
            return False
        begin = int(request.headers["Range"].removeprefix("bytes=").partition("-")[0])
        piece = body[:4998][begin:]  # up to the end of a line: nothing in it looks cut
        request.send_response(206)
        request.send_header("Content-Length", str(len(piece)))
        request.end_headers()
        request.wfile.write(piece)
        return True

    way.disturb = shorten
    done = footfall("load", "s3://inbox/a.csv", AWS_ENDPOINT_URL=way.address)
    assert done.returncode == 3
    assert "bytes came" in done.stderr
    assert ids(database) == []


@pytest.mark.parametrize("name", ["s3://inbox/a.csv", "s3://inbox/"])
def test_a_store_that_answers_503_is_exit_3_and_worth_a_retry(
    footfall: Footfall, store: Any, way: Way, name: str
) -> None:
    def refuse(request: BaseHTTPRequestHandler) -> bool:
        request.send_response(503)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return True

    way.disturb = refuse
    done = footfall("load", name, AWS_ENDPOINT_URL=way.address)
    assert done.returncode == 3
    assert "run the same command again later" in done.stderr


def test_a_store_that_is_away_is_exit_3_and_worth_a_retry(footfall: Footfall) -> None:
    done = footfall("load", "s3://inbox/a.csv", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (3, "")
    assert "run the same command again later" in done.stderr


def test_with_retry_a_listing_is_asked_for_again(store: Any, way: Way, database: str) -> None:
    put(store, **{"day/a.csv": rows(1)})
    says_again = threading.Event()

    def refuse(request: BaseHTTPRequestHandler) -> bool:
        if says_again.is_set():
            return False
        request.send_response(503)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return True

    way.disturb = refuse
    command = [sys.executable, "-W", "error", "-m", "footfall.cli", "load", "s3://inbox/day/", "--retry"]
    settings = {"FOOTFALL_DATABASE_URL": database, "AWS_ENDPOINT_URL": way.address, **KEYS, **PATIENCE}
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=os.environ | settings, **pipes) as process:
        assert process.stderr is not None
        for said in process.stderr:
            if "trying again" in said:
                says_again.set()
    assert says_again.is_set()
    assert process.returncode == 0
    assert ids(database) == [1]


def test_a_watcher_loads_what_arrives_in_a_store_and_what_is_replaced_there(
    footfall: Footfall, store: Any, server: str, database: str
) -> None:
    put(store, **{"day/a.csv": rows(1), "day/a.csv.part": rows(99), "other/b.csv": rows(98)})
    assert footfall("watch", "s3://inbox/day/", "--once").returncode == 0
    assert ids(database) == [1]
    command = [sys.executable, "-m", "footfall.cli", "watch", "s3://inbox/day/", "--poll", "0.2"]
    variables = os.environ | {"FOOTFALL_DATABASE_URL": database, "AWS_ENDPOINT_URL": server, **KEYS, **PATIENCE}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=variables) as watcher:
        put(store, **{"day/b.csv": rows(2)})
        while ids(database) != [1, 2]:
            assert watcher.poll() is None
            time.sleep(0.1)
        put(store, **{"day/a.csv": rows(3), "day/bad.csv": b"nothing of use"})
        while ids(database) != [1, 2, 3]:
            assert watcher.poll() is None
            time.sleep(0.1)
        watcher.terminate()
        assert watcher.wait(600) == 0
    assert ("s3://inbox/day/a.csv", "loaded", 1) in ledger(database)
    assert footfall("watch", "https://host/a.csv", "--once").returncode == 2
