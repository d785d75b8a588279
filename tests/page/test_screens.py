"""Each screen in each state: what it shows, and that it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from starlette.testclient import TestClient

from footfall.answers.kept import Keeper
from footfall.page import reading
from footfall.page.report.making import Options, make_report
from footfall.page.screens import loads
from footfall.settings import Settings, load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb
from opening import open_page

SCREENS = ("/", "/trends", "/funnel", "/retention", "/sessions", "/products", "/loads", "/rejects", "/users")
ONES = ("/products/1", "/users/1", "/loads/1", "/trends?by=action", "/trends?per=week", "/trends?per=month")
EMPTY_ELEMENTS = {"meta", "link", "input", "br", "img", "hr", "path", "rect", "circle", "line"}
HOSTILE_ACTION = "<script>alert(1)</script>"
HOSTILE_SOURCE = 'data "o\'ne" <b>&amp;.csv'
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"


class Outline(HTMLParser):
    """What a page is made of: its elements in order, its ids, and the texts of its code."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.text = ""  # what is read on the page, without code, which is as it is

    def handle_data(self, data: str) -> None:
        if not {"code", "pre"} & {*self.open}:
            self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY_ELEMENTS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        elif tag not in EMPTY_ELEMENTS:
            self.faults.append(f"</{tag}> closes {self.open[-1:]}")

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def outline(text: str) -> Outline:
    found = Outline()
    found.feed(text)
    found.close()
    return found


def assert_sound(text: str) -> Outline:
    """Assert what holds for every page, whatever it shows."""
    found = outline(text)
    assert found.faults == []
    assert found.open == [], "an element is never closed"
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids)), [each for each in ids if ids.count(each) > 1]
    assert len(found.named("h1")) == 1
    for tag, attributes in found.elements:
        assert "style" not in attributes, (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("href", "src", "action", "hx-get"):
            assert re.match(r"[/#?]|$", attributes.get(name) or ""), (tag, attributes)
            assert not (attributes.get(name) or "").startswith("//"), (tag, attributes)
    scripts = found.named("script")
    assert all((each.get("src") or "").startswith("/static/") for each in scripts)
    assert len(scripts) == 2
    return found


@pytest.mark.parametrize("path", SCREENS + ONES)
def test_a_screen_of_a_story_is_sound(page: TestClient, path: str) -> None:
    answered = page.get(path)
    assert answered.status_code == 200
    assert answered.headers["Content-Type"] == "text/html; charset=utf-8"
    found = assert_sound(answered.text)
    assert "Traceback" not in answered.text
    current = [
        each
        for each in found.named("a")
        if each.get("aria-current") in ("page", "true") and "/" in (each["href"] or "")
    ]
    assert current, "one of the seven links is that of the screen"


@pytest.fixture(scope="module")
def empty(new_database_of_module: Callable[[], str]) -> Settings:
    settings = load_settings(database_url=new_database_of_module())
    schema_verb.upgrade_schema(settings)
    return settings


@pytest.mark.parametrize("path", SCREENS)
def test_a_screen_of_an_empty_database_says_what_to_load(empty: Settings, path: str) -> None:
    answered = open_page(empty).get(path)
    assert answered.status_code == 200
    assert_sound(answered.text)
    if path not in ("/loads", "/rejects"):
        assert "footfall load data/sample.csv" in answered.text
        assert 'hx-trigger="every 2s"' in answered.text


@pytest.fixture(scope="module")
def bare(new_database_of_module: Callable[[], str]) -> Settings:
    return load_settings(database_url=new_database_of_module())


@pytest.mark.parametrize("path", [*SCREENS, "/loads/1", "/users/1"])
def test_a_database_without_tables_says_what_the_command_line_says(bare: Settings, path: str) -> None:
    answered = open_page(bare).get(path)
    assert answered.status_code == 503
    assert_sound(answered.text)
    assert "footfall schema apply" in answered.text or "footfall load" in answered.text


@pytest.mark.parametrize("path", SCREENS)
def test_a_server_that_is_away_is_a_page_that_says_so(path: str) -> None:
    settings = load_settings(database_url="host=/nowhere dbname=none password=hunter2")
    answered = open_page(settings).get(path)
    assert answered.status_code == 503
    assert_sound(answered.text)
    assert "the database is not there" in answered.text
    assert "hunter2" not in answered.text
    assert "Try again" in answered.text


def test_a_server_that_comes_back_is_asked_again(sample: Settings) -> None:
    client = open_page(sample)
    assert client.get("/").status_code == 200
    assert sample.database_url is not None
    with psycopg.connect(sample.database_url.get_secret_value(), autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
            "and pid <> pg_backend_pid()"
        )
    assert client.get("/").status_code == 200


@pytest.fixture(scope="module")
def hostile(new_database_of_module: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a database in which every text wants to be something else."""
    actions = [HOSTILE_ACTION, "שלום\u202e<b>", "x" * 500, "\x1b[31m", "{{ 7 * 7 }}", "a,b\\c"]
    lines = [
        f'{at},{1 + at % 3},{1 + at % 2},"{actions[at % len(actions)]}",2024-03-0{1 + at % 9}T10:{at:02}:00Z'
        for at in range(1, 50)
    ]
    lines += ["60,<img src=x onerror=alert(1)>,1,click,2024-03-01", '61,1,1,"<script>alert(2)</script>",nonsense']
    settings = load_settings(database_url=new_database_of_module())
    path = tmp_path_factory.mktemp("hostile") / HOSTILE_SOURCE
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    load_verb.load([str(path)], settings)
    return settings


@pytest.mark.parametrize("path", [*SCREENS, *ONES])
def test_hostile_text_is_shown_as_text(hostile: Settings, path: str) -> None:
    answered = open_page(hostile).get(path)
    assert answered.status_code == 200
    found = assert_sound(answered.text)
    assert "<script>alert" not in answered.text
    assert not found.named("img")
    assert "\u202e" not in found.text, "what turns the reading round is spelled out"


def test_hostile_text_can_be_chosen_and_is_kept(hostile: Settings) -> None:
    client = open_page(hostile)
    answered = client.get("/trends", params={"action": HOSTILE_ACTION})
    assert answered.status_code == 200
    found = assert_sound(answered.text)
    chosen = [each for each in found.named("option") if "selected" in each and each.get("value") == HOSTILE_ACTION]
    assert chosen


def test_rejected_rows_are_shown_with_their_text_and_problems(hostile: Settings) -> None:
    text = open_page(hostile).get("/rejects").text
    assert "60,&lt;img src=x onerror=alert(1)&gt;,1,click,2024-03-01" in text
    assert "not-an-integer" in text
    assert "not-a-timestamp" in text


def test_the_source_is_shown_as_it_was_given(hostile: Settings) -> None:
    text = open_page(hostile).get("/loads").text
    assert unescape(text).count(HOSTILE_SOURCE) >= 1


def test_days_without_times_leave_the_sessions_out_of_the_first_screen_and_nothing_else(sample: Settings) -> None:
    with open_page(sample) as page:
        text = page.get("/").text
    assert "sessions: more than half of the interactions are at midnight" in text
    assert re.search(r"<b>7</b> <span class=.name.>interactions", text)
    assert "new users" in text
    assert not re.search(r"<span class=.name.>sessions", text)


@pytest.mark.slow
def test_a_granted_reader_sees_all_but_the_quarantine(sample: Settings, new_role: Callable[..., str]) -> None:
    conninfo = new_role()
    role = psycopg.conninfo.conninfo_to_dict(conninfo)["user"]
    schema_verb.grant_reading(sample, str(role))
    client = open_page(load_settings(database_url=conninfo))
    for path in SCREENS:
        answered = client.get(path)
        assert answered.status_code == 200, answered.text[-900:]
        assert_sound(answered.text)
        assert "permission denied" not in answered.text
        assert ("This role may not read rejected rows" in answered.text) == (path == "/rejects"), path
    assert "not the names of files" in client.get("/loads/1").text


def test_a_role_that_may_not_read_the_ledger_is_told_what_to_ask_for(
    sample: Settings, new_role: Callable[..., str]
) -> None:
    reader = new_role("grant select on interactions, user_interactions_raw to {role}")
    answered = open_page(load_settings(database_url=reader)).get("/")
    assert answered.status_code == 503
    assert "footfall schema grant ROLE" in answered.text


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/?nothing=1", "has no option &#39;nothing&#39;"),
        ("/trends?untilll=2024-03-01", "did you mean until?"),
        ("/trends?since=yesterday", "--since"),
        ("/trends?since=2024-05-01&until=2024-04-01", "is later than"),
        ("/trends?per=year", "--per"),
        ("/trends?since=2024-03-01&since=2024-03-02", "given twice"),
        ("/loads?limit=0", "--limit"),
        ("/rejects?code=ugly", "there is no problem"),
        ("/rejects?load=one", "--load"),
        ("/products/x?since=1", "--since"),
        ("/users?question=per-day&who=1", "--question"),
    ],
)
def test_what_cannot_be_asked_is_a_page_that_says_so(page: TestClient, address: str, says: str) -> None:
    answered = page.get(address)
    assert answered.status_code == 400
    assert_sound(answered.text)
    assert says in answered.text


def test_an_unknown_option_is_answered_with_those_there_are(page: TestClient) -> None:
    text = page.get("/trends?nothing=1").text
    for name in ("since", "until", "action", "product", "per"):
        assert f"<code>{name}</code>" in text


def test_a_wrong_value_is_kept_and_marked(page: TestClient) -> None:
    found = outline(page.get("/trends?since=yesterday&per=week").text)
    wrong = [each for each in found.named("input") if each.get("aria-invalid")]
    assert [(each["name"], each["value"]) for each in wrong] == [("since", "yesterday")]


@pytest.mark.parametrize("path", ["/nowhere", "/loads/999999", "/loads/99999999999", "/loads/abc", "/static/../app.py"])
def test_what_is_not_there_is_a_page_that_says_so(page: TestClient, path: str) -> None:
    answered = page.get(path)
    assert answered.status_code == 404
    assert_sound(answered.text)


def test_a_range_without_interactions_is_an_empty_picture(page: TestClient) -> None:
    answered = page.get("/trends?since=2020-01-01&until=2020-02-01")
    assert answered.status_code == 200
    assert "no interactions in this range" in answered.text


def test_the_options_of_an_address_stay_in_the_links_of_the_header(page: TestClient) -> None:
    found = outline(page.get("/trends?since=2024-04-01&until=2024-05-01&action=view").text)
    links = {each["href"] for each in found.named("a")}
    assert "/funnel?since=2024-04-01&until=2024-05-01&action=view" in links


def test_head_gives_the_head_alone(page: TestClient) -> None:
    answered = page.head("/trends")
    assert (answered.status_code, answered.text) == (200, "")


@pytest.mark.slow
def test_a_question_that_takes_too_long_leaves_the_others_unharmed(
    story: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert story.database_url is not None
    monkeypatch.setattr(reading, "_kept", Keeper())  # what is kept of other tests needs no table
    address = story.database_url.get_secret_value()
    with psycopg.connect(address) as connection:
        # A table that is held: what reads it waits until its time is over, what does not read it is answered.
        connection.execute("lock table interactions_per_user in access exclusive mode")
        hurried = load_settings(database_url=address, query_timeout_seconds=1)
        text = open_page(hurried).get("/products").text
    assert text.count('class="trouble"') == 1
    assert 'id="top-products-chart' in text


def test_what_was_asked_before_is_not_asked_again_until_something_is_loaded(
    story: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert story.database_url is not None
    kept = Keeper()
    monkeypatch.setattr(reading, "_kept", kept)
    first = open_page(story).get("/products").text
    number = len(kept)
    assert number > 0
    with psycopg.connect(story.database_url.get_secret_value()) as connection:
        connection.execute("lock table interactions_per_user in access exclusive mode")
        assert open_page(story).get("/products").text == first
    assert len(kept) == number


def load_rows(database: str, folder: Path, *rows: str) -> Settings:
    """Load rows without their ids; give the settings."""
    path = folder / "rows.csv"
    path.write_text(HEADER + "".join(f"{number},{row}\n" for number, row in enumerate(rows, 1)), encoding="utf-8")
    settings = load_settings(database_url=database)
    load_verb.load([str(path)], settings)
    return settings


OPEN_FUNNEL = (  # one user did all steps, one stopped long ago, one is open before the last step, one before the second
    *("1,1,view,2024-03-01T10:00Z", "1,1,cart,2024-03-01T10:01Z", "1,1,buy,2024-03-01T10:02Z"),
    "4,2,view,2024-03-01T10:00Z",
    *("2,1,view,2024-03-10T11:00Z", "2,1,cart,2024-03-10T11:10Z"),
    "3,2,view,2024-03-10T11:30Z",
)


def test_page_and_report_call_users_open_at_any_step(database: str, tmp_path: Path) -> None:
    settings = load_rows(database, tmp_path, *OPEN_FUNNEL)
    assert "Still open: 2, whose" in open_page(settings).get("/funnel?steps=view,cart,buy").text
    assert "Still open: 2 users" in make_report(settings, Options(funnel="view,cart,buy")).html


def test_each_value_of_by_has_a_funnel_of_its_own_and_its_own_people(database: str, tmp_path: Path) -> None:
    client = open_page(load_rows(database, tmp_path, *OPEN_FUNNEL))
    found = assert_sound(client.get("/funnel?steps=view,cart,buy&by=product").text)
    one, two = found.text.replace("\xa0", " ").partition("Product: 2")[::2]
    assert "Product: 1" in one and "50 % of 2 users did all 3 steps" in one and "Still open: 1," in one
    assert "0 % of 2 users did all 3 steps" in two and "Still open: 1," in two
    links = [each["href"] or "" for each in found.named("a") if "question=funnel" in (each["href"] or "")]
    people = {who: client.get(link).text for link in links for who in parse_qs(urlsplit(link).query)["who"]}
    assert {"2:1", "dropped-2:2"} <= {*people}
    assert "<b>2</b> users" in people["2:1"] and "<b>2</b> users" in people["dropped-2:2"]
    assert not [each for each in found.named("a") if "funnel.svg" in (each["href"] or "")]


def test_a_funnel_in_any_order_is_drawn_though_its_steps_have_no_action(page: TestClient) -> None:
    answered = page.get("/funnel?steps=view,purchase&order=any")
    assert "users did all 2 steps" in assert_sound(answered.text).text


def test_a_funnel_of_too_few_steps_says_whether_the_address_or_the_data_have_too_few(
    page: TestClient, database: str, tmp_path: Path
) -> None:
    assert "The address names one step only, 'view'." in outline(page.get("/funnel?steps=view").text).text
    assert "These are the most frequent actions" in outline(page.get("/funnel?steps=,").text).text
    client = open_page(load_rows(database, tmp_path, "1,1,view,2024-03-01", '1,1,"a,b",2024-03-01'))
    assert "There is one action only that can be a step, 'view'." in outline(client.get("/funnel").text).text


def test_what_ends_a_funnel_stays_chosen_though_it_is_two_actions(page: TestClient) -> None:
    found = assert_sound(page.get("/funnel?steps=view,purchase&exclude=search,add_to_cart").text)
    assert "search,add_to_cart" in [each["value"] for each in found.named("option") if "selected" in each]


@pytest.mark.slow
def test_a_funnel_of_ten_long_steps_has_links_that_can_be_opened(hostile: Settings) -> None:
    client = open_page(hostile)
    answered = client.get("/funnel", params={"steps": ["x" * 500] * 10})
    assert answered.status_code == 200
    links = [each["href"] or "" for each in outline(answered.text).named("a")]
    steps = [link for link in links if "x" * 500 in link]
    assert steps
    assert {client.get(link).status_code for link in steps} == {200}
    assert client.get("/funnel", params={"steps": ["x" * 500] * 11}).status_code == 400


@pytest.mark.parametrize(
    ("path", "command"),
    [("/loads?limit=1", "footfall loads --limit"), ("/rejects?limit=1", "footfall rejects --closed --limit")],
)
def test_the_longest_list_names_a_command_and_does_not_link_to_itself(
    page: TestClient, path: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "limit=10#" in page.get(path).text
    monkeypatch.setattr(loads, "LIMIT_MAX", 1)
    text = page.get(path).text
    assert command in text and "limit=1#" not in text and "limit=10#" not in text


def test_actions_beyond_those_that_are_known_are_not_called_all(database: str, tmp_path: Path) -> None:
    client = open_page(load_rows(database, tmp_path, *(f"1,1,action {number},2024-03-01" for number in range(201))))
    assert "The 5 most frequent actions of 200 or more." in client.get("/trends?by=action").text


def test_a_bar_of_a_period_opens_that_period(page: TestClient) -> None:
    links = [each["href"] or "" for each in outline(page.get("/retention").text).named("a")]
    options = [parse_qs(urlsplit(link).query) for link in links if link.startswith("/trends?since=")]
    spans = [date.fromisoformat(each["until"][0]) - date.fromisoformat(each["since"][0]) for each in options]
    assert 7 in [span.days for span in spans]


def test_bars_of_changes_are_described_as_changes(page: TestClient) -> None:
    assert "bars of changes in interactions: " in page.get("/products").text
