"""Files in the shape of exports of analytics tools."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from preset_shape import (
    MADE,
    Row,
    Shape,
    count_micros,
    count_seconds,
    format_at,
    join_lines,
    join_objects,
    make_facts,
    make_uuid,
)

SNOWPLOW_FIELDS = 131
# Positions in an enriched event, from 1, as the pipeline writes it.
COLLECTOR_AT, KIND, EVENT_ID, USER, DOMAIN_USER, NETWORK_USER = 4, 6, 7, 13, 16, 18
PATH, SELF_DESCRIBING, SKU, DERIVED_AT, EVENT_NAME = 36, 59, 69, 125, 127


def make_mixpanel() -> Shape:
    """Properties below the event; identity calls are skipped; a product is a number, a text, or absent."""
    objects: list[dict[str, Any]] = []
    rows, rejected = [], {}
    for n, user, product, at in make_facts(10):
        event = ("Page Viewed", "Added to Cart", "$identify", "Purchase")[n % 4]
        properties = {
            "time": count_seconds(at), "distinct_id": f"$device:u{user}", "$insert_id": f"ins{n:012}",
            "$browser": "Firefox", "mp_processing_time_ms": 1, "ip": "192.0.2.1",
        }  # fmt: skip
        if event == "Added to Cart":
            properties["product_id"] = product
        if event == "Purchase":
            properties["Product ID"] = f"P-{product}"
        what = {"Added to Cart": f"{product}", "Purchase": f"P-{product}"}.get(event, "none")
        if n == 8:
            del properties["$insert_id"]
            rejected[n + 1] = ("missing-value",)
        elif event != "$identify":
            rows.append(Row(f"ins{n:012}", f"$device:u{user}", what, event, at))
        objects.append({"event": event, "properties": properties})
    return Shape("mixpanel", "export.jsonl", join_objects([*objects, objects[1]]), tuple(rows), rejected, 2, 1)


def make_amplitude() -> Shape:
    """Microseconds; where no user is named, Amplitude's own number of the user."""
    objects, rows = [], []
    for n, user, product, at in make_facts(9, decimals=6):
        kind = ("session_start", "view item", "$identify")[n % 3]
        name = f"user-{user}" if n % 2 else None
        objects.append(
            {
                "$insert_id": f"i{n}", "amplitude_id": 900000000000 + user, "device_id": "d", "user_id": name,
                "event_time": format_at(at, decimals=6), "event_type": kind, "uuid": str(make_uuid(n)),
                "event_properties": {"product_id": f"sku-{product}"} if kind == "view item" else {},
                "user_properties": {"plan": "free"}, "server_upload_time": format_at(at, decimals=6),
            }
        )  # fmt: skip
        if kind != "$identify":
            what = f"sku-{product}" if kind == "view item" else "none"
            rows.append(Row(make_uuid(n), name or f"{900000000000 + user}", what, kind, at))
    return Shape("amplitude", "187520_2024-03-01_7#0.json", join_objects(objects), tuple(rows), skipped=3)


def make_segment() -> Shape:
    """Calls of several types; identify and group are skipped; a page has its type as action."""
    objects, rows = [], []
    for n, user, product, at in make_facts(10, decimals=3):
        kind = ("track", "page", "identify", "track", "screen")[n % 5]
        name = f"user{user}" if n % 2 else None
        call: dict[str, Any] = {
            "anonymousId": f"anon-{user}", "messageId": f"ajs-next-{n:08}", "type": kind, "userId": name,
            "timestamp": format_at(at, "T", 3, "Z"), "receivedAt": "2024-04-01T00:00:00.000Z", "context": {"ip": "::1"},
        }  # fmt: skip
        if kind == "track":
            call |= {"event": "Product Viewed", "properties": {"product_id": f"{product}", "price": 2.5}}
        else:
            call |= {"name": "Home", "properties": {"path": "/"}}
        if n == 5:  # as RudderStack writes it
            call["originalTimestamp"] = call.pop("timestamp")
        objects.append(call)
        if kind != "identify":
            what = f"{product}" if kind == "track" else "none"
            rows.append(Row(f"ajs-next-{n:08}", name or f"anon-{user}", what, call.get("event", kind), at))
    return Shape("segment", "1709276709.json", join_objects(objects), tuple(rows), skipped=2)


def make_segment_warehouse() -> Shape:
    """Columns of the table of one event; times with and without UTC behind them."""
    lines, rows = ["id,received_at,anonymous_id,user_id,event,event_text,product_id,price,timestamp,uuid_ts"], []
    for n, user, product, at in make_facts(8, decimals=3):
        name, what = (f"user{user}" if n % 2 else ""), (f"p{product}" if n != 3 else "")
        when = format_at(at, decimals=3, end=" UTC" if n % 3 else "")
        lines.append(f"ajs-{n},{when},anon-{user},{name},product_viewed,Product Viewed,{what},9.5,{when},{when}")
        rows.append(Row(f"ajs-{n}", name or f"anon-{user}", what or "none", "product_viewed", at))
    return Shape("segment-warehouse", "product_viewed.csv", join_lines(lines), tuple(rows))


def make_snowplow() -> Shape:
    """131 fields between tabs; JSON with quotes in one of them; a line that is cut."""
    lines, rows = [], []
    for n, user, product, at in make_facts(10, decimals=3):
        kind = ("page_view", "unstruct", "transaction_item")[n % 3]
        name = "link_click" if kind == "unstruct" else kind
        fields = [""] * SNOWPLOW_FIELDS
        given = {
            1: "shop", 2: "web", KIND: kind, EVENT_NAME: name, EVENT_ID: str(make_uuid(n)), DOMAIN_USER: f"dom{user}",
            COLLECTOR_AT: format_at(at + timedelta(seconds=2), decimals=3), NETWORK_USER: "net",
            DERIVED_AT: format_at(at, decimals=3), PATH: f"/p/{product}",
        }  # fmt: skip
        if kind == "unstruct":
            given[SELF_DESCRIBING] = '{"schema":"iglu:com.acme/link_click/jsonschema/1-0-0","data":{"a":"b"}}'
        if kind == "transaction_item":
            given[SKU] = f"SKU{product}"
        if n % 4 == 0:
            given[USER] = f"user{user}"
        if n == 7:  # from an application: no page, and no clock of its own
            given |= {PATH: "", DERIVED_AT: "", DOMAIN_USER: ""}
        for position, value in given.items():
            fields[position - 1] = value
        lines.append("\t".join(fields))
        who = given.get(USER) or given[DOMAIN_USER] or "net"
        what = given.get(SKU) or given[PATH] or "none"
        rows.append(Row(make_uuid(n), who, what, name, at if n != 7 else at + timedelta(seconds=2)))
    lines.append("shop\tweb\t2024-03-01 07:05:09.000")
    return Shape("snowplow", "enriched.tsv", join_lines(lines), tuple(rows), {11: ("too-few-fields",)})


def make_ga4() -> Shape:
    """Numbers as texts, as BigQuery writes them; parameters as a list; an event without consent has no user."""
    objects, rows = [], []
    for n, user, _, at in make_facts(8, decimals=6):
        name = ("page_view", "view_item", "purchase")[n % 3]
        event: dict[str, Any] = {
            "event_date": f"{at:%Y%m%d}", "event_timestamp": str(count_micros(at)), "event_name": name,
            "event_params": [{"key": "ga_session_id", "value": {"int_value": "17"}}],
            "user_pseudo_id": f"1234567.{user}", "stream_id": "9", "platform": "WEB", "items": [],
        }  # fmt: skip
        if n == 3:
            event["user_id"] = f"member-{user}"
        if n == 6:
            del event["user_pseudo_id"]
        objects.append(event)
        who = event.get("user_id") or event.get("user_pseudo_id") or "none"
        rows.append(Row(MADE, who, "none", name, at))
    return Shape("ga4", "events_20240301.json", join_objects([*objects, objects[1]]), (*rows, rows[1]))


def make_ga4_items() -> Shape:
    """Lists of no item, of one, of several; the same item twice in one event."""
    objects, rows = [], []
    for n, user, product, at in make_facts(8, decimals=6):
        name = ("page_view", "view_item", "purchase", "add_to_cart")[n % 4]
        items: list[dict[str, Any]] = [
            {"item_id": f"SKU_{product + each}", "item_name": "Mug", "price": 2.5, "quantity": "1"}
            for each in range({"page_view": 0, "purchase": 3}.get(name, 1))
        ]
        if n == 6:
            items = [items[0], items[0], {"item_id": "(not set)", "item_name": "Mug, large"}]
        objects.append(
            {
                "event_date": f"{at:%Y%m%d}", "event_timestamp": str(count_micros(at)), "event_name": name,
                "event_params": [], "user_pseudo_id": f"1234567.{user}", "items": items,
            }
        )  # fmt: skip
        for item in items:
            what = item["item_id"] if item["item_id"] != "(not set)" else item["item_name"]
            rows.append(Row(MADE, f"1234567.{user}", what, name, at))
    return Shape("ga4-items", "events_20240301.json", join_objects(objects), tuple(rows))


def make_posthog() -> Shape:
    """Events with a UUID; calls that only set persons or ask for flags are skipped."""
    objects, rows = [], []
    for n, user, product, at in make_facts(9, decimals=6):
        event = ("$pageview", "product viewed", "$feature_flag_called", "order placed", "$identify")[n % 5]
        person = str(make_uuid(user, 1)) if n != 3 else None
        objects.append(
            {
                "uuid": str(make_uuid(n)), "event": event, "distinct_id": f"id-{user}", "person_id": person,
                "properties": {"$lib": "web", **({"product_id": product} if "$" not in event else {})},
                "person_properties": {}, "team_id": 1, "timestamp": format_at(at, "T", 6, "+00:00"),
                "created_at": format_at(at, "T", 6, "+00:00"), "elements_chain": "",
            }
        )  # fmt: skip
        if event not in ("$feature_flag_called", "$identify"):
            what = f"{product}" if "$" not in event else "none"
            rows.append(Row(make_uuid(n), person or f"id-{user}", what, event, at))
    return Shape("posthog", "2024-03-01.jsonl", join_objects(objects), tuple(rows), skipped=3)


def make_matomo() -> Shape:
    """An array of visits, each with its actions: pages with queries, a product that is viewed, a goal, an order."""
    visits, rows = [], []
    for n, user, product, at in make_facts(5):
        who = f"member{user}" if n % 2 else None
        urls = [f"https://www.example.com/p/{product}?from=mail#top", "http://example.com/", None]
        actions: list[dict[str, Any]] = []
        for each, url in enumerate(urls[: 1 + n % 3]):
            kind = ("action", "action", "ecommerceOrder")[each]
            moment = at + timedelta(seconds=each)
            action = {"type": kind, "url": url, "timestamp": count_seconds(moment), "pageId": str(50 * n + each)}
            if n == 4 and each == 0:
                action["productViewSku"] = f"SKU-{product}"
            actions.append(action)
            what = {0: f"/p/{product}", 1: "/", 2: "none"}[each]
            name = who or f"{user:016x}"
            rows.append(Row(MADE, name, action.get("productViewSku", what), kind, moment))
        visits.append(
            {
                "idSite": "1", "idVisit": str(n), "visitorId": f"{user:016x}", "userId": who,
                "serverTimestamp": count_seconds(at), "actionDetails": actions,
            }
        )  # fmt: skip
    return Shape("matomo", "Live.getLastVisitsDetails.json", json.dumps(visits).encode(), tuple(rows))


def make_umami() -> Shape:
    """UUIDs; a page view has no name of an event, and the database writes that as a backslash and N."""
    header = "event_id,website_id,session_id,visit_id,created_at,url_path,url_query,page_title,event_type,event_name"
    lines, rows = [header], []
    for n, user, product, at in make_facts(8, decimals=3):
        name = ("\\N", "", "add-to-cart")[n % 3]
        event, session = make_uuid(n), make_uuid(user, 1)
        ids = f"{event},{make_uuid(1, 2)},{session},{session}"
        when = format_at(at, decimals=3, end="+00" if n % 2 else "")
        lines.append(f'{ids},{when},/p/{product},\\N,"Mug, blue",{1 + (n % 3) // 2},{name}')
        rows.append(Row(event, session, f"/p/{product}", "add-to-cart" if n % 3 == 2 else "pageview", at))
    return Shape("umami", "website_event.csv", join_lines([*lines, lines[2]]), tuple(rows), duplicate=1)


MAKERS = (
    make_mixpanel, make_amplitude, make_segment, make_segment_warehouse, make_snowplow, make_ga4, make_ga4_items,
    make_posthog, make_matomo, make_umami,
)  # fmt: skip
