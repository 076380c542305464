"""Inject faults into a run, drawn from its seed: crashes, lost replies, throttled tables, repeated messages.

Faults of the platform (notifications and calls) are drawn by the simulator itself (sandbox/simulator/faults.py).
"""

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from sandbox.demo.scenario import draw
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.aws.sqs import Queue
from sandbox.simulation.world.world import Killed, World
from sandbox.simulator.faults import Faults

KINDS = ("notifications", "calls", "tokens", "refunds", "crashes", "replies", "throttling", "queues", "concurrency")

_NOTIFICATIONS = {
    "duplicate": 0.30,
    "simultaneous": 0.08,
    "reorder": 0.20,
    "delay": 0.10,
    "drop": 0.05,
    "forge": 0.03,
    "unknown_fields": 0.05,
}
_CALLS = {"rate_limited": 0.02, "server_error": 0.02, "timeout": 0.004, "lost_reply": 0.02, "odd_reply": 0.05}
_TOKENS_EXPIRE = 0.5
# Some of these fail in the end, and are requested again (sandbox/simulation/workload.py).
_SLOW_REFUNDS = 0.3

# Shares of the calls of a running function, each with a before and an after; a call meets at most one of them.
_CRASHES = 0.0004
_REPLY_LOST = 0.0004
# While one function waits for a call, others run: whatever is due within this time, nested three deep at most.
_CONCURRENT, _CONCURRENT_SECONDS, _MAX_DEPTH = 0.004, 1.5, 3
# A table throttles every second request in one of twenty periods of half a minute.
_PERIOD_SECONDS, _THROTTLED_PERIODS, _THROTTLED_SHARE = 30, 0.05, 0.5
_REPEATED = 0.01


class FaultInjector:
    """The faults of one run; `kinds` says which. `injected` counts them."""

    def __init__(self, world: World, seed: int, kinds: frozenset[str]) -> None:
        self._world, self._seed, self._kinds = world, seed, kinds
        self._random = random.Random(f"{seed} faults")
        self._throttled_periods: dict[tuple[str, int], bool] = {}
        self.injected: Counter[str] = Counter()
        self.on = False
        self._depth = 0
        world.calls.on_call = self._on_call
        world.calls.throttle = self._throttle
        world.repeat_delivery = self._repeat

    @property
    def of_platform(self) -> Faults:
        """Return the faults that the simulator injects."""
        settings: dict[str, Any] = {"seed": self._seed}
        settings |= {"notifications": _NOTIFICATIONS} if "notifications" in self._kinds else {}
        settings |= {"calls": _CALLS} if "calls" in self._kinds else {}
        settings |= {"tokens_expire": _TOKENS_EXPIRE} if "tokens" in self._kinds else {}
        return Faults.model_validate(settings | ({"slow_refunds": _SLOW_REFUNDS} if "refunds" in self._kinds else {}))

    def _on_call(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:  # noqa: ARG002 -- OnCall
        if not self.on or not self._world.running:
            return
        drawn = self._random.random()
        if drawn < _CRASHES:
            if "crashes" in self._kinds:
                self.injected[f"crashed {phase} {service}"] += 1
                raise Killed
        elif drawn < _CRASHES + _REPLY_LOST and service != "platform" and "replies" in self._kinds:
            self.injected["request lost" if phase == "before" else "reply lost"] += 1
            url = f"memory://{service}/{operation}"
            raise EndpointConnectionError(endpoint_url=url) if phase == "before" else ReadTimeoutError(endpoint_url=url)
        elif drawn < _CRASHES + _REPLY_LOST + _CONCURRENT and "concurrency" in self._kinds and self._depth < _MAX_DEPTH:
            self._run_others()

    def _run_others(self) -> None:
        self.injected["others ran meanwhile"] += 1
        self._depth += 1
        try:
            self._world.clock.run(self._world.clock.now + _CONCURRENT_SECONDS)
        finally:
            self._depth -= 1

    def _throttle(self, service: str, operation: str, subject: str) -> bool:  # noqa: ARG002 -- Throttle
        if not self.on or not self._world.running or "throttling" not in self._kinds:
            return False
        period = (subject, int(self._world.clock.now // _PERIOD_SECONDS))
        if period not in self._throttled_periods:
            self._throttled_periods[period] = draw(self._seed, "throttled", *period) < _THROTTLED_PERIODS
        if not self._throttled_periods[period] or self._random.random() >= _THROTTLED_SHARE:
            return False
        self.injected[f"{service} throttled"] += 1
        return True

    def _repeat(self, _queue: Queue) -> bool:
        if not self.on or "queues" not in self._kinds or self._random.random() >= _REPEATED:
            return False
        self.injected["message repeated"] += 1
        return True
