"""The workspace as it is at first start."""

from dataclasses import dataclass

from oblivion_sandbox.slack.workspace import App, Workspace, new_app
from oblivion_sandbox.store import Store

PEOPLE = (("you", "You Yourself"), ("ana", "Ana Silva"), ("ben", "Ben Okafor"))
CHANNELS_WITH_APP = ("general", "launch")
CHANNELS_WITHOUT_APP = ("support",)
TABLES = (
    "slack_users",
    "slack_channels",
    "slack_members",
    "slack_messages",
    "slack_reactions",
    "slack_ephemerals",
    "slack_dms",
    "slack_traits",
    "slack_sessions",
    "slack_statuses",
    "slack_prompts",
    "slack_streams",
    "slack_views",
    "slack_response_urls",
    "slack_feedback",
    "slack_files",
)


@dataclass(frozen=True)
class SlackDefaults:
    """What settings say of a fresh workspace."""

    request_url: str | None
    limits_scale: float
    base_url: str | None = None


def seed_workspace(store: Store, defaults: SlackDefaults) -> App:
    """Create people, channels and an installed app; tokens and secrets are made here, once."""
    with store.write():
        workspace = Workspace(store, new_app(defaults.request_url, defaults.limits_scale))
        workspace.save()
        app = workspace.app
        people = [workspace.add_user(name, real_name) for name, real_name in PEOPLE]
        workspace.add_user("oblivion", "Oblivion", app.bot_user_id, is_bot=True)
        for name in CHANNELS_WITH_APP:
            workspace.add_channel(name, [*people, app.bot_user_id])
        for name in CHANNELS_WITHOUT_APP:
            workspace.add_channel(name, people)
    return app
