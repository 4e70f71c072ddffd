"""Lists and channels as ClickUp and Slack tell of them → places that people choose from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from oblivion_router_worker.domain.clickup_values import is_clickup_id
from oblivion_router_worker.domain.json_fields import JsonMapping, flag_at, id_at, objects_at, text_at
from oblivion_router_worker.domain.text.escaping import clean

NAME_LENGTH_MAX = 200
PATH_LENGTH_MAX = 300
_CHANNEL_ID = re.compile(r"\A[CG][A-Z0-9]{2,20}\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """A list of ClickUp, or a channel of Slack."""

    kind: str
    external_id: str
    name: str
    path: str = ""
    """Where a list lies: space, and folder if it is in one."""
    is_private: bool = False
    is_member: bool = True
    """Our app is in the channel."""


def lists_of_folders(space: JsonMapping, folders: Sequence[JsonMapping]) -> list[Place]:
    """Lists in folders, which ClickUp tells together with the folders."""
    found: list[Place] = []
    for folder in folders:
        path = " / ".join(name for name in (_name(space), _name(folder)) if name)
        found += [place for item in objects_at(folder, "lists") if (place := _list(item, path)) is not None]
    return found


def lists_of_space(space: JsonMapping, lists: Sequence[JsonMapping]) -> list[Place]:
    """Lists that are in no folder."""
    return [place for item in lists if (place := _list(item, _name(space))) is not None]


def channels(page: JsonMapping) -> list[Place]:
    """The channels of one answer; direct conversations cannot be linked."""
    return [place for item in objects_at(page, "channels") if (place := _channel(item)) is not None]


def _list(item: JsonMapping, path: str) -> Place | None:
    list_id = id_at(item, "id")
    if list_id is None or not is_clickup_id(list_id) or flag_at(item, "archived"):
        return None
    return Place("list", list_id, _name(item) or list_id, path[:PATH_LENGTH_MAX])


def _channel(item: JsonMapping) -> Place | None:
    channel = text_at(item, "id")
    is_direct = flag_at(item, "is_im") or flag_at(item, "is_mpim")
    if channel is None or not _CHANNEL_ID.match(channel) or is_direct or flag_at(item, "is_archived"):
        return None
    return Place(
        "channel",
        channel,
        _name(item) or channel,
        is_private=flag_at(item, "is_private"),
        is_member=flag_at(item, "is_member"),
    )


def _name(item: JsonMapping) -> str:
    """One line that can be stored."""
    return " ".join(clean(text_at(item, "name") or "").split())[:NAME_LENGTH_MAX]
