"""What people are told: one event, and its form as JSON."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Literal

from footfall.safe_text import escape_unprintable, mask

Kind = Literal["failed-load", "budget-exceeded", "drift", "nothing-new", "test"]
# When each is told, and the keys that it has beside the fixed ones.
EVENTS: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "failed-load": (
        "a load ends with files that failed, or before its first file; one event tells of all of them",
        ("exit_code", "failure_count", "failures"),
    ),
    "budget-exceeded": (
        "a file has more rejected rows than `--max-rejected` allows (exit code 4)",
        ("exit_code", "failure_count", "failures"),
    ),
    "drift": ("`footfall verify` finds a difference (exit code 7)", ("exit_code", "drift_count", "drift")),
    "nothing-new": (
        "nothing was loaded for `nothing_for_hours`: by the watcher once a silence, or `footfall notify --if-silent`",
        ("since", "hours"),
    ),
    "test": ("`footfall notify` is called", ()),
}
ON_ITS_OWN: tuple[str, ...] = tuple(kind for kind in EVENTS if kind != "test")
MESSAGE_CHARACTERS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Event:
    """Something that people want to be told. `details` become keys of the JSON object beside the fixed ones."""

    kind: Kind
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def text(self) -> str:
        """The message as it may be shown: without secrets, and without what a terminal obeys."""
        return escape_unprintable(mask(self.message))[:MESSAGE_CHARACTERS_MAX]

    def write_json(self, schema: str) -> bytes:
        """Write the event as the bytes that are sent, and signed.

        Shape: one JSON object. `text` is the message again, under the key that chat programs show.
        """
        fixed = {
            "event": self.kind,
            "id": self.event_id,
            "at": self.at.isoformat(timespec="milliseconds"),
            "text": f"footfall: {self.text}",
            "message": self.text,
            "schema": schema,
            "footfall_version": version("footfall"),
        }
        return json.dumps(fixed | _mask_all(dict(self.details))).encode()


def _mask_all(value: Any) -> Any:
    if isinstance(value, str):
        return escape_unprintable(mask(value))[:MESSAGE_CHARACTERS_MAX]
    if isinstance(value, dict):
        return {name: _mask_all(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_mask_all(each) for each in value]
    return value
