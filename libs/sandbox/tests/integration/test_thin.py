import hashlib
import hmac


async def test_smoke(sandbox, slack, receiver, eventually):
    control = sandbox.control
    app = await control.slack.change_app(request_url=f"{receiver.url}/webhooks/slack")
    channels = await control.slack.channels()
    posted = await slack.chat_postMessage(
        channel=channels["launch"],
        text="hi <there> & you",
        blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}],
        metadata={"event_type": "oblivion_effect", "event_payload": {"effect_id": "1"}},
    )
    assert posted["message"]["text"] == "hi &lt;there&gt; &amp; you"
    await control.slack.post("launch", f"<@{app['bot_user_id']}> do it", user="ana", thread_ts=posted["ts"])
    await eventually(lambda: len(receiver.requests) == 3)
    assert sorted(e["type"] for e in receiver.events()) == ["app_mention", "message", "message"]
    first = receiver.requests[0]
    ts = first.headers["X-Slack-Request-Timestamp"]
    want = (
        "v0="
        + hmac.new(
            app["signing_secret"].encode(), f"v0:{ts}:".encode() + first.body, hashlib.sha256
        ).hexdigest()
    )
    assert first.headers["X-Slack-Signature"] == want
    replies = await slack.conversations_replies(
        channel=channels["launch"], ts=posted["ts"], include_all_metadata=True
    )
    assert replies["messages"][0]["metadata"]["event_payload"] == {"effect_id": "1"}
    assert replies["messages"][0]["reply_count"] == 1
    history = await slack.conversations_history(channel=channels["launch"])
    assert len(history["messages"]) == 1


async def test_clickup_smoke(sandbox, receiver, eventually):
    import httpx

    owner = await sandbox.control.clickup.owner()
    lists = await sandbox.control.clickup.lists()
    async with httpx.AsyncClient(
        base_url=sandbox.clickup_api_url, headers={"Authorization": owner["token"]}
    ) as http:
        hook = (
            await http.post(
                f"/team/{owner['team_id']}/webhook", json={"endpoint": receiver.url, "events": "*"}
            )
        ).json()
        task = (
            await http.post(f"/list/{lists['Launch']}/task", json={"name": "T", "markdown_content": "**b**"})
        ).json()
        assert (await http.get(f"/task/{task['id']}")).json()["description"] == "b"
        made = await http.post(f"/task/{task['id']}/comment", json={"comment_text": "hello"})
        assert made.headers["X-RateLimit-Remaining"] == "96"
        await http.put(f"/task/{task['id']}", json={"status": "review"})
        await eventually(lambda: len(receiver.requests) == 5)
        kinds = [r.json["event"] for r in receiver.requests]
        assert sorted(kinds) == [
            "taskCommentPosted",
            "taskCreated",
            "taskStatusUpdated",
            "taskStatusUpdated",
            "taskUpdated",
        ]
        got = receiver.requests[0]
        assert (
            got.headers["X-Signature"]
            == hmac.new(hook["webhook"]["secret"].encode(), got.body, hashlib.sha256).hexdigest()
        )
        assert len((await http.get(f"/task/{task['id']}/comment")).json()["comments"]) == 1


async def test_cut(sandbox, slack):
    import aiohttp
    import pytest

    await sandbox.control.slack.misbehave("chat.postMessage", "cut_after", times=1)
    with pytest.raises(aiohttp.ClientError):
        await slack.chat_postMessage(channel="general", text="x")
    assert len(await sandbox.control.slack.messages("general")) == 1
    await slack.chat_postMessage(channel="general", text="x")
    assert len(await sandbox.control.slack.messages("general")) == 2
