"""Ratings, which stand for actions: of films, books and items, with epochs or without a time."""

from __future__ import annotations

from wild_shape import (
    MADE,
    NO_TIME,
    Guess,
    Row,
    Shape,
    choose,
    join_fields,
    join_lines,
    make_constant_time,
    make_day,
    make_instant,
    make_seconds,
    pick,
)

RATING = Guess(says=("rating|action",), loose=frozenset({"action"}))


def bookcrossing() -> Shape:
    """Ratings of books: ISBNs with a leading zero or an X at the end, and no time."""
    records, rows = [], []
    for n in range(40):
        book = f"{pick(10**9, 'book', pick(12, n)):09}" + choose(("X", "7"), pick(12, n))
        row = Row(MADE, 276700 + pick(9, n), book, str(pick(11, "r", n)), make_constant_time(2004))
        rows.append(row)
        records.append((row[1], book, row[3]))
    definition = """
interaction_id = { from = "record" }
user_id = "User-ID"
product_id = "ISBN"
action = "Book-Rating"
timestamp = { value = "2004-01-01" }
"""
    content = join_lines(["User-ID,ISBN,Book-Rating", *join_fields(records)])
    return Shape(
        "bookcrossing",
        "ratings.csv",
        content,
        definition,
        ("uuid", "bigint", "text"),
        tuple(rows),
        40,
        guess=Guess(refusal=NO_TIME, says=("rating|action",), loose=frozenset({"action", "timestamp"})),
        about="ratings of ISBNs, no time",
    )


def deepctr_ml() -> Shape:
    """Ratings with titles that hold commas, and epoch seconds."""
    lines, rows = ["user_id,movie_id,rating,timestamp,title,genres,gender,age,occupation,zip"], []
    for n in range(30):
        row = Row(MADE, 1 + pick(6000, n), 1 + pick(3900, "m", n), str(1 + pick(5, n)), make_instant(n))
        rows.append(row)
        title = f'"Item {row[2]}, The (1995)"' if n % 3 == 0 else f"Item {row[2]} (1994)"
        lines.append(f"{row[1]},{row[2]},{row[3]},{make_seconds(n)},{title},Kind A|Kind B,F,25,4,0{1000 + n}")
    definition = """
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "movie_id"
action = "rating"
timestamp = { column = "timestamp", format = "epoch-s" }
"""
    return Shape(
        "deepctr_ml",
        "sample.txt",
        join_lines(lines),
        'format = "csv"' + definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        30,
        guess=RATING,
        about="ratings with epoch seconds",
    )


def int_rating_epoch() -> Shape:
    """Ratings with epoch seconds."""
    records, rows = [], []
    for n in range(20):
        row = Row(MADE, 1 + n // 3, 101 + pick(5, n), str(1 + pick(5, "r", n)), make_instant(n))
        rows.append(row)
        records.append((*row[1:4], make_seconds(n)))
    definition = """
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "item_id"
action = "rating"
timestamp = { column = "timestamp", format = "epoch-s" }
"""
    content = join_lines(["user_id,item_id,rating,timestamp", *join_fields(records)])
    return Shape(
        "int_rating_epoch",
        "interactions.csv",
        content,
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        20,
        guess=RATING,
        about="ratings with epoch seconds",
    )


def ml1m_style_ms() -> Shape:
    """`::` between fields, no header, ratings with a decimal, epoch milliseconds, ids from 0."""
    lines, rows = [], []
    for n in range(40):
        moment = make_instant(n, micros=1000 * pick(1000, n))
        row = Row(MADE, n // 5, pick(30, n), choose(("5.0", "4.5", "3.0"), n), moment)
        rows.append(row)
        millis = make_seconds(n) * 1000 + moment.microsecond // 1000
        lines.append(f"{row[1]}::{row[2]}::{row[3]}::{millis}")
    definition = """
format = "csv"
delimiter = "::"
header = false
interaction_id = { from = "record" }
user_id = 1
product_id = 2
action = 3
timestamp = { column = 4, format = "epoch-ms" }
"""
    guess = Guess(says=("user|product", "action|rating"), loose=frozenset({"action"}))
    return Shape(
        "ml1m_style_ms",
        "ratings.dat",
        join_lines(lines, "\r\n"),
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        40,
        guess=guess,
        about="`::`, no header, epoch milliseconds, id 0",
    )


def recbole_ml100k() -> Shape:
    """Tabs, and the type of each column behind its name."""
    records, rows = [], []
    for n in range(40):
        row = Row(MADE, 1 + pick(900, n), 1 + pick(1600, "i", n), str(1 + pick(5, n)), make_instant(n))
        rows.append(row)
        records.append((*row[1:4], make_seconds(n)))
    definition = """
format = "csv"
delimiter = "tab"
interaction_id = { from = "record" }
user_id = "user_id:token"
product_id = "item_id:token"
action = "rating:float"
timestamp = { column = "timestamp:float", format = "epoch-s" }
"""
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    return Shape(
        "recbole_ml100k",
        "ml-100k.inter",
        join_lines([header, *join_fields(records, "\t")]),
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        40,
        guess=RATING,
        about="tabs, types behind the names",
    )


def clothes_purchase() -> Shape:
    """A rating and a day."""
    records, rows = [], []
    for n in range(20):
        row = Row(MADE, 101 + pick(5, n), 5400 + pick(1300, n), str(3 + pick(3, n)), make_day(n))
        rows.append(row)
        size, color = choose(("32D", "Medium"), n), choose(("Black", "White"), n)
        records.append((row[1], row[2], row[3], f"{row[4]:%Y-%m-%d}", size, color))
    definition = """
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "product_id"
action = "rating"
timestamp = "timestamp"
"""
    content = join_lines(["user_id,product_id,rating,timestamp,size,color", *join_fields(records)])
    return Shape(
        "clothes_purchase",
        "purchase_history.csv",
        content,
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        20,
        guess=RATING,
        about="a rating and a day",
    )


SHAPES = (
    bookcrossing,
    clothes_purchase,
    deepctr_ml,
    int_rating_epoch,
    ml1m_style_ms,
    recbole_ml100k,
)
