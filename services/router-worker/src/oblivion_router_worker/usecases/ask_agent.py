"""A message to the bot becomes a run, or reaches the one that is at work in its thread.

All of it is one transaction: the session, the message, the run, and what is shown at once. One mention that
comes as two events is one message by its ts, and one event by ingestion's dedupe key.
"""

from dataclasses import dataclass, replace

from oblivion_contracts.runs import RunSource, RunState
from oblivion_platform import sessions
from oblivion_platform.errors import AuthenticationFailed, PermanentFailure
from oblivion_platform.logging import get_logger
from oblivion_platform.routing import Router, agent_named
from oblivion_platform.runs import Run, RunJob
from oblivion_platform.sessions import NewSessionRow, Said, SessionRow
from oblivion_router_worker.domain.actions import SEEN
from oblivion_router_worker.domain.asking import LOOK_AT_THREAD, asks_us, is_direct, question_of
from oblivion_router_worker.domain.events import MessageDeleted, MessageEdited, MessagePosted
from oblivion_router_worker.domain.mentions import unnamed_users
from oblivion_router_worker.domain.records import Link
from oblivion_router_worker.domain.run_place import (
    ASKED_FOR_AGENT,
    RunPlace,
    clickup_thread,
    slack_thread,
)
from oblivion_router_worker.domain.run_view import seconds
from oblivion_router_worker.domain.slack_message import SlackMessage
from oblivion_router_worker.domain.slack_ts import ts_key
from oblivion_router_worker.domain.words import HELP, STRANGER
from oblivion_router_worker.ports.reading import SlackReads
from oblivion_router_worker.ports.running import Allowances, Person, Telling
from oblivion_router_worker.usecases.identify import Identify
from oblivion_router_worker.usecases.routers import Routers
from oblivion_router_worker.usecases.start_run import Work, start_run
from oblivion_router_worker.usecases.stop_run import stop_run
from oblivion_router_worker.usecases.turn import Turn

_BACKFILL_MAX = 50
_NAMES_MAX = 10
_FROM_THE_START = "0000000000.000000"

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A person's message, and the thread that it belongs to."""

    person: Person
    fact: MessagePosted
    question: str
    thread: str
    thread_ts: str
    link: Link | None

    @property
    def is_follow_up(self) -> bool:
        return self.fact.is_reply


class AskAgent:
    """Decides what follows from what people say to the bot."""

    def __init__(
        self, slack: SlackReads, identify: Identify, routers: Routers, allowances: Allowances
    ) -> None:
        self._slack = slack
        self._identify = identify
        self._routers = routers
        self._allowances = allowances

    async def on_message(self, turn: Turn, fact: MessagePosted) -> str | None:
        """The outcome's code; None when the message is no agent's business."""
        if fact.author.is_us or fact.author.is_bot or fact.author.user_id is None:
            return None
        if not asks_us(fact):
            return await self._overhear(turn, fact) if fact.is_reply else None
        person = await self._identify(turn, fact.author)
        if person is None:
            await self._refuse(turn, fact, STRANGER)
            return "refused:unknown_user"
        wait_s = await self._allowances.take(turn.event.tenant_id, person.user_id)
        if wait_s > 0:
            await self._refuse(
                turn, fact, f"That was a lot at once. Please try again in {seconds(max(1.0, wait_s))}."
            )
            return "refused:rate_limit"
        question = await self._question(turn, fact) or (LOOK_AT_THREAD if fact.is_reply else "")
        if not question:
            await self._refuse(turn, fact, HELP)
            return "helped"
        return await self._take(turn, await _asked(turn, person, fact, question))

    async def on_edit(self, turn: Turn, fact: MessageEdited) -> str | None:
        """A question that reads otherwise now, for as long as it is not answered."""
        if fact.author.is_us or fact.author.is_bot:
            return None
        thread, _ = await thread_of(turn, fact.channel, fact.thread_ts or fact.ts)
        session_id = await turn.decision.desk.session_of(thread)
        if session_id is None:
            return None
        bot = turn.event.integration.config_text("bot_user_id")
        question = question_of(fact.text, bot, await self._names(turn, fact.text))
        # Runs are locked before sessions, here as where they end.
        run = await turn.decision.desk.asked_by(thread, fact.ts)
        edited = await sessions.edit_message(turn.decision.tx, session_id, fact.ts, question)
        if edited is None:
            return None
        turn.aftermath.sessions.append((session_id, edited.version))
        if run is None:
            return "noted"
        await turn.decision.desk.change_prompt(run.id, question)
        turn.aftermath.tell.append(Telling(run.id, run.gateway, run.fence, "context.updated"))
        return "context_updated"

    async def on_deletion(self, turn: Turn, fact: MessageDeleted) -> str | None:
        """Nobody wants an answer any more."""
        thread, _ = await thread_of(turn, fact.channel, fact.thread_ts or fact.ts)
        run = await turn.decision.desk.asked_by(thread, fact.ts)
        if run is None:
            return None
        await stop_run(turn.decision, turn.aftermath, run, by="the question was deleted")
        return "run_cancelled"

    async def _take(self, turn: Turn, asked: _Asked) -> str:
        place = replace(_place(turn, asked), is_public=await self._is_public(turn, asked.fact))
        router = await self._routers.of(turn.event.tenant_id)
        # Runs are locked before sessions. A thread that begins with this message has nobody at work.
        live = await turn.decision.desk.live_in(asked.thread, lock=True) if asked.is_follow_up else None
        if live is not None and _waits_for_choice(live, asked):
            named = agent_named(router, asked.question)
            if named is not None and len(asked.question.split()) == 1:
                return await _choose(turn, live, named)
            if named is not None or live.user_id == asked.person.user_id:
                live = await _replace(turn, live, asked)
        session = await self._session(turn, asked)
        told = live if live is not None and _is_told(live, router, asked, session) else None
        said = Said(
            role="user",
            text=asked.question,
            source=RunSource.SLACK,
            author=asked.person.name,
            source_ref=asked.fact.ts,
            user_id=asked.person.user_id,
            asked_run_id=told.id if told else None,
            place=place.to_json() if told else {},
        )
        appended = await sessions.append_message(turn.decision.tx, session.id, said)
        turn.aftermath.sessions.append((session.id, appended.version))
        if not appended.is_new:
            return "asked_before"
        if told is not None:
            return await _tell_running(turn, asked, told)
        named = agent_named(router, asked.question)
        likely = await self._routers.likely(turn.event.tenant_id, named, session.agent_id)
        work = Work(
            session,
            asked.person,
            asked.question,
            place,
            _context(asked),
            likely_agent=likely,
            begins_thread=not asked.is_follow_up,
        )
        await start_run(turn, work, is_behind=live is not None)
        return "asked"

    async def _is_public(self, turn: Turn, fact: MessagePosted) -> bool:
        if fact.channel_type is not None:
            return fact.channel_type == "channel"
        tenant_id, integration_id = turn.event.tenant_id, turn.event.integration.id
        return not is_direct(fact.channel) and await self._slack.is_public(
            tenant_id, integration_id, fact.channel
        )

    async def _session(self, turn: Turn, asked: _Asked) -> SessionRow:
        tx, tenant_id = turn.decision.tx, turn.event.tenant_id
        is_known = asked.is_follow_up and await turn.decision.desk.session_of(asked.thread) is not None
        session = await sessions.open_for_thread(
            tx,
            tenant_id,
            NewSessionRow(
                source=RunSource.SLACK,
                user_id=asked.person.user_id,
                thread=asked.thread,
                title=" ".join(asked.question.split())[:100],
                visible_in_slack=True,
            ),
        )
        if asked.is_follow_up and not is_known:
            await self._backfill(turn, asked, session)
        return session

    async def _backfill(self, turn: Turn, asked: _Asked, session: SessionRow) -> None:
        """What was said in the thread before the agent was called into it; the question does without, too.

        Our own words there are somebody else's: a task's, or what a tool returned.
        """
        integration = turn.event.integration
        try:
            page, _ = await self._slack.replies(
                integration, asked.fact.channel, asked.thread_ts, _FROM_THE_START
            )
        except AuthenticationFailed:
            raise
        except PermanentFailure as refused:
            _log.warning("thread_not_read", integration=str(integration.id), code=refused.code)
            return
        bot = integration.config_text("bot_user_id")
        earlier = [m for m in page if ts_key(str(m.get("ts"))) < ts_key(asked.fact.ts)]
        for message in earlier[-_BACKFILL_MAX:]:
            user, words = message.get("user"), str(message.get("text") or "")
            name = await self._slack.user_name(integration, user) if isinstance(user, str) else "An app"
            text = question_of(words, bot, await self._names(turn, words))
            if not text:
                continue
            person = await self._identify.of_message(turn, message)
            said = Said(
                role="system" if user == bot else "user",
                text=text,
                source=RunSource.SLACK,
                author=name,
                source_ref=str(message["ts"]),
                user_id=person.user_id if person else None,
            )
            await sessions.append_message(turn.decision.tx, session.id, said)

    async def _overhear(self, turn: Turn, fact: MessagePosted) -> str | None:
        """A reply in a thread that an agent was called into: whoever works there hears of it.

        What somebody says whom an agent would refuse is kept for the thread's sense, and steers nobody.
        """
        thread, _ = await thread_of(turn, fact.channel, fact.thread_ts or fact.ts)
        session_id = await turn.decision.desk.session_of(thread)
        if session_id is None or fact.author.user_id is None:
            return None
        words = await self._question(turn, fact)
        if not words:
            return None
        name = await self._slack.user_name(turn.event.integration, fact.author.user_id)
        live = await turn.decision.desk.live_in(thread)
        person = await self._identify(turn, fact.author)
        is_heard = person is not None and await self._has_a_say(turn, person, live)
        said = Said(
            role="user" if is_heard else "system",
            text=words,
            source=RunSource.SLACK,
            author=name,
            source_ref=fact.ts,
            user_id=person.user_id if person else None,
        )
        appended = await sessions.append_message(turn.decision.tx, session_id, said)
        turn.aftermath.sessions.append((session_id, appended.version))
        if live is None or not live.is_held or not is_heard:
            return "noted"
        turn.aftermath.tell.append(Telling(live.id, live.gateway, live.fence, "context.updated"))
        return "context_updated"

    async def _has_a_say(self, turn: Turn, person: Person, live: Run | None) -> bool:
        if live is None or not live.is_held:
            return True
        return await self._allowances.take(turn.event.tenant_id, person.user_id) == 0

    async def _question(self, turn: Turn, fact: MessagePosted) -> str:
        bot = turn.event.integration.config_text("bot_user_id")
        return question_of(fact.text, bot, await self._names(turn, fact.text))

    async def _names(self, turn: Turn, text: str) -> dict[str, str]:
        bot = turn.event.integration.config_text("bot_user_id")
        users = [user for user in unnamed_users(text) if user != bot][:_NAMES_MAX]
        return {user: await self._slack.user_name(turn.event.integration, user) for user in users}

    async def _refuse(self, turn: Turn, fact: MessagePosted, words: str) -> None:
        user = fact.author.user_id
        if user is not None:
            thread_ts = fact.thread_ts if fact.is_reply else None
            integration_id = turn.event.integration.id
            await turn.showing.whisper(integration_id, fact.channel, user, SlackMessage(words), thread_ts)


async def thread_of(turn: Turn, channel: str, thread_ts: str) -> tuple[str, Link | None]:
    """The session's thread: a mirrored task's is the same in Slack and in ClickUp."""
    integration_id = turn.event.integration.id
    link = None
    if turn.event.has_links and not is_direct(channel):
        link = await turn.decision.links.of_thread(integration_id, channel, thread_ts)
    if link is not None and link.shown is not None:
        return clickup_thread(link.clickup_integration_id, link.shown.task_id), link
    return slack_thread(integration_id, channel, thread_ts), None


async def _asked(turn: Turn, person: Person, fact: MessagePosted, question: str) -> _Asked:
    if not fact.is_reply:
        thread = slack_thread(turn.event.integration.id, fact.channel, fact.ts)
        return _Asked(person, fact, question, thread, fact.ts, None)
    thread_ts = fact.thread_ts or fact.ts
    thread, link = await thread_of(turn, fact.channel, thread_ts)
    return _Asked(person, fact, question, thread, thread_ts, link)


def _waits_for_choice(live: Run, asked: _Asked) -> bool:
    """It was asked who should do it, nobody has said, and this person may."""
    is_open = live.state is RunState.QUEUED and bool(live.place.get(ASKED_FOR_AGENT))
    is_other = live.place.get("question_ts") != asked.fact.ts
    return is_open and is_other and not live.wanted.get("agent") and asked.person.may_stop(live)


async def _choose(turn: Turn, live: Run, agent: str) -> str:
    """The menu, answered in words."""
    await turn.decision.desk.want_agent(live.id, agent)
    turn.aftermath.forward.append(RunJob.of(live))
    return "agent_chosen"


async def _replace(turn: Turn, live: Run, asked: _Asked) -> Run | None:
    """Asked anew instead of choosing; returns who is next in the thread now."""
    by = f"what {asked.person.name} asked next"
    await stop_run(turn.decision, turn.aftermath, live, by=by, stopper=asked.person.user_id)
    return await turn.decision.desk.live_in(asked.thread, lock=True)


def _is_told(live: Run, router: Router, asked: _Asked, session: SessionRow) -> bool:
    """Whether the run at work hears of the question; one that waits, or for another agent, gets its own."""
    named = agent_named(router, asked.question)
    return live.state is not RunState.QUEUED and (named is None or named == session.agent)


async def _tell_running(turn: Turn, asked: _Asked, live: Run) -> str:
    turn.aftermath.tell.append(Telling(live.id, live.gateway, live.fence, "context.updated"))
    place = RunPlace(turn.event.integration.id, asked.fact.channel, asked.thread_ts, asked.fact.ts)
    await turn.showing.mark(place, live.id, SEEN)
    return "context_updated"


def _place(turn: Turn, asked: _Asked) -> RunPlace:
    place = RunPlace(
        integration_id=turn.event.integration.id,
        channel=asked.fact.channel,
        thread_ts=asked.thread_ts,
        question_ts=asked.fact.ts,
        asker=asked.fact.author.user_id,
    )
    link = asked.link
    if link is None or link.shown is None:
        return place
    statuses = {str(state): name for state, name in link.options.agents.status_map.items()}
    return replace(
        place,
        task_mapping_id=link.shown.id,
        task_id=link.shown.task_id,
        clickup_integration_id=link.clickup_integration_id,
        status_map=statuses or None,
    )


def _context(asked: _Asked) -> dict[str, str]:
    link = asked.link
    if link is None or link.shown is None:
        return {}
    return {"clickup_task_id": link.shown.task_id, "clickup_task": link.shown.name}
