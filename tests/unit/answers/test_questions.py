"""Reading a file of SQL as psql would, and what a person says about time, ids and actions."""

from __future__ import annotations

import shlex
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from footfall.answers.asked import Asked, Filters, write_command
from footfall.answers.catalogue import parse, read_catalogue
from footfall.answers.parameters import list_values, read_bound, read_ids, understand, write_literal_sql
from footfall.contract.ids import IdType, IdTypes
from footfall.errors import QueryError

A = "\\if :{?a} \\else \\set a 'x' \\endif\n"


def default_of(text: str) -> str:
    return parse("mine", f"\\if :{{?a}} \\else \\set a {text} \\endif\nselect :'a'").defaults["a"]


# parse: where a value belongs, and where a colon is only text


@pytest.mark.parametrize(
    "text",
    [
        "select 'it''s :''a'' and :a'",
        "select E'a \\' :a'",
        'select 1 as "of :a"',
        "select 1 -- :'a' and :a",
        "select /* :'a' :a\n :a */ 1",
        "select $$ :'a' :a $$",
        "select $tag$ :'a' $$ :a $tag$",
        "select 'x'::a, b::text::a",
        "select now() - '12:30'::time",
        "select x[1:2]",
        "select 1 -- it's\n, 2 -- isn't it",
    ],
)
def test_a_colon_that_is_only_text_stays(text: str) -> None:
    assert parse("mine", A + text).pieces == ("\n" + text,)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("select :'a'", ("\nselect ", "a", "")),
        ("select :'a'::date", ("\nselect ", "a", "::date")),
        ("select ':a', :'a' -- :'a'", ("\nselect ':a', ", "a", " -- :'a'")),
        ("select f(x => :'a', y => :'a')", ("\nselect f(x => ", "a", ", y => ", "a", ")")),
    ],
)
def test_a_statement_is_cut_at_its_parameters(text: str, pieces: tuple[str, ...]) -> None:
    assert parse("mine", A + text).pieces == pieces


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("''", ""),
        ("", ""),
        ("7", "7"),
        ("-infinity", "-infinity"),
        ("'Europe/Vienna'", "Europe/Vienna"),
        ("'it''s  :a'", "it's  :a"),
    ],
)
def test_a_default_is_read_as_psql_reads_it(text: str, value: str) -> None:
    assert default_of(text) == value


@pytest.mark.parametrize("text", ["two words", "'open", "a'b", '"x"', "`date`", ":other", "'a\\nb'"])
def test_a_default_that_psql_would_read_in_another_way_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(QueryError, match=r"mine\.sql line 1: .*quote the default as a whole"):
        default_of(text)


@pytest.mark.parametrize("command", ["\\echo hello", "\\set a 1", "\\i other.sql", "  \\! ls", "\\gexec"])
def test_any_other_command_of_psql_is_refused_with_its_line(command: str) -> None:
    with pytest.raises(QueryError, match=r"mine\.sql line 2: .*only defaults"):
        parse("mine", f"-- About.\n{command}\nselect 1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("select\n:'b'", r"line 3: :'b' has no default"),
        ('select\n:"a"', r"line 3: :\"a\": write :'a'"),
        ("select\n1 + :a", r"line 3: :a: write :'a'"),
    ],
)
def test_a_parameter_that_is_not_a_quoted_value_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        parse("mine", A + text)


@pytest.mark.parametrize("text", ["", "\n\n", ";", A])
def test_a_file_without_a_statement_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match=r"mine\.sql: the file is empty"):
        parse("mine", text)


def test_the_comment_at_the_top_says_what_is_answered() -> None:
    query = parse("mine", "-- Pairs.\n-- Grain: one row per pair.\n\n-- Not this.\nselect 1")
    assert (query.answers, query.grain) == ("Pairs.", "one row per pair.")


def test_every_question_of_ours_says_what_it_answers_and_what_a_row_is() -> None:
    assert [query.name for query in read_catalogue(None).values() if not (query.answers and query.grain)] == []


def test_a_parameter_that_is_not_used_is_none() -> None:
    assert parse("mine", A + "select 1").parameters == ()


def test_the_literal_text_holds_a_value_as_a_string() -> None:
    query = parse("mine", "\\if :{?action} \\else \\set action '' \\endif\nselect :'action' as x;")
    assert write_literal_sql(query, Asked(action="it's"), "public").strip() == "select 'it''s' as x;"


# read_bound


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2024-03-01", "2024-03-01T00:00:00"),
        (" 2024-07-01 ", "2024-07-01T00:00:00"),
        ("2024-03-01 12:30:15.5", "2024-03-01T12:30:15.500000"),
        ("2024-03-01T12:30:15.000001Z", "2024-03-01T12:30:15.000001+00:00"),
        ("2024-03-01T12:30-0330", "2024-03-01T12:30:00-03:30"),
        ("2024-03-01T12:30+14", "2024-03-01T12:30:00+14:00"),
    ],
)
def test_a_date_or_a_time_is_read_as_it_stands(text: str, read: str) -> None:
    assert read_bound(text) == read


def test_a_bound_without_an_offset_is_left_to_the_server_in_the_literal_text() -> None:
    query = parse("mine", "\\if :{?since} \\else \\set since -infinity \\endif\nselect :'since'::timestamptz as x;")
    asked = Asked("Europe/Vienna", since="2024-03-31T02:30:00")
    assert write_literal_sql(query, asked, "public").strip() == (
        "select first_instant('2024-03-31T02:30:00'::timestamp, 'Europe/Vienna'::text)::timestamptz as x;"
    )
    asked = Asked("Europe/Vienna", since="2024-03-31T02:30:00+01:00")
    assert write_literal_sql(query, asked, "public").strip() == "select '2024-03-31T02:30:00+01:00'::timestamptz as x;"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024",
        "2024-03",
        "2024-3-1",
        "01.03.2024",
        "20240301",
        "2024-02-30",
        "2024-03-01T25:00",
        "2024-03-01T12",
        "2024-03-01T12:60",
        "2024-03-01T12:30:15.1234567",
        "2024-03-01Z",
        "2024-03-01T12:30+24:00",
        "2024-03-01T12:30-14:01",
        "2024-W10-1",
        "-infinity",
        "0000-01-01",
        "10000-01-01",
        "2024-03-01'; drop table interactions; --",
    ],
)
def test_what_is_not_a_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        read_bound(text)


# understood and values

OURS = read_catalogue(None)


def asked(name: str, **filters: Any) -> Asked:
    return understand(OURS[name], Filters(**filters), "UTC")


def test_dates_may_come_as_dates_and_times() -> None:
    given = asked("per-day", since=date(2024, 3, 1), until=datetime(2024, 3, 2, 12, tzinfo=UTC))
    assert (given.since, given.until) == ("2024-03-01T00:00:00", "2024-03-02T12:00:00+00:00")


def test_spaces_around_an_action_are_cut_as_the_contract_cuts_them() -> None:
    assert asked("per-day", action=" \tclick ").action == "click"


def test_an_id_is_that_of_the_user_or_the_product_in_question() -> None:
    assert (asked("user", id=7).user_id, asked("product", id=7).product_id) == ("7", "7")


def test_an_id_and_the_same_user_are_no_contradiction() -> None:
    assert asked("user", id=7, user=7).user_id == "7"


@pytest.mark.parametrize(
    ("name", "filters", "says"),
    [
        ("per-day", {"id": 7}, "per-day: it takes no id"),
        ("user", {"id": 7, "user": 8}, "user: 7 or 8"),
        ("per-day", {"user": ""}, "--user: '' is no id"),
        ("per-day", {"user": " "}, "--user: '' is no id"),
        ("per-day", {"user": "a\0b"}, "--user"),
        ("per-day", {"product": "x" * 201}, "--product: 'xxx"),
        ("user", {"id": ""}, "user: ID: '' is no id"),
        ("per-day", {"limit": 0}, "--limit: 0 is not"),
        ("active-users", {"per": "year"}, "--per: 'year' is not"),
        ("per-day", {"action": ""}, "--action"),
        ("per-day", {"action": " \t"}, "--action"),
        ("per-day", {"action": "a\0b"}, "--action"),
        ("per-day", {"since": "soon"}, "--since: 'soon' is not a time"),
        ("per-day", {"until": "2024-02-30"}, "--until: '2024-02-30' is not a time"),
        ("per-day", {"since": "2024-03-02", "until": "2024-03-01"}, "--since 2024-03-02 is later than --until"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_the_option(
    name: str, filters: dict[str, Any], says: str
) -> None:
    with pytest.raises(QueryError, match=says) as caught:
        asked(name, **filters)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("id_type", "given", "written"),
    [
        ("bigint", 0, "0"),
        ("bigint", "+007", "7"),
        ("bigint", 2**63 - 1, str(2**63 - 1)),
        ("text", "00123", "00123"),
        ("text", " a b ", "a b"),
        ("uuid", UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ("uuid", "0000000000000000000000000000000A", "00000000-0000-0000-0000-00000000000a"),
    ],
)
def test_an_id_is_written_as_the_tables_have_it(id_type: IdType, given: Any, written: str) -> None:
    types = IdTypes(user_id=id_type, product_id=id_type)
    found = read_ids(asked("top-users", user=given, product=given), types)
    assert (found.user_id, found.product_id) == (written, written)


@pytest.mark.parametrize(
    ("id_type", "given"),
    [("bigint", given) for given in (-1, 2**63, "1.0", "x", "1 2", "١")]  # noqa: RUF001  (an Arabic one)
    + [("uuid", given) for given in (7, "x", "00000000-0000-0000-0000-00000000000")],
)
def test_what_is_no_id_of_the_tables_is_refused_by_the_name_of_the_option(id_type: IdType, given: Any) -> None:
    with pytest.raises(QueryError, match=r"--user: .* ids are in these tables") as caught:
        read_ids(asked("user", id=given), IdTypes(user_id=id_type))
    assert caught.value.exit_code == 2


def test_a_range_may_be_empty() -> None:
    given = asked("per-day", since="2024-03-01", until="2024-03-01")
    assert given.since == given.until


@pytest.mark.parametrize(
    ("name", "filters", "says"),
    [
        ("per-day", {"per": "week"}, "per-day: --per does not apply; of these: --since, --until"),
        ("user", {}, "footfall query user 42"),
        ("product", {"user": 3}, "footfall query product 42"),
    ],
)
def test_what_a_question_cannot_take_or_lacks_is_refused(name: str, filters: dict[str, Any], says: str) -> None:
    with pytest.raises(QueryError, match=says):
        list_values(OURS[name], asked(name, **filters))


def test_what_is_not_given_is_the_default_of_the_file() -> None:
    given = list_values(OURS["top-users"], asked("top-users", action="click"))
    assert given == {
        "since": "-infinity",
        "until": "infinity",
        "action": "click",
        "user_id": "",
        "product_id": "",
        "limit": "5",
    }


# parameters of every kind


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("30m", "30 minutes"),
        ("1d", "1 days"),
        (" 12 H ", "12 hours"),
        ("2w", "2 weeks"),
        (timedelta(minutes=90), "5400000000 microseconds"),
    ],
)
def test_a_span_of_time_is_read_with_its_unit(given: Any, read: str) -> None:
    query = parse("mine", "\\if :{?within} \\else \\set within '1 day' \\endif\nselect :'within' as x")
    assert understand(query, Filters(within=given), "UTC").within == read


@pytest.mark.parametrize("given", ["", "30", "m", "-1d", "0d", "1y", "1 day", "1d2h", timedelta(0)])
def test_what_is_no_span_of_time_is_refused_with_examples(given: Any) -> None:
    with pytest.raises(QueryError, match=r"--within: .* is not a span of time"):
        understand(OURS["per-day"], Filters(within=given), "UTC")


def test_a_list_is_text_with_commas_or_a_sequence() -> None:
    for given in ("view, add_to_cart ,purchase", ["view", " add_to_cart", "purchase"]):
        assert understand(OURS["per-day"], Filters(steps=given), "UTC").steps == "view,add_to_cart,purchase"


@pytest.mark.parametrize("given", ["", "view,,purchase", [], ["view", ""], ["a,b"], ["a"] * 21, "a\0b"])
def test_a_list_with_a_hole_or_a_comma_in_a_name_is_refused(given: Any) -> None:
    with pytest.raises(QueryError, match="--steps: "):
        understand(OURS["per-day"], Filters(steps=given), "UTC")


def test_a_question_says_which_words_it_takes_where_these_are_fewer() -> None:
    query = parse("mine", "-- Mine.\n-- Choices: per=week|month; by=product\nselect 1")
    with pytest.raises(QueryError, match="--per: 'day' is not week or month"):
        understand(query, Filters(per="day"), "UTC")
    assert understand(query, Filters(per="week"), "UTC").per == "week"


@pytest.mark.parametrize("needs", ["an index on action", "limit", "per", ""])
def test_a_head_that_needs_no_parameter_of_the_query_is_refused_with_its_file(needs: str) -> None:
    text = f"-- Mine.\n-- Needs: {needs}\n\\if :{{?per}} \\else \\set per day \\endif\nselect 1 as one"
    with pytest.raises(QueryError, match=rf"mine\.sql: 'Needs: {needs}' .* names no parameter .* such as user_id"):
        parse("mine", text)


@pytest.mark.parametrize("who", ["2024-W10-1", "2024-W10", "2024-W10-1:0", "2024-02-30", "2024-3-4"])
def test_a_cell_whose_day_is_no_date_is_refused(who: str) -> None:
    with pytest.raises(QueryError, match=rf"--who: '{who}' is not DATE or DATE:NUMBER"):
        asked("retention", who=who)


@pytest.mark.parametrize(
    ("span", "written"),
    [
        (timedelta(milliseconds=300), "1s"),
        (timedelta(seconds=2.3), "3s"),
        (timedelta(seconds=9_999_999), "9999999s"),
        (timedelta(days=120), "172800m"),
    ],
)
def test_a_span_of_time_is_written_as_one_that_is_read(span: timedelta, written: str) -> None:
    words = shlex.split(write_command("funnel", Filters(within=span)))
    assert words == ["footfall", "query", "funnel", "--within", written]
    assert asked("funnel", within=words[-1]).within is not None


def test_the_command_line_of_a_question_asks_the_same(tmp_path: Path) -> None:
    filters = Filters(steps=["view", "it's"], within=timedelta(hours=2), limit=3, recurring=True, over_time=False)
    assert shlex.split(write_command("funnel", filters)) == [
        *("footfall", "query", "funnel", "--limit", "3", "--steps", "view,it's", "--within", "7200s", "--recurring")
    ]


# two forms of one statement

WHO = """-- Mine.
\\if :{?per} \\else \\set per day \\endif

with users as (select 1 as user_id)
\\if :{?who}
select user_id from users where :'who' = '1'
\\else
select count(*) as user_count, :'per' as per from users
\\endif
;
""".replace("\\\\", "\\")


def test_a_file_holds_the_numbers_and_who_is_behind_them() -> None:
    query = parse("mine", WHO)
    assert query.parameters == ("per", "who")
    numbers = write_literal_sql(query, Asked(per="week"), "public")
    assert "count(*)" in numbers and "'week'" in numbers and "select user_id from" not in numbers
    who = write_literal_sql(query, Asked(who="1"), "public")
    assert "'1' = '1'" in who and "count(*)" not in who
    # A server's message counts lines: both forms have those of the file.
    assert [query.write_sql(str).count("\n"), query.choose_form({"who"}).write_sql(str).count("\n")] == [7, 5]


@pytest.mark.parametrize(
    "text",
    [
        "\\if :{?who}\nselect 1",
        "\\else\nselect 1",
        "select 1\n\\endif",
        "\\if :{?who}\nselect 1\n\\endif",
        "\\if :{?who}\n\\if :{?who}\nselect 1\n\\else\nselect 2\n\\endif",
    ],
)
def test_parts_that_do_not_match_are_refused_by_line(text: str) -> None:
    with pytest.raises(QueryError, match=r"mine\.sql"):
        parse("mine", text.replace("\\\\", "\\"))


def test_who_is_asked_only_of_a_question_that_can_say() -> None:
    with pytest.raises(QueryError, match="--who does not apply"):
        list_values(OURS["per-day"], Asked(who="1"))
