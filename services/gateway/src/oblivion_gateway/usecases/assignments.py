"""A run's row → the message that gives the run to an agent."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from oblivion_contracts.agent_socket import TaskAssigned
from oblivion_contracts.agents import AgentDefinition, Skill
from oblivion_contracts.identifiers import DEFAULT_TASK
from oblivion_contracts.sessions import SessionMessage, SessionSnapshot
from oblivion_gateway.domain.delegation import narrowed_tools
from oblivion_gateway.socket_ports import AgentBook, HeldRuns, RunTokens
from oblivion_platform.runs import Run
from oblivion_platform.sessions import WATCHED_TRIGGERS

MESSAGES_LENGTH_MAX = 200_000
"""Characters of earlier messages that go along; the newest are kept."""


@dataclass(frozen=True)
class LeaseTerms:
    """How long an assignment holds, and how often its holder must be heard."""

    lease_s: float
    heartbeat_s: float
    tools_url: str | None


class Assignments:
    """Puts together what an agent needs to begin; nothing of it ever goes through Redis."""

    def __init__(
        self,
        runs: HeldRuns,
        agents: AgentBook,
        run_tokens: RunTokens,
        terms: LeaseTerms,
    ) -> None:
        self._runs = runs
        self._agents = agents
        self._run_tokens = run_tokens
        self._terms = terms

    async def assemble(self, run: Run, session: SessionSnapshot) -> TaskAssigned | None:
        """None when there is no such agent any more, or the run has no deadline: it was never assigned.

        Raises:
            DependencyUnavailable: try again.
        """
        agent = None if run.agent_id is None else await self._agents.find(run.tenant_id, run.agent_id)
        if agent is None or run.deadline_at is None:
            return None
        definition = agent.definition
        return TaskAssigned(
            run_id=run.id,
            fence=run.fence,
            agent=agent.name,
            task=run.task or DEFAULT_TASK,
            prompt=run.prompt,
            category=run.category,
            source=run.source,
            session_id=run.session_id,
            messages=newest_within(without_prompt(session.messages, run), MESSAGES_LENGTH_MAX),
            requested_by=run.requested_by,
            context={**_of_session(session), **run.context},
            state=dict(run.carried_state),
            system_prompt=definition.system_prompt,
            model=definition.model,
            skills=_skills(definition, run.skills),
            allowed_tools=narrowed_tools(run.allowed_tools, definition.tools or None),
            tools_url=self._terms.tools_url,
            run_token=await self._token(run, agent.id),
            checkpoint=await self._checkpoint(run),
            attempt=run.lost_leases + 1,
            lease_s=self._terms.lease_s,
            heartbeat_s=self._terms.heartbeat_s,
            deadline=run.deadline_at,
            traceparent=run.traceparent,
        )

    async def _checkpoint(self, run: Run) -> bytes | None:
        if run.fence <= 1:
            return None  # Nobody had it before.
        stored = await self._runs.read_checkpoint(run.tenant_id, run.id)
        # As the contract's field takes it.
        return None if stored is None else base64.b64encode(stored)

    async def _token(self, run: Run, agent_id: UUID) -> str | None:
        if self._terms.tools_url is None or run.deadline_at is None:
            return None
        return await self._run_tokens.issue_run_token(
            run.tenant_id, agent_id, run.id, run.fence, run.deadline_at
        )


def without_prompt(messages: Sequence[SessionMessage], run: Run) -> list[SessionMessage]:
    """The conversation before the question: by the run that it became, else by its words."""
    kept = [m for m in messages if not (m.role == "user" and m.run_id == run.id)]
    if len(kept) == len(messages) and kept and kept[-1].role == "user" and kept[-1].text == run.prompt:
        kept.pop()
    return kept


def newest_within(messages: list[SessionMessage], length: int) -> list[SessionMessage]:
    for index in range(len(messages) - 1, -1, -1):
        length -= len(messages[index].text)
        if length < 0:
            return messages[index + 1 :]
    return messages


def _of_session(session: SessionSnapshot) -> dict[str, Any]:
    """What holds for all work of a conversation; what is our own there is nothing to agents."""
    workflow = {key: value for key, value in session.workflow.items() if key != WATCHED_TRIGGERS}
    found = {"preferences": session.preferences, "workflow": workflow}
    return {name: value for name, value in found.items() if value}


def _skills(definition: AgentDefinition, names: Sequence[str]) -> list[Skill]:
    return [skill for skill in definition.skills if not names or skill.name in names]
