"""Where settings come from, what they may be, and what is said when they may not."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path

import pytest

from footfall.errors import SettingsError
from footfall.settings import FIELDS, MaxRejected, has_libpq_variables, load_settings

SECRET = "postgresql://me:hunter2@db/users"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.upper().startswith(("FOOTFALL_", "PG")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(**overrides: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(**overrides)
    assert caught.value.exit_code == 2
    return caught.value.message


def test_without_any_source_the_defaults_hold() -> None:
    settings = load_settings()
    assert (settings.database_url, settings.schema_, settings.delimiter) == (None, "public", None)
    assert (settings.source_time_zone, settings.lock_wait_seconds, settings.memory_limit_mb) == ("UTC", 600, 512)
    assert (settings.max_rejected, settings.actions, settings.max_future_seconds, settings.home) == (None,) * 4
    assert (settings.retry, settings.log_format) == (False, "text")


def test_an_override_comes_before_the_environment_before_dotenv_before_toml(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "footfall.toml").write_text('schema = "toml"\n')
    assert load_settings().schema_ == "toml"
    (empty_folder / ".env").write_text("FOOTFALL_SCHEMA=dotenv\n")
    assert load_settings().schema_ == "dotenv"
    monkeypatch.setenv("FOOTFALL_SCHEMA", "environment")
    assert load_settings().schema_ == "environment"
    assert load_settings(schema="override").schema_ == "override"


def test_an_override_of_none_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_DELIMITER", ";")
    assert load_settings(delimiter=None).delimiter == ";"


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", "")
    assert load_settings().home is None


def test_a_variable_that_only_resembles_a_setting_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEMA", "other")
    monkeypatch.setenv("DATABASE_URL", "other")
    assert (load_settings().schema_, load_settings().database_url) == ("public", None)


def test_an_unknown_variable_of_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_SOMETHING_ELSE", "1")
    assert load_settings().schema_ == "public"


def test_an_unknown_variable_in_dotenv_is_named_with_its_close_match(empty_folder: Path) -> None:
    (empty_folder / ".env").write_text(f"OTHER=1\nFOOTFALL_DATABSE_URL={SECRET}\n")
    message = refusal()
    assert "FOOTFALL_DATABSE_URL in .env" in message
    assert "did you mean FOOTFALL_DATABASE_URL?" in message
    assert "hunter2" not in message


def test_a_variable_of_a_single_call_in_dotenv_is_refused(empty_folder: Path) -> None:
    (empty_folder / ".env").write_text("FOOTFALL_FORMAT=json\n")
    assert "set it in the environment instead" in refusal()


def test_an_unknown_key_in_toml_is_named_with_its_close_match(empty_folder: Path) -> None:
    (empty_folder / "footfall.toml").write_text("max-rejected = 5\n")
    assert "max-rejected in footfall.toml is not a setting; did you mean max_rejected?" in refusal()


def test_broken_toml_is_located_without_showing_its_text(empty_folder: Path) -> None:
    (empty_folder / "footfall.toml").write_text(f"database_url = {SECRET}\n")
    message = refusal()
    assert "footfall.toml is not TOML at line 1" in message
    assert "hunter2" not in message


def test_the_address_of_the_database_is_passed_on_unparsed(empty_folder: Path) -> None:
    (empty_folder / ".env").write_text("FOOTFALL_DATABASE_URL='host=/run/pg dbname=x password=a${HOME}b'\n")
    url = load_settings().database_url
    assert url is not None
    assert url.get_secret_value() == "host=/run/pg dbname=x password=a${HOME}b"


def test_the_address_of_the_database_is_not_in_the_repr() -> None:
    assert "hunter2" not in repr(load_settings(database_url=SECRET))


def test_an_address_of_another_type_is_refused_without_showing_it(empty_folder: Path) -> None:
    (empty_folder / "footfall.toml").write_text(f'database_url = ["{SECRET}"]\n')
    message = refusal()
    assert "database_url in footfall.toml" in message
    assert "hunter2" not in message


def test_a_bad_option_is_named_with_its_variable() -> None:
    assert refusal(max_rejected="x").startswith("--max-rejected (FOOTFALL_MAX_REJECTED): ")


def test_a_bad_variable_is_named_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_SCHEMA", "pg_mine")
    assert refusal().startswith("FOOTFALL_SCHEMA in the environment: ")


def test_an_unknown_override_is_named() -> None:
    assert "there is no setting 'delimitr'; did you mean delimiter?" in refusal(delimitr=",")


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().retry = True  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((name, "a schema's name has 1 to 63 bytes and no NUL") for name in ("", "x" * 64, "é" * 32, "a\0b")),
        ("pg_x", "'pg_x' is PostgreSQL's own; name another schema"),
        ("information_schema", "'information_schema' is PostgreSQL's own; name another schema"),
    ],
)
def test_an_impossible_schema_is_refused_with_the_reason(name: str, why: str) -> None:
    assert refusal(schema=name) == f"--schema (FOOTFALL_SCHEMA): {why}"


@pytest.mark.parametrize("name", ["x" * 63, 'a "quoted" one', "Ärger"])
def test_any_other_schema_is_taken(name: str) -> None:
    assert load_settings(schema=name).schema_ == name


@pytest.mark.parametrize("text", ["\t", "\\t", "tab", "TAB"])
def test_tab_has_three_spellings(text: str) -> None:
    assert load_settings(delimiter=text).delimiter == "\t"


@pytest.mark.parametrize("text", [";", "|", "^", "\x01", "§"])
def test_other_marks_delimit(text: str) -> None:
    assert load_settings(delimiter=text).delimiter == text


@pytest.mark.parametrize("text", ["", ",,", "a", "7", "é", '"', "'", "\r", "\n", "\0", " ", "+", "-", ":", "."])
def test_a_delimiter_that_occurs_in_values_is_refused(text: str) -> None:
    assert refusal(delimiter=text).startswith("--delimiter (FOOTFALL_DELIMITER): ")


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("0.2", MaxRejected(Decimal("0.2"), None)),
        ("20%", MaxRejected(Decimal("0.2"), None)),
        ("1.0", MaxRejected(Decimal(1), None)),
        ("100 %", MaxRejected(Decimal(1), None)),
        (".5", MaxRejected(Decimal("0.5"), None)),
        ("0", MaxRejected(None, 0)),
        ("1", MaxRejected(None, 1)),
        ("100", MaxRejected(None, 100)),
    ],
)
def test_a_point_or_percent_makes_a_share_and_digits_alone_a_number(text: str, bound: MaxRejected) -> None:
    assert load_settings(max_rejected=text).max_rejected == bound


@pytest.mark.parametrize("text", ["-1", "-0.1", "101%", "1.01", "nan", "inf", "1e3", "", "%", ".", "1_000", "٣"])
def test_an_impossible_bound_is_refused_with_the_forms_that_are_taken(text: str) -> None:
    said = refusal(max_rejected=text)
    assert said.startswith(f"--max-rejected (FOOTFALL_MAX_REJECTED): '{text}' is ")
    assert ("a share is at most 1.0 or 100%" if "101" in text or "1.01" in text else "(0.2 or 20%)") in said


def test_numbers_of_toml_are_bounds_too(empty_folder: Path) -> None:
    (empty_folder / "footfall.toml").write_text("max_rejected = 1.0\n")
    assert load_settings().max_rejected == MaxRejected(Decimal(1), None)


def test_a_share_is_of_the_rows_read_and_exact() -> None:
    bound = MaxRejected.parse("10%")
    assert bound.allows(rows_read=30, rows_rejected=3)
    assert not bound.allows(rows_read=29, rows_rejected=3)


def test_a_number_bounds_the_rejected_rows_alone() -> None:
    bound = MaxRejected.parse("3")
    assert bound.allows(rows_read=3, rows_rejected=3)
    assert not bound.allows(rows_read=1_000, rows_rejected=4)


@pytest.mark.parametrize("text", ["click, hover", '["hover", "click"]', "hover,click,click,"])
def test_actions_are_a_set_by_commas_or_as_json(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_ACTIONS", text)
    assert load_settings().actions == ("click", "hover")


@pytest.mark.parametrize("text", [",", "[]", "[1]", '["click"', '[""]'])
def test_a_list_of_no_action_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_ACTIONS", text)
    assert "FOOTFALL_ACTIONS in the environment" in refusal()


def test_an_unknown_time_zone_is_answered_with_a_close_one() -> None:
    assert "did you mean Europe/Vienna?" in refusal(source_time_zone="Europe/Viena")


@pytest.mark.parametrize(
    ("name", "value"),
    [("memory_limit_mb", "127"), ("lock_wait_seconds", "-1"), ("max_future_seconds", "1.5"), ("log_format", "xml")],
)
def test_a_number_out_of_bounds_or_an_unknown_word_is_refused(name: str, value: str) -> None:
    assert f"FOOTFALL_{name.upper()}: " in refusal(**{name: value})


def test_a_tilde_in_home_is_the_users_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert load_settings(home="~/footfall").home == Path("/home/somebody/footfall")


@pytest.mark.parametrize("name", ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"])
def test_a_variable_of_libpq_names_a_database(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not has_libpq_variables()
    monkeypatch.setenv(name, "")
    assert not has_libpq_variables()
    monkeypatch.setenv(name, "x")
    assert has_libpq_variables()


@pytest.mark.parametrize("file", ["footfall.example.toml", ".env.example"])
def test_the_example_names_every_setting_with_a_usable_value(file: str, empty_folder: Path) -> None:
    text = (Path(__file__).parents[2] / file).read_text()
    text = text.partition("# [sources.")[0]
    lines = [line[2:] for line in text.splitlines() if re.match(r"# (FOOTFALL_)?[A-Za-z_]+ ?=", line)]
    used = {re.split(r"\W", line.lower().removeprefix("footfall_"))[0]: line for line in lines}
    assert set(used) == set(FIELDS)
    (empty_folder / file.replace(".example", "")).write_text("\n".join(used.values()))
    load_settings()


def test_a_definition_under_source_is_sent_to_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("footfall.toml").write_text('[source.shop]\nuser_id = "who"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"the table of a definition is \[sources.NAME\]"):
        load_settings()
