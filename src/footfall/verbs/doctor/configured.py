"""Checks of what was set: settings, source definitions, the address."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from footfall.errors import FootfallError, SettingsError
from footfall.options import CALL_VARIABLES
from footfall.postgres.inspection import describe_address
from footfall.settings import FIELDS, LIBPQ_VARIABLES, PREFIX, find_origin, read_definitions
from footfall.verbs.doctor.checking import Examined, Verdict, check, fail, join_names, say_ok, warn

LIKENESS = 0.8  # of 1; an unknown name that is as much like a setting as this is taken for a slip


@check(
    "settings",
    warns="A variable is named almost like a setting, and so is not read.",
    fails="A setting, `.env` or `footfall.toml` cannot be used; no other verb works then.",
)
def look_at_settings(examined: Examined) -> Verdict:
    """The settings of options, variables, `.env` and `footfall.toml`."""
    if examined.complaint is not None:
        return fail(examined.complaint.message, "mend it; until then the settings are taken for their defaults here")
    names = {name.upper() for name in FIELDS} | set(CALL_VARIABLES)
    set_here = sorted(name for name in os.environ if name.upper().startswith(PREFIX))
    slips = []
    for name in set_here:
        rest = name.upper().removeprefix(PREFIX)
        if rest not in names and (close := get_close_matches(rest, names, 1, LIKENESS)):
            slips.append(f"{name} (did you mean {PREFIX}{close[0]}?)")
    files = [name for name in (".env", "footfall.toml") if Path(name).is_file()]
    words = f"read in {Path.cwd()}: {', '.join(files) or 'no file'}"
    words += f"; variables: {join_names(set_here) or 'none'}"
    if slips:
        return warn(f"{words}; nobody reads {', '.join(slips)}", "set the variable by its right name")
    return say_ok(words)


@check("definitions", fails="A source definition cannot be used; no other verb works then.")
def look_at_definitions(_: Examined) -> Verdict:
    """The source definitions of `footfall.toml`."""
    try:
        found = read_definitions()
    except SettingsError as error:
        return fail(error.message, "mend it; docs/reference/source-definitions.md has every key")
    return say_ok(f"{len(found)} in footfall.toml{': ' if found else ''}{join_names(list(found))}")


@check("address", fails="It is none that libpq takes.")
def look_at_address(examined: Examined) -> Verdict:
    """Which database is meant, and which of option, variable, `.env`, file, libpq's variables or none says so."""
    settings = examined.settings
    if examined.embedded_home is not None:
        return say_ok(f"nobody names a database: the embedded one in {examined.embedded_home}")
    if settings.database_url is None:
        names = [name for name in LIBPQ_VARIABLES if os.environ.get(name)]
        origin, conninfo = f"libpq's own variables ({', '.join(names)})", ""
    else:
        origin, conninfo = find_origin("database_url", examined.given), settings.database_url.get_secret_value()
    try:
        words = describe_address(conninfo)
    except FootfallError as error:
        return fail(f"{origin}: {error.message}", "write it as in docs/how-to/named-database.md")
    found = f"{words}, schema {settings.schema_}; from {origin}"
    if settings.database_url is not None and (names := [each for each in LIBPQ_VARIABLES if os.environ.get(each)]):
        found += f"; {', '.join(names)} fill in what it leaves out"
    return say_ok(found)
