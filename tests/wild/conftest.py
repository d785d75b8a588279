"""A database for each choice of types of ids, which the tests of a file share: making one takes as long as a load."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emptying import empty_tables as emptied
from wild_running import EmptyTables


@pytest.fixture(scope="module")
def empty_tables(new_database_of_module: Callable[[], str]) -> EmptyTables:
    """Give the conninfo of a database whose tables, if it has any, are of these types of ids and hold nothing."""
    made: dict[tuple[str, ...], str] = {}

    def give(types: tuple[str, ...]) -> str:
        if types not in made:
            made[types] = new_database_of_module()
        return emptied(made[types])

    return give
