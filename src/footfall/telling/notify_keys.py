"""The keys of the table `[notify]`; its reader and the how-to page take them from here.

Shape: key -> (the values it may have, its meaning).
"""

from __future__ import annotations

NOTIFY_KEYS: dict[str, tuple[str, str]] = {
    "command": (
        "list of texts",
        "A program with its arguments; the event comes to it as JSON on stdin. No shell reads it.",
    ),
    "webhook": ("URL", "An address that gets the event as JSON by POST: https, or http on this very machine."),
    "webhook_variable": (
        "name",
        "The environment variable that holds the address, where the address itself is a secret.",
    ),
    "secret_variable": ("name", "The environment variable that holds the secret with which webhooks are signed."),
    "secret_file": ("path", "The file that holds that secret, in place of a variable."),
    "ca_file": ("path", "Certificates (PEM) that the webhook's server is trusted by, in place of the system's."),
    "events": (
        "list of events",
        "Which to tell: `failed-load`, `budget-exceeded`, `drift`, `nothing-new`. Default: all.",
    ),
    "nothing_for_hours": (
        "number",
        "`nothing-new` is told when nothing was loaded for so long. Off: it is never told.",
    ),
    "timeout_seconds": ("number", "What the command, or one try of the webhook, may take. Default: 10."),
    "retries": ("number", "Tries of the webhook after the first, at most 5. Default: 3."),
}
