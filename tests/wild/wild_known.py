"""Further shapes, of logs and data sets that many know: a guess must read them unseen."""

from __future__ import annotations

from uuid import UUID

from wild_shape import (
    MADE,
    PAGES,
    Guess,
    Row,
    Shape,
    choose,
    format_iso,
    join_fields,
    join_lines,
    make_hex,
    make_instant,
    make_seconds,
    pick,
)

RATING = Guess(says=("rating|action",), loose=frozenset({"action"}))


def check_ins() -> Shape:
    """Tabs, no header, ids of places as hashes, the time as `Tue Apr 03 18:00:09 +0000 2012`."""
    lines, rows = [], []
    for n in range(30):
        row = Row(MADE, 1 + pick(9, n), make_hex(24, "venue", pick(8, n)), "check-in", make_instant(n))
        rows.append(row)
        when = f"{row[4]:%a %b %d %H:%M:%S} +0000 {row[4].year}"
        lines.append(f"{row[1]}\t{row[2]}\t{make_hex(24, 'kind', n % 3)}\tShop {n % 3}\t40.71\t-74.00\t-240\t{when}")
    definition = """
format = "csv"
delimiter = "tab"
header = false
interaction_id = { from = "record" }
user_id = 1
product_id = 2
action = { value = "check-in" }
timestamp = { column = 8, format = "%a %b %d %H:%M:%S %z %Y" }
"""
    categories = tuple(make_hex(24, "kind", n % 3) for n in range(30))
    guess = Guess(says=("user|product", "action"), loose=frozenset({"action"}), others={"product_id": (categories,)})
    return Shape(
        "check_ins",
        "checkins.txt",
        join_lines(lines),
        definition,
        ("uuid", "bigint", "text"),
        tuple(rows),
        30,
        guess=guess,
        about="no header; `Tue Apr 03 18:00:09 +0000 2012`",
    )


def electronics_store() -> Shape:
    """Times with ` UTC` behind them; a session of UUIDs that is no id of the event."""
    records, rows = [], []
    for n in range(40):
        row = Row(MADE, 512_000_000 + pick(9, n), 1_000_000 + pick(20, n), choose(("view", "cart"), n), make_instant(n))
        rows.append(row)
        session = UUID(make_hex(32, "session", n // 4))
        when, brand = format_iso(row[4], end=" UTC"), choose(("", "brand-a"), n)
        records.append((when, row[3], row[2], 2_053_013_555, "electronics.audio", brand, "35.79", row[1], session))
    header = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
    definition = """
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "product_id"
action = "event_type"
timestamp = "event_time"
"""
    content = join_lines([header, *join_fields(records)])
    return Shape(
        "electronics_store",
        "2024-Mar.csv",
        content,
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        40,
        about="` UTC` behind the time, a UUID of the session",
    )


def iis_log() -> Shape:
    """Comment lines with the header in one of them, blanks between fields, date and time apart."""
    names = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status"
    lines, rows = ["#Software: A server", "#Version: 1.0", "#Date: 2024-03-01 08:00:00", f"#Fields: {names}"], []
    for n in range(30):
        row = Row(MADE, f"192.0.2.{1 + pick(7, n)}", choose(PAGES, n), choose(("GET", "POST"), n), make_instant(n))
        rows.append(row)
        lines.append(f"{format_iso(row[4])} 192.0.2.99 {row[3]} {row[2]} - 443 - {row[1]} Browser/1.0 200")
    definition = """
format = "csv"
delimiter = "blanks"
comment = "#"
header = false
null_values = ["-"]
interaction_id = { from = "record" }
user_id = 9
product_id = 5
action = 4
timestamp = { columns = [1, 2] }
"""
    return Shape(
        "iis_log",
        "u_ex240301.log",
        join_lines(lines, "\r\n"),
        definition,
        ("uuid", "text", "text"),
        tuple(rows),
        30,
        about="blanks, header in a comment, date and time apart",
    )


def listening_habits() -> Shape:
    """Tabs, no header, times with `T` and `Z`, names of tracks with quotes in them."""
    lines, rows = [], []
    for n in range(30):
        track = f'Track {pick(9, n)} (12" mix)'
        row = Row(MADE, f"user_{1 + n // 5:06}", track, "listen", make_instant(n))
        rows.append(row)
        artist = UUID(make_hex(32, "artist", pick(4, n)))
        lines.append(f"{row[1]}\t{format_iso(row[4], 'T', 'Z')}\t{artist}\tArtist {pick(4, n)}\t\t{track}")
    definition = """
format = "csv"
delimiter = "tab"
header = false
quoting = false
interaction_id = { from = "record" }
user_id = 1
product_id = 6
action = { value = "listen" }
timestamp = 2
"""
    artists = tuple(f"Artist {pick(4, n)}" for n in range(30))
    ids = tuple(UUID(make_hex(32, "artist", pick(4, n))) for n in range(30))
    guess = Guess(says=("action", "product"), loose=frozenset({"action"}), others={"product_id": (artists, ids)})
    return Shape(
        "listening_habits",
        "userid-timestamp-artist-track.tsv",
        join_lines(lines),
        definition,
        ("uuid", "text", "text"),
        tuple(rows),
        30,
        guess=guess,
        about="tabs, no header, inch marks in names",
    )


def movielens_u_data() -> Shape:
    """Four whole numbers a line, tabs, no header."""
    lines, rows = [], []
    for n in range(40):
        row = Row(MADE, 1 + pick(9, n), 1 + pick(30, "i", n), str(1 + pick(5, n)), make_instant(n))
        rows.append(row)
        lines.append(f"{row[1]}\t{row[2]}\t{row[3]}\t{make_seconds(n)}")
    definition = """
format = "csv"
delimiter = "tab"
header = false
interaction_id = { from = "record" }
user_id = 1
product_id = 2
action = 3
timestamp = { column = 4, format = "epoch-s" }
"""
    guess = Guess(says=("user|product", "action|rating"), loose=frozenset({"action"}))
    return Shape(
        "movielens_u_data",
        "u.data",
        join_lines(lines),
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        40,
        guess=guess,
        about="four numbers, tabs, no header",
    )


def retail_events() -> Shape:
    """Epoch milliseconds first, names in one word, a transaction's id where something was bought."""
    records, rows = [], []
    for n in range(40):
        moment = make_instant(n, micros=1000 * pick(1000, n))
        action = choose(("view", "view", "addtocart", "transaction"), n)
        row = Row(MADE, 250_000 + pick(9, n), 350_000 + pick(15, n), action, moment)
        rows.append(row)
        millis = make_seconds(n) * 1000 + moment.microsecond // 1000
        records.append((millis, row[1], action, row[2], 4000 + n if action == "transaction" else ""))
    definition = """
interaction_id = { from = "record" }
user_id = "visitorid"
product_id = "itemid"
action = "event"
timestamp = { column = "timestamp", format = "epoch-ms" }
"""
    content = join_lines(["timestamp,visitorid,event,itemid,transactionid", *join_fields(records)])
    return Shape(
        "retail_events",
        "events.csv",
        content,
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        40,
        about="epoch milliseconds, names in one word",
    )


def yoochoose_clicks() -> Shape:
    """No header: a session, a time with milliseconds and `Z`, an item, a category."""
    lines, rows = [], []
    for n in range(40):
        moment = make_instant(n, micros=1000 * pick(1000, n))
        row = Row(MADE, 1 + n // 4, 214_530_000 + pick(30, n), "click", moment)
        rows.append(row)
        lines.append(f"{row[1]},{format_iso(moment, 'T', 'Z', micros=3)},{row[2]},0")
    definition = """
header = false
interaction_id = { from = "record" }
user_id = 1
product_id = 3
action = { value = "click" }
timestamp = 2
"""
    guess = Guess(says=("user|product", "action"), loose=frozenset({"action"}))
    return Shape(
        "yoochoose_clicks",
        "clicks.csv",
        join_lines(lines),
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        40,
        guess=guess,
        about="no header, sessions and items",
    )


SHAPES = (
    check_ins,
    electronics_store,
    iis_log,
    listening_habits,
    movielens_u_data,
    retail_events,
    yoochoose_clicks,
)
