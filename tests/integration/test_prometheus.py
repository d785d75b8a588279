"""A real Prometheus scrapes the server of metrics, and takes the rules, the example and the dashboard of deploy/."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from footfall.answers.metrics import METRICS
from footfall.results.watching import WatchState
from footfall.settings import Settings, load_settings
from footfall.verbs import load as load_verb
from footfall.verbs.metrics_server import start_metrics_server
from prometheus import PROMETHEUS, PROMTOOL, needs_prometheus

DEPLOY = Path(__file__).resolve().parents[2] / "deploy/metrics"
BOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf-8"))
RULES = (DEPLOY / "alerts.yml").read_text(encoding="utf-8")
AWAY = "postgresql://127.0.0.1:1/none"
OTHERS = {"node_textfile_mtime_seconds"}  # metrics of the node exporter
NAME = re.compile(r"\b(?:footfall|node)_\w+")


def panels() -> list[dict[str, Any]]:
    return [panel for panel in BOARD["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    return [each["expr"].replace("$instance", ".*") for panel in panels() for each in panel["targets"]]


def promtool(*words: str) -> None:
    done = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, timeout=600, check=False, cwd=DEPLOY)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_prometheus
def test_promtool_takes_the_rules_and_the_example() -> None:
    promtool("check", "rules", "alerts.yml")
    promtool("check", "config", "prometheus.yml")


@pytest.mark.slow
@needs_prometheus
def test_each_alert_fires_when_it_should_and_none_when_all_is_well() -> None:
    promtool("test", "rules", "alerts_test.yml")
    tested = (DEPLOY / "alerts_test.yml").read_text(encoding="utf-8")
    for alert in re.findall(r"alert: (\w+)", RULES):
        assert f'alertname="{alert}"' in tested, f"nothing shows that {alert} fires"


@needs_prometheus
def test_prometheus_can_read_each_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"board:{number}", "expr": text} for number, text in enumerate(expressions())]
    file = tmp_path / "board.yml"
    file.write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}))
    promtool("check", "rules", str(file))


def test_rules_and_dashboard_name_metrics_that_there_are() -> None:
    used = set(NAME.findall(RULES)) | {name for text in expressions() for name in NAME.findall(text)}
    assert used - set(METRICS) - OTHERS == set()
    assert used >= OTHERS
    variable = next(each for each in BOARD["templating"]["list"] if each["name"] == "instance")
    assert set(NAME.findall(json.dumps(variable))) == {"footfall_up"}


def test_labels_that_rules_and_dashboard_group_by_are_those_of_the_metric() -> None:
    every = {metric.label for metric in METRICS.values() if metric.label} | {"instance"}
    for text in expressions():
        for labels in re.findall(r"\bby \(([^)]*)\)", text):
            assert set(labels.split(", ")) <= every
    for panel in panels():
        for target in panel["targets"]:
            (metric,) = set(NAME.findall(target["expr"]))
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert label in (METRICS[metric].label, "instance")


def test_panels_of_the_dashboard_stand_side_by_side() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for panel in panels():
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]


@contextmanager
def prometheus(folder: Path, targets: dict[str, int]) -> Iterator[Callable[..., Any]]:
    """Run Prometheus; give what asks its API."""
    jobs = [
        {"job_name": name, "scrape_interval": "1s", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        for name, port in targets.items()
    ]
    config = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": [str(DEPLOY / "alerts.yml")],
        "scrape_configs": jobs,
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                PROMETHEUS,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )

    def ask(path: str, **query: str) -> Any:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            address = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
            with urllib.request.urlopen(address, timeout=600) as answer:
                return json.load(answer)["data"]
        except (urllib.error.URLError, ConnectionError):
            return None

    try:
        yield ask
    finally:
        process.terminate()
        process.wait()


@pytest.mark.slow
@needs_prometheus
def test_prometheus_scrapes_the_server(settings: Settings, write_csv: Callable[..., str], tmp_path: Path) -> None:
    load_verb.load([write_csv("a.csv", "1,1,1,click,2024-01-01", "2,1,1,click,2024-01-01", "x,1,1,,")], settings)
    state = WatchState(places=("inbox",), files_loaded=4)
    with (
        closing(start_metrics_server("0", settings, state)) as server,
        closing(start_metrics_server("0", load_settings(database_url=AWAY))) as away,
        prometheus(tmp_path, {"footfall": server.port, "away": away.port}) as ask,
    ):
        query = '{__name__=~"footfall_.*"}'
        while len({each["metric"]["job"] for each in (ask("query", query=query) or {"result": []})["result"]}) < 2:
            pass
        found = {
            (each["metric"]["job"], each["metric"]["__name__"], each["metric"].get("verdict", "")): each["value"][1]
            for each in ask("query", query=query)["result"]
        }
        targets = {each["labels"]["job"]: each for each in ask("targets")["activeTargets"]}
        rules = [each["name"] for each in ask("rules")["groups"][0]["rules"]]
    assert found["footfall", "footfall_up", ""] == "1"
    assert found["footfall", "footfall_rows", "loaded"] == "2"
    assert found["footfall", "footfall_rows", "rejected"] == "1"
    assert found["footfall", "footfall_watch_files_total", ""] is not None
    assert found["away", "footfall_up", ""] == "0"
    assert ("away", "footfall_rows", "loaded") not in found
    assert {each["health"] for each in targets.values()} == {"up"}
    assert {each["lastError"] for each in targets.values()} == {""}
    assert rules == re.findall(r"alert: (\w+)", RULES)
