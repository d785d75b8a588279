"""The numbers of the page are those of the command line, in each form."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

import footfall
from footfall.answers.catalogue import read_catalogue
from footfall.answers.cells import write_json
from footfall.page.drawing import DRAWINGS
from footfall.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = sorted(read_catalogue(None))
RANGE = {"since": "2024-04-01", "until": "2024-06-01"}


def options_of(name: str) -> dict[str, str]:
    """What a question is asked with here: a range, where it takes one, and the id that it cannot do without."""
    question = read_catalogue(None)[name]
    options = {key: value for key, value in RANGE.items() if key in question.parameters}
    return options | ({question.needed.removesuffix("_id"): "3"} if question.needed else {})


def ask(name: str, settings: Settings) -> footfall.Table:
    assert settings.database_url is not None
    options = options_of(name)
    needed = read_catalogue(None)[name].needed
    identifier = options.pop(needed.removesuffix("_id")) if needed else None
    filters = options | ({"id": identifier} if identifier else {})
    return footfall.query(name, database_url=settings.database_url.get_secret_value(), **filters)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_numbers_are_those_of_the_command_line(page: TestClient, story: Settings, name: str) -> None:
    expected = ask(name, story)
    answered = page.get(f"/query/{name}.json", params=options_of(name))
    assert answered.status_code == 200, answered.text
    rows = [dict(zip(expected.columns, row, strict=True)) for row in expected.rows]
    assert answered.json() == json.loads(write_json(rows))
    assert answered.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_can_be_had_for_a_spreadsheet(page: TestClient, story: Settings, name: str) -> None:
    expected = ask(name, story)
    answered = page.get(f"/query/{name}.csv", params=options_of(name))
    rows = list(csv.reader(io.StringIO(answered.text)))
    assert tuple(rows[0]) == expected.columns
    assert len(rows) == len(expected.rows) + 1
    assert answered.headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'


@pytest.mark.parametrize("name", sorted({*DRAWINGS} & {*QUESTIONS}))
def test_a_chart_can_be_had_as_a_file(page: TestClient, name: str) -> None:
    answered = page.get(f"/query/{name}.svg", params=options_of(name))
    assert answered.status_code == 200
    if name == "retention":  # a table, which no SVG file is
        return
    found = ElementTree.fromstring(answered.text)
    assert found.tag == "{http://www.w3.org/2000/svg}svg"
    assert "script-src" not in answered.headers["Content-Security-Policy"]


def test_a_formula_is_inert_in_csv(page: TestClient) -> None:
    assert "=" not in {cell[:1] for row in csv.reader(io.StringIO(page.get("/query/actions.csv").text)) for cell in row}


@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        ("/query/nothing.csv", 404, "there is no question"),
        ("/query/per-day.xlsx", 404, "csv, json, svg"),
        ("/query/per-day.json?nothing=1", 400, "There are:"),
        ("/query/per-day.json?since=yesterday", 400, "--since"),
        ("/query/user.json", 400, "which one?"),
        ("/query/funnel.svg?steps=view,purchase&by=product", 400, "leave --by out"),
    ],
)
def test_what_cannot_be_had_is_said(page: TestClient, address: str, status: int, says: str) -> None:
    answered = page.get(address)
    assert (answered.status_code, answered.headers["Content-Type"]) == (status, "text/plain; charset=utf-8")
    assert says in answered.text


@pytest.mark.parametrize("folder", [ROOT / "src/footfall/page/static/vendor", ROOT / "tests/page/vendor"])
def test_files_of_others_are_the_ones_that_were_looked_at(folder: Path) -> None:
    packages = tomllib.loads((folder / "vendor.toml").read_text(encoding="utf-8")).values()
    files = {name: file["sha256"] for package in packages for name, file in package["files"].items()}
    assert {path.name for path in folder.iterdir()} == {*files, "vendor.toml"}
    for name, digest in files.items():
        assert sha256((folder / name).read_bytes()).hexdigest() == digest, name
    assert all(package["licence"] and package["integrity"].startswith("sha512-") for package in packages)
    assert all(any(name.endswith("LICENSE") for name in package["files"]) for package in packages)


def test_a_file_may_be_kept_as_its_address_has_its_hash(page: TestClient) -> None:
    text = page.get("/").text
    for name in ("footfall.css", "charts.css", "footfall.js", "vendor/htmx.min.js"):
        address = next(part for part in text.split('"') if part.startswith(f"/static/{name}?v="))
        answered = page.get(address)
        assert sha256(answered.content).hexdigest().startswith(address.partition("?v=")[2])
        assert "immutable" in answered.headers["Cache-Control"]
