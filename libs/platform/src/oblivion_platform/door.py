"""The door of the APIs that people and browsers use: who may come in, and from which pages."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from oblivion_platform.errors import AuthenticationFailed, PermanentFailure

SESSION_COOKIE = "oblivion_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")


class SignInNeeded(AuthenticationFailed):
    """401: nobody said who they are."""

    def __init__(self) -> None:
        super().__init__("sign_in_needed", "Sign in, or send Authorization: Bearer <token>.")


class NotAllowed(PermanentFailure):
    """403: known, and not in a role that may."""

    http_status = HTTPStatus.FORBIDDEN

    def __init__(self, detail: str = "Your role does not allow that. Ask an admin of your tenant.") -> None:
        super().__init__("not_allowed", detail)


class CrossSiteRefused(PermanentFailure):
    """403: a browser's cookie came along with a request that another site's page made."""

    http_status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__(
            "cross_site_refused", "A signed-in browser may change things from this site's own pages only."
        )


def is_local(public_url: str) -> bool:
    """Whether the system is reached as localhost alone."""
    return _host(public_url) in LOCAL_HOSTS


def own_origins(public_url: str) -> frozenset[str]:
    """Where pages of this system come from: its public address, under each name of this machine if local."""
    url = urlsplit(public_url)
    hosts = LOCAL_HOSTS if is_local(public_url) else (_host(public_url),)
    port = f":{url.port}" if url.port else ""
    return frozenset(f"{url.scheme}://{host}{port}" for host in hosts)


def refuse_cross_site(method: str, headers: Mapping[str, str], origins: frozenset[str]) -> None:
    """Let a cookie change things only from pages of `origins`.

    Browsers say where a request comes from, so what says nothing of it is refused. `headers` are read by
    names in lower case.
    Source: https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html

    Raises:
        CrossSiteRefused
    """
    if method in SAFE_METHODS:
        return
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    is_own = site in {"same-origin", "none"} if origin is None else origin in origins
    if not is_own:
        raise CrossSiteRefused


def _host(url: str) -> str:
    """Without user and port; an IPv6 address with its brackets."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host
