"""Cost of the rate limit: DynamoDB units per 1,000 calls of the platform, on the in-memory AWS and virtual time."""

from typing import Any

from jiuwu.platform import profile
from jiuwu.runtime import Runtime
from jiuwu.throttling.limiter import Lanes
from jiuwu.throttling.platform_lanes import lane_rules
from jiuwu.throttling.repository import LaneTable
from sandbox.simulation.aws.account import Account

_CALLS, _TABLE = 10_000, "LimitsTable"


def run() -> dict[str, dict[str, float]]:
    """Return the units per 1,000 permitted calls of the money lane: one busy instance, and ten that compete for it."""
    return {"one instance, 45 calls a second": _used(1, 45.0), "ten instances, 500 calls a second": _used(10, 500.0)}


def _used(instances: int, calls_per_second: float) -> dict[str, float]:
    now, rules = [1_763_800_000.0], lane_rules(profile.load())
    account = Account.of_template(lambda: now[0])

    def instance() -> Lanes:
        table = LaneTable(account.client("dynamodb"), _TABLE, runtime=Runtime(clock=lambda: now[0]))
        return Lanes(table, rules, on_event=_ignore, runtime=Runtime(clock=lambda: now[0], random=lambda: 0.5))

    all_, permitted, attempts = [instance() for _ in range(instances)], 0, 0
    while permitted < _CALLS:
        now[0] += 1 / calls_per_second
        attempts += 1
        permitted += not all_[attempts % instances].acquire("money", max_wait_seconds=0.0).refused
    units = account.calls.units
    return {f"{kind} units": units[_TABLE, kind] * 1000 / _CALLS for kind in ("write", "read")}


def _ignore(*_: Any, **__: Any) -> None:  # noqa: ANN401 -- an Observe
    """Ignore the event."""
