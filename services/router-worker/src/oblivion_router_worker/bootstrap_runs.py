"""The part of the composition root that agents' runs need."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from oblivion_contracts.jobs import AI_AGENT_TASKS
from oblivion_platform.agents import CHANNEL, AgentDirectory
from oblivion_platform.database.announcements import Announcements
from oblivion_platform.database.engine import Database
from oblivion_platform.feed import Teller, telling_breakers
from oblivion_platform.presence import Presence
from oblivion_platform.queue import SupervisedWorker
from oblivion_platform.resilience import Breakers
from oblivion_platform.routing import (
    ModelChoice,
    ModelSlowPath,
    NoSlowPath,
    RememberingSlowPath,
    SlowPath,
)
from oblivion_platform.runs import RunSignals, run_queue
from oblivion_platform.runs.jobs import RUN_JOBS
from oblivion_platform.sessions import SessionCache
from oblivion_router_worker.adapters.mention_limits import MentionLimits
from oblivion_router_worker.adapters.open_homes import RedisOpenHomes
from oblivion_router_worker.adapters.postgres_unattended import PostgresUnattended
from oblivion_router_worker.adapters.postgres_workflows import PostgresDueWorkflows
from oblivion_router_worker.adapters.run_hints import RunHints
from oblivion_router_worker.adapters.run_jobs import QueueRunJobs
from oblivion_router_worker.adapters.run_metrics import RunMetrics
from oblivion_router_worker.ports.clock import Clock
from oblivion_router_worker.ports.deciding import Store
from oblivion_router_worker.ports.kicking import Kick
from oblivion_router_worker.ports.reading import SlackReads
from oblivion_router_worker.processors.agent_tasks import make_run_processor
from oblivion_router_worker.settings import Settings
from oblivion_router_worker.usecases.agent_events import AgentEvents
from oblivion_router_worker.usecases.ask_agent import AskAgent
from oblivion_router_worker.usecases.bring_forward import BringForward, RunPolicy
from oblivion_router_worker.usecases.dialogs import Dialogs
from oblivion_router_worker.usecases.errands import Background, Errands, Tell
from oblivion_router_worker.usecases.homes import Homes, RefreshHomes
from oblivion_router_worker.usecases.identify import Identify
from oblivion_router_worker.usecases.interact import Interact
from oblivion_router_worker.usecases.link_list import LinkList, Lists
from oblivion_router_worker.usecases.note_stumble import NoteStumble
from oblivion_router_worker.usecases.present import Presenter
from oblivion_router_worker.usecases.routers import Routers
from oblivion_router_worker.usecases.run_sweeps import ReviveRuns
from oblivion_router_worker.usecases.run_workflows import RunWorkflows
from oblivion_router_worker.usecases.show_run import ShowRun, Watches
from oblivion_router_worker.usecases.slack_surface import SlackSurface
from oblivion_router_worker.usecases.task_triggers import TaskTriggers

BRING_DEADLINE_S = 30.0
SWEEP_OVERDUE_S = 2.0


@dataclass(frozen=True, slots=True)
class Shared:
    """What the rest of the process has already."""

    database: Database
    store: Store
    slack: SlackReads
    lists: Lists
    kick: Kick
    clock: Clock
    feed: Teller


class RunParts:
    """Asking agents, bringing runs forward, showing them."""

    def __init__(self, settings: Settings, shared: Shared) -> None:
        redis_url = settings.redis_url.get_secret_value()
        self.metrics = RunMetrics()
        self.directory = AgentDirectory(shared.database)
        self.announcements = Announcements(
            settings.database_url.get_secret_value(), behind_pooler=settings.database_behind_pooler
        )
        self.announcements.hear(CHANNEL, changed=self.directory.drop, unheard=self.directory.drop_all)
        self.presence = Presence(redis_url)
        self.signals = RunSignals(redis_url, shared.feed)
        self.copies = SessionCache(redis_url)
        self.limits = MentionLimits(
            redis_url,
            user_per_minute=settings.user_requests_per_minute,
            tenant_per_minute=settings.tenant_requests_per_minute,
        )
        self.queue = run_queue(redis_url)
        self.background = Background()
        routers = Routers(self.directory)
        jobs = QueueRunJobs(self.queue)
        tell = Tell(self.signals, self.copies, jobs, self.background)
        self.slow_path = _slow_path(settings, shared.feed)
        self.bring = BringForward(
            shared.store, routers, self.slow_path, self.presence, _policy(settings), tell
        )
        self.open_homes = RedisOpenHomes(redis_url)
        identify = Identify(shared.slack, settings.unknown_users, settings.signs_in_at())
        homes = Homes(routers, identify, self.presence, self.open_homes)
        self.refresh_homes = RefreshHomes(shared.store, homes, shared.kick, self.background)
        self.errands = Errands(tell, self.bring, jobs, self.background)
        self.presenter = Presenter(
            ShowRun(
                shared.store,
                self.directory,
                shared.kick,
                self.errands,
                Watches(self.metrics, self.refresh_homes),
            )
        )
        self.hints = RunHints(redis_url, self.presenter.hint)
        self.revive = ReviveRuns(
            PostgresUnattended(shared.database, overdue_s=SWEEP_OVERDUE_S),
            jobs,
            partial(self.presenter.hint, is_quiet=True),
            self.metrics,
        )
        self.workflows = RunWorkflows(
            PostgresDueWorkflows(shared.database), shared.store, shared.clock, self.errands
        )
        self.triggers = TaskTriggers(shared.slack, identify, routers, self.limits)
        link_list = LinkList(shared.lists)
        dialogs = Dialogs(identify, routers, self.limits, link_list)
        self.events = AgentEvents(
            AskAgent(shared.slack, identify, routers, self.limits),
            Interact(identify, routers),
            SlackSurface(identify, routers, homes, link_list, dialogs),
            dialogs,
        )
        self.worker = SupervisedWorker(
            AI_AGENT_TASKS,
            redis_url,
            make_run_processor(
                self.bring,
                NoteStumble(shared.store, tell, tries=RUN_JOBS.attempts),
                self.metrics,
                deadline_s=BRING_DEADLINE_S,
            ),
            RUN_JOBS,
            concurrency=settings.run_concurrency,
            lock_s=settings.worker_lock_s,
        )

    async def stop(self, within_s: float) -> None:
        """Take no more jobs, and let what goes on end."""
        await self.worker.close()
        await self.presenter.stop(within_s)
        self.refresh_homes.stop()
        await self.background.drain(within_s)

    async def close(self) -> None:
        """Close the connections."""
        await self.announcements.close()
        await self.queue.close()
        await self.presence.close()
        await self.signals.close()
        await self.copies.close()
        await self.limits.close()
        await self.open_homes.close()


def _policy(settings: Settings) -> RunPolicy:
    return RunPolicy(
        lease_s=settings.run_lease_s,
        grace_s=settings.run_grace_s,
        absent_look_again_s=settings.agent_wait_s,
        absent_max=timedelta(hours=settings.give_up_after_h),
    )


def _slow_path(settings: Settings, feed: Teller) -> SlowPath:
    if settings.llm_model is None:
        return NoSlowPath()
    choice = ModelChoice(settings.llm_model, settings.llm_base_url)
    breakers = Breakers(changed=telling_breakers(feed))
    return RememberingSlowPath(ModelSlowPath(choice, breakers))
