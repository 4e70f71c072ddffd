"""The workspace: who is in it, which channels there are, and how the app is installed."""

import json
import secrets
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from oblivion_sandbox.clock import now_s
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.store import Json, Row, Store, dumps

SETTING = "slack.app"
DEFAULT_SCOPES = (
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:join",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "im:history",
    "im:read",
    "im:write",
    "reactions:read",
    "reactions:write",
    "team:read",
    "users:read",
)
DEFAULT_SUBSCRIPTIONS = (
    "agent_session_stopped",
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "channel_archive",
    "channel_rename",
    "member_joined_channel",
    "member_left_channel",
    "message.channels",
    "message.im",
    "reaction_added",
    "reaction_removed",
    "tokens_revoked",
)

# What the app's manifest would declare.
DEFAULT_COMMANDS = ("/oblivion",)
DEFAULT_SHORTCUTS: tuple[Json, ...] = (
    {"type": "message", "name": "Ask an agent…", "callback_id": "oblivion_ask_agent"},
    {"type": "message", "name": "Turn into a ClickUp task", "callback_id": "oblivion_make_task"},
)
MANIFEST = 4

TokenState = Literal["valid", "expired", "revoked"]


@dataclass(frozen=True)
class App:
    """How the one app is installed in the one workspace; the control API reads and changes it."""

    team_id: str
    team_name: str
    team_domain: str
    app_id: str
    bot_user_id: str
    bot_id: str
    bot_token: str
    app_token: str
    signing_secret: str
    verification_token: str
    request_url: str | None
    limits_scale: float
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    subscriptions: tuple[str, ...] = DEFAULT_SUBSCRIPTIONS
    socket_mode: bool = False
    token_state: TokenState = "valid"  # noqa: S105  # a state, not a token
    installed: bool = True
    interactivity_url: str | None = None
    commands: tuple[str, ...] = DEFAULT_COMMANDS
    shortcuts: tuple[Json, ...] = DEFAULT_SHORTCUTS
    stream_life_s: float = 306.0
    status_life_s: float = 120.0
    trigger_life_s: float = 3.0
    response_url_life_s: float = 1800.0
    manifest: int = MANIFEST
    clock_skew_s: int = field(default=0, metadata={"why": "shifts the signature's timestamp"})


def slack_id(prefix: str) -> str:
    """An id as Slack makes them: a letter and ten capitals or digits."""
    return prefix + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(10))


def new_app(request_url: str | None, limits_scale: float) -> App:
    """A fresh installation with generated ids, tokens and signing secret."""
    return App(
        team_id=slack_id("T"),
        team_name="Oblivion Sandbox",
        team_domain="oblivion-sandbox",
        app_id=slack_id("A"),
        bot_user_id=slack_id("U"),
        bot_id=slack_id("B"),
        bot_token=f"xoxb-{secrets.randbelow(10**12):012}-{secrets.token_hex(12)}",
        app_token=f"xapp-1-{secrets.token_hex(6).upper()}-{secrets.randbelow(10**12):012}-{secrets.token_hex(32)}",
        signing_secret=secrets.token_hex(16),
        verification_token=secrets.token_hex(12),
        request_url=request_url,
        limits_scale=limits_scale,
    )


class Workspace:
    """Users, channels and memberships."""

    def __init__(self, store: Store, app: App) -> None:
        self._store = store
        self.app = app

    @classmethod
    def load(cls, store: Store) -> "Workspace | None":
        saved = store.setting(SETTING)
        if saved is None:
            return None
        known = {field.name for field in fields(App)}
        app = App(**{name: _frozen(value) for name, value in saved.items() if name in known})
        return cls(store, app if saved.get("manifest") == MANIFEST else _reinstalled(app))

    def change_app(self, **changes: Any) -> App:
        self.app = replace(self.app, **{name: _frozen(value) for name, value in changes.items()})
        self.save()
        return self.app

    def save(self) -> None:
        self._store.save_setting(SETTING, asdict(self.app))

    # People

    def set_traits(self, user: str, traits: Json) -> None:
        """Make somebody a guest (`is_restricted`) or of another company (`is_stranger`, `team_id`)."""
        with self._store.write():
            self._store.run("INSERT OR REPLACE INTO slack_traits VALUES (?, ?)", user, dumps(traits))

    def traits(self, user: str) -> Json:
        row = self._store.one("SELECT fields FROM slack_traits WHERE user = ?", user)
        return {} if row is None else json.loads(row["fields"])

    def add_user(self, name: str, real_name: str, user_id: str | None = None, *, is_bot: bool = False) -> str:
        user_id = user_id or slack_id("U")
        with self._store.write():
            self._store.run(
                "INSERT INTO slack_users (id, name, real_name, is_bot) VALUES (?, ?, ?, ?)",
                *(user_id, name, real_name, is_bot),
            )
        return user_id

    def users(self) -> list[Row]:
        return self._store.all("SELECT * FROM slack_users ORDER BY rowid")

    def user(self, id_or_name: str) -> Row:
        """A user by id, or by name, which is handier in tests and on the page."""
        row = self._store.one("SELECT * FROM slack_users WHERE id = ?1 OR name = ?1", id_or_name)
        if row is None:
            raise SlackError("user_not_found")
        return row

    def user_json(self, row: Row) -> Json:
        """A user object as users.info gives it."""
        first, _, last = str(row["real_name"]).partition(" ")
        profile: Json = {
            "real_name": row["real_name"],
            "real_name_normalized": row["real_name"],
            "display_name": "" if row["is_bot"] else row["name"],
            "display_name_normalized": "" if row["is_bot"] else row["name"],
            "first_name": first,
            "last_name": last,
            "team": self.app.team_id,
            "avatar_hash": "",
        }
        if row["is_bot"]:
            profile |= {"bot_id": self.app.bot_id, "api_app_id": self.app.app_id, "always_active": True}
        return {
            "id": row["id"],
            "team_id": self.app.team_id,
            "name": row["name"],
            "deleted": bool(row["deleted"]),
            "real_name": row["real_name"],
            "tz": "Europe/Berlin",
            "tz_label": "Central European Time",
            "tz_offset": 3600,
            "profile": profile,
            "is_admin": False,
            "is_owner": False,
            "is_restricted": False,
            "is_ultra_restricted": False,
            "is_bot": bool(row["is_bot"]),
            "is_app_user": False,
            "updated": now_s(),
            **self.traits(row["id"]),
        }

    # Channels

    def add_channel(self, name: str, members: list[str]) -> str:
        """Create a public channel and let the users named join it."""
        channel = slack_id("C")
        with self._store.write():
            self._store.run(
                "INSERT INTO slack_channels (id, name, creator, created_s) VALUES (?, ?, ?, ?)",
                *(channel, name, members[0] if members else self.app.bot_user_id, now_s()),
            )
            for user in members:
                self.join(channel, user)
            self._store.touch("slack")
        return channel

    def channels(self) -> list[Row]:
        return self._store.all("SELECT * FROM slack_channels WHERE id NOT GLOB 'D*' ORDER BY rowid")

    def dm(self, user: str) -> str:
        """The direct conversation of a person with the app; begun when first asked for."""
        row = self._store.one("SELECT channel FROM slack_dms WHERE user = ?", user)
        if row is not None:
            return row["channel"]
        channel = slack_id("D")
        with self._store.write():
            self._store.run(
                "INSERT INTO slack_channels (id, name, creator, created_s) VALUES (?, ?, ?, ?)",
                *(channel, channel, user, now_s()),
            )
            self._store.run("INSERT INTO slack_dms (channel, user) VALUES (?, ?)", channel, user)
            for member in (user, self.app.bot_user_id):
                self.join(channel, member)
        return channel

    def dms(self) -> list[Row]:
        """All direct conversations, with `user`."""
        return self._store.all(
            "SELECT c.*, d.user FROM slack_dms d JOIN slack_channels c ON c.id = d.channel ORDER BY c.rowid"
        )

    def dm_user(self, channel: str) -> str | None:
        """Whose direct conversation a channel is, if it is one."""
        row = self._store.one("SELECT user FROM slack_dms WHERE channel = ?", channel)
        return None if row is None else row["user"]

    def channel(self, id_or_name: str) -> Row:
        """A channel by id, or by name with or without `#`, as chat.postMessage takes it too."""
        row = self._store.one("SELECT * FROM slack_channels WHERE id = ?", id_or_name)
        row = row or self._store.one(
            "SELECT * FROM slack_channels WHERE name = ?", id_or_name.removeprefix("#")
        )
        if row is None:
            raise SlackError("channel_not_found")
        return row

    def is_member(self, channel: str, user: str) -> bool:
        return (
            self._store.one("SELECT 1 FROM slack_members WHERE channel = ? AND user = ?", channel, user)
            is not None
        )

    def members(self, channel: str) -> list[str]:
        return [
            row["user"]
            for row in self._store.all("SELECT user FROM slack_members WHERE channel = ?", channel)
        ]

    def join(self, channel: str, user: str) -> None:
        with self._store.write():
            self._store.run(
                "INSERT OR IGNORE INTO slack_members (channel, user) VALUES (?, ?)", channel, user
            )

    def leave(self, channel: str, user: str) -> None:
        with self._store.write():
            self._store.run("DELETE FROM slack_members WHERE channel = ? AND user = ?", channel, user)
            self._store.touch("slack")

    def change_channel(self, channel: str, *, name: str | None = None, archived: bool | None = None) -> None:
        with self._store.write():
            self._store.run(
                "UPDATE slack_channels SET name = coalesce(?, name), archived = coalesce(?, archived)"
                " WHERE id = ?",
                *(name, archived, channel),
            )
            self._store.touch("slack")

    def channel_json(self, row: Row) -> Json:
        """A conversation object as conversations.info gives it."""
        if (user := self.dm_user(row["id"])) is not None:
            return _dm_json(row, user, self.app.team_id)
        nothing = {"value": "", "creator": "", "last_set": 0}
        return {
            "id": row["id"],
            "name": row["name"],
            "name_normalized": row["name"],
            "is_channel": True,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": False,
            "is_archived": bool(row["archived"]),
            "is_general": row["name"] == "general",
            "is_shared": False,
            "is_ext_shared": False,
            "is_org_shared": False,
            "is_pending_ext_shared": False,
            "is_member": self.is_member(row["id"], self.app.bot_user_id),
            "created": row["created_s"],
            "creator": row["creator"],
            "context_team_id": self.app.team_id,
            "shared_team_ids": [self.app.team_id],
            "topic": nothing,
            "purpose": nothing,
            "previous_names": [],
            "unlinked": 0,
            "num_members": len(self.members(row["id"])),
        }


def is_dm(channel: str) -> bool:
    """Whether an id is that of a direct conversation."""
    return channel.startswith("D")


def _dm_json(row: Row, user: str, team_id: str) -> Json:
    return {
        "id": row["id"],
        "created": row["created_s"],
        "is_archived": False,
        "is_im": True,
        "is_org_shared": False,
        "context_team_id": team_id,
        "user": user,
        "is_user_deleted": False,
        "is_open": True,
        "priority": 0,
    }


def _reinstalled(app: App) -> App:
    """The app of an older state, granted and subscribed to what has come since."""
    return replace(
        app,
        scopes=tuple(sorted({*app.scopes, *DEFAULT_SCOPES})),
        subscriptions=tuple(sorted({*app.subscriptions, *DEFAULT_SUBSCRIPTIONS})),
        commands=DEFAULT_COMMANDS,
        shortcuts=DEFAULT_SHORTCUTS,
        manifest=MANIFEST,
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
