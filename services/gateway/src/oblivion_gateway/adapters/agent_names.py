"""Implements `AgentNames` on the directory that is kept fresh by announcements."""

from uuid import UUID

from oblivion_platform.agents import AgentDirectory, AgentRecord


class DirectoryNames:
    """Asks Postgres only after a change."""

    def __init__(self, directory: AgentDirectory) -> None:
        self._directory = directory

    async def find(self, tenant_id: UUID, agent_id: UUID) -> AgentRecord | None:
        return await self._directory.find(tenant_id, agent_id)

    async def is_called(self, tenant_id: UUID, name_or_alias: str) -> bool:
        agent = (await self._directory.of(tenant_id)).named(name_or_alias)
        return agent is not None and agent.is_active
