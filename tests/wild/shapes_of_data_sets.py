"""Files in the shape of public data sets of interactions."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

from preset_shape import MADE, Row, Shape, count_micros, count_seconds, format_at, join_lines, join_objects, make_facts


def make_movielens_100k() -> Shape:
    """Four fields between tabs; a rating stands there twice, a line is cut."""
    lines, rows = [], []
    for n, user, product, at in make_facts(9):
        lines.append(f"{user}\t{product}\t{1 + n % 5}\t{count_seconds(at)}")
        rows.append(Row(MADE, user, product, "rate", at))
    lines += [lines[4], "3\t105\t4"]
    return Shape("movielens-100k", "u.data", join_lines(lines), (*rows, rows[4]), {11: ("too-few-fields",)})


def make_movielens_1m() -> Shape:
    """Two colons between fields; a user that is a word."""
    lines, rows = [], []
    for n, user, product, at in make_facts(8):
        lines.append(f"{user}::{product}::{1 + n % 5}::{count_seconds(at)}")
        rows.append(Row(MADE, user, product, "rate", at))
    lines.append("nobody::100::3::978300760")
    return Shape("movielens-1m", "ratings.dat", join_lines(lines), tuple(rows), {9: ("not-an-integer",)})


def make_movielens_latest() -> Shape:
    """A header, halves of stars, and line ends of Windows."""
    lines, rows = ["userId,movieId,rating,timestamp"], []
    for n, user, product, at in make_facts(7):
        lines.append(f"{user},{product},{0.5 + n / 2},{count_seconds(at)}")
        rows.append(Row(MADE, user, product, "rate", at))
    return Shape("movielens-latest", "ratings.csv", join_lines(lines, "\r\n"), tuple(rows))


def make_retailrocket() -> Shape:
    """Milliseconds; an order's id stands at transactions alone."""
    lines, rows = ["timestamp,visitorid,event,itemid,transactionid"], []
    for n, user, product, at in make_facts(10, decimals=3):
        event = ("view", "addtocart", "transaction")[n % 3]
        order = str(4000 + n // 5) if event == "transaction" else ""
        lines.append(f"{count_micros(at) // 1000},{user},{event},{product},{order}")
        rows.append(Row(MADE, user, product, event, at))
    return Shape("retailrocket", "events.csv", join_lines(lines), tuple(rows))


def make_rees46() -> Shape:
    """Times with UTC behind them; brand and category are often empty; three lines are the same."""
    lines, rows = ["event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"], []
    for n, user, product, at in make_facts(8):
        event = ("view", "cart", "purchase")[n % 3]
        code = "electronics.audio" if n % 2 else ""
        price, session = f"{n}.99", f"5eed0000-0000-4000-8000-00000000000{n}"
        when = format_at(at, end=" UTC")
        lines.append(f"{when},{event},{product},2053013555631882655,{code},,{price},51200{user},{session}")
        rows.append(Row(MADE, int(f"51200{user}"), product, event, at))
    content = join_lines([*lines, lines[3], lines[3]])
    return Shape("rees46", "2019-Oct.csv", content, (*rows, rows[2], rows[2]))


def make_yoochoose_clicks() -> Shape:
    """No header; the category is a number, a letter or 0."""
    lines, rows = [], []
    for n, user, product, at in make_facts(8, decimals=3):
        lines.append(f"{user},{format_at(at, 'T', 3, 'Z')},2145{product},{('0', 'S', '7')[n % 3]}")
        rows.append(Row(MADE, user, int(f"2145{product}"), "click", at))
    return Shape("yoochoose-clicks", "yoochoose-clicks.dat", join_lines(lines), tuple(rows))


def make_yoochoose_buys() -> Shape:
    """No header; one field more than clicks have."""
    lines, rows = [], []
    for n, user, product, at in make_facts(6, decimals=3):
        lines.append(f"{user},{format_at(at, 'T', 3, 'Z')},2145{product},{1000 + n},{1 + n % 2}")
        rows.append(Row(MADE, user, int(f"2145{product}"), "buy", at))
    return Shape("yoochoose-buys", "yoochoose-buys.dat", join_lines(lines), tuple(rows))


def make_taobao() -> Shape:
    """No header; a time before 1970 is right, one of too many digits is none."""
    lines, rows = [], []
    for n, user, product, at in make_facts(9):
        behavior = ("pv", "pv", "fav", "cart", "buy")[n % 5]
        lines.append(f"{user},{product},{4000 + n % 4},{behavior},{count_seconds(at)}")
        rows.append(Row(MADE, user, product, behavior, at))
    lines.append("4,101,4001,pv,-13099")
    rows.append(Row(MADE, 4, 101, "pv", datetime(1969, 12, 31, 20, 21, 41, tzinfo=UTC)))
    lines.append("4,101,4001,pv,9999999999999999")
    return Shape("taobao-userbehavior", "UserBehavior.csv", join_lines(lines), tuple(rows), {11: ("not-a-timestamp",)})


def make_lastfm() -> Shape:
    """Tabs, quotes that mean nothing, tracks without an id or without anything."""
    lines, rows, rejected = [], [], {}
    names = ('"First" of all', "A song, with a comma", '"Opened and never closed', "Plain")
    for n, user, product, at in make_facts(9):
        who, artist = f"user_{user:06}", f"a{product:03}0000-0000-4000-8000-000000000000"
        track = f"7{product:03}0000-0000-4000-8000-000000000000" if n % 3 else ""
        name = names[n % 4]
        if n == 6:
            name, rejected[n + 1] = "", ("missing-value",)
        else:
            rows.append(Row(MADE, who, track or name, "listen", at))
        lines.append(f"{who}\t{format_at(at, 'T', end='Z')}\t{artist}\tSome Band\t{track}\t{name}")
    return Shape(
        "lastfm-1k", "userid-timestamp-artid-artname-traid-traname.tsv", join_lines(lines), tuple(rows), rejected
    )


def make_amazon_2018() -> Shape:
    """Objects whose time is a day, in seconds; two reviews are the same."""
    objects, rows = [], []
    for n, user, product, at in make_facts(7):
        day = at.replace(hour=0, minute=0, second=0)
        objects.append(
            {
                "overall": float(1 + n % 5), "verified": n % 2 == 0, "reviewTime": f"{day:%m} {day.day}, {day:%Y}",
                "reviewerID": f"A{user:013}", "asin": f"B{product:09}", "style": {"Color:": " Red"},
                "reviewText": 'It "works",\nmostly', "summary": "Fine", "unixReviewTime": count_seconds(day),
            }
        )  # fmt: skip
        rows.append(Row(MADE, f"A{user:013}", f"B{product:09}", "review", day))
    return Shape("amazon-reviews-2018", "Gift_Cards.json", join_objects([*objects, objects[2]]), (*rows, rows[2]))


def make_amazon_2023() -> Shape:
    """Objects in milliseconds; the parent of a product counts, and its own id where there is none."""
    objects, rows = [], []
    for n, user, product, at in make_facts(7, decimals=3):
        parent = f"B{product:09}" if n != 4 else None
        objects.append(
            {
                "rating": float(1 + n % 5), "title": "Fine", "text": "It <br /> works", "images": [],
                "asin": f"C{product:09}", "parent_asin": parent, "user_id": f"AE{user:026}",
                "timestamp": count_micros(at) // 1000, "helpful_vote": n, "verified_purchase": True,
            }
        )  # fmt: skip
        rows.append(Row(MADE, f"AE{user:026}", parent or f"C{product:09}", "review", at))
    return Shape("amazon-reviews-2023", "All_Beauty.jsonl", join_objects(objects), tuple(rows))


def make_yelp() -> Shape:
    """Objects with an id of the review; one comes twice, one has no business."""
    objects, rows = [], []
    for n, user, product, at in make_facts(8):
        objects.append(
            {
                "review_id": f"r-{n:020}", "user_id": f"_u{user:020}", "business_id": f"b{product:021}",
                "stars": 1.0 + n % 5, "useful": n, "funny": 0, "cool": 0, "text": "Good\n\nfood", "date": format_at(at),
            }
        )  # fmt: skip
        rows.append(Row(f"r-{n:020}", f"_u{user:020}", f"b{product:021}", "review", at))
    objects += [objects[1], {**objects[3], "review_id": "r-later", "business_id": ""}]
    return Shape(
        "yelp-reviews", "yelp_academic_dataset_review.json", join_objects(objects), tuple(rows),
        {10: ("missing-value",)}, duplicate=1,
    )  # fmt: skip


def make_hm() -> Shape:
    """Customers as hashes, articles with a 0 in front, days; somebody buys three of the same."""
    lines, rows = ["t_dat,customer_id,article_id,price,sales_channel_id"], []
    for n, user, product, at in make_facts(8):
        day = at.replace(hour=0, minute=0, second=0)
        who = sha256(f"customer {user}".encode()).hexdigest()
        lines.append(f"{day:%Y-%m-%d},{who},0663713{product},0.0{n}0830508474576271,{1 + n % 2}")
        rows.append(Row(MADE, who, int(f"663713{product}"), "purchase", day))
    content = join_lines([*lines, lines[1], lines[1]])
    return Shape("hm-transactions", "transactions_train.csv", content, (*rows, rows[0], rows[0]))


def make_uci() -> Shape:
    """Latin-1, American times, customers that are unknown or written as floats, a cancellation, a record too short."""
    lines, rows = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"], []
    for n, user, product, at in make_facts(9):
        minute = at.replace(second=0)
        who = ("", f"{17850 + user}", f"{17850 + user}.0")[n % 3]
        invoice = f"C{536365 + n}" if n == 5 else f"{536365 + n // 2}"
        code = f"85{product}{'A' * (n % 2)}"
        when = format_at(minute) if n == 7 else f"{at.month}/{at.day}/{at.year} {at.hour}:{at:%M}"
        lines.append(f'{invoice},{code},"BAG, SMALL £5",{-1 if n == 5 else n},{when},2.55,{who},Österreich')
        rows.append(Row(MADE, 17850 + user if who else 0, code, "purchase", minute))
    lines.append("536380,85999,BOX,1,13/13/2010 8:26,2.55,17850,France")
    return Shape(
        "uci-online-retail", "data.csv", join_lines(lines, "\r\n", "latin-1"), tuple(rows), {11: ("not-a-timestamp",)}
    )


def make_recbole() -> Shape:
    """A header whose names say the kind of value; tokens may be any text."""
    lines, rows = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"], []
    for n, user, product, at in make_facts(7):
        who, what = f"u{user}", f"{product}"
        lines.append(f"{who}\t{what}\t{1 + n % 5}\t{count_seconds(at)}{'.0' * (n % 2)}")
        rows.append(Row(MADE, who, what, "interaction", at))
    return Shape("recbole-inter", "ml-100k.inter", join_lines(lines), tuple(rows))


def make_steam() -> Shape:
    """No header, no time; titles with commas and quotes."""
    titles = ("A Game of Rolls", "Dragon, the Sequel", 'The "Best" of It')
    written = ("A Game of Rolls", '"Dragon, the Sequel"', '"The ""Best"" of It"')
    lines, rows, never = [], [], datetime(1970, 1, 1, tzinfo=UTC)
    for n, user, _, _ in make_facts(9):
        behavior = ("purchase", "play")[n % 2]
        lines.append(f"{user},{written[n % 3]},{behavior},{1.0 + n},0")
        rows.append(Row(MADE, user, titles[n % 3], behavior, never))
    return Shape("steam-200k", "steam-200k.csv", join_lines(lines), tuple(rows))


MAKERS = (
    make_movielens_100k, make_movielens_1m, make_movielens_latest, make_retailrocket, make_rees46,
    make_yoochoose_clicks, make_yoochoose_buys, make_taobao, make_lastfm, make_amazon_2018, make_amazon_2023,
    make_yelp, make_hm, make_uci, make_recbole, make_steam,
)  # fmt: skip
