"""The rules of effects: done, failed, failed permanently, redriven, missing remotely."""

from dataclasses import replace

from .effect_key import EffectKey, PushStatus, RefundAll, RefundKey, RefundPart, Ship
from .events import EffectDone, EffectFailed, EffectMissingRemotely, Redriven, ShipUnconfirmed
from .order import REFUND_FAILED, Effect, HistoryEntry, Order, Status
from .outcomes import (
    HISTORY_KEPT,
    Applied,
    EventOutcome,
    Ignored,
    Policy,
    applied,
    growing_pause,
    mark_effect_done,
    needs_lookup,
    next_check,
    request_effect,
)
from .payment_rules import closed, serve_if_paid
from .payment_sum import was_paid
from .refund_rules import request_digest, with_reason

# Kinds of history lines: a ship request left, and no answer came; and an alert was raised because of it.
_UNANSWERED, MAY_HAVE_SHIPPED = "ship_unanswered", "may_have_shipped"
# The kind of a history line, and an alert.
EFFECT_FAILED = "effect_failed_permanently"


def effect_done(order: Order, event: EffectDone, policy: Policy) -> EventOutcome:
    """Take in that the receiver confirmed an effect."""
    effect = order.effect(event.effect)
    if effect is not None and effect.done_at:
        return Ignored("effect_already_done")
    if effect is not None and effect.refund_failed:
        return Ignored("refund_failed")  # the platform took it, and says since that it could not make it
    if event.effect == Ship():
        return _shipped(order, event, policy)
    if effect is None:
        # it was withdrawn while it was on its way: a payment rescued the order that the platform cancelled by our word
        withdrawn = event.effect == PushStatus("cancelled") and order.status is not Status.CANCELLED
        return needs_lookup(order, event, "cancelled_but_paid") if withdrawn else Ignored("effect_not_wanted")
    done = mark_effect_done(order, event.effect, event.at, attempts=1)
    if event.effect == PushStatus("cancelled") and order.awaits_money:
        return applied(closed(done), event, "cancelled", policy)
    return applied(done, event, "effect_done", policy, detail=event.effect.kind)


def _shipped(order: Order, event: EffectDone, policy: Policy) -> EventOutcome:
    # The request left while the money was going back: it counts, and a person must call it back.
    late = order.status in (Status.REFUNDED, Status.HELD, Status.CANCELLED) or (
        order.status is Status.PAID and order.effect(Ship()) is None
    )
    if order.effect(Ship()) is None and not late:
        return Ignored("effect_not_wanted")
    done = mark_effect_done(order, Ship(), event.at, attempts=1)
    if order.status is Status.PAID:
        done = request_effect(done.moved(Status.SHIPPED), PushStatus("shipped"))
    return applied(done, event, "shipped", policy, (f"shipped_while_{_why(order)}",) if late else ())


def _why(order: Order) -> str:
    return "refunding" if order.status is Status.PAID else str(order.status)


def effect_failed(order: Order, event: EffectFailed, policy: Policy) -> EventOutcome:
    """Take in an attempt that failed: it is tried later, or failed permanently."""
    effect = order.effect(event.effect)
    if effect is None and event.unanswered:
        return ship_unconfirmed(order, ShipUnconfirmed(event.at), policy)
    if effect is None or not effect.pending:
        return Ignored("effect_not_wanted")
    attempts = effect.attempts + event.counted
    tried = order.with_effect(
        event.effect, replace(effect, attempts=attempts, next_at=event.next_at, failure=event.failure)
    )
    if event.failure:
        tried = serve_if_paid(tried)  # a refund that was refused, or failed, leaves its money here
    if event.failure == REFUND_FAILED:
        return applied(tried, event, "refund_failed", policy, (EFFECT_FAILED, "refund_failed"))
    if event.failure:
        detail = event.effect.kind
        return applied(tried, event, EFFECT_FAILED, policy, (EFFECT_FAILED,), detail=detail)
    if event.unanswered and not order.has_history(_UNANSWERED):
        return applied(tried, event, _UNANSWERED, policy)
    return Applied(replace(tried, due_at=next_check(tried, event.at, policy)), "effect_failed")


def ship_unconfirmed(order: Order, event: ShipUnconfirmed, policy: Policy) -> EventOutcome:
    """Take in a ship request that may have left. One that is still due leaves once more under its id; one that was
    withdrawn since may reach a member whose money went back, so an alert is raised, once."""
    was_due = order.doubted or (order.kept and was_paid(order))
    if order.effect(Ship()) is not None or not was_due or order.has_history(MAY_HAVE_SHIPPED):
        return Ignored("effect_not_wanted")
    return applied(order, event, MAY_HAVE_SHIPPED, policy, (MAY_HAVE_SHIPPED,))


def parcel_withdrawn(before: Order, outcome: EventOutcome, *, at: int) -> EventOutcome:
    """Return the outcome, and that a person hears of it where it withdraws a parcel whose request was not answered."""
    if not isinstance(outcome, Applied) or not before.has_history(_UNANSWERED) or Ship() not in before.pending:
        return outcome
    if outcome.order.effect(Ship()) is not None or before.has_history(MAY_HAVE_SHIPPED):
        return outcome
    history = (*outcome.order.history, HistoryEntry(at, "", MAY_HAVE_SHIPPED))[-HISTORY_KEPT:]
    return replace(outcome, order=replace(outcome.order, history=history), alerts=(*outcome.alerts, MAY_HAVE_SHIPPED))


def redriven(order: Order, event: Redriven, policy: Policy) -> EventOutcome:
    """Redrive what failed permanently. What is done, or was never requested, is ignored. A refund is redriven only
    while its payment still has the money: another refund may have given it back."""
    effect = order.effect(event.effect)
    if effect is None or not effect.failure:
        return Ignored("effect_not_failed")
    if isinstance(event.effect, RefundAll | RefundPart):
        return _refund_redriven(order, event, event.effect, effect, policy)
    return _tried_anew(order, event, effect, policy)


def _refund_redriven(order: Order, event: Redriven, key: RefundKey, effect: Effect, policy: Policy) -> EventOutcome:
    if order.effect(another := _another(key)):
        return Ignored("effect_not_failed")
    # one that was not refused is still counted as on its way
    remaining = order.uncommitted_fen(key.transaction_id) + (0 if effect.refused else effect.fen)
    if remaining < (effect.fen or 1):
        return Ignored("refund_exceeds_payment")
    if not effect.refund_failed:
        return _tried_anew(order, event, effect, policy)
    order = with_reason(request_effect(order, another, effect.fen or remaining), another.request, order.reason(key))
    return applied(order, event, "effect_redriven", policy, detail=key.kind)


def _another(key: RefundKey) -> RefundPart:
    """Return the refund that requests once more what one requested that failed: the platform answers that one's number
    as before. Always the same, so that it is requested once."""
    return RefundPart(key.transaction_id, request_digest(f"again {key}"))


def _tried_anew(order: Order, event: Redriven, effect: Effect, policy: Policy) -> Applied:
    renewed = order.with_effect(event.effect, Effect(fen=effect.fen, times_missing=effect.times_missing))
    return applied(renewed, event, "effect_redriven", policy, detail=event.effect.kind)


def missing_remotely(order: Order, event: EffectMissingRemotely, policy: Policy) -> EventOutcome:
    """Make an effect due that we hold for done and the other side does not have: as one more attempt, so that the
    pauses grow and come to an end."""
    effect = order.effect(event.effect)
    if effect is not None and effect.pending:
        return Ignored("effect_pending")
    if effect is not None and effect.failure:
        return Ignored(EFFECT_FAILED)
    if isinstance(event.effect, PushStatus) or (effect is not None and _money_is_left(order, event.effect)):
        known = effect or Effect()
        next_at = event.at + growing_pause(known.attempts) if known.attempts > 1 else 0
        due = order.with_effect(
            event.effect, Effect(known.attempts, 0, known.fen, next_at, times_missing=known.times_missing + 1)
        )
        return applied(due, event, "effect_missing_remotely", policy, detail=event.effect.kind)
    return Ignored("effect_never_repeated")


def _money_is_left(order: Order, key: EffectKey) -> bool:
    """Return whether a refund that was decided before still has its money; no other refund is repeated."""
    if not isinstance(key, RefundAll | RefundPart) or key in order.answered:
        return False
    remaining = order.uncommitted_fen(key.transaction_id)
    return remaining >= 0 if isinstance(key, RefundPart) else remaining > 0  # a part counts itself as on its way
