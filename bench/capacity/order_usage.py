"""What one order uses in its life, counted in a run of the real functions without faults."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandbox.simulation.run import ChaosOutcome, Plan, play

ORDERS = 500
# What a login causes, and no order does.
_LOGIN_CALLS = {("kms", "encrypt"), ("platform", "oauth.token"), ("platform", "users.me")}
_LOGIN_UNITS = {("LoginsTable", "write"), ("MembersTable", "write"), ("MembersTable/refresh", "write")}


@dataclass(frozen=True, slots=True)
class OrderUsage:
    """Averages over a shop's usual mix of orders (sandbox/demo/scenario.py).

    `calls` are requests by (service, operation), `units` DynamoDB's by (table or table/index, kind), `notifications`
    what the platform sends.
    """

    calls: dict[tuple[str, str], float]
    units: dict[tuple[str, str], float]
    notifications: float

    def of(self, service: str) -> float:
        """Return the number of requests to a service."""
        return sum(count for (name, _), count in self.calls.items() if name == service)

    def kind(self, kind: str) -> float:
        """Return the read or write units of all tables and indexes."""
        return sum(count for (_, found), count in self.units.items() if found == kind)

    def platform(self, *calls: str) -> float:
        """Return the number of these calls of the platform."""
        return sum(self.calls.get(("platform", call), 0.0) for call in calls)

    def with_logins(self, logins: float) -> "OrderUsage":
        """Return the same with so many logins an order instead of those counted."""
        times = logins / self.calls["platform", "oauth.token"]
        calls, units = _scaled(self.calls, _LOGIN_CALLS, times), _scaled(self.units, _LOGIN_UNITS, times)
        return replace(self, calls=calls, units=units)


def count_order(orders: int = ORDERS) -> OrderUsage:
    """Play so many orders and return their averages; the same figures each time."""
    outcome = play(Plan(1, orders, frozenset()), lambda *_: None)
    return OrderUsage(_each(outcome.calls, orders), _each(outcome.units, orders), _sent(outcome) / orders)


def _each(counts: Counter[tuple[str, str]], orders: int) -> dict[tuple[str, str], float]:
    return {name: float(count) / orders for name, count in sorted(counts.items())}


def _scaled(
    counts: Mapping[tuple[str, str], float], names: set[tuple[str, str]], times: float
) -> dict[tuple[str, str], float]:
    return {name: count * times if name in names else count for name, count in counts.items()}


def _sent(outcome: ChaosOutcome) -> int:
    return outcome.invocations["WebhookIntake"]
