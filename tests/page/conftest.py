"""A page over a database with a story, and a client that asks it as a browser would."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from footfall.settings import Settings, load_settings
from footfall.verbs import load as load_verb
from opening import open_page
from story import write_story

# People of the story: few, but where pictures are taken.
USERS = 1_800 if os.environ.get("FOOTFALL_SCREENSHOTS") == "1" else 300


@pytest.fixture(scope="module")
def story(new_database_of_module: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a database with a shop's spring; tests read it only."""
    settings = load_settings(database_url=new_database_of_module())
    with chdir(tmp_path_factory.mktemp("story")):  # no picture shows a folder of this machine
        load_verb.load([str(path) for path in write_story(Path("data"), users=USERS)], settings)
    return settings


@pytest.fixture
def page(story: Settings) -> Iterator[TestClient]:
    with open_page(story) as client:
        yield client


@pytest.fixture
def sample(settings: Settings) -> Settings:
    """The settings of a database that holds data/sample.csv."""
    load_verb.load([str(Path(__file__).resolve().parents[2] / "data/sample.csv")], settings)
    return settings
