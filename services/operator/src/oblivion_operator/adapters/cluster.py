"""Agents and what they own, at the API server."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from oblivion_contracts.agent_resource import GROUP, KIND, VERSION
from oblivion_operator.adapters.api_server import ApiServer
from oblivion_operator.domain.agents import Ref
from oblivion_operator.domain.labels import FIELD_MANAGER, MANAGED_BY, SCALER
from oblivion_operator.domain.manifests import Body, Manifest
from oblivion_operator.errors import ClusterUnavailable, Hindered
from oblivion_operator.ports import EventKind
from oblivion_platform.logging import get_logger

API_VERSION = f"{GROUP}/{VERSION}"
MESSAGE_MAX = 1024
"""Of an Event. Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/"""

_log = get_logger(__name__)


class LiveCluster:
    """Implements `ports.Cluster`."""

    def __init__(self, api: ApiServer, reporter: str) -> None:
        self._api = api
        self._reporter = reporter

    async def agents(self) -> Sequence[Body]:
        return await self._api.list(KIND)

    async def agent(self, ref: Ref) -> Body | None:
        return await self._api.get(KIND, ref.name, ref.namespace)

    async def namespace(self, name: str) -> Body | None:
        return await self._api.get("Namespace", name)

    async def children(self, kind: str) -> Sequence[Body]:
        return await self._api.list(kind, {MANAGED_BY: FIELD_MANAGER})

    async def child(self, kind: str, ref: Ref) -> Body | None:
        return await self._api.get(kind, ref.name, ref.namespace)

    async def create(self, manifest: Manifest) -> bool:
        return await self._api.create(manifest)

    async def apply(self, manifest: Manifest) -> Body:
        return await self._api.apply(manifest)

    async def scale(self, deployment: Ref, replicas: int) -> None:
        manifest = {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": deployment.name, "namespace": deployment.namespace},
            "spec": {"replicas": replicas},
        }
        await self._api.apply(manifest, part="Scale", manager=SCALER)

    async def write_status(self, ref: Ref, uid: UUID, status: Manifest) -> None:
        manifest = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            # With its uid: one of the same name that came after it is left alone.
            "metadata": {"name": ref.name, "namespace": ref.namespace, "uid": str(uid)},
            "status": status,
        }
        try:
            await self._api.apply(manifest, part="Status")
        except ClusterUnavailable:
            found = await self._api.get(KIND, ref.name, ref.namespace)
            if found is not None and found["metadata"]["uid"] == str(uid):
                raise

    async def tell(self, ref: Ref, uid: UUID, kind: EventKind, reason: str, message: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{ref.name}.", "namespace": ref.namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": ref.name,
                "namespace": ref.namespace,
                "uid": str(uid),
            },
            "type": kind,
            "reason": reason,
            "message": message[:MESSAGE_MAX],
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
            "reportingInstance": self._reporter,
        }
        try:
            await self._api.create(event)
        except (ClusterUnavailable, Hindered) as failure:
            _log.info("event not posted", reason=reason, failure=failure.message)
