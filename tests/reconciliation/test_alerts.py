"""Every alert of the machine is counted, and the alarms ring for those that a person must decide."""

import pytest

from jiuwu.orders.alerts import metrics
from jiuwu.reconciliation import alerts
from jiuwu.reconciliation.drift import Drift, Finding
from sandbox.cloud import template


@pytest.mark.parametrize("alert", ["second_payment", "late_payment"])
def test_what_is_given_back_by_rule_is_counted_without_an_alarm(alert: str) -> None:
    assert list(metrics([alert])) == [("OrderAlerts", "alert", alert)]


@pytest.mark.parametrize(
    ("alert", "alarm"),
    [
        ("amount_differs", "amount_differs"),
        ("paid_while_held", "amount_differs"),
        ("refund_exceeds_payment", "state_impossible"),
        ("may_have_shipped", "state_impossible"),
        ("shipped_while_held", "state_impossible"),
        ("shipped_while_refunded", "state_impossible"),
    ],
)
def test_what_a_person_must_decide_rings_an_alarm_that_the_template_has(alert: str, alarm: str) -> None:
    assert list(metrics([alert])) == [("OrderAlerts", "alert", alert), ("Drift", "class", alarm)]
    watched = [one["Dimensions"][0] for one in template.resources("AWS::CloudWatch::Alarm").values()]
    assert {"Name": "class", "Value": alarm} in watched


def test_an_alert_that_rings_is_reported_unless_its_class_is_already() -> None:
    received = ("refund_exceeds_payment", "amount_differs", "late_payment")
    known = [Finding(Drift.AMOUNT_DIFFERS, "JW1", "payment t1 is 1 fen of 1234 fen")]

    assert [Finding(Drift.STATE_IMPOSSIBLE, "JW1", "refund_exceeds_payment")] == alerts.findings("JW1", received, known)
