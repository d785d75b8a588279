"""Text -> text without its secrets."""

from __future__ import annotations

import pytest

from footfall.safe_text import mask, mask_source


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:hunter2@host/db",
        "POSTGRESQL://me:hunter2@host/db",
        "postgresql://me:hunter2@sub@host/db",
        "postgresql://host/db?password=hunter2&sslmode=require",
        "host=x password=hunter2 user=me",
        "host=x PASSWORD = hunter2",
        "host=x password='hunter2 \\' hunter2' user=me",
        "host=x sslpassword=hunter2",
        "https://me:hunter2@host/a.csv",
        "https://hunter2@host/a.csv",
        "https://host/a.csv?X-Amz-Signature=hunter2",
        "https://host/a.csv?a=1&X-Amz-Security-Token=hunter2&b=2",
        "https://host/a.csv?sv=2024&sig=hunter2",
        "https://host/a.csv?%73ig=hunter2",
        "https://host/a.csv?SIGNATURE=hunter2#x",
        "https://host/a.csv?api_key=hunter2;b=1",
        "cannot read https://host/a.csv?token=hunter2 (gone)",
        "abfs://c@account.dfs.core.windows.net/a.csv?sig=hunter2",
        "s3://key:hunter2@bucket/a.csv",
    ],
)
def test_a_secret_is_masked(text: str) -> None:
    assert "hunter2" not in mask(text)
    assert "***" in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me@host:5432/db?sslmode=require",
        "s3://bucket/day/a.csv",
        "abfs://container@account.dfs.core.windows.net/a.csv",
        "https://host:8443/a.csv?day=2024-01-01&part=1",
        "line 3: the header has no column 'action'",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask(text) == text


def test_what_stands_around_a_secret_stays() -> None:
    assert mask("https://host/a.csv?day=1&sig=hunter2&part=2") == "https://host/a.csv?day=1&sig=***&part=2"


def test_the_name_of_a_file_is_shown_as_it_is() -> None:
    assert mask_source("password=1/a?sig=x.csv") == "password=1/a?sig=x.csv"
