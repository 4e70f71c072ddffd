"""A cluster, a gateway, and operators as processes of their own, with no more rights than the chart gives."""

import asyncio
import base64
import contextlib
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import yaml
from lightkube import AsyncClient
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.authentication_v1 import TokenRequestSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import (
    Event,
    Namespace,
    Node,
    Pod,
    Secret,
    ServiceAccount,
    ServiceAccountToken,
)
from lightkube.resources.networking_v1 import NetworkPolicy
from lightkube.resources.rbac_authorization_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding
from lightkube.types import PatchType
from sqlalchemy import text

from oblivion_gateway.testing import TestTenant, World
from oblivion_platform.testing import eventually
from tests.e2e.operator.api_proxy import ApiProxy

ROOT = Path(__file__).parents[3]
DEFINITION = ROOT / "helm/oblivion-crds/templates/agents.yaml"
RIGHTS = ROOT / "services/operator/rbac.yaml"
ACCOUNT = "oblivion-operator"
LABEL = "oblivion.dev/tenant"
SYSTEM_LABEL = "oblivion.dev/system"
PATIENCE_S = 60.0
AgentResource: Any = create_namespaced_resource("oblivion.dev", "v1alpha1", "Agent", "agents")
CHILD_KINDS: dict[str, Any] = {
    "Deployment": Deployment,
    "Secret": Secret,
    "ServiceAccount": ServiceAccount,
    "NetworkPolicy": NetworkPolicy,
}


@dataclass
class OperatorProcess:
    """One operator."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        self.process.kill()

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    async def stop(self) -> None:
        if self.is_alive:
            self.process.terminate()
        await asyncio.to_thread(self.process.wait, 30)

    def said(self, words: str) -> bool:
        return words in self.log.read_text()


@dataclass
class Scene:
    """What one test has."""

    kube: AsyncClient
    world: World
    tenant: TestTenant
    system: str
    """The namespace of the operator."""
    image: str
    folder: Path
    server: str
    tls: ssl.SSLContext
    authority: str
    operators: list[OperatorProcess] = field(default_factory=list[OperatorProcess])
    namespaces: list[str] = field(default_factory=list[str])
    _numbers: Iterator[int] = field(default_factory=count)

    # Namespaces and Agents

    async def namespace(self, *, tenant: str | None = "", restricted: bool = True) -> str:
        """A new one, labelled with the tenant unless that is None; it enforces Pod Security "restricted"."""
        name = f"squad-{uuid4().hex[:8]}"
        # Whatever other system the cluster has leaves its Agents alone.
        labels = {SYSTEM_LABEL: self.system}
        if tenant is not None:
            labels[LABEL] = tenant or self.tenant.slug
        if restricted:
            labels["pod-security.kubernetes.io/enforce"] = "restricted"
        await self.kube.create(Namespace(metadata=ObjectMeta(name=name, labels=labels)))
        self.namespaces.append(name)
        return name

    async def label(self, namespace: str, tenant: str) -> None:
        await self.kube.patch(Namespace, namespace, {"metadata": {"labels": {LABEL: tenant}}})

    async def apply(self, namespace: str, name: str, **spec: Any) -> UUID:
        """`kubectl apply --server-side`; the resource's uid."""
        manifest = {
            "apiVersion": "oblivion.dev/v1alpha1",
            "kind": "Agent",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"image": self.image, **spec},
        }
        made = await self.kube.patch(
            AgentResource,
            name,
            manifest,
            namespace=namespace,
            patch_type=PatchType.APPLY,
            field_manager="kubectl",
            force=True,
        )
        return UUID(made.to_dict()["metadata"]["uid"])

    async def edit(self, namespace: str, name: str, **spec: Any) -> None:
        change = {"spec": spec}
        await self.kube.patch(AgentResource, name, change, namespace=namespace, patch_type=PatchType.MERGE)

    async def delete(self, namespace: str, name: str) -> None:
        await self.kube.delete(AgentResource, name, namespace=namespace)

    async def agent(self, namespace: str, name: str) -> dict[str, Any]:
        return cast(
            "dict[str, Any]", (await self.kube.get(AgentResource, name, namespace=namespace)).to_dict()
        )

    async def status(self, namespace: str, name: str) -> dict[str, Any]:
        return (await self.agent(namespace, name)).get("status", {})

    async def condition(self, namespace: str, name: str, kind: str = "Ready") -> dict[str, Any]:
        conditions = (await self.status(namespace, name)).get("conditions", [])
        return next((one for one in conditions if one["type"] == kind), {})

    async def becomes(
        self, namespace: str, name: str, reason: str, kind: str = "Ready", within_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Its condition, once it has that reason for the spec as it stands."""

        async def look() -> dict[str, Any]:
            body = await self.agent(namespace, name)
            found = {one["type"]: one for one in body.get("status", {}).get("conditions", [])}.get(kind, {})
            assert found.get("reason") == reason, found
            assert found["observedGeneration"] == body["metadata"]["generation"]
            return found

        return await slowly(look, within_s=within_s)

    # Children

    async def child(self, kind: str, namespace: str, agent: str) -> dict[str, Any] | None:
        try:
            found = await self.kube.get(CHILD_KINDS[kind], f"agent-{agent}", namespace=namespace)
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise
        return cast("dict[str, Any]", found.to_dict())

    async def children(self, namespace: str, agent: str) -> dict[str, dict[str, Any]]:
        found = {kind: await self.child(kind, namespace, agent) for kind in CHILD_KINDS}
        return {kind: body for kind, body in found.items() if body is not None}

    async def pods(self, namespace: str) -> list[dict[str, Any]]:
        return [one.to_dict() async for one in self.kube.list(Pod, namespace=namespace)]

    async def events(self, namespace: str) -> list[dict[str, Any]]:
        return [one.to_dict() async for one in self.kube.list(Event, namespace=namespace)]

    async def credentials(self, namespace: str, agent: str) -> tuple[str, str]:
        secret = await self.child("Secret", namespace, agent)
        assert secret is not None
        data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        return data["AGENT_ID"], data["AGENT_SECRET"]

    # Sign-in

    async def token(self, client_id: str, secret: str) -> str | None:
        answer = await self.world.request(
            "POST", "/auth/token", data={"client_id": client_id, "client_secret": secret}
        )
        return answer.json().get("access_token")

    # Operators

    async def start(
        self, *, proxy: ApiProxy | None = None, identity: str = "one", **settings: str
    ) -> OperatorProcess:
        number = next(self._numbers)
        config = self.folder / f"kubeconfig-{number}"
        config.write_text(await self._kubeconfig(proxy))
        log = self.folder / f"operator-{number}.log"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "KUBECONFIG": str(config),
            "PORT": "0",
            "OBLIVION_HOST": "127.0.0.1",
            "OBLIVION_LOG_FORMAT": "json",
            "OBLIVION_GATEWAY_URL": self.world.base_url,
            "OBLIVION_GATEWAY_TOKEN_FILE": str(await self._gateway_token()),
            "OBLIVION_SYSTEM_NAMESPACE": self.system,
            "OBLIVION_IDENTITY": identity,
            "OBLIVION_LEASE_S": "3",
            "OBLIVION_DEMAND_EVERY_S": "0.5",
            "OBLIVION_RESYNC_EVERY_S": "10",
            **settings,
        }
        self.operators.append(OperatorProcess(_spawn(environment, log), log))
        return self.operators[-1]

    async def _kubeconfig(self, proxy: ApiProxy | None) -> str:
        token = await self._token([])
        cluster: dict[str, Any] = (
            {"server": proxy.url}
            if proxy
            else {
                "server": self.server,
                "certificate-authority-data": self.authority,
            }
        )
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "it",
                "clusters": [{"name": "it", "cluster": cluster}],
                "users": [{"name": "it", "user": {"token": token}}],
                "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            }
        )

    async def _gateway_token(self) -> Path:
        file = self.folder / "gateway-token"
        file.write_text(await self._token(["oblivion-gateway"]))
        return file

    async def _token(self, audiences: list[str]) -> str:
        spec = TokenRequestSpec(audiences=audiences, expirationSeconds=3600)
        wish = ServiceAccountToken(spec=spec, metadata=ObjectMeta(name=ACCOUNT, namespace=self.system))
        made = await self.kube.create(wish, ACCOUNT, namespace=self.system)
        assert made.status is not None
        return made.status.token

    @asynccontextmanager
    async def proxy(self) -> AsyncGenerator[ApiProxy]:
        async with ApiProxy(self.server, self.tls).serving() as proxy:
            yield proxy


def _spawn(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "oblivion_operator"]
    with log.open("wb") as out:
        return subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)


async def slowly(
    look: Callable[[], Awaitable[Any]], *, within_s: float = PATIENCE_S, every_s: float = 0.25
) -> Any:
    """`eventually`, sparing the API server."""

    async def paced() -> Any:
        try:
            return await look()
        except AssertionError:
            await asyncio.sleep(every_s)
            raise

    return await eventually(paced, within_s=within_s)


async def new_run(scene: Scene, agent_id: UUID) -> UUID:
    """Work that waits for this agent."""
    run, session = uuid4(), uuid4()
    names = {"run": run, "session": session, "tenant": scene.tenant.id, "agent": agent_id}
    async with scene.world.database.tenant(scene.tenant.id) as tx:
        await tx.execute(
            text("INSERT INTO sessions (id, tenant_id, source) VALUES (:session, :tenant, 'api')"), names
        )
        await tx.execute(
            text(
                "INSERT INTO runs (id, tenant_id, session_id, source, state, waiting_for, thread, prompt, "
                "agent_id) VALUES (:run, :tenant, :session, 'api', 'waiting', 'agent', CAST(:run AS text), "
                "'x', :agent)"
            ),
            names,
        )
    return run


async def install_definition(kube: AsyncClient) -> None:
    """As `helm upgrade` of oblivion-crds does."""
    manifest = yaml.safe_load(DEFINITION.read_text())
    name = manifest["metadata"]["name"]
    await kube.patch(
        CustomResourceDefinition,
        name,
        manifest,
        patch_type=PatchType.APPLY,
        field_manager="helm",
        force=True,
    )

    async def is_served() -> None:
        conditions = (await kube.get(CustomResourceDefinition, name)).to_dict()["status"]["conditions"]
        assert {"Established": "True"} in [{one["type"]: one["status"]} for one in conditions]

    await slowly(is_served)


async def grant_rights(kube: AsyncClient, system: str) -> None:
    """What services/operator/rbac.yaml says, and nothing more."""
    await kube.create(Namespace(metadata=ObjectMeta(name=system)))
    await kube.create(ServiceAccount(metadata=ObjectMeta(name=ACCOUNT, namespace=system)))
    cluster_role, role = yaml.safe_load_all(RIGHTS.read_text())
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": system}
    group = "rbac.authorization.k8s.io"
    cluster_role["metadata"]["name"] = system
    role["metadata"]["namespace"] = system
    await kube.create(ClusterRole.from_dict(cluster_role))
    await kube.create(Role.from_dict(role))
    binding = {
        "metadata": {"name": system},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": system},
        "subjects": [subject],
    }
    await kube.create(ClusterRoleBinding.from_dict(binding))
    binding = {
        "metadata": {"name": system, "namespace": system},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": role["metadata"]["name"]},
        "subjects": [subject],
    }
    await kube.create(RoleBinding.from_dict(binding))


async def clear(kube: AsyncClient, scene: Scene) -> None:
    """Take away everything that the test made."""
    for operator in scene.operators:
        operator.kill()
        await asyncio.to_thread(operator.process.wait, 10)
    for name in [*scene.namespaces, scene.system]:
        with contextlib.suppress(ApiError):
            await kube.delete(Namespace, name, cascade=None)
    for kind in (ClusterRole, ClusterRoleBinding):
        with contextlib.suppress(ApiError):
            await kube.delete(kind, scene.system)


async def small_image(kube: AsyncClient) -> str | None:
    """An image that is on the node already, needs no network and no right, and does nothing for ever."""
    async for node in kube.list(Node):
        for image in (node.to_dict().get("status") or {}).get("images", []):
            for name in image.get("names") or ():
                if "pause" in name and "@" not in name:
                    return str(name)
    return None
