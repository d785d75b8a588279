"""Purchases and events of shops that have no id of the interaction."""

from __future__ import annotations

from wild_shape import (
    MADE,
    NO_ACTION,
    NO_PRODUCT,
    NO_PRODUCT_OR_ACTION,
    Guess,
    Row,
    Shape,
    choose,
    format_iso,
    join_fields,
    join_lines,
    make_day,
    make_instant,
    pick,
)


def cdnow_master() -> Shape:
    """Runs of blanks between fields and before the first, ids padded with zeros, days as 20240301, CRLF."""
    lines, rows = [" customer_id  date number_of_cds  dollar_value"], []
    for n in range(40):
        user, day, count = f"{1 + n // 3:05}", make_day(n), 1 + pick(4, n)
        for _ in range(2 if n in {11, 30} else 1):  # the same line again is another purchase
            rows.append(Row(MADE, user, "none", "purchase", day))
            lines.append(f" {user} {day:%Y%m%d} {count:>2}  {count * 11.77:6.2f}")
    definition = """
format = "csv"
delimiter = "blanks"
interaction_id = { from = "record" }
user_id = "customer_id"
product_id = { value = "none" }
action = { value = "purchase" }
timestamp = { column = "date", format = "%Y%m%d" }
"""
    guess = Guess(says=("product", "action"), loose=frozenset({"product_id", "action"}), padded=True)
    return Shape(
        "cdnow_master",
        "master.txt",
        join_lines(lines, "\r\n"),
        definition,
        ("uuid", "text", "text"),
        tuple(rows),
        42,
        guess=guess,
        about="runs of blanks, padded ids, days without hyphens",
    )


def lifetimes_tx() -> Shape:
    """The column `id` is that of the customer, begins with 0, and repeats; whole lines do so, too."""
    lines, rows = ["date,id"], []
    for n in range(40):
        user, day = n % 17, make_day(n)
        for _ in range(2 if n in {5, 21, 33} else 1):
            rows.append(Row(MADE, user, "none", "purchase", day))
            lines.append(f"{format_iso(day)},{user}")
    definition = """
interaction_id = { from = "record" }
user_id = "id"
product_id = { value = "none" }
action = { value = "purchase" }
timestamp = "date"
"""
    return Shape(
        "lifetimes_tx",
        "transactions.csv",
        join_lines(lines),
        definition,
        ("uuid", "bigint", "text"),
        tuple(rows),
        43,
        guess=NO_PRODUCT_OR_ACTION,
        about="`id` is the customer's, and repeats",
    )


def retent_shop() -> Shape:
    """Events of users with microseconds, and nothing else."""
    records, rows = [], []
    for n in range(40):
        moment = make_instant(n, micros=1 + pick(999_998, n))
        row = Row(MADE, 219_483_800 + n // 6, "none", choose(("catalog", "product1", "cart", "main"), n), moment)
        rows.append(row)
        records.append((row[1], row[3], format_iso(moment, micros=6)))
    definition = """
interaction_id = { from = "record" }
user_id = "user_id"
product_id = { value = "none" }
action = "event"
timestamp = "timestamp"
"""
    return Shape(
        "retent_shop",
        "onlineshop.csv",
        join_lines(["user_id,event,timestamp", *join_fields(records)]),
        definition,
        ("uuid", "bigint", "text"),
        tuple(rows),
        40,
        guess=NO_PRODUCT,
        about="no id, no product, microseconds",
    )


def skilvul_purchase() -> Shape:
    """Purchases of a day, CRLF."""
    records, rows = [], []
    for n in range(30):
        row = Row(MADE, 40 + n // 4, 100 + pick(60, n), "purchase", make_day(n // 4))
        rows.append(row)
        records.append((row[1], row[2], f"{row[4]:%Y-%m-%d}"))
    definition = """
interaction_id = { from = "record" }
user_id = "customer_id"
product_id = "product_id"
action = { value = "purchase" }
timestamp = "purchase_date"
"""
    content = join_lines(["customer_id,product_id,purchase_date", *join_fields(records)], "\r\n")
    return Shape(
        "skilvul_purchase",
        "purchase_history.csv",
        content,
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        30,
        guess=NO_ACTION,
        about="purchases by day",
    )


SHAPES = (
    cdnow_master,
    lifetimes_tx,
    retent_shop,
    skilvul_purchase,
)
