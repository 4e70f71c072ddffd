"""People sign in and out: `/t/{slug}/login` by an identity provider, `/auth/dev` by a one-time link.

The cookie is HttpOnly and SameSite=Lax, and renewed each hour that it is in use; only a hash of it is
stored, and signing out makes it useless. Whom a browser sent here is told in words why they are not let in.
"""

from collections.abc import Awaitable
from html import escape
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Path, Query, Request, Response, status
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field

from oblivion_gateway.errors import NothingThere
from oblivion_gateway.routes.dependencies import (
    AnyCaller,
    ServicesNeeded,
)
from oblivion_gateway.routes.problems import problems
from oblivion_gateway.routes.services import Services
from oblivion_platform.door import SESSION_COOKIE, refuse_cross_site
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.people import SESSION_TTL_S
from oblivion_platform.problems import failure_response

router = APIRouter(tags=["sign-in"])
AFTER_SIGN_IN = "/"
_SEE_OTHER = status.HTTP_303_SEE_OTHER

Slug = Annotated[str, Path(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
Provider = Literal["oidc", "slack"]
Code = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._-]+$")]
_SENT_ON = {
    303: {
        "description": "Signed in; the cookie is set.",
        "headers": {"Location": {"schema": {"type": "string"}}},
    }
}
_SENT_AWAY = {
    302: {"description": "To the identity provider.", "headers": {"Location": {"schema": {"type": "string"}}}}
}


class SignInWays(BaseModel):
    """How people of a tenant may sign in."""

    providers: list[Provider]
    development_login: bool


@router.get("/t/{slug}", responses=problems(400, 404, 422, 429, 503))
async def list_sign_in_ways(slug: Slug, services: ServicesNeeded) -> SignInWays:
    """How one can sign in."""
    await services.sign_in.tenant(slug)
    return SignInWays(providers=services.providers.names, development_login=services.development_login)


@router.get(
    "/t/{slug}/login",
    status_code=302,
    response_class=RedirectResponse,
    responses={**_SENT_AWAY, **problems(400, 404, 422, 429, 503)},
)
async def begin_sign_in(
    slug: Slug, request: Request, services: ServicesNeeded, provider: Provider | None = None
) -> Response:
    """Begin to sign in, by the provider named or the only one."""
    await services.sign_in.tenant(slug)
    name = provider or next(iter(services.providers.names), None)
    if name not in services.providers.names:
        raise NothingThere("identity provider")
    return await services.providers.begin(name, request, _callback(services, slug, name))


@router.get(
    "/t/{slug}/callback/{provider}",
    status_code=303,
    response_class=RedirectResponse,
    responses={**_SENT_ON, **problems(400, 401, 403, 404, 422, 429, 503)},
)
async def finish_sign_in(
    slug: Slug, provider: Provider, request: Request, services: ServicesNeeded
) -> Response:
    """Where the identity provider sends the browser back to."""

    async def cookie() -> str:
        if provider not in services.providers.names:
            raise NothingThere("identity provider")
        tenant_id = await services.sign_in.tenant(slug)
        identity = await services.providers.finish(provider, request)
        return await services.sign_in.by_identity(tenant_id, identity)

    return await _let_in(request, services, cookie())


@router.get("/auth/dev", response_class=HTMLResponse, responses=problems(400, 404, 422, 429, 503))
async def show_development_link(
    services: ServicesNeeded, code: Annotated[str, Query(max_length=128, pattern=r"^[A-Za-z0-9._-]+$")]
) -> Response:
    """A page that says as whom, with one button: nothing that merely looks at a link uses it up."""
    _refuse_unless_local(services)
    name = await services.sign_in.meant_by(code)
    who = "" if name is None else _AS.format(name=escape(name))
    return HTMLResponse(_PAGE.format(body=_BUTTON.format(code=code, who=who)))


@router.post(
    "/auth/dev",
    status_code=303,
    response_class=RedirectResponse,
    responses={**_SENT_ON, **problems(400, 403, 404, 408, 413, 422, 429, 503)},
)
async def redeem_development_link(
    request: Request, services: ServicesNeeded, code: Annotated[Code, Form()]
) -> Response:
    """Sign this browser in with a one-time code; only where the system is reached as localhost."""
    _refuse_unless_local(services)
    refuse_cross_site(request.method, request.headers, services.own_origins)
    return await _let_in(request, services, services.sign_in.by_link(code))


@router.post("/auth/logout", status_code=204, responses=problems(400, 401, 403, 408, 413, 429, 503))
async def sign_out(request: Request, caller: AnyCaller, services: ServicesNeeded) -> Response:
    """Make the browser's cookie useless."""
    cookie = request.cookies.get(SESSION_COOKIE)
    if cookie is not None:
        await services.sign_in.out(caller, cookie)
    answer = Response(status_code=204)
    answer.delete_cookie(SESSION_COOKIE, path="/")
    return answer


def _refuse_unless_local(services: Services) -> None:
    if not services.development_login:
        raise NothingThere("sign-in link")


def _callback(services: Services, slug: str, provider: str) -> str:
    return f"{services.public_url}/t/{slug}/callback/{provider}"


async def _let_in(request: Request, services: Services, cookie: Awaitable[str]) -> Response:
    """Give the cookie, or say why there is none: to a browser on a page, to all else as a problem.

    Raises:
        OblivionFailure: no browser asks; answered as everywhere.
    """
    try:
        return _signed_in(services, await cookie)
    except OblivionFailure as failure:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        problem = failure_response(failure)
        page = _PAGE.format(body=_REFUSAL.format(why=escape(failure.message)))
        again = {name: problem.headers[name] for name in ("retry-after",) if name in problem.headers}
        return HTMLResponse(page, problem.status_code, again)


def _signed_in(services: Services, cookie: str) -> Response:
    answer = RedirectResponse(AFTER_SIGN_IN, _SEE_OTHER)
    give_cookie(services, answer, cookie, SESSION_TTL_S)
    return answer


def give_cookie(services: Services, answer: Response, cookie: str, ends_in_s: int) -> None:
    """Have the browser keep it, where no script sees it."""
    answer.set_cookie(
        SESSION_COOKIE,
        cookie,
        max_age=ends_in_s,
        path="/",
        httponly=True,
        samesite="lax",
        secure=services.public_url.startswith("https:"),
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in to Oblivion</title>
<meta name="viewport" content="width=device-width">
<style>:root{{color-scheme:light dark}}
body{{font:1rem system-ui;display:grid;place-content:center;min-height:90vh;margin:0 1rem}}
button{{font:inherit;padding:.6em 2em}}</style>
</head><body>{body}</body></html>
"""
_BUTTON = """<form method="post" action="/auth/dev">{who}<input type="hidden" name="code" value="{code}">
<button autofocus>Sign in to Oblivion</button></form>"""
_AS = "<p>You sign in as <strong>{name}</strong>.</p>"
_REFUSAL = """<main><h1>You are not signed in</h1><p role="alert">{why}</p>
<p><a href="/">Sign in another way</a></p></main>"""
