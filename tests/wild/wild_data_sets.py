"""Data sets for recommenders: whole numbers, lists, and often no time at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def diginetica() -> Shape:
    """Semicolons, and `NA` for most users, whose session is known."""
    records, rows, sessions = [], [], []
    for n in range(50):
        session, known = 1 + n // 4, pick(3, n // 4) == 0
        row = Row(MADE, 700 + n // 4 if known else session, 5000 + pick(90, n), "view", make_day(n // 4))
        rows.append(row)
        sessions.append(session)
        user = row[1] if known else "NA"
        records.append((session, user, row[2], pick(900_000, n), f"{row[4]:%Y-%m-%d}"))
    definition = """
delimiter = ";"
null_values = ["NA"]
interaction_id = { from = "record" }
user_id = { column = ["user_id", "session_id"] }
product_id = "item_id"
action = { value = "view" }
timestamp = "eventdate"
"""
    content = join_lines(["session_id;user_id;item_id;timeframe;eventdate", *join_fields(records, ";")])
    guess = Guess(
        says=("user", "action"), loose=frozenset({"action", "user_id"}), others={"user_id": (tuple(sessions),)}
    )
    return Shape(
        "diginetica",
        "item-views.csv",
        content,
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        50,
        guess=guess,
        about="semicolons, NA for most users",
    )


def gowalla_lightgcn() -> Shape:
    """A user and all its items in one line: as many fields as the user has items."""
    lines = [" ".join([str(n), *(str(1 + pick(130, n, i)) for i in range(2 + pick(9, n)))]) for n in range(30)]
    definition = """
format = "csv"
delimiter = "blanks"
header = false
columns = ["user_id", "item_id"]
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "item_id"
action = { value = "visit" }
timestamp = { value = "2010-01-01" }
"""
    return Shape(
        "gowalla_lightgcn",
        "train.txt",
        join_lines(lines),
        definition,
        ("uuid", "bigint", "bigint"),
        (),
        30,
        rejected=dict.fromkeys(range(1, 31), ("too-many-fields",)),
        refused="too-many-fields",
        guess=Guess(refusal=r"list|fields|time"),
        about="a user and a list of items in each line, no time",
    )


def int_binary() -> Shape:
    """User, item and a 1, without a time."""
    records, rows = [], []
    for n in range(20):
        row = Row(MADE, 1 + n // 3, 1 + pick(6, n), "interact", make_constant_time(2024))
        rows.append(row)
        records.append((row[1], row[2], 1))
    definition = """
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "product_id"
action = { value = "interact" }
timestamp = { value = "2024-01-01" }
"""
    content = join_lines(["user_id,product_id,interaction", *join_fields(records)])
    return Shape(
        "int_binary",
        "interactions.csv",
        content,
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        20,
        guess=Guess(refusal=NO_TIME, loose=frozenset({"action", "timestamp"})),
        about="a 1 for the action, no time",
    )


def int_browse() -> Shape:
    """Text ids of users beside whole numbers of products, without a time."""
    records, rows = [], []
    for n in range(30):
        row = Row(MADE, f"user_{1 + n // 4}", 1 + pick(15, n), choose(("browse", "buy"), n), make_constant_time(2024))
        rows.append(row)
        records.append((row[1], row[2], row[3], 1 + pick(5, n)))
    definition = """
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "product_id"
action = "interaction"
timestamp = { value = "2024-01-01" }
"""
    content = join_lines(["user_id,product_id,interaction,rating", *join_fields(records)])
    return Shape(
        "int_browse",
        "interactions.csv",
        content,
        definition,
        ("uuid", "text", "bigint"),
        tuple(rows),
        30,
        guess=Guess(refusal=NO_TIME, loose=frozenset({"timestamp"})),
        about="text ids of users, no time",
    )


def int_notime() -> Shape:
    """User, product and action, with lines that come again, without a time."""
    records, rows = [], []
    for n in range(30):
        row = Row(MADE, 1 + n // 6, 1 + pick(4, n), choose(("view", "purchase"), n), make_constant_time(2024))
        rows.append(row)
        records.append(row[1:4])
    definition = """
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "product_id"
action = "event_type"
timestamp = { value = "2024-01-01" }
"""
    content = join_lines(["user_id,product_id,event_type", *join_fields(records)])
    return Shape(
        "int_notime",
        "interactions.csv",
        content,
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        30,
        guess=Guess(refusal=NO_TIME, loose=frozenset({"timestamp"})),
        about="no id, no time, lines that repeat",
    )


def jodie_lastfm() -> Shape:
    """A header of five names above rows of six fields; ids from 0; seconds since the first row."""
    lines, rows = ["user_id,item_id,timestamp,state_label,comma_separated_list_of_features"], []
    for n in range(40):
        seconds = 0 if n == 0 else 53 * n + pick(50, n)
        rows.append(Row(MADE, pick(1 + n // 4, n), pick(1 + n, "i", n), "listen", EPOCH + timedelta(seconds=seconds)))
        lines.append(f"{rows[-1][1]},{rows[-1][2]},{seconds}.0,0,0.0,0.0")
    definition = """
skip_lines = 1
header = false
columns = ["user_id", "item_id", "timestamp", "state_label", "feature_1", "feature_2"]
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "item_id"
action = { value = "listen" }
timestamp = { column = "timestamp", format = "epoch-s" }
"""
    guess = Guess(
        refusal=r"time|fields|header", says=("1970|relative|start|epoch",), loose=frozenset({"action", "timestamp"})
    )
    return Shape(
        "jodie_lastfm",
        "lastfm.csv",
        join_lines(lines),
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        40,
        guess=guess,
        about="a header shorter than the rows; seconds since the start; id 0",
    )


def mind() -> Shape:
    """No header, tabs, AM and PM, and a list of what was shown, each with a 1 where it was clicked."""
    lines, rows = [], []
    for n in range(30):
        shown = [f"N{1000 + pick(80, n, i)}" for i in range(2 + pick(4, n))]
        clicked = pick(len(shown), "clicked", n)
        moment = make_instant(n)
        rows.append(Row(n + 1, f"U{10 + pick(9, n)}", shown[clicked], "click", moment))
        impressions = " ".join(f"{item}-{int(i == clicked)}" for i, item in enumerate(shown))
        history = " ".join(f"N{900 + pick(80, 'h', n, i)}" for i in range(pick(4, "h", n)))
        when = f"{moment.month}/{moment.day}/{moment.year} {moment.hour % 12 or 12}:{moment:%M:%S %p}"
        lines.append(f"{n + 1}\t{rows[-1][1]}\t{when}\t{history}\t{impressions}")
    definition = r"""
format = "csv"
delimiter = "tab"
header = false
interaction_id = 1
user_id = 2
product_id = { column = 5, extract = '^(?:\S+ )*?(\S+)-1(?: .*)?$' }
action = { value = "click" }
timestamp = { column = 3, format = "%m/%d/%Y %I:%M:%S %p" }
"""
    guess = Guess(refusal=r"list|product", says=("product|list", "action"), loose=frozenset({"product_id", "action"}))
    return Shape(
        "mind",
        "behaviors.tsv",
        join_lines(lines),
        definition,
        ("bigint", "text", "text"),
        tuple(rows),
        30,
        guess=guess,
        about="a list of shown articles in a column, the clicked one marked; AM and PM",
    )


def steam_200k() -> Shape:
    """No header and no time; names of games stand for their ids, some with a comma."""
    lines, rows = [], []
    for n in range(40):
        game, action = choose(("Game One", "Game Two: Again", "Game, the Third"), n // 2), ("purchase", "play")[n % 2]
        row = Row(MADE, 151_603_712 + n // 4, game, action, make_constant_time(2016))
        rows.append(row)
        quoted = f'"{game}"' if "," in game else game
        lines.append(f"{row[1]},{quoted},{action},{1.0 if n % 2 == 0 else 0.5 + n},0")
    definition = """
header = false
interaction_id = { from = "record" }
user_id = 1
product_id = 2
action = 3
timestamp = { value = "2016-01-01" }
"""
    guess = Guess(refusal=NO_TIME, loose=frozenset({"timestamp"}))
    return Shape(
        "steam_200k",
        "steam.csv",
        join_lines(lines),
        definition,
        ("uuid", "bigint", "text"),
        tuple(rows),
        40,
        guess=guess,
        about="no header, no time, names for ids",
    )


def taobao_zh() -> Shape:
    """A header in Chinese, epoch seconds."""
    records, rows = [], []
    for n in range(40):
        row = Row(
            MADE, 100_000 + pick(9, n), 4_000_000 + pick(20, n), choose(("pv", "cart", "buy"), n), make_instant(n)
        )
        rows.append(row)
        goods = ("品牌", 849_003, f"商品{pick(20, n)} 128GB", "电子产品", 1_788_515)
        records.append((row[1], row[2], *goods, row[3], make_seconds(n), "6329.2"))
    header = "用户ID,商品ID,品牌,品牌ID,商品名称,商品类别,商品类目ID,行为类型,时间戳,售价"
    definition = """
interaction_id = { from = "record" }
user_id = "用户ID"
product_id = "商品ID"
action = "行为类型"
timestamp = { column = "时间戳", format = "epoch-s" }
"""
    return Shape(
        "taobao_zh",
        "UserBehavior.csv",
        join_lines([header, *join_fields(records)]),
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        40,
        about="a Chinese header, epoch seconds",
    )


def tencent_ads() -> Shape:
    """The time is the number of a day, which no format reads."""
    records, rows = [], []
    for n in range(20):
        row = Row(MADE, 30_920 + n // 4, 70_000 + pick(90, n), "click", make_constant_time(2020))
        rows.append(row)
        records.append((1 + pick(91, n), row[1], row[2], 1))
    definition = """
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "creative_id"
action = { value = "click" }
timestamp = { value = "2020-01-01" }
"""
    content = join_lines(["time,user_id,creative_id,click_times", *join_fields(records)])
    return Shape(
        "tencent_ads",
        "click_log.csv",
        content,
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        20,
        guess=Guess(refusal=NO_TIME, says=("time",), loose=frozenset({"action", "timestamp"})),
        about="a day's number for the time",
    )


SHAPES = (
    diginetica,
    gowalla_lightgcn,
    int_binary,
    int_browse,
    int_notime,
    jodie_lastfm,
    mind,
    steam_200k,
    taobao_zh,
    tencent_ads,
)
