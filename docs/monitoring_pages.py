"""The pages of metrics and notifications, made from their tables in the code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from footfall.answers.metrics import OF_DATABASE, OF_WATCHER, Metric
from footfall.contract.problems import PROBLEM_CODES
from footfall.telling.event import EVENTS, Event
from footfall.telling.notify_keys import NOTIFY_KEYS
from page_parts import lay_table

VALUES = {
    "version": "version of Footfall",
    "part": "ledger, failures, interactions, files, quarantine, verification, writers, sizes",
    "verdict": "loaded, duplicate, rejected, skipped",
    "state": "open, closed",
    "code": f"the {len(PROBLEM_CODES)} [problem codes](problem-codes.md), other",
    "table": "[tables](tables.md) of Footfall",
}
STATUSES = {"footfall_loads": "loaded, failed, undone", "footfall_watch_files_total": "loaded, already-loaded, failed"}


def metrics_reference() -> list[str]:
    """Give the page of the metrics."""
    return [
        "# Metrics",
        "`footfall metrics` writes those of the database. `footfall watch --metrics` answers these and those of the "
        "watcher at `/metrics`, with memory and time of its process (`process_*`). What they are good for: [monitor "
        "Footfall](../how-to/monitor.md).",
        "## Of the database",
        _lay(OF_DATABASE),
        "A number that the role may not read, or that took longer than 5 seconds, is not there, and "
        "`footfall_part_collected` of its part is 0. Where the database is down there is `footfall_up 0` and no other "
        "number of it. Sums of the ledger are gauges: an undone load takes its rows out again, so ask for `delta()`, "
        "not for `rate()`.",
        "## Of the watcher",
        _lay(OF_WATCHER),
    ]


def notifications_reference() -> list[str]:
    """Give the page of the keys of `[notify]` and of what is sent."""
    event = Event(
        "failed-load",
        "exports/day.csv was not loaded: the file is empty",
        {
            "exit_code": 3,
            "failure_count": 1,
            "failures": [{"source": "exports/day.csv", "error": "the file is empty", "exit_code": 3}],
        },
        "00000000-0000-4000-8000-000000000000",
        datetime(2024, 3, 1, 7, 30, tzinfo=UTC),
    )
    body = json.dumps(json.loads(event.write_json("public")), indent=2)
    return [
        "# Notifications",
        "The table `[notify]` of `footfall.toml`. How to use it: [be told](../how-to/notify.md).",
        "## Keys",
        lay_table(
            ("Key", "Values", "Meaning"), [(f"`{key}`", values, about) for key, (values, about) in NOTIFY_KEYS.items()]
        ),
        "## Events",
        lay_table(
            ("Event", "When", "Keys of its own"),
            [(f"`{kind}`", when, ", ".join(f"`{key}`" for key in keys)) for kind, (when, keys) in EVENTS.items()],
        ),
        "## What is sent",
        "One JSON object; it may gain keys. `id` stays the same when a try is repeated; `text` is the message for chat "
        "programs. At most 20 failures or differences are named, and all are counted.",
        f"```json\n{body}\n```",
        "A command gets it on stdin, with `FOOTFALL_EVENT`, `FOOTFALL_EVENT_ID` and `FOOTFALL_EVENT_MESSAGE` in its "
        "environment. A webhook gets it by POST, with these headers:",
        lay_table(
            ("Header", "Value"),
            [
                ("`Webhook-Id`", "The event's `id`."),
                ("`Webhook-Timestamp`", "Seconds since 1970, when this try was sent."),
                (
                    "`Webhook-Signature`",
                    "`v1,` and the base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`; only with a secret. A secret that "
                    "begins with `whsec_` is base64 behind it.",
                ),
                ("`Footfall-Event`", "The event."),
            ],
        ),
    ]


def _lay(metrics: dict[str, Metric]) -> str:
    rows: Sequence[tuple[str, ...]] = [
        (f"`{name}`", metric.kind, _name_label(name, metric), metric.about) for name, metric in metrics.items()
    ]
    return lay_table(("Metric", "Kind", "Label and its values", "Meaning"), list(rows))


def _name_label(name: str, metric: Metric) -> str:
    return f"`{metric.label}`: {STATUSES.get(name) or VALUES[metric.label]}" if metric.label else ""
