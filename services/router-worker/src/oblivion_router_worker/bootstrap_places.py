"""The part of the composition root that reads lists and channels."""

from oblivion_contracts.jobs import PLACE_READING
from oblivion_platform.clickup import ClickUp
from oblivion_platform.database.engine import Database
from oblivion_platform.queue import JobPolicy, SupervisedWorker
from oblivion_router_worker.adapters.place_sources import ClickUpLists, SlackChannels
from oblivion_router_worker.adapters.postgres_places import PostgresPlaces
from oblivion_router_worker.adapters.slack import SlackApi
from oblivion_router_worker.ports.credentials import Credentials
from oblivion_router_worker.processors.place_readings import make_place_processor
from oblivion_router_worker.settings import Settings
from oblivion_router_worker.usecases.read_places import ReadPlaces

READ_DEADLINE_S = 120.0
AT_ONCE = 3
"""Readings; a connection to Postgres is held only for the moments between the answers."""


def place_worker(
    settings: Settings, database: Database, slack: SlackApi, clickup: ClickUp, credentials: Credentials
) -> SupervisedWorker:
    """The consumer of `place-reading`."""
    read = ReadPlaces(
        PostgresPlaces(database),
        {"slack": SlackChannels(slack), "clickup": ClickUpLists(clickup, credentials)},
    )
    return SupervisedWorker(
        PLACE_READING,
        settings.redis_url.get_secret_value(),
        make_place_processor(read, read.note_stumble, deadline_s=READ_DEADLINE_S),
        JobPolicy(),
        concurrency=AT_ONCE,
        lock_s=settings.worker_lock_s,
    )
