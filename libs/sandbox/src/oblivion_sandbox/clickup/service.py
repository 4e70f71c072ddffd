"""The ClickUp stand-in put together: its state, its verbs and its sender."""

from collections import Counter

from oblivion_sandbox.clickup.comments import Comments
from oblivion_sandbox.clickup.seed import TABLES, add_agent, seed_space, seed_tasks
from oblivion_sandbox.clickup.shapes import TaskShape
from oblivion_sandbox.clickup.space import TEAM_SETTING, Space
from oblivion_sandbox.clickup.tasks import Tasks
from oblivion_sandbox.clickup.webhooks import RETRY_WAITS_S, ClickUpCarrier, Webhooks
from oblivion_sandbox.deliveries import Courier, SenderTuning
from oblivion_sandbox.limits import MinuteWindows
from oblivion_sandbox.misbehave import Misbehaviour
from oblivion_sandbox.outgoing import Outgoing
from oblivion_sandbox.store import Store


class ClickUp:
    """One workspace."""

    def __init__(
        self,
        store: Store,
        misbehaviour: Misbehaviour,
        outgoing: Outgoing,
        limits_scale: float,
        tuning: SenderTuning,
    ) -> None:
        self.store = store
        self.misbehaviour = misbehaviour
        self._limits_scale = limits_scale
        waits_s = [wait_s * tuning.retry_scale for wait_s in RETRY_WAITS_S]
        self.courier = Courier(store, misbehaviour, "clickup", waits_s, tuning.in_flight)
        saved = store.setting(TEAM_SETTING)
        self.space = Space(store, saved or {})
        self.webhooks = Webhooks(store, self.space, self.courier)
        self.tasks = Tasks(store, self.space, self.webhooks)
        self.comments = Comments(store, self.space, self.tasks, self.webhooks)
        self.shape = TaskShape(self.space, self.tasks)
        self.carrier = ClickUpCarrier(store, self.webhooks, outgoing)
        self.windows = MinuteWindows()
        self.calls: Counter[str] = Counter()
        if saved is None:
            self._seed()
        else:
            add_agent(self.space)

    def _seed(self) -> None:
        with self.store.write():
            self.space.team = seed_space(self.store, self._limits_scale).team
            seed_tasks(self.space, self.tasks)

    def change_limit(self, per_minute: int) -> None:
        """Requests a minute of each token; 0 lifts the limit."""
        self.space.team = self.space.team | {"limit_per_minute": per_minute}
        self.store.save_setting(TEAM_SETTING, self.space.team)
        self.windows.clear()

    def reset(self) -> None:
        """Forget everything and begin as at first start, with new tokens."""
        with self.store.write():
            self.store.wipe(*TABLES)
            self.store.run("DELETE FROM deliveries WHERE side = 'clickup'")
            self.misbehaviour.clear("clickup")
            self._seed()
        self.windows.clear()
        self.calls.clear()
        self.courier.reload()

    async def run(self) -> None:
        """Deliver webhooks for as long as the process lives."""
        await self.courier.run(self.carrier)
