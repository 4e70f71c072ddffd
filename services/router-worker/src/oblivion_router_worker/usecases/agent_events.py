"""What an event means for agents: something is asked, edited, taken back, clicked, opened."""

from oblivion_router_worker.domain.events import (
    HomeOpened,
    Interaction,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    ReactionAdded,
    SessionStopped,
    SlashCommand,
)
from oblivion_router_worker.usecases.ask_agent import AskAgent
from oblivion_router_worker.usecases.dialogs import Dialogs
from oblivion_router_worker.usecases.handle_event import Fact
from oblivion_router_worker.usecases.interact import Interact
from oblivion_router_worker.usecases.slack_surface import SlackSurface
from oblivion_router_worker.usecases.turn import Turn


class AgentEvents:
    """Implements `decide.Agents`."""

    def __init__(self, ask: AskAgent, interact: Interact, surface: SlackSurface, dialogs: Dialogs) -> None:
        self._ask = ask
        self._interact = interact
        self._surface = surface
        self._dialogs = dialogs

    async def __call__(self, turn: Turn, fact: Fact) -> str | None:
        match fact:
            case MessagePosted():
                return await self._ask.on_message(turn, fact)
            case MessageEdited():
                return await self._ask.on_edit(turn, fact)
            case MessageDeleted():
                return await self._ask.on_deletion(turn, fact)
            case ReactionAdded():
                return await self._interact.on_reaction(turn, fact)
            case SessionStopped():
                return await self._interact.on_stop(turn, fact)
            case Interaction():
                return await self._interaction(turn, fact)
            case SlashCommand():
                return await self._surface.on_command(turn, fact)
            case HomeOpened():
                return await self._surface.on_home(turn, fact)
            case _:
                return None

    async def _interaction(self, turn: Turn, fact: Interaction) -> str | None:
        match fact.kind:
            case "block_actions":
                return await self._interact.on_click(turn, fact)
            case "message_action":
                return await self._dialogs.on_shortcut(turn, fact)
            case "view_submission":
                return await self._dialogs.on_submission(turn, fact)
            case _:
                return None
