"""What admins look at and change beside agents and runs: people, mappings, events, dead letters, rules."""

from dataclasses import replace
from uuid import UUID

from oblivion_contracts.administration import (
    AuditPage,
    Credentials,
    DeadLetter,
    DeadLetterCause,
    DeadLetterChoice,
    DeadLetterDetail,
    DeadLetterDiscard,
    DeadLetterPage,
    DeadLetterReport,
    DeadLettersChosen,
    EventBody,
    EventDetail,
    EventPage,
    EventReplayed,
    EventSummary,
    MappingPage,
    MappingView,
    NewMapping,
    NewUser,
    Overview,
    Stats,
    UserChange,
    UserPage,
    UserView,
)
from oblivion_contracts.mapping_activity import MappingActivity, MappingSample
from oblivion_contracts.mappings import MappingOptions
from oblivion_gateway.domain.cursors import decode_moment, decode_name, next_cursor
from oblivion_gateway.domain.masking import masked
from oblivion_gateway.errors import Conflict, RequestInvalid
from oblivion_gateway.ports import Aftermath
from oblivion_gateway.usecases.requests import Unit
from oblivion_platform import people
from oblivion_platform.operations import (
    dead_letters,
    events,
    mapping_activity,
    mappings,
    places,
    reports,
)
from oblivion_platform.operations.errors import CannotBeDone


class ManagePeople:
    """Users of the tenant."""

    async def listing(self, unit: Unit, cursor: str | None, limit: int) -> UserPage:
        after = decode_name(cursor)
        try:
            last = None if after is None else UUID(after)
        except ValueError:
            raise RequestInvalid("cursor_unreadable", "The cursor is none of ours.") from None
        found = await people.list_users(unit.tx, after=last, limit=limit)
        return UserPage(
            items=[_user(user) for user in found],
            next_cursor=next_cursor(found, limit, lambda one: (one.id,)),
        )

    async def create(self, unit: Unit, new: NewUser) -> UserView:
        """Raises: Conflict: somebody of that name or address is there already."""
        await _refuse_known(unit, new)
        wanted = people.NewUser(new.name, new.email, new.role)
        user = await people.create_user(unit.tx, unit.caller.tenant_id, wanted)
        await unit.note("user.created", user.id, role=user.role)
        return _user(user)

    async def change(self, unit: Unit, user_id: UUID, wish: UserChange) -> UserView:
        """Raises: UserNotFound; Conflict: the tenant would be left without an admin."""
        known = await people.read_user(unit.tx, user_id)
        demoted = wish.role not in {None, "admin"} or wish.state == "disabled"
        is_last = known.role == "admin" and await people.other_admins(unit.tx, user_id) == 0
        if demoted and is_last:
            raise Conflict("last_admin", "They are the only admin. Make somebody else one first.")
        user = await people.update_user(unit.tx, user_id, name=wish.name, role=wish.role, state=wish.state)
        if not user.is_active:
            await people.revoke_sessions_of(unit.tx, user_id)
        await unit.note("user.changed", user_id, role=user.role, state=user.state)
        return _user(user)


class ManageMappings:
    """Which list is joined to which channel."""

    async def listing(self, unit: Unit, cursor: str | None, limit: int) -> MappingPage:
        found = await mappings.list_mappings(unit.tx, limit=limit, before=decode_moment(cursor))
        return MappingPage(
            items=found,
            next_cursor=next_cursor(found, limit, lambda one: (one.created_at.isoformat(), one.id)),
        )

    async def show(self, unit: Unit, mapping_id: UUID) -> MappingView:
        return await mappings.read_mapping(unit.tx, mapping_id)

    async def link(self, unit: Unit, new: NewMapping) -> MappingView:
        """Raises: NothingFound: an integration is none of the tenant's."""
        mapping_id, _ = await mappings.link(unit.tx, unit.caller.tenant_id, unit.actor, new)
        if await places.is_outside(unit.tx, new.slack_integration_id, new.slack_channel_id):
            await mappings.note_outsider(unit.tx, mapping_id)
        return await mappings.read_mapping(unit.tx, mapping_id)

    async def change(self, unit: Unit, mapping_id: UUID, options: MappingOptions) -> MappingView:
        return await mappings.change_mapping(unit.tx, unit.caller.tenant_id, unit.actor, mapping_id, options)

    async def unlink(self, unit: Unit, mapping_id: UUID) -> None:
        await mappings.unlink(unit.tx, unit.caller.tenant_id, unit.actor, mapping_id)

    async def activity(self, unit: Unit, mapping_id: UUID) -> MappingActivity:
        """Raises: NothingFound."""
        return await mapping_activity.read_activity(unit.tx, mapping_id)

    async def sample(self, unit: Unit, mapping_id: UUID) -> MappingSample:
        """Raises: NothingFound; CannotBeDone: the sample before is still on its way."""
        return await mapping_activity.send_sample(unit.tx, unit.caller.tenant_id, unit.actor, mapping_id)


class ManageEvents:
    """The inbox, and what was given up."""

    def __init__(self, aftermath: Aftermath) -> None:
        self._aftermath = aftermath

    async def listing(self, unit: Unit, cursor: str | None, wanted: events.EventFilter) -> EventPage:
        rows = await events.list_events(unit.tx, replace(wanted, before=decode_moment(cursor)))
        found = [EventSummary.model_validate(row) for row in rows]
        return EventPage(
            items=found,
            next_cursor=next_cursor(found, wanted.limit, lambda one: (one.received_at.isoformat(), one.id)),
        )

    async def show(self, unit: Unit, event_id: UUID) -> EventDetail:
        """Never with its body, which is read by itself."""
        row = await events.show_event(unit.tx, event_id)
        del row["body"]
        return EventDetail.model_validate(row)

    async def body(self, unit: Unit, event_id: UUID) -> EventBody:
        """What came in, masked; the audit log notes that it was read. Raises: NothingFound."""
        row = await events.show_event(unit.tx, event_id)
        body: bytes | None = row["body"]
        await unit.note("event.body_read", event_id)
        content_type = str(row["content_type"])
        text = None if body is None else masked(bytes(body), content_type)
        return EventBody(content_type=content_type, text=text)

    async def replay(self, unit: Unit, event_id: UUID) -> EventReplayed:
        """Raises: NothingFound; CannotBeDone: its body is purged."""
        await events.show_event(unit.tx, event_id)
        jobs = await events.replay_events(unit.tx, unit.caller.tenant_id, unit.actor, [event_id])
        if not jobs:
            raise CannotBeDone("body_purged", "The event's body is purged. Change the task or message anew.")
        unit.after_commit.append(lambda: self._aftermath.handle_events(jobs))
        return EventReplayed(event_id=event_id)

    async def dead(self, unit: Unit, cursor: str | None, limit: int, cause: str | None) -> DeadLetterPage:
        rows = await dead_letters.list_letters(unit.tx, cause, limit, decode_moment(cursor))
        found = [DeadLetter.model_validate(row) for row in rows]
        return DeadLetterPage(
            items=found,
            next_cursor=next_cursor(found, limit, lambda one: (one.since.isoformat(), one.id)),
        )

    async def show_dead(self, unit: Unit, letter_id: UUID) -> DeadLetterDetail:
        return DeadLetterDetail.model_validate(await dead_letters.show_letter(unit.tx, letter_id))

    async def report(self, unit: Unit) -> DeadLetterReport:
        rows = await dead_letters.report_letters(unit.tx)
        return DeadLetterReport(items=[DeadLetterCause.model_validate(row) for row in rows])

    async def retry(self, unit: Unit, choice: DeadLetterChoice) -> DeadLettersChosen:
        chosen = await self._choose(unit, choice)
        jobs = await dead_letters.retry_letters(
            unit.tx, unit.caller.tenant_id, unit.actor, chosen, _named(choice)
        )
        unit.after_commit.append(lambda: self._aftermath.handle_events(jobs))
        return DeadLettersChosen(events=chosen.events, effects=chosen.effects, runs=chosen.runs)

    async def discard(self, unit: Unit, choice: DeadLetterDiscard) -> DeadLettersChosen:
        chosen = await self._choose(unit, choice)
        await dead_letters.discard_letters(
            unit.tx, unit.caller.tenant_id, unit.actor, chosen, _named(choice), choice.reason
        )
        return DeadLettersChosen(events=chosen.events, effects=chosen.effects, runs=chosen.runs)

    async def _choose(self, unit: Unit, choice: DeadLetterChoice) -> dead_letters.Chosen:
        return await dead_letters.choose_letters(
            unit.tx, choice.ids, choice.cause, everything=choice.everything
        )


class LookAround:
    """What can only be looked at."""

    async def audit(self, unit: Unit, cursor: str | None, wanted: reports.AuditFilter) -> AuditPage:
        found = await reports.list_audit(unit.tx, replace(wanted, before=decode_moment(cursor)))
        return AuditPage(
            items=found,
            next_cursor=next_cursor(found, wanted.limit, lambda one: (one.at.isoformat(), one.id)),
        )

    async def credentials(self, unit: Unit) -> Credentials:
        return Credentials(items=await reports.list_credentials(unit.tx))

    async def overview(self, unit: Unit) -> Overview:
        return await reports.read_overview(unit.tx)

    async def stats(self, unit: Unit, metric: str | None, minutes: int) -> Stats:
        return Stats(items=await reports.list_stats(unit.tx, metric=metric, minutes=minutes))


def _named(choice: DeadLetterChoice) -> str:
    return ", ".join(map(str, choice.ids)) or choice.cause or "all"


async def _refuse_known(unit: Unit, new: NewUser) -> None:
    """Of two who are called the same, none could be named."""
    for called in filter(None, (new.name, new.email)):
        for known in await people.users_called(unit.tx, called):
            raise Conflict(
                "user_exists",
                f"{called!r} is there already. Give another name or address."
                if known.is_active
                else f"{called!r} is there already, and disabled. Let them in again.",
            )


def _user(user: people.User) -> UserView:
    return UserView(
        id=user.id,
        name=user.name,
        email=user.email,
        role=user.role,
        state=user.state,
        is_operator=user.is_operator,
        created_at=user.created_at,
    )
