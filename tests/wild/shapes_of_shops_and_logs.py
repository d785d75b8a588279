"""Files in the shape of what shops export, and of access logs of web servers."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import Any

from preset_shape import MADE, Row, Shape, count_micros, format_at, join_lines, join_objects, make_facts

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
ZONE = timezone(timedelta(hours=-7))


def make_shopify_orders() -> Shape:
    """A line for each item; what is of the order stands in its first line alone; notes run over two lines."""
    lines, rows = ["Name,Email,Financial Status,Paid at,Total,Created at,Lineitem quantity,Lineitem name,"
                   "Lineitem price,Lineitem sku,Notes,Phone,Id"], []  # fmt: skip
    for n, user, product, at in make_facts(6):
        who, when = f"customer{user}@example.com" if n != 4 else "", f"{at.astimezone(ZONE):%Y-%m-%d %H:%M:%S %z}"
        notes = '"Ring twice,\nplease"' if n == 2 else ""
        lines.append(f"#{1001 + n},{who},paid,{when},9.99,{when},1,Mug,9.99,MUG-{product},{notes},,{5550000 + n}")
        rows.append(Row(MADE, who or "none", f"MUG-{product}", "purchase", at))
        for _ in range(n % 3):  # further items of the order; two of them are the same
            lines.append(f'#{1001 + n},{who},,,,{when},2,"Sticker, round",1.50,,,,')
            rows.append(Row(MADE, who or "none", "Sticker, round", "purchase", at))
    return Shape("shopify-orders", "orders_export.csv", join_lines(lines), tuple(rows))


def make_shopify_orders_json() -> Shape:
    """Orders with their items; a guest, an order without a customer at all, an item that is no product of the shop."""
    orders, rows = [], []
    for n, user, product, at in make_facts(5):
        customer = {"id": 207119551 + user, "email": f"customer{user}@example.com"} if n % 2 else None
        email = f"guest{user}@example.com" if n != 4 else None
        items: list[dict[str, Any]] = [
            {"id": 466157049 + 10 * n + each, "product_id": 632910392 + product + each, "sku": f"IPOD-{each}",
             "title": "IPod", "quantity": 1, "price": "199.00"}
            for each in range(1 + n % 3)
        ]  # fmt: skip
        if n == 2:
            items[1] |= {"product_id": None, "sku": ""}
        orders.append(
            {
                "id": 450789469 + n, "email": email, "created_at": f"{at.astimezone(ZONE).isoformat()}",
                "customer": customer, "line_items": items, "financial_status": "paid",
            }
        )  # fmt: skip
        who = str(customer["id"]) if customer else email or "none"
        for item in items:
            what = str(item["product_id"] or item["sku"] or item["title"])
            rows.append(Row(item["id"], who, what, "purchase", at))
    return Shape("shopify-orders-json", "orders.json", json.dumps({"orders": orders}, indent=1).encode(), tuple(rows))


def make_log(*, is_combined: bool) -> tuple[bytes, list[Row], dict[int, tuple[str, ...]]]:
    """Give an access log: a lone `-` for what was asked in the fourth line, bytes that are no request in the sixth."""
    lines, rows, rejected = [], [], {}
    for n, user, product, at in make_facts(10):
        host, name = (f"192.0.2.{user}", f"2001:db8::{user}")[n % 2], "editor" if n == 1 else "-"
        method, path = ("GET", "POST", "HEAD")[n % 3], f"/p/{product}"
        request = f"{method} {path}{'?q=1' if n % 2 else ''} HTTP/1.1"
        if n == 3:
            request = "-"
        elif n == 5:
            request, rejected[n + 1] = r"\x16\x03\x01", ("missing-value", "missing-value")
        else:
            rows.append(Row(MADE, name if name != "-" else host, path, method, at))
        size = "-" if n == 4 else f"{500 + n}"
        line = f'{host} - {name} [{at.astimezone(ZONE):%d/%b/%Y:%H:%M:%S %z}] "{request}" 200 {size}'
        lines.append(f'{line} "-" "{AGENT}"' if is_combined else line)
    lines += [lines[0], "no line of a log"]
    rejected[12] = ("too-few-fields",)
    return join_lines(lines), [*rows, rows[0]], rejected


def make_access_log() -> Shape:
    """Blanks between fields, a time in brackets and two fields, quotes around the request."""
    content, rows, rejected = make_log(is_combined=True)
    return Shape("access-log", "access.log", content, tuple(rows), rejected, skipped=1)


def make_access_log_common() -> Shape:
    """The same without the two last fields."""
    content, rows, rejected = make_log(is_combined=False)
    return Shape("access-log-common", "access_log", content, tuple(rows), rejected, skipped=1)


def make_access_log_nginx_json() -> Shape:
    """Objects of a log_format; some with the names of nginx's own variables."""
    objects, rows = [], []
    for n, user, product, at in make_facts(8):
        when, path, address = at.astimezone(ZONE).isoformat(), f"/p/{product}?q=1", f"192.0.2.{user}"
        entry: dict[str, Any] = {"ip": address, "host": "example.com", "path": path, "status": "200", "date": when}
        action, who = "request", address
        if n % 3 == 1:
            entry = {"remote_addr": address, "remote_user": "-", "request_uri": path, "time_iso8601": when}
            entry["request_method"] = action = "GET"
        if n == 4:
            entry["remote_user"] = who = "editor"
        objects.append(entry)
        rows.append(Row(MADE, who, f"/p/{product}", action, at))
    return Shape("access-log-nginx-json", "access.json.log", join_objects(objects), tuple(rows))


def make_access_log_caddy() -> Shape:
    """Objects with decimal seconds; lines of Caddy that are no requests are skipped."""
    objects: list[dict[str, Any]] = []
    rows = []
    for n, user, product, at in make_facts(8, decimals=3):
        request = {"remote_ip": f"192.0.2.{user}", "proto": "HTTP/2.0", "method": "GET", "uri": f"/p/{product}?q=1"}
        if n % 2:
            request["client_ip"] = f"198.51.100.{user}"
        name = "editor" if n == 5 else ""
        seconds: object = count_micros(at) / 1e6 if n != 6 else format_at(at, "T", 3, "Z")
        instant = at
        if n == 3:  # Caddy writes seven decimals
            seconds, instant = count_micros(at) // 10**6 + 0.8155604, at.replace(microsecond=815560)
        objects.append(
            {
                "level": "info", "ts": seconds, "logger": "http.log.access.log0", "msg": "handled request",
                "request": request, "user_id": name, "duration": 0.001, "size": 3609, "status": 200,
            }
        )  # fmt: skip
        who = name or request.get("client_ip") or request["remote_ip"]
        rows.append(Row(MADE, who, f"/p/{product}", "GET", instant))
    objects.insert(2, {"level": "info", "ts": 1709276709.5, "logger": "tls", "msg": "cleaning storage unit"})
    return Shape("access-log-caddy", "caddy.log", join_objects(objects), tuple(rows), skipped=1)


MAKERS = (
    make_shopify_orders, make_shopify_orders_json, make_access_log, make_access_log_common,
    make_access_log_nginx_json, make_access_log_caddy,
)  # fmt: skip
