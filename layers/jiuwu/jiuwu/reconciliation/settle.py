"""Orders brought to one state with the platform's: read, repaired, written on the version that was read.

Another writer of an order wins; then the order is read and decided once more. Two that synchronise the same order at
once come to the same end.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jiuwu.orders.events import Cancelled
from jiuwu.orders.order import Order
from jiuwu.orders.outcomes import UNPAID
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Applied, apply
from jiuwu.runtime import SYSTEM, Runtime

from .repair import Repaired, Repairer

if TYPE_CHECKING:
    from jiuwu.platform.models import RemoteOrder

# Each round that we lose is a round that another writer of the same order won.
_ROUNDS = 4

Remotes = Mapping[str, "RemoteOrder | None"]


@dataclass(frozen=True, slots=True)
class Synchronised:
    """The outcome of each order; `busy` were repeatedly written by others, and are left to them for now."""

    orders: Mapping[str, Repaired]
    busy: frozenset[str]

    @property
    def compared(self) -> frozenset[str]:
        """Return the orders whose sides were compared; the others were being written."""
        return frozenset(number for number, repaired in self.orders.items() if not repaired.skipped)

    @property
    def to_place(self) -> list[Order]:
        """Return the orders, unchanged, that have to be created at the platform first."""
        return [repaired.order for repaired in self.orders.values() if repaired.place and repaired.order]


class OrderSynchroniser:
    """Compare orders of a store with the platform's and save what that does to them.

    `queue` queues the pending effects of orders (effects/dispatcher.py). `wait` returns how many seconds an effect that
    is queued now waits for its turn: an expiring order is not checked before that.
    """

    def __init__(
        self,
        store: OrderStore,
        repairer: Repairer,
        *,
        queue: Callable[[Iterable[str]], object],
        wait: Callable[[], float] = lambda: 0.0,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._store, self._repairer, self._queue, self._wait, self._clock = store, repairer, queue, wait, runtime.clock

    def synchronise(
        self, remotes: Remotes, *, known: Mapping[str, Order] | None = None, seen_at: float = float("inf")
    ) -> Synchronised:
        """Bring each order to one state with the platform's view of it (None: the platform does not know it).

        `known` are orders as just read or written, which saves reading them. An order to which something happened here
        since `seen_at`, when the platform was asked, is skipped: beside it that view is old, and would make the
        platform look as if it were behind. Orders that have to be placed are not written: place them and synchronise
        them once more, or `defer` them.
        """
        synchronised: dict[str, Repaired] = {}
        waiting = set(remotes)
        for attempt in range(_ROUNDS):
            read = known if known is not None and attempt == 0 else self._store.get_many(waiting)
            repaired = {number: self._repair(read.get(number), remotes[number], seen_at) for number in sorted(waiting)}
            waiting = self._write(read, repaired)
            synchronised |= {number: repaired[number] for number in repaired.keys() - waiting}
            if not waiting:
                break
        return Synchronised(synchronised, frozenset(waiting))

    def defer(self, orders: Iterable[Order]) -> None:
        """Schedule the next check of these orders, as far as they are due; nothing else about them changes."""
        now = int(self._clock())
        self._store.save_many((order, self._scheduled(order, now)) for order in orders)

    def check_now(self, order: Order) -> None:
        """Make the order due, so that the reconciler's next run checks it."""
        now = int(self._clock())
        if not 0 < order.due_at <= now:
            self._store.save_many([(order, replace(order, due_at=now))])

    def abandon(self, order: Order, reason: str) -> Repaired | None:
        """Cancel the order for a reason that no later try changes, and queue its effects; return None when others wrote
        it meanwhile: then it is theirs."""
        event = Cancelled(_abandonment_key(order, reason), int(self._clock()), reason)
        outcome = apply(order, event, policy=self._repairer.policy)
        if not isinstance(outcome, Applied) or self._store.save_many([(order, outcome.order)]):
            return None
        if outcome.order.pending:
            self._queue([order.order_no])
        return Repaired(outcome.order, transitions=(outcome.transition,), alerts=outcome.alerts)

    def was_abandoned(self, order: Order, reason: str) -> bool:
        """Return whether `abandon` has cancelled it for this reason."""
        return order.seen(_abandonment_key(order, reason)) is not None

    def _repair(self, local: Order | None, remote: "RemoteOrder | None", seen_at: float) -> Repaired:
        now = int(self._clock())
        if local and local.history and local.history[-1].at > seen_at - 1:  # whole seconds
            return Repaired(local, skipped=True)
        repaired = self._repairer.repair(local, remote, now=now)
        if repaired.order is None or repaired.place:
            return repaired
        return replace(repaired, order=self._after_its_turn(self._scheduled(repaired.order, now), now))

    def _scheduled(self, order: Order, now: int) -> Order:
        """Return the order with a due time that has come moved on; one still to come is left alone, because moving it
        costs."""
        return replace(order, due_at=self._repairer.next_due(order, now=now)) if 0 < order.due_at <= now else order

    def _after_its_turn(self, order: Order, now: int) -> Order:
        """Return an expiring order due once its message must have had its turn; nobody waits for that. What money or
        parcels wait for is checked within the hour, as a message may be lost."""
        expiring = order.pending and order.status in UNPAID
        return replace(order, due_at=max(order.due_at, now + int(self._wait()))) if expiring else order

    def _write(self, read: Mapping[str, Order], repaired: Mapping[str, Repaired]) -> set[str]:
        """Write what changed and queue its effects; return the numbers of the orders that others wrote first."""
        afters = {number: one.order for number, one in repaired.items() if one.order is not None and not one.place}
        adopted = {number: order for number, order in afters.items() if number not in read}
        lost = {number for number, order in adopted.items() if not self._created(order)}
        lost |= self._store.save_many((read[number], afters[number]) for number in afters.keys() & read.keys())
        written = {number for number in afters.keys() - lost if afters[number] != read.get(number)}
        wanting = [number for number in sorted(written) if afters[number].pending]
        if wanting:
            self._queue(wanting)
        return lost

    def _created(self, order: Order) -> bool:
        return self._store.create(order) == replace(order, version=1)


def _abandonment_key(order: Order, reason: str) -> str:
    """Return the idempotency key of that cancellation, the same wherever it is decided."""
    return f"reconcile:{reason}:{order.order_no}"
