"""One run: members order, pay and change their minds over some minutes; then everything is left to settle."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from sandbox.chaos.books import Books
from sandbox.chaos.troubles import Troubles
from sandbox.demo.scenario import Fate, draw, fate_of
from sandbox.demo.verdict import Facts
from sandbox.platform.refusals import Refused as PlatformRefused
from sandbox.shop import products
from sandbox.town.people import Member, Refused, stock
from sandbox.town.town import Town, town

MEMBERS = 50
PER_SECOND = 20.0
# How often the two sides are compared for the curve, and how long a run may settle, in virtual seconds.
_SAMPLE_SECONDS, _PATIENCE_SECONDS = 15.0, 6 * 3600.0
_CALM_SAMPLES = 4
# A member presses the button again, some seconds later; one who waits for a parcel looks every minute or two.
_PRESSES, _AGAIN_SECONDS, _LOOK_SECONDS = 15, 2.0, 90.0
# Notifications are late by a quarter of an hour, and repeated after minutes: what moves then is no drift.
_STUCK_SECONDS = 2400.0


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


def play(plan: Plan, tell: Callable[[int, int, int], None]) -> Outcome:
    """Plays a run to its end; `tell` hears (orders placed, orders not the same, orders in all) now and then."""
    with town(seed=plan.seed) as built:
        return _Run(plan, built).play(tell)


@dataclass(slots=True)
class _Run:
    plan: Plan
    town: Town
    members: list[Member] = field(default_factory=list)
    fates: dict[str, Fate] = field(default_factory=dict)
    waiting: int = 0  # steps of orders still to come, but for those that wait for a parcel
    hoping: int = 0
    errors: list[str] = field(default_factory=list)
    curve: list[tuple[float, int, int]] = field(default_factory=list)

    def play(self, tell: Callable[[int, int, int], None]) -> Outcome:
        troubles, books = Troubles(self.town, self.plan.seed, self.plan.troubles), Books(self.town)
        stock(self.town)
        self.town.start(off=sorted(self.plan.off))
        for number in range(MEMBERS):
            self.members.append(Member(self.town, f"ou_town{number:04d}"))
            self.members[-1].log_in()
        troubles.on, self.town.platform.world.faults = True, troubles.platforms
        begun = self.town.clock.now
        for number in range(self.plan.orders):
            self._later(number / PER_SECOND, partial(self._place, number, 1))
        self._settle(books, begun, tell)
        if unpaid := self._unpaid():
            self.errors.append(f"{unpaid} orders are unpaid and still open, long after their expiry")
        troubles.on = False
        return self._outcome(books, troubles, begun)

    def _settle(self, books: Books, begun: float, tell: Callable[[int, int, int], None]) -> None:
        """Until nothing moves any more and both sides are the same; or, where they stay apart, until nothing moves."""
        ordered = begun + self.plan.orders / PER_SECOND
        calm, changed_at, last = 0, begun, (0, 0)
        while calm < _CALM_SAMPLES and self.town.clock.now < ordered + _PATIENCE_SECONDS:
            self.town.clock.run(self.town.clock.now + _SAMPLE_SECONDS)
            now, differing = self.town.clock.now, books.differing()
            self.curve.append((now - begun, len(self.fates), differing))
            tell(len(self.fates), differing, self.plan.orders)
            moving = self.waiting or books.under_way(self.plan.off)
            if last != (last := (len(self.fates), differing)) or moving:
                changed_at = now
            still = not moving and not differing and not self.hoping and self._unpaid() == 0
            calm = calm + 1 if still else 0
            if now - max(changed_at, ordered) > _STUCK_SECONDS:
                return

    def _unpaid(self) -> int:
        """Orders that wait for their expiry."""
        return sum(order.status == "created" for order in self.town.platform.world.book)

    # ---- what members do

    def _place(self, number: int, press: int) -> None:
        member, fate = self.members[number % MEMBERS], fate_of(self.plan.seed, number)
        product = products.ALL[int(self._draw("product", number) * len(products.ALL))]
        key, items = f"chaos-{number}", [{"product_id": product.product_id, "quantity": 1 + number % 3}]
        try:
            order_no = member.place(key, items)
        except Refused as refused:
            self._again(refused, press, partial(self._place, number, press + 1))
            return
        if order_no in self.fates and press == 1:
            self.errors.append(f"{order_no}: two requests made the same order")
        self.fates[order_no] = fate
        if self._draw("twice", number) < 0.05:
            self._later(1.0, partial(self._place_again, member, key, items, order_no))
        self._later(1 + 59 * self._draw("thinks", number), partial(self._decide, member, order_no, fate, 1))

    def _place_again(self, member: Member, key: str, items: list[dict[str, object]], order_no: str) -> None:
        try:
            if member.place(key, items) != order_no:
                self.errors.append(f"{order_no}: the same Idempotency-Key made another order")
        except Refused as refused:
            if refused.status < 500:
                self.errors.append(str(refused))

    def _decide(self, member: Member, order_no: str, fate: Fate, press: int) -> None:
        """The first step after ordering."""
        if fate is Fate.LEAVE:
            return
        if fate is Fate.CANCEL:
            try:
                member.cancel(order_no)
            except Refused as refused:
                self._again(refused, press, partial(self._decide, member, order_no, fate, press + 1))
            return
        if not self._pressed(order_no, fate):
            # the platform has no such order yet: the member has no page to pay at
            self._hope(partial(self._decide, member, order_no, fate, press))

    def _pressed(self, order_no: str, fate: Fate) -> bool:
        actions = self.town.platform.actions
        try:
            if fate is Fate.CANCEL_LATE:
                actions.cancel(order_no, "timeout")
                self._later(5.0, partial(self._press, actions.pay, order_no, force=True))
                return True
            actions.pay(order_no, 1 if fate is Fate.PAY_WRONG else None)
        except PlatformRefused as refused:
            return refused.meaning != "order_unknown"
        if fate is Fate.PAY_TWICE:
            self._later(10.0, partial(self._press, actions.pay, order_no, None, f"second-{order_no}"))
        if fate in {Fate.COMPLETE, Fate.REFUND}:
            self._hope(partial(self._wait_for_parcel, order_no, fate))
        return True

    def _press(self, button: Callable[..., object], *given: object, **named: object) -> None:
        try:
            button(*given, **named)
        except PlatformRefused as refused:
            self.errors.append(f"the platform refused a payment: {refused}")

    def _wait_for_parcel(self, order_no: str, fate: Fate) -> None:
        actions, order = self.town.platform.actions, self.town.platform.world.book.get(order_no)
        if order.status == "paid":
            self._hope(partial(self._wait_for_parcel, order_no, fate))
        elif order.status == "shipped":
            self._press(actions.complete if fate is Fate.COMPLETE else actions.refund, order_no)

    # ---- when

    def _again(self, refused: Refused, press: int, step: Callable[[], None]) -> None:
        if refused.status < 500 and refused.status != 429:
            if refused.status != 409:
                self.errors.append(str(refused))
        elif press < _PRESSES:
            self._later(_AGAIN_SECONDS * press, step)
        else:
            self.errors.append(f"gave up after {press} tries: {refused}")

    def _later(self, seconds: float, step: Callable[[], None]) -> None:
        self.waiting += 1

        def act() -> None:
            self.waiting -= 1
            step()

        self.town.clock.at(self.town.clock.now + seconds, act)

    def _hope(self, step: Callable[[], None]) -> None:
        """Looks again later; what is hoped for may never come."""
        self.hoping += 1

        def act() -> None:
            self.hoping -= 1
            step()

        self.town.clock.at(self.town.clock.now + _LOOK_SECONDS, act)

    def _draw(self, *what: object) -> float:
        return draw(self.plan.seed, *what)

    def _outcome(self, books: Books, troubles: Troubles, begun: float) -> Outcome:
        here = self.town
        failures = Counter({f"{name}: {kind}": count for (name, kind), count in here.errors.items()})
        return Outcome(
            plan=self.plan,
            facts=books.facts(self.plan.off, self.errors),
            fates=Counter(fate.value for fate in self.fates.values()),
            curve=self.curve,
            troubles=troubles.met,
            invocations=here.invocations,
            failures=failures,
            calls=here.calls.counts,
            units=here.calls.units,
            metrics={" ".join(key): value for key, value in sorted(here.said.metrics.items())},
            notifications=Counter(f"{one.kind}, {one.outcome}" for one in here.platform.notifier.log),
            virtual_seconds=here.clock.now - begun,
        )
