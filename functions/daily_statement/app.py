"""DailyStatement: counts, sums and compares a day's orders on both sides; the report goes to the bucket.

Its schedule asks for yesterday; {"day": "2026-11-23"} for any day that is over. That begins a run and enqueues its
tasks, which this function also runs; the last task to end writes the report.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from typing import TYPE_CHECKING, Any, NamedTuple

from jiuwu.aws import clients, invocation, task_queue
from jiuwu.aws.invocation import WrongPayload
from jiuwu.aws.settings import load
from jiuwu.bootstrap import Platform
from jiuwu.deadline import Deadline
from jiuwu.orders.business_day import bounds, yesterday
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.settings import TradeSettings
from jiuwu.runtime import SYSTEM, Runtime
from jiuwu.statements import reporting
from jiuwu.statements.comparison import Comparer, Period
from jiuwu.statements.report import Statement
from jiuwu.statements.runs import Run, StatementRuns
from jiuwu.statements.tasks import WATCH, StatementTask, StatementWorker, tasks_of, wait_seconds

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# How often the watch checks a run, and after how long it ends a run whose tasks did not (seconds).
_WATCH_SECONDS, _LONGEST_RUN_SECONDS = 900, 7200

Answer = dict[str, Any]


class Settings(TradeSettings, frozen=True, kw_only=True):
    reconciliation_table: str
    statement_queue_url: str
    statements_bucket: str


class Dependencies(NamedTuple):
    """The dependencies of a run."""

    settings: Settings
    store: OrderStore
    runs: StatementRuns
    sqs: Any
    s3: Any
    platform: Platform
    runtime: Runtime


def build(settings: Settings, platform: Platform, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; the AWS clients come from jiuwu.aws.clients."""
    dynamodb = clients.client("dynamodb")
    return Dependencies(
        settings=settings,
        store=OrderStore(dynamodb, settings.orders_table, shards=settings.due_shards),
        runs=StatementRuns(dynamodb, settings.reconciliation_table),
        sqs=clients.client("sqs"),
        s3=clients.client("s3"),
        platform=platform,
        runtime=runtime,
    )


def handle(dependencies: Dependencies, event: object, deadline: Deadline, request_id: str) -> Answer:
    """Return the run that was begun, or the reply to a batch of tasks; raise WrongPayload.

    `request_id` names the run where the event does not.
    """
    if invocation.is_batch(event):
        tasks = task_queue.tasks(event, StatementTask)
        done = {task.message_id: _run_task(dependencies, task.body, deadline) for task in tasks}
        return task_queue.batch_failures(message_id for message_id, is_done in done.items() if not is_done)
    now = dependencies.runtime.clock()
    day, run = _requested_day(event, now)
    return _begin(dependencies, Run(day, run or request_id, int(now)))


def _requested_day(event: object, now: float) -> tuple[str, str]:
    """Return the requested day, and the name of its run: a schedule's event that comes twice begins one run."""
    day = invocation.fields(event, "day").get("day", yesterday(now))
    try:
        _, until = bounds(day)
    except (TypeError, ValueError, OverflowError):
        raise WrongPayload("day: expected a day such as 2026-11-23") from None
    if until > now:
        raise WrongPayload("day: is not over yet in Asia/Shanghai; `jiuwu reconcile --verify` compares what there is")
    return day, str(event.get("id", "")) if invocation.is_scheduled_event(event, "day") else ""


def _begin(dependencies: Dependencies, run: Run) -> Answer:
    dependencies.runs.begin(run)
    tasks = [StatementTask(run.day, run.run, name) for name in (WATCH, *tasks_of(run.day))]
    task_queue.enqueue(dependencies.sqs, dependencies.settings.statement_queue_url, tasks)
    reporting.begun(run)
    return {"day": run.day, "run": run.run, "tasks": len(tasks) - 1}


def _run_task(dependencies: Dependencies, task: StatementTask | None, deadline: Deadline) -> bool:
    """Run a task; return whether its message is done with. What a task still needs gets a message of its own."""
    if task is None:
        reporting.malformed_task()
        return False
    run = dependencies.runs.current(task.day)
    if run is None or run.run != task.run or run.finished:
        reporting.run_is_over(task)
    elif task.task == WATCH:
        _watch(dependencies, run, task)
    else:
        _compare(dependencies, run, task, deadline)
    return True


def _watch(dependencies: Dependencies, run: Run, task: StatementTask) -> None:
    """End an overdue run whose tasks did not end; its statement says so."""
    if dependencies.runtime.clock() - run.started_at > _LONGEST_RUN_SECONDS:
        _finish(dependencies, run)
    else:
        _requeue(dependencies, task, _WATCH_SECONDS)


def _compare(dependencies: Dependencies, run: Run, task: StatementTask, deadline: Deadline) -> None:
    runs, comparer = dependencies.runs, _comparer(dependencies, run.day)
    progress = StatementWorker(run, runs, dependencies.store, comparer, deadline).walk(task.task)
    if progress is None:
        return  # another copy of this task is ahead, and continues
    if not progress.done:
        if progress.failures:
            reporting.task_failed(task, progress.failures)
        _requeue(dependencies, task, wait_seconds(progress))
    # from the last one on: it is the likeliest to be still at work, and then no other has to be read
    elif runs.all_done(run, reversed(tasks_of(run.day))) and runs.claim(run, task.task):
        _finish(dependencies, run)


def _comparer(dependencies: Dependencies, day: str) -> Comparer:
    policy, period = dependencies.settings.policy, Period(*bounds(day))
    return Comparer(dependencies.store, lambda: dependencies.platform.client, policy, period, dependencies.runtime)


def _requeue(dependencies: Dependencies, task: StatementTask, seconds: int) -> None:
    url = dependencies.settings.statement_queue_url
    dependencies.sqs.send_message(QueueUrl=url, MessageBody=task.body(), DelaySeconds=seconds)


def _finish(dependencies: Dependencies, run: Run) -> None:
    """Write the statement and count it; after a crash on the way the task is redelivered and writes it again."""
    totals = dependencies.runs.totals(run, tasks_of(run.day))
    statement = Statement(run.day, *bounds(run.day), int(dependencies.runtime.clock()), totals, run.run)
    statement.put(dependencies.s3, dependencies.settings.statements_bucket)
    dependencies.runs.finish(run)
    reporting.written(run, totals)


_settings = load(Settings)
_dependencies = build(_settings, Platform(_settings))


def handler(event: object, context: "LambdaContext") -> Answer:
    """Entry point for Lambda."""
    return handle(_dependencies, event, Deadline.of(context), context.aws_request_id)


cold_start.finish()
