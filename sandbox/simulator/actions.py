"""What members, merchants and the platform do to orders: the change, and the notification that follows."""

from collections.abc import Callable

import msgspec

from jiuwu.platform.profile.contract import RefundStatus
from sandbox.simulator import events, orders
from sandbox.simulator.notifier import Notifier
from sandbox.simulator.orders import NewOrder, Order, Refund, derived
from sandbox.simulator.refusals import Refused
from sandbox.simulator.state import PlatformState


class Actions:
    # called with each processing refund; tests and simulations may set it
    on_processing: Callable[[Order, Refund], None] = staticmethod(lambda _order, _refund: None)

    def __init__(self, state: PlatformState, notifier: Notifier) -> None:
        self._state = state
        self._notifier = notifier

    def place(self, request: NewOrder, open_id: str) -> Order:
        known = self._state.orders.find(request.out_order_no)
        if known:
            return orders.repeat_order(known, request, open_id)
        order = orders.place(request, open_id, self._state.now())
        self._state.orders.put(order)
        self._state.activity.write("order", f"{order.number} created, {order.request.amount_fen} fen")
        # an order for 0.00 needs no payment page: it is paid as it is created
        return order if order.request.amount_fen else self.pay(order.number)

    def pay(
        self,
        out_order_no: str,
        amount_fen: int | None = None,
        transaction_id: str | None = None,
        *,
        force: bool = False,
    ) -> Order:
        """Pay, by default the missing amount once; with another transaction_id the whole amount again.

        `force` pays a cancelled order.
        """
        order = self._state.orders.get(out_order_no)
        open_ = order.payable or (force and order.status == "cancelled")
        if not open_ and (order.status == "cancelled" or transaction_id is None):
            msg = f"order {out_order_no} is {order.status}; a transaction_id pays again, force pays a cancelled one"
            raise Refused("transition_refused", msg)
        whole = order.request.amount_fen if transaction_id or not order.payable else order.missing_fen
        amount = whole if amount_fen is None else amount_fen
        paid = orders.pay(order, amount, transaction_id or events.next_transaction(order), self._state.now())
        if paid is not order:
            self._changed(order, paid)
            self._notify(paid, events.paid(paid, paid.payments[-1]))
        return paid

    def cancel(self, out_order_no: str, reason: str) -> Order:
        order = self._state.orders.get(out_order_no)
        cancelled = orders.cancel(order, self._state.now(), reason)
        if cancelled is not order:
            self._changed(order, cancelled)
            self._notify(cancelled, events.cancelled(cancelled, reason))
        return cancelled

    def complete(self, out_order_no: str) -> Order:
        order = self._state.orders.get(out_order_no)
        completed = orders.complete(order, self._state.now())
        if completed is not order:
            self._changed(order, completed)
            self._notify(completed, events.completed(completed))
        return completed

    def push(self, out_order_no: str, status: str, request_no: str) -> Order:
        """Set the status that the merchant reports; nobody is notified."""
        order = self._state.orders.get(out_order_no)
        pushed = orders.push(order, status, request_no, self._state.now())
        self._changed(order, pushed)
        return pushed

    def refund(self, out_order_no: str, amount_fen: int | None = None, transaction_id: str | None = None) -> Refund:
        """Refund at the platform's console, by default what is refundable of the latest payment."""
        order = self._state.orders.get(out_order_no)
        if not order.payments:
            raise Refused("transition_refused", f"order {out_order_no} has no payment to refund")
        payment = order.payments[-1]
        transaction_id = transaction_id or payment.transaction_id
        amount = order.refundable_of(transaction_id) if amount_fen is None else amount_fen
        return self._refund(order, Refund(events.next_refund(order), "", transaction_id, amount, self._state.now()))

    def refund_as(self, out_order_no: str, out_refund_no: str, transaction_id: str, amount_fen: int) -> Refund:
        """Refund for the merchant, once per out_refund_no."""
        order = self._state.orders.get(out_order_no)
        known = self._state.orders.refunded_as(out_refund_no)
        if known:
            return _repeat_refund(*known, (out_order_no, transaction_id, amount_fen))
        refund_id = derived("50", "merchant", out_refund_no)
        return self._refund(order, Refund(refund_id, out_refund_no, transaction_id, amount_fen, self._state.now()))

    def refund_becomes(self, out_order_no: str, refund_id: str, status: RefundStatus) -> Order:
        """Let a processing refund succeed or fail; a failed one may still be processed or succeed."""
        order = self._state.orders.get(out_order_no)
        changed = orders.refund_becomes(order, refund_id, status, self._state.now())
        self._changed(order, changed)
        self._notify(changed, events.refunded(changed, next(r for r in changed.refunds if r.refund_id == refund_id)))
        return changed

    def _refund(self, order: Order, refund: Refund) -> Refund:
        refund = msgspec.structs.replace(refund, status=self._state.begins_as(refund.refund_id))
        cause = "merchant" if refund.out_refund_no else "platform"
        refunded = orders.refund(order, refund, self._state.now(), cause)
        self._changed(order, refunded)
        self._notify(refunded, events.refunded(refunded, refund))
        if refund.status == "processing":
            self.on_processing(refunded, refund)
        return refund

    def _changed(self, before: Order, after: Order) -> None:
        self._state.orders.put(after)
        if before.version != after.version:
            change = after.history[-1]
            self._state.activity.write("order", f"{after.number} {before.status} → {after.status} ({change.cause})")

    def _notify(self, order: Order, event: events.Event) -> None:
        self._notifier.emit(event, order.request.notify_url)


def _repeat_refund(order: Order, refund: Refund, wanted: tuple[str, str, int]) -> Refund:
    if (order.number, refund.transaction_id, refund.amount_fen) == wanted:
        return refund
    raise Refused("order_conflict", f"out_refund_no {refund.out_refund_no} exists with other content")
