"""What becomes of effects: done, failed, given up, given a second life, owed again."""

from dataclasses import replace

from .events import EffectDone, EffectFailed, Owed, Redriven
from .orders import Effect, Order, Status, payment_of
from .outcomes import Applied, Ignored, Outcome, Policy, applied, look, next_look, settle, want
from .payments import closed, serve_if_paid


def effect_done(order: Order, event: EffectDone, policy: Policy) -> Outcome:
    """The receiver confirmed an effect."""
    effect = order.effect(event.effect)
    if effect is not None and effect.done_at:
        return Ignored("effect_already_done")
    if event.effect == "ship":
        return _shipped(order, event, policy)
    if effect is None:
        # it was withdrawn while it was on its way: a payment rescued the order that the platform cancelled by our word
        withdrawn = event.effect == "push:cancelled" and order.status is not Status.CANCELLED
        return look(order, event, "cancelled_but_paid") if withdrawn else Ignored("effect_not_wanted")
    done = settle(order, event.effect, event.at, attempts=1)
    if event.effect == "push:cancelled" and order.awaits_money:
        return applied(closed(done), event, "cancelled", policy)
    return applied(done, event, f"done:{event.effect.partition(':')[0]}", policy)


def _shipped(order: Order, event: EffectDone, policy: Policy) -> Outcome:
    # The request left while the money was going back: it counts, and somebody must call it back.
    late = order.status in (Status.REFUNDED, Status.HELD, Status.CANCELLED) or (
        order.status is Status.PAID and order.effect("ship") is None
    )
    if order.effect("ship") is None and not late:
        return Ignored("effect_not_wanted")
    done = settle(order, "ship", event.at, attempts=1)
    if order.status is Status.PAID:
        done = want(done.moved(Status.SHIPPED), "push:shipped")
    return applied(done, event, "shipped", policy, (f"shipped_while_{_why(order)}",) if late else ())


def _why(order: Order) -> str:
    return "refunding" if order.status is Status.PAID else str(order.status)


def effect_failed(order: Order, event: EffectFailed, policy: Policy) -> Outcome:
    """An attempt came to nothing: later again, or never."""
    effect = order.effect(event.effect)
    if effect is None or not effect.pending:
        return Ignored("effect_not_wanted")
    attempts = effect.attempts + event.counted
    tried = order.with_effect(event.effect, Effect(attempts, 0, effect.fen, event.next_at, event.dead))
    if event.dead:
        tried = serve_if_paid(tried)  # a refund that was refused leaves its money here
        return applied(tried, event, f"gave_up:{event.effect.partition(':')[0]}", policy, ("effect_given_up",))
    return Applied(replace(tried, due_at=next_look(tried, event.at, policy)), "effect_failed")


def redriven(order: Order, event: Redriven, policy: Policy) -> Outcome:
    """A second life for what was given up; what is done, or was never wanted, is not done by this way. What a refund
    was to give back may have gone back by another since, in part or in whole."""
    effect = order.effect(event.effect)
    if effect is None or not effect.dead:
        return Ignored("effect_not_dead")
    counted = 0 if effect.refused else effect.fen  # what is not refused is still counted as on its way
    if effect.fen > order.refundable_fen(payment_of(event.effect, effect)) + counted:
        return Ignored("refund_exceeds_payment")
    again = order.with_effect(event.effect, Effect(fen=effect.fen))
    return applied(again, event, f"redriven:{event.effect.partition(':')[0]}", policy)


def owed(order: Order, event: Owed, policy: Policy) -> Outcome:
    """The other side turned out not to have what we hold for done."""
    kind = event.effect.partition(":")[0]
    effect = order.effect(event.effect)
    if effect is not None and effect.pending:
        return Ignored("effect_pending")
    if effect is not None and effect.dead:
        return Ignored("effect_given_up")
    if kind == "push" or (effect is not None and kind == "refund" and _money_is_left(order, event.effect, effect)):
        again = order.with_effect(event.effect, Effect(fen=effect.fen if effect else 0))
        return applied(again, event, f"owed:{kind}", policy)
    return Ignored("effect_never_repeated")


def _money_is_left(order: Order, name: str, effect: Effect) -> bool:
    """Only a refund decided before is owed: this is no way to give back what the order keeps."""
    payment = payment_of(name, effect)
    if not effect.fen:
        return order.left_fen(payment) > 0
    answered = any(refund.asked == name for refund in order.refunds)
    return not answered and order.refundable_fen(payment) >= 0  # it counts itself as on its way
