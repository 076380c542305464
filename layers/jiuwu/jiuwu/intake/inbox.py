"""Notifications applied to their orders: a whole batch in one read and one write of the orders table.

Nothing is locked. A writer that finds another was faster reads and decides once more; a second delivery then finds its
own id in the history and does nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jiuwu.orders.events import Placed
from jiuwu.orders.order import Order, Status
from jiuwu.orders.outcomes import LOOKUP_NEEDED
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Applied, Ignored, Policy, apply

from .parser import Notice, Poison


class TryLater(Exception):
    """A fact that is needed cannot be known just now; says why."""


# Orders that our table lacks, as the platform knows them, or why a number is none, or none yet; raises TryLater when
# none at all can be known.
Adoption = Callable[[Sequence[str]], Mapping[str, Order | Poison | TryLater]]


@dataclass(frozen=True, slots=True)
class NoticeResult:
    """The end of one notice: `what` is the transition, or the reason; `duplicate_of` is the event that it repeats."""

    outcome: Literal["applied", "ignored", "failed", "poison"]
    what: str
    alerts: tuple[str, ...] = ()
    detail: str = ""
    duplicate_of: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """One result per notice, in their sequence; orders that have something new to be done outside; orders adopted."""

    results: tuple[NoticeResult, ...]
    with_new_effects: tuple[str, ...] = ()
    adopted: tuple[str, ...] = ()


class Inbox:
    """Applies notices to the orders of a store."""

    def __init__(self, store: OrderStore, policy: Policy, adopt: Adoption) -> None:
        self._store, self._policy, self._adopt = store, policy, adopt

    def take_in(self, notices: Sequence[Notice]) -> Taken:
        """Apply each notice; those of one order in the sequence of the platform's events and in one write."""
        batch = _Batch(notices)
        for _ in self._store.rounds():
            orders = self._orders(batch)
            folded = {number: fold(order, batch.of(number), self._policy) for number, order in orders.items()}
            lost = self._store.save_many((orders[number], after) for number, (after, _) in folded.items())
            for number in folded.keys() - lost:
                batch.finish(number, orders[number], *folded[number])
            if not batch.waiting:
                break
        return batch.taken()

    def _orders(self, batch: "_Batch") -> dict[str, Order]:
        orders = self._store.get_many(batch.waiting)
        unknown = [number for number in batch.waiting if number not in orders]
        try:
            found = self._adopt(unknown) if unknown else {}
        except TryLater as later:
            found = {}
            batch.abandon(unknown, NoticeResult("failed", str(later)))
        for number, order in found.items():
            if isinstance(order, Poison | TryLater):
                batch.abandon([number], _ended(order))
            else:
                orders[number] = self._store.create(order)
                batch.adopted.append(number)
        return orders


class _Batch:
    """The notices of a batch by order, until each has its result."""

    def __init__(self, notices: Sequence[Notice]) -> None:
        self._notices = notices
        self._results = dict.fromkeys(range(len(notices)), NoticeResult("failed", "written_by_others"))
        self._new_effects: list[str] = []
        self.adopted: list[str] = []
        self.waiting: dict[str, list[int]] = {}
        for place in sorted(range(len(notices)), key=lambda place: notices[place].rank):
            self.waiting.setdefault(notices[place].order_no, []).append(place)

    def of(self, number: str) -> list[Notice]:
        return [self._notices[place] for place in self.waiting[number]]

    def finish(self, number: str, before: Order, after: Order, results: Iterable[NoticeResult]) -> None:
        self._results |= zip(self.waiting.pop(number), results, strict=True)
        if set(after.pending) - set(before.pending):
            self._new_effects.append(number)

    def abandon(self, numbers: Iterable[str], result: NoticeResult) -> None:
        for number in numbers:
            self._results |= dict.fromkeys(self.waiting.pop(number), result)

    def taken(self) -> Taken:
        return Taken(tuple(self._results.values()), tuple(self._new_effects), tuple(self.adopted))


def fold(order: Order, notices: Iterable[Notice], policy: Policy) -> tuple[Order, list[NoticeResult]]:
    """Return the order after its notices, and how each ended."""
    results = []
    for notice in notices:
        order, result = _take(order, notice, policy)
        results.append(result)
    return order, results


def _take(order: Order, notice: Notice, policy: Policy) -> tuple[Order, NoticeResult]:
    if order.platform_order_no not in ("", notice.platform_order_no):
        return order, NoticeResult(
            "poison", "another_platform_order", detail="platform_order_no: not this order's number"
        )
    outcome = apply(_numbered(order, notice, policy), notice.event, policy=policy)
    if isinstance(outcome, Applied):
        return outcome.order, NoticeResult("applied", outcome.transition, outcome.alerts)
    if isinstance(outcome, Ignored):
        return order, _ignored(outcome)
    return outcome.order, NoticeResult("ignored", f"{LOOKUP_NEEDED}:{outcome.reason}")


def _ignored(outcome: Ignored) -> NoticeResult:
    if outcome.alerts:  # the platform used an id for two events: which of them is true, a person must find out
        return NoticeResult(
            "poison", outcome.reason, outcome.alerts, "event_id: known with another content", outcome.duplicate_of
        )
    return NoticeResult("ignored", outcome.reason, duplicate_of=outcome.duplicate_of)


def _numbered(order: Order, notice: Notice, policy: Policy) -> Order:
    """Return the order with the platform's number: a notification proves that the platform has it, though we may not
    have heard so when we placed it."""
    if order.platform_order_no or order.status is Status.CANCELLED:
        return order
    placed = apply(order, Placed(notice.event.at, notice.platform_order_no), policy=policy)
    return placed.order if isinstance(placed, Applied) else order


def _ended(without: Poison | TryLater) -> NoticeResult:
    if isinstance(without, TryLater):
        return NoticeResult("failed", str(without))
    return NoticeResult("poison", without.reason, detail=without.detail)
