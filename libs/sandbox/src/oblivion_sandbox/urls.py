"""Where a request reached us, for the links that answers carry."""

from starlette.requests import HTTPConnection


def base_url(request: HTTPConnection, public_url: str | None) -> str:
    """The address given by settings, else the one that the client used, proxy headers included."""
    if public_url is not None:
        return public_url.rstrip("/")
    headers = request.headers
    scheme = headers.get("x-forwarded-proto", "http")
    host = headers.get("x-forwarded-host") or headers.get("host", "localhost")
    return f"{scheme}://{host}"
