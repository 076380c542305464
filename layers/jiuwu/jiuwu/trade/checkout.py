"""Buying and cancelling: our order first, then the platform's; what stays open is finished by the reconciler."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jiuwu.platform.errors import (
    AppSecretUnavailable,
    OrderConflict,
    OrderUnknown,
    PlatformError,
    TransitionRefused,
    UnknownOutcome,
)
from jiuwu.platform.money import MOST_FEN

from .basket import Basket
from .machine import Policy
from .mending import Mended
from .orders import Line, Order, Status, effect_id, fingerprint, order_no_for
from .outcomes import UNPAID
from .placing import FINAL, NotPlaceable, attempt_seconds, look, new_order
from .points import MOST_POINTS
from .products import Products
from .settling import Settler
from .store import OrderStore

if TYPE_CHECKING:
    from jiuwu.platform.client import PlatformClient
    from jiuwu.platform.models import RemoteOrder


class KeyReused(Exception):
    """This Idempotency-Key has made another order of this member."""


class TooDear(Exception):
    """The basket costs more than the platform's amounts can say."""


class NotCancellable(Exception):
    """The order is past cancelling; holds it as it is."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.order_no)
        self.order = order


class CancelLater(Exception):
    """Whether the platform has cancelled the order cannot be known now; the same request may be repeated."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The platform during one request. `place` creates an order there and raises PlatformError or NotPlaceable; `left`
    is how many seconds the request still has; `open_id` is the member's account there."""

    platform: "Callable[[], PlatformClient]"
    place: "Callable[[Order], RemoteOrder]"
    left: Callable[[], float]
    open_id: Callable[[str], str]


class Checkout:
    """Buys and cancels; `note` is told what became of an order, `trouble` what the platform would not do."""

    def __init__(  # noqa: PLR0913 -- the table, the prices, the rules, and whom to tell
        self,
        store: OrderStore,
        products: Products,
        settler: Settler,
        policy: Policy,
        *,
        note: Callable[[Mended], None],
        trouble: Callable[[str, Exception], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._products, self._settler, self._policy = store, products, settler, policy
        self._note, self._trouble, self._clock = note, trouble, clock

    def buy(self, member_id: str, key: str, basket: Basket, reach: Reach) -> tuple[Order, bool]:
        """The order of this request and whether it is new; CREATED when the platform could not take it yet.

        Raises KeyReused, NotForSale, TooDear, what `reach.open_id` raises, and once our order is safe NotPlaceable: if
        the member has to log in again; and, the order cancelled, if no later try can help. Raises AppSecretUnavailable,
        our order safe as well, where no secret is there to sign with.
        """
        known = self._store.get(order_no_for(member_id, key))
        order = known or self._store.create(self._priced(member_id, key, basket, reach.open_id))
        if order.fingerprint != fingerprint(basket.quantities.items(), with_points=basket.with_points):
            raise KeyReused
        self._refuse_again(order)
        return self._placed(order, reach), known is None

    def cancel(self, order: Order, reach: Reach) -> Order:
        """The cancelled order; raises NotCancellable, or CancelLater while nobody knows.

        The platform is asked first: only it knows whether a payment is on its way.
        """
        if order.status is Status.CANCELLED:
            return order
        if order.status not in UNPAID:
            raise NotCancellable(order)
        try:
            remote = self._cancelled_there(order, reach)
        except PlatformError as error:
            self._trouble(order.order_no, error)
            self._settler.hasten(order)
            raise CancelLater from error
        order = self._cancelled_here(order) if remote is None else self._settled(order, remote)
        if order.status in UNPAID:
            self._settler.hasten(order)
            raise CancelLater
        if order.status is not Status.CANCELLED:
            raise NotCancellable(order)
        return order

    def _priced(self, member_id: str, key: str, basket: Basket, open_id: Callable[[str], str]) -> Order:
        lines, points = self._lines(basket)
        now, check_seconds = int(self._clock()), self._policy.check_seconds
        order = new_order(
            member_id, open_id(member_id), key, lines, now=now, check_seconds=check_seconds, points=points
        )
        if order.amount_fen > MOST_FEN or points > MOST_POINTS:
            raise TooDear
        return order

    def _lines(self, basket: Basket) -> tuple[tuple[Line, ...], int]:
        if basket.with_points:
            return self._products.priced_in_points(basket.quantities)
        return self._products.priced(basket.quantities), 0

    def _placed(self, order: Order, reach: Reach) -> Order:
        if order.status is not Status.CREATED:
            return order
        try:
            remote = reach.place(order)
        except (PlatformError, NotPlaceable) as error:
            # our order is safe, and due: the reconciler places it
            if isinstance(error, NotPlaceable) and error.final:
                return self._given_up(order, error)
            self._trouble(order.order_no, error)
            if isinstance(error, AppSecretUnavailable) or getattr(error, "reason", "") == "login_needed":
                raise
            return order
        return self._settled(order, remote)

    def _refuse_again(self, order: Order) -> None:
        for reason in FINAL:
            if order.status is Status.CANCELLED and self._settler.was_given_up(order, reason):
                raise NotPlaceable(reason)

    def _given_up(self, order: Order, error: NotPlaceable) -> Order:
        mended = self._settler.give_up(order, error.reason)
        if mended is None:
            return self._store.get(order.order_no) or order  # somebody else brought it further
        self._note(mended)
        raise error

    def _cancelled_there(self, order: Order, reach: Reach) -> "RemoteOrder | None":
        platform, number = reach.platform(), effect_id(order.order_no, "push:cancelled")
        try:
            seconds = attempt_seconds(platform, reach.left())
            return platform.push_status(order.order_no, "cancelled", number, timeout=seconds)
        except OrderUnknown:
            return None
        except (TransitionRefused, OrderConflict, UnknownOutcome):
            return look(platform, order.order_no, left=reach.left)

    def _cancelled_here(self, order: Order) -> Order:
        """The platform never had it. If it still gets there, the machine has it cancelled there."""
        mended = self._settler.give_up(order, "cancelled")
        if mended is None or mended.order is None:
            raise CancelLater
        self._note(mended)
        return mended.order

    def _settled(self, order: Order, remote: "RemoteOrder") -> Order:
        settled = self._settler.settle({order.order_no: remote}, known={order.order_no: order})
        mended = settled.orders.get(order.order_no)
        if mended is None or mended.order is None:
            return self._store.get(order.order_no) or order
        self._note(mended)
        return mended.order
