"""The workload of a run: what members and the merchant do with its orders, step by step on its clock."""

from collections.abc import Callable
from enum import StrEnum
from functools import partial

from jiuwu.members.accounts import member_id_for
from sandbox.demo.scenario import Fate, draw, fate_of
from sandbox.shop import products
from sandbox.simulation.world.actors import Member, Merchant, Refused, add_products
from sandbox.simulation.world.world import APP_ID, World
from sandbox.simulator.orders import Order, Refund
from sandbox.simulator.refusals import Refused as PlatformRefused

MEMBERS = 50
# A member retries some seconds later; one who waits for the shipment polls every minute or two.
_MAX_TRIES, _RETRY_SECONDS, _POLL_SECONDS = 15, 2.0, 90.0
# Enough for some of a member's orders for points, not for all of a long run.
_POINTS_GRANTED = 20_000
# A processing refund ends within a quarter of an hour; who requested it learns of it within minutes.
_MAX_REFUND_SECONDS, _REFUNDS_FAIL, _NOTICE_SECONDS = 900.0, 0.3, 300.0


class SimulatedFate(StrEnum):
    """What becomes of some of the orders that the demo only has paid."""

    POINTS = "paid with points"
    POINTS_CANCELLED = "paid with points, cancelled"
    PARTS = "paid, refunded in parts by the merchant"
    SPLIT = "paid in three parts"
    SPLIT_TOO_MUCH = "paid in two parts, too much"


_SHARES = (
    (SimulatedFate.POINTS, 0.04),
    (SimulatedFate.POINTS_CANCELLED, 0.01),
    (SimulatedFate.PARTS, 0.05),
    (SimulatedFate.SPLIT, 0.05),
    (SimulatedFate.SPLIT_TOO_MUCH, 0.02),
)


def fate_with_more(seed: int, number: int) -> Fate | SimulatedFate:
    """Return what becomes of the run's order with this number."""
    fate, remainder = fate_of(seed, number), draw(seed, "more", number)
    for more, share in _SHARES if fate is Fate.PAY else ():
        if remainder < share:
            return more
        remainder -= share
    return fate


class Workload:
    """The orders of a run.

    `waiting` counts planned steps, `polling` those that check for something that may never come.
    """

    def __init__(self, world: World, seed: int) -> None:
        self._world, self._seed = world, seed
        self._actions, self._orders = world.platform.actions, world.platform.state.orders
        self._merchant = Merchant(world)
        self.members: list[Member] = []
        self.fates: dict[str, Fate | SimulatedFate] = {}
        self.errors: list[str] = []
        self.waiting = self.polling = self.rejected = 0

    def start(self, orders: int, per_second: float) -> None:
        """Open the shop: members log in and get points, and their orders are planned."""
        add_products(self._world)
        self._actions.on_processing = self._plan_end
        for number in range(MEMBERS):
            self.members.append(Member(self._world, f"ou_member{number:04d}"))
            self.members[-1].log_in()
            member_id = member_id_for(APP_ID, self.members[-1].open_id)
            self._merchant.grant_points(f"welcome-{number}", member_id, _POINTS_GRANTED)
        for number in range(orders):
            self._later(number / per_second, partial(self._place, number, 1))

    def _place(self, number: int, attempt: int) -> None:
        member, fate = self.members[number % MEMBERS], fate_with_more(self._seed, number)
        product = products.ALL[int(self._draw("product", number) * len(products.ALL))]
        key, items = f"chaos-{number}", [{"product_id": product.product_id, "quantity": 1 + number % 3}]
        order = partial(member.place, key, items, **({"pay_with": "points"} if _with_points(fate) else {}))
        try:
            order_no = order()
        except Refused as refused:
            if refused.status == 422 and _with_points(fate):
                self.rejected += 1  # not enough points
            else:
                self._retry(refused, attempt, partial(self._place, number, attempt + 1))
            return
        self.fates[order_no] = fate
        if self._draw("twice", number) < 0.05:
            self._later(1.0, partial(self._place_again, order, order_no))
        self._later(1 + 59 * self._draw("thinks", number), partial(self._decide, member, order_no, fate, 1))

    def _place_again(self, order: Callable[[], str], order_no: str) -> None:
        try:
            if order() != order_no:
                self.errors.append(f"{order_no}: the same Idempotency-Key made another order")
        except Refused as refused:
            if refused.status < 500:
                self.errors.append(str(refused))

    def _decide(self, member: Member, order_no: str, fate: Fate | SimulatedFate, attempt: int) -> None:
        """Take the first step after ordering."""
        if fate in {Fate.LEAVE, SimulatedFate.POINTS}:
            return
        if fate in {Fate.CANCEL, SimulatedFate.POINTS_CANCELLED}:
            try:
                member.cancel(order_no)
            except Refused as refused:
                self._retry(refused, attempt, partial(self._decide, member, order_no, fate, attempt + 1))
        elif not self._pay(order_no, fate):
            # the platform has no such order yet: the member has no page to pay at
            self._poll(partial(self._decide, member, order_no, fate, attempt))

    def _pay(self, order_no: str, fate: Fate | SimulatedFate) -> bool:
        """Pay; return False if the platform does not know the order."""
        try:
            if fate is Fate.CANCEL_LATE:
                self._actions.cancel(order_no, "timeout")
                self._later(5.0, partial(self._press, self._actions.pay, order_no, force=True))
                return True
            self._actions.pay(order_no, self._first_fen(order_no, fate))
        except PlatformRefused as refused:
            return refused.meaning != "order_unknown"
        if fate is SimulatedFate.SPLIT:
            self._later(3.0, partial(self._press, self._actions.pay, order_no, 1, f"part-{order_no}"))
        if fate in {SimulatedFate.SPLIT, SimulatedFate.SPLIT_TOO_MUCH}:
            rest = None if fate is SimulatedFate.SPLIT else self._orders.get(order_no).request.amount_fen
            self._later(20 * self._draw("rest of", order_no), partial(self._press, self._pay_rest, order_no, rest))
        if fate is Fate.PAY_TWICE:
            self._later(10.0, partial(self._press, self._actions.pay, order_no, None, f"second-{order_no}"))
        if fate in {Fate.COMPLETE, Fate.REFUND, SimulatedFate.PARTS}:
            self._poll(partial(self._wait_for_shipment, order_no, fate))
        return True

    def _first_fen(self, order_no: str, fate: Fate | SimulatedFate) -> int | None:
        """Return the amount of the first payment; None for all of it."""
        if fate in {SimulatedFate.SPLIT, SimulatedFate.SPLIT_TOO_MUCH}:
            return 1 + self._orders.get(order_no).request.amount_fen // 3
        return 1 if fate is Fate.PAY_PART else None

    def _pay_rest(self, order_no: str, fen: int | None) -> None:
        """Pay the wallet's part: what is missing, or a given amount."""
        if rest := fen or self._orders.get(order_no).missing_fen:  # an order of three fen is paid by then
            self._actions.pay(order_no, rest, f"rest-{order_no}")

    def _wait_for_shipment(self, order_no: str, fate: Fate | SimulatedFate) -> None:
        order = self._orders.get(order_no)
        if order.status == "paid":
            self._poll(partial(self._wait_for_shipment, order_no, fate))
        elif fate is SimulatedFate.PARTS:
            self._refund_part(order, 1, 1)
        elif order.status == "shipped":
            self._press(self._actions.complete if fate is Fate.COMPLETE else self._actions.refund, order_no)

    def _refund_part(self, order: Order, part: int, attempt: int) -> None:
        """Let the merchant refund a third of the money and, for some orders a minute later, the rest."""
        fen = max(1, order.request.amount_fen // 3) if part == 1 else None
        try:
            self._merchant.refund(f"{order.number}-{part}", order.number, fen)
        except Refused as refused:
            if refused.status != 422:  # nothing is refundable any more
                self._retry(refused, attempt, partial(self._refund_part, order, part, attempt + 1))
            return
        if part == 1 and self._draw("rest", order.number) < 0.5:
            self._later(60.0, partial(self._refund_part, order, 2, 1))

    def _plan_end(self, order: Order, refund: Refund) -> None:
        seconds = 30 + _MAX_REFUND_SECONDS * self._draw("refund ends", refund.refund_id)
        self._later(seconds, partial(self._end_refund, order.number, refund))

    def _end_refund(self, order_no: str, refund: Refund) -> None:
        fails = self._draw("refund fails", refund.refund_id) < _REFUNDS_FAIL
        self._press(self._actions.refund_becomes, order_no, refund.refund_id, "failed" if fails else "succeeded")
        if fails:
            self._later(_NOTICE_SECONDS, partial(self._refund_again, order_no, refund, 1))

    def _refund_again(self, order_no: str, refund: Refund, attempt: int) -> None:
        """Request a failed refund again, at the console or by the merchant once they know of the failure."""
        if self._orders.get(order_no).refundable_of(refund.transaction_id) < refund.amount_fen:
            return  # another refund returned the money
        if not refund.out_refund_no:
            self._press(self._actions.refund, order_no, refund.amount_fen, refund.transaction_id)
            return
        try:
            # requested before our order knows of the failure, it would be taken from another payment
            if failed := self._merchant.refund_status(order_no, refund.refund_id) == "failed":
                self._merchant.refund(f"{refund.refund_id}-again", order_no, refund.amount_fen)
            problem = "" if failed else "our order does not show its failure"
        except Refused as refused:
            problem = str(refused)
        if problem and attempt == _MAX_TRIES:
            self.errors.append(f"{order_no}: no refund again after {attempt} tries: {problem}")
        elif problem:
            self._later(_NOTICE_SECONDS, partial(self._refund_again, order_no, refund, attempt + 1))

    def _press(self, button: Callable[..., object], *given: object, **named: object) -> None:
        try:
            button(*given, **named)
        except PlatformRefused as refused:
            self.errors.append(f"the platform refused: {refused}")

    def _retry(self, refused: Refused, attempt: int, step: Callable[[], None]) -> None:
        """Retry a step that failed; a 409 says that it is too late for it."""
        if refused.status < 500 and refused.status not in {409, 429}:
            self.errors.append(str(refused))
        elif refused.status != 409 and attempt < _MAX_TRIES:
            self._later(_RETRY_SECONDS * attempt, step)
        elif refused.status != 409:
            self.errors.append(f"gave up after {attempt} tries: {refused}")

    def _later(self, seconds: float, step: Callable[[], None]) -> None:
        self.waiting += 1

        def act() -> None:
            self.waiting -= 1
            step()

        self._world.clock.at(self._world.clock.now + seconds, act)

    def _poll(self, step: Callable[[], None]) -> None:
        self.polling += 1

        def act() -> None:
            self.polling -= 1
            step()

        self._world.clock.at(self._world.clock.now + _POLL_SECONDS, act)

    def _draw(self, *what: object) -> float:
        return draw(self._seed, *what)


def _with_points(fate: Fate | SimulatedFate) -> bool:
    return fate in {SimulatedFate.POINTS, SimulatedFate.POINTS_CANCELLED}
