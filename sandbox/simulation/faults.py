"""What goes wrong in a run, drawn from its seed: deaths, lost replies, full tables, messages that come twice.

What the platform does wrong (notifications and calls) is drawn by the simulator itself (sandbox/simulator/faults.py).
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

KINDS = ("notifications", "calls", "tokens", "refunds", "crashes", "replies", "throttling", "queues", "rivals")

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
# Of these some fail in the end, and are asked for again (sandbox/simulation/workload.py).
_SLOW_REFUNDS = 0.3

# Shares of the calls of a running function, each with a before and an after; a call meets at most one of them.
_DIES = 0.0004
_REPLY_LOST = 0.0004
# While one function waits for a call, others run: whatever is due within this time, three deep at most.
_RIVALS, _RIVAL_SECONDS, _DEEPEST = 0.004, 1.5, 3
# A table is over its limit in one of twenty stretches of half a minute, for every second request.
_STRETCH_SECONDS, _STRETCHES_FULL, _REFUSED = 30, 0.05, 0.5
_COMES_TWICE = 0.01


class Troubles:
    """The troubles of one run; `kinds` says which."""

    def __init__(self, world: World, seed: int, kinds: frozenset[str]) -> None:
        self._world, self._seed, self._kinds = world, seed, kinds
        self._dice = random.Random(f"{seed} troubles")
        self._full: dict[tuple[str, int], bool] = {}
        self.met: Counter[str] = Counter()
        self.on = False
        self._deep = 0
        world.calls.on_call = self._on_call
        world.calls.throttle = self._throttle
        world.repeat_delivery = self._repeat

    @property
    def platforms(self) -> Faults:
        """What the simulator is told to do wrong."""
        wanted: dict[str, Any] = {"seed": self._seed}
        wanted |= {"notifications": _NOTIFICATIONS} if "notifications" in self._kinds else {}
        wanted |= {"calls": _CALLS} if "calls" in self._kinds else {}
        wanted |= {"tokens_expire": _TOKENS_EXPIRE} if "tokens" in self._kinds else {}
        return Faults.model_validate(wanted | ({"slow_refunds": _SLOW_REFUNDS} if "refunds" in self._kinds else {}))

    def _on_call(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:  # noqa: ARG002 -- OnCall
        if not self.on or not self._world.running:
            return
        roll = self._dice.random()
        if roll < _DIES:
            if "crashes" in self._kinds:
                self.met[f"died {phase} {service}"] += 1
                raise Killed
        elif roll < _DIES + _REPLY_LOST and service != "platform" and "replies" in self._kinds:
            self.met["request lost" if phase == "before" else "reply lost"] += 1
            url = f"memory://{service}/{operation}"
            raise EndpointConnectionError(endpoint_url=url) if phase == "before" else ReadTimeoutError(endpoint_url=url)

        elif roll < _DIES + _REPLY_LOST + _RIVALS and "rivals" in self._kinds and self._deep < _DEEPEST:
            self._let_rivals_run()

    def _let_rivals_run(self) -> None:
        self.met["others ran meanwhile"] += 1
        self._deep += 1
        try:
            self._world.clock.run(self._world.clock.now + _RIVAL_SECONDS)
        finally:
            self._deep -= 1

    def _throttle(self, service: str, operation: str, subject: str) -> bool:  # noqa: ARG002 -- Throttle
        if not self.on or not self._world.running or "throttling" not in self._kinds:
            return False
        stretch = (subject, int(self._world.clock.now // _STRETCH_SECONDS))
        if stretch not in self._full:
            self._full[stretch] = draw(self._seed, "full", *stretch) < _STRETCHES_FULL
        if not self._full[stretch] or self._dice.random() >= _REFUSED:
            return False
        self.met[f"{service} over its limit"] += 1
        return True

    def _repeat(self, _queue: Queue) -> bool:
        if not self.on or "queues" not in self._kinds or self._dice.random() >= _COMES_TWICE:
            return False
        self.met["message came again"] += 1
        return True
