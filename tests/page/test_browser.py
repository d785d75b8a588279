"""The page in a real browser: looked at, clicked by keyboard, with JavaScript and without, small and dark.

FOOTFALL_SCREENSHOTS=1 also takes the pictures of docs/pictures anew.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from footfall.settings import Settings

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs/pictures"
CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = os.environ.get("FOOTFALL_SCREENSHOTS") == "1"  # read now: the tests' environment is scrubbed
SCREENS = {
    "overview": "/",
    "trends": "/trends",
    "funnel": "/funnel?steps=view,add_to_cart,purchase",
    "retention": "/retention",
    "sessions": "/sessions",
    "products": "/products",
    "product": "/products/1",
    "user": "/users/3",
    "loads": "/loads",
    "load": "/loads/1",
    "rejects": "/rejects",
}
AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text(encoding="utf-8")
# What sets a style by script is no page's business here, so axe itself is let in past the policy by the browser.
RUN_AXE = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium: apt-get install -y chromium"),
]


@pytest.fixture(scope="module")
def address(story: Settings) -> Iterator[str]:
    """`footfall serve` over the story, as its users start it."""
    assert story.database_url is not None
    environment = os.environ | {"FOOTFALL_DATABASE_URL": story.database_url.get_secret_value()}
    command = [sys.executable, "-m", "footfall.cli", "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0].rstrip("/")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        # Chromium's sandbox refuses to work for root, as in most containers.
        words = ["--no-sandbox"] if os.geteuid() == 0 else []
        with driver.chromium.launch(executable_path=CHROMIUM, args=words) as browser:
            yield browser


@pytest.fixture(scope="module")
def open_tab(browser: Any, address: str) -> Callable[..., tuple[Any, list[str]]]:
    """Open a tab that notes what it should not see: foreign requests, and anything on its console."""

    def open_one(**options: Any) -> tuple[Any, list[str]]:
        given = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "timezone_id": "UTC", **options}
        context = browser.new_context(base_url=address, **given)
        tab = context.new_page()
        tab.set_default_timeout(300_000)
        seen: list[str] = []
        tab.on("console", lambda message: seen.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: seen.append(f"error: {error}"))
        tab.on(
            "request",
            lambda request: (
                seen.append(f"foreign: {request.url}") if not request.url.startswith((address, "data:")) else None
            ),
        )
        return tab, seen

    return open_one


@pytest.fixture
def new_tab(open_tab: Callable[..., tuple[Any, list[str]]]) -> Iterator[Callable[..., Any]]:
    """Open tabs of this test alone, with nothing kept from others."""
    opened: list[tuple[Any, list[str]]] = []

    def open_one(**options: Any) -> Any:
        opened.append(open_tab(**options))
        return opened[-1][0]

    yield open_one
    for tab, seen in opened:
        tab.context.close()
        assert seen == []


@pytest.fixture(scope="module")
def kept_tabs(open_tab: Callable[..., tuple[Any, list[str]]]) -> Iterator[dict[bool, tuple[Any, list[str]]]]:
    """A tab with JavaScript and one without, in which one screen is opened after the other, as people do."""
    made = {has_scripts: open_tab(java_script_enabled=has_scripts) for has_scripts in (True, False)}
    yield made
    for tab, _ in made.values():
        tab.context.close()


@pytest.fixture
def tabs(kept_tabs: dict[bool, tuple[Any, list[str]]]) -> Iterator[dict[bool, Any]]:
    yield {has_scripts: tab for has_scripts, (tab, _) in kept_tabs.items()}
    found = [said for _, seen in kept_tabs.values() for said in seen]
    for _, seen in kept_tabs.values():
        seen.clear()
    assert found == []


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_breaks_no_rule_of_accessibility_light_or_dark_and_fits_a_small_window_and_400_per_cent(
    new_tab: Callable[..., Any], name: str
) -> None:
    tab = new_tab(
        color_scheme="dark"
    )  # one tab for all: a screen asks the server much, and its looks are the browser's
    tab.goto(SCREENS[name])
    # First as it opens in a small window, then with all that can be opened.
    tab.set_viewport_size({"width": 320, "height": 640})
    assert tab.evaluate("document.documentElement.scrollWidth") == 320
    tab.evaluate(AXE)
    assert_accessible(tab)
    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        assert tab.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
        assert_accessible(tab)


def assert_accessible(tab: Any) -> None:
    said = [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in tab.evaluate(RUN_AXE)]
    assert said == [], json.dumps(said, indent=1)


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_whole_without_javascript(tabs: dict[bool, Any], name: str) -> None:
    plain, full = tabs[False], tabs[True]
    plain.goto(SCREENS[name])
    full.goto(SCREENS[name])
    for what in ("section", "svg.chart", "table", "form", "h2"):
        assert plain.locator(what).count() == full.locator(what).count(), what
    assert plain.locator("h2").all_inner_texts() == full.locator("h2").all_inner_texts()
    assert not [
        each for each in plain.locator("button").all() if each.is_visible() and each.inner_text() in ("Copy", "PNG")
    ]


def test_the_keyboard_reaches_the_content_the_links_and_the_form(new_tab: Callable[..., Any]) -> None:
    tab = new_tab()
    tab.goto("/trends")
    reached = []
    for _ in range(9):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("document.activeElement.textContent.trim()"))
    assert reached == [
        "Skip to the content",
        "Footfall",
        "Overview",
        "Trends",
        "Funnel",
        "Retention",
        "Sessions",
        "Products and users",
        "Loads",
    ]
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.name") == "since"
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.name") == "since"


def test_the_skip_link_is_seen_when_it_is_reached_and_leads_to_the_content(new_tab: Callable[..., Any]) -> None:
    tab = new_tab()
    tab.goto("/")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"


def test_a_form_writes_what_was_chosen_into_the_address(new_tab: Callable[..., Any]) -> None:
    tab = new_tab()
    tab.goto("/trends")
    tab.get_by_label("Action", exact=True).select_option("purchase")
    tab.get_by_label("Per", exact=True).select_option("week")
    tab.get_by_role("button", name="Show").click()
    tab.wait_for_url("**/trends?action=purchase&per=week")
    assert tab.get_by_role("heading", name="Interactions per week").is_visible()


def test_steps_of_a_funnel_are_chosen_by_keyboard(new_tab: Callable[..., Any]) -> None:
    tab = new_tab()
    tab.goto("/funnel?steps=view,purchase")
    tab.get_by_label("Step 2", exact=True).focus()
    tab.get_by_label("Step 2", exact=True).select_option("add_to_cart")
    tab.get_by_label("Step 3", exact=True).select_option("purchase")
    tab.locator("form.steps").get_by_role("button", name="Show").press("Enter")
    tab.wait_for_url("**steps=view&steps=add_to_cart&steps=purchase**")


def test_a_chart_is_saved_as_a_picture(new_tab: Callable[..., Any]) -> None:
    tab = new_tab()
    tab.goto("/trends")
    section = tab.locator("section#count")
    section.locator("details.behind > summary").click()
    with tab.expect_download() as download:
        section.get_by_role("button", name="PNG").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_the_first_paint_is_early(new_tab: Callable[..., Any]) -> None:
    tab = new_tab()
    tab.goto("/loads")
    tab.goto("/")
    assert tab.evaluate("performance.getEntriesByName('first-contentful-paint').length") == 1


def test_a_page_prints(new_tab: Callable[..., Any]) -> None:
    tab = new_tab()
    tab.goto("/")
    tab.emulate_media(media="print")
    assert not tab.locator("nav").is_visible()
    assert tab.locator("#trust").is_visible()


@pytest.mark.skipif(not SCREENSHOTS, reason="FOOTFALL_SCREENSHOTS=1 takes pictures")
@pytest.mark.parametrize("name", ["overview", "trends", "funnel", "retention", "sessions", "loads"])
def test_pictures_are_taken(new_tab: Callable[..., Any], name: str) -> None:
    tab = new_tab(viewport={"width": 1120, "height": 1380})
    tab.goto(SCREENS[name])
    tab.screenshot(path=PICTURES / f"page-{name}.png")
    if name == "overview":
        tab.emulate_media(color_scheme="dark")
        tab.screenshot(path=PICTURES / f"page-{name}-dark.png")
        tab.set_viewport_size({"width": 360, "height": 780})
        tab.emulate_media(color_scheme="light")
        tab.screenshot(path=PICTURES / f"page-{name}-small.png")
