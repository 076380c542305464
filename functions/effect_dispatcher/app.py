"""EffectDispatcher: carries out what orders have pending outside, until each receiver has confirmed.

A message only names an order; what is to be done is read from the order itself, so a message sent twice, late or for
nothing does no harm.
"""

from jiuwu.aws import boot  # first: it switches the collector off while the rest loads

# isort: split
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from jiuwu.aws import clients, settings, telemetry
from jiuwu.trade import alerts
from jiuwu.trade.effects import Attempt, Dispatched, Dispatcher
from jiuwu.trade.orders import effect_id
from jiuwu.trade.settings import TradeSettings
from jiuwu.trade.store import OrderStore
from jiuwu.wiring import Platform


class Settings(TradeSettings, frozen=True, kw_only=True):
    event_bus_name: str


class Request(msgspec.Struct, frozen=True):
    """A message of the effect queue."""

    order_no: str


class Parts(NamedTuple):
    """What dispatching needs."""

    settings: Settings
    store: OrderStore
    events: Any
    platform: Platform
    clock: Callable[[], float] = time.time


def handle(parts: Parts, event: Mapping[str, Any]) -> dict[str, Any]:
    """The reply to an SQS event: the messages that are to come again."""
    numbers = {record["messageId"]: _order_no(record["body"]) for record in event["Records"]}
    chosen = parts.settings
    dispatcher = Dispatcher(
        parts.store,
        events=parts.events,
        bus=chosen.event_bus_name,
        platform=lambda: parts.platform.client,
        policy=chosen.policy,
        clock=parts.clock,
    )
    dispatched = dispatcher.dispatch(number for number in numbers.values() if number)
    _report(dispatched)
    failed = [message for message, number in numbers.items() if not number or number in dispatched.unfinished]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _order_no(body: str) -> str:
    """The order's number, empty for what is no request of ours: such a message ends in the dead-letter queue."""
    try:
        return msgspec.json.decode(body, type=Request).order_no
    except (msgspec.DecodeError, UnicodeError) as error:
        telemetry.logger.error("effect queue", reason="malformed", failed=type(error).__name__)
        return ""


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
        outcome = "failed" if attempt.problem else "done"
        counts[attempt.effect.partition(":")[0], outcome] += 1
        told = {"effect_id": effect_id(attempt.order_no, attempt.effect), "order_no": attempt.order_no}
        say = telemetry.logger.warning if attempt.problem else telemetry.logger.info
        say("effect", extra={**told, "outcome": outcome, **({"reason": attempt.problem} if attempt.problem else {})})
    for (kind, outcome), count in counts.items():
        telemetry.count("Effects", count, effect=kind, outcome=outcome)


_settings = settings.load(Settings)
_parts = Parts(
    settings=_settings,
    store=OrderStore(clients.client("dynamodb"), _settings.orders_table),
    events=clients.client("events"),
    platform=Platform(_settings),
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point for Lambda."""
    return handle(_parts, event)


boot.done()
