"""Buttons, reactions, Stop, slash command, shortcuts, App Home."""

from oblivion_contracts.runs import RunState
from oblivion_platform import runs
from oblivion_platform.agents import list_agents
from oblivion_platform.testing import eventually


async def running(squad, talk, words="write a poem"):
    await squad.online("general")
    asked = await talk.ask(words)
    run = await squad.assigned()
    await squad.acknowledge(run)
    await talk.said(asked, "Processing")
    return asked, run


async def becomes(squad, run, state):
    async def is_so():
        assert (await squad.read(run.id)).state is state

    await eventually(is_so)


async def status_becomes(path, thread_ts, status):
    async def is_so():
        assert await path.slack.session_status(path.channel, thread_ts) == status

    await eventually(is_so)


async def make_admin(path, user="you"):
    """@you is the admin, as after `oblivion up`."""
    app, people = await path.slack.app(), await path.slack.users()
    tenant = (await path.rows("SELECT id FROM tenants"))[0]["id"]
    subject = f"{app['team_id']}:{people[user]}"
    await path.run(
        "WITH u AS (INSERT INTO users (id, tenant_id, name, role)"
        " VALUES (gen_random_uuid(), :t, 'you', 'admin') RETURNING id)"
        " INSERT INTO user_identities (id, tenant_id, user_id, provider, subject)"
        " SELECT gen_random_uuid(), :t, id, 'slack', :s FROM u",
        t=tenant,
        s=subject,
    )


async def test_the_button_stops_the_asker_s_run_and_nobody_else_s(path, squad, talk):
    async with path.worker():
        asked, run = await running(squad, talk)
        (message,) = await talk.said(asked, "Stop")
        await path.slack.press(path.channel, message["ts"], "oblivion:cancel", user="ben")
        await talk.whispered("Only the person who asked")
        await path.slack.press(path.channel, message["ts"], "oblivion:cancel", user="ana")
        await becomes(squad, run, RunState.CANCELLED)
        assert len(await talk.said(asked, "Stopped by")) == 1


async def test_an_x_on_the_question_and_slack_s_own_stop_cancel_the_run(path, squad, talk):
    async with path.worker():
        asked, run = await running(squad, talk)
        await path.slack.react(path.channel, asked, "x", user="ana")
        await becomes(squad, run, RunState.CANCELLED)
        asked, run = await running(squad, talk, "write another poem")
        await path.settled()
        await path.slack.stop(path.channel, asked, user="ana")
        await becomes(squad, run, RunState.CANCELLED)
        assert [row["state"] for row in await path.rows("SELECT state FROM runs")] == ["cancelled"] * 2


async def test_an_approval_is_answered_by_a_member_and_not_by_a_guest(path, squad, talk):
    await make_admin(path)
    async with path.worker():
        asked, run = await running(squad, talk)
        await squad.step(lambda tx: runs.ask(tx, run.id, run.fence, "k", "Delete *everything*?", "all of it"))
        messages = await talk.said(asked, "asks for approval")
        question = messages[-1]
        (buttons,) = [block for block in question["blocks"] if block["type"] == "actions"]
        assert all(button["confirm"]["text"]["text"] for button in buttons["elements"])
        await status_becomes(path, asked, "suspended")
        await path.slack.press(path.channel, question["ts"], "oblivion:approve", user="ana")
        await talk.whispered("Guests can ask, but not approve")
        assert (await squad.read(run.id)).state is RunState.WAITING
        await path.slack.press(path.channel, question["ts"], "oblivion:approve", user="you")
        await becomes(squad, run, RunState.RUNNING)
        answered = (await talk.said(asked, "Approved"))[-1]
        assert "Approved* by you" in str(answered["blocks"])
        assert "<!date^" in str(answered["blocks"])
        await status_becomes(path, asked, "processing")
        rows = await path.rows("SELECT state, answered_by_name FROM approvals")
        assert rows == [{"state": "approved", "answered_by_name": "you"}]


async def test_thumbs_and_the_wrong_agent_menu_become_labels(path, squad, talk):
    async with path.worker():
        asked, run = await running(squad, talk)
        await squad.complete(run, "roses are red")
        (message,) = await talk.said(asked, "roses are red")
        await path.slack.press(
            path.channel, message["ts"], "oblivion:feedback", value=f"{run.id}|bad", user="ana"
        )
        await path.slack.press(
            path.channel, message["ts"], "oblivion:wrong_agent", value=f"{run.id}|fixer", user="ana"
        )

        async def labelled(*kinds):
            rows = await path.rows("SELECT kind, agent_id FROM route_labels ORDER BY kind")
            assert [row["kind"] for row in rows] == list(kinds)
            assert str(rows[-1]["agent_id"]) == str(squad.ids["fixer"])

        await eventually(lambda: labelled("bad", "wrong_agent"))
        for choice in ("good", "bad", "good"):
            await path.slack.press(
                path.channel, message["ts"], "oblivion:feedback", value=f"{run.id}|{choice}", user="ana"
            )
            await path.settled()
        # Of the same person's thumbs the last one counts; another's is their own.
        await labelled("good", "wrong_agent")
        await path.slack.press(
            path.channel, message["ts"], "oblivion:feedback", value=f"{run.id}|bad", user="ben"
        )
        await eventually(lambda: labelled("bad", "good", "wrong_agent"))


async def test_the_slash_command_answers_its_person_alone(path, squad, talk):
    await make_admin(path)
    async with path.worker():
        _, run = await running(squad, talk)
        for text, words in (
            ("help", "Mention me"),
            ("help", "not in threads"),
            ("agents", "fixer"),
            ("status", "write a poem"),
            ("stop", "Stopped your run"),
        ):
            await path.slack.command("/oblivion", text, channel=path.channel, user="ana")
            await talk.whispered(words)
        await becomes(squad, run, RunState.CANCELLED)
        await path.slack.command("/oblivion", f"link {path.list_id}", channel=path.channel, user="ana")
        await talk.whispered("Only admins")
        assert "Only admins" not in str(await path.slack.messages(path.channel))


async def test_who_wants_to_be_the_same_person_elsewhere_is_sent_to_sign_in(path, squad, talk):
    del squad
    address = "https://oblivion.example.com/t/acme/login?provider=slack"
    async with path.worker(public_url="https://oblivion.example.com", slack_client_id="1.2"):
        await path.slack.command("/oblivion", "link", channel=path.channel, user="ana")
        message = await talk.whispered("Sign in with Slack")
        assert address in str(message)
        await path.slack.open_home("ana")

        async def at_home():
            home = (await path.slack.views("ana"))["home"]
            assert home is not None
            assert address in str(home)

        await eventually(at_home)


async def test_an_admin_links_a_list_from_the_channel(path, squad, talk):
    await make_admin(path)
    async with path.worker():
        general = (await path.slack.channels())["general"]
        await path.slack.command("/oblivion", f"link {path.list_id}", channel=general, user="you")

        async def linked():
            rows = await path.rows(
                "SELECT clickup_list_name AS name FROM project_mappings WHERE slack_channel_id = :c",
                c=general,
            )
            assert rows == [{"name": "Launch"}]

        await eventually(linked)
        await path.slack.command("/oblivion", "link 12345", channel=path.channel, user="you")
        await talk.whispered("no such list")


async def test_a_shortcut_asks_an_agent_about_a_message(path, squad, talk):
    async with path.worker():
        await squad.online("fixer")
        post = await path.slack.post(path.channel, "the build is red", user="ben")
        await path.slack.shortcut("oblivion_ask_agent", path.channel, post["ts"], user="ana")

        async def opened():
            modals = (await path.slack.views("ana"))["modals"]
            assert modals
            return modals[-1]

        view = await eventually(opened)
        await path.slack.submit(view["id"], {"question": "why?", "agent": "fixer"}, user="ana")
        run = await squad.assigned()
        assert run.prompt == "why?"
        assert run.agent_id == squad.ids["fixer"]
        assert run.place["thread_ts"] == post["ts"]


async def test_a_shortcut_makes_a_clickup_task_of_a_message(path, squad):
    await make_admin(path, "ana")
    async with path.worker():
        post = await path.slack.post(path.channel, "buy more paper", user="ben")
        await path.slack.shortcut("oblivion_make_task", path.channel, post["ts"], user="ana")

        async def opened():
            modals = (await path.slack.views("ana"))["modals"]
            assert modals
            return modals[-1]

        view = await eventually(opened)
        await path.slack.submit(view["id"], {"name": "Buy paper"}, user="ana")

        async def made():
            names = [task["name"] for task in await path.clickup.tasks(path.list_id)]
            assert names.count("Buy paper") == 1

        await eventually(made)


async def test_the_home_shows_runs_and_agents_and_a_direct_conversation_suggests(path, squad, talk):
    async with path.worker():
        await running(squad, talk)
        await path.slack.open_home("ana")

        async def at_home():
            home = (await path.slack.views("ana"))["home"]
            assert home is not None
            assert "write a poem" in str(home)
            assert "fixer" in str(home)

        await eventually(at_home)
        await path.slack.open_home("ana", tab="messages")
        await path.settled()
        sent = await path.rows("SELECT result FROM outbox WHERE kind = 'slack.suggest_prompts'")
        assert sent == [{"result": {}}]
        offered = (await path.slack.threads(await path.slack.dm("ana")))["prompts"]["prompts"]
        async with squad.database.tenant(squad.tenant_id) as tx:
            examples = [each for agent in await list_agents(tx) for each in agent.definition.examples]
        assert len(offered) == 4
        assert {prompt["message"] for prompt in offered} <= set(examples)


async def opened(path, user):
    async def is_open():
        modals = (await path.slack.views(user))["modals"]
        assert modals
        return modals[-1]

    return await eventually(is_open)


async def test_a_task_is_made_in_a_dialog_of_its_own(path, squad):
    await make_admin(path, "ana")
    await make_admin(path)
    async with path.worker():
        await path.slack.command("/oblivion", "task", channel=path.channel, user="you")
        view = await opened(path, "you")
        await path.slack.submit(view["id"], {"name": "Buy paper", "description": "A4, white"}, user="you")

        async def made():
            tasks = [t for t in await path.clickup.tasks(path.list_id) if t["name"] == "Buy paper"]
            assert len(tasks) == 1
            assert tasks[0]["description"].startswith("A4, white")

        await eventually(made)


async def test_guests_and_strangers_make_no_tasks_and_see_no_lists(path, squad, talk):
    async with path.worker():
        post = await path.slack.post(path.channel, "buy more paper", user="ben")
        await path.slack.shortcut("oblivion_make_task", path.channel, post["ts"], user="ana")
        await talk.whispered("Guests can ask, but not make tasks")
        await path.slack.command("/oblivion", "task", channel=path.channel, user="ana")
        await path.settled()
        await path.run("""UPDATE tenants SET settings = '{"unknown_users": "refuse"}'""")
        for shortcut in ("oblivion_make_task", "oblivion_ask_agent"):
            await path.slack.shortcut(shortcut, path.channel, post["ts"], user="ben")
        await talk.whispered("not known to Oblivion")
        await path.settled()
        for user in ("ana", "ben"):
            assert (await path.slack.views(user))["modals"] == []


async def test_tasks_from_dialogs_count_against_a_person_s_limit(path, squad, talk):
    await make_admin(path, "ana")
    async with path.worker(user_requests_per_minute=1):
        for name in ("first", "second"):
            await path.slack.command("/oblivion", "task", channel=path.channel, user="ana")
            view = await opened(path, "ana")
            await path.slack.submit(view["id"], {"name": name}, user="ana")
            await path.settled()
        await talk.whispered("a lot at once")
        assert [task["name"] for task in await path.clickup.tasks(path.list_id)].count("second") == 0


async def test_an_admin_links_a_list_by_its_address_in_a_dialog(path, squad, talk):
    await make_admin(path)
    async with path.worker():
        general = (await path.slack.channels())["general"]
        await path.slack.command("/oblivion", "link", channel=general, user="ana")

        async def refused():
            assert "Only admins" in str(await path.slack.ephemerals(general))

        await eventually(refused)
        await path.slack.command("/oblivion", "link", channel=general, user="you")
        view = await opened(path, "you")
        address = f"https://app.clickup.com/9012/v/li/{path.list_id}"
        await path.slack.submit(view["id"], {"list": address}, user="you")

        async def linked():
            rows = await path.rows("SELECT 1 FROM project_mappings WHERE slack_channel_id = :c", c=general)
            assert len(rows) == 1
            noted = await path.rows("SELECT action, subject FROM audit_log")
            assert noted == [{"action": "mapping.linked", "subject": path.list_id}]
            assert "Linked" in str(await path.slack.ephemerals(general))

        await eventually(linked)


async def test_who_clicked_too_long_ago_is_told_to_try_again(path, squad, talk):
    await path.slack.change_app(trigger_life_s=0.0)
    async with path.worker():
        post = await path.slack.post(path.channel, "the build is red", user="ben")
        await path.slack.shortcut("oblivion_ask_agent", path.channel, post["ts"], user="ana")
        message = await talk.whispered("try it once more")
        assert (await path.slack.views("ana"))["modals"] == []
        assert message["user"]


async def test_an_open_home_follows_what_happens(path, squad, talk):
    await make_admin(path)

    async def at_home(user, words):
        async def is_so():
            home = (await path.slack.views(user))["home"]
            assert home is not None
            assert words in str(home)

        await eventually(is_so)

    async with path.worker():
        await path.slack.open_home("ana")
        await path.slack.open_home("you")
        await at_home("ana", "fixer")
        await at_home("you", "fixer")
        _, run = await running(squad, talk)
        await at_home("ana", "write a poem")
        await squad.step(lambda tx: runs.ask(tx, run.id, run.fence, "k", "Delete everything?", ""))
        await at_home("you", "Delete everything?")
        assert "Delete everything?" not in str((await path.slack.views("ana"))["home"])
        await path.settled()
        assert (await path.slack.calls())["views.publish"] <= 8


async def test_where_sessions_are_refused_the_thread_s_status_is_shown_and_renewed(path, squad, talk):
    await path.slack.misbehave("agents.sessions.setStatus", "error", code="not_allowed")

    async def shown(words):
        async def is_so():
            status = (await path.slack.threads(path.channel))["statuses"].get(asked)
            assert status is not None
            assert words in str(status)

        await eventually(is_so)

    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("write a poem")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await path.settled()
        await squad.step(
            lambda tx: runs.progress(tx, run.id, run.fence, percent=20, words="reading", usage=None)
        )
        assert (await squad.read(run.id)).place["status_until"] > 0
        # Ninety seconds later.
        await path.run("""UPDATE runs SET place = place || '{"status_until": 1, "progress_at": 1}'""")
        await squad.step(
            lambda tx: runs.progress(tx, run.id, run.fence, percent=30, words="reading on", usage=None)
        )
        await shown("reading on")
        await squad.complete(run, "roses are red")
        await talk.said(asked, "roses are red")
        await path.settled()
        assert (await path.slack.threads(path.channel))["statuses"] == {}


async def test_a_partner_of_slack_connect_may_ask_and_not_decide(path, squad, talk):
    await path.slack.add_user("carol", is_stranger=True, team_id="TPARTNER")
    await path.slack.invite(path.channel, "carol")
    async with path.worker():
        await squad.online("general")
        asked = await talk.ask("write a poem", user="carol")
        run = await squad.assigned()
        await squad.acknowledge(run)
        await squad.step(lambda tx: runs.ask(tx, run.id, run.fence, "k", "Delete everything?", ""))
        question = (await talk.said(asked, "asks for approval"))[-1]
        await path.slack.press(path.channel, question["ts"], "oblivion:approve", user="carol")
        await talk.whispered("Guests can ask, but not approve")
        assert (await squad.read(run.id)).state is RunState.WAITING
        (identity,) = await path.rows(
            "SELECT subject, role, is_operator FROM user_identities i JOIN users u ON u.id = i.user_id"
        )
        assert identity["subject"].startswith("TPARTNER:")
        assert (identity["role"], identity["is_operator"]) == ("guest", False)


async def test_progress_is_edited_rarely_however_often_it_is_said(path, squad, talk):
    async with path.worker():
        asked, run = await running(squad, talk)
        await path.settled()
        for percent in range(1, 21):
            await squad.step(
                lambda tx, p=percent: runs.progress(
                    tx, run.id, run.fence, percent=p, words=f"step {p}", usage=None
                )
            )
        await talk.said(asked, "step 20")
        await squad.complete(run, "roses are red")
        await talk.said(asked, "roses are red")
        await path.settled()
        edits = await path.rows("SELECT 1 FROM outbox WHERE kind = 'slack.run_edit' AND state = 'sent'")
        assert len(edits) <= 3


async def test_admins_change_the_workspaces_settings_in_a_dialog(path, squad, talk):
    await make_admin(path)
    await path.run("""UPDATE tenants SET settings = '{"unknown_users": "guest", "of_later": "kept"}'""")
    async with path.worker():
        await path.slack.command("/oblivion", "settings", channel=path.channel, user="ana")
        await talk.whispered("Only admins")
        await path.slack.command("/oblivion", "settings", channel=path.channel, user="you")
        view = await opened(path, "you")
        chosen = {block["block_id"]: block["element"]["initial_option"]["value"] for block in view["blocks"]}
        assert chosen == {"unknown_users": "guest", "slack_streaming": "-"}
        await path.slack.submit(
            view["id"], {"unknown_users": "refuse", "slack_streaming": "everywhere"}, user="you"
        )
        await talk.whispered("The settings are kept")
        (tenant,) = await path.rows("SELECT settings FROM tenants")
        assert tenant["settings"] == {
            "unknown_users": "refuse", "slack_streaming": "everywhere", "of_later": "kept",
        }  # fmt: skip
        noted = await path.rows("SELECT subject, detail FROM audit_log ORDER BY subject")
        assert [(row["subject"], row["detail"]["value"]) for row in noted] == [
            ("slack_streaming", "everywhere"),
            ("unknown_users", "refuse"),
        ]
        await path.slack.post(path.channel, "@oblivion hello", user="ben", typed=True)
        await talk.whispered("not known to Oblivion")
