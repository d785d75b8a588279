"""A verdict hangs on nothing but the file and the contract, and no byte of a file is outside the account."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import framing
import independent_reader
from factories import make_layout
from footfall.contract.value_shapes import Kinds, add_all
from footfall.engines import in_process, kernel
from footfall.formats.delimited import read_records
from hostile_file import hostile_file
from product import Product, expected_verdict

ENDS = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}
MB = 1 << 20


@cache
def content_of(end: str) -> bytes:
    return hostile_file(ENDS[end])


def judge(content: bytes, block: int, limit_mb: int) -> tuple[pa.Table, pa.Table, Any]:
    """Judge a file that comes in blocks of that size: what is accepted, what is rejected, the kinds of problems."""
    blocks = [content[at : at + block] for at in range(0, len(content), block)]
    record, batches = read_records(lambda: iter(blocks), "a.csv", ",", limit_mb)
    kernel = in_process.Kernel(make_layout(record.fields), None, limit_mb)
    try:
        verdicts = list(kernel.judge(batches))
    finally:
        kernel.close()
    kinds: Kinds = {}
    for verdict in verdicts:
        add_all(kinds, verdict.kinds.get(0, {}))
    accepted = pa.concat_tables([verdict.accepted for verdict in verdicts]).combine_chunks()
    return accepted, pa.concat_tables([verdict.rejected for verdict in verdicts]).combine_chunks(), kinds


@cache
def first_answer(end: str) -> tuple[pa.Table, pa.Table, Any]:
    return judge(content_of(end), 64 * MB, 512)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "block", "limit_mb", "cores", "slow_rows", "is_quick"),
    [
        ("lf", MB, 128, 1, 50_000, True),
        ("lf", 999_999, 128, 4, 60, True),
        ("lf", 1021, 300, 2, 50_000, True),
        ("lf", 64 * MB, 4096, 3, 40, True),
        ("lf", MB, 4096, None, 50_000, False),
        ("crlf", 65_537, 128, 2, 30, True),
        ("crlf", 64 * MB, 4096, 1, 50_000, False),
        ("cr", 65_537, 128, 2, 30, True),
        ("cr", 64 * MB, 4096, 1, 50_000, False),
    ],
)
def test_one_file_has_one_answer_whatever_judges_it(
    monkeypatch: pytest.MonkeyPatch, end: str, block: int, limit_mb: int, cores: Any, slow_rows: int, is_quick: bool
) -> None:
    wanted = first_answer(end)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(kernel, "SLOW_ROWS", slow_rows)
    if not is_quick:
        made = kernel.compose_form
        monkeypatch.setattr(kernel, "compose_form", lambda layout: replace(made(layout), plain=None))
    accepted, rejected, kinds = judge(content_of(end), block, limit_mb)
    assert accepted["position"].to_pylist() == wanted[0]["position"].to_pylist()
    assert accepted.equals(wanted[0])
    assert rejected["position"].to_pylist() == wanted[1]["position"].to_pylist()
    assert rejected.equals(wanted[1])
    assert kinds == wanted[2]


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
def test_the_answer_on_the_hostile_file_is_that_of_the_independent_reader(end: str) -> None:
    product = Product()
    try:
        (found,) = product.judge([content_of(end)])
    finally:
        product.close()
    assert found == [expected_verdict(record) for record in independent_reader.read(content_of(end))]


pieces = st.sampled_from(
    [b"1,2,3,4,5", b'1,2,3,4,"x', b'1,2,3,4,x"', b'"1', b'1",2,3,4,5', b'"a,b"', b'""', b'"', b",", b"x", b"\n", b"\n",
     b"\r\n", b"\r", b" ", b"\t", b" \n", b"\0", b"\xff", b"\xef\xbb\xbf", b"x" * 70, b" " * 140, b'1,2,3,"a\nb",5\n']
)  # fmt: skip
limits = st.tuples(st.sampled_from([1, 2, 3, 4, 5]), st.integers(0, 255), st.integers(0, 7), st.integers(0, 63))
hostile_inputs = st.builds(lambda bounds, parts: bytes([0, *bounds]) + b"".join(parts), limits, st.lists(pieces))


@given(data=hostile_inputs)
def test_every_byte_is_of_one_record_or_a_blank_line_or_the_header_or_a_line_end(data: bytes) -> None:
    assert framing.outside_the_account(data) == []


@given(data=hostile_inputs)
def test_hostile_lines_are_framed_alike_under_small_limits(data: bytes) -> None:
    assert framing.difference(data) is None
