"""The workspace as it is at first start."""

from oblivion_sandbox.clickup.space import TEAM_SETTING, Space, numeric_id
from oblivion_sandbox.clickup.tasks import Tasks
from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.store import Json, Store

DAY_MS = 86_400_000
PEOPLE = (("you", "#5f55ee"), ("ana", "#c2185b"), ("ben", "#00796b"))
TABLES = (
    "clickup_users",
    "clickup_spaces",
    "clickup_folders",
    "clickup_lists",
    "clickup_tasks",
    "clickup_comments",
    "clickup_replies",
    "clickup_webhooks",
)
# The member whose token a team would give to its agents, and to whom tasks are assigned.
AGENT = ("oblivion", "#7b68ee")
# List, task, fields.
TASKS: tuple[tuple[str, str, Json], ...] = (
    (
        "Launch",
        "Write the launch announcement",
        {
            "status": "in progress",
            "assignees": ["ana"],
            "priority": 2,
            "markdown_content": "Blog post and e-mail.",
        },
    ),
    ("Launch", "Record a two-minute demo", {"assignees": ["ben"], "priority": 3}),
    ("Launch", "Check the pricing page", {"status": "review", "assignees": ["you"]}),
    (
        "Support",
        "Customers cannot reset their password",
        {
            "priority": 1,
            "markdown_content": "Three reports since Monday.\n\n- the mail arrives\n- the link is **dead**",
        },
    ),
    ("Support", "Answer the question about invoices", {"status": "complete", "assignees": ["ana"]}),
)


def seed_space(store: Store, limits_scale: float) -> Space:
    """Create the workspace, its people with their tokens, a folder and three lists."""
    team = {
        "id": numeric_id(10),
        "name": "Oblivion Sandbox",
        "limit_per_minute": int(100 * limits_scale),
    }
    store.save_setting(TEAM_SETTING, team)
    space = Space(store, team)
    for username, color in (*PEOPLE, AGENT):
        space.add_user(username, f"{username}@example.com", color)
    space_id = numeric_id(11)
    with store.write():
        store.run("INSERT INTO clickup_spaces VALUES (?, ?)", space_id, "Team Space")
    folder_id = space.add_folder(space_id, "Product")
    space.add_list("Launch", folder_id)
    space.add_list("Ideas", folder_id)
    space.add_list("Support")
    return space


def add_agent(space: Space) -> None:
    """Give the workspace of an older state its agent."""
    username, color = AGENT
    if all(row["username"] != username for row in space.users()):
        space.add_user(username, f"{username}@example.com", color)


def seed_tasks(space: Space, tasks: Tasks) -> None:
    """A few tasks to look at; nobody listens yet, so nothing is sent."""
    lists = {row["name"]: row["id"] for row in space.lists()}
    owner = space.user("you")["id"]
    for index, (list_name, name, fields) in enumerate(TASKS):
        due: Json = {"due_date": now_ms() + (index + 2) * DAY_MS} if fields.get("priority") else {}
        tasks.create(lists[list_name], owner, {"name": name, **fields, **due}, via="seed")
