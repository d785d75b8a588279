"""What each SQLSTATE and each class of the driver's errors becomes: our class of error, retryable or not, its cure."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from psycopg import errors

from footfall.errors import DatabaseBusyError, DatabaseUnavailableError, FootfallError, SchemaError, SettingsError
from footfall.postgres import faults

# By class of SQLSTATE, or by SQLSTATE where it differs from its class. All others are unforeseen: FootfallError.
EXPECTED: dict[str, type[FootfallError]] = {
    "08": DatabaseUnavailableError,
    "25006": SettingsError,
    "25P03": DatabaseUnavailableError,
    "25P04": DatabaseUnavailableError,
    "28": DatabaseUnavailableError,
    "3D": DatabaseUnavailableError,
    "3F": SchemaError,
    "40": DatabaseUnavailableError,
    "40002": FootfallError,
    "42501": SchemaError,
    "42703": SchemaError,
    "42710": SchemaError,
    "42723": SchemaError,
    "42809": SchemaError,
    "42883": SchemaError,
    "42P01": SchemaError,
    "42P06": SchemaError,
    "42P07": SchemaError,
    "42P10": SchemaError,
    "53": DatabaseUnavailableError,
    "53400": SettingsError,
    "55006": DatabaseBusyError,
    "55P03": DatabaseBusyError,
    "57": DatabaseUnavailableError,
    "58000": DatabaseUnavailableError,
    "58030": DatabaseUnavailableError,
    "72": DatabaseUnavailableError,
}
# Which of them say that the database was lost: no other may, since somebody would look at the network.
LOST = {"08"}
CODES = sorted(code for code in errors._sqlcodes if re.fullmatch(r"[0-9A-Z]{5}", code) and re.search(r"\d", code))
CLIENT_SIDE = {
    errors.OperationalError: DatabaseUnavailableError,
    errors.ConnectionTimeout: DatabaseUnavailableError,
    errors.CancellationTimeout: DatabaseUnavailableError,
    errors.PipelineAborted: DatabaseUnavailableError,
    errors.Error: FootfallError,
    errors.InterfaceError: FootfallError,
    errors.DatabaseError: FootfallError,
    errors.DataError: FootfallError,
    errors.IntegrityError: FootfallError,
    errors.InternalError: FootfallError,
    errors.ProgrammingError: FootfallError,
    errors.NotSupportedError: FootfallError,
}


def test_the_codes_are_those_of_postgresql() -> None:
    assert len(CODES) > 240
    assert {"08P01", "25P04", "53400", "57P05", "XX002"} <= set(CODES)


def test_every_expectation_is_about_a_code_that_there_is() -> None:
    assert [code for code in EXPECTED if not any(known.startswith(code) for known in CODES)] == []
    assert [code for code in faults.CAUSES if not any(known.startswith(code) for known in CODES)] == []


@pytest.mark.parametrize("code", CODES)
def test_each_sqlstate_has_its_class_of_error_and_a_cure(code: str) -> None:
    found = faults.to_footfall_error(errors.lookup(code)("what the server says"))
    expected = EXPECTED.get(code) or EXPECTED.get(code[:2]) or FootfallError
    assert type(found) is expected
    assert found.retryable is issubclass(expected, DatabaseUnavailableError)
    assert "what the server says" in found.message
    assert ("was lost" in found.message) == (code[:2] in LOST)
    if expected is not FootfallError:
        assert found.message.index("what the server says") < found.message.rindex("; ")  # the cure comes last


def client_side_classes() -> set[type[Any]]:
    """Give the classes of the driver's errors that have no SQLSTATE."""
    found = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, psycopg.Error)}
    return {each for each in found if each.sqlstate is None and not each.__name__.startswith("_")}


def test_each_class_of_the_driver_without_a_sqlstate_is_decided() -> None:
    assert client_side_classes() == set(CLIENT_SIDE)


@pytest.mark.parametrize("kind", CLIENT_SIDE, ids=lambda kind: kind.__name__)
def test_an_error_without_a_sqlstate_is_a_lost_connection_only_where_the_driver_says_so(kind: type[Any]) -> None:
    assert type(faults.to_footfall_error(kind("words"))) is CLIENT_SIDE[kind]


def test_no_cause_repeats_another() -> None:
    told = [cause.make_error("text").message for cause in set(faults.CAUSES.values())]
    assert len(told) == len(set(told))
