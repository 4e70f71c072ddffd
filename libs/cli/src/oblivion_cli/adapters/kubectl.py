"""A cluster, asked through `kubectl`, which knows how to sign in to whatever cluster a context names."""

import asyncio
import json
import shutil
from dataclasses import dataclass
from typing import Any

from oblivion_cli.errors import CommandFailed, DependencyAway, NotFound

COMMAND_WITHIN_S = 30.0
_MISSING = ("(NotFound)", "the server doesn't have a resource type")

Json = dict[str, Any]


@dataclass(frozen=True)
class Kubectl:
    """One namespace of the cluster that a context of the kubeconfig names."""

    context: str
    namespace: str

    async def items(self, kinds: str, selector: str = "") -> list[Json]:
        """The namespace's objects of those kinds.

        Raises:
            NotFound: the cluster knows no such kind.
            DependencyAway, CommandFailed: as `run`.
        """
        chosen = ("-l", selector) if selector else ()
        return json.loads(await self.run("get", kinds, *chosen, "-o", "json"))["items"]

    async def one(self, kind: str, name: str) -> Json:
        """One object; also of the cluster itself.

        Raises: as `items`.
        """
        return json.loads(await self.run("get", kind, name, "-o", "json"))

    async def run(self, *arguments: str, within_s: float = COMMAND_WITHIN_S) -> str:
        """What a command printed.

        Raises:
            NotFound: what it names is not there.
            DependencyAway: there is no kubectl, or the cluster does not answer in time.
            CommandFailed: the cluster says no.
        """
        code, output, errors = await self.tried(*arguments, within_s=within_s)
        if code == 0:
            return output
        said = " ".join(errors.split())[-300:]
        if any(mark in errors for mark in _MISSING):
            raise NotFound(f"The cluster does not have it: {said}.", "")
        raise CommandFailed(f"kubectl {arguments[0]} failed: {said}.", "Run it by hand to see more.")

    async def tried(self, *arguments: str, within_s: float = COMMAND_WITHIN_S) -> tuple[int, str, str]:
        """Exit code, output and errors of a command, whatever it came to.

        Raises:
            DependencyAway
        """
        if shutil.which("kubectl") is None:
            raise DependencyAway(
                "kubectl is not on the PATH.", "Install it: the cluster is asked through it."
            )
        child = await asyncio.create_subprocess_exec(
            *("kubectl", "--context", self.context, "-n", self.namespace, *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(within_s):
                output, errors = await child.communicate()
        except TimeoutError:
            raise DependencyAway(
                f"The cluster of {self.context} did not answer within {within_s:.0f} s.",
                "Check that it runs and that this machine has a way to it.",
            ) from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return int(child.returncode or 0), output.decode(errors="replace"), errors.decode(errors="replace")
