"""Any rows, in any dialect, under any settings: Footfall and the independent reader give the same verdicts.

`make fuzz` runs these with many more examples; what fails there is kept by Hypothesis in .hypothesis and tried first
the next time. A failure worth keeping for all becomes an `@example`.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import framing
import independent_reader
from independent_reader import Rules
from product import Judged, Product, expected_verdict

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
COLUMNS = independent_reader.COLUMNS
# Zones with odd offsets, odd jumps (half an hour, a day, twice a year, backwards in summer) and none.
ZONES = (
    "UTC", "Europe/Vienna", "Europe/Dublin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Pacific/Apia", "Pacific/Chatham", "America/Sao_Paulo", "Antarctica/Troll",
    "Pacific/Kwajalein", "Asia/Pyongyang", "America/Caracas", "Etc/GMT+12", "Pacific/Kiritimati", "Asia/Gaza",
)  # fmt: skip
DELIMITERS = (",", ";", "|", "\t", "^", "]", "\\", "$", "é", "€", "\U0001f600", "\x1f", "_", "/", "~")
# In these years the zones are of whole minutes, and zoneinfo and DuckDB's ICU know the same rules for them; for others,
# such as Africa/Casablanca, they do not always have the same release of the zones' database.
YEAR_FROM, YEAR_TO = 1975, 2036
ALLOWED = ("click", "hover", "caf\u00e9")


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    made = Product()
    yield made
    made.close()


def expected(content: bytes, rules: Rules) -> Judged:
    try:
        return [expected_verdict(record) for record in independent_reader.read(content, rules)]
    except independent_reader.FileRefusedError:
        return None


numbers = st.one_of(
    st.integers(1, 9).map(str),
    st.integers(-(2**65), 2**65).map(str),
    st.from_regex(r"[ \t]?[+-]?0{0,3}[0-9]{1,20}[ \t]?", fullmatch=True),
    st.sampled_from(["", "1.0", "1e3", "1_0", "\u0661", "+", "NULL", "9223372036854775807", "9223372036854775808"]),
)
walls = st.datetimes(datetime(YEAR_FROM, 1, 1), datetime(YEAR_TO, 1, 1))  # noqa: DTZ001
offsets = st.sampled_from(
    [
        "",
        "Z",
        "+00",
        "-0000",
        "+05:30",
        "-08",
        "+1400",
        "-14:00",
        "+14:01",
        "+5",
        "z",
        " Z",
        " +00",
        " -05:30",
        " UTC",
        " GMT",
        " utc",
        "UTC",
        "  Z",
        " +5",
    ]
)
times = st.one_of(
    st.builds(lambda wall, mark: wall.isoformat(mark), walls, st.sampled_from([" ", "T"])),
    st.builds(lambda wall, offset: wall.isoformat(" ") + offset, walls, offsets),
    st.builds(lambda wall, offset: wall.isoformat("T", "minutes") + offset, walls, offsets),
    st.builds(
        lambda wall, offset: f"{wall:%Y-%m-%d} {wall.hour}:{wall:%M}{offset}",
        walls,
        offsets,
    ),
    st.builds(lambda year, rest: f"{year:04}-{rest}", st.integers(0, 9999), st.sampled_from(["01-01Z", "12-31"])),
    st.from_regex(
        r"(000[01]|2024|9999)-[01][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,7})?)?"
        r"(Z|[+-][01][0-9]:?[0-6][0-9]))?",
        fullmatch=True,
    ),
    st.sampled_from(["", "now", "infinity", "2024-02-30", "0001-01-01 00:00+14", "9999-12-31 23:59:59.9999999"]),
)
actions = st.one_of(
    st.sampled_from(ALLOWED),
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=8),
    st.sampled_from(
        [" click\t", "a" * 500, "a" * 501, "\U0001f600" * 501, "e\u0301", "\ufffd", '"', "a\nb", "\x85", "\xa0click"]
    ),
)
notes = st.one_of(st.just(""), st.binary(max_size=4).map(lambda held: held.decode("latin-1")))
VALUES = {"action": actions, "timestamp": times, "note": notes}
breaks = st.sampled_from(["\n", "\r\n", "\r"])
scraps = st.sampled_from(
    [b'"', b"\n", b"\r", b",", b"\0", b"\xff", b"\xef\xbb\xbf", b" ", b"\t", b'""', b'"\n', b"\xef\xbf\xbd"]
)


@st.composite
def fields(draw: st.DrawFn, column: str, delimiter: str) -> str:
    """Give one field as it is written: in quotes where it needs them, mostly, or where it does not."""
    value = draw(VALUES.get(column, numbers))
    needs = any(mark in value for mark in (delimiter, '"', "\n", "\r"))
    if draw(st.integers(0, 19)) < (19 if needs else 5):
        return '"' + value.replace('"', '""') + '"'
    return value


@st.composite
def files(draw: st.DrawFn, delimiter: str) -> bytes:
    """Give a file: rows of a dialect, some repeated, and scraps of rubbish in it."""
    end = draw(breaks)
    columns = draw(st.permutations([*COLUMNS, *(["note"] * draw(st.integers(0, 2)))]))
    rows = [[fields(column, delimiter) for column in columns] for _ in range(draw(st.integers(0, 6)))]
    lines = [delimiter.join(columns), *(delimiter.join(draw(field) for field in row) for row in rows)]
    lines += draw(st.lists(st.sampled_from(lines), max_size=2))
    ends = [draw(breaks) if draw(st.integers(0, 9)) == 0 else end for _ in lines]
    content = "".join(line + each for line, each in zip(lines, ends, strict=True)).encode()
    content = draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf", b"\n", b" \t\r\n"])) + content
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(scraps) + content[at + draw(st.integers(0, 1)) :]
    return content[: len(content) - draw(st.sampled_from([0, 0, 0, 1, 2]))]


# Fewer rules than examples: each has a session of its own.
rules = st.builds(
    Rules,
    st.sampled_from(DELIMITERS),
    st.sampled_from(ZONES),
    st.sampled_from([None, ALLOWED, ()]),
    st.sampled_from([None, (datetime(2024, 6, 1) - datetime(1, 1, 1)) // timedelta(microseconds=1)]),  # noqa: DTZ001
)


@pytest.mark.slow
@given(data=st.data(), rules=rules, block=st.sampled_from([1, 2, 3, 7, 64, 1 << 20]))
def test_any_rows_in_any_dialect_under_any_settings(
    product: Product, data: st.DataObject, rules: Rules, block: int
) -> None:
    contents = data.draw(st.lists(files(rules.delimiter), min_size=1, max_size=4))
    assert product.judge(contents, rules, block) == [expected(content, rules) for content in contents]


@given(content=st.binary(max_size=200), start=st.sampled_from([b"", ",".join(COLUMNS).encode() + b"\n"]))
def test_any_bytes(product: Product, content: bytes, start: bytes) -> None:
    assert product.judge([start + content]) == [expected(start + content, Rules())]


@given(data=st.binary(min_size=5, max_size=600))
def test_any_bytes_are_framed_alike_under_small_limits(data: bytes) -> None:
    assert framing.difference(data) is None


@pytest.mark.parametrize("seed", CORPUS, ids=lambda path: path.name)
def test_what_the_fuzzer_kept_is_framed_alike(seed: Path) -> None:
    assert framing.difference(seed.read_bytes()) is None


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
def test_every_jump_of_a_clock_is_that_of_zoneinfo(product: Product, zone: str) -> None:
    rules = Rules(source_time_zone=zone)
    at = datetime(YEAR_FROM, 1, 1)  # noqa: DTZ001
    info = zoneinfo.ZoneInfo(zone)
    lines = []
    while at.year < YEAR_TO:
        after = at + timedelta(hours=6)
        if at.replace(tzinfo=info).utcoffset() != after.replace(tzinfo=info).utcoffset():
            minutes = [*range(-1500, 1900, 60), *range(-90, 480, 15)]
            lines += [f"1,1,1,a,{at + timedelta(minutes=minute)}" for minute in minutes]
        at = after
    content = "\n".join([",".join(COLUMNS), *lines, "1,1,1,a,2024-06-01"]).encode()
    (judged,) = product.judge([content], rules)
    assert judged == expected(content, rules)
