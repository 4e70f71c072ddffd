"""Names of our buttons, menus, shortcuts and dialogs, and what their values say."""

from dataclasses import dataclass
from uuid import UUID

from oblivion_router_worker.domain.identifiers import uuid_or_none

CANCEL = "oblivion:cancel"
APPROVE = "oblivion:approve"
DENY = "oblivion:deny"
FEEDBACK = "oblivion:feedback"
WRONG_AGENT = "oblivion:wrong_agent"
CHOOSE_AGENT = "oblivion:choose_agent"

ASK_SHORTCUT = "oblivion_ask_agent"
TASK_SHORTCUT = "oblivion_make_task"
ASK_DIALOG = "oblivion_ask_agent_dialog"
TASK_DIALOG = "oblivion_make_task_dialog"
LINK_DIALOG = "oblivion_link_list_dialog"
SETTINGS_DIALOG = "oblivion_settings_dialog"
COMMAND = "/oblivion"

STOP_REACTION = "x"
SEEN, DONE, FAILED, STOPPED = "eyes", "white_check_mark", "x", "no_entry_sign"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A run, and what somebody chose for it."""

    run_id: UUID
    choice: str


def agent_choice(run_id: UUID, agent: str) -> str:
    return f"{run_id}|{agent}"


def thumb(run_id: UUID, *, is_good: bool) -> str:
    return f"{run_id}|{'good' if is_good else 'bad'}"


def parse_choice(value: str | None) -> Chosen | None:
    """What `agent_choice` or `thumb` wrote; anybody can send anything here."""
    run_id, _, choice = (value or "").partition("|")
    found = uuid_or_none(run_id)
    return Chosen(found, choice) if found is not None and choice else None
