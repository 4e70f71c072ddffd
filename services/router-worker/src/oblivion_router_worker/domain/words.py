"""Sentences of our own that people read in Slack."""

HELP = (
    "Mention me with a question, in a channel or a thread, or write to me directly: "
    "“@oblivion summarise this thread”. Name an agent to choose it: “@oblivion @github open pull requests?”. "
    "`/oblivion agents` lists them, `/oblivion status` your runs, `/oblivion task` makes a task; the "
    "Stop button or an :x: on your question "
    "stops one."
)
NOT_KNOWN = "is not known to Oblivion here, so no agent was called. An admin can invite people."
NOT_YOURS = "Only the person who asked, or a member of the team, can do that."
NOT_ALLOWED = "Guests can ask, but not approve. Ask a member of the team."
NOT_ADMIN = "Only admins of the workspace can link lists."
OVER = "That run is over already."
ANSWERED_BEFORE = "Somebody has answered that already."
NO_LIST = "No ClickUp list is linked yet: `/oblivion link LIST_ID` in a channel."
TOO_LATE = "That took a moment too long for Slack to open the dialog. Please try it once more."
THANKS = "Thank you, noted."
