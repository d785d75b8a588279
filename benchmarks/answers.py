"""Time every question over one large database, and the page that shows them: its start, its memory, its first paint.

    python benchmarks/answers.py --rows 10000000 --page docs/benchmarks-answers.md

The data: users with a heavy tail, who come in bursts of about five interactions over 180 days; five actions. All is put
by `Asker.ask`, as the page puts it, without answers that are kept: a first time, then warm, of which the median counts.
`active-users` and the like are put with the days of users kept and without, and must give the same answer.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psutil
from server import FOOTFALL, Server, machine, machine_text, serving

from footfall.answers.asked import Filters
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from footfall.verbs import verify as verify_verb
from footfall.verbs.query import open_snapshot

ZONE = "Europe/Vienna"
DAYS = 180
STEPS = "view,add_to_cart,purchase"
MADE_SQL = f"""
copy (
    with bursts as (
        select
            row // 5 as burst,
            row,
            hash(row // 5) as dice,
            hash(row * 7 + 1) as own
        from range($1) as rows (row)
    ),
    made as (
        select
            1 + (power((dice % 1000003) / 1000003.0, 2.5) * ($1 / 27))::bigint as user_id,
            1 + (power((own % 999983) / 999983.0, 3) * 20000)::bigint as product_id,
            case
                when own // 7 % 100 < 62 then 'view'
                when own // 7 % 100 < 78 then 'search'
                when own // 7 % 100 < 90 then 'add_to_cart'
                when own // 7 % 100 < 97 then 'purchase'
                else 'share'
            end as action,
            epoch_ms(1704067200000 + ((burst * 5.0 / $1) * {DAYS} * 86400000)::bigint + (row % 5) * 97000
                + (own % 60000)::bigint) as instant
        from bursts
    )
    select row_number() over (order by instant) as interaction_id, user_id, product_id, action,
        strftime(instant, '%Y-%m-%dT%H:%M:%S.%fZ') as timestamp
    from made
    order by instant
) to '{{path}}' (header)
"""
# (name, what it is asked with, the bound in seconds, or None)
QUESTIONS: tuple[tuple[str, dict[str, Any], float | None], ...] = (
    ("per-day", {}, 0.05),
    ("per-week", {}, 0.05),
    ("actions", {}, 0.05),
    ("top-users", {}, 0.05),
    ("top-products", {}, 0.05),
    ("heat-map", {}, 0.05),
    ("unusual-days", {}, 0.05),
    ("new-users", {}, None),
    ("active-users", {}, 1),
    ("active-users", {"per": "week"}, 1),
    ("trailing-users", {}, 1),
    ("retention", {"per": "week"}, 1),
    ("lifecycle", {"per": "week"}, 1),
    ("stickiness", {"per": "month"}, 1),
    ("funnel", {"steps": STEPS}, 3),
    ("funnel", {"steps": STEPS, "order": "strict"}, 3),
    ("funnel", {"steps": STEPS, "order": "any"}, 3),
    ("sessions", {}, 3),
    ("paths", {}, 3),
    ("paths", {"shape": "edges"}, 3),
    ("top-movers", {}, None),
    ("affinity", {"product": 17}, None),
    ("funnel", {"steps": STEPS, "since": "2024-01-01"}, None),
    ("sessions", {"since": "2024-01-01"}, None),
    ("paths", {"since": "2024-01-01"}, None),
)
OF_USER_DAYS = ("active-users", "trailing-users", "retention", "lifecycle", "stickiness")
SCREENS = ("/", "/trends", "/funnel", "/retention", "/sessions", "/products", "/loads")


@dataclass(frozen=True, slots=True)
class Timed:
    """One question. Units: seconds; `warm_s` is the median of the warm runs; `raw_s` the same without days of users."""

    words: str
    first_s: float
    warm_s: float
    raw_s: float | None
    bound_s: float | None
    rows: int


def make(path: Path, rows: int) -> None:
    session = duckdb.connect()
    session.execute("set enable_progress_bar = false")
    session.execute(MADE_SQL.replace("{path}", str(path)), [rows])
    session.close()


def ask_all(conninfo: str, runs: int, names: tuple[str, ...] | None = None) -> dict[str, tuple[float, float, Any]]:
    """Put every question, or those of these names; give first and warm seconds and the rows by its words."""
    settings = load_settings(database_url=conninfo, reporting_time_zone=ZONE, query_timeout_seconds=600)
    found = {}
    for name, given, _ in QUESTIONS:
        if names is not None and name not in names:
            continue
        with open_snapshot(settings) as asker:
            seconds = []
            # Of the whole history one warm run is enough: nobody waits for these on a page.
            for _ in range(1 + (1 if "since" in given else runs)):
                began = time.perf_counter()
                answered = asker.ask(name, Filters(**given))
                seconds.append(time.perf_counter() - began)
        words = " ".join([name, *(f"--{key} {value}" for key, value in given.items())])
        found[words] = (seconds[0], statistics.median(seconds[1:]), answered.table.rows)
        print(f"{words}: {seconds[0]:.3f} s, then {found[words][1]:.3f} s", file=sys.stderr)
    return found


def time_questions(server: Server, database: str, runs: int) -> list[Timed]:
    """Time all questions, those of the days of users in both ways; both answers must be equal."""
    conninfo = server.of(database)
    raw = ask_all(conninfo, max(runs // 2, 1), OF_USER_DAYS)
    settings = load_settings(database_url=conninfo)
    schema_verb.upgrade_schema(settings, with_options=("user-days",))
    server.admin("checkpoint")
    found = ask_all(conninfo, runs)
    bounds = {" ".join([n, *(f"--{k} {v}" for k, v in given.items())]): bound for n, given, bound in QUESTIONS}
    results = []
    for words, (first_s, warm_s, rows) in found.items():
        if words in raw and raw[words][2] != rows:
            raise SystemExit(f"{words}: with the days of users the answer differs")
        raw_s = raw[words][1] if words in raw else None
        results.append(Timed(words, first_s, warm_s, raw_s, bounds[words], len(rows)))
    return results


def time_page(server: Server, database: str) -> dict[str, Any]:
    """Start `footfall serve`, open each screen twice, then in Chromium; give seconds and MB."""
    environment = os.environ | {"FOOTFALL_DATABASE_URL": server.of(database), "FOOTFALL_REPORTING_TIME_ZONE": ZONE}
    starts = []
    for _ in range(3):
        began = time.perf_counter()
        process = subprocess.Popen(
            [FOOTFALL, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        urllib.request.urlopen(f"{address.rstrip('/')}/static/footfall.css", timeout=60).read()  # noqa: S310
        starts.append(time.perf_counter() - began)
        if len(starts) < 3:
            process.terminate()
            process.wait()
    told: dict[str, Any] = {"start_s": statistics.median(starts)}
    memory = psutil.Process(process.pid).memory_info
    told["idle_mb"] = memory().rss / 1e6
    for turn in ("first", "again"):
        for screen in SCREENS:
            began = time.perf_counter()
            urllib.request.urlopen(address.rstrip("/") + screen, timeout=600).read()  # noqa: S310
            told[f"{screen} {turn}"] = time.perf_counter() - began
    told["visited_mb"] = memory().rss / 1e6
    told["paints"] = paint(address.rstrip("/"))
    told["painted_mb"] = memory().rss / 1e6
    process.terminate()
    process.wait()
    return told


def paint(address: str) -> dict[str, float]:
    """Give the first contentful paint of each screen in Chromium, in seconds: the best of three."""
    from playwright.sync_api import sync_playwright

    script = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    paints: dict[str, float] = {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for screen in SCREENS:
            found = []
            for _ in range(3):
                page = browser.new_page(
                    viewport={"width": 1280, "height": 900}, bypass_csp=True
                )  # to look at its clock
                page.goto(address + screen, wait_until="load", timeout=120_000)
                page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
                found.append(page.evaluate(script) / 1000)
                page.close()
            paints[screen] = min(found)
        browser.close()
    return paints


def write(path: Path, result: dict[str, Any]) -> None:
    lines = [
        "# Benchmarks: answers",
        "",
        "Written by `benchmarks/answers.py`; do not edit.",
        "",
        f"    python benchmarks/answers.py --rows {result['rows']} --page docs/benchmarks-answers.md",
        "",
        f"{result['rows']:,} interactions of {result['users']:,} users in {DAYS} days, in bursts of five; the zone is "
        f"{ZONE}. "
        f"{result['machine']} Seconds, median of {result['runs']} warm runs; answers that the page keeps are not used. "
        "Funnel, sessions and paths are over the last 30 days where no range is named.",
        "",
        "| question | first | warm | from rows alone | asked | rows |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for each in result["questions"]:
        raw = "" if each["raw_s"] is None else f"{each['raw_s']:.2f}"
        bound = "" if each["bound_s"] is None else f"{each['bound_s']:g}"
        missed = " (missed)" if each["bound_s"] is not None and each["warm_s"] > each["bound_s"] else ""
        cells = (
            f"`{each['words']}`",
            f"{each['first_s']:.3f}",
            f"{each['warm_s']:.3f}{missed}",
            raw,
            bound,
            f"{each['rows']:,}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    page = result["page"]
    lines += [
        "",
        "`from rows alone`: without `footfall schema apply --with user-days`; the answers were equal.",
        "",
        "## The page",
        "",
        f"`footfall serve` answers {page['start_s']:.2f} s after its start (asked: 1.5). "
        f"It takes {page['idle_mb']:.0f} MB then, {page['visited_mb']:.0f} MB after all screens were opened twice, "
        f"{page['painted_mb']:.0f} MB after Chromium opened each three times (asked: 80).",
        "",
        "| screen | first, s | again, s | first paint in Chromium, s |",
        "|---|---:|---:|---:|",
    ]
    for screen in SCREENS:
        seconds = (page[f"{screen} first"], page[f"{screen} again"], page["paints"][screen])
        lines.append(f"| `{screen}` | {' | '.join(f'{each:.2f}' for each in seconds)} |")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--database", help="a server to use; without it one is started")
    parser.add_argument("--page", type=Path, help="write this page")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footfall-answers-") as scratch:
        path = Path(scratch) / "made.csv"
        make(path, asked.rows)
        with serving(asked.database, Path(scratch)) as server, server.databases("answers") as (database,):
            server.create(database)
            settings = load_settings(database_url=server.of(database))
            began = time.perf_counter()
            summary = load_verb.load([str(path)], settings)
            print(f"loaded {summary.rows_loaded:,} rows in {time.perf_counter() - began:.0f} s", file=sys.stderr)
            questions = time_questions(server, database, asked.runs)
            if (found := verify_verb.verify(settings)).drift:
                raise SystemExit(f"drift: {found.drift}")
            with open_snapshot(settings) as asker:
                users = sum(row[1] for row in asker.ask("new-users", Filters()).table.rows)
            result = {
                "rows": summary.rows_loaded,
                "users": users,
                "runs": asked.runs,
                "machine": machine_text(machine(server, "")).replace("\n", " "),
                "questions": [{name: getattr(each, name) for name in each.__slots__} for each in questions],
                "page": time_page(server, database),
            }
    print(json.dumps(result, indent=1))
    if asked.page:
        write(asked.page, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
