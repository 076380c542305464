"""Reconciler: compares both sides of every order that is due or has changed; repairs by rule, or reports.

Each tick of its schedule, or {}, enqueues one task per due shard, and one for the platform's list of changed orders.
This function runs those tasks itself, and those for single orders that the platform could not take a moment ago.
{"order_no": …} reconciles one order now.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from jiuwu.aws import clients, invocation, task_queue
from jiuwu.aws.invocation import WrongPayload
from jiuwu.aws.settings import load
from jiuwu.bootstrap import MembersPlatform
from jiuwu.deadline import Deadline
from jiuwu.effects.queue import EffectQueue
from jiuwu.effects.queue_delay import Backlog
from jiuwu.orders.ids import is_order_no
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.settings import PlacingSettings
from jiuwu.reconciliation import reporting, shard_tasks
from jiuwu.reconciliation.repository import Records
from jiuwu.reconciliation.runner import ReconciliationRunner
from jiuwu.reconciliation.shard_tasks import ShardTask
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_ORDER_NO = re.compile(r"[\x21-\x7e]{1,64}")

Answer = dict[str, Any]


class Settings(PlacingSettings, frozen=True, kw_only=True):
    reconciliation_table: str


class Dependencies(NamedTuple):
    """The dependencies of reconciling."""

    settings: Settings
    store: OrderStore
    records: Records
    sqs: Any
    platform: MembersPlatform
    runtime: Runtime


def build(settings: Settings, platform: MembersPlatform, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; the AWS clients come from jiuwu.aws.clients."""
    dynamodb = clients.client("dynamodb")
    return Dependencies(
        settings=settings,
        store=OrderStore(dynamodb, settings.orders_table, shards=settings.due_shards),
        records=Records(dynamodb, settings.reconciliation_table),
        sqs=clients.client("sqs"),
        platform=platform,
        runtime=runtime,
    )


def handle(dependencies: Dependencies, event: object, deadline: Deadline) -> Answer:
    """Return how many tasks were enqueued, the reply to a batch of tasks, or what was found and done about one order.

    Raise WrongPayload, and FanoutFailed when a tick could not be enqueued.
    """
    if invocation.is_batch(event):
        return _run_tasks(_runner(dependencies), event, deadline)
    order_no = _requested_order(event)
    if order_no is not None:
        return _runner(dependencies).reconcile_order(order_no, deadline)
    return _enqueue_tick(dependencies)


def _requested_order(event: object) -> str | None:
    """Return the number of the order that a person asks for; None for a schedule's event, or {}."""
    requested = invocation.fields(event, "order_no")
    if not requested:
        return None
    order_no = requested["order_no"]
    if not isinstance(order_no, str) or not _ORDER_NO.fullmatch(order_no):
        raise WrongPayload("order_no: expected the text of an order number, 1 to 64 visible ASCII characters")
    return order_no


def _run_tasks(runner: ReconciliationRunner, batch: Mapping[str, Any], deadline: Deadline) -> Answer:
    tasks = task_queue.tasks(batch, ShardTask)
    for task in tasks:
        if task.body is None:
            reporting.malformed_task(task.message_id)
        elif is_order_no(task.body.name):
            runner.place_order(task.body, deadline)
        else:
            runner.reconcile_shard(task.body.held_by(task.message_id), deadline)
    return task_queue.batch_failures(task.message_id for task in tasks if task.body is None)


def _enqueue_tick(dependencies: Dependencies) -> Answer:
    settings, records = dependencies.settings, dependencies.records
    tasks = shard_tasks.of_tick(records.max_shards_ever(settings.due_shards), int(dependencies.runtime.clock()))
    return {"queued": task_queue.enqueue(dependencies.sqs, settings.reconcile_queue_url, tasks)}


def _runner(dependencies: Dependencies) -> ReconciliationRunner:
    settings, limits = dependencies.settings, dependencies.platform.profile.limits
    backlog = Backlog(limits.per_second(limits.lane("orders.push_status")), readers=settings.due_shards)
    effects = EffectQueue(dependencies.sqs, settings.effect_queue_url, backlog, runtime=dependencies.runtime)
    return ReconciliationRunner(**dependencies._asdict(), effects=effects)


_settings = load(Settings)
_dependencies = build(_settings, MembersPlatform.of(_settings))


def handler(event: object, context: "LambdaContext") -> Answer:
    """Entry point for Lambda."""
    return handle(_dependencies, event, Deadline.of(context))


cold_start.finish()
