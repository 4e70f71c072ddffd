"""What can be wrong with a request, and the status that it is answered."""

from http import HTTPStatus

from oblivion_gateway.domain.allowances import Allowance
from oblivion_platform.errors import PermanentFailure, RateLimited


class NothingThere(PermanentFailure):
    """404, also for what another tenant has."""

    http_status = HTTPStatus.NOT_FOUND

    def __init__(self, what: str) -> None:
        super().__init__(f"{what.replace(' ', '_')}_not_found", f"There is no such {what}.")


class NoCluster(PermanentFailure):
    """404: what only an operator in a cluster asks for."""

    http_status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__(
            "no_cluster",
            "This system knows no operator: set OBLIVION_OPERATOR_ACCOUNT to the namespace:name of the "
            "operator's ServiceAccount.",
        )


class Conflict(PermanentFailure):
    """409: what is there already is in the way."""

    http_status = HTTPStatus.CONFLICT


class RequestMalformed(PermanentFailure):
    """400: it can never be understood, so sending it again is useless."""

    http_status = HTTPStatus.BAD_REQUEST


class RequestInvalid(PermanentFailure):
    """422: understood, and cannot be meant."""

    http_status = HTTPStatus.UNPROCESSABLE_ENTITY


class BodyTooLarge(PermanentFailure):
    """413."""

    http_status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, limit_bytes: int) -> None:
        super().__init__("body_too_large", f"The body is larger than {limit_bytes} bytes.")


class BodyTooSlow(PermanentFailure):
    """408: the rest is not waited for."""

    http_status = HTTPStatus.REQUEST_TIMEOUT

    def __init__(self) -> None:
        super().__init__("body_too_slow", "The body did not arrive in time.")


class TooManyStreams(RateLimited):
    """429."""

    http_status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, most: int) -> None:
        super().__init__("too_many_streams", f"You follow {most} runs already. Close some of them.", 15.0)


class TooManyFeeds(RateLimited):
    """429."""

    http_status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, who_has: str, most: int) -> None:
        super().__init__("too_many_feeds", f"{who_has} the live feed open {most} times. Close some.", 15.0)


class TooManyRequests(RateLimited):
    """429 with Retry-After."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(
            "too_many_requests",
            f"More than {allowance.limit.per_minute} requests a minute of this {allowance.limit.whose}. "
            "Wait a little.",
            allowance.reset_s,
        )
        self.allowance = allowance
