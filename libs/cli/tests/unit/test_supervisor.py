"""The supervisor keeps what it started alive, and stops in reverse order."""

import asyncio

import pytest

from oblivion_cli.errors import CommandFailed
from oblivion_cli.up.supervisor import Supervisor
from oblivion_platform.testing import eventually


class Service:
    """Ends when told to; `log` is shared, so that order shows."""

    def __init__(self, name: str, log: list[str], *, fails: int = 0) -> None:
        self.name = name
        self._log = log
        self._fails = fails
        self._end: asyncio.Future[str] | None = None

    async def start(self) -> None:
        self._log.append(f"start {self.name}")
        if self._fails:
            self._fails -= 1
            raise CommandFailed(f"{self.name} ended while starting.", "Read its log.")
        self._end = asyncio.get_running_loop().create_future()

    async def ended(self) -> str:
        assert self._end is not None
        return await self._end

    async def stop(self) -> None:
        self._log.append(f"stop {self.name}")

    def crash(self, *, failing_starts: int = 0) -> None:
        assert self._end is not None
        self._fails = failing_starts
        self._end.set_result("was killed by SIGKILL")


async def test_services_stop_in_the_reverse_order_of_their_start():
    log: list[str] = []
    supervisor = Supervisor(log.append)
    await supervisor.start(Service("store", log))
    await supervisor.start(Service("worker", log))
    await supervisor.stop()
    assert log == ["start store", "start worker", "stop worker", "stop store"]


async def test_a_crashed_service_is_started_again_with_growing_patience_and_both_are_said():
    log: list[str] = []
    said: list[str] = []
    service = Service("worker", log)
    supervisor = Supervisor(said.append)
    await supervisor.start(service)
    service.crash(failing_starts=1)
    await eventually(lambda: "worker runs again" in said)
    await supervisor.stop()
    assert said == [
        "worker was killed by SIGKILL; starting it again in 0.5 s",
        "worker did not start: worker ended while starting. Read its log.; starting it again in 1 s",
        "worker runs again",
    ]


async def test_a_failed_first_start_is_reported_and_the_rest_can_be_stopped():
    log: list[str] = []
    supervisor = Supervisor(log.append)
    with pytest.raises(CommandFailed, match="bad ended while starting"):
        await supervisor.start(Service("good", log), Service("bad", log, fails=1))
    await supervisor.stop()
    assert sorted(log[-2:]) == ["stop bad", "stop good"]


async def test_what_is_dropped_on_purpose_is_not_started_again():
    log: list[str] = []
    supervisor = Supervisor(log.append)
    await supervisor.start(Service("ingestion", log), Service("worker", log))
    await supervisor.drop("worker", "ingestion")
    assert log[-2:] == ["stop worker", "stop ingestion"]
    await supervisor.stop()
    assert log[-1] == "stop ingestion"
