"""Fixtures of the properties: tables that are empty again for each example."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emptying import empty_tables
from footfall.settings import load_settings
from footfall.verbs import schema as schema_verb


@pytest.fixture(scope="module")
def emptied_database(new_database_of_module: Callable[[], str]) -> Callable[[], str]:
    """Empty the tables of one database of the module: a new database for each example would take most of the time."""
    conninfo = new_database_of_module()
    schema_verb.upgrade_schema(load_settings(database_url=conninfo))
    return lambda: empty_tables(conninfo)
