"""DailyStatement: yesterday's orders counted, summed and compared with the platform's; the report goes to the bucket.

By schedule, or invoked with {"day": "2026-11-23"} for any day that is over. That begins a run and spreads its tasks
over the queue, which this function takes, too; the last task to end writes the report.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from jiuwu.aws import clients, invocation, settings, task_queue, telemetry
from jiuwu.aws.invocation import WrongPayload
from jiuwu.bootstrap import Platform
from jiuwu.deadline import Deadline
from jiuwu.orders.business_day import bounds, yesterday
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.settings import TradeSettings
from jiuwu.runtime import SYSTEM, Runtime
from jiuwu.statements.comparison import Comparer, Period
from jiuwu.statements.report import Statement
from jiuwu.statements.runs import Progress, Run, StatementRuns
from jiuwu.statements.tasks import StatementWorker, tasks_of, wait_seconds
from jiuwu.statements.totals import Totals, total

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# A task of its own that sees to it that a run ends, and says so when tasks of it never did.
_WATCH = "watch"
_WATCH_SECONDS, _LONGEST_RUN_SECONDS = 900, 7200

Answer = dict[str, Any]


class Settings(TradeSettings, frozen=True, kw_only=True):
    reconciliation_table: str
    statement_queue_url: str
    statements_bucket: str


class Work(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task of a run, as the queue carries it."""

    day: str
    run: str
    task: str


class DailyStatement(NamedTuple):
    """What a run needs."""

    settings: Settings
    store: OrderStore
    runs: StatementRuns
    sqs: Any
    s3: Any
    platform: Platform
    runtime: Runtime = SYSTEM


def handle(made: DailyStatement, event: object, deadline: Deadline, request_id: str) -> Answer:
    """What a run was begun with, or which tasks of a batch have to come again; raises WrongPayload.

    `request_id` names a run that no event names.
    """
    if invocation.is_batch(event):
        return task_queue.batch_failures(
            task.message_id for task in task_queue.tasks(event, Work) if not _did(made, task.body, deadline)
        )
    day, run = _asked(event, made.runtime.clock())
    return _begin(made, Run(day, run or request_id, int(made.runtime.clock())))


def _asked(event: object, now: float) -> tuple[str, str]:
    """The day asked for, and the run's name: a schedule's event that comes twice begins one run."""
    day = invocation.fields(event, "day").get("day", yesterday(now))
    try:
        _, until = bounds(day)
    except (TypeError, ValueError, OverflowError):
        raise WrongPayload("day: expected a day such as 2026-11-23") from None
    if until > now:
        raise WrongPayload("day: is not over yet in Asia/Shanghai; `jiuwu reconcile --verify` compares what there is")
    return day, str(event.get("id", "")) if invocation.is_scheduled_event(event, "day") else ""


def _begin(made: DailyStatement, run: Run) -> Answer:
    made.runs.begin(run)
    names = [_WATCH, *tasks_of(run.day)]
    task_queue.enqueue(made.sqs, made.settings.statement_queue_url, [Work(run.day, run.run, name) for name in names])
    telemetry.logger.info("statement begun", day=run.day, run=run.run)
    return {"day": run.day, "run": run.run, "tasks": len(names) - 1}


def _did(made: DailyStatement, work: Work | None, deadline: Deadline) -> bool:
    """Whether a task is dealt with for now; what it still needs comes with a message of its own."""
    if work is None:
        telemetry.logger.error("a message of the statement queue is no task")
        return False
    run = made.runs.current(work.day)
    if run is None or run.run != work.run or run.finished:
        telemetry.logger.info("a task of a run that is over", day=work.day, run=work.run, task=work.task)
    elif work.task == _WATCH:
        _watch(made, run, work)
    else:
        _walk(made, run, work, deadline)
    return True


def _watch(made: DailyStatement, run: Run, work: Work) -> None:
    if made.runtime.clock() - run.started_at > _LONGEST_RUN_SECONDS:
        _finish(made, run)
    else:
        _again(made, work, _WATCH_SECONDS)


def _walk(made: DailyStatement, run: Run, work: Work, deadline: Deadline) -> None:
    progress = StatementWorker(run, made.runs, made.store, _comparer(made, run.day), deadline).walk(work.task)
    if progress is None:
        return  # another copy of this task is ahead, and goes on
    if not progress.done:
        _log_failures(work, progress)
        _again(made, work, wait_seconds(progress))
    # from the last one on: it is the likeliest to be still at work, and then no other has to be read
    elif made.runs.all_done(run, reversed(tasks_of(run.day))) and made.runs.claim(run, work.task):
        _finish(made, run)


def _comparer(made: DailyStatement, day: str) -> Comparer:
    return Comparer(
        made.store,
        lambda: made.platform.client,
        made.settings.policy,
        Period(*bounds(day)),
        made.runtime,
    )


def _again(made: DailyStatement, work: Work, seconds: int) -> None:
    body = msgspec.json.encode(work).decode()
    made.sqs.send_message(QueueUrl=made.settings.statement_queue_url, MessageBody=body, DelaySeconds=seconds)


def _finish(made: DailyStatement, run: Run) -> None:
    """Writes the report and counts; a crash on the way brings the task back, and it is written again."""
    tally = made.runs.tally(run, tasks_of(run.day))
    statement = Statement(run.day, *bounds(run.day), int(made.runtime.clock()), tally, run.run)
    for kind, text, media in (("json", statement.json(), "application/json"), ("csv", statement.csv(), "text/csv")):
        made.s3.put_object(
            Bucket=made.settings.statements_bucket,
            Key=f"statements/{run.day}.{kind}",
            Body=text,
            ContentType=f"{media}; charset=utf-8",
        )
    _count(tally)
    made.runs.finish(run)
    telemetry.logger.info(
        "statement",
        day=run.day,
        run=run.run,
        complete=tally.complete,
        differing=tally.differing,
        waiting=tally.waiting,
        classes=dict(tally.classes),
    )


def _count(tally: Totals) -> None:
    telemetry.count("StatementDifferences", tally.differing)
    telemetry.count("StatementInFlight", tally.waiting)
    telemetry.count("StatementIncomplete", 0 if tally.complete else 1)
    for side, figures in (("here", total(tally.here)), ("there", total(tally.there))):
        telemetry.count("StatementOrders", figures.orders, side=side)
        sums = {"ordered": figures.ordered_fen, "paid": figures.paid_fen, "refunded": figures.refunded_fen}
        for name, fen in sums.items():
            telemetry.count("StatementFen", fen, side=side, sum=name)


def _log_failures(work: Work, progress: Progress) -> None:
    if progress.failures:
        telemetry.logger.warning("a task failed and is tried again", task=work.task, failures=progress.failures)


def build(environment: Settings, platform: Platform, runtime: Runtime = SYSTEM) -> DailyStatement:
    """The function in an environment; the AWS clients come from jiuwu.aws.clients."""
    dynamodb = clients.client("dynamodb")
    return DailyStatement(
        environment,
        OrderStore(dynamodb, environment.orders_table, shards=environment.due_shards),
        StatementRuns(dynamodb, environment.reconciliation_table),
        clients.client("sqs"),
        clients.client("s3"),
        platform,
        runtime,
    )


_settings = settings.load(Settings)
_made = build(_settings, Platform(_settings))


def handler(event: object, context: "LambdaContext") -> Answer:
    """Entry point for Lambda."""
    return handle(_made, event, Deadline.of(context), context.aws_request_id)


cold_start.finish()
