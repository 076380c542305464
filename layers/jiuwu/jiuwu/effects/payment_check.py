"""The check of payments at the platform before goods or money leave because of a notification.

A notification may be faster than the platform's own query, so a payment that it does not show is checked a few times,
with pauses, before it is held in doubt.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jiuwu.deadline import Deadline
from jiuwu.orders.effect_key import EffectKey, Ship
from jiuwu.orders.lookup import remotes
from jiuwu.orders.order import Order
from jiuwu.orders.payment_sum import is_own_refund
from jiuwu.platform.errors import PlatformError

if TYPE_CHECKING:
    from jiuwu.platform.calls.client import PlatformClient
    from jiuwu.platform.models import RemoteOrder

# The last of these looks comes two to four minutes after the first (effects/retry_policy.py).
MAX_CHECKS = 5


class PaymentNotShown(Exception):
    """The platform does not show a payment, or shows it with another amount."""


@dataclass(frozen=True, slots=True)
class PaymentCheck:
    """The platform's answer about one order's payments: `failed` is why the call failed, `missing` and
    `differing` are the transactions that it does not show, or shows with another amount, `unheard` the refunds that it
    shows and that we have not heard of."""

    failed: Exception | None = None
    unheard: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()

    @property
    def shown(self) -> bool:
        """Return whether the platform shows every payment with its amount."""
        return not (self.failed or self.missing or self.differing)

    def clears(self, effect: EffectKey) -> bool:
        """Return whether an effect may leave: goods also wait for a refund that the platform shows and this order
        lacks."""
        return self.shown and not (isinstance(effect, Ship) and self.unheard)


def effects_to_check(order: Order, ready: Iterable[EffectKey], *, from_fen: int) -> list[EffectKey]:
    """Return the effects that may leave only if the platform shows the order's payments: refunds that nobody but the
    rules decided, and the goods of an order, or for a payment, of `from_fen` and more, or of one of which the platform
    gave money back by itself."""
    if not any(payment.fen for payment in order.payments):
        return []
    large = max(order.amount_fen, *(payment.fen for payment in order.payments)) >= from_fen
    theirs = any(not one.answers for one in order.refunds) or any(not one.answers for one in order.unbooked)
    return [key for key in ready if is_own_refund(key) or (isinstance(key, Ship) and (large or theirs))]


def check(
    platform: "Callable[[], PlatformClient]", orders: Mapping[str, Order], *, deadline: Deadline
) -> dict[str, PaymentCheck]:
    """Ask the platform about the payments of these orders, in as few calls as it takes; return the answers by
    number."""
    try:
        found, unreadable = remotes(platform, list(orders), deadline=deadline)
    except PlatformError as error:
        return dict.fromkeys(orders, PaymentCheck(error))
    checked = {number: _compared(order, found.get(number)) for number, order in orders.items()}
    return checked | {number: PaymentCheck(PaymentNotShown(why)) for number, why in unreadable.items()}


def _compared(order: Order, remote: "RemoteOrder | None") -> PaymentCheck:
    shown = {one.transaction_id: one.amount_fen for one in (remote.payments if remote else ())}
    booked = [payment for payment in order.payments if payment.fen]
    missing = tuple(payment.ref for payment in booked if payment.ref not in shown)
    differing = tuple(one.ref for one in booked if one.ref in shown and shown[one.ref] != one.fen)
    heard = {refund.ref for refund in order.refunds} | {refund.ref for refund in order.unbooked}
    unheard = tuple(one.refund_id for one in (remote.not_failed if remote else ()) if one.refund_id not in heard)
    return PaymentCheck(missing=missing, differing=differing, unheard=unheard)


def problems(checked: PaymentCheck) -> Iterator[str]:
    """Yield why nothing leaves, for a person."""
    yield from (f"the platform does not show payment {ref}" for ref in checked.missing)
    yield from (f"the platform shows payment {ref} with another amount" for ref in checked.differing)
    yield from (f"the platform shows refund {ref}, which is not heard of here" for ref in checked.unheard)
