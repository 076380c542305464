"""Alerts about an order, as metrics: each alert is counted; one that contradicts a promise is drift."""

from collections.abc import Iterable, Iterator

from jiuwu.aws import telemetry

# The class of drift of an alert (reconciliation/drift.py), for which template.yaml has an alarm. The other alerts (a
# second or a late payment) are refunded by rule.
DRIFT_CLASSES = {
    "amount_differs": "amount_differs",
    "may_have_shipped": "state_impossible",
    "paid_while_held": "amount_differs",
    "refund_reduced": "amount_differs",
    "refund_status_unknown": "state_impossible",
    "refund_exceeds_payment": "state_impossible",
    "shipped_while_cancelled": "state_impossible",
    "shipped_while_held": "state_impossible",
    "shipped_while_refunded": "state_impossible",
    "shipped_while_refunding": "state_impossible",
}


def metrics(alerts: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Return name, dimension and label of each metric of these alerts."""
    for alert in alerts:
        yield "OrderAlerts", "alert", alert
        if alert in DRIFT_CLASSES:
            yield "Drift", "class", DRIFT_CLASSES[alert]


def count(alerts: Iterable[str]) -> None:
    """Count these alerts."""
    for name, dimension, label in metrics(alerts):
        telemetry.count(name, 1, **{dimension: label})
