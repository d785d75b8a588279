"""The report on real databases: its numbers are the command line's, its text is inert, its bytes are the same."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psycopg
import pytest

import footfall
from footfall.errors import DatabaseUnavailableError, QueryError, SettingsError
from footfall.page.report.making import Made, Options, make_report
from footfall.settings import Settings, load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import schema as schema_verb

MADE_AT = "2026-11-26T20:00Z"
MAY = {"since": "2024-05-01", "until": "2024-06-01"}
CHROMIUM = Path("/usr/bin/chromium")
PICTURES = Path(__file__).resolve().parents[2] / "docs/pictures"
SCREENSHOTS = os.environ.get("FOOTFALL_SCREENSHOTS") == "1"  # read now: the tests' environment is scrubbed
MAY_WITH_STEPS = Options(**MAY, funnel="view,add_to_cart,purchase", made_at=MADE_AT)
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """A page read as a browser would: its elements and the text that is seen, by section."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.section = ""
        self.texts: dict[str, list[str]] = {}
        self.tables: list[list[list[str]]] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = str(dict(attrs)["id"])
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "section":
            self.section = ""

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.texts.setdefault(self.section, []).append(data)
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data

    def text(self, section: str = "") -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts.get(section, []))).strip()


@pytest.fixture(scope="module")
def made(story: Settings) -> Made:
    return make_report(story, MAY_WITH_STEPS)


@pytest.fixture
def page(made: Made) -> Page:
    return Page(made.html)


def _query(settings: Settings, name: str, **filters: object) -> list[dict[str, object]]:
    assert settings.database_url is not None
    table = footfall.query(name, database_url=settings.database_url.get_secret_value(), **filters)  # type: ignore[arg-type]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _settings_of(database: str, tmp_path: Path, *files: tuple[str, str], **more: str) -> Settings:
    """Load files, by name and content, into a database."""
    settings = load_settings(database_url=database, **more)
    paths = []
    for name, content in files:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        paths.append(str(path))
    load_verb.load(paths, settings)
    return settings


# its bytes


@pytest.mark.slow
def test_the_same_tables_and_options_give_the_same_bytes(story: Settings, made: Made) -> None:
    assert make_report(story, MAY_WITH_STEPS).html == made.html


@pytest.mark.slow
def test_two_times_of_making_differ_in_what_says_so_alone(story: Settings) -> None:
    one, other = (
        make_report(story, Options(**MAY, made_at=f"2026-11-26T2{hour}:00Z", is_verified=False)).html for hour in (0, 1)
    )
    changed = [(a, b) for a, b in zip(one.splitlines(), other.splitlines(), strict=True) if a != b]
    assert len(changed) == 2 and all("made" in a.lower() for a, _ in changed)


def test_it_is_small_enough_for_any_mail(made: Made) -> None:
    assert len(made.html.encode()) < 300_000


# what it is


def test_it_asks_for_nothing_from_elsewhere_and_runs_nothing(made: Made, page: Page) -> None:
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "form", "base")
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src", "action", "data", "srcset", "style"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    style = re.search(r"<style>(.*?)</style>", made.html, re.DOTALL)
    assert style is not None and "url(" not in style[1] and "@import" not in style[1]
    policy = next(each["content"] for tag, each in page.tags if tag == "meta" and "http-equiv" in each)
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert set(re.findall(r"https?://[^\"'<\s]*", made.html)) <= {"http://www.w3.org/2000/svg"}


def test_its_parts_stand_in_their_order_and_every_mark_leads_to_a_method(page: Page) -> None:
    sections = [each["id"] for tag, each in page.tags if tag == "section"]
    assert sections == [
        *("trust", "trend", "heat", "funnel", "retention"),
        *("lifecycle", "movers", "top", "unusual", "method"),
    ]
    names = [each["id"] for _, each in page.tags if "id" in each]
    assert len(names) == len(set(names))
    marks = {each["href"] for tag, each in page.tags if tag == "a"}
    methods = {f"#{name}" for name in names if str(name).startswith("method-")}
    assert marks <= methods and len(methods) >= 10


def test_every_part_has_a_picture_or_says_why_not(page: Page) -> None:
    assert len([tag for tag, each in page.tags if tag == "svg" and each["role"] == "img"]) >= 7
    assert "no question" not in " ".join(page.text(section) for section in page.texts)


# its numbers are those of the command line


def test_the_first_sentence_says_the_interactions_and_users_of_the_range(story: Settings, page: Page) -> None:
    interactions = sum(row["interaction_count"] for row in _query(story, "per-day", **MAY))  # type: ignore[misc]
    assert story.database_url is not None
    with psycopg.connect(story.database_url.get_secret_value()) as connection:
        found = connection.execute(
            "select count(distinct user_id), count(*) from user_interactions_raw"
            " where timestamp >= '2024-05-01+00' and timestamp < '2024-06-01+00'"
        ).fetchone()
    assert found is not None and found[1] == interactions
    assert f"May 2024: {interactions:,} interactions of {found[0]:,} users" in page.text()


def test_rows_below_a_picture_are_those_of_its_question(story: Settings, page: Page) -> None:
    days = {row["day"]: row["user_count"] for row in _query(story, "active-users", per="day", **MAY)}
    (trend,) = [table for table in page.tables if table[0][:3] == ["day", "interactions", "users"]]
    assert [row[2] for row in trend[1:]] == [f"{users:,}" for users in days.values()]
    steps = _query(story, "funnel", steps="view,add_to_cart,purchase", **MAY)
    (funnel,) = [table for table in page.tables if table[0][0] == "step"]
    assert [row[1:3] for row in funnel[1:]] == [[row["action"], f"{row['user_count']:,}"] for row in steps]


def test_new_returning_and_resurrecting_are_the_active_users_of_a_week(story: Settings, page: Page) -> None:
    (lifecycle,) = [table for table in page.tables if table[0][0] == "week" and "dormant" in table[0]]
    weeks = _query(story, "active-users", per="week", since="2024-03-04", until="2024-06-03")
    active = {f"{row['day']:%-d %B %Y}": row["user_count"] for row in weeks}  # type: ignore[str-format]
    for row in lifecycle[1:-1]:
        number = sum(int(cell.replace(",", "")) for cell in row[1:4])
        assert number == active[row[0].partition(" ")[2]], row


def test_the_commands_of_its_methods_are_those_that_give_its_numbers(made: Made) -> None:
    commands = re.findall(r'<pre class="command">(.*?)</pre>', made.html)
    assert "footfall query per-day --since 2024-05-01 --until 2024-06-01" in commands
    assert any("--steps view,add_to_cart,purchase" in command for command in commands)


# what can be trusted


def test_the_sum_of_all_files_balances_and_failed_files_are_open(story: Settings, page: Page) -> None:
    assert story.database_url is not None
    ledger = footfall.loads(database_url=story.database_url.get_secret_value())
    rows = [dict(zip(ledger.columns, row, strict=True)) for row in ledger.rows]
    stand = [row for row in rows if row["status"] == "loaded"]
    text = page.text("trust")
    for name in ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected"):
        assert f"{sum(row[name] for row in stand):,} {name.removeprefix('rows_')}" in text
    assert "The sum balances" in text and "Verified for this report" in text
    for row in rows:
        if row["status"] == "failed":
            assert Path(row["source"]).name in text


def test_without_a_recount_it_says_so_and_borrows_none(story: Settings) -> None:
    text = Page(make_report(story, Options(**MAY, is_verified=False)).html).text("trust")
    assert "Not verified" in text and "recounted, without" not in text


@pytest.mark.slow
def test_differences_are_shown_and_the_exit_code_is_7(sample: Settings, tmp_path: Path) -> None:
    assert sample.database_url is not None
    url = sample.database_url.get_secret_value()
    with psycopg.connect(url) as connection:
        connection.execute("update interactions set interaction_count = interaction_count + 1 where user_id = 1")
    command = [sys.executable, "-m", "footfall.cli", "report", "--database", url, "--output", "report.html"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 7, done.stderr
    text = Page((tmp_path / "report.html").read_text()).text("trust")
    assert "The recount found differences" in text and "footfall verify --repair" in text


def test_a_reader_gets_the_figures_of_files_and_neither_their_names_nor_a_recount(
    sample: Settings, new_role: Callable[..., str]
) -> None:
    reader = new_role()
    schema_verb.grant_reading(sample, str(psycopg.conninfo.conninfo_to_dict(reader)["user"]))
    html = make_report(load_settings(database_url=reader), Options()).html
    text = Page(html).text("trust")
    assert "Not verified: who made this report may not read all tables" in text
    assert "10 read" in text and "The sum balances" in text
    assert "may not read the rejected rows" in text and "Of which files" in text
    assert "sample.csv" not in html and "permission denied" not in html


@pytest.mark.slow
def test_it_goes_to_stdout_and_says_nothing_that_was_not_asked_for(sample: Settings) -> None:
    assert sample.database_url is not None
    command = [sys.executable, "-m", "footfall.cli", "report", "-q", "--no-verify", "--made-at", MADE_AT]
    command += ["--database", sample.database_url.get_secret_value()]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == make_report(sample, Options(is_verified=False, made_at=MADE_AT)).html
    assert done.stderr == ""


# users


def test_users_are_named_where_that_is_asked_for_alone(database: str, tmp_path: Path) -> None:
    lines = "".join(
        f"{at},person-{at % 7},9,{('view', 'buy')[at % 2]},2024-03-0{at % 5 + 1}T10:00\n" for at in range(1, 60)
    )
    header = "interaction_id,user_id,product_id,action,timestamp\n"
    settings = _settings_of(database, tmp_path, ("a.csv", header + lines), user_id_type="text")
    assert "person-" not in make_report(settings, Options()).html
    assert "person-3" in make_report(settings, Options(with_user_ids=True)).html


# odd tables


def test_tables_without_interactions_give_a_report_that_says_what_to_do(settings: Settings) -> None:
    schema_verb.upgrade_schema(settings)
    page = Page(make_report(settings, Options()).html)
    assert "No interaction is loaded yet" in page.text()
    assert [each["id"] for tag, each in page.tags if tag == "section"] == ["trust", "method"]


def test_a_range_without_interactions_says_where_the_data_are(sample: Settings) -> None:
    text = Page(make_report(sample, Options(since="2030-01-01")).html).text()
    assert "No interactions in" in text and "1 March 2024 to 5 March 2024" in text


def test_the_sample_says_why_its_hours_say_nothing(sample: Settings) -> None:
    page = Page(make_report(sample, Options()).html)
    assert "1 to 5 March 2024: 7 interactions of 3 users" in page.text()
    assert "dates without times" in page.text("heat")
    assert "nothing to compare it with" in page.text("movers")
    assert "Sessions are not known" in page.text()


def test_one_action_makes_no_funnel(database: str, tmp_path: Path) -> None:
    content = "interaction_id,user_id,product_id,action,timestamp\n1,1,1,view,2024-03-01T10:00\n"
    settings = _settings_of(database, tmp_path, ("a.csv", content))
    assert "needs at least two actions; the one action here is 'view'" in Page(
        make_report(settings, Options()).html
    ).text("funnel")


def test_hostile_text_is_text(database: str, tmp_path: Path) -> None:
    actions = ("<script>alert(1)</script>", "שלום", "x" * 500, "a\u202eb", '""\'&<>')
    rows = [
        f'{day * 100 + user * 10 + at},"<u>{user}</u>","<img src=x onerror=alert({user})>","{action}",'
        f"2024-02-{day:02}T1{at}:0{user}:00Z\n"
        for day in range(1, 29)
        for user in range(6)
        for at, action in enumerate(actions)
        if at <= user
    ]
    header = "interaction_id,user_id,product_id,action,timestamp\n"
    settings = _settings_of(
        database,
        tmp_path,
        ('it\'s "quoted" <b>.csv', header + "".join(rows) + '9999,,"<i>","y",<s>\n'),
        ("empty <script>.csv", ""),
        user_id_type="text",
        product_id_type="text",
    )
    options = Options(title="</style><script>alert(2)</script>", with_user_ids=True, made_at=MADE_AT)
    html = make_report(settings, options).html
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "img", "u", "i", "s"}
    assert "\u202e" not in html
    assert "empty <script>.csv" in page.text("trust")
    assert len(html.encode()) < 500_000


# how it is asked for


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options(since="yesterday"), "--since"),
        (Options(since="2024-03-02", until="2024-03-02"), "is not before"),
        (Options(made_at="soon"), "--made-at"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_option(sample: Settings, options: Options, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        make_report(sample, options)


def test_python_gives_the_text_and_writes_the_file(sample: Settings, tmp_path: Path) -> None:
    assert sample.database_url is not None
    url = sample.database_url.get_secret_value()
    text = footfall.report(
        tmp_path / "r.html", database_url=url, funnel=["click", "purchase"], made_at=MADE_AT, title="Mine", verify=False
    )
    assert (tmp_path / "r.html").read_text() == text
    assert "<title>Mine: 1 to 5 March 2024</title>" in text and "--steps click,purchase" in text
    with pytest.raises(SettingsError, match="cannot be written"):
        footfall.report(tmp_path / "no/such/folder/r.html", database_url=url)


def test_a_report_that_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    place.write_text("what was there")
    with pytest.raises(DatabaseUnavailableError):
        footfall.report(place, database_url=f"host={tmp_path} dbname=nothing")
    assert place.read_text() == "what was there"
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def take_pictures(page: Any) -> None:
    """Take the picture of docs/how-to/report.md anew."""
    page.set_viewport_size({"width": 860, "height": 1240})
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=str(PICTURES / "report.png"))


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium: apt-get install -y chromium")
def test_axe_finds_no_violation_in_light_dark_and_on_a_phone(made: Made, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    (tmp_path / "report.html").write_text(made.html)
    rules = (Path(__file__).parent / "vendor/axe.min.js").read_text(encoding="utf-8")
    run = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        for scheme, width in (("light", 900), ("dark", 900), ("light", 320)):
            size = {"width": width, "height": 800}
            page = browser.new_context(bypass_csp=True, color_scheme=scheme, viewport=size).new_page()
            page.goto((tmp_path / "report.html").as_uri())
            page.evaluate(rules)
            found = [(each["id"], each["nodes"][0]["html"][:200]) for each in page.evaluate(run)]
            assert found == [], (scheme, width)
        browser.close()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium: apt-get install -y chromium")
def test_a_browser_without_javascript_shows_all_of_it_and_paper_has_its_methods(made: Made, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    (tmp_path / "report.html").write_text(made.html)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 700}).new_page()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto((tmp_path / "report.html").as_uri())
        assert len(requests) == 1
        assert page.locator("section").count() == 10
        assert all(each.is_visible() for each in page.locator("svg.chart").all())
        assert not page.locator("#method-1 pre.sql").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.locator("#method-1 summary").focus()
        page.keyboard.press("Enter")
        assert page.locator("#method-1 pre.sql").is_visible()
        if SCREENSHOTS:
            take_pictures(page)
        page.emulate_media(media="print")
        assert page.locator("#method-2 pre.sql").is_visible()
        browser.close()
