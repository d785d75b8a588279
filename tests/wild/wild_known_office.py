"""Further shapes, of tables that spreadsheets and shops export: a guess must read them unseen."""

from __future__ import annotations

from wild_shape import (
    MADE,
    NO_ACTION,
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


def german_export() -> Shape:
    """A German export: semicolons, windows-1252, day.month.year, decimals with a comma."""
    lines, rows = ["Ereignis-ID;Kundennummer;Artikelnummer;Aktion;Zeitpunkt;Betrag"], []
    for n in range(40):
        moment = make_instant(n).replace(second=0)
        row = Row(5000 + n, 700 + pick(9, n), 40 + pick(12, n), choose(("geöffnet", "gekauft"), n), moment)
        rows.append(row)
        lines.append(";".join([*(str(value) for value in row[:4]), f"{moment:%d.%m.%Y %H:%M}", f"{n},50"]))
    definition = """
delimiter = ";"
encoding = "windows-1252"
interaction_id = "Ereignis-ID"
user_id = "Kundennummer"
product_id = "Artikelnummer"
action = "Aktion"
timestamp = { column = "Zeitpunkt", format = "%d.%m.%Y %H:%M" }
"""
    content = join_lines(lines, "\r\n").decode().encode("windows-1252")
    return Shape(
        "german_export",
        "ereignisse.csv",
        content,
        definition,
        ("bigint",) * 3,
        tuple(rows),
        40,
        about="German, windows-1252, day.month.year",
    )


def online_retail() -> Shape:
    """Lines of invoices: the invoice's number repeats, customers are written as 17850.0, month first."""
    lines = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]
    rows = []
    for n in range(40):
        moment = make_instant(n // 4).replace(second=0)
        row = Row(MADE, 17_850 + n // 4, f"85{pick(9, n)}23A", "purchase", moment)
        rows.append(row)
        when = f"{moment.month}/{moment.day}/{moment.year} {moment.hour}:{moment:%M}"
        text = f'"LIGHT, £{n}"'
        lines.append(f"{536_365 + n // 4},{row[2]},{text},{1 + pick(6, n)},{when},2.55,{row[1]}.0,United Kingdom")
    definition = """
encoding = "latin-1"
interaction_id = { from = "record" }
user_id = { column = "CustomerID", integers = "as-float" }
product_id = "StockCode"
action = { value = "purchase" }
timestamp = { column = "InvoiceDate", format = "%m/%d/%Y %H:%M" }
"""
    content = join_lines(lines, "\r\n").decode().encode("latin-1")
    return Shape(
        "online_retail",
        "OnlineRetail.csv",
        content,
        definition,
        ("uuid", "bigint", "text"),
        tuple(rows),
        40,
        guess=NO_ACTION,
        about="latin-1, customers as 17850.0, invoices that repeat",
    )


def portuguese_events() -> Shape:
    """A Portuguese header, and day first."""
    records, rows = [], []
    for n in range(40):
        moment = make_day(n).replace(hour=pick(24, n))
        row = Row(n + 1, 10 + pick(9, n), 300 + pick(12, n), choose(("visualizou", "comprou"), n), moment)
        rows.append(row)
        records.append((*row[:4], f"{row[4]:%d/%m/%Y %H:%M:%S}"))
    definition = """
interaction_id = "id_evento"
user_id = "id_cliente"
product_id = "id_produto"
action = "tipo_evento"
timestamp = { column = "data_hora", format = "%d/%m/%Y %H:%M:%S" }
"""
    content = join_lines(["id_evento,id_cliente,id_produto,tipo_evento,data_hora", *join_fields(records)])
    return Shape(
        "portuguese_events",
        "eventos.csv",
        content,
        definition,
        ("bigint",) * 3,
        tuple(rows),
        40,
        about="a Portuguese header, day first",
    )


def report_with_title() -> Shape:
    """A title, the time of the export and an empty line before the header."""
    records, rows = [], []
    for n in range(30):
        row = Row(n + 1, 10 + pick(9, n), 300 + pick(12, n), choose(("view", "buy"), n), make_instant(n))
        rows.append(row)
        records.append((row[0], format_iso(row[4]), row[1], row[2], row[3]))
    definition = """
skip_lines = 3
interaction_id = "Event ID"
user_id = "User ID"
product_id = "Product ID"
action = "Event"
timestamp = "Time"
"""
    head = ["Events of the shop", "Exported 2024-06-01 10:00", "", "Event ID,Time,User ID,Product ID,Event"]
    return Shape(
        "report_with_title",
        "report.csv",
        join_lines([*head, *join_fields(records)]),
        definition,
        ("bigint",) * 3,
        tuple(rows),
        30,
        about="a title and an empty line before the header",
    )


def superstore_orders() -> Shape:
    """Names with blanks, orders of several rows, an id of the row, month first."""
    records, rows = [], []
    for n in range(40):
        row = Row(n + 1, f"CG-{12520 + n // 4}", f"FUR-BO-{1000 + pick(20, n)}", "purchase", make_day(n // 2))
        rows.append(row)
        day = f"{row[4].month}/{row[4].day}/{row[4].year}"
        records.append((row[0], f"CA-2024-{1520 + n // 2}", day, day, "Second Class", row[1], row[2], "Furniture", 26))
    definition = """
interaction_id = "Row ID"
user_id = "Customer ID"
product_id = "Product ID"
action = { value = "purchase" }
timestamp = { column = "Order Date", format = "%m/%d/%Y" }
"""
    header = "Row ID,Order ID,Order Date,Ship Date,Ship Mode,Customer ID,Product ID,Category,Sales"
    guess = Guess(says=("action",), loose=frozenset({"action", "interaction_id"}))
    return Shape(
        "superstore_orders",
        "orders.csv",
        join_lines([header, *join_fields(records)]),
        definition,
        ("bigint", "text", "text"),
        tuple(rows),
        40,
        guess=guess,
        about="names with blanks, orders of several rows",
    )


def utf16_export() -> Shape:
    """Tabs in UTF-16 with its mark, as a spreadsheet writes text."""
    records, rows = [], []
    for n in range(30):
        row = Row(n + 1, 10 + pick(9, n), 300 + pick(12, n), choose(("view", "buy"), n), make_instant(n))
        rows.append(row)
        records.append((*row[:4], format_iso(row[4])))
    definition = """
format = "csv"
delimiter = "tab"
encoding = "utf-16"
interaction_id = "EventId"
user_id = "UserId"
product_id = "ProductId"
action = "EventName"
timestamp = "EventTime"
"""
    lines = ["EventId\tUserId\tProductId\tEventName\tEventTime", *join_fields(records, "\t")]
    return Shape(
        "utf16_export",
        "export.txt",
        join_lines(lines, "\r\n").decode().encode("utf-16"),
        definition,
        ("bigint",) * 3,
        tuple(rows),
        30,
        about="tabs, UTF-16",
    )


SHAPES = (
    german_export,
    online_retail,
    portuguese_events,
    report_with_title,
    superstore_orders,
    utf16_export,
)
