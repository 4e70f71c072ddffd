"""A mention becomes a run, its agent gets it, and the answer stands in the thread, once."""

from oblivion_platform.testing import eventually


def shown(message):
    return message["text"] + str(message["blocks"])


async def bots_messages(path, thread_ts):
    return [m for m in await path.thread(thread_ts) if m.get("bot_id")]


async def answered(path, thread_ts, words):
    async def found():
        said = await bots_messages(path, thread_ts)
        assert [m for m in said if words in shown(m)], [m["text"] for m in said]
        return said

    return await eventually(found, within_s=10)


async def reactions(path, ts):
    entries = [e["message"] for e in await path.slack.messages(path.channel)]
    message = next(m for m in entries if m["ts"] == ts)
    return {reaction["name"] for reaction in message.get("reactions", [])}


async def test_a_mention_is_answered_in_its_thread_in_one_message(path, squad):
    async with path.worker():
        await squad.online("general")
        asked = await path.slack.post(path.channel, "@oblivion tell me a story", user="ana", typed=True)
        run = await squad.assigned()
        (working,) = await answered(path, asked["ts"], "Processing")
        assert str(run.id) in shown(working)
        assert run.prompt == "tell me a story"
        await squad.acknowledge(run)
        await squad.complete(run, "Once **upon** a time", cost_usd=0.0123)
        (message,) = await answered(path, asked["ts"], "Once *upon* a time")
        assert message["ts"] == working["ts"]
        assert "$0.0123" in shown(message)
        assert "general" in shown(message)
        await path.settled()

        async def marked():
            assert await reactions(path, asked["ts"]) == {"white_check_mark"}

        await eventually(marked)
