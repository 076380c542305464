"""Logs and metrics of this room: each request that was served, and what became of its order."""

from jiuwu.aws import clients, telemetry
from jiuwu.orders import alerts
from jiuwu.orders.order import Order, Status
from jiuwu.reconciliation.repair import Repaired


def order_served(status: int, outcome: str, order: Order) -> None:
    """Log a member's request that was served; as an error where the order cannot be paid."""
    telemetry.logger.info("storefront", outcome=outcome, code=status, order_no=order.order_no, status=order.status)
    if order.status is Status.PLACED and not (order.pay_url or order.points):
        telemetry.logger.error("storefront", outcome="no_pay_url", order_no=order.order_no)


def repaired(repair: Repaired) -> None:
    """Count the order's transitions, and count and log its alerts."""
    for transition in repair.transitions:
        telemetry.count("OrderTransitions", transition=transition)
    for name, dimension, label in alerts.metrics(repair.alerts):
        telemetry.count(name, 1, **{dimension: label})
    for alert in repair.alerts:
        telemetry.logger.error("order", order_no=repair.order and repair.order.order_no, alert=alert)


def left_to_reconciler(order_no: str, error: Exception) -> None:
    """Log what the platform would not do now."""
    telemetry.logger.warning("left to the reconciler", order_no=order_no, problem=str(error))


def not_checked(order_no: str, fault: Exception) -> None:
    """Log that an order is shown as it stands in our table."""
    telemetry.logger.warning("not checked", order_no=order_no, problem=clients.describe_error(fault))


def merchant_served(status: int, outcome: str, **fields: object) -> None:
    """Log a request of the merchant's servers and its outcome."""
    telemetry.logger.info("back office", extra={"outcome": outcome, "code": status, **fields})
