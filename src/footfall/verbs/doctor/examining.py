"""Make all checks, one after the other, whatever is broken."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from footfall.errors import FootfallError, SettingsError
from footfall.postgres.embedded import clients
from footfall.postgres.inspection import cut_off
from footfall.postgres.transactions import outlive_errors
from footfall.safe_text import mask
from footfall.settings import Settings, has_libpq_variables, load_plain_settings, load_settings, load_usable_settings
from footfall.tables.schema import list_migrations
from footfall.verbs.doctor import configured, loads, machine, server, tables, zones
from footfall.verbs.doctor.checking import CHECKS, Check, Examined, Verdict, pass_over
from footfall.verbs.doctor.server import CUT_OFF_S

ROOMS = (configured, machine, server, zones, tables, loads)  # in the order in which they are looked at
MACHINE_S = 10  # seconds for a check of this machine: a network file system may not answer at all


def list_checks() -> list[Check]:
    """List all checks in the order in which they are made."""
    order = [room.__name__ for room in ROOMS]
    return sorted(CHECKS, key=lambda each: order.index(each.look.__module__))


def examine(given: Mapping[str, object]) -> Iterator[tuple[Check, Verdict]]:
    """Make every check and give its verdict at once, as it comes.

    Effects: none on tables and files. An embedded database that exists runs during the checks, as in every verb.
    """
    settings, complaint = _load(given)
    with ExitStack() as opened:
        examined = Examined(settings, given, complaint, opened)
        if settings.database_url is None and not has_libpq_variables():
            examined.embedded_home = settings.home or clients.find_default_home()
        for each in list_checks():
            verdict = _look(each, examined)
            yield each, Verdict(verdict.state, mask(verdict.found), mask(verdict.cure))


def _load(given: Mapping[str, object]) -> tuple[Settings, FootfallError | None]:
    try:
        return load_settings(**given), None
    except SettingsError:
        pass
    try:
        return load_plain_settings(**given), None  # the check `definitions` says what is wrong with them
    except SettingsError as error:
        return load_usable_settings(**given), error


def _look(each: Check, examined: Examined) -> Verdict:
    """Make one check; its verdict is `unknown` if something keeps it from being made."""
    if each.needs != "nothing" and (examined.connection is None or examined.connection.closed):
        return pass_over("no database answers; see `connection`")
    if each.needs == "tables" and examined.version != len(list_migrations()):
        return pass_over("the tables are not those of this Footfall; see `schema`")
    try:
        if each.needs == "nothing":
            return _wait_at_most(each, examined)
        with cut_off(examined.database, CUT_OFF_S), outlive_errors(examined.database):
            return each.look(examined)
    except FootfallError as error:
        return pass_over(f"it could not be looked at: {error.message}")
    except Exception as error:  # noqa: BLE001  (one check that breaks must not hide what the others say)
        return pass_over(f"it could not be looked at: {type(error).__name__}: {error}")


def _wait_at_most(each: Check, examined: Examined) -> Verdict:
    """Make a check of this machine in a thread, and wait for it a bounded time."""
    if each.name == "connection":
        return each.look(examined)  # it has bounds of its own, and starts a server that takes its time
    found: list[Verdict] = []
    failed: list[Exception] = []

    def look() -> None:
        try:
            found.append(each.look(examined))
        except Exception as error:  # noqa: BLE001  (raised again by the caller)
            failed.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(MACHINE_S)
    if failed:
        raise failed[0]
    return found[0] if found else pass_over(f"no answer came within {MACHINE_S} s")
