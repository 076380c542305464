"""A statement's run: begun with its tasks, watched, and finished by the task that ends last."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jiuwu.aws import task_queue
from jiuwu.deadline import Deadline
from jiuwu.orders.business_day import bounds
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Policy
from jiuwu.runtime import Runtime

from . import reporting
from .comparison import Comparer, Period
from .report import Statement
from .runs import Run, StatementRuns
from .tasks import WATCH, StatementTask, StatementWorker, tasks_of, wait_seconds

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from jiuwu.platform.calls.client import PlatformClient

# How often the watch checks a run, and after how long it ends a run whose tasks did not (seconds).
_WATCH_SECONDS, _MAX_RUN_SECONDS = 900, 7200


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRunner:
    """Begins runs and runs their tasks. `platform` is called when its client is first needed; `put` keeps a statement
    that is written."""

    store: OrderStore
    runs: StatementRuns
    sqs: "SQSClient"
    queue_url: str
    platform: "Callable[[], PlatformClient]"
    policy: Policy
    put: Callable[[Statement], object]
    runtime: Runtime

    def begin(self, run: Run) -> dict[str, Any]:
        """Begin a run and enqueue its tasks; return which, and how many."""
        self.runs.begin(run)
        tasks = [StatementTask(run.day, run.run, name) for name in (WATCH, *tasks_of(run.day))]
        task_queue.enqueue(self.sqs, self.queue_url, tasks)
        reporting.begun(run)
        return {"day": run.day, "run": run.run, "tasks": len(tasks) - 1}

    def run_task(self, task: StatementTask | None, deadline: Deadline) -> bool:
        """Run a task; return whether its message is done with. What a task still needs gets a message of its own."""
        if task is None:
            reporting.malformed_task()
            return False
        run = self.runs.current(task.day)
        if run is None or run.run != task.run or run.finished:
            reporting.run_is_over(task)
        elif task.task == WATCH:
            self._watch(run, task)
        else:
            self._compare(run, task, deadline)
        return True

    def _watch(self, run: Run, task: StatementTask) -> None:
        """End an overdue run whose tasks did not end; its statement says so."""
        if self.runtime.clock() - run.started_at > _MAX_RUN_SECONDS:
            self._finish(run)
        else:
            self._requeue(task, _WATCH_SECONDS)

    def _compare(self, run: Run, task: StatementTask, deadline: Deadline) -> None:
        comparer = Comparer(self.store, self.platform, self.policy, Period(*bounds(run.day)), self.runtime)
        progress = StatementWorker(run, self.runs, self.store, comparer, deadline).walk(task.task)
        if progress is None:
            return  # another copy of this task is ahead, and continues
        if not progress.done:
            if progress.failures:
                reporting.task_failed(task, progress.failures)
            self._requeue(task, wait_seconds(progress))
        # from the last one on: it is the likeliest to be still at work, and then no other has to be read
        elif self.runs.all_done(run, reversed(tasks_of(run.day))) and self.runs.claim(run, task.task):
            self._finish(run)

    def _requeue(self, task: StatementTask, seconds: int) -> None:
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=task.body(), DelaySeconds=seconds)

    def _finish(self, run: Run) -> None:
        """Write the statement and count it; after a crash on the way the task is redelivered and writes it again."""
        totals = self.runs.totals(run, tasks_of(run.day))
        self.put(Statement(run.day, *bounds(run.day), int(self.runtime.clock()), totals, run.run))
        self.runs.finish(run)
        reporting.written(run, totals)
