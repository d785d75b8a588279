"""Who stages ranges elsewhere: which settings go together, and what leaves this process."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

import footfall
from footfall.errors import CorruptSourceError, FootfallError, SettingsError
from footfall.postgres.addresses import spell_out
from footfall.settings import load_settings
from footfall.verbs.runs.errand import MARK, Errand, find_error, read_error, write_error
from footfall.verbs.runs.spark import REASON_LENGTH, _explain
from footfall.verbs.runs.stagers import assert_usable, run_aside

URL = "postgresql://me:hunter2@db/users"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"engine": "spark", "database_url": URL}, "--engine spark needs --master"),
        ({"engine": "dask", "database_url": URL}, "--engine dask needs --scheduler"),
        ({"master": "spark://host:7077"}, "--master (FOOTFALL_MASTER) goes with --engine spark"),
        ({"engine": "spark", "master": "yarn", "scheduler": "tcp://host:8786"}, "goes with --engine dask"),
        ({"engine": "spark", "master": "yarn", "workers": 2, "database_url": URL}, "--workers (FOOTFALL_WORKERS)"),
        ({"engine": "spark", "master": "spark://host:7077"}, "the embedded PostgreSQL is reached from this machine"),
        ({"engine": "dask", "scheduler": "tcp://host:8786"}, "the embedded PostgreSQL is reached from this machine"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        assert_usable(load_settings(**given))
    assert told in caught.value.message


@pytest.mark.parametrize(
    "given",
    [
        {"workers": 4},
        {"engine": "spark", "master": "spark://host:7077", "database_url": URL},
        {"engine": "spark", "master": "local-cluster[2,1,1024]"},
        {"engine": "spark", "master": "sc://127.0.0.1:15002"},
        {"engine": "dask", "scheduler": "tcp://localhost:8786"},
        {"engine": "dask", "scheduler": "tls://host:8786", "stager_url": URL},
    ],
)
def test_what_goes_together_is_taken(given: dict[str, Any]) -> None:
    assert_usable(load_settings(**given))


@pytest.mark.parametrize("how", [{"again": True}, {"replays": 1}])
def test_again_and_replays_stay_in_one_process(how: Any, tmp_path: Any) -> None:
    (tmp_path / "a.csv").write_text("interaction_id,user_id,product_id,action,timestamp\n")
    with pytest.raises(SettingsError, match="--again and --replays load in one process"):
        footfall.load("a.csv", workers=2, database_url="host=nowhere", **how)


@pytest.mark.parametrize(("engine", "module"), [("spark", "pyspark"), ("dask", "distributed")])
def test_an_engine_that_is_not_installed_is_one_sentence(
    engine: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from footfall.verbs.runs.stagers import open_stagers

    for name in [each for each in sys.modules if each.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SettingsError, match=rf"not installed: pip install 'footfall\[{engine}\]'") as caught:
        open_stagers(load_settings(engine=engine)).__enter__()
    assert caught.value.exit_code == 2


def test_an_errand_shows_no_secret_and_comes_back_from_a_pickle() -> None:
    errand = Errand(URL, "public", 600, "0" * 32)
    for text in (repr(errand), str(errand), repr(errand.do), f"{errand}"):
        assert "hunter2" not in text
    assert pickle.loads(pickle.dumps(errand)) == errand
    assert Errand(**json.loads(json.dumps(errand.write()))) == errand


def test_an_error_comes_back_from_what_an_engine_wraps_around_it() -> None:
    error = CorruptSourceError('ends in the middle of "a\nb"', source="a.csv")
    text = f"Traceback:\n  File x\nStagingError: {MARK}{json.dumps(write_error(error))}\n\tat org.apache.spark"
    found = find_error(text)
    assert type(found) is CorruptSourceError
    assert (found.reason, found.source) == (error.reason, error.source)


@pytest.mark.parametrize("text", ["", "Java heap space", MARK, MARK + '{"kind": "Sou', MARK + "{}"])
def test_what_is_no_error_of_ours_is_not_taken_for_one(text: str) -> None:
    assert find_error(text) is None


def test_a_kind_that_is_no_error_is_the_unexpected_one() -> None:
    assert type(read_error({"kind": "annotations", "reason": "x", "source": None})) is FootfallError


def test_what_spark_says_is_short_and_without_secrets() -> None:
    told = _explain(RuntimeError(f"cannot reach {URL}\n" + "x" * 10_000)).message
    assert "hunter2" not in told
    assert "\n" not in told
    assert len(told) < REASON_LENGTH + 100
    assert "install the same version" in _explain(RuntimeError("No module named 'footfall'")).message


def test_an_address_is_spelled_out_with_what_libpq_takes_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "/nowhere")
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    monkeypatch.setenv("PGDATABASE", "users")
    found = conninfo_to_dict(spell_out("dbname=others application_name=x"))
    assert (found["host"], found["password"], found["dbname"]) == ("/nowhere", "hunter2", "others")
    assert found["application_name"] == "x"
    assert found["user"]
    url = "postgresql://me:hunter2@/users?host=/nowhere"
    assert spell_out(spell_out(url)) == spell_out(url)


@pytest.mark.parametrize("is_in_address", [True, False])
def test_a_service_is_spelled_out_and_comes_before_variables_and_defaults(
    is_in_address: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["host=/nowhere", "port=6000", "user=seller", "dbname=shop", "password=hunter2", "sslmode=disable"]
    (tmp_path / "services").write_text("\n".join(["[shop]", *lines]))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGPORT", "7000")
    monkeypatch.setenv("PGOPTIONS", "-c jit=off")
    if not is_in_address:
        monkeypatch.setenv("PGSERVICE", "shop")
    found = conninfo_to_dict(spell_out("service=shop dbname=stock" if is_in_address else "dbname=stock"))
    assert {f"{name}={found[name]}" for name in ("host", "port", "user", "password", "sslmode")} == {
        *lines[:3],
        *lines[4:],
    }
    assert (found["dbname"], found["options"]) == ("stock", "-c jit=off")
    assert "service" not in found and "servicefile" not in found and "passfile" not in found


@pytest.mark.parametrize("is_in_address", [True, False])
def test_a_service_that_nobody_knows_is_refused_by_name(
    is_in_address: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "services").write_text("")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    if not is_in_address:
        monkeypatch.setenv("PGSERVICE", "nobodys")
    with pytest.raises(SettingsError, match=r"the service 'nobodys' .* PGSERVICEFILE") as caught:
        spell_out("service=nobodys password=hunter2" if is_in_address else "password=hunter2")
    assert "hunter2" not in caught.value.message


@pytest.mark.slow
def test_what_a_thread_raises_is_raised_here_and_ticks_go_on_until_then() -> None:
    from threading import Event

    ticked = Event()

    def work() -> None:
        assert ticked.wait(600)
        raise ValueError("it")

    with pytest.raises(ValueError, match="it"):
        run_aside(work, ticked.set, lambda: None)


@pytest.mark.slow
def test_ctrl_c_gives_up_what_runs_aside() -> None:
    from threading import Event

    given_up = Event()

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_aside(lambda: given_up.wait(600), interrupt, given_up.set)
    assert given_up.is_set()
