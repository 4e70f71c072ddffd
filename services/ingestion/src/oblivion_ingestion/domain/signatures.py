"""Proof of the sender: HMAC-SHA256 over the raw bytes.

Bytes are compared, not str: `compare_digest` raises TypeError on a non-ASCII str, which a sender controls.
"""

import hmac
from binascii import hexlify
from typing import NamedTuple

CLOCK_TOLERANCE_S = 300
"""Slack's advice against replays: https://docs.slack.dev/authentication/verifying-requests-from-slack."""

TIMESTAMP_MAX_DIGITS = 12


class HmacProof(NamedTuple):
    """Bytes that were signed, and the signature that came with them (hex digits)."""

    signed: bytes
    signature: bytes

    def holds_under(self, secret: bytes) -> bool:
        """Tell whether `secret` made the signature. An empty secret proves nothing."""
        if not secret:
            return False
        return hmac.compare_digest(hexlify(hmac.digest(secret, self.signed, "sha256")), self.signature)


def timestamp_is_fresh(timestamp: bytes, now_unix_s: float) -> bool:
    """Tell whether `timestamp` is ASCII digits within five minutes of now, either way."""
    # bytes.isdigit knows ASCII digits only, so neither `nan` nor other scripts' digits reach int().
    if not timestamp.isdigit() or len(timestamp) > TIMESTAMP_MAX_DIGITS:
        return False
    return abs(int(timestamp) - now_unix_s) <= CLOCK_TOLERANCE_S
