"""lightkube's client → our own words: JSON in and out, and failures by what happens next.

The API server's sentences on a refusal are for the person who wrote the Agent, so they are kept; they name
fields and rules. lightkube gives no types for what a generic call returns: they end here.
"""

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, cast

import httpx2
from lightkube import AsyncClient, generic_resource
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import Event, Namespace, Pod, Secret, ServiceAccount
from lightkube.resources.networking_v1 import NetworkPolicy
from lightkube.types import PatchType

from oblivion_contracts.agent_resource import GROUP, KIND, PLURAL, VERSION
from oblivion_operator.domain.labels import FIELD_MANAGER
from oblivion_operator.domain.manifests import Manifest
from oblivion_operator.errors import ClusterUnavailable, Hindered
from oblivion_operator.metrics import API_CALLS

_generic: Any = generic_resource
AgentResource: Any = _generic.create_namespaced_resource(GROUP, VERSION, KIND, PLURAL)
KINDS: dict[str, Any] = {
    KIND: AgentResource,
    "Deployment": Deployment,
    "Event": Event,
    "Lease": Lease,
    "Namespace": Namespace,
    "NetworkPolicy": NetworkPolicy,
    "Pod": Pod,
    "Secret": Secret,
    "ServiceAccount": ServiceAccount,
}
PAGE = 500
_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY)
_SAID_MAX = 500


class ApiServer:
    """One connection pool to the API server that the ServiceAccount or KUBECONFIG names."""

    def __init__(self) -> None:
        self._client: Any = AsyncClient()

    async def close(self) -> None:
        await self._client.close()

    async def get(self, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
        async with _failures("get", kind):
            try:
                found: Any = await self._call("get", KINDS[kind], name, namespace=namespace)
            except ApiError as error:
                if error.status.code == HTTPStatus.NOT_FOUND:
                    return None
                raise
            return _plain(found)

    async def list(self, kind: str, labels: dict[str, Any] | None = None) -> list[Manifest]:
        """Of every namespace."""
        async with _failures("list", kind):
            found: Any = self._client.list(KINDS[kind], namespace="*", labels=labels, chunk_size=PAGE)
            return [_plain(one) async for one in found]

    async def create(self, manifest: Manifest) -> bool:
        """False: there is one of that name."""
        resource = KINDS[manifest["kind"]]
        async with _failures("create", manifest["kind"]):
            try:
                await self._call("create", resource.from_dict(manifest), field_manager=FIELD_MANAGER)
            except ApiError as error:
                if error.status.code == HTTPStatus.CONFLICT:
                    return False
                raise
            return True

    async def apply(self, manifest: Manifest, *, part: str = "", manager: str = FIELD_MANAGER) -> Manifest:
        """Server-side apply, of the whole or of a subresource such as `Status`; ours wins over others."""
        metadata = manifest["metadata"]
        # A subresource names its own kind, which for `Scale` is not its parent's.
        kind = manifest["kind"] if not part or part == "Status" else "Deployment"
        resource = getattr(KINDS[kind], part) if part else KINDS[kind]
        async with _failures("apply", kind + part):
            return _plain(
                await self._call(
                    "patch",
                    resource,
                    metadata["name"],
                    manifest,
                    namespace=metadata["namespace"],
                    patch_type=PatchType.APPLY,
                    field_manager=manager,
                    force=True,
                )
            )

    async def replace(self, manifest: Manifest) -> bool:
        """False: somebody else changed it since it was read."""
        resource = KINDS[manifest["kind"]]
        async with _failures("replace", manifest["kind"]):
            try:
                await self._call("replace", resource.from_dict(manifest))
            except ApiError as error:
                if error.status.code == HTTPStatus.CONFLICT:
                    return False
                raise
            return True

    async def _call(self, verb: str, *arguments: Any, **options: Any) -> Any:
        return await getattr(self._client, verb)(*arguments, **options)


def _plain(found: Any) -> Manifest:
    return cast("Manifest", found.to_dict())


@asynccontextmanager
async def _failures(verb: str, kind: str) -> AsyncGenerator[None]:
    API_CALLS.labels(verb, kind).inc()
    try:
        yield
    except ApiError as error:
        said = " ".join((error.status.message or "").split())[:_SAID_MAX]
        if error.status.code == HTTPStatus.NOT_FOUND and kind == KIND:
            raise ClusterUnavailable(
                "definition_missing",
                "The cluster knows no Agents. Install the chart oblivion-crds; the operator waits for it.",
            ) from None
        if error.status.code in _REFUSALS:
            reason = "Forbidden" if error.status.code == HTTPStatus.FORBIDDEN else "Refused"
            raise Hindered(reason, f"The cluster refuses to {verb} the {kind}: {said}") from None
        raise ClusterUnavailable(
            "cluster_unavailable", f"The cluster did not {verb} the {kind}: {said or error.status.code}"
        ) from None
    except (httpx2.HTTPError, ConfigError, ssl.SSLError, OSError) as error:
        raise ClusterUnavailable(
            "cluster_unavailable", f"The API server does not answer ({type(error).__name__})."
        ) from None
