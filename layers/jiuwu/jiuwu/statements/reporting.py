"""Logs and metrics of this room: the run of a daily statement, its tasks that fail, and its totals."""

from jiuwu.aws import telemetry

from .runs import Run
from .tasks import StatementTask
from .totals import Totals, total


def begun(run: Run) -> None:
    """Log that a run begins."""
    telemetry.logger.info("statement begun", day=run.day, run=run.run)


def malformed_task() -> None:
    """Log a message of the statement queue that is no task."""
    telemetry.logger.error("a message of the statement queue is no task")


def run_is_over(task: StatementTask) -> None:
    """Log a task whose run is finished, or counts no more."""
    telemetry.logger.info("a task of a run that is over", day=task.day, run=task.run, task=task.task)


def task_failed(task: StatementTask, failures: int) -> None:
    """Log a task that failed so many times in a row, and is tried again."""
    telemetry.logger.warning("a task failed and is tried again", task=task.task, failures=failures)


def written(run: Run, totals: Totals) -> None:
    """Log and count a statement that is in the bucket."""
    _count(totals)
    telemetry.logger.info(
        "statement",
        day=run.day,
        run=run.run,
        complete=totals.complete,
        differing=totals.differing,
        waiting=totals.waiting,
        classes=dict(totals.classes),
    )


def _count(totals: Totals) -> None:
    telemetry.count("StatementDifferences", totals.differing)
    telemetry.count("StatementInFlight", totals.waiting)
    telemetry.count("StatementIncomplete", 0 if totals.complete else 1)
    for side, figures in (("here", total(totals.here)), ("there", total(totals.there))):
        telemetry.count("StatementOrders", figures.orders, side=side)
        sums = {"ordered": figures.ordered_fen, "paid": figures.paid_fen, "refunded": figures.refunded_fen}
        for name, fen in sums.items():
            telemetry.count("StatementFen", fen, side=side, sum=name)
