"""What the API server takes and refuses of an Agent; nothing is kept, so no operator is needed."""

from typing import Any

import pytest
from lightkube import AsyncClient
from lightkube.core.exceptions import ApiError
from lightkube.types import PatchType

from tests.e2e.operator.scene import AgentResource

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture
def cluster_with_definition(kube: AsyncClient, agent_resource: None) -> AsyncClient:
    return kube


async def applied(kube: AsyncClient, name: str = "fixer", **spec: Any) -> dict[str, Any]:
    """What would be stored (`kubectl apply --server-side --dry-run=server`)."""
    manifest = {
        "apiVersion": "oblivion.dev/v1alpha1",
        "kind": "Agent",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }
    made = await kube.patch(
        AgentResource,
        name,
        manifest,
        namespace="default",
        patch_type=PatchType.APPLY,
        field_manager="kubectl",
        dry_run=True,
    )
    return made.to_dict()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"egress": ["none", "internet"]}, "none stands alone"),
        ({"egress": ["everywhere"]}, "write none, internet, or CIDR:port"),
        ({"egress": ["10.0.0.0/99:80"]}, "is no network"),
        ({"egress": ["10.0.0.0/8:99999"]}, "the port must be from 1 to 65535"),
        ({"aliases": ["@AI_Squad"]}, "names the whole squad"),
        ({"aliases": ["Mender", "@mender"]}, "may stand here once"),
        ({"resources": {"limits": {"memory": "lots"}}}, "is no quantity"),
        ({"replicas": -1}, "greater than or equal to 0"),
        ({"limits": {"messagesPerMinute": 0}}, "greater than or equal to 1"),
        ({"turbo": True}, "not declared in schema"),
        ({"capabilities": [{"name": "a"}, {"name": "a"}]}, "duplicate"),
    ],
)
async def test_what_cannot_be_meant_is_refused_in_words(
    cluster_with_definition: AsyncClient, spec: dict[str, Any], words: str
) -> None:
    with pytest.raises(ApiError) as refused:
        await applied(cluster_with_definition, **spec)

    assert words in str(refused.value.status.message)


async def test_a_name_that_is_too_long_is_refused_in_words(cluster_with_definition: AsyncClient) -> None:
    with pytest.raises(ApiError) as refused:
        await applied(cluster_with_definition, "a" * 64)

    assert "at most 63" in str(refused.value.status.message)


async def test_what_can_be_meant_is_taken(cluster_with_definition: AsyncClient) -> None:
    egress = ["internet", "10.0.0.0/8:5432", "fd00::/8:443"]
    limits = {"memory": "1Gi", "cpu": 2}

    made = await applied(cluster_with_definition, egress=egress, resources={"limits": limits})

    assert made["spec"]["egress"] == egress
    assert (made["spec"]["replicas"], made["spec"]["idleMinutes"]) == (1, 10)
