"""A merchant asks for money to go back: decided by the machine, written on the order, carried out as an effect."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, cast

from jiuwu.orders.events import RefundRequested
from jiuwu.orders.order import Order
from jiuwu.orders.refund_rules import asked_by, refundable_fen
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Applied, Policy, apply
from jiuwu.runtime import SYSTEM, Runtime

type Why = Literal["nothing_paid", "nothing_left", "refund_exceeds_payment", "too_many_refunds", "request_reused"]


class NoSuchOrder(Exception):
    """There is no such order here."""


class RefundRefused(Exception):
    """Nothing goes back by this request; holds the order as it is."""

    def __init__(self, reason: Why, order: Order) -> None:
        super().__init__(f"{order.order_no}: {reason}")
        self.reason, self.order = reason, order


class OrderBusy(Exception):
    """Others write this order again and again; nothing was changed, so the request may be repeated."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A refund that goes its way: how much of which order (less than was asked for once the platform gave some of it
    back itself), and whether this very request asked for it before: `at` Unix seconds (0: nobody remembers when)."""

    order: Order
    fen: int
    again: bool
    at: int = 0


class Refunds:
    """Refunds that the merchant asks for. `queue` asks for the pending effects of orders (effects/dispatcher.py); what
    it does not take is due in minutes."""

    def __init__(
        self,
        store: OrderStore,
        policy: Policy,
        *,
        queue: Callable[[Iterable[str]], object],
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._store, self._policy, self._queue, self._clock = store, policy, queue, runtime.clock

    def ask(self, order_no: str, request_id: str, fen: int | None, reason: str = "") -> Asked:
        """Asks for `fen` of what the order keeps, or for all of it (None); once per request id (1 to 64 visible ASCII
        characters), however often it comes. Raises NoSuchOrder, RefundRefused and OrderBusy."""
        for _ in self._store.rounds():
            order = self._store.get(order_no)
            if order is None:
                raise NoSuchOrder(order_no)
            before, happened = asked_by(order, request_id), order.seen(f"ask:{request_id}")
            repeated = Asked(order, before, again=True, at=happened.at if happened else 0)
            if fen is None and happened:
                return self._queued(repeated)
            wanted = fen if fen is not None else before or refundable_fen(order)
            event = RefundRequested(request_id, int(self._clock()), wanted, reason)
            outcome = apply(order, event, policy=self._policy)
            if not isinstance(outcome, Applied):
                self._refuse_unless_repeated(order, _why(getattr(outcome, "reason", ""), order))
                return self._queued(repeated)
            if not self._store.save_many([(order, outcome.order)]):
                return self._queued(Asked(outcome.order, wanted, again=False))
        raise OrderBusy(order_no)

    def _refuse_unless_repeated(self, order: Order, reason: str) -> None:
        if reason == "event_id_reused":
            raise RefundRefused("request_reused", order)
        if reason != "duplicate_event":
            raise RefundRefused(cast(Why, reason), order)

    def _queued(self, asked: Asked) -> Asked:
        """Also for a repetition: the process that asked first may have died before it came to this."""
        if asked.order.pending:
            self._queue([asked.order.order_no])
        return asked


def _why(reason: str, order: Order) -> str:
    """Return the refusal in words of the request: where nothing is left, no other amount would do."""
    return "nothing_left" if reason == "refund_exceeds_payment" and not refundable_fen(order) else reason
