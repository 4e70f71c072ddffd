"""The Slack stand-in put together: its state, its verbs and its sender."""

from collections import Counter

from oblivion_sandbox.deliveries import Courier, SenderTuning
from oblivion_sandbox.limits import TokenBuckets
from oblivion_sandbox.misbehave import Misbehaviour
from oblivion_sandbox.oauth.grants import Grants
from oblivion_sandbox.outgoing import Outgoing
from oblivion_sandbox.slack.carrier import RETRY_WAITS_S, SlackCarrier
from oblivion_sandbox.slack.conversation import Conversation, Threads
from oblivion_sandbox.slack.events import Events
from oblivion_sandbox.slack.files import Files
from oblivion_sandbox.slack.interactions import Interactions
from oblivion_sandbox.slack.messages import Messages
from oblivion_sandbox.slack.response_urls import ResponseUrls
from oblivion_sandbox.slack.seed import TABLES, SlackDefaults, seed_workspace
from oblivion_sandbox.slack.sessions import Sessions
from oblivion_sandbox.slack.sockets import Sockets
from oblivion_sandbox.slack.streams import Streams
from oblivion_sandbox.slack.triggers import Triggers
from oblivion_sandbox.slack.views import Views
from oblivion_sandbox.slack.workspace import App, Workspace
from oblivion_sandbox.store import Store


class Slack:
    """One workspace with one app."""

    def __init__(
        self,
        store: Store,
        misbehaviour: Misbehaviour,
        outgoing: Outgoing,
        defaults: SlackDefaults,
        tuning: SenderTuning,
        grants: Grants,
    ) -> None:
        self.store = store
        self.grants = grants
        self.misbehaviour = misbehaviour
        self._defaults = defaults
        waits_s = [wait_s * tuning.retry_scale for wait_s in RETRY_WAITS_S]
        self.courier = Courier(store, misbehaviour, "slack", waits_s, tuning.in_flight)
        self.workspace = Workspace.load(store) or Workspace(store, seed_workspace(store, defaults))
        self.messages = Messages(store, self.workspace)
        self.events = Events(self.workspace, self.courier)
        self.streams = Streams(store, self.workspace, self.messages)
        self.sessions = Sessions(store, self.workspace, self.events, self.streams)
        threads = Threads(self.messages, self.streams, self.sessions)
        self.conversation = Conversation(store, self.workspace, threads, self.events)
        self.files = Files(store, self.conversation)
        self.triggers = Triggers()
        self.views = Views(store, self.workspace)
        self.response_urls = ResponseUrls(store, self.workspace, self.messages, self.conversation)
        self.interactions = Interactions(self, defaults.base_url)
        self.sockets = Sockets()
        self.carrier = SlackCarrier(self.workspace, self.sockets, outgoing)
        self.buckets = TokenBuckets()
        self.calls: Counter[str] = Counter()

    @property
    def app(self) -> App:
        return self.workspace.app

    def reset(self) -> None:
        """Forget everything and begin as at first start, with new tokens and secrets."""
        with self.store.write():
            self.store.wipe(*TABLES)
            self.store.run("DELETE FROM deliveries WHERE side = 'slack'")
            self.misbehaviour.clear("slack")
            self.grants.reset()
            self.workspace.app = seed_workspace(self.store, self._defaults)
        self.buckets.clear()
        self.calls.clear()
        self.courier.reload()

    async def run(self) -> None:
        """Deliver events for as long as the process lives."""
        await self.courier.run(self.carrier)
