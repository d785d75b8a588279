"""Objects of a store that are read in ranges: of one state, by requests for that state, without a copy of them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any

import psycopg
import pytest

from factories import make_contract
from footfall import runs
from footfall.errors import SourceChangedError, SourceError
from footfall.formats.ranges import Planner, Range, open_range
from footfall.sources.opening import SourceFile, assert_unchanged
from footfall.sources.ranged import State, find_state, open_planned, open_to_plan, take_digest
from storing import KEYS, Way, is_read_of, many_rows, put, rows

CONTRACT = make_contract()
MB = 1 << 20


@pytest.fixture(autouse=True)
def _way_in(way: Way, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import s3fs

    for name, value in {"AWS_ENDPOINT_URL": way.address, **KEYS}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")  # nothing is copied
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


def plan(url: str, range_bytes: int) -> tuple[tuple[Range, ...], State, str]:
    with open_to_plan(url) as opened:
        planner = Planner(opened, CONTRACT, range_bytes)
        file = take_digest(opened, planner.take)
        return planner.finish(), find_state(file), file.digest


def numbers_of(file: SourceFile, part: Range) -> list[int]:
    _, batches = open_range(file, CONTRACT, 64, part)
    return [number for batch in batches for number in batch["position"].to_pylist()]


def watch_reads(way: Way, key: str) -> list[tuple[str, str | None]]:
    """Note the range and the condition of each request for an object's bytes."""
    asked: list[tuple[str, str | None]] = []

    def note(request: BaseHTTPRequestHandler) -> bool:
        if is_read_of(request, key):
            asked.append((request.headers["Range"], request.headers["If-Match"]))
        return False

    way.disturb = note
    return asked


@pytest.mark.slow
def test_an_object_is_planned_by_one_reading_and_each_range_reads_its_bytes_alone(store: Any, way: Way) -> None:
    body = many_rows(24 * MB)
    put(store, **{"a.csv": body})
    asked = watch_reads(way, "a.csv")
    ranges, state, digest = plan("s3://inbox/a.csv", 10 * MB)
    assert digest == sha256(body).hexdigest()
    assert (len(ranges), ranges[-1].end, state.size_bytes) == (3, len(body), len(body))
    assert {condition for _, condition in asked} == {state.etag}
    asked_bytes = [count_asked(words) for words, _ in asked]
    assert sum(asked_bytes) < len(body) + 8 * MB  # once, and the header before it
    numbers = []
    for part in ranges:
        asked.clear()
        with open_planned("s3://inbox/a.csv", state, digest) as file:
            numbers += numbers_of(file, part)
        assert {condition for _, condition in asked} == {state.etag}
        assert sum(count_asked(words) for words, _ in asked) < part.end - part.begin + 8 * MB
    assert numbers == list(range(2, body.count(b"\n") + 1))


def count_asked(words: str) -> int:
    first, last = words.removeprefix("bytes=").split("-")
    return int(last) - int(first) + 1


def test_a_compressed_object_is_one_range_and_is_read_without_a_copy(store: Any) -> None:
    put(store, **{"a.csv.gz": gzip.compress(rows(1, 2, 3))})
    (part,), state, digest = plan("s3://inbox/a.csv.gz", 10)
    with open_planned("s3://inbox/a.csv.gz", state, digest) as file:
        assert numbers_of(file, part) == [2, 3, 4]


def test_an_object_that_changed_since_it_was_planned_is_refused(store: Any) -> None:
    put(store, **{"a.csv": rows(1, 2)})
    _, state, digest = plan("s3://inbox/a.csv", 10)
    put(store, **{"a.csv": rows(1, 3)})
    with (
        pytest.raises(SourceChangedError, match="changed since it was planned"),
        open_planned("s3://inbox/a.csv", state, digest),
    ):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_object_that_changes_between_two_requests_is_refused(store: Any, way: Way, at: int) -> None:
    put(store, **{"a.csv": many_rows(8 * MB)})
    ranges, state, digest = plan("s3://inbox/a.csv", 4 * MB)
    reads = []

    def change(request: BaseHTTPRequestHandler) -> bool:
        if is_read_of(request, "a.csv"):
            reads.append(request.headers["Range"])
            if len(reads) == at:
                put(store, **{"a.csv": many_rows(8 * MB).replace(b"click", b"other")})
        return False

    way.disturb = change
    with (
        pytest.raises(SourceChangedError, match="changed while it was read"),
        open_planned("s3://inbox/a.csv", state, digest) as file,
    ):
        numbers_of(file, ranges[1])


def test_an_object_that_changes_behind_the_last_byte_is_refused(store: Any) -> None:
    put(store, **{"a.csv": rows(1, 2)})
    ranges, state, digest = plan("s3://inbox/a.csv", 1000)
    with (
        pytest.raises(SourceChangedError, match="changed while it was read"),
        open_planned("s3://inbox/a.csv", state, digest) as file,
    ):
        assert numbers_of(file, ranges[0]) == [2, 3]
        put(store, **{"a.csv": rows(1, 3)})
        assert_unchanged(file)


def test_an_object_that_changes_while_it_is_planned_is_refused(store: Any, way: Way) -> None:
    put(store, **{"a.csv": rows(1)})

    def change(request: BaseHTTPRequestHandler) -> bool:
        if is_read_of(request, "a.csv"):
            put(store, **{"a.csv": rows(2)})
        return False

    way.disturb = change
    with pytest.raises(SourceChangedError, match="changed while it was read"):
        plan("s3://inbox/a.csv", 1000)


def test_with_fewer_bytes_than_asked_for_nothing_is_read(store: Any, way: Way) -> None:
    put(store, **{"a.csv": rows(1, 2)})
    ranges, state, digest = plan("s3://inbox/a.csv", 1000)

    def shorten(request: BaseHTTPRequestHandler) -> bool:
        if not is_read_of(request, "a.csv"):
            return False
        request.send_response(206)
        request.send_header("Content-Length", "51")
        request.end_headers()
        request.wfile.write(rows(1)[:51])
        return True

    way.disturb = shorten
    with (
        pytest.raises(SourceChangedError, match="51 of"),
        open_planned("s3://inbox/a.csv", state, digest) as file,
    ):
        numbers_of(file, ranges[0])


@pytest.mark.slow
def test_an_object_that_is_gone_is_named(store: Any) -> None:
    put(store, **{"a.csv": rows(1)})
    _, state, digest = plan("s3://inbox/a.csv", 1000)
    store.delete_object(Bucket="inbox", Key="a.csv")
    with pytest.raises(SourceError, match="no such object"), open_planned("s3://inbox/a.csv", state, digest):
        pass


@pytest.mark.slow
def test_a_run_of_an_object_loads_what_the_object_holds(store: Any, database: str) -> None:
    put(store, **{"a.csv": many_rows(3 * MB) + b"x,1,1,click,2024-01-01\n"})
    run = runs.plan("s3://inbox/a.csv", range_bytes=MB, database_url=database)
    assert run.ranges == 3
    for number in range(run.ranges):
        assert runs.stage(run.token, number, database_url=database) == "staged"
    taken = runs.take(run.token, database_url=database)
    assert (taken.source, taken.rows_loaded, taken.rows_rejected) == ("s3://inbox/a.csv", 3 * MB // 45, 1)
    again = runs.plan("s3://inbox/a.csv", database_url=database)
    assert again.already_loaded is not None
    assert again.already_loaded.load_id == taken.load_id


@pytest.mark.slow
def test_a_run_of_an_object_that_was_replaced_loads_nothing(store: Any, database: str) -> None:
    put(store, **{"a.csv": many_rows(2 * MB)})
    run = runs.plan("s3://inbox/a.csv", range_bytes=MB, database_url=database)
    assert runs.stage(run.token, 0, database_url=database) == "staged"
    put(store, **{"a.csv": many_rows(2 * MB).replace(b"click", b"other")})
    with pytest.raises(SourceChangedError, match="changed since it was planned"):
        runs.stage(run.token, 1, database_url=database)
    put(store, **{"a.csv": many_rows(2 * MB)})
    assert runs.stage(run.token, 1, database_url=database) == "staged"
    put(store, **{"a.csv": rows(1)})
    with pytest.raises(SourceChangedError, match="changed since it was planned"):
        runs.take(run.token, database_url=database)
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from user_interactions_raw").fetchone() == (0,)
