"""What may pass to the page, and what its answers carry."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from footfall.page.guard import COOKIE, POLICY
from footfall.settings import Settings, load_settings
from opening import open_page

TOKEN = "0123456789abcdef"


@pytest.fixture
def nowhere() -> Settings:
    """The settings of a database that nobody serves: the guard asks none."""
    return load_settings(database_url="host=/nowhere dbname=none")


@pytest.fixture
def client(nowhere: Settings) -> TestClient:
    return open_page(nowhere)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8765", "localhost:9000", "LOCALHOST", "localhost.", "[::1]:8765"]
)
def test_the_page_answers_to_the_names_of_loopback(client: TestClient, host: str) -> None:
    assert client.get("/static/footfall.css", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "127.0.0.1:8765:1", "", "[::2]", "127.0.0.1/"],
)
def test_a_foreign_name_is_refused_before_anything_is_routed(client: TestClient, host: str) -> None:
    for path in ("/", "/static/footfall.css", "/nowhere"):
        answered = client.get(path, headers={"Host": host})
        assert answered.status_code == 400, path
        assert "--allowed-host" in answered.text


def test_two_names_are_refused(client: TestClient) -> None:
    answered = client.get("/", headers=[("Host", "localhost"), ("Host", "evil.example")])
    assert answered.status_code == 400


def test_an_allowed_name_passes_and_no_other(nowhere: Settings) -> None:
    client = open_page(nowhere, allowed_hosts=("Footfall.Example",))
    assert client.get("/static/icon.svg", headers={"Host": "footfall.example:443"}).status_code == 200
    assert client.get("/static/icon.svg", headers={"Host": "other.example"}).status_code == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_whatever_is_not_reading_is_refused(client: TestClient, method: str) -> None:
    answered = client.request(method, "/")
    assert (answered.status_code, answered.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/static/footfall.js", "/nowhere", "/trends?nothing=1", "/"])
def test_every_answer_has_the_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert path.startswith("/static") or headers["Cache-Control"] == "no-store"


def test_another_site_gets_no_answer_but_may_link_here(client: TestClient) -> None:
    asked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert client.get("/query/per-day.json", headers=asked).status_code == 403
    assert client.get("/", headers={**asked, "Sec-Fetch-Site": "same-site"}).status_code == 403
    framed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    assert client.get("/static/icon.svg", headers=framed).status_code == 403
    followed = {**framed, "Sec-Fetch-Dest": "document"}
    assert client.get("/static/icon.svg", headers=followed).status_code == 200
    assert client.get("/static/icon.svg", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_without_the_token_nothing_is_shown(nowhere: Settings) -> None:
    client = open_page(nowhere, token=TOKEN)
    for path in ("/", "/static/footfall.css", f"/?token={TOKEN}0", "/?token="):
        assert client.get(path).status_code == 401, path
    assert client.get("/", headers={"Cookie": f"{COOKIE}=wrong"}).status_code == 401


def test_the_token_of_the_address_becomes_a_strict_cookie_and_leaves_the_address(nowhere: Settings) -> None:
    client = open_page(nowhere, token=TOKEN)
    answered = client.get(f"/trends?per=week&token={TOKEN}&action=a%26b")
    assert answered.status_code == 200
    cookie = answered.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    found = re.search('url=([^"]+)"', answered.text)
    assert found is not None
    assert found[1] == "/trends?per=week&amp;action=a%26b"
    assert client.get("/static/footfall.css").status_code == 200  # the cookie came along


def test_the_token_leads_nowhere_else(nowhere: Settings) -> None:
    for path in ("//evil.example/", "/%2F%2Fevil.example/", '/"><script>alert(1)</script>'):
        text = open_page(nowhere, token=TOKEN).get(f"http://127.0.0.1:8765{path}?token={TOKEN}").text
        found = re.search('url=([^"]+)"', text)
        assert found is not None
        assert re.match(r"/(?!/)", found[1]), found[1]
        assert "<script" not in text
