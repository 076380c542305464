"""EffectDispatcher: carries out the pending effects of orders, until each receiver has confirmed.

A message only names an order; what is pending is read from the order itself, so a message that comes twice, late or
for nothing does no harm.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients, task_queue
from jiuwu.aws.dynamodb import TableBusy
from jiuwu.aws.settings import load
from jiuwu.bootstrap import Platform
from jiuwu.dead_letters import failed_message
from jiuwu.dead_letters.queue import DeadLetterQueue
from jiuwu.deadline import Deadline
from jiuwu.effects import reporting
from jiuwu.effects.dead_letters import malformed_sent, send_to_dlq
from jiuwu.effects.dispatcher import Dispatcher
from jiuwu.effects.queue import order_no_of, queue_retries
from jiuwu.orders.repository import OrderStore, TableRefused
from jiuwu.orders.settings import TradeSettings
from jiuwu.points.ledger import PointsLedger
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Settings(TradeSettings, frozen=True, kw_only=True):
    event_bus_name: str
    points_table: str
    effect_queue_url: str
    effect_dead_letter_url: str
    check_payments_from_fen: int


class Dependencies(NamedTuple):
    """The dependencies of dispatching."""

    settings: Settings
    store: OrderStore
    events: Any
    sqs: Any
    points: PointsLedger
    dead_letters: DeadLetterQueue
    platform: Platform
    runtime: Runtime


def build(settings: Settings, platform: Platform, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; the AWS clients come from jiuwu.aws.clients."""
    dynamodb, sqs = clients.client("dynamodb"), clients.client("sqs")
    return Dependencies(
        settings=settings,
        store=OrderStore(dynamodb, settings.orders_table, shards=settings.due_shards),
        events=clients.client("events"),
        sqs=sqs,
        points=PointsLedger(dynamodb, settings.points_table),
        dead_letters=DeadLetterQueue(sqs, settings.effect_dead_letter_url, function="EffectDispatcher"),
        platform=platform,
        runtime=runtime,
    )


def handle(dependencies: Dependencies, event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
    """Return the reply to an SQS event: the messages that failed.

    An effect that failed gets a message of its own for its next attempt, and one that there was no time for gets one at
    once; one that failed permanently goes to the dead letters with its reason.
    """
    order_nos = {record["messageId"]: order_no_of(record["body"]) for record in event["Records"]}
    malformed = [record for record in event["Records"] if not order_nos[record["messageId"]]]
    failed = {record["messageId"] for record in malformed if not malformed_sent(dependencies.dead_letters, record)}
    begun = {order_nos[record["messageId"]] for record in event["Records"] if failed_message.received(record) > 1}
    unwritten = _dispatch(dependencies, [number for number in order_nos.values() if number], begun, deadline)
    failed |= {message for message, number in order_nos.items() if number in unwritten}
    return task_queue.batch_failures(message for message in order_nos if message in failed)


def _dispatch(
    dependencies: Dependencies, order_nos: Sequence[str], begun: Collection[str], deadline: Deadline
) -> Collection[str]:
    """Carry out the pending effects of these orders, of which those `begun` were received before; return the orders
    that could not be read or written."""
    try:
        dispatched = _dispatcher(dependencies, deadline).dispatch(order_nos, begun=begun)
    except (ClientError, BotoCoreError, TableBusy, TableRefused) as error:
        # what was confirmed before is confirmed again by the receivers, who dedupe by the effect's id
        reporting.unavailable(error)
        return order_nos
    reporting.dispatched(dispatched)
    now, url = int(dependencies.runtime.clock()), dependencies.settings.effect_queue_url
    queue_retries(dependencies.sqs, url, dispatched.next_at, now=now)
    return dispatched.unwritten


def _dispatcher(dependencies: Dependencies, deadline: Deadline) -> Dispatcher:
    settings = dependencies.settings
    return Dispatcher(
        dependencies.store,
        events=dependencies.events,
        bus=settings.event_bus_name,
        platform=lambda: dependencies.platform.client,
        points=dependencies.points,
        policy=settings.policy,
        send_to_dlq=partial(send_to_dlq, dependencies.dead_letters),
        check_from_fen=settings.check_payments_from_fen,
        deadline=deadline,
        runtime=dependencies.runtime,
    )


_settings = load(Settings)
_dependencies = build(_settings, Platform(_settings))


def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Entry point for Lambda."""
    return handle(_dependencies, event, Deadline.of(context))


cold_start.finish()
