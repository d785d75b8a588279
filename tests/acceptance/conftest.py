"""Fixtures: a server of the S3 protocol, an empty store in it, and a way to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from storing import Way, emptied, serving_objects, way_to


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A server of the S3 protocol in a process of its own: its address."""
    with serving_objects() as address:
        yield address


@pytest.fixture
def store(server: str) -> Iterator[Any]:
    """A client of an empty store with the bucket `inbox`."""
    with emptied(server) as client:
        yield client


@pytest.fixture
def way(server: str) -> Iterator[Way]:
    """A way to the server that a test can disturb."""
    with way_to(server) as found:
        yield found
