"""Logs and metrics of this room: how each order notification of a batch ended."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from jiuwu.aws import clients, telemetry
from jiuwu.dead_letters.failed_message import Record, attributes
from jiuwu.orders import alerts

from .inbox import NoticeResult
from .parser import Notice


def orders_table_failed(error: Exception) -> None:
    """Log that the orders table did not answer; the notifications are redelivered."""
    telemetry.logger.error("orders table", failed=clients.describe_error(error))


def batch_processed(
    records: Sequence[Record], notices: Mapping[str, Notice], results: Mapping[str, NoticeResult], *, adopted: int
) -> None:
    """Log each message of a batch with its result, and count the results; notices and results are by message id."""
    deliveries = _applied_deliveries(records, results)
    for record in records:
        message_id = record["messageId"]
        _log(record, notices.get(message_id), results[message_id], deliveries)
    _count(results.values(), adopted=adopted)


def _applied_deliveries(records: Iterable[Record], results: Mapping[str, NoticeResult]) -> dict[str, str]:
    """Return event id → delivery id of what was applied: a duplicate in the same batch names its delivery."""
    applied = [attributes(record) for record in records if results[record["messageId"]].outcome == "applied"]
    return {sent.get("event_id", ""): sent.get("delivery_id", "") for sent in applied}


def _log(record: Record, notice: Notice | None, result: NoticeResult, deliveries: Mapping[str, str]) -> None:
    sent = attributes(record)
    fields: dict[str, object] = {
        "event_id": sent.get("event_id", ""),
        "event_type": sent.get("event_type", ""),
        "order_no": notice.order_no if notice else "",
        "outcome": result.outcome,
        "transition" if result.outcome == "applied" else "reason": result.what,
    }
    fields |= {name: found for name in ("alerts", "detail", "duplicate_of") if (found := getattr(result, name))}
    fields |= {name: found for name in ("delivery_id", "redriven_from") if (found := sent.get(name))}
    fields |= {"duplicate_of_delivery_id": found} if (found := deliveries.get(result.duplicate_of)) else {}
    if result.alerts or result.outcome == "poison":
        telemetry.logger.error("order event", extra=fields)
    elif result.outcome == "failed":
        telemetry.logger.warning("order event", extra=fields)
    else:
        telemetry.logger.info("order event", extra=fields)


def _count(results: Iterable[NoticeResult], *, adopted: int) -> None:
    counts = Counter(metric for result in results for metric in _metrics(result))
    counts["Drift", "class", "missing_here"] += adopted
    for (name, *dimension), count in (+counts).items():
        telemetry.count(name, count, **dict([dimension] if dimension else []))


def _metrics(result: NoticeResult) -> Iterator[tuple[str, ...]]:
    yield from alerts.metrics(result.alerts)
    if result.outcome == "applied":
        yield "OrderTransitions", "transition", result.what
    if result.outcome == "poison":
        yield "PoisonMessages", "reason", result.what
    if result.what.startswith("duplicate_"):
        yield ("Duplicates",)
