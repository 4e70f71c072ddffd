"""The workspace: people with their tokens, one space, folders and lists."""

import secrets

from oblivion_sandbox.clickup.errors import invalid, not_found
from oblivion_sandbox.store import Json, Row, Store

TEAM_SETTING = "clickup.team"
STATUSES: tuple[Json, ...] = (
    {"status": "to do", "orderindex": 0, "color": "#87909e", "type": "open"},
    {"status": "in progress", "orderindex": 1, "color": "#5f55ee", "type": "custom"},
    {"status": "review", "orderindex": 2, "color": "#f8ae00", "type": "custom"},
    {"status": "complete", "orderindex": 3, "color": "#008844", "type": "closed"},
)
PRIORITIES: dict[int, Json] = {
    1: {"id": "1", "priority": "urgent", "color": "#f50000", "orderindex": "1"},
    2: {"id": "2", "priority": "high", "color": "#ffcc00", "orderindex": "2"},
    3: {"id": "3", "priority": "normal", "color": "#6fddff", "orderindex": "3"},
    4: {"id": "4", "priority": "low", "color": "#d8d8d8", "orderindex": "4"},
}


def numeric_id(digits: int) -> str:
    """An id of digits, as ClickUp gives to lists, folders and history items."""
    return str(secrets.randbelow(9) + 1) + "".join(str(secrets.randbelow(10)) for _ in range(digits - 1))


class Space:
    """Who works here and where tasks may lie."""

    def __init__(self, store: Store, team: Json) -> None:
        self._store = store
        self.team = team

    # People

    def add_user(self, username: str, email: str, color: str) -> int:
        user_id = int(numeric_id(8))
        token = f"pk_{user_id}_{secrets.token_hex(16).upper()}"
        with self._store.write():
            self._store.run(
                "INSERT INTO clickup_users (id, username, email, color, token) VALUES (?, ?, ?, ?, ?)",
                *(user_id, username, email, color, token),
            )
        return user_id

    def users(self) -> list[Row]:
        return self._store.all("SELECT * FROM clickup_users ORDER BY rowid")

    def user(self, id_or_name: object) -> Row:
        """A person by id or by name, of whatever type a request gave it."""
        row = self._store.one(
            "SELECT * FROM clickup_users WHERE CAST(id AS TEXT) = ?1 OR username = ?1", str(id_or_name)
        )
        if row is None:
            raise invalid("User not found", "USER_001")
        return row

    def user_of_token(self, token: str) -> Row | None:
        return self._store.one("SELECT * FROM clickup_users WHERE token = ?", token)

    def change_user(
        self, user_id: int, *, disabled: bool | None = None, token_revoked: bool | None = None
    ) -> None:
        with self._store.write():
            self._store.run(
                "UPDATE clickup_users SET disabled = coalesce(?, disabled),"
                " token_revoked = coalesce(?, token_revoked) WHERE id = ?",
                *(disabled, token_revoked, user_id),
            )

    def user_json(self, row: Row) -> Json:
        """A user as tasks, comments and history items carry it."""
        return {
            "id": row["id"],
            "username": row["username"],
            "email": row["email"],
            "color": row["color"],
            "initials": str(row["username"])[:1].upper(),
            "profilePicture": None,
        }

    def person(self, user_id: int) -> Json:
        return self.user_json(self.user(user_id))

    # Places

    def add_folder(self, space_id: str, name: str) -> str:
        folder_id = numeric_id(12)
        with self._store.write():
            self._store.run("INSERT INTO clickup_folders VALUES (?, ?, ?)", folder_id, space_id, name)
        return folder_id

    def add_list(self, name: str, folder_id: str | None = None) -> str:
        """A list in the first space, in a folder or not."""
        list_id = numeric_id(12)
        with self._store.write():
            self._store.touch("clickup")
            self._store.run(
                "INSERT INTO clickup_lists (id, space_id, folder_id, name) VALUES (?, ?, ?, ?)",
                *(list_id, self.spaces()[0]["id"], folder_id, name),
            )
        return list_id

    def spaces(self) -> list[Row]:
        return self._store.all("SELECT * FROM clickup_spaces ORDER BY rowid")

    def space(self, space_id: str) -> Row:
        row = self._store.one("SELECT * FROM clickup_spaces WHERE id = ?", space_id)
        if row is None:
            raise not_found("Space")
        return row

    def folders(self, space_id: str) -> list[Row]:
        return self._store.all("SELECT * FROM clickup_folders WHERE space_id = ? ORDER BY rowid", space_id)

    def folder(self, folder_id: str) -> Row:
        row = self._store.one("SELECT * FROM clickup_folders WHERE id = ?", folder_id)
        if row is None:
            raise not_found("Folder")
        return row

    def lists(self, *, space_id: str | None = None, folder_id: str | None = None) -> list[Row]:
        """Lists of a folder, else those of a space that are in no folder, else all."""
        if folder_id is not None:
            return self._store.all(
                "SELECT * FROM clickup_lists WHERE folder_id = ? ORDER BY rowid", folder_id
            )
        if space_id is not None:
            return self._store.all(
                "SELECT * FROM clickup_lists WHERE space_id = ? AND folder_id IS NULL ORDER BY rowid",
                space_id,
            )
        return self._store.all("SELECT * FROM clickup_lists ORDER BY rowid")

    def list(self, list_id: str) -> Row:
        row = self._store.one("SELECT * FROM clickup_lists WHERE id = ?", list_id)
        if row is None:
            raise not_found("List")
        return row

    def statuses(self, list_id: str) -> "list[Json]":
        """The statuses of a list; all lists share the workspace's four, with ids of their own."""
        return [{"id": f"subcat{list_id}_{status['orderindex']}", **status} for status in STATUSES]

    def status(self, list_id: str, name: str) -> Json | None:
        wanted = name.strip().lower()
        return next((status for status in self.statuses(list_id) if status["status"] == wanted), None)

    def space_json(self, row: Row) -> Json:
        return {
            "id": row["id"],
            "name": row["name"],
            "private": False,
            "color": None,
            "avatar": None,
            "admin_can_manage": False,
            "statuses": self.statuses(row["id"]),
            "multiple_assignees": True,
            "features": {"due_dates": {"enabled": True}, "priorities": {"enabled": True}},
            "archived": False,
        }

    def folder_json(self, row: Row) -> Json:
        lists = [self.list_json(found) for found in self.lists(folder_id=row["id"])]
        return {
            "id": row["id"],
            "name": row["name"],
            "orderindex": 0,
            "override_statuses": False,
            "hidden": False,
            "space": {"id": row["space_id"], "name": self.space(row["space_id"])["name"], "access": True},
            "task_count": str(sum(int(found["task_count"]) for found in lists)),
            "archived": False,
            "lists": lists,
        }

    def list_json(self, row: Row) -> Json:
        count = self._store.count(
            "SELECT count(*) FROM clickup_tasks WHERE list_id = ? AND NOT deleted AND NOT closed", row["id"]
        )
        return {
            "id": row["id"],
            "name": row["name"],
            "orderindex": 0,
            "content": "",
            "status": None,
            "priority": None,
            "assignee": None,
            "task_count": count,
            "due_date": None,
            "start_date": None,
            "archived": False,
            "override_statuses": False,
            "statuses": self.statuses(row["id"]),
            "permission_level": "create",
            **self.place(row),
        }

    def place(self, row: Row) -> Json:
        """Folder and space of a list, as lists and tasks carry them; a hidden folder stands for none."""
        space = self.space(row["space_id"])
        if row["folder_id"] is None:
            folder: Json = {"id": f"9{row['space_id']}", "name": "hidden", "hidden": True, "access": True}
        else:
            folder = {
                "id": row["folder_id"],
                "name": self.folder(row["folder_id"])["name"],
                "hidden": False,
                "access": True,
            }
        return {"folder": folder, "space": {"id": space["id"], "name": space["name"], "access": True}}
