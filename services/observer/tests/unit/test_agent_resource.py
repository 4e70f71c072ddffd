"""The YAML that the page shows of an agent is one that a cluster takes, and it leaves nothing out."""

from pathlib import Path

import yaml
from pydantic.alias_generators import to_camel

from oblivion_contracts.agent_resource import GROUP, KIND, VERSION, AgentSpec
from oblivion_contracts.agents import AgentDefinition, AgentLimits

SHOWN = Path(__file__).parents[2] / "web" / "src" / "views" / "agents" / "fixer.golden.yaml"
"""Written by the page's own test of the same agent."""


def test_a_resource_as_the_page_writes_it_is_read_whole():
    resource = yaml.safe_load(SHOWN.read_text())
    assert (resource["apiVersion"], resource["kind"]) == (f"{GROUP}/{VERSION}", KIND)
    read = AgentSpec.model_validate(resource["spec"]).definition()
    assert set(resource["spec"]) == {to_camel(field) for field in AgentDefinition.model_fields}
    assert set(resource["spec"]["limits"]) == {to_camel(field) for field in AgentLimits.model_fields}
    assert read.description == 'Fixes: "bugs"'
    assert [skill.text for skill in read.skills] == ["first: look\n- then: act\n"]
    assert read.examples == ["please fix the login\nsoon"]
    assert (read.limits.usd_per_day, read.limits.messages_per_minute) == (1.5, 7)
