"""Settings of the operator."""

import socket
from pathlib import Path
from typing import Literal

from pydantic import Field

from oblivion_operator.domain.children import House
from oblivion_platform.settings import HttpSettings, LogSettings, ServiceUrl


class Settings(HttpSettings, LogSettings):
    """Everything that the operator reads from its environment, but for how it reaches the cluster: its
    ServiceAccount, or KUBECONFIG."""

    gateway_url: ServiceUrl = Field(description="The gateway: http://gateway.oblivion.svc:8000")
    gateway_token_file: Path = Field(
        default=Path("/var/run/secrets/oblivion/gateway/token"),
        description="File with a ServiceAccount token for the audience oblivion-gateway, kept new.",
    )
    agent_gateway_url: ServiceUrl | None = Field(
        default=None, description="The gateway as agents' pods reach it, if that is another address."
    )
    agent_image: str = Field(default="", description="Image of Agents that name none.")
    agent_image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = Field(
        default="IfNotPresent", description="When nodes fetch an agent's image."
    )
    agents_reach: str = Field(
        default="gateway,mcp-hub,sandbox",
        description="app.kubernetes.io/name of pods in the system's namespace that agents may always reach.",
    )
    system_namespace: str = Field(
        default="oblivion", description="Namespace of gateway and hub, and of the operator's Lease."
    )
    llm_model: str = Field(default="", description="Handed to every agent as OBLIVION_LLM_MODEL.")
    llm_base_url: ServiceUrl | None = Field(
        default=None, description="Handed to every agent as OBLIVION_LLM_BASE_URL."
    )
    identity: str = Field(
        default="",
        description="Name in the Lease, another one for each operator that runs at once. Empty: the host's.",
    )
    lease_s: float = Field(default=15.0, ge=1, description="Seconds after which a silent leader is replaced.")
    demand_every_s: float = Field(
        default=2.0, gt=0, description="Seconds between two questions to the gateway about waiting work."
    )
    resync_every_s: float = Field(
        default=60.0, gt=0, description="Seconds between two thorough looks at every Agent."
    )
    watch_quiet_s: float = Field(
        default=70.0, gt=0, description="Seconds after which a watch that says nothing is begun anew."
    )
    agents_at_once: int = Field(default=10, ge=1, le=100, description="Agents looked after at the same time.")

    @property
    def lease_holder(self) -> str:
        return self.identity or socket.gethostname()

    def house(self) -> House:
        environment = {
            "OBLIVION_LLM_MODEL": self.llm_model,
            "OBLIVION_LLM_BASE_URL": self.llm_base_url or "",
        }
        return House(
            gateway_url=(self.agent_gateway_url or self.gateway_url).rstrip("/"),
            default_image=self.agent_image,
            image_pull_policy=self.agent_image_pull_policy,
            system_namespace=self.system_namespace,
            reachable=tuple(name for name in map(str.strip, self.agents_reach.split(",")) if name),
            environment=tuple((name, value) for name, value in environment.items() if value),
        )
