"""One run: members order, pay and change their minds over some minutes; then everything is left to settle."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from jiuwu.members.accounts import member_id_for
from jiuwu.orders.business_day import bounds, day_of
from jiuwu.orders.order import HoldReason, Status
from jiuwu.points.ledger import PointsLedger
from sandbox.invariants import Facts, never_left
from sandbox.simulation.faults import Troubles
from sandbox.simulation.snapshot import Books
from sandbox.simulation.workload import Lives
from sandbox.simulation.world.world import APP_ID, World, simulated_world

# All run on one virtual thread, so that whoever waits for the platform holds up all: more orders than these pile up.
PER_SECOND = 5.0
# How often the two sides are compared for the curve, and how long a run may settle, in virtual seconds.
_SAMPLE_SECONDS, _PATIENCE_SECONDS = 15.0, 6 * 3600.0
_CALM_SAMPLES = 4
_STATEMENT_SEEN_SECONDS = 2 * 3600  # after the day has ended
# The reconciler looks ever more rarely at what it cannot mend, but at a pending effect once an hour: what nothing moves
# for longer than that stays apart.
_STUCK_SECONDS = 3900.0


# Requests, units and invocations.
type Cost = tuple[Counter[tuple[str, str]], Counter[tuple[str, str]], Counter[str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run shall be; `off` names the functions that are switched off in it."""

    seed: int
    orders: int
    troubles: frozenset[str]
    off: frozenset[str] = frozenset()


@dataclass(slots=True)
class Outcome:
    """What a run was. `curve` is (seconds since the first order, orders placed, orders not the same on both sides)."""

    plan: Plan
    facts: Facts
    fates: Counter[str]
    curve: list[tuple[float, int, int]]
    troubles: Counter[str]
    invocations: Counter[str]
    failures: Counter[str]
    calls: Counter[tuple[str, str]]
    units: Counter[tuple[str, str]]
    metrics: dict[str, float]
    notifications: Counter[str]
    virtual_seconds: float
    statement: dict[str, Any]


def play(plan: Plan, tell: Callable[[int, int, int], None]) -> Outcome:
    """Plays a run to its end; `tell` hears (orders placed, orders not the same, orders in all) now and then."""
    with simulated_world(seed=plan.seed) as built:
        return _Run(plan, built).play(tell)


class _Run:
    def __init__(self, plan: Plan, world: World) -> None:
        self.plan, self.world, self.lives = plan, world, Lives(world, plan.seed)
        self.curve: list[tuple[float, int, int]] = []

    def play(self, tell: Callable[[int, int, int], None]) -> Outcome:
        troubles, books = Troubles(self.world, self.plan.seed, self.plan.troubles), Books(self.world)
        self.world.start(off=sorted(self.plan.off))
        begun = self.world.clock.now
        self.lives.begin(self.plan.orders, PER_SECOND)
        troubles.on, self.world.platform.state.faults = True, troubles.platforms
        self._settle(books, begun, tell)
        # what an order costs is what its life cost, without the idle night
        cost = Counter(self.world.calls.counts), Counter(self.world.calls.units), Counter(self.world.invocations)
        settled_at = self.world.clock.now
        statement = {} if self.plan.off else self._night()
        troubles.on = False
        self._audit()
        return self._outcome(books, troubles, cost, settled_at - begun, statement)

    def _settle(self, books: Books, begun: float, tell: Callable[[int, int, int], None]) -> None:
        """Until nothing moves any more and both sides are the same; or, where they stay apart, until nothing moves."""
        ordered, lives = begun + self.plan.orders / PER_SECOND, self.lives
        calm, changed_at, last = 0, begun, (0, 0)
        while calm < _CALM_SAMPLES and self.world.clock.now < ordered + _PATIENCE_SECONDS:
            self.world.clock.run(self.world.clock.now + _SAMPLE_SECONDS)
            now, differing = self.world.clock.now, books.differing()
            self.curve.append((now - begun, len(lives.fates), differing))
            tell(len(lives.fates) + lives.turned_away, differing, self.plan.orders)
            moving = lives.waiting or books.under_way(self.plan.off)
            if last != (last := (len(lives.fates), differing)) or moving:
                changed_at = now
            still = not moving and not differing and not lives.hoping and self._unpaid() == 0
            calm = calm + 1 if still else 0
            if now - max(changed_at, ordered) > _STUCK_SECONDS:
                return

    def _night(self) -> dict[str, Any]:
        """The statement of the day, made half an hour after midnight in Shanghai, troubles or not."""
        day = day_of(self.world.clock.now)
        self.world.clock.run(bounds(day)[1] + _STATEMENT_SEEN_SECONDS)
        name = f"statements/{day}.json"
        text = self.world.account.buckets["StatementsBucket"].get(name)
        if text is None:
            self.lives.errors.append(f"{name}: there is no statement")
            return {}
        statement: dict[str, Any] = json.loads(text)
        return statement

    def _audit(self) -> None:
        """What only the end shows: no order unpaid past its expiry, and every member's points add up."""
        if unpaid := self._unpaid():
            self.lives.errors.append(f"{unpaid} orders are unpaid and still open, long after their expiry")
        ledger = PointsLedger(self.world.account.client("dynamodb"), "PointsTable")
        for member in self.lives.members:
            audit = ledger.audit(member_id_for(APP_ID, member.open_id))
            if not audit.adds_up:
                told = f"{audit.balance} points, the entries add up to {audit.booked}"
                self.lives.errors.append(f"{member.open_id}: {told}")

    def _unpaid(self) -> int:
        """Orders that wait for their expiry."""
        return sum(order.status == "created" for order in self.world.platform.state.orders)

    def _outcome(
        self, books: Books, troubles: Troubles, cost: Cost, virtual_seconds: float, statement: dict[str, Any]
    ) -> Outcome:
        world = self.world
        failures = Counter({f"{name}: {kind}": count for (name, kind), count in world.errors.items()})
        return Outcome(
            plan=self.plan,
            facts=_with_statement(books.facts(self.plan.off, self.lives.errors), statement),
            fates=Counter(fate.value for fate in self.lives.fates.values()),
            curve=self.curve,
            troubles=troubles.met,
            invocations=cost[2],
            failures=failures,
            calls=cost[0],
            units=cost[1],
            metrics={" ".join(key): value for key, value in sorted(world.telemetry.metrics.items())},
            notifications=Counter(f"{one.kind}, {one.outcome}" for one in world.platform.notifier.log),
            virtual_seconds=virtual_seconds,
            statement=statement,
        )


def _with_statement(facts: Facts, statement: dict[str, Any]) -> Facts:
    """The facts, and what the statement says that they do not: it may name orders that are held, and nothing else."""
    if not statement:
        return facts
    short = sum(order.hold_reason is HoldReason.SHORT for order in facts.local.values())
    held = sum(order.status is Status.HELD for order in facts.local.values()) - short
    world, there = statement["total"]["here"], statement["total"]["there"]
    wrong = [
        f"the statement counts {name} {world[name]} here, {there[name]} there"
        for name in ("paid_fen", "refunded_fen")
        if world[name] != there[name]
    ]
    if short:
        wrong.append(f"{short} orders still wait for the rest of their money, past their expiry")
    if not statement["complete"]:
        wrong.append(f"the statement is not complete: {statement['problems'][:3]}")
    if statement["orders_differing"] != held:
        wrong.append(f"the statement has {statement['orders_differing']} orders that differ; {held} are held")
    known = sum(not never_left(order) for order in facts.local.values())
    if there["orders"] != known:
        wrong.append(f"the statement has {there['orders']} orders; there are {known}")
    return replace(facts, errors=(*facts.errors, *wrong))
