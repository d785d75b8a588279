"""The table `[notify]` of footfall.toml -> who is to be told of what, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from footfall.errors import SettingsError
from footfall.telling.event import ON_ITS_OWN
from footfall.telling.notify_keys import NOTIFY_KEYS

SECRET_BYTES_MIN = 16
TIMEOUT_S_MAX = 60
RETRIES_MAX = 5


@dataclass(frozen=True, slots=True)
class Notify:
    """Who is told of what. Units: `timeout_s` seconds, `nothing_for_h` hours.

    Shape: `webhook` and `secret` are what the variables and the file hold by now, and are never shown; `lacks` says
    what of it is not there, and then nothing is sent.
    """

    command: tuple[str, ...] = ()
    webhook: str = ""
    secret: bytes = b""
    ca_file: str | None = None
    events: tuple[str, ...] = ON_ITS_OWN
    nothing_for_h: float | None = None
    timeout_s: float = 10.0
    retries: int = 3
    lacks: str = ""

    def __repr__(self) -> str:
        return f"Notify(events={self.events!r})"


def parse_notify(keys: Mapping[str, Any], file: str, environment: Mapping[str, str]) -> Notify:
    """Check the table. Effects: reads the file of the secret, if one is named.

    Raises: SettingsError naming the key and the cure. What only this machine lacks (a variable, a file) is no error:
    a question or a load needs none of it.
    """
    table = _Table(keys, f"[notify] in {file}")
    for key in keys:
        if key not in NOTIFY_KEYS:
            close = get_close_matches(key, NOTIFY_KEYS, n=1)
            raise table.refuse(key, f"there is no such key; {f'did you mean {close[0]}?' if close else _list_keys()}")
    command = table.take_texts("command")
    webhook, lacks = _find_webhook(table, environment)
    if not command and not webhook and not lacks:
        raise SettingsError(f"{table.place}: neither a command nor a webhook is there; add one, or take the table away")
    if command and not command[0].strip():
        raise table.refuse("command", "its first text is the program; write it first")
    secret, missing = _find_secret(table, environment)
    events = table.take_texts("events") or ON_ITS_OWN
    for each in events:
        if each not in ON_ITS_OWN:
            raise table.refuse("events", f"{each!r} is no event; there are {', '.join(ON_ITS_OWN)}")
    return Notify(
        command=command,
        webhook=webhook,
        secret=secret,
        ca_file=table.take_text("ca_file"),
        events=events,
        nothing_for_h=table.take_number("nothing_for_hours", 0.01, 24 * 366),
        timeout_s=table.take_number("timeout_seconds", 0.1, TIMEOUT_S_MAX) or 10.0,
        retries=int(3 if (tries := table.take_number("retries", 0, RETRIES_MAX)) is None else tries),
        lacks=lacks or missing,
    )


def is_loopback(host: str) -> bool:
    """Say whether an address never leaves this machine.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("hooks.example.com")
        (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _list_keys() -> str:
    return f"there are {', '.join(NOTIFY_KEYS)}"


@dataclass(frozen=True, slots=True)
class _Table:
    keys: Mapping[str, Any]
    place: str

    def refuse(self, key: str, why: str) -> SettingsError:
        return SettingsError(f"{key} of {self.place}: {why}")

    def take_text(self, key: str) -> str | None:
        text = self.keys.get(key)
        if text is not None and (not isinstance(text, str) or not text or "\0" in text):
            raise self.refuse(key, "a text is wanted, in quotes; leave it out where there is none")
        return text

    def take_texts(self, key: str) -> tuple[str, ...]:
        texts = self.keys.get(key)
        if texts is None:
            return ()
        if not isinstance(texts, list) or not texts or not all(isinstance(e, str) and "\0" not in e for e in texts):
            raise self.refuse(key, 'a list of texts is wanted, such as ["mail-us", "--now"]; no shell splits one text')
        return tuple(texts)

    def take_number(self, key: str, least: float, most: float) -> float | None:
        number = self.keys.get(key)
        if number is None:
            return None
        if isinstance(number, bool) or not isinstance(number, int | float) or not least <= number <= most:
            raise self.refuse(key, f"a number from {least:g} to {most:g} is wanted")
        return float(number)


def _find_webhook(table: _Table, environment: Mapping[str, str]) -> tuple[str, str]:
    """Give the address, else what lacks."""
    written, variable = table.take_text("webhook"), table.take_text("webhook_variable")
    if written and variable:
        raise table.refuse("webhook_variable", "webhook is there, too; keep one of the two")
    address = written or (environment.get(variable, "") if variable else "")
    if not address:
        return "", f"the variable {variable} (webhook_variable of {table.place}) is not set" if variable else ""
    refused = _find_fault(address)
    if refused and written:
        raise table.refuse("webhook", refused)
    return ("", f"{variable} (webhook_variable of {table.place}): {refused}") if refused else (address, "")


def _find_fault(address: str) -> str:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not an address; write https://HOST/PATH"
    if parts.scheme not in ("http", "https") or not host or not address.isprintable() or " " in address:
        return "is not an address of the web; write https://HOST/PATH"
    if parts.username or parts.password:
        return "a name or password in the address is not sent; sign with a secret in its place (secret_variable)"
    if parts.scheme == "http" and not is_loopback(host):
        return "others can read and change what goes by http; write https://, or an address of this machine"
    return ""


def _find_secret(table: _Table, environment: Mapping[str, str]) -> tuple[bytes, str]:
    """Give the secret, else what lacks; neither where none is wanted."""
    variable, file = table.take_text("secret_variable"), table.take_text("secret_file")
    if variable and file:
        raise table.refuse("secret_file", "secret_variable is there, too; keep one of the two")
    if variable:
        secret, where = environment.get(variable, "").encode("utf-8", "surrogateescape"), f"the variable {variable}"
    elif file:
        where = f"the file {file}"
        try:
            secret = Path(file).expanduser().read_bytes().strip()
        except OSError as error:
            return b"", f"{where} (secret_file of {table.place}) cannot be read ({error.strerror})"
    else:
        return b"", ""
    if len(secret) < SECRET_BYTES_MIN:
        state = f"has fewer than {SECRET_BYTES_MIN} bytes" if secret else "is not set or empty"
        return b"", f"{where} with the secret of {table.place} {state}"
    return secret, ""
