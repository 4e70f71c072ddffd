"""Sentences of our own that people read in Slack."""

HELP = (
    "Mention me with a question, in a channel or a thread, or write to me directly: "
    "“@oblivion summarise this thread”. Name an agent to choose it: “@oblivion @github open pull requests?”. "
    "`/oblivion agents` lists them, `/oblivion status` your runs, `/oblivion task` makes a task, "
    "`/oblivion link` signs you in (or, for admins, links a list to the channel), `/oblivion settings` is "
    "for admins; the Stop button or an :x: on your question stops a run. Slack takes commands in channels, "
    "not in threads: there, mention me."
)
NOT_KNOWN = "is not known to Oblivion here, so no agent was called. An admin can let people in"
CALLED_TOO_OFTEN = "called agents too often, so none was called. Please call again in {wait}"
AT_WORK_ALREADY = (
    "called an agent while one is at work here, with the account that Oblivion itself uses in ClickUp. "
    "Please call again once it is done, or ask in this thread"
)
NOT_YOURS = "Only the person who asked, or a member of the team, can do that."
NOT_ALLOWED = "Guests can ask, but not approve. Ask a member of the team."
SIGN_IN = "<{address}|Sign in with Slack> to be the same person in a browser and over the API as here."
YOUR_OTHER_ACCOUNTS = (
    "ClickUp: an admin says who you are there, by `oblivion users link USER --clickup ID`. GitHub: agents "
    "use the account that their pod was given, never yours."
)
NOT_ADMIN = "Only admins of the workspace can link lists."
NOT_ADMIN_OF_SETTINGS = "Only admins of the workspace can change its settings."
SETTINGS_KEPT = "The settings are kept; they count from the next message on."
NO_TASKS = "Guests can ask, but not make tasks. Ask a member of the team."
STRANGER = "You are not known to Oblivion here. Ask an admin to invite you."
OVER = "That run is over already."
ANSWERED_BEFORE = "Somebody has answered that already."
NO_LIST = "No ClickUp list is linked yet: `/oblivion link LIST_ID` in a channel."
TOO_LATE = "That took a moment too long for Slack to open the dialog. Please try it once more."
TOO_MUCH = "That was a lot at once. Please try again in a minute."
THANKS = "Thank you, noted."
