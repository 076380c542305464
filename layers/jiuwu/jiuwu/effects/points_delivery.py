"""Deliver one effect to the points ledger, which counts it once."""

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients
from jiuwu.orders.effect_key import ReturnPoints, SpendPoints
from jiuwu.orders.order import Order
from jiuwu.points.ledger import AlreadyReturned, LedgerBusy, NoReservation, PointsLedger


def book(
    ledger: PointsLedger, order: Order, effect: SpendPoints | ReturnPoints, *, at: int
) -> tuple[Exception | str, str]:
    """Spend an order's points, or give them back; return what failed, and why: both empty when it is done."""
    try:
        _book(ledger, order, effect, at)
    except (AlreadyReturned, NoReservation, LedgerBusy, ClientError, BotoCoreError) as error:
        return error, f"points ledger: {clients.describe_error(error)}"
    return "", ""


def _book(ledger: PointsLedger, order: Order, effect: SpendPoints | ReturnPoints, at: int) -> None:
    if isinstance(effect, SpendPoints):
        ledger.spend(order.member_id, order.order_no, at=at)
    else:
        ledger.give_back(order.member_id, order.order_no, at=at)
