"""The contract: rows in, exact verdicts out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factories import make_contract, make_layout
from footfall.contract.mapping import Layout
from footfall.contract.shapes import COLUMNS
from footfall.contract.terms import Contract
from footfall.engines import kernel
from footfall.errors import SourceError
from footfall.formats.delimited import read_records
from sampling import examples

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
MAX = 2**63 - 1
NOW = datetime(2024, 6, 1, tzinfo=UTC)
Judged = list[tuple[int, Any]]
MANY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(15))


class Judge:
    """Bytes -> (line number, five values or problems), with sessions kept from call to call, as they are costly."""

    def __init__(self, is_quick: bool = True) -> None:
        self.is_quick = is_quick
        self.sessions: dict[Any, Any] = {}

    def __call__(self, content: bytes | str, latest: datetime | None = None, **contract: Any) -> Judged:
        content = content.encode() if isinstance(content, str) else content
        wanted = make_contract(**contract)
        record, batches = read_records(lambda: iter([content]), "a.csv", wanted.definition.delimiter or ",")
        session = self.session(make_layout(record.fields, wanted), latest)
        found: Judged = []
        for batch in batches:
            verdicts = kernel.judge_batch(session, batch)
            found += [
                (number, tuple(values)) for number, *values in zip(*verdicts.accepted.to_pydict().values(), strict=True)
            ]
            for row in verdicts.rejected.to_pylist():
                problems = json.loads(row["problems"])
                found.append((row["position"], [(p["code"], p["field"], p["value"]) for p in problems]))
        return sorted(found, key=lambda item: item[0])

    def session(self, layout: Layout, latest: datetime | None) -> Any:
        key = (layout, latest)
        if key not in self.sessions:
            made = kernel.open_kernel_session(layout, latest)
            self.sessions[key] = made if self.is_quick else replace(made, quick=None)
        return self.sessions[key]

    def close(self) -> None:
        for session in self.sessions.values():
            session.close()


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    made = Judge()
    yield made
    made.close()


@pytest.fixture(scope="module")
def slow_judge() -> Iterator[Judge]:
    made = Judge(is_quick=False)
    yield made
    made.close()


def make_line(column: str, text: str) -> str:
    """Give a valid row with one value of its own."""
    fields = {"interaction_id": "1", "user_id": "2", "product_id": "3", "action": "click", "timestamp": "2024-01-01"}
    return ",".join((fields | {column: text}).values())


def take_value(column: str, verdict: Any) -> Any:
    """Give that value if the row is valid, otherwise its problems."""
    return verdict if isinstance(verdict, list) else verdict[COLUMNS.index(column)]


@pytest.fixture(scope="module")
def value_of(judge: Judge) -> Callable[..., Any]:
    """Judge a row with one value of its own: that value if the row is valid, otherwise its problems."""

    def value(column: str, text: str, latest: datetime | None = None, **contract: Any) -> Any:
        ((_, verdict),) = judge(f"{HEADER}{make_line(column, text)}\n", latest, **contract)
        return take_value(column, verdict)

    return value


@pytest.fixture(scope="module")
def value_among(judge: Judge) -> Callable[..., Any]:
    """Do as `value_of` for one of a list of texts, which are judged together, as rows of one file."""
    judged: dict[tuple[Any, ...], dict[str, Any]] = {}

    def value(texts: Iterable[str], column: str, text: str, **contract: Any) -> Any:
        key = (tuple(texts), column, *sorted(contract.items()))
        if key not in judged:
            found = judge(HEADER + "".join(f"{make_line(column, each)}\n" for each in key[0]), **contract)
            assert [number for number, _ in found] == list(range(2, len(key[0]) + 2))
            judged[key] = {each: take_value(column, verdict) for each, (_, verdict) in zip(key[0], found, strict=True)}
        return judged[key][text]

    return value


GOOD_INTEGERS = {
    "1": 1, "+1": 1, "007": 7, "+007": 7, " 7 ": 7, "\t7": 7, "0": 0, "-0": 0, str(MAX): MAX,
    "0" * 30 + "7": 7, '"7"': 7, '" 7\t"': 7,
}  # fmt: skip
BAD_INTEGERS = {
    "-1": "out-of-range", "-007": "out-of-range", str(2**63): "out-of-range",
    "9" * 30: "out-of-range", "-" + "9" * 30: "out-of-range", "1.0": "not-an-integer", "1e3": "not-an-integer",
    "1_000": "not-an-integer", "0x10": "not-an-integer", "\u0661\u0662": "not-an-integer", "\xa07": "not-an-integer",
    "+": "not-an-integer", "-": "not-an-integer", "1 2": "not-an-integer", "+-1": "not-an-integer",
    "abc": "not-an-integer", "": "missing-value", " \t": "missing-value", '""': "missing-value",
    "7\v": "not-an-integer",
}  # fmt: skip


@pytest.mark.parametrize("column", COLUMNS[:3])
@pytest.mark.parametrize("text", GOOD_INTEGERS)
def test_an_integer_is_an_optional_sign_and_digits(value_among: Any, column: str, text: str) -> None:
    assert value_among(GOOD_INTEGERS, column, text) == GOOD_INTEGERS[text]


@pytest.mark.parametrize("column", COLUMNS[:3])
@pytest.mark.parametrize("text", BAD_INTEGERS)
def test_any_other_integer_is_a_problem(value_among: Any, column: str, text: str) -> None:
    assert value_among(BAD_INTEGERS, column, text) == [(BAD_INTEGERS[text], column, text.strip('" \t'))]


DAY = datetime(2024, 1, 2, tzinfo=UTC)
GOOD_TIMESTAMPS = {
    "2024-01-02": DAY, "2024-01-02 00:00": DAY, "2024-01-02T00:00": DAY, "2024-01-02 00:00:00": DAY,
    "2024-01-02 00:00Z": DAY, "2024-01-02T00:00:00Z": DAY, "2024-01-02 02:00+02": DAY, "2024-01-02 02:00+0200": DAY,
    "2024-01-02T02:00:00+02:00": DAY, "2024-01-01 21:30-02:30": DAY, "2024-01-02T14:00+14:00": DAY,
    "2024-01-01T10:00-14:00": DAY, "2024-01-02T14:00+14": DAY, "2024-01-02 13:59+13:59": DAY,
    "2024-01-02 00:00:00+00:00": DAY, "2024-01-02 00:00:00-00": DAY, " 2024-01-02\t": DAY,
    "2024-01-02 00:00:00.5": DAY + timedelta(milliseconds=500),
    "2024-01-02 00:00:00.000001": DAY + timedelta(microseconds=1),
    "2024-01-02 05:30:00.123456+05:30": DAY + timedelta(microseconds=123456),
    "0001-01-01": datetime(1, 1, 1, tzinfo=UTC), "0001-01-01 14:00+14:00": datetime(1, 1, 1, tzinfo=UTC),
    "9999-12-31 23:59:59.999999": datetime.max.replace(tzinfo=UTC), "2000-02-29": datetime(2000, 2, 29, tzinfo=UTC),
    "9999-12-31 09:59:59.999999-14:00": datetime.max.replace(tzinfo=UTC),
    "2024-01-02 0:00": DAY, "2024-01-02T0:00:00": DAY, "2024-01-02 5:30:00.5+05:30": DAY + timedelta(milliseconds=500),
    "2024-01-02 7:01": DAY + timedelta(hours=7, minutes=1), "2024-01-02T9:59:59Z": DAY + timedelta(seconds=35_999),
    "2024-01-02 00:00 Z": DAY, "2024-01-02T00:00:00.0 Z": DAY, "2024-01-02 02:00 +02": DAY,
    "2024-01-02T02:00:00 +0200": DAY, "2024-01-01 21:30:00.000000 -02:30": DAY, "2024-01-02 14:00 +14:00": DAY,
    "2024-01-02 00:00 UTC": DAY, "2024-01-02T00:00:00 UTC": DAY, "2024-01-02 0:00:00.000000 GMT": DAY,
    "9999-12-31 23:59:59.999999 UTC": datetime.max.replace(tzinfo=UTC),
    "0001-01-01 00:00 GMT": datetime(1, 1, 1, tzinfo=UTC),
}  # fmt: skip
BAD_TIMESTAMPS = {
    "": "missing-value", " ": "missing-value", "0000-01-01": "out-of-range", "0001-01-01 00:00+00:01": "out-of-range",
    "9999-12-31 23:59:59-00:01": "out-of-range", "0000-12-31T23:59:59Z": "out-of-range",
} | dict.fromkeys([
    "2024-01-02 24:00", "2024-01-02 24:00:00", "2024-02-30", "2023-02-29", "1900-02-29", "2024-13-01", "2024-00-01",
    "2024-01-00", "2024-1-2", "24-01-02", "2024-01-02 00:00+14:01", "2024-01-02 00:00-15",
    "2024-01-02 00:00:00+1400:00",
    "2024-01-02 00:00:00.1234567", "2024-01-02 00:00:00.", "2024-01-02t00:00", "2024-01-02 00:00z", "2024-01-02Z",
    "2024-01-02+02", "2024-01-02 00", "2024-01-02 00:60", "2024-01-02 00:00:60", "2024-01-02  00:00",
    "2024-01-02 00:00+2", "2024-01-02 00:00+02:60", "infinity", "now",
    "epoch", "20240102", "2024/01/02", "02.01.2024", "1704153600", "10000-01-01", "-2024-01-01", "2024-01-02T",
    "\u0662\u0660\u0662\u0664-01-02", "2024-01-02\xa000:00", "2024-01-02 00:00:00,5", "2024-01-02 00:00+02:00:00",
    "2024-01-02 7:1", "2024-01-02 :00", "2024-01-02 007:00", "2024-01-02 7:01 PM", "2024-01-02 7:01PM",
    "2024-01-02 7", "2024-01-02 00:00  Z", "2024-01-02 00:00\tZ", "2024-01-02 00:00 z", "2024-01-02 00:00  +02",
    "2024-01-02 00:00 +2", "2024-01-02 00:00 + 02", "2024-01-02 00:00 +14:01", "2024-01-02 00:00 02",
    "2024-01-02 00:00UTC", "2024-01-02 00:00 utc", "2024-01-02 00:00 Gmt", "2024-01-02 00:00  UTC",
    "2024-01-02 00:00 UTC+1", "2024-01-02 00:00 GMT+01", "2024-01-02 00:00 UT", "2024-01-02 00:00 +00 UTC",
    "2024-01-02 00:00 CET", "2024-01-02 00:00 Europe/Vienna", "2024-01-02 UTC", "2024-01-02 Z", "2024-01-02 +02",
    "2024-01-02 24:00 UTC", "2024-02-30 7:01",
], "not-a-timestamp")  # fmt: skip


@pytest.mark.parametrize("text", GOOD_TIMESTAMPS)
def test_every_form_of_a_timestamp_is_its_instant(value_among: Any, text: str) -> None:
    assert value_among(GOOD_TIMESTAMPS, "timestamp", text) == GOOD_TIMESTAMPS[text]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("text", BAD_TIMESTAMPS)
def test_any_other_timestamp_is_a_problem(value_among: Any, text: str, zone: str) -> None:
    quoted = {each: f'"{each}"' if "," in each else each for each in BAD_TIMESTAMPS}
    found = value_among(quoted.values(), "timestamp", quoted[text], source_time_zone=zone)
    assert found == [(BAD_TIMESTAMPS[text], "timestamp", text.strip())]


@pytest.mark.parametrize(
    ("zone", "text", "instant"),
    [
        ("Europe/Berlin", "2024-10-27 02:30", datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        ("Europe/Berlin", "2024-03-31 02:30", datetime(2024, 3, 31, 1, 30, tzinfo=UTC)),
        ("Europe/Berlin", "2024-07-01T00:00Z", datetime(2024, 7, 1, tzinfo=UTC)),
        ("Australia/Lord_Howe", "2024-04-07 01:45", datetime(2024, 4, 6, 14, 45, tzinfo=UTC)),
        ("Australia/Lord_Howe", "2024-10-06 02:15", datetime(2024, 10, 5, 15, 45, tzinfo=UTC)),
        ("Asia/Kathmandu", "2024-01-01", datetime(2023, 12, 31, 18, 15, tzinfo=UTC)),
        ("America/St_Johns", "2024-11-03 01:30", datetime(2024, 11, 3, 4, 0, tzinfo=UTC)),
        ("America/St_Johns", "2024-03-10 02:30", datetime(2024, 3, 10, 6, 0, tzinfo=UTC)),
    ],
)
def test_a_naive_timestamp_is_in_the_source_time_zone(value_of: Any, zone: str, text: str, instant: datetime) -> None:
    assert value_of("timestamp", text, source_time_zone=zone) == instant


@MANY
@given(
    zone=st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]),
    walls=st.lists(st.datetimes(datetime(1995, 1, 1), datetime(2035, 1, 1)), min_size=1, max_size=50),  # noqa: DTZ001
)
def test_naive_timestamps_are_those_of_zoneinfo(judge: Judge, zone: str, walls: list[datetime]) -> None:
    found = judge(HEADER + "".join(f"1,1,1,a,{wall}\n" for wall in walls), source_time_zone=zone)
    assert [row[4] for _, row in found] == [
        wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC) for wall in walls
    ]


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_an_action_has_at_most_500_code_points(value_of: Any, letter: str) -> None:
    assert value_of("action", letter * 500) == letter * 500
    assert value_of("action", letter * 501) == [("too-long", "action", letter * 200)]


@pytest.mark.parametrize("text", [" click\t", '" click "', "click"])
def test_an_action_is_trimmed_and_then_looked_up(value_of: Any, text: str) -> None:
    assert value_of("action", text, actions=("click",)) == "click"


@pytest.mark.parametrize("text", ["Click", "view", "click\xa0"])
def test_an_action_outside_the_list_is_unknown(value_of: Any, text: str) -> None:
    assert value_of("action", text, actions=("click",)) == [("unknown-action", "action", text)]


def test_an_instant_later_than_allowed_is_in_the_future(value_of: Any) -> None:
    future = partial(value_of, "timestamp", latest=NOW)
    assert future("2024-06-01 00:00:00") == NOW
    assert future("2024-06-01 00:00:00.000001")[0][0] == "in-the-future"
    assert future("2024-06-01 02:00+02:00") == NOW
    assert future("9999-12-31 23:59-14:00")[0][0] == "out-of-range"


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        (b"1,2,3,click", [("too-few-fields", None, "4")]),
        (b"1,2,3,click,2024-01-01,", [("too-many-fields", None, "6")]),
        (b'1,2,3,"click,2024-01-01', [("bad-quoting", None, '1,2,3,"click,2024-01-01')]),
        (b'1,2,3,cl"ick,2024-01-01', [("bad-quoting", None, '1,2,3,cl"ick,2024-01-01')]),
        (b'1,2,3, "click",2024-01-01', [("bad-quoting", None, '1,2,3, "click",2024-01-01')]),
        (b'1,2,3,"cl"ick,2024-01-01', [("bad-quoting", None, '1,2,3,"cl"ick,2024-01-01')]),
        (b"1,2,3,a\0b,2024-01-01", [("bad-encoding", "action", "a\ufffdb")]),
        (b"1,\xff,3,a,2024-01-01", [("bad-encoding", "user_id", "\ufffd")]),
        (b"1,\xff", [("too-few-fields", None, "2"), ("bad-encoding", None, "1,\ufffd")]),
        (
            b"x,,-1," + b"a" * 501 + b",never",
            [
                ("not-an-integer", "interaction_id", "x"),
                ("missing-value", "user_id", ""),
                ("out-of-range", "product_id", "-1"),
                ("too-long", "action", "a" * 200),
                ("not-a-timestamp", "timestamp", "never"),
            ],
        ),
        (b"1,2,3," + b"a" * 1_000_000 + b",2024-01-01", [("too-long", None, "1000017")]),
    ],
)
def test_a_row_carries_every_problem_that_it_has(judge: Judge, line: bytes, problems: Any) -> None:
    assert judge(HEADER.encode() + line + b"\n") == [(2, problems)]


def test_an_action_that_is_too_long_may_be_unknown_too(value_of: Any) -> None:
    found = value_of("action", "a" * 501, actions=("click",))
    assert [code for code, _, _ in found] == ["too-long", "unknown-action"]


@pytest.mark.parametrize("action", [b"", b"a\xff"])
def test_an_action_that_is_missing_or_no_text_is_not_unknown_too(judge: Judge, action: bytes) -> None:
    ((_, problems),) = judge(HEADER.encode() + b"1,2,3," + action + b",2024-01-01\n", actions=("click",))
    assert len(problems) == 1


def test_bad_bytes_of_one_field_are_no_problem_of_another(judge: Judge) -> None:
    line = b"1,2,3,\xef\xbf\xbd,\xff"
    assert judge(HEADER.encode() + line + b"\n") == [(2, [("bad-encoding", "timestamp", "\ufffd")])]


@pytest.mark.parametrize("count", [500, 20_000])
@pytest.mark.parametrize("delimiter", [",", "\u20ac"])
def test_a_header_of_many_columns_is_judged(judge: Judge, count: int, delimiter: str) -> None:
    names = HEADER[:-1] + "".join(f",c{number}" for number in range(count))
    content = "\n".join([names, "1,2,3,click,2024-01-01" + ",x" * count, "1,2,3,click,2024-01-01"])
    found = judge(content.replace(",", delimiter), delimiter=delimiter)
    assert found[0][1][3] == "click"
    assert found[1][1] == [("too-few-fields", None, "5")]


def test_a_quoted_action_may_hold_anything(judge: Judge) -> None:
    (row,) = judge(HEADER + '1,2,3,"a,""b""\nc",2024-01-01\n')
    assert row[1][3] == 'a,"b"\nc'


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "^", "$", ".", "*", "\\", "]", "é"])
def test_any_delimiter_works_quoted_or_not(judge: Judge, delimiter: str) -> None:
    rows = ["1,2,3,click,2024-01-01", '"1","2","3","click","2024-01-01"', '1,2,3,"a,b",2024-01-01', "1,2"]
    found = judge((HEADER + "\n".join(rows)).replace(",", delimiter), delimiter=delimiter)
    assert [row[3] for _, row in found[:3]] == ["click", "click", f"a{delimiter}b"]
    assert found[3][1] == [("too-few-fields", None, "2")]


def test_columns_stand_in_any_order_and_case_with_surplus_ones(judge: Judge) -> None:
    content = "Timestamp, ACTION ,extra,product_id,USER_ID,Interaction_Id\n2024-01-02,click,?,3,2,1\n"
    assert judge(content) == [(2, (1, 2, 3, "click", DAY))]
    fields = ["Timestamp", " ACTION ", "extra", "product_id", "USER_ID", "Interaction_Id"]
    assert make_layout(fields).surplus == ("extra",)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_header_with_a_required_column_missing_or_doubled_is_refused(column: str) -> None:
    with pytest.raises(SourceError, match=f"no column '{column}'"):
        make_layout([name for name in COLUMNS if name != column])
    with pytest.raises(SourceError, match=f"'{column}' twice"):
        make_layout([*COLUMNS, f" {column.upper()}"])


def test_the_fingerprint_tells_contracts_apart() -> None:
    contracts = [
        make_contract(), make_contract(";"), Contract(source_time_zone="Europe/Berlin"), Contract(actions=()),
        Contract(actions=("a",)), Contract(max_future_seconds=0), Contract(max_future_seconds=1),
    ]  # fmt: skip
    assert len({contract.make_fingerprint() for contract in contracts}) == len(contracts)
    assert make_contract().make_fingerprint() == make_contract(",").make_fingerprint()


HOSTILE_INTEGERS = [*GOOD_INTEGERS, *BAD_INTEGERS, "999999999999999999", "1000000000000000000", "1\r", "\ufffd", '7"']
HOSTILE_TIMESTAMPS = [text for text in [*GOOD_TIMESTAMPS, *BAD_TIMESTAMPS] if "," not in text]
HOSTILE_ACTIONS = [
    "a",
    " a ",
    "a b",
    "\x01a",
    "a\x01",
    "a\rb",
    "\xa0a",
    "x" * 500,
    "é" * 300,
    "x" * 501,
    "",
    '"a,b"',
    '"a\nb"',
    '""',
]
CONTRACTS: list[dict[str, Any]] = [
    {}, {"source_time_zone": "Europe/Berlin"}, {"actions": ("a", "a b")}, {"latest": NOW},
]  # fmt: skip


def hostile_lines() -> Iterator[str]:
    for number in HOSTILE_INTEGERS:
        yield from (f"{number},2,3,a,2024-01-01", f"1,{number},3,a,2024-01-01", f'"1","2","{number}","a","2024-01-01"')
    for time in HOSTILE_TIMESTAMPS:
        yield from (f"1,2,3,a,{time}", f'"1","2","3","a","{time}"', f"1,2,3,a,{time}\r")
    for action in HOSTILE_ACTIONS:
        yield from (
            f"1,2,3,{action},2024-01-01",
            f'1,2,3,"{action}",2024-01-01',
            f'"1","2","3","{action}","2024-01-01"',
        )
    yield from ("", " ", ",,,,", '"1","2","3","a","2024-01-01', '"1,2,3,a,2024-01-01"', "1,2", '"', '""')


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_quick_path_changes_no_verdict(judge: Judge, slow_judge: Judge, contract: dict[str, Any]) -> None:
    content = HEADER + "".join(f"{line}\n" for line in hostile_lines())
    assert judge(content, **contract) == slow_judge(content, **contract)


FIELD = st.sampled_from([*HOSTILE_INTEGERS, *HOSTILE_TIMESTAMPS, *HOSTILE_ACTIONS]) | st.text(
    '01-: TZ+.,"a\t\r\n\0', max_size=12
)
LINE = st.tuples(
    *[st.sampled_from(["1", '"1"']) | FIELD] * 3, st.just("a") | FIELD, st.sampled_from(HOSTILE_TIMESTAMPS) | FIELD
)


# A third of the examples that other tests have, with as many lines in all: what costs is a batch, not its lines.
@settings(MANY, max_examples=examples(6))
@given(lines=st.lists(LINE, min_size=8, max_size=40), quoted=st.booleans(), contract=st.sampled_from(CONTRACTS))
def test_the_quick_path_changes_no_verdict_on_any_line(
    judge: Judge, slow_judge: Judge, lines: list[Any], quoted: bool, contract: dict[str, Any]
) -> None:
    between = '","' if quoted else ","
    edge = '"' if quoted else ""
    content = HEADER + "".join(f"{edge}{between.join(line)}{edge}\n" for line in lines)
    assert judge(content, **contract) == slow_judge(content, **contract)


def test_no_row_is_ever_lost(judge: Judge) -> None:
    count = 30_000  # duckdb#23818: TRY_CAST right over a scan lost rows where a cast failed
    kinds = ["{0},2,3,a,2024-01-01", "x{0},2,3,a,2024-01-01", "{0},2,3,a,2024-02-30", "", "{0}", "{0},9e9,3,a,infinity"]
    found = judge(HEADER + "".join(kinds[n % 6].format(n + 1) + "\n" for n in range(count)))
    assert [number for number, _ in found] == [n + 2 for n in range(count) if n % 6 != 3]
