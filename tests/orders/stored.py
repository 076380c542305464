"""Orders as the table keeps them, and the events of a usual life."""

from dataclasses import replace
from typing import Any

from jiuwu.orders.effect_key import PushStatus, Ship
from jiuwu.orders.events import Completed, EffectDone, Event, Paid, Placed
from jiuwu.orders.ids import order_no_for
from jiuwu.orders.order import Line, Order
from jiuwu.orders.state_machine import Applied, Policy, apply

NOW = 1_763_800_000
POLICY = Policy()


def an_order(number: int = 0, **changes: Any) -> Order:
    return replace(
        Order(
            order_no=order_no_for("mb_aaaaaaaaaaaaaaaaaaaa", f"key-{number}"),
            member_id="mb_aaaaaaaaaaaaaaaaaaaa",
            open_id="ou_0123456789abcdef01234567",
            lines=(Line("tea-2025-spring", "明前龙井 2025 春茶 250 克礼盒装", 2, 617),),
            amount_fen=1234,
            fingerprint="0123456789abcdef" * 4,
            created_at=NOW,
            due_at=NOW + POLICY.check_seconds,
        ),
        **changes,
    )


def lived(order: Order, *events: Event) -> Order:
    for event in events:
        outcome = apply(order, event, policy=POLICY)
        assert isinstance(outcome, Applied), outcome
        order = outcome.order
    return order


LIFE: tuple[tuple[Event, ...], ...] = (
    (Placed(NOW + 1, "P2025112200000000001", "https://pay.example.com/p/P2025112200000000001?sign=0123456789abcdef"),),
    (Paid("evt_3f2504e04f8911d39a0c0305e82c3301", NOW + 60, "T20251122000000000000000001", 1234, NOW + 59),),
    (EffectDone(NOW + 61, Ship()), EffectDone(NOW + 61, PushStatus("shipped"))),
    (Completed("evt_3f2504e04f8911d39a0c0305e82c3302", NOW + 86_400),),
)
