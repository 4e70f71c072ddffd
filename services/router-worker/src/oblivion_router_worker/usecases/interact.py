"""Clicks, reactions and Slack's own Stop: a run is stopped, a question answered, an answer judged."""

from uuid import UUID

from oblivion_contracts.runs import RunState
from oblivion_platform import runs
from oblivion_platform.errors import PermanentFailure
from oblivion_platform.runs import Run, RunJob
from oblivion_router_worker.domain import actions
from oblivion_router_worker.domain.actions import parse_choice
from oblivion_router_worker.domain.events import (
    ChosenAction,
    Interaction,
    ReactionAdded,
    SessionStopped,
    SlackAuthor,
)
from oblivion_router_worker.domain.identifiers import uuid_or_none
from oblivion_router_worker.domain.slack_message import SlackMessage
from oblivion_router_worker.domain.text import sanitise_mrkdwn
from oblivion_router_worker.domain.words import ANSWERED_BEFORE, NOT_ALLOWED, NOT_YOURS, OVER, THANKS
from oblivion_router_worker.ports.running import Label, Person, Telling
from oblivion_router_worker.usecases.ask_agent import thread_of
from oblivion_router_worker.usecases.identify import Identify
from oblivion_router_worker.usecases.routers import Routers
from oblivion_router_worker.usecases.stop_run import stop_run
from oblivion_router_worker.usecases.turn import Turn


class Interact:
    """What people do to runs in Slack."""

    def __init__(self, identify: Identify, routers: Routers) -> None:
        self._identify = identify
        self._routers = routers

    async def on_click(self, turn: Turn, fact: Interaction) -> str:
        person = await self._identify(turn, SlackAuthor(user_id=fact.user_id, team_id=fact.team_id))
        outcome = "ignored:nothing_chosen"
        for action in fact.actions:
            words = NOT_YOURS if person is None else await self._act(turn, person, action)
            outcome = f"clicked:{action.action_id.rpartition(':')[2]}"[:64]
            if words and fact.channel:
                thread_ts = fact.thread_ts or fact.message_ts
                integration_id = turn.event.integration.id
                await turn.showing.whisper(
                    integration_id, fact.channel, fact.user_id, SlackMessage(words), thread_ts
                )
        return outcome

    async def on_reaction(self, turn: Turn, fact: ReactionAdded) -> str | None:
        """:x: on the question stops its run."""
        if fact.name != actions.STOP_REACTION:
            return None
        run = await self._run_of_message(turn, fact.channel, fact.ts)
        return None if run is None else await self._stop_quietly(turn, run, fact.user_id)

    async def on_stop(self, turn: Turn, fact: SessionStopped) -> str | None:
        """Slack's Stop of a thread."""
        thread, _ = await thread_of(turn, fact.channel, fact.thread_ts)
        run = await turn.decision.desk.live_in(thread)
        return None if run is None else await self._stop_quietly(turn, run, fact.user_id)

    async def _run_of_message(self, turn: Turn, channel: str, ts: str) -> Run | None:
        run_id = await turn.decision.desk.run_of_question(turn.event.integration.id, channel, ts)
        return await runs.read(turn.decision.tx, run_id, lock=True) if run_id else None

    async def _stop_quietly(self, turn: Turn, run: Run, user: str) -> str:
        person = await self._identify(turn, SlackAuthor(user_id=user))
        if person is None or not person.may_stop(run):
            return "refused:not_theirs"
        await stop_run(turn.decision, turn.aftermath, run, by=person.name, stopper=person.user_id)
        return "run_cancelled"

    async def _act(self, turn: Turn, person: Person, action: ChosenAction) -> str | None:
        """What the person is told, if anything."""
        match action.action_id:
            case actions.CANCEL:
                return await _cancel(turn, person, uuid_or_none(action.value))
            case actions.APPROVE | actions.DENY:
                approved = action.action_id == actions.APPROVE
                return await _answer(turn, person, uuid_or_none(action.value), approved=approved)
            case actions.FEEDBACK:
                return await _judge(turn, person, action.value)
            case actions.WRONG_AGENT:
                return await self._correct(turn, person, action.value)
            case actions.CHOOSE_AGENT:
                return await _choose(turn, person, action.value)
            case _:
                return None

    async def _correct(self, turn: Turn, person: Person, value: str | None) -> str | None:
        chosen = parse_choice(value)
        if chosen is None or await runs.read(turn.decision.tx, chosen.run_id) is None:
            return None
        agents = await self._routers.agents(turn.event.tenant_id)
        agent = agents.named(chosen.choice)
        if agent is None:
            return None
        label = Label(chosen.run_id, "wrong_agent", str(person.user_id), agent.id, person.user_id)
        await turn.decision.desk.note_label(label)
        name = sanitise_mrkdwn(agent.name)
        return f"{THANKS} To ask it now: mention me with @{name} in your question."


async def _cancel(turn: Turn, person: Person, run_id: UUID | None) -> str | None:
    run = await runs.read(turn.decision.tx, run_id, lock=True) if run_id else None
    if run is None:
        return OVER
    if not person.may_stop(run):
        return NOT_YOURS
    stopped = await stop_run(turn.decision, turn.aftermath, run, by=person.name, stopper=person.user_id)
    return None if stopped else OVER


async def _answer(turn: Turn, person: Person, approval_id: UUID | None, *, approved: bool) -> str | None:
    if not person.may_operate:
        return NOT_ALLOWED
    if approval_id is None:
        return None
    try:
        approval, change = await runs.answer(
            turn.decision.tx,
            approval_id,
            approved=approved,
            user_id=person.user_id,
            name=person.name,
            comment="",
        )
    except PermanentFailure:
        return OVER
    if change is None:
        return ANSWERED_BEFORE
    turn.aftermath.changes.append(change)
    run = await runs.read(turn.decision.tx, approval.run_id)
    if run is not None:
        turn.aftermath.tell.append(Telling(run.id, run.gateway, run.fence, "approval.answered"))
    return None


async def _judge(turn: Turn, person: Person, value: str | None) -> str | None:
    chosen = parse_choice(value)
    if chosen is None or await runs.read(turn.decision.tx, chosen.run_id) is None:
        return None
    kind = "good" if chosen.choice == "good" else "bad"
    label = Label(chosen.run_id, kind, str(person.user_id), user_id=person.user_id)
    await turn.decision.desk.note_label(label)
    return THANKS


async def _choose(turn: Turn, person: Person, value: str | None) -> str | None:
    chosen = parse_choice(value)
    run = await runs.read(turn.decision.tx, chosen.run_id, lock=True) if chosen else None
    if chosen is None or run is None or run.state is not RunState.QUEUED:
        return OVER
    if not person.may_stop(run):
        return NOT_YOURS
    await turn.decision.desk.want_agent(run.id, chosen.choice)
    turn.aftermath.forward.append(RunJob.of(run))
    return None
