"""The dashboard and the alert rules ask for figures that exist, with the labels that these have."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from smtpguard.watch.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "smtpguard.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"

_NAME = re.compile(r"smtpguard_\w+")
_BY = re.compile(r"by \(([^)]*)\)")
_LEGEND = re.compile(r"{{\s*(?:\$labels\.)?(\w+)\s*}}")


def panels() -> list[tuple[str, list[str]]]:
    """Each expression of the dashboard, with the labels that its legend names."""
    return [
        (target["expr"], _LEGEND.findall(target["legendFormat"]))
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for target in panel["targets"]
    ]


def rules() -> list[dict[str, object]]:
    return [rule for group in YAML(typ="safe").load(ALERTS)["groups"] for rule in group["rules"]]


def unknown(expression: str) -> set[str]:
    return set(_NAME.findall(expression)) - Metrics().names()


def test_every_figure_of_the_dashboard_exists() -> None:
    assert len(panels()) > 20
    for expression, _ in panels():
        assert _NAME.search(expression)
        assert unknown(expression) == set(), expression


def test_every_figure_of_the_alerts_exists() -> None:
    assert len(rules()) > 8
    for rule in rules():
        assert unknown(str(rule["expr"])) == set(), rule


def test_a_figure_that_does_not_exist_is_found() -> None:
    assert unknown("rate(smtpguard_no_such_thing_total[5m]) + smtpguard_ready") == {"smtpguard_no_such_thing_total"}


def test_labels_are_those_of_the_figures() -> None:
    known = Metrics().labels()
    for expression, legend in panels():
        [name, *_] = _NAME.findall(expression)
        for label in {*legend, *(word.strip() for some in _BY.findall(expression) for word in some.split(","))}:
            assert label in {*known[name], "instance", "le"}, (expression, label)


def test_every_figure_is_shown_somewhere() -> None:
    """All but the version, and what only alerts or people at a prompt ask for."""
    shown = {name for expression, _ in panels() for name in _NAME.findall(expression)}
    shown |= {name for rule in rules() for name in _NAME.findall(str(rule["expr"]))}
    left = {name for name in Metrics().names() if not name.endswith(("_sum", "_count"))} - shown
    assert left == {"smtpguard_info", "smtpguard_uncertain_total"}


@pytest.mark.real
def test_prometheus_takes_the_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run(
        [promtool, "check", "rules", str(ALERTS)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{len(rules())} rules found" in done.stdout
