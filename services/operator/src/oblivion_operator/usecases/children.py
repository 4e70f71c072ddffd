"""An Agent's ServiceAccount, NetworkPolicy and Deployment, made to be what its spec says."""

from oblivion_operator.domain.agents import Agent, Ref
from oblivion_operator.domain.children import House, desired_children
from oblivion_operator.domain.drift import fingerprint
from oblivion_operator.domain.labels import owner_of
from oblivion_operator.domain.manifests import Body, Manifest, part
from oblivion_operator.errors import Hindered
from oblivion_operator.ports import Cluster
from oblivion_operator.usecases.credentials import refuse_foreign
from oblivion_operator.usecases.observed import DEPLOYMENT, Observed


class KeepChildren:
    """One per process."""

    def __init__(self, cluster: Cluster, observed: Observed, house: House) -> None:
        self._cluster = cluster
        self._observed = observed
        self._house = house
        self._applied: dict[tuple[str, Ref], str] = {}

    async def look_for_deployment(self, agent: Agent) -> None:
        """After a start the watches may not have told of it yet, and its size must not be taken for 0."""
        ref = Ref(agent.ref.namespace, agent.child_name)
        if self._observed.child(DEPLOYMENT, ref) is None:
            body = await self._cluster.child(DEPLOYMENT, ref)
            if body is not None:
                self._observed.saw_child(DEPLOYMENT, body)

    async def keep(self, agent: Agent, secret: str, replicas: int) -> None:
        """Apply them all; what is so already is no write.

        Raises:
            Hindered, NotYet, ClusterUnavailable
        """
        if not (agent.spec.image or self._house.default_image):
            raise Hindered("NoImage", "Set spec.image: this system has no default (OBLIVION_AGENT_IMAGE).")
        for manifest in desired_children(agent, self._house, secret):
            if manifest["kind"] == DEPLOYMENT:
                await self._apply_deployment(agent, manifest, replicas)
            else:
                await self._seen(agent, manifest)
                await self._apply(agent, manifest)

    async def scale(self, agent: Agent, replicas: int) -> None:
        await self._cluster.scale(Ref(agent.ref.namespace, agent.child_name), replicas)

    def forget(self, agent: Agent) -> None:
        ref = Ref(agent.ref.namespace, agent.child_name)
        self._applied = {key: known for key, known in self._applied.items() if key[1] != ref}

    def is_changed(self, kind: str, body: Body) -> bool:
        """Whether somebody changed it since it was applied; before that, it counts as changed."""
        known = self._applied.get((kind, Ref(body["metadata"]["namespace"], body["metadata"]["name"])))
        return known != fingerprint(body)

    async def _apply_deployment(self, agent: Agent, manifest: Manifest, replicas: int) -> None:
        """One that is not there yet is born with its size: left out, it would be 1, and wake a sleeper.

        The size is then owned by the scaler alone, before the next apply leaves it out.
        """
        if await self._seen(agent, manifest) is None:
            spec = {**manifest["spec"], "replicas": replicas}
            await self._apply(agent, {**manifest, "spec": spec})
        await self.scale(agent, replicas)
        await self._apply(agent, manifest)

    async def _seen(self, agent: Agent, manifest: Manifest) -> Body | None:
        """What is there under that name, and ours. Raises: Hindered, NotYet."""
        kind, ref = manifest["kind"], Ref(agent.ref.namespace, agent.child_name)
        body = self._observed.child(kind, ref)
        if body is None or owner_of(body) != agent.uid or "deletionTimestamp" in part(body, "metadata"):
            body = await self._cluster.child(kind, ref)
        if body is not None:
            refuse_foreign(agent, body, kind)
        return body

    async def _apply(self, agent: Agent, manifest: Manifest) -> None:
        kind = manifest["kind"]
        body = await self._cluster.apply(manifest)
        self._applied[kind, Ref(agent.ref.namespace, agent.child_name)] = fingerprint(body)
        self._observed.saw_child(kind, body)
