from typing import Any
from uuid import uuid4

import pytest

from oblivion_platform.errors import DependencyUnavailable, PermanentFailure
from oblivion_router_worker.adapters.slack_reads import SlackApiReads


class OneChannel:
    """Slack's API, as far as it tells of one channel."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.asked = 0

    async def call(self, *_: Any, **__: Any) -> dict[str, Any]:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"channel": self.answer}


@pytest.mark.parametrize(
    ("answer", "public"),
    [
        ({"is_private": False, "is_channel": True}, True),
        ({"is_private": True, "is_channel": True}, False),
        ({"is_private": False, "is_im": True}, False),
        ({"is_private": False, "is_mpim": True}, False),
        ({}, False),
        (PermanentFailure("slack_channel_not_found", "not there"), False),
        (DependencyUnavailable("slack_unavailable", "away"), False),
    ],
)
async def test_a_channel_is_public_only_when_slack_says_so(
    answer: dict[str, Any] | Exception, *, public: bool
) -> None:
    reads: Any = SlackApiReads
    assert await reads(OneChannel(answer)).is_public(uuid4(), uuid4(), "C1") is public


async def test_slack_is_asked_once_about_a_channel_and_again_after_a_failure() -> None:
    slack = OneChannel(DependencyUnavailable("slack_unavailable", "away"))
    reads, integration_id = SlackApiReads(slack), uuid4()  # pyright: ignore[reportArgumentType] - one method of it
    assert await reads.is_public(uuid4(), integration_id, "C1") is False
    slack.answer = {"is_private": False}
    assert await reads.is_public(uuid4(), integration_id, "C1") is True
    assert await reads.is_public(uuid4(), integration_id, "C1") is True
    assert slack.asked == 2
