"""The one path table: which service answers which paths of the one public host.

The embedded front proxy is written from it, and so is any Ingress. A prefix matches itself and everything
below it. Nothing is stripped: each service sees the full path.
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
    PathRule("/slack", "sandbox"),
    PathRule("/clickup", "sandbox"),
)

UPSTREAM_AWAY_RETRY_AFTER_S = 2
FRONT_READY_PATH = "/front/ready"
"""Answered by the front proxy itself, so that one can see it stand while its services start."""


def service_of(path: str) -> str | None:
    """The service that answers `path`; None when no rule names it."""
    fitting = [
        rule for rule in _longest_first(PATHS) if path == rule.prefix or path.startswith(f"{rule.prefix}/")
    ]
    return fitting[0].service if fitting else None


def caddyfile(
    upstreams: Mapping[str, str],
    *,
    port: int,
    addresses: Iterable[str] = ("127.0.0.1",),
    start_page: str | None = None,
) -> str:
    """The front proxy's configuration: plain HTTP on `addresses`, streaming both ways; it logs to stderr.

    `upstreams` maps a service to its `host:port`; rules of services that are not in it are left out.
    `start_page` is where `/` leads.
    """
    rules = [rule for rule in _longest_first(PATHS) if rule.service in upstreams]
    handlers = [_handler(rule, upstreams[rule.service]) for rule in rules]
    if start_page is not None:
        handlers.append(f"redir / {start_page}")
    site = "\n".join([f"bind {' '.join(addresses)}", *handlers, _own_answers()])
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
    reverse_proxy {upstream} {{
        flush_interval -1
    }}
}}"""


def _own_answers() -> str:
    unknown = _problem(404, "Not Found", "path_unknown", "No service answers this path.")
    away = _problem(
        503, "Service Unavailable", "service_unavailable", "The service is starting or away; try again."
    )
    return f"""handle {FRONT_READY_PATH} {{
    respond 200
}}
handle {{
    header Content-Type application/problem+json
    respond `{unknown}` 404
}}
handle_errors {{
    header Content-Type application/problem+json
    header Retry-After {UPSTREAM_AWAY_RETRY_AFTER_S}
    respond `{away}` 503
}}"""


def _problem(status: int, title: str, code: str, detail: str) -> str:
    problem = Problem(status=status, title=title, code=code, detail=detail)
    return problem.model_dump_json()
