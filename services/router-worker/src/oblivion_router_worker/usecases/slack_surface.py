"""Slash command, App Home, suggested prompts."""

from oblivion_platform import runs
from oblivion_router_worker.domain.events import HomeOpened, SlackAuthor, SlashCommand
from oblivion_router_worker.domain.run_effects import (
    Respond,
    SuggestPrompts,
    person_destination,
)
from oblivion_router_worker.domain.slack_message import SlackMessage
from oblivion_router_worker.domain.surface_view import (
    list_id_of,
    render_agents,
    render_runs,
    suggested_prompts,
)
from oblivion_router_worker.domain.words import HELP, NOT_ADMIN, SIGN_IN, STRANGER
from oblivion_router_worker.ports.running import OpenHome, Person
from oblivion_router_worker.usecases.dialogs import Dialogs
from oblivion_router_worker.usecases.homes import Homes
from oblivion_router_worker.usecases.identify import Identify
from oblivion_router_worker.usecases.link_list import LinkList
from oblivion_router_worker.usecases.routers import Routers
from oblivion_router_worker.usecases.stop_run import stop_run
from oblivion_router_worker.usecases.turn import Turn

_WORKSPACE = "https://slack.com/"


class SlackSurface:
    """What people open and type beside messages."""

    def __init__(
        self,
        identify: Identify,
        routers: Routers,
        homes: Homes,
        link_list: LinkList,
        dialogs: Dialogs,
    ) -> None:
        self._identify = identify
        self._routers = routers
        self._homes = homes
        self._link_list = link_list
        self._dialogs = dialogs

    async def on_command(self, turn: Turn, fact: SlashCommand) -> str:
        verb, _, rest = fact.text.strip().partition(" ")
        person = await self._identify(turn, SlackAuthor(user_id=fact.user_id))
        if person is None:
            answer = SlackMessage(STRANGER)
        else:
            answer = await self._answer(turn, fact, person, verb.casefold(), rest.strip())
        if answer is None:
            return f"command:{verb.casefold()}"[:64]
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
            person = await self._identify(turn, SlackAuthor(user_id=fact.user_id))
            home = OpenHome(integration_id, turn.event.integration.external_id, fact.user_id)
            await self._homes.open(turn.decision, turn.showing, home, person)
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

    async def _answer(
        self, turn: Turn, fact: SlashCommand, person: Person, verb: str, rest: str
    ) -> SlackMessage | None:
        """None: a dialog is the answer."""
        match verb:
            case "link" if person.role != "admin":
                return await self._sign_in(turn)
            case "task" | "link" | "settings" if fact.trigger_id and not rest:
                words = await self._dialogs.on_command(turn, fact, person, verb)
                return None if words is None else SlackMessage(words)
            case "agents":
                return render_agents(await self._homes.agents(turn.event.tenant_id))
            case "status":
                listed = await turn.decision.desk.listed(person.user_id, live_only=True)
                return render_runs([(run.id, run.state, run.agent, run.prompt) for run in listed])
            case "stop":
                return await self._stop(turn, fact, person)
            case "link":
                return SlackMessage(await self._link_list(turn, person, fact.channel, list_id_of(rest)))
            case _:
                return SlackMessage(HELP)

    async def _sign_in(self, turn: Turn) -> SlackMessage:
        address = await self._identify.sign_in_address(turn.decision)
        return SlackMessage(f"{SIGN_IN.format(address=address)} {NOT_ADMIN}" if address else NOT_ADMIN)

    async def _stop(self, turn: Turn, fact: SlashCommand, person: Person) -> SlackMessage:
        """One's own live runs in this channel."""
        stopped = 0
        for listed in await turn.decision.desk.listed(person.user_id, live_only=True):
            run = await runs.read(turn.decision.tx, listed.id, lock=True)
            if run is None or listed.thread_channel != fact.channel:
                continue
            stopped += await stop_run(
                turn.decision, turn.aftermath, run, by=person.name, stopper=person.user_id
            )
        if not stopped:
            return SlackMessage("None of your runs is at work in this channel.")
        return SlackMessage(f"Stopped {stopped} of your runs." if stopped > 1 else "Stopped your run.")
