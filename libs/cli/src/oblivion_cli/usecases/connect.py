"""Connect a tenant to Slack and to ClickUp: everything that the services need, in one transaction each.

Works on facts that the caller has checked with the other side; running it again brings the rows up to date.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from oblivion_cli.usecases.audit import Actor, note
from oblivion_cli.usecases.integrations import (
    Integration,
    disable_stand_ins,
    list_integrations,
    merge_config,
    new_id,
    save_integration,
)
from oblivion_cli.usecases.vault import SigningSecret, Vault
from oblivion_platform.crypto import MasterKeyRing, SigningKeyRing
from oblivion_platform.database.engine import Database


@dataclass(frozen=True)
class SlackFacts:
    """A Slack app in one team, and how to speak as it."""

    team_id: str
    team_name: str
    app_id: str
    bot_token: str = field(repr=False)
    signing_secret: str | None = field(repr=False, default=None)
    app_token: str | None = field(repr=False, default=None)
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    """`bot_user_id`, `bot_id`, `workspace_url`, and `sandbox` for a stand-in."""
    keep_old_secret: bool = False
    answers: bool | None = None
    """Whether people who speak to the app are answered by this tenant. None: as it was, and yes at first."""


@dataclass(frozen=True)
class ClickUpFacts:
    """A ClickUp workspace, and how to speak in it."""

    team_id: str
    team_name: str
    token: str = field(repr=False)
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    """`owner_id`, `owner_name`, and `sandbox` for a stand-in."""


@dataclass(frozen=True)
class Webhook:
    """A registered webhook; only its creation tells the secret."""

    id: str
    endpoint: str
    secret: str = field(repr=False)


class Connector:
    """Stores connections of one tenant."""

    def __init__(
        self,
        database: Database,
        master_keys: MasterKeyRing,
        signing_keys: SigningKeyRing,
        tenant_id: UUID,
        actor: Actor,
    ) -> None:
        self._database = database
        self._master_keys = master_keys
        self._signing_keys = signing_keys
        self._tenant_id = tenant_id
        self._actor = actor

    async def connect_slack(self, facts: SlackFacts) -> UUID:
        """Store the app, its token and what proves its events; returns the integration's id.

        Raises:
            AnsweredElsewhere: another tenant answers for this app in this team; nothing was stored.
        """
        lookup_key = f"slack:{facts.app_id}:{facts.team_id}"
        row = Integration(
            new_id(),
            "slack",
            facts.team_id,
            facts.app_id,
            facts.team_name,
            config=facts.config,
            answers=facts.answers,
        )
        async with self._database.tenant(self._tenant_id) as tx:
            integration_id = await save_integration(tx, self._tenant_id, row)
            await disable_stand_ins(tx, "slack", integration_id)
            vault = await Vault.open(tx, self._tenant_id, self._master_keys, self._signing_keys)
            await vault.keep_credential(integration_id, "slack_bot_token", facts.bot_token)
            if facts.signing_secret is not None:
                await vault.keep_signing_secret(
                    integration_id,
                    SigningSecret("slack", lookup_key, facts.signing_secret),
                    retire_others=not facts.keep_old_secret,
                )
            if facts.app_token is None:
                # By HTTP now: an open socket would take the events away from it.
                await vault.retire_secrets(integration_id, "app_token")
            else:
                await vault.keep_signing_secret(
                    integration_id, SigningSecret("slack", lookup_key, facts.app_token, "app_token")
                )
            await note(tx, self._tenant_id, self._actor, "slack.connected", facts.team_id, app=facts.app_id)
        return integration_id

    async def connect_clickup(self, facts: ClickUpFacts) -> UUID:
        """Store the workspace and its token; returns the integration's id. The webhook follows."""
        row = Integration(new_id(), "clickup", facts.team_id, None, facts.team_name, config=facts.config)
        async with self._database.tenant(self._tenant_id) as tx:
            integration_id = await save_integration(tx, self._tenant_id, row)
            await disable_stand_ins(tx, "clickup", integration_id)
            vault = await Vault.open(tx, self._tenant_id, self._master_keys, self._signing_keys)
            await vault.keep_credential(integration_id, "clickup_token", facts.token)
            await note(tx, self._tenant_id, self._actor, "clickup.connected", facts.team_id)
        return integration_id

    async def integration(self, integration_id: UUID) -> Integration:
        async with self._database.tenant(self._tenant_id) as tx:
            (found,) = [each for each in await list_integrations(tx) if each.id == integration_id]
        return found

    async def move_webhook(self, integration_id: UUID, endpoint: str) -> None:
        """Note where the known webhook leads now; the watchdog makes a lost one anew for this address."""
        async with self._database.tenant(self._tenant_id) as tx:
            await merge_config(tx, integration_id, webhook_url=endpoint)
            await note(tx, self._tenant_id, self._actor, "clickup.webhook_moved", integration_id)

    async def keep_webhook(self, integration_id: UUID, webhook: Webhook) -> None:
        """Store a webhook that was just made; earlier ones of this workspace prove nothing any more."""
        secret = SigningSecret("clickup", f"clickup:{webhook.id}", webhook.secret)
        async with self._database.tenant(self._tenant_id) as tx:
            vault = await Vault.open(tx, self._tenant_id, self._master_keys, self._signing_keys)
            await vault.keep_signing_secret(integration_id, secret)
            await merge_config(tx, integration_id, webhook_id=webhook.id, webhook_url=webhook.endpoint)
            await note(tx, self._tenant_id, self._actor, "clickup.webhook_created", webhook.id)
