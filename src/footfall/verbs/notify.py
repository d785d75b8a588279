"""Tell people, as `[notify]` in footfall.toml says: of failed loads, exceeded budgets, drift, and silence.

An event that cannot be told becomes a warning in the log. It changes no table, and not the exit code of the verb that
it comes from.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from footfall.errors import (
    DatabaseUnavailableError,
    FootfallError,
    NotToldError,
    SchemaError,
    SettingsError,
    TooManyRejectedError,
)
from footfall.results import LoadResult, Verification
from footfall.settings import Settings
from footfall.telling import command, webhook
from footfall.telling.event import Event
from footfall.telling.wanted import Notify
from footfall.verbs.metrics import collect

log = logging.getLogger("footfall")
AN_HOUR = timedelta(hours=1)
NAMED_MAX = 20  # failures or differences that one event names; it counts all of them


def tell(settings: Settings, event: Event) -> bool:
    """Tell of an event if `[notify]` asks for it; give False if the command or the webhook failed.

    Effects: runs the command and calls the webhook, which may take (retries + 1) time-outs and the waits between them.
    Every failure is a warning.
    """
    notify = settings.notify
    if notify is None or event.kind not in (*notify.events, "test"):
        return True
    body = event.write_json(settings.schema_)
    faults = []
    if notify.command:
        variables = {
            "FOOTFALL_EVENT": event.kind,
            "FOOTFALL_EVENT_ID": event.event_id,
            "FOOTFALL_EVENT_MESSAGE": event.text,
        }
        if fault := command.run(notify.command, body, variables, notify.timeout_s):
            faults.append(f"the command {notify.command[0]} {fault}")
    if notify.lacks:
        faults.append(f"{notify.lacks}; nothing was sent")
    elif notify.webhook and (fault := webhook.send(notify, event.event_id, event.kind, body)):
        faults.append(f"the webhook of {fault}")
    who = "not all" if notify.command and (notify.webhook or notify.lacks) and len(faults) == 1 else "nobody"
    for fault in faults:
        log.warning("%s could be told of the event %s: %s", who, event.kind, fault)
    return not faults


def tell_of_loads(settings: Settings, results: Sequence[LoadResult]) -> None:
    """Tell of the files among these that failed: one event for exceeded budgets, one for all other failures."""
    failed = [each for each in results if each.failure is not None]
    for kind, chosen in (
        ("failed-load", [each for each in failed if not isinstance(each.failure, TooManyRejectedError)]),
        ("budget-exceeded", [each for each in failed if isinstance(each.failure, TooManyRejectedError)]),
    ):
        if chosen:
            tell(settings, _make_event_of_failures(kind, chosen))


def tell_of_error(settings: Settings, error: FootfallError) -> None:
    """Tell that a load ended before its first file."""
    details = {"exit_code": error.exit_code, "failure_count": 1, "failures": [_describe(error, error.source)]}
    tell(settings, Event("failed-load", f"load failed: {error.message}", details))


def tell_of_drift(settings: Settings, found: Verification) -> None:
    """Tell of the differences that a recount found, if there are any."""
    if found.drift_count:
        named = [{"check": each.check, "key": each.key} for each in found.drift[:NAMED_MAX]]
        message = (
            f"verify found {found.drift_count:,} differences; `footfall verify` shows them and says what mends them"
        )
        tell(settings, Event("drift", message, {"exit_code": 7, "drift_count": found.drift_count, "drift": named}))


@dataclass(slots=True)
class Silence:
    """Tells once when nothing new was loaded for longer than `nothing_for_hours`, and again after the next silence.

    The ledger is asked before anything is told: other commands load, too, and the silence may be older than this
    object.
    Shape: `began` is when this object was made. `since` is when something new was loaded last, as far as is known, and
    `began` until that is known.
    """

    settings: Settings
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: datetime = field(init=False)
    _is_told: bool = False
    _asked_at: datetime | None = None

    def __post_init__(self) -> None:
        self.began = self.since

    def note(self, loaded_at: datetime | None = None) -> None:
        """Note that something new was loaded, now or at a known time."""
        at = loaded_at or datetime.now(UTC)
        if loaded_at is None or at > self.since:
            self._is_told = False
        self.since = max(self.since, at)

    def look(self, now: datetime | None = None) -> None:
        """Tell if nothing new was loaded for too long. Cheap while there is nothing to tell.

        Effects: asks the ledger at the first look, and at each look while the silence seems too long; after it is told,
        once an hour. Nothing is told in the first hour, so that a watcher that is restarted often does not tell at each
        start.
        """
        hours = self.settings.notify.nothing_for_h if self.settings.notify else None
        now = now or datetime.now(UTC)
        if hours is None or now - self.began < min(timedelta(hours=hours), AN_HOUR):
            return
        is_silent = now - self.since >= timedelta(hours=hours)
        if self._asked_at and (not is_silent or (self._is_told and now - self._asked_at < AN_HOUR)):
            return
        self._asked_at = now
        if (age_s := collect(self.settings).last_load_age_s) is not None:
            loaded_at = now - timedelta(seconds=age_s)
            self._is_told = self._is_told and loaded_at < self.since + timedelta(seconds=1)
            self.since = loaded_at
        if self._is_told or now - self.since < timedelta(hours=hours):
            return
        self._is_told = True
        tell_of_silence(self.settings, self.since, now)


def tell_test(settings: Settings) -> None:
    """Tell of an event that means nothing, so that somebody sees whether it arrives.

    Raises: SettingsError where nobody is to be told; NotToldError where it failed.
    """
    _require_notify(settings)
    message = "this is a test of [notify]; nothing is wrong"
    if not tell(settings, Event("test", message)):
        raise NotToldError()


def tell_if_silent(settings: Settings) -> bool:
    """Ask the ledger once, for cron, and tell if it was silent for too long; say whether it was.

    Raises: SettingsError where `nothing_for_hours` is not set, SchemaError, DatabaseUnavailableError; NotToldError.
    """
    notify = _require_notify(settings)
    if notify.nothing_for_h is None:
        raise SettingsError(
            "nothing_for_hours of [notify] in footfall.toml is not set; it says how long silence may be"
        )
    measured = collect(settings)
    if not measured.is_up:
        raise DatabaseUnavailableError(measured.reason)
    if measured.reason:
        raise SchemaError(f"{measured.reason}; run `footfall schema apply`")
    now = datetime.now(UTC)
    age_s = measured.last_load_age_s
    if age_s is not None and age_s < notify.nothing_for_h * 3600:
        return False
    if not tell_of_silence(settings, None if age_s is None else now - timedelta(seconds=age_s), now):
        raise NotToldError()
    return True


def _require_notify(settings: Settings) -> Notify:
    if settings.notify is None:
        raise SettingsError("nobody is to be told: there is no table [notify] in footfall.toml (docs/how-to/notify.md)")
    return settings.notify


def tell_of_silence(settings: Settings, since: datetime | None, now: datetime) -> bool:
    """Tell that nothing new was loaded since an instant, or ever if `since` is None."""
    if since is None:
        return tell(settings, Event("nothing-new", "nothing was ever loaded", {"since": None, "hours": None}))
    hours = (now - since) / timedelta(hours=1)
    details = {"since": since.isoformat(timespec="seconds"), "hours": round(hours, 2)}
    return tell(settings, Event("nothing-new", f"nothing new was loaded for {hours:,.1f} hours", details))


def _make_event_of_failures(kind: Any, failed: Sequence[LoadResult]) -> Event:
    named = [_describe(each.failure, each.source) for each in failed[:NAMED_MAX] if each.failure]
    first = failed[0]
    reason = first.failure.reason if first.failure else ""
    more = f"; and {len(failed) - 1:,} more files" if len(failed) > 1 else ""
    what = "has more rejected rows than allowed" if kind == "budget-exceeded" else "was not loaded"
    details = {"exit_code": first.exit_code, "failure_count": len(failed), "failures": named}
    return Event(kind, f"{first.source} {what}: {reason}{more}", details)


def _describe(error: FootfallError, source: str | None) -> dict[str, Any]:
    return {"source": source, "error": error.reason, "exit_code": error.exit_code}
