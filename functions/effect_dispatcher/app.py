"""EffectDispatcher: carries out what orders have pending outside, until each receiver has confirmed.

A message only names an order; what is to be done is read from the order itself, so a message sent twice, late or for
nothing does no harm.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads
from jiuwu.deadline import Deadline
from jiuwu.runtime import SYSTEM, Runtime

# isort: split
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients, settings, task_queue, telemetry
from jiuwu.aws.sqs import attributes
from jiuwu.bootstrap import Platform, queue_effects
from jiuwu.dead_letters import failed_message
from jiuwu.dead_letters.failed_message import Kind
from jiuwu.effects.dispatcher import Attempt, Dispatched, Dispatcher
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Failure
from jiuwu.orders.repository import OrderStore, TableBusy, TableRefused
from jiuwu.orders.settings import TradeSettings
from jiuwu.points.ledger import PointsLedger
from jiuwu.reconciliation import alerts

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_NAME = "EffectDispatcher"
# SQS holds a message back for so many seconds at most.
_LONGEST_DELAY = 900

Record = Mapping[str, Any]


class Settings(TradeSettings, frozen=True, kw_only=True):
    event_bus_name: str
    points_table: str
    effect_queue_url: str
    effect_dead_letter_url: str
    check_payments_from_fen: int


class Request(msgspec.Struct, frozen=True):
    """A message of the effect queue."""

    order_no: str


class Parts(NamedTuple):
    """What dispatching needs."""

    settings: Settings
    store: OrderStore
    events: Any
    sqs: Any
    points: PointsLedger
    platform: Platform
    runtime: Runtime = SYSTEM


def handle(parts: Parts, event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
    """Return the reply to an SQS event: the messages that are to come again.

    An effect that failed gets a message of its own for its next attempt, and one that there was no time for gets one at
    once; one that failed permanently goes to the dead letters with its reason.
    """
    numbers = {record["messageId"]: _order_no(record["body"]) for record in event["Records"]}
    unread = [record for record in event["Records"] if not numbers[record["messageId"]]]
    failed = {record["messageId"] for record in unread if not _send_to_dlq(parts, record)}
    begun = {numbers[record["messageId"]] for record in event["Records"] if failed_message.received(record) > 1}
    unwritten = _dispatch(parts, [number for number in numbers.values() if number], begun, deadline)
    failed |= {message for message, number in numbers.items() if number in unwritten}
    return task_queue.batch_failures(message for message in numbers if message in failed)


def _dispatch(parts: Parts, order_nos: Sequence[str], begun: Collection[str], deadline: Deadline) -> Collection[str]:
    """Carries out what these orders have pending, of which those `begun` were read before; returns those whose message
    is to come again."""
    chosen = parts.settings
    dispatcher = Dispatcher(
        parts.store,
        events=parts.events,
        bus=chosen.event_bus_name,
        platform=lambda: parts.platform.client,
        points=parts.points,
        policy=chosen.policy,
        send_to_dlq=partial(_send_effect_to_dlq, parts),
        check_from_fen=chosen.check_payments_from_fen,
        deadline=deadline,
        runtime=parts.runtime,
    )
    try:
        dispatched = dispatcher.dispatch(order_nos, begun=begun)
    except (ClientError, BotoCoreError, TableBusy, TableRefused) as error:
        # what was confirmed before is confirmed again by the receivers, who dedupe by the effect's id
        telemetry.logger.error("effect queue", reason="unavailable", failed=clients.describe_error(error))
        return order_nos
    _report(dispatched)
    _ask_again(parts, dispatched.next_at)
    return dispatched.unwritten


def _ask_again(parts: Parts, next_at: Mapping[str, Sequence[int]]) -> None:
    """A message for each time at which an order has something to try again. What waits longer than SQS can, and what
    the queue does not take, is brought back by the order's due time."""
    now = int(parts.runtime.clock())
    waits: dict[int, list[str]] = {}
    for number, times in next_at.items():
        for at in times:
            waits.setdefault(max(at - now, 0), []).append(number)
    for seconds, numbers in waits.items():
        if seconds <= _LONGEST_DELAY:
            queue_effects(parts.sqs, parts.settings.effect_queue_url, numbers, delay_seconds=seconds)


def _order_no(body: str) -> str:
    """The order's number, empty for what is no request of ours."""
    try:
        return msgspec.json.decode(body, type=Request).order_no
    except (msgspec.DecodeError, UnicodeError) as error:
        telemetry.logger.error("effect queue", reason="malformed", failed=type(error).__name__)
        return ""


def _send_to_dlq(parts: Parts, record: Record) -> bool:
    """Moves a message that is no request of ours to the dead letters as it came; whether that went well."""
    told = failed_message.failure_attributes(
        record, kind=Kind.POISON, reason="malformed: not a request of ours", function=_NAME
    )
    try:
        _send(parts, record["body"], told)
    except (ClientError, BotoCoreError) as error:
        telemetry.logger.error("effect queue", reason="not_sent_to_dlq", failed=clients.describe_error(error))
        return False
    return True


def _send_effect_to_dlq(parts: Parts, attempt: Attempt, failure: Failure) -> None:
    """Keep an effect that failed permanently; raise what SQS raises."""
    body = msgspec.json.encode({"order_no": attempt.order_no, "effect": str(attempt.effect)}).decode()
    told = {"kind": failure.kind, "reason": f"{failure.reason}: {attempt.problem}"[:1000], "function": _NAME}
    told |= {"attempts": str(attempt.number), "order_no": attempt.order_no, "effect": str(attempt.effect)}
    _send(parts, body, told)


def _send(parts: Parts, body: str, told: Mapping[str, str]) -> None:
    parts.sqs.send_message(
        QueueUrl=parts.settings.effect_dead_letter_url,
        MessageBody=body,
        MessageAttributes=attributes(told),
    )


def _report(dispatched: Dispatched) -> None:
    _report_attempts(dispatched.attempts)
    for order_no, heard in dispatched.alerts.items():
        telemetry.logger.error("effect", order_no=order_no, alerts=heard)
        for name, dimension, label in alerts.metrics(heard):
            telemetry.count(name, 1, **{dimension: label})
    for order_no, reason in dispatched.unwritten.items():
        telemetry.logger.error("effect", order_no=order_no, outcome="failed", reason=reason)


def _report_attempts(attempts: Sequence[Attempt]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for attempt in attempts:
        outcome = "failed_permanently" if attempt.verdict.failure else "failed" if attempt.problem else "done"
        counts[attempt.effect.kind, outcome] += 1
        told = {"effect_id": effect_id(attempt.order_no, attempt.effect), "order_no": attempt.order_no}
        say = telemetry.logger.warning if attempt.problem else telemetry.logger.info
        say("effect", extra={**told, "outcome": outcome, **({"reason": attempt.problem} if attempt.problem else {})})
    for (kind, outcome), count in counts.items():
        telemetry.count("Effects", count, effect=kind, outcome=outcome)


_settings = settings.load(Settings)
_parts = Parts(
    settings=_settings,
    store=OrderStore(clients.client("dynamodb"), _settings.orders_table, shards=_settings.due_shards),
    events=clients.client("events"),
    sqs=clients.client("sqs"),
    points=PointsLedger(clients.client("dynamodb"), _settings.points_table),
    platform=Platform(_settings),
)


def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Entry point for Lambda."""
    return handle(_parts, event, Deadline.of(context))


cold_start.finish()
