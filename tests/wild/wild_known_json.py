"""Further shapes, of JSON that analytics tools export: a guess must read them unseen."""

from __future__ import annotations

import json
from uuid import UUID

from wild_json import join_objects
from wild_shape import (
    MADE,
    NO_PRODUCT,
    PAGES,
    Guess,
    Row,
    Shape,
    choose,
    format_iso,
    make_hex,
    make_instant,
    make_seconds,
    pick,
)


def amplitude_export() -> Shape:
    """A UUID and an insert id for each event; users that are null have a device."""
    objects: list[dict[str, object]] = []
    rows = []
    for n in range(30):
        moment = make_instant(n, micros=1000 * pick(1000, n))
        user, device = (None if n % 7 == 3 else f"u-{100 + n // 3}"), make_hex(16, "device", n // 3)
        row = Row(
            UUID(make_hex(32, "uuid", n)), user or device, f"sku-{pick(9, n)}", choose(("view", "buy"), n), moment
        )
        rows.append(row)
        one: dict[str, object] = {"$insert_id": make_hex(20, "insert", n), "amplitude_id": 700 + n // 3}
        one |= {"device_id": device, "event_id": n + 1, "event_properties": {"product_id": row[2]}}
        one |= {"event_time": format_iso(moment, micros=6), "event_type": row[3], "user_id": user}
        objects.append(one | {"uuid": str(row[0]), "server_upload_time": "2024-06-01 00:00:00.000000"})
    definition = """
interaction_id = "uuid"
user_id = { column = ["user_id", "device_id"] }
product_id = "event_properties.product_id"
action = "event_type"
timestamp = "event_time"
"""
    without_device = tuple("none" if n % 7 == 3 else f"u-{100 + n // 3}" for n in range(30))
    inserts, numbers = tuple(make_hex(20, "insert", n) for n in range(30)), tuple(range(1, 31))
    guess = Guess(
        says=("user",),
        loose=frozenset({"user_id"}),
        others={"user_id": (without_device,), "interaction_id": (inserts, numbers)},
    )
    return Shape(
        "amplitude_export",
        "export.json",
        join_objects(objects, tight=True),
        'format = "jsonl"' + definition,
        ("uuid", "text", "text"),
        tuple(rows),
        30,
        guess=guess,
        about="JSON Lines under .json; a device where no user is known",
    )


def api_page() -> Shape:
    """A document that holds its records in a list further inside."""
    events, rows = [], []
    for n in range(25):
        row = Row(n + 1, 40 + pick(9, n), 900 + pick(9, n), choose(("view", "buy"), n), make_instant(n))
        rows.append(row)
        when = format_iso(row[4], "T", "Z")
        events.append({"id": row[0], "userId": row[1], "productId": row[2], "type": row[3], "createdAt": when})
    document = {"meta": {"page": 1, "next": None}, "data": {"events": events}}
    definition = """
format = "json"
records = "data.events"
interaction_id = "id"
user_id = "userId"
product_id = "productId"
action = "type"
timestamp = "createdAt"
"""
    return Shape(
        "api_page",
        "page-1.json",
        json.dumps(document, indent=2).encode(),
        definition,
        ("bigint",) * 3,
        tuple(rows),
        25,
        about="records inside a document",
    )


def ga4_events() -> Shape:
    """Epoch microseconds as text beside a day, and a visitor for the user; the product in a list that may be empty."""
    objects: list[dict[str, object]] = []
    rows = []
    for n in range(30):
        moment = make_instant(n, micros=1 + pick(999_998, n))
        action = choose(("page_view", "view_item"), n)
        row = Row(MADE, f"{1000 + n // 3}.{1700 + n // 3}", "none", action, moment)
        rows.append(row)
        micros = make_seconds(n) * 1_000_000 + moment.microsecond
        one: dict[str, object] = {"event_date": f"{moment:%Y%m%d}", "event_timestamp": str(micros)}
        one |= {"event_name": action, "user_pseudo_id": row[1], "platform": "WEB"}
        objects.append(one | {"event_params": [{"key": "page", "value": {"string_value": "/a"}}], "items": []})
    definition = """
interaction_id = { from = "record" }
user_id = "user_pseudo_id"
product_id = { value = "none" }
action = "event_name"
timestamp = { column = "event_timestamp", format = "epoch-us" }
"""
    pages = ("/a",) * 30
    guess = Guess(says=("product",), loose=NO_PRODUCT.loose, others={"product_id": (pages,)})
    return Shape(
        "ga4_events",
        "events.jsonl",
        join_objects(objects, tight=True),
        definition,
        ("uuid", "text", "text"),
        tuple(rows),
        30,
        guess=guess,
        about="epoch microseconds as text",
    )


def mixpanel_raw() -> Shape:
    """All but the event's name one level down, with `$` in names; epoch seconds."""
    objects: list[dict[str, object]] = []
    rows = []
    for n in range(30):
        row = Row(
            make_hex(16, "insert", n), f"user-{n // 3}", choose(PAGES, n), choose(("$view", "Buy"), n), make_instant(n)
        )
        rows.append(row)
        inner: dict[str, object] = {"time": make_seconds(n), "distinct_id": row[1], "$insert_id": row[0]}
        inner |= {"$browser": "Browser", "$current_url": row[2], "mp_lib": "web"}
        objects.append({"event": row[3], "properties": inner})
    definition = """
interaction_id = "properties.$insert_id"
user_id = "properties.distinct_id"
product_id = "properties.$current_url"
action = "event"
timestamp = { column = "properties.time", format = "epoch-s" }
"""
    return Shape(
        "mixpanel_raw",
        "raw.jsonl",
        join_objects(objects, tight=True),
        definition,
        ("text",) * 3,
        tuple(rows),
        30,
        about="everything one level down, `$` in names",
    )


def segment_track() -> Shape:
    """Calls of two kinds, of which one holds interactions; an anonymous id for all, a user for some."""
    objects: list[dict[str, object]] = []
    rows = []
    for n in range(35):
        kind, message = ("identify" if n % 6 == 5 else "track"), f"ajs-{UUID(make_hex(32, 'message', n))}"
        user = f"user{n // 4}" if n % 5 else None
        anonymous = str(UUID(make_hex(32, "anonymous", n // 4)))
        moment = make_instant(n, micros=1000 * pick(1000, n))
        when = format_iso(moment, "T", "Z", micros=3)
        one: dict[str, object] = {"type": kind, "messageId": message, "anonymousId": anonymous, "userId": user}
        one |= {"timestamp": when, "receivedAt": when}
        if kind == "track":
            row = Row(message, user or anonymous, f"p-{pick(7, n)}", choose(("Product Viewed", "Order"), n), moment)
            rows.append(row)
            one |= {"event": row[3], "properties": {"product_id": row[2]}}
        else:
            one["traits"] = {"plan": "free"}
        objects.append(one)
    definition = """
where = [{ column = "type", in = ["track"] }]
interaction_id = "messageId"
user_id = { column = ["userId", "anonymousId"] }
product_id = "properties.product_id"
action = "event"
timestamp = "timestamp"
"""
    return Shape(
        "segment_track",
        "calls.jsonl",
        join_objects(objects, tight=True),
        definition,
        ("text",) * 3,
        tuple(rows),
        35,
        skipped=5,
        guess=Guess(says=("user",)),
        about="calls of two kinds; an anonymous id where no user is known",
    )


SHAPES = (amplitude_export, api_page, ga4_events, mixpanel_raw, segment_track)
