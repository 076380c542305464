"""Instances of functions on one table and one virtual clock."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from jiuwu.runtime import Runtime
from jiuwu.throttling import circuit_breaker
from jiuwu.throttling.lane import LaneRules
from jiuwu.throttling.limiter import Lanes
from jiuwu.throttling.repository import LaneTable
from jiuwu.throttling.token_bucket import Rate
from sandbox.simulation.aws.account import Account

NOW = 1_763_800_000.0
CIRCUIT = circuit_breaker.CircuitBreakerRules(
    failure_percent=50, least_calls=20, window_seconds=10, open_seconds=15.0, probes=3
)
RULES = {
    "money": LaneRules(Rate(50, 50), CIRCUIT),
    "reading": LaneRules(Rate(20, 20), CIRCUIT),
    "products": LaneRules(Rate(15, 15), CIRCUIT),
}
TABLE = "LimitsTable"


@dataclass
class Fleet:
    """The shared table, the time, and what was observed as (event, lane, detail)."""

    now: float = NOW
    slept: float = 0.0
    seen: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.account = Account.of_template(lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds

    def observe(self, event: str, lane: str, detail: str = "") -> None:
        self.seen.append((event, lane, detail))

    @property
    def table(self) -> LaneTable:
        return LaneTable(self.account.client("dynamodb"), TABLE, runtime=Runtime(clock=lambda: self.now))

    def instance(self, skew: float = 0.0) -> Lanes:
        """A function's process, whose clock is off by `skew` seconds."""
        clock = lambda: self.now + skew  # noqa: E731
        return Lanes(
            self.table, RULES, on_event=self.observe, runtime=Runtime(clock=clock, sleep=self.sleep, random=lambda: 0.5)
        )

    @property
    def writes(self) -> float:
        return self.account.calls.units[TABLE, "write"]

    @property
    def reads(self) -> float:
        return self.account.calls.units[TABLE, "read"]

    def events(self, event: str) -> list[tuple[str, str]]:
        return [(lane, detail) for kind, lane, detail in self.seen if kind == event]


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


def fail(lanes: Lanes, times: int, lane: str = "money") -> list[str]:
    """So many calls that all fail; the answer to each before it was sent."""
    return call(lanes, times, lane, outcome="failed")


def call(lanes: Lanes, times: int, lane: str = "money", *, outcome: Any = "ok", fallback: bool = False) -> list[str]:
    answers: list[str] = []
    for _ in range(times):
        permit = lanes.acquire(lane, max_wait_seconds=0.5, fallback=fallback)
        answers.append(permit.refused or ("fallback" if permit.fallback else "primary"))
        permit.report(outcome)
    return answers
