"""The looks of values and records that have a problem, each with its cure: `hints.sql` tells them apart.

A hint states a cause only where `hints.sql` is certain of it for every row that the hint is given for; else it says
"looks like". Each look carries an example, the same example cured, and the keys of a source definition by which it is
right as it stands: a test judges all three.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TIME = "timestamp"
ID = "user_id"
ROW = ""
NUL = "\0"
FULL_WIDTH = "\uff11\uff12\uff13"  # 1, 2, 3
OTHER_DATE = "\uff12\uff10\uff12\uff14-03-01"
JSON_ROW = '{"interaction_id": 1, "user_id": 1, "product_id": 1, "action": "click", "timestamp": "2024-03-01"}'
NO_BREAK = "\xa0"
EXPORT_DAY = "export it as YYYY-MM-DD"
EXPORT = "export it as YYYY-MM-DD HH:MM:SS"
AS_TEXT = 'user_id_type = "text"'
OF_TEXT = '{field}_type = "text" before the tables are made'


@dataclass(frozen=True, slots=True)
class Look:
    """A look of values, or of records, that have a problem.

    Shape: `example` is a value of the field `of`, or a whole record of five fields where `of` is empty; `cured` is the
    same after the cure, or None where no rewriting of it helps and `words` promise no such cure. In `words`, {field} is
    the field that has the look. `keys` are TOML: keys of a definition, and types of ids, by which the example is right.
    """

    code: str
    name: str
    words: str
    example: str
    cured: str | None
    of: str = ROW
    keys: str = ""


def _make_id_look(name: str, words: str, example: str, cured: str | None, keys: str = "") -> Look:
    return Look("not-an-integer", name, words, example, cured, ID, keys)


def _make_time_look(name: str, words: str, example: str, cured: str | None, keys: str = "") -> Look:
    return Look("not-a-timestamp", name, words, example, cured, TIME, keys)


def _make_format_look(name: str, words: str, example: str, cured: str, pattern: str) -> Look:
    """Give a look of times that a definition reads by their format."""
    key = _write_format(pattern)
    is_day = pattern.startswith("%") and not {"%H", "%I"} & set(re.findall("%.", pattern))
    with_time = f' ("{pattern} %H:%M" with a time)' if is_day else ""
    cure = f"write {key} in its source definition{with_time}, or {EXPORT_DAY if is_day else EXPORT}"
    return _make_time_look(name, f"{words}; {cure}", example, cured, key)


def _write_format(pattern: str) -> str:
    return f'timestamp = {{ column = "...", format = "{pattern}" }}'


def _write_missing(field: str, word: str, default: str) -> str:
    return f'null_values = ["{word}"]\n{field} = {{ column = "...", default = "{default}" }}'


MISSING = (
    "looks like a word for a missing value; list it in null_values of its source definition, with a `default` for "
    "{field}, or fill the value in at its origin"
)
SECOND_HEADER = (
    "is the name of a column; if files were joined and the columns below stand in another order, load the files "
    "one by one"
)
LOOKS = (
    _make_id_look("column-name", SECOND_HEADER, "product_id", None),
    _make_id_look("word-for-missing", MISSING, "NULL", None, _write_missing("user_id", "NULL", "0")),
    _make_id_look(
        "apostrophe",
        """begins with an apostrophe; write {field} = { column = "...", extract = "'(.*)" } in its source """
        "definition, or leave it out",
        "'123",
        "123",
        """user_id = { column = "...", extract = "'(.*)" }""",
    ),
    _make_id_look("quotes-inside", "has quotes as part of the value; leave them out", '"""123"""', "123"),
    _make_id_look(
        "thousands-or-decimals",
        "can be read as thousands or as decimals; export ids as bare digits",
        "1.000",
        "1000",
    ),
    _make_id_look(
        "thousands", "looks like a number with thousands separators; export ids as bare digits", "1_000", "1000"
    ),
    _make_id_look(
        "decimal-zeros",
        'has decimals without need; write {field} = { column = "...", integers = "as-float" } in its source '
        "definition, or export ids without decimals",
        "1.0",
        "1",
        'user_id = { column = "...", integers = "as-float" }',
    ),
    _make_id_look("decimal", "is a decimal number; is it in the column of its header?", "1.5", None),
    _make_id_look(
        "scientific",
        "is in scientific notation, which can lose digits; export ids as whole numbers",
        "1e3",
        "1000",
    ),
    _make_id_look("hexadecimal", "looks like a hexadecimal number; export ids in decimal digits", "0x1F", "31"),
    _make_id_look(
        "uuid",
        'looks like a UUID; set {field}_type = "uuid" before the tables are made',
        "123e4567-e89b-12d3-a456-426614174000",
        None,
        'user_id_type = "uuid"',
    ),
    _make_id_look("hash", f"looks like a hash; set {OF_TEXT}", "d41d8cd98f00b204e9800998ecf8427e", None, AS_TEXT),
    _make_id_look("word", f"holds letters; where ids are text, set {OF_TEXT}", "u-17", None, AS_TEXT),
    _make_id_look("currency", "has a currency sign; is it in the column of its header?", "$5.00", None),
    _make_id_look("other-digits", "has digits that are not 0 to 9; write it with these", FULL_WIDTH, "123"),
    _make_id_look(
        "invisible",
        "holds a character that cannot be seen, or a space that is no plain one; leave it out",
        f"{NO_BREAK}123",
        "123",
    ),
    _make_id_look("date-in-id", "looks like a date; is it in the column of its header?", "2024-03-01", None),
    _make_time_look("column-name", SECOND_HEADER, "user_id", None),
    _make_time_look(
        "word-for-missing",
        MISSING,
        "0000-00-00 00:00:00",
        None,
        _write_missing("timestamp", "0000-00-00 00:00:00", "1970-01-01"),
    ),
    _make_time_look(
        "invisible",
        "holds a character that cannot be seen, or a space that is no plain one; leave out the first, and write the "
        "second plain",
        f"2024-03-01{NO_BREAK}12:00",
        "2024-03-01 12:00",
    ),
    _make_time_look(
        "no-such-day",
        "has the right form, but the calendar has no such day; correct it at its origin",
        "2024-02-30 10:00",
        "2024-02-29 10:00",
    ),
    _make_time_look(
        "midnight-24",
        "is 24:00; write it as 00:00 of the next day",
        "2024-02-29 24:00:00",
        "2024-03-01 00:00:00",
    ),
    _make_time_look(
        "leap-second",
        "has a second 60; seconds end at 59",
        "2016-12-31 23:59:60",
        "2016-12-31 23:59:59",
    ),
    _make_time_look(
        "no-such-time",
        "has no time of day: hours end at 23, minutes and seconds at 59; correct it at its origin",
        "2024-03-01 12:60",
        "2024-03-01 12:59",
    ),
    _make_time_look(
        "no-such-offset",
        "has no offset that a zone can have: they end at 14:00, and their minutes at 59; correct it at its origin",
        "2024-03-01 12:00+15:00",
        "2024-03-01 12:00+14:00",
    ),
    _make_time_look(
        "form-of-offset",
        "has its offset in another form; write it as +HH:MM",
        "2024-03-01 12:00:00+1",
        "2024-03-01 12:00:00+01:00",
    ),
    _make_time_look(
        "offset-behind-zone",
        "has a name before its offset; write the offset alone, as +HH:MM",
        "2024-03-01 12:00:00 GMT+1",
        "2024-03-01 12:00:00+01:00",
    ),
    _make_time_look(
        "too-many-decimals",
        "has more than 6 decimals of a second; export at most 6",
        "2024-03-01 12:00:00.1234567",
        "2024-03-01 12:00:00.123456",
    ),
    _make_format_look(
        "decimal-comma",
        "has a comma before its decimals",
        "2024-03-01 12:00:00,5",
        "2024-03-01 12:00:00.5",
        "%Y-%m-%d %H:%M:%S,%f",
    ),
    _make_time_look(
        "offset-and-zone",
        "has more behind its offset, such as the name of a zone; end it with the offset",
        "2024-03-01T12:00:00+01:00[Europe/Paris]",
        "2024-03-01T12:00:00+01:00",
    ),
    _make_format_look(
        "am-pm",
        "has AM or PM",
        "2024-03-01 5:00 PM",
        "2024-03-01 17:00",
        "%Y-%m-%d %I:%M %p",
    ),
    _make_time_look(
        "zone-name",
        "looks as if it names a time zone; export an offset, such as +01:00",
        "2024-03-01 12:00:00 CET",
        "2024-03-01 12:00:00+01:00",
    ),
    _make_time_look(
        "lower-case",
        "has small letters; write capitals",
        "2024-03-01t12:00:00z",
        "2024-03-01T12:00:00Z",
    ),
    _make_format_look(
        "between-date-and-time",
        "has its date and its time put together in another way",
        "2024-03-01_12:00:00",
        "2024-03-01 12:00:00",
        "%Y-%m-%d_%H:%M:%S",
    ),
    _make_time_look(
        "offset-behind-date",
        "has an offset or a zone and no time of day; write the time before the offset, or the date alone",
        "2024-03-01Z",
        "2024-03-01",
    ),
    _make_time_look("hour-alone", "has an hour without minutes; write HH:MM", "2024-03-01 12", "2024-03-01 12:00"),
    _make_time_look("apostrophe", "begins with an apostrophe; leave it out", "'2024-03-01", "2024-03-01"),
    _make_time_look(
        "quotes-inside", "has quotes as part of the value; leave them out", '"""2024-03-01"""', "2024-03-01"
    ),
    _make_format_look("year-first", "has its date without hyphens", "2024/3/01", "2024-03-01", "%Y/%m/%d"),
    _make_format_look("one-digit-day", "has a month or a day of one digit", "2024-3-1", "2024-03-01", "%Y-%m-%d"),
    _make_format_look("day-first", "looks like DD/MM/YYYY", "31/12/2024", "2024-12-31", "%d/%m/%Y"),
    _make_format_look("month-first", "looks like MM/DD/YYYY", "12/31/2024", "2024-12-31", "%m/%d/%Y"),
    _make_time_look(
        "day-or-month-first",
        f"looks like DD/MM/YYYY or MM/DD/YYYY; write {_write_format('%d/%m/%Y')} in its source definition, or "
        '"%m/%d/%Y" where the month is first, or export it as YYYY-MM-DD',
        "06/03/2024",
        "2024-03-06",
        _write_format("%d/%m/%Y"),
    ),
    _make_format_look("day-first-with-dots", "looks like DD.MM.YYYY", "31.12.2024", "2024-12-31", "%d.%m.%Y"),
    _make_format_look(
        "short-year", "looks like a date with a year of two digits", "31.12.24", "2024-12-31", "%d.%m.%y"
    ),
    _make_format_look(
        "web-server-log",
        "looks like the time of a web server's log",
        "01/Mar/2024:12:00:00 +0000",
        "2024-03-01 12:00:00",
        "%d/%b/%Y:%H:%M:%S %z",
    ),
    _make_format_look(
        "month-name", "looks like a date with its month as a word", "1 Mar 2024", "2024-03-01", "%d %b %Y"
    ),
    _make_format_look(
        "without-separators", "looks like YYYYMMDD", "20240301120000", "2024-03-01 12:00:00", "%Y%m%d%H%M%S"
    ),
    _make_format_look(
        "seconds-since-1970", "looks like seconds since 1970", "1709294400", "2024-03-01 12:00:00", "epoch-s"
    ),
    _make_format_look(
        "milliseconds-since-1970",
        "looks like milliseconds since 1970",
        "1709294400000",
        "2024-03-01 12:00:00",
        "epoch-ms",
    ),
    _make_format_look(
        "microseconds-since-1970",
        "looks like microseconds since 1970",
        "1709294400000000",
        "2024-03-01 12:00:00",
        "epoch-us",
    ),
    _make_format_look(
        "nanoseconds-since-1970",
        "looks like nanoseconds since 1970",
        "1709294400000000000",
        "2024-03-01 12:00:00",
        "epoch-ns",
    ),
    _make_time_look(
        "spreadsheet-day",
        f"looks like a spreadsheet's number of a day; {EXPORT}",
        "45352.5",
        "2024-03-01 12:00:00",
    ),
    _make_time_look("week", "looks like a week; export a day as YYYY-MM-DD", "2024-W09-5", "2024-03-01"),
    _make_time_look(
        "day-of-year",
        "looks like a year and the number of a day in it; export it as YYYY-MM-DD",
        "2024-061",
        "2024-03-01",
    ),
    _make_time_look(
        "time-alone",
        'has a time of day and no date; write timestamp = { columns = ["DATE", "TIME"] } in its source definition, '
        f"or {EXPORT}",
        "12:00:00",
        "2024-03-01 12:00:00",
    ),
    _make_time_look(
        "no-day", "looks like a year or a month without a day; export it as YYYY-MM-DD", "2024-03", "2024-03-01"
    ),
    _make_time_look(
        "other-digits", "has characters that are not ASCII; write digits as 0 to 9", OTHER_DATE, "2024-03-01"
    ),
    Look(
        "unknown-action",
        "other-case",
        "is in the list of actions (FOOTFALL_ACTIONS) with other capitals; write it as it is there",
        "Click",
        "click",
        "action",
    ),
    Look(
        "too-few-fields",
        "other-delimiter",
        "looks delimited by another character than the header is; write the row with that of the header",
        "1;1;1;click;2024-03-01",
        "1,1,1,click,2024-03-01",
    ),
    Look(
        "too-many-fields",
        "last-delimiter",
        "ends in a delimiter that the header does not have; leave it out",
        "1,1,1,click,2024-03-01,",
        "1,1,1,click,2024-03-01",
    ),
    Look(
        "bad-quoting",
        "space-beside-quote",
        "has a space before an opening quote or behind a closing one; leave it out",
        '1, 1, 1, "click", "2024-03-01"',
        '1, 1, 1,"click","2024-03-01"',
    ),
    Look(
        "bad-quoting",
        "backslash-before-quote",
        'has a backslash before a quote inside a value; double the quote instead: ""',
        r'1,1,1,"say \"hi\"",2024-03-01',
        '1,1,1,"say ""hi""",2024-03-01',
    ),
    Look(
        "bad-quoting",
        "quote-in-value",
        'looks as if a quote is part of a value; write that value in quotes and the quote twice: 5" as "5"""',
        '1,1,1,5" pipe,2024-03-01',
        '1,1,1,"5"" pipe",2024-03-01',
    ),
    Look(
        "bad-encoding",
        "nul",
        "holds a NUL byte; leave it out",
        f"1,1,1,cl{NUL}ick,2024-03-01",
        "1,1,1,click,2024-03-01",
    ),
    Look(
        "bad-encoding",
        "escape",
        r"holds an escape that is no character (\u0000, or half of a pair such as \ud83d); leave it out",
        JSON_ROW.replace("click", r"cl\ud83dick"),
        JSON_ROW,
    ),
    Look(
        "not-an-object",
        "name-twice",
        "has a name twice; leave out the one that is not meant",
        JSON_ROW.replace("}", ', "user_id": 2}'),
        JSON_ROW,
    ),
    Look("not-an-object", "other-kind", "is JSON, but no object; write one with names", "[1, 1, 1]", JSON_ROW),
    Look("not-an-object", "comma-behind", "has a comma behind it; leave it out", f"{JSON_ROW},", JSON_ROW),
    Look(
        "not-an-object",
        "single-quotes",
        "looks as Python prints an object; write it as JSON, with double quotes",
        JSON_ROW.replace('"', "'"),
        JSON_ROW,
    ),
)
