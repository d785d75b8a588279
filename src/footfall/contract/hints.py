"""A kind of problem and the look of its values -> a hint at the cure, in one short sentence.

A hint states a cause only where `hints.sql` is certain of it for every row that the hint is given for; else it says
"looks like". Each look carries an example, and the same example cured: a test judges both.
"""

from __future__ import annotations

from dataclasses import dataclass

from footfall.contract.definition import BLANKS
from footfall.contract.problems import PROBLEM_CODES

TIME = "timestamp"
ID = "user_id"
ROW = ""
NUL = "\0"
FULL_WIDTH = "\uff11\uff12\uff13"  # 1, 2, 3
OTHER_DATE = "\uff12\uff10\uff12\uff14-03-01"
JSON_ROW = '{"interaction_id": 1, "user_id": 1, "product_id": 1, "action": "click", "timestamp": "2024-03-01"}'
NO_BREAK = "\xa0"


@dataclass(frozen=True, slots=True)
class Look:
    """A look of values, or of records, that have a problem.

    Shape: `example` is a value of the field `of`, or a whole record of five fields where `of` is empty; `cured` is the
    same after the cure, or None where no rewriting of it helps and `words` promise no cure.
    """

    code: str
    name: str
    words: str
    example: str
    cured: str | None
    of: str = ROW


def _integer(name: str, words: str, example: str, cured: str | None) -> Look:
    return Look("not-an-integer", name, words, example, cured, ID)


def _timestamp(name: str, words: str, example: str, cured: str | None) -> Look:
    return Look("not-a-timestamp", name, words, example, cured, TIME)


def _row(code: str, name: str, words: str, example: str, cured: str) -> Look:
    return Look(code, name, words, example, cured)


EXPORT = "export it as YYYY-MM-DD HH:MM:SS"
MISSING = "looks like a word for a missing value; fill the value in at its origin"
SECOND_HEADER = (
    "is the name of a column; if files were joined and the columns below stand in another order, load the files "
    "one by one"
)
LOOKS = (
    _integer("column-name", SECOND_HEADER, "product_id", None),
    _integer("word-for-missing", MISSING, "NULL", None),
    _integer("apostrophe", "begins with an apostrophe; leave it out", "'123", "123"),
    _integer("quotes-inside", "has quotes as part of the value; leave them out", '"""123"""', "123"),
    _integer(
        "thousands-or-decimals",
        "can be read as thousands or as decimals; export ids as bare digits",
        "1.000",
        "1000",
    ),
    _integer("thousands", "looks like a number with thousands separators; export ids as bare digits", "1_000", "1000"),
    _integer("decimal-zeros", "has a decimal point or comma without need; export ids without decimals", "1.0", "1"),
    _integer("decimal", "is a decimal number; is it in the column of its header?", "1.5", None),
    _integer(
        "scientific",
        "is in scientific notation, which can lose digits; export ids as whole numbers",
        "1e3",
        "1000",
    ),
    _integer("hexadecimal", "looks like a hexadecimal number; export ids in decimal digits", "0x1F", "31"),
    _integer("uuid", "looks like a UUID; ids are whole numbers", "123e4567-e89b-12d3-a456-426614174000", None),
    _integer("hash", "looks like a hash; ids are whole numbers", "d41d8cd98f00b204e9800998ecf8427e", None),
    _integer("currency", "has a currency sign; is it in the column of its header?", "$5.00", None),
    _integer("other-digits", "has digits that are not 0 to 9; write it with these", FULL_WIDTH, "123"),
    _integer(
        "invisible",
        "holds a character that cannot be seen, or a space that is no plain one; leave it out",
        f"{NO_BREAK}123",
        "123",
    ),
    _integer("date-in-id", "looks like a date; is it in the column of its header?", "2024-03-01", None),
    _timestamp("column-name", SECOND_HEADER, "user_id", None),
    _timestamp("word-for-missing", MISSING, "0000-00-00 00:00:00", None),
    _timestamp(
        "invisible",
        "holds a character that cannot be seen, or a space that is no plain one; leave out the first, and write the "
        "second plain",
        f"2024-03-01{NO_BREAK}12:00",
        "2024-03-01 12:00",
    ),
    _timestamp(
        "no-such-day",
        "has the right form, but the calendar has no such day; correct it at its origin",
        "2024-02-30 10:00",
        "2024-02-29 10:00",
    ),
    _timestamp(
        "midnight-24",
        "is 24:00; write it as 00:00 of the next day",
        "2024-02-29 24:00:00",
        "2024-03-01 00:00:00",
    ),
    _timestamp(
        "leap-second",
        "has a second 60; seconds end at 59",
        "2016-12-31 23:59:60",
        "2016-12-31 23:59:59",
    ),
    _timestamp(
        "no-such-time",
        "has no time of day: hours end at 23, minutes and seconds at 59; correct it at its origin",
        "2024-03-01 12:60",
        "2024-03-01 12:59",
    ),
    _timestamp(
        "no-such-offset",
        "has no offset that a zone can have: they end at 14:00, and their minutes at 59; correct it at its origin",
        "2024-03-01 12:00+15:00",
        "2024-03-01 12:00+14:00",
    ),
    _timestamp(
        "form-of-offset",
        "has its offset in another form; write it as +HH:MM",
        "2024-03-01 12:00:00+1",
        "2024-03-01 12:00:00+01:00",
    ),
    _timestamp(
        "offset-behind-zone",
        "has a name before its offset; write the offset alone, as +HH:MM",
        "2024-03-01 12:00:00 GMT+1",
        "2024-03-01 12:00:00+01:00",
    ),
    _timestamp(
        "too-many-decimals",
        "has more than 6 decimals of a second; export at most 6",
        "2024-03-01 12:00:00.1234567",
        "2024-03-01 12:00:00.123456",
    ),
    _timestamp(
        "decimal-comma",
        "has a comma before its decimals; write a point",
        "2024-03-01 12:00:00,5",
        "2024-03-01 12:00:00.5",
    ),
    _timestamp(
        "offset-and-zone",
        "has more behind its offset, such as the name of a zone; end it with the offset",
        "2024-03-01T12:00:00+01:00[Europe/Paris]",
        "2024-03-01T12:00:00+01:00",
    ),
    _timestamp(
        "am-pm",
        "has AM or PM; export hours from 00 to 23",
        "2024-03-01 5:00 PM",
        "2024-03-01 17:00",
    ),
    _timestamp(
        "zone-name",
        "looks as if it names a time zone; export an offset, such as +01:00",
        "2024-03-01 12:00:00 CET",
        "2024-03-01 12:00:00+01:00",
    ),
    _timestamp(
        "lower-case",
        "has small letters; write capitals",
        "2024-03-01t12:00:00z",
        "2024-03-01T12:00:00Z",
    ),
    _timestamp(
        "between-date-and-time",
        "has its date and its time put together in another way; write one space or a T between them",
        "2024-03-01_12:00:00",
        "2024-03-01 12:00:00",
    ),
    _timestamp(
        "offset-behind-date",
        "has an offset or a zone and no time of day; write the time before the offset, or the date alone",
        "2024-03-01Z",
        "2024-03-01",
    ),
    _timestamp("hour-alone", "has an hour without minutes; write HH:MM", "2024-03-01 12", "2024-03-01 12:00"),
    _timestamp("apostrophe", "begins with an apostrophe; leave it out", "'2024-03-01", "2024-03-01"),
    _timestamp("quotes-inside", "has quotes as part of the value; leave them out", '"""2024-03-01"""', "2024-03-01"),
    _timestamp(
        "year-first",
        "has its date without hyphens; export it as YYYY-MM-DD",
        "2024/3/01",
        "2024-03-01",
    ),
    _timestamp(
        "one-digit-day",
        "has a month or a day of one digit; export it as YYYY-MM-DD",
        "2024-3-1",
        "2024-03-01",
    ),
    _timestamp("day-first", "looks like DD/MM/YYYY; export it as YYYY-MM-DD", "31/12/2024", "2024-12-31"),
    _timestamp("month-first", "looks like MM/DD/YYYY; export it as YYYY-MM-DD", "12/31/2024", "2024-12-31"),
    _timestamp(
        "day-or-month-first",
        "looks like DD/MM/YYYY or MM/DD/YYYY; export it as YYYY-MM-DD",
        "06/03/2024",
        "2024-03-06",
    ),
    _timestamp("day-first-with-dots", "looks like DD.MM.YYYY; export it as YYYY-MM-DD", "31.12.2024", "2024-12-31"),
    _timestamp(
        "short-year",
        "looks like a date with a year of two digits; export it as YYYY-MM-DD",
        "31.12.24",
        "2024-12-31",
    ),
    _timestamp(
        "web-server-log",
        f"looks like the time of a web server's log; {EXPORT}",
        "01/Mar/2024:12:00:00 +0000",
        "2024-03-01 12:00:00",
    ),
    _timestamp("month-name", f"looks like a date with its month as a word; {EXPORT}", "1 Mar 2024", "2024-03-01"),
    _timestamp(
        "without-separators",
        f"looks like YYYYMMDD; {EXPORT}",
        "20240301120000",
        "2024-03-01 12:00:00",
    ),
    _timestamp("seconds-since-1970", f"looks like seconds since 1970; {EXPORT}", "1709294400", "2024-03-01 12:00:00"),
    _timestamp(
        "milliseconds-since-1970",
        f"looks like milliseconds since 1970; {EXPORT}",
        "1709294400000",
        "2024-03-01 12:00:00",
    ),
    _timestamp(
        "microseconds-since-1970",
        f"looks like microseconds since 1970; {EXPORT}",
        "1709294400000000",
        "2024-03-01 12:00:00",
    ),
    _timestamp(
        "nanoseconds-since-1970",
        f"looks like nanoseconds since 1970; {EXPORT}",
        "1709294400000000000",
        "2024-03-01 12:00:00",
    ),
    _timestamp(
        "spreadsheet-day",
        f"looks like a spreadsheet's number of a day; {EXPORT}",
        "45352.5",
        "2024-03-01 12:00:00",
    ),
    _timestamp("week", "looks like a week; export a day as YYYY-MM-DD", "2024-W09-5", "2024-03-01"),
    _timestamp(
        "day-of-year",
        "looks like a year and the number of a day in it; export it as YYYY-MM-DD",
        "2024-061",
        "2024-03-01",
    ),
    _timestamp("time-alone", f"has a time of day and no date; {EXPORT}", "12:00:00", "2024-03-01 12:00:00"),
    _timestamp(
        "no-day", "looks like a year or a month without a day; export it as YYYY-MM-DD", "2024-03", "2024-03-01"
    ),
    _timestamp("other-digits", "has characters that are not ASCII; write digits as 0 to 9", OTHER_DATE, "2024-03-01"),
    Look(
        "unknown-action",
        "other-case",
        "is in the list of actions (FOOTFALL_ACTIONS) with other capitals; write it as it is there",
        "Click",
        "click",
        "action",
    ),
    _row(
        "too-few-fields",
        "other-delimiter",
        "looks delimited by another character than the header is; write the row with that of the header",
        "1;1;1;click;2024-03-01",
        "1,1,1,click,2024-03-01",
    ),
    _row(
        "too-many-fields",
        "last-delimiter",
        "ends in a delimiter that the header does not have; leave it out",
        "1,1,1,click,2024-03-01,",
        "1,1,1,click,2024-03-01",
    ),
    _row(
        "bad-quoting",
        "space-beside-quote",
        "has a space before an opening quote or behind a closing one; leave it out",
        '1, 1, 1, "click", "2024-03-01"',
        '1, 1, 1,"click","2024-03-01"',
    ),
    _row(
        "bad-quoting",
        "backslash-before-quote",
        'has a backslash before a quote inside a value; double the quote instead: ""',
        r'1,1,1,"say \"hi\"",2024-03-01',
        '1,1,1,"say ""hi""",2024-03-01',
    ),
    _row(
        "bad-quoting",
        "quote-in-value",
        'looks as if a quote is part of a value; write that value in quotes and the quote twice: 5" as "5"""',
        '1,1,1,5" pipe,2024-03-01',
        '1,1,1,"5"" pipe",2024-03-01',
    ),
    _row(
        "bad-encoding",
        "nul",
        "holds a NUL byte; leave it out",
        f"1,1,1,cl{NUL}ick,2024-03-01",
        "1,1,1,click,2024-03-01",
    ),
    _row(
        "bad-encoding",
        "escape",
        r"holds an escape that is no character (\u0000, or half of a pair such as \ud83d); leave it out",
        JSON_ROW.replace("click", r"cl\ud83dick"),
        JSON_ROW,
    ),
    _row(
        "not-an-object",
        "name-twice",
        "has a name twice; leave out the one that is not meant",
        JSON_ROW.replace("}", ', "user_id": 2}'),
        JSON_ROW,
    ),
    _row("not-an-object", "other-kind", "is JSON, but no object; write one with names", "[1, 1, 1]", JSON_ROW),
    _row("not-an-object", "comma-behind", "has a comma behind it; leave it out", f"{JSON_ROW},", JSON_ROW),
    _row(
        "not-an-object",
        "single-quotes",
        "looks as Python prints an object; write it as JSON, with double quotes",
        JSON_ROW.replace('"', "'"),
        JSON_ROW,
    ),
)
WORDS = {(look.code, look.name): look.words for look in LOOKS}
# What is true of every row with the problem.
GENERAL = {
    "too-few-fields": "is the line cut, or is the delimiter another one (--delimiter)?",
    "too-many-fields": "a delimiter inside a value must stand in quotes",
    "bad-quoting": "double a quote inside a quoted value, and close every quote before the delimiter",
    "bad-encoding": "export the file as UTF-8, or convert it from its own encoding: iconv -f ENCODING -t UTF-8",
    "not-an-object": "one whole JSON object is wanted there, in which a name on the way to a value stands once",
    "not-a-value": "name a path into it (user.id), or `explode` a list whose items are rows, in the source definition",
    "conflicting-duplicate": "the same id came with other content; correct one of the two at its origin",
    "missing-value": "fill the value in at its origin",
    "unknown-action": "add the word to FOOTFALL_ACTIONS, or correct it at its origin",
    "in-the-future": "is the clock or the time zone of its origin right (FOOTFALL_SOURCE_TIME_ZONE)?",
    # Not a problem code: reports say this once of a row that has one problem in each of its columns.
    "header-again": "looks as if files were joined; leave out the header of every file but the first",
}


def hint(code: str, field: str | None, look: str) -> str:
    """Give a hint at the cure of values of one look, or of all that have the problem where the look is empty.

    Example:
        >>> hint("not-a-timestamp", "timestamp", "day-first")
        '`timestamp` looks like DD/MM/YYYY; export it as YYYY-MM-DD'
    """
    if look:
        return f"{f'`{field}`' if field else 'the row'} {WORDS[code, look]}"
    return GENERAL[code] if code in GENERAL else PROBLEM_CODES[code]


def look_variables(delimiter: str) -> dict[str, str]:
    """Give the variables of `hints.sql` that depend on the delimiter, beside those of the kernel."""
    if delimiter == BLANKS:
        return dict.fromkeys(("space_before_quote", "space_behind_quote"), r"([^\s\S])")  # a space is a delimiter there
    comma = "".join(rf"\x{{{ord(each):x}}}" for each in delimiter)
    space = "[ ]+" if delimiter == "\t" else r"[ \t]+"
    return {
        "space_before_quote": rf'(^|{comma}){space}"',
        "space_behind_quote": rf'"{space}({comma}|$)',
    }
