"""One vendor's service: an account that its token opens, documents, and rules that spoil calls."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from oblivion_sandbox.limits import TokenBuckets
from oblivion_sandbox.misbehave import Misbehaviour, Side
from oblivion_sandbox.oauth.grants import Grants
from oblivion_sandbox.store import Json, Store
from oblivion_sandbox.vendor.documents import Documents

Seed = Callable[[Documents], Json]
"""Writes the first documents; returns the account: at least `token`, `rights`, `per_minute` and `burst`."""


class Vendor:
    """A service with one account."""

    def __init__(
        self,
        side: Side,
        store: Store,
        misbehaviour: Misbehaviour,
        seed: Seed,
        limits_scale: float,
        grants: Grants,
    ) -> None:
        self.side: Side = side
        self.grants = grants
        self.store = store
        self.misbehaviour = misbehaviour
        self.documents = Documents(store, side)
        self.buckets = TokenBuckets()
        self.calls: Counter[str] = Counter()
        self._seed = seed
        self._limits_scale = limits_scale
        self.account: Json = store.setting(self._setting) or {}
        if not self.account:
            self._begin()

    @property
    def _setting(self) -> str:
        return f"{self.side}.account"

    def _begin(self) -> None:
        with self.store.write():
            fresh: Json = {"is_token_valid": True, "limits_scale": self._limits_scale}
            self.account = fresh | self._seed(self.documents)
            self.store.save_setting(self._setting, self.account)

    def change_account(self, **changes: Any) -> Json:
        """Replace parts of the account.

        Raises:
            ValueError: it has no such part.
        """
        unknown = changes.keys() - self.account.keys()
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} cannot be changed")
        self.account = self.account | changes
        self.store.save_setting(self._setting, self.account)
        self.buckets.clear()
        return self.account

    def opens(self, token: str) -> bool:
        """Whether the account's own, valid token was given, or one that somebody agreed to."""
        is_own = token == self.account["token"] and self.account["is_token_valid"]
        return is_own or self.opens_by_oauth(token)

    def opens_by_oauth(self, token: str) -> bool:
        return bool(token) and self.grants.holder(token) is not None

    def may(self, right: str) -> bool:
        return right in self.account["rights"]

    def wait_s(self) -> int:
        """Use one request of the account's allowance; returns 0, or the seconds until there is another."""
        scale = float(self.account["limits_scale"])
        if scale == 0:
            return 0
        per_s = float(self.account["per_minute"]) / 60 * scale
        return self.buckets.take("account", per_s, max(1.0, float(self.account["burst"]) * scale))

    def reset(self) -> None:
        """Forget everything and begin as at first start, with a new token."""
        with self.store.write():
            self.documents.clear()
            self.grants.reset()
            self.misbehaviour.clear(self.side)
            self._begin()
        self.buckets.clear()
        self.calls.clear()
