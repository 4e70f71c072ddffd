"""News of the cluster → which Agents are to be looked after, and how thoroughly."""

from collections.abc import Callable

from oblivion_contracts.agent_resource import KIND, SYSTEM_LABEL, TENANT_LABEL
from oblivion_operator.domain.agents import Ref, ref_of, uid_of
from oblivion_operator.domain.manifests import Body, part
from oblivion_operator.usecases.children import KeepChildren
from oblivion_operator.usecases.observed import POD, Observed
from oblivion_operator.usecases.work_queue import WorkQueue

NAMESPACE = "Namespace"


class Desk:
    """One per process."""

    def __init__(
        self,
        observed: Observed,
        children: KeepChildren,
        queue: WorkQueue,
        somebody_left: Callable[[], object],
    ) -> None:
        self._observed = observed
        self._children = children
        self._queue = queue
        self._somebody_left = somebody_left
        self._generations: dict[Ref, int] = {}
        self._labels: dict[str, tuple[str | None, str | None]] = {}

    def saw(self, kind: str, body: Body, is_gone: bool) -> None:  # noqa: FBT001 - as the watches call it
        if kind == KIND:
            self._saw_agent(body, is_gone=is_gone)
        elif kind == NAMESPACE:
            self._saw_namespace(body)
        else:
            self._saw_child(kind, body, is_gone=is_gone)

    def _saw_agent(self, body: Body, *, is_gone: bool) -> None:
        """Its status is our own writing; only an edit of the spec is news."""
        ref = ref_of(body)
        if is_gone:
            self._generations.pop(ref, None)
            self._somebody_left()
        else:
            self._observed.agents[ref] = uid_of(body)
            if self._generations.get(ref) == body["metadata"]["generation"]:
                return
            self._generations[ref] = body["metadata"]["generation"]
        self._queue.add(ref, thoroughly=True)

    def _saw_namespace(self, body: Body) -> None:
        name: str = body["metadata"]["name"]
        labels = part(body, "metadata", "labels")
        whose = labels.get(TENANT_LABEL), labels.get(SYSTEM_LABEL)
        if name in self._labels and self._labels[name] != whose:
            for ref in list(self._observed.agents):
                if ref.namespace == name:
                    self._queue.add(ref, thoroughly=True)
        self._labels[name] = whose

    def _saw_child(self, kind: str, body: Body, *, is_gone: bool) -> None:
        ref = self._observed.saw_child(kind, body, is_gone=is_gone)
        if ref is None or ref not in self._observed.agents:
            return
        is_drift = kind != POD and (is_gone or self._children.is_changed(kind, body))
        self._queue.add(ref, thoroughly=is_drift)
