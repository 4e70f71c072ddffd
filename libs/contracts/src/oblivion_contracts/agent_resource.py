"""The Agent custom resource, `oblivion.dev/v1alpha1`: what people write in YAML and what they read back.

The custom resource definition in helm/oblivion-crds is generated from these classes, so a field's docstring
is what `kubectl explain agent.spec` says, and the rules below are what the API server refuses by.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from oblivion_contracts.agents import AgentDefinition, AgentLimits, Capability, Skill
from oblivion_contracts.identifiers import Alias
from oblivion_contracts.model import Contract

GROUP = "oblivion.dev"
VERSION = "v1alpha1"
KIND = "Agent"
PLURAL = "agents"
TENANT_LABEL = f"{GROUP}/tenant"
SYSTEM_LABEL = f"{GROUP}/system"
"""Where several systems share a cluster: the namespace of the one that looks after a namespace's Agents."""
"""On a namespace: the slug or id of the tenant that its Agents belong to. Set by cluster admins."""

_CAMEL = ConfigDict(
    alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, use_attribute_docstrings=True
)

EGRESS_PATTERN = r"^(none|internet|[0-9A-Fa-f:.]+/[0-9]{1,3}:[0-9]{1,5})$"


def _rules(*rules: tuple[str, str]) -> dict[str, Any]:
    """CEL expressions, each with the sentence that a person reads when it does not hold."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}


_BY_NAME: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}

Quantity = Annotated[
    int | str,
    Field(
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "maxLength": 32,
            **_rules(
                ("type(self) == int || isQuantity(self)", "is no quantity; write one such as 250m or 512Mi")
            ),
        }
    ),
]
Quantities = Annotated[dict[str, Quantity], Field(max_length=10)]
Egress = Annotated[
    str,
    Field(
        max_length=64,
        json_schema_extra=_rules(
            (
                f"self.matches(r'{EGRESS_PATTERN}')",
                "write none, internet, or CIDR:port such as 10.1.0.0/16:5432",
            ),
            (
                "!self.contains('/') || isCIDR(self.substring(0, self.lastIndexOf(':')))",
                "the part before the last colon is no network; write one such as 10.1.0.0/16 or fd00::/8",
            ),
            (
                f"!self.contains('/') || !self.matches(r'{EGRESS_PATTERN}') || "
                "(int(self.substring(self.lastIndexOf(':') + 1)) >= 1 && "
                "int(self.substring(self.lastIndexOf(':') + 1)) <= 65535)",
                "the port must be from 1 to 65535",
            ),
        ),
    ),
]


class ResourceLimits(AgentLimits):
    """Enforced outside the agent's pod, by the gateway and the MCP hub."""

    model_config = _CAMEL


class Resources(Contract):
    """CPU and memory of one pod, as Kubernetes writes them; what is left out comes from the system."""

    model_config = _CAMEL

    requests: Quantities = {}
    """What the scheduler sets aside for it."""
    limits: Quantities = {}
    """What it cannot go over."""


class SecretRef(Contract):
    """A Secret in the Agent's namespace."""

    model_config = _CAMEL

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]


class AgentSpec(AgentDefinition):
    """What the agent is, how many of it run, and what it may reach."""

    model_config = _CAMEL

    image: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """Container image; without one, the reference agent of this system."""
    replicas: Annotated[int, Field(ge=0, le=50)] = 1
    """Pods that run; 0: none until there is work, then one, which sleeps again after idleMinutes."""
    idle_minutes: Annotated[int, Field(ge=1, le=10_080)] = 10
    """Minutes without work after which a woken agent (replicas: 0) is put to sleep."""
    capabilities: Annotated[list[Capability], Field(max_length=50, json_schema_extra=_BY_NAME)] = []
    """Its tasks. None: whatever comes goes to its default handler."""
    skills: Annotated[list[Skill], Field(max_length=20, json_schema_extra=_BY_NAME)] = []
    """Named instructions that go along with its work."""
    aliases: Annotated[
        list[Annotated[Alias, Field(max_length=65)]],
        Field(
            max_length=20,
            json_schema_extra=_rules(
                (
                    "self.all(a, !(a.lowerAscii() in ['@ai_squad', 'ai_squad']))",
                    "@AI_Squad names the whole squad; choose another alias",
                ),
                (
                    "self.all(a, self.exists_one(b, "
                    "a.lowerAscii().replace('@', '') == b.lowerAscii().replace('@', '')))",
                    "each alias may stand here once, without regard to case and to @",
                ),
            ),
        ),
    ] = []
    """What else people may call it, with or without `@`."""
    # Contracts are frozen, so the narrower type is safe.
    limits: ResourceLimits = ResourceLimits()  # pyright: ignore[reportIncompatibleVariableOverride]
    """Enforced outside its pod."""
    secret_refs: Annotated[
        list[SecretRef],
        Field(max_length=20, json_schema_extra=_BY_NAME),
    ] = []
    """Secrets of this namespace whose keys become environment variables, such as GITHUB_TOKEN."""
    resources: Resources = Resources()
    """CPU and memory of one pod; what is left out comes from the system."""
    egress: Annotated[
        list[Egress],
        Field(
            max_length=50,
            json_schema_extra=_rules(
                ("!('none' in self) || size(self) == 1", "none stands alone: it allows nothing else"),
            ),
        ),
    ] = ["internet"]
    """What its pods may reach beside DNS, the gateway and the hub: internet (without private networks),
    CIDR:port, or none."""

    def definition(self) -> AgentDefinition:
        """What the registry stores of it."""
        shared = self.model_dump(include=set(AgentDefinition.model_fields))
        return AgentDefinition.model_validate(shared)


Phase = Literal["Pending", "Starting", "Running", "Asleep", "Failing"]


class Condition(Contract):
    """One thing that holds or does not, why, and what to do."""

    model_config = _CAMEL

    type: Annotated[str, Field(max_length=316)]
    status: Literal["True", "False", "Unknown"]
    observed_generation: int
    last_transition_time: datetime
    reason: Annotated[str, Field(max_length=1024)]
    message: Annotated[str, Field(max_length=32_768)]


class AgentStatus(Contract):
    """How the agent is."""

    model_config = _CAMEL

    phase: Phase | None = None
    """Pending, Starting, Running, Asleep or Failing; the condition Ready says why."""
    online: int = 0
    """Replicas that are connected to the gateway."""
    runs: int = 0
    """Runs that it works on or that wait for it."""
    replicas: int = 0
    """Pods that exist."""
    selector: str = ""
    """Selects its pods; for HorizontalPodAutoscalers."""
    tenant: str = ""
    """Id of the tenant that it belongs to."""
    last_active_at: datetime | None = None
    """When it last had work, or was woken."""
    observed_generation: int = 0
    """Which edit of the spec all this speaks of."""
    conditions: Annotated[
        list[Condition],
        Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
    ] = []
    """Ready, Connected, Muted, OverBudget."""
