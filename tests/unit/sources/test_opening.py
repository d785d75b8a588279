"""Names -> files in loading order, each read once through one descriptor."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import zstandard

from footfall.errors import SourceChangedError, SourceError
from footfall.sources.finding import find_sources
from footfall.sources.opening import assert_unchanged, open_source, read_content

TEXT = b"a,b\n" + b"1,2\n" * 1000


def write(*names: str, content: bytes = TEXT) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)


def content_of(name: str) -> bytes:
    with open_source(name) as file:
        return b"".join(read_content(file))


def test_sources_keep_the_order_given() -> None:
    write("b.csv", "a.csv")
    assert find_sources(["b.csv", "-", "a.csv"]).paths == ("b.csv", "-", "a.csv")


def test_a_glob_is_in_bytewise_order() -> None:
    write("é.csv", "a.csv", "B.csv", "a10.csv", "a9.csv")
    assert find_sources(["*.csv"]).paths == ("B.csv", "a.csv", "a10.csv", "a9.csv", "é.csv")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SourceError, match=r"none\.csv: cannot be read"):
        content_of(find_sources(["none.csv"]).paths[0])


@pytest.mark.parametrize("name", ["a b.csv", "a'\".csv", "a\nb.csv", "a[1].csv", "a*.csv", "-a.csv"])
def test_a_file_is_found_under_any_name(name: str) -> None:
    write(name)
    assert find_sources([name]).paths == (name,)
    assert content_of(name) == TEXT


def test_standard_input_is_spooled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(TEXT)))
    with open_source("-") as file:
        assert file.digest == hashlib.sha256(TEXT).hexdigest()
        assert b"".join(read_content(file)) == b"".join(read_content(file)) == TEXT
        assert_unchanged(file)


def test_a_fifo_is_spooled() -> None:
    os.mkfifo("pipe")
    writer = threading.Thread(target=Path("pipe").write_bytes, args=(TEXT,))
    writer.start()
    assert content_of("pipe") == TEXT
    writer.join()


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_compressed_file_may_hold_several_members(compress: object) -> None:
    stored = compress(TEXT) + compress(b"") + compress(b"3,4\n")  # type: ignore[operator]
    write("a.csv.gz", content=stored)
    assert content_of("a.csv.gz") == TEXT + b"3,4\n"
    with open_source("a.csv.gz") as file:
        assert (file.digest, file.size_bytes) == (hashlib.sha256(stored).hexdigest(), len(stored))


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress])
@pytest.mark.parametrize("cut", [2, 5, -9, -5, -1])
def test_a_cut_compressed_file_is_refused_by_name(compress: object, cut: int) -> None:
    write("a.csv.gz", content=compress(os.urandom(5000))[:cut])  # type: ignore[operator]
    with pytest.raises(SourceError, match=r"a\.csv\.gz"):
        content_of("a.csv.gz")


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress])
@pytest.mark.parametrize("at", [0, 2500, -2])
def test_a_corrupt_compressed_file_is_refused_by_name(compress: object, at: int) -> None:
    stored = bytearray(compress(os.urandom(5000)))  # type: ignore[operator]
    stored[at] ^= 0xFF
    write("a.csv.gz", content=bytes(stored))
    with pytest.raises(SourceError, match=r"a\.csv\.gz"):
        content_of("a.csv.gz")


def test_a_file_that_changes_is_refused_and_may_be_tried_again() -> None:
    write("a.csv")
    with open_source("a.csv") as file:
        assert_unchanged(file)
        with Path("a.csv").open("ab") as stream:
            stream.write(b"3,4\n")
        with pytest.raises(SourceChangedError, match=r"a\.csv: changed") as caught:
            assert_unchanged(file)
    assert caught.value.retryable


@pytest.mark.parametrize("name", ["ftp://host/a.csv", "file:///etc/hostname", "s3://", "gs:///a.csv", "s3://[x/a.csv"])
def test_a_url_that_names_no_object_of_a_known_store_is_refused(name: str) -> None:
    with pytest.raises(SourceError) as caught:
        find_sources([name])
    assert (caught.value.exit_code, caught.value.retryable) == (3, False)


def test_a_web_address_is_not_taken_for_a_pattern() -> None:
    assert find_sources(["https://host/a?x=[1]"]).paths == ("https://host/a?x=[1]",)


def test_a_file_below_a_folder_named_like_an_unknown_scheme_is_a_file() -> None:
    write("x:/a.csv")
    assert find_sources(["x://a.csv"]).paths == ("x://a.csv",)
