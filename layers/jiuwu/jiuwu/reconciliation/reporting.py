"""What this room logs and counts: the outcome of a task or of one order. Evidence is ids, states and fen only."""

from collections import Counter

from jiuwu.aws import telemetry

from .drift import Report
from .worker import ReconciliationOutcome


def malformed_task(message_id: str) -> None:
    """Log a message of the reconcile queue that is no task."""
    telemetry.logger.error("reconcile queue", reason="malformed", message_id=message_id)


def changes_lag(seconds: int) -> None:
    """Count how far the list of changed orders is behind."""
    telemetry.count("ChangesLag", seconds)


def report_saved(record: str, report: Report) -> None:
    """Log where the report of a task is kept."""
    telemetry.logger.info("reconciled", record=record, checked=report.checked, drift=report.counts)


def outcome_known(outcome: ReconciliationOutcome) -> None:
    """Count and log what was found and done, and what could not be."""
    for class_, number in Counter(finding.class_ for finding in dict.fromkeys(outcome.findings)).items():
        telemetry.count("Drift", number, **{"class": class_})
    for transition, number in Counter(outcome.transitions).items():
        telemetry.count("OrderTransitions", number, transition=transition)
    if outcome.silent:
        telemetry.count("SilentWebhook")
        telemetry.logger.error("no notification came, though orders changed: is our URL registered at the platform?")
    for order_no, alert in outcome.alerts:
        telemetry.count("OrderAlerts", alert=alert)
        telemetry.logger.error("order", order_no=order_no, alert=alert)
    for problem in outcome.problems:
        telemetry.logger.warning("left for the next tick", problem=problem)
