"""Answers to commands go to Slack's own addresses, and nowhere else."""

from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from oblivion_router_worker.adapters.slack_comforts import SlackComforts, answers_of_slack
from oblivion_router_worker.domain.effects import Effect
from oblivion_router_worker.domain.run_effects import Respond
from oblivion_router_worker.ports.delivery import Sending


def sending(url):
    effect = Effect(uuid4(), uuid4(), "slack:answers", Respond(url, "hello"), None, priority=1)
    return Sending(effect, attempt=1, unanswered=False, created_at=0, age_s=0, lease_ends_at=0)


async def test_an_answer_does_not_follow_a_redirection():
    seen = []

    async def take(request):
        seen.append(request.path)
        if request.path == "/elsewhere":
            return web.Response()
        raise web.HTTPTemporaryRedirect("/elsewhere")

    app = web.Application()
    app.router.add_post("/{where}", take)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("/commands"))
        comforts = SlackComforts(None, session, answers_of_slack(str(server.make_url("/api"))))
        receipt = await comforts.send(sending(url))
        assert receipt.skipped == "response_url_refused"
        assert seen == ["/commands"]


@pytest.mark.parametrize(
    ("url", "is_slacks"),
    [
        ("https://hooks.slack.com/commands/T1/2", True),
        ("https://hooks.slack.com:443/commands/T1/2", True),
        ("https://hooks.slack.com:8443/commands/T1/2", False),
        ("http://hooks.slack.com/commands/T1/2", False),
        ("https://hooks.slack.com:99999/commands", False),
        ("https://hooks.slack.com:x/commands", False),
        ("https://[hooks.slack.com/commands", False),
        ("https://slack.com.evil.example/commands", False),
        ("https://hooks.slack.com@evil.example/commands", False),
    ],
)
def test_only_slack_s_own_addresses_are_answered_at(url, is_slacks):
    assert answers_of_slack("https://slack.com/api/")(url) is is_slacks
