"""What one order asks of everything, counted in a run of the real functions without any trouble."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandbox.simulation.run import Outcome, Plan, play

ORDERS = 500
# What a login causes, and no order does.
_LOGIN_CALLS = {("kms", "encrypt"), ("platform", "oauth.token"), ("platform", "users.me")}
_LOGIN_UNITS = {("LoginsTable", "write"), ("MembersTable", "write"), ("MembersTable/refresh", "write")}


@dataclass(frozen=True, slots=True)
class PerOrder:
    """Averages over a shop's usual mix of fates (sandbox/demo/scenario.py): what an order asks for in its whole life.

    `calls` are requests by (service, operation), `units` DynamoDB's by (table or table/index, kind), `notifications`
    what the platform sends.
    """

    calls: dict[tuple[str, str], float]
    units: dict[tuple[str, str], float]
    notifications: float

    def of(self, service: str) -> float:
        """Requests to a service."""
        return sum(count for (name, _), count in self.calls.items() if name == service)

    def kind(self, kind: str) -> float:
        """Read or write units of all tables and indexes."""
        return sum(count for (_, found), count in self.units.items() if found == kind)

    def platform(self, *calls: str) -> float:
        """These calls of the platform."""
        return sum(self.calls.get(("platform", call), 0.0) for call in calls)

    def with_logins(self, logins: float) -> "PerOrder":
        """The same with so many logins an order, instead of those that were counted."""
        times = logins / self.calls["platform", "oauth.token"]
        calls, units = _scaled(self.calls, _LOGIN_CALLS, times), _scaled(self.units, _LOGIN_UNITS, times)
        return replace(self, calls=calls, units=units)


def counted(orders: int = ORDERS) -> PerOrder:
    """Plays so many orders; the same figures each time."""
    outcome = play(Plan(1, orders, frozenset()), lambda *_: None)
    return PerOrder(_each(outcome.calls, orders), _each(outcome.units, orders), _sent(outcome) / orders)


def _each(counts: Counter[tuple[str, str]], orders: int) -> dict[tuple[str, str], float]:
    return {name: float(count) / orders for name, count in sorted(counts.items())}


def _scaled(
    counts: Mapping[tuple[str, str], float], names: set[tuple[str, str]], times: float
) -> dict[tuple[str, str], float]:
    return {name: count * times if name in names else count for name, count in counts.items()}


def _sent(outcome: Outcome) -> int:
    return outcome.invocations["WebhookIntake"]
