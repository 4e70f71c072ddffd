"""The one path table: which service answers which paths of the one public host.

The embedded front proxy is written from it, and so is any Ingress. A prefix matches itself and everything
below it; `/` is whatever the others leave over. Nothing is stripped: each service sees the full path.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from textwrap import indent

from oblivion_contracts.problems import Problem


@dataclass(frozen=True, slots=True)
class PathRule:
    """Requests to `prefix` and below go to `service`."""

    prefix: str
    service: str


PATHS = (
    PathRule("/webhooks", "ingestion"),
    PathRule("/auth", "gateway"),
    PathRule("/t", "gateway"),
    PathRule("/api", "gateway"),
    PathRule("/docs", "gateway"),
    PathRule("/socket.io", "gateway"),
    PathRule("/.well-known/jwks.json", "gateway"),
    PathRule("/mcp", "mcp-hub"),
    PathRule("/connections", "mcp-hub"),
    PathRule("/oauth", "mcp-hub"),
    PathRule("/.well-known/oauth-protected-resource", "mcp-hub"),
    PathRule("/.well-known/oauth-authorization-server", "mcp-hub"),
    PathRule("/slack", "sandbox"),
    PathRule("/clickup", "sandbox"),
    PathRule("/notion", "sandbox"),
    PathRule("/linear", "sandbox"),
    PathRule("/jira", "sandbox"),
    PathRule("/calendar", "sandbox"),
    PathRule("/", "observer"),
)

REST = "/"
UPSTREAM_AWAY_RETRY_AFTER_S = 2
FRONT_READY_PATH = "/front/ready"
"""Answered by the front proxy itself, so that one can see it stand while its services start."""


def service_of(path: str) -> str | None:
    """The service that answers `path`; None when no rule names it."""
    fitting = [rule for rule in _longest_first(PATHS) if f"{path}/".startswith(f"{rule.prefix.rstrip('/')}/")]
    return fitting[0].service if fitting else None


def caddyfile(
    upstreams: Mapping[str, str],
    *,
    port: int,
    addresses: Iterable[str] = ("127.0.0.1",),
) -> str:
    """The front proxy's configuration: plain HTTP on `addresses`, streaming both ways; it logs to stderr.

    `upstreams` maps a service to its `host:port`; rules of services that are not in it are left out.
    """
    rules = [rule for rule in _longest_first(PATHS) if rule.service in upstreams]
    named = [_handler(rule, upstreams[rule.service]) for rule in rules if rule.prefix != REST]
    rest = next((upstreams[rule.service] for rule in rules if rule.prefix == REST), None)
    site = "\n".join([f"bind {' '.join(addresses)}", *named, _own_answers(rest)])
    text = f"{_GLOBAL}http://:{port} {{\n{indent(site, '    ')}\n}}\n"
    return text.replace("    ", "\t")  # As `caddy fmt` wants it.


_GLOBAL = """{
    admin off
    auto_https off
    persist_config off
    log {
        output stderr
        level WARN
    }
    servers {
        protocols h1
    }
}
"""


def _longest_first(rules: Iterable[PathRule]) -> list[PathRule]:
    return sorted(rules, key=lambda rule: len(rule.prefix), reverse=True)


def _handler(rule: PathRule, upstream: str) -> str:
    name = rule.prefix.strip("/.").replace("/", "_").replace(".", "_")
    # flush_interval -1 hands every byte on at once (SSE). WebSockets, and bodies that are not buffered, are
    # what Caddy does by default.
    return f"""@{name} path {rule.prefix} {rule.prefix}/*
handle @{name} {{
{indent(_proxy(upstream), "    ")}
}}"""


def _proxy(upstream: str) -> str:
    return f"""reverse_proxy {upstream} {{
    flush_interval -1
}}"""


def _own_answers(rest: str | None) -> str:
    """The front's own; what no rule names goes to `rest`, or is unknown where there is none."""
    unknown = _problem(404, "Not Found", "path_unknown", "No service answers this path.")
    away = _problem(
        503, "Service Unavailable", "service_unavailable", "The service is starting or away; try again."
    )
    others = (
        _proxy(rest) if rest else f"header Content-Type application/problem+json\nrespond `{unknown}` 404"
    )
    return f"""handle {FRONT_READY_PATH} {{
    respond 200
}}
handle {{
{indent(others, "    ")}
}}
handle_errors {{
    header Content-Type application/problem+json
    header Retry-After {UPSTREAM_AWAY_RETRY_AFTER_S}
    respond `{away}` 503
}}"""


def _problem(status: int, title: str, code: str, detail: str) -> str:
    problem = Problem(status=status, title=title, code=code, detail=detail)
    return problem.model_dump_json()
