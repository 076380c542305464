"""The modules whose every mutation is tried: what decides, and does no I/O."""

_LAYER = "layers/jiuwu/jiuwu"
PURE = tuple(
    f"{_LAYER}/{name}.py"
    for name in (
        "orders/order",
        "orders/state_machine",
        "orders/payment_rules",
        "orders/payment_sum",
        "orders/refund_rules",
        "orders/refund_status",
        "orders/effect_rules",
        "orders/outcomes",
        "orders/ids",
        "orders/business_day",
        "orders/codec",
        "orders/changes",
        "orders/cursor",
        "orders/merging",
        "reconciliation/decide",
        "reconciliation/contradictions",
        "reconciliation/page_trail",
        "reconciliation/shard_tasks",
        "effects/retry_policy",
        "effects/queue_delay",
        "throttling/token_bucket",
        "throttling/circuit_breaker",
        "throttling/lane",
        "statements/totals",
        "statements/comparison",
        "points/codec",
        "catalogue/pricing",
        "checkout/cart",
        "platform/money",
        "platform/times",
        "platform/field_reading",
        "platform/signing/scheme",
    )
)
