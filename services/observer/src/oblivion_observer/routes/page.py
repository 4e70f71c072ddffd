"""`GET` of anything: a file of the page, or its index, which finds out by itself what the address shows.

The policy allows no script but the page's own files. Styles may stand inline: the component library writes
the theme's variables so, and styles read nothing and send nothing (images come from here alone).
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from oblivion_observer.domain.assets import HASHED_FOLDER, PLAIN, Asset, cache_rule
from oblivion_observer.domain.policy import content_policy
from oblivion_observer.metrics import ANSWERS
from oblivion_platform.problems import problem_response

INDEX = "index.html"
POLICY = content_policy(base_uri="'none'")
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    # Browsers heed it over HTTPS alone.
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_UNBUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Oblivion</title></head><body>
<p>The page is not built here. Run <code>make page</code> and start again.</p>
</body></html>
"""


class Page:
    """Answers from memory."""

    def __init__(self, assets: Mapping[str, Asset]) -> None:
        self._assets = assets

    async def __call__(self, request: Request) -> Response:
        path = request.path_params["path"]
        asset = self._assets.get(path)
        if asset is None and path.startswith(HASHED_FOLDER):
            # A page of an earlier version asks for its files: it has to be loaded again.
            ANSWERS.labels("unknown").inc()
            return problem_response(404, "file_unknown", "The page has no such file.", headers=HEADERS)
        if asset is None:
            path, asset = INDEX, self._assets.get(INDEX)
        if asset is None:
            ANSWERS.labels("unbuilt").inc()
            return HTMLResponse(_UNBUILT, 503, HEADERS)
        return _answer(request, path, asset)


def _answer(request: Request, path: str, asset: Asset) -> Response:
    headers = {**HEADERS, "Cache-Control": cache_rule(path), "ETag": asset.etag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == asset.etag:
        ANSWERS.labels("unchanged").inc()
        return Response(status_code=304, headers=headers)
    encoding, body = asset.best_for(request.headers.get("accept-encoding", ""))
    if encoding != PLAIN:
        headers["Content-Encoding"] = encoding
    ANSWERS.labels("index" if path == INDEX else "file").inc()
    return Response(body, headers=headers, media_type=asset.media_type)
