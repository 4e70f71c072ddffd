"""kopf watches Agents and what they own; each change puts its Agent into the queue.

Handlers of plain events alone: nothing of kopf's is written to the objects, no finalizer and no annotation,
and a restart begins with everything there is. kopf runs in a thread with a loop of its own: it takes over
signals, and when it ends it cancels every task of its loop.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import kopf

from oblivion_contracts.agent_resource import GROUP, PLURAL, VERSION
from oblivion_operator.domain.labels import SELECTOR
from oblivion_operator.domain.manifests import Manifest
from oblivion_operator.usecases.observed import DEPLOYMENT, NETWORK_POLICY, POD, SERVICE_ACCOUNT
from oblivion_platform.logging import get_logger

CHILDREN = {
    "deployments": ("apps", "v1", DEPLOYMENT),
    "pods": ("", "v1", POD),
    "serviceaccounts": ("", "v1", SERVICE_ACCOUNT),
    "networkpolicies": ("networking.k8s.io", "v1", NETWORK_POLICY),
}
STOP_TIMEOUT_S = 10.0

Saw = Callable[[str, Manifest, bool], object]
"""Kind, object, and whether it is gone."""

_log = get_logger(__name__)


class Watches:
    """One per process."""

    def __init__(self, saw: Saw, *, quiet_s: float) -> None:
        """`saw` is called in the loop that `start` was called in. `quiet_s`: a watch that says nothing for so
        long, not even a bookmark, counts as dead."""
        self._saw = saw
        self._quiet_s = quiet_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()

        def tell(kind: str, body: Manifest, is_gone: bool) -> None:  # noqa: FBT001 - as `Saw`
            loop.call_soon_threadsafe(self._saw, kind, body, is_gone)

        registry = _registry(tell)
        self._thread = threading.Thread(target=self._live, args=(registry,), name="kopf", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread is None or self._thread.is_alive()

    async def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, STOP_TIMEOUT_S)

    def _live(self, registry: kopf.OperatorRegistry) -> None:
        try:
            asyncio.run(
                kopf.operator(
                    registry=registry,
                    settings=_settings(self._quiet_s),
                    clusterwide=True,
                    standalone=True,
                    stop_flag=self._stop,
                )
            )
        except Exception:  # The top of the thread: health tells that it is gone, and the pod starts anew.
            _log.exception("watches ended")


def _settings(quiet_s: float) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.watching.inactivity_timeout = quiet_s
    settings.watching.server_timeout = 300
    settings.watching.connect_timeout = 10
    for plural, (group, version, _) in CHILDREN.items():
        settings.watching.label_selectors[group, version, plural] = SELECTOR
    return settings


def _registry(tell: Saw) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def sign_in(**known: Any) -> object:  # pyright: ignore[reportUnusedFunction]
        return kopf.login_with_kubeconfig(**known) or kopf.login_with_service_account(**known)

    for plural, (group, version, kind) in {PLURAL: (GROUP, VERSION, "Agent"), **CHILDREN}.items():
        _watch(registry, (group, version, plural), kind, tell)
    _watch(registry, ("", "v1", "namespaces"), "Namespace", tell)
    return registry


def _watch(
    registry: kopf.OperatorRegistry,
    resource: tuple[str, str, str],
    kind: str,
    tell: Saw,
) -> None:
    @kopf.on.event(*resource, registry=registry, id=f"saw-{kind.lower()}")
    async def saw(event: Any, **_: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        tell(kind, dict(event["object"]), event["type"] == "DELETED")
