"""Files of JSON: an object a line, lists inside objects, or one document."""

from __future__ import annotations

import json
from datetime import timedelta, timezone

from wild_shape import (
    MADE,
    NO_PRODUCT,
    Guess,
    Row,
    Shape,
    choose,
    format_iso,
    join_lines,
    make_constant_time,
    make_hex,
    make_instant,
    pick,
)

PATHS = ("/", "/products/notebooks", "/cart", "/account", "/blog/ink-guide")


def join_objects(objects: list[dict[str, object]], tight: bool = False) -> bytes:
    """Give objects as JSON Lines, with or without a blank behind commas and colons."""
    between = (",", ":") if tight else (", ", ": ")
    return join_lines(json.dumps(each, separators=between, ensure_ascii=False) for each in objects)


def bq_nested_jsonl() -> Shape:
    """The product one level down."""
    objects, rows = [], []
    for n in range(20):
        row = Row(
            f"e{n + 1}",
            f"u{1 + n // 4}",
            f"p{1 + pick(5, n)}",
            choose(("view_product", "add_to_cart"), n),
            make_instant(n),
        )
        rows.append(row)
        inner: dict[str, object] = {"product_id": row[2], "price": 19.99}
        when = format_iso(row[4], "T", "Z")
        objects.append(
            {"event_id": row[0], "user_id": row[1], "event_name": row[3], "event_ts": when, "properties": inner}
        )
    definition = """
interaction_id = "event_id"
user_id = "user_id"
product_id = "properties.product_id"
action = "event_name"
timestamp = "event_ts"
"""
    return Shape(
        "bq_nested_jsonl",
        "events.jsonl",
        join_objects(objects),
        definition,
        ("text",) * 3,
        tuple(rows),
        20,
        about="the product in an object inside",
    )


def de_ndjson() -> Shape:
    """Times with and without a zone, pages only of some events, events delivered twice, a user that is null."""
    objects: list[dict[str, object]] = []
    rows = []
    for n in range(40):
        action = choose(("login", "page_view", "purchase"), n)
        page = choose(("/home", "/dashboard"), n) if action == "page_view" else None
        row = Row(f"e{n + 1}", f"u{1 + pick(9, n):04}", page or "none", action, make_instant(n))
        when = format_iso(row[4], "T", "Z") if n % 3 else format_iso(row[4])
        one: dict[str, object] = {"event_id": row[0], "user_id": row[1], "event_type": action, "timestamp": when}
        one |= {"schema_version": 2} | ({"page": page} if page else {})
        if n == 13:
            one["user_id"] = None
        else:
            rows.append(row)
        objects.append(one)
    objects += [objects[2], objects[9], objects[2]]
    definition = """
format = "jsonl"
interaction_id = "event_id"
user_id = "user_id"
product_id = { column = "page", default = "none" }
action = "event_type"
timestamp = "timestamp"
"""
    return Shape(
        "de_ndjson",
        "events.ndjson",
        join_objects(objects),
        definition,
        ("text",) * 3,
        tuple(rows),
        43,
        duplicate=3,
        rejected={14: ("missing-value",)},
        guess=NO_PRODUCT,
        about="times with and without Z; repeats; a null user",
    )


def duck_ndjson() -> Shape:
    """Milliseconds, and an object inside that is not needed."""
    objects, rows = [], []
    for n in range(30):
        moment = make_instant(n, micros=1000 * pick(1000, n))
        row = Row(f"evt_{n:06x}", f"u_{100 + pick(9, n)}", choose(PATHS, n), choose(("page_view", "search"), n), moment)
        rows.append(row)
        one: dict[str, object] = {"event_id": row[0], "ts": format_iso(moment, "T", "Z", micros=3), "user_id": row[1]}
        one |= {"session_id": f"s_{n // 3}", "event_type": row[3], "page": row[2], "device": "mobile"}
        objects.append(one | {"status_code": 200, "props": {"plan": "free", "cart_value": None}})
    definition = """
format = "jsonl"
interaction_id = "event_id"
user_id = "user_id"
product_id = "page"
action = "event_type"
timestamp = "ts"
"""
    return Shape(
        "duck_ndjson",
        "events.ndjson",
        join_objects(objects, tight=True),
        definition,
        ("text",) * 3,
        tuple(rows),
        30,
        about="milliseconds; a page for the product",
    )


def login_jsonl() -> Shape:
    """Users, actions and times; neither id nor product."""
    objects: list[dict[str, object]] = []
    rows = []
    for n in range(20):
        row = Row(MADE, 101 + pick(7, n), "none", choose(("login", "logout"), n), make_instant(n))
        rows.append(row)
        more = {"device": "mobile", "session_id": make_hex(16, "session", n // 2)}
        objects.append({"user_id": row[1], "event_type": row[3], "event_time": format_iso(row[4])} | more)
    definition = """
interaction_id = { from = "record" }
user_id = "user_id"
product_id = { value = "none" }
action = "event_type"
timestamp = "event_time"
"""
    return Shape(
        "login_jsonl",
        "events.jsonl",
        join_objects(objects, tight=True),
        definition,
        ("uuid", "bigint", "text"),
        tuple(rows),
        20,
        guess=NO_PRODUCT,
        about="neither id nor product",
    )


def mparticle() -> Shape:
    """A line is a batch: a list of events, each an object in an object, and the user beside the list."""
    objects: list[dict[str, object]] = []
    rows = []
    for n in range(12):
        events = []
        for i in range(0 if n == 5 else 1 + pick(4, n)):
            moment = make_instant(10 * n + i, micros=1000 * pick(1000, n, i))
            name = choose(("Purchase", "View", "Start"), n, i)
            product = None if name == "Start" else f"Widget {1 + pick(5, n, i)}"
            rows.append(Row(f"mp-ev-{n}-{i}", f"mp-{100 + n // 2}", product or "none", name, moment))
            millis = int(moment.timestamp()) * 1000 + moment.microsecond // 1000
            data: dict[str, object] = {"event_name": name, "timestamp_unixtime_ms": millis}
            data |= {"custom_attributes": {"product": product} if product else {}, "event_id": rows[-1][0]}
            events.append({"event_type": "custom_event", "data": data})
        identities = [{"identity_type": "customer_id", "identity": f"cust-{n // 2:03}"}]
        one: dict[str, object] = {"events": events, "user_identities": identities}
        objects.append(one | {"mpid": f"mp-{100 + n // 2}", "batch_id": f"batch-{n}"})
    definition = """
explode = "events"
interaction_id = "data.event_id"
user_id = "..mpid"
product_id = { column = "data.custom_attributes.product", default = "none" }
action = "data.event_name"
timestamp = { column = "data.timestamp_unixtime_ms", format = "epoch-ms" }
"""
    return Shape(
        "mparticle",
        "batches.jsonl",
        join_objects(objects, tight=True),
        definition,
        ("text",) * 3,
        tuple(rows),
        len(rows),
        guess=NO_PRODUCT,
        about="batches: a list of events in each line",
    )


def nginx_json() -> Shape:
    """A log of a web server in JSON: times with an offset, no user but an address, no id, no action."""
    objects: list[dict[str, object]] = []
    rows = []
    zone = timezone(timedelta(hours=2))
    for n in range(25):
        row = Row(MADE, f"192.0.2.{1 + pick(7, n)}", f"/page?name=a%20b&n={pick(6, n)}", "view", make_instant(n))
        rows.append(row)
        one: dict[str, object] = {"idsite": 1, "ip": row[1], "host": "www.example.com", "path": row[2], "status": "200"}
        one |= {"referrer": "https://example.com/", "user_agent": "Browser 1.0", "length": 192}
        when = format_iso(row[4].astimezone(zone), "T", "+02:00")
        objects.append(one | {"generation_time_milli": 0.008, "date": when})
    definition = """
format = "jsonl"
interaction_id = { from = "record" }
user_id = "ip"
product_id = "path"
action = { value = "view" }
timestamp = "date"
"""
    guess = Guess(says=("user", "action"), loose=frozenset({"action"}))
    return Shape(
        "nginx_json",
        "access.log",
        join_objects(objects),
        definition,
        ("uuid", "text", "text"),
        tuple(rows),
        25,
        guess=guess,
        about="JSON Lines under a log's name; an address for the user",
    )


def offers_json() -> Shape:
    """One array of objects, without id and time."""
    texts, rows = [], []
    for n in range(20):
        action = choose(("completed", "clicked"), n)
        row = Row(MADE, f"u{1 + n // 4}", f"offer_{1 + pick(5, n)}", action, make_constant_time(2024))
        rows.append(row)
        texts.append(f'  {{"user_id":"{row[1]}","event":"{row[3]}","offer_id":"{row[2]}"}}')
    definition = """
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "offer_id"
action = "event"
timestamp = { value = "2024-01-01" }
"""
    content = ("[ \n" + ", \n".join(texts) + " \n]").encode()
    guess = Guess(refusal=r"time", loose=frozenset({"timestamp"}))
    return Shape(
        "offers_json",
        "user_events.json",
        content,
        definition,
        ("uuid", "text", "text"),
        tuple(rows),
        20,
        guess=guess,
        about="one array of objects, no time",
    )


def otto() -> Shape:
    """A line is a session with all its events; sessions begin with 0; epoch milliseconds."""
    objects: list[dict[str, object]] = []
    rows = []
    for n in range(9):
        events: list[dict[str, object]] = []
        for i in range(1 + pick(8, n)):
            moment = make_instant(10 * n + i, micros=1000 * pick(1000, n, i))
            row = Row(MADE, n, 1000 + pick(90, n, i), choose(("clicks", "carts", "orders"), n, i), moment)
            rows.append(row)
            millis = int(moment.timestamp()) * 1000 + moment.microsecond // 1000
            events.append({"aid": row[2], "ts": millis, "type": row[3]})
        objects.append({"session": n, "events": events})
    definition = """
explode = "events"
interaction_id = { from = "record" }
user_id = "..session"
product_id = "aid"
action = "type"
timestamp = { column = "ts", format = "epoch-ms" }
"""
    return Shape(
        "otto",
        "train.jsonl",
        join_objects(objects, tight=True),
        definition,
        ("uuid", "bigint", "bigint"),
        tuple(rows),
        len(rows),
        guess=Guess(says=("user|session",)),
        about="sessions: a list of events in each line",
    )


def singer_mixpanel() -> Shape:
    """Lines of three kinds, of which one holds interactions; some come twice; JSON Lines under the name `.json`."""
    state: dict[str, object] = {"type": "STATE", "value": {"currently_syncing": "export"}}
    columns = {name: {"type": ["null", "string"]} for name in ("event", "distinct_id", "time")}
    schema: dict[str, object] = {"type": "SCHEMA", "stream": "export", "schema": {"properties": columns}}
    objects, rows = [state, schema, state], []
    for n in range(30):
        user = f"{make_hex(13, 'a', n // 3)}-{make_hex(14, 'b', n // 3)}-{make_hex(8, 'c', n // 3)}"
        row = Row(MADE, user, "none", choose(("Page View", "modal"), n), make_instant(n))
        inner: dict[str, object] = {
            "event": row[3],
            "time": format_iso(row[4], "T", "Z", micros=6),
            "distinct_id": user,
        }
        one: dict[str, object] = {"type": "RECORD", "stream": "export", "record": inner}
        for _ in range(2 if n == 17 else 1):
            rows.append(row)
            objects.append(one | {"time_extracted": "2024-08-27T11:14:29.725574Z"})
    objects.append(state)
    definition = """
format = "jsonl"
where = [{ column = "type", in = ["RECORD"] }]
interaction_id = { from = "record" }
user_id = "record.distinct_id"
product_id = { value = "none" }
action = "record.event"
timestamp = "record.time"
"""
    return Shape(
        "singer_mixpanel",
        "res.json",
        join_objects(objects),
        definition,
        ("uuid", "text", "text"),
        tuple(rows),
        35,
        skipped=4,
        guess=NO_PRODUCT,
        about="lines of three kinds; JSON Lines under .json",
    )


def warehouse_jsonl() -> Shape:
    """Products of some events, one visitor without a user, an event delivered twice, and one with an empty id."""
    objects: list[dict[str, object]] = []
    rows = []
    for n in range(24):
        action = choose(("view_item", "add_to_cart", "begin_checkout"), n)
        product = None if action == "begin_checkout" else f"p{1 + pick(4, n)}"
        user, session = (None if n == 21 else f"u{1 + n // 4}"), f"s{1 + n // 3}"
        row = Row(f"e{n + 1:02}", user or session, product or "none", action, make_instant(n))
        rows.append(row)
        when = format_iso(row[4], "T", "Z")
        one: dict[str, object] = {"event_id": row[0], "event_timestamp": when, "ingested_at": "2024-04-01T00:00:00Z"}
        one |= ({"user_id": user} if user else {}) | {"session_id": session, "event_name": action}
        objects.append(one | ({"product_id": product} if product else {}))
    objects.append(objects[0])
    last: dict[str, object] = {"event_id": "", "event_timestamp": "2024-03-09T17:00:00Z", "event_name": "view_item"}
    objects.append(last)
    definition = """
interaction_id = "event_id"
user_id = { column = ["user_id", "session_id"] }
product_id = { column = "product_id", default = "none" }
action = "event_name"
timestamp = "event_timestamp"
"""
    guess = Guess(says=("product", "user"), loose=frozenset({"product_id", "user_id"}))
    return Shape(
        "warehouse_jsonl",
        "events.jsonl",
        join_objects(objects, tight=True),
        definition,
        ("text",) * 3,
        tuple(rows),
        26,
        duplicate=1,
        rejected={26: ("missing-value", "missing-value")},
        guess=guess,
        about="products of some events; an event twice; an empty id",
    )


SHAPES = (
    bq_nested_jsonl,
    de_ndjson,
    duck_ndjson,
    login_jsonl,
    mparticle,
    nginx_json,
    offers_json,
    otto,
    singer_mixpanel,
    warehouse_jsonl,
)
