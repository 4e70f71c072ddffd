"""`oblivion chat`: talk to the squad in the terminal, over the same API that everybody uses."""

import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.markdown import Markdown
from rich.markup import escape
from rich.status import Status

from oblivion_cli import console
from oblivion_cli.commands.options import Tenant
from oblivion_cli.errors import AccessRefused, CommandFailed, DependencyAway, ExitCode
from oblivion_cli.signed_in import signed_in
from oblivion_contracts.runs import RunEvent, RunEventKind, RunState, RunView
from oblivion_contracts.sessions import NewMessage, NewSession, SessionSnapshot

if TYPE_CHECKING:
    from oblivion_client.rest import OblivionClient

_RECENT = 6
_WAY_OUT = "Ctrl-C stops what runs; Ctrl-D ends."


def chat(
    agent: Annotated[
        str | None, typer.Option(help="Talk to this agent; default: the router chooses.")
    ] = None,
    session: Annotated[UUID | None, typer.Option(help="Continue this session.")] = None,
    message: Annotated[
        str | None, typer.Option("--message", "-m", help="Say this, print the answer, and end.")
    ] = None,
    in_slack: Annotated[
        bool | None,
        typer.Option(
            "--show-in-slack/--hide-from-slack",
            help="Whether a session's Slack thread shows what is said here; default: as it was.",
        ),
    ] = None,
    tenant: Tenant = None,
) -> None:
    """Talk to your agents here; the session goes on wherever you continue it."""
    from oblivion_client.rest import RequestRefused, ServerAway  # Loads an HTTP client, which few verbs need.

    try:
        asyncio.run(_chat(agent, session, message, in_slack, tenant))
    except ServerAway as away:
        raise DependencyAway(str(away), "Start it with `oblivion up`, or run `oblivion doctor`.") from away
    except RequestRefused as refused:
        fix = "Set OBLIVION_TOKEN to a fresh one." if refused.status == 401 else "Run `oblivion chat --help`."
        kind = AccessRefused if refused.status in (401, 403) else CommandFailed
        raise kind(refused.problem.detail, fix) from refused


async def _chat(
    agent: str | None,
    session: UUID | None,
    message: str | None,
    in_slack: bool | None,
    tenant: str | None,
) -> None:
    async with _client(tenant) as client:
        new = NewSession(agent=agent, source="terminal")
        opened = await (client.session(session) if session else client.create_session(new))
        talk = Talk(client, opened, agent, in_slack)
        if message is not None:
            if not await talk.say(message):
                raise typer.Exit(ExitCode.FAILED)
            return
        talk.welcome()
        while (text := await _read_line()) is not None:
            if text:
                await talk.say(text)


@contextlib.asynccontextmanager
async def _client(tenant: str | None) -> "AsyncGenerator[OblivionClient]":
    from oblivion_client.rest import OblivionClient

    async with signed_in(tenant) as api, OblivionClient(api.base_url, api.token) as client:
        yield client


class Talk:
    """One conversation in a terminal."""

    def __init__(
        self,
        client: "OblivionClient",
        session: SessionSnapshot,
        agent: str | None,
        in_slack: bool | None = None,
    ) -> None:
        self._client = client
        self._session = session
        self._agent = agent
        self._in_slack = in_slack

    def welcome(self) -> None:
        if not sys.stdin.isatty():
            return
        for said in self._session.messages[-_RECENT:]:
            console.out.print(f"{said.author or said.role}: {said.text}", markup=False, style="dim")
        console.err.print(
            f"{_WAY_OUT} Continue later: oblivion chat --session {self._session.id}", style="dim"
        )

    async def say(self, text: str) -> bool:
        """Send, show progress, print the answer; whether there is one. Ctrl-C cancels the run and returns."""
        message = NewMessage(text=text, agent=self._agent, source="terminal", visible_in_slack=self._in_slack)
        accepted = await self._client.send_message(self._session.id, message)
        following = asyncio.create_task(self._follow(accepted.run_id))
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, following.cancel)
        try:
            await asyncio.wait({following})
        finally:
            loop.remove_signal_handler(signal.SIGINT)
        if following.cancelled():
            await self._client.cancel(accepted.run_id)
            console.err.print("Stopped.", style="yellow")
            return False
        following.result()
        ended = await self._client.run(accepted.run_id)
        _print_end(ended)
        return ended.state is RunState.SUCCEEDED

    async def _follow(self, run_id: UUID) -> None:
        with console.err.status("sent", spinner="dots") as status:
            async for event in self._client.follow(run_id):
                _show(event, status)


def _show(event: RunEvent, status: Status) -> None:
    data = event.data
    match event.kind:
        case RunEventKind.PROGRESS:
            percent = data.get("percent")
            shown = f"{percent} % " if isinstance(percent, int) else ""
            status.update(escape(f"{shown}{data.get('text') or 'working'}"))
        case RunEventKind.STATE:
            status.update(escape(str(data.get("state", "working"))))
        case RunEventKind.MESSAGE | RunEventKind.NOTICE:
            console.err.print(str(data.get("text", "")), markup=False)
        case RunEventKind.APPROVAL if data.get("question"):
            console.err.print(f"Waits for an approval: {data['question']}", markup=False, style="yellow")
        case _:
            pass


def _print_end(run: RunView) -> None:
    if run.state is RunState.SUCCEEDED:
        answer = run.result or ""
        console.out.print(Markdown(answer) if sys.stdout.isatty() else answer, markup=False)
    elif run.failure is not None:
        console.err.print(f"{run.failure.message} ({run.failure.code})", markup=False, style="red")
    else:
        console.err.print(f"The run ended as {run.state.value}.", style="yellow")


async def _read_line() -> str | None:
    """The next line; None at the end of input.

    Read in a thread that nobody joins: Ctrl-C at the prompt must end the program, not wait for a line.
    """
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str | None] = loop.create_future()

    def read() -> None:
        try:
            typed: str | None = input("you> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            typed = None
        with contextlib.suppress(RuntimeError):  # The program has ended meanwhile.
            loop.call_soon_threadsafe(lambda: line.done() or line.set_result(typed))

    threading.Thread(target=read, daemon=True).start()
    return await line
