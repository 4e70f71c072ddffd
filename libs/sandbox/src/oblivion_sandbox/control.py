"""The typed client of the control API, for the demo, tests, fault runs and benchmarks."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Self

import httpx

Json = dict[str, Any]

CallAction = Literal[
    "rate_limited", "error", "http_500_before", "http_500_after", "cut_before", "cut_after", "slow"
]
ModelAction = Literal["nonsense", "stream_cut"]
DeliveryAction = Literal["duplicate", "delay", "reorder", "repeat", "lose"]


class ControlRefused(Exception):
    """The control API refused: nothing was changed; `detail` is its answer."""

    def __init__(self, path: str, detail: Json) -> None:
        super().__init__(f"{path}: {detail}")
        self.detail = detail


class _Side:
    """What both sides have in common."""

    def __init__(self, http: httpx.AsyncClient, prefix: str) -> None:
        self._http = http
        self._prefix = prefix

    async def _send(self, verb: str, path: str, body: Json | None = None, **query: Any) -> Json:
        known = {name: value for name, value in query.items() if value is not None}
        response = await self._http.request(verb, f"{self._prefix}/{path}", json=body, params=known)
        answer: Json = response.json()
        if response.status_code >= 400:
            raise ControlRefused(path, answer)
        return answer

    async def misbehave(
        self,
        match: str,
        action: CallAction | DeliveryAction | ModelAction,
        *,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
        **details: Any,
    ) -> Json:
        """Add a rule.

        `match` is a glob: a Slack method (`chat.*`) with or without its channel (`chat.postMessage C0123`),
        a ClickUp path with or without its verb (`POST /task/*/comment`), an endpoint, model or tool of the
        LLM (`chat.completions`, `tool:route_to_agent`), or, for deliveries, an event's type. Details:
        `retry_after` (s), `code`, `status`, `err`, `seconds`, `copies`; for the LLM `chunk_seconds` (with
        slow) and `how` (with nonsense: arguments, values, unknown_tool, blank, empty, invalid_json).
        """
        rule: Json = {
            "match": match,
            "action": action,
            "times": times,
            "probability": probability,
            "seed": seed,
        }
        return await self._send("POST", "rules", rule | details)

    async def rules(self) -> list[Json]:
        return (await self._send("GET", "rules"))["rules"]

    async def behave(self, rule_id: int | None = None) -> None:
        """Remove one rule, or all."""
        await self._send("DELETE", "rules" if rule_id is None else f"rules/{rule_id}")

    async def deliveries(self, state: str | None = None, limit: int = 1000) -> list[Json]:
        """Outgoing events, newest first; states are waiting, delivered, failed and lost."""
        return (await self._send("GET", "deliveries", state=state, limit=limit))["deliveries"]

    async def delivery_counts(self) -> dict[str, int]:
        return (await self._send("GET", "deliveries", limit=0))["counts"]

    async def delivered(self, within_s: float = 30.0) -> None:
        """Wait until nothing is owed any more.

        Raises:
            TimeoutError: deliveries are still waiting after `within_s`.
        """
        async with asyncio.timeout(within_s):
            while (await self.delivery_counts()).get("waiting"):  # noqa: ASYNC110  # another process's state
                await asyncio.sleep(0.02)

    async def calls(self) -> dict[str, int]:
        """API calls since the process started, by method, and by method and error."""
        return (await self._send("GET", "calls"))["calls"]

    async def forget_calls(self) -> None:
        await self._send("DELETE", "calls")

    async def reset(self) -> None:
        """Begin as at first start: new ids, tokens and secrets; no rules, no deliveries."""
        await self._send("POST", "reset")


class SlackControl(_Side):
    """The Slack side. Users and channels go by id or by name."""

    async def app(self) -> Json:
        """Ids, tokens, signing secret and settings of the app."""
        return await self._send("GET", "app")

    async def change_app(self, **changes: Any) -> Json:
        """Change request_url, socket_mode, scopes, subscriptions, limits_scale (0 lifts all), token_state
        (valid, expired, revoked), signing_secret, clock_skew_s, installed, interactivity_url,
        commands, shortcuts, or how long things live: stream_life_s, status_life_s, trigger_life_s,
        response_url_life_s."""
        return await self._send("PATCH", "app", changes)

    async def verify_url(self, url: str | None = None) -> Json:
        """Send `url_verification`; tells `verified`, `status` and `error`."""
        return await self._send("POST", "app/verify-url", {"url": url})

    async def uninstall(self) -> Json:
        return await self._send("POST", "app/uninstall")

    async def socket_connections(self) -> int:
        return (await self._send("GET", "sockets"))["connections"]

    async def disconnect_sockets(self, reason: str = "refresh_requested") -> None:
        await self._send("POST", "sockets/disconnect", {"reason": reason})

    async def users(self) -> dict[str, str]:
        """User ids by name."""
        return {user["name"]: user["id"] for user in (await self._send("GET", "users"))["users"]}

    async def add_user(self, name: str, real_name: str | None = None, **traits: Any) -> str:
        """A new person, a full member unless `traits` say otherwise: is_restricted or is_ultra_restricted for
        guests, is_stranger and team_id for people of another company, is_admin, deleted."""
        body: Json = {"name": name, "real_name": real_name or name, "traits": traits}
        return (await self._send("POST", "users", body))["id"]

    async def channels(self) -> dict[str, str]:
        """Channel ids by name."""
        return {
            channel["name"]: channel["id"] for channel in (await self._send("GET", "channels"))["channels"]
        }

    async def add_channel(self, name: str, *, app_member: bool = True) -> str:
        return (await self._send("POST", "channels", {"name": name, "app_member": app_member}))["id"]

    async def rename_channel(self, channel: str, name: str) -> None:
        await self._send("PATCH", f"channels/{channel}", {"name": name})

    async def archive_channel(self, channel: str) -> None:
        await self._send("PATCH", f"channels/{channel}", {"archived": True})

    async def invite(self, channel: str, user: str = "oblivion", inviter: str = "you") -> None:
        await self._send("POST", f"channels/{channel}/members", {"user": user, "inviter": inviter})

    async def kick(self, channel: str, user: str = "oblivion") -> None:
        await self._send("DELETE", f"channels/{channel}/members/{user}")

    async def messages(self, channel: str) -> list[Json]:
        """Every message ever posted, deleted ones too, with author, via, revisions and the message object."""
        return (await self._send("GET", f"channels/{channel}/messages"))["messages"]

    async def ephemerals(self, channel: str) -> list[Json]:
        return (await self._send("GET", f"channels/{channel}/ephemerals"))["ephemerals"]

    async def post(
        self, channel: str, text: str, *, user: str = "you", thread_ts: str | None = None, **more: Any
    ) -> Json:
        """Post as a person; more: broadcast, typed, subtype, files, blocks, metadata, team."""
        body: Json = {"user": user, "text": text, "thread_ts": thread_ts}
        return await self._send("POST", f"channels/{channel}/messages", body | more)

    async def edit(self, channel: str, ts: str, text: str) -> Json:
        return await self._send("PATCH", f"channels/{channel}/messages/{ts}", {"text": text})

    async def add_preview(self, channel: str, ts: str, attachments: list[Json]) -> Json:
        """Let Slack add a link preview: `message_changed` without a new text."""
        return await self._send("PATCH", f"channels/{channel}/messages/{ts}", {"attachments": attachments})

    async def delete(self, channel: str, ts: str) -> None:
        await self._send("DELETE", f"channels/{channel}/messages/{ts}")

    async def react(self, channel: str, ts: str, name: str, user: str = "you") -> None:
        await self._send("POST", f"channels/{channel}/messages/{ts}/reactions", {"name": name, "user": user})

    async def dm(self, user: str = "you") -> str:
        """The channel of a person's direct conversation with the app."""
        return (await self._send("POST", f"users/{user}/dm"))["id"]

    async def threads(self, channel: str) -> Json:
        """`sessions` of the agent, `statuses` shown (by thread) and suggested `prompts` of a channel."""
        return await self._send("GET", f"channels/{channel}/threads")

    async def session_status(self, channel: str, thread_ts: str) -> str | None:
        """The status of a thread's agent session."""
        sessions: list[Json] = (await self.threads(channel))["sessions"]
        return next((each["status"] for each in sessions if each["thread_ts"] == thread_ts), None)

    async def stop(self, channel: str, thread_ts: str, *, user: str = "you") -> list[str]:
        """Press the native Stop of a thread; returns the streamed messages that ended by it."""
        path = f"channels/{channel}/threads/{thread_ts}/stop"
        return (await self._send("POST", path, {"user": user}))["streaming_message_ts"]

    async def thread(self, channel: str, thread_ts: str) -> list[Json]:
        """The replies of a thread that are still there, as message objects, oldest first."""
        return [
            entry["message"]
            for entry in await self.messages(channel)
            if entry["thread_ts"] == thread_ts and not entry["deleted"]
        ]

    async def wait_for_message(
        self, channel: str, fits: Callable[[Json], object], *, within_s: float = 30.0
    ) -> Json:
        """The first message object, deleted ones aside, for which `fits` holds; waits until there is one.

        Raises:
            TimeoutError: none came within `within_s`.
        """
        async with asyncio.timeout(within_s):
            while True:
                for entry in await self.messages(channel):
                    if not entry["deleted"] and fits(entry["message"]):
                        return entry["message"]
                await asyncio.sleep(0.02)

    async def command(self, command: str, text: str = "", **more: Any) -> Json:
        """Type a slash command; tells the answer's status and text. More: channel, user, url."""
        return await self._send("POST", "commands", {"command": command, "text": text, **more})

    async def press(self, channel: str, ts: str, action_id: str, **more: Any) -> Json:
        """Use a button, menu or thumb of a message, also of one that only `user` sees; tells the answer's
        status. More: user, and value, which chooses an option, a thumb, or one of several of the same id."""
        return await self._send(
            "POST", "interactions", {"channel": channel, "ts": ts, "action_id": action_id, **more}
        )

    async def press_in_view(self, view_id: str, action_id: str, **more: Any) -> Json:
        """Use an element of a modal or of the App Home; more: value, user."""
        return await self._send("POST", "interactions", {"view_id": view_id, "action_id": action_id, **more})

    async def shortcut(
        self, callback_id: str, channel: str | None = None, ts: str | None = None, *, user: str = "you"
    ) -> Json:
        """Choose a shortcut from a message's menu, or a global one without `channel` and `ts`."""
        body: Json = {"callback_id": callback_id, "channel": channel, "ts": ts, "user": user}
        return await self._send("POST", "shortcuts", body)

    async def views(self, user: str = "you") -> Json:
        """A person's `home` (or None) and open `modals`, the topmost last."""
        return await self._send("GET", f"users/{user}/views")

    async def submit(self, view_id: str, values: Json | None = None, *, user: str = "you") -> Json:
        """Submit a modal with values by action id; tells `status`, `error`, and the app's `errors`."""
        return await self._send("POST", f"views/{view_id}/submit", {"values": values or {}, "user": user})

    async def close_view(self, view_id: str, *, user: str = "you") -> None:
        await self._send("POST", f"views/{view_id}/close", {"user": user})

    async def open_home(self, user: str = "you", tab: str = "home") -> str:
        """Look at the app's Home (or `messages`) tab; returns the direct conversation's channel."""
        return (await self._send("POST", f"users/{user}/home", {"tab": tab}))["channel"]


class ClickUpControl(_Side):
    """The ClickUp side. People go by id or by name."""

    async def owner(self) -> Json:
        """The person whose token is to be used: user, token, team_id, limit_per_minute."""
        return await self._send("GET", "owner")

    async def users(self) -> dict[str, Json]:
        """People by name: user, token, disabled, token_revoked."""
        return {
            account["user"]["username"]: account for account in (await self._send("GET", "users"))["users"]
        }

    async def change_user(self, user: str, **changes: bool) -> Json:
        """Change `disabled` or `token_revoked`."""
        return await self._send("PATCH", f"users/{user}", changes)

    async def limit(self, per_minute: int) -> None:
        """Requests a minute of each token; 0 lifts the limit."""
        await self._send("PATCH", "limits", {"per_minute": per_minute})

    async def lists(self) -> dict[str, str]:
        """List ids by name."""
        return {found["name"]: found["id"] for found in (await self._send("GET", "lists"))["lists"]}

    async def add_list(self, name: str) -> str:
        return (await self._send("POST", "lists", {"name": name}))["id"]

    async def tasks(self, list_id: str | None = None) -> list[Json]:
        """Every task ever created, deleted ones too, with `via` and `deleted`."""
        return (await self._send("GET", "tasks", list_id=list_id))["tasks"]

    async def create_task(self, list_id: str, name: str, *, user: str = "you", **fields: Any) -> Json:
        """Create a task as a person; fields as in the API (assignees by id or name)."""
        return await self._send("POST", "tasks", {"list_id": list_id, "name": name, "user": user, **fields})

    async def update_task(self, task_id: str, *, user: str = "you", **fields: Any) -> Json:
        """Change a task as a person; assignees as {"add": […], "rem": […]}, tags as the whole list."""
        return await self._send("PATCH", f"tasks/{task_id}", {"user": user, **fields})

    async def move_task(self, task_id: str, list_id: str, *, user: str = "you") -> Json:
        return await self._send("POST", f"tasks/{task_id}/move", {"list_id": list_id, "user": user})

    async def delete_task(self, task_id: str) -> None:
        await self._send("DELETE", f"tasks/{task_id}")

    async def comments(self, task_id: str | None = None) -> list[Json]:
        """Every comment ever written, deleted ones too, with `task_id`, `via` and `deleted`."""
        return (await self._send("GET", "comments" if task_id is None else f"tasks/{task_id}/comments"))[
            "comments"
        ]

    async def comment(self, task_id: str, text: str, *, user: str = "you", **more: Any) -> Json:
        return await self._send("POST", f"tasks/{task_id}/comments", {"text": text, "user": user, **more})

    async def reply(self, comment_id: str | int, text: str, *, user: str = "you", **more: Any) -> Json:
        """Answer a comment in its thread."""
        return await self._send(
            "POST", f"comments/{comment_id}/replies", {"text": text, "user": user, **more}
        )

    async def edit_comment(self, comment_id: str | int, text: str, *, user: str = "you") -> Json:
        return await self._send("PATCH", f"comments/{comment_id}", {"text": text, "user": user})

    async def delete_comment(self, comment_id: str | int) -> None:
        await self._send("DELETE", f"comments/{comment_id}")

    async def webhooks(self) -> list[Json]:
        return (await self._send("GET", "webhooks"))["webhooks"]

    async def change_webhook(self, webhook_id: str, **changes: Any) -> Json:
        """Change status (active, failing, suspended), fail_count, endpoint or events."""
        return await self._send("PATCH", f"webhooks/{webhook_id}", changes)

    async def delete_webhook(self, webhook_id: str) -> None:
        await self._send("DELETE", f"webhooks/{webhook_id}")


class LlmControl(_Side):
    """The language model."""

    async def requests(self) -> list[Json]:
        """The last 500 prompts, oldest first: model, turns, tools, task."""
        return (await self._send("GET", "requests"))["requests"]

    async def say(self, text: str, *, match: str = "*", times: int | None = 1) -> None:
        """Answer the next `times` prompts (None: all) whose last user message matches a glob."""
        await self._send("POST", "replies", {"text": text, "match": match, "times": times})

    async def call_tool(self, tool: str, arguments: Json, *, match: str = "*", times: int | None = 1) -> None:
        """Answer them with a tool call instead."""
        await self._send(
            "POST", "replies", {"tool": tool, "arguments": arguments, "match": match, "times": times}
        )


class QdrantControl(_Side):
    """The vector store: rules match `POST /collections/*/points/query` with or without the verb."""


class GitHubControl(_Side):
    """The repository to read."""

    async def account(self) -> Json:
        """The token that opens it, and its `owner`, `repo` and `branch`."""
        return await self._send("GET", "account")

    async def put_file(self, path: str, content: str) -> None:
        await self._send("PUT", "files", {"path": path, "content": content})

    async def add_issue(self, title: str, body: str = "", *, user: str = "you") -> int:
        """File an issue; returns its number."""
        return (await self._send("POST", "issues", {"title": title, "body": body, "user": user}))["number"]


class VendorControl(_Side):
    """Notion, Linear, Jira or Google Calendar. Rules match `POST /pages` with or without the verb."""

    async def account(self) -> Json:
        """`token`, `rights`, `is_token_valid`, `limits_scale`, and what else the vendor's account has."""
        return await self._send("GET", "account")

    async def change_account(self, **changes: Any) -> Json:
        """Take rights away, make the token invalid, change limits (`limits_scale=0` lifts them)."""
        return await self._send("PATCH", "account", changes)

    async def documents(self, kind: str) -> list[Json]:
        """Everything of a kind (page, block, data_source, issue, comment, event, …), deleted ones too."""
        return (await self._send("GET", f"documents/{kind}"))["documents"]

    async def change_document(self, kind: str, key: str, **parts: Any) -> Json:
        return await self._send("PATCH", f"documents/{kind}/{key}", parts)


class OAuthControl(_Side):
    """The authorisation server of a side. Rules match `oauth`, and spoil calls for tokens."""

    async def about(self) -> Json:
        """`client_id`, `client_secret`, `redirect_uris`, `access_ttl_s`, `rotates`, `gives_refresh`."""
        return await self._send("GET", "oauth")

    async def change(self, **changes: Any) -> Json:
        """Where its app may be sent back to (`redirect_uris`), how long tokens last, whether they rotate."""
        return await self._send("PATCH", "oauth", changes)

    async def grants(self) -> list[Json]:
        return (await self._send("GET", "oauth/grants"))["grants"]

    async def calls_of_tokens(self) -> Json:
        """How often tokens were asked for; those refused under `POST token:{code}`."""
        return (await self._send("GET", "oauth/grants"))["calls"]

    async def expire(self) -> None:
        """Every access token ends now; refresh tokens stay good."""
        await self._send("POST", "oauth/expire")

    async def revoke(self) -> None:
        """Nothing that was granted is good any more."""
        await self._send("POST", "oauth/revoke")

    async def agree(self, url: str, decision: str = "allow") -> str:
        """Do what a person does on the consent page; the address that the browser is sent back to."""
        answer = await self._http.post(url, data={"decision": decision}, follow_redirects=False)
        location: str | None = answer.headers.get("location")
        if location is None:
            raise ValueError(f"nobody is sent back: {answer.text}")
        return location


class SandboxControl:
    """All sides of one sandbox: `async with SandboxControl("http://localhost:8300") as control:`."""

    def __init__(self, base_url: str, timeout_s: float = 30.0) -> None:
        # Reading the system's certificates costs 0.2 s, which a plain address has no use for.
        encrypted = base_url.startswith("https:")
        self._http = httpx.AsyncClient(
            base_url=base_url, timeout=timeout_s, trust_env=False, verify=encrypted
        )
        self.slack = SlackControl(self._http, "/slack/control")
        self.clickup = ClickUpControl(self._http, "/clickup/control")
        self.qdrant = QdrantControl(self._http, "/qdrant/control")
        self.github = GitHubControl(self._http, "/github/control")
        self.llm = LlmControl(self._http, "/llm/control")
        self.notion = VendorControl(self._http, "/notion/control")
        self.linear = VendorControl(self._http, "/linear/control")
        self.jira = VendorControl(self._http, "/jira/control")
        self.calendar = VendorControl(self._http, "/calendar/control")
        sides = ("slack", "notion", "linear", "jira", "calendar", "authority")
        self.oauth = {side: OAuthControl(self._http, f"/{side}/control") for side in sides}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def reset(self) -> None:
        """All sides begin as at first start."""
        vendors = (self.notion, self.linear, self.jira, self.calendar)
        authority = self.oauth["authority"]
        for side in (self.slack, self.clickup, self.llm, self.qdrant, self.github, *vendors, authority):
            await side.reset()
