"""Dialogs: asking an agent about a message, making a task, linking a list to a channel."""

from typing import Any
from uuid import UUID

from oblivion_contracts.runs import RunSource
from oblivion_platform import sessions
from oblivion_platform.operations.audit import Actor, note
from oblivion_platform.operations.tenant_settings import CHOICES, change_setting, read_settings
from oblivion_platform.sessions import NewSessionRow, Said
from oblivion_router_worker.domain import actions
from oblivion_router_worker.domain.events import Interaction, SlackAuthor, SlashCommand
from oblivion_router_worker.domain.run_effects import CreateTask, OpenView, person_destination
from oblivion_router_worker.domain.run_place import RunPlace
from oblivion_router_worker.domain.slack_message import SlackMessage
from oblivion_router_worker.domain.slack_ts import is_channel_id, is_ts, slack_permalink
from oblivion_router_worker.domain.surface_view import (
    AS_INSTALLED,
    ask_dialog,
    link_dialog,
    list_id_of,
    place_of_dialog,
    settings_dialog,
    task_dialog,
)
from oblivion_router_worker.domain.text import mrkdwn_to_markdown
from oblivion_router_worker.domain.words import (
    NO_LIST,
    NO_TASKS,
    NOT_ADMIN,
    NOT_ADMIN_OF_SETTINGS,
    SETTINGS_KEPT,
    STRANGER,
    TOO_LATE,
    TOO_MUCH,
)
from oblivion_router_worker.ports.running import Allowances, Person
from oblivion_router_worker.usecases.ask_agent import thread_of
from oblivion_router_worker.usecases.identify import Identify
from oblivion_router_worker.usecases.link_list import LinkList
from oblivion_router_worker.usecases.routers import Routers
from oblivion_router_worker.usecases.start_run import Work, start_run
from oblivion_router_worker.usecases.turn import Turn

_WORKSPACE = "https://slack.com/"


class Dialogs:
    """Opens them, and does what was filled in."""

    def __init__(
        self, identify: Identify, routers: Routers, allowances: Allowances, link_list: LinkList
    ) -> None:
        self._identify = identify
        self._routers = routers
        self._allowances = allowances
        self._link_list = link_list

    async def on_shortcut(self, turn: Turn, fact: Interaction) -> str | None:
        """A message's menu: a dialog, while Slack still takes one."""
        if fact.trigger_id is None or fact.channel is None or fact.message_ts is None:
            return None
        person = await self._identify(turn, SlackAuthor(user_id=fact.user_id, team_id=fact.team_id))
        if person is None:
            await _whisper(turn, fact.channel, fact.user_id, STRANGER)
            return "refused:unknown_user"
        place = {
            "channel": fact.channel,
            "ts": fact.message_ts,
            "thread_ts": fact.thread_ts or fact.message_ts,
        }
        if fact.callback_id == actions.ASK_SHORTCUT:
            router = await self._routers.of(turn.event.tenant_id)
            view = ask_dialog(place, sorted(router.profiles), fact.message_text)
        elif fact.callback_id == actions.TASK_SHORTCUT:
            if not person.may_operate:
                await _whisper(turn, fact.channel, fact.user_id, NO_TASKS)
                return "refused:not_a_member"
            lists = await turn.decision.desk.linked_lists(turn.event.integration.id)
            if not lists:
                await _whisper(turn, fact.channel, fact.user_id, NO_LIST)
                return "refused:no_list"
            place["text"] = fact.message_text
            view = task_dialog(place, lists, mrkdwn_to_markdown(fact.message_text, {}))
        else:
            return None
        await _open(turn, fact, view)
        return "dialog_opened"

    async def on_command(self, turn: Turn, fact: SlashCommand, person: Person, verb: str) -> str | None:
        """`/oblivion task|link|settings`: what to say instead of a dialog; None where one opens."""
        place = {"channel": fact.channel}
        if verb == "settings":
            if person.role != "admin":
                return NOT_ADMIN_OF_SETTINGS
            settings = await read_settings(turn.decision.tx, turn.event.tenant_id)
            await _open(turn, fact, settings_dialog(place, settings))
            return None
        if verb == "link":
            if person.role != "admin":
                return NOT_ADMIN
            await _open(turn, fact, link_dialog(place))
            return None
        if not person.may_operate:
            return NO_TASKS
        lists = await turn.decision.desk.linked_lists(turn.event.integration.id)
        if not lists:
            return NO_LIST
        await _open(turn, fact, task_dialog(place, lists, ""))
        return None

    async def on_submission(self, turn: Turn, fact: Interaction) -> str | None:
        place = place_of_dialog(fact.private_metadata)
        if not is_channel_id(place.get("channel", "")):
            return None
        person = await self._identify(turn, SlackAuthor(user_id=fact.user_id, team_id=fact.team_id))
        if person is None:
            return "refused:unknown_user"
        match fact.callback_id:
            case actions.ASK_DIALOG if _is_message(place):
                shown = RunPlace(
                    turn.event.integration.id,
                    place["channel"],
                    place["thread_ts"],
                    question_ts=place["ts"],
                    asker=fact.user_id,
                )
                return await self._ask(turn, fact, person, shown)
            case actions.TASK_DIALOG:
                return await self._make_task(turn, fact, person, place)
            case actions.LINK_DIALOG:
                return await self._link(turn, fact, person, place["channel"])
            case actions.SETTINGS_DIALOG:
                return await _keep_settings(turn, fact, person, place["channel"])
            case _:
                return None

    async def _ask(self, turn: Turn, fact: Interaction, person: Person, place: RunPlace) -> str:
        question = fact.values.get("question", "").strip()
        if not question or await self._allowances.take(turn.event.tenant_id, person.user_id) > 0:
            return "refused:rate_limit" if question else "ignored:nothing_asked"
        thread, _ = await thread_of(turn, place.channel, place.thread_ts or "")
        session = await sessions.open_for_thread(
            turn.decision.tx,
            turn.event.tenant_id,
            NewSessionRow(
                source=RunSource.SLACK,
                user_id=person.user_id,
                thread=thread,
                title=" ".join(question.split())[:100],
                visible_in_slack=True,
            ),
        )
        said = Said(
            role="user",
            text=question,
            source=RunSource.SLACK,
            author=person.name,
            source_ref=f"dialog:{turn.event.id}",
            user_id=person.user_id,
        )
        appended = await sessions.append_message(turn.decision.tx, session.id, said)
        turn.aftermath.sessions.append((session.id, appended.version))
        chosen = fact.values.get("agent", "-")
        live = await turn.decision.desk.live_in(thread)
        wanted = None if chosen == "-" else chosen
        likely = await self._routers.likely(turn.event.tenant_id, wanted, session.agent_id)
        work = Work(session, person, question, place, wanted_agent=wanted, likely_agent=likely)
        await start_run(turn, work, is_behind=live is not None)
        return "asked"

    async def _link(self, turn: Turn, fact: Interaction, person: Person, channel: str) -> str:
        words = NOT_ADMIN
        if person.role == "admin":
            words = await self._link_list(turn, person, channel, list_id_of(fact.values.get("list", "")))
        await _whisper(turn, channel, fact.user_id, words)
        return "list_linked" if person.role == "admin" else "refused:not_admin"

    async def _make_task(self, turn: Turn, fact: Interaction, person: Person, place: dict[str, str]) -> str:
        if not person.may_operate:
            await _whisper(turn, place["channel"], fact.user_id, NO_TASKS)
            return "refused:not_a_member"
        if await self._allowances.take(turn.event.tenant_id, person.user_id) > 0:
            await _whisper(turn, place["channel"], fact.user_id, TOO_MUCH)
            return "refused:rate_limit"
        return await _create_task(turn, fact, place)


async def _keep_settings(turn: Turn, fact: Interaction, person: Person, channel: str) -> str:
    """Only what was chosen of what there is to choose: anybody can send anything here."""
    if person.role != "admin":
        await _whisper(turn, channel, fact.user_id, NOT_ADMIN_OF_SETTINGS)
        return "refused:not_admin"
    tx, tenant_id = turn.decision.tx, turn.event.tenant_id
    for name, before in (await read_settings(tx, tenant_id)).items():
        chosen = fact.values.get(name, "")
        wanted = None if chosen == AS_INSTALLED else chosen
        if wanted != before and (wanted is None or wanted in CHOICES[name]):
            await change_setting(tx, tenant_id, name, wanted)
            actor = Actor(f"user:{person.user_id}")
            await note(tx, tenant_id, actor, "tenant.setting_changed", name, value=wanted)
    await _whisper(turn, channel, fact.user_id, SETTINGS_KEPT)
    return "settings_kept"


async def _whisper(turn: Turn, channel: str, user: str, words: str) -> None:
    await turn.showing.whisper(turn.event.integration.id, channel, user, SlackMessage(words))


async def _open(turn: Turn, fact: Interaction | SlashCommand, view: dict[str, Any]) -> None:
    integration_id = turn.event.integration.id
    destination = person_destination(integration_id, f"{fact.user_id}:{turn.event.id}", "view")
    body = OpenView(fact.trigger_id or "", view, fact.channel, fact.user_id, TOO_LATE)
    await turn.showing.send(integration_id, destination, body)


def _is_message(place: dict[str, str]) -> bool:
    return is_ts(place.get("ts", "")) and is_ts(place.get("thread_ts", ""))


async def _create_task(turn: Turn, fact: Interaction, place: dict[str, str]) -> str:
    """The task's description ends in what it is known again by: the message, or this request."""
    name, chosen = fact.values.get("name", "").strip(), fact.values.get("list", "")
    lists = await turn.decision.desk.linked_lists(turn.event.integration.id)
    if not name or chosen not in {key for key, _ in lists}:
        return "refused:list_not_linked" if name else "ignored:no_name"
    integration, _, list_id = chosen.partition("|")
    marker = f"request {turn.event.id}"
    if _is_message(place):
        workspace_url = turn.event.integration.config_text("workspace_url") or _WORKSPACE
        marker = slack_permalink(workspace_url, place["channel"], place["ts"], place["thread_ts"])
    said = fact.values.get("description") or mrkdwn_to_markdown(place.get("text", ""), {})
    body = CreateTask(list_id, name[:250], f"{said}\n\nFrom Slack: {marker}".strip(), marker)
    clickup_id = UUID(integration)
    await turn.showing.send(clickup_id, f"clickup:{clickup_id}:list:{list_id}", body)
    return "task_made"
