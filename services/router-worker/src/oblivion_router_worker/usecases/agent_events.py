"""What an event means for agents: something is asked, edited, taken back, clicked."""

from oblivion_router_worker.domain.events import MessageDeleted, MessageEdited, MessagePosted
from oblivion_router_worker.usecases.ask_agent import AskAgent
from oblivion_router_worker.usecases.handle_event import Fact
from oblivion_router_worker.usecases.turn import Turn


class AgentEvents:
    """Implements `decide.Agents`."""

    def __init__(self, ask: AskAgent) -> None:
        self._ask = ask

    async def __call__(self, turn: Turn, fact: Fact) -> str | None:
        match fact:
            case MessagePosted():
                return await self._ask.on_message(turn, fact)
            case MessageEdited():
                return await self._ask.on_edit(turn, fact)
            case MessageDeleted():
                return await self._ask.on_deletion(turn, fact)
            case _:
                return None
