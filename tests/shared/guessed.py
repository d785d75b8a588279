"""Shapes of files with what is to be guessed of them, made here."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

R = random.Random(7)
ROWS = 40
DAYS = [f"2024-03-{1 + n % 28:02}" for n in range(ROWS)]


def lines(make: Callable[[int], str], header: str = "") -> str:
    return (header + "\n" if header else "") + "".join(f"{make(n)}\n" for n in range(ROWS))


def objects(make: Callable[[int], dict[str, Any]]) -> str:
    return lines(lambda n: json.dumps(make(n)))


def pick(*words: str) -> str:
    return R.choice(words)


MADE = {"from": "record"}
# name of the file -> its text, and keys of the definition that is wanted
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "german.csv": (
        lines(
            lambda n: (
                f"{n + 1};{1000 + n % 5};{50 + n % 7};{pick('Sicht', 'Kauf')};{1 + n % 28:02}.03.2024;08:{n:02}:11"
            ),
            "Ereignis-Nr;Kundennummer;Artikelnummer;Aktion;Datum;Uhrzeit",
        ),
        {
            "delimiter": ";",
            "interaction_id": "Ereignis-Nr",
            "user_id": "Kundennummer",
            "product_id": "Artikelnummer",
            "action": "Aktion",
            "timestamp": {"columns": ["Datum", "Uhrzeit"], "format": "%d.%m.%Y %H:%M:%S"},
        },
    ),
    "invoices.csv": (
        lines(
            lambda n: (
                f"{536365 + n // 4},{pick('85123A', '71053')},x,6,12/{1 + n % 28}/2010 8:26,"
                f"2.55,{'' if n % 9 == 4 else f'{17850 + n % 3}.0'}"
            ),
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID",
        ),
        {
            "interaction_id": MADE,
            "user_id": {"column": "CustomerID", "default": "0", "integers": "as-float"},
            "product_id": "StockCode",
            "action": {"value": "purchase"},
            "timestamp": {"column": "InvoiceDate", "format": "%m/%d/%Y %H:%M"},
        },
    ),
    "ratings.dat": (
        lines(lambda n: f"{1 + n // 5}::{n * 7 % 30}::{1 + n % 5}::{978300000 + n * 1000}"),
        {
            "delimiter": "::",
            "header": False,
            "interaction_id": MADE,
            "user_id": 1,
            "product_id": 2,
            "action": 3,
            "timestamp": {"column": 4, "format": "epoch-s"},
        },
    ),
    "u.data": (
        lines(lambda n: f"{1 + n // 5}\t{n * 7 % 30}\t{1 + n % 5}\t{881250949 + n * 1000}"),
        {"delimiter": "tab", "header": False, "user_id": 1, "timestamp": {"column": 4, "format": "epoch-s"}},
    ),
    "behavior.csv": (
        lines(lambda n: f"{1000 + n % 5},{2268 + n % 9},{25 + n % 3},{pick('pv', 'buy', 'cart')},{1511544070 + n}"),
        {"user_id": 1, "product_id": 2, "action": 4, "timestamp": {"column": 5, "format": "epoch-s"}},
    ),
    "checkins.txt": (
        lines(lambda n: f"{n // 3}\t{DAYS[n]}T23:55:27Z\t30.23\t-97.79\t{22847 + n % 7}"),
        {"user_id": 1, "product_id": 5, "action": {"value": "checkin"}, "timestamp": {"column": 2}},
    ),
    "nested.jsonl": (
        objects(
            lambda n: {
                "type": pick("view", "buy"),
                "time": 1704067200000 + n,
                "user": {"id": n % 4, "name": "x"},
                "product": {"id": f"p{n % 5}", "name": "y", "category": "z"},
            }
        ),
        {
            "format": "jsonl",
            "interaction_id": MADE,
            "user_id": "user.id",
            "product_id": "product.id",
            "action": "type",
            "timestamp": {"column": "time", "format": "epoch-ms"},
        },
    ),
    "envelope.json": (
        json.dumps(
            {
                "meta": {"n": 2},
                "data": {
                    "events": [
                        {"id": n, "user_id": n % 3, "item_id": n % 4, "event": "view", "ts": DAYS[n]}
                        for n in range(ROWS)
                    ]
                },
            }
        ),
        {"format": "json", "records": "data.events", "interaction_id": "id", "user_id": "user_id"},
    ),
    "orders.json": (
        json.dumps(
            {
                "orders": [
                    {
                        "id": 45 + n,
                        "customer": {"id": n % 4},
                        "created_at": f"{DAYS[n]}T10:00:00-05:00",
                        "line_items": [{"id": 90 + 2 * n, "product_id": 6}, {"id": 91 + 2 * n, "product_id": 7}],
                    }
                    for n in range(ROWS)
                ]
            }
        ),
        {
            "records": "orders",
            "explode": "line_items",
            "interaction_id": "id",
            "user_id": "..customer.id",
            "action": {"value": "purchase"},
            "timestamp": "..created_at",
        },
    ),
    "pretty.json": (
        "".join(
            json.dumps({"user": f"u{n}", "item": n % 3, "event": "view", "ts": DAYS[n]}, indent=1) for n in range(9)
        ),
        {"format": "json", "user_id": "user", "product_id": "item"},
    ),
    "calls.jsonl": (
        objects(
            lambda n: (
                {"type": "identify", "messageId": f"m{n}", "anonymousId": f"a{n % 5}"}
                | {"timestamp": f"{DAYS[n]}T08:00:00Z"}
                | (
                    {
                        "type": "track",
                        "event": pick("Viewed", "Order"),
                        "userId": f"u{n % 4}",
                        "properties": {"product_id": "p"},
                    }
                    if n % 6
                    else {}
                )
            )
        ),
        {
            "where": [{"column": "type", "in": ["track"]}],
            "interaction_id": "messageId",
            "user_id": "userId",
            "product_id": "properties.product_id",
            "action": "event",
        },
    ),
    "access.log": (
        lines(
            lambda n: (
                f'192.0.2.{n % 9} - - [0{1 + n % 9}/Mar/2024:13:55:36 -0700] "GET /p{n % 5} HTTP/1.1" 200 23 "-" "A B"'
            )
        ),
        {
            "delimiter": "blanks",
            "header": False,
            "null_values": ["-"],
            "user_id": {"column": ["user", "host"]},
            "timestamp": {"columns": ["date", "offset"], "format": "[%d/%b/%Y:%H:%M:%S %z]"},
        },
    ),
    "iis.log": (
        lines(
            lambda n: f"2024-01-01 10:00:{n:02} GET /p{n % 5} - 192.0.2.{n % 4} 200",
            "#Software: X\n#Fields: date time cs-method cs-uri-stem cs-username c-ip sc-status",
        ),
        {
            "comment": "#",
            "header": False,
            "user_id": "c-ip",
            "product_id": "cs-uri-stem",
            "action": "cs-method",
            "timestamp": {"columns": ["date", "time"]},
        },
    ),
    "padded.csv": (
        lines(lambda n: f"{n % 5:05},{n % 9},buy,{DAYS[n]}", "customer_id,article_id,action,date"),
        {"user_id": "customer_id", "product_id": "article_id"},
    ),
    "nulls.csv": (
        lines(
            lambda n: f"{100 + n % 3},{200 + n % 9 if n % 2 else 'NULL'},view,{DAYS[n]}",
            "user_id,product_id,event,date",
        ),
        {"null_values": ["NULL"], "product_id": {"column": "product_id", "default": "0"}},
    ),
    "loader.csv": (
        lines(
            lambda n: f"r{n:09},{n % 3},u{n % 7},i{n % 9},view,{DAYS[n]}",
            "_load_id,event_id,user_id,item_id,event,date",
        ),
        {"interaction_id": "_load_id"},
    ),
    "lines.csv": (
        lines(
            lambda n: f"o{n // 2},{1 + n % 2},u{n // 4},i{n % 9},{DAYS[n // 2]}",
            "order_id,line_number,user_id,item_id,date",
        ),
        {"interaction_id": {"columns": ["order_id", "line_number"]}, "action": {"value": "purchase"}},
    ),
    "clicks-2024-03-01.csv": (
        lines(lambda n: f"{n % 5},{n % 9},click", "user_id,item_id,action"),
        {"timestamp": {"from_name": "clicks-%Y-%m-%d"}},
    ),
}
