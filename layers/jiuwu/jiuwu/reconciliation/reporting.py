"""Logs and metrics of this room: the outcome of a task or of one order. Evidence is ids, states and fen only."""

from collections import Counter

from jiuwu.aws import telemetry

from .repository import Records
from .shard_tasks import ShardTask
from .worker import ReconciliationOutcome


def malformed_task(message_id: str) -> None:
    """Log a message of the reconcile queue that is no task."""
    telemetry.logger.error("reconcile queue", reason="malformed", message_id=message_id)


def task_done(records: Records, task: ShardTask, outcome: ReconciliationOutcome, started_at: float) -> None:
    """Count how far the list of changed orders is behind, if it was read; keep, count and log the outcome.

    A task that had nothing to do leaves nothing.
    """
    if outcome.lag_seconds is not None:
        telemetry.count("ChangesLag", outcome.lag_seconds)
    if not (outcome.checked or outcome.findings or outcome.problems):
        return
    report = outcome.report(int(started_at))
    record = records.save_report(report, now=started_at, part=f"{task.name}#{task.step}")
    outcome_known(outcome)
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
