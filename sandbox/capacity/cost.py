"""What a million orders cost, by the prices of inputs.toml. Pure."""

from sandbox.capacity.inputs import Inputs
from sandbox.capacity.load import functions
from sandbox.capacity.order import PerOrder

MILLION = 1_000_000
_CONSUMERS = {"OrderProcessor", "EffectDispatcher"}


def per_million(order: PerOrder, inputs: Inputs, *, rate: float) -> dict[str, float]:
    """USD for a million orders that come at `rate` a second (batches fill with the rate), by what is paid for."""
    shop, prices = inputs.shop, inputs.prices
    busy = functions(rate, order, inputs)
    invocations = sum(one.invocations for one in busy) / rate
    gb_seconds = sum(one.at_once for one in busy) / rate * shop.memory_gb
    requests = 1 + shop.looks + 3 * shop.logins + order.notifications
    each = {
        "API Gateway requests": requests * prices.api_request,
        "Lambda invocations": invocations * prices.lambda_invocation,
        "Lambda GB-seconds": gb_seconds * prices.lambda_gb_second,
        "SQS requests": _sqs(order, rate, inputs) * prices.sqs_request,
        "DynamoDB write units": order.kind("write") * prices.write_unit,
        "DynamoDB read units": order.kind("read") * prices.read_unit,
        "KMS requests": order.of("kms") * prices.kms_request,
        "EventBridge events": prices.event,
        "CloudWatch Logs": shop.log_bytes / 1e9 * prices.log_gb,
        # the first of each second and 5 % of the rest
        "X-Ray traces": min(invocations, (len(busy) + 0.05 * invocations * rate) / rate) * prices.trace,
    }
    return {name: dollars * MILLION for name, dollars in each.items()}


def _sqs(order: PerOrder, rate: float, inputs: Inputs) -> float:
    """Sends as counted, and a receive and a delete for each batch."""
    sent = order.calls["sqs", "send_message"] + order.calls["sqs", "send_message_batch"]
    batches = sum(one.invocations for one in functions(rate, order, inputs) if one.function in _CONSUMERS) / rate
    return sent + 2 * batches
