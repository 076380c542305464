"""An order at the platform, and its transitions. Pure: values in, a new value or a refusal out."""

import hashlib

import msgspec
from msgspec.structs import replace

from jiuwu.platform.profile.contract import RefundStatus
from sandbox.simulator.refusals import Refused


class Item(msgspec.Struct, frozen=True):
    product_id: str
    title: str
    quantity: int
    price_fen: int


class Payment(msgspec.Struct, frozen=True):
    transaction_id: str
    amount_fen: int
    paid_at: int


class Refund(msgspec.Struct, frozen=True):
    refund_id: str
    out_refund_no: str  # empty when the platform refunded by itself
    transaction_id: str
    amount_fen: int
    refunded_at: int
    status: RefundStatus = "succeeded"


class Change(msgspec.Struct, frozen=True):
    at: int
    status: str
    cause: str


class NewOrder(msgspec.Struct, frozen=True):
    out_order_no: str
    amount_fen: int
    items: tuple[Item, ...]
    notify_url: str = ""


class Order(msgspec.Struct, frozen=True):
    request: NewOrder
    open_id: str
    platform_order_no: str
    status: str
    created_at: int
    updated_at: int
    version: int = 1
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    pushes: tuple[tuple[str, str], ...] = ()  # (request_no, status) of each push of the merchant
    history: tuple[Change, ...] = ()
    served: bool = False  # the whole amount was paid once: the order is the merchant's to ship or to refund

    @property
    def number(self) -> str:
        return self.request.out_order_no

    @property
    def paid_fen(self) -> int:
        return sum(payment.amount_fen for payment in self.payments)

    @property
    def succeeded_refunds(self) -> tuple[Refund, ...]:
        """Return the refunds that succeeded."""
        return tuple(refund for refund in self.refunds if refund.status == "succeeded")

    @property
    def refunded_fen(self) -> int:
        return sum(refund.amount_fen for refund in self.succeeded_refunds)

    def refundable_of(self, transaction_id: str) -> int:
        """Return the refundable amount of a payment in fen; a failed refund took nothing of it."""
        payment = next((one for one in self.payments if one.transaction_id == transaction_id), None)
        taken = [one for one in self.refunds if one.transaction_id == transaction_id and one.status != "failed"]
        return (payment.amount_fen if payment else 0) - sum(one.amount_fen for one in taken)

    @property
    def missing_fen(self) -> int:
        """Return the amount still to be paid, in fen."""
        return max(self.request.amount_fen - self.paid_fen + self.refunded_fen, 0)

    @property
    def payable(self) -> bool:
        """Return whether its page takes money: the whole amount, or the rest after a part."""
        return self.status == "created" or (self.status == "paid" and not self.served and self.missing_fen > 0)


def derived(prefix: str, *parts: object, length: int = 20) -> str:
    """Return an id derived from its cause, so that one seed gives one run."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
    return prefix + digest[:length]


def place(request: NewOrder, open_id: str, now: int) -> Order:
    return Order(
        request=request,
        open_id=open_id,
        platform_order_no=derived("95", request.out_order_no),
        status="created",
        created_at=now,
        updated_at=now,
        history=(Change(now, "created", "merchant"),),
    )


def repeat_order(order: Order, request: NewOrder, open_id: str) -> Order:
    """Return the known order for the same request; raise Refused for another one under its number."""
    if order.request == request and order.open_id == open_id:
        return order
    fields = [name for name in request.__struct_fields__ if getattr(order.request, name) != getattr(request, name)]
    differing = ", ".join(fields or ["open_id"]).replace("amount_fen", "amount")
    raise Refused("order_conflict", f"out_order_no {order.number} exists with other content; differs in: {differing}")


def pay(order: Order, amount_fen: int, transaction_id: str, now: int, cause: str = "member") -> Order:
    """Record money in any status: late, twice or with another amount.

    Raises Refused when this transaction was recorded with another amount; recorded with the same, nothing changes.
    """
    known = next((one for one in order.payments if one.transaction_id == transaction_id), None)
    if known:
        if known.amount_fen != amount_fen:
            raise Refused("order_conflict", f"transaction_id {transaction_id} was paid with another amount")
        return order
    payment = Payment(transaction_id, amount_fen, now)
    # one whose parts all went back before they made up the amount is open again
    open_ = order.status in {"created", "cancelled"} or (order.status == "refunded" and not order.served)
    status = "paid" if open_ else order.status
    paid = replace(order, payments=(*order.payments, payment))
    paid = replace(paid, served=order.served or not paid.missing_fen)
    return _changed(paid, status, now, f"payment by {cause}")


def cancel(order: Order, now: int, cause: str) -> Order:
    if order.status == "cancelled":
        return order
    # one of 0.00 is paid as it is created, so being paid cannot keep it from being cancelled; nor does a part
    free = not order.request.amount_fen and order.paid_fen == order.refunded_fen
    _require(order, "cancelled", {"created", "paid"} if free or order.payable else {"created"})
    return _changed(order, "cancelled", now, cause)


def complete(order: Order, now: int, cause: str = "member") -> Order:
    if order.status == "completed":
        return order
    _require(order, "completed", {"shipped"})
    return _changed(order, "completed", now, cause)


def push(order: Order, status: str, request_no: str, now: int) -> Order:
    """Apply a status that the merchant reports; a known request_no is answered as before."""
    for known_no, known_status in order.pushes:
        if known_no == request_no and known_status != status:
            raise Refused("order_conflict", f"request_no {request_no} said {known_status} before")
        if known_no == request_no:
            return order
    if status not in {"shipped", "cancelled"}:
        raise Refused("transition_refused", f"a merchant cannot set {status}; only shipped or cancelled")
    moved = cancel(order, now, "merchant") if status == "cancelled" else _ship(order, now)
    return replace(moved, pushes=(*moved.pushes, (request_no, status)))


def _ship(order: Order, now: int) -> Order:
    if order.status == "shipped":
        return order
    _require(order, "shipped", set() if order.payable else {"paid"})  # not while a part of its money is missing
    return _changed(order, "shipped", now, "merchant")


def refund(order: Order, wanted: Refund, now: int, cause: str) -> Order:
    """Begin a refund, or make it at once; while processing it counts as taken from its payment."""
    if wanted.transaction_id not in {one.transaction_id for one in order.payments}:
        raise Refused("transition_refused", f"order {order.number} has no payment {wanted.transaction_id}")
    if wanted.amount_fen > (left := order.refundable_of(wanted.transaction_id)):
        raise Refused(
            "transition_refused", f"amount exceeds what is left of payment {wanted.transaction_id}: {left} fen"
        )
    grown = replace(order, refunds=(*order.refunds, wanted))
    return _changed(grown, _after_refund(grown), now, f"refund by {cause}")


def refund_becomes(order: Order, refund_id: str, status: RefundStatus, now: int) -> Order:
    """Let a refund succeed, fail, or be processed again; one that succeeded stays so."""
    known = next((one for one in order.refunds if one.refund_id == refund_id), None)
    if known is None or known.status == "succeeded":
        raise Refused("transition_refused", f"order {order.number} has no refund {refund_id} that could change")
    if known.status == "failed" and known.amount_fen > order.refundable_of(known.transaction_id):
        raise Refused("transition_refused", f"refund {refund_id}: its money went back by another")
    changed = replace(known, status=status, refunded_at=now)
    refunds = tuple(changed if one is known else one for one in order.refunds)
    moved = replace(order, refunds=refunds)
    return _changed(moved, _after_refund(moved), now, f"refund {status}")


def _after_refund(order: Order) -> str:
    """Return the status after a refund: refunded once each payment, one of 0.00 too, is refunded."""
    answered = {one.transaction_id for one in order.succeeded_refunds}
    over = order.refunded_fen == order.paid_fen and all(one.transaction_id in answered for one in order.payments)
    return "refunded" if over else order.status


def _require(order: Order, wanted: str, allowed: set[str]) -> None:
    if order.status not in allowed:
        from_ = " or ".join(sorted(allowed)) or "a paid one"
        msg = f"order {order.number} is {order.status}; {wanted} is allowed from {from_} only"
        raise Refused("transition_refused", msg, data={"status": order.status})


def _changed(order: Order, status: str, now: int, cause: str) -> Order:
    return replace(
        order,
        status=status,
        version=order.version + 1,
        updated_at=now,
        history=(*order.history, Change(now, status, cause)),
    )
