"""The sum of an order's payments against its amount: the one rule after every payment and refund. Pure.

A payment that goes back whole (a second one, a late one) and one that the platform does not show count for nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from .effect_key import EffectKey, RefundAll, RefundPart, Ship
from .order import Entry, Order, Status
from .outcomes import request_effect

# A refund that left before it was withdrawn has reached the platform by then: EffectDispatcher's 30 s, and some.
_IN_FLIGHT_SECONDS = 60


def received_fen(order: Order) -> int:
    """Return what has come in and neither gone back nor is on its way back, in fen."""
    return sum(order.refundable_fen(payment.ref) for payment in order.kept)


def missing_fen(order: Order) -> int:
    """Return how many fen are missing from an order that waits for money."""
    return max(order.amount_fen - received_fen(order), 0)


def is_paid(order: Order) -> bool:
    """Return whether the order is to be served: the amount is here, or was here before the platform gave some of it
    back."""
    received = received_fen(order)
    return received >= order.amount_fen or (received > 0 and _reached_amount(order, less_requested=True))


def is_over(order: Order) -> bool:
    """Return whether the amount was here and all of it went back after that: later money does not begin the order
    anew."""
    reached = False
    for balance in _balances(order, less_requested=False):
        reached = reached or balance >= order.amount_fen
        if reached and balance <= 0:
            return True
    return False


def was_paid(order: Order) -> bool:
    """Return whether the amount was ever here, in the sequence in which the money moved and not in which we heard of
    it."""
    return _reached_amount(order, less_requested=False)


def may_be_paid_anew(order: Order) -> bool:
    """Return whether all that came went back before it made up the amount, and no rule ended the order."""
    ended = any(is_own_refund(key) for key, _ in order.effects)
    return order.status is Status.REFUNDED and not order.points and not ended and not was_paid(order)


def is_own_refund(key: EffectKey) -> bool:
    """Return whether an effect is a refund that the rules decided, and not the merchant."""
    return isinstance(key, RefundAll) or (isinstance(key, RefundPart) and key.by_rule)


def give_back(order: Order, fen: int) -> Order:
    """Return the order with so much of it requested back: whole payments first, the latest first, and the rest as a
    part of the latest payment that is larger."""
    latest_first = sorted(order.kept, key=lambda payment: payment.at)[::-1]
    for payment in latest_first:
        if 0 < (available := order.refundable_fen(payment.ref)) <= fen:
            order, fen = _refund_wholly(order, payment.ref, available), fen - available
    for payment in latest_first if fen > 0 else ():
        if order.refundable_fen(payment.ref) > fen:
            return _refund_in_part(order, payment.ref, fen)
    return order


def take_back_refunds(order: Order, at: int) -> Order:
    """Keep the payments on their way back that the order needs, now that the platform gave others back by itself.

    One of those refunds may have left already: the goods wait until the platform can show it.
    """
    served = order.status in (Status.PAID, Status.SHIPPED, Status.COMPLETED)
    if not served or order.points or is_paid(order):
        return order
    own = (key for key, effect in order.effects if effect.pending and is_own_refund(key))
    kept = order.without_pending(*own)
    if received_fen(kept) < order.amount_fen or is_over(kept):
        return order
    if (ship := kept.effect(Ship())) and ship.pending:
        kept = kept.with_effect(Ship(), replace(ship, next_at=max(ship.next_at, at + _IN_FLIGHT_SECONDS)))
    return give_back(kept, received_fen(kept) - order.amount_fen)


def _refund_wholly(order: Order, transaction_id: str, fen: int) -> Order:
    """Request a payment back whole; one of which a part was requested before, only by what is left."""
    if order.requested_parts(transaction_id):
        return _refund_in_part(order, transaction_id, fen)
    return request_effect(order, RefundAll(transaction_id))


def _refund_in_part(order: Order, transaction_id: str, fen: int) -> Order:
    keys = (RefundPart(transaction_id, f"rule-{number}") for number in range(1, len(order.effects) + 2))
    return request_effect(order, next(key for key in keys if order.effect(key) is None), fen)


def _reached_amount(order: Order, *, less_requested: bool) -> bool:
    """Return whether the running sum of the payments kept and their refunds ever came to the amount. With
    `less_requested`, what we requested back ourselves counts as gone from the beginning, and within a second other
    payments' refunds come first: what is short must not ship."""
    return max(_balances(order, less_requested=less_requested), default=0) >= order.amount_fen


def _balances(order: Order, *, less_requested: bool) -> Iterator[int]:
    """Yield the running sums of the payments kept and their refunds, in the sequence in which the money moved."""
    moves: list[tuple[int, int]] = []
    for payment in order.kept:
        refunds = [refund for refund in order.refunds if refund.of == payment.ref]
        requested = _requested_fen(order, payment, refunds) if less_requested else 0
        later = [refund for refund in refunds if refund.at > payment.at or not less_requested]
        # a refund of the same second follows its own payment, so the two are one move only for other payments
        at_once = sum(one.fen for one in refunds if one not in later and not one.answers)
        if less_requested and payment.fen - requested >= order.amount_fen:
            yield payment.fen - requested
        moves.append((payment.at, payment.fen - requested + at_once))
        moves += [(max(one.at, payment.at), one.fen) for one in later if not (less_requested and one.answers)]
    balance = 0
    for _, fen in sorted(moves, key=lambda move: (move[0], (move[1] < 0) is not less_requested)):
        balance += fen
        yield balance


def _requested_fen(order: Order, payment: Entry, refunds: Sequence[Entry]) -> int:
    """Return how much of a payment we requested back, whether it has gone back yet or not."""
    there = sum(one.fen for one in order.begun_there(payment.ref))
    on_its_way = order.remaining_fen(payment.ref) - order.refundable_fen(payment.ref) - there
    return on_its_way - sum(one.fen for one in refunds if one.answers)
