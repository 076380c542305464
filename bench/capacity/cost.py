"""Cost of a million orders by the prices of inputs.toml. Pure."""

from bench.capacity.bulk_passes import BulkPass
from bench.capacity.concurrency import Busy, functions
from bench.capacity.inputs import Inputs
from bench.capacity.limits import requests
from bench.capacity.order_usage import OrderUsage

MILLION = 1_000_000
_CONSUMERS = {"OrderProcessor", "EffectDispatcher", "DeadLetterKeeper", "Reconciler"}
_STATEMENT_ORDERS = 20_000  # of a day; with more an order costs the same


def per_million(order: OrderUsage, statement: BulkPass, inputs: Inputs, *, rate: float) -> dict[str, float]:
    """Return the USD for a million orders by what is paid for.

    They come at `rate` a second, because batches fill with the rate. What is paid without any order, such as idle
    ticks and renewed tokens, is left out.
    """
    order, shop, prices = order.with_logins(inputs.shop.logins), inputs.shop, inputs.prices
    busy = _caused(order, inputs, rate)
    each = {
        "API Gateway requests": requests(order, inputs) * prices.api_request,
        "Lambda invocations": sum(one.invocations for one in busy) * prices.lambda_invocation,
        "Lambda GB-seconds": sum(one.concurrency for one in busy) * shop.memory_gb * prices.lambda_gb_second,
        "SQS requests": _sqs(order, busy) * prices.sqs_request,
        "DynamoDB write units": order.kind("write") * prices.write_unit,
        "DynamoDB read units": order.kind("read") * prices.read_unit,
        "KMS requests": order.of("kms") * prices.kms_request,
        "EventBridge events": prices.event,
        "the day's statement": statement.of(_STATEMENT_ORDERS, inputs).dollars / _STATEMENT_ORDERS,
        "CloudWatch Logs": shop.log_bytes / 1e9 * prices.log_gb,
        "X-Ray traces": sum(_traced(one.invocations * rate) for one in busy) / rate * prices.trace,
    }
    return {name: dollars * MILLION for name, dollars in each.items()}


def _caused(order: OrderUsage, inputs: Inputs, rate: float) -> list[Busy]:
    """Return each function's invocations and seconds that one order causes, the statement's left out."""
    idle = {one.function: one for one in functions(0, order, inputs)}
    return [
        Busy(
            one.function,
            (one.invocations - idle[one.function].invocations) / rate,
            (one.concurrency - idle[one.function].concurrency) / rate,
        )
        for one in functions(rate, order, inputs)
        if one.function != "DailyStatement"
    ]


def _traced(invocations: float) -> float:
    """Return how many of a function's invocations in a second are traced: the first, and 5 % of the rest."""
    return min(invocations, 1) + 0.05 * max(invocations - 1, 0)


def _sqs(order: OrderUsage, busy: list[Busy]) -> float:
    """Return the sends as counted, and a receive and a delete for each batch."""
    sent = order.calls["sqs", "send_message"] + order.calls["sqs", "send_message_batch"]
    return sent + 2 * sum(one.invocations for one in busy if one.function in _CONSUMERS)
