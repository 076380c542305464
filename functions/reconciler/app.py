"""Reconciler: compares both sides of every order that is due or has changed; repairs by rule, or reports.

Each tick of its schedule, or {}, enqueues one task per due shard, and one for the platform's list of changed orders.
This function runs those tasks itself, and those for single orders that the platform could not take a moment ago.
{"order_no": …} reconciles one order now.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from jiuwu.aws import clients, invocation, task_queue
from jiuwu.aws.invocation import WrongPayload
from jiuwu.aws.settings import load
from jiuwu.bootstrap import MembersPlatform
from jiuwu.deadline import Deadline
from jiuwu.effects.queue import EffectQueue, queue_effects
from jiuwu.effects.queue_delay import Backlog
from jiuwu.members.accounts import member_id_for
from jiuwu.orders.ids import is_order_no
from jiuwu.orders.order import Status
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.settings import TradeSettings
from jiuwu.reconciliation import reporting, shard_tasks
from jiuwu.reconciliation.repair import Repairer
from jiuwu.reconciliation.repository import Records
from jiuwu.reconciliation.settle import OrderSynchroniser
from jiuwu.reconciliation.shard_tasks import Lease, ShardTask, queue_placing
from jiuwu.reconciliation.worker import ReconciliationWorker, fresh_seconds
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_ORDER_NO = re.compile(r"[\x21-\x7e]{1,64}")
# A lease outlasts its invocation by the most that clocks may differ.
_LEASE_MARGIN_SECONDS = 10

Answer = dict[str, Any]


class Settings(TradeSettings, frozen=True, kw_only=True):
    members_table: str
    token_key_id: str
    reconciliation_table: str
    reconcile_queue_url: str
    effect_queue_url: str
    points_table: str


class Dependencies(NamedTuple):
    """The dependencies of reconciling."""

    settings: Settings
    store: OrderStore
    records: Records
    dynamodb: Any
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
        dynamodb=dynamodb,
        sqs=clients.client("sqs"),
        platform=platform,
        runtime=runtime,
    )


def handle(dependencies: Dependencies, event: object, deadline: Deadline) -> Answer:
    """Return how many tasks were enqueued, the reply to a batch of tasks, or what was found and done about one order.

    Raise WrongPayload, and FanoutFailed when a tick could not be enqueued.
    """
    if invocation.is_batch(event):
        return _run_tasks(dependencies, event, deadline)
    order_no = _requested_order(event)
    if order_no is not None:
        return _reconcile_order(dependencies, order_no, deadline)
    shards = dependencies.records.max_shards_ever(dependencies.settings.due_shards)
    tasks = shard_tasks.of_tick(shards, int(dependencies.runtime.clock()))
    return {"queued": task_queue.enqueue(dependencies.sqs, dependencies.settings.reconcile_queue_url, tasks)}


def _requested_order(event: object) -> str | None:
    """Return the number of the order that a person asks for; None for a schedule's event, or {}."""
    requested = invocation.fields(event, "order_no")
    if not requested:
        return None
    order_no = requested["order_no"]
    if not isinstance(order_no, str) or not _ORDER_NO.fullmatch(order_no):
        raise WrongPayload("order_no: expected the text of an order number, 1 to 64 visible ASCII characters")
    return order_no


def _run_tasks(dependencies: Dependencies, batch: Mapping[str, Any], deadline: Deadline) -> Answer:
    tasks = task_queue.tasks(batch, ShardTask)
    for task in tasks:
        if task.body is None:
            reporting.malformed_task(task.message_id)
        elif is_order_no(task.body.name):
            _place(dependencies, task.body, deadline)
        else:
            _reconcile_shard(dependencies, task.body.held_by(task.message_id), deadline)
    return task_queue.batch_failures(task.message_id for task in tasks if task.body is None)


def _reconcile_shard(dependencies: Dependencies, task: ShardTask, deadline: Deadline) -> None:
    """Run a task and enqueue its continuation; after an exception the task is redelivered."""
    settings, started_at, rest = dependencies.settings, dependencies.runtime.clock(), None
    lease = Lease(dependencies.dynamodb, settings.reconciliation_table, task)
    until = int(started_at + deadline.remaining()) + _LEASE_MARGIN_SECONDS
    worker = _worker(dependencies, deadline, fresh_seconds=fresh_seconds(settings.payment_check_seconds))
    try:
        rest = worker.work(task, dependencies.records, partial(lease.take, int(started_at), until))
        reporting.task_done(dependencies.records, task, worker.outcome, started_at)
        if rest:
            task_queue.enqueue(dependencies.sqs, settings.reconcile_queue_url, [rest])
    finally:
        if rest is None:
            lease.give_back()


def _place(dependencies: Dependencies, task: ShardTask, deadline: Deadline) -> None:
    """Try once more to place an order that the platform could not take a moment ago, and enqueue the next try.

    Pauses grow until the order's due time comes as soon. An order on its way is no drift: only its outcome is reported.
    """
    settings, order_no = dependencies.settings, task.name
    order = dependencies.store.get(order_no)
    if order is None or order.status is not Status.CREATED:
        return
    outcome = _worker(dependencies, deadline, fresh_seconds=0).one(order_no)
    outcome.findings.clear()
    reporting.outcome_known(outcome)
    if outcome.checked.get(order_no, order.status) == Status.CREATED:
        url, check_seconds = settings.reconcile_queue_url, settings.payment_check_seconds
        queue_placing(dependencies.sqs, url, order_no, tries=task.step + 1, check_seconds=check_seconds)


def _reconcile_order(dependencies: Dependencies, order_no: str, deadline: Deadline) -> Answer:
    """Reconcile one order now, and queue its pending effects once more: their message may be lost."""
    outcome = _worker(dependencies, deadline, fresh_seconds=0).one(order_no)
    if not outcome.transitions:
        queue_effects(dependencies.sqs, dependencies.settings.effect_queue_url, outcome.pending)
    reporting.outcome_known(outcome)
    return outcome.answer(order_no)


def _worker(dependencies: Dependencies, deadline: Deadline, *, fresh_seconds: int) -> ReconciliationWorker:
    settings, platform, runtime = dependencies.settings, dependencies.platform, dependencies.runtime
    limits = platform.profile.limits
    backlog = Backlog(limits.per_second(limits.lane("orders.push_status")), readers=settings.due_shards)
    effects = EffectQueue(dependencies.sqs, settings.effect_queue_url, backlog, runtime=runtime)
    repairer = Repairer(settings.policy, partial(member_id_for, settings.app_id))
    return ReconciliationWorker(
        dependencies.store,
        OrderSynchroniser(dependencies.store, repairer, queue=effects.ask, wait=effects.wait, runtime=runtime),
        platform=lambda: platform.client,
        place=partial(platform.place, deadline=deadline),
        deadline=deadline,
        fresh_seconds=fresh_seconds,
        runtime=runtime,
    )


_settings = load(Settings)
_dependencies = build(
    _settings,
    MembersPlatform(
        _settings,
        members_table=_settings.members_table,
        token_key_id=_settings.token_key_id,
        points_table=_settings.points_table,
    ),
)


def handler(event: object, context: "LambdaContext") -> Answer:
    """Entry point for Lambda."""
    return handle(_dependencies, event, Deadline.of(context))


cold_start.finish()
