"""What a million orders cost, by the prices of inputs.toml. Pure."""

from sandbox.capacity.days_statement import statement
from sandbox.capacity.inputs import Inputs
from sandbox.capacity.load import Busy, functions, requests
from sandbox.capacity.order import PerOrder

MILLION = 1_000_000
_CONSUMERS = {"OrderProcessor", "EffectDispatcher", "DeadLetterKeeper", "Reconciler"}
_DAYS_ORDERS = 20_000  # of a statement; what one order costs in it is the same with more


def per_million(order: PerOrder, inputs: Inputs, *, rate: float) -> dict[str, float]:
    """USD for a million orders that come at `rate` a second (batches fill with the rate), by what is paid for. What
    there would be without any order, such as idle ticks and renewed tokens, is not in it."""
    order, shop, prices = order.with_logins(inputs.shop.logins), inputs.shop, inputs.prices
    busy = _caused(order, inputs, rate)
    invocations = sum(one.invocations for one in busy)
    each = {
        "API Gateway requests": requests(order, inputs) * prices.api_request,
        "Lambda invocations": invocations * prices.lambda_invocation,
        "Lambda GB-seconds": sum(one.at_once for one in busy) * shop.memory_gb * prices.lambda_gb_second,
        "SQS requests": _sqs(order, busy) * prices.sqs_request,
        "DynamoDB write units": order.kind("write") * prices.write_unit,
        "DynamoDB read units": order.kind("read") * prices.read_unit,
        "KMS requests": order.of("kms") * prices.kms_request,
        "EventBridge events": prices.event,
        "the day's statement": statement(_DAYS_ORDERS, inputs).dollars / _DAYS_ORDERS,
        "CloudWatch Logs": shop.log_bytes / 1e9 * prices.log_gb,
        "X-Ray traces": sum(_traced(one.invocations * rate) for one in busy) / rate * prices.trace,
    }
    return {name: dollars * MILLION for name, dollars in each.items()}


def _caused(order: PerOrder, inputs: Inputs, rate: float) -> list[Busy]:
    """By one order: invocations, and the seconds of each function. The statement's are in its own price."""
    idle = {one.function: one for one in functions(0, order, inputs)}
    return [
        Busy(
            one.function,
            (one.invocations - idle[one.function].invocations) / rate,
            (one.at_once - idle[one.function].at_once) / rate,
        )
        for one in functions(rate, order, inputs)
        if one.function != "DailyStatement"
    ]


def _traced(invocations: float) -> float:
    """Of a function's invocations in a second: the first, and 5 % of the rest."""
    return min(invocations, 1) + 0.05 * max(invocations - 1, 0)


def _sqs(order: PerOrder, busy: list[Busy]) -> float:
    """Sends as counted, and a receive and a delete for each batch."""
    sent = order.calls["sqs", "send_message"] + order.calls["sqs", "send_message_batch"]
    return sent + 2 * sum(one.invocations for one in busy if one.function in _CONSUMERS)
