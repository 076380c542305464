"""Orders at every stage of a life, and the events that bring them there."""

from jiuwu.orders.effect_key import EffectKey, PushStatus, Ship
from jiuwu.orders.events import Cancelled, Completed, EffectDone, Event, Paid, Placed, Refunded
from jiuwu.orders.order import Line, Order
from jiuwu.orders.state_machine import EventOutcome, Ignored, Policy, apply

NOW = 1_763_800_000
REFUND = Policy(late_payment="refund")
REVIVE = Policy(late_payment="revive")

CREATED = Order(
    order_no="JWAAAAAAAAAAAAAAAAAAAAAA",
    member_id="mb_aaaaaaaaaaaaaaaaaaaa",
    open_id="ou_1",
    lines=(Line("p1", "茶", 2, 617),),
    amount_fen=1234,
    fingerprint="f",
    created_at=NOW,
    due_at=NOW + 180,
)


def paid(transaction: str = "t1", fen: int = 1234, event: str = "", at: int = NOW + 60) -> Paid:
    return Paid(event or f"evt-paid-{transaction}", at, transaction, fen, NOW + 50)


def refunded(refund: str = "r1", of: str = "t1", fen: int = 1234, event: str = "", at: int = NOW + 90) -> Refunded:
    return Refunded(event or f"evt-refunded-{refund}", at, refund, of, fen, NOW + 80)


def cancelled(event: str = "evt-cancelled", at: int = NOW + 70) -> Cancelled:
    return Cancelled(event, at, "timeout")


def completed(event: str = "evt-completed", at: int = NOW + 100) -> Completed:
    return Completed(event, at)


def placed(number: str = "P1", at: int = NOW + 1) -> Placed:
    return Placed(at, number, "https://pay")


def done(effect: EffectKey = Ship(), at: int = NOW + 61) -> EffectDone:  # noqa: B008 -- a value
    return EffectDone(at, effect)


def after(order: Order, *events: Event, policy: Policy = REFUND) -> Order:
    for event in events:
        order = order_of(order, apply(order, event, policy=policy))
    return order


def order_of(order: Order, outcome: EventOutcome) -> Order:
    return order if isinstance(outcome, Ignored) else outcome.order


PLACED = after(CREATED, placed())
PAID = after(PLACED, paid())
SHIPPED = after(PAID, done())
PUSHED = after(SHIPPED, done(PushStatus("shipped")))
COMPLETED = after(PUSHED, completed())
CANCELLED = after(PLACED, cancelled())
REFUNDED = after(PAID, refunded())
HELD = after(PLACED, paid(fen=1000))
ALL = [CREATED, PLACED, PAID, SHIPPED, PUSHED, COMPLETED, CANCELLED, REFUNDED, HELD]
CLOSED_FOR_PAYMENT = [PAID, SHIPPED, COMPLETED, REFUNDED, HELD]


def name(order: object) -> str:
    return str(order.status) if isinstance(order, Order) else str(order)
