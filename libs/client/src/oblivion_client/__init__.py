"""Write an agent for Oblivion in a dozen lines.

from oblivion_client import Agent, Run, TaskAssigned

agent = Agent("fixer")

@agent.on_task("fix_bug")
async def fix(task: TaskAssigned, run: Run) -> str:
    await run.progress(20, "reading the repository")
    return "opened PR 12"

agent.run()
"""

from oblivion_client.agent import Agent
from oblivion_client.blocking import BlockingRun
from oblivion_client.configuration import Configuration
from oblivion_client.errors import (
    AgentFailure,
    AgentMisconfigured,
    AgentNotConnected,
    CheckpointTooLarge,
    ClientError,
    DelegationFailed,
    MessageRefused,
    RunTakenAway,
)
from oblivion_client.history import HistoryFilter
from oblivion_client.run import Delegation, Run
from oblivion_client.serving import Stop
from oblivion_contracts.agent_socket import ApprovalAnswered, ContextUpdated, TaskAssigned
from oblivion_contracts.runs import Category, DelegateTask, Usage
from oblivion_contracts.sessions import HistoryHit, SessionMessage

__all__ = [
    "Agent",
    "AgentFailure",
    "AgentMisconfigured",
    "AgentNotConnected",
    "ApprovalAnswered",
    "BlockingRun",
    "Category",
    "CheckpointTooLarge",
    "ClientError",
    "Configuration",
    "ContextUpdated",
    "DelegateTask",
    "Delegation",
    "DelegationFailed",
    "HistoryFilter",
    "HistoryHit",
    "MessageRefused",
    "Run",
    "RunTakenAway",
    "SessionMessage",
    "Stop",
    "TaskAssigned",
    "Usage",
]
