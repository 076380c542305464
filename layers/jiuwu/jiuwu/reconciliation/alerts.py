"""The alerts of an order as findings of a reconciliation."""

from collections.abc import Iterable

from jiuwu.orders.alerts import DRIFT_CLASSES

from .drift import Drift, Finding


def findings(order_no: str, alerts: Iterable[str], known: Iterable[Finding]) -> list[Finding]:
    """Return what an order's alerts add to the `known` findings of it: those that are drift, each class once."""
    found = {finding.class_ for finding in known}
    drift = {Drift(DRIFT_CLASSES[alert]): alert for alert in alerts if alert in DRIFT_CLASSES}
    return [Finding(class_, order_no, alert) for class_, alert in drift.items() if class_ not in found]
