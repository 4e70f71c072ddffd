"""Questions that Slack could not tell us of are found where they were put, and answered once."""

BLIND = (
    "UPDATE integrations SET health = health || jsonb_build_object('blind_since', now() - interval '1 min')"
)


async def test_questions_that_slack_gave_up_on_are_answered_wherever_they_were_put(path, squad):
    async with path.worker() as worker:
        await worker.watchdog()
        elsewhere = await path.slack.add_channel("elsewhere")
        root = await path.slack.post(elsewhere, "who can help?", user="ana")
        bot = (await path.slack.app())["bot_user_id"]
        direct = await path.slack.dm("ana")
        for kind in ("message*", "app_mention"):
            await path.slack.misbehave(kind, "lose")
        asked = [
            await path.slack.post(elsewhere, f"<@{bot}> first", user="ana"),
            await path.slack.post(elsewhere, f"<@{bot}> second", user="ana", thread_ts=root["ts"]),
            await path.slack.post(direct, "third", user="ana"),
        ]
        await path.slack.post(elsewhere, "nothing for the bot", user="ana")
        await path.settled()
        assert await squad.all_runs() == []

        await path.slack.behave()
        for _ in range(2):
            await path.run(BLIND)
            await worker.watchdog()
            await path.settled()
        runs = await squad.all_runs()
        assert sorted(run.prompt for run in runs) == ["first", "second", "third"]
        assert {run.place["question_ts"] for run in runs} == {message["ts"] for message in asked}
