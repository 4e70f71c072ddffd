"""What can be wrong with a delivery, and the status that its sender is answered."""

from http import HTTPStatus

from oblivion_platform.errors import DependencyUnavailable, PermanentFailure

RETRY_AFTER_S = 2.0


class UnknownSource(PermanentFailure):
    """404: the path names no source."""

    http_status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__(
            "unknown_source", "No such webhook. There are /webhooks/slack and /webhooks/clickup."
        )


class SignatureRejected(PermanentFailure):
    """401: nobody proved who sent it. Nothing is stored; `reason` is only counted."""

    http_status = HTTPStatus.UNAUTHORIZED

    def __init__(self, reason: str) -> None:
        super().__init__(
            "signature_rejected",
            "Not signed by a sender that is connected here, or its timestamp is more than five minutes off. "
            "Check the signing secret and the clock.",
        )
        self.reason = reason


class BodyTooLarge(PermanentFailure):
    """413: the rest of the body is not read."""

    http_status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, limit_bytes: int) -> None:
        super().__init__("body_too_large", f"The body is larger than {limit_bytes} bytes.")


class BodyTooSlow(PermanentFailure):
    """408: the body did not arrive in time."""

    http_status = HTTPStatus.REQUEST_TIMEOUT

    def __init__(self) -> None:
        super().__init__("body_too_slow", "The body did not arrive in time.")


class DeliveryMalformed(PermanentFailure):
    """400: it can never be processed, so sending it again is useless."""

    http_status = HTTPStatus.BAD_REQUEST

    def __init__(self, code: str) -> None:
        super().__init__(code, "The body cannot be processed: " + code.replace("_", " ") + ".")


class SenderUnknown(PermanentFailure):
    """200, counted as ignored: genuine, but of a team that is not connected here."""

    def __init__(self) -> None:
        super().__init__("unknown_team", "Signed, but of a team that is not connected here.")


class StoreUnavailable(DependencyUnavailable):
    """503 with Retry-After: not known to be committed; the sender tries again, deduplication sorts it out."""

    http_status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, code: str = "postgres_unavailable") -> None:
        super().__init__(code, "The event could not be stored; send it again.", retry_after_s=RETRY_AFTER_S)
