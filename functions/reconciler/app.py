"""Reconciler: compares both sides of every order that is due or has changed, and mends by rule or reports.

Each tick of its schedule, or {}, queues one task per part: every due shard, and the platform's list of changed orders.
It takes those tasks itself, and those for single orders that the platform could not take a moment ago.
{"order_no": …} is one order now.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from jiuwu.aws import clients, invocation, settings, task_queue, telemetry
from jiuwu.aws.invocation import WrongPayload
from jiuwu.bootstrap import MembersPlatform
from jiuwu.deadline import Deadline
from jiuwu.effects.queue import EffectQueue, queue_effects
from jiuwu.effects.queue_delay import Backlog
from jiuwu.members.accounts import member_id_for
from jiuwu.orders.ids import is_order_no
from jiuwu.orders.order import Status
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.settings import TradeSettings
from jiuwu.reconciliation import shard_tasks
from jiuwu.reconciliation.repair import Repairer
from jiuwu.reconciliation.repository import OVERLAP_SECONDS, Records
from jiuwu.reconciliation.settle import OrderSynchroniser
from jiuwu.reconciliation.shard_tasks import Lease, ShardTask, queue_placing
from jiuwu.reconciliation.worker import Outcome, ReconciliationWorker
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_ORDER_NO = re.compile(r"[\x21-\x7e]{1,64}")
# What changed a moment ago has its notification still on its way: a part of the time that an order may wait for news,
# never less than intake, queue and processor take on a slow day, and never so long that the next pass over the list of
# changes would begin after it.
_FRESH_PART, _FRESH_AT_LEAST, _FRESH_AT_MOST = 6, 3, OVERLAP_SECONDS // 2
# A lease outlasts its invocation by what clocks may differ.
_LEASE_MARGIN_SECONDS = 10

Answer = dict[str, Any]


class Settings(TradeSettings, frozen=True, kw_only=True):
    members_table: str
    token_key_id: str
    reconciliation_table: str
    reconcile_queue_url: str
    effect_queue_url: str
    points_table: str


class Reconciler(NamedTuple):
    """What reconciling needs."""

    settings: Settings
    store: OrderStore
    records: Records
    dynamodb: Any
    sqs: Any
    platform: MembersPlatform
    runtime: Runtime = SYSTEM


def handle(reconciler: Reconciler, event: object, deadline: Deadline) -> Answer:
    """How many tasks were queued, or the reply to a batch of tasks, or what was found and done about one order; raises
    WrongPayload, and FanoutFailed when a tick could not be queued."""
    if invocation.is_batch(event):
        return _take(reconciler, event, deadline)
    order_no = _asked(event)
    if order_no is not None:
        return _one(reconciler, order_no, _sweep(reconciler, deadline, fresh_seconds=0))
    shards = reconciler.records.widest(reconciler.settings.due_shards)
    tick = shard_tasks.of_tick(shards, int(reconciler.runtime.clock()))
    return {"queued": task_queue.enqueue(reconciler.sqs, reconciler.settings.reconcile_queue_url, tick)}


def _take(reconciler: Reconciler, batch: Mapping[str, Any], deadline: Deadline) -> Answer:
    tasks = task_queue.tasks(batch, ShardTask)
    for task in tasks:
        if task.body:
            _work(reconciler, task.body.held_by(task.message_id), deadline)
        else:
            telemetry.logger.error("reconcile queue", reason="malformed", message_id=task.message_id)
    return task_queue.batch_failures(task.message_id for task in tasks if task.body is None)


def _work(reconciler: Reconciler, part: ShardTask, deadline: Deadline) -> None:
    """Works on a part and queues its continuation; what raises brings the task again."""
    if is_order_no(part.name):
        return _place(reconciler, part, deadline)
    clock, environment = reconciler.runtime.clock, reconciler.settings
    started_at, rest = clock(), None
    lease = Lease(reconciler.dynamodb, environment.reconciliation_table, part)
    until = int(started_at + deadline.remaining()) + _LEASE_MARGIN_SECONDS
    sweep = _sweep(reconciler, deadline, fresh_seconds=_fresh_seconds(environment.payment_check_seconds))
    try:
        rest = sweep.work(part, reconciler.records, partial(lease.take, int(started_at), until))
        if sweep.outcome.lag_seconds is not None:
            telemetry.count("ChangesLag", sweep.outcome.lag_seconds)
        _keep(reconciler.records, part, sweep.outcome, started_at)
        if rest:
            task_queue.enqueue(reconciler.sqs, environment.reconcile_queue_url, [rest])
    finally:
        if rest is None:
            lease.give_back()


def _place(reconciler: Reconciler, part: ShardTask, deadline: Deadline) -> None:
    """Try once more to place an order that the platform could not take a moment ago, and queue the next try after a
    growing pause, until the due time brings it. An order on its way is no drift: nothing is reported but what becomes
    of it."""
    environment, order_no = reconciler.settings, part.name
    order = reconciler.store.get(order_no)
    if order is None or order.status is not Status.CREATED:
        return
    outcome = _sweep(reconciler, deadline, fresh_seconds=0).one(order_no)
    outcome.findings.clear()
    _tell(outcome)
    if outcome.looked_at.get(order_no, order.status) == Status.CREATED:
        queue_placing(
            reconciler.sqs,
            environment.reconcile_queue_url,
            order_no,
            tries=part.step + 1,
            check_seconds=environment.payment_check_seconds,
        )


def _fresh_seconds(payment_check_seconds: int) -> int:
    return min(max(payment_check_seconds // _FRESH_PART, _FRESH_AT_LEAST), _FRESH_AT_MOST)


def _keep(records: Records, part: ShardTask, outcome: Outcome, started_at: float) -> None:
    """Reports, counts and logs what was found; a part in which nothing was to do leaves nothing."""
    if not (outcome.looked_at or outcome.findings or outcome.problems):
        return
    report = outcome.report(int(started_at))
    record = records.save_report(report, now=started_at, part=f"{part.name}#{part.step}")
    _tell(outcome)
    telemetry.logger.info("reconciled", record=record, looked_at=report.looked_at, drift=report.counts)


def _asked(event: object) -> str | None:
    """The order asked for; None when a schedule, or somebody with {}, asks for everything."""
    given = invocation.fields(event, "order_no")
    if not given:
        return None
    order_no = given["order_no"]
    if not isinstance(order_no, str) or not _ORDER_NO.fullmatch(order_no):
        raise WrongPayload("order_no: expected the text of an order number, 1 to 64 visible ASCII characters")
    return order_no


def _one(reconciler: Reconciler, order_no: str, sweep: ReconciliationWorker) -> Answer:
    """What was found and done about the order. What was pending before is asked for again: its message may be lost, and
    one more does no harm."""
    outcome = sweep.one(order_no)
    if not outcome.transitions:
        queue_effects(reconciler.sqs, reconciler.settings.effect_queue_url, outcome.pending)
    _tell(outcome)
    return {
        "order_no": order_no,
        "status": outcome.looked_at.get(order_no, "unknown"),
        "found": [{"class": finding.class_, "evidence": finding.evidence} for finding in outcome.findings],
        "did": outcome.transitions,
        "incomplete": bool(outcome.problems),
        "problems": outcome.problems,
    }


def _sweep(reconciler: Reconciler, deadline: Deadline, *, fresh_seconds: int) -> ReconciliationWorker:
    environment, runtime = reconciler.settings, reconciler.runtime
    policy = environment.policy
    limits = reconciler.platform.profile.limits
    effects = EffectQueue(
        reconciler.sqs,
        environment.effect_queue_url,
        Backlog(limits.per_second(limits.lane("orders.push_status")), readers=environment.due_shards),
        runtime=runtime,
    )
    settler = OrderSynchroniser(
        reconciler.store,
        Repairer(policy, partial(member_id_for, environment.app_id)),
        queue=effects.ask,
        wait=effects.wait,
        runtime=runtime,
    )
    return ReconciliationWorker(
        reconciler.store,
        settler,
        platform=lambda: reconciler.platform.client,
        place=partial(reconciler.platform.place, deadline=deadline),
        deadline=deadline,
        fresh_seconds=fresh_seconds,
        runtime=runtime,
    )


def _tell(outcome: Outcome) -> None:
    """Counts and logs what was found; evidence is ids, states and fen only."""
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


def build(environment: Settings, platform: MembersPlatform, runtime: Runtime = SYSTEM) -> Reconciler:
    """The reconciler of an environment; the AWS clients come from jiuwu.aws.clients."""
    dynamodb = clients.client("dynamodb")
    return Reconciler(
        environment,
        OrderStore(dynamodb, environment.orders_table, shards=environment.due_shards),
        Records(dynamodb, environment.reconciliation_table),
        dynamodb,
        clients.client("sqs"),
        platform,
        runtime,
    )


_settings = settings.load(Settings)
_reconciler = build(
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
    return handle(_reconciler, event, Deadline.of(context))


cold_start.finish()
