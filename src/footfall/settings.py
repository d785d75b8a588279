"""The only reader of the environment and of settings files.

Order: what is given by keyword > FOOTFALL_* variables > `.env` > `footfall.toml` > default; both files in the working
folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError, field_validator

from footfall.contract.bound import MaxRejected
from footfall.contract.definition import OWN_FORM, SourceDefinition
from footfall.contract.ids import IdType, IdTypes
from footfall.contract.terms import Contract
from footfall.errors import SettingsError

if TYPE_CHECKING:
    from footfall.telling.wanted import Notify

PREFIX = "FOOTFALL_"
DOTENV_FILE = Path(".env")
TOML_FILE = Path("footfall.toml")
DEFINITIONS = "sources"  # the table of footfall.toml that holds source definitions
NOTIFY = "notify"  # the table of footfall.toml that says who is told of what
TABLES = (DEFINITIONS, NOTIFY)
OPTIONS = {
    "database_url": "--database",
    "schema": "--schema",
    "source": "--source",
    "delimiter": "--delimiter",
    "max_rejected": "--max-rejected",
    "reporting_time_zone": "--reporting-time-zone",
    "workers": "--workers",
    "engine": "--engine",
    "master": "--master",
    "scheduler": "--scheduler",
}
LIBPQ_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE")
SCHEMA_BYTES_MAX = 63  # bytes; PostgreSQL cuts longer names (NAMEDATALEN - 1), and a cut name is another name
# Names of zones that PostgreSQL takes for fixed offsets, or does not know; a test compares all the others.
ABBREVIATIONS = ("CET", "EET", "MET", "WET", "localtime")
TIMEOUT_SECONDS_MAX = 2_000_000  # seconds; a server's time-outs are 32-bit numbers of milliseconds
WORKERS_MAX = 1_000  # processes; as many as a file has ranges
FUTURE_SECONDS_MAX = 100 * 366 * 86_400  # seconds; a hundred years, far from the end of the calendar


class Settings(BaseModel):
    """Every setting, checked: those that are given, and defaults for the rest.

    `load_settings` reads them from all their places, and says in words what is wrong.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    database_url: SecretStr | None = None
    schema_: str = Field("public", validation_alias="FOOTFALL_SCHEMA")
    home: Path | None = None
    source: str | None = None
    delimiter: str | None = None
    max_rejected: MaxRejected | None = None
    source_time_zone: str = "UTC"
    reporting_time_zone: str = "UTC"
    actions: tuple[str, ...] | None = None
    max_future_seconds: int | None = Field(None, ge=0, le=FUTURE_SECONDS_MAX)
    lock_wait_seconds: int = Field(600, ge=0, le=TIMEOUT_SECONDS_MAX)
    memory_limit_mb: int = Field(512, ge=128)
    query_timeout_seconds: int = Field(60, ge=0, le=TIMEOUT_SECONDS_MAX)
    queries_folder: Path | None = None
    retry: bool = False
    rehash: bool = False
    interaction_id_type: IdType | None = None
    user_id_type: IdType | None = None
    product_id_type: IdType | None = None
    log_format: Literal["text", "json"] = "text"
    workers: int = Field(1, ge=1, le=WORKERS_MAX)
    engine: Literal["processes", "spark", "dask"] = "processes"
    master: SecretStr | None = None
    scheduler: str | None = None
    range_mb: int | None = Field(None, ge=1)
    stager_url: SecretStr | None = None
    stager_role: str | None = None

    _definitions: dict[str, SourceDefinition] = PrivateAttr(default_factory=dict)
    _notify: Any = PrivateAttr(None)  # a Notify or None, whose module most commands never import

    @property
    def id_types(self) -> IdTypes:
        """The types of ids where no tables are there that say them: bigint where nothing is set."""
        return IdTypes(
            self.interaction_id_type or "bigint", self.user_id_type or "bigint", self.product_id_type or "bigint"
        )

    @property
    def contract(self) -> Contract:
        """The terms by which rows of Footfall's own form are judged."""
        own = replace(OWN_FORM, delimiter=self.delimiter)
        return Contract(own, self.source_time_zone, self.actions, self.max_future_seconds)

    @property
    def definitions(self) -> Mapping[str, SourceDefinition]:
        """The source definitions of footfall.toml, by name."""
        return self._definitions

    @property
    def notify(self) -> Notify | None:
        """Who is told of what, as footfall.toml says; None where nobody is."""
        return cast("Notify | None", self._notify)

    @property
    def matches(self) -> tuple[str, ...]:
        """The patterns of the paths that source definitions are for: a folder gives what they fit, too."""
        return tuple(pattern for definition in self._definitions.values() for pattern in definition.match)

    @field_validator("schema_")
    @classmethod
    def _check_schema(cls, name: str) -> str:
        if not name or len(name.encode(errors="replace")) > SCHEMA_BYTES_MAX or "\0" in name:
            raise ValueError(f"a schema's name has 1 to {SCHEMA_BYTES_MAX} bytes and no NUL")
        if name.startswith("pg_") or name == "information_schema":
            raise ValueError(f"{name!r} is PostgreSQL's own; name another schema")
        return name

    @field_validator("home", "queries_folder", mode="before")
    @classmethod
    def _check_folder(cls, folder: object) -> object:
        if isinstance(folder, str | Path):
            if not str(folder) or "\0" in str(folder):
                raise ValueError("the name of a folder is wanted; leave it out for the default")
            return Path(folder).expanduser()
        return folder

    @field_validator("delimiter", mode="before")
    @classmethod
    def _check_delimiter(cls, text: object) -> object:
        if not isinstance(text, str):
            return text
        mark = "\t" if text.lower() in ("\\t", "tab") else text
        if len(mark) != 1:
            raise ValueError(f"{text!r} is not one character; write the character itself, or tab for TAB")
        if mark.isalnum() or mark in "\"'\r\n\0 +-:.":
            raise ValueError(
                f"{text!r} cannot be told apart from what stands in a row: letters, digits, quotes, line ends, spaces, "
                "NUL and + - : . occur in values; use , or ; or | or tab"
            )
        if not mark.isprintable() and ord(mark) > 127:
            raise ValueError(f"{text!r} is not a visible character; use , or ; or | or tab")
        return mark

    @field_validator("max_rejected", mode="before")
    @classmethod
    def _parse_max_rejected(cls, bound: object) -> object:
        return bound if isinstance(bound, MaxRejected | None) else MaxRejected.parse(str(bound))

    @field_validator("source_time_zone", "reporting_time_zone")
    @classmethod
    def _check_time_zone(cls, name: str) -> str:
        if name == "UTC":
            return name
        import zoneinfo  # looks through all of them, and most settings name none

        if name not in (known := zoneinfo.available_timezones()):
            raise ValueError(
                f"{name!r} is not a time zone; write one such as Europe/Vienna{_did_you_mean(name, known)}"
            )
        return name

    @field_validator("reporting_time_zone")
    @classmethod
    def _check_reporting_zone(cls, name: str) -> str:
        if name in ABBREVIATIONS:
            raise ValueError(
                f"{name!r} is an abbreviation to PostgreSQL, without summer time; name a city, such as Europe/Brussels"
            )
        return name

    @field_validator("actions", mode="before")
    @classmethod
    def _parse_actions(cls, given: object) -> object:
        if isinstance(given, str):
            if given.lstrip().startswith("["):
                import json

                try:
                    given = json.loads(given)
                except ValueError as error:
                    raise ValueError('not a JSON list; write ["click", "hover"] or click,hover') from error
            else:
                given = [name for name in given.split(",") if name.strip()]
        if not isinstance(given, list | tuple):
            return given
        if not given or not all(isinstance(name, str) and name.strip(" \t") for name in given):
            raise ValueError("a list of action names is wanted; leave it out to allow every action")
        # Sorted: the same allow-list in another order is the same contract.
        return tuple(sorted({name.strip(" \t") for name in given}))


FIELDS: dict[str, str] = {name.rstrip("_"): name for name in Settings.model_fields}  # name for people -> attribute


def load_settings(**overrides: object) -> Settings:
    """Give the settings in force. An override that is None was not given.

    Effects: reads the environment, `.env` and `footfall.toml`.
    Raises: SettingsError naming the option, variable or file and the cure; it never holds the database's address.
    """
    settings = load_plain_settings(**overrides)
    settings._definitions.update(read_definitions())
    settings._notify = _read_notify()
    return settings


def load_plain_settings(**overrides: object) -> Settings:
    """Give the settings in force, without the source definitions. Raises: SettingsError."""
    given = {FIELDS.get(name, name): value for name, value in overrides.items() if value is not None}
    for name in given:
        if name not in FIELDS.values():
            raise SettingsError(f"there is no setting {name!r}{_did_you_mean(name, FIELDS)}")
    dotenv, toml = _read_dotenv(), _read_toml()
    try:
        return Settings(**(toml | dotenv | _read_environment() | given))
    except ValidationError as error:
        # `from None`: pydantic's own text is not shown anywhere, whatever -v asks for.
        raise SettingsError("; ".join(_explain(each, given) for each in error.errors(include_input=False))) from None


def make_settings(**values: Any) -> Settings:
    """Give settings of these values, by attribute, and defaults for the rest: nothing else is read."""
    return Settings(**values)


def load_usable_settings(**overrides: object) -> Settings:
    """Give address, schema and home as far as they can be read, and defaults for the rest, where others are wrong."""
    values: dict[str, Any] = {}
    for field in ("database_url", "schema_", "home"):
        name = field.rstrip("_")
        places: list[Mapping[str, Any]] = [overrides, {name: os.environ.get(PREFIX + name.upper())}]
        for read in (_read_dotenv, _read_toml):
            with suppress(SettingsError):
                places.append(read())
        for place in places:
            if value := place.get(name) or place.get(field):
                with suppress(ValidationError):
                    Settings(**{field: value})
                    values[field] = value
                break
    return Settings(**values)


def _explain(error: Any, given: dict[str, object]) -> str:
    name = str(error["loc"][0]).lower().removeprefix(PREFIX.lower()).rstrip("_")
    cause = error.get("ctx", {}).get("error")
    reason = str(cause) if cause is not None else str(error["msg"])
    return f"{find_origin(name, given)}: {reason[0].lower() if cause is None else reason[0]}{reason[1:]}"


def find_origin(name: str, given: Mapping[str, object]) -> str:
    """Say in words where a setting's value comes from, of which one is given somewhere."""
    variable = PREFIX + name.upper()
    if FIELDS.get(name, name) in given:
        return f"{OPTIONS[name]} ({variable})" if name in OPTIONS else variable
    if any(key.upper() == variable and value for key, value in os.environ.items()):
        return f"{variable} in the environment"
    if FIELDS.get(name, name) in _read_dotenv():
        return f"{variable} in {DOTENV_FILE}"
    return f"{name} in {TOML_FILE}"


def _read_environment() -> dict[str, Any]:
    """Read the variables, in whatever case they are written; an empty one is as good as none."""
    found = {key.upper(): value for key, value in os.environ.items() if value}
    return {field: found[name] for field in FIELDS.values() if (name := PREFIX + field.rstrip("_").upper()) in found}


def _read_dotenv() -> dict[str, Any]:
    if not DOTENV_FILE.is_file():
        return {}
    import dotenv  # heavy, and most folders have no such file

    from footfall.options import CALL_VARIABLES

    try:
        found = dotenv.dotenv_values(DOTENV_FILE, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"{DOTENV_FILE} cannot be read ({_describe_why(error)}); mend it or take it away"
        ) from error
    values: dict[str, Any] = {}
    for key, value in found.items():
        if not key.upper().startswith(PREFIX):
            continue
        name = key.upper().removeprefix(PREFIX)
        if name in CALL_VARIABLES:
            raise SettingsError(
                f"{key} in {DOTENV_FILE}: this one is for a single call; set it in the environment instead"
            )
        if name.lower() not in FIELDS:
            known = [PREFIX + field.upper() for field in FIELDS]
            raise SettingsError(f"{key} in {DOTENV_FILE} is not a setting{_did_you_mean(key.upper(), known)}")
        if value:
            values[FIELDS[name.lower()]] = value
    return values


def _read_toml() -> dict[str, Any]:
    found = _parse_toml()
    for key, value in found.items():
        if key == "source" and isinstance(value, dict):
            raise SettingsError(f"[{key}.NAME] in {TOML_FILE}: the table of a definition is [{DEFINITIONS}.NAME]")
        if key not in FIELDS and key not in TABLES:
            guess = key.lower().replace("-", "_").removeprefix(PREFIX.lower())
            raise SettingsError(f"{key} in {TOML_FILE} is not a setting{_did_you_mean(guess, FIELDS)}")
    return {FIELDS[key]: value for key, value in found.items() if key not in TABLES}


def read_definitions() -> dict[str, SourceDefinition]:
    """Read the tables `[sources.NAME]` of footfall.toml."""
    tables = _parse_toml().get(DEFINITIONS, {})
    if not isinstance(tables, dict) or not all(isinstance(values, dict) for values in tables.values()):
        raise SettingsError(f"{DEFINITIONS} in {TOML_FILE}: a definition is a table of its own, [{DEFINITIONS}.NAME]")
    if not tables:
        return {}
    from footfall.contract.built_in import is_time_zone
    from footfall.contract.parsing import parse_definition

    file = str(TOML_FILE)
    return {name: parse_definition(name, values, file, is_time_zone=is_time_zone) for name, values in tables.items()}


def _read_notify() -> Notify | None:
    """Read the table `[notify]` of footfall.toml."""
    table = _parse_toml().get(NOTIFY)
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{NOTIFY} in {TOML_FILE}: who is told of what is a table of its own, [{NOTIFY}]")
    if table is None:
        return None
    from footfall.telling.wanted import parse_notify

    return parse_notify(table, str(TOML_FILE), os.environ)


def _parse_toml() -> dict[str, Any]:
    if not TOML_FILE.is_file():
        return {}
    import tomllib

    try:
        return tomllib.loads(TOML_FILE.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        # Only the place: the text around it may be a password.
        place = re.search(r"line \d+, column \d+", str(error))
        where = f" at {place.group()}" if place else ""
        raise SettingsError(
            f'{TOML_FILE} is not TOML{where}; a setting reads name = "value", see footfall.example.toml'
        ) from None
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{TOML_FILE} cannot be read ({_describe_why(error)}); mend it or take it away") from error


def _describe_why(error: OSError | UnicodeError) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else "it is not UTF-8"


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(names)}" if len(names) <= 20 else ""


def has_libpq_variables() -> bool:
    """Say whether one of libpq's own variables names a database."""
    return any(os.environ.get(name) for name in LIBPQ_VARIABLES)
