"""A cluster, a gateway and a clock in memory, for tests: what they hold can be looked at and broken."""

import base64
import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from oblivion_contracts.agent_operator import (
    AgentDemand,
    AgentRegistered,
    RegisterAgent,
    RetainAgents,
    TenantNamed,
)
from oblivion_contracts.agent_resource import KIND
from oblivion_operator.domain.agents import Ref
from oblivion_operator.domain.labels import MANAGED_BY
from oblivion_operator.domain.manifests import Body, Manifest, part
from oblivion_operator.errors import ClusterUnavailable, GatewayUnavailable
from oblivion_operator.ports import EventKind
from oblivion_operator.usecases.lead import Held
from oblivion_platform.client_credentials import ClientId

Key = tuple[str, str, str]


@dataclass
class MemoryCluster:
    """Implements `ports.Cluster`; `writes` counts, and `break_after` lets it fail after so many."""

    objects: dict[Key, Manifest] = field(default_factory=dict[Key, Manifest])
    events: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    writes: list[str] = field(default_factory=list[str])
    break_after: int | None = None
    version: int = 0

    def put(self, kind: str, namespace: str, name: str, **body: Any) -> Manifest:
        """Have it there, as if somebody else had made it."""
        metadata = {"name": name, "namespace": namespace, "uid": str(uuid4()), "generation": 1}
        made = {"kind": kind, **body, "metadata": {**metadata, **body.get("metadata", {})}}
        self.objects[kind, namespace, name] = made
        self._stamp(made)
        return made

    async def agents(self) -> Sequence[Body]:
        return self._all(KIND)

    async def agent(self, ref: Ref) -> Body | None:
        return self._copy((KIND, ref.namespace, ref.name))

    async def namespace(self, name: str) -> Body | None:
        return self._copy(("Namespace", "", name))

    async def children(self, kind: str) -> Sequence[Body]:
        return [body for body in self._all(kind) if MANAGED_BY in part(body, "metadata", "labels")]

    async def child(self, kind: str, ref: Ref) -> Body | None:
        return self._copy((kind, ref.namespace, ref.name))

    async def create(self, manifest: Manifest) -> bool:
        key = _key(manifest)
        if key in self.objects:
            return False
        made = copy.deepcopy(manifest)
        encoded = {
            name: base64.b64encode(text.encode()).decode() for name, text in part(made, "stringData").items()
        }
        made.pop("stringData", None)
        self._write("create", key, {**made, "data": encoded})
        return True

    async def apply(self, manifest: Manifest) -> Body:
        key = _key(manifest)
        known = self.objects.get(key, {})
        merged = {**copy.deepcopy(manifest), "status": known.get("status", {})}
        if key[0] == "Deployment":
            merged["spec"].setdefault("replicas", part(known, "spec").get("replicas", 1))
        merged["metadata"] = {**part(known, "metadata"), **merged["metadata"]}
        if {k: v for k, v in merged.items() if k != "metadata"} == {
            k: v for k, v in known.items() if k != "metadata"
        }:
            return copy.deepcopy(known)
        self._write("apply", key, merged)
        return copy.deepcopy(self.objects[key])

    async def scale(self, deployment: Ref, replicas: int) -> None:
        key = ("Deployment", deployment.namespace, deployment.name)
        known = self.objects[key]
        if known["spec"]["replicas"] != replicas:
            self._write("scale", key, {**known, "spec": {**known["spec"], "replicas": replicas}})

    async def write_status(self, ref: Ref, uid: UUID, status: Manifest) -> None:
        known = self.objects.get((KIND, ref.namespace, ref.name))
        if known is not None and known["metadata"]["uid"] == str(uid):
            self._write("status", (KIND, ref.namespace, ref.name), {**known, "status": copy.deepcopy(status)})

    async def tell(self, ref: Ref, uid: UUID, kind: EventKind, reason: str, message: str) -> None:
        del ref, uid
        self.events.append((kind, reason, message))

    def _write(self, verb: str, key: Key, body: Manifest) -> None:
        if self.break_after is not None and len(self.writes) >= self.break_after:
            raise ClusterUnavailable("cluster_unavailable", "broken by the test")
        self.writes.append(f"{verb} {key[0]}")
        body = copy.deepcopy(body)
        body["metadata"].setdefault("uid", str(uuid4()))
        body["metadata"].setdefault("generation", 1)
        self.objects[key] = body
        self._stamp(body)

    def _stamp(self, body: Manifest) -> None:
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)

    def _all(self, kind: str) -> list[Manifest]:
        return [copy.deepcopy(body) for key, body in self.objects.items() if key[0] == kind]

    def _copy(self, key: Key) -> Manifest | None:
        return copy.deepcopy(self.objects.get(key))


@dataclass
class MemoryGateway:
    """Implements `ports.Gateway`."""

    tenants: dict[str, TenantNamed] = field(default_factory=dict[str, TenantNamed])
    registered: dict[UUID, RegisterAgent] = field(default_factory=dict[UUID, RegisterAgent])
    demands: dict[UUID, AgentDemand] = field(default_factory=dict[UUID, AgentDemand])
    retained: list[RetainAgents] = field(default_factory=list[RetainAgents])
    is_away: bool = False
    refusal: Exception | None = None

    async def tenant(self, slug_or_id: str) -> TenantNamed | None:
        self._be_there()
        return self.tenants.get(slug_or_id)

    async def register(self, uid: UUID, wish: RegisterAgent) -> AgentRegistered:
        self._be_there()
        if self.refusal is not None:
            raise self.refusal
        self.registered[uid] = wish
        return AgentRegistered(client_id=str(ClientId(wish.tenant_id, uid)), state="active")

    async def demand(self, tenants: Sequence[UUID]) -> Sequence[AgentDemand]:
        del tenants
        self._be_there()
        return list(self.demands.values())

    async def retain(self, wish: RetainAgents) -> Sequence[UUID]:
        self._be_there()
        self.retained.append(wish)
        return []

    def _be_there(self) -> None:
        if self.is_away:
            raise GatewayUnavailable("gateway_unavailable", "The gateway does not answer.")


@dataclass
class MemoryLease:
    """Implements `usecases.lead.Lease`."""

    held: Held | None = None
    version: int = 0
    is_away: bool = False

    async def read(self) -> Held | None:
        self._be_there()
        return self.held

    async def write(self, holder: str, duration_s: float, over: Held | None) -> bool:
        self._be_there()
        if (over.version if over else None) != (self.held.version if self.held else None):
            return False
        self.version += 1
        self.held = Held(holder, f"renewal {self.version}", duration_s, str(self.version))
        return True

    def _be_there(self) -> None:
        if self.is_away:
            raise ClusterUnavailable("cluster_unavailable", "broken by the test")


@dataclass
class ManualClock:
    """Implements `ports.Clock`; stands still until it is moved."""

    time: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic_s(self) -> float:
        return self.time.timestamp()

    def pass_s(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def _key(manifest: Manifest) -> Key:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata["namespace"], metadata["name"]
