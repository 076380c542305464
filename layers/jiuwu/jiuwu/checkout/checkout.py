"""Buying, checking, cancelling: our order first, then the platform's; what stays open is finished by the reconciler."""

from functools import partial
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws.dynamodb import TableBusy
from jiuwu.catalogue.pricing import Products
from jiuwu.deadline import Deadline
from jiuwu.effects.queue import queue_effects
from jiuwu.members.accounts import Accounts, member_id_for
from jiuwu.orders.effect_key import PushStatus
from jiuwu.orders.ids import effect_id, fingerprint, is_order_no, order_no_for
from jiuwu.orders.order import Line, Order, Status
from jiuwu.orders.placement import FINAL, NotPlaceable, attempt_seconds, fetch_remote, new_order
from jiuwu.orders.repository import OrderStore, TableRefused
from jiuwu.orders.settings import PlacingSettings
from jiuwu.platform.errors import (
    AppSecretUnavailable,
    OrderConflict,
    OrderUnknown,
    PlatformError,
    TransitionRefused,
    UnknownOutcome,
)
from jiuwu.platform.money import MAX_FEN
from jiuwu.points.ledger import MAX_POINTS
from jiuwu.reconciliation.decide import STOREFRONT
from jiuwu.reconciliation.repair import Repairer, last_progress
from jiuwu.reconciliation.settle import OrderSynchroniser
from jiuwu.reconciliation.shard_tasks import queue_placing
from jiuwu.runtime import SYSTEM, Runtime

from . import reporting
from .cart import Basket
from .refunds import NoSuchOrder

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from jiuwu.platform.calls.client import PlatformClient
    from jiuwu.platform.models import RemoteOrder


# Between two questions to the platform about an order that its member looks at, for however many pages poll it; longer
# the longer nothing happened, so that pages left open do not fill the lane.
_CHECK_SECONDS, _CHECK_PART = 3, 10

# A page polls its order: a check with the platform takes at most so many seconds.
_MAX_CHECK_SECONDS = 8.0


class KeyReused(Exception):
    """This Idempotency-Key has made another order of this member."""


class AmountTooLarge(Exception):
    """The basket costs more than the platform's amounts can say."""


class NotCancellable(Exception):
    """The order is past cancelling; holds it as it is."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.order_no)
        self.order = order


class CancelLater(Exception):
    """The platform's cancellation of the order is in doubt; the same request may be repeated."""


class LoginNeeded(Exception):
    """The member has to log in at the platform again."""


class OrderPlatform(Protocol):
    """The platform as this module needs it: jiuwu.bootstrap.MembersPlatform."""

    @property
    def client(self) -> "PlatformClient": ...

    def place(self, order: Order, *, deadline: Deadline) -> "RemoteOrder": ...


class Checkout:
    """Buys, checks and cancels; a new order that could not be placed is queued for the reconciler to place soon."""

    def __init__(  # noqa: PLR0913 -- both sides, the prices and the queues
        self,
        settings: PlacingSettings,
        *,
        store: OrderStore,
        products: Products,
        accounts: Accounts,
        platform: OrderPlatform,
        sqs: "SQSClient",
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._store, self._products, self._accounts, self._platform = store, products, accounts, platform
        self._policy, self._clock = settings.policy, runtime.clock
        self._synchroniser = OrderSynchroniser(
            store,
            Repairer(settings.policy, partial(member_id_for, settings.app_id), finder=STOREFRONT),
            queue=partial(queue_effects, sqs, settings.effect_queue_url),
            runtime=runtime,
        )
        url, check_seconds = settings.reconcile_queue_url, settings.payment_check_seconds
        self._retry = partial(queue_placing, sqs, url, tries=0, check_seconds=check_seconds)

    def buy(self, member_id: str, key: str, basket: Basket, deadline: Deadline) -> tuple[Order, bool]:
        """Return the order of this request and whether it is new; CREATED when the platform could not take it yet.

        Raise KeyReused, NotForSale, AmountTooLarge, LoginNeeded, and once our order is safe NotPlaceable: if
        the member has to log in again; and, the order cancelled, if no later try can help. Raise AppSecretUnavailable,
        our order safe as well, where no secret is there to sign with.
        """
        known = self._store.get(order_no_for(member_id, key))
        order = known or self._store.create(self._priced(member_id, key, basket))
        if order.fingerprint != fingerprint(basket.quantities.items(), with_points=basket.with_points):
            raise KeyReused
        self._refuse_abandoned(order)
        placed = self._placed(order, deadline)
        if known is None and placed.status is Status.CREATED:
            self._retry(order.order_no)
        return placed, known is None

    def own(self, member_id: str, order_no: str) -> Order:
        """Return the member's own order; raise NoSuchOrder for another member's as well, which reveals nothing."""
        order = self._store.get(order_no) if is_order_no(order_no) else None
        if order is None or order.member_id != member_id:
            raise NoSuchOrder(order_no)
        return order

    def check(self, order: Order, deadline: Deadline) -> Order:
        """Return the order as the platform has it now, if it may have changed and was not checked a moment ago;
        otherwise, and where the platform does not answer, as it is stored."""
        now = int(self._clock())
        since = now - _pause(order, now)
        if not self._may_have_changed(order, now, since) or not self._store.claim_check(
            order.order_no, now, since=since
        ):
            return order
        try:
            if order.status is Status.CREATED:
                return self._placed(order, deadline)
            remote = fetch_remote(self._platform.client, order.order_no, deadline=deadline)
            # one that the platform does not know is the reconciler's: nothing is created twice because of a check
            return self._synchronised(order, remote, seen_at=now) if remote else order
        except NotPlaceable:
            return self._store.get(order.order_no) or order
        except PlatformError as error:
            reporting.left_to_reconciler(order.order_no, error)
            return order

    def checked_or_stored(self, order: Order, deadline: Deadline) -> Order:
        """Return the order as `check` does; as it stands in our table where AWS does not answer either."""
        try:
            return self.check(order, deadline.at_most(_MAX_CHECK_SECONDS))
        except (ClientError, BotoCoreError, TableBusy, TableRefused) as fault:
            reporting.not_checked(order.order_no, fault)
            return order

    def cancel(self, order: Order, deadline: Deadline) -> Order:
        """Cancel the order at the platform first, because only the platform knows whether a payment is under way.
        Return the order. Raise NotCancellable, or CancelLater while the outcome is unknown."""
        if order.status is Status.CANCELLED:
            return order
        if not order.awaits_money:
            raise NotCancellable(order)
        try:
            remote = self._cancelled_there(order, deadline)
        except PlatformError as error:
            reporting.left_to_reconciler(order.order_no, error)
            self._synchroniser.check_now(order)
            raise CancelLater from error
        order = self._cancelled_here(order) if remote is None else self._synchronised(order, remote)
        if order.awaits_money:
            self._synchroniser.check_now(order)
            raise CancelLater
        if order.status is not Status.CANCELLED:
            raise NotCancellable(order)
        return order

    def _may_have_changed(self, order: Order, now: int, since: int) -> bool:
        if order.status is Status.CREATED:
            return order.checked_at <= since and not 0 < self._policy.expires_at(order) <= now
        return order.awaits_money and max(order.checked_at, last_progress(order)) <= since

    def _priced(self, member_id: str, key: str, basket: Basket) -> Order:
        lines, points = self._lines(basket)
        now, check_seconds = int(self._clock()), self._policy.check_seconds
        order = new_order(
            member_id, self._open_id(member_id), key, lines, now=now, check_seconds=check_seconds, points=points
        )
        if order.amount_fen > MAX_FEN or points > MAX_POINTS:
            raise AmountTooLarge
        return order

    def _open_id(self, member_id: str) -> str:
        member = self._accounts.get(member_id)
        if member is None or member.link_status != "active":
            raise LoginNeeded(member_id)
        return member.open_id

    def _lines(self, basket: Basket) -> tuple[tuple[Line, ...], int]:
        if basket.with_points:
            return self._products.priced_in_points(basket.quantities)
        return self._products.priced(basket.quantities), 0

    def _placed(self, order: Order, deadline: Deadline) -> Order:
        if order.status is not Status.CREATED:
            return order
        # where placing fails our order is safe, and due: the reconciler places it
        try:
            remote = self._platform.place(order, deadline=deadline)
        except NotPlaceable as why:
            if why.final:
                return self._abandoned(order, why)
            reporting.left_to_reconciler(order.order_no, why)
            if why.reason == "login_needed":
                raise
            return order
        except PlatformError as error:
            reporting.left_to_reconciler(order.order_no, error)
            if isinstance(error, AppSecretUnavailable):
                raise
            return order
        return self._synchronised(order, remote)

    def _refuse_abandoned(self, order: Order) -> None:
        for reason in FINAL:
            if order.status is Status.CANCELLED and self._synchroniser.was_abandoned(order, reason):
                raise NotPlaceable(reason)

    def _abandoned(self, order: Order, error: NotPlaceable) -> Order:
        repaired = self._synchroniser.abandon(order, error.reason)
        if repaired is None:
            return self._store.get(order.order_no) or order  # another process brought it further
        reporting.repaired(repaired)
        raise error

    def _cancelled_there(self, order: Order, deadline: Deadline) -> "RemoteOrder | None":
        platform, number = self._platform.client, effect_id(order.order_no, PushStatus("cancelled"))
        try:
            seconds = attempt_seconds(platform, deadline)
            return platform.push_status(order.order_no, "cancelled", number, timeout=seconds)
        except OrderUnknown:
            return None
        except (TransitionRefused, OrderConflict, UnknownOutcome):
            return fetch_remote(platform, order.order_no, deadline=deadline)

    def _cancelled_here(self, order: Order) -> Order:
        """Cancel an order that the platform never had. If it still gets there, the machine has it cancelled there."""
        repaired = self._synchroniser.abandon(order, "cancelled")
        if repaired is None or repaired.order is None:
            raise CancelLater
        reporting.repaired(repaired)
        return repaired.order

    def _synchronised(self, order: Order, remote: "RemoteOrder", *, seen_at: float = float("inf")) -> Order:
        synchronised = self._synchroniser.synchronise(
            {order.order_no: remote}, known={order.order_no: order}, seen_at=seen_at
        )
        repaired = synchronised.orders.get(order.order_no)
        if repaired is None or repaired.order is None:
            return self._store.get(order.order_no) or order
        reporting.repaired(repaired)
        return repaired.order


def _pause(order: Order, now: int) -> int:
    return max(_CHECK_SECONDS, (now - order.created_at) // _CHECK_PART)
