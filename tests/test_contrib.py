"""What is shipped beside the program for Prometheus and Grafana: it loads, and speaks of metrics that there are."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from msgspec.structs import replace

from reconciler.daemon.metrics import Metrics
from tests.render.page_stories import NOW, RICH, certificate

CONTRIB: Final = Path(__file__).resolve().parents[1] / "contrib"
RULES: Final = CONTRIB / "prometheus" / "cluster-pki.rules.yaml"
TRIED: Final = CONTRIB / "prometheus" / "cluster-pki.rules.test.yaml"
GUIDE: Final = CONTRIB / "prometheus" / "README.md"
DASHBOARD: Final = CONTRIB / "grafana" / "cluster-pki.json"
#: A metric's name, and what stands in braces after it.
USE: Final = re.compile(r"\b((?:cluster_pki|process)_[a-z_]+)\b(?:\{([^}]*)\})?")
LABEL: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
#: Prometheus adds these to every series.
ADDED: Final = {"job", "instance"}


def known() -> dict[str, set[str]]:
    """Every series that the program tells, with its labels."""
    others = (replace(certificate("crl.etcd"), type="crl"), replace(certificate("ca.etcd"), type="ca", phase="stable"))
    shown = replace(RICH, resources=[*RICH.resources, *others])
    metrics = Metrics(lambda: shown, version="1", clock=lambda: NOW)
    metrics.observe_pass("success", 0.1)
    metrics.count_operation("reissue", "RenewalDue", "success")
    found: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    assert len({group["name"] for group in groups}) == len(groups)
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[str]:
    """Everything that is asked of Prometheus."""
    yield from (rule["expr"] for rule in rules())
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (each["expr"] for each in board["annotations"]["list"])
    yield from (each["definition"] for each in board["templating"]["list"] if "definition" in each)


@pytest.mark.parametrize("expression", [*expressions()])
def test_metrics_that_there_are(expression: str) -> None:
    """Each name is told by the program, and has the labels by which it is chosen; brackets are closed."""
    told = known()
    uses = USE.findall(expression)
    assert uses
    assert [name for name, _ in uses if name not in told] == []
    assert [(name, label) for name, braces in uses for label in LABEL.findall(braces) if label not in told[name] | ADDED] == []
    assert [expression.count(bracket) for bracket in "({["] == [expression.count(bracket) for bracket in ")}]"]


def test_every_metric_is_looked_at() -> None:
    """What is told and neither alerted on nor drawn would be told to nobody."""
    used = {name for expression in expressions() for name, _ in USE.findall(expression)}
    ours = {name for name in known() if name.startswith("cluster_pki_") and not name.endswith(("_created", "_sum", "_count"))}
    assert ours - used == set()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_alerts_say_what_to_do(rule: dict[str, Any]) -> None:
    """Each has a severity, words, and a section in the guide."""
    assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"contrib/prometheus/README.md#{rule['alert'].lower()}"
    assert f"\n## {rule['alert']}\n" in GUIDE.read_text(encoding="utf-8")


def test_alerts_have_names_of_their_own() -> None:
    """One name, one alert, one section."""
    names = [rule["alert"] for rule in rules()]
    assert sorted(names) == sorted(re.findall(r"^## (\w+)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE))
    assert len(names) == len(set(names))


def test_conditions_in_alerts_are_conditions() -> None:
    """A misspelled type would never fire."""
    known_types = {
        "Ready", "SourceVerified", "Reconciling", "Stalled", "Suspended", "ClockUncertain", "Flapping", "BudgetExhausted",
        "HooksFailing", "ServedStale", "RotationWaiting",
    }  # fmt: skip
    named = {
        part for expression in expressions() for words in re.findall(r'type=~?"([^"]*)"', expression) for part in words.split("|")
    }
    assert named
    assert named - known_types == set()


def test_the_trial_of_the_rules_speaks_of_them() -> None:
    """Its alerts and series are those of the rules."""
    trial = yaml.safe_load(TRIED.read_text(encoding="utf-8"))
    assert trial["rule_files"] == [RULES.name]
    tried = {case["alertname"] for test in trial["tests"] for case in test["alert_rule_test"]}
    assert tried - {rule["alert"] for rule in rules()} == set()
    series = {USE.findall(each["series"])[0][0] for test in trial["tests"] for each in test["input_series"]}
    assert series - set(known()) == set()


def test_promtool_agrees(tmp_path: Path) -> None:
    """Prometheus' own tool reads every expression, of rules and panels, and tries the rules."""
    asked = [each.replace("$__rate_interval", "5m") for each in expressions() if not each.startswith("label_values")]
    drawn = [{"record": f"drawn:{number}", "expr": each} for number, each in enumerate(asked)]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": drawn}]}), encoding="utf-8")
    checks = (("check", "rules", RULES.name), ("test", "rules", TRIED.name), ("check", "rules", str(tmp_path / "all.yaml")))
    for command in checks:
        done = subprocess.run(["promtool", *command], cwd=RULES.parent, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_dashboard() -> None:
    """Panels have ids of their own, do not lie on each other, and ask the chosen data source."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} == set(range(24))
    sources = {target["datasource"]["uid"] for panel in panels for target in panel.get("targets", ())}
    assert sources == {"${datasource}"}
    variables = {each["name"] for each in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(board))) - {"__rate_interval", "__all"}
    assert used == variables
