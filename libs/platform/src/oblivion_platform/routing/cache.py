"""Decisions already made, per tenant, so that a model is not asked the same words twice.

Keyed by a hash of text and context: no text is kept. Bounded; the least recently used leaves. Whoever hears
of a change of the registry calls `drop`.
"""

from collections import OrderedDict
from hashlib import blake2b
from uuid import UUID

from oblivion_platform.routing.decisions import Decision

MOST_DECISIONS = 2_000
MOST_TENANTS = 500


class DecisionCache:
    """One process's memory; losing it costs a question to the model."""

    def __init__(self, most_decisions: int = MOST_DECISIONS, most_tenants: int = MOST_TENANTS) -> None:
        self._most_decisions = most_decisions
        self._most_tenants = most_tenants
        self._tenants: OrderedDict[UUID, OrderedDict[bytes, Decision]] = OrderedDict()

    @staticmethod
    def key(text: str, *context: str | None) -> bytes:
        """What stands for a message and all else that the decision depends on."""
        digest = blake2b(digest_size=16)
        for part in (text, *(each if each is not None else "\x00" for each in context)):
            # Lengths keep ("ab", "c") and ("a", "bc") apart; Slack's text may hold lone surrogates.
            raw = part.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(4, "big") + raw)
        return digest.digest()

    def get(self, tenant: UUID, key: bytes) -> Decision | None:
        decisions = self._tenants.get(tenant)
        if decisions is None or key not in decisions:
            return None
        decisions.move_to_end(key)
        return decisions[key]

    def put(self, tenant: UUID, key: bytes, decision: Decision) -> None:
        decisions = self._tenants.setdefault(tenant, OrderedDict())
        self._tenants.move_to_end(tenant)
        decisions[key] = decision
        decisions.move_to_end(key)
        if len(decisions) > self._most_decisions:
            decisions.popitem(last=False)
        if len(self._tenants) > self._most_tenants:
            self._tenants.popitem(last=False)

    def drop(self, tenant: UUID) -> None:
        """The tenant's registry changed: everything may be decided otherwise now."""
        self._tenants.pop(tenant, None)
