"""`oblivion connections`: the tools that agents have."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import SecretStr, ValidationError

from oblivion_cli import console
from oblivion_cli.access import Access
from oblivion_cli.admin import open_admin
from oblivion_cli.commands.connection_options import Auth, ClientId, Pkce, Scopes, client_or_none
from oblivion_cli.commands.options import Json, Tenant, Yes
from oblivion_cli.errors import CommandFailed, UsageWrong
from oblivion_cli.signed_in import signed_in
from oblivion_cli.usecases.sign_in import LocalSignIn
from oblivion_contracts.connections import (
    ANY_MCP_SERVER,
    STDIO_SERVER,
    Authorization,
    ConnectionChange,
    ConnectionHealth,
    ConnectionView,
    NewConnection,
    OfferedTool,
    OfferedTools,
    PinTools,
)

if TYPE_CHECKING:
    from oblivion_cli.adapters.hub import HubApi

app = typer.Typer(no_args_is_help=True, help="Connections to tool servers, and the tools of each.")
COLUMNS = {
    "name": "Name", "provider": "Provider", "state": "State", "trusted": "Trusted", "health": "Health",
}  # fmt: skip
TOOL_COLUMNS = {"name": "Tool", "kind": "Kind", "description": "What it does"}
SECRET_VARIABLE = "OBLIVION_CONNECTION_SECRET"  # noqa: S105 - the name of one
ASKED_EVERY_S = 1.0
_DESCRIPTION_SHOWN = 100
_ADDED_BY_URL = "oblivion connections add URL --name NAME"
_ADDED_BY_NAME = f"oblivion connections add {STDIO_SERVER} --set server=NAME"

Name = Annotated[str, typer.Argument(help="Its name or id.")]
ResultT = TypeVar("ResultT")


@app.command("list")
def list_(tenant: Tenant = None, as_json: Json = False) -> None:
    """List the connections, with how each was when it was last asked."""
    found = _on_hub(tenant, lambda hub: hub.connections())
    if as_json:
        console.print_json([each.model_dump(mode="json") for each in found])
        return
    nothing = "Nothing is connected yet. Try: oblivion connections add notion"
    console.print_rows([_row(each) for each in found], COLUMNS, nothing=nothing)


@app.command()
def providers(tenant: Tenant = None, as_json: Json = False) -> None:
    """List what can be connected: built-in providers, any MCP server, and stdio servers of the operator."""
    found = _on_hub(tenant, lambda hub: hub.providers())
    if as_json:
        console.print_json(found.model_dump(mode="json"))
        return
    rows = [{"name": each.name, "title": each.title, "tools": ", ".join(each.tools)} for each in found.items]
    stdio_servers = ", ".join(found.stdio_servers) or "none, so far"
    rows += [
        {"name": ANY_MCP_SERVER, "title": "Any MCP server", "tools": f"What it has: {_ADDED_BY_URL}"},
        {
            "name": STDIO_SERVER,
            "title": "A server of the operator's list",
            "tools": f"What it has: {_ADDED_BY_NAME} (there are: {stdio_servers})",
        },
    ]
    console.print_rows(rows, {"name": "Name", "title": "What", "tools": "Tools"}, nothing="")


@app.command()
def add(
    provider: Annotated[
        str, typer.Argument(help="A built-in provider, or the URL of an MCP server (https://…/mcp).")
    ],
    name: Annotated[
        str | None, typer.Option(help="What its tools' names begin with; default: the provider's name.")
    ] = None,
    secret: Annotated[
        bool, typer.Option("--secret/--no-secret", help="Whether it asks for a key or token.")
    ] = True,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the provider.")
    ] = None,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="Believe what it returns, and what it says of its tools.")
    ] = False,
    auth: Annotated[
        Auth | None,
        typer.Option(
            help="How it proves itself: by its secret, a sign-in, or our signature; default: by a sign-in "
            "where --client-id is given, else by its secret."
        ),
    ] = None,
    client_id: ClientId = None,
    scopes: Scopes = None,
    pkce: Pkce = True,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Connect a tool server, and test it. OBLIVION_CONNECTION_SECRET holds its secret, or it is asked for.

    With --auth oauth or --client-id somebody signs in afterwards: oblivion connections connect NAME.
    """
    is_url = provider.startswith(("http://", "https://"))
    client = client_or_none(client_id, scopes, pkce=pkce)
    has_secret = auth is Auth.SECRET or (auth is None and client is None)
    value = _secret() if secret and has_secret and provider != STDIO_SERVER else None
    new = _new_connection(
        auth=None if auth is None else auth.value,
        client=client,
        provider=ANY_MCP_SERVER if is_url else provider.replace("-", "_"),
        name=name,
        url=provider if is_url else None,
        settings=dict(_setting(each) for each in settings or ()),
        secret=None if value is None else SecretStr(value),
        is_trusted=trusted,
    )

    async def run(hub: "HubApi") -> tuple[ConnectionView, ConnectionHealth | None]:
        made = await hub.create(new)
        return made, None if made.auth == "oauth" else await hub.test(made)

    made, health = _on_hub(tenant, run)
    if health is None:
        _say_next(made, as_json=as_json)
    elif as_json:
        console.print_json({**made.model_dump(mode="json"), "health": health.model_dump(mode="json")})
    else:
        said = "is connected" if health.ok else "is added, and does not work yet"
        console.out.print(f"{made.name} {said}.", markup=False)
        _say(made.name, health)


@app.command()
def connect(
    name: Name,
    client_id: ClientId = None,
    scopes: Scopes = None,
    pkce: Pkce = True,
    tenant: Tenant = None,
) -> None:
    """Sign a connection in: prints the address for your browser, and waits until it is done.

    With --client-id, the app that signs in becomes another one.
    """

    client = client_or_none(client_id, scopes, pkce=pkce)

    async def run(hub: "HubApi") -> ConnectionHealth:
        connection = await hub.named(name)
        if client is not None:
            connection = await hub.change(connection, ConnectionChange(client=client))
        begun = await hub.authorize(connection)
        console.out.print("Open this in your browser, and agree:\n")
        console.out.print(begun.url, markup=False, soft_wrap=True)
        console.out.print("\nWaiting until it is done …")
        console.out.print(await _finished(hub, connection, begun), markup=False)
        return await hub.test(connection)

    _say(name, _on_hub(tenant, run))


@app.command("test")
def try_out(name: Name, tenant: Tenant = None, as_json: Json = False) -> None:
    """Say whether it can be reached, as whom and with which rights, or what exactly is wrong."""

    async def run(hub: "HubApi") -> ConnectionHealth:
        return await hub.test(await hub.named(name))

    health = _on_hub(tenant, run)
    if as_json:
        console.print_json(health.model_dump(mode="json"))
        if not health.ok:
            raise typer.Exit(1)
    else:
        _say(name, health)


@app.command()
def tools(name: Name, tenant: Tenant = None, as_json: Json = False) -> None:
    """List its tools as agents call them, and those that are withheld, with the reason."""

    async def run(hub: "HubApi") -> OfferedTools:
        return await hub.tools(await hub.named(name))

    found = _on_hub(tenant, run)
    if as_json:
        console.print_json(found.model_dump(mode="json"))
        return
    rows = [
        {
            "name": each.name,
            "kind": _kind(each),
            "description": (each.withheld or each.description)[:_DESCRIPTION_SHOWN],
        }
        for each in found.items
    ]
    console.print_rows(rows, TOOL_COLUMNS, nothing=found.problem or "It has no tools.")
    for why in dict.fromkeys(each.disbelieved for each in found.items if each.disbelieved):
        console.out.print(f"* {why}", markup=False)


@app.command()
def pin(
    name: Name,
    tool: Annotated[list[str] | None, typer.Argument(help="Its tools, as it calls them; none: all.")] = None,
    tenant: Tenant = None,
) -> None:
    """Take over what its server says of its tools now: withheld ones are offered again."""

    async def run(hub: "HubApi") -> None:
        await hub.pin(await hub.named(name), PinTools(tools=tool or []))

    _on_hub(tenant, run)
    console.out.print(f"What {name} says of its tools now is taken as right.", markup=False)


@app.command("set")
def set_(
    name: Name,
    secret: Annotated[
        bool, typer.Option("--secret", help="Another key or token; it is asked for as in `add`.")
    ] = False,
    trusted: Annotated[
        bool | None, typer.Option("--trusted/--no-trusted", help="Whether to believe what it returns.")
    ] = None,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether its tools are there.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Where the server is now; takes its secret anew.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the provider.")
    ] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Change a connection: its key, address, settings, trust, or whether it is used. Its pins stay.

    Another key or address is tested at once.
    """
    if not secret and not settings and (trusted, enabled, url) == (None, None, None):
        raise UsageWrong("Nothing is to change.", "See `oblivion connections set --help`.")
    value = _secret() if secret else None
    given = dict(_setting(each) for each in settings or ())

    async def run(hub: "HubApi") -> tuple[ConnectionView, ConnectionHealth | None]:
        connection = await hub.named(name)
        wish = _change(
            secret=None if value is None else SecretStr(value),
            is_trusted=trusted,
            state=None if enabled is None else ("active" if enabled else "disabled"),
            url=url,
            settings={**connection.settings, **given} if given else None,
        )
        changed = await hub.change(connection, wish)
        is_tested = (secret or url is not None) and changed.state == "active"
        return changed, await hub.test(changed) if is_tested else None

    changed, health = _on_hub(tenant, run)
    if as_json:
        console.print_json(
            changed.model_copy(update={"health": health or changed.health}).model_dump(mode="json")
        )
        return
    console.out.print(f"{changed.name} is changed.", markup=False)
    if health is not None:
        _say(changed.name, health)


@app.command()
def remove(name: Name, yes: Yes = False, tenant: Tenant = None) -> None:
    """End a connection: its tools are gone at once, its secret is never used again."""
    if not yes:
        typer.confirm(f"Remove {name}?", abort=True)

    async def run(hub: "HubApi") -> None:
        await hub.remove(await hub.named(name))

    _on_hub(tenant, run)
    console.out.print(f"{name} is removed.", markup=False)


@app.command()
def token(tenant: Tenant = None) -> None:
    """Print a token of 15 minutes with which an MCP client of yours may use the tools at /mcp."""

    async def run() -> str:
        access = Access.from_environment()
        async with open_admin(tenant) as admin:
            sign_in = LocalSignIn(
                admin.database, access.master_keys, admin.tenant.id, admin.actor, access.public_url or ""
            )
            return await sign_in.tools_token()

    console.out.print(asyncio.run(run()), markup=False)


async def _finished(hub: "HubApi", connection: ConnectionView, begun: Authorization) -> str:
    """Raises: CommandFailed: it came to nothing."""
    again = f"Begin again: oblivion connections connect {connection.name}"
    while True:
        progress = await hub.progress(connection, begun)
        if progress.state == "connected":
            return progress.detail
        if progress.state == "failed":
            raise CommandFailed(progress.detail, again)
        if progress.state == "expired":
            raise CommandFailed("Nobody agreed within ten minutes.", again)
        await asyncio.sleep(ASKED_EVERY_S)


def _say_next(made: ConnectionView, *, as_json: bool) -> None:
    if as_json:
        console.print_json(made.model_dump(mode="json"))
        return
    console.out.print(f"{made.name} is there, and nobody has signed in yet.", markup=False)
    console.out.print(f"Next: oblivion connections connect {made.name}", markup=False)


def _secret() -> str:
    return os.environ.get(SECRET_VARIABLE) or str(typer.prompt("Key or token", hide_input=True))


def _on_hub(tenant: str | None, work: "Callable[[HubApi], Awaitable[ResultT]]") -> ResultT:
    async def run() -> ResultT:
        async with _hub(tenant) as hub:
            return await work(hub)

    return asyncio.run(run())


@contextlib.asynccontextmanager
async def _hub(tenant: str | None) -> "AsyncGenerator[HubApi]":
    from oblivion_cli.adapters.hub import HubApi  # Loads an HTTP client, which few verbs need.

    async with signed_in(tenant) as api, HubApi(api.base_url, await api.token()) as hub:
        yield hub


def _new_connection(**fields: Any) -> NewConnection:
    try:
        return NewConnection(**fields)
    except ValidationError as error:
        raise _not_meant(error, "add") from None


def _change(**fields: Any) -> ConnectionChange:
    try:
        return ConnectionChange(**fields)
    except ValidationError as error:
        raise _not_meant(error, "set") from None


def _not_meant(error: ValidationError, verb: str) -> UsageWrong:
    wrong = ", ".join(sorted({str(each["loc"][0]) for each in error.errors()}))
    return UsageWrong(f"This cannot be meant: {wrong}.", f"See `oblivion connections {verb} --help`.")


def _setting(typed: str) -> tuple[str, Any]:
    key, separator, value = typed.partition("=")
    if not separator or not key:
        raise UsageWrong(f"{typed!r} is no setting.", "Write --set KEY=VALUE.")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _row(connection: ConnectionView) -> dict[str, Any]:
    health = connection.health
    return {
        "name": connection.name,
        "provider": connection.url or connection.provider,
        "state": connection.state,
        "trusted": "yes" if connection.is_trusted else "no",
        "health": _sign_in_of(connection) or ("not asked yet" if health is None else health.detail),
    }


def _kind(tool: OfferedTool) -> str:
    if tool.withheld:
        return "withheld"
    if tool.is_read_only:
        return "reads"
    return "changes *" if tool.disbelieved else "changes"


def _sign_in_of(connection: ConnectionView) -> str | None:
    """What its sign-in wants of somebody; None when that is nothing."""
    sign_in = connection.sign_in
    if sign_in is None:
        return None
    if sign_in.state == "needed":
        return f"{sign_in.detail} oblivion connections connect {connection.name}"
    if sign_in.state == "again":
        return sign_in.detail
    if sign_in.ends_at is not None:
        return f"Its sign-in ends at {sign_in.ends_at:%Y-%m-%d %H:%M} UTC."
    return None


def _say(name: str, health: ConnectionHealth) -> None:
    if not health.ok:
        raise CommandFailed(health.detail, f"Mend that, then: oblivion connections test {name}")
    console.out.print(health.detail, markup=False)
    fields = {"Account": health.account, "Rights": ", ".join(health.rights)}
    if health.rate_limit_left is not None:
        fields["Requests left"] = str(health.rate_limit_left)
    console.print_fields((key, value) for key, value in fields.items() if value)
