"""OrderProcessor: trade notifications from the order queue, applied to their orders exactly once.

Every message ends as applied, ignored with a reason, or failed with one. What failed goes back to the queue; what can
never succeed goes to the dead-letter queue at once, with its kind and reason, and holds up nobody.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients, settings, task_queue, telemetry
from jiuwu.aws.sqs import attributes
from jiuwu.bootstrap import Platform
from jiuwu.dead_letters import failed_message
from jiuwu.dead_letters.failed_message import Kind
from jiuwu.deadline import Deadline
from jiuwu.effects.queue import queue_effects
from jiuwu.intake import parser
from jiuwu.intake.adoption import adopt_from
from jiuwu.intake.inbox import Inbox, Result, Taken, TryLater
from jiuwu.intake.parser import Notice, Poison
from jiuwu.members.accounts import member_id_for
from jiuwu.orders import alerts
from jiuwu.orders.order import Order
from jiuwu.orders.repository import OrderStore, TableBusy, TableRefused
from jiuwu.orders.settings import TradeSettings
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

Record = Mapping[str, Any]

# What is not as the profile describes; all other poison is understood and cannot be.
_UNREADABLE = ("malformed", "not_an_orders_event")


class Settings(TradeSettings, frozen=True, kw_only=True):
    order_dead_letter_url: str
    effect_queue_url: str


class Processor(NamedTuple):
    """What processing a batch needs; the platform is asked for orders that we don't know."""

    settings: Settings
    sqs: Any
    store: OrderStore
    platform: Platform
    runtime: Runtime = SYSTEM


def handle(processor: Processor, event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
    """The reply to an SQS event: the messages that are to come again."""
    records: Sequence[Record] = event["Records"]
    now = int(processor.runtime.clock())
    read = {record["messageId"]: _read(processor, record, now) for record in records}
    told = {message: notice for message, notice in read.items() if isinstance(notice, Notice)}
    taken = _take_in(processor, list(told.values()), now, deadline)
    # not queued, nothing is handed back: a notification would find itself taken in and queue nothing
    queue_effects(processor.sqs, processor.settings.effect_queue_url, taken.with_new_effects)
    results = {message: result for message, result in read.items() if isinstance(result, Result)}
    results |= zip(told, taken.results, strict=True)
    delivered = _delivered(records, results)
    for record in records:
        message = record["messageId"]
        results[message] = _send_to_dlq(processor, record, results[message])
        _log(record, told.get(message), results[message], delivered)
    _count(results.values(), adopted=len(taken.adopted))
    return task_queue.batch_failures(message for message, result in results.items() if result.outcome == "failed")


def _read(processor: Processor, record: Record, now: int) -> Notice | Result:
    try:
        return parser.read(processor.platform.profile, record["body"], failed_message.attributes(record), now=now)
    except Poison as poison:
        return Result("poison", poison.reason, detail=poison.detail)


def _take_in(processor: Processor, told: Sequence[Notice], now: int, deadline: Deadline) -> Taken:
    """What keeps the table from answering fails the notices and not the invocation: poison still goes to the DLQ."""
    chosen = processor.settings
    policy = chosen.policy
    try:
        return Inbox(processor.store, policy, partial(_adopt, processor, now, deadline)).take_in(told)
    except (ClientError, BotoCoreError, TableBusy, TableRefused) as error:
        telemetry.logger.error("orders table", failed=clients.describe_error(error))
        return Taken((Result("failed", "orders_table"),) * len(told))


def _adopt(
    processor: Processor, now: int, deadline: Deadline, order_nos: Sequence[str]
) -> Mapping[str, Order | Poison | TryLater]:
    member = partial(member_id_for, processor.settings.app_id)
    return adopt_from(lambda: processor.platform.client, order_nos, member_id_for=member, now=now, deadline=deadline)


def _send_to_dlq(processor: Processor, record: Record, result: Result) -> Result:
    """Moves poison to the dead-letter queue as it came, with the reason; what cannot be moved comes again."""
    if result.outcome != "poison":
        return result
    kind = Kind.QUARANTINED if result.what in _UNREADABLE else Kind.POISON
    reason = f"{result.what}: {result.detail}"
    told = failed_message.failure_attributes(record, kind=kind, reason=reason, function="OrderProcessor")
    try:
        processor.sqs.send_message(
            QueueUrl=processor.settings.order_dead_letter_url,
            MessageBody=record["body"],
            MessageAttributes=attributes(told),
        )
    except (ClientError, BotoCoreError) as error:
        return Result("failed", "not_sent_to_dlq", detail=f"{reason}; {clients.describe_error(error)}")
    return result


def _delivered(records: Iterable[Record], results: Mapping[str, Result]) -> dict[str, str]:
    """Event id → delivery id of what this batch applied: who repeats it in the same batch can name its delivery."""
    applied = [failed_message.attributes(r) for r in records if results[r["messageId"]].outcome == "applied"]
    return {told.get("event_id", ""): told.get("delivery_id", "") for told in applied}


def _log(record: Record, notice: Notice | None, result: Result, delivered: Mapping[str, str]) -> None:
    grave = result.alerts or result.outcome == "poison"
    say = (
        telemetry.logger.error
        if grave
        else telemetry.logger.warning
        if result.outcome == "failed"
        else telemetry.logger.info
    )
    sent = failed_message.attributes(record)
    told: dict[str, object] = {
        "event_id": sent.get("event_id", ""),
        "event_type": sent.get("event_type", ""),
        "order_no": notice.order_no if notice else "",
        "outcome": result.outcome,
        "transition" if result.outcome == "applied" else "reason": result.what,
    }
    told |= {name: found for name in ("alerts", "detail", "duplicate_of") if (found := getattr(result, name))}
    told |= {name: found for name in ("delivery_id", "redriven_from") if (found := sent.get(name))}
    told |= {"duplicate_of_delivery_id": found} if (found := delivered.get(result.duplicate_of)) else {}
    say("order event", extra=told)


def _count(results: Iterable[Result], *, adopted: int) -> None:
    counts = Counter(metric for result in results for metric in _metrics(result))
    counts["Drift", "class", "missing_here"] += adopted
    for (name, *dimension), count in (+counts).items():
        telemetry.count(name, count, **dict([dimension] if dimension else []))


def _metrics(result: Result) -> Iterator[tuple[str, ...]]:
    yield from alerts.metrics(result.alerts)
    if result.outcome == "applied":
        yield "OrderTransitions", "transition", result.what
    if result.outcome == "poison":
        yield "PoisonMessages", "reason", result.what
    if result.what.startswith("duplicate_"):
        yield ("Duplicates",)


_settings = settings.load(Settings)
_processor = Processor(
    settings=_settings,
    sqs=clients.client("sqs"),
    store=OrderStore(clients.client("dynamodb"), _settings.orders_table, shards=_settings.due_shards),
    platform=Platform(_settings),
)


def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Entry point for Lambda."""
    return handle(_processor, event, Deadline.of(context))


cold_start.finish()
