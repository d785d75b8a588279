"""Files that web servers, pages and viewers leave: who saw which page, and when."""

from __future__ import annotations

from datetime import timedelta, timezone

from wild_shape import (
    MADE,
    NO_ACTION,
    NO_USER_OR_ACTION,
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

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"


def apache_combined() -> Shape:
    """A log of a web server: blanks between fields, the time in brackets and two fields, `-` for what is missing."""
    lines, rows, rejected = [], [], {}
    zone = timezone(timedelta(hours=-5))
    for n in range(40):
        moment, address = make_instant(n), f"192.0.2.{1 + pick(9, n)}"
        verb, page = choose(("GET", "GET", "POST"), n), choose(PAGES, "page", n)
        who = choose(("-", "-", "-", "staff1"), "who", n)
        request = f"{verb} {page} HTTP/1.1"
        if n == 23:  # a connection that asked for nothing
            request, rejected[n + 1] = "-", ("missing-value", "missing-value")
        else:
            rows.append(Row(MADE, address if who == "-" else who, page, verb, moment))
        when = f"{moment.astimezone(zone):%d/%b/%Y:%H:%M:%S %z}"
        lines.append(f'www.example.com {address} - {who} [{when}] "{request}" 200 {300 + n} "-" "{AGENT}"')
    definition = r"""
format = "csv"
delimiter = "blanks"
header = false
null_values = ["-"]
interaction_id = { from = "record" }
user_id = { column = [4, 2] }
product_id = { column = 7, extract = '^\S+ (\S+) \S+$' }
action = { column = 7, extract = '^(\S+) \S+ \S+$' }
timestamp = { columns = [5, 6], format = "[%d/%b/%Y:%H:%M:%S %z]" }
"""
    addresses = tuple(line.split(" ")[1] for n, line in enumerate(lines) if n != 23)
    return Shape(
        "apache_combined",
        "access.log",
        join_lines(lines),
        definition,
        ("uuid", "text", "text"),
        tuple(rows),
        40,
        rejected=rejected,
        guess=Guess(refusal=r"\blog\b", others={"user_id": (addresses,)}),
        about="log lines of a web server",
    )


def cloudfront() -> Shape:
    """Two comment lines, the second of which holds the header; tabs; date and time apart; `-` for nothing."""
    names = (
        "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) "
        "cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken "
        "x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status "
        "fle-encrypted-fields"
    )
    records, rows = [], []
    for n in range(30):
        request = f"{make_hex(38, 'request', n).upper()}=="
        row = Row(request, f"192.0.2.{1 + pick(7, n)}", choose(PAGES, n), choose(("GET", "HEAD"), n), make_instant(n))
        rows.append(row)
        front = (f"{row[4]:%Y-%m-%d}", f"{row[4]:%H:%M:%S}", "FRA2", 180 + n, row[1], row[3], "static.example.com")
        middle = (row[2], 200, "-", "Mozilla/5.0%2520(X11)", "-", "-", "Miss", request, "example.com", "https", 217)
        records.append((*front, *middle, "0.001", "-", "TLSv1.2", "AES128", "Miss", "HTTP/1.1", "-", "-"))
    definition = """
format = "csv"
delimiter = "tab"
comment = "#"
header = false
null_values = ["-"]
interaction_id = 15
user_id = 5
product_id = 8
action = 6
timestamp = { columns = [1, 2] }
"""
    content = join_lines(["#Version: 1.0", f"#Fields: {names}", *join_fields(records, "\t")])
    return Shape(
        "cloudfront",
        "edge.log",
        content,
        definition,
        ("text",) * 3,
        tuple(rows),
        30,
        about="tabs, header in a comment, date and time apart",
    )


def iceberg_events() -> Shape:
    """CRLF, text ids of events beside whole numbers of users, and a page for the product."""
    records, rows = [], []
    for n in range(40):
        row = Row(
            f"evt{n + 1:06}", 1 + pick(20, n), choose(PAGES, n), choose(("click", "login", "pageview"), n), make_day(n)
        )
        rows.append(row)
        when, session = format_iso(row[4]), f"session_{1000 + pick(900, n)}"
        records.append((row[0], row[1], when, row[3], row[2], session, choose(("east", "west"), n)))
    header = "event_id,user_id,event_timestamp,event_type,page_url,session_id,region"
    definition = """
interaction_id = "event_id"
user_id = "user_id"
product_id = "page_url"
action = "event_type"
timestamp = "event_timestamp"
"""
    content = join_lines([header, *join_fields(records)], "\r\n")
    return Shape(
        "iceberg_events",
        "events.csv",
        content,
        definition,
        ("text", "bigint", "text"),
        tuple(rows),
        40,
        about="CRLF, text ids of events",
    )


def moodle_log() -> Shape:
    """An id that begins with 0, the month by its name, an hour of one digit, CRLF."""
    lines, rows, courses = ["id,course,datetime,action,information,anoname,ip_address"], [], []
    for n in range(40):
        moment = make_instant(n).replace(second=0)
        view = choose(("course view", "forum view discussion"), n)
        action, what = f"{view} (https://lms.example.com/view?id={10 + pick(5, n)})", f"Topic {pick(6, n)} (group A)"
        course, user = f"C{100 + pick(2, 'c', n)}-S'24 A-1", f"U{1 + pick(9, n)}"
        rows.append(Row(n, user, what, action, moment))
        courses.append(course)
        when = f"{moment:%Y %B} {moment.day} {moment.hour}:{moment:%M}"
        lines.append(f"{n},{course},{when},{action},{what},{user},X.Y.Z")
    definition = """
interaction_id = "id"
user_id = "anoname"
product_id = "information"
action = "action"
timestamp = { column = "datetime", format = "%Y %B %d %H:%M" }
"""
    guess = Guess(others={"product_id": (tuple(courses),)}, loose=frozenset({"user_id"}), says=("user",))
    return Shape(
        "moodle_log",
        "moodle_logs.csv",
        join_lines(lines, "\r\n"),
        definition,
        ("bigint", "text", "text"),
        tuple(rows),
        40,
        guess=guess,
        about="id 0, months by name, hours of one digit",
    )


def netflix_viewing() -> Shape:
    """Titles and days of one account: no id, no user, no action; month first, and a year of two digits."""
    lines, rows = ["Title,Date"], []
    for n in range(30):
        title, day = f"Series {1 + pick(4, n)}: Season 1: Part {1 + pick(9, 't', n)}, again", make_day(n)
        for _ in range(2 if n in {7, 19} else 1):  # seen twice on one day: the same line again
            rows.append(Row(MADE, "viewer", title, "view", day))
            lines.append(f'"{title}","{day.month}/{day.day}/{day:%y}"')
    definition = """
interaction_id = { from = "record" }
user_id = { value = "viewer" }
product_id = "Title"
action = { value = "view" }
timestamp = { column = "Date", format = "%m/%d/%y" }
"""
    return Shape(
        "netflix_viewing",
        "ViewingHistory.csv",
        join_lines(lines),
        definition,
        ("uuid", "text", "text"),
        tuple(rows),
        32,
        guess=NO_USER_OR_ACTION,
        about="title and day alone; month/day/year",
    )


def page_behavior() -> Shape:
    """Steps of sessions, with no id of the step."""
    records, rows = [], []
    for n in range(40):
        row = Row(
            MADE, f"U{1 + n // 5:03}", choose(PAGES, n), choose(("page_view", "scroll", "click"), n), make_instant(n)
        )
        rows.append(row)
        more = (15 + n, 80, pick(4, n), "Mobile", "North", "25-34", f"S{1 + n // 5:03}")
        records.append((row[1], format_iso(row[4]), row[3], row[2], *more))
    header = (
        "user_id,timestamp,event_type,page_url,time_on_page,scroll_depth,click_count,device_type,region,age_group,"
        "session_id"
    )
    definition = """
interaction_id = { from = "record" }
user_id = "user_id"
product_id = "page_url"
action = "event_type"
timestamp = "timestamp"
"""
    content = join_lines([header, *join_fields(records)])
    return Shape(
        "page_behavior",
        "user_behavior.csv",
        content,
        definition,
        ("uuid", "text", "text"),
        tuple(rows),
        40,
        about="no id of the interaction",
    )


def page_views() -> Shape:
    """Views of pages, so that the action is none of the columns; one time has a 60th second."""
    records, rows = [], []
    for n in range(30):
        moment = make_instant(n)
        row = Row(f"PV{n + 1:03}", f"USR{1 + n // 6:03}", choose(PAGES, n), "page_view", moment)
        when = format_iso(moment)
        if n == 21:
            when = f"{when[:-2]}60"
        else:
            rows.append(row)
        records.append(
            (row[0], f"SES{1 + n // 6:03}", row[1], row[2], "A page", when, 60 + n, "https://example.com", "false")
        )
    header = "page_view_id,session_id,user_id,page_url,page_title,timestamp,time_on_page_seconds,referrer_url,exit_page"
    definition = """
interaction_id = "page_view_id"
user_id = "user_id"
product_id = "page_url"
action = { value = "page_view" }
timestamp = "timestamp"
"""
    content = join_lines([header, *join_fields(records)])
    return Shape(
        "page_views",
        "page_views.csv",
        content,
        definition,
        ("text",) * 3,
        tuple(rows),
        30,
        rejected={23: ("not-a-timestamp",)},
        guess=NO_ACTION,
        about="one kind of action; a second 60",
    )


def segment_pages() -> Shape:
    """Pages of known and unknown visitors: where there is no user, an anonymous id."""
    records, rows = [], []
    for n in range(25):
        anonymous, user = make_hex(20, "anonymous", n // 3), "" if pick(3, n) == 0 else make_hex(13, "user", n // 3)
        row = Row(f"ajs-{make_hex(32, 'id', n)}", user or anonymous, choose(PAGES, n), "page", make_instant(n))
        rows.append(row)
        when = format_iso(row[4])
        front = (row[0], anonymous, user, when, when, when, "https://example.com/", row[2], "Product")
        records.append((*front, "?name=x", "https://example.com/", "a", "b", "c", "d", "e", "192.0.2.8", f'"{AGENT}"'))
    header = (
        "id,anonymous_id,user_id,received_at,sent_at,timestamp,url,path,title,search,referrer,context_campaign_source,"
        "context_campaign_medium,context_campaign_name,context_campaign_term,context_campaign_content,context_ip,"
        "context_user_agent"
    )
    definition = """
interaction_id = "id"
user_id = { column = ["user_id", "anonymous_id"] }
product_id = "path"
action = { value = "page" }
timestamp = "timestamp"
"""
    return Shape(
        "segment_pages",
        "pages.csv",
        join_lines([header, *join_fields(records)]),
        definition,
        ("text",) * 3,
        tuple(rows),
        25,
        guess=NO_USER_OR_ACTION,
        about="hashes; an anonymous id where no user is known",
    )


def yahoo_click() -> Shape:
    """CRLF, microseconds, a page for the product."""
    records, rows = [], []
    for n in range(30):
        moment = make_instant(n, micros=1 + pick(999_998, n))
        row = Row(f"e{n + 1:05}", 1000 + pick(20, n), choose(PAGES, n), choose(("click", "scroll", "hover"), n), moment)
        rows.append(row)
        records.append((row[0], row[1], format_iso(moment, micros=6), row[2], row[3], f"sess_{100 + pick(900, n)}"))
    definition = """
interaction_id = "event_id"
user_id = "user_id"
product_id = "page"
action = "event_type"
timestamp = "timestamp"
"""
    content = join_lines(["event_id,user_id,timestamp,page,event_type,session_id", *join_fields(records)], "\r\n")
    return Shape(
        "yahoo_click",
        "clickstream.csv",
        content,
        definition,
        ("text", "bigint", "text"),
        tuple(rows),
        30,
        about="CRLF and microseconds",
    )


SHAPES = (
    apache_combined,
    cloudfront,
    iceberg_events,
    moodle_log,
    netflix_viewing,
    page_behavior,
    page_views,
    segment_pages,
    yahoo_click,
)
