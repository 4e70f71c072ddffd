"""How much work a JSON Schema can make of a value, told before it does.

A validator follows each reference anew, so a schema of a few lines can ask for more steps than there is time
for, and nothing can end it: neither a timeout nor another thread. So the schema is laid out here as a
validator would follow it, up to `STEPS_MAX`. A reference back to what it stands in takes another round for
each level of the value; how many rounds a level takes is the schema's growth.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

STEPS_MAX = 10_000
"""Of a schema, laid out."""
WORK_MAX = 10_000_000
"""Steps of one validation; less than half a second."""
DEPTH_MAX = 128
STEPS_OF_A_PATTERN = 50
CHARACTERS_OF_A_VALUE = 32
"""Of a text, which count as one value."""
_ROUNDS_WITH_UNEVALUATED = 3

_HERE_ONE = ("not", "if", "then", "else")
_HERE_MANY = ("allOf", "anyOf", "oneOf")
_HERE_NAMED = ("dependentSchemas", "dependencies")
_ANY_PROPERTY = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_ANY_ITEM = ("items", "prefixItems", "additionalItems", "unevaluatedItems", "contains")
_UNKNOWN = ("$dynamicRef", "$recursiveRef")

_Key = tuple[str, str]
_PROPERTIES, _ITEMS = ("any", "property"), ("any", "item")


class TooMuchWork(ValueError):
    """Nobody can tell that it ends in time, or it does not."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of validating by one schema."""

    steps: int
    """For one value that has no values in it."""
    growth: int
    """By which a value counts more with each level that it is down."""

    def of(self, value: Any) -> int:
        """The most steps that `value` takes; what is more than `WORK_MAX` is not counted on."""
        work, level, weight = 0, [value], self.steps
        while level and work <= WORK_MAX:
            below: list[Any] = []
            for each in level:
                work += weight
                if isinstance(each, str):
                    work += weight * (len(each) // CHARACTERS_OF_A_VALUE)
                elif isinstance(each, dict):
                    below += cast("dict[str, Any]", each).values()
                    work += weight * sum(map(len, cast("dict[str, Any]", each))) // CHARACTERS_OF_A_VALUE
                elif isinstance(each, list):
                    below += cast("list[Any]", each)
            level, weight = below, weight * self.growth
        return work


def cost_of(schema: Mapping[str, Any]) -> Cost:
    """Raises: TooMuchWork."""
    laid_out = _LaidOut(schema)
    laid_out.walk(schema, 0)
    return Cost(laid_out.steps, laid_out.growth)


@dataclass(slots=True)
class _Frame:
    """A referenced part that is being laid out."""

    pointer: str
    key: _Key | None = None
    """The value of the part's own value that is looked at; None: that itself."""
    back: Counter[_Key | None] = field(default_factory=Counter[_Key | None])
    """How often it is gone back from there."""

    @property
    def growth(self) -> int:
        named = max((times for key, times in self.back.items() if key and key[0] == "named"), default=0)
        of_values = max(self.back[_ITEMS], self.back[_PROPERTIES] + named)
        # What goes back at once does so between two levels.
        return (self.back[None] + of_values) ** (2 if self.back[None] else 1)


class _LaidOut:
    """One schema."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._frames = [_Frame("#")]
        self.steps = 0
        self.growth = 1

    def walk(self, schema: Any, depth: int) -> None:
        self._count(1)
        if not isinstance(schema, Mapping):
            return
        schema = cast("Mapping[str, Any]", schema)
        if depth > DEPTH_MAX or any(each in schema for each in _UNKNOWN) or (depth and "$id" in schema):
            raise TooMuchWork
        patterns = int("pattern" in schema) + len(_mapping(schema.get("patternProperties")))
        self._count(STEPS_OF_A_PATTERN * patterns)
        is_looked_at_again = "unevaluatedProperties" in schema or "unevaluatedItems" in schema
        for _ in range(_ROUNDS_WITH_UNEVALUATED if is_looked_at_again else 1):
            if "$ref" in schema:
                self._refer(schema["$ref"], depth + 1)
            for part in _here(schema):
                self.walk(part, depth + 1)
        for key, part in _below(schema):
            self._descend(key, part, depth + 1)

    def _count(self, steps: int) -> None:
        self.steps += steps
        if self.steps > STEPS_MAX:
            raise TooMuchWork

    def _descend(self, key: _Key, part: Any, depth: int) -> None:
        entered = [frame for frame in self._frames if frame.key is None]
        for frame in entered:
            frame.key = key
        self.walk(part, depth)
        for frame in entered:
            frame.key = None
            self.growth = max(self.growth, frame.growth)

    def _refer(self, pointer: Any, depth: int) -> None:
        part = self._part(pointer)
        for frame in self._frames:
            if frame.pointer == pointer:
                self._go_back(frame)
                return
        self._frames.append(_Frame(pointer))
        self.walk(part, depth)
        self.growth = max(self.growth, self._frames.pop().growth)

    def _go_back(self, to: _Frame) -> None:
        self._count(1)
        if to.key is None:
            return  # A validator goes no second round for the same value.
        for frame in self._frames:
            frame.back[frame.key] += 1

    def _part(self, pointer: Any) -> Any:
        """Raises: TooMuchWork: it is not in the schema, or not said by its place there."""
        if not isinstance(pointer, str) or (pointer != "#" and not pointer.startswith("#/")):
            raise TooMuchWork
        part: Any = self._root
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(part, list) and name.isdecimal() and int(name) < len(cast("list[Any]", part)):
                part = cast("list[Any]", part)[int(name)]
            elif isinstance(part, Mapping) and name in part:
                part = cast("Mapping[str, Any]", part)[name]
            else:
                raise TooMuchWork
        return part


def _here(schema: Mapping[str, Any]) -> Iterator[Any]:
    """What the same value is held against."""
    yield from (schema[word] for word in _HERE_ONE if word in schema)
    for word in _HERE_MANY:
        yield from _list(schema.get(word))
    for word in _HERE_NAMED:
        yield from _mapping(schema.get(word)).values()


def _below(schema: Mapping[str, Any]) -> Iterator[tuple[_Key, Any]]:
    """What its values are held against."""
    for name, part in _mapping(schema.get("properties")).items():
        yield ("named", name), part
    for part in _mapping(schema.get("patternProperties")).values():
        yield _PROPERTIES, part
    yield from ((_PROPERTIES, schema[word]) for word in _ANY_PROPERTY if word in schema)
    for word in _ANY_ITEM:
        for part in _list(schema[word]) or [schema[word]] if word in schema else []:
            yield _ITEMS, part


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
