"""Who an Agent belongs to and what its pods sign in with: the tenant, the Secret, the registration.

The Secret comes first and its digest second, so a crash in between loses nothing: the next try registers what
is there. It is created, never overwritten, so two operators cannot make two.
"""

import base64
import binascii
from dataclasses import dataclass
from uuid import UUID

from oblivion_contracts.agent_operator import RegisterAgent, TenantNamed
from oblivion_contracts.agent_resource import TENANT_LABEL
from oblivion_operator.domain.agents import Agent, Ref
from oblivion_operator.domain.children import CLIENT_ID_KEY, CLIENT_SECRET_KEY, new_secret_manifest
from oblivion_operator.domain.labels import owner_of
from oblivion_operator.domain.manifests import Body, part
from oblivion_operator.errors import Hindered, NotYet
from oblivion_operator.ports import Clock, Cluster, Gateway
from oblivion_operator.usecases.observed import Observed
from oblivion_platform.client_credentials import ClientId, digest, is_well_formed, new_secret

SECRET = "Secret"  # noqa: S105 - a kind of object
TENANT_KEPT_S = 60.0


@dataclass(frozen=True)
class Credentials:
    """As the Secret has them."""

    client_id: str
    secret: str


class KeepCredentials:
    """One per process."""

    def __init__(
        self, cluster: Cluster, gateway: Gateway, observed: Observed, clock: Clock, system: str
    ) -> None:
        """`system`: the namespace that it is installed in."""
        self._cluster = cluster
        self._gateway = gateway
        self._observed = observed
        self._clock = clock
        self._system = system
        self._tenants: dict[str, tuple[float, TenantNamed]] = {}

    async def tenant_of(self, namespace: str) -> TenantNamed:
        """The tenant that the namespace is labelled with.

        Raises:
            Hindered: it has no label, or one that no tenant has.
            GatewayUnavailable, ClusterUnavailable
        """
        body = await self._cluster.namespace(namespace)
        label = part(body or {}, "metadata", "labels").get(TENANT_LABEL)
        if not label:
            raise Hindered(
                "NamespaceWithoutTenant",
                f"The namespace {namespace} belongs to no tenant. A cluster admin says to which: "
                f"kubectl label namespace {namespace} {TENANT_LABEL}=<tenant's slug>",
            )
        return await self._named(namespace, label)

    async def _named(self, namespace: str, label: str) -> TenantNamed:
        until, known = self._tenants.get(label, (0.0, None))
        if known is not None and until > self._clock.monotonic_s():
            return known
        found = await self._gateway.tenant(label)
        if found is None:
            raise Hindered(
                "TenantUnknown",
                f"The namespace {namespace} is labelled {TENANT_LABEL}={label}, and there is no such tenant. "
                "Correct the label, or make the tenant: oblivion tenants create",
            )
        self._tenants[label] = (self._clock.monotonic_s() + TENANT_KEPT_S, found)
        return found

    async def secret_of(self, agent: Agent, tenant: UUID) -> Credentials:
        """The one in the Agent's Secret, which is made if there is none.

        Raises:
            Hindered: somebody changed it into what cannot be one.
            NotYet: that of a namesake is still being collected.
        """
        ref = Ref(agent.ref.namespace, agent.child_name)
        client_id = str(ClientId(tenant, agent.uid))
        body = await self._cluster.child(SECRET, ref)
        if body is None:
            made = new_secret_manifest(agent, client_id, new_secret(), self._system)
            await self._cluster.create(made)
            body = await self._cluster.child(SECRET, ref)
        if body is None:
            raise NotYet("SecretGone", "Its Secret was deleted just after it was made.")
        refuse_foreign(agent, body, SECRET)
        return _read(body, client_id)

    async def register(self, agent: Agent, tenant: UUID, credentials: Credentials) -> None:
        """Tell the gateway of it.

        Raises:
            Hindered: its name is taken, or the definition is refused.
            GatewayUnavailable
        """
        wish = RegisterAgent(
            tenant_id=tenant,
            name=agent.name,
            definition=agent.spec.definition(),
            secret_sha256=digest(credentials.secret).hex(),
            namesakes=self._observed.namesakes(agent.ref, agent.uid),
        )
        await self._gateway.register(agent.uid, wish)

    async def missing_secrets(self, agent: Agent) -> list[str]:
        """Names in `secretRefs` that no Secret has."""
        namespace = agent.ref.namespace
        return [
            wanted.name
            for wanted in agent.spec.secret_refs
            if await self._cluster.child(SECRET, Ref(namespace, wanted.name)) is None
        ]


def refuse_foreign(agent: Agent, body: Body, kind: str) -> None:
    """Leave alone what is not this Agent's own.

    Raises:
        Hindered: somebody else's.
        NotYet: of an Agent that had the name before; Kubernetes is collecting it.
    """
    owner = owner_of(body)
    if owner == agent.uid:
        return
    if owner is not None:
        raise NotYet(
            "PredecessorLeaving", f"The {kind} of the Agent that had its name before is still there."
        )
    raise Hindered(
        "NameInUse",
        f"There is a {kind} {agent.child_name} that is not this Agent's. Delete it, or rename the Agent.",
    )


def _read(body: Body, client_id: str) -> Credentials:
    found = {key: _decoded(value) for key, value in part(body, "data").items()}
    secret = found.get(CLIENT_SECRET_KEY, "")
    if found.get(CLIENT_ID_KEY) != client_id or not is_well_formed(secret):
        name = body["metadata"]["name"]
        raise Hindered(
            "SecretChanged",
            f"The Secret {name} does not hold this Agent's credentials any more. Delete it, and a new one is "
            f"made: kubectl delete secret -n {body['metadata']['namespace']} {name}",
        )
    return Credentials(client_id, secret)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
