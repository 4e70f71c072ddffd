"""Slash command, shortcuts, dialogs, App Home, suggested prompts."""

from collections.abc import Sequence
from uuid import UUID

from oblivion_contracts.runs import RunSource
from oblivion_platform import runs, sessions
from oblivion_platform.sessions import NewSessionRow, Said
from oblivion_router_worker.domain import actions
from oblivion_router_worker.domain.events import HomeOpened, Interaction, SlackAuthor, SlashCommand
from oblivion_router_worker.domain.run_effects import (
    CreateTask,
    OpenView,
    PublishHome,
    Respond,
    SuggestPrompts,
    person_destination,
)
from oblivion_router_worker.domain.run_place import RunPlace
from oblivion_router_worker.domain.slack_message import SlackMessage
from oblivion_router_worker.domain.slack_ts import is_channel_id, is_ts, slack_permalink
from oblivion_router_worker.domain.surface_view import (
    ask_dialog,
    home_view,
    place_of_dialog,
    render_agents,
    render_runs,
    suggested_prompts,
    task_dialog,
)
from oblivion_router_worker.domain.text import mrkdwn_to_markdown
from oblivion_router_worker.domain.words import HELP, NOT_ADMIN
from oblivion_router_worker.ports.running import Allowances, Listed, Person, PresenceBoard
from oblivion_router_worker.usecases.ask_agent import thread_of
from oblivion_router_worker.usecases.identify import Identify
from oblivion_router_worker.usecases.link_list import LinkList
from oblivion_router_worker.usecases.routers import Routers
from oblivion_router_worker.usecases.start_run import Work, start_run
from oblivion_router_worker.usecases.stop_run import stop_run
from oblivion_router_worker.usecases.turn import Turn

_STRANGER = "You are not known to Oblivion here. Ask an admin to invite you."
_WORKSPACE = "https://slack.com/"


class SlackSurface:
    """What people open and type beside messages."""

    def __init__(
        self,
        identify: Identify,
        routers: Routers,
        presence: PresenceBoard,
        allowances: Allowances,
        link_list: LinkList,
    ) -> None:
        self._identify = identify
        self._routers = routers
        self._presence = presence
        self._allowances = allowances
        self._link_list = link_list

    async def on_command(self, turn: Turn, fact: SlashCommand) -> str:
        verb, _, rest = fact.text.strip().partition(" ")
        person = await self._identify(turn, SlackAuthor(user_id=fact.user_id))
        if person is None:
            answer = SlackMessage(_STRANGER)
        else:
            answer = await self._answer(turn, fact, person, verb.casefold(), rest.strip())
        integration_id = turn.event.integration.id
        if fact.response_url:
            destination = person_destination(integration_id, fact.user_id, "answers")
            body = Respond(fact.response_url, answer.text, answer.blocks)
            await turn.showing.send(integration_id, destination, body)
        else:
            await turn.showing.whisper(integration_id, fact.channel, fact.user_id, answer)
        return f"command:{verb.casefold() or 'help'}"[:64]

    async def on_home(self, turn: Turn, fact: HomeOpened) -> str:
        integration_id = turn.event.integration.id
        if fact.tab == "home":
            await self._show_home(turn, fact.user_id)
            return "home_shown"
        agents = await self._routers.agents(turn.event.tenant_id)
        prompts = suggested_prompts(
            [(agent.name, agent.definition.examples) for agent in agents.agents if agent.is_active]
        )
        if not prompts or fact.channel is None:
            return "ignored:no_prompts"
        destination = person_destination(integration_id, fact.user_id, "prompts")
        await turn.showing.send(integration_id, destination, SuggestPrompts(fact.channel, None, prompts))
        return "prompts_suggested"

    async def on_shortcut(self, turn: Turn, fact: Interaction) -> str | None:
        """A message's menu: a dialog, while Slack still takes one."""
        if fact.trigger_id is None or fact.channel is None or fact.message_ts is None:
            return None
        place = {
            "channel": fact.channel,
            "ts": fact.message_ts,
            "thread_ts": fact.thread_ts or fact.message_ts,
        }
        if fact.callback_id == actions.ASK_SHORTCUT:
            router = await self._routers.of(turn.event.tenant_id)
            view = ask_dialog(place, sorted(router.profiles), fact.message_text)
        elif fact.callback_id == actions.TASK_SHORTCUT:
            lists = await turn.decision.desk.linked_lists(turn.event.integration.id)
            if not lists:
                await turn.showing.whisper(
                    turn.event.integration.id,
                    fact.channel,
                    fact.user_id,
                    SlackMessage("No ClickUp list is linked yet: `/oblivion link LIST_ID` in a channel."),
                )
                return "refused:no_list"
            place["text"] = fact.message_text[:2_000]
            view = task_dialog(place, lists, mrkdwn_to_markdown(fact.message_text, {}))
        else:
            return None
        integration_id = turn.event.integration.id
        destination = person_destination(integration_id, f"{fact.user_id}:{turn.event.id}", "view")
        await turn.showing.send(integration_id, destination, OpenView(fact.trigger_id, view))
        return "dialog_opened"

    async def on_submission(self, turn: Turn, fact: Interaction) -> str | None:
        place = place_of_dialog(fact.private_metadata)
        channel, ts = place.get("channel", ""), place.get("ts", "")
        thread_ts = place.get("thread_ts", "")
        if not (is_channel_id(channel) and is_ts(ts) and is_ts(thread_ts)):
            return None
        person = await self._identify(turn, SlackAuthor(user_id=fact.user_id, team_id=fact.team_id))
        if person is None:
            return "refused:unknown_user"
        if fact.callback_id == actions.ASK_DIALOG:
            return await self._ask(
                turn, fact, person, RunPlace(turn.event.integration.id, channel, thread_ts, ts, fact.user_id)
            )
        if fact.callback_id == actions.TASK_DIALOG:
            return await _make_task(turn, fact, place)
        return None

    async def _ask(self, turn: Turn, fact: Interaction, person: Person, place: RunPlace) -> str:
        question = fact.values.get("question", "").strip()
        if not question or await self._allowances.take(turn.event.tenant_id, person.user_id) > 0:
            return "refused:rate_limit" if question else "ignored:nothing_asked"
        thread, _ = await thread_of(turn, place.channel, place.thread_ts or "")
        session = await sessions.open_for_thread(
            turn.decision.tx,
            turn.event.tenant_id,
            NewSessionRow(
                source=RunSource.SLACK,
                user_id=person.user_id,
                thread=thread,
                title=" ".join(question.split())[:100],
                visible_in_slack=True,
            ),
        )
        said = Said(
            role="user",
            text=question,
            source=RunSource.SLACK,
            author=person.name,
            source_ref=f"dialog:{turn.event.id}",
            user_id=person.user_id,
        )
        appended = await sessions.append_message(turn.decision.tx, session.id, said)
        turn.aftermath.sessions.append((session.id, appended.version))
        chosen = fact.values.get("agent", "-")
        live = await turn.decision.desk.live_in(thread)
        wanted = None if chosen == "-" else chosen
        await start_run(
            turn, Work(session, person, question, place, wanted_agent=wanted), is_behind=live is not None
        )
        return "asked"

    async def _answer(
        self, turn: Turn, fact: SlashCommand, person: Person, verb: str, rest: str
    ) -> SlackMessage:
        match verb:
            case "agents":
                return render_agents(await self._agents(turn))
            case "status":
                listed = await turn.decision.desk.listed(person.user_id, live_only=True)
                return render_runs([(run.id, run.state, run.agent, run.prompt) for run in listed])
            case "stop":
                return await self._stop(turn, fact, person)
            case "link":
                if person.role != "admin":
                    return SlackMessage(NOT_ADMIN)
                return SlackMessage(await self._link_list(turn, fact.channel, rest))
            case _:
                return SlackMessage(HELP)

    async def _agents(self, turn: Turn) -> list[tuple[str, str, int]]:
        agents = await self._routers.agents(turn.event.tenant_id)
        active = [agent for agent in agents.agents if agent.is_active]
        online = await self._presence.replicas(turn.event.tenant_id, [agent.id for agent in active])
        return [(agent.name, agent.definition.description, len(online.get(agent.id, []))) for agent in active]

    async def _stop(self, turn: Turn, fact: SlashCommand, person: Person) -> SlackMessage:
        """One's own live runs in this channel."""
        stopped = 0
        for listed in await turn.decision.desk.listed(person.user_id, live_only=True):
            run = await runs.read(turn.decision.tx, listed.id, lock=True)
            if run is None or listed.thread_channel != fact.channel:
                continue
            stopped += await stop_run(turn.decision, turn.aftermath, run, by=person.name)
        if not stopped:
            return SlackMessage("None of your runs is at work in this channel.")
        return SlackMessage(f"Stopped {stopped} of your runs." if stopped > 1 else "Stopped your run.")

    async def _show_home(self, turn: Turn, user: str) -> None:
        person = await self._identify(turn, SlackAuthor(user_id=user))
        listed: Sequence[Listed] = []
        if person is not None:
            listed = await turn.decision.desk.listed(person.user_id, live_only=False)
        asked: list[tuple[UUID, str]] = []
        if person is not None and person.may_operate:
            pending = await runs.pending_approvals(turn.decision.tx, limit=10)
            asked = [(approval.id, approval.question) for approval in pending]
        view = home_view(
            [(run.id, run.state, run.agent, run.prompt) for run in listed], await self._agents(turn), asked
        )
        integration_id = turn.event.integration.id
        destination = person_destination(integration_id, user, "home")
        await turn.showing.send(integration_id, destination, PublishHome(user, view))


async def _make_task(turn: Turn, fact: Interaction, place: dict[str, str]) -> str:
    name, chosen = fact.values.get("name", "").strip(), fact.values.get("list", "")
    lists = await turn.decision.desk.linked_lists(turn.event.integration.id)
    if not name or chosen not in {key for key, _ in lists}:
        return "refused:list_not_linked" if name else "ignored:no_name"
    integration, _, list_id = chosen.partition("|")
    workspace_url = turn.event.integration.config_text("workspace_url") or _WORKSPACE
    marker = slack_permalink(workspace_url, place["channel"], place["ts"], place["thread_ts"])
    said = mrkdwn_to_markdown(place.get("text", ""), {})
    description = f"{said}\n\nFrom Slack: {marker}"
    body = CreateTask(list_id, name[:250], description, marker)
    clickup_id = UUID(integration)
    await turn.showing.send(clickup_id, f"clickup:{clickup_id}:list:{list_id}", body)
    return "task_made"
