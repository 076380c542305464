"""Requests, DynamoDB units and invocations that are counted, and the line through two counts of different size."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.simulation.world.world import World

# Requests by (service, operation), DynamoDB units by (table or table/index, "read" or "write").
type Counts = Mapping[tuple[str, str], float]

# The shared rate limit is priced by the call (inputs.toml). How often Lambda polls a queue depends on Lambda; a receive
# and a delete for each invocation are added where requests are priced.
_LEFT_OUT = {("sqs", "lambda_receive"), ("sqs", "lambda_delete"), ("secretsmanager", "get_secret_value")}
_RATE_LIMIT = "LimitsTable"


@dataclass(frozen=True, slots=True)
class Usage:
    """Requests and units that functions used, and their invocations by function."""

    requests: Counts
    units: Counts
    invocations: Mapping[str, float]

    def of(self, service: str) -> float:
        """Return the number of requests to a service."""
        return sum(count for (name, _), count in self.requests.items() if name == service)

    def kind(self, kind: str) -> float:
        """Return the read or write units of all tables and indexes."""
        return sum(units for (_, found), units in self.units.items() if found == kind)

    def less(self, other: "Usage") -> "Usage":
        """Return the usage beyond another's."""
        return _combined(lambda mine, theirs: mine - theirs, self, other)


@dataclass(frozen=True, slots=True)
class Line:
    """Usage that grows linearly with the number of items: a fixed part and a part for each item."""

    fixed: Usage
    per_item: Usage

    def at(self, items: float) -> Usage:
        """Return the usage of so many items."""
        return _combined(lambda fixed, each: max(0.0, fixed + items * each), self.fixed, self.per_item)


def count_usage(world: World, run: Callable[[], None]) -> Usage:
    """Run something in the world and return what it used, the shared rate limit's own item left out."""
    calls = world.calls
    for counter in (calls.counts, calls.units):
        counter.clear()
    world.invocations.clear()
    run()
    requests, units, invocations = Counter(calls.counts), Counter(calls.units), Counter(world.invocations)
    requests["dynamodb", "get_item"] -= int(units.pop((_RATE_LIMIT, "read"), 0))
    requests["dynamodb", "put_item"] -= int(units.pop((_RATE_LIMIT, "write"), 0))
    return Usage({name: n for name, n in requests.items() if n and name not in _LEFT_OUT}, units, invocations)


def line_through(small: tuple[int, Usage], large: tuple[int, Usage]) -> Line:
    """Return the line through the usage counted at two sizes, each given with its number of items."""
    (few, less), (many, more) = small, large
    per_item = _combined(lambda a, b: (b - a) / (many - few), less, more)
    return Line(_combined(lambda a, each: a - few * each, less, per_item), per_item)


def _combined(combine: Callable[[float, float], float], one: Usage, other: Usage) -> Usage:
    return Usage(
        _each(combine, one.requests, other.requests),
        _each(combine, one.units, other.units),
        _each(combine, one.invocations, other.invocations),
    )


def _each[Name](
    combine: Callable[[float, float], float], one: Mapping[Name, float], other: Mapping[Name, float]
) -> dict[Name, float]:
    names = dict.fromkeys([*one, *other])
    return {name: combine(one.get(name, 0.0), other.get(name, 0.0)) for name in names}
