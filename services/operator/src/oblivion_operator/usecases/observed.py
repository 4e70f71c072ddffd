"""What the watches have told so far: children and Agents, by Agent. A hint, never the truth.

A watch that was cut says nothing of what was deleted meanwhile; a listing now and then (`replace`) does.
"""

from collections.abc import Iterable
from uuid import UUID

from oblivion_operator.domain.agents import Ref, ref_of, uid_of
from oblivion_operator.domain.labels import agent_of, owner_of
from oblivion_operator.domain.manifests import Body, part

DEPLOYMENT = "Deployment"
POD = "Pod"
SERVICE_ACCOUNT = "ServiceAccount"
NETWORK_POLICY = "NetworkPolicy"


class Observed:
    """One per process."""

    def __init__(self) -> None:
        self._children: dict[str, dict[Ref, Body]] = {}
        self._pods: dict[Ref, dict[str, Body]] = {}
        self.agents: dict[Ref, UUID] = {}
        self.tenant_labels: dict[str, str] = {}

    def saw_child(self, kind: str, body: Body, *, is_gone: bool = False) -> Ref | None:
        """Note it down; the Agent that it belongs to."""
        agent = agent_of(body)
        if agent is None:
            return None
        if kind == POD:
            pods = self._pods.setdefault(agent, {})
            pods.pop(body["metadata"]["name"], None)
            if not is_gone:
                pods[body["metadata"]["name"]] = _lean(body)
            return agent
        children = self._children.setdefault(kind, {})
        if is_gone:
            children.pop(ref_of(body), None)
        elif not _is_older(body, children.get(ref_of(body))):
            children[ref_of(body)] = _lean(body)
        return agent

    def replace(self, kind: str, bodies: Iterable[Body]) -> None:
        """What a listing says: all there are."""
        if kind == POD:
            self._pods.clear()
        else:
            self._children[kind] = {}
        for body in bodies:
            self.saw_child(kind, body)

    def replace_agents(self, bodies: Iterable[Body]) -> None:
        self.agents = {ref_of(body): uid_of(body) for body in bodies}

    def child(self, kind: str, ref: Ref) -> Body | None:
        return self._children.get(kind, {}).get(ref)

    def deployment(self, agent: Ref, child_name: str, uid: UUID) -> Body | None:
        """The Agent's own, not that of a namesake which is being collected."""
        found = self.child(DEPLOYMENT, Ref(agent.namespace, child_name))
        return found if found is not None and owner_of(found) == uid else None

    def pods(self, agent: Ref) -> list[Body]:
        return list(self._pods.get(agent, {}).values())

    def forget(self, agent: Ref) -> None:
        self.agents.pop(agent, None)
        self._pods.pop(agent, None)

    def namesakes(self, agent: Ref, uid: UUID) -> list[UUID]:
        """Other Agents of that name, in whatever namespace."""
        return [one for ref, one in self.agents.items() if ref.name == agent.name and one != uid]


def _is_older(body: Body, known: Body | None) -> bool:
    """Answers to what we wrote and the watch's news of it come in any order."""
    if known is None or known["metadata"]["uid"] != body["metadata"]["uid"]:
        return False
    return int(body["metadata"]["resourceVersion"]) < int(known["metadata"]["resourceVersion"])


def _lean(body: Body) -> Body:
    """Without the long history of who wrote which field."""
    return {**body, "metadata": {k: v for k, v in part(body, "metadata").items() if k != "managedFields"}}
