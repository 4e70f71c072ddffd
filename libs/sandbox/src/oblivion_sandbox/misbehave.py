"""Faults on command: rules that spoil API calls or deliveries, a set number of times or by seeded chance.

Rules are rows, so that a fault run which kills the sandbox finds them again.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from oblivion_sandbox.store import Json, Row, Store, dumps

ABORT_EXTENSION = "oblivion_sandbox.abort"
CALL_ACTIONS = frozenset(
    {"rate_limited", "error", "http_500_before", "http_500_after", "cut_before", "cut_after", "slow"}
)
# What only a language model can do wrong.
MODEL_ACTIONS = frozenset({"nonsense", "stream_cut"})
DELIVERY_ACTIONS = frozenset({"duplicate", "delay", "reorder", "repeat", "lose"})

Side = Literal[
    "slack", "clickup", "llm", "qdrant", "github", "notion", "linear", "jira", "calendar", "authority"
]
Subject = Literal["call", "delivery"]


class InvalidRule(ValueError):
    """The rule can never apply; nothing was stored."""


class CutConnection(Response):
    """An answer that never comes: the connection is reset instead."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        abort: Callable[[], None] = scope["extensions"][ABORT_EXTENSION]
        abort()
        while (await receive())["type"] != "http.disconnect":
            continue


@dataclass
class Rule:
    """One way to misbehave, and how often it has."""

    id: int
    side: str
    subject: str
    match: str
    action: str
    details: Json
    times: int | None
    probability: float
    seed: int
    applied: int
    chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311  # replayable, not secret

    @classmethod
    def from_row(cls, row: Row) -> "Rule":
        return cls(**{**dict(row), "details": json.loads(row["details"])})

    def as_json(self) -> Json:
        return {name: value for name, value in vars(self).items() if name != "chance"}

    def applies(self, names: tuple[str, ...]) -> bool:
        spent = self.times is not None and self.applied >= self.times
        if spent or not any(fnmatchcase(name, self.match) for name in names):
            return False
        return self.probability >= 1.0 or self.chance.random() < self.probability


class Misbehaviour:
    """The rules of all stand-ins."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules = [Rule.from_row(row) for row in store.all("SELECT * FROM rules ORDER BY id")]

    def rules(self, side: Side) -> list[Json]:
        return [rule.as_json() for rule in self._rules if rule.side == side]

    def add(self, side: Side, wanted: Json) -> Json:
        """Store a rule given as JSON: match, action, times or probability with seed, and its details.

        Raises:
            InvalidRule: the action is none of those known.
        """
        rule = _parse(side, wanted)
        with self._store.write():
            rule.id = self._store.run(
                "INSERT INTO rules (side, subject, match, action, details, times, probability, seed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                *(rule.side, rule.subject, rule.match, rule.action, dumps(rule.details)),
                *(rule.times, rule.probability, rule.seed),
            )
        self._rules.append(rule)
        return rule.as_json()

    def clear(self, side: Side, rule_id: int | None = None) -> None:
        """Behave again: remove one rule, or all of a side."""
        gone = [rule for rule in self._rules if rule.side == side and rule_id in (None, rule.id)]
        self._rules = [rule for rule in self._rules if rule not in gone]
        with self._store.write():
            for rule in gone:
                self._store.run("DELETE FROM rules WHERE id = ?", rule.id)

    def pick(self, side: Side, subject: Subject, *names: str) -> Rule | None:
        """The first rule that wants to spoil this, counted as applied; None in the usual, good case."""
        if not self._rules:
            return None
        for rule in self._rules:
            if rule.side == side and rule.subject == subject and rule.applies(names):
                rule.applied += 1
                with self._store.write():
                    self._store.run("UPDATE rules SET applied = ? WHERE id = ?", rule.applied, rule.id)
                return rule
        return None


def _parse(side: Side, wanted: Json) -> Rule:
    action = str(wanted.get("action", ""))
    calls = CALL_ACTIONS | MODEL_ACTIONS if side == "llm" else CALL_ACTIONS
    known = calls | DELIVERY_ACTIONS if side in ("slack", "clickup") else calls
    if action not in known:
        raise InvalidRule(f"action must be one of {', '.join(sorted(known))}")
    own = {"match", "action", "times", "probability", "seed"}
    times = wanted.get("times")
    return Rule(
        id=0,
        side=side,
        subject="call" if action in calls else "delivery",
        match=str(wanted.get("match", "*")),
        action=action,
        details={name: value for name, value in wanted.items() if name not in own},
        times=None if times is None else int(times),
        probability=float(wanted.get("probability", 1.0)),
        seed=int(wanted.get("seed", 0)),
        applied=0,
    )


async def spoil(
    rule: Rule | None,
    request: Request,
    handle: Callable[[Request], Awaitable[Response]],
    refusals: dict[str, Callable[[dict[str, Any]], Response]],
) -> Response:
    """Answer a call as the rule says; `refusals` are the side's own words for `rate_limited` and `error`."""
    if rule is None:
        return await handle(request)
    action = rule.action
    if action in refusals:
        return refusals[action](rule.details)
    if action == "http_500_before":
        return _server_error()
    if action == "cut_before":
        return CutConnection()
    if action == "slow":
        await asyncio.sleep(float(rule.details.get("seconds", 1.0)))
    response = await handle(request)
    if action == "http_500_after":
        return _server_error()
    return CutConnection() if action == "cut_after" else response


def _server_error() -> Response:
    return JSONResponse({"error": "internal_error"}, status_code=500)
