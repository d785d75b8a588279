"""Files that shops and analytics tools write: delimited text with ids of the interaction, mostly."""

from __future__ import annotations

from uuid import UUID

from wild_shape import (
    MADE,
    NO_PRODUCT,
    PAGES,
    Guess,
    Row,
    Shape,
    choose,
    format_iso,
    join_fields,
    join_lines,
    make_day,
    make_hex,
    make_instant,
    pick,
)

ACTIONS = ("view", "add_to_cart", "search", "purchase")
FIVETRAN_EMPTY = (
    "screen_width,wifi,app_release,app_version,os,mp_device_model,city,os_version,mp_country_code,lib_version,"
    "manufacturer,radio,carrier,screen_height,app_build_number,model,region,app_version_string,mp_lib,"
    "initial_referring_domain,device_id,referrer,current_url,browser,browser_version,initial_referrer,search_engine,"
    "referring_domain,bluetooth_version,has_nfc,brand,has_telephone,screen_dpi,google_play_services,"
    "had_persisted_distinct_id,bluetooth_enabled,ios_ifa,device,mp_keyword,distinct_id_before_identity,"
    "ae_session_length"
)


def bigdata_click() -> Shape:
    """Text ids with a prefix, and the header in an order of its own."""
    records, rows = [], []
    for n in range(40):
        row = Row(
            f"EVT_{n + 1:08}",
            f"CUST_{1 + pick(9, n):05}",
            f"PROD_{1 + pick(12, 'p', n):04}",
            choose(ACTIONS, n),
            make_instant(n),
        )
        rows.append(row)
        when, device = format_iso(row.timestamp), choose(("Mobile", "Desktop", "Tablet"), "d", n)
        records.append((row[0], f"SESS_{1 + n // 4:07}", row[1], when, row[3], row[2], device))
    header = "event_id,session_id,customer_id,timestamp,event_type,product_id,device_type"
    definition = """
interaction_id = "event_id"
user_id = "customer_id"
product_id = "product_id"
action = "event_type"
timestamp = "timestamp"
"""
    content = join_lines([header, *join_fields(records)])
    return Shape(
        "bigdata_click",
        "clickstream.csv",
        content,
        definition,
        ("text",) * 3,
        tuple(rows),
        40,
        about="text ids with a prefix",
    )


def commerce_events() -> Shape:
    """Products that are mostly empty, and some rows without a customer, of a session all the same."""
    records, rows = [], []
    for n in range(40):
        session, customer = f"sess-{1 + n // 5:03}", "" if n // 5 in {2, 6} else f"cust-{100 + n // 5}"
        action = choose(("PAGE_VIEW", "PRODUCT_VIEW", "ADD_TO_CART", "SEARCH"), n)
        product = f"P-{1001 + pick(8, n)}" if action in {"PRODUCT_VIEW", "ADD_TO_CART"} else ""
        moment = make_instant(n)
        rows.append(Row(f"evt-{n + 1:03}", customer or session, product or "none", action, moment))
        page = f"/products/{product}" if product else "/home"
        records.append(
            (
                f"evt-{n + 1:03}",
                session,
                customer,
                action,
                product,
                page,
                "",
                "Browser 1.0",
                "192.0.2.10",
                format_iso(moment),
            )
        )
    header = "event_id,session_id,customer_id,event_type,product_id,page_url,referrer,user_agent,ip_address,timestamp"
    definition = """
interaction_id = "event_id"
user_id = { column = ["customer_id", "session_id"] }
product_id = { column = "product_id", default = "none" }
action = "event_type"
timestamp = "timestamp"
"""
    guess = Guess(says=("product", "user|customer"), loose=frozenset({"user_id", "product_id"}))
    content = join_lines([header, *join_fields(records)])
    return Shape(
        "commerce_events",
        "events.csv",
        content,
        definition,
        ("text",) * 3,
        tuple(rows),
        40,
        guess=guess,
        about="product and customer are often empty",
    )


def fivetran_mixpanel() -> Shape:
    """JSON in a CSV column holds the product; event_id and insert_id repeat, and only the loader's own id does not."""
    records, rows = [], []
    for n in range(25):
        user = UUID(make_hex(32, "user", n // 3))
        row = Row(f"{make_hex(27, 'row', n)}=", user, 5000 + pick(9, n), choose(("plays", "pause"), n), make_instant(n))
        rows.append(row)
        text = f'{{"Operating System": "Box", "title": "item, {n}", "user_id": "{114000 + n}", "video_id": {row[2]}}}'
        quoted = '"' + text.replace('"', '""') + '"'
        front = ("sample_events.csv", 10008 + n, row[0], 1744000 + n // 2, row[3], format_iso(row[4]), user, quoted)
        records.append((*front, make_hex(36, "insert", n // 2), 406572, "2024-08-07 08:59:49"))
    header = (
        "_file,_line,_fivetran_id,event_id,name,time,distinct_id,properties,insert_id,mp_processing_time_ms,"
        "_fivetran_synced," + FIVETRAN_EMPTY
    )
    empty = "," * (FIVETRAN_EMPTY.count(",") + 1)
    definition = """
interaction_id = "_fivetran_id"
user_id = "distinct_id"
product_id = "properties -> video_id"
action = "name"
timestamp = "time"
"""
    lines = [header, *(line + empty for line in join_fields(records))]
    guess = Guess(says=("event_id",), loose=frozenset({"interaction_id", "product_id"}))
    return Shape(
        "fivetran_mixpanel",
        "event.csv",
        join_lines(lines),
        definition,
        ("text", "uuid", "bigint"),
        tuple(rows),
        25,
        guess=guess,
        about="the product is in JSON inside a column; event_id repeats",
    )


def ibm_clickstream() -> Shape:
    """No header, quoted text, and an empty product where nothing was touched."""
    lines, rows = [], []
    goods = (("Canned Goods", "Food"), ("Club Soda", "Drinks"), ("Oatmeal", "Food"))
    for n in range(40):
        user, moment = 10774 + pick(9, n), make_instant(n // 2)
        action = choose(("add_to_cart", "add_to_cart", "login", "browsing"), n)
        product, kind = goods[pick(3, n)] if action == "add_to_cart" else ("", "")
        rows.append(Row(MADE, user, product or "none", action, moment))
        when, price = format_iso(moment, "T"), "6.99,35.91,9,3" if product else "0,0,0,0"
        lines.append(f'{user},"{when}","{action}","{product}","{kind}",{price},0')
    definition = """
header = false
interaction_id = { from = "record" }
user_id = 1
product_id = { column = 4, default = "none" }
action = 3
timestamp = 2
"""
    return Shape(
        "ibm_clickstream",
        "clickstream.csv",
        join_lines(lines),
        definition,
        ("uuid", "bigint", "text"),
        tuple(rows),
        40,
        guess=NO_PRODUCT,
        about="no header, quoted text, empty products",
    )


def ints_header() -> Shape:
    """Whole numbers throughout; only the names of the columns differ from Footfall's own."""
    records, rows = [], []
    for n in range(40):
        row = Row(n + 1, 1 + pick(9, n), 1 + pick(14, "p", n), choose(("view_item", "purchase"), n), make_instant(n))
        rows.append(row)
        order = n if row[3] == "purchase" else ""
        records.append((row[0], 1 + n // 3, row[1], row[2], order, format_iso(row[4]), row[3]))
    header = "event_id,session_id,user_id,product_id,order_id,event_time,event_type"
    definition = """
interaction_id = "event_id"
user_id = "user_id"
product_id = "product_id"
action = "event_type"
timestamp = "event_time"
"""
    content = join_lines([header, *join_fields(records)])
    return Shape(
        "ints_header",
        "events.csv",
        content,
        definition,
        ("bigint",) * 3,
        tuple(rows),
        40,
        about="whole numbers; only the header differs",
    )


def jaffle_orders() -> Shape:
    """Orders with a status and a day, and no product."""
    records, rows = [], []
    for n in range(40):
        row = Row(n + 1, 1 + pick(30, n), 0, choose(("completed", "returned", "placed"), n), make_day(n))
        rows.append(row)
        records.append((row[0], row[1], f"{row[4]:%Y-%m-%d}", row[3]))
    definition = """
interaction_id = "id"
user_id = "user_id"
product_id = { value = 0 }
action = "status"
timestamp = "order_date"
"""
    content = join_lines(["id,user_id,order_date,status", *join_fields(records)])
    return Shape(
        "jaffle_orders",
        "raw_orders.csv",
        content,
        definition,
        ("bigint",) * 3,
        tuple(rows),
        40,
        guess=NO_PRODUCT,
        about="orders without a product",
    )


def mp_csv() -> Shape:
    """An export without any user."""
    records, rows = [], []
    for n in range(30):
        row = Row(f"c{n + 1}", "none", choose(PAGES, n), choose(("PageView", "Click", "Purchase"), n), make_instant(n))
        rows.append(row)
        records.append((row[3], int(row[4].timestamp()), row[0], row[2]))
    definition = """
interaction_id = "$insert_id"
user_id = { value = "none" }
product_id = "page"
action = "event"
timestamp = { column = "time", format = "epoch-s" }
"""
    content = join_lines(["event,time,$insert_id,page", *join_fields(records)])
    return Shape(
        "mp_csv",
        "events.csv",
        content,
        definition,
        ("text",) * 3,
        tuple(rows),
        30,
        guess=Guess(says=("user",), loose=frozenset({"user_id"})),
        about="no user at all, epoch seconds",
    )


def parch_web_events() -> Shape:
    """Every text in quotes, the header too, and blanks at the end of a value inside them."""
    lines, rows = ['"id","account_id","occurred_at","channel"'], []
    for n in range(40):
        row = Row(n + 1, 1001 + 10 * pick(9, n), 0, choose(("direct", "organic", "banner"), n), make_instant(n))
        rows.append(row)
        lines.append(f'{row[0]},{row[1]},"{format_iso(row[4])}","{row[3]:<25}"')
    definition = """
interaction_id = "id"
user_id = "account_id"
product_id = { value = 0 }
action = "channel"
timestamp = "occurred_at"
"""
    return Shape(
        "parch_web_events",
        "web_events.csv",
        join_lines(lines),
        definition,
        ("bigint",) * 3,
        tuple(rows),
        40,
        guess=NO_PRODUCT,
        about="padded text in quotes, no product",
    )


def saas_events() -> Shape:
    """Steps of customers with a program that has no products."""
    records, rows = [], []
    for n in range(20):
        row = Row(f"E{n + 1}", f"C{1 + pick(7, n)}", "none", choose(("activate", "invite"), n), make_instant(n))
        rows.append(row)
        records.append((row[0], row[1], row[3], format_iso(row[4])))
    definition = """
interaction_id = "event_id"
user_id = "customer_id"
product_id = { value = "none" }
action = "event_name"
timestamp = "event_timestamp"
"""
    content = join_lines(["event_id,customer_id,event_name,event_timestamp", *join_fields(records)])
    return Shape(
        "saas_events",
        "events.csv",
        content,
        definition,
        ("text",) * 3,
        tuple(rows),
        20,
        guess=NO_PRODUCT,
        about="no product",
    )


SHAPES = (
    bigdata_click,
    commerce_events,
    fivetran_mixpanel,
    ibm_clickstream,
    ints_header,
    jaffle_orders,
    mp_csv,
    parch_web_events,
    saas_events,
)
