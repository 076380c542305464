"""The parts of the rules in orders/state_machine.py: outcomes, the merchant's policy, the next check, the history."""

from dataclasses import dataclass, replace
from typing import Literal

from .effect_key import EffectKey, RefundAll, RefundPart
from .events import Event, MessageFacts, RefundRequested
from .order import Effect, HistoryEntry, Order, Status

# Ids that fall off are harmless: the ledger knows transactions and refunds, the status the rest.
HISTORY_KEPT = 24
# The kind of a history line whose event could not be judged from here; the detail says why.
LOOKUP_NEEDED = "lookup_needed"

UNPAID = (Status.CREATED, Status.PLACED)
# The pauses between the attempts at an effect: they double, from the first to the longest.
_FIRST_SECONDS, _MAX_SECONDS = 15, 3600


# "failed": the platform took the refund and could not make it.
type EffectState = Literal["pending", "processing", "done", "failed", "failed_permanently"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The merchant's choices, and how soon an order is checked."""

    late_payment: Literal["refund", "revive"] = "refund"  # money for an order that is cancelled here
    check_seconds: int = 180  # for a payment not heard of, an effect not confirmed, an order held
    completion_seconds: int = 14 * 86_400  # for a completion not heard of
    expiry_seconds: int = 0  # after which an unpaid order is cancelled on both sides; 0: never

    def expires_at(self, order: Order) -> int:
        """Return when an unpaid order expires (Unix seconds; 0: never)."""
        return order.created_at + self.expiry_seconds if self.expiry_seconds else 0


@dataclass(frozen=True, slots=True)
class Applied:
    """The order as it is to be written, what happened to it, and the alerts for a person."""

    order: Order
    transition: str
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing to write, and why; `duplicate_of` is the event that this one repeats."""

    reason: str
    duplicate_of: str = ""
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate(Ignored):
    """A repeated request of the merchant: how much goes back by it now, which is less than was requested once the
    platform gave some back by itself, and when it first came (Unix seconds; 0: unknown)."""

    amount_fen: int
    at: int


@dataclass(frozen=True, slots=True)
class NeedsLookup:
    """Not to be judged without the platform's view: write the order, which is due at once; the reconciler decides."""

    order: Order
    reason: str


EventOutcome = Applied | Ignored | NeedsLookup


def applied(  # noqa: PLR0913 -- what an event does, said once
    order: Order, event: Event, kind: str, policy: Policy, alerts: tuple[str, ...] = (), *, detail: str = ""
) -> Applied:
    """Return the order with its history line and its next check."""
    remembered = _remember(order, event, kind, detail)
    return Applied(replace(remembered, due_at=next_check(remembered, event.at, policy)), kind, alerts)


def needs_lookup(order: Order, event: Event, reason: str) -> NeedsLookup:
    """Return the order, due at once. The event is remembered, so that a repetition does not start that over."""
    due_at = order.due_at if 0 < order.due_at <= event.at else event.at
    return NeedsLookup(replace(_remember(order, event, LOOKUP_NEEDED, reason), due_at=due_at), reason)


def next_check(order: Order, at: int, policy: Policy) -> int:
    """Return when the order must next be checked (Unix seconds; 0: never), as seen at `at`.

    Moving an index key costs two more write units, so a time that is soon enough stays. A time that has come stays as
    well: the reconciler clears it.
    """
    wanted = _wanted_check(order, at, policy)
    come = 0 < order.due_at <= at
    soon_enough = at < order.due_at <= wanted <= order.due_at + policy.check_seconds
    return order.due_at if come or soon_enough else wanted


def awaits_refund(order: Order, transaction_id: str) -> bool:
    """Return whether the platform took a refund request for this payment, or began one by itself, and that money has
    not gone back yet as far as we know."""
    if order.remaining_fen(transaction_id) <= 0:
        return False
    keys = order.refund_keys(transaction_id)
    effects = (order.effect(key) for key in keys if key not in order.answered)
    return any(effect and not effect.failure for effect in effects) or bool(order.begun_there(transaction_id))


def effect_state(
    order: Order, key: EffectKey
) -> Literal["pending", "processing", "done", "failed", "failed_permanently"]:
    """Return how an effect stands. A refund is done once it is booked: until then the platform is processing it."""
    effect = order.effect(key) or Effect()
    if effect.refund_failed:
        return "failed"
    if effect.failure:
        return "failed_permanently"
    if not effect.done_at:
        return "pending"
    if not isinstance(key, RefundAll | RefundPart) or key in order.answered:
        return "done"
    return "processing" if order.remaining_fen(key.transaction_id) > 0 else "done"


def unknown_payment(order: Order, transaction_id: str) -> bool:
    """Return whether this payment is not booked, or is in doubt."""
    payment = order.payment(transaction_id)
    return payment is None or payment.doubted_at > 0


def identity_of(event: Event) -> tuple[str, str]:
    """Return the event's idempotency key, and the digest of what it says; empty for what happens without one."""
    if isinstance(event, RefundRequested):
        return request_key(event.request_id), ""
    return (event.event_id, event.payload_digest) if isinstance(event, MessageFacts) else ("", "")


def request_key(request_id: str) -> str:
    """Return the idempotency key of a merchant's request: not ASCII, so that it is no notification's event id."""
    return f"request→{request_id}"


def request_effect(order: Order, effect: EffectKey, fen: int = 0) -> Order:
    """Return the order with this effect to be done, if it never had it."""
    return order if order.effect(effect) else order.with_effect(effect, Effect(fen=fen))


def growing_pause(attempts: int) -> int:
    """Return how many seconds an effect waits at most after so many attempts: up to an hour."""
    return min(_FIRST_SECONDS << min(attempts - 1, 16), _MAX_SECONDS)


def mark_effect_done(order: Order, key: EffectKey, at: int, attempts: int = 0) -> Order:
    """Return the order with the effect done. An effect that was not requested is noted only if this process carried it
    out."""
    effect = order.effect(key)
    if effect is None and not attempts:
        return order
    known = effect or Effect()
    return order if known.done_at else order.with_effect(key, _done(known, attempts, at))


def _done(known: Effect, attempts: int, at: int) -> Effect:
    return Effect(known.attempts + attempts, at, known.fen, times_missing=known.times_missing)


def _wanted_check(order: Order, at: int, policy: Policy) -> int:
    if any(unknown_payment(order, refund.of) for refund in order.refunds):
        return at  # its payment is to be fetched
    if order.pending:
        # a message of the effect queue brings a retry; this is for the one that got lost, or waits longer than SQS can
        next_try = min(effect.next_at for _, effect in order.effects if effect.pending)
        return max(at + policy.check_seconds, next_try)
    awaited = any(awaits_refund(order, payment.ref) for payment in order.payments)
    awaited = awaited or any(refund.under_way for refund in order.unbooked)
    if awaited or order.status in (*UNPAID, Status.PAID, Status.HELD):
        return at + policy.check_seconds
    return at + policy.completion_seconds if order.status is Status.SHIPPED else 0


def _remember(order: Order, event: Event, kind: str, detail: str) -> Order:
    idempotency_key, payload_digest = identity_of(event)
    entry = HistoryEntry(event.at, idempotency_key, kind, detail, payload_digest)
    return replace(order, history=(*order.history, entry)[-HISTORY_KEPT:])
