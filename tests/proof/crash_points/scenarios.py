"""The scenarios in which every process crashes once at every call that it makes."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx
from msgspec.structs import replace

from jiuwu.aws.dynamodb import unmarshal_fields
from jiuwu.catalogue.repository import from_item
from jiuwu.catalogue.sync import compare
from jiuwu.dead_letters.failed_message import Kind
from jiuwu.dead_letters.repository import DeadLetterRepository
from jiuwu.members.accounts import member_id_for
from jiuwu.orders.order import Status
from jiuwu.platform.profile.contract import RefundStatus
from jiuwu.points.ledger import PointsLedger
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.world.actors import Merchant, Refused
from sandbox.simulation.world.world import APP_ID, START
from sandbox.simulator import events
from sandbox.simulator import orders as platform_orders
from sandbox.simulator.deliveries import under_new_id
from sandbox.simulator.grants import ACCESS_SECONDS
from sandbox.simulator.orders import Order as Theirs
from sandbox.simulator.orders import Refund
from sandbox.simulator.refusals import Refused as RefusedThere
from tests.proof.stage import ITEMS, PARAMETERS, PRICE_FEN, Stage

HOUR, DAY = 3600.0, 86_400.0
# Half an hour after midnight in Shanghai: then the statement of the day that is over is made.
STATEMENT_AT = START // DAY * DAY + 16.5 * HOUR


@dataclass(frozen=True, slots=True)
class Scenario:
    """`prepare` goes well; crashes begin with `act` and may happen for `seconds`, as long as the scenario takes without
    a crash; at rest the order is `ends`, and `back_fen` went back to the member (None: all that was paid).

    `off` are functions whose event sources are switched off, `failed_permanently` the kind of effect that
    does. `idle` are scheduled functions that find nothing to do here: their processes crash in a scenario of their own.
    The world begins at `start` (Unix seconds).
    """

    name: str
    prepare: Callable[[Stage], None]
    act: Callable[[Stage], None]
    ends: Status | None
    back_fen: int | None = 0
    seconds: float = 30.0
    hours: float = 3.0
    off: tuple[str, ...] = ()
    idle: tuple[str, ...] = ("TokenRefresher", "ProductSync")
    failed_permanently: str = ""
    start: float = START
    also: Callable[[Stage], str] = lambda _stage: ""  # what else is wrong at rest


def nobody(_stage: Stage) -> None:
    """Nothing to prepare, or nothing to do."""


def linked(stage: Stage) -> None:
    """A member who has logged in."""
    stage.lan.log_in()


def log_in(stage: Stage) -> None:
    """From the beginning, as often as it takes."""

    def attempt() -> None:
        try:
            stage.lan.log_in()
        except Refused as refused:
            # whatever the page says, it offers to begin again
            raise Refused("login", {"statusCode": 500, "body": str(refused)}) from refused

    stage.retry(attempt)


def log_in_asking_twice(stage: Stage) -> None:
    """The browser requests each callback twice, whatever the first request brought."""

    def attempt() -> None:
        try:
            callback = stage.lan.consent()
            with suppress(Refused):
                stage.lan.finish_login(callback)
            stage.lan.finish_login(callback)
        except Refused as refused:
            raise Refused("login", {"statusCode": 500, "body": str(refused)}) from refused

    stage.retry(attempt)


def exchanged_once(stage: Stage) -> str:
    """The platform takes back what a code gave when the code comes a second time."""
    grants = stage.world.platform.state.grants.grants.values()
    return "a code was exchanged twice" if any(grant.revoked for grant in grants) else ""


def buy(stage: Stage, **more: object) -> None:
    stage.order_no = stage.retry(lambda: stage.lan.place("key-1", ITEMS, **more))


def buy_unheard(stage: Stage, **more: object) -> None:
    """The platform cannot be reached while the member orders; our order is safe."""
    take_no_orders(stage)
    buy(stage, **more)
    stage.world.calls.on_call = stage.on_call


def take_no_orders(stage: Stage) -> None:
    """From now on the platform cannot be reached with new orders."""

    def unreachable(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        stage.on_call(service, operation, phase, request)
        if operation == "orders.create":
            raise httpx.ConnectError("no connection")

    stage.world.calls.on_call = unreachable


def unplaced(stage: Stage) -> None:
    """An order that the platform has not heard of; it is back."""
    linked(stage)
    buy_unheard(stage)


def look_here(stage: Stage) -> None:
    """The member looks at the order until an answer comes."""
    stage.retry(lambda: stage.lan.get_order(stage.order_no))


def pay_and_look(stage: Stage) -> None:
    """The member comes back from paying; the notification is on its way."""
    pay(stage)
    look_here(stage)


def placed(stage: Stage) -> None:
    """An order on both sides, and everything at rest."""
    linked(stage)
    buy(stage)
    stage.advance(60)


def paid(stage: Stage) -> None:
    """An order paid and shipped."""
    placed(stage)
    pay(stage)
    stage.advance(60)


def pay(stage: Stage) -> None:
    stage.world.platform.actions.pay(stage.order_no)


def pay_twice_told(stage: Stage) -> None:
    """The same payment three times: twice under its event id, once under another."""
    pay(stage)
    order = stage.world.platform.state.orders.get(stage.order_no)
    event = events.paid(order, order.payments[-1])
    stage.world.platform.notifier.emit(event)
    stage.world.platform.notifier.emit(under_new_id(event))


def pay_again(stage: Stage) -> None:
    pay(stage)
    stage.world.platform.actions.pay(stage.order_no, transaction_id="second")


def pay_a_part(stage: Stage) -> None:
    stage.world.platform.actions.pay(stage.order_no, 1000, "gift")


def pay_in_parts(stage: Stage) -> None:
    """A gift card, a wallet, and a third payment that is more than what is missing."""
    pay_a_part(stage)
    stage.world.platform.actions.pay(stage.order_no, 1000, "wallet")
    stage.world.platform.actions.pay(stage.order_no, 2 * PRICE_FEN, "too-much")


def partly_paid(stage: Stage) -> None:
    """An order paid in part, whose time is over with the reconciler's next runs."""
    placed(stage)
    pay_a_part(stage)
    stage.advance(float(PARAMETERS["OrderExpirySeconds"]) - 70)


def notify_untruly(stage: Stage) -> None:
    """A notification, rightly signed, of a payment that the platform does not know."""
    order = stage.world.platform.state.orders.get(stage.order_no)
    untrue = platform_orders.pay(order, order.request.amount_fen, "untrue", int(stage.world.clock.now))
    stage.world.platform.notifier.emit(events.paid(untrue, untrue.payments[-1]))


def notified_untruly(stage: Stage) -> None:
    """An order shipped for such a payment."""
    placed(stage)
    notify_untruly(stage)
    stage.advance(400)


def pay_under_its_id(stage: Stage) -> None:
    stage.world.platform.actions.pay(stage.order_no, None, "true")


def pay_and_refund_there(stage: Stage) -> None:
    """The platform gives all back before the queue redelivers the message of a process that crashed as it shipped."""
    pay(stage)
    stage.world.clock.at(stage.world.clock.now + 20, lambda: refund_there(stage))


def pay_the_rest(stage: Stage) -> None:
    stage.world.platform.actions.pay(stage.order_no)


def cancel_there(stage: Stage) -> None:
    stage.world.platform.actions.cancel(stage.order_no, "timeout")


def cancelled(stage: Stage) -> None:
    placed(stage)
    cancel_there(stage)
    stage.advance(60)


def pay_late(stage: Stage) -> None:
    stage.world.platform.actions.pay(stage.order_no, force=True)


def cancel_here(stage: Stage) -> None:
    """The member cancels; that the order is cancelled already is an answer, too."""
    try:
        stage.retry(lambda: stage.lan.cancel(stage.order_no))
    except Refused as refused:
        assert refused.status == 409, refused  # noqa: PT017 -- not what is tested here


def refund_there(stage: Stage) -> None:
    stage.world.platform.actions.refund(stage.order_no)


def refund_a_part(stage: Stage) -> None:
    stage.merchant(f"/orders/{stage.order_no}/refunds", "part-1", {"amount_fen": 100, "reason": "scratched"})


def refund_all(stage: Stage) -> None:
    stage.merchant(f"/orders/{stage.order_no}/refunds", "all-1", {"reason": "returned"})


def slowly(prepare: Callable[[Stage], None]) -> Callable[[Stage], None]:
    """Prepared so, and from then on no refund is made at once at the platform."""

    def prepared(stage: Stage) -> None:
        prepare(stage)
        state = stage.world.platform.state
        state.config = replace(state.config, refunds_begin_as="processing")

    return prepared


def refunds_become(stage: Stage, *ends: RefundStatus) -> None:
    """Half a minute after each began, the platform's refunds succeed or fail, as it says, the first first."""
    actions, left = stage.world.platform.actions, list(ends)

    def begun(order: Theirs, refund: Refund) -> None:
        status = left.pop(0)

        def end() -> None:
            actions.refund_becomes(order.number, refund.refund_id, status)

        stage.world.clock.at(stage.world.clock.now + 30, end)

    actions.on_processing = begun


def refund_all_slowly(stage: Stage) -> None:
    refunds_become(stage, "succeeded")
    refund_all(stage)


def refund_all_in_the_end(stage: Stage) -> None:
    """The merchant's refund fails at the platform, and they ask again."""
    refunds_become(stage, "failed", "succeeded")
    refund_all(stage)
    ask_again(stage)


def pay_again_refund_fails(stage: Stage) -> None:
    """The refund that a second payment is owed fails, and the merchant asks for it."""
    refunds_become(stage, "failed", "succeeded")
    pay_again(stage)
    ask_again(stage, 2 * PRICE_FEN)


def ask_again(stage: Stage, fen: int | None = None) -> None:
    """The merchant asks for a refund that failed, every two minutes until there is money to give back."""

    def ask() -> None:
        # before the failure was heard of, its money is on its way back
        if any(effect.refund_failed for _, effect in stage.order.effects):
            with suppress(Refused):
                Merchant(stage.world).refund("all-2", stage.order_no, fen)
                return
        stage.world.clock.at(stage.world.clock.now + 120, ask)

    stage.world.clock.at(stage.world.clock.now + 60, ask)


def complete(stage: Stage) -> None:
    stage.world.platform.actions.complete(stage.order_no)


def silently(act: Callable[[Stage], None]) -> Callable[[Stage], None]:
    """Done at the platform, and no notification of it ever comes."""

    def quiet(stage: Stage) -> None:
        notifier = stage.world.platform.notifier
        emit, notifier.emit = notifier.emit, lambda *_: None  # type: ignore[method-assign]
        act(stage)
        notifier.emit = emit  # type: ignore[method-assign]

    return quiet


def forget_here(stage: Stage) -> None:
    """Our table loses the order."""
    stage.world.account.client("dynamodb").delete_item(TableName="OrdersTable", Key={"order_no": {"S": stage.order_no}})
    pay(stage)


def nearly_expired(stage: Stage) -> None:
    """An order whose time is over with the reconciler's next runs."""
    placed(stage)
    stage.advance(float(PARAMETERS["OrderExpirySeconds"]) - 70)


def nearly_renewed(stage: Stage) -> None:
    """A member whose token is about to be renewed."""
    linked(stage)
    stage.advance(_until_renewal(stage) - 30)


def _until_renewal(stage: Stage) -> float:
    return ACCESS_SECONDS - float(stage.world.wiring.parameter("RefreshAheadSeconds"))


def long_away(stage: Stage) -> None:
    """A member whose token has expired, and nobody renewed it."""
    linked(stage)
    stage.advance(3 * HOUR)


def rich(stage: Stage) -> None:
    """A member with points enough for one order."""
    linked(stage)
    _ledger(stage).grant(_member_id(stage), "welcome", PRICE_FEN * 3, at=int(stage.world.clock.now), reason="welcome")


def buy_for_points(stage: Stage) -> None:
    buy(stage, pay_with="points")


def reserved(stage: Stage) -> None:
    """An order for points that the platform does not hear of: placed after seconds, it would be paid and shipped before
    a member asks again whose cancelling was cut off."""
    rich(stage)
    take_no_orders(stage)
    buy(stage, pay_with="points")


def spent(stage: Stage) -> str:
    """What is wrong with the member's points after an order for points; empty when they were spent once."""
    return _points_are(stage, PRICE_FEN * 3 - stage.order.points)


def returned(stage: Stage) -> str:
    """The same, when they were given back."""
    return _points_are(stage, PRICE_FEN * 3)


def _points_are(stage: Stage, wanted: int) -> str:
    audit = _ledger(stage).audit(_member_id(stage))
    fine = audit.adds_up and audit.balance == wanted and stage.order.points
    return "" if fine else f"{audit.balance} points, not {wanted}"


def unlink(stage: Stage) -> None:
    """The member leaves; when asked again after it was done, the session is over."""
    try:
        stage.retry(stage.lan.unlink)
    except Refused as refused:
        assert refused.status == 401, refused  # noqa: PT017 -- not what is tested here


def left(stage: Stage) -> str:
    """What is still there of a member who left; empty when nothing is."""
    (row,) = stage.world.account.tables["MembersTable"].rows.values()
    kept = sorted(name for name in row.item if name.endswith("_encrypted"))
    revoked = all(grant.revoked for grant in stage.world.platform.state.grants.grants.values())
    gone = row.item["link_status"]["S"] == "unlinked" and revoked and not kept
    return "" if gone else f"{row.item['link_status']['S']}, revoked there: {revoked}, kept here: {kept}"


def nearly_midnight(stage: Stage) -> None:
    """An order of the day whose statement is about to be made."""
    paid(stage)
    stage.advance(STATEMENT_AT - stage.world.clock.now - 5)


def stated(stage: Stage) -> str:
    """What is wrong with the day's statement; empty when it is there and both sides agree."""
    found = stage.world.account.buckets["StatementsBucket"]
    if sorted(name.rpartition(".")[2] for name in found) != ["csv", "json"]:
        return f"statements: {sorted(found)}"
    statement = json.loads(next(text for name, text in found.items() if name.endswith("json")))
    sums = [
        statement["total"][side] | {"orders_differing": statement["orders_differing"]} for side in ("here", "there")
    ]
    fine = statement["complete"] and sums[0] == sums[1] and sums[0]["orders"] == 1
    return "" if fine else f"the statement says {sums}, complete: {statement['complete']}"


def listed(stage: Stage) -> None:
    """The whole catalogue is at the platform, and it will be looked at again in a minute."""
    stage.advance(HOUR)


def reprice(stage: Stage) -> None:
    """The merchant changes two prices."""
    for product_id in ("mug-panda", "lamp-moon"):
        key = {"product_id": {"S": product_id}}
        row = stage.world.account.client("dynamodb").get_item(TableName="ProductsTable", Key=key)["Item"]
        stage.world.account.client("dynamodb").put_item(
            TableName="ProductsTable", Item=row | {"price_fen": {"N": "1234"}}
        )


def products_differ(stage: Stage) -> str:
    """How the platform's shelf differs from our table."""
    ours = [from_item(unmarshal_fields(row.item)) for row in stage.world.account.tables["ProductsTable"].rows.values()]
    shelf: Any = stage.world.platform.state.products
    differs = {one.product_id: fields for one in ours if (fields := compare(one, shelf.get(one.product_id)))}
    return f"the shelf differs: {differs}" if differs else ""


def tell_unreadably(stage: Stage) -> None:
    """A notification that is rightly signed and not as the profile describes."""
    order = stage.world.platform.state.orders.get(stage.order_no)
    event = events.of_type(order, "order.completed", int(stage.world.clock.now))
    stage.world.platform.notifier.send(event, "original", _UNREADABLE, due=stage.world.clock.now)


_UNREADABLE = '{"event":"of another kind"}'


def quarantined(stage: Stage) -> str:
    """What is wrong with the dead letters; empty when the unreadable notification is the only one, byte for byte."""
    dead_letters = [
        _repository(stage).get(dead_letter.dead_letter_id)
        for dead_letter in _repository(stage).of_kind(Kind.QUARANTINED)
    ]
    bodies = [dead_letter.body.decode() for dead_letter in dead_letters if dead_letter]
    return "" if bodies == [_UNREADABLE] else f"quarantined: {bodies}"


def refund_refused(stage: Stage) -> None:
    """The merchant gives back a part, and the platform will never hear of it."""

    def refuse(*_: object) -> NoReturn:
        raise RefusedThere("bad_parameters", "no refunds of this kind")

    stage.world.platform.actions.refund_as = refuse  # type: ignore[method-assign, assignment]
    refund_a_part(stage)


def failed_messages(stage: Stage) -> str:
    """What is wrong with the dead letters; empty when the permanently failed effect is the only one."""
    found = [(dead_letter.order_no, dead_letter.effect) for dead_letter in _repository(stage).of_kind(Kind.POISON)]
    failed = [(stage.order_no, str(key)) for key, effect in stage.order.effects if effect.failure]
    return "" if found == failed and len(failed) == 1 else f"dead letters {found}, failed permanently {failed}"


def _repository(stage: Stage) -> DeadLetterRepository:
    return DeadLetterRepository(stage.world.account.client("dynamodb"), "DeadLettersTable")


def _ledger(stage: Stage) -> PointsLedger:
    return PointsLedger(stage.world.account.client("dynamodb"), "PointsTable")


def _member_id(stage: Stage) -> str:
    return member_id_for(APP_ID, stage.lan.open_id)


_SCHEDULED = ("TokenRefresher", "ProductSync", "Reconciler")
SCENARIOS = (
    Scenario("OAuth callback", nobody, log_in, None, idle=_SCHEDULED),
    Scenario("OAuth callback requested twice", nobody, log_in_asking_twice, None, idle=_SCHEDULED, also=exchanged_once),
    Scenario("order creation", linked, buy, Status.PLACED, hours=1, idle=_SCHEDULED),
    Scenario("new payment", placed, pay, Status.SHIPPED),
    Scenario("duplicate", placed, pay_twice_told, Status.SHIPPED),
    Scenario("double payment", placed, pay_again, Status.SHIPPED, back_fen=2 * PRICE_FEN),
    Scenario("payment in part", placed, pay_a_part, Status.HELD, hours=1),
    Scenario("payment in parts, and more than the amount", placed, pay_in_parts, Status.SHIPPED, back_fen=2000),
    Scenario("expiry of an order paid in part", partly_paid, nobody, Status.REFUNDED, back_fen=None, seconds=400),
    Scenario("the rest as the order expires", partly_paid, pay_the_rest, Status.SHIPPED, seconds=400),
    Scenario("the true payment after an untrue one", notified_untruly, pay_under_its_id, Status.SHIPPED, seconds=400),
    Scenario("late payment", cancelled, pay_late, Status.REFUNDED, back_fen=None),
    Scenario("cancellation by the member", placed, cancel_here, Status.CANCELLED),
    Scenario("cancellation by the platform", placed, cancel_there, Status.CANCELLED),
    Scenario("refund by the platform", paid, refund_there, Status.REFUNDED, back_fen=None),
    Scenario(
        "refund by the platform as the order ships",
        placed,
        pay_and_refund_there,
        Status.REFUNDED,
        back_fen=None,
        seconds=60,
    ),
    Scenario("refund by the merchant, in part", paid, refund_a_part, Status.SHIPPED, back_fen=100),
    Scenario("refund by the merchant", paid, refund_all, Status.REFUNDED, back_fen=None),
    Scenario(
        "refund under way that succeeds", slowly(paid), refund_all_slowly, Status.REFUNDED, back_fen=None, seconds=60
    ),
    Scenario(
        "refund that fails, requested again",
        slowly(paid),
        refund_all_in_the_end,
        Status.REFUNDED,
        back_fen=None,
        seconds=120,
    ),
    Scenario(
        "refund of a second payment that fails, requested again",
        slowly(placed),
        pay_again_refund_fails,
        Status.SHIPPED,
        back_fen=PRICE_FEN * 2,
        seconds=120,
    ),
    Scenario("completion", paid, complete, Status.COMPLETED),
    Scenario("reconcile repair: a missed payment notification", placed, silently(pay), Status.SHIPPED, seconds=400),
    Scenario("reconcile repair: an order our table lost", placed, forget_here, Status.SHIPPED),
    Scenario(
        "reconcile repair: an order the platform never got", linked, buy_unheard, Status.PLACED, seconds=400, hours=1
    ),
    Scenario("an order the platform could not take, and the same request again", unplaced, buy, Status.PLACED, hours=1),
    Scenario("an order the platform could not take, and a look at it", unplaced, look_here, Status.PLACED, hours=1),
    Scenario("a member who comes back from paying", placed, pay_and_look, Status.SHIPPED),
    Scenario(
        "a member who comes back after a missed payment notification",
        placed,
        silently(pay_and_look),
        Status.SHIPPED,
        seconds=400,
    ),
    Scenario("schedules with nothing to do", placed, nobody, Status.PLACED, seconds=400, hours=1, idle=()),
    Scenario("points order", rich, buy_for_points, Status.SHIPPED, idle=_SCHEDULED, also=spent),
    Scenario("points order cancelled", reserved, cancel_here, Status.CANCELLED, also=returned),
    Scenario("expiry of an unpaid order", nearly_expired, nobody, Status.CANCELLED, seconds=400),
    Scenario("payment as the order expires", nearly_expired, pay, Status.SHIPPED, seconds=400),
    Scenario(
        "token refresh by the clock", nearly_renewed, nobody, None, seconds=400, idle=("ProductSync", "Reconciler")
    ),
    Scenario(
        "token refresh by a purchase",
        long_away,
        buy,
        Status.PLACED,
        hours=1,
        off=("TokenRefresher",),
        idle=("ProductSync", "Reconciler"),
    ),
    Scenario("a member leaves", linked, unlink, None, idle=_SCHEDULED, also=left),
    Scenario("a notification that cannot be read", placed, tell_unreadably, Status.PLACED, hours=1, also=quarantined),
    Scenario(
        "an effect that fails permanently",
        paid,
        refund_refused,
        Status.SHIPPED,
        failed_permanently="refund",
        seconds=60,
        also=failed_messages,
    ),
    Scenario(
        "new prices",
        listed,
        reprice,
        None,
        start=START // HOUR * HOUR - 60,
        seconds=90,
        idle=("TokenRefresher", "Reconciler"),
        also=products_differ,
    ),
    Scenario(
        "the day's statement",
        nearly_midnight,
        nobody,
        Status.SHIPPED,
        start=STATEMENT_AT - 1.2 * HOUR,
        idle=_SCHEDULED,
        also=stated,
    ),
)
