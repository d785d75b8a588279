"""The second reader of mapped files, held against examples that were worked out by hand."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from footfall.contract.definition import Condition, Field, SourceDefinition
from independent_reader import FileRefusedError
from mapped_values import Content, SourceRules, read_time
from source_reader import Row, Tables

TEXTS = SourceRules(("text", "text", "text"))
NOON = "2024-05-06 12:00:00"


def instant(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001


def define(**given: Any) -> SourceDefinition:
    """Give a definition of five short columns, and what else it says."""
    named = {"interaction_id": "id", "user_id": "user", "product_id": "item", "action": "what", "timestamp": "at"}
    fields = {name: Field(columns=(column,)) for name, column in named.items()}
    return SourceDefinition(name="shop", **{"format": "csv", **fields, **given})


def rows(content: bytes | str, definition: SourceDefinition, rules: SourceRules = TEXTS, name: str = "a") -> list[Row]:
    held = content.encode() if isinstance(content, str) else content
    found = Tables().take_file(name, held, definition, rules)
    assert found is not None
    return found


def verdicts(content: bytes | str, definition: SourceDefinition, rules: SourceRules = TEXTS) -> list[str]:
    """Give each row as one text: its content, or the codes and fields of its problems, or that it is skipped."""
    return [in_words(row) for row in rows(content, definition, rules)]


def in_words(row: Row) -> str:
    if row.problems:
        return " ".join(sorted(f"{each.code}({each.field})" if each.field else each.code for each in row.problems))
    if row.content is None:
        return row.verdict
    content = row.content
    said = f"{content.interaction_id} {content.user_id} {content.product_id} {content.action}"
    return said if row.verdict == "accepted" else f"{row.verdict}: {said}"


HEADER = "id,user,item,what,at\n"
FIELDS = ("id", "user", "item", "what", "at")


@pytest.mark.parametrize(
    ("definition", "content", "wanted"),
    [
        ({}, f"AT, ID ,what,item,user\n{NOON},e1,view,p,u\n", ["e1 u p view"]),
        ({"delimiter": "::"}, f"id::user::item::what::at\ne1::u:1::p::view::{NOON}\n", ["e1 u:1 p view"]),
        ({"delimiter": "::"}, f'id::user::item::what::at\n"e::1"::u::p::v::{NOON}\n', ["e::1 u p v"]),
        ({"delimiter": "\t"}, f"id\tuser\titem\twhat\tat\ne1\tu\tp\tv\t{NOON}", ["e1 u p v"]),
        ({"delimiter": "blanks"}, "  id user\t item  what at \n e1  u p\tv 2024-05-06  \n", ["e1 u p v"]),
        ({"delimiter": "blanks"}, "id user item what at\ne1 u p v\n1 2 3 4 5 6", ["too-few-fields", "too-many-fields"]),
        ({"delimiter": "blanks"}, f'id user item what at\ne1 u p "a b" "{NOON}"', ["e1 u p a b"]),
        ({"quoting": False}, f'{HEADER}"e1,u,"p"x,v",{NOON}\n', ['"e1 u "p"x v"']),
        ({"header": False, "columns": FIELDS}, f"e1,u,p,v,{NOON}\n1,2\n", ["e1 u p v", "too-few-fields"]),
        ({"skip_lines": 2}, f"Report\n\n{HEADER}e1,u,p,v,{NOON}\n", ["e1 u p v"]),
        ({"comment": "#"}, f"# made today\n{HEADER}#e0,u,p,v,{NOON}\ne1,u,p,v,{NOON}\n", ["e1 u p v"]),
        ({"null_values": ("NULL", "-")}, f"{HEADER}e1, NULL ,-,v,null\n",
         ["missing-value(product_id) missing-value(user_id) not-a-timestamp(timestamp)"]),
        ({"null_values": ("NULL",)}, f'{HEADER}e1,u,p,"NULL",{NOON}\n', ["missing-value(action)"]),
        ({}, f'{HEADER}e1,u,p,"two\nlines",{NOON}\n', ["e1 u p two\nlines"]),
        ({}, f'{HEADER}e1,u,p,"v,{NOON}\ne2,u,p,v,{NOON}\ne3,u,p,v",{NOON}\n',
         ["bad-quoting", "e2 u p v", "bad-quoting"]),
    ],
)  # fmt: skip
def test_dialects(definition: dict[str, Any], content: str, wanted: list[str]) -> None:
    assert verdicts(content, define(**definition)) == wanted


def test_columns_without_a_header_are_known_by_their_position() -> None:
    definition = define(
        header=False, user_id=Field(columns=(3,)), interaction_id=Field(columns=(1,)), product_id=Field(columns=(2,)),
        action=Field(value="rated"), timestamp=Field(columns=(5,), formats=("epoch-s",)),
    )  # fmt: skip
    (row,) = rows("7,8,9,4.5,978300760\n", definition, SourceRules())
    assert row.content == Content(7, 9, 8, "rated", instant("2000-12-31T22:12:40"))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_a_file_is_decoded_before_it_is_cut(encoding: str) -> None:
    content = f"{HEADER}e1,J\xf6rg,p,caf\xe9,{NOON}\n".encode(encoding)
    assert verdicts(content, define(encoding=encoding)) == ["e1 J\xf6rg p caf\xe9"]


def test_bad_bytes_matter_in_the_five_fields_and_where_no_field_can_be_told_apart() -> None:
    content = b"id,user,item,what,at,note\ne1,u,p,v,2024-01-01,\xe9\ne2,\xe9,p,v,2024-01-01,\ne3,\xe9\n"
    assert verdicts(content, define()) == ["e1 u p v", "bad-encoding(user_id)", "bad-encoding too-few-fields"]
    cp1252 = b"id,user,item,what,at\ne1,u,p,\x81,2024-01-01\n"
    assert verdicts(cp1252, define(encoding="cp1252")) == ["bad-encoding(action)"]


@pytest.mark.parametrize("column", ["id", "user", "nothing"])
def test_a_column_that_is_doubled_or_missing_refuses_the_file(column: str) -> None:
    with pytest.raises(FileRefusedError):
        rows("id,user,id,user,item,what,at\n", define(user_id=Field(columns=(column,))))


def test_what_a_field_can_be() -> None:
    content = (
        "id,visitor,session,item,what,at\n"
        f"e1,,s,N73-0,v,{NOON}\n"
        f"e2,v,s,,v,{NOON}\n"
        f"e3,,,73,v,{NOON}\n"
        f"e4,v,,73,v,{NOON}\n"
    )  # fmt: skip
    definition = define(
        user_id=Field(columns=("visitor", "session")),
        product_id=Field(columns=("item",), extract=r"N(\d+)-\d", default="none"),
        action=Field(value="view"),
    )
    # What a pattern does not fit is no missing column: the default is not for it.
    both = "missing-value(product_id) missing-value(user_id)"
    wanted = ["e1 s 73 view", "e2 v none view", both, "missing-value(product_id)"]
    assert verdicts(content, definition) == wanted


def test_a_key_of_several_columns_tells_all_pairs_apart() -> None:
    definition = define(interaction_id=Field(joined=("user", "item")))
    content = f"user,item,what,at\na,bc,v,{NOON}\nab,c,v,{NOON}\na,bc,v,{NOON}\na,,v,{NOON}\na:b,c\\,v,{NOON}\n"
    found = rows(content, definition)
    assert [each.verdict for each in found] == ["accepted", "accepted", "duplicate", "rejected", "accepted"]
    ids = [each.content.interaction_id for each in found if each.content]
    assert ids == ["a:bc", "ab:c", "a:bc", r"a\:b:c\\"]


def test_records_that_are_no_interactions_are_skipped_but_bad_ones_are_not() -> None:
    content = f"{HEADER}e1,u,p,view,{NOON}\nx,,,ping,never\ne2,u,p,cart,{NOON}\ne3,,p,cart,{NOON}\n1,2\n"
    where = (Condition("what", is_in=("view", "cart")), Condition("user", is_missing=False))
    wanted = ["e1 u p view", "skipped", "e2 u p cart", "skipped", "too-few-fields"]
    assert verdicts(content, define(where=where)) == wanted
    assert verdicts(content, define(where=(Condition("what", not_in=("view", "cart")),))) == [
        "skipped", "missing-value(product_id) missing-value(user_id) not-a-timestamp(timestamp)",
        "skipped", "skipped", "too-few-fields",
    ]  # fmt: skip


U = "0188a4e6-7b5c-7d3e-8f00-0123456789ab"


@pytest.mark.parametrize(
    ("id_type", "text", "wanted"),
    [
        ("bigint", "0", 0), ("bigint", "-0", 0), ("bigint", "+007", 7), ("bigint", "9223372036854775807", 2**63 - 1),
        ("bigint", "9223372036854775808", "out-of-range"), ("bigint", "-1", "out-of-range"),
        ("bigint", "1.0", "not-an-integer"), ("bigint", "9" * 5000, "out-of-range"),
        ("uuid", U, uuid.UUID(U)), ("uuid", U.upper(), uuid.UUID(U)), ("uuid", "{" + U + "}", uuid.UUID(U)),
        ("uuid", U.replace("-", ""), uuid.UUID(U)), ("uuid", "{" + U, "not-a-uuid"), ("uuid", U + "}", "not-a-uuid"),
        ("uuid", "urn:uuid:" + U, "not-a-uuid"), ("uuid", U.replace("-", "", 1), "not-a-uuid"),
        ("uuid", "1", "not-a-uuid"),
        ("text", "00123", "00123"), ("text", "x" * 200, "x" * 200), ("text", "x" * 201, "too-long"),
        ("text", "\U0001f600" * 200, "\U0001f600" * 200), ("text", "", "missing-value"),
    ],
)  # fmt: skip
def test_ids(id_type: str, text: str, wanted: Any) -> None:
    (row,) = rows(f"{HEADER}{text},1,1,v,{NOON}\n", define(), SourceRules((id_type, "text", "text")))
    assert (row.content.interaction_id if row.content else next(iter(row.problems)).code) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"), [("123.0", 123), ("123", 123), ("123.5", "not-an-integer"), ("1e3", "not-an-integer"),
                         ("9007199254740993.0", 9007199254740993), ("-1.0", "out-of-range"), ("0.000", 0)]
)  # fmt: skip
def test_integers_as_pandas_writes_them(text: str, wanted: Any) -> None:
    definition = define(interaction_id=Field(columns=("id",), is_float=True))
    (row,) = rows(f"{HEADER}{text},1,1,v,{NOON}\n", definition, SourceRules())
    assert (row.content.interaction_id if row.content else next(iter(row.problems)).code) == wanted


@pytest.mark.parametrize(
    ("formats", "text", "wanted"),
    [
        (("iso",), "2024-05-06 7:01 UTC", "2024-05-06T07:01"),
        (("iso",), "2024-05-06 07:01:02 +02", "2024-05-06T05:01:02"),
        (("iso",), "2024-05-06 07:01Z", "2024-05-06T07:01"),
        (("iso",), "06/05/2024", "not-a-timestamp"),
        (("epoch-s",), "1700000000", "2023-11-14T22:13:20"),
        (("epoch-s",), "1700000000.1234569", "2023-11-14T22:13:20.123456"),
        (("epoch-ms",), "1700000000123", "2023-11-14T22:13:20.123"),
        (("epoch-us",), "1700000000123456", "2023-11-14T22:13:20.123456"),
        (("epoch-ns",), "1700000000123456999", "2023-11-14T22:13:20.123456"),
        (("epoch-s",), "-1", "1969-12-31T23:59:59"),
        (("epoch-s",), "253402300800", "out-of-range"),
        (("epoch-s",), "1" * 60, "out-of-range"),
        (("epoch-s",), "1.7e9", "not-a-timestamp"),
        (("%d/%m/%Y %H:%M",), "06/05/2024 07:01", "2024-05-06T07:01"),
        (("%d/%m/%Y %H:%M",), "31/02/2024 07:01", "not-a-timestamp"),
        (("%Y%m%d",), "20240506", "2024-05-06T00:00"),
        (("%m/%d/%Y %I:%M:%S %p",), "5/6/2024 12:01:02 AM", "2024-05-06T00:01:02"),
        (("%d/%b/%Y:%H:%M:%S %z",), "06/May/2024:07:01:02 +0200", "2024-05-06T05:01:02"),
        (("%d/%m/%Y", "%m/%d/%Y"), "06/05/2024", "ambiguous-timestamp"),
        (("%d/%m/%Y", "%m/%d/%Y"), "05/05/2024", "2024-05-05T00:00"),
        (("%d/%m/%Y", "%m/%d/%Y"), "13/05/2024", "2024-05-13T00:00"),
        (("%d/%m/%Y", "iso"), "2024-05-13", "2024-05-13T00:00"),
    ],
)
def test_times(formats: tuple[str, ...], text: str, wanted: str) -> None:
    found = read_time(text, Field(formats=formats), SourceRules())
    assert (found if isinstance(found, int) else found.code) == (instant(wanted) if wanted[:1].isdigit() else wanted)


def test_a_naive_time_is_in_the_zone_of_its_source() -> None:
    zone = Field(columns=("at",), formats=("iso", "epoch-s"), time_zone="Europe/Vienna")
    content = f"{HEADER}e1,u,p,v,2024-03-31 02:30\ne2,u,p,v,2024-10-27 02:30\ne3,u,p,v,2024-10-27 02:30Z\ne4,u,p,v,0\n"
    found = rows(content, define(timestamp=zone), SourceRules(TEXTS.id_types, "America/New_York"))
    wanted = ["2024-03-31T01:30", "2024-10-27T00:30", "2024-10-27T02:30", "1970-01-01T00:00"]
    assert [row.content.instant for row in found if row.content] == [instant(each) for each in wanted]


def test_a_date_and_a_time_are_joined_and_a_name_can_hold_the_day() -> None:
    joined = Field(joined=("date", "time"), formats=("%d.%m.%Y %H:%M",))
    (row,) = rows("id,user,item,what,date,time\n1,u,p,v,06.05.2024,7:01\n", define(timestamp=joined))
    assert row.content and row.content.instant == instant("2024-05-06T07:01")
    named = Field(from_name="interactions-%Y-%m-%d")
    (row,) = rows("id,user,item,what\n1,u,p,v\n", define(timestamp=named), name="interactions-2024-05-06.csv.gz")
    assert row.content and row.content.instant == instant("2024-05-06T00:00")
    with pytest.raises(FileRefusedError):
        rows("id,user,item,what\n1,u,p,v\n", define(timestamp=named), name="interactions-new.csv")


def test_a_column_of_text_can_hold_json() -> None:
    definition = define(product_id=Field(columns=("payload -> product.id",)))
    content = 'id,user,what,at,payload\n1,u,v,2024-05-06,"{""product"": {""id"": 73}}"\n2,u,v,2024-05-06,{}\n'
    assert verdicts(content, definition) == ["1 u 73 v", "missing-value(product_id)"]


JSONL = define(format="jsonl", product_id=Field(columns=("props.$item", '["a.b"][1]')))
GOOD = '"user":"u","what":"v","at":"2024-05-06","props":{"$item":"p"}'


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('{"id":"e1",' + GOOD + "}", ["e1 u p v"]),
        ('\t{ "id" : "\\u0065\\ud83d\\ude00" ,' + GOOD + " } ", ["e\U0001f600 u p v"]),
        ('{"id":123456789012345678901234567890,' + GOOD + "}", ["123456789012345678901234567890 u p v"]),
        ('{"id":true,' + GOOD + "}", ["true u p v"]),
        ('{"id":"e1","user":"u","what":"v","at":"2024-05-06","a.b":[1,2,3]}', ["e1 u 2 v"]),
        ('{"id":"e1","user":null,"what":"v","at":"2024-05-06","a.b":[1]}',
         ["missing-value(product_id) missing-value(user_id)"]),
        ('{"id":[1],' + GOOD + "}", ["not-a-value(interaction_id)"]),
        ('{"id":{},' + GOOD + "}", ["not-a-value(interaction_id)"]),
        ('{"id":NaN,' + GOOD + "}", ["not-a-value(interaction_id)"]),
        ('{"id":-Infinity,' + GOOD + "}", ["not-a-value(interaction_id)"]),
        ('{"id":"a\\u0000b",' + GOOD + "}", ["bad-encoding(interaction_id)"]),
        ('{"id":"\\ud800",' + GOOD + "}", ["bad-encoding(interaction_id)"]),
        ('{"id":"e1","id":"e2",' + GOOD + "}", ["not-an-object"]),
        ('{"id":"e1","\\u0069d":"e1",' + GOOD + "}", ["not-an-object"]),
        ('{"id":"e1","note":{"x":1,"x":2},' + GOOD + "}", ["e1 u p v"]),
        ("[1]", ["not-an-object"]), ("{", ["not-an-object"]), ("x", ["not-an-object"]), ('"a"', ["not-an-object"]),
        ('{"id":"e1",' + GOOD + "} x", ["not-an-object"]), ("{'id':1}", ["not-an-object"]),
        ("", []), (" \t", []),
        ('{"id":"' + "x" * 1_000_000 + '"}', ["too-long"]),
    ],
)  # fmt: skip
def test_lines_of_json(line: str, wanted: list[str]) -> None:
    assert verdicts(line, JSONL) == wanted
    assert verdicts(f"{line}\r\n\n{line}", JSONL)[: len(wanted)] == wanted


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (b'{"id":"\xff",', "bad-encoding(interaction_id)"),
        (b'{"id":"\0",', "bad-encoding(interaction_id)"),
        (b'{"id":"e1","note":"\xff\0\\u0000\\udfff",', "e1 u p v"),
        (b'{"id":"e1","\xffx":1,', "e1 u p v"),
        (b'{"id":"e1",\xff', "bad-encoding not-an-object"),
        (b'{"id":"e1",x"\\u0000",', "bad-encoding not-an-object"),
        (b'{"id":"e1",x"\\\\u0000\\ud83d\\ude00",', "not-an-object"),
        (b'{"id":"a\\\\u0000",', "a\\u0000 u p v"),
    ],
)
def test_bytes_that_are_no_text_matter_in_the_five_fields_of_a_line_of_json(line: bytes, wanted: str) -> None:
    assert verdicts(line + GOOD.encode() + b"}\n", JSONL) == [wanted]


def test_a_number_with_a_fraction_is_no_integer_unless_that_is_allowed() -> None:
    line = '{"id":1.0,"user":7,"what":"v","at":"2024-05-06","props":{"$item":5}}'
    assert verdicts(line, JSONL, SourceRules()) == ["not-an-integer(interaction_id)"]
    allowed = replace(JSONL, interaction_id=Field(columns=("id",), is_float=True))
    assert verdicts(line, allowed, SourceRules()) == ["1 7 5 v"]


def test_each_item_of_a_list_is_a_row() -> None:
    definition = define(format="jsonl", explode="events", user_id=Field(columns=("..session",)))
    item = '{"id":"%s","item":"p","what":"v","at":"2024-05-06"}'
    line = '{"session":"s","events":[' + ",".join([item % "e1", "5", item % "e2"]) + "]}"
    found = rows(f'\n{line}\n{{"events":[]}}\n{{}}\n{{"events":7}}\n{{"events":[{item % "e3"}]}}', definition)
    wanted = [
        "e1 s p v",
        "not-an-object",
        "e2 s p v",
        "missing-value",
        "not-a-value",
        "missing-value(user_id)",
    ]
    assert [in_words(each) for each in found] == wanted
    assert [(each.line_number, each.item) for each in found] == [(2, 1), (2, 2), (2, 3), (4, 1), (5, 1), (6, 1)]


RECORD = '{"id":"%s","user":"u","item":"p","what":"v","at":"2024-05-06"}'


@pytest.mark.parametrize(
    ("content", "records"),
    [
        ("[" + RECORD % 1 + ",\n" + RECORD % 2 + "]\n", None),
        ("\ufeff" + RECORD % 1 + RECORD % 2 + "\n", None),
        ('{"n":2,"data":{"rows":[' + RECORD % 1 + "," + RECORD % 2 + "]}}", "data.rows"),
    ],
)
def test_documents_of_json(content: str, records: str | None) -> None:
    assert verdicts(content, define(format="json", records=records)) == ["1 u p v", "2 u p v"]


@pytest.mark.parametrize(
    "content", ["", " ", "[", "[{}", "[{},", '[{}"]', "[{}]]", "{}]", "{}}", "5", "{", "[}", b"\xff[]"]
)
def test_a_document_that_is_cut_or_none_is_refused(content: str | bytes) -> None:
    with pytest.raises(FileRefusedError):
        rows(content, define(format="json"))


@pytest.mark.parametrize(
    ("content", "count"),
    [
        ("[]", 0), ("[ ,]", 0), ("[5, null x, [], {}]", 4), ("[{}{},,{}]", 3), ("{},{}", 2), ("[{}] [{}]", 2),
        ("[{}]x", 2),
        ('[{}"]"{}]', 3), ('["a,b", 5]', 2), ("{} [{}]", 2), ('[{"a":[1,{"b":"}"}]}]', 1), ("[[[]]]", 1),
        ('["\\"]", 1]', 2),
    ],
)  # fmt: skip
def test_what_stands_between_the_records_of_a_document_is_a_record_too(content: str, count: int) -> None:
    found = verdicts(content, define(format="json"))
    assert len(found) == count
    assert all(each == "not-an-object" or each.count("missing-value") == 5 for each in found)


def test_the_place_of_a_record_in_a_document_is_its_line_and_its_number_there() -> None:
    found = rows('[{"id":"a"}, {"id":\n"b"}, 5,\n\n{}]', define(format="json"))
    assert [(each.line_number, each.item) for each in found] == [(1, 1), (1, 2), (2, 1), (4, 1)]


def test_made_ids_count_the_occurrences_of_a_record_in_its_file() -> None:
    made = define(interaction_id=Field(made_from="record"))
    tables = Tables()
    line = f"u,p,v,{NOON},%s\n"
    header = "user,item,what,at,note\n"

    def take(*notes: str, definition: SourceDefinition = made) -> list[str]:
        found = tables.take_file("a", (header + "".join(line % note for note in notes)).encode(), definition, TEXTS)
        return [each.verdict for each in found or []]

    assert take("x", "y", "x") == ["accepted", "accepted", "accepted"]
    assert take("y", "x") == ["duplicate", "duplicate"]
    assert take("y", "y", "x", "x", "x") == ["duplicate", "accepted", "duplicate", "duplicate", "accepted"]
    assert take("x", definition=replace(made, id_space="other")) == ["accepted"]
    # of the fields alone, the note is no part; of a position, nothing is ever a duplicate of another file's row
    fields = replace(made, interaction_id=Field(made_from="fields"))
    assert take("a", "b", definition=fields) == ["accepted", "accepted"]
    assert take("c", "d", "e", definition=fields) == ["duplicate", "duplicate", "accepted"]
    position = replace(made, interaction_id=Field(made_from="position"))
    assert take("f", "f", definition=position) == ["accepted", "accepted"]
    assert take("f", "f", "f", definition=position) == ["accepted", "accepted", "accepted"]


def test_rows_are_taken_one_by_one_and_a_file_only_once() -> None:
    tables = Tables()
    first = f"{HEADER}e1,u,p,v,{NOON}\ne1,u,p, v ,2024-05-06 12:00Z\ne1,x,p,v,{NOON}\n".encode()
    found = tables.take_file("a", first, define(), TEXTS)
    assert found is not None
    assert [each.verdict for each in found] == ["accepted", "duplicate", "rejected"]
    assert tables.take_file("b", first, define(), TEXTS) is None
