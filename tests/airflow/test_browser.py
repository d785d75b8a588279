"""`make airflow` in a real browser: sign in, trigger with the form, see it succeed.

FOOTFALL_SCREENSHOTS=1 also takes the pictures of docs/how-to/run-with-airflow.md anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footfall.postgres.embedded import clients

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs/pictures"
CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = os.environ.get("FOOTFALL_SCREENSHOTS") == "1"  # read now: the tests' environment is scrubbed
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
RUN_WAIT_MS = 900_000
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium: apt-get install -y chromium"),
]


@pytest.fixture
def page() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        # Chromium's sandbox refuses to work for root, as in most containers.
        words = ["--no-sandbox"] if os.geteuid() == 0 else []
        with driver.chromium.launch(executable_path=CHROMIUM, args=words) as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 820}, locale="en-US", timezone_id="UTC")
            page.set_default_timeout(RUN_WAIT_MS)
            yield page


def test_a_run_that_is_triggered_with_the_form_succeeds(standalone: Any, page: Any) -> None:
    home, said = standalone.home, standalone.said
    delivered = home / "three-days"
    delivered.mkdir()
    for day in (1, 2, 3):
        (delivered / f"interactions-2024-03-0{day}.csv").write_text(f"{HEADER}100{day},1,1,click,2024-03-0{day}\n")

    page.goto(said["address"])
    page.get_by_label("Username").fill(said["user"])
    page.locator("input[type=password]").fill(said["password"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_test_id("trigger-dag-button").click()
    page.get_by_role("dialog").locator("#element_folder").fill(str(delivered))
    page.get_by_test_id("trigger-dag-submit").click()
    page.wait_for_url(re.compile("/runs/manual__"))
    header = page.get_by_test_id("header-card").get_by_test_id("state-badge")
    playwright.expect(header).to_have_text(re.compile("Success|Failed"), timeout=RUN_WAIT_MS)

    assert header.inner_text() == "Success"
    playwright.expect(page.get_by_text("interactions-2024-03-02.csv")).to_be_visible()
    with psycopg.connect(clients.find_url(home / "postgresql")) as connection:
        found = connection.execute("select source from loads where status = 'loaded'").fetchall()
    assert {f"interactions-2024-03-0{day}.csv" for day in (1, 2, 3)} <= {Path(source).name for (source,) in found}

    if SCREENSHOTS:
        page.screenshot(path=PICTURES / "airflow-grid.png")
        page.get_by_role("button", name="Show Graph").click()
        page.get_by_role("button", name="Collapse Details Panel").click()
        page.set_viewport_size({"width": 1280, "height": 620})
        page.reload()
        playwright.expect(page.locator(".react-flow").get_by_text("discover")).to_be_visible(timeout=RUN_WAIT_MS)
        page.wait_for_timeout(3000)  # the graph glides to its place
        page.screenshot(path=PICTURES / "airflow-graph.png")
