"""The one way by which orders have an effect outside: the merchant's bus, the points ledger, the platform.

Each effect leaves at least once, under an id made of the order and its key, and counts once, because the receiver
dedupes by that id. What was confirmed is written in one write per order; what was not stays pending.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients
from jiuwu.deadline import NO_DEADLINE, Deadline
from jiuwu.orders.effect_key import EffectKey, ReturnPoints, Ship, SpendPoints
from jiuwu.orders.events import EffectDone, EffectFailed, PaymentsDoubted, ShipUnconfirmed
from jiuwu.orders.order import Effect, Failure, Order
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Applied, Ignored, Policy, apply
from jiuwu.points.ledger import PointsLedger
from jiuwu.runtime import SYSTEM, Runtime

from . import ship_requests
from .payment_check import MAX_CHECKS, PaymentCheck, PaymentNotShown, check, effects_to_check, problems
from .platform_delivery import deliver
from .points_delivery import book
from .retry_policy import DONE, MAX_ATTEMPTS, NEVER_SHOWN, Verdict, judge

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

    from jiuwu.platform.calls.client import PlatformClient

_NOT_SENT_SECONDS = 300
# No effect is begun with fewer seconds remaining. At a platform that hangs, a call and the check after it end well
# before (`attempt_seconds`); the rest is for writing down what was tried. An attempt that dies unwritten does not
# count: the effect would neither wait longer each time nor fail permanently, and ship requests that were taken would
# go out again.
_MARGIN_SECONDS = 16.0
_ORDERS_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at an effect: `problem` is empty when its receiver has it, else `verdict` says what becomes of it."""

    order_no: str
    effect: EffectKey
    problem: str = ""
    verdict: Verdict = DONE
    number: int = 1  # the attempt's number, from 1
    checked: PaymentCheck | None = None  # the payments to put in doubt, once they were checked often enough
    unanswered: bool = False  # it left, and no answer came

    def event(self, now: int) -> EffectDone | EffectFailed | PaymentsDoubted:
        """Return what it does to the order."""
        verdict = self.verdict
        if self.checked:
            doubted = (*self.checked.missing, *self.checked.differing)
            return PaymentsDoubted(now, doubted, differing=bool(self.checked.differing))
        if not self.problem:
            return EffectDone(now, self.effect)
        return EffectFailed(now, self.effect, verdict.next_at, verdict.failure, verdict.counted, self.unanswered)


@dataclass(frozen=True, slots=True)
class _Unconfirmed:
    """An order whose effects another process delivered, which may have ended before it wrote them down."""

    order_no: str

    def event(self, now: int) -> ShipUnconfirmed:
        """Return what it does to the order."""
        return ShipUnconfirmed(now)


@dataclass(frozen=True, slots=True)
class Dispatched:
    """The attempts made; by order, the alerts, each time to try again (Unix seconds; at once for what there was no time
    for), and why it could not be read or written."""

    attempts: tuple[Attempt, ...]
    alerts: Mapping[str, tuple[str, ...]]
    next_at: Mapping[str, tuple[int, ...]]
    unwritten: Mapping[str, str]


# Keeps what failed permanently, so that a person can see and redrive it.
SendToDlq = Callable[[Attempt, Failure], None]
# The effects that may leave in this invocation because their payments were checked, by order.
type _Cleared = Mapping[str, Sequence[EffectKey]]


class Dispatcher:
    """Deliver the pending effects of orders.

    `platform` returns the platform's client, and is called when there is something to deliver there; `points` is the
    ledger of what orders for points are paid with. `send_to_dlq` is called with each effect that failed permanently,
    before the order says so. The goods of orders of `check_from_fen` and more leave only when the platform shows their
    payments. No effect is begun that could outlast the deadline.
    """

    def __init__(  # noqa: PLR0913 -- both sides of the door
        self,
        store: OrderStore,
        *,
        events: "EventBridgeClient",
        bus: str,
        platform: "Callable[[], PlatformClient]",
        points: PointsLedger,
        policy: Policy,
        send_to_dlq: SendToDlq,
        check_from_fen: int,
        deadline: Deadline = NO_DEADLINE,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._store, self._events, self._bus, self._send_to_dlq = store, events, bus, send_to_dlq
        self._platform, self._points, self._policy = platform, points, policy
        self._check_from_fen, self._deadline, self._clock = check_from_fen, deadline, runtime.clock

    def dispatch(self, order_nos: Iterable[str], *, begun: Collection[str] = ()) -> Dispatched:
        """Try each pending effect of these orders whose time has come once, as long as there is time; several orders at
        a time. Those `begun` were read from the queue before, by a process that may have ended in the middle."""
        numbers = set(order_nos)
        orders = self._store.get_many(numbers)
        unconfirmed = self._unconfirmed(orders, begun)
        attempts: list[Attempt] = []
        try:
            cleared = self._check(orders, attempts)
            attempts += self._ship([order for order in orders.values() if Ship() in self._leaving(order, cleared)])
            attempts += self._book(orders.values())
            shipped = [self._after(order, attempts)[0] for order in orders.values()]
            self._deliver_all([order for order in shipped if self._to_deliver(order, cleared)], attempts, cleared)
        finally:
            # also when something breaks: what was confirmed and not written down would be sent again
            alerts, lost = self._save(orders, [*unconfirmed, *attempts])
        unknown = dict.fromkeys(numbers - orders.keys(), "order_unknown")
        unwritten = unknown | dict.fromkeys(lost, "written_by_others")
        return Dispatched(tuple(attempts), alerts, self._next_tries(orders.values(), attempts), unwritten)

    def _unconfirmed(self, orders: Mapping[str, Order], begun: Collection[str]) -> list[_Unconfirmed]:
        """Return the orders whose ship request may have left before it was withdrawn."""
        found = [_Unconfirmed(number) for number in orders if number in begun]
        return [one for one in found if self._after(orders[one.order_no], [one])[1]]

    def _ready(self, order: Order) -> list[EffectKey]:
        """Return the effects whose time has come. What has waited longest comes first: otherwise what fails repeatedly
        would take the time of all others."""
        now = int(self._clock())
        ready = [(effect.next_at, key) for key, effect in order.effects if effect.pending and effect.next_at <= now]
        return [key for _, key in sorted(ready, key=lambda one: one[0])]

    @property
    def _late(self) -> bool:
        return not self._deadline.has(_MARGIN_SECONDS)

    def _leaving(self, order: Order, cleared: _Cleared) -> list[EffectKey]:
        """Return the effects that are ready, without those whose payments were not checked in this invocation."""
        ready = self._ready(order)
        unchecked = {*self._to_check(order, ready)} - {*cleared.get(order.order_no, ())}
        return [effect for effect in ready if effect not in unchecked]

    def _to_check(self, order: Order, ready: Sequence[EffectKey]) -> list[EffectKey]:
        return effects_to_check(order, ready, from_fen=self._check_from_fen)

    def _to_deliver(self, order: Order, cleared: _Cleared) -> list[EffectKey]:
        leaving = self._leaving(order, cleared)
        return [effect for effect in leaving if not isinstance(effect, Ship | SpendPoints | ReturnPoints)]

    def _check(self, orders: Mapping[str, Order], attempts: list[Attempt]) -> _Cleared:
        """Return the effects whose payments the platform shows, by order; what it does not show, or could not be asked
        about, is an attempt that failed."""
        to_check = {number: keys for number, one in orders.items() if (keys := self._to_check(one, self._ready(one)))}
        if not to_check or self._late:
            return {}
        checked = check(self._platform, {number: orders[number] for number in to_check}, deadline=self._deadline)
        for number, keys in to_check.items():
            kept = [key for key in keys if not checked[number].clears(key)]
            attempts += [self._unchecked(orders[number], key, checked[number]) for key in kept]
        return {number: [key for key in keys if checked[number].clears(key)] for number, keys in to_check.items()}

    def _unchecked(self, order: Order, key: EffectKey, checked: PaymentCheck) -> Attempt:
        if checked.failed:
            return self._attempt(order, key, checked.failed)
        problem = "; ".join(problems(checked))
        attempt = self._attempt(order, key, PaymentNotShown(problem), problem)
        doubted = not checked.shown and attempt.number >= MAX_CHECKS
        return replace(attempt, checked=checked) if doubted else attempt

    def _ship(self, orders: Sequence[Order]) -> Iterator[Attempt]:
        by_number = {order.order_no: order for order in orders}
        wanted = [(order.order_no, ship_requests.entry_of(order, self._bus)) for order in orders]
        for entries in ship_requests.batches(wanted):
            try:
                reply = self._events.put_events(Entries=cast(Any, [entry for _, entry in entries]))
                codes, unanswered = [answer.get("ErrorCode", "") for answer in reply["Entries"]], False
            except (ClientError, BotoCoreError) as error:
                codes, unanswered = [clients.describe_error(error)] * len(entries), _unanswered(error)
            for (number, _), code in zip(entries, codes, strict=True):
                yield replace(self._attempt(by_number[number], Ship(), code), unanswered=unanswered)

    def _book(self, orders: Iterable[Order]) -> Iterator[Attempt]:
        now = int(self._clock())
        for order in orders:
            for effect in self._ready(order):
                if isinstance(effect, SpendPoints | ReturnPoints) and not self._late:
                    yield self._attempt(order, effect, *book(self._points, order, effect, at=now))

    def _deliver_all(self, orders: Sequence[Order], attempts: list[Attempt], cleared: _Cleared) -> None:
        if not orders:
            return
        platform = self._platform()
        with ThreadPoolExecutor(min(len(orders), _ORDERS_AT_ONCE)) as threads:
            deliveries = [threads.submit(self._deliver, platform, order, attempts, cleared) for order in orders]
        for delivery in deliveries:
            delivery.result()  # raises what is no answer of the platform: no secret, no memory

    def _deliver(self, platform: "PlatformClient", order: Order, attempts: list[Attempt], cleared: _Cleared) -> None:
        """Deliver one order's effects, in a thread. Each attempt is listed as soon as it is known, so a failure of
        another loses none."""
        for effect in self._to_deliver(order, cleared):
            if self._late:
                return
            if (order.effect(effect) or Effect()).attempts < MAX_ATTEMPTS:
                attempts.append(
                    self._attempt(order, effect, *deliver(platform, order, effect, deadline=self._deadline))
                )
            else:
                problem = "the platform confirmed it each time, and does not show it"
                attempts.append(self._attempt(order, effect, NEVER_SHOWN, problem))

    def _attempt(self, order: Order, key: EffectKey, failed: Exception | str, problem: str = "") -> Attempt:
        """Return the attempt, judged. What failed permanently goes to the DLQ at once, and is tried again if it
        cannot."""
        effect = order.effect(key) or Effect()
        number = effect.attempts + 1
        if not failed:
            return Attempt(order.order_no, key, number=number)
        now = int(self._clock())
        verdict = judge(order.order_no, key, number, failed, now=now)
        attempt = Attempt(order.order_no, key, problem or str(failed), verdict, number)
        if not verdict.failure:
            return attempt
        try:
            self._send_to_dlq(attempt, verdict.failure)
        except (ClientError, BotoCoreError) as error:
            not_sent = f"{attempt.problem}; not sent to the DLQ: {clients.describe_error(error)}"
            return replace(attempt, problem=not_sent, verdict=Verdict(now + _NOT_SENT_SECONDS, counted=False))
        return attempt

    def _after(self, order: Order, attempts: Iterable[Attempt | _Unconfirmed]) -> tuple[Order, tuple[str, ...]]:
        """Return the order after the attempts at its effects, and the alerts."""
        now = int(self._clock())
        alerts: tuple[str, ...] = ()
        for attempt in attempts:
            if attempt.order_no == order.order_no:
                outcome = apply(order, attempt.event(now), policy=self._policy)
                order = order if isinstance(outcome, Ignored) else outcome.order
                alerts += outcome.alerts if isinstance(outcome, Applied) else ()
        return order, alerts

    def _next_tries(self, orders: Iterable[Order], attempts: Sequence[Attempt]) -> dict[str, tuple[int, ...]]:
        """Return when orders are to be tried again: at each time that a failed attempt names, and now where something
        is ready for which there was no time."""
        now = int(self._clock())
        tries = {order.order_no: {now} for order in orders if self._ready(self._after(order, attempts)[0])}
        for attempt in attempts:
            if attempt.problem and not attempt.verdict.failure and not attempt.checked:
                tries.setdefault(attempt.order_no, set()).add(attempt.verdict.next_at)
        return {number: tuple(sorted(times)) for number, times in tries.items()}

    def _save(
        self, orders: Mapping[str, Order], attempts: Sequence[Attempt | _Unconfirmed]
    ) -> tuple[dict[str, tuple[str, ...]], set[str]]:
        """Write the orders; return the alerts, and the orders lost. Confirmations are merged into what others wrote
        meanwhile."""
        lost = {attempt.order_no for attempt in attempts}
        alerts: dict[str, tuple[str, ...]] = {}
        current = orders
        for _ in self._store.rounds():
            after = {number: self._after(current[number], attempts) for number in sorted(lost & current.keys())}
            lost = self._store.save_many((current[number], order) for number, (order, _) in after.items())
            alerts |= {number: found for number, (_, found) in after.items() if found and number not in lost}
            if not lost:
                break
            current = self._store.get_many(lost)
        return alerts, lost


def _unanswered(error: Exception) -> bool:
    """Return whether the bus may have taken a request that ended so."""
    answer = error.response.get("ResponseMetadata", {}) if isinstance(error, ClientError) else {}
    return not 400 <= answer.get("HTTPStatusCode", 500) < 500
