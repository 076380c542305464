"""Which invocations cross on one order, and how the order then ends."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from jiuwu.orders.order import Status
from sandbox.simulation.world.world import MERCHANT_KEY
from sandbox.simulator import events
from sandbox.simulator.deliveries import under_new_id
from tests.functions.storefront_requests import request
from tests.proof.crash_points.scenarios import (
    buy,
    buy_for_points,
    cancel_there,
    linked,
    pay,
    refund_there,
    reserved,
    rich,
    silently,
    unplaced,
)
from tests.proof.interleavings.race import Crossroads
from tests.proof.stage import ITEMS, Stage, stage


@dataclass(frozen=True, slots=True)
class Case:
    """`prepare` goes well, then `meet` brings the invocations; the order ends in one of `ends`."""

    name: str
    prepare: Callable[[Stage], None]
    meet: Callable[[Crossroads], None]
    ends: tuple[Status, ...]
    proof: bool = False  # takes long


def ordered(stage: Stage) -> None:
    """An order on both sides, not paid."""
    linked(stage)
    buy(stage)


def notified(stage: Stage, *acts: Callable[[Stage], None]) -> None:
    """Things happen at the platform, and their notifications lie in the order queue."""
    for act in acts:
        act(stage)
    stage.advance(1)


def again(stage: Stage) -> None:
    """The payment once more under another event id."""
    order = stage.world.platform.state.orders.get(stage.order_no)
    stage.world.platform.notifier.emit(under_new_id(events.paid(order, order.payments[0]), len(order.payments)))


def repeat(stage: Stage) -> None:
    """The payment once more under its own event id."""
    order = stage.world.platform.state.orders.get(stage.order_no)
    stage.world.platform.notifier.emit(events.paid(order, order.payments[0]))


def second(stage: Stage) -> None:
    """Another payment of the same order."""
    stage.world.platform.actions.pay(stage.order_no, transaction_id="second")


def notifications(*acts: Callable[[Stage], None]) -> Callable[[Crossroads], None]:
    """Each of these is in an invocation of OrderProcessor of its own."""

    def meet(here: Crossroads) -> None:
        notified(here.stage, *acts)
        here.arrive_for("OrderProcessor", "OrderQueue")

    return meet


def cancels(here: Crossroads) -> None:
    """The member cancels."""
    path, lan = f"/orders/{here.stage.order_no}/cancel", here.stage.lan
    here.arrive("Storefront", request("POST", path, session=lan.session, key=None, body=""))


def reconciles(here: Crossroads) -> None:
    """The reconciler looks at this very order."""
    here.arrive("Reconciler", {"order_no": here.stage.order_no})


def dispatches(here: Crossroads) -> None:
    """The dispatcher is requested to deliver the order's effects."""
    queue = here.stage.world.account.queue("EffectQueue")
    queue.messages.clear()
    queue.heap.clear()
    here.stage.world.account.client("sqs").send_message(
        QueueUrl=queue.url, MessageBody=json.dumps({"order_no": here.stage.order_no})
    )
    here.arrive_for("EffectDispatcher", "EffectQueue")


def refunds(key: str, fen: int | None) -> Callable[[Crossroads], None]:
    """The merchant asks for money back."""

    def meet(here: Crossroads) -> None:
        body = {"reason": "returned"} | ({"amount_fen": fen} if fen else {})
        headers = {"authorization": f"Bearer {MERCHANT_KEY}", "idempotency-key": key}
        path = f"/merchant/orders/{here.stage.order_no}/refunds"
        here.arrive("BackOffice", request("POST", path, session=None, key=None, body=body, headers=headers))

    return meet


def buys(here: Crossroads) -> None:
    """The member presses the button."""
    lan = here.stage.lan
    here.arrive("Storefront", request("POST", "/orders", session=lan.session, key="key-1", body={"items": ITEMS}))


def looks(here: Crossroads) -> None:
    """The member looks at the order."""
    path, lan = f"/orders/{here.stage.order_no}", here.stage.lan
    here.arrive("Storefront", request("GET", path, session=lan.session, key=None, body=""))


def ordered_before(stage: Stage) -> None:
    """An order on both sides, not paid, old enough for a look."""
    ordered(stage)
    stage.advance(10)


def buys_for_points(here: Crossroads) -> None:
    """The member presses the button for points."""
    body = {"items": ITEMS, "pay_with": "points"}
    here.arrive("Storefront", request("POST", "/orders", session=here.stage.lan.session, key="key-1", body=body))


def points_unspent(stage: Stage) -> None:
    """An order for points, paid as it was created; its points are reserved and not spent."""
    rich(stage)
    buy_for_points(stage)
    taken_in(stage)


def paid_unshipped(stage: Stage) -> None:
    """An order paid, its shipping requested and not done."""
    ordered(stage)
    notified(stage, pay)
    taken_in(stage)


def taken_in(stage: Stage) -> None:
    """The notification is applied here, and none of its effects has left yet."""
    world = stage.world
    stage.advance(1)
    queue = world.account.queue("OrderQueue")
    for held in world.account.client("sqs").take(queue, 10, queue.visibility):
        world.deliver(world.functions["OrderProcessor"], queue, [held])


def each(*meets: Callable[[Crossroads], None]) -> Callable[[Crossroads], None]:
    """All of them."""

    def meet(here: Crossroads) -> None:
        for one in meets:
            one(here)

    return meet


SHIPPED, CANCELLED, REFUNDED = Status.SHIPPED, Status.CANCELLED, Status.REFUNDED
CASES = (
    Case("payment and the same payment under another id", ordered, notifications(pay, again), (SHIPPED,)),
    Case("payment and its second delivery", ordered, notifications(pay, repeat), (SHIPPED,)),
    Case("two payments", ordered, notifications(pay, second), (SHIPPED,)),
    Case("payment and cancellation by the member", ordered, each(notifications(pay), cancels), (SHIPPED,)),
    Case("two cancellations by the member", ordered, each(cancels, cancels), (CANCELLED,)),
    Case("payment and the reconciler that sees it", ordered, each(notifications(pay), reconciles), (SHIPPED,)),
    Case(
        "two reconcilers that see a payment",
        ordered,
        each(lambda h: silently(pay)(h.stage), reconciles, reconciles),
        (SHIPPED,),
    ),
    Case("cancellation there and the reconciler", ordered, each(notifications(cancel_there), reconciles), (CANCELLED,)),
    Case("two dispatchers", paid_unshipped, each(dispatches, dispatches), (SHIPPED,)),
    Case(
        "dispatcher and the notice of a refund",
        paid_unshipped,
        each(notifications(refund_there), dispatches),
        (REFUNDED,),
    ),
    Case("dispatcher and the reconciler", paid_unshipped, each(dispatches, reconciles), (SHIPPED,)),
    Case("one button pressed twice at once", linked, each(buys, buys), (Status.PLACED,)),
    Case(
        "two refunds of everything by the merchant",
        paid_unshipped,
        each(refunds("a", None), refunds("b", None)),
        (REFUNDED, SHIPPED),
    ),
    Case("one button for points pressed twice at once", rich, each(buys_for_points, buys_for_points), (SHIPPED,)),
    Case("two dispatchers of an order for points", points_unspent, each(dispatches, dispatches), (SHIPPED,)),
    Case(
        "cancellation by the member of an order for points and the reconciler that places it",
        reserved,
        each(cancels, reconciles),
        (CANCELLED, SHIPPED),
    ),
    Case("payment and a look that sees it", ordered_before, each(notifications(pay), looks), (SHIPPED,)),
    Case("a look and the same request for an order not placed", unplaced, each(looks, buys), (Status.PLACED,)),
    Case("a look and the reconciler, for an order not placed", unplaced, each(looks, reconciles), (Status.PLACED,)),
    Case(
        "a look that places an order and its cancellation", unplaced, each(looks, cancels), (CANCELLED, Status.PLACED)
    ),
    Case("three payments", ordered, notifications(pay, second, again), (SHIPPED,), proof=True),
    Case("payment three times", ordered, notifications(pay, repeat, again), (SHIPPED,), proof=True),
    Case(
        "payment, cancellation and the reconciler",
        ordered,
        each(notifications(pay), cancels, reconciles),
        (SHIPPED,),
        proof=True,
    ),
    Case(
        "two dispatchers and the notice of a refund",
        paid_unshipped,
        each(notifications(refund_there), dispatches, dispatches),
        (REFUNDED,),
        proof=True,
    ),
    Case(
        "payment, its second delivery and the dispatcher",
        ordered,
        each(notifications(pay, repeat), dispatches),
        (SHIPPED,),
        proof=True,
    ),
)


@contextmanager
def crossroads(case: Case) -> Iterator[Crossroads]:
    """The case at the moment when its invocations meet."""
    with stage() as found:
        found.world.stop()
        case.prepare(found)
        here = Crossroads(found)
        case.meet(here)
        here.remember()
        yield here
