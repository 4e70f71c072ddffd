"""The chart grants what `rbac.yaml` says: what the tests on a cluster run with is what is installed."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[4]
RIGHTS = ROOT / "services/operator/rbac.yaml"
CHART = ROOT / "helm/operator/templates/rbac.yaml"


def granted(documents: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for document in documents
        for rule in document.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def plain(template: str) -> list[dict[str, Any]]:
    """A chart's template without what only Helm understands, which names things and grants nothing."""
    lines = [line for line in template.splitlines() if "{{" not in line]
    return [document for document in yaml.safe_load_all("\n".join(lines)) if document]


def test_the_chart_grants_what_the_operator_needs_and_no_more() -> None:
    needed = granted(list(yaml.safe_load_all(RIGHTS.read_text())))

    assert granted(plain(CHART.read_text())) == needed


def test_neither_lets_the_operator_list_or_change_secrets() -> None:
    for documents in (list(yaml.safe_load_all(RIGHTS.read_text())), plain(CHART.read_text())):
        verbs = {verb for _, resource, verb in granted(documents) if resource == "secrets"}
        assert verbs == {"get", "create"}


def test_every_call_that_the_code_makes_is_granted() -> None:
    """The kinds that the adapters know, at least to be read or made."""
    from oblivion_operator.adapters.api_server import KINDS

    resources = {resource for _, resource, _ in granted(list(yaml.safe_load_all(RIGHTS.read_text())))}
    plurals = {re.sub("y$", "ie", kind.lower()) + "s" for kind in KINDS}

    assert plurals - resources == set()
