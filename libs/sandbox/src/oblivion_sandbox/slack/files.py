"""Files: an address to upload to, the bytes, and the message that shares them.

Source: https://docs.slack.dev/messaging/working-with-files/#uploading_files
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from oblivion_sandbox.slack.conversation import Conversation
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.messages import Draft
from oblivion_sandbox.slack.workspace import slack_id
from oblivion_sandbox.store import Json, Row, Store

AT = "/slack/files"
MOST_BYTES = 20_000_000


class Files:
    """Every file, from its announcement on."""

    def __init__(self, store: Store, conversation: Conversation) -> None:
        self._store = store
        self._conversation = conversation

    def announce(self, name: str, length: int) -> str:
        """Expect a file of `length` bytes; returns its id.

        Raises:
            SlackError: file_upload_size_restricted.
        """
        if length > MOST_BYTES:
            raise SlackError("file_upload_size_restricted")
        file_id = slack_id("F")
        with self._store.write():
            self._store.run(
                "INSERT INTO slack_files (id, name, size) VALUES (?, ?, ?)", file_id, name, length
            )
        return file_id

    def get(self, file_id: str) -> Row:
        """A file that was announced.

        Raises:
            SlackError: file_not_found.
        """
        row = self._store.one("SELECT * FROM slack_files WHERE id = ?", file_id)
        if row is None:
            raise SlackError("file_not_found")
        return row

    def share(self, file_id: str, title: str, draft: Draft, base_url: str) -> Json:
        """Post an uploaded file; Slack does not tell the message's ts.

        Raises:
            SlackError: file_not_found, file_not_uploaded.
        """
        row = self.get(file_id)
        if row["content"] is None:
            raise SlackError("file_not_uploaded")
        link = f"{base_url}{AT}/{file_id}/{row['name']}"
        file: Json = {
            "id": file_id,
            "name": row["name"],
            "title": title or row["name"],
            "size": row["size"],
            "mimetype": "text/markdown" if row["name"].endswith(".md") else "text/plain",
            "url_private": link,
            "permalink": link,
        }
        body = draft.body | {"files": [file], "upload": True, "subtype": "file_share"}
        self._conversation.post(Draft(draft.channel, draft.author, body, draft.thread_ts))
        return {"id": file_id, "title": file["title"]}

    def routes(self) -> list[Route]:
        """Where bytes go in, and where people open them."""

        async def upload(request: Request) -> Response:
            content = await request.body()
            try:
                row = self.get(request.path_params["file_id"])
            except SlackError:
                return PlainTextResponse("no such file", 404)
            if len(content) != row["size"]:
                return PlainTextResponse("not the length that was announced", 400)
            with self._store.write():
                self._store.run("UPDATE slack_files SET content = ? WHERE id = ?", content, row["id"])
            return PlainTextResponse(f"OK - {len(content)}")

        async def download(request: Request) -> Response:
            try:
                row = self.get(request.path_params["file_id"])
            except SlackError:
                return PlainTextResponse("no such file", 404)
            return PlainTextResponse(row["content"] or b"")

        return [
            Route(f"{AT}/{{file_id}}/upload", upload, methods=["POST"]),
            Route(f"{AT}/{{file_id}}/{{name}}", download, methods=["GET"]),
        ]
