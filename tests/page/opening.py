"""A client that asks the page as a browser would."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from footfall.page.app import make_app
from footfall.settings import Settings

ADDRESS = "http://127.0.0.1:8765"


def open_page(settings: Settings, **options: Any) -> TestClient:
    return TestClient(make_app(settings, **options), base_url=ADDRESS)
