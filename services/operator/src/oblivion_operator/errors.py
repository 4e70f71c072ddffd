"""What keeps an Agent from being what its spec says, each with what happens next."""

from oblivion_platform.errors import DependencyUnavailable, PermanentFailure, TransientFailure


class Hindered(PermanentFailure):
    """Somebody has to mend it. It becomes the reason and message of the Agent's condition.

    Looked at again when something changes, and now and then.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(reason, sentence)

    @property
    def reason(self) -> str:
        return self.code


class NotYet(TransientFailure):
    """Passes by itself; tried again after `retry_after_s`."""

    def __init__(self, reason: str, sentence: str, retry_after_s: float = 1.0) -> None:
        super().__init__(reason, sentence, retry_after_s)


class ClusterUnavailable(DependencyUnavailable):
    """The API server does not answer, or somebody else wrote at the same moment."""


class GatewayUnavailable(DependencyUnavailable):
    """The gateway does not answer; pods go on as they are."""
