"""The rate limit and the circuit breaker of a profile."""

from typing import Annotated

import msgspec

Percent = Annotated[int, msgspec.Meta(ge=1, le=100)]
Positive = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
Count = Annotated[int, msgspec.Meta(ge=1)]

# Where a call goes that stands in no lane.
COMMON_LANE = "reading"


class LaneShare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    share: Percent
    calls: tuple[Annotated[str, msgspec.Meta(min_length=1)], ...]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    calls_per_second: Positive
    burst_seconds: Positive
    max_wait_seconds: Annotated[float, msgspec.Meta(ge=0, le=10)]
    lanes: dict[str, LaneShare]

    def lane(self, call: str) -> str:
        """Return the lane that lists the call, else the one that lists its family ("orders" for "orders.get")."""
        for wanted in (call, call.partition(".")[0]):
            for name, lane in self.lanes.items():
                if wanted in lane.calls:
                    return name
        return COMMON_LANE

    def per_second(self, lane: str) -> float:
        """Return the lane's part of the calls."""
        return self.calls_per_second * self.lanes[lane].share / 100

    def burst(self, lane: str) -> int:
        """Return how many calls the lane may make at once after it was quiet."""
        return max(1, int(self.per_second(lane) * self.burst_seconds))


class CircuitRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    failure_percent: Percent
    least_calls: Count
    window_seconds: Count
    open_seconds: Positive
    probes: Count
