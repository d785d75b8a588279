"""The source definitions that come with Footfall. Each is a TOML file in `presets/`, with its keys at the top level."""

from __future__ import annotations

import tomllib
import zoneinfo
from functools import cache
from importlib.resources import files

from footfall.contract.definition import OWN_FORM, OWN_NAME, SourceDefinition
from footfall.contract.parsing import parse_definition

ENDING = ".toml"


@cache
def list_built_in() -> tuple[str, ...]:
    """List the names of the built-in definitions: Footfall's own form first, then the others by name."""
    folder = files("footfall.contract").joinpath("presets")
    names = sorted(file.name.removesuffix(ENDING) for file in folder.iterdir() if file.name.endswith(ENDING))
    return (OWN_NAME, *names)


def read_built_in_text(name: str) -> str:
    """Give the TOML of a built-in definition. Raises: FileNotFoundError where there is none of that name."""
    return files("footfall.contract").joinpath("presets", f"{name}{ENDING}").read_text(encoding="utf-8")


@cache
def find_built_in(name: str) -> SourceDefinition | None:
    """Give a built-in definition, or None where there is none of that name."""
    if name == OWN_NAME:
        return OWN_FORM
    if name not in list_built_in():
        return None
    values = tomllib.loads(read_built_in_text(name))
    return parse_definition(name, values, f"presets/{name}{ENDING}", is_time_zone=is_time_zone)


def is_time_zone(name: str) -> bool:
    """Say whether a time zone of this name is known."""
    return name == "UTC" or name in zoneinfo.available_timezones()
