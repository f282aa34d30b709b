"""The manifests: against the schemas of Kubernetes' own API, and against one another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from smtpguard.policy.loader import load_policy
from smtpguard.relay.settings import load_settings
from tests.deploy.places import DEPLOY

VERSIONS = ("1.30", "1.34", "1.37")
"""The first that has preStop.sleep by default, one between, the newest that there is a schema of."""

DOCUMENTS: list[dict[str, Any]] = [
    document
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for document in YAML(typ="safe").load_all(path.read_text())
]


def of(kind: str) -> dict[str, Any]:
    [document] = [document for document in DOCUMENTS if document["kind"] == kind]
    return document


DEPLOYMENT = of("Deployment")["spec"]
POD = DEPLOYMENT["template"]["spec"]
CONTAINER = POD["containers"][0]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["kind"])
def test_the_schema_knows_every_field(document: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


def test_a_field_that_is_none_would_show() -> None:
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**of("Service"), "spek": {}}, VERSIONS[-1], strict=True)


def test_everything_speaks_of_the_same_pods() -> None:
    labels = DEPLOYMENT["template"]["metadata"]["labels"]
    assert DEPLOYMENT["selector"]["matchLabels"] == labels
    assert of("Service")["spec"]["selector"] == labels
    assert of("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert of("NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels


def test_every_port_that_is_named_is_one_of_the_container() -> None:
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    named = {port["targetPort"] for port in of("Service")["spec"]["ports"]}
    for rule in of("NetworkPolicy")["spec"]["ingress"]:
        named |= {port["port"] for port in rule["ports"]}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        named |= {(CONTAINER[probe].get("tcpSocket") or CONTAINER[probe]["httpGet"])["port"]}
    assert named == set(ports)
    assert all(number > 1023 for number in ports.values())


def test_one_guard_stays_and_none_is_taken_before_another_is_ready() -> None:
    assert of("PodDisruptionBudget")["spec"]["minAvailable"] < DEPLOYMENT["replicas"]
    assert DEPLOYMENT["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_there_is_time_to_drain(tmp_path: Path) -> None:
    path = tmp_path / "guard.yaml"
    path.write_text(of("ConfigMap")["data"]["guard.yaml"])
    waits = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"] + load_settings(path).drain
    assert waits + 10 < POD["terminationGracePeriodSeconds"]


def test_the_policy_is_one(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(of("ConfigMap")["data"]["policy.yaml"])
    assert load_policy(str(path)).name


def test_no_rights() -> None:
    context = CONTAINER["securityContext"]
    assert POD["securityContext"]["runAsNonRoot"]
    assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert POD["automountServiceAccountToken"] is False
