"""A merchant requests a refund: decided by the state machine, written on the order, delivered as an effect."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, cast

from jiuwu.backoff import Contended
from jiuwu.orders.events import RefundRequested
from jiuwu.orders.ids import is_order_no
from jiuwu.orders.order import Order
from jiuwu.orders.refund_rules import requested_fen
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Applied, Duplicate, Policy, apply
from jiuwu.runtime import SYSTEM, Runtime

type Why = Literal["nothing_paid", "nothing_left", "refund_exceeds_payment", "too_many_refunds", "request_reused"]


class NoSuchOrder(Exception):
    """There is no such order here."""


class RefundRefused(Exception):
    """Nothing goes back by this request; holds the order as it is."""

    def __init__(self, reason: Why, order: Order) -> None:
        super().__init__(f"{order.order_no}: {reason}")
        self.reason, self.order = reason, order


class OrderBusy(Contended):
    """Other processes keep writing this order; nothing was changed, so the request may be repeated."""


@dataclass(frozen=True, slots=True)
class RefundResult:
    """A granted refund: its order and amount (less than requested once the platform gave some of it back by itself),
    and whether the request came before, at `at` (Unix seconds; 0: unknown)."""

    order: Order
    amount_fen: int
    repeated: bool
    at: int = 0


class Refunds:
    """Refunds that the merchant requests. `queue` queues the pending effects of orders (effects/queue.py); what it does
    not take is due in minutes."""

    def __init__(
        self,
        store: OrderStore,
        policy: Policy,
        *,
        queue: Callable[[Iterable[str]], object],
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._store, self._policy, self._queue, self._clock = store, policy, queue, runtime.clock

    def request(self, order_no: str, request_id: str, amount_fen: int | None, reason: str = "") -> RefundResult:
        """Request `amount_fen` of what the order keeps, or all of it (None), once per request id (1 to 64 visible ASCII
        characters). Raise NoSuchOrder, RefundRefused and OrderBusy."""
        for _ in self._store.rounds():
            order = self._store.get(order_no) if is_order_no(order_no) else None
            if order is None:
                raise NoSuchOrder(order_no)
            event = RefundRequested(request_id, int(self._clock()), amount_fen, reason)
            outcome = apply(order, event, policy=self._policy)
            if isinstance(outcome, Duplicate):
                return self._queued(RefundResult(order, outcome.amount_fen, repeated=True, at=outcome.at))
            if not isinstance(outcome, Applied):
                raise RefundRefused(cast(Why, outcome.reason), order)
            if not self._store.save_many([(order, outcome.order)]):
                granted = requested_fen(outcome.order, request_id)
                return self._queued(RefundResult(outcome.order, granted, repeated=False))
        raise OrderBusy(order_no)

    def _queued(self, result: RefundResult) -> RefundResult:
        """Queue the effects, also for a repetition: the process that came first may have died before it did."""
        if result.order.pending:
            self._queue([result.order.order_no])
        return result
