"""Which of ClickUp's events our webhooks are for: all that a task's message or thread shows.

Source: https://developer.clickup.com/docs/webhooks
"""

WEBHOOK_EVENTS = (
    "taskCreated",
    "taskUpdated",
    "taskDeleted",
    "taskStatusUpdated",
    "taskAssigneeUpdated",
    "taskPriorityUpdated",
    "taskDueDateUpdated",
    "taskTagUpdated",
    "taskMoved",
    "taskCommentPosted",
    "taskCommentUpdated",
)
