"""Refusals in Slack's own words: HTTP 200 with `ok: false`."""

from oblivion_sandbox.store import Json


class SlackError(Exception):
    """A refused call: nothing was changed, and repeating it as it is will be refused again."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details

    def as_json(self) -> Json:
        return {"ok": False, "error": self.code, **self.details}


class RateLimited(Exception):
    """HTTP 429: the caller may try again after `retry_after_s`."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("ratelimited")
        self.retry_after_s = retry_after_s
