"""The cluster that KUBECONFIG names: kubectl, helm, ways in, and one installed system as a black box."""

import asyncio
import base64
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from oblivion_platform.embedded.process import free_port
from oblivion_platform.testing import eventually
from oblivion_sandbox.control import SandboxControl

ROOT = Path(__file__).parents[2]
UMBRELLA = ROOT / "helm" / "oblivion"
LOADED_TAG = ROOT / "build" / "loaded-tag"
"""Written by `make load`: the tag of our images that the nodes have."""
COMMAND_WITHIN_S = 300.0
FORWARD_WITHIN_S = 60.0
GONE_WITHIN_S = 120.0
POLL_S = 0.1
SANDBOX: dict[str, Any] = {"sandbox": {"enabled": True}}
"""Default values, but for the stand-ins."""
OWNERS_OF_DATA = {"postgres", "redis", "sandbox", "qdrant"}

Json = dict[str, Any]


class CommandFailed(Exception):
    """kubectl or helm said no; the text is what it said."""


def run(*arguments: str, stdin: str | None = None, within_s: float = COMMAND_WITHIN_S) -> str:
    """Run a command and return what it printed.

    Raises:
        CommandFailed: it ended with another code than 0.
    """
    done = subprocess.run(
        arguments, input=stdin, capture_output=True, text=True, timeout=within_s, check=False
    )
    if done.returncode != 0:
        # Helm tells of each chart that is a link.
        told = "\n".join(line for line in done.stderr.splitlines() if "found symbolic link" not in line)
        raise CommandFailed(f"{' '.join(arguments[:6])}: {told[-2000:]}{done.stdout.strip()[-2000:]}")
    return done.stdout


def image_tag() -> str:
    """Empty, the charts' own, where nobody loaded any from here."""
    return LOADED_TAG.read_text().strip() if LOADED_TAG.exists() else ""


class Namespace:
    """One namespace, in which pods must satisfy Pod Security "restricted"."""

    def __init__(self, name: str) -> None:
        self.name = name

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return run("kubectl", "-n", self.name, *arguments, stdin=stdin)

    def objects(self, kinds: str, selector: str = "") -> list[Json]:
        chosen = ("-l", selector) if selector else ()
        return json.loads(self.kubectl("get", kinds, *chosen, "-o", "json"))["items"]

    def secret(self, name: str, key: str) -> str:
        data = json.loads(self.kubectl("get", "secret", name, "-o", "json"))["data"]
        return base64.b64decode(data[key]).decode()

    def create(self, tenant: str | None) -> None:
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        if tenant is not None:
            labels["oblivion.dev/tenant"] = tenant
        manifest = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.name, "labels": labels},
        }
        run("kubectl", "apply", "-f", "-", stdin=json.dumps(manifest))

    def delete(self) -> None:
        run("kubectl", "delete", "namespace", self.name, "--ignore-not-found", "--timeout=180s")


@contextmanager
def namespace(name: str, tenant: str | None = "default") -> Iterator[Namespace]:
    """A new namespace of that tenant; removed afterwards unless OBLIVION_E2E_KEEP is set."""
    made = Namespace(name)
    made.delete()
    made.create(tenant)
    try:
        yield made
    finally:
        if "OBLIVION_E2E_KEEP" not in os.environ:
            made.delete()


class Forward:
    """A way to a Service's port that comes back when the pod behind it goes."""

    def __init__(self, namespace: str, target: str, port: int) -> None:
        self.port = free_port()
        self._command = [
            "kubectl", "-n", namespace, "port-forward", "--address=127.0.0.1", target, f"{self.port}:{port}"
        ]  # fmt: skip
        self._keeper: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "Forward":
        self._keeper = asyncio.create_task(self._keep())
        async with asyncio.timeout(FORWARD_WITHIN_S):
            while not self._listens():  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(POLL_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._keeper is not None
        self._keeper.cancel()
        with suppress(asyncio.CancelledError):
            await self._keeper

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    async def _keep(self) -> None:
        while True:
            quiet = asyncio.subprocess.DEVNULL
            process = await asyncio.create_subprocess_exec(
                *self._command, stdout=quiet, stderr=asyncio.subprocess.PIPE
            )
            try:
                await self._until_lost(process)
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
            await asyncio.sleep(POLL_S)

    @staticmethod
    async def _until_lost(process: asyncio.subprocess.Process) -> None:
        """It goes on listening after its pod is gone, and says so only when somebody comes."""
        assert process.stderr is not None
        while line := await process.stderr.readline():
            if b"lost connection" in line or b"error" in line.lower():
                return


class Installed:
    """One system in one namespace, as its users and administrators see it."""

    def __init__(self, namespace: Namespace, release: str = "oblivion") -> None:
        if shutil.which("helm") is None:
            pytest.skip("helm is not on the PATH")
        self.namespace = namespace
        self.release = release
        self.ready_after_s = 0.0  # Of the first install.

    def install(self, values: Json, *, within_s: int = 300) -> None:
        """Install or upgrade the umbrella and wait until all is ready."""
        began = time.monotonic()
        try:
            run(
                "helm", "upgrade", "--install", self.release, str(UMBRELLA), "-n", self.namespace.name,
                "--wait", f"--timeout={within_s}s", "-f", "-",
                "--set-string", f"global.imageTag={image_tag()}",
                stdin=yaml.safe_dump(values), within_s=within_s + 30,
            )  # fmt: skip
        except CommandFailed as failure:
            raise CommandFailed(f"{failure}\n{self.namespace.kubectl('get', 'pods')}") from None
        self.ready_after_s = self.ready_after_s or time.monotonic() - began

    def uninstall(self) -> None:
        run("helm", "uninstall", self.release, "-n", self.namespace.name, "--wait", "--timeout=180s")

    def pods(self, chart: str = "") -> list[Json]:
        """Running pods of one chart, or of the whole system."""
        chosen = f",app.kubernetes.io/name={chart}" if chart else ""
        found = self.namespace.objects("pods", f"app.kubernetes.io/part-of=oblivion{chosen}")
        return [pod for pod in found if pod["status"]["phase"] == "Running"]

    def charts(self) -> set[str]:
        """What of it runs, but for Jobs and agents."""
        stays = {"ReplicaSet", "StatefulSet"}
        found = [pod["metadata"] for pod in self.pods()]
        kept = [each for each in found if _owner_kind(each) in stays]
        return {each["labels"]["app.kubernetes.io/name"] for each in kept} - {"agent"}

    def restarts(self) -> dict[str, int]:
        """Pods with containers that were started again."""
        counts = {
            pod["metadata"]["name"]: sum(
                each["restartCount"] for each in pod["status"].get("containerStatuses", [])
            )
            for pod in self.pods()
        }
        return {name: count for name, count in counts.items() if count}

    async def oblivion(self, *arguments: str) -> str:
        """Run `oblivion …` in the administrator's pod."""
        command = ("exec", "deploy/oblivion-cli", "--", "oblivion", *arguments)
        return await asyncio.to_thread(self.namespace.kubectl, *command)

    def forward(self, chart: str, port: int = 80) -> Forward:
        return Forward(self.namespace.name, f"svc/oblivion-{chart}", port)

    def database_url(self, port: int) -> str:
        password = self.namespace.secret("oblivion-database", "oblivion_cli")
        return f"postgresql://oblivion_cli:{password}@127.0.0.1:{port}/oblivion_db"

    async def rollout(self, chart: str) -> None:
        """Replace the pods of one chart, as an upgrade does, and wait for the new ones."""
        await asyncio.to_thread(self.namespace.kubectl, "rollout", "restart", f"deploy/oblivion-{chart}")
        await self.settled(chart)

    async def gone(self, chart: str, killed: Collection[str]) -> None:
        """Until of these pods (by their uids) none is left."""

        async def all_are_gone() -> None:
            assert not await self.pods_of(chart) & set(killed)

        await eventually(all_are_gone, within_s=GONE_WITHIN_S)

    async def settled(self, chart: str, without: Collection[str] = ()) -> None:
        """Until its rollout is complete, and of the pods `without` (their uids) none is left."""
        await self.gone(chart, without)
        kind = "statefulset" if chart in {"postgres", "redis", "qdrant"} else "deploy"
        command = ("rollout", "status", f"{kind}/oblivion-{chart}", "--timeout=180s")
        await asyncio.to_thread(self.namespace.kubectl, *command)

    async def pods_of(self, chart: str) -> set[str]:
        """Their uids."""
        named = f"app.kubernetes.io/name={chart}"
        pods = await asyncio.to_thread(self.namespace.objects, "pods", named)
        return {pod["metadata"]["uid"] for pod in pods}

    async def kill(self, chart: str) -> set[str]:
        """Remove the pods of one chart, without a word to them where two at once do no harm.

        What owns data gets a second instead: its successor must not start before it is dead. Returns the uids
        of what is removed.
        """
        at_once = ("--grace-period=1",) if chart in OWNERS_OF_DATA else ("--grace-period=0", "--force")
        command = ("delete", "pod", "-l", f"app.kubernetes.io/name={chart}", *at_once, "--wait=false")
        killed = await self.pods_of(chart)
        await asyncio.to_thread(self.namespace.kubectl, *command)
        return killed

    async def wait_for_job(self, part: str, within_s: float = 180.0) -> None:
        """Until the Job whose name contains `part` is complete."""
        async with asyncio.timeout(within_s):
            while True:
                jobs = [job for job in self.namespace.objects("jobs") if part in job["metadata"]["name"]]
                if jobs and all(job["status"].get("succeeded") for job in jobs):
                    return
                await asyncio.sleep(POLL_S * 5)


def _owner_kind(metadata: Json) -> str:
    owners = metadata.get("ownerReferences", [])
    return str(owners[0]["kind"]) if owners else ""


async def answers(control: SandboxControl) -> bool:
    try:
        await control.slack.app()
    except (httpx.HTTPError, ValueError):
        return False
    return True
