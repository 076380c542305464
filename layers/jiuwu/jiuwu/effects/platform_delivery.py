"""Deliver one effect to the platform; on a refusal or an unknown outcome, check whether it already happened."""

from typing import TYPE_CHECKING

from jiuwu.deadline import Deadline
from jiuwu.orders.effect_key import EffectKey, PushStatus, RefundAll, RefundKey, RefundPart
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Order, request_no
from jiuwu.orders.placement import attempt_seconds
from jiuwu.platform.errors import OrderConflict, PlatformError, TransitionRefused, UnknownOutcome

if TYPE_CHECKING:
    from jiuwu.platform.calls.client import PlatformClient
    from jiuwu.platform.models import RemoteOrder

# What a push has come to when the platform is already there, or past it.
_REACHED = {"shipped": ("shipped", "completed"), "cancelled": ("cancelled", "refunded")}
_FAILED = "refunds.create: the platform could not give the money back; ask for it again under another number"


class RefundFailed(Exception):
    """The platform took the refund and could not give the money back. Under the same number it would answer the same
    again; under another it might pay twice, if the first one goes through after all. A person decides."""


class OrderEnded(Exception):
    """The platform refused a push because it has ended the order meanwhile. The push is not done; the notification of
    that end withdraws it."""


class EffectUnknown(Exception):
    """A later version of this code requested it; this one leaves it pending."""


def deliver(
    platform: "PlatformClient", order: Order, effect: EffectKey, *, deadline: Deadline
) -> tuple[Exception | str, str]:
    """Carry out an effect before the deadline; return what failed, and why: both empty when the platform has it."""
    try:
        _call(platform, order, effect, attempt_seconds(platform, deadline))
    except (TransitionRefused, OrderConflict, UnknownOutcome) as error:
        return _check_remotely(platform, order, effect, error, attempt_seconds(platform, deadline))
    except (PlatformError, EffectUnknown, RefundFailed) as error:
        return error, str(error)
    return "", ""


def _call(platform: "PlatformClient", order: Order, effect: EffectKey, seconds: float) -> None:
    number = request_no(order, effect)
    if isinstance(effect, PushStatus):
        platform.push_status(order.order_no, effect.status, number, timeout=seconds)
    elif isinstance(effect, RefundAll | RefundPart):
        if (fen := _fen_of(order, effect)) > 0:
            payment, reason = effect.transaction_id, order.reason(effect)
            reply = platform.refund(order.order_no, number, payment, fen, reason=reason, timeout=seconds)
            if reply.status == "failed":
                raise RefundFailed(_FAILED)
    else:
        raise EffectUnknown(str(effect))


def _fen_of(order: Order, refund: RefundKey) -> int:
    """Return how much a refund gives back, in fen: the requested part, else all that is left."""
    known = order.effect(refund)
    if isinstance(refund, RefundPart) and known:
        return known.fen
    return order.uncommitted_fen(refund.transaction_id)


def _check_remotely(
    platform: "PlatformClient", order: Order, effect: EffectKey, error: PlatformError, seconds: float
) -> tuple[Exception | str, str]:
    """Check whether the platform has it already, after a refusal or an unknown outcome. A refusal that could not be
    checked is not final: what kept us from checking is transient."""
    try:
        remote = platform.get_order(order.order_no, timeout=seconds)
    except PlatformError as blind:
        return error if isinstance(error, UnknownOutcome) else blind, f"{error}; {blind}"
    if _shows_failed(remote, order, effect):
        return RefundFailed(_FAILED), f"{error}; {_FAILED}"
    if _shows(remote, order, effect):
        return "", ""
    problem = f"{error}; the order is {remote.status} there"
    ended = effect == PushStatus("shipped") and remote.status in ("refunded", "cancelled")
    return (OrderEnded(problem), problem) if ended else (error, problem)


def _shows_failed(remote: "RemoteOrder", order: Order, effect: EffectKey) -> bool:
    number = effect_id(order.order_no, effect)
    return any(refund.out_refund_no == number and refund.status == "failed" for refund in remote.refunds)


def _shows(remote: "RemoteOrder", order: Order, effect: EffectKey) -> bool:
    if isinstance(effect, PushStatus):
        return remote.status in _REACHED[effect.status]
    if any(refund.out_refund_no == effect_id(order.order_no, effect) for refund in remote.refunds):
        return True
    if not isinstance(effect, RefundAll):
        return False
    back = sum(refund.amount_fen for refund in remote.not_failed if refund.transaction_id == effect.transaction_id)
    payment = order.payment(effect.transaction_id)
    return payment is not None and back >= payment.fen
