"""Links follow what happens to their channels: renamed, archived, the bot invited or removed.

What died because the channel could not be written to leaves after all once it can.
"""

from oblivion_router_worker.domain.effects import slack_destination
from oblivion_router_worker.domain.events import (
    AppUninstalled,
    ChannelArchived,
    ChannelRenamed,
    ChannelUnarchived,
    MemberJoined,
    MemberLeft,
    TokensRevoked,
)
from oblivion_router_worker.domain.retry import PARENT_MISSING
from oblivion_router_worker.usecases.turn import Turn

ChannelFact = ChannelRenamed | ChannelArchived | ChannelUnarchived | MemberJoined | MemberLeft
InstallationFact = AppUninstalled | TokensRevoked

_DIED_OF_THE_CHANNEL = frozenset(
    {"slack_not_in_channel", "slack_channel_not_found", "slack_is_archived", PARENT_MISSING.code}
)
_REMOVED = "Oblivion was removed from the channel; invite it again: /invite @oblivion"
_ARCHIVED = "the channel is archived; unarchive it, or unlink it: oblivion mappings unlink"
_UNINSTALLED = "the Slack app was uninstalled or its token revoked; connect it again: oblivion slack connect"


async def keep_links(turn: Turn, fact: ChannelFact) -> str:
    """Note what became of a linked channel."""
    links, slack_id = turn.decision.links, turn.event.integration.id
    linked = [link.id for link in await links.of_channel(slack_id, fact.channel)]
    if not linked:
        return "ignored:not_linked"
    match fact:
        case ChannelRenamed(name=name):
            await links.rename_channel(slack_id, fact.channel, name)
        case ChannelArchived():
            await links.set_problem(linked, "is_archived", _ARCHIVED)
        case MemberLeft(is_us=True):
            await links.set_problem(linked, "not_in_channel", _REMOVED)
        case ChannelUnarchived() | MemberJoined(is_us=True):
            await links.set_problem(linked, None)
            await _send_what_died(turn, fact.channel)
        case _:
            return "ignored:somebody_else"
    return "link_updated"


async def _send_what_died(turn: Turn, channel: str) -> None:
    destination = slack_destination(turn.event.integration.id, channel)
    if await turn.decision.outbox.revive(destination, _DIED_OF_THE_CHANNEL):
        turn.destinations.setdefault(destination)


async def note_lost_installation(turn: Turn, fact: InstallationFact) -> str:
    """Note that Slack takes nothing from us any more."""
    bot = turn.event.integration.config_text("bot_user_id")
    if isinstance(fact, TokensRevoked) and bot not in fact.bot_user_ids:
        return "ignored:somebody_else"
    await turn.decision.integrations.set_health(turn.event.integration.id, "token_revoked", _UNINSTALLED)
    return "integration_updated"
