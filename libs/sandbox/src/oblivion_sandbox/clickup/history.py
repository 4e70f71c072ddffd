"""History items and the webhook events that carry them.

Source: https://developer.clickup.com/docs/webhooktaskpayloads
"""

import uuid
from dataclasses import dataclass

from oblivion_sandbox.clickup.space import numeric_id
from oblivion_sandbox.store import Json

EVENT_OF_FIELD = {
    "status": "taskStatusUpdated",
    "assignee_add": "taskAssigneeUpdated",
    "assignee_rem": "taskAssigneeUpdated",
    "priority": "taskPriorityUpdated",
    "due_date": "taskDueDateUpdated",
    "section_moved": "taskMoved",
    "tag": "taskTagUpdated",
    "tag_removed": "taskTagUpdated",
}
EVENTS = (
    "taskCreated",
    "taskUpdated",
    "taskDeleted",
    "taskPriorityUpdated",
    "taskStatusUpdated",
    "taskAssigneeUpdated",
    "taskDueDateUpdated",
    "taskTagUpdated",
    "taskMoved",
    "taskCommentPosted",
    "taskCommentUpdated",
    "taskTimeEstimateUpdated",
    "taskTimeTrackedUpdated",
    "listCreated",
    "listUpdated",
    "listDeleted",
    "folderCreated",
    "folderUpdated",
    "folderDeleted",
    "spaceCreated",
    "spaceUpdated",
    "spaceDeleted",
)


@dataclass(frozen=True)
class Change:
    """One field of a task before and after."""

    field: str
    before: object
    after: object
    data: Json | None = None


@dataclass(frozen=True)
class Moment:
    """Who changed something, where and when."""

    user: Json
    list_id: str
    date_ms: int


def history_item(change: Change, moment: Moment) -> Json:
    """One entry of `history_items`."""
    return {
        "id": numeric_id(19),
        "type": 1,
        "date": str(moment.date_ms),
        "field": change.field,
        "parent_id": moment.list_id,
        "data": change.data or {},
        "source": None,
        "user": moment.user,
        "before": change.before,
        "after": change.after,
    }


def comment_item(comment: Json, moment: Moment, parent_id: str) -> Json:
    """The history item of a comment: it carries the comment itself, with its text.

    `parent_id` is the task's id, or for a reply the id of the comment that it answers.
    """
    change = Change("comment", None, comment["id"])
    return history_item(change, moment) | {
        "comment": {
            "id": comment["id"],
            "date": str(moment.date_ms),
            "parent": parent_id,
            "type": 1,
            "comment": [
                *comment["comment"],
                {"text": "\n", "attributes": {"block-id": f"block-{uuid.uuid4()}"}},
            ],
            "text_content": comment["comment_text"] + "\n",
            "x": None,
            "y": None,
            "image_y": None,
            "image_x": None,
            "page": None,
            "comment_number": None,
            "page_id": None,
            "page_name": None,
            "view_id": None,
            "view_name": None,
            "team": None,
            "user": comment["user"],
            "assignee": comment["assignee"],
            "assigned_by": comment["assigned_by"],
            "resolved": comment["resolved"],
            "resolved_by": None,
        }
    }
