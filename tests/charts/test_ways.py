"""Who may reach whom: both ends of every way that the NetworkPolicies leave open."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from tests.charts.conftest import Json, Render, of_kind
from tests.charts.test_rendering import EVERYTHING

NAME, SYSTEM = "app.kubernetes.io/name", "app.kubernetes.io/part-of"
WAYS = {
    "ingestion": {"postgres", "redis", "sandbox"},
    "router-worker": {"postgres", "redis", "ingestion", "sandbox"},
    "gateway": {"postgres", "redis", "qdrant", "sandbox"},
    "mcp-hub": {"postgres", "redis", "sandbox", "stdio-files"},
    "observer": {"gateway", "redis"},
    "operator": {"gateway"},
    "cli": {"postgres", "redis", "ingestion", "gateway", "mcp-hub", "sandbox"},
    "database": {"postgres"},
    "sandbox": {"ingestion", "gateway", "mcp-hub", "observer"},
    "stdio-files": set[str](),
    "postgres": set[str](),
    "redis": set[str](),
    "qdrant": set[str](),
}
"""The arrows of design and of docs/install/kubernetes.md, from who begins."""
TO_THE_INTERNET = {"ingestion", "router-worker", "gateway", "mcp-hub", "cli"}
TO_THE_API_SERVER = {"operator", "gateway", "database", "sandbox-connect"}
OF_A_TRIAL = {"sandbox-connect"}
"""Its Job reaches all of the system, once."""
ANYBODY = {"ingestion", "gateway", "mcp-hub", "observer", "sandbox"}
"""Behind the Ingress controller, wherever that is."""
NAMED: Json = {
    "global": {
        "otlpEndpoint": "http://collector.watching:4318",
        "model": {"name": "openai:own", "baseUrl": "https://model.example.internal/v1"},
        "qdrant": {"url": "http://qdrant.stores:6333"},
        "database": {"host": "postgres.example.internal", "port": 5433},
        "redis": {"host": "redis.example.internal", "port": 6380},
    }
}
"""What values may name by an address."""
METADATA_SERVICES = ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fe80::a9fe:a9fe")


@pytest.fixture
def policies(render: Render) -> dict[str, Json]:
    found = of_kind(render("helm/oblivion", EVERYTHING), "NetworkPolicy")
    return {each["spec"]["podSelector"]["matchLabels"][NAME]: each["spec"] for each in found}


def called(policy: Json) -> set[str]:
    """The parts of the system that it lets its pods call."""
    to = [each for rule in policy.get("egress", []) for each in rule.get("to", [])]
    return {each["podSelector"]["matchLabels"][NAME] for each in to if "podSelector" in each}


def lets_in(policy: Json, caller: str) -> bool:
    labels = {NAME: caller, SYSTEM: "oblivion"}
    return any(
        peer.get("podSelector", {}).get("matchLabels", {}).items() <= labels.items()
        for rule in policy.get("ingress", [])
        for peer in rule["from"]
        if "matchExpressions" not in peer.get("podSelector", {})
    )


def ports_to_anywhere(policy: Json) -> list[set[Any]]:
    return [{each["port"] for each in rule["ports"]} for rule in policy.get("egress", []) if "to" not in rule]


def ports_of_addresses(policy: Json) -> list[set[Any]]:
    """Those that it reaches in the cluster, in a private network and outside."""
    rules = [each for each in policy.get("egress", []) if reaches(each, "10.1.2.3") and "to" in each]
    return [
        {each["port"] for each in rule["ports"]} for rule in rules if {"namespaceSelector": {}} in rule["to"]
    ]


def reaches(rule: Json, address: str) -> bool:
    """Whether it lets its pods call that address, which is no pod's."""
    blocks = [each["ipBlock"] for each in rule.get("to", []) if "ipBlock" in each]
    return "to" not in rule or any(
        is_within(address, block["cidr"])
        and not any(is_within(address, left_out) for left_out in block.get("except", []))
        for block in blocks
    )


def is_within(address: str, network: str) -> bool:
    return ip_address(address) in ip_network(network)


def test_each_part_calls_the_parts_that_it_needs_and_no_other(policies: dict[str, Json]) -> None:
    of_parts = {name: policy for name, policy in policies.items() if name not in OF_A_TRIAL}
    assert {name: called(policy) for name, policy in of_parts.items()} == WAYS


def test_whoever_is_called_lets_the_caller_in(policies: dict[str, Json]) -> None:
    shut = {
        (caller, part)
        for caller, parts in WAYS.items()
        for part in parts
        if not lets_in(policies[part], caller)
    }
    assert shut == set()


def test_only_what_stands_behind_the_ingress_lets_in_who_is_no_part_of_the_system(
    policies: dict[str, Json],
) -> None:
    def is_open(policy: Json) -> bool:
        return any(
            peer == {"namespaceSelector": {}} for rule in policy.get("ingress", []) for peer in rule["from"]
        )

    assert {name for name, policy in policies.items() if is_open(policy)} == ANYBODY


def test_only_who_needs_the_internet_or_the_api_server_reaches_it(policies: dict[str, Json]) -> None:
    to_the_internet = {
        name
        for name, policy in policies.items()
        for rule in policy.get("egress", [])
        for peer in rule.get("to", [])
        if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
    }
    to_the_api_server = {
        name for name, policy in policies.items() if {443, 6443} in ports_to_anywhere(policy)
    }
    assert to_the_internet == TO_THE_INTERNET
    assert to_the_api_server == TO_THE_API_SERVER


def test_what_the_values_name_by_an_address_is_reached_even_where_it_is_private(render: Render) -> None:
    found = of_kind(render("helm/oblivion", NAMED), "NetworkPolicy")
    ports = {
        each["spec"]["podSelector"]["matchLabels"][NAME]: ports_of_addresses(each["spec"]) for each in found
    }
    assert ports["router-worker"] == [{5433}, {6380}, {4318}, {443}]
    assert ports["gateway"] == [{5433}, {6380}, {4318}, {6333}]
    # Its queue board, beside the page.
    assert ports["observer"] == [{6380}, {4318}]


@pytest.mark.parametrize("address", METADATA_SERVICES)
def test_no_value_opens_a_way_to_the_clouds_metadata_service(render: Render, address: str) -> None:
    found = of_kind(render("helm/oblivion", {**EVERYTHING, **NAMED}), "NetworkPolicy")
    web = {443, 6443}  # Of the API server, wherever it is; the metadata service answers at port 80 alone.
    open_ways = {
        each["metadata"]["name"]: rule
        for each in found
        for rule in each["spec"].get("egress", [])
        if reaches(rule, address) and {port["port"] for port in rule.get("ports", [])} != web
    }
    assert open_ways == {}


def test_a_qdrant_of_this_release_opens_no_further_way(render: Render) -> None:
    values = {"qdrant": {"enabled": True}, "global": {"qdrant": {"url": "http://oblivion-qdrant:6333"}}}
    (policy,) = of_kind(render("helm/gateway", {"global": values["global"]}), "NetworkPolicy")
    assert {6333} not in ports_of_addresses(policy["spec"])
    assert "qdrant" in called(policy["spec"])
