"""Contradictions: the platform's view of an order cannot be true, or names other amounts than ours. Pure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jiuwu.orders.order import Order, Status

from .drift import Drift, Finding

if TYPE_CHECKING:
    from jiuwu.platform.models import RemoteOrder


def contradiction(local: Order | None, remote: "RemoteOrder") -> str:
    """Return why the platform's view cannot be acted upon; empty when it can."""
    if local and (another := another_order(local, remote)):
        return another
    paid, back = (sum(one.amount_fen for one in money) for money in (remote.payments, remote.not_failed))
    if remote.status in ("paid", "shipped", "completed") and not (remote.payments or (local and local.payments)):
        return f"{remote.status} there, without any payment"
    # paid in part, an order may be open there, or over before its money went back
    if remote.status in ("created", "cancelled") and paid > back and paid - back >= remote.amount_fen:
        return f"{remote.status} there, with {paid} fen paid and {back} fen refunded"
    if remote.status == "refunded" and not remote.not_failed:
        return "refunded there, without any refund" + (" that did not fail" if remote.refunds else "")
    return ""


def another_order(local: Order, remote: "RemoteOrder") -> str:
    """Return why the platform shows another order under this number; empty when it does not."""
    if remote.open_id and local.open_id != remote.open_id:
        return "the platform has it as another member's order"
    if local.platform_order_no not in ("", remote.platform_order_no):
        return f"placed as {local.platform_order_no}, there it is {remote.platform_order_no}"
    return ""


def differing_amounts(local: Order, remote: "RemoteOrder") -> Iterator[Finding]:
    """Yield each amount that both sides have and name differently."""

    def differs(evidence: str) -> Finding:
        return Finding(Drift.AMOUNT_DIFFERS, local.order_no, evidence)

    if local.amount_fen != remote.amount_fen:
        yield differs(f"ordered for {local.amount_fen} fen, there for {remote.amount_fen} fen")
    for payment in remote.payments:
        booked = local.payment(payment.transaction_id)
        if booked and booked.fen != payment.amount_fen:
            yield differs(f"payment {booked.ref} booked as {booked.fen} fen, there {payment.amount_fen} fen")
    for refund in remote.refunds:
        given = local.refund(refund.refund_id)
        if given and -given.fen != refund.amount_fen:
            yield differs(f"refund {given.ref} booked as {-given.fen} fen, there {refund.amount_fen} fen")
    decided_by_a_person = local.status is Status.HELD and not local.awaits_money
    if decided_by_a_person and local.kept and local.balance_fen != local.amount_fen:
        yield differs(f"{local.balance_fen} fen are here for {local.amount_fen} fen")
