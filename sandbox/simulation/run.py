"""One run: members order, pay and change their minds for some minutes; then everything is left to settle."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from jiuwu.orders.business_day import bounds, day_of
from sandbox.invariants.facts import Facts
from sandbox.simulation.audit import WorldAudit
from sandbox.simulation.faults import FaultInjector
from sandbox.simulation.workload import Workload
from sandbox.simulation.world.world import World, simulated_world

# All run on one virtual thread, so that a wait for the platform delays everything: more orders than these pile up.
PER_SECOND = 5.0
# How often the two sides are compared for the curve, and how long a run may settle, in virtual seconds.
_SAMPLE_SECONDS, _MAX_SETTLING_SECONDS = 15.0, 6 * 3600.0
_CALM_SAMPLES = 4
_STATEMENT_SEEN_SECONDS = 2 * 3600  # after the day has ended
# The reconciler checks ever more rarely what it cannot repair, but a pending effect once an hour: what has not changed
# for longer than that stays different.
_STUCK_SECONDS = 3900.0

# Receives (orders placed, orders that differ, orders in all).
type OnProgress = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of a run; `faults` are kinds of faults, `off` names functions that are switched off."""

    seed: int
    orders: int
    faults: frozenset[str]
    off: frozenset[str] = frozenset()


class Cost(NamedTuple):
    """What the orders cost: calls by (service, operation), units by (table, kind), invocations by function."""

    calls: Counter[tuple[str, str]]
    units: Counter[tuple[str, str]]
    invocations: Counter[str]


@dataclass(slots=True)
class ChaosOutcome:
    """The result of a run. `curve` is (seconds since the first order, orders placed, orders that differ)."""

    plan: Plan
    facts: Facts
    fates: Counter[str]
    curve: list[tuple[float, int, int]]
    faults: Counter[str]
    failures: Counter[str]
    calls: Counter[tuple[str, str]]
    units: Counter[tuple[str, str]]
    invocations: Counter[str]
    metrics: dict[str, float]
    notifications: Counter[str]
    virtual_seconds: float

    @property
    def statement(self) -> dict[str, Any]:
        """Return the day's statement; empty if there is none."""
        return dict(self.facts.statement or {})


def play(plan: Plan, on_progress: OnProgress) -> ChaosOutcome:
    """Play a run to its end."""
    with simulated_world(seed=plan.seed) as world:
        return _Run(plan, world, on_progress).play()


class _Run:
    def __init__(self, plan: Plan, world: World, on_progress: OnProgress) -> None:
        self._plan, self._world, self._on_progress = plan, world, on_progress
        self._workload, self._audit = Workload(world, plan.seed), WorldAudit(world)
        self._faults = FaultInjector(world, plan.seed, plan.faults)
        self._curve: list[tuple[float, int, int]] = []

    def play(self) -> ChaosOutcome:
        self._world.start(off=sorted(self._plan.off))
        started_at = self._world.clock.now
        self._workload.start(self._plan.orders, PER_SECOND)
        self._faults.on, self._world.platform.state.faults = True, self._faults.of_platform
        self._settle(started_at)
        cost = self._cost()  # without the idle night
        settled_at = self._world.clock.now
        statement = None if self._plan.off else self._statement()
        self._faults.on = False
        return self._outcome(cost, settled_at - started_at, statement)

    def _settle(self, started_at: float) -> None:
        """Let time pass until both sides are the same and nothing is under way, or until nothing changes any more."""
        all_placed_at = started_at + self._plan.orders / PER_SECOND
        calm, changed_at, last = 0, started_at, (0, 0)
        while calm < _CALM_SAMPLES and self._world.clock.now < all_placed_at + _MAX_SETTLING_SECONDS:
            self._world.clock.run(self._world.clock.now + _SAMPLE_SECONDS)
            sample, moving = self._sample(started_at), self._moving()
            if sample != last or moving:
                changed_at = self._world.clock.now
            last = sample
            settled = not moving and not sample[1] and not self._workload.polling and not self._unpaid()
            calm = calm + 1 if settled else 0
            if self._world.clock.now - max(changed_at, all_placed_at) > _STUCK_SECONDS:
                return

    def _sample(self, started_at: float) -> tuple[int, int]:
        """Return (orders placed, orders that differ), and add them to the curve."""
        placed, differing = len(self._workload.fates), self._audit.differing()
        self._curve.append((self._world.clock.now - started_at, placed, differing))
        self._on_progress(placed + self._workload.rejected, differing, self._plan.orders)
        return placed, differing

    def _moving(self) -> bool:
        return bool(self._workload.waiting or self._audit.under_way(self._plan.off))

    def _unpaid(self) -> bool:
        """Return whether orders wait for their expiry."""
        return any(order.status == "created" for order in self._world.platform.state.orders)

    def _statement(self) -> dict[str, Any]:
        """Return the day's statement, which is made half an hour after midnight in Shanghai, faults or not."""
        day = day_of(self._world.clock.now)
        self._world.clock.run(bounds(day)[1] + _STATEMENT_SEEN_SECONDS)
        return self._audit.statement(day)

    def _cost(self) -> Cost:
        calls = self._world.calls
        return Cost(Counter(calls.counts), Counter(calls.units), Counter(self._world.invocations))

    def _outcome(self, cost: Cost, virtual_seconds: float, statement: dict[str, Any] | None) -> ChaosOutcome:
        world, workload = self._world, self._workload
        facts = self._audit.facts(self._plan.off, workload.errors, [one.open_id for one in workload.members])
        return ChaosOutcome(
            plan=self._plan,
            facts=replace(facts, statement=statement),
            fates=Counter(fate.value for fate in workload.fates.values()),
            curve=self._curve,
            faults=self._faults.injected,
            failures=Counter({f"{name}: {kind}": count for (name, kind), count in world.errors.items()}),
            **cost._asdict(),
            metrics={" ".join(key): value for key, value in sorted(world.telemetry.metrics.items())},
            notifications=Counter(f"{one.kind}, {one.outcome}" for one in world.platform.notifier.log),
            virtual_seconds=virtual_seconds,
        )
