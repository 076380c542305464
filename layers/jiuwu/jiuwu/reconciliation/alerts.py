"""What a person should hear of, as metrics: each alert is counted, and what contradicts a promise rings an alarm."""

from collections.abc import Iterable, Iterator

from .drift import Drift, Finding

# The drift classes that template.yaml has alarms for. The others (a second or a late payment) are given back by rule.
_ALARMS = {
    "amount_differs": Drift.AMOUNT_DIFFERS,
    "may_have_shipped": Drift.STATE_IMPOSSIBLE,
    "paid_while_held": Drift.AMOUNT_DIFFERS,
    "refund_reduced": Drift.AMOUNT_DIFFERS,
    "refund_status_unknown": Drift.STATE_IMPOSSIBLE,
    "refund_exceeds_payment": Drift.STATE_IMPOSSIBLE,
    "shipped_while_cancelled": Drift.STATE_IMPOSSIBLE,
    "shipped_while_held": Drift.STATE_IMPOSSIBLE,
    "shipped_while_refunded": Drift.STATE_IMPOSSIBLE,
    "shipped_while_refunding": Drift.STATE_IMPOSSIBLE,
}


def metrics(alerts: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """The metrics of these alerts: name, dimension and label of each."""
    for alert in alerts:
        yield "OrderAlerts", "alert", alert
        if alert in _ALARMS:
            yield "Drift", "class", _ALARMS[alert].value


def findings(order_no: str, alerts: Iterable[str], known: Iterable[Finding]) -> list[Finding]:
    """What an order's alerts add to what a reconciler's run has found of it: those that ring, each class once."""
    found = {finding.class_ for finding in known}
    rung = {_ALARMS[alert]: alert for alert in alerts if alert in _ALARMS}
    return [Finding(class_, order_no, alert) for class_, alert in rung.items() if class_ not in found]
