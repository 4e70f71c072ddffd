"""Texts → files in Slack threads: an address to upload to, the bytes, and only then the message.

Nothing shows before the last step, so that only its answer can be lost.
Source: https://docs.slack.dev/messaging/working-with-files/#uploading_files
"""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import aiohttp

from oblivion_platform.errors import AuthenticationFailed, PermanentFailure
from oblivion_router_worker.adapters.slack_calls import EffectCalls
from oblivion_router_worker.adapters.slack_failures import unavailable
from oblivion_router_worker.domain.run_effects import RunFile
from oblivion_router_worker.ports.delivery import Sending

Json: TypeAlias = dict[str, Any]


class SlackFiles:
    """Raises what `SlackApi` raises, but for refusals of files."""

    def __init__(
        self, calls: EffectCalls, session: aiohttp.ClientSession, is_slacks: Callable[[str], bool]
    ) -> None:
        self._calls = calls
        self._session = session
        self._is_slacks = is_slacks

    async def share(self, sending: Sending, body: RunFile, thread_ts: str | None) -> bool:
        """Whether the file stands in the thread; False: Slack takes none from us."""
        content = body.content.encode()
        try:
            announced = await self._calls.read(
                sending,
                "files.getUploadURLExternal",
                {"filename": body.name, "length": len(content)},
            )
            await self._upload(str(announced["upload_url"]), content)
            share: Json = {
                "files": [{"id": announced["file_id"], "title": body.title}],
                "channel_id": body.channel,
            }
            share |= {"thread_ts": thread_ts} if thread_ts else {}
            await self._calls.change(sending, "files.completeUploadExternal", share)
        except AuthenticationFailed:
            raise
        except PermanentFailure:
            return False
        return True

    async def _upload(self, url: str, content: bytes) -> None:
        if not self._is_slacks(url):
            raise PermanentFailure("upload_url_foreign", "the address to upload to is not Slack's")
        try:
            async with self._session.post(url, data=content) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unavailable(type(error).__name__) from None
        if status >= 500:
            raise unavailable(f"HTTP {status}")
        if status >= 400:
            raise PermanentFailure("upload_refused", f"Slack refused the file's bytes (HTTP {status})")


def shares_file(message: Json, name: str) -> bool:
    """Whether a message shares the file of that name."""
    files = message.get("files")
    return isinstance(files, list) and any(file.get("name") == name for file in cast("list[Json]", files))
