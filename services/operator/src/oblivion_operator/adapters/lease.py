"""The Lease that says which operator leads."""

from datetime import UTC, datetime

from oblivion_operator.adapters.api_server import ApiServer
from oblivion_operator.domain.manifests import Manifest, part
from oblivion_operator.usecases.lead import LEASE_NAME, Held


class ClusterLease:
    """Implements `usecases.lead.Lease`."""

    def __init__(self, api: ApiServer, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    async def read(self) -> Held | None:
        found = await self._api.get("Lease", LEASE_NAME, self._namespace)
        if found is None:
            return None
        spec = part(found, "spec")
        return Held(
            holder=spec.get("holderIdentity") or "",
            renewed=str(spec.get("renewTime", "")),
            duration_s=float(spec.get("leaseDurationSeconds") or 0),
            version=found["metadata"]["resourceVersion"],
        )

    async def write(self, holder: str, duration_s: float, over: Held | None) -> bool:
        manifest: Manifest = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": LEASE_NAME, "namespace": self._namespace},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": max(1, round(duration_s)),
                "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            },
        }
        if over is None:
            return await self._api.create(manifest)
        manifest["metadata"]["resourceVersion"] = over.version
        return await self._api.replace(manifest)
