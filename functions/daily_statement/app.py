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
from jiuwu.statements.report import Statement
from jiuwu.statements.runner import StatementRunner
from jiuwu.statements.runs import Run, StatementRuns
from jiuwu.statements.tasks import StatementTask

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

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
    runner = _runner(dependencies)
    if invocation.is_batch(event):
        tasks = task_queue.tasks(event, StatementTask)
        done = {task.message_id: runner.run_task(task.body, deadline) for task in tasks}
        return task_queue.batch_failures(message_id for message_id, is_done in done.items() if not is_done)
    now = dependencies.runtime.clock()
    day, run = _requested_day(event, now)
    return runner.begin(Run(day, run or request_id, int(now)))


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


def _runner(dependencies: Dependencies) -> StatementRunner:
    def put(statement: Statement) -> None:
        statement.put(dependencies.s3, dependencies.settings.statements_bucket)

    return StatementRunner(
        store=dependencies.store,
        runs=dependencies.runs,
        sqs=dependencies.sqs,
        queue_url=dependencies.settings.statement_queue_url,
        platform=lambda: dependencies.platform.client,
        policy=dependencies.settings.policy,
        put=put,
        runtime=dependencies.runtime,
    )


_settings = load(Settings)
_dependencies = build(_settings, Platform(_settings))


def handler(event: object, context: "LambdaContext") -> Answer:
    """Entry point for Lambda."""
    return handle(_dependencies, event, Deadline.of(context), context.aws_request_id)


cold_start.finish()
