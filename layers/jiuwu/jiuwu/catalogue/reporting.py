"""Logs and metrics of this room: the run of a product sync.

A reason is the platform's word; its sentence stays in the row.
"""

from jiuwu.aws import telemetry

from .full_sync import SyncResult
from .sync import SyncOutcome


def finished(result: SyncResult) -> None:
    """Count the outcomes of a run, and log what a person should know of."""
    for outcome, number in result.counts.items():
        telemetry.count("Products", number, outcome=outcome.value)
    for found in result.findings:
        write = telemetry.logger.warning if found.outcome is not SyncOutcome.REPAIRED else telemetry.logger.info
        write("product", product_id=found.product_id, outcome=found.outcome.value, reason=found.detail)
    if result.problems:
        telemetry.logger.warning("left for the next run", problem=result.problems[0])
    telemetry.logger.info("catalogue", finished=result.finished, outcomes=result.as_dict()["outcomes"])
